"""The table of evasions and of innocent look-alikes: a line each, with what rules see in it."""

from __future__ import annotations

import re
from pathlib import Path

_HERE = Path(__file__).parent
_ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|U[0-9a-f]{8}|n|\\)")


def evasions() -> list[tuple[str, list[str]]]:
    """What somebody may write to slip past, and the rules that see it all the same."""
    lines = (line.rpartition(" | ") for line in _lines("evasions.txt"))
    return [(_read(text), [] if rules == "-" else rules.split()) for text, _bar, rules in lines]


def innocents() -> list[str]:
    """What has nothing to do with any rule."""
    return [_read(line) for line in _lines("innocents.txt")]


def _lines(name: str) -> list[str]:
    lines = (_HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


def _read(text: str) -> str:
    return _ESCAPE.sub(lambda one: {"n": "\n", "\\": "\\"}.get(one[1]) or chr(int(one[1][1:], 16)), text)
