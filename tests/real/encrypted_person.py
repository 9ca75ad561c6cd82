"""A member whose client encrypts, cross-signs itself and, if asked, trusts only cross-signed devices."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from orchestrator.errors import NotFound
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import EventId, RoomId, UserId
from tests.real.keys import Device, DeviceName, Identity, devices_of
from tests.real.olm import ONE_TIME_KEYS, OlmDevice
from tests.real.person import Person
from tests.real.wire import Account, Content, Seen, log_in, new_account


class EncryptedPerson(Person):
    """A member with an end-to-end encrypted client; in rooms without encryption the same as ``Person``.

    ``send`` and ``say`` encrypt where the room is encrypted, ``rooms`` and ``history`` hold what could be decrypted
    (``Seen.encrypted``), and an event that came before its key is read when the key comes. Before each send the client
    asks anew who is in the room and which devices they have, and shares its room key with those that lack it (also
    with the invited, unless history is for the joined alone); it takes a new key when a device has gone. What was sent
    before somebody came stays closed to them.

    ``identity`` is the cross-signing identity that signed this device, None for an unsigned device.

    With ``only_cross_signed`` it follows MSC4153: room keys go only to devices that their owner's self-signing key
    signed (``withheld`` names the others), and what unsigned devices send stays unread.
    """

    def __init__(self, account: Account, *, only_cross_signed: bool = False) -> None:
        super().__init__(account)
        self.only_cross_signed = only_cross_signed
        self.identity: Identity | None = None
        self.withheld: dict[RoomId, set[DeviceName]] = {}
        self._olm = OlmDevice(self.user_id, self.device_id)
        self._encrypted_rooms: set[RoomId] = set()
        self._devices: dict[DeviceName, Device] = {}
        self._sharing = asyncio.Lock()
        self._round = 0
        self._shared_in_round: dict[RoomId, int] = {}

    @classmethod
    async def register(
        cls,
        homeserver: LocalHomeserver,
        name: str,
        *,
        exempt: bool = False,
        cross_signed: bool = True,
        only_cross_signed: bool = False,
    ) -> Self:
        """Make a new user, log in, publish keys and (by default) sign the device."""
        user_id, password = await new_account(homeserver, name, exempt=exempt)
        return await cls.log_in(
            homeserver.url, user_id, password, cross_signed=cross_signed, only_cross_signed=only_cross_signed
        )

    @classmethod
    async def log_in(
        cls,
        url: str,
        user_id: UserId,
        password: str,
        *,
        cross_signed: bool = True,
        only_cross_signed: bool = False,
        identity: Identity | None = None,
    ) -> Self:
        """Log in as a new device; one of a person who has others already is signed with their ``identity``."""
        person = cls(await log_in(url, user_id, password), only_cross_signed=only_cross_signed)
        try:
            await person._publish()
            if cross_signed:
                await person.cross_sign(identity)
        except BaseException:
            await person.close()
            raise
        return person

    async def cross_sign(self, identity: Identity | None = None) -> None:
        """Sign this device with an identity; without one, make and upload the account's first."""
        if identity is None:
            identity = Identity(self.user_id)
            await self.request("POST", "/keys/device_signing/upload", identity.upload())
        self.identity = identity
        said = await self.request("POST", "/keys/signatures/upload", identity.signatures(self._olm.device_keys()))
        assert not said.get("failures"), said

    async def devices(self, users: Sequence[UserId]) -> dict[DeviceName, Device]:
        """Ask for the devices of users now, with their signatures checked.

        Those of a server that cannot be reached are what they were when last asked.
        """
        said = await self.request("POST", "/keys/query", {"device_keys": {user: [] for user in users}})
        unreachable = said.get("failures", {})
        for name in [name for name in self._devices if name.user in users]:
            if name.user.partition(":")[2] not in unreachable:
                del self._devices[name]
        self._devices |= devices_of(said)
        return {name: device for name, device in self._devices.items() if name.user in users}

    async def send(self, room: RoomId, type_: str, content: Content, *, txn: str | None = None) -> EventId:
        """Send an event, encrypted where the room is."""
        if not await self._is_encrypted(room):
            return await super().send(room, type_, content, txn=txn)
        wanted = self._round + 1
        async with self._sharing:
            # Sends that wait together are served by one look at the room, if it began after they asked.
            if self._shared_in_round.get(room, 0) < wanted:
                self._round += 1
                now = self._round
                await self._share(room)
                self._shared_in_round[room] = now
            encrypted = self._olm.encrypt_in(room, type_, content)
        return await super().send(room, "m.room.encrypted", encrypted, txn=txn)

    async def direct_room(self, user_id: UserId, *, encrypted: bool = True) -> RoomId:
        """Open a direct room, encrypted unless told otherwise."""
        return await super().direct_room(user_id, encrypted=encrypted)

    # Inside

    async def _publish(self) -> None:
        body = {"device_keys": self._olm.device_keys(), "one_time_keys": self._olm.one_time_keys(ONE_TIME_KEYS)}
        await self.request("POST", "/keys/upload", body)

    async def _is_encrypted(self, room: RoomId) -> bool:
        if room not in self._encrypted_rooms:
            try:
                await self.state(room, "m.room.encryption")
            except NotFound:
                return False
            # Once encrypted, always encrypted.
            self._encrypted_rooms.add(room)
        return True

    async def _readers(self, room: RoomId) -> list[UserId]:
        readers = await self.members(room)
        if (await self.state(room, "m.room.history_visibility"))["history_visibility"] != "joined":
            readers |= await self.members(room, "invite")
        return sorted(readers)

    async def _share(self, room: RoomId) -> None:
        """See to it that exactly the devices that may read the room hold the key of what we send next."""
        own = DeviceName(self.user_id, self.device_id)
        found = {d for name, d in (await self.devices(await self._readers(room))).items() if name != own}
        trusted = {device for device in found if device.cross_signed or not self.only_cross_signed}
        self.withheld[room] = {device.name for device in found - trusted}
        outgoing = self._olm.outgoing.get(room)
        if outgoing is None or _keys(outgoing.shared) - _keys(trusted):
            outgoing = self._olm.new_room_key(room)
        lacking = [device for device in trusted if not _keys([device]) <= _keys(outgoing.shared)]
        await self._meet([device for device in lacking if not self._olm.knows(device)])
        reached = [device for device in lacking if self._olm.knows(device)]
        if reached:
            key = self._olm.room_key_message(room)
            messages: dict[str, dict[str, Any]] = {}
            for device in reached:
                sealed = self._olm.encrypt_to(device, "m.room_key", key)
                messages.setdefault(device.name.user, {})[device.name.id] = sealed
            path = f"/sendToDevice/m.room.encrypted/{secrets.token_hex(8)}"
            await self.request("PUT", path, {"messages": messages})
            outgoing.shared.update(reached)

    async def _meet(self, strangers: Sequence[Device]) -> None:
        """Claim one-time keys for an Olm session with each; who has none left or is out of reach is met next time."""
        wanted: dict[str, dict[str, str]] = {}
        for device in strangers:
            wanted.setdefault(device.name.user, {})[device.name.id] = "signed_curve25519"
        if wanted:
            said = (await self.request("POST", "/keys/claim", {"one_time_keys": wanted}))["one_time_keys"]
            for device in strangers:
                self._olm.meet(device, said.get(device.name.user, {}).get(device.name.id, {}))

    async def _take_side_channels(self, said: Mapping[str, Any]) -> None:
        new_key = [self._olm.take_to_device(event) for event in said.get("to_device", {}).get("events", ())]
        left = said.get("device_one_time_keys_count", {}).get("signed_curve25519", 0)
        if left < ONE_TIME_KEYS // 2:
            await self.request("POST", "/keys/upload", {"one_time_keys": self._olm.one_time_keys(ONE_TIME_KEYS - left)})
        if any(new_key):
            for room, known in self.rooms.items():
                known.timeline = [await self._open(room, seen) for seen in known.timeline]

    async def _read(self, room: RoomId, raw: Mapping[str, Any]) -> Seen:
        return await self._open(room, Seen.of(room, raw))

    async def _open(self, room: RoomId, seen: Seen) -> Seen:
        if seen.type != "m.room.encrypted" or seen.state_key is not None:
            return seen
        key = self._olm.room_key(room, seen.content)
        plain = self._olm.decrypt_in(room, seen.sender, seen.content)
        if key is None or plain is None or not await self._is_trusted(seen.sender, key.curve25519):
            return seen
        type_, content = plain
        return replace(seen, type=type_, content=content, encrypted=True)

    async def _is_trusted(self, user: UserId, curve25519: str) -> bool:
        if not self.only_cross_signed or curve25519 == self._olm.curve25519:
            return True

        def signed() -> bool:
            known = (device for name, device in self._devices.items() if name.user == user)
            return any(device.curve25519 == curve25519 and device.cross_signed for device in known)

        if not signed():
            await self.devices([user])
        return signed()


def _keys(devices: Sequence[Device] | set[Device]) -> set[tuple[DeviceName, str]]:
    return {(device.name, device.curve25519) for device in devices}
