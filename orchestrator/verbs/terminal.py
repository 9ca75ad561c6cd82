"""Whoever sits before the screen: what they are asked, and how far something has come, on one line or as JSON."""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from typing import Final

from orchestrator.model.ids import Json

SPARSE_S: Final = 15.0
"""How often a line is written where lines cannot be rewritten."""


def can_ask() -> bool:
    """Tell whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def ask(question: str) -> str:
    """Ask something; returns what was typed, "" at the end of all input."""
    print(question, end=" ", file=sys.stderr, flush=True)
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def agrees(question: str) -> bool:
    """Ask something that only ``yes`` says yes to."""
    return (await ask(f"{question} Type yes:")).casefold() in {"yes", "y"}


def how_long(estimate_ms: int) -> str:
    """Say about how long something takes."""
    seconds = math.ceil(estimate_ms / 1000)
    if seconds < 2:
        return "a moment"
    return f"about {seconds} seconds" if seconds < 120 else f"about {round(seconds / 60)} minutes"


class Screen:
    """Tells how something goes: to people on standard error, or to programs as one JSON object a line.

    Args:
        as_json: for programs.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._rewrites = sys.stderr.isatty() and not as_json
        self._open = False
        self._said_s = time.monotonic()
        self._last = ""

    def event(self, name: str, **facts: Json) -> None:
        """Tell programs."""
        if self._as_json:
            print(json.dumps({"event": name, **facts}, ensure_ascii=False), flush=True)

    def say(self, *lines: str) -> None:
        """Tell people."""
        if not self._as_json:
            self._end_line()
            for line in lines:
                print(line, flush=True)

    def progress(self, left: int, total: int, estimate_ms: int, *, reachable: bool = True) -> None:
        """Tell how far it has come: always on a terminal, elsewhere now and then."""
        done = max(0, total - left)
        self.event("progress", done=done, total=total, left=left, estimate_ms=estimate_ms, reachable=reachable)
        if self._as_json:
            return
        if not reachable:
            line = f"{done} of {total} done; the homeserver does not answer just now"
        elif estimate_ms:
            line = f"{done} of {total} done, {how_long(estimate_ms)} left"
        else:
            line = f"{done} of {total} done"
        now_s = time.monotonic()
        if self._rewrites:
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)
            self._open = True
        elif line != self._last and now_s - self._said_s >= SPARSE_S:
            print(line, file=sys.stderr, flush=True)
            self._said_s, self._last = now_s, line

    def _end_line(self) -> None:
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False
