"""SQLite behind one writer thread: ``BEGIN IMMEDIATE``, plain functions, payloads that are gone when deleted."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Concatenate, Final, ParamSpec, TypeVar

from sqlite_utils import Database

from orchestrator.errors import StoreError
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey

from .schema import migrations
from .transaction import SqliteTx, cannot_use, error_kind, is_environment

P = ParamSpec("P")
R = TypeVar("R")

FILE: Final = "circlekeeper.db"
_LOCK: Final = "lock"
_PATIENCE_MS: Final = 5_000
_SETTINGS: Final = (
    f"busy_timeout={_PATIENCE_MS}",
    "synchronous=normal",
    "foreign_keys=on",
    "secure_delete=on",
    "temp_store=memory",  # what is sorted or rolled back never lands in a file of its own
)


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
        data_dir: where it lies.
    """

    def __init__(self, connection: sqlite3.Connection, lock: IO[bytes] | None, data_dir: Path) -> None:
        self._connection = connection
        self._lock = lock
        self._data_dir = data_dir
        self._writer = ThreadPoolExecutor(1, "store")
        self._is_closed = False
        self._swept_changes = -1

    @classmethod
    def open(cls, data_dir: Path) -> Store:
        """Open for writing, as the only writer; makes the directory (0700) and brings the tables up to date.

        Raises:
            StoreError: another process holds it, it is from a newer version, damaged, the disk is full or not writable.
        """
        with contextlib.ExitStack() as undo:
            try:
                data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = undo.enter_context(_take_lock(data_dir))
                connection = undo.enter_context(contextlib.closing(_create(data_dir / FILE)))
                _settle_tables(connection, data_dir)
                # From here on transactions are ours alone: sqlite3 must not begin any of its own.
                connection.isolation_level = None
                store = cls(connection, lock, data_dir)
                store._checkpoint()
            except (OSError, sqlite3.Error) as error:
                raise cannot_use(data_dir, error) from None
            undo.pop_all()
            return store

    @classmethod
    def open_readonly(cls, data_dir: Path) -> Store:
        """Open for reading beside a running bot; writes raise.

        Raises:
            StoreError: there is nothing to read yet, it is from another version, damaged or not readable.
        """
        path = data_dir / FILE
        with contextlib.ExitStack() as undo:
            try:
                if not path.exists():
                    raise StoreError(f"There is no data in {data_dir} yet. Start the bot once with 'circlekeeper run'.")
                # A path is quoted in a URI: it may hold a '?' or a '#'.
                uri = f"{path.absolute().as_uri()}?mode=ro"
                connection = undo.enter_context(contextlib.closing(_connect(uri)))
                connection.execute("pragma query_only=on")
                database = Database(connection, execute_plugins=False)
                _refuse_newer(database, data_dir)
                if migrations.pending(database):
                    raise StoreError(
                        f"The data in {data_dir} was written by an older circlekeeper. Start the bot once with"
                        " 'circlekeeper run', which brings it up to date."
                    )
            except (OSError, sqlite3.Error) as error:
                raise cannot_use(data_dir, error) from None
            undo.pop_all()
            return cls(connection, None, data_dir)

    @classmethod
    def scratch(cls, data_dir: Path) -> Store:
        """Copy what there is into memory, to write into and throw away; where there is nothing yet it is empty.

        The file itself is only read; what an older version left is brought up to date in the copy alone.

        Raises:
            StoreError: it is from a newer version, damaged or not readable.
        """
        path = data_dir / FILE
        with contextlib.ExitStack() as undo:
            try:
                connection = undo.enter_context(contextlib.closing(_connect("file::memory:")))
                if path.exists():
                    with contextlib.closing(_connect(f"{path.absolute().as_uri()}?mode=ro")) as there:
                        there.backup(connection)
                _settle_tables(connection, data_dir)
                connection.isolation_level = None
            except (OSError, sqlite3.Error) as error:
                raise cannot_use(data_dir, error) from None
            undo.pop_all()
            return cls(connection, None, data_dir)

    def of(self, account: AccountKey) -> AccountStore:
        """See the store as one account does."""
        return AccountStore(self, account)

    async def run_for(self, account: AccountKey, fn: Callable[[Tx], R]) -> R:
        """Run ``fn(tx)`` in one transaction for an account; see ``AccountStore.run``."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._transact, account, fn)

    async def checkpoint(self) -> bool:
        """Rewrite the file and empty the write-ahead log, so that what was deleted is gone; it takes milliseconds.

        Returns:
            False when a reader beside us holds the log open, or there is no room: then it is done the next time.

        Raises:
            StoreError: the file cannot be written.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._checkpoint)

    async def close(self) -> None:
        """Finish what is queued, empty the log and let go of the lock. Closing twice is fine."""
        if not self._is_closed:
            self._is_closed = True
            await asyncio.get_running_loop().run_in_executor(self._writer, self._close)
            self._writer.shutdown()

    def _transact(self, account: AccountKey, fn: Callable[[Tx], R]) -> R:
        connection = self._connection
        tx = SqliteTx(connection, account, self._data_dir)
        try:
            connection.execute("begin" if self._lock is None else "begin immediate")
            result = fn(tx)
            tx.commit()
        except BaseException as error:
            if connection.in_transaction:
                connection.rollback()
            if isinstance(error, sqlite3.Error) and is_environment(error):
                raise cannot_use(self._data_dir, error) from None
            raise
        finally:
            tx.end()
        return result

    def _checkpoint(self) -> bool:
        if self._lock is None:
            return True
        connection = self._connection
        # Everyone waits for this thread, so it does not wait for a reader.
        connection.execute("pragma busy_timeout=0")
        try:
            is_swept = self._sweep()
            (busy, *_pages) = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        except sqlite3.Error as error:
            raise cannot_use(self._data_dir, error) from None
        finally:
            connection.execute(f"pragma busy_timeout={_PATIENCE_MS}")
        return is_swept and not busy

    def _sweep(self) -> bool:
        # secure_delete is not enough: a row that SQLite moved to another page while it lived leaves a copy behind in the
        # first one's free space (measured). Only a file that is written anew holds nothing but what lives.
        if self._connection.total_changes != self._swept_changes:
            try:
                self._connection.execute("vacuum")
            except sqlite3.OperationalError as error:
                if error_kind(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY):
                    raise
                return False
            self._swept_changes = self._connection.total_changes
        return True

    def _close(self) -> None:
        with contextlib.suppress(StoreError):  # a full disk must not keep us from stopping
            self._checkpoint()
        self._connection.close()
        if self._lock is not None:
            self._lock.close()


def _create(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with contextlib.ExitStack() as undo:
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
        undo.callback(connection.close)
        (mode,) = connection.execute("pragma journal_mode=wal").fetchone()
        if mode != "wal":
            raise StoreError(
                f"The disk that {path.parent} lies on cannot be used: it takes no write-ahead log."
                " Choose a data_dir on a local disk."
            )
        undo.pop_all()
        return connection


def _connect(uri: str) -> sqlite3.Connection:
    with contextlib.ExitStack() as undo:
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        undo.callback(connection.close)
        for setting in _SETTINGS:
            connection.execute(f"pragma {setting}")
        undo.pop_all()
        return connection


def _settle_tables(connection: sqlite3.Connection, data_dir: Path) -> None:
    database = Database(connection, execute_plugins=False)
    _refuse_newer(database, data_dir)
    migrations.apply(database)
    connection.commit()


def _take_lock(data_dir: Path) -> IO[bytes]:
    lock = os.fdopen(os.open(data_dir / _LOCK, os.O_CREAT | os.O_RDWR, 0o600), "rb+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        if isinstance(error, BlockingIOError):
            raise StoreError(
                f"Another circlekeeper is already using {data_dir}. Stop it first, or give this one its own data_dir."
            ) from None
        raise
    return lock


def _refuse_newer(database: Database, data_dir: Path) -> None:
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 - sqlite-utils lists only pending ones
    unknown = [migration.name for migration in migrations.applied(database) if migration.name not in known]
    if unknown:
        raise StoreError(
            f"The data in {data_dir} was written by a newer circlekeeper. Install that version (or newer) to use it.",
            unknown=", ".join(unknown),
        )
