"""Ed25519 signatures over JSON: checked by the server, made by tests that play a client."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .values import JsonObject, canonical, from_base64, obj, text, to_base64


class SigningKey:
    """An Ed25519 key pair made from a word, so that tests always get the same one."""

    def __init__(self, word: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())
        self.public = to_base64(self._private.public_key().public_bytes_raw())

    def sign(self, signed: JsonObject, user_id: str, key_id: str) -> JsonObject:
        """Copy JSON with one more signature, under ``ed25519:<key_id>``."""
        before = obj(signed.get("signatures"))
        mine = {**obj(before.get(user_id)), f"ed25519:{key_id}": to_base64(self._private.sign(_signed_bytes(signed)))}
        return {**signed, "signatures": {**before, user_id: mine}}


def is_signed(signed: JsonObject, user_id: str, key: str, public: str) -> bool:
    """Tell whether a signature under ``key`` (``ed25519:...``) is there and right.

    Source: appendix "Signing JSON"; ``signatures`` and ``unsigned`` are not part of what is signed.
    """
    signature = text(obj(obj(signed.get("signatures")).get(user_id)).get(key))
    try:
        Ed25519PublicKey.from_public_bytes(from_base64(public)).verify(from_base64(signature), _signed_bytes(signed))
    except (InvalidSignature, ValueError):
        return False
    return True


def bare(signed: JsonObject) -> JsonObject:
    """Copy JSON without ``signatures`` and ``unsigned``."""
    return {key: value for key, value in signed.items() if key not in ("signatures", "unsigned")}


def _signed_bytes(signed: JsonObject) -> bytes:
    return canonical(bare(signed))
