"""An account's secret storage: secrets sealed in its account data, opened with its recovery key.

Source: client-server API, "Secret storage".
"""

from __future__ import annotations

import asyncio
import secrets as random
from collections.abc import Mapping, Sequence
from typing import Final

from orchestrator.errors import IdentityError, NotFound, SecretError
from orchestrator.model.ids import JsonObject, UserId

from .gateway import Gateway, route
from .recovery import (
    ALGORITHM,
    IV_BYTES,
    KEY_BYTES,
    StorageKey,
    derive_from_passphrase,
    read_recovery_key,
    sealed_in,
    write_recovery_key,
)

PATIENCE_S: Final = 30.0
_DEFAULT: Final = "m.secret_storage.default_key"


async def fetch_secrets(gateway: Gateway, user: UserId, recovery_key: str, names: Sequence[str]) -> Mapping[str, str]:
    """Fetch and open secrets.

    Args:
        gateway: logged in as ``user``.
        user: whose account data it is.
        recovery_key: as its owner keeps it, or the passphrase it was made from.
        names: all of these.

    Raises:
        SecretError: the recovery key is none, or another account's.
        IdentityError: there is nothing to open, or a secret is missing.
        MatrixError: the server cannot be asked.
    """
    default = await _read(gateway, user, _DEFAULT) or {}
    key_id = default.get("key")
    description = await _read(gateway, user, f"m.secret_storage.key.{key_id}") if key_id else None
    if description is None or description.get("algorithm") != ALGORITHM:
        raise IdentityError(
            f"A recovery key was given, but {user} keeps no secrets on the server that it could open. Set up key storage"
            " in the client that made the identity, or replace the identity with --reset-identity."
        )
    storage = await _storage_key(recovery_key, description)
    found: dict[str, str] = {}
    for name in names:
        sealed = sealed_in(await _read(gateway, user, name) or {}, str(key_id))
        try:
            found[name] = storage.open(name, sealed)
        except ValueError:
            raise IdentityError(
                f"The secret storage of {user} does not hold the whole identity ({name} is missing or damaged). Set up"
                " key storage anew in the client that made it, or replace the identity with --reset-identity."
            ) from None
    return found


async def store_secrets(gateway: Gateway, user: UserId, named: Mapping[str, str]) -> str:
    """Make a secret storage with these secrets in it, and return its recovery key.

    Raises:
        IdentityError: the account has one already.
        MatrixError: the server cannot be asked.
    """
    if (await _read(gateway, user, _DEFAULT) or {}).get("key"):
        raise IdentityError(f"{user} already keeps secrets on the server. Use the recovery key that was made then.")
    storage, key_id = StorageKey(random.token_bytes(KEY_BYTES)), random.token_hex(16)
    await _write(gateway, user, f"m.secret_storage.key.{key_id}", storage.describe(random.token_bytes(IV_BYTES)))
    for name, secret in named.items():
        sealed = storage.seal(name, secret, random.token_bytes(IV_BYTES))
        await _write(gateway, user, name, {"encrypted": {key_id: sealed}})
    # Last, so that half of it counts for nothing.
    await _write(gateway, user, _DEFAULT, {"key": key_id})
    return write_recovery_key(storage.key)


async def _storage_key(text: str, description: JsonObject) -> StorageKey:
    try:
        key = read_recovery_key(text)
    except ValueError:
        try:
            key = await asyncio.to_thread(derive_from_passphrase, text.strip(), description.get("passphrase"))
        except ValueError:
            raise SecretError("The recovery key is not one. Check the file for a missing or changed letter.") from None
    storage = StorageKey(key)
    try:
        right = storage.opens(description)
    except ValueError:
        right = False
    if not right:
        raise SecretError("The recovery key does not open this account's secret storage. Is it another account's?")
    return storage


async def _read(gateway: Gateway, user: UserId, type_: str) -> JsonObject | None:
    try:
        return await gateway.call("GET", route("user", user, "account_data", type_), patience_s=PATIENCE_S)
    except NotFound:
        return None


async def _write(gateway: Gateway, user: UserId, type_: str, content: JsonObject) -> None:
    await gateway.call("PUT", route("user", user, "account_data", type_), body=content, patience_s=PATIENCE_S)
