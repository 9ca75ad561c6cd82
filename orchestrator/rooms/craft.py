"""The craft of rooms: makes what is declared and missing, finds what is there, links it, and asks people in.

The space comes first, because all other rooms name it; then the control room, then the rest. What is bound stays bound,
also when the bot was taken out of it: then the leads are told, and nothing new is made beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.i18n import speaking
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, CreateRoom, Priority, Result
from orchestrator.model.events import Event, Member, State
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId
from orchestrator.store import bindings, mirror, outbox, timers
from orchestrator.store.bindings import SPACE_KEY
from orchestrator.store.moves import left_before
from orchestrator.store.rows import number

from . import drift
from .closing.closing import Closing
from .people.greet import answer_invite, came, watch_direct
from .people.members import invitations
from .people.membership import Membership
from .planning.wants import note_made, remember_as_made, settle_claims
from .report import is_lost, report_lost, report_not_made, report_twins
from .state.create import room_body, room_locator
from .state.find import find_rooms
from .state.restoring import stands
from .talking import Talking

AGAIN_MS: Final = HOUR_MS
"""How long to wait before asking again for a room that the homeserver refused to make."""

_AGAIN: Final = "create:"


class Rooms:
    """Rooms as the documents mean them.

    Args:
        documents: what the authors wrote.
        me: the bot's own user id.
    """

    name = "rooms"

    def __init__(self, documents: Documents, me: UserId) -> None:
        self._documents = documents
        self._me = me
        self._closing = Closing(documents, me)
        self._membership = Membership(documents, me)
        self._talking = Talking(documents)

    @property
    def commands(self) -> Sequence[Command]:
        """Closing rooms for a while and opening them again; who comes and goes."""
        return (*self._closing.commands, *self._membership.commands, *self._talking.commands)

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Find and make rooms, claim what they should be, and invite whom they are for."""
        effects: list[AnyEffect] = []
        for community in self._documents.of(tx.account).communities:
            with speaking(community.locale):
                effects += self._settle(tx, community, now)
        return [*effects, *self._closing.settle(tx, now)]

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Notice when a room of ours is replaced or we are put out of it, and when a direct room is one no more."""
        binding = bindings.binding_of(tx, event.room)
        if binding is None:
            return list(watch_direct(tx, event, now))
        community, room = self._declared(binding.community, binding.key)
        if community is None or room is None:
            return []
        with speaking(community.locale):
            if isinstance(event, Member) and event.user == self._me and event.membership in {"leave", "ban"}:
                return list(report_lost(tx, community, room, event.room))
            if isinstance(event, State):
                replaced = self._closing.heard(tx, community, room, event, now)
                return [*replaced, *drift.heard(tx, community, room, event, self._me, now)]
            if isinstance(event, Member):
                return list(self._membership.heard(tx, community, room, event, now))
        return []

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Ask again for a room that the homeserver refused to make, or about who waits."""
        closing = self._closing.due(tx, timer, now)
        if closing is not None:
            return closing
        about_people = self._membership.due(tx, timer, now)
        if about_people is not None:
            return about_people
        key = timer.key.removeprefix(_AGAIN)
        return [
            effect
            for community in self._documents.of(tx.account).communities
            for effect in self._missing(tx, community)
            if effect.merge == f"create:{key}"
        ]

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Bind a room that was made, and take note of an invitation that was followed."""
        closing = self._closing.done(tx, result, now)
        if closing is not None:
            return closing
        line = outbox.journal_of(tx, result.cause)
        if line is None or line["kind"] != "create":
            return [
                *came(tx, result, now),
                *self._membership.done(tx, result, now),
                *self._talking.done(tx, result),
            ]
        target = str(line["target"])
        if target.startswith("@"):
            if result.outcome == "done" and result.room is not None:
                bindings.set_direct(tx, UserId(target), result.room)
            return []
        name, _, key = target.partition("/")
        return self._made(tx, CommunityKey(name), RoomKey(key), result, now)

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Act on what people decided: about who comes and goes, what is closed, and what the files say."""
        closing = self._closing.answered(tx, answer, now)
        if closing is not None:
            return closing
        return [*self._membership.answered(tx, answer, now), *self._talking.answered(tx, answer, now)]

    def invited(self, tx: Tx, room: RoomId, inviter: UserId, now: Now, *, direct: bool) -> Iterable[AnyEffect]:
        """Decide about an invitation of the bot."""
        followed = self._closing.invited(tx, room, inviter, now)
        if followed is not None:
            return followed
        return list(answer_invite(tx, self._documents, room, inviter, now, direct=direct))

    def stands(self, tx: Tx, event: State, now: Now) -> bool:
        """Tell whether a state event is what is claimed of it."""
        return stands(tx, event.room, event.type, event.key, event.content, self._me, now.at_ms)

    def _settle(self, tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
        for found in find_rooms(tx, self._me, community):
            if found.others:
                yield from report_twins(tx, community, found.declared, found.room)
        yield from self._missing(tx, community)
        kept: dict[RoomKey, RoomId] = {}
        for room in community.every_room():
            where = bindings.bound_room(tx, community.key, room.key)
            if where is None:
                continue
            if is_lost(tx, where):
                yield from report_lost(tx, community, room, where)
                continue
            kept[room.key] = where
            asked = invitations(tx, community, room, where, self._me)
            yield from (invitation for invitation in asked if not left_before(tx, where, invitation.user))
        settle_claims(tx, community, kept, self._me, now.at_ms)
        yield from self._membership.settle(tx, community, kept.get(CONTROL_KEY), now)
        yield from self._talking.settle(tx, community)

    def _missing(self, tx: Tx, community: Community) -> Iterator[CreateRoom]:
        """Ask for the rooms that there are not yet; as long as there is no space, for that alone."""
        bound = {row.key: row.room for row in bindings.bindings(tx) if row.community == community.key}
        for room in community.every_room():
            if room.key in bound or room.archive or room.adopt is not None or "in" in room.faults:
                continue
            if not self._can_be_made(tx, community, room, bound):
                continue
            body = room_body(community, room, self._me, space=bound.get(room.within), rooms=bound)
            name = f"{community.key}/{room.key}"
            # Asked once for what the room is now: a refusal stands until the documents change. A name that was given to
            # a room before, and is free again, is another matter.
            yield CreateRoom(
                step=f"create:{name}:{mirror.digest_of(body)[:12]}:{_made_before(tx, name)}",
                priority=Priority.STRUCTURE,
                merge=f"create:{name}",
                tag=remember_as_made(community, room, bound, self._me),
                locator=room_locator(self._me, community.key, room.key),
                body=body,
                community=community.key,
                key=room.key,
            )

    def _can_be_made(self, tx: Tx, community: Community, room: Room, bound: Mapping[RoomKey, RoomId]) -> bool:
        """Tell whether a room can be made now: the space it hangs in is there, and those whose members it lets in.

        For the latter nobody waits in a circle, nor for a room that the homeserver has refused to make.
        """
        if room.key == SPACE_KEY:
            return True
        if room.within not in bound or SPACE_KEY not in bound:
            return False
        return not any(
            key not in bound
            and (other := community.room(key)) is not None
            and not other.archive
            and other.adopt is None
            and timers.timer_of(tx, self.name, f"{_AGAIN}{community.key}/{key}") is None
            and not _waits_for(community, other, room.key)
            for key in room.settings.allow
        )

    def _made(self, tx: Tx, community_key: CommunityKey, key: RoomKey, result: Result, now: Now) -> list[AnyEffect]:
        found = bindings.bound_room(tx, community_key, key)
        if found is not None:
            if found == result.room:
                note_made(tx, found, result.tag, self._me, now.at_ms)
            return []  # it was found meanwhile, and stays the one
        again = Timer(craft=self.name, key=f"{_AGAIN}{community_key}/{key}", due_ms=now.at_ms + AGAIN_MS)
        if result.outcome == "done" and result.room is not None:
            if bindings.binding_of(tx, result.room) is None:
                bindings.bind(tx, community_key, key, result.room, "made")
                note_made(tx, result.room, result.tag, self._me, now.at_ms)
            else:  # a room that had this name before, and has not yet said its new one
                timers.set_timer(tx, again)
            return []
        timers.set_timer(tx, again)
        community, room = self._declared(community_key, key)
        if community is None or room is None:
            return []
        with speaking(community.locale):
            return list(report_not_made(tx, community, room, result.errcode))

    def _declared(self, community_key: CommunityKey, key: RoomKey) -> tuple[Community | None, Room | None]:
        community = self._documents.community(community_key)
        return community, None if community is None else community.room(key)


def _waits_for(community: Community, room: Room, key: RoomKey) -> bool:
    """Tell whether a room lets the members of another one in, by however many steps, or hangs in it."""
    seen: set[RoomKey] = set()
    ahead = [room.key]
    while ahead:
        here = ahead.pop()
        if here == key:
            return True
        declared = community.room(here)
        if here not in seen and declared is not None:
            seen.add(here)
            ahead += [declared.within, *declared.settings.allow]
    return False


def _made_before(tx: Tx, name: str) -> int:
    row = tx.one(
        "select count(*) as n from journal where account = :account and kind = 'create' and target = :name"
        " and outcome = 'done'",
        name=name,
    )
    return 0 if row is None else number(row, "n")
