"""The key that seals what is secret at rest."""

from __future__ import annotations

import secrets
import stat
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import SecretError
from orchestrator.matrix.seal import VARIABLE, Seal

KEY = bytes(range(32))


@given(data=st.binary(max_size=300), label=st.text(max_size=20))
def test_what_was_sealed_opens_again_and_shows_nothing_meanwhile(data: bytes, label: str) -> None:
    seal = Seal(KEY)
    box = seal.seal(data, label=label)
    assert Seal(KEY).open(box, label=label) == data
    assert seal.seal(data, label=label) != box
    assert len(data) < 4 or data not in box


@given(data=st.binary(max_size=50), place=st.integers(min_value=0), change=st.integers(min_value=1, max_value=255))
def test_a_box_that_was_touched_does_not_open(data: bytes, place: int, change: int) -> None:
    seal = Seal(KEY)
    box = bytearray(seal.seal(data))
    box[place % len(box)] ^= change
    with pytest.raises(SecretError):
        seal.open(bytes(box))


@given(st.binary(max_size=40))
def test_what_is_no_box_does_not_open(junk: bytes) -> None:
    with pytest.raises(SecretError):
        Seal(KEY).open(junk)


def test_a_box_opens_only_with_its_key_and_under_its_label() -> None:
    box = Seal(KEY).seal(b"seeds", label="cross-signing")
    with pytest.raises(SecretError, match="another secret key"):
        Seal(bytes(32)).open(box, label="cross-signing")
    with pytest.raises(SecretError):
        Seal(KEY).open(box, label="token")


def test_derived_keys_differ_by_purpose_and_by_key() -> None:
    keys = {Seal(KEY).derive("one"), Seal(KEY).derive("two"), Seal(bytes(32)).derive("one")}
    assert len(keys) == 3
    assert all(len(key) == 32 for key in keys)
    assert KEY not in keys
    assert Seal(KEY).derive("one") == Seal(KEY).derive("one")


def test_the_first_start_makes_a_key_that_only_we_can_read_and_the_next_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keeper.key"
    box = Seal.load(path, {}, in_use=False).seal(b"seeds")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert Seal.load(path, {}, in_use=True).open(box) == b"seeds"


def test_a_lost_key_is_not_replaced_once_something_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "keeper.key"
    with pytest.raises(SecretError, match=r"keeper\.key is missing"):
        Seal.load(path, {}, in_use=True)
    assert not path.exists()


def test_a_key_in_the_environment_goes_before_the_file_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "keeper.key"
    box = Seal(KEY).seal(b"seeds")
    for text in (b64encode(KEY), urlsafe_b64encode(KEY), b64encode(KEY).rstrip(b"="), b" " + b64encode(KEY) + b"\n"):
        assert Seal.load(path, {VARIABLE: text.decode()}, in_use=False).open(box) == b"seeds"
        assert Seal.load(None, {VARIABLE: text.decode()}, in_use=True).open(box) == b"seeds"
    assert not path.exists()


def test_both_alphabets_of_base64_are_read() -> None:
    key = bytes([0xFB, 0xFF] * 16)
    box = Seal(key).seal(b"seeds")
    assert {"+", "/"} <= set(b64encode(key).decode())
    assert Seal.load(None, {VARIABLE: b64encode(key).decode()}, in_use=True).open(box) == b"seeds"
    assert Seal.load(None, {VARIABLE: urlsafe_b64encode(key).decode()}, in_use=True).open(box) == b"seeds"


def test_without_a_key_it_says_where_to_put_one() -> None:
    with pytest.raises(SecretError, match=f"secret_key_file.*{VARIABLE}"):
        Seal.load(None, {VARIABLE: "  "}, in_use=False)


@pytest.mark.parametrize(
    "text", ["", "password", "ä" * 43, b64encode(KEY[:31]).decode(), b64encode(KEY + b"x").decode(), "a" * 42 + "!"]
)
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keeper.key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(SecretError, match="32 random bytes") as refused:
        Seal.load(path, {}, in_use=False)
    assert not text or text not in str(refused.value)
    assert path.read_text() == text


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keeper.key"
    Seal.load(path, {}, in_use=False)
    for mode in (0o640, 0o604, 0o666):
        path.chmod(mode)
        with pytest.raises(SecretError, match="chmod 600"):
            Seal.load(path, {}, in_use=True)
    path.chmod(0o400)
    Seal.load(path, {}, in_use=True)


def test_a_key_that_cannot_be_read_or_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="cannot be read: Is a directory"):
        Seal.load(tmp_path, {}, in_use=False)
    (tmp_path / "file").touch()
    with pytest.raises(SecretError, match=r"cannot be .*: Not a directory"):
        Seal.load(tmp_path / "file" / "keeper.key", {}, in_use=False)


def test_a_seal_does_not_show_its_key() -> None:
    key = secrets.token_bytes(32)
    assert repr(key)[2:-1] not in repr(Seal(key))
    with pytest.raises(SecretError):
        Seal(b"short")
