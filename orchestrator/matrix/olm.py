"""The bot's own device: its account, its Olm sessions with other devices, the devices it knows, and its room keys.

Of nio 0.26 it uses the Olm machine and its store, and goes around these defects (each has a test):

- a device or one-time key with an Ed25519 key of the wrong length aborts vodozemac, and so the whole answer it stands
  in: signatures are checked by ``signing`` before anything of an answer comes here;
- a device that was once missing from an answer stays deleted for ever: ``learn`` brings it back;
- a one-time key that was used stays in the stored account: the account is written after every batch;
- devices are stored with the names people gave them: names never come here;
- room keys can be replaced by worse ones or claimed by others, and all are loaded at start: see ``roomkeys``.
"""

from __future__ import annotations

import contextlib
import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog
import vodozemac
from nio.crypto import OlmDevice as NioDevice
from peewee import PeeweeException  # type: ignore[import-untyped]

from orchestrator.model.ids import DeviceId, Json, JsonObject, RoomId, UserId

from .nio_olm import Engine
from .owed import Debts
from .own_device import OLM, Device, OwnDevice
from .roomkeys import RoomKeys
from .seal import Seal
from .signing import canonical, encode64

_SESSIONS_A_DEVICE: Final = 8  # the specification asks for at least four
_SEEN: Final = 20_000  # to-device messages remembered; a batch is at most some hundreds

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Machine:
    """Our own device. It speaks to no server; every change is on disk when a method returns.

    Every method that changes something raises StoreError when it cannot be written.

    Attributes:
        own: the device we are.
        device: the same, as others see it.
        rooms: the room keys we hold.
        owed: which keys of ours are owed to whom.
    """

    def __init__(self, engine: Engine, rooms: RoomKeys) -> None:
        self._engine = engine
        self._olm = engine.olm
        self.own = OwnDevice(engine)
        self.device = self.own.seen
        self.rooms = rooms
        self.owed = Debts(engine.execute, engine.storing, rooms)
        engine.execute("create table if not exists circlekeeper_seen (digest blob primary key, session text)")

    @classmethod
    def open(cls, directory: Path, user: UserId, device: DeviceId, seal: Seal) -> Machine:
        """Open a device's store, or make it; see ``Engine.open``."""
        engine = Engine.open(directory, user, device, seal)
        return cls(engine, RoomKeys(engine.execute, seal.derive("room keys")))

    def close(self) -> None:
        """Close the store. Closing twice is fine."""
        self._engine.close()

    # Other devices

    def devices(self, user: UserId) -> list[Device]:
        """List the devices somebody has, as last learnt; our own is left out."""
        found = map(_device, self._olm.device_store.active_user_devices(user))
        return [device for device in found if (device.user, device.id) != (self.device.user, self.device.id)]

    def learn(self, lists: Mapping[UserId, Sequence[Device]]) -> None:
        """Take the whole lists of some people's devices, whose signatures were checked.

        A device keeps the Ed25519 key it was first seen with; one that comes with another is refused, as the
        specification asks ("End-to-end encryption", "Device keys").
        """
        changed = {user: news for user, devices in lists.items() if (news := self._news(user, devices))}
        if changed:
            with self._engine.storing():
                self._olm.store.save_device_keys(changed)

    def _news(self, user: UserId, devices: Sequence[Device]) -> dict[str, NioDevice]:
        known = self._olm.device_store[user]
        news: dict[str, NioDevice] = {}
        for device in devices:
            keys = {"curve25519": device.curve25519, "ed25519": device.ed25519}
            before = known.get(device.id)
            if before and (before.ed25519 != device.ed25519 or (before.keys == keys and not before.deleted)):
                continue
            news[device.id] = known[device.id] = NioDevice(user, device.id, keys)
        current = {device.id for device in devices}
        for name, before in known.items():
            if name not in current and not before.deleted:
                before.deleted = True
                news[name] = before
        return news

    def forget(self, user: UserId) -> None:
        """Erase somebody's devices, and the keys they sent us."""
        self._olm.device_store._entries.pop(user, None)  # noqa: SLF001 - nio never forgets anybody
        with self._engine.storing():
            theirs = "(select id from devicekeys where user_id = ?)"
            self._engine.execute(f"delete from keys where device_id in {theirs}", user)
            self._engine.execute("delete from devicekeys where user_id = ?", user)
            self.rooms.forget(user)

    # Olm: from device to device

    def has_met(self, device: Device) -> bool:
        """Tell whether there is an Olm session with a device."""
        return self._olm.session_store.get(device.curve25519) is not None

    def meet(self, keys: Mapping[Device, str]) -> list[Device]:
        """Begin Olm sessions with claimed one-time keys whose signatures were checked.

        Returns:
            those whose key was one.
        """
        met = []
        with self._engine.storing():
            for device, one_time_key in keys.items():
                with contextlib.suppress(ValueError):
                    self._olm.create_session(one_time_key, device.curve25519)
                    self._trim(device.curve25519)
                    met.append(device)
        return met

    def wrap(self, devices: Sequence[Device], type_: str, content: JsonObject) -> JsonObject:
        """Encrypt one message to several devices that we have met; returns ``messages`` of ``/sendToDevice``."""
        messages: dict[str, dict[str, Json]] = {}
        with self._engine.storing():
            for device in devices:
                messages.setdefault(device.user, {})[device.id] = self._wrap(device, type_, content)
        return messages

    def _wrap(self, device: Device, type_: str, content: JsonObject) -> JsonObject:
        us = self.device
        payload: JsonObject = {
            "type": type_,
            "content": content,
            "sender": us.user,
            "sender_device": us.id,
            "keys": {"ed25519": us.ed25519},
            "recipient": device.user,
            "recipient_keys": {"ed25519": device.ed25519},
            "sender_device_keys": self.own.device_keys(),
        }
        session = self._olm.session_store.get(device.curve25519)
        kind, data = session.encrypt(canonical(payload).decode()).to_parts()
        # Written before it is sent: a step of a ratchet that was used must never be used again.
        self._olm.save_session(device.curve25519, session)
        ciphertext: JsonObject = {device.curve25519: {"type": kind, "body": encode64(data)}}
        return {"algorithm": OLM, "sender_key": us.curve25519, "ciphertext": ciphertext}

    def wedged(self) -> list[Device]:
        """List the devices whose messages we cannot read any more: they need a new session, begun by us."""
        return [_device(device) for device in self._olm.wedged_devices]

    def mark_unwedged(self, device: Device) -> None:
        """Note that a device was sent a message of a new session."""
        self._olm.wedged_devices = [other for other in self._olm.wedged_devices if _device(other) != device]

    def absorb(self, events: Sequence[Json]) -> frozenset[str]:
        """Take the to-device events of an answer of /sync, in one transaction.

        One that makes no sense harms only itself. One that was seen before (the batch is replayed after a crash) does
        nothing again, and names the same session again.

        Returns:
            the ids of the Megolm sessions that can be read now.
        """
        found: set[str] = set()
        if events:
            with self._engine.storing():
                for event in events:
                    if session := self._take(event):
                        found.add(session)
                self._olm.save_account()
                self._engine.execute(
                    "delete from circlekeeper_seen where rowid <= (select max(rowid) from circlekeeper_seen) - ?", _SEEN
                )
        return frozenset(found)

    def _take(self, event: Json) -> str | None:
        match event:
            case {
                "type": "m.room.encrypted",
                "sender": str(sender),
                "content": {
                    "algorithm": "m.olm.v1.curve25519-aes-sha2",
                    "sender_key": str(sender_key),
                    "ciphertext": {self.device.curve25519: {"type": int(kind), "body": str(body)}},
                },
            }:
                digest = hashlib.sha256(f"{sender} {sender_key} {body}".encode(errors="replace")).digest()
                seen = self._engine.execute("select session from circlekeeper_seen where digest = ?", digest).fetchone()
                if seen is not None:
                    return str(seen[0]) if seen[0] else None
                session = self._read(UserId(sender), sender_key, kind, body)
                self._engine.execute("insert into circlekeeper_seen (digest, session) values (?, ?)", digest, session)
                return session
            case _:
                return None

    def _read(self, sender: UserId, sender_key: str, kind: int, body: str) -> str | None:
        try:
            message = vodozemac.AnyOlmMessage.from_parts(kind, b64decode(body + "=" * (-len(body) % 4)))
            payload = self._olm.decrypt(sender, sender_key, message.to_pre_key() or message)
            self._trim(sender_key)
            return self._keep_room_key(sender, payload)
        except PeeweeException:
            raise
        except BaseException as error:
            # Whatever a stranger's message does to nio or vodozemac (which can panic past Exception) ends here.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            _log.warning("to_device.unreadable", error=type(error).__name__)
            self._olm._mark_device_for_unwedging(sender, sender_key)  # noqa: SLF001 - nio forgets it in this case
            return None

    def _keep_room_key(self, sender: UserId, payload: Json) -> str | None:
        match payload:
            case {
                "type": "m.room_key",
                "content": {
                    "algorithm": "m.megolm.v1.aes-sha2",
                    "room_id": str(room),
                    "session_id": str(session),
                    "session_key": str(key),
                },
            } if self.rooms.keep(RoomId(room), sender, session, key):
                return session
            case _:
                return None

    def _trim(self, curve25519: str) -> None:
        sessions = self._olm.session_store[curve25519]
        # The one last heard on is the one that both sides have.
        sessions.sort(key=lambda session: session.use_time, reverse=True)
        for session in sessions[_SESSIONS_A_DEVICE:]:
            self._engine.execute("delete from olmsessions where session_id = ?", session.id)
        del sessions[_SESSIONS_A_DEVICE:]


def _device(device: NioDevice) -> Device:
    return Device(UserId(device.user_id), DeviceId(device.id), device.curve25519, device.ed25519)
