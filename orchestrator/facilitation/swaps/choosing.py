"""Which turn somebody means: by when it is, where they ask, and else by asking back with full dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.facilitation import saying
from orchestrator.facilitation.records.overrides import Kind, State, changes_of
from orchestrator.facilitation.records.preferences import zone_of
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.facilitation.view import View, check_staff
from orchestrator.i18n import _
from orchestrator.model.cadence import Span
from orchestrator.model.effects import Choice
from orchestrator.model.feature import Call, Now, Tx
from orchestrator.model.ids import Json, RoomKey, UserId
from orchestrator.schedule.dates import When, read_when

from . import words
from .changing import Wish

MOST: Final = 5
"""How many are offered at most when it is not clear which one is meant."""
_KEYS: Final = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣")


@dataclass(frozen=True, slots=True)
class Option:
    """One that could be meant."""

    community: Community
    wish: Wish

    @property
    def room_name(self) -> str:
        """Name its room."""
        return self.community.name_of(self.wish.room)


def communities_for(documents: Documents, call: Call) -> Sequence[Community]:
    """List the communities that a call may be about: the one it stands in, in private all that the caller looks after.

    Raises:
        Refusal: the caller looks after none.
    """
    here = [one for one in documents.communities if one.key == call.community]
    mine = [one for one in documents.communities if call.event.sender in one.staff()] if call.direct else here
    if not mine or call.event.sender not in mine[0].staff():
        for one in here or documents.communities[:1]:
            check_staff(one, call.event.sender)
        raise Refusal(_("I can tell you that once you are in one of the rooms I look after."))
    return mine


def clock_for(tx: Tx, call: Call, community: Community) -> tzinfo:
    """Choose whose clock is meant: in private the caller's own."""
    return zone_of(tx, call.event.sender, community) if call.direct else community.zone


def read(tx: Tx, call: Call, said: Sequence[str], community: Community, now: Now) -> When | None:
    """Read the date that words begin with; None where there are none."""
    return read_when(said, now.at_ms, clock_for(tx, call, community), community.locale) if said else None


def theirs(views: Sequence[View], user: UserId, when: When | None, here: RoomKey | None) -> list[Option]:
    """List what somebody is on for."""
    found = [
        Option(view.community, Wish(room=one.room, part=one.part, span=one.span))
        for view in views
        for one in view.held_by(user)
        if one.shift is not None
    ]
    found = _but_ending(found, [one for view in views for one in view.held_by(user)], when)
    return _meant(found, when, here)


def check_not_written(
    tx: Tx, call: Call, views: Iterable[View], user: UserId, when: When | None, here: RoomKey | None
) -> None:
    """Check that what somebody means is not theirs by a temporary schedule.

    Raises:
        Refusal: it is; it names those who can change that.
    """
    found = [
        Option(view.community, Wish(room=one.room, part=one.part, span=one.span))
        for view in views
        for one in view.written_for(user)
    ]
    for option in _meant(found, when, here)[:1]:
        stretch = saying.stretch(option.wish.span, clock_for(tx, call, option.community))
        raise Refusal(words.is_written_down(option.room_name, stretch, saying.named(option.community.leads)))


def open_to(tx: Tx, views: Sequence[View], user: UserId, when: When | None, here: RoomKey | None) -> list[Option]:
    """List what somebody could take: what is asked for, and what nobody has."""
    found = []
    for view in views:
        community = view.community
        lead = user in community.leads
        rooms = {room.key for room in community.rooms if lead or user in room.facilitators}
        found += [
            Option(community, Wish(room=one.room, part=one.part, span=one.span, swap=change.id))
            for change in changes_of(tx, community.key, Span.since(view.now_ms))
            if change.kind is Kind.SWAP
            and change.state is State.OPEN
            and change.giver != user
            and change.only in {None, user}
            and change.room in rooms
            for one in view.on_in(change.room, change.part, change.span)
            if one.user == change.giver and one.shift is not None
        ]
        found += [
            Option(community, Wish(room=one.room, part=one.part, span=one.span))
            for one in view.gaps()
            if one.room in rooms
        ]
    found = _but_ending(found, [one for view in views for one in view.stretches], when)
    found.sort(key=lambda one: (one.wish.span.start_ms, one.wish.room, one.wish.part is not Part.FACILITATOR))
    return _meant(found, when, here)


def running(views: Iterable[View], user: UserId, here: RoomKey | None) -> list[Option]:
    """List what runs right now that somebody could take over."""
    found = [
        Option(view.community, Wish(room=one.room, part=one.part, span=one.span, at_once=True))
        for view in views
        for one in view.stretches
        if one.part is Part.FACILITATOR
        and view.now_ms in one.span
        and one.shift is not None
        and one.user != user
        and any(
            room.key == one.room and (user in room.facilitators or user in view.community.leads)
            for room in view.community.rooms
        )
    ]
    return [one for one in found if here in {None, one.wish.room}]


def choices(tx: Tx, options: Sequence[Option], call: Call, no: str) -> tuple[Choice, ...]:
    """Offer each by a number, with its room and its times in full."""
    listed = list[Choice]()
    for key, option in zip(_KEYS, options, strict=False):
        room = words.part_of(option.room_name, option.wish.part)
        said = f"{room}, {saying.stretch(option.wish.span, clock_for(tx, call, option.community))}"
        if any(said == other.word for other in listed):
            said = f"{said} ({option.wish.room})"  # rooms of the same name
        listed.append(Choice(key, said, str(len(listed))))
    return (*listed, Choice("❌", no, "no"))


def packed(options: Sequence[Option]) -> list[Json]:
    """Write options down, for the tag of a question."""
    return [
        {
            "community": option.community.key,
            "room": option.wish.room,
            "part": option.wish.part.value,
            "start": option.wish.span.start_ms,
            "end": option.wish.span.end_ms,
            "swap": option.wish.swap,
            "now": option.wish.at_once,
        }
        for option in options[:MOST]
    ]


def unpacked(documents: Documents, packed_options: Json) -> list[Option]:
    """Read options back; those of communities that are gone are left out."""
    found = []
    for one in packed_options if isinstance(packed_options, list) else []:
        community = next((each for each in documents.communities if each.key == one["community"]), None)
        if community is not None:
            wish = Wish(
                room=RoomKey(one["room"]),
                part=Part(one["part"]),
                span=Span(one["start"], one["end"]),
                swap=one["swap"],
                at_once=one["now"],
            )
            found.append(Option(community, wish))
    return found


def _but_ending(options: Sequence[Option], stretches: Iterable[Stretch], when: When | None) -> list[Option]:
    """Leave out what ends on a day on which another turn begins there: then the day means that one."""
    if when is None or not when.whole_days:
        return list(options)
    beginning = {(one.room, one.part) for one in stretches if one.span.start_ms in when.span}
    return [
        one
        for one in options
        if one.wish.span.start_ms in when.span
        or one.wish.span.end_ms not in when.span
        or (one.wish.room, one.wish.part) not in beginning
    ]


def _meant(options: Sequence[Option], when: When | None, here: RoomKey | None) -> list[Option]:
    """Choose those that are meant: at that time, those that begin then before others, and those of the room one is in."""
    found = list(options)
    if when is not None and (when.onward or not (when.whole_days or when.moment)):
        cut = [(one, Span(when.span.start_ms, one.wish.span.end_ms) if when.onward else when.span) for one in options]
        found = [
            replace(one, wish=replace(one.wish, span=both))
            for one, span in cut
            if (both := one.wish.span.common(span)) is not None
        ]
        found = found[:1] if when.onward else found
    elif when is not None:
        touched = [one for one in options if one.wish.span.shares(when.span)]
        found = [one for one in touched if one.wish.span.start_ms in when.span] or touched
    return [one for one in found if here in {None, one.wish.room}]
