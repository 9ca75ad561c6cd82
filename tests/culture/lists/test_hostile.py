"""A list whose keeper means ill, or lost it to somebody who does: nobody is banned whom no lead saw, and nothing breaks."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.lists.following import SOON_MS
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.events import Redaction, State
from orchestrator.model.ids import EventId, Json, RoomId, UserId
from tests.culture.conftest import a_grove, rule
from tests.declared import ANA, CY, EVE, ME
from tests.house import CIRCLE, CONTROL, House, body_of, house_of

from .test_following import (
    EVIL,
    LIST,
    OWNER,
    ROOM,
    answer,
    asked,
    ban_is_set,
    banned,
    enter,
    entry,
    follow,
    following,
    see,
)

HOME = "grove.example"
LOUNGE = RoomId("!lounge")
MOVED = RoomId("!list-two")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, following(a_grove(rule()), LIST)) as house:
        await house.open()
        await house.deliver("send")
        await house.let_keepers_in()
        await house.deliver("send", "direct")
        yield house


def tombstone(house: House, new: Json = MOVED) -> State:
    return State(
        room=ROOM,
        id=house.next_id("rule"),
        sender=OWNER,
        at_ms=house.clock.at_ms,
        type="m.room.tombstone",
        key="",
        content={"replacement_room": new, "body": "CANARY"},
    )


async def in_control(house: House) -> list[str]:
    return [body_of(row) for row in await house.waiting("send") if row.room == CONTROL]


@pytest.mark.parametrize(
    ("entity", "kind"),
    [
        *((one, "server") for one in ("*", "*.*", "?*", HOME, HOME.upper(), "*.example", "grove*", "g*")),
        *((one, "user") for one in ("*", "@*", "@*:*", "?*", "@?*:*", f"@*:{HOME}", f"@?*:{HOME}", "*example")),
    ],
)
async def test_nobody_is_banned_for_being_somebody_or_for_being_where_the_bot_is_at_home(
    house: House, entity: str, kind: str
) -> None:
    await house.join(CY, CIRCLE)
    await enter(house)
    await see(house, entry(house, entity, kind))
    row = await asked(house)
    assert "leave" in body_of(row)
    await answer(house, row)
    await house.join(EVE, CIRCLE)
    await house.hear(entry(house, entity, kind, key="again"))
    await house.wait(SOON_MS)
    await house.join(CY, LOUNGE)
    assert await banned(house) == []


async def test_one_of_the_bots_own_server_is_banned_when_a_list_names_that_one(house: House) -> None:
    await house.join(CY, CIRCLE)
    await follow(house, entry(house, f"@cy*:{HOME}"))
    assert {user for _room, user in await banned(house)} == {CY}


async def test_a_list_that_means_many_bans_them_not_one_by_one_either(house: House) -> None:
    people = [UserId(f"@p{n}:busy.example") for n in range(8)]
    for user in people:
        await house.join(user, CIRCLE)
    await follow(house)
    await house.deliver("send")
    await house.hear(entry(house, "busy.example", "server"))
    await house.wait(SOON_MS)
    for user in (*people, UserId("@new:busy.example")):
        await house.join(user, LOUNGE)
    assert await banned(house) == []
    assert len(await in_control(house)) == 1
    await answer(house, await asked(house))
    assert {user for _room, user in await banned(house)} == {*people, UserId("@new:busy.example")}


async def test_a_yes_is_one_to_what_the_leads_were_shown(house: House) -> None:
    people = [UserId(f"@p{n}:busy.example") for n in range(8)]
    for user in people:
        await house.join(user, CIRCLE)
    await enter(house)
    await see(house, entry(house, EVIL))
    row = await asked(house)
    assert "Nobody who is here now is on it" in body_of(row)
    await house.hear(*(entry(house, user) for user in people))
    await answer(house, row)
    assert await banned(house) == []
    again = await asked(house)
    assert "would now ban 8 of the" in body_of(again)
    await house.hear(entry(house, CY))
    await house.join(CY, CIRCLE)
    await answer(house, again)  # and this yes was to eight
    assert await banned(house) == []
    await answer(house, await asked(house))
    assert {user for _room, user in await banned(house)} == {*people, CY}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"entity": None, "recommendation": "m.ban"},
        {"entity": ["@cy:grove.example"], "recommendation": "m.ban"},
        {"entity": {"user": CY}, "recommendation": "m.ban"},
        {"entity": 7, "recommendation": "m.ban"},
        {"entity": "", "recommendation": "m.ban"},
        {"entity": "@" + "x" * 60_000, "recommendation": "m.ban"},
        {"entity": CY, "recommendation": ["m.ban"]},
        {"entity": CY, "recommendation": {"m.ban": True}},
        {"entity": CY, "recommendation": "M.BAN"},
        {"entity": CY},
        {"recommendation": "m.ban", "hashes": "x"},
        {"recommendation": "m.ban", "hashes": {"sha256": [CY]}},
        {"recommendation": "m.ban", "hashes": {"sha256": ""}},
        {"recommendation": "m.ban", "hashes": {"sha256": "ünsound \0"}},
        {"entity": "@\0:x", "recommendation": "m.ban"},
        {"entity": "@(cy|.*):[a-z.]+", "recommendation": "m.ban"},
        {"entity": "@*\\E.*:*", "recommendation": "m.ban"},
        {"entity": "@" + "*a" * 200 + ":*", "recommendation": "m.ban"},
        {"entity": "@*a" + "?" * 200 + ":*", "recommendation": "m.ban"},
    ],
)
async def test_what_makes_no_sense_hits_nobody_and_costs_the_list_nothing(
    house: House, content: dict[str, Json]
) -> None:
    await house.join(CY, CIRCLE)
    odd = replace(entry(house, CY, key="odd"), content=content)
    await follow(house, odd, entry(house, "@evil*:bad.example"))
    await house.hear(replace(odd, id=house.next_id("rule"), key="odd too"))
    await house.join(EVE, CIRCLE)
    await house.join(EVIL, CIRCLE)
    assert {user for _room, user in await banned(house)} == {EVIL}


async def test_an_entry_that_names_somebody_else_from_now_on_lets_the_first_one_go(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL, key="one"))
    await ban_is_set(house, EVIL)
    await house.join(EVE, CIRCLE)
    await house.hear(entry(house, EVE, key="one"))
    await house.wait(SOON_MS)
    assert {user for _room, user in await banned(house)} == {EVE}
    assert {row.target for row in await house.waiting("member") if row.payload["membership"] == "leave"} == {EVIL}


async def test_a_list_is_read_again_soon_when_something_in_it_was_redacted(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    await ban_is_set(house, EVIL)
    assert await house.engine.rooms_to_read() == []
    redaction = Redaction(
        room=ROOM, id=EventId("$redaction"), sender=OWNER, at_ms=house.clock.at_ms, target=EventId("$rule")
    )
    await house.hear(redaction)
    assert await house.engine.rooms_to_read() == [ROOM]
    await see(house)
    await house.wait(SOON_MS)
    assert {row.target for row in await house.waiting("member") if row.payload["membership"] == "leave"} == {EVIL}


async def test_thousands_of_changes_are_one_look_and_take_no_one_by_surprise(house: House) -> None:
    people = [UserId(f"@p{n}:busy.example") for n in range(30)]
    for user in people:
        await house.join(user, CIRCLE)
    await follow(house)
    await house.deliver("send")
    began_s = time.process_time()
    await house.hear(*(entry(house, f"@p{n}:busy.example") for n in range(3000)))
    await house.hear(*(entry(house, "", key=f"@p{n}:busy.example") for n in range(30, 3000)))
    assert time.process_time() - began_s < 10
    await house.wait(SOON_MS)
    assert await banned(house) == []
    assert len(await in_control(house)) == 1


async def test_a_list_that_puts_the_bot_out_holds_as_it_was_and_the_leads_know(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    await ban_is_set(house, EVIL)
    await house.deliver("send")
    await house.hear(replace(house.member(ROOM, ME, "ban"), sender=OWNER))
    (said,) = await in_control(house)
    assert "does not let me in any more" in said
    await house.deliver("send")
    for outcome, room in (("refused", None), ("done", ROOM)):
        await house.wait(DAY_MS + HOUR_MS)
        (row,) = await house.waiting("enter")
        await house.engine.confirm(row.cause, outcome, event=None, room=room, errcode="")  # type: ignore[arg-type]
    await house.join(EVIL, LOUNGE)
    assert [row for row in await house.waiting("member") if row.payload["membership"] == "leave"] == []
    assert await house.engine.rooms_to_read() == [ROOM]
    assert await in_control(house) == []
    await see(house, entry(house, CY))  # and it is followed as before
    await house.wait(SOON_MS)
    await house.join(CY, CIRCLE)
    assert CY in {user for _room, user in await banned(house)}


async def test_a_list_that_goes_on_elsewhere_is_told_once_and_followed_only_when_asked(house: House) -> None:
    await follow(house, entry(house, EVIL))
    await house.deliver("send")
    for new in (MOVED, MOVED, 7, "nowhere"):
        await house.hear(tombstone(house, new))
    (said,) = await in_control(house)
    assert "goes on in another room" in said
    assert "CANARY" not in said
    await house.deliver("send")
    await house.join(EVIL, CIRCLE)
    assert {user for _room, user in await banned(house)} == {EVIL}
    await house.say(ANA, f"!list follow {LIST}", CONTROL)
    (row,) = await house.waiting("enter")
    await house.engine.confirm(row.cause, "done", event=None, room=MOVED, errcode="")
    assert await house.engine.rooms_to_read() == [MOVED]
    await house.deliver("send")
    await house.engine.read_whole(MOVED, [replace(entry(house, CY), room=MOVED)])
    assert "Follow the ban list" in body_of(await asked(house))


async def test_following_banning_and_lifting_go_on_through_restarts_and_nothing_comes_twice(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await enter(house)
    house.begin_anew()
    await see(house, entry(house, EVIL), entry(house, CY))
    house.begin_anew()
    await see(house, entry(house, EVIL), entry(house, CY))
    row = await asked(house)
    assert len(await house.rows("select event from question")) == 1
    house.begin_anew()
    await answer(house, row)
    house.begin_anew()
    await house.engine.settle()
    bans = await banned(house)
    assert len(bans) == len(set(bans))
    assert {user for _room, user in bans} == {EVIL}
    await ban_is_set(house, EVIL)
    await house.hear(entry(house, "", key=EVIL))
    house.begin_anew()
    await house.wait(SOON_MS)
    house.begin_anew()
    await house.engine.settle()
    await house.wait(HOUR_MS)
    lifted = [(one.room, one.target) for one in await house.waiting("member") if one.payload["membership"] == "leave"]
    assert len(lifted) == len(set(lifted)) == len(bans)
    await house.join(CY, CIRCLE)
    assert {user for _room, user in await banned(house)} == {CY}
