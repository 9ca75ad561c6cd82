"""Signed JSON: Ed25519 signatures made and checked, over canonical JSON.

Checked with ``cryptography`` and never with vodozemac, whose Ed25519 key from text aborts (a Rust panic, which is no
``Exception``) on a key of the wrong length: any member could stop a bot with one malformed device.

Source: appendices, "Signing JSON" and "Unpadded base64".
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orchestrator.model.ids import Json, JsonObject, UserId


def encode64(data: bytes) -> str:
    """Write bytes in base64 without padding."""
    return b64encode(data).decode().rstrip("=")


def decode64(text: str) -> bytes:
    """Read base64, padded or not; raises ValueError."""
    bare = text.rstrip("=")
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def canonical(value: JsonObject) -> bytes:
    """Write an object the one way that is signed: without ``signatures`` and ``unsigned``; raises ValueError."""
    signed = {name: part for name, part in value.items() if name not in ("signatures", "unsigned")}
    return json.dumps(signed, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def is_signed(value: Json, user: str, name: str, public: str) -> bool:
    """Tell whether an object carries a good signature.

    Args:
        value: the object, with its ``signatures``.
        user: who is said to have signed it.
        name: the key's name after ``ed25519:``: a device id, or of a cross-signing key its public part.
        public: the Ed25519 public key in base64.
    """
    signatures = value.get("signatures") if isinstance(value, Mapping) else None
    of_user = signatures.get(user) if isinstance(signatures, Mapping) else None
    signature = of_user.get(f"ed25519:{name}") if isinstance(of_user, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(signature, str):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(decode64(public)).verify(decode64(signature), canonical(value))
    except (ValueError, RecursionError, InvalidSignature):
        return False
    return True


class SigningKey:
    """An Ed25519 key pair that is named by its own public part, as cross-signing keys are."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = encode64(self._key.public_key().public_bytes_raw())

    def signature(self, value: JsonObject) -> str:
        """Sign an object; returns the signature alone."""
        return encode64(self._key.sign(canonical(value)))

    def sign(self, value: JsonObject, user: UserId) -> JsonObject:
        """Return the object with this signature and no other, and without ``unsigned``."""
        bare = {name: part for name, part in value.items() if name not in ("signatures", "unsigned")}
        return {**bare, "signatures": {user: {f"ed25519:{self.public}": self.signature(value)}}}
