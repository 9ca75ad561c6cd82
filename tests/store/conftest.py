from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.model.ids import AccountKey
from orchestrator.store import AccountStore, Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store.open(tmp_path)
    yield store
    await store.close()


@pytest.fixture
def keeper(store: Store) -> AccountStore:
    return store.of(AccountKey("keeper"))
