"""``!meeting``: when people meet, and for whoever keeps the room: calling one off, and bringing it back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import Json, RoomId
from orchestrator.schedule.dates import read_when
from orchestrator.store import bindings, mirror

from . import rows, words
from .places import Place, coming, following, is_off, places_in, set_next
from .saying import name_of, replying, tag_of
from .timetable import LONGEST_MS, Session

CANCEL: Final = "cancel"
RESTORE: Final = "restore"
SHOWN: Final = 3
LOOKED_AT: Final = 100
"""How many sessions of a meeting a date is looked for among."""


EXAMPLES: Final = (
    Example("", N_("the next ones, and where")),
    Example("cancel", N_("the next one does not take place, and the room is told"), Role.FACILITATOR),
    Example("cancel 12 Dec", N_("the same for the one on that day"), Role.FACILITATOR),
    Example("restore", N_("what was called off takes place after all"), Role.FACILITATOR),
)


@dataclass(frozen=True, slots=True)
class _Meant:
    """A session that somebody means."""

    place: Place
    session: Session


class Asked:
    """Answers ``!meeting``.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @property
    def commands(self) -> Sequence[Command]:
        """``!meeting``."""
        return (
            Command(
                name="meeting",
                usage="[cancel|restore]",
                summary=N_("when people meet here"),
                needs=Role.MEMBER,
                run=self._run,
                usage_for=Role.FACILITATOR,
                examples=EXAMPLES,
                elsewhere=True,
            ),
        )

    def _run(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        found = _rooms(tx, self._documents, call)
        args = list(call.args)
        named = [(community, room) for community, room in found if args and room.key == args[0].casefold()]
        if named:
            found, args = named, args[1:]
        word = args[0].casefold() if args else ""
        if word in {CANCEL, RESTORE}:
            community, room = _kept(found, call)
            return self._change(tx, call, community, room, args[1:], now, off=word == CANCEL)
        if args:
            raise Refusal(words.how(self._documents.prefix_in(call.community)))
        answers = [one for community, room in found for one in _shown(tx, community, room, now)]
        return [content.answer(call, "\n\n".join(answers) or words.none_planned(), now)]

    def _change(  # who asks for what, where
        self, tx: Tx, call: Call, community: Community, room: Room, said: Sequence[str], now: Now, *, off: bool
    ) -> Iterator[AnyEffect]:
        known = rows.steps_in(tx, room, since_ms=now.at_ms - LONGEST_MS)
        meant = _meant(community, room, known, said, now, off=off)
        place, session = meant.place, meant.session
        bound = bindings.bound_room(tx, community.key, room.key)
        if bound is None:
            raise Refusal(words.none_planned())
        if off == is_off(known, session):
            said_so = words.off_already(session, community.zone, community.prefix) if off else words.not_off()
            raise Refusal(said_so)
        if off:
            rows.claim(tx, room, place.meeting.id, session.start_ms, rows.CANCEL)
        else:
            rows.unclaim(tx, room, place.meeting.id, session.start_ms, rows.CANCEL)
            for due in place.steps(session):
                if due.stale_ms <= now.at_ms:
                    rows.claim(tx, room, place.meeting.id, session.start_ms, due.step, "passed: cancelled")
        set_next(tx, place, now.at_ms, again_ms=now.at_ms)
        yield _told(meant, bound, known, off=off)
        if call.event.room != bound:
            yield content.answer(call, words.done(session, room, community.zone, off=off), now)


def _told(meant: _Meant, bound: RoomId, known: rows.Steps, *, off: bool) -> Send:
    """Say in the room that a session does not take place, or does after all."""
    place, session, zone = meant.place, meant.session, meant.place.community.zone
    room, id_ = place.room, place.meeting.id
    with speaking(place.community.locale):
        if off:
            step, said = rows.CANCEL, words.cancelled(session, room, zone, following(place, known, session.start_ms))
        else:
            step, said = RESTORE, words.restored(session, room, zone)
        body: dict[str, Json] = replying(content.text(said), known, id_, session.start_ms, bound)
    return Send(
        step=step,
        room=bound,
        priority=Priority.REPLY,
        expires_ms=session.end_ms,
        merge=name_of(room, id_, session.start_ms),
        tag=json.dumps(tag_of(room, id_, session.start_ms, step)),
        content=body,
    )


def _rooms(tx: Tx, documents: Documents, call: Call) -> list[tuple[Community, Room]]:
    """List the rooms that are meant: the one it stands in, all of them in the control room, in private those of the asker.

    Which other rooms there are is for those who are in them.
    """
    asker = call.event.sender
    found: list[tuple[Community, Room]] = []
    for community in documents.communities:
        if not call.direct and community.key != call.community:
            continue
        rooms = [room for room in community.rooms if room.kind == "room" and not room.archive]
        here = [room for room in rooms if not call.direct and room.key == call.room_key]
        inside = call.room_key == CONTROL_KEY and not call.direct
        free = bool(here) or inside or asker in community.leads
        found += [(community, room) for room in here or rooms if free or _is_in(tx, room, call)]
    return found


def _is_in(tx: Tx, room: Room, call: Call) -> bool:
    bound = bindings.bound_room(tx, room.community, room.key)
    seen = mirror.member(tx, bound, call.event.sender) if bound is not None else None
    return call.direct and seen is not None and seen.membership == "join"


def _kept(found: Sequence[tuple[Community, Room]], call: Call) -> tuple[Community, Room]:
    """Choose the one room whose meetings somebody may call off."""
    meeting = [(community, room) for community, room in found if room.meetings]
    theirs = [
        (community, room)
        for community, room in meeting
        if community.key == call.community and call.role_at(room.key) >= Role.FACILITATOR
    ]
    if not meeting:
        raise Refusal(words.none_planned())
    if not theirs:
        raise Refusal(words.for_keepers(meeting[0][0].prefix))
    if len(theirs) > 1:
        raise Refusal(words.which_room(theirs[0][0].prefix, [room.key for _community, room in theirs]))
    return theirs[0]


def _meant(  # what is known, and what was said
    community: Community, room: Room, known: rows.Steps, said: Sequence[str], now: Now, *, off: bool
) -> _Meant:
    """Find the session that is meant: the next one, or the one on a day that is named."""
    listed = [
        _Meant(place, session)
        for place in places_in(community, room)
        for session in coming(place, now.at_ms, LOOKED_AT)
    ]
    listed.sort(key=lambda one: (one.session.start_ms, one.place.meeting.id))
    if not listed:
        raise Refusal(words.none_planned())
    if said:
        when = read_when(said, now.at_ms, community.zone, community.locale)
        if when.left:
            raise Refusal(words.how(community.prefix))
        on = [one for one in listed if one.session.start_ms in when.span]
        if len(on) != 1:
            near = [one.session for one in (on or listed)[:SHOWN]]
            raise Refusal(words.which_one(near, community.zone))
        return on[0]
    if off:
        return listed[0]
    return next((one for one in listed if is_off(known, one.session)), listed[0])


def _shown(tx: Tx, community: Community, room: Room, now: Now) -> Iterator[str]:
    known = rows.steps_in(tx, room, since_ms=now.at_ms - LONGEST_MS)
    for place in places_in(community, room):
        listed = [(one, is_off(known, one)) for one in coming(place, now.at_ms, SHOWN)]
        if listed:
            yield words.coming(words.title(place.meeting, room), listed, community.zone)
