"""What the engine needs of the outside and of some crafts only, as protocols: it never speaks to a homeserver itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from orchestrator.model.batch import Page
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import Event, Member, Message, State, Unreadable
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import EventId, RoomId, UserId


class History(Protocol):
    """Reads back what a room's timeline held."""

    async def page(self, room: RoomId, *, start: str, stop: str, limit: int = 100) -> Page:
        """Read a page backwards from ``start`` towards ``stop``."""
        ...

    async def event(self, room: RoomId, event: EventId) -> Event | None:
        """Read one event; None when it is gone or not ours to see."""
        ...


@runtime_checkable
class Rememberer(Protocol):
    """A craft that can know again what it did before the bot's memory was lost."""

    def recall(self, tx: Tx, room: RoomId, ours: Sequence[Message | Unreadable], now: Now) -> Iterable[AnyEffect]:
        """Look at what the bot itself said in a room and is pinned there, oldest pin first."""
        ...


@runtime_checkable
class Onlooker(Protocol):
    """A craft that reads rooms which are not ours."""

    def to_read(self, tx: Tx, now: Now) -> Sequence[RoomId]:
        """List the rooms whose whole state is wanted now."""
        ...

    def read(self, tx: Tx, room: RoomId, state: Sequence[State], now: Now) -> Iterable[AnyEffect]:
        """Take in all that such a room says."""
        ...


class Sight(Protocol):
    """Reads rooms as they are now."""

    async def all_state(self, room: RoomId) -> Sequence[State]:
        """Read all of a room's state but its memberships."""
        ...

    async def everything(self, room: RoomId) -> Sequence[State | Member]:
        """Read all of a room's state, its memberships too."""
        ...


@runtime_checkable
class Greeter(Protocol):
    """A craft that decides about invitations."""

    def invited(self, tx: Tx, room: RoomId, inviter: UserId, now: Now, *, direct: bool) -> Iterable[AnyEffect]:
        """Decide whether to come."""
        ...


@runtime_checkable
class Beholder(Protocol):
    """A craft that knows what claimed state should be."""

    def stands(self, tx: Tx, event: State, now: Now) -> bool:
        """Tell whether a state event is, beyond doubt, what is claimed of it, so that it need not be looked at again."""
        ...
