from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestrator.documents.declared import Action, Community, Documents, Mode, Resource, Rule, When
from orchestrator.model.clock import DAY_MS
from tests.declared import ANA, DEE, community, documents, policy, room, settings
from tests.house import House, house_of

BECAUSE = "New here? Links open up after three days, so nobody gets flooded."
RESOURCE = Resource(text="Someone to talk to: lifeline.example", locale="en", verified_on=date(2025, 12, 1))


def rule(
    name: str = "links-from-newcomers", *, then: Action = Action.REMOVE, mode: Mode = Mode.ENFORCE, new: bool = True
) -> Rule:
    return Rule(
        id=name,
        when=When(links_allowed=("grove.example",), member_for_less_than_ms=3 * DAY_MS if new else None),
        then=then,
        because=BECAUSE,
        mode=mode,
        accept_misfires=False,
    )


def a_community(*rules: Rule, key: str = "grove", history: str = "joined", encryption: bool = False) -> Community:
    made = settings(history=history, encryption=encryption)  # type: ignore[arg-type]
    norms = policy(rules=rules, resources=[RESOURCE])
    rooms = (
        room("tuesday", norms=norms, facilitators=[ANA, DEE], made=made),
        room("lounge", norms=norms, made=made),
        room("quiet", made=made),
    )
    return replace(community(*rooms, key=key), name="The Grove" if key == "grove" else key.title())


def a_grove(*rules: Rule, history: str = "joined", encryption: bool = False) -> Documents:
    return documents(a_community(*rules, history=history, encryption=encryption))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Where the link rule acts, in The Grove, with nobody there yet but the keepers, and the norms already posted."""
    async with house_of(tmp_path, a_grove(rule())) as house:
        await house.open()
        await house.deliver()
        await house.let_keepers_in()
        yield house
