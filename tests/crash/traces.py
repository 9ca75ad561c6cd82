"""Looks for a string in files, in every form in which a program may have put it there."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path


def forms_of(words: str) -> Mapping[str, bytes]:
    """Write a string as raw bytes, UTF-16, hexadecimal, and base64 at each of its three alignments."""
    raw = words.encode()
    forms = {
        "raw": raw,
        "UTF-16 LE": words.encode("utf-16-le"),
        "UTF-16 BE": words.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "reversed": raw[::-1],
    }
    for alignment in range(3):
        forms[f"base64 at {alignment}"] = _inside(b64encode(b"\0" * alignment + raw), alignment, len(raw))
        forms[f"base64url at {alignment}"] = _inside(urlsafe_b64encode(b"\0" * alignment + raw), alignment, len(raw))
    return forms


def traces_in(place: Path, words: str) -> list[str]:
    """List the files below a place (or the file itself) that hold a string in any form, also in their names."""
    forms = forms_of(words)
    found: list[str] = []
    for path in _files(place):
        data = path.read_bytes()
        where = path.relative_to(place.parent)
        found += [f"{where}: {form}" for form, trace in forms.items() if trace in data]
        if words in str(where):
            found.append(f"{where}: its name")
    return found


def _files(place: Path) -> Iterable[Path]:
    if place.is_file():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file())


def _inside(encoded: bytes, alignment: int, length: int) -> bytes:
    """Cut off the characters that depend on what stands before or after."""
    first = -(-alignment * 8 // 6)
    last = (alignment + length) * 8 // 6
    return encoded[first:last]
