"""What the craft of facilitation asks of its desks: each does one thing, and has only those of these it needs.

A desk that is given something which is not its own answers None, and the next one is asked. What it sets and asks is named
by its prefix: timers, tags and subjects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx


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
