"""Texts with names in braces, such as ``{name}``: which names there are, and what is put in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

NAMES: Final = ("name", "purpose", "community", "key", "title")
"""What may stand in braces in a text: the room's name, the purpose, the community's key, the room's key, the community's
name."""

_NAME: Final = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)\}")


def filled(names: tuple[str, ...], read: Callable[[object], str]) -> Callable[[object], str]:
    """Make a reader of texts in which only these names may stand in braces, such as ``{name}``."""

    def read_filled(value: object) -> str:
        found = read(value)
        if complaint := stranger(found, names):
            raise ValueError(complaint)
        return found

    return read_filled


def stranger(pattern: str, names: Collection[str]) -> str | None:
    """Say which name in braces stands for nothing here, and which there are; None when all are known."""
    unknown = next((name for name in _NAME.findall(pattern) if name not in names), None)
    if unknown is None:
        return None
    known = ", ".join(f"{{{name}}}" for name in names)
    return f"{{{unknown[:20]}}} stands for nothing here. You can use {known}."


def fill(pattern: str, names: Mapping[str, str]) -> str:
    """Put in what names in braces stand for; once, so that what is put in is never read again."""
    return _NAME.sub(lambda found: names.get(found[1], found[0]), pattern)
