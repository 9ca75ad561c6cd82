"""Whatever is under way when the bot dies goes on after its next start: nothing twice, and nothing never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.acting.muting import FIRST_LOOK_MS
from orchestrator.documents.policy import Action
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.events import Reaction
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import claims
from tests.culture.conftest import a_grove, rule, write_levels
from tests.declared import ANA, BO, CY, DEE
from tests.house import CIRCLE, CONTROL, House, body_of, house_of

LINK = "see https://spam.example/x"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, a_grove(rule(then=Action.RAISE, new=False), history="shared")) as house:
        await house.open(history="shared")
        await house.let_keepers_in()
        await house.deliver()
        for user in (ANA, BO, DEE, CY):
            await house.join(user, CIRCLE)
        yield house


async def muted(house: House) -> set[RoomId]:
    return {claim.room for claim in await house.store.run(claims.claims_of, "mute")}


async def react(house: House, key: str, by: UserId = ANA) -> Reaction:
    """React to the one question that is open."""
    (row,) = await house.rows("select room, event from question")
    where, event = RoomId(str(row["room"])), EventId(str(row["event"]))
    reaction = Reaction(room=where, id=house.next_id(), sender=by, at_ms=house.clock.at_ms, target=event, key=key)
    await house.hear(reaction)
    return reaction


async def test_a_mute_that_ended_while_the_bot_was_away_is_over_and_not_told_as_one(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 30m")
    house.begin_anew()
    await write_levels(house)
    await house.wait(FIRST_LOOK_MS)
    assert sum("not write until" in said for said in await house.told(CY)) == 1
    await house.deliver()
    house.begin_anew()
    house.clock.at_ms += HOUR_MS
    await house.engine.settle()
    await house.wait(MINUTE_MS)
    assert await muted(house) == set()
    assert CIRCLE in {item.room for item in await house.store.run(claims.unsettled)}  # to be written as it was
    assert await house.told(CY) == []
    await house.whisper(CY, "!why")
    assert "That is over" in body_of((await house.waiting())[0])


async def test_a_mute_that_was_over_before_it_was_so_is_told_nobody(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 30m")
    await house.deliver()
    house.begin_anew()
    house.clock.at_ms += HOUR_MS
    await house.wait(DAY_MS)
    assert await muted(house) == set()
    assert await house.told(CY) == []


async def test_an_appeal_outlives_restarts_and_is_answered_once(house: House) -> None:
    said = await house.say(CY, "hm")
    await house.say(ANA, "!remove", reply_to=said)
    await house.deliver()
    await house.whisper(CY, "!appeal")
    house.begin_anew()
    await house.whisper(CY, "!appeal")
    (asked,) = [said for said in await house.said(CONTROL) if "asks" in said]
    assert CY in asked
    await house.deliver()
    house.begin_anew()
    reaction = await react(house, "👌")
    house.begin_anew()
    await house.hear(reaction)  # the batch comes again
    (word,) = await house.told(CY)
    assert "it stays as it is" in word


@pytest.mark.parametrize(("key", "kinds"), [("🧹", ["redact"]), ("🔇", [])])
async def test_a_leads_reaction_is_acted_on_once_though_the_bot_dies_before_and_after(
    house: House, key: str, kinds: list[str]
) -> None:
    await house.say(CY, LINK)
    await house.deliver()
    house.begin_anew()
    reaction = await react(house, key)
    house.begin_anew()
    await house.hear(reaction)
    await house.hear(replace(reaction, id=house.next_id(), sender=BO))
    assert [row.kind for row in await house.waiting() if row.kind == "redact"] == kinds
    assert len(await house.said(CONTROL)) == 1
    assert await muted(house) == ({CIRCLE} if key == "🔇" else set())


async def test_what_is_undone_after_a_restart_stays_undone(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 2h")
    await write_levels(house)
    await house.wait(FIRST_LOOK_MS)
    await house.deliver()
    house.begin_anew()
    await house.say(ANA, f"!unmute {CY}")
    house.begin_anew()
    await house.engine.settle()
    await house.wait(HOUR_MS)
    assert await muted(house) == set()
    assert sum("can write again" in said for said in await house.told(CY)) == 1
    await house.deliver()
    await house.wait(2 * HOUR_MS)
    assert await house.told(CY) == []
