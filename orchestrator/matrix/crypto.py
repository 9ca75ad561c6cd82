"""End-to-end encryption for one account: takes in keys, opens what comes, closes what goes.

::

    sync     --> Crypto.receive   to-device messages, device lists, key counts      (olm, roomkeys)
             --> Crypto.decrypt   an event of a room                                (roomkeys)
    delivery --> Crypto.encrypt   for everybody who may read                        (devices, sharing)
    app      --> Crypto.upkeep    after each answer of sync: keys published, people asked, keys owed handed over

What lies on disk are keys, ids of users and devices, ids of rooms and sessions, and to whom a key is owed: no names, no
words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from orchestrator.errors import BadRequest, IdentityError, MatrixError, ServerTrouble, UnknownToken
from orchestrator.model.clock import MINUTE_MS, SECOND_MS, Clock
from orchestrator.model.ids import DeviceId, Json, JsonObject, RoomId, UserId

from .devices import DeviceLists, Rests
from .gateway import Gateway, route
from .olm import Machine
from .own_device import ONE_TIME_KEYS, Device
from .seal import Seal
from .sharing import Sharing

PATIENCE_S: Final = 30.0
_ALGORITHM: Final = "signed_curve25519"
_FALLBACK_MS: Final = 10 * MINUTE_MS  # an answer of sync may be older than what was published meanwhile

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Crypto:
    """Encryption of one device.

    Args:
        gateway: speaks to the homeserver.
        machine: our device; closed with us.
        clock: tells the time.
    """

    def __init__(self, gateway: Gateway, machine: Machine, clock: Clock) -> None:
        self._gateway = gateway
        self._machine = machine
        self._clock = clock
        self._lists = DeviceLists(gateway, machine, clock)
        self._sharing = Sharing(gateway, machine, self._lists, clock)
        self._rests = Rests(clock, 10 * MINUTE_MS)
        self._publishing = asyncio.Lock()
        self._one_time: int | None = None
        self._fallback_used = False

    @classmethod
    def open(
        cls, gateway: Gateway, directory: Path, user: UserId, device: DeviceId, seal: Seal, clock: Clock
    ) -> Crypto:
        """Open the keys of a device, or make them.

        Args:
            gateway: speaks to the homeserver, logged in as this device.
            directory: ``data_dir/crypto``; made 0700 if it is not there.
            user: whose account it is.
            device: as which device it is logged in.
            seal: its key opens ours.
            clock: tells the time.

        Raises:
            StoreError: the file cannot be used.
            SecretError: the keys were sealed with another secret key.
        """
        return cls(gateway, Machine.open(directory, user, device, seal), clock)

    def close(self) -> None:
        """Close the store. Closing twice is fine."""
        self._machine.close()

    @property
    def device(self) -> Device:
        """Our own device, as others see it."""
        return self._machine.device

    def device_keys(self) -> JsonObject:
        """Write our device's keys as they are published, signed by the device."""
        return self._machine.own.device_keys()

    def endorse(self, public: str, signature: str) -> None:
        """Carry the signature that our identity's self-signing key put on this device."""
        self._machine.own.endorse(public, signature)

    # What comes

    async def receive(self, raw_sync: JsonObject) -> frozenset[str]:
        """Take what an answer of /sync says to this device. Must be called before its events are decrypted.

        Whatever a stranger sent harms only itself. Taking the same answer again does nothing again, and names the same
        sessions again.

        Returns:
            the ids of the Megolm sessions that became known.

        Raises:
            StoreError: it cannot be written; the answer must not be counted as taken.
        """
        match raw_sync.get("to_device"):
            case {"events": [*events]}:
                sessions = self._machine.absorb(events)
            case _:
                sessions = frozenset()
        match raw_sync.get("device_lists"):
            case Mapping() as lists:
                self._lists.changed(_users(lists.get("changed")))
                self._lists.left(_users(lists.get("left")))
        match raw_sync.get("device_one_time_keys_count"):
            case Mapping() as counts:
                # An algorithm that is not named has none left.
                self._one_time = _count(counts) or 0
        match raw_sync.get("device_unused_fallback_key_types"):
            case [*unused]:
                self._fallback_used = _ALGORITHM not in unused
        return sessions

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        """Open an encrypted event: the raw event with its real type and content, None when it cannot be read.

        None is for a missing key (it may still come) and for what will never count: made for another room, sealed by
        somebody else than its sender, or a copy of another event.
        """
        return self._machine.rooms.decrypt(room, raw_event)

    # What goes

    async def encrypt(
        self, room: RoomId, type_: str, content: JsonObject, members: Sequence[UserId], *, fresh: bool = False
    ) -> JsonObject:
        """Encrypt an event for everybody who may read it.

        Members' devices are asked for where they changed, met where they are new, and given the room's key. A server
        that is down or a device that fails costs a bounded wait; it is passed over, and gets the key of this message
        as soon as it can be reached.

        Args:
            room: where to.
            type_: the event's real type.
            content: its real content; a relation goes outside, where the server needs it.
            members: everybody who may read it.
            fresh: take a new session in any case.

        Returns:
            the content of an ``m.room.encrypted`` event. Send it or drop it; encrypt anew for another try.

        Raises:
            Retryable: our own homeserver is in trouble, and nobody could read the message.
            UnknownToken: the run ends.
            StoreError: keys cannot be written.
        """
        return await self._sharing.encrypt(room, type_, content, members, fresh=fresh)

    async def can_read(self, user: UserId) -> bool:
        """Tell whether somebody has a device that what we encrypt for them can be given to.

        Raises:
            ServerTrouble: nobody can tell just now.
            UnknownToken: the run ends.
            StoreError: what was learnt cannot be written.
        """
        if await self._lists.refresh([user]):
            raise ServerTrouble("Somebody's devices could not be asked for.", call="POST keys/query")
        return bool(self._machine.devices(user))

    def member_left(self, room: RoomId, user: UserId) -> None:
        """Note that somebody left: what is said from now on is not for them; raises StoreError as ``receive`` does."""
        self._sharing.left(room, user)

    def members_changed(self, room: RoomId) -> None:
        """Note that a room's members may have changed while we did not look."""
        self._sharing.rotate(room)

    def forget(self, user: UserId) -> None:
        """Erase what is known of somebody: their devices, and the keys to what they wrote."""
        self._lists.left([user])
        self._sharing.forget(user)
        self._machine.forget(user)

    # Between

    async def publish(self, *, patience_s: float = PATIENCE_S) -> None:
        """See to it that the server has our device's keys, enough one-time keys and an unused fallback key.

        Args:
            patience_s: for how long to try again while the server is in trouble.

        Raises:
            MatrixError: the server did not take them.
            IdentityError: it knows this device with other keys.
            StoreError: keys cannot be written.

        Source: client-server API, POST /keys/upload; MSC2732.
        """
        async with self._publishing:
            first = not self._machine.own.published
            if first:
                await self._check_nobody_else(patience_s)
            one_time = 0 if first else ONE_TIME_KEYS if self._one_time is None else self._one_time
            spare = first or (self._fallback_used and "fallback" not in self._rests)
            body = self._machine.own.publication(one_time=one_time, fallback=spare)
            if not body:
                return
            try:
                answer = await self._gateway.call("POST", route("keys", "upload"), body=body, patience_s=patience_s)
            except BadRequest:
                if not first and "one_time_keys" in body:
                    self._machine.own.pass_over_names()
                raise
            self._machine.own.mark_published()
            if "fallback_keys" in body:
                self._fallback_used = False
                self._rests.begin("fallback", _FALLBACK_MS)
            match answer.get("one_time_key_counts"):
                case Mapping() as counts:
                    self._one_time = _count(counts)

    async def republish(self) -> None:
        """Publish our device's keys again, which the server lost."""
        self._machine.own.mark_lost()
        await self.publish()

    async def upkeep(self) -> None:
        """Do what is due: publish keys, ask about people whose devices changed, mend sessions, hand over owed keys.

        To be called after each answer of /sync, in the background. What fails is left for a later time.

        Raises:
            UnknownToken: the run ends.
            IdentityError: the server knows this device with other keys.
            StoreError: keys cannot be written.
        """
        for name, chore in (
            ("publish", self._publish_now),
            ("ask", self._ask),
            ("mend", self._mend),
            ("settle", self._sharing.settle),
        ):
            if name in self._rests:
                continue
            try:
                await chore()
            except UnknownToken:
                raise
            except MatrixError as error:
                _log.warning("crypto.put_off", chore=name, status=error.status, errcode=error.errcode)
                self._rests.begin(name, 2 * SECOND_MS)
            else:
                self._rests.end(name)

    async def _publish_now(self) -> None:
        await self.publish(patience_s=0)

    async def _ask(self) -> None:
        await self._lists.refresh(self._lists.stale())

    async def _mend(self) -> None:
        # A message of a new session shows the other side which one to use from now on.
        if wedged := self._machine.wedged():
            for device in await self._lists.meet(wedged, anew=True):
                await self._sharing.tell([device], "m.dummy", {})
                self._machine.mark_unwedged(device)

    async def _check_nobody_else(self, patience_s: float) -> None:
        us = self._machine.device
        body: JsonObject = {"device_keys": {us.user: [us.id]}}
        answer = await self._gateway.call("POST", route("keys", "query"), body=body, patience_s=patience_s)
        match answer.get("device_keys"):
            case {us.user: {us.id: {"keys": Mapping() as keys}}} if keys.get(f"ed25519:{us.id}") != us.ed25519:
                raise IdentityError(
                    f"The homeserver knows this device ({us.id}) with other encryption keys than those in the data"
                    " directory, and nobody would trust new ones. Put the directory 'crypto' of the data directory back,"
                    " or log this device out (in any client of the account) and start again.",
                    device=us.id,
                )


def _users(listed: Json) -> list[UserId]:
    return [UserId(user) for user in listed if isinstance(user, str)] if isinstance(listed, list) else []


def _count(counts: Mapping[str, Json]) -> int | None:
    left = counts.get(_ALGORITHM)
    return left if isinstance(left, int) else None
