from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.config import read_secret
from orchestrator.errors import SecretError


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "my keeper.password"
    path.write_text("correct horse\n")
    path.chmod(0o600)
    return path


def test_a_secret_is_read_without_the_line_break_at_its_end(secret: Path) -> None:
    assert read_secret(secret) == "correct horse"
    secret.write_bytes(b"\xef\xbb\xbf with space \r\n")
    assert read_secret(secret) == " with space "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_secret_that_others_can_read_is_refused_with_the_command_that_helps(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    with pytest.raises(SecretError) as caught:
        read_secret(secret)
    assert str(caught.value) == f"{secret} can be read by others. Run: chmod 600 '{secret}'"


def test_a_missing_secret_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"keeper\.password is missing\. Put the secret into it and run: chmod 600"):
        read_secret(tmp_path / "keeper.password")


def test_what_is_no_file_does_not_hold_up_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SecretError, match="not a regular file"):
            read_secret(path)


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "not text"), (b"x" * 20_000, "too large")]
)
def test_what_cannot_be_a_secret_is_refused_without_being_shown(secret: Path, content: bytes, says: str) -> None:
    secret.write_bytes(content)
    with pytest.raises(SecretError) as caught:
        read_secret(secret)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300
