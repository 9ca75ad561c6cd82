"""SQLite behind one writer thread: ``BEGIN IMMEDIATE``, plain functions, payloads that are gone when deleted."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Concatenate, Final, ParamSpec, TypeVar

from sqlite_utils import Database

from orchestrator.errors import StoreError
from orchestrator.model.feature import Row, SqlValue, Tx
from orchestrator.model.ids import AccountKey

from .schema import migrations

P = ParamSpec("P")
R = TypeVar("R")

FILE: Final = "circlekeeper.db"
_LOCK: Final = "lock"


class SqliteTx:
    """A transaction on SQLite, bound to an account."""

    def __init__(self, connection: sqlite3.Connection, account: AccountKey) -> None:
        self._connection = connection
        self.account = account

    def rows(self, sql: str, **params: SqlValue) -> list[Row]:
        """Run a query and return its rows."""
        cursor = self._connection.execute(sql, {"account": self.account, **params})
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, sql: str, **params: SqlValue) -> Row | None:
        """Run a query and return its first row, None when it has none."""
        rows = self.rows(sql, **params)
        return rows[0] if rows else None

    def run(self, sql: str, **params: SqlValue) -> int:
        """Run a statement and return how many rows it changed."""
        return self._connection.execute(sql, {"account": self.account, **params}).rowcount

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what runs inside if it raises, and only that. Savepoints nest."""
        self._connection.execute("savepoint inner_work")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback to inner_work")
            self._connection.execute("release inner_work")
            raise
        self._connection.execute("release inner_work")


class AccountStore:
    """The store as one account sees it."""

    def __init__(self, store: Store, account: AccountKey) -> None:
        self._store = store
        self.account = account

    async def run(self, fn: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``fn(tx, ...)`` in one transaction; it commits when ``fn`` returns and leaves no trace when it raises.

        Raises:
            StoreError: the disk is full, or the file cannot be written.
        """
        return await self._store.run_for(self.account, lambda tx: fn(tx, *args, **kwargs))


class Store:
    """The database of a data directory.

    Args:
        connection: open, with our settings.
        lock: the held lock file, None for a reader.
    """

    def __init__(self, connection: sqlite3.Connection, lock: IO[str] | None) -> None:
        self._connection = connection
        self._lock = lock
        self._writer = ThreadPoolExecutor(1, "store")

    @classmethod
    def open(cls, data_dir: Path) -> Store:
        """Open for writing, as the only writer; makes the directory (0700) and brings the tables up to date.

        Raises:
            StoreError: another process holds it, it is from a newer version, the disk is full or not writable.
        """
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = _take_lock(data_dir)
        except OSError as error:
            raise _cannot_use(data_dir, error) from None
        try:
            connection = _connect(data_dir / FILE)
            database = Database(connection, execute_plugins=False)
            _refuse_newer(database, data_dir)
            migrations.apply(database)
            connection.commit()
        except BaseException as error:
            lock.close()
            if isinstance(error, sqlite3.Error | OSError):
                raise _cannot_use(data_dir, error) from None
            raise
        # From here on transactions are ours alone: sqlite3 must not begin any of its own.
        connection.isolation_level = None
        store = cls(connection, lock)
        store._checkpoint()
        return store

    @classmethod
    def open_readonly(cls, data_dir: Path) -> Store:
        """Open for reading beside a running bot; writes raise.

        Raises:
            StoreError: there is nothing to read yet.
        """
        path = data_dir / FILE
        if not path.exists():
            raise StoreError(f"There is no data in {data_dir} yet. Start the bot once with 'circlekeeper run'.")
        try:
            connection = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, check_same_thread=False, isolation_level=None
            )
            connection.execute("pragma query_only=on")
        except sqlite3.Error as error:
            raise _cannot_use(data_dir, error) from None
        return cls(connection, None)

    def of(self, account: AccountKey) -> AccountStore:
        """See the store as one account does."""
        return AccountStore(self, account)

    async def run_for(self, account: AccountKey, fn: Callable[[Tx], R]) -> R:
        """Run ``fn(tx)`` in one transaction for an account; see ``AccountStore.run``."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._transact, account, fn)

    async def checkpoint(self) -> None:
        """Move everything out of the write-ahead log and empty it, so that what was deleted is gone."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._checkpoint)

    async def close(self) -> None:
        """Finish what is queued, empty the log and let go of the lock. Closing twice is fine."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError):  # the writer is already shut down: closed before
            await loop.run_in_executor(self._writer, self._close)
        self._writer.shutdown()

    def _transact(self, account: AccountKey, fn: Callable[[Tx], R]) -> R:
        connection = self._connection
        try:
            connection.execute("begin" if self._lock is None else "begin immediate")
            try:
                result = fn(SqliteTx(connection, account))
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        except sqlite3.OperationalError as error:
            if connection.in_transaction:
                connection.rollback()
            if _is_environment(error):
                raise StoreError(
                    "The data directory cannot be written: the disk is full or failing. Make room and start again; "
                    "nothing is half done.",
                    cause=str(error),
                ) from None
            raise
        return result

    def _checkpoint(self) -> None:
        if self._lock is not None:
            # A reader beside us may hold the log open; then it is emptied the next time.
            self._connection.execute("pragma wal_checkpoint(truncate)")

    def _close(self) -> None:
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk must not keep us from stopping
            self._checkpoint()
        self._connection.close()
        if self._lock is not None:
            self._lock.close()


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, check_same_thread=False)
    for setting in (
        "journal_mode=wal",
        "synchronous=normal",
        "foreign_keys=on",
        "busy_timeout=5000",
        "secure_delete=on",
    ):
        connection.execute(f"pragma {setting}")
    return connection


def _take_lock(data_dir: Path) -> IO[str]:
    lock = (data_dir / _LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StoreError(
            f"Another circlekeeper is already using {data_dir}. Stop it first, or give this one its own data_dir."
        ) from None
    return lock


def _refuse_newer(database: Database, data_dir: Path) -> None:
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 - sqlite-utils lists only pending ones
    unknown = [migration.name for migration in migrations.applied(database) if migration.name not in known]
    if unknown:
        raise StoreError(
            f"The data in {data_dir} was written by a newer circlekeeper. Install that version (or newer) to use it.",
            unknown=", ".join(unknown),
        )


def _is_environment(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _cannot_use(data_dir: Path, error: Exception) -> StoreError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreError(f"The data directory {data_dir} cannot be used: {why}. Check that it is yours and has room.")
