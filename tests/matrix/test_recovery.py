"""Recovery keys and sealed secrets, against the specification done a second time by hand."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.matrix.recovery import (
    StorageKey,
    derive_from_passphrase,
    read_recovery_key,
    sealed_in,
    write_recovery_key,
)
from orchestrator.model.ids import Json

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
KEYS = st.binary(min_size=32, max_size=32)
IVS = st.binary(min_size=16, max_size=16)
# The pair that other clients' own tests use (matrix-js-sdk).
KNOWN_KEY = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
KNOWN_TEXT = "EsTc LW2K PGiF wKEA 3As5 g5c4 BXwk qeeJ ZJV8 Q9fu gUMN UE4d"


def by_hand(key: bytes, name: str, plain: bytes, iv: bytes) -> tuple[bytes, bytes]:
    """Seal as the specification's steps read, with HKDF (RFC 5869) written out."""
    prk = hmac.digest(bytes(32), key, "sha256")
    first = hmac.digest(prk, name.encode() + b"\1", "sha256")
    second = hmac.digest(prk, first + name.encode() + b"\2", "sha256")
    worker = Cipher(AES(first), CTR(iv)).encryptor()
    ciphertext = worker.update(plain) + worker.finalize()
    return ciphertext, hmac.digest(second, ciphertext, "sha256")


def test_a_known_recovery_key_is_written_and_read() -> None:
    assert write_recovery_key(KNOWN_KEY) == KNOWN_TEXT
    assert read_recovery_key(KNOWN_TEXT) == KNOWN_KEY


@given(KEYS)
def test_every_key_comes_back_however_it_is_spaced(key: bytes) -> None:
    text = write_recovery_key(key)
    assert read_recovery_key(text) == key
    assert read_recovery_key("\n " + text.replace(" ", "") + "\n") == key
    assert read_recovery_key(text.replace(" ", " \t\n")) == key


@given(KEYS, st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_wrong_byte_is_noticed(key: bytes, place: int, change: int) -> None:
    text = write_recovery_key(key)
    number = 0
    for letter in text.replace(" ", ""):
        number = number * 58 + BASE58.index(letter)
    data = bytearray(number.to_bytes(35))
    data[place % 35] ^= change
    letters, number = "", int.from_bytes(data)
    while number:
        number, letter_at = divmod(number, 58)
        letters = BASE58[letter_at] + letters
    with pytest.raises(ValueError, match="not a recovery key"):
        read_recovery_key(letters)


@given(st.text(max_size=60))
def test_what_is_no_recovery_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a recovery key"):
        read_recovery_key(text)


@given(KEYS, st.text(max_size=30), st.text(max_size=60), IVS)
def test_a_secret_is_sealed_as_the_specification_says(key: bytes, name: str, secret: str, iv: bytes) -> None:
    sealed: Any = StorageKey(key).seal(name, secret, iv)
    used = b64decode(sealed["iv"] + "==")
    assert not used[8] & 0x80, "bit 63 must be clear"
    ciphertext, mac = by_hand(key, name, secret.encode(), used)
    assert b64decode(sealed["ciphertext"] + "==") == ciphertext
    assert b64decode(sealed["mac"] + "==") == mac
    assert StorageKey(key).open(name, sealed) == secret


@given(KEYS, IVS)
def test_a_description_tells_the_right_key_from_a_wrong_one(key: bytes, iv: bytes) -> None:
    description: Any = StorageKey(key).describe(iv)
    _, mac = by_hand(key, "", bytes(32), b64decode(description["iv"] + "=="))
    assert b64decode(description["mac"] + "==") == mac
    assert StorageKey(key).opens(description)
    assert not StorageKey(bytes([key[0] ^ 1]) + key[1:]).opens(description)


def test_padded_base64_of_other_clients_is_read() -> None:
    key, iv = secrets.token_bytes(32), bytes(16)
    ciphertext, mac = by_hand(key, "m.cross_signing.master", b"seed", iv)
    padded = {"iv": iv, "ciphertext": ciphertext, "mac": mac}
    sealed = {name: b64encode(data).decode() for name, data in padded.items()}
    assert sealed["iv"].endswith("=")
    assert StorageKey(key).open("m.cross_signing.master", sealed) == "seed"


def test_a_description_that_does_not_say_counts_as_right() -> None:
    assert StorageKey(bytes(32)).opens({"algorithm": "m.secret_storage.v1.aes-hmac-sha2"})


@pytest.mark.parametrize(
    "sealed",
    [None, {}, [], {"iv": "AAAA", "ciphertext": "", "mac": ""}, {"iv": "é", "ciphertext": "é", "mac": "é"}],
)
def test_a_secret_that_makes_no_sense_is_refused(sealed: Any) -> None:
    with pytest.raises(ValueError, match="another key"):
        StorageKey(bytes(32)).open("m.cross_signing.master", sealed)


def test_a_secret_of_another_key_or_another_name_is_refused() -> None:
    sealed = StorageKey(bytes(32)).seal("m.cross_signing.master", "seed", bytes(16))
    with pytest.raises(ValueError, match="another key"):
        StorageKey(b"x" * 32).open("m.cross_signing.master", sealed)
    with pytest.raises(ValueError, match="another key"):
        StorageKey(bytes(32)).open("m.cross_signing.self_signing", sealed)


def test_a_passphrase_gives_the_key_its_description_means() -> None:
    how: dict[str, Json] = {"algorithm": "m.pbkdf2", "salt": "MmMsAlty", "iterations": 1000, "bits": 256}
    wanted = hashlib.pbkdf2_hmac("sha512", b"correct horse", b"MmMsAlty", 1000, 32)
    assert derive_from_passphrase("correct horse", how) == wanted
    assert derive_from_passphrase("correct horse", {name: how[name] for name in how if name != "bits"}) == wanted


@pytest.mark.parametrize(
    "change", [{"iterations": 10**9}, {"iterations": 0}, {"algorithm": "x"}, {"bits": 512}, {"salt": 7}]
)
def test_a_passphrase_that_would_take_for_ever_or_makes_no_sense_is_refused(change: Any) -> None:
    how = {"algorithm": "m.pbkdf2", "salt": "MmMsAlty", "iterations": 1000, "bits": 256, **change}
    with pytest.raises(ValueError, match="passphrase"):
        derive_from_passphrase("correct horse", how)
    with pytest.raises(ValueError, match="passphrase"):
        derive_from_passphrase("correct horse", None)


def test_a_secret_is_found_under_its_key() -> None:
    assert sealed_in({"encrypted": {"id": {"iv": "x"}}}, "id") == {"iv": "x"}
    assert sealed_in({"encrypted": {}}, "id") is None
    assert sealed_in({}, "id") is None
