"""Changes of the documents, one after the other, whoever asks for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from orchestrator import app
from orchestrator.app import App
from orchestrator.documents.authored import Amendment
from orchestrator.documents.load import Loaded, load
from orchestrator.model.effects import Amend
from orchestrator.model.ids import AccountKey, UserId
from orchestrator.store import AccountStore, Store, outbox
from orchestrator.store.outbox import Waiting
from tests.fakes import FakeClock
from tests.store.words import REPOSITORY

ANA = UserId("@ana:grove.example")


async def asked(rows: AccountStore, step: str) -> Waiting:
    effect = Amend(step=step, document="policies/gentle-circle.yaml", path=("rules", step), value="observe", by=ANA)
    cause = await rows.run(outbox.record, "$asked", "culture", effect, 1)
    assert cause is not None
    row = await rows.run(outbox.get, cause)
    assert row is not None
    return row


async def test_two_accounts_that_change_the_documents_at_once_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = REPOSITORY / "config.yaml"
    loaded = load(config, today=date(2026, 11, 22))
    store = Store.open(tmp_path)
    house = App(config, loaded, store, FakeClock(), lambda found: found)
    begun: list[object] = []
    first, go = threading.Event(), threading.Event()

    def writing(path: Path, amendments: Sequence[Amendment], *, today: date) -> Loaded:
        begun.append(amendments[0].path)
        first.set()
        go.wait(60)
        return loaded

    monkeypatch.setattr(app, "amend_documents", writing)
    rows = [await asked(store.of(AccountKey(key)), key) for key in ("keeper", "second")]
    changes = [asyncio.create_task(house.amend(row)) for row in rows]
    changes.append(asyncio.create_task(house.reload()))
    assert await asyncio.to_thread(first.wait, 60)
    for _ in range(20):
        await asyncio.to_thread(bool)  # whoever else could begin has begun
    assert len(begun) == 1
    go.set()
    await asyncio.gather(*changes)
    assert begun == [("rules", "keeper"), ("rules", "second")]
    await store.close()
