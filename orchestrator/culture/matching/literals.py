"""What a pattern cannot match without: letters that must stand in every text it matches.

A cautious reading of RE2's syntax: what is not understood yields nothing, and then the pattern is tried on every text.
Source: RE2's syntax page.
"""

from __future__ import annotations

import re
from typing import Final

_REPEAT: Final = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_GROUP: Final = re.compile(r"\((?:\?(?:P?<\w+>|[imsU]*(?:-[imsU]+)?:))?")
_FLAGS: Final = re.compile(r"\(\?[imsU]*(?:-[imsU]+)?\)")
_BOUNDS: Final = frozenset("bBAz")
_CLASSES: Final = frozenset("dDwWsS")
_DEEPEST: Final = 50


class _Unknown(Exception):
    """Something that is not understood."""


def needed(pattern: str) -> frozenset[str] | None:
    """List texts (casefolded) of which one at least stands in whatever the pattern matches; None when nothing is known.

    Args:
        pattern: one that RE2 takes.
    """
    try:
        reader = _Reader(pattern)
        found = reader.either(0)
    except _Unknown:
        return None
    return found if reader.at == len(pattern) else None


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.at = 0

    def either(self, depth: int) -> frozenset[str] | None:
        """Read branches: one of what each needs is needed."""
        if depth > _DEEPEST:
            raise _Unknown
        branches = [self._row(depth)]
        while self._next() == "|":
            self.at += 1
            branches.append(self._row(depth))
        if any(branch is None for branch in branches):
            return None
        return frozenset().union(*(branch for branch in branches if branch is not None))

    def _next(self) -> str:
        return self._pattern[self.at : self.at + 1]

    def _row(self, depth: int) -> frozenset[str] | None:
        """Read what stands in a row: the best of what its parts need."""
        best: frozenset[str] | None = None
        run = ""
        while (sign := self._next()) and sign not in "|)":
            literal, inner = self._part(depth)
            least = self._repeat()
            if literal is None and inner is None and least < 0:
                continue  # a bound or a flag: what stands around it stays together
            if literal is not None and least == 1 and not self._repeated:
                run += literal
                continue
            best = _better(best, _alone(run + literal * (least > 0) if literal is not None else run))
            run = literal if literal is not None and least > 0 else ""
            if inner is not None and least > 0:
                best = _better(best, inner)
        return _better(best, _alone(run))

    def _part(self, depth: int) -> tuple[str | None, frozenset[str] | None]:
        """Read one part: a letter, or something else with what it needs."""
        sign = self._next()
        self._bound = False
        if sign == "\\":
            return self._escaped(), None
        if sign == "[":
            self._class()
            return None, None
        if sign == "(":
            if flags := _FLAGS.match(self._pattern, self.at):
                self.at = flags.end()
                self._bound = True
                return None, None
            opened = _GROUP.match(self._pattern, self.at)
            if opened is None or (self._pattern.startswith("(?", self.at) and opened.end() == self.at + 1):
                raise _Unknown
            self.at = opened.end()
            inner = self.either(depth + 1)
            if self._next() != ")":
                raise _Unknown
            self.at += 1
            return None, inner
        self.at += 1
        if sign in "^$":
            self._bound = True
            return None, None
        if sign in "*+?":
            raise _Unknown
        return (None if sign == "." else sign), None

    def _escaped(self) -> str | None:
        sign = self._pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if sign in _BOUNDS and sign:
            self._bound = True
            return None
        if sign in _CLASSES and sign:
            return None
        if sign in "pP" and sign:
            end = self._pattern.find("}", self.at) if self._next() == "{" else self.at
            if end < 0:
                raise _Unknown
            self.at = end + 1
            return None
        if not sign or sign.isalnum():
            raise _Unknown  # \x, \Q, \n and others: seldom, and not worth a mistake
        return sign

    def _class(self) -> None:
        """Skip over a class of signs."""
        self.at += 1
        if self._next() == "^":
            self.at += 1
        first = True
        while first or self._next() != "]":
            if not self._next():
                raise _Unknown
            if self._pattern.startswith("[:", self.at):
                end = self._pattern.find(":]", self.at)
                self.at = end + 2 if end >= 0 else self.at + 1
            else:
                self.at += 2 if self._next() == "\\" else 1
            first = False
        self.at += 1

    def _repeat(self) -> int:
        """Read how often the part stands there at least; -1 for a bound."""
        self._repeated = False
        least = 1
        while sign := self._next():
            counted = _REPEAT.match(self._pattern, self.at)
            if sign in "*?":
                least, self.at = 0, self.at + 1
            elif sign == "+":
                self.at += 1
            elif counted is not None:
                least, self.at = min(least, int(counted[1])), counted.end()
            else:
                break
            self._repeated = True
        return -1 if self._bound and not self._repeated else least


def _alone(run: str) -> frozenset[str] | None:
    return frozenset({run.casefold()}) if run else None


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """Choose the one whose shortest text is longer: it is found by chance less often."""
    if one is None or other is None:
        return one if other is None else other
    return one if min(map(len, one), default=0) >= min(map(len, other), default=0) else other
