"""Sealing what is secret at rest, with one key from a file or from the environment.

The key is never used itself: every purpose has a key of its own, derived by HKDF (RFC 5869). A box is one byte of
version, a nonce of 12 bytes, and AES-256-GCM's ciphertext; its label is authenticated with it, so that one box cannot
be put in another's place.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from orchestrator.errors import SecretError

VARIABLE: Final = "CIRCLEKEEPER_SECRET_KEY"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\x01"
_URLSAFE: Final = str.maketrans("+/", "-_")


class Seal:
    """Closes and opens boxes with one key of 32 bytes."""

    __slots__ = ("_boxes", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise SecretError("The secret key is not 32 bytes long.")
        self._key = key
        self._boxes = AESGCM(self.derive("boxes"))

    @classmethod
    def load(cls, path: Path | None, environ: Mapping[str, str], *, in_use: bool) -> Seal:
        """Take the key from the environment, else from its file; make the file on the very first start.

        Args:
            path: ``secret_key_file``, None when the configuration names none.
            environ: the environment; its ``CIRCLEKEEPER_SECRET_KEY`` goes before the file.
            in_use: something is sealed already, so a new key would be of no use.

        Raises:
            SecretError: no key, a key that is none, a file that others may read or that cannot be read or made.
        """
        if given := environ.get(VARIABLE, "").strip():
            return cls(_decoded(given, VARIABLE))
        if path is None:
            raise SecretError(
                f"There is no secret key. Name a secret_key_file in the configuration, or set {VARIABLE}."
            )
        try:
            return cls(_read(path))
        except FileNotFoundError:
            if in_use:
                raise SecretError(
                    f"The secret key {path} is missing, and what is stored was sealed with it. Put the file back, or "
                    f"set {VARIABLE}. If it is lost for good, move the data directory away and start anew; the rooms "
                    "will be found again."
                ) from None
        try:
            return cls(_make(path))
        except OSError as error:
            raise SecretError(f"The secret key {path} cannot be made: {error.strerror}.") from None

    def seal(self, data: bytes, *, label: str = "") -> bytes:
        """Close a box; ``label`` says what it is, and is needed again to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._boxes.encrypt(nonce, data, label.encode())

    def open(self, box: bytes, *, label: str = "") -> bytes:
        """Open a box.

        Raises:
            SecretError: it was closed with another key or under another label, or it was damaged.
        """
        nonce, ciphertext = box[1 : 1 + _NONCE_BYTES], box[1 + _NONCE_BYTES :]
        if box[:1] == _VERSION:
            with contextlib.suppress(InvalidTag, ValueError):
                return self._boxes.decrypt(nonce, ciphertext, label.encode())
        raise wrong_key()

    def derive(self, purpose: str) -> bytes:
        """Derive a key of 32 bytes that is good for one purpose and tells nothing of the others."""
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"circlekeeper {purpose}".encode()).derive(
            self._key
        )


def wrong_key() -> SecretError:
    """Say that what is stored does not open with the key that was given."""
    return SecretError(
        f"What is stored was sealed with another secret key. Put the right secret_key_file (or {VARIABLE}) back and "
        "start again; nothing was changed."
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1024)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SecretError(f"The secret key {path} cannot be read: {error.strerror}.") from None
    if mode & 0o077:
        raise SecretError(f"Others on this machine may read the secret key {path}. Run: chmod 600 {path}")
    return _decoded(text.decode("ascii", "replace").strip(), str(path))


def _decoded(text: str, where: str) -> bytes:
    # Both alphabets of base64 are in use among people's tools, with padding and without.
    plain = text.rstrip("=").translate(_URLSAFE)
    try:
        key = urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES or urlsafe_b64encode(key).rstrip(b"=").decode() != plain:
        raise SecretError(f"The secret key in {where} is not one: it must be 32 random bytes written in base64.")
    return key


def _make(path: Path) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all, even when the power goes: a key cut in half would seal what nothing opens again.
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, urlsafe_b64encode(key) + b"\n")
        os.fsync(file)
        partial.replace(path)
    finally:
        os.close(file)
        partial.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return key
