"""Secrets are read from files that nobody else can read; never from arguments, and never logged.

What config.yaml says is ``documents.authored.Config``; this module opens the files that it names.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from shlex import quote
from typing import Final

from .documents.authored import Account, Config
from .errors import SecretError

__all__ = ["Account", "Config", "read_secret"]

_MOST_BYTES: Final = 16 * 1024


def read_secret(path: Path) -> str:
    """Read a secret from a file of its own, without the line break at its end.

    Raises:
        SecretError: the file is missing, unreadable, empty, too large, no text, or readable by others; says what to do.
    """
    try:
        # Not blocking: a pipe in the wrong place must not hold up the start.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SecretError(f"{path} is missing. Put the secret into it and run: {_private(path)}", path=path) from None
    except OSError as error:
        reason = error.strerror or "the system gives no reason"
        raise SecretError(f"{path} cannot be read ({reason}). Let its owner run the bot.", path=path) from None
    try:
        state = os.fstat(opened)
        if not stat.S_ISREG(state.st_mode):
            raise SecretError(f"{path} is not a regular file. Put the secret into a file of its own.", path=path)
        if state.st_mode & 0o077:
            raise SecretError(f"{path} can be read by others. Run: {_private(path)}", path=path)
        raw = os.read(opened, _MOST_BYTES + 1)
    finally:
        os.close(opened)
    if len(raw) > _MOST_BYTES:
        raise SecretError(f"{path} is too large for a secret. Is it the right file?", path=path)
    try:
        secret = raw.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise SecretError(f"{path} is not text. Is it the right file?", path=path) from None
    if not secret.strip():
        raise SecretError(f"{path} is empty. Put the secret into it.", path=path)
    return secret


def _private(path: Path) -> str:
    return f"chmod 600 {quote(str(path))}"
