"""Room keys for those who may read: one outgoing Megolm session a room, shared with every device of its members.

Whoever could not be given the key of a message in time is owed it, as it stood at that message (see ``owed``), and gets
it as soon as their device can be reached, also after a restart: a slow server loses nobody a sentence.

Source: client-server API, "m.megolm.v1.aes-sha2"; MSC4153 is met from our side by cross-signing, and we still write to
devices that are not cross-signed: a person with an old client must not be left out of the circle.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
import vodozemac

from orchestrator.errors import MatrixError, Retryable, ServerTrouble, UnknownToken
from orchestrator.model.clock import DAY_MS, MINUTE_MS, SECOND_MS, Clock
from orchestrator.model.ids import JsonObject, RoomId, UserId

from .devices import CALL_S, DeviceLists, Rests, batches
from .gateway import Gateway, route
from .olm import Machine
from .owed import Key
from .own_device import Device
from .roomkeys import MEGOLM

MESSAGES_A_SESSION: Final = 100
SESSION_MS: Final = 7 * DAY_MS
SHARING_MS: Final = 15 * SECOND_MS
"""How long one message may wait for keys to be handed out; the rest get theirs a little later."""

_BATCH: Final = 20  # to-device messages a request; more would outgrow what servers pass on in one piece

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Outgoing:
    """The session that writes to a room, and the devices that hold its key."""

    session: vodozemac.GroupSession = field(repr=False)
    since_ms: int
    sent: int = 0
    shared: set[Device] = field(default_factory=set)
    stale: bool = False


class Sharing:
    """Encrypts for rooms. One encryption a room at a time; leaving one half way leaves nothing behind."""

    def __init__(self, gateway: Gateway, machine: Machine, lists: DeviceLists, clock: Clock) -> None:
        self._gateway = gateway
        self._machine = machine
        self._lists = lists
        self._clock = clock
        self._outgoing: dict[RoomId, Outgoing] = {}
        self._locks: dict[RoomId, asyncio.Lock] = {}
        self._owed = machine.owed
        self._refused = Rests(clock, 30 * MINUTE_MS)

    def rotate(self, room: RoomId) -> None:
        """Take a new session for the next message to a room."""
        if outgoing := self._outgoing.get(room):
            outgoing.stale = True

    def left(self, room: RoomId, user: UserId) -> None:
        """Note that somebody left a room: what is said from now on is not for them, and nothing is owed to them there.

        Raises:
            StoreError: it cannot be written.
        """
        self.rotate(room)
        self._owed.drop_person(user, room)

    def forget(self, user: UserId) -> None:
        """Owe nothing to somebody any more; raises StoreError when it cannot be written."""
        self._owed.drop_person(user)

    async def encrypt(
        self, room: RoomId, type_: str, content: JsonObject, members: Sequence[UserId], *, fresh: bool
    ) -> JsonObject:
        """Encrypt for a room; see ``Crypto.encrypt``."""
        async with self._locks.setdefault(room, asyncio.Lock()):
            unlisted = await self._lists.refresh(members)
            self._know_devices(set(members) - unlisted)
            readers = [device for user in members for device in self._machine.devices(user)]
            if unlisted and not readers:
                raise ServerTrouble("The homeserver cannot say for whose devices to encrypt.")
            outgoing = self._session_for(room, readers, fresh=fresh)
            lacking = [device for device in readers if device not in outgoing.shared]
            await self._lists.meet([device for device in lacking if not self._machine.has_met(device)])
            key = Key.of(room, outgoing.session)
            await self._share(key, outgoing, [device for device in lacking if self._machine.has_met(device)])
            # On disk before the message leaves: a crash must not leave somebody with a sentence they can never read.
            slow = [device for device in lacking if device not in outgoing.shared]
            self._owed.owe(slow, unlisted, key, self._clock.now_ms())
            return self._seal(room, outgoing, type_, content)

    async def settle(self) -> None:
        """Hand over the keys that are owed to whoever can be reached now."""
        self._owed.drop_old(self._clock.now_ms())
        people = self._owed.unlisted | self._owed.listed.keys()
        if not people:
            return
        self._know_devices(people - await self._lists.refresh(people))
        owed: list[Device] = []
        for user, names in self._owed.listed.items():
            known = {device.id: device for device in self._machine.devices(user)}
            for name in names:
                if name in known:
                    owed.append(known[name])
                else:
                    self._owed.drop_device(user, name)
        await self._lists.meet([device for device in owed if not self._machine.has_met(device)])
        for device in [device for device in owed if self._machine.has_met(device)]:
            for key in self._owed.keys(device):
                # Another message may hand it over meanwhile.
                if self._owed.key(device, key.session) is not None:
                    await self._pay(device, key)

    async def tell(self, devices: Sequence[Device], type_: str, content: JsonObject) -> bool:
        """Send one message to some devices that we have met; False when the server will never take it.

        Raises:
            Retryable: the server is in trouble.
            UnknownToken: the run ends.
        """
        body: JsonObject = {"messages": self._machine.wrap(devices, type_, content)}
        # Named by what it holds, so that a repeated request is the same request.
        txn = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
        try:
            await self._gateway.call("PUT", route("sendToDevice", "m.room.encrypted", txn), body=body, timeout_s=CALL_S)
        except (Retryable, UnknownToken):
            raise
        except MatrixError as error:
            _log.warning("sharing.refused", devices=len(devices), status=error.status, errcode=error.errcode)
            return False
        return True

    def _session_for(self, room: RoomId, readers: Iterable[Device], *, fresh: bool) -> Outgoing:
        outgoing = self._outgoing.get(room)
        now_ms = self._clock.now_ms()
        if (
            outgoing is None
            or fresh
            or outgoing.stale
            or outgoing.sent >= MESSAGES_A_SESSION
            or now_ms - outgoing.since_ms >= SESSION_MS
            or not outgoing.shared <= set(readers)
        ):
            outgoing = self._outgoing[room] = Outgoing(vodozemac.GroupSession(), now_ms)
            # We read our own echo with it, and rebuild from it what is owed.
            key = outgoing.session.session_key.to_base64()
            self._machine.rooms.keep(room, self._machine.device.user, outgoing.session.session_id, key)
        return outgoing

    async def _share(self, key: Key, outgoing: Outgoing, devices: Sequence[Device]) -> None:
        until_ms = self._clock.now_ms() + SHARING_MS
        for device in devices:
            # Owed the key of an earlier message of this session: it reads this one, too.
            if earlier := self._owed.key(device, key.session):
                await self._pay(device, earlier)
        content = self._owed.content(key)
        for batch in batches([d for d in devices if self._owed.key(d, key.session) is None], _BATCH):
            batch = [device for device in batch if device not in outgoing.shared]  # noqa: PLW2901 - those just paid
            if self._clock.now_ms() > until_ms or content is None:
                break
            if await self.tell(batch, "m.room_key", content):
                outgoing.shared.update(batch)
                continue
            for device in batch:
                await self._pay(device, key)

    async def _pay(self, device: Device, key: Key) -> None:
        if device in self._refused:
            return
        content = self._owed.content(key)
        if content is not None and not await self.tell([device], "m.room_key", content):
            self._refused.begin(device, 5 * MINUTE_MS)
            return
        # Without our own copy of that session (an old copy of the store was put back) nothing can be handed over.
        self._owed.settle(device, key.session)
        outgoing = self._outgoing.get(key.room)
        if content is not None and outgoing is not None and outgoing.session.session_id == key.session:
            outgoing.shared.add(device)

    def _seal(self, room: RoomId, outgoing: Outgoing, type_: str, content: JsonObject) -> JsonObject:
        # Servers and clients go by the relation outside, so it must not stay inside alone.
        relation = {"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {}
        inner = {name: value for name, value in content.items() if name != "m.relates_to"}
        plain = json.dumps({"type": type_, "content": inner, "room_id": room}, ensure_ascii=False)
        message = outgoing.session.encrypt(plain.encode())
        outgoing.sent += 1
        return {
            "algorithm": MEGOLM,
            "ciphertext": message.to_base64(),
            "session_id": outgoing.session.session_id,
            # Deprecated since v1.3, and still asked for by some clients.
            "sender_key": self._machine.device.curve25519,
            "device_id": self._machine.device.id,
            **relation,
        }

    def _know_devices(self, listed: Iterable[UserId]) -> None:
        for user in self._owed.unlisted & set(listed):
            self._owed.know_devices(user, self._machine.devices(user))
