"""Somebody who was muted is told so, and so are the keepers: once it is so, and not when it could not be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.culture.acting.muting import FIRST_LOOK_MS
from orchestrator.documents.policy import Action
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.ids import RoomId
from orchestrator.store import claims
from tests.culture.conftest import a_grove, refuse_levels, rule, write_levels
from tests.declared import CY
from tests.house import CIRCLE, CONTROL, House, body_of, direct, house_of

LINK = "see https://spam.example/x"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, a_grove(rule(then=Action.MUTE), history="shared")) as house:
        await house.open(history="shared")
        await house.deliver()
        await house.join(CY, CIRCLE)
        yield house


async def hear(house: House) -> None:
    """Hear of something else, as one does all the time."""
    await house.say(CY, "hello", RoomId("!quiet"))


async def test_a_mute_is_a_claim_that_ends_by_itself(house: House) -> None:
    for _ in range(20):
        await house.say(CY, LINK)
    wanted = await house.store.run(claims.claims_of, "mute")
    assert [(claim.room, claim.path, claim.value) for claim in wanted] == [(CIRCLE, ("users", CY), -1)]
    assert wanted[0].until_ms == house.clock.at_ms + HOUR_MS


async def test_once_it_is_so_the_member_and_the_keepers_are_told_once(house: House) -> None:
    for _ in range(20):
        await house.say(CY, LINK)
    await write_levels(house)
    await house.wait(FIRST_LOOK_MS)
    (word,) = await house.waiting("direct")
    assert "you can read along but not write until 6 January, 13:46" in body_of(word)
    assert "It ends by itself" in body_of(word)
    (said,) = await house.said(CONTROL)
    assert CY in said
    assert "until 6 January, 13:46" in said
    await house.deliver()
    await house.wait(DAY_MS)
    assert await house.waiting() == []


async def test_as_long_as_it_is_not_so_nobody_is_told_and_it_is_so_later(house: House) -> None:
    await house.say(CY, LINK)
    await house.wait(10 * MINUTE_MS)
    assert await house.waiting() == []
    await house.whisper(CY, "!why")
    assert "nothing noted about you" in (await house.said(direct(CY)))[0]
    await house.deliver()
    await write_levels(house)
    await house.wait(MINUTE_MS)
    (word,) = await house.waiting("direct")
    assert "not write until 6 January, 13:46" in body_of(word)  # from when it was claimed, as the claim ends


async def test_when_it_was_written_before_a_crash_the_echo_is_waited_for(house: House) -> None:
    await house.say(CY, LINK)
    await refuse_levels(house)  # nothing is left to write, and nothing was heard yet of what stands there
    await house.wait(30 * SECOND_MS)
    assert await house.waiting() == []
    await write_levels(house, settle=False)
    await house.wait(MINUTE_MS)
    assert len(await house.waiting("direct")) == 1


async def test_when_it_was_refused_the_member_hears_nothing_and_the_keepers_hear_that(house: House) -> None:
    await house.say(CY, LINK)
    await refuse_levels(house)
    await house.wait(FIRST_LOOK_MS)
    await house.wait(SECOND_MS)
    await hear(house)
    await house.wait(MINUTE_MS)
    (said,) = await house.said(CONTROL)
    assert "Nothing was done to them" in said
    assert CY not in said
    assert await house.waiting("direct") == []
    assert await house.store.run(claims.claims_of, "mute") == []  # or it would come out of the blue, with new power
    await house.deliver()
    await house.whisper(CY, "!why")
    assert "nothing noted about you" in (await house.said(direct(CY)))[0]


async def test_many_refusals_are_told_once_an_hour(house: House) -> None:
    for _ in range(5):
        await house.say(CY, LINK)
        await refuse_levels(house)
        await house.wait(MINUTE_MS)
        await hear(house)
        await house.wait(MINUTE_MS)
    assert len(await house.said(CONTROL)) == 1
    await house.deliver()
    await house.wait(HOUR_MS)
    assert len(await house.said(CONTROL)) == 1


async def test_what_never_came_to_be_in_its_time_is_told_nobody(house: House) -> None:
    await house.say(CY, LINK)
    await house.wait(DAY_MS)
    assert await house.waiting() == []
    assert await house.rows("select * from reason") == []
