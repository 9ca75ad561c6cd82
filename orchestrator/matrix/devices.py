"""Whose devices we know and may write to: device lists asked for and kept fresh, one-time keys claimed.

Only people we send encrypted messages to are asked about. Every call is bounded, and who could not be asked or met is
left alone for a while, so that a server that is down costs one short wait and not one for each message.

Source: client-server API, "Tracking the device list for a user", "Key management API".
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import structlog

from orchestrator.errors import MatrixError, Retryable, UnknownToken
from orchestrator.model.clock import MINUTE_MS, SECOND_MS, Clock
from orchestrator.model.ids import DeviceId, Json, JsonObject, UserId, server_of

from .gateway import Gateway, route
from .olm import Machine
from .own_device import OLM, Device
from .roomkeys import MEGOLM
from .signing import decode64, is_signed

WAIT_MS: Final = 4 * SECOND_MS
"""How long our homeserver may wait for other servers."""

CALL_S: Final = 8.0
"""How long we wait for our homeserver, which may be waiting for others."""

_BATCH: Final = 50  # people or devices a request
_BREATH: Final = 20  # people whose signatures are checked before other tasks get a turn
_CURVE_BYTES: Final = 32

T = TypeVar("T")

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Rests:
    """Who is left alone until when; twice as long each time in a row.

    Args:
        clock: tells the time.
        longest_ms: the longest rest.
    """

    def __init__(self, clock: Clock, longest_ms: int) -> None:
        self._clock = clock
        self._longest_ms = longest_ms
        self._until: dict[Hashable, tuple[int, int]] = {}

    def begin(self, who: Hashable, first_ms: int) -> None:
        """Leave somebody alone, for ``first_ms`` the first time."""
        _, last_ms = self._until.get(who, (0, 0))
        rest_ms = min(max(first_ms, 2 * last_ms), self._longest_ms)
        self._until[who] = (self._clock.now_ms() + rest_ms, rest_ms)

    def end(self, who: Hashable) -> None:
        """Start from nothing again."""
        self._until.pop(who, None)

    def __contains__(self, who: Hashable) -> bool:
        until_ms, _ = self._until.get(who, (0, 0))
        return self._clock.now_ms() < until_ms


class DeviceLists:
    """Keeps the machine's knowledge of other people's devices fresh, and begins sessions with them."""

    def __init__(self, gateway: Gateway, machine: Machine, clock: Clock) -> None:
        self._gateway = gateway
        self._machine = machine
        self._rests = Rests(clock, 30 * MINUTE_MS)
        self._tracked: set[UserId] = set()
        self._fresh: set[UserId] = set()
        # Counts a person's changes, to notice one that happens while we ask.
        self._changes: dict[UserId, int] = {}
        self._asking = asyncio.Lock()

    def changed(self, users: Iterable[UserId]) -> None:
        """Note that people's devices changed; only those we write to matter."""
        for user in self._tracked.intersection(users):
            self._fresh.discard(user)
            self._changes[user] = self._changes.get(user, 0) + 1

    def left(self, users: Iterable[UserId]) -> None:
        """Note that we share no encrypted room with people any more: nothing tells us of their changes now."""
        for user in users:
            self._tracked.discard(user)
            self._fresh.discard(user)
            self._changes.pop(user, None)

    def stale(self) -> set[UserId]:
        """Name the people whose devices changed since we asked."""
        return self._tracked - self._fresh

    async def refresh(self, users: Iterable[UserId]) -> frozenset[UserId]:
        """Ask for the devices of those whose list is not fresh.

        Returns:
            those who could not be asked; what was known of their devices still stands.

        Raises:
            UnknownToken: the run ends.
            StoreError: what was learnt cannot be written.
        """
        users = frozenset(users)
        if not users <= self._fresh:
            async with self._asking:
                wanted = [user for user in sorted(users - self._fresh) if user not in self._rests]
                for batch in batches(wanted, _BATCH):
                    if not await self._ask(batch):
                        for user in wanted:
                            if user not in self._fresh:
                                self._rests.begin(user, 2 * SECOND_MS)
                        break
        return users - self._fresh

    async def _ask(self, users: Sequence[UserId]) -> bool:
        """Ask about some people; False when our own homeserver is in trouble and asking on makes no sense."""
        before = {user: self._changes.get(user, 0) for user in users}
        self._tracked.update(users)
        body: JsonObject = {"device_keys": {user: [] for user in users}, "timeout": WAIT_MS}
        try:
            answer = await self._gateway.call(
                "POST", route("keys", "query"), body=body, query={"timeout": str(WAIT_MS)}, timeout_s=CALL_S
            )
        except (Retryable, UnknownToken) as error:
            if isinstance(error, UnknownToken):
                raise
            _log.warning("devices.unasked", people=len(users), status=error.status)
            return False
        except MatrixError as error:
            # The server will not hear of somebody among these: find out who, so that the others are not harmed.
            return await self._ask_apart(users, error)
        lists, failures = answer.get("device_keys"), answer.get("failures")
        if not isinstance(lists, Mapping):
            return False
        learnt: dict[UserId, Sequence[Device]] = {}
        for count, user in enumerate(users, 1):
            if user not in lists and isinstance(failures, Mapping) and server_of(user) in failures:
                self._rests.begin(user, 30 * SECOND_MS)
            else:
                learnt[user] = devices_in(user, lists.get(user))
            if count % _BREATH == 0:
                await asyncio.sleep(0)
        self._machine.learn(learnt)
        for user in learnt:
            self._rests.end(user)
            if self._changes.get(user, 0) == before[user]:
                self._fresh.add(user)
        return True

    async def _ask_apart(self, users: Sequence[UserId], error: MatrixError) -> bool:
        if len(users) > 1:
            half = len(users) // 2
            return await self._ask(users[:half]) and await self._ask(users[half:])
        _log.warning("devices.refused", status=error.status, errcode=error.errcode)
        self._rests.begin(users[0], 5 * MINUTE_MS)
        return True

    async def meet(self, devices: Iterable[Device], *, anew: bool = False) -> list[Device]:
        """Claim one-time keys and begin Olm sessions with the devices that we have not met.

        Args:
            devices: whom to meet; who has no keys left or is out of reach is left alone for a while.
            anew: begin another session also with those we have met.

        Returns:
            those with whom a session was begun.

        Raises:
            UnknownToken: the run ends.
            StoreError: the session cannot be written.
        """
        met: list[Device] = []
        async with self._asking:
            wanted = [d for d in devices if d not in self._rests and (anew or not self._machine.has_met(d))]
            for batch in batches(wanted, _BATCH):
                answer = await self._claim(batch)
                keys = {device: key for device in batch if (key := one_time_key(device, answer)) is not None}
                begun = self._machine.meet(keys)
                for device in batch:
                    if device in begun:
                        self._rests.end(device)
                    else:
                        self._rests.begin(device, 30 * SECOND_MS)
                met += begun
        return met

    async def _claim(self, devices: Sequence[Device]) -> Json:
        claims: dict[str, dict[str, Json]] = {}
        for device in devices:
            claims.setdefault(device.user, {})[device.id] = "signed_curve25519"
        body: JsonObject = {"one_time_keys": claims, "timeout": WAIT_MS}
        try:
            answer = await self._gateway.call(
                "POST", route("keys", "claim"), body=body, query={"timeout": str(WAIT_MS)}, timeout_s=CALL_S
            )
        except UnknownToken:
            raise
        except MatrixError as error:
            _log.warning("devices.unclaimed", devices=len(devices), status=error.status)
            return None
        return answer.get("one_time_keys")


def devices_in(user: UserId, listed: Json) -> list[Device]:
    """Read somebody's part of an answer of ``/keys/query``; what is malformed or not signed by itself is left out."""
    found = []
    for name, keys in listed.items() if isinstance(listed, Mapping) else ():
        match keys:
            case {
                "user_id": owner,
                "device_id": device_id,
                "algorithms": [*algorithms],
                "keys": Mapping() as public,
            } if owner == user and device_id == name and {OLM, MEGOLM} <= {a for a in algorithms if isinstance(a, str)}:
                curve, fingerprint = public.get(f"curve25519:{name}"), public.get(f"ed25519:{name}")
            case _:
                continue
        if (
            not isinstance(curve, str)
            or not isinstance(fingerprint, str)
            or not is_signed(keys, user, name, fingerprint)
        ):
            continue
        try:
            if len(decode64(curve)) != _CURVE_BYTES:
                continue
        except ValueError:
            continue
        found.append(Device(user, DeviceId(name), curve, fingerprint))
    return found


def one_time_key(device: Device, answer: Json) -> str | None:
    """Find the key that was claimed for a device, None when there is none or its signature is not the device's."""
    of_user = answer.get(device.user) if isinstance(answer, Mapping) else None
    of_device = of_user.get(device.id) if isinstance(of_user, Mapping) else None
    for name, value in of_device.items() if isinstance(of_device, Mapping) else ():
        match value:
            case {"key": str(key)} if name.startswith("signed_curve25519:") and is_signed(
                value, device.user, device.id, device.ed25519
            ):
                return key
    return None


def batches(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most ``size``."""
    for start in range(0, len(things), size):
        yield things[start : start + size]
