"""The craft of facilitation: handoffs on time, duty power given and taken back, and who is on duty for all who ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from orchestrator.documents.declared import SPACE_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.events import Event, Member
from orchestrator.model.feature import Answer, Call, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId
from orchestrator.schedule import next_at
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.claims import Claim
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from . import wording
from .calendar.desk import Calendars
from .calendar.feeds import NO_ADDRESSES, Addresses
from .duty import begun, covers, current_shift, in_turn, note_announced, note_begun, note_cover, on_duty
from .rota import backup_of, shifts

OWNER = "duty"
POWER = "m.room.power_levels"
SHOWN = 4
AHEAD_MS = 366 * DAY_MS
"""How far ahead ``!next`` looks, and how many turns it shows at most."""


class Facilitation:
    """Who keeps which room, when. Also the roster that all others ask.

    Args:
        documents: what the authors wrote.
        addresses: makes the addresses of calendars.

    Attributes:
        calendars: answers what is asked about them.
    """

    name = "facilitation"

    def __init__(self, documents: Documents, addresses: Addresses = NO_ADDRESSES) -> None:
        self._documents = documents
        self.calendars = Calendars(documents, addresses)

    @property
    def commands(self) -> Sequence[Command]:
        """``!who`` and ``!next``."""
        return (
            Command(name="who", usage="", summary=N_("who is on duty"), needs=Role.MEMBER, run=self._who),
            Command(name="next", usage="", summary=N_("who comes next"), needs=Role.MEMBER, run=self._next),
        )

    # -- the roster ----------------------------------------------------------------------------------------------------

    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        """Tell what a user is in a room (None: in the community as a whole), now."""
        declared = self._documents.community(community)
        if declared is None:
            return Role.MEMBER
        if user in declared.leads:
            return Role.LEAD
        return Role.FACILITATOR if user in self.on_duty(tx, community, room, now) else Role.MEMBER

    def is_staff(self, user: UserId, community: CommunityKey) -> bool:
        """Tell whether a user is a lead or a facilitator of a community, on duty or off."""
        declared = self._documents.community(community)
        return declared is not None and user in declared.staff()

    def on_duty(self, tx: Tx, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
        """List who is on duty in a room, or anywhere in the community."""
        declared = self._documents.community(community)
        if declared is None:
            return ()
        rooms = declared.rooms if room is None else tuple(r for r in declared.rooms if r.key == room)
        people = [user for r in rooms for user in on_duty(tx, declared, r, now.at_ms)]
        anywhere = () if room is not None else covers(tx, community, SPACE_KEY, now.at_ms)
        return tuple(dict.fromkeys((*people, *anywhere)))

    def in_turn(self, tx: Tx, community: CommunityKey, room: RoomKey, now: Now) -> tuple[UserId, ...]:
        """List everybody who keeps a room, in the order in which they are asked when something comes up."""
        declared, found = self._documents.community(community), self._documents.room(community, room)
        return () if declared is None or found is None else in_turn(tx, declared, found, now.at_ms)

    def cover(
        self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, until_ms: int, now: Now
    ) -> None:
        """Put somebody on duty for a while, in a room or in the community as a whole: something came up, and they took it.

        It is written down like a shift, gives the power of one, and ends by itself; nobody else's shift changes.
        """
        declared = self._documents.community(community)
        if declared is None:
            return
        note_cover(tx, community, SPACE_KEY if room is None else room, user, Span(now.at_ms, until_ms))
        found = declared.room(room) if room is not None else None
        bound = bindings.bound_room(tx, community, room) if room is not None else None
        if found is None or bound is None or (found.rota is None and user in found.facilitators):
            return
        shift = current_shift(tx, declared, found, now.at_ms)
        own_ms = shift.span.end_ms if shift is not None and shift.user == user else until_ms
        ends_ms = max(own_ms, covers(tx, community, found.key, now.at_ms).get(user, until_ms))
        self._give_power(tx, found, bound, user, ends_ms, now)

    # -- the craft -----------------------------------------------------------------------------------------------------

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Begin the shifts that have begun, set the next handoffs, and take back what nobody should hold any more."""
        holders: set[tuple[RoomId, str]] = set()
        handoffs: set[str] = set()
        for community, room, bound in self._kept_rooms(tx):
            for table in ("shift_before", "cover"):
                bindings.move_rows(tx, table, (community.key, *community.previously), (room.key, *room.previously))
            if room.rota is None:
                for user in room.facilitators:
                    self._give_power(tx, room, bound, user, None, now)
            else:
                handoffs.add(_timer_key(room))
                yield from self._hand_off(tx, community, room, bound, now)
            holders.update((bound, user) for user in on_duty(tx, community, room, now.at_ms))
        for claim in claims.claims_of(tx, OWNER):
            if claim.type == POWER and (claim.room, claim.path[-1]) not in holders:
                claims.drop_claim(tx, claim.room, POWER, OWNER, now.at_ms, path=claim.path)
        for timer in timers_of(tx, self.name, "handoff:"):
            if timer.key not in handoffs:
                clear_timer(tx, self.name, timer.key)

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Announce who keeps a room to the first who come into it; nothing that is said changes the rota."""
        if not isinstance(event, Member) or event.membership != "join" or event.user == now.me:
            return
        binding = bindings.binding_of(tx, event.room)
        community = self._documents.community(binding.community) if binding is not None else None
        room = community.room(binding.key) if binding is not None and community is not None else None
        if community is not None and room is not None:
            yield from self._announce(tx, community, room, event.room, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Hand over."""
        for community, room, bound in self._kept_rooms(tx):
            if room.rota is not None and _timer_key(room) == timer.key:
                yield from self._hand_off(tx, community, room, bound, now)

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """An announcement needs no follow-up."""
        del tx, result, now
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Nothing is asked here yet."""
        del tx, answer, now
        return ()

    # -- handoffs ------------------------------------------------------------------------------------------------------

    def _kept_rooms(self, tx: Tx) -> Iterator[tuple[Community, Room, RoomId]]:
        for community in self._documents.communities:
            for room in community.rooms:
                bound = bindings.bound_room(tx, community.key, room.key)
                if bound is not None and (room.facilitators or room.rota is not None):
                    yield community, room, bound

    def _hand_off(self, tx: Tx, community: Community, room: Room, bound: RoomId, now: Now) -> Iterator[AnyEffect]:
        if room.rota is None:
            return
        following = next_at(room.rota.cadence, community.zone, now.at_ms)
        set_timer(tx, Timer(craft=self.name, key=_timer_key(room), due_ms=following.at_ms))
        shift = current_shift(tx, community, room, now.at_ms)
        if shift is None:
            return
        covered_ms = covers(tx, community.key, room.key, now.at_ms).get(shift.user, shift.span.end_ms)
        self._give_power(tx, room, bound, shift.user, max(shift.span.end_ms, covered_ms), now)
        note_begun(tx, room, shift)
        yield from self._announce(tx, community, room, bound, now)

    def _announce(self, tx: Tx, community: Community, room: Room, bound: RoomId, now: Now) -> Iterator[AnyEffect]:
        """Say who keeps the room, once, as soon as somebody is there to hear it."""
        shift = current_shift(tx, community, room, now.at_ms)
        if shift is not None and mirror.anyone_beside(tx, bound, now.me) and note_announced(tx, room, shift):
            with speaking(community.locale):
                words = wording.handoff(community, shift)
            yield Send(
                # Named by its person, too: somebody may step in before it is over.
                step=f"handoff:{room.community}/{room.key}:{shift.span.start_ms}:{shift.user}",
                room=bound,
                priority=Priority.ROUTINE,
                expires_ms=shift.span.end_ms,
                # Notices make no sound, mentions or not; whoever takes over should hear of it.
                content=content.text(words, mentions=[shift.user]),
            )

    def _give_power(self, tx: Tx, room: Room, bound: RoomId, user: UserId, until_ms: int | None, now: Now) -> None:
        claim = Claim(
            room=bound,
            type=POWER,
            path=("users", user),
            owner=OWNER,
            value=room.power.facilitator,
            until_ms=until_ms,
        )
        claims.put_claim(tx, claim, now.at_ms)

    # -- commands ------------------------------------------------------------------------------------------------------

    def _who(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        asked = self._asked_about(tx, call)
        answers = [self._keeping(tx, community, room, now) for community, room in asked]
        if not any(on_duty(tx, community, room, now.at_ms) for community, room in asked):
            answers.append(wording.ask_for_a_person(asked[0][0]))
        yield content.answer(call, "\n\n".join(answers), now, people=_staff(asked))

    def _next(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        asked = self._asked_about(tx, call)
        answers = [self._coming(tx, community, room, now) for community, room in asked]
        yield content.answer(call, "\n\n".join(answers), now, people=_staff(asked))

    def _keeping(self, tx: Tx, community: Community, room: Room, now: Now) -> str:
        if room.rota is None:
            return wording.always(community, room)
        if not room.facilitators:
            return wording.nobody(room)
        shift = current_shift(tx, community, room, now.at_ms)
        if shift is None:
            return wording.not_yet(community, room, next_at(room.rota.cadence, community.zone, now.at_ms).at_ms)
        return wording.keeping(community, room, shift, backup_of(shift, room.facilitators))

    def _coming(self, tx: Tx, community: Community, room: Room, now: Now) -> str:
        if room.rota is None or not room.facilitators:
            return self._keeping(tx, community, room, now)
        window = Span(now.at_ms, now.at_ms + AHEAD_MS)
        ahead = shifts(room.rota, community.zone, room.facilitators, window, begun(tx, room, now.at_ms))
        coming = list(islice((shift for shift in ahead if shift.span.start_ms > now.at_ms), SHOWN))
        return wording.coming(community, room, coming) if coming else self._keeping(tx, community, room, now)

    def _asked_about(self, tx: Tx, call: Call) -> Sequence[tuple[Community, Room]]:
        """Find the rooms a question is about: the one it stands in, else those that the person who asks is in.

        Which other rooms there are, and who keeps them, is for those who keep one themselves.
        """
        asker = call.event.sender
        mine = bindings.communities_of(tx, asker) if call.direct else [call.community]
        communities = [community for community in self._documents.communities if community.key in mine]
        # Nobody is on duty in a space, or in a room that is closed.
        rooms = [(c, room) for c in communities for room in c.rooms if room.kind == "room" and not room.archive]
        here = [(c, room) for c, room in rooms if not call.direct and room.key == call.room_key]
        theirs = [(c, room) for c, room in rooms if asker in c.staff() or _is_in(tx, room, asker)]
        if not here and not theirs:
            raise Refusal(wording.not_for_you())
        return here or theirs


def _staff(asked: Iterable[tuple[Community, Room]]) -> frozenset[UserId]:
    return frozenset().union(*(community.staff() for community, _room in asked))


def _is_in(tx: Tx, room: Room, user: UserId) -> bool:
    bound = bindings.bound_room(tx, room.community, room.key)
    seen = mirror.member(tx, bound, user) if bound is not None else None
    return seen is not None and seen.membership == "join"


def _timer_key(room: Room) -> str:
    return f"handoff:{room.community}/{room.key}"
