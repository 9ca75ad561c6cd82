"""A table as all of ours are: keyed by account first, strict, and empty columns only where that is said."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database
from sqlite_utils.db import Table


def make(
    db: Database, name: str, columns: Mapping[str, type], *, key: tuple[str, ...], nullable: tuple[str, ...] = ()
) -> Table:
    """A new table; its key begins with the account."""
    columns = {"account": str, **columns}
    table = db.table(name)
    table.create(columns, pk=("account", *key), not_null=set(columns) - set(nullable), strict=True)
    return table
