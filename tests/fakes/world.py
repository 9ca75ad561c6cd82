"""What the fake server knows, in one place; the modules that act on it are functions over it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .accounts import Accounts, Requester
from .clock import FakeClock, Pulse
from .events import ROOM_VERSIONS, Draft, Event, RoomVersion, Transaction
from .far import FarServer
from .inbox import Inbox
from .keys import Keys
from .limits import Limiter
from .problems import forbidden
from .room import Room
from .values import Json, JsonObject, digest

TRANSACTIONS_KEPT_MS = 24 * 60 * 60 * 1000
"""How long Synapse remembers which transaction made which event."""

ANSWERS_KEPT_MS = 30 * 60 * 1000
"""How long it gives the same answer to the same transaction before anything else, rate limits included."""


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a room."""

    room_id: str
    creator: str


@dataclass(slots=True)
class Media:
    """A place for a file; ``data`` is None until it is there."""

    owner: str
    since_ms: int
    kind: str = ""
    data: bytes | None = field(default=None, repr=False)


@dataclass(slots=True)
class World:
    """All state of the fake homeserver.

    Attributes:
        stream: the position of the newest thing; every event, key change and piece of account data has one.
        oldest: the position of what was filled in last from before the beginning; counts down.
        pulse: beats when something happened that a long poll may wait for, or a test.
        lets_publish: whether rooms may be listed in the directory; a stock Synapse does not let anybody.
        versions: the room versions it knows.
        far: the other servers that have something to say.
    """

    server_name: str
    clock: FakeClock
    accounts: Accounts
    limiter: Limiter
    inbox: Inbox
    keys: Keys
    default_room_version: str = "12"
    lets_publish: bool = False
    stream: int = 0
    oldest: int = 0
    pulse: Pulse = field(default_factory=Pulse)
    rooms: dict[str, Room] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    transactions: dict[tuple[str, str, str, str], tuple[int, Event]] = field(default_factory=dict)
    versions: set[str] = field(default_factory=lambda: set(ROOM_VERSIONS))
    far: dict[str, FarServer] = field(default_factory=dict)

    def next_stream(self) -> int:
        """Take the next stream position and wake whoever waits."""
        self.stream += 1
        self.pulse.beat()
        return self.stream

    def check_active(self, user_id: str) -> None:
        """Refuse what an account that is suspended may not do (403 M_USER_SUSPENDED)."""
        account = self.accounts.get(user_id)
        if account is not None and account.suspended:
            raise forbidden("Not allowed while account is suspended.", "M_USER_SUSPENDED")

    def new_room(self, version: RoomVersion, sender: str, create: JsonObject) -> Room:
        """Make an empty room; from version 12 on its id is that of the create event to come."""
        seed = digest([sender, create, self.clock.now_ms(), self.stream, "create"])
        room_id = f"!{seed}" if version.id_is_hash else f"!{seed[:18]}:{self.server_name}"
        room = Room(room_id, version)
        self.rooms[room_id] = room
        return room

    def append(
        self, room: Room, draft: Draft, requester: Requester | None = None, txn_id: str | None = None, /
    ) -> Event:
        """Make a draft an event of a room, without asking anybody."""
        stream = self.next_stream()
        last = room.last
        event = Event(
            event_id=f"$m{stream}",
            room_id=room.room_id,
            type=draft.type,
            sender=draft.sender,
            content=draft.content,
            origin_server_ts=self.clock.now_ms(),
            stream=stream,
            depth=last.depth + 1 if last is not None else 1,
            seen_at=stream,
            state_key=draft.state_key,
            redacts=draft.redacts,
        )
        event.event_id = self._event_id(room, event)
        if draft.state_key is not None:
            event.replaces = room.state_event(draft.type, draft.state_key)
        if requester is not None and requester.device_id is not None and txn_id is not None:
            event.transaction = Transaction(requester.user_id, requester.device_id, txn_id)
            key = (room.room_id, requester.user_id, requester.device_id, txn_id)
            self.transactions[key] = (self.clock.now_ms(), event)
        room.add(event)
        return event

    def seen_transaction(
        self, requester: Requester, room_id: str, txn_id: str | None, within_ms: int = TRANSACTIONS_KEPT_MS
    ) -> Event | None:
        """Find the event of a transaction that this device did in this room not longer ago than ``within_ms``.

        Synapse asks neither for the path nor for the event type: the same id for a redaction returns the message.
        """
        if txn_id is None or requester.device_id is None:
            return None
        known = self.transactions.get((room_id, requester.user_id, requester.device_id, txn_id))
        if known is None or self.clock.now_ms() - known[0] > within_ms:
            return None
        return known[1]

    def _event_id(self, room: Room, event: Event) -> str:
        if event.type == "m.room.create" and room.version.id_is_hash:
            return "$" + room.room_id[1:]
        seed: list[Json] = [room.room_id, event.type, event.sender, event.content, event.origin_server_ts, event.stream]
        return "$" + digest(seed)
