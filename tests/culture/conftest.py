from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestrator.documents.declared import Community, Documents
from orchestrator.documents.policy import Action, Links, Mode, Resource, Rule, When
from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Tx
from orchestrator.store import claims, mirror
from tests.declared import ANA, DEE, ME, community, documents, policy, room, settings
from tests.house import CIRCLE, House, house_of

BECAUSE = "New here? Links open up after three days, so nobody gets flooded."
RESOURCE = Resource(text="Someone to talk to: lifeline.example", locale="en", verified_on=date(2025, 12, 1))


def rule(
    name: str = "links-from-newcomers", *, then: Action = Action.REMOVE, mode: Mode = Mode.ENFORCE, new: bool = True
) -> Rule:
    return Rule(
        id=name,
        when=When(links=Links(allow=("grove.example",)), member_for_less_than_ms=3 * DAY_MS if new else None),
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


async def write_levels(house: House, *, settle: bool = True) -> None:
    """Be the writer of shared state: who is to be muted in the circle, is; ``settle``: and know that it is written."""

    def write(tx: Tx) -> None:
        users = {claim.path[1]: claim.value for claim in claims.claims_of(tx, "mute")}
        levels = house.state(CIRCLE, "m.room.power_levels", {"users": {ANA: 100, **users}})
        mirror.see_state(tx, CIRCLE, levels.type, "", levels.id, ME, levels.content)
        if settle:
            _settle(tx)

    await house.store.run(write)


async def refuse_levels(house: House) -> None:
    """Be the writer of shared state who may not write levels."""
    await house.store.run(_settle)


def _settle(tx: Tx) -> None:
    for item in claims.unsettled(tx):
        if item.type == "m.room.power_levels":
            claims.set_aside(tx, item)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Where the link rule acts, in The Grove, with nobody there yet but the keepers, and the norms already posted."""
    async with house_of(tmp_path, a_grove(rule())) as house:
        await house.open()
        await house.deliver()
        await house.let_keepers_in()
        yield house
