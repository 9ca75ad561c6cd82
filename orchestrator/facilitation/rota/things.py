"""What the rota speaks of: turns to fill, shifts that people have, what was changed since, and who is on when.

All times are UTC milliseconds, all spans half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum

from orchestrator.documents.declared import Rota
from orchestrator.model.cadence import Span
from orchestrator.model.ids import RoomKey, UserId


class Part(StrEnum):
    """What somebody does in a shift: keep the room, keep it beside somebody, or watch how it is done."""

    FACILITATOR = "facilitator"
    CO = "co-facilitator"
    SHADOW = "shadow"


class GaveWay(StrEnum):
    """What could not be kept when a turn was given to somebody, in the order in which it gives way."""

    WEIGHTS = "weights"
    BACK_TO_BACK = "back-to-back"
    REST = "rest"
    """Whoever gets such a turn is asked, and it is not theirs before they said yes."""


class Why(StrEnum):
    """What decided who is on, from the strongest to the weakest."""

    HISTORY = "history"
    TEMPORARY = "temporary"
    OVERRIDE = "override"
    SHIFT = "shift"
    FALLBACK = "fallback"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody on a rota, from when and until when; None: no such bound."""

    user: UserId
    from_ms: int | None = None
    until_ms: int | None = None

    def serves(self, span: Span) -> bool:
        """Tell whether they are on the rota all through a span."""
        return (self.from_ms is None or self.from_ms <= span.start_ms) and (
            self.until_ms is None or span.end_ms <= self.until_ms
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One room's rota with its people: all that is declared.

    Attributes:
        keepers: in the order in which they are written; each layer takes its own people out of them.
        shadows: who watches for now, in order; one of them is on each shift in turn.
        fallback: who is on where nobody else is, the first of them who is not away; empty: then it is a gap.
    """

    room: RoomKey
    zone: tzinfo
    rota: Rota
    keepers: tuple[Keeper, ...]
    shadows: tuple[UserId, ...] = ()
    fallback: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A turn to fill: one occurrence of a layer, for one part. ``(room, part, start_ms)`` names it."""

    span: Span
    room: RoomKey
    part: Part
    layer: str = ""
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A turn and who has it; None: nobody (a gap that is published, or that nobody could fill)."""

    slot: Slot
    user: UserId | None
    gave_way: frozenset[GaveWay] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A change that holds: from whom (None: there was nobody) to whom (None: nobody) during a span, in one part.

    Only what was agreed is here: a swap that nobody has taken changes nothing. They hold in the order in which they were
    made; one acts only where ``giver`` is really on.
    """

    id: str
    room: RoomKey
    part: Part
    span: Span
    giver: UserId | None
    taker: UserId | None
    made_ms: int


@dataclass(frozen=True, slots=True)
class Served:
    """What was: who was on during a span that is over; None: nobody was."""

    room: RoomKey
    part: Part
    span: Span
    user: UserId | None
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What has been settled for the rooms of one community so far.

    Attributes:
        shifts: published and begun: these stand, whatever the plan says by now.
        overrides: what was changed about them.
        served: what was; no two of one room and part overlap.
        away: when people cannot; in order and apart (``schedule.merge``).
    """

    shifts: tuple[Shift, ...] = ()
    overrides: tuple[Override, ...] = ()
    served: tuple[Served, ...] = ()
    away: Mapping[UserId, tuple[Span, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Time in which one person (None: nobody) is on in one part of a room, and what decided it.

    Attributes:
        shift: the shift it belongs to; None where it rests on a temporary schedule, a fallback or history alone.
        override: the id of the override that decided it.
    """

    room: RoomKey
    part: Part
    span: Span
    user: UserId | None
    why: Why
    shift: Shift | None = None
    override: str | None = None
