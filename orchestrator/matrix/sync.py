"""Listens: asks /sync for what is new, again and again, and hands on what came, decoded.

One request at a time. The position moves on only when what came was handled, so a crash or a failure anywhere brings the
same things again rather than losing them; the server keeps to-device messages until the next position is asked for.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, NoReturn, Protocol

import structlog

from orchestrator.errors import BadRequest, MatrixError, ServerTrouble, UnknownToken
from orchestrator.failpoints import pass_by
from orchestrator.model.batch import OwnMembership, RoomUpdate, SyncBatch
from orchestrator.model.clock import SECOND_MS, Clock
from orchestrator.model.ids import Json, JsonObject, RoomId, UserId, shorten

from .decode import Decrypter, decode_room
from .fields import a_room_id
from .gateway import Gateway, route

LONG_POLL_MS: Final = 30 * SECOND_MS
"""How long the server may hold a request when there is nothing new."""

MARGIN_S: Final = 30.0
"""How much longer than that an answer may take: the server has to make it, and we to read it."""

FIRST_S: Final = 300.0
"""How long the very first answer may take; the server looks at every room for it."""

LONGEST_PAUSE_S: Final = 60.0
LONGEST_ASKED_S: Final = 600.0
"""The longest pause we are talked into by a server that asks for one; beyond it the asking is more likely a mistake."""

QUICK_MS: Final = SECOND_MS
QUICK_ALLOWED: Final = 3
"""So many empty answers in a row may come at once before we ask only once a second (a cache, or a server gone wrong)."""

_NONE: Final = {"not_types": ["*"]}
FILTER: Final = json.dumps(
    {
        "presence": _NONE,  # who is online is nobody's business, and not ours
        "account_data": _NONE,
        "room": {
            "account_data": _NONE,
            "ephemeral": _NONE,  # typing, receipts: the same
            # Only members who speak: a room's whole list would be megabytes at every first sight of it.
            "state": {"lazy_load_members": True},
            # More than a lively room says between two answers, so that gaps are rare; few enough that the answer after a
            # long absence stays small: what is beyond is read from history, at leisure, and other rooms need not wait.
            "timeline": {"limit": 50, "lazy_load_members": True, "unread_thread_notifications": False},
            # Rooms left before ``since``. Rooms left after it are in the answer all the same.
            "include_leave": False,
        },
    },
    separators=(",", ":"),
)
"""Given in full with every request, not uploaded: nothing has to be kept or found again, and every server takes it."""

REFUSALS: Final = 2
"""So many refusals of a position in a row make us give it up; one may be a proxy's bad moment."""

_LOST: Final = frozenset({"M_UNKNOWN", "M_INVALID_PARAM", "M_UNKNOWN_POS"})
"""How servers say that a position means nothing to them: Synapse says M_UNKNOWN (measured)."""

_SECTIONS: Final[tuple[OwnMembership, ...]] = ("join", "invite", "knock", "leave")

log = structlog.get_logger("sync")

Handle = Callable[[SyncBatch], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]


class Receiver(Decrypter, Protocol):
    """Takes in what the server has for our device; ``crypto.Crypto`` is one."""

    async def receive(self, raw_sync: JsonObject) -> frozenset[str]:
        """Take in an answer; gives the room-key sessions that became known."""
        ...


class Syncer:
    """Listens for one account.

    Args:
        gateway: speaks to the homeserver.
        crypto: is given each answer first, then opens its encrypted events.
        me: the bot's own user id.
        clock: tells the time.
        rng: spreads the pauses of many bots that lost the same server.
    """

    def __init__(
        self, gateway: Gateway, crypto: Receiver, me: UserId, clock: Clock, rng: random.Random | None = None
    ) -> None:
        self._gateway = gateway
        self._crypto = crypto
        self._me = me
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret

    async def next(self, since: str | None, timeout_ms: int) -> SyncBatch:
        """Ask once.

        Args:
            since: the position to go on from, None for the very first answer. The timelines of that one are what was
                said before we listened: history, for its reader to take or leave. It is asked for without waiting.
            timeout_ms: how long the server may hold the request when there is nothing new.

        Raises ServerTrouble for an answer that is none as a whole, and every other MatrixError as it comes. A room
        whose part of the answer makes no sense only lands in ``malformed``; for an invite or a knock, of which there
        is no history to read, it is left out.

        Source: client-server API, GET /_matrix/client/v3/sync.
        """
        # "offline": the bot's listening says nothing about anybody's presence, and costs the server less.
        query = {"filter": FILTER, "set_presence": "offline", "timeout": str(0 if since is None else timeout_ms)}
        if since is not None:
            query["since"] = since
        timeout_s = FIRST_S if since is None else timeout_ms / 1000 + MARGIN_S
        raw = await self._gateway.call("GET", route("sync"), query=query, timeout_s=timeout_s)
        pass_by("sync.received")
        until, sections = _outline(raw)
        sessions = await self._crypto.receive(raw)
        rooms: list[RoomUpdate] = []
        malformed: list[RoomId] = []
        for membership, room, section in sections:
            update = decode_room(section, room, membership, me=self._me, crypto=self._crypto)
            if update is not None:
                rooms.append(update)
            else:
                log.warning("a room's part of an answer makes no sense", room=shorten(room), section=membership)
                if membership in ("join", "leave"):
                    malformed.append(room)
            # A room is at most 50 events, some of them to be decrypted: a few milliseconds. After a long absence there
            # may be hundreds of rooms, and whatever else the loop serves (a removal on its way) must not wait for all.
            await asyncio.sleep(0)
        return SyncBatch(since=since, until=until, rooms=tuple(rooms), sessions=sessions, malformed=tuple(malformed))

    async def follow(
        self, since: str | None, handle: Handle, *, sleep: Sleep = asyncio.sleep, timeout_ms: int = LONG_POLL_MS
    ) -> NoReturn:
        """Listen for ever, from a position on; the first answer is asked for without waiting, so that a start is quick.

        A MatrixError, also one out of ``handle``, means a pause and then the same position again: a second, doubling to
        a minute, longer when the server asks for it. UnknownToken ends it; so does whatever else ``handle`` raises.

        When the server refuses a position twice in a row as meaningless (it was replaced, or lost its memory), one
        answer is asked for without a position: its ``since`` is None, although it is not the first. What was said
        between the lost position and it cannot be known from here. If the server will not give it either, the old
        position is tried again.
        """
        pauses = Pauses(self._rng)
        quick = refused = wait_ms = 0
        while True:
            anew = refused >= REFUSALS
            asked_ms = self._clock.now_ms()
            batch: SyncBatch | None = None
            try:
                batch = await self.next(None if anew else since, wait_ms)
                await handle(batch)
            except UnknownToken:
                raise
            except MatrixError as error:
                # Only what /sync itself says of a position counts, and only if nothing else went wrong in between.
                refused = refused + 1 if batch is None and since is not None and not anew and _is_lost(error) else 0
                pause_s = pauses.after(error)
                log.warning("listening failed", why=str(error), times=pauses.in_a_row, pause_s=round(pause_s, 1))
                await sleep(pause_s)
                continue
            if anew:
                log.error("the server did not know our position any more; we listen anew, some of the past is lost")
            pauses.reset()
            empty = batch.until == since or not (batch.rooms or batch.malformed or batch.sessions)
            quick = quick + 1 if empty and self._clock.now_ms() - asked_ms < QUICK_MS else 0
            since, refused, wait_ms = batch.until, 0, timeout_ms
            if quick > QUICK_ALLOWED:
                await sleep(QUICK_MS / 1000)


class Pauses:
    """How long to pause after failures in a row: a second, doubling to a minute, and up to a quarter more by chance.

    Never less than a second, so that a server in trouble hears from us less than once a second.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.in_a_row = 0

    def after(self, error: MatrixError) -> float:
        """Tell the pause after one more failure, in seconds."""
        pause_s = min(2.0 ** min(self.in_a_row, 10), LONGEST_PAUSE_S)
        self.in_a_row += 1
        if error.retry_after_ms is not None:
            pause_s = max(pause_s, min(error.retry_after_ms / 1000, LONGEST_ASKED_S))
        return pause_s * (1 + self._rng.random() / 4)

    def reset(self) -> None:
        """Begin anew, after a success."""
        self.in_a_row = 0


def _outline(raw: JsonObject) -> tuple[str, list[tuple[OwnMembership, RoomId, Json]]]:
    """Find the next position and each room's part, before anything is taken from an answer."""
    until = raw.get("next_batch")
    if not isinstance(until, str) or not until:
        raise _no_answer()
    return until, list(_sections(raw))


def _sections(raw: JsonObject) -> Iterator[tuple[OwnMembership, RoomId, Json]]:
    rooms = raw.get("rooms") or {}
    if not isinstance(rooms, Mapping):
        raise _no_answer()
    for membership in _SECTIONS:
        parts = rooms.get(membership) or {}
        if not isinstance(parts, Mapping):
            # Going on would lose whatever was meant to stand here.
            raise _no_answer()
        for key, section in parts.items():
            room = a_room_id(key)
            if room is not None:
                yield membership, room, section


def _is_lost(error: MatrixError) -> bool:
    return isinstance(error, BadRequest) and error.status == 400 and error.errcode in _LOST


def _no_answer() -> ServerTrouble:
    return ServerTrouble("The homeserver's answer makes no sense.", status=200, call="GET sync")
