"""What a craft with many things to do is made of: desks. Each does one thing, and has only those of these it needs.

A desk that is given something which is not its own answers None, and the next one is asked. What it sets and asks is named
by its prefix: timers, tags and subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from .effects import AnyEffect, Result
from .events import Event
from .feature import Answer, Command, Now, Timer, Tx


@runtime_checkable
class Commanding(Protocol):
    """Answers commands."""

    @property
    def commands(self) -> Sequence[Command]:
        """List them."""
        ...


@runtime_checkable
class Settling(Protocol):
    """Brings its rows in line with the documents."""

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Do that; doing it again changes nothing."""
        ...


@runtime_checkable
class Deciding(Protocol):
    """Sees what happens in rooms."""

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Decide about an event."""
        ...


@runtime_checkable
class Waking(Protocol):
    """Has timers."""

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Decide about a timer that fell due; None: it is another desk's."""
        ...


@runtime_checkable
class Following(Protocol):
    """Follows up on what was done."""

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Take note of what became of an effect; None: it is another desk's."""
        ...


@runtime_checkable
class Answering(Protocol):
    """Asks questions."""

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Act on what became of a question; None: another desk asked."""
        ...


class Desks:
    """A craft that is its desks, asked in turn: all that a ``Feature`` does, but for its name.

    Args:
        desks: in the order in which they settle, hear of things, and are listed in help.
    """

    def __init__(self, *desks: object) -> None:
        self._desks = desks

    @property
    def commands(self) -> Sequence[Command]:
        """What they answer, in the order in which help lists it."""
        return [command for desk in self._desks if isinstance(desk, Commanding) for command in desk.commands]

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Let every desk bring its rows in line with the documents."""
        for desk in self._desks:
            if isinstance(desk, Settling):
                yield from desk.settle(tx, now)

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Let every desk see what happened."""
        for desk in self._desks:
            if isinstance(desk, Deciding):
                yield from desk.decide(tx, event, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Give a timer to the desk whose it is."""
        return _first(desk.due(tx, timer, now) for desk in self._desks if isinstance(desk, Waking))

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Tell the desk that asked for it what became of an effect."""
        return _first(desk.done(tx, result, now) for desk in self._desks if isinstance(desk, Following))

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Tell the desk that asked what became of its question."""
        return _first(desk.answered(tx, answer, now) for desk in self._desks if isinstance(desk, Answering))


def _first(answers: Iterable[Iterable[AnyEffect] | None]) -> Iterable[AnyEffect]:
    return next((effects for effects in answers if effects is not None), ())
