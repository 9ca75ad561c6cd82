"""Keys that are owed: to whose device, of which session, from which message on. They outlive the process.

What is kept is no secret: of a key only the index and the signature that went with it there. The key itself is rebuilt
when it is handed over, from our own copy of the session, as it stood at that message and not before: whoever gets it reads
that message and the later ones. Source: client-server API, "m.megolm.v1.aes-sha2"; the two formats of a key, as Megolm has
them: the signed one of ``m.room_key`` and the exported one differ in the version byte and the signature.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import vodozemac

from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import DeviceId, JsonObject, RoomId, UserId

from .own_device import Device
from .roomkeys import MEGOLM, RoomKeys
from .signing import decode64, encode64

KEPT_MS: Final = 7 * DAY_MS
"""For how long a key is owed: whoever cannot be reached for a week has lost the thread anyway."""

MOST: Final = 50
"""Sessions owed to one device, or to one person; older ones are given up."""

_TABLE: Final = (
    "create table if not exists circlekeeper_owed"
    # device: "" where nobody could say which devices somebody has.
    " (user text not null, device text not null, session text not null, room text not null, place integer not null,"
    " signature text not null, since_ms integer not null, primary key (user, device, session))"
)
_SIGNATURE: Final = 64
_SIGNED: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Key:
    """A session's key as it stood at some message: it reads that one and all later ones.

    Attributes:
        place: the index of that message.
        signature: the session's own signature of the key at that place.
    """

    room: RoomId
    session: str
    place: int
    signature: str

    @classmethod
    def of(cls, room: RoomId, session: vodozemac.GroupSession) -> Key:
        """Take the key of a session as it stands now."""
        signature = decode64(session.session_key.to_base64())[-_SIGNATURE:]
        return cls(room, session.session_id, session.message_index, encode64(signature))


class Debts:
    """Keeps what is owed, on disk and in memory alike.

    Args:
        execute: runs SQL with positional parameters on the device's file.
        storing: one transaction there.
        rooms: the room keys we hold; among them those of our own sessions.
    """

    def __init__(
        self,
        execute: Callable[..., sqlite3.Cursor],
        storing: Callable[[], AbstractContextManager[None]],
        rooms: RoomKeys,
    ) -> None:
        self._execute = execute
        self._storing = storing
        self._rooms = rooms
        execute(_TABLE)
        self._owed: dict[tuple[UserId, DeviceId], dict[str, tuple[Key, int]]] = {}
        rows = execute(
            "select user, device, session, room, place, signature, since_ms from circlekeeper_owed order by since_ms, rowid"
        )
        for user, device, session, room, place, signature, since_ms in rows.fetchall():
            owed = self._owed.setdefault((UserId(user), DeviceId(device)), {})
            owed[session] = (Key(RoomId(room), session, place, signature), since_ms)

    @property
    def unlisted(self) -> set[UserId]:
        """The people to whom keys are owed and whose devices are not known."""
        return {user for user, device in self._owed if not device}

    @property
    def listed(self) -> dict[UserId, list[DeviceId]]:
        """The devices to which keys are owed, by their people."""
        found: dict[UserId, list[DeviceId]] = {}
        for user, device in self._owed:
            if device:
                found.setdefault(user, []).append(device)
        return found

    def keys(self, device: Device) -> list[Key]:
        """List what is owed to a device, oldest first."""
        return [key for key, _ in self._owed.get((device.user, device.id), {}).values()]

    def key(self, device: Device, session: str) -> Key | None:
        """Find the key of a session that is owed to a device: of the first message that it lacks."""
        found = self._owed.get((device.user, device.id), {}).get(session)
        return None if found is None else found[0]

    def owe(self, devices: Iterable[Device], people: Iterable[UserId], key: Key, now_ms: int) -> None:
        """Owe a key to some devices, and to all devices of some people; an earlier one of the same session stands.

        Raises:
            StoreError: it cannot be written.
        """
        to = [(device.user, device.id) for device in devices] + [(user, DeviceId("")) for user in people]
        lacking = [who for who in to if key.session not in self._owed.get(who, {})]
        if lacking:
            with self._storing():
                for who in lacking:
                    self._put(who, key, now_ms)

    def know_devices(self, user: UserId, devices: Iterable[Device]) -> None:
        """Owe to somebody's devices, which are known now, what was owed to the person."""
        with self._storing():
            for key, since_ms in self._owed.get((user, DeviceId("")), {}).values():
                for device in devices:
                    if self.key(device, key.session) is None:
                        self._put((user, device.id), key, since_ms)
            self._drop((user, DeviceId("")))

    def settle(self, device: Device, session: str) -> None:
        """Note that a key was handed over."""
        if self.key(device, session) is not None:
            with self._storing():
                self._drop((device.user, device.id), [session])

    def drop_device(self, user: UserId, device: DeviceId) -> None:
        """Owe nothing to a device that is gone."""
        with self._storing():
            self._drop((user, device))

    def drop_person(self, user: UserId, room: RoomId | None = None) -> None:
        """Owe nothing to somebody any more: what was said in a room that they left, or anything at all."""
        theirs = {
            who: [session for session, (key, _) in owed.items() if room is None or key.room == room]
            for who, owed in self._owed.items()
            if who[0] == user
        }
        if any(theirs.values()):
            with self._storing():
                for who, sessions in theirs.items():
                    self._drop(who, sessions)

    def drop_old(self, now_ms: int) -> None:
        """Owe nothing that was owed for too long."""
        old = {
            who: [session for session, (_, since_ms) in owed.items() if now_ms - since_ms >= KEPT_MS]
            for who, owed in self._owed.items()
        }
        if any(old.values()):
            with self._storing():
                for who, sessions in old.items():
                    self._drop(who, sessions)

    def content(self, key: Key) -> JsonObject | None:
        """Write the content of an ``m.room_key``; None when our own copy of the session is gone."""
        known = self._rooms.find(key.session)
        exported = known.session.export_at(key.place) if known is not None else None
        if exported is None:
            return None
        signed = _SIGNED + decode64(exported.to_base64())[1:] + decode64(key.signature)
        return {
            "algorithm": MEGOLM,
            "room_id": key.room,
            "session_id": key.session,
            "session_key": encode64(signed),
        }

    def _put(self, who: tuple[UserId, DeviceId], key: Key, since_ms: int) -> None:
        owed = self._owed.setdefault(who, {})
        owed[key.session] = (key, since_ms)
        self._execute(
            "insert or replace into circlekeeper_owed (user, device, session, room, place, signature, since_ms)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            *(*who, key.session, key.room, key.place, key.signature, since_ms),
        )
        if len(owed) > MOST:
            self._drop(who, [next(iter(owed))])

    def _drop(self, who: tuple[UserId, DeviceId], sessions: Iterable[str] | None = None) -> None:
        owed = self._owed.get(who, {})
        for session in list(owed) if sessions is None else sessions:
            del owed[session]
            self._execute("delete from circlekeeper_owed where user = ? and device = ? and session = ?", *who, session)
        if not owed:
            self._owed.pop(who, None)
