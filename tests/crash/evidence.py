"""Everything there is to see after a run: the rooms as the homeserver has them, read as members read them.

The bot's own rows are asked for three things only, each to be held against the rooms: what became of each question that
was due, which answers came too late, and whom it has yet to tell something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, EventId, RoomId, RoomKey, UserId, cause_of, locator_of
from orchestrator.store import outbox
from orchestrator.store.rows import number, text
from tests.crash.crowd import TALKING, Crowd
from tests.crash.grove import Grove
from tests.real.encrypted_person import EncryptedPerson
from tests.real.wire import Seen

KEYS = ("", "control", *TALKING)


@dataclass(frozen=True, slots=True)
class Slot:
    """What the bot wrote down about a question that was due."""

    room: RoomKey
    schedule: str
    due_ms: int
    outcome: str
    event: EventId | None


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every room that the bot made or is in, as the homeserver knows it.

    Attributes:
        declared: by key.
        direct: by room, with whom.
        strange: rooms that should not be, with a reason.
    """

    declared: Mapping[str, RoomId]
    direct: Mapping[RoomId, UserId]
    strange: Sequence[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to see.

    Attributes:
        crowd: the people, and what they said.
        rooms: the bot's rooms.
        histories: all that was ever said and done in them.
        pinned: what is pinned, by key of the room.
        until_ms: questions that fell due by then are expected.
        slots, late, reasons: what the bot says of its questions, of answers nobody waited for any more, and of what it
            has told people (by ``yes``, ``later`` and ``lost``).
    """

    crowd: Crowd
    rooms: Rooms
    histories: Mapping[RoomId, Sequence[Seen]]
    pinned: Mapping[str, Sequence[str]]
    until_ms: int
    slots: Sequence[Slot]
    late: Collection[EventId]
    reasons: Mapping[str, int]

    @property
    def keeper(self) -> UserId:
        """The bot."""
        return self.crowd.grove.keeper

    def ours(self, *keys: str) -> Iterator[Seen]:
        """List the bot's own events in some rooms, or in all."""
        rooms = [self.rooms.declared[key] for key in keys] or self.histories
        return (event for room in rooms for event in self.histories[room] if event.sender == self.keeper)

    def said(self, key: str, part: str) -> list[Seen]:
        """List what the bot posted in a room with this in it: its questions and its norms, which are no notices."""
        return [e for e in self.ours(key) if e.content.get("msgtype") == "m.text" and part in e.body]

    def unreadable(self, room: RoomId, *, before_reader: bool = False) -> list[Seen]:
        """List what the bot said and the one who reads the room cannot read, since she was asked in or before."""
        reader = self.rooms.direct.get(room, self.crowd.lead.user_id)
        history = self.histories[room]
        came = next(
            (place for place, e in enumerate(history) if e.type == "m.room.member" and e.state_key == reader), 0
        )
        part = history[:came] if before_reader else history[came:]
        return [event for event in part if event.sender == self.keeper and event.type == "m.room.encrypted"]


async def gather_evidence(crowd: Crowd, *, until_ms: int) -> Evidence:
    """Look at everything; the people have stopped talking, the bot has stopped, and all clients are up to date."""
    grove = crowd.grove
    rooms = await _rooms_of(crowd)
    readers: dict[RoomId, EncryptedPerson] = dict.fromkeys(rooms.declared.values(), crowd.lead)
    whose = {person.user_id: person for person in crowd.everybody}
    readers |= {room: whose[user] for room, user in rooms.direct.items()}
    return Evidence(
        crowd=crowd,
        rooms=rooms,
        histories={room: await _history(room, reader) for room, reader in readers.items()},
        pinned={
            key: (await crowd.lead.state(rooms.declared[key], "m.room.pinned_events"))["pinned"] for key in TALKING
        },
        until_ms=until_ms,
        slots=await grove.read(_slots),
        late=await grove.read(_answered_too_late, crowd.said.questions),
        reasons=await grove.read(_reasons),
    )


async def _history(room: RoomId, reader: EncryptedPerson) -> Sequence[Seen]:
    """Read what one person can; of a room that they were never asked into, since nothing is said there any more, nothing."""
    known = reader.rooms.get(room)
    return await reader.history(room) if known is not None and known.membership == "join" else ()


async def _rooms_of(crowd: Crowd) -> Rooms:
    """Look at every room the bot made or is in, and by which locator it is known."""
    grove = crowd.grove
    known = {locator_of(grove.keeper, "grove", key): key for key in KEYS}
    whose = {locator_of(grove.keeper, "direct", person.user_id): person.user_id for person in crowd.everybody}
    declared: dict[str, RoomId] = {}
    made: dict[RoomId, UserId] = {}
    came: dict[RoomId, UserId] = {}
    strange: list[str] = []
    for room in await _made_or_joined(grove):
        state: Any = await grove.homeserver.admin_request("GET", f"/_synapse/admin/v1/rooms/{room}/state")
        locator = next((event["content"]["locator"] for event in state["state"] if event["type"] == LOCATOR_TYPE), "")
        if locator in known:
            if known[locator] in declared:
                strange.append(f"{known[locator] or 'the space'} twice: {declared[known[locator]]} and {room}")
            declared.setdefault(known[locator], room)
        elif locator in whose:
            if whose[locator] in made.values():
                strange.append(f"the direct room of {whose[locator]} twice")
            made[room] = whose[locator]
        elif room in crowd.said.whispers:
            came[room] = crowd.said.whispers[room].user_id
        else:
            strange.append(f"{room}, of which nobody knows what it is for")
    return Rooms(declared, made | came, strange)


async def _made_or_joined(grove: Grove) -> list[RoomId]:
    ask = grove.homeserver.admin_request
    joined: Any = await ask("GET", f"/_synapse/admin/v1/users/{grove.keeper}/joined_rooms")
    everywhere: Any = await ask("GET", "/_synapse/admin/v1/rooms?limit=10000")
    made = [room["room_id"] for room in everywhere["rooms"] if room["creator"] == grove.keeper]
    return [RoomId(room) for room in dict.fromkeys([*joined["joined_rooms"], *made])]


def _slots(tx: Tx) -> list[Slot]:
    rows = tx.rows("select key, schedule, due_ms, outcome, event from slot where account = :account order by due_ms")
    return [
        Slot(
            RoomKey(text(row, "key")),
            text(row, "schedule"),
            number(row, "due_ms"),
            text(row, "outcome"),
            EventId(str(row["event"])) if row["event"] else None,
        )
        for row in rows
    ]


def _answered_too_late(tx: Tx, asked: Iterable[EventId]) -> set[EventId]:
    found = set()
    for event in asked:
        for craft in ("engine", "culture", "facilitation"):
            line = outbox.journal_of(tx, cause_of(tx.account, event, craft, "answer"))
            if line is not None and line["outcome"] == "expired":
                found.add(event)
    return found


def _reasons(tx: Tx) -> dict[str, int]:
    rows = tx.rows(
        "select told, exists (select 1 from timer where timer.account = reason.account and timer.key = 'why:' ||"
        ' reason."user") as waits, count(*) as n from reason where account = :account group by told, waits'
    )
    found: Counter[str] = Counter()
    for row in rows:
        told, waits = number(row, "told"), number(row, "waits")
        # 0: not yet, and then its timer must run; 1: yes; 2: on its way, and then it would still be in the outbox.
        found["yes" if told == 1 else "later" if told == 0 and waits else "lost"] += number(row, "n")
    return dict(found)
