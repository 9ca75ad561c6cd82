"""Where nio runs: its Olm machine and its SQLite store, opened our way. Nothing else of ours touches nio."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nio.crypto import Olm
from nio.store import SqliteStore
from peewee import PeeweeException, SqliteDatabase  # type: ignore[import-untyped]

from orchestrator.errors import StoreError
from orchestrator.model.ids import DeviceId, JsonObject, UserId

from .seal import Seal, wrong_key

_SETTINGS: Final = {
    "foreign_keys": 1,
    "secure_delete": 1,
    # A rollback journal is gone after each commit, where a write-ahead log would keep what was deleted.
    "journal_mode": "delete",
    "synchronous": "full",
    "temp_store": "memory",
    "busy_timeout": 5000,
}

# nio quotes what it cannot read, peewee every row it writes; whatever matters we say ourselves.
logging.getLogger("nio").setLevel(logging.CRITICAL + 1)
logging.getLogger("peewee").setLevel(logging.WARNING)


class Engine:
    """nio's Olm machine on a store of its own.

    Attributes:
        olm: nio's machine; its payloads come back as they were decrypted, with sender and recipient checked.
    """

    def __init__(self, store: _Store) -> None:
        self._store = store
        self.olm = _Olm(store.user_id, store.device_id, store)

    @classmethod
    def open(cls, directory: Path, user: UserId, device: DeviceId, seal: Seal) -> Engine:
        """Open the store of a device, or make it (the directory 0700, the file 0600).

        Raises:
            StoreError: the file cannot be used.
            SecretError: it was made with another secret key.
        """
        path = store_of(directory, user, device)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            store = _Store(str(user), str(device), str(directory), seal.derive("crypto store").hex(), path.name)
        except (OSError, PeeweeException) as error:
            raise _cannot_keep(error) from None
        try:
            return cls(store)
        except BaseException as error:
            store.database.close()
            if isinstance(error, ValueError):  # vodozemac's own: the account did not open
                raise wrong_key() from None
            if isinstance(error, PeeweeException):
                raise _cannot_keep(error) from None
            raise

    def execute(self, sql: str, *params: object) -> sqlite3.Cursor:
        """Run SQL on the store's file."""
        cursor: sqlite3.Cursor = self._store.database.execute_sql(sql, params)
        return cursor

    @contextlib.contextmanager
    def storing(self) -> Iterator[None]:
        """Write what happens inside in one transaction.

        Raises:
            StoreError: the disk is full, or the file cannot be written.
        """
        try:
            with self._store.database.atomic():
                yield
        except PeeweeException as error:
            raise _cannot_keep(error) from None

    def close(self) -> None:
        """Close the store. Closing twice is fine."""
        self._store.database.close()


class _Olm(Olm):  # type: ignore[misc]
    def _handle_olm_event(self, _sender: str, _sender_key: str, payload: JsonObject) -> JsonObject:
        # What a payload means is decided by us; nio would trust and log more than we do.
        return payload


class _Store(SqliteStore):  # type: ignore[misc]
    def _create_database(self) -> SqliteDatabase:
        return SqliteDatabase(self.database_path, pragmas=_SETTINGS, autoconnect=False)


def store_of(directory: Path, user: UserId, device: DeviceId) -> Path:
    """Name the file in which a device keeps its keys."""
    digest = hashlib.sha256(f"{user} {device}".encode()).hexdigest()
    return directory / f"{digest[:20]}.db"


def _cannot_keep(error: Exception) -> StoreError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreError(
        f"The encryption keys cannot be kept: {why}. Check that the data directory is yours and has room."
    )
