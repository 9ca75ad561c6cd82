"""The room keys we hold (inbound Megolm sessions), each bound to the room it is for and the user it came from.

They are read one at a time when they are needed, so that neither start nor memory grows with the years. The table lies
in the file of the device they were sent to; a key is pickled with a key of the ``Seal``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import vodozemac

from orchestrator.model.ids import JsonObject, RoomId, UserId

MEGOLM: Final = "m.megolm.v1.aes-sha2"

_TABLE: Final = (
    "create table if not exists circlekeeper_key"
    " (session text primary key, room text not null, user text not null, pickle text not null)"
)
_IN_MEMORY: Final = 1_000
_INDICES: Final = 50_000


@dataclass(frozen=True, slots=True)
class RoomKey:
    """A session that reads what one user's device writes to one room."""

    room: RoomId
    user: UserId
    session: vodozemac.InboundGroupSession


class RoomKeys:
    """Keeps and uses room keys.

    Args:
        execute: runs SQL with positional parameters on the device's file.
        pickle_key: 32 bytes.
    """

    def __init__(self, execute: Callable[..., sqlite3.Cursor], pickle_key: bytes) -> None:
        self._execute = execute
        self._pickle_key = pickle_key
        self._recent: dict[str, RoomKey] = {}
        # Which event used which index of which session: a second event with the same is a replay.
        self._used: dict[tuple[str, int], str] = {}
        execute(_TABLE)

    def keep(self, room: RoomId, user: UserId, session_id: str, session_key: str) -> bool:
        """Keep the key of a session; True when it reads more than what we had.

        The first to send a session owns it: a member cannot pass another's session off as their own, nor replace it by
        one that reads less.
        """
        try:
            session = vodozemac.InboundGroupSession(vodozemac.SessionKey(session_key))
        except ValueError:
            return False
        if session.session_id != session_id:
            return False
        if known := self.find(session_id):
            better = session.first_known_index < known.session.first_known_index
            if (known.room, known.user) != (room, user) or not better:
                return False
        self._execute(
            "insert or replace into circlekeeper_key (session, room, user, pickle) values (?, ?, ?, ?)",
            session_id,
            room,
            user,
            session.pickle(self._pickle_key),
        )
        self._remember(session_id, RoomKey(room, user, session))
        return True

    def find(self, session_id: str) -> RoomKey | None:
        """Find a key by the id of its session."""
        if known := self._recent.get(session_id):
            return known
        row = self._execute("select room, user, pickle from circlekeeper_key where session = ?", session_id).fetchone()
        if row is None:
            return None
        session = vodozemac.InboundGroupSession.from_pickle(row[2], self._pickle_key)
        return self._remember(session_id, RoomKey(RoomId(row[0]), UserId(row[1]), session))

    def forget(self, user: UserId) -> None:
        """Erase the keys somebody sent: what they wrote cannot be read here any more."""
        self._execute("delete from circlekeeper_key where user = ?", user)
        self._recent = {name: key for name, key in self._recent.items() if key.user != user}

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        """Read an encrypted event of a room.

        Neither ``sender_key`` nor ``device_id`` is needed: both are deprecated since v1.3 and prove nothing.

        Returns:
            the event with its real ``type``, ``content`` and ``room_id``, the relation restored from outside; None when the key is
            missing or is not the sender's, when the event was made for another room, or is a copy of another.

        Source: client-server API, "m.megolm.v1.aes-sha2" and "Event relationships".
        """
        match raw_event:
            case {
                "event_id": str(event_id),
                "sender": str(sender),
                "content": {
                    "algorithm": "m.megolm.v1.aes-sha2",
                    "session_id": str(session_id),
                    "ciphertext": str(text),
                },
            } if "state_key" not in raw_event:
                known = self.find(session_id)
            case _:
                return None
        if known is None or (known.room, known.user) != (room, sender):
            return None
        try:
            opened = known.session.decrypt(vodozemac.MegolmMessage.from_base64(text))
            inner = json.loads(opened.plaintext)
        except (ValueError, RecursionError):
            return None
        if self._is_copy(session_id, opened.message_index, event_id):
            return None
        match inner:
            case {"type": str(type_), "content": Mapping() as content, "room_id": str(meant)} if meant == room:
                related = _related(content, raw_event["content"])
                return {**raw_event, "room_id": room, "type": type_, "content": related}
            case _:
                return None

    def _is_copy(self, session_id: str, index: int, event_id: str) -> bool:
        seen = self._used.setdefault((session_id, index), event_id)
        while len(self._used) > _INDICES:
            del self._used[next(iter(self._used))]
        return seen != event_id

    def _remember(self, session_id: str, key: RoomKey) -> RoomKey:
        self._recent[session_id] = key
        while len(self._recent) > _IN_MEMORY:
            del self._recent[next(iter(self._recent))]
        return key


def _related(content: JsonObject, outer: object) -> JsonObject:
    # The relation outside counts, since it is the one that servers and other clients go by.
    match outer:
        case {"m.relates_to": relation}:
            return {**content, "m.relates_to": relation}
    match content:
        case {"m.relates_to": {"rel_type": "m.replace"}}:
            # An edit that is one inside alone is none to anybody: they are shown a message of its own.
            return {name: value for name, value in content.items() if name != "m.relates_to"}
    return content
