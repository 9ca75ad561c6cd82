"""A bot that runs works without those whose time on a list is over, from then on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from orchestrator import app
from orchestrator.app import App
from orchestrator.crafts import Crafts
from orchestrator.documents.declared import Serving
from orchestrator.documents.load import load
from orchestrator.keeper import Keeper
from orchestrator.model.ids import AccountKey, UserId
from orchestrator.store import Store
from tests.declared import ANA, BO, CY, ME, community, documents, room, rota
from tests.fakes import FakeClock
from tests.store.words import REPOSITORY

UNTIL = datetime.fromisoformat("2026-12-05 00:00")
UNTIL_MS = int(UNTIL.replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)


@dataclass
class FakeKeeper:
    """Takes note of what it is to work with."""

    me: UserId = ME
    staff: list[frozenset[UserId]] = field(default_factory=list)
    used: asyncio.Event = field(default_factory=asyncio.Event)

    def use(self, crafts: Crafts) -> None:
        self.staff.append(crafts.documents.communities[0].staff())
        self.used.set()

    def settle_soon(self) -> None:
        return


async def test_whose_time_is_over_is_of_the_staff_no_longer_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = replace(room("tuesday", rota=rota(), facilitators=(ANA, CY)), serving={CY: Serving(None, UNTIL)})
    loaded = load(REPOSITORY / "config.yaml", today=date(2026, 11, 22))
    loaded = replace(loaded, documents=documents(community(circle, leads=[BO])))
    store, clock, keeper = Store.open(tmp_path), FakeClock(), FakeKeeper()
    clock.jump_to(UNTIL_MS - 1)
    monkeypatch.setattr(app, "LISTS_S", 0)
    house = App(REPOSITORY / "config.yaml", loaded, store, clock, lambda found: found)
    account = AccountKey("keeper")
    house.keepers[account] = cast("Keeper", keeper)
    assert house.crafts_for(account, ME).roster.is_staff(CY, loaded.documents.communities[0].key)
    following = asyncio.create_task(house._follow_lists())
    for _ in range(3):
        await asyncio.sleep(0)
    assert keeper.staff == []
    clock.jump_to(UNTIL_MS)
    await asyncio.wait_for(keeper.used.wait(), 60)
    assert keeper.staff == [{ANA, BO}]
    assert not house.crafts_for(account, ME).roster.is_staff(CY, loaded.documents.communities[0].key)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await store.close()
