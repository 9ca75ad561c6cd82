"""``GET /sync``: what is new for a device since a token, waiting for it if asked to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from .accounts import Requester
from .clock import Pulse
from .filters import SyncFilter
from .stretch import SentMembers, Stretch
from .sync_rooms import Section, invited_room, joined_room, left_room, newly_joined
from .tokens import SyncToken
from .values import Json, JsonObject
from .world import World


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What a device asks for."""

    requester: Requester
    since: SyncToken | None
    wanted: SyncFilter
    timeout_ms: int = 0
    full_state: bool = False


@dataclass(slots=True)
class Polls:
    """Who waits in a long poll now, so that a test can wait for that; ``changed`` beats when somebody begins to."""

    waiting: dict[str, int] = field(default_factory=dict)
    changed: Pulse = field(default_factory=Pulse)


class Sync:
    """Answers ``/sync``.

    Args:
        world: the server.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._sent: dict[tuple[str, str | None], SentMembers] = {}
        self.polls = Polls()

    async def answer(self, request: SyncRequest) -> JsonObject:
        """Answer at once if something is new, else wait for it or for ``timeout_ms`` of the fake clock."""
        world, requester = self._world, request.requester
        if request.since is not None:
            world.inbox.acknowledge(requester.user_id, requester.device_id or "", request.since.inbox)
        timer = world.clock.timer(request.timeout_ms)
        try:
            while True:
                answer, is_news = self.respond(request)
                if is_news or request.since is None or request.full_state or timer.done():
                    return answer
                # Nothing can happen between the answer above and the wait: both run in one step of the loop.
                await self._wait(requester.user_id, timer)
        finally:
            timer.cancel()

    async def _wait(self, user_id: str, timer: asyncio.Future[None]) -> None:
        waiting, beat = self.polls.waiting, self._world.pulse.next()
        waiting[user_id] = waiting.get(user_id, 0) + 1
        self.polls.changed.beat()
        try:
            await asyncio.wait({beat, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            beat.cancel()
            waiting[user_id] -= 1

    def respond(self, request: SyncRequest) -> tuple[JsonObject, bool]:
        """Write the answer as of now, and say whether there is news in it."""
        world, requester = self._world, request.requester
        user_id, device_id = requester.user_id, requester.device_id or ""
        letters, inbox = world.inbox.read(user_id, device_id)
        key = (user_id, requester.device_id)
        if request.since is None:
            self._sent[key] = SentMembers()
        stretch = Stretch(
            requester=requester,
            since=request.since,
            now=SyncToken(world.stream, inbox),
            wanted=request.wanted,
            sent=self._sent.setdefault(key, SentMembers()),
            clock_ms=world.clock.now_ms(),
            full_state=request.full_state,
        )
        answer: JsonObject = {"next_batch": str(stretch.now)}
        account_data = self._account_data(stretch)
        if account_data:
            answer["account_data"] = {"events": account_data}
        rooms, sections = self._rooms(stretch)
        if rooms:
            answer["rooms"] = rooms
        lists = self._device_lists(stretch, sections)
        if lists:
            answer["device_lists"] = lists
        if letters:
            answer["to_device"] = {"events": letters}
        is_news = len(answer) > 1
        answer["device_one_time_keys_count"] = world.keys.counts(user_id, device_id)
        answer["device_unused_fallback_key_types"] = list[Json](world.keys.unused_fallbacks(user_id, device_id))
        return answer, is_news

    def _account_data(self, stretch: Stretch) -> list[Json]:
        account = self._world.accounts.get(stretch.requester.user_id)
        stored = account.account_data.items() if account is not None else ()
        return [
            {"type": kind, "content": data.content}
            for kind, data in stored
            if data.stream > stretch.after and stretch.wanted.account_data.wants(kind)
        ]

    def _rooms(self, stretch: Stretch) -> tuple[JsonObject, list[Section]]:
        by_kind: dict[str, JsonObject] = {}
        sections: list[Section] = []
        user_id = stretch.requester.user_id
        for room in list(self._world.rooms.values()):
            own = room.membership(user_id)
            if own is None or not stretch.wanted.rooms.wants_room(room.room_id):
                continue
            quiet = room.last is None or room.last.stream <= stretch.after
            if quiet and not stretch.full_state:
                continue
            form: JsonObject | None
            if own == "join":
                section = joined_room(room, stretch)
                form = None if section is None else section.form
                sections += [] if section is None else [section]
            elif own in ("invite", "knock"):
                form = invited_room(room, stretch)
            else:
                own = "leave"
                section = left_room(room, stretch)
                form = None if section is None else section.form
            if form is not None:
                by_kind.setdefault(own, {})[room.room_id] = form
        return dict(by_kind), sections

    def _device_lists(self, stretch: Stretch, sections: Iterable[Section]) -> JsonObject:
        """Say whose keys to ask for again, and whose changes nobody tells us any more.

        Source: client-server API, "Extensions to /sync"; Synapse, ``generate_sync_entry_for_device_list``.
        """
        if stretch.since is None:
            return {}
        world, user_id = self._world, stretch.requester.user_id
        mine = [room for room in world.rooms.values() if room.membership(user_id) == "join"]
        sharing = {user for room in mine for user in room.joined} | {user_id}
        changes = world.keys.changed(stretch.after, stretch.now.stream, signer=user_id)
        changed = {user for user in changes if user in sharing}
        came, gone = _comings_and_goings(sections)
        changed |= came
        for room in world.rooms.values():
            if newly_joined(room, stretch) and room.membership(user_id) == "join":
                changed |= set(room.joined)
            was_in = room.membership(user_id, at=stretch.after) == "join"
            if was_in and room.membership(user_id) != "join":
                gone |= set(room.joined)
        lists: JsonObject = {}
        if changed:
            lists["changed"] = list[Json](sorted(changed))
        if gone - sharing:
            lists["left"] = list[Json](sorted(gone - sharing))
        return lists

    def key_changes(self, requester: Requester, after: SyncToken, upto: SyncToken) -> JsonObject:
        """Answer ``GET /keys/changes``."""
        everything = SyncFilter()
        stretch = Stretch(requester, after, upto, everything, SentMembers(), self._world.clock.now_ms())
        _, sections = self._rooms(stretch)
        lists = self._device_lists(stretch, sections)
        return {"changed": lists.get("changed", []), "left": lists.get("left", [])}


def _comings_and_goings(sections: Iterable[Section]) -> tuple[set[str], set[str]]:
    came: set[str] = set()
    gone: set[str] = set()
    for section in sections:
        for event in [*section.state, *section.timeline]:
            if event.type != "m.room.member" or event.state_key is None:
                continue
            if event.membership in ("join", "invite", "knock"):
                came.add(event.state_key)
                gone.discard(event.state_key)
            else:
                came.discard(event.state_key)
                if event.replaces is not None and event.replaces.membership == "join":
                    gone.add(event.state_key)
    return came, gone
