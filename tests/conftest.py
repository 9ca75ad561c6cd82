from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from orchestrator.store import database

# How fast a machine is, and how busy, says nothing about whether a property holds.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In CI the same examples each time: when it turns red, something has changed. Everywhere else new ones are looked for.
settings.register_profile("repeating", settings.get_profile("unhurried"), derandomize=True, database=None)
settings.load_profile("repeating" if os.environ.get("CI") else "unhurried")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep those that share homeservers together when tests are spread over processes (``--dist loadgroup``).

    Those that kill bots wait much and those with real homeservers work much, so each go well beside the other.
    """
    for item in items:
        for name in ("crash", "real"):
            if item.get_closest_marker(name) is not None:
                item.add_marker(pytest.mark.xdist_group(name))
                break


_settle_tables = database._settle_tables


@pytest.fixture(scope="session", autouse=True)
def _new_tables_are_copied() -> Iterator[None]:
    """Copy the tables of a new database from one that was made by all migrations: to run these each time costs 40 ms.

    A database that has tables already is brought up to date as ever.
    """
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as made, pytest.MonkeyPatch.context() as patch:
        _settle_tables(made, Path())

        def settle(connection: sqlite3.Connection, data_dir: Path) -> None:
            if connection.execute("select 1 from sqlite_master limit 1").fetchone() is None:
                made.backup(connection)
            else:
                _settle_tables(connection, data_dir)

        patch.setattr(database, "_settle_tables", settle)
        yield
