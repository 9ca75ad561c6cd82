"""A transaction on SQLite, and what it means when the disk under it fails."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from orchestrator.errors import StoreError
from orchestrator.model.feature import Row, SqlValue
from orchestrator.model.ids import AccountKey

_MAKE_ROOM: Final = "Make room or mend the disk, and start again; nothing is half done."
_CHECK_OWNER: Final = "Check that it is yours and may be written to."
_DAMAGED: Final = "The file is damaged; put a backup in its place."
_ADVICE: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_FULL: _MAKE_ROOM,
    sqlite3.SQLITE_IOERR: _MAKE_ROOM,
    sqlite3.SQLITE_READONLY: _CHECK_OWNER,
    sqlite3.SQLITE_CANTOPEN: _CHECK_OWNER,
    sqlite3.SQLITE_PERM: _CHECK_OWNER,
    sqlite3.SQLITE_BUSY: "Another program holds it; end that one and start again.",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}
"""What to do, by the kind of failure, when it is the world that fails and not our SQL."""


class SqliteTx:
    """A transaction on SQLite, bound to an account.

    When the disk fails (full, broken, read-only), every statement from then on raises the same ``StoreError`` and the
    transaction cannot commit, whatever the function that runs in it makes of the error: SQLite may have undone all of it.
    """

    def __init__(self, connection: sqlite3.Connection, account: AccountKey, data_dir: Path) -> None:
        self._connection = connection
        self._data_dir = data_dir
        self._is_over = False
        self.account = account
        self.failure: StoreError | None = None

    def rows(self, sql: str, **params: SqlValue) -> list[Row]:
        """Run a query and return its rows."""
        return self._execute(sql, params)[0]

    def one(self, sql: str, **params: SqlValue) -> Row | None:
        """Run a query and return its first row, None when it has none."""
        rows = self.rows(sql, **params)
        return rows[0] if rows else None

    def run(self, sql: str, **params: SqlValue) -> int:
        """Run a statement and return how many rows it changed."""
        return self._execute(sql, params)[1]

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what runs inside if it raises, and only that. Savepoints nest."""
        self.run("savepoint inner_work")
        try:
            yield
        except BaseException:
            if self.failure is None:  # else there may be nothing left to go back to
                self.run("rollback to inner_work")
                self.run("release inner_work")
            raise
        self.run("release inner_work")

    def commit(self) -> None:
        """Keep what was done; not if a statement failed for reasons of the disk, whoever has caught that."""
        if self.failure is not None:
            raise self.failure
        self._connection.commit()

    def end(self) -> None:
        """Refuse statements from now on: what still holds this transaction (a generator, a task) is too late."""
        self._is_over = True

    def _execute(self, sql: str, params: dict[str, SqlValue]) -> tuple[list[Row], int]:
        if self.failure is not None:
            raise self.failure
        if self._is_over:
            raise RuntimeError("This transaction is over.")
        try:
            cursor = self._connection.execute(sql, {"account": self.account, **params})
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()], cursor.rowcount
        except sqlite3.Error as error:
            if not is_environment(error):
                raise
            self.failure = cannot_use(self._data_dir, error)
            raise self.failure from None


def is_environment(error: sqlite3.Error) -> bool:
    """Tell whether it is the world that failed (a full disk, a damaged file) and not our SQL."""
    return error_kind(error) in _ADVICE


def cannot_use(data_dir: Path, error: sqlite3.Error | OSError) -> StoreError:
    """Say what is wrong with the data directory and what to do about it."""
    if isinstance(error, OSError):
        why, advice = error.strerror or str(error), "Check that it is yours and has room."
    else:
        why, advice = str(error), _ADVICE.get(error_kind(error), "Check that it is yours and has room.")
    return StoreError(f"The data directory {data_dir} cannot be used: {why}. {advice}")


def error_kind(error: sqlite3.Error) -> int:
    """Tell the kind of a failure, such as ``SQLITE_FULL``: the low byte; the rest says which call it was."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
