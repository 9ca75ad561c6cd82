"""The small words of a document, each read by one function: texts, keys, numbers, choices, names.

Every function takes what YAML gave and returns what it means, or raises ValueError with a sentence that says what to write
instead. The sentences never repeat what was written: it may be long, or a secret in the wrong place. ``times`` and
``addresses`` read theirs in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from .braces import NAMES

T = TypeVar("T")
_KEY: Final = re.compile(r"[a-z0-9-]{1,64}\Z")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?\Z")
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_EVENT_TYPE: Final = re.compile(r"[a-z][A-Za-z0-9_.-]*\.[A-Za-z0-9_.-]+\Z")
NOTHING: Final = "Nothing is written here. (A text that begins with # needs quotes: YAML takes it for a comment.)"


def text(value: object, *, most: int) -> str:
    """Read a text of at most ``most`` characters, without the space around it."""
    if value is None:
        raise ValueError(NOTHING)
    if not isinstance(value, str):
        raise ValueError("This must be a text. Put quotes around it.")  # noqa: TRY004 - pydantic gathers ValueErrors only
    stripped = value.strip()
    if not stripped:
        raise ValueError("Nothing is written here. Write something, or leave this line out.")
    if len(stripped) > most:
        raise ValueError(f"This is too long: {len(stripped)} characters, at most {most}.")
    return stripped


def line(value: object, *, most: int = 120) -> str:
    """Read a text of one line."""
    found = text(value, most=most)
    if "\n" in found:
        raise ValueError("This must be on one line.")
    return found


def key(value: object) -> str:
    """Read a key: lower-case letters, digits and hyphens."""
    found = text(value, most=64)
    if not _KEY.match(found):
        raise ValueError("A key is made of small letters, digits and hyphens, like tuesday-circle.")
    return found


def whole(low: int, high: int) -> Callable[[object], int]:
    """Make a reader of whole numbers from ``low`` to ``high``."""

    def read_whole(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            wanted = f"a whole number from {low} to {high}" if low < high else f"the number {low}"
            raise ValueError(f"Write {wanted}, without quotes.")
        return value

    return read_whole


def version(value: object) -> int:
    """Read the version of a document's form: 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise ValueError("This file is for a newer Circlekeeper. This one reads version: 1")
    return whole(1, 1)(value)


def truth(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError("Write true or false, without quotes.")  # noqa: TRY004 - as above
    return value


def choice(choices: Mapping[object, T]) -> Callable[[object], T]:
    """Make a reader of one of a few words."""
    known = ", ".join(str(word).lower() if isinstance(word, bool) else str(word) for word in choices)

    def read_choice(value: object) -> T:
        # 1 == True: compare types too, or `1` would pass for `true`.
        for word, meaning in choices.items():
            if type(word) is type(value) and word == value:
                return meaning
        near = nearest(value, [word for word in choices if isinstance(word, str)])
        raise ValueError(f"Write one of: {known}." + (f" Did you mean “{near}”?" if near else ""))

    return read_choice


def nearest(value: object, known: list[str]) -> str | None:
    """Find the known word that comes nearest to what was written, None when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way to an error message

    lowered = {word.lower(): word for word in reversed(known)}
    found = get_close_matches(str(value)[:80].lower().strip(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def variable(value: object) -> str:
    """Read the name of a variable of a template, such as ``day``."""
    found = text(value, most=32)
    if not _VARIABLE.match(found):
        raise ValueError("The name of a variable is made of small letters, digits and _, like day or meeting_place.")
    if found in NAMES:
        raise ValueError(f"{{{found}}} has a meaning already. Choose another name.")
    return found


def beside(value: object) -> str:
    """Read the name of a file that lies beside the one that names it, or below."""
    found = line(value, most=200)
    if found.startswith(("/", "~")) or ".." in found.split("/") or "\\" in found:
        raise ValueError("Name a file that lies beside this one, like circle.png.")
    return found


def locale(value: object) -> str:
    """Read a language tag (BCP 47), such as ``en`` or ``pt-BR``."""
    found = text(value, most=40)
    if not _LOCALE.match(found):
        raise ValueError("Write a language tag, like en, de or pt-BR.")
    return found


def event_type(value: object) -> str:
    """Read a Matrix event type, such as ``m.room.topic``."""
    found = text(value, most=255)
    if not _EVENT_TYPE.match(found):
        raise ValueError("Write a Matrix event type, like m.room.topic.")
    return found


def prefix(value: object) -> str:
    """Read what begins a command."""
    found = text(value, most=3)
    if found.startswith("/") or re.search(r"[\w\s]", found):
        raise ValueError(
            'Write one to three signs that no word begins with, like "!" (not /, which clients keep for themselves).'
        )
    return found
