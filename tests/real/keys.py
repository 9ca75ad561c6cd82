"""Signatures, devices and cross-signing identities, checked for real with Ed25519.

Source: client-server API, "End-to-end encryption"; appendices, "Signing JSON".
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orchestrator.model.ids import DeviceId, UserId


def canonical(value: Mapping[str, Any]) -> bytes:
    """Write JSON in the one way that is signed, without signatures and ``unsigned``."""
    bare = {key: part for key, part in value.items() if key not in ("signatures", "unsigned")}
    return json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def base64(data: bytes) -> str:
    """Write bytes in Matrix's unpadded base64."""
    return b64encode(data).decode().rstrip("=")


def is_signed(value: Mapping[str, Any], user: UserId, key_id: str, public_key: str) -> bool:
    """Tell whether ``value`` carries a good signature of ``user`` by the Ed25519 key ``key_id``."""
    try:
        signature = value["signatures"][user][f"ed25519:{key_id}"]
        key = Ed25519PublicKey.from_public_bytes(_bytes(public_key))
        key.verify(_bytes(signature), canonical(value))
    except (KeyError, TypeError, ValueError, InvalidSignature):
        return False
    return True


class CrossSigningKey:
    """One of the three keys of an identity; named by its own public part."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = base64(self._key.public_key().public_bytes_raw())

    def sign(self, value: Mapping[str, Any], user: UserId) -> dict[str, Any]:
        """Return ``value`` with this key's signature in the place of any others."""
        signature = base64(self._key.sign(canonical(value)))
        bare = {key: part for key, part in value.items() if key not in ("signatures", "unsigned")}
        return {**bare, "signatures": {user: {f"ed25519:{self.public}": signature}}}


class Identity:
    """A person's cross-signing identity: master, self-signing and user-signing key."""

    def __init__(self, user: UserId) -> None:
        self.user = user
        self.master, self.self_signing, self.user_signing = (CrossSigningKey() for _ in range(3))

    def upload(self) -> dict[str, Any]:
        """Write the body of ``POST /keys/device_signing/upload``."""
        return {
            "master_key": self._part(self.master, "master"),
            "self_signing_key": self.master.sign(self._part(self.self_signing, "self_signing"), self.user),
            "user_signing_key": self.master.sign(self._part(self.user_signing, "user_signing"), self.user),
        }

    def signatures(self, device_keys: Mapping[str, Any]) -> dict[str, Any]:
        """Write the body of ``POST /keys/signatures/upload`` that makes a device one of this person's own."""
        return {self.user: {device_keys["device_id"]: self.self_signing.sign(device_keys, self.user)}}

    def _part(self, key: CrossSigningKey, usage: str) -> dict[str, Any]:
        return {"user_id": self.user, "usage": [usage], "keys": {f"ed25519:{key.public}": key.public}}


class DeviceName(NamedTuple):
    """A device as the server addresses it."""

    user: UserId
    id: DeviceId


@dataclass(frozen=True, slots=True)
class Device:
    """A device whose keys are signed by itself.

    ``cross_signed``: also by its owner's self-signing key, which the owner's master key signed (the rule of MSC4153).
    """

    name: DeviceName
    ed25519: str
    curve25519: str
    cross_signed: bool


def devices_of(answer: Mapping[str, Any]) -> dict[DeviceName, Device]:
    """Read an answer of ``POST /keys/query``; devices that are not signed by themselves do not exist for us."""
    found = {}
    for user, devices in answer.get("device_keys", {}).items():
        self_signing = _self_signing_key(UserId(user), answer)
        for device_id, keys in devices.items():
            public = keys.get("keys", {}).get(f"ed25519:{device_id}", "")
            curve = keys.get("keys", {}).get(f"curve25519:{device_id}", "")
            itself = keys.get("user_id") == user and keys.get("device_id") == device_id
            if not itself or not curve or not is_signed(keys, user, device_id, public):
                continue
            owned = self_signing is not None and is_signed(keys, user, self_signing, self_signing)
            name = DeviceName(UserId(user), DeviceId(device_id))
            found[name] = Device(name, public, curve, owned)
    return found


def _self_signing_key(user: UserId, answer: Mapping[str, Any]) -> str | None:
    """Give the user's self-signing public key if their master key vouches for it."""
    master = _only_key(answer.get("master_keys", {}).get(user, {}), user, "master")
    signing = answer.get("self_signing_keys", {}).get(user, {})
    public = _only_key(signing, user, "self_signing")
    if master is None or public is None or not is_signed(signing, user, master, master):
        return None
    return public


def _only_key(part: Mapping[str, Any], user: UserId, usage: str) -> str | None:
    keys = part.get("keys", {})
    if part.get("user_id") != user or usage not in part.get("usage", ()) or len(keys) != 1:
        return None
    ((name, public),) = keys.items()
    return str(public) if name == f"ed25519:{public}" else None


def _bytes(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), validate=True)
