"""The bot is killed between any two things that follow from a hand: nobody is called twice, and nobody waits in vain."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from orchestrator.model.ids import UserId
from orchestrator.store import bindings
from tests.declared import ANA, CY, DEE, EVE
from tests.house import CIRCLE, House, body_of, content_of, direct

from .circle import WITHIN_MS, a_circle, take


async def steps_until_silence(house: House, words: str, *, killed_after: int) -> Counter[tuple[str, str]]:
    """Let a hand go all its way, killed after so many deliveries, with what was heard before heard once more then."""
    await house.join(CY, CIRCLE)
    await house.deliver()
    await house.store.run(bindings.set_direct, CY, direct(CY))
    raised = house.message(direct(CY), CY, words)
    await house.hear(raised)
    said: Counter[tuple[str, str]] = Counter()
    done = 0
    for _round in range(6):
        while await house.waiting():
            if done == killed_after:
                await house.try_all()  # all of it is on its way
                house.begin_anew()
                await house.engine.settle()
                await house.hear(raised)
            for row in await house.deliver(most=1):
                if "body" in content_of(row):  # else it is what is put under a question to be tapped
                    said[(row.target or str(row.room), body_of(row))] += 1
            done += 1
        await house.wait(WITHIN_MS)
    return said


@pytest.mark.parametrize("words", ["!raise 1", "!raise 3", "!raise 2 anonymous", "!raise 3 about @dee", "!raise"])
async def test_killed_anywhere_what_is_said_is_the_same(tmp_path: Path, words: str) -> None:
    async with a_circle(tmp_path / "whole") as house:
        whole = await steps_until_silence(house, words, killed_after=-1)
    assert max(whole.values()) == 1
    for n in range(sum(whole.values())):
        async with a_circle(tmp_path / str(n)) as house:
            assert await steps_until_silence(house, words, killed_after=n) == whole
            assert house.troubles == []


@pytest.mark.parametrize("order", [(DEE, ANA), (ANA, DEE)])
async def test_taken_by_two_at_once_and_killed_then_it_is_taken_by_one(
    tmp_path: Path, order: tuple[UserId, UserId]
) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.join(EVE, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        for _time in range(2):
            await house.wait(WITHIN_MS)
            await house.deliver()
        await take(house, order[0])
        await house.try_all()
        house.begin_anew()
        with pytest.raises(AssertionError, match="nothing is asked there"):
            await take(house, order[1])  # it is asked no more
        seen = [said for said in await house.told(CY) if "has seen it" in said]
        assert [order[0] in said for said in seen] == [True]
