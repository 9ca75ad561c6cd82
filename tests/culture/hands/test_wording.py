"""What those hear who raise a hand, and those who are called, says nothing that it takes back in the next sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declared import ANA, CY, DEE
from tests.house import CIRCLE, CONTROL, direct

from .circle import LOUNGE, WITHIN_MS, a_circle, called


@pytest.mark.parametrize("where", [CIRCLE, LOUNGE])
async def test_who_wishes_not_to_be_named_is_not_told_that_somebody_gets_in_touch(tmp_path: Path, where: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, where)  # type: ignore[arg-type]
        await house.whisper(CY, "!raise 2 anonymous")
        (said,) = await house.said(direct(CY))
        assert "that somebody raised a hand, and not who" in said
        assert "get in touch" not in said


async def test_what_can_wait_need_not_be_answered_as_soon_as_one_can(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 1")
        heard = [*await called(house, DEE), *await house.said(CONTROL)]
        assert len(heard) == 2
        assert ["as soon as you can" in said for said in heard] == [False, False]
        await house.deliver()


async def test_the_control_room_is_not_told_that_nobody_answered_a_person_it_does_not_know(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2 anonymous")
        await house.deliver()
        await house.wait(WITHIN_MS)
        assert any(
            "a hand was raised without a name, and nobody has answered it" in s for s in await house.said(CONTROL)
        )


async def test_after_whom_one_can_write_to_nothing_follows_in_the_same_line(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        for _time in range(5):
            await house.deliver()
            await house.wait(WITHIN_MS)
            silent = [said for said in await house.told(CY) if "I asked everybody" in said]
            if silent:
                break
        (line,) = [line for said in silent for line in said.splitlines() if ANA in line]
        assert line.endswith("@bo:grove.example")
