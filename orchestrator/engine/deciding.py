"""One decision at a time, in a savepoint of its own: what it leads to is recorded, or all of it is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orchestrator.documents.declared import Documents
from orchestrator.errors import StoreError
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import outbox

from .trouble import note_trouble

AGAIN_MS = 5 * MINUTE_MS
"""When something that a craft stumbled over in its time is tried again."""


@dataclass(slots=True)
class Taken:
    """What a transaction led to that others must hear of after the commit.

    Attributes:
        settle: a declared room came to exist or was found: the crafts must settle again.
        left: who left which room: the key of the room's messages must change.
        gaps: a timeline was not whole.
        filled: rooms whose hole is closed; who spoke there meanwhile has to be read.
        away: nothing had been heard for a while; who spoke meanwhile is not known, and has to be read.
        waiting: there is something to deliver.
        making: a room is among it.
        entered: a room that is not ours was entered, and can be read.
        troubles: (craft, what went wrong) by type, never by message.
    """

    settle: bool = False
    left: set[tuple[RoomId, UserId]] = field(default_factory=set)
    gaps: bool = False
    filled: set[RoomId] = field(default_factory=set)
    away: bool = False
    waiting: bool = False
    making: bool = False
    entered: bool = False
    troubles: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turn:
    """One transaction at work: its rows, its moment, and what it has led to so far.

    ``since_ms``: whoever comes in came no earlier than this, whatever their server says. ``undone``: what the same answer
    of the server shows to be removed again.
    """

    tx: Tx
    now: Now
    taken: Taken = field(default_factory=Taken)
    since_ms: int = 0
    undone: frozenset[EventId] = frozenset()


class Deciding:
    """Lets crafts decide, so that what goes wrong harms only itself."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def decided(self, turn: Turn, origin: str, craft: str, decide: Callable[[], Iterable[AnyEffect]]) -> bool:
        """Run one decision of one craft and record what it wants; tells whether it went well."""
        return self.guarded(turn, craft, origin, lambda: self.record(turn, origin, craft, decide()))

    def guarded(self, turn: Turn, who: str, origin: str, work: Callable[[], None]) -> bool:
        """Do something in a savepoint of its own: what goes wrong is rolled back alone and written down by id.

        Returns:
            whether it went well.
        """
        try:
            with turn.tx.savepoint():
                work()
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a bad room, event or craft harms only itself
            turn.taken.troubles.append((who, type(error).__name__))
            note_trouble(turn.tx, self._documents, who, origin, error, turn.now.at_ms)
            return False
        return True

    def record(self, turn: Turn, origin: str, craft: str, effects: Iterable[AnyEffect]) -> None:
        """Record what a craft wants because of ``origin``."""
        for effect in effects:
            outbox.record(turn.tx, origin, craft, effect, turn.now.at_ms)
