"""Recovery keys and secret storage: how an account's secrets are sealed on the server for its owner; pure.

Source: client-server API, "Secret storage", algorithm ``m.secret_storage.v1.aes-hmac-sha2``; appendices,
"Cryptographic key representation".
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orchestrator.model.ids import Json, JsonObject

from .signing import decode64, encode64

ALGORITHM: Final = "m.secret_storage.v1.aes-hmac-sha2"
KEY_BYTES: Final = 32
IV_BYTES: Final = 16
_PREFIX: Final = b"\x8b\x01"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MOST_ROUNDS: Final = 10_000_000  # clients use 500,000; a server must not be able to keep us busy for hours


@dataclass(frozen=True, slots=True)
class StorageKey:
    """The key of an account's secret storage."""

    key: bytes = field(repr=False)

    def opens(self, description: JsonObject) -> bool:
        """Tell whether this is the described key (``m.secret_storage.key.ID``); a description may not say."""
        match description:
            case {"iv": str(iv), "mac": str(mac)}:
                return _same(self._sealed("", bytes(KEY_BYTES), decode64(iv))[1], mac)
            case _:
                return True

    def describe(self, iv: bytes) -> JsonObject:
        """Write the description of this key, for which ``iv`` is 16 random bytes."""
        iv = _usable(iv)
        return {"algorithm": ALGORITHM, "iv": encode64(iv), "mac": encode64(self._sealed("", bytes(KEY_BYTES), iv)[1])}

    def seal(self, name: str, secret: str, iv: bytes) -> JsonObject:
        """Seal a secret under its name, for which ``iv`` is 16 random bytes."""
        iv = _usable(iv)
        ciphertext, mac = self._sealed(name, secret.encode(), iv)
        return {"iv": encode64(iv), "ciphertext": encode64(ciphertext), "mac": encode64(mac)}

    def open(self, name: str, sealed: Json) -> str:
        """Open a secret; raises ValueError when it was not sealed with this key under this name."""
        match sealed:
            case {"iv": str(iv), "ciphertext": str(ciphertext), "mac": str(mac)}:
                with contextlib.suppress(ValueError):
                    aes, authentic = self._keys(name)
                    data = decode64(ciphertext)
                    if _same(hmac.digest(authentic, data, "sha256"), mac):
                        return _crypt(aes, decode64(iv), data).decode()
        raise ValueError("sealed with another key")

    def _sealed(self, name: str, plain: bytes, iv: bytes) -> tuple[bytes, bytes]:
        aes, authentic = self._keys(name)
        ciphertext = _crypt(aes, iv, plain)
        return ciphertext, hmac.digest(authentic, ciphertext, "sha256")

    def _keys(self, name: str) -> tuple[bytes, bytes]:
        made = HKDF(algorithm=SHA256(), length=2 * KEY_BYTES, salt=bytes(32), info=name.encode()).derive(self.key)
        return made[:KEY_BYTES], made[KEY_BYTES:]


def write_recovery_key(key: bytes) -> str:
    """Write a key for a person to keep: base58 in groups of four."""
    data = _PREFIX + key
    number = int.from_bytes(data + bytes([reduce(xor, data)]))
    letters = ""
    while number:
        number, letter = divmod(number, 58)
        letters = _BASE58[letter] + letters
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def read_recovery_key(text: str) -> bytes:
    """Read a key as people keep it, however it is spaced; raises ValueError when it is none or was mistyped."""
    letters = "".join(text.split())
    length = len(_PREFIX) + KEY_BYTES + 1
    if letters and len(letters) <= 2 * length and set(letters) <= set(_BASE58):
        number = reduce(lambda sum_, letter: sum_ * 58 + _BASE58.index(letter), letters, 0)
        data = number.to_bytes(2 * length)[-length:]
        if number < 256**length and data.startswith(_PREFIX) and not reduce(xor, data):
            return data[len(_PREFIX) : -1]
    raise ValueError("not a recovery key")


def derive_from_passphrase(passphrase: str, how: Json) -> bytes:
    """Derive the key from a passphrase, as its description's ``passphrase`` says; takes a moment.

    Raises ValueError when it cannot be derived from one.
    """
    match how:
        case {"algorithm": "m.pbkdf2", "salt": str(salt), "iterations": int(rounds), **more} if (
            0 < rounds <= _MOST_ROUNDS
        ):
            if more.get("bits", 8 * KEY_BYTES) == 8 * KEY_BYTES:
                return hashlib.pbkdf2_hmac("sha512", passphrase.encode(), salt.encode(), rounds, KEY_BYTES)
    raise ValueError("no passphrase")


def sealed_in(content: Mapping[str, Json], key_id: str) -> Json:
    """Find what a secret's account data holds for a key, None when it holds nothing."""
    sealed = content.get("encrypted")
    return sealed.get(key_id) if isinstance(sealed, Mapping) else None


def _same(mac: bytes, text: str) -> bool:
    return hmac.compare_digest(mac, decode64(text))


def _usable(iv: bytes) -> bytes:
    # Bit 63 is kept clear: implementations of AES-CTR differ in how they count past it.
    return iv[:8] + bytes([iv[8] & 0x7F]) + iv[9:]


def _crypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    if len(iv) != IV_BYTES:
        raise ValueError("an initialization vector has 16 bytes")
    worker = Cipher(AES(key), CTR(iv)).encryptor()
    return worker.update(data) + worker.finalize()
