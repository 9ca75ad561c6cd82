"""Nothing was heard for a while, and the bot ran on: what comes then was said a while ago, and silence was none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.engine.filler import Filler
from orchestrator.engine.intake import AWAY_MS
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import MINUTE_MS, SECOND_MS
from orchestrator.model.ids import RoomId
from orchestrator.store import ingest
from tests.culture.conftest import a_grove, rule
from tests.declared import ANA, CY
from tests.house import CIRCLE, CONTROL, House, house_of

from .test_filler import Past

SPOKE = ("spoke", CIRCLE)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, a_grove(rule())) as house:
        await house.open()
        await house.let_keepers_in()
        await house.join(CY, CIRCLE)
        await house.wait(MINUTE_MS)
        await house.deliver()
        yield house


async def listen(house: House, for_ms: int) -> None:
    """Let time pass in which the server answers and nobody says anything."""
    end_ms = house.clock.at_ms + for_ms
    while house.clock.at_ms < end_ms:
        house.clock.at_ms = min(house.clock.at_ms + 30 * SECOND_MS, end_ms)
        await house.engine.take(SyncBatch(since="s", until="quiet", rooms=()), catching_up=False)


def is_known(house: House) -> bool:
    return house.engine.moment().windows.is_known_since(SPOKE, house.clock.at_ms - 10 * MINUTE_MS)


async def test_what_was_asked_meanwhile_is_not_answered_when_nobody_waits_any_more(house: House) -> None:
    asked = [house.message(CIRCLE, CY, "!who"), house.message(CIRCLE, ANA, "!rule links-from-newcomers observe")]
    house.clock.at_ms += 50 * MINUTE_MS
    await house.hear(*asked)
    assert await house.waiting() == []


async def test_what_was_asked_a_moment_before_it_ended_is_answered(house: House) -> None:
    house.clock.at_ms += 50 * MINUTE_MS
    await house.hear(house.message(CIRCLE, CY, "!who"))
    assert len(await house.said(CIRCLE)) == 1


async def test_a_hand_that_was_raised_meanwhile_is_passed_on(house: House) -> None:
    raised = house.message(CIRCLE, CY, "!raise")
    house.clock.at_ms += 50 * MINUTE_MS
    await house.hear(raised)
    assert len(await house.said(CONTROL)) == 1


async def test_while_the_server_answers_that_there_is_nothing_new_clocks_of_others_do_not_matter(house: House) -> None:
    slow = house.message(CIRCLE, CY, "!who")
    await listen(house, 50 * MINUTE_MS)
    await house.hear(slow)
    assert len(await house.said(CIRCLE)) == 1


async def test_after_it_nobody_knows_who_spoke_and_the_rooms_are_read_again(house: House) -> None:
    await house.engine.warm(CIRCLE, (), house.clock.at_ms - 30 * MINUTE_MS)
    await listen(house, 20 * MINUTE_MS)
    assert is_known(house)
    assert not house.taken[-1].away
    house.clock.at_ms += AWAY_MS + 1
    await house.hear(house.message(CIRCLE, CY, "hello"))
    assert not is_known(house)
    assert house.taken[-1].away


async def test_during_it_a_timer_takes_no_silence_for_one(house: House) -> None:
    await house.engine.warm(CIRCLE, (), house.clock.at_ms - 30 * MINUTE_MS)
    house.clock.at_ms += 60 * MINUTE_MS
    await house.engine._transact(lambda intake, turn: intake.take_due(turn))
    assert not is_known(house)


async def test_a_room_with_a_hole_is_not_known_to_be_quiet_until_it_was_filled_and_read(house: House) -> None:
    lounge = ("spoke", RoomId("!lounge"))
    for room in (CIRCLE, lounge[1]):
        await house.engine.warm(room, (), house.clock.at_ms - 30 * MINUTE_MS)
    newest = house.message(CIRCLE, CY, "hello")
    update = RoomUpdate(room=CIRCLE, membership="join", timeline=(newest,), limited=True)
    await house.engine.take(SyncBatch(since="s0", until="s1", rooms=(update,)), catching_up=False)
    assert not is_known(house)
    assert house.engine.moment().windows.is_known_since(lounge, house.clock.at_ms)
    worker = Filler(house.engine, house.store, Past([newest], per_page=5), house.clock)
    await worker.fill(ingest.Gap(CIRCLE, "s0", "s1"))
    assert house.taken[-1].filled == {CIRCLE}  # upon which it is read anew
    assert not is_known(house)


async def test_a_hole_that_grew_while_it_was_filled_is_not_filled(house: House) -> None:
    update = RoomUpdate(room=CIRCLE, membership="join", timeline=(house.message(CIRCLE, CY, "hello"),), limited=True)
    for until in ("s1", "s2"):
        await house.engine.take(SyncBatch(since="s0", until=until, rooms=(update,)), catching_up=False)
    worker = Filler(house.engine, house.store, Past([], per_page=5), house.clock)
    await worker.fill(ingest.Gap(CIRCLE, "s0", "s1"))
    assert house.taken[-1].filled == set()
