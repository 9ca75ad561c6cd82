"""Who is shown a link that leads nowhere for them is told so, and everybody else is told nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.culture.places import place_of
from orchestrator.culture.reach import cannot_open, who_cannot_open
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId
from tests.declared import ANA, BO, EVE
from tests.house import CIRCLE, CONTROL, House, house_of

from .conftest import a_grove, rule


async def blind(house: House, *people: UserId, written_ms: int) -> str:
    documents: Documents = house.documents

    def look(tx: Tx) -> str:
        place = place_of(tx, documents, CIRCLE)
        assert place is not None
        return cannot_open(place, who_cannot_open(tx, place, people, written_ms))

    return await house.store.run(look)


async def test_those_who_came_later_or_never_cannot_open_it(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule())) as house:
        await house.open()
        await house.join(ANA, CIRCLE)
        house.clock.at_ms += HOUR_MS
        written_ms = house.clock.at_ms
        house.clock.at_ms += HOUR_MS
        await house.join(BO, CIRCLE)
        said = await blind(house, ANA, BO, EVE, written_ms=written_ms)
        assert said.startswith(f"For {BO}, {EVE} the link leads nowhere")
        assert await blind(house, ANA, written_ms=written_ms) == ""


async def test_where_the_past_is_open_latecomers_can(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule())) as house:
        await house.open(history="shared")
        written_ms = house.clock.at_ms
        house.clock.at_ms += HOUR_MS
        await house.join(BO, CIRCLE)
        assert await blind(house, BO, written_ms=written_ms) == ""


@pytest.mark.parametrize("there", [True, False])
async def test_a_line_with_a_link_says_for_whom_of_those_called_it_leads_nowhere(tmp_path: Path, there: bool) -> None:
    async with house_of(tmp_path, a_grove(rule(then=Action.RAISE))) as house:
        await house.open()
        await house.let_keepers_in()
        if there:
            for user in house.documents.communities[0].staff():
                await house.join(user, CIRCLE)
        await house.deliver()
        await house.join(EVE, CIRCLE)
        await house.say(EVE, "https://evil.example")
        (said,) = [one for one in await house.said(CONTROL) if "Please have a look" in one]
        assert ("the link leads nowhere" in said) is not there
