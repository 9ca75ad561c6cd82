"""``!note`` and ``!handoff``: what whoever keeps a room leaves for the next, and who that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.duty import keeping, of_part, stretches
from orchestrator.facilitation.plans import rooms_of
from orchestrator.facilitation.records.notes import Note, drop_note, notes_of
from orchestrator.facilitation.records.served import last_keeper
from orchestrator.facilitation.rota.resolving import joined
from orchestrator.facilitation.rota.things import Part
from orchestrator.facilitation.showing.places import kept_by
from orchestrator.i18n import N_, _, speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.content import permalink
from orchestrator.model.effects import AnyEffect, Priority, Redact, Result
from orchestrator.model.events import Event, Redaction
from orchestrator.model.feature import Call, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, RoomId, RoomKey, UserId
from orchestrator.store import bindings
from orchestrator.store.timers import clear_timer

from .passing import KEPT_MS, NOTE, keep, pass_on, set_end

AHEAD_MS = 60 * DAY_MS


class Notes:
    """Passes notes on.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @property
    def commands(self) -> Sequence[Command]:
        """``!note`` and ``!handoff``."""
        return (
            Command(
                name="note",
                usage="what whoever comes next should know",
                summary=N_("leave a note in the control room for whoever keeps the room next"),
                needs=Role.MEMBER,
                run=self._note,
                listed=True,
            ),
            Command(
                name="handoff",
                usage="",
                summary=N_("who takes over when, and the notes that wait for them"),
                needs=Role.MEMBER,
                run=self._handoff,
            ),
        )

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Forget a note that was taken away."""
        del now
        if isinstance(event, Redaction) and drop_note(tx, event.room, event.target):
            clear_timer(tx, NAME, f"{NOTE}{event.room}/{event.target}")
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Take away a note, or a line that points to one."""
        del now
        if not timer.key.startswith(NOTE):
            return None
        room, event = RoomId(str(timer.payload["room"])), EventId(str(timer.payload["event"]))
        drop_note(tx, room, event)
        return (Redact(step="gone", room=room, target=event, priority=Priority.ROUTINE),)

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Have our line about a note taken away with it."""
        if result.tag != NOTE:
            return None
        if result.outcome == "done" and result.room is not None and result.event is not None:
            set_end(tx, result.room, result.event, now.at_ms + KEPT_MS)
        return ()

    def _note(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        user = call.event.sender
        communities = kept_by(self._documents, user)
        control = next(
            (one for one in communities if bindings.bound_room(tx, one.key, CONTROL_KEY) == call.event.room), None
        )
        if control is None:
            raise Refusal(
                _(
                    "Please write your note in the control room, so that whoever comes next can read it there. What you"
                    " write elsewhere I pass on to nobody."
                )
            )
        words = list(call.args)
        room = _about(tx, control, user, words, now)
        if not words:
            raise Refusal(
                _(
                    "Write your note behind it, such as: `{prefix}note All is quiet; Tuesday's question was a good one.`"
                ).format(prefix=control.prefix)
            )
        note = Note(key=room.key, room=call.event.room, event=call.event.id, author=user, made_ms=now.at_ms)
        keep(tx, control, note)
        with speaking(control.locale):
            said = _("Thank you. I show it to whoever keeps {room} next, and take it away in a week.").format(
                room=room.name
            )
        yield content.answer(call, said, now)
        on = keeping(tx, control, room, now.at_ms)
        yield from pass_on(tx, control, room, on[0] if on and user not in on else None)

    def _handoff(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        user = call.event.sender
        parts, people = [], set[UserId]()
        inside = any(
            bindings.bound_room(tx, one.key, CONTROL_KEY) == call.event.room for one in kept_by(self._documents, user)
        )
        for community in kept_by(self._documents, user):
            people |= community.staff()
            parts += [
                _next_handoff(tx, community, room, now, inside=inside or call.direct)
                for room in rooms_of(community).values()
                if (user in community.leads or user in room.facilitators)
                # Among members it is about their room alone: which others there are is not for all.
                and (call.direct or inside or (community.key, room.key) == (call.community, call.room_key))
            ]
        if not parts and not call.direct and not inside:
            raise Refusal(_("I find nothing for you in this room. About other rooms, please write to me in private."))
        if not parts:
            raise Refusal(_("Nobody takes turns in the rooms that you look after."))
        yield content.answer(call, "\n\n".join(parts), now, people=people)


def _about(tx: Tx, community: Community, user: UserId, words: list[str], now: Now) -> Room:
    """Find the room a note is about: the one that is named first, or the one that its author keeps or kept last."""
    rooms = rooms_of(community)
    if words and RoomKey(words[0].casefold()) in rooms:
        return rooms[RoomKey(words.pop(0).casefold())]
    mine = [room for room in rooms.values() if user in keeping(tx, community, room, now.at_ms)]
    mine = mine or [room for room in rooms.values() if last_keeper(tx, community.key, room.key) == user]
    if len(mine) == 1:
        return mine[0]
    if len(rooms) == 1 and user in community.leads:
        return next(iter(rooms.values()))
    if mine:
        raise Refusal(
            _("Which room is it about? Write its name first: `{prefix}note {room} …`").format(
                prefix=community.prefix, room=mine[0].key
            )
        )
    raise Refusal(_("A note is for whoever has just kept a room, or is keeping it. You can say it here all the same."))


def _next_handoff(tx: Tx, community: Community, room: Room, now: Now, *, inside: bool) -> str:
    window = Span(now.at_ms, now.at_ms + AHEAD_MS)
    found = of_part(joined(stretches(tx, community, room, window, now.at_ms)), Part.FACILITATOR)
    on = next((one.user for one in found if now.at_ms in one.span), None)
    following = next((one for one in found if one.span.start_ms > now.at_ms and one.user not in {on, None}), None)
    if following is None or following.user is None:
        said = _("In {room} nobody takes over in the next weeks.").format(room=room.name)
    elif on is None:
        said = _("In {room}, {person} begins on {start}.").format(
            room=room.name, person=following.user, start=saying.moment(following.span.start_ms, community.zone)
        )
    else:
        said = _("In {room}, {person} takes over from {before} on {start}.").format(
            room=room.name,
            person=following.user,
            before=on,
            start=saying.moment(following.span.start_ms, community.zone),
        )
    notes = [note for note in notes_of(tx, community.key, room.key) if not note.passed] if inside else []
    if notes:
        return f"{said} {_('Waiting for them:')}\n\n" + saying.listed([permalink(one.room, one.event) for one in notes])
    return f"{said} " + _("If there is anything they should know, write `{prefix}note` in the control room.").format(
        prefix=community.prefix
    )
