"""A store for tests of pure logic over rows: one database in memory, and every test's work is undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey
from orchestrator.store.schema import migrations
from orchestrator.store.transaction import SqliteTx


@cache
def _connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    migrations.apply(Database(connection))
    connection.commit()
    connection.isolation_level = None
    return connection


def rolled_back(work: Callable[[Tx], None]) -> None:
    """Run ``work`` in a transaction of its own and undo it."""
    connection = _connection()
    connection.execute("begin")
    try:
        work(SqliteTx(connection, AccountKey("keeper"), Path("memory")))
    finally:
        connection.rollback()
