"""From a line in a policy to bans that come and go with a list; and whom no list ever hits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.lists import book
from orchestrator.culture.lists.book import Stage
from orchestrator.culture.lists.following import SOON_MS
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import BanList, Policy
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.events import State
from orchestrator.model.ids import EventId, Json, RoomId, UserId
from orchestrator.store.outbox import Waiting
from tests.culture.conftest import a_grove, rule
from tests.declared import ANA, BO, CY, EVE, ME
from tests.house import CIRCLE, CONTROL, SPACE, House, body_of, house_of

LIST = "#bans:list.example"
ROOM = RoomId("!list")
EVIL = UserId("@evil:bad.example")
WORSE = UserId("@worse:bad.example")
OWNER = UserId("@owner:list.example")


def following(documents: Documents, *lists: str) -> Documents:
    def changed(policy: Policy | None) -> Policy | None:
        return None if policy is None else replace(policy, lists=tuple(BanList(room=one) for one in lists))

    (community,) = documents.communities
    rooms = tuple(replace(room, policy=changed(room.policy)) for room in community.rooms)
    return Documents(communities=(replace(community, rooms=rooms),))


def entry(house: House, entity: str, kind: str = "user", key: str = "", recommendation: Json = "m.ban") -> State:
    content: dict[str, Json] = {"entity": entity, "recommendation": recommendation, "reason": "CANARY"}
    return State(
        room=ROOM,
        id=house.next_id("rule"),
        sender=OWNER,
        at_ms=house.clock.at_ms,
        type=f"m.policy.rule.{kind}",
        key=key or entity,
        content=content if entity else {},
    )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, following(a_grove(rule()), LIST)) as house:
        await house.open()
        await house.deliver("send")
        await house.let_keepers_in()
        await house.deliver("send", "direct")
        yield house


async def enter(house: House) -> None:
    (row,) = await house.waiting("enter")
    assert row.target == LIST
    await house.engine.confirm(row.cause, "done", event=None, room=ROOM, errcode="")
    assert await house.engine.rooms_to_read() == [ROOM]


async def see(house: House, *entries: State) -> None:
    await house.engine.read_whole(ROOM, entries)


async def asked(house: House) -> Waiting:
    """The question in the control room, delivered."""
    rows = [row for row in await house.waiting("send") if row.room == CONTROL]
    assert rows
    await house.deliver("send")
    return rows[-1]


async def answer(house: House, row: Waiting, word: str = "yes", by: UserId = ANA) -> None:
    (question,) = await house.rows("select event from question")
    await house.say(by, word, CONTROL, reply_to=EventId(str(question["event"])))


async def follow(house: House, *entries: State) -> None:
    await enter(house)
    await see(house, *entries)
    await answer(house, await asked(house))


async def banned(house: House) -> Sequence[tuple[str, str]]:
    rows = [row for row in await house.waiting("member") if row.payload["membership"] == "ban"]
    return sorted((str(row.room), row.target) for row in rows)


async def stage(house: House) -> Stage:
    (one,) = await house.store.run(book.followings)
    return one.stage


async def ban_is_set(house: House, user: UserId, by: UserId = ME) -> None:
    """Play the homeserver that carries the bans out, and sync that tells of them."""
    await house.deliver("member")
    for room in (SPACE, CONTROL, CIRCLE, RoomId("!lounge"), RoomId("!quiet")):
        await house.hear(replace(house.member(room, user, "ban"), sender=by))


async def test_a_list_is_shown_to_the_leads_before_it_is_followed(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await house.join(CY, CIRCLE)
    await enter(house)
    await see(
        house, entry(house, EVIL), entry(house, "bad.org", "server"), entry(house, ANA), entry(house, "*", "server")
    )
    row = await asked(house)
    said = body_of(row)
    assert "It names 2 people and 2 servers." in said
    assert f"One person who is here now is on it: {EVIL}." in said
    assert f"Also on it: {ANA}." in said
    assert "Some of its entries mean everybody. I leave those out." in said
    assert await banned(house) == []
    assert await stage(house) is Stage.ASKED


async def test_a_list_that_was_read_before_a_lead_came_is_shown_when_one_does(tmp_path: Path) -> None:
    async with house_of(tmp_path, following(a_grove(rule()), LIST)) as house:
        await house.open()
        await enter(house)
        await see(house, entry(house, EVIL))
        assert await house.rows("select event from question") == []
        await house.deliver()
        await house.join(ANA, CONTROL)
        assert "Follow the ban list" in body_of(await asked(house))
        await house.join(BO, CONTROL)
        await house.deliver()
        assert len(await house.rows("select event from question")) == 1


async def test_a_yes_bans_who_is_there_from_every_room_and_says_so_once(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    assert {room for room, _user in await banned(house)} >= {SPACE, CIRCLE}
    assert {user for _room, user in await banned(house)} == {EVIL}
    told = [body_of(row) for row in await house.waiting("send") if row.room == CONTROL]
    assert sum("and banned from these rooms" in said for said in told) == 1
    assert "CANARY" not in str(await house.rows("select * from list_entry"))


async def test_a_no_does_nothing_and_can_be_asked_about_again(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await enter(house)
    await see(house, entry(house, EVIL))
    await answer(house, await asked(house), "no")
    assert await stage(house) is Stage.DECLINED
    await house.deliver("send")
    await house.join(WORSE, CIRCLE)
    assert await banned(house) == []
    await house.say(ANA, f"!list follow {LIST}", CONTROL)
    await answer(house, await asked(house))
    assert {user for _room, user in await banned(house)} == {EVIL}


async def test_only_a_lead_decides(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await enter(house)
    await see(house, entry(house, EVIL))
    await answer(house, await asked(house), by=CY)
    assert await stage(house) is Stage.ASKED
    assert await banned(house) == []


async def test_whoever_comes_later_is_met_at_the_door(house: House) -> None:
    await follow(house, entry(house, "@evil*:*"))
    await house.join(EVIL, CIRCLE)
    assert {user for _room, user in await banned(house)} == {EVIL}
    await house.join(CY, CIRCLE)
    assert {user for _room, user in await banned(house)} == {EVIL}


async def test_a_list_that_grows_is_acted_on_once_a_moment_later(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house)
    await house.hear(entry(house, EVIL), entry(house, WORSE))
    assert await banned(house) == []
    await house.wait(SOON_MS)
    before = await banned(house)
    assert {user for _room, user in before} == {EVIL}
    await house.hear(entry(house, "@other:bad.example"))
    await house.wait(SOON_MS)
    assert await banned(house) == before


async def test_a_list_that_suddenly_means_many_waits_for_a_yes(house: House) -> None:
    people = [UserId(f"@p{n}:busy.example") for n in range(8)]
    for user in people:
        await house.join(user, CIRCLE)
    await follow(house)
    await house.deliver("send")
    await house.hear(entry(house, "busy.example", "server"))
    await house.wait(SOON_MS)
    assert await banned(house) == []
    row = await asked(house)
    assert "would now ban 8 of the" in body_of(row)
    await answer(house, row)
    assert {user for _room, user in await banned(house)} == set(people)


async def test_an_entry_that_means_everybody_is_never_acted_on(house: House) -> None:
    await house.join(CY, CIRCLE)
    await follow(house, entry(house, "*", "server"), entry(house, "@*:*"))
    await house.join(EVE, CIRCLE)
    assert await banned(house) == []


async def test_those_who_keep_the_rooms_are_never_hit_and_the_control_room_hears_of_it_once(house: House) -> None:
    await follow(house, entry(house, BO))
    await house.deliver("send")
    await house.join(BO, CIRCLE)
    await house.join(BO, RoomId("!lounge"))
    assert await banned(house) == []
    told = [body_of(row) for row in await house.waiting("send") if row.room == CONTROL]
    assert sum("names somebody who keeps these rooms" in said for said in told) == 1


async def test_when_an_entry_goes_the_ban_that_was_ours_goes_too(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL, key="k"))
    await ban_is_set(house, EVIL)
    await house.hear(entry(house, "", key="k"))
    await house.wait(SOON_MS)
    lifted = [row for row in await house.waiting("member") if row.payload["membership"] == "leave"]
    assert {row.target for row in lifted} == {EVIL}
    assert {row.room for row in lifted} >= {SPACE, CIRCLE}


async def test_a_ban_that_a_person_set_is_not_lifted_with_the_list(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL, key="k"))
    await ban_is_set(house, EVIL, by=ANA)
    await house.hear(entry(house, "", key="k"))
    await house.wait(SOON_MS)
    assert [row for row in await house.waiting("member") if row.payload["membership"] == "leave"] == []


async def test_whoever_a_person_let_in_again_stays(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    await ban_is_set(house, EVIL)
    await house.hear(replace(house.member(CIRCLE, EVIL, "leave"), sender=ANA))
    await house.join(EVIL, CIRCLE)
    assert await banned(house) == []


async def test_a_ban_by_a_list_is_lifted_from_its_line_by_a_lead_and_stays_lifted(house: House) -> None:
    await follow(house)
    await house.deliver("send")
    await house.hear(entry(house, EVIL))
    await house.wait(SOON_MS)
    await house.join(EVIL, CIRCLE)
    row = await asked(house)
    assert "let them in again" in body_of(row)
    await ban_is_set(house, EVIL)
    await answer(house, row, "let them in again", by=CY)
    assert [one for one in await house.waiting("member") if one.payload["membership"] == "leave"] == []
    await answer(house, row, "let them in again")
    lifted = [one for one in await house.waiting("member") if one.payload["membership"] == "leave"]
    assert {one.target for one in lifted} == {EVIL}
    await house.deliver("member")
    for where in (SPACE, CIRCLE):
        await house.hear(replace(house.member(where, EVIL, "leave"), sender=ME))
    await house.join(EVIL, CIRCLE)
    assert await banned(house) == []


async def test_leaving_a_list_lifts_what_rests_on_it(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    await ban_is_set(house, EVIL)
    await house.say(ANA, f"!list leave {LIST}", CONTROL)
    await house.wait(SOON_MS)
    assert {row.target for row in await house.waiting("member") if row.payload["membership"] == "leave"} == {EVIL}


async def test_a_list_that_no_file_names_any_more_is_let_go_and_forgotten(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    await ban_is_set(house, EVIL)
    house.use(following(a_grove(rule())))
    await house.engine.settle()
    await house.wait(SOON_MS)
    assert {row.target for row in await house.waiting("member") if row.payload["membership"] == "leave"} == {EVIL}
    assert await house.rows("select * from list_entry") == []


async def test_an_alias_that_leads_nowhere_is_said_once_and_tried_each_day(house: House) -> None:
    (row,) = await house.waiting("enter")
    await house.engine.confirm(row.cause, "refused", event=None, room=None, errcode="M_NOT_FOUND")
    told = [body_of(one) for one in await house.waiting("send") if one.room == CONTROL]
    assert sum("I cannot read the ban list" in said for said in told) == 1
    await house.deliver("send")
    await house.wait(DAY_MS + HOUR_MS)
    (again,) = await house.waiting("enter")
    assert again.cause != row.cause
    await house.engine.confirm(again.cause, "refused", event=None, room=None, errcode="M_NOT_FOUND")
    assert [one for one in await house.waiting("send") if one.room == CONTROL] == []


async def test_what_is_recommended_differently_is_no_ban(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL, recommendation="org.example.watch"))
    assert await banned(house) == []


async def test_what_vanished_without_a_word_is_noticed_when_the_list_is_read_again(house: House) -> None:
    await house.join(EVIL, CIRCLE)
    await follow(house, entry(house, EVIL))
    await ban_is_set(house, EVIL)
    await house.wait(2 * DAY_MS)
    assert await house.engine.rooms_to_read() == [ROOM]
    await see(house)
    await house.wait(SOON_MS)
    assert {row.target for row in await house.waiting("member") if row.payload["membership"] == "leave"} == {EVIL}


async def test_the_lists_are_told_with_how_far_each_is(house: House) -> None:
    await follow(house)
    await house.deliver("send")
    await house.say(ANA, "!list", CONTROL)
    assert any(f"{LIST}: followed" in said for said in await house.said(CONTROL))
