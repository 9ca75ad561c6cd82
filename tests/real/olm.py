"""One encrypting device over vodozemac: Olm between devices, Megolm in rooms.

It shares no line with the bot's own engine, so that both are wrong in the same way only by accident.
Source: client-server API, "End-to-end encryption"; the Olm and Megolm specifications.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import vodozemac

from orchestrator.model.ids import DeviceId, RoomId, UserId
from tests.real.keys import Device, DeviceName, base64, canonical, is_signed

OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"
ONE_TIME_KEYS = 50


@dataclass(frozen=True, slots=True)
class RoomKey:
    """A Megolm session that reads, and who sent it to us."""

    session: vodozemac.InboundGroupSession
    owner: UserId
    curve25519: str


@dataclass(slots=True)
class Outgoing:
    """The Megolm session that writes to a room, and the devices (with their keys) that can read it."""

    session: vodozemac.GroupSession
    shared: set[Device] = field(default_factory=set)


class OlmDevice:
    """The keys and sessions of one device; does no I/O."""

    def __init__(self, user: UserId, device_id: DeviceId) -> None:
        self.name = DeviceName(user, device_id)
        self._account = vodozemac.Account()
        self._sessions: dict[str, list[vodozemac.Session]] = {}
        self._room_keys: dict[tuple[RoomId, str], RoomKey] = {}
        self.outgoing: dict[RoomId, Outgoing] = {}

    @property
    def curve25519(self) -> str:
        """The device's identity key."""
        return self._account.curve25519_key.to_base64()

    def device_keys(self) -> dict[str, Any]:
        """Write the device's own keys, signed by itself."""
        user, device = self.name
        keys = {f"curve25519:{device}": self.curve25519, f"ed25519:{device}": self._account.ed25519_key.to_base64()}
        return self._signed({"user_id": user, "device_id": device, "algorithms": [OLM, MEGOLM], "keys": keys})

    def one_time_keys(self, count: int) -> dict[str, Any]:
        """Make ``count`` new one-time keys, signed, as ``/keys/upload`` takes them."""
        self._account.generate_one_time_keys(count)
        keys = {
            f"signed_curve25519:{name}": self._signed({"key": key.to_base64()})
            for name, key in self._account.one_time_keys.items()
        }
        self._account.mark_keys_as_published()
        return keys

    def _signed(self, value: dict[str, Any]) -> dict[str, Any]:
        user, device = self.name
        signature = self._account.sign(canonical(value)).to_base64()
        return {**value, "signatures": {user: {f"ed25519:{device}": signature}}}

    # Olm: from device to device

    def knows(self, device: Device) -> bool:
        """Tell whether there is an Olm session with a device."""
        return device.curve25519 in self._sessions

    def meet(self, device: Device, one_time_keys: Mapping[str, Any]) -> bool:
        """Begin an Olm session with a claimed one-time key; False when its signature is not the device's."""
        for key in one_time_keys.values():
            if is_signed(key, device.name.user, device.name.id, device.ed25519):
                identity = vodozemac.Curve25519PublicKey.from_base64(device.curve25519)
                one_time = vodozemac.Curve25519PublicKey.from_base64(key["key"])
                session = self._account.create_outbound_session(identity, one_time)
                self._sessions.setdefault(device.curve25519, []).append(session)
                return True
        return False

    def encrypt_to(self, device: Device, type_: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Write the content of an ``m.room.encrypted`` to-device message."""
        payload = {
            "type": type_,
            "content": content,
            "sender": self.name.user,
            "sender_device": self.name.id,
            "keys": {"ed25519": self._account.ed25519_key.to_base64()},
            "recipient": device.name.user,
            "recipient_keys": {"ed25519": device.ed25519},
        }
        kind, data = self._sessions[device.curve25519][-1].encrypt(json.dumps(payload).encode()).to_parts()
        ciphertext = {device.curve25519: {"type": kind, "body": base64(data)}}
        return {"algorithm": OLM, "sender_key": self.curve25519, "ciphertext": ciphertext}

    def take_to_device(self, event: Mapping[str, Any]) -> bool:
        """Read a to-device event; True when it brought a room key."""
        content = event["content"]
        mine = content.get("ciphertext", {}).get(self.curve25519) if content.get("algorithm") == OLM else None
        if event["type"] != "m.room.encrypted" or mine is None:
            return False
        message = vodozemac.AnyOlmMessage.from_parts(mine["type"], b64decode(mine["body"] + "=="))
        plain = self._decrypt(content["sender_key"], message)
        payload = json.loads(plain) if plain is not None else {}
        # The outer envelope is the server's word; the inner one is the sender's.
        if (
            payload.get("sender") != event["sender"]
            or payload.get("recipient") != self.name.user
            or payload.get("recipient_keys", {}).get("ed25519") != self._account.ed25519_key.to_base64()
            or payload.get("type") != "m.room_key"
        ):
            return False
        key = payload["content"]
        session = vodozemac.InboundGroupSession(vodozemac.SessionKey(key["session_key"]))
        known = RoomKey(session, UserId(event["sender"]), content["sender_key"])
        self._room_keys.setdefault((RoomId(key["room_id"]), session.session_id), known)
        return True

    def _decrypt(self, sender_key: str, message: vodozemac.AnyOlmMessage) -> bytes | None:
        sessions = self._sessions.setdefault(sender_key, [])
        for session in reversed(sessions):
            try:
                plain = session.decrypt(message)
            except vodozemac.OlmDecryptionException:
                continue
            # The one that just worked is the one that both sides have.
            sessions.remove(session)
            sessions.append(session)
            return plain
        first = message.to_pre_key()
        if first is None:
            return None
        try:
            identity = vodozemac.Curve25519PublicKey.from_base64(sender_key)
            session, plain = self._account.create_inbound_session(identity, first)
        except vodozemac.SessionCreationException:
            return None
        sessions.append(session)
        return plain

    # Megolm: in rooms

    def new_room_key(self, room: RoomId) -> Outgoing:
        """Begin a new session for writing to a room; we can read it ourselves."""
        session = vodozemac.GroupSession()
        reading = vodozemac.InboundGroupSession(session.session_key)
        self._room_keys[room, session.session_id] = RoomKey(reading, self.name.user, self.curve25519)
        self.outgoing[room] = Outgoing(session)
        return self.outgoing[room]

    def room_key_message(self, room: RoomId) -> dict[str, Any]:
        """Write the content of the ``m.room_key`` that lets others read from here on."""
        session = self.outgoing[room].session
        key = session.session_key.to_base64()
        return {"algorithm": MEGOLM, "room_id": room, "session_id": session.session_id, "session_key": key}

    def encrypt_in(self, room: RoomId, type_: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Write the content of an ``m.room.encrypted`` room event; a relation stays outside, where servers need it."""
        session = self.outgoing[room].session
        inner = {key: part for key, part in content.items() if key != "m.relates_to"}
        message = session.encrypt(json.dumps({"type": type_, "content": inner, "room_id": room}).encode())
        outer = {"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {}
        return {
            **outer,
            "algorithm": MEGOLM,
            "ciphertext": message.to_base64(),
            "session_id": session.session_id,
            # Deprecated since v1.3, still sent by every client and still asked for by some.
            "sender_key": self.curve25519,
            "device_id": self.name.id,
        }

    def room_key(self, room: RoomId, content: Mapping[str, Any]) -> RoomKey | None:
        """Find the key that an encrypted event names."""
        return self._room_keys.get((room, content.get("session_id", "")))

    def decrypt_in(self, room: RoomId, sender: UserId, content: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Read an encrypted room event: its real type and content, or None without the right key."""
        key = self.room_key(room, content)
        if key is None or key.owner != sender:
            return None
        try:
            plain = key.session.decrypt(vodozemac.MegolmMessage.from_base64(content["ciphertext"])).plaintext
        except (vodozemac.MegolmDecryptionException, vodozemac.DecodeException):
            return None
        payload = json.loads(plain)
        if payload.get("room_id") != room:
            return None
        relation = {"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {}
        return payload["type"], {**payload["content"], **relation}
