"""JSON as the fake server holds it: mutable, typed, and hashed the way Matrix hashes it."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import TypeAlias

from .problems import MatrixProblem

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

_MAX_INT = 2**53 - 1


def obj(value: Json) -> JsonObject:
    """Read an object; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """Read an array; anything else counts as an empty one."""
    return value if isinstance(value, list) else []


def text(value: Json, default: str = "") -> str:
    """Read a string; anything else counts as ``default``."""
    return value if isinstance(value, str) else default


def texts(value: Json) -> list[str]:
    """Read the strings of an array."""
    return [entry for entry in items(value) if isinstance(entry, str)]


def whole(value: Json, default: int) -> int:
    """Read an integer; anything else (booleans too) counts as ``default``."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def canonical(value: Json) -> bytes:
    """Write JSON in the one way that is hashed and signed (appendix "Canonical JSON")."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check_canonical(value: Json) -> None:
    """Refuse what canonical JSON cannot hold: fractions and integers beyond 53 bits (400 M_BAD_JSON)."""
    if isinstance(value, dict):
        for inner in value.values():
            check_canonical(inner)
    elif isinstance(value, list):
        for inner in value:
            check_canonical(inner)
    elif isinstance(value, float):
        raise MatrixProblem(400, "M_BAD_JSON", "Bad JSON value: float")
    elif isinstance(value, int) and not -_MAX_INT <= value <= _MAX_INT:
        raise MatrixProblem(400, "M_BAD_JSON", "JSON integer out of range")


def digest(value: Json) -> str:
    """Hash JSON as an event id does: SHA-256 of its canonical form, URL-safe base64 without padding."""
    return urlsafe_b64encode(hashlib.sha256(canonical(value)).digest()).decode().rstrip("=")


def to_base64(raw: bytes) -> str:
    """Write bytes as unpadded base64, as keys and signatures are."""
    return b64encode(raw).decode().rstrip("=")


def from_base64(written: str) -> bytes:
    """Read unpadded base64; raises ValueError when it is none."""
    return b64decode(written + "=" * (-len(written) % 4), validate=True)
