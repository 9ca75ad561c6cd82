"""What of a room's state is otherwise on the server than we last heard, and how that is taken in.

/sync tells what is sent. What a server's state resolution undoes, or finds to be valid after all, it may never tell; so
each room of ours is read whole now and then. A difference may also be one of time alone: what was read is a moment older
or newer than what was heard. Only what is still the same difference at a second look counts, and only if /sync answered
in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from orchestrator.model.events import Member, State
from orchestrator.model.feature import Feature, Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.model.things import PSEUDO
from orchestrator.store import audits, claims, ingest, mirror
from orchestrator.store.structure import is_noted

from .deciding import Deciding, Turn

Place: TypeAlias = tuple[str, str]
Differences: TypeAlias = Mapping[Place, tuple[str, str]]
"""Where what was heard and what is there differ, by type and key: names of the one and of the other, "" for nothing."""

MEMBER = "m.room.member"


class Audit:
    """Compares, and takes in.

    Args:
        crafts: who decides about what is found.
        deciding: lets them.
        see: takes note of an event.
        me: the bot's own user id.
    """

    def __init__(
        self,
        crafts: Sequence[Feature],
        deciding: Deciding,
        see: Callable[[Turn, State | Member], None],
        me: UserId,
    ) -> None:
        self._crafts, self._deciding, self._see, self._me = crafts, deciding, see, me

    def take(
        self, turn: Turn, room: RoomId, events: Sequence[State | Member], known: Differences | None, since_ms: int
    ) -> Differences:
        """Take in what differs now as it did at the first look; returns what is to be looked at a second time.

        Args:
            turn: the transaction.
            room: a room of ours.
            events: all of its state, as it was read.
            known: what differed at the first look; None if this is the first.
            since_ms: when the first look was.
        """
        tx = turn.tx
        live = {_place(event): event for event in events}
        own, us = live.get((MEMBER, self._me)), mirror.room_of(tx, room)
        if ("m.room.create", "") not in live or not isinstance(own, Member) or own.membership != "join":
            return {}  # no answer, or we are out: then nothing of it is ours to see, and sync tells that
        if us is None or us.membership != "join" or ingest.gap_in(tx, room) is not None:
            return {}
        found = _differences(tx, room, live)
        if found and (known is None or ingest.heard_ms(tx) <= since_ms):
            return found
        last_ms = audits.read_ms(tx, room) or 0
        turn = replace(turn, since_ms=last_ms)
        for place, differs in found.items():
            if known is not None and known.get(place) == differs:
                work = partial(self._take, turn, room, place, live.get(place), last_ms)
                self._deciding.guarded(turn, "audit", f"{room} {place[0]}", work)
        audits.note_read(tx, room, turn.now.at_ms)
        return {}

    def _take(self, turn: Turn, room: RoomId, place: Place, event: State | Member | None, last_ms: int) -> None:
        tx, (type_, key) = turn.tx, place
        before = mirror.member(tx, room, UserId(key)) if type_ == MEMBER else None
        if event is None and type_ == MEMBER:
            mirror.forget_member(tx, room, UserId(key))
            if before is not None and before.membership == "join":
                turn.taken.left.add((room, UserId(key)))
            return
        if event is None or isinstance(event, State):
            mirror.forget_state(tx, room, type_, key)  # also where only the content of the same event is gone
        if event is None:
            if claims.claims_on(tx, room, type_, key, turn.now.at_ms):
                claims.mark_unsettled(tx, room, type_, key, turn.now.at_ms)
            return
        self._see(turn, event)
        if isinstance(event, Member) and before is None and event.membership == "join" and event.at_ms < last_ms:
            return  # was here all the while, and is no newcomer
        if event.sender == self._me:
            return  # what the bot wrote is nobody's change
        for craft in self._crafts:
            origin = f"audit:{event.id}@{turn.now.at_ms}"
            self._deciding.decided(turn, origin, craft.name, partial(craft.decide, tx, event, turn.now))


def _place(event: State | Member) -> Place:
    return (MEMBER, event.user) if isinstance(event, Member) else (event.type, event.key)


def _differences(tx: Tx, room: RoomId, live: Mapping[Place, State | Member]) -> Differences:
    heard: dict[Place, str] = {
        place: f"{state.event} {state.digest}"
        for place, state in mirror.states_of(tx, room).items()
        if place[0] not in PSEUDO
    }
    there: dict[Place, str] = {}
    for place, event in live.items():
        if isinstance(event, State) and is_noted(*place):
            there[place] = f"{event.id} {mirror.digest_of(event.content)}"
        elif isinstance(event, Member):
            there[place] = event.membership
    heard |= {(MEMBER, user): membership for user, membership in mirror.memberships(tx, room).items()}
    # Who left long ago need not be known.
    return {
        place: (heard.get(place, ""), there.get(place, ""))
        for place in heard.keys() | there.keys()
        if heard.get(place, "") != there.get(place, "")
        and not (place[0] == MEMBER and {heard.get(place, ""), there.get(place, "")} <= {"", "leave"})
    }
