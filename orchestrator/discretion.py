"""What may be written into a log: ids shortened, and of other people's exceptions and objects only what they are.

An exception that is not ours may quote what somebody wrote, and so may the ``repr`` of any object. Of an exception only
its type and the places in the code are told; the sentence only where it is one of ours (``CirclekeeperError``), which
never holds anybody's words. Local variables are never told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path, PurePath
from traceback import walk_tb
from types import FrameType
from typing import Final
from urllib.parse import unquote

from orchestrator.errors import CirclekeeperError
from orchestrator.model.ids import shorten

MOST_DEEP: Final = 5
MOST_EXCEPTIONS: Final = 12
FIRST_FRAMES: Final = 4
LAST_FRAMES: Final = 16

_SERVER: Final = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,253}[A-Za-z0-9])?)(?:(?::|%3[Aa])\d{1,5})?"
_IDS: Final = re.compile(
    rf"""
    [@!$\#][^\s:]{{0,254}}:{_SERVER}                                    # users, rooms, events, aliases: with a server
    | %(?:40|21|24|23)[^\s:/]{{0,700}}?%3[Aa]{_SERVER}                  # the same in a path
    | (?:[!$]|%2[14])(?:[A-Za-z0-9_\-+/=]|%2[BbFf]|%3[Dd]){{43}}        # rooms since version 12, events since 3
      (?![A-Za-z0-9_\-])
    """,
    re.VERBOSE,
)
_TOKENS: Final = re.compile(r"\b(?:sy[atrl]t?|m[acr]t)_[A-Za-z0-9_\-]{8,}|(?<=Bearer )\S+")


def shorten_ids(text: str) -> str:
    """Shorten every Matrix id in a text, percent-encoded ones too, and blot out access tokens."""
    return _TOKENS.sub("***", _IDS.sub(_shortened, text))


def _shortened(match: re.Match[str]) -> str:
    found = match[0]
    return shorten(unquote(found) if found.startswith("%") else found)


def discreet(value: object, depth: int = 0) -> object:
    """Turn any value into one that may be logged: plain data, ids shortened; of other objects only the type."""
    if isinstance(value, Enum):
        return value.name.lower()
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | PurePath):
        return shorten_ids(str(value))
    if isinstance(value, BaseException):
        return say(value)
    return _discreet_inside(value, depth)


def _discreet_inside(value: object, depth: int) -> object:
    if depth >= MOST_DEEP:
        return "..."
    if isinstance(value, Mapping):
        return {str(discreet(key, MOST_DEEP)): discreet(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [discreet(item, depth + 1) for item in value]
    return f"<{type(value).__qualname__}>"


def say(error: BaseException) -> str:
    """Name an exception in a line: its sentence if it is ours, else only its type."""
    if not isinstance(error, CirclekeeperError):
        kind = type(error)
        return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    facts = ", ".join(f"{key}={discreet(fact)}" for key, fact in error.context.items() if fact not in (None, ""))
    return f"{type(error).__qualname__}: {shorten_ids(str(error))}" + (f" ({facts})" if facts else "")


def trace(error: BaseException) -> str:
    """Tell where an exception came from, what caused it first: places in the code and ``say``, nothing else."""
    return "\n".join(_trace(error, "", set()))


def _trace(error: BaseException, indent: str, told: set[int]) -> Iterator[str]:
    if id(error) in told or len(told) >= MOST_EXCEPTIONS:
        yield f"{indent}..."
        return
    told.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause, indent, told)
        yield f"{indent}and then" if error.__cause__ is None else f"{indent}which led to"
    frames = [f"{_place(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}" for frame, line in _walk(error)]
    if len(frames) > FIRST_FRAMES + LAST_FRAMES:
        frames[FIRST_FRAMES:-LAST_FRAMES] = ["..."]
    yield from (f"{indent}  {frame}" for frame in frames)
    yield f"{indent}{say(error)}"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _trace(inner, indent + "  | ", told)


def _walk(error: BaseException) -> list[tuple[FrameType, int]]:
    return list(walk_tb(error.__traceback__))


def _place(filename: str) -> str:
    """Name a source file without telling where on this machine it lies."""
    parts = Path(filename).parts
    for root in ("site-packages", "orchestrator"):
        if root in parts[:-1]:
            start = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[start + (root == "site-packages") :])
    return Path(filename).name
