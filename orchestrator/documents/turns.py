"""Whose turn it is to keep a room, as it is declared; all durations are milliseconds, all clocks those on the wall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from orchestrator.model.cadence import Cadence, Every, QuietHours, Weekday
from orchestrator.model.ids import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class RotaLayer:
    """Turns that some people take. Where several layers have a turn at one time, the first has it.

    Attributes:
        name: unique within the rota; "" for the one that is written as the rota itself.
        lasts: how long a turn is, on the clock on the wall; None: until the next one begins.
        people: who takes turns, in order; empty: all facilitators of the room.
        weights: how much a turn that begins on a weekday counts; 1 where nothing is said.
    """

    name: str
    cadence: Cadence
    lasts: Every | None = None
    people: tuple[UserId, ...] = ()
    weights: Mapping[Weekday, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTurn:
    """One turn of a temporary schedule, on the clock on the wall (naive local times)."""

    who: UserId
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """A stretch in which only what is written here counts; what no turn covers then is a gap. Naive local times."""

    start: datetime
    end: datetime
    turns: tuple[FixedTurn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """Who facilitates when.

    Attributes:
        layers: at least one; the first ones first.
        mode: people take turns as they are written, or whoever has not had one for longest is next.
        publish_ms: how far ahead turns are given to people, and stand from then on.
        offer_ms: how long before it begins somebody is asked whether they can; never before it is published.
        accept_within_ms: how long they have to answer; None: nobody is asked.
        rest_ms: the least time between two shifts of one person, across rooms.
        back_to_back: one person may have two turns in a row.
        max_terms: how many shifts somebody may have without a rest between them.
        co_facilitator: every shift has somebody beside the facilitator.
        reminders_ms: how long before a shift people are reminded who did not say it otherwise.
        temporary: in order and apart.
        fallback: who is on where nobody else is.
        show: where in the room it is shown who is on duty.
    """

    layers: tuple[RotaLayer, ...]
    mode: Literal["order", "fair"]
    publish_ms: int
    offer_ms: int
    accept_within_ms: int | None
    rest_ms: int | None
    back_to_back: bool
    max_terms: int | None
    co_facilitator: bool
    reminders_ms: tuple[int, ...]
    quiet: QuietHours | None
    temporary: tuple[Temporary, ...] = ()
    fallback: tuple[UserId, ...] = ()
    show: Literal["topic", "nowhere"] = "nowhere"

    @property
    def cadence(self) -> Cadence:
        """When turns of the first layer begin."""
        return self.layers[0].cadence


@dataclass(frozen=True, slots=True)
class Serving:
    """From when and until when somebody is on a rota (naive local times); None: no such bound."""

    start: datetime | None = None
    end: datetime | None = None
