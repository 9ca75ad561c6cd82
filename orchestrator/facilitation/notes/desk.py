"""``!note`` and ``!handoff``: what whoever keeps a room leaves for the next, and who that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

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
from orchestrator.model.feature import Call, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, RoomId, RoomKey, UserId
from orchestrator.store import bindings
from orchestrator.store.timers import clear_timer

from .passing import KEPT_MS, NOTE, keep, pass_on, set_end

AHEAD_MS = 60 * DAY_MS


class Notes:
    """Passes notes on.

    Args:
        documents: what the authors wrote.
        hand_on: looks for somebody to take a turn, as ``!swap`` does.
    """

    def __init__(self, documents: Documents, hand_on: Callable[[Tx, Call, Now], Iterable[AnyEffect]]) -> None:
        self._documents, self._hand_on = documents, hand_on

    @property
    def commands(self) -> Sequence[Command]:
        """``!note`` and ``!handoff``."""
        return (
            Command(
                name="note",
                usage="[ROOM] WORDS",
                summary=N_("in the control room: a word for whoever keeps the room next"),
                needs=Role.MEMBER,
                run=self._note,
                for_staff=True,
                examples=(
                    Example("All is quiet.", N_("I show it to whoever takes over, and take it away after a week")),
                    Example("tuesday All is quiet.", N_("about the room with that key, if you keep several")),
                ),
            ),
            Command(
                name="handoff",
                usage="[now]",
                summary=N_("who takes over when; or hand over earlier"),
                needs=Role.MEMBER,
                run=self._handoff,
                for_staff=True,
                examples=(
                    Example("", N_("who takes over when, and in the control room the notes that wait for them")),
                    Example("now", N_("I look for somebody to take over now; you stay on until somebody does")),
                    Example("now to @bo:grove.example", N_("I ask only Bo")),
                ),
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
            raise Refusal(_not_here(tx, communities, call))
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

    def _handoff(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        return self._hand_on(tx, call, now) if call.args else self._next(tx, call, now)

    def _next(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        user = call.event.sender
        parts, people = [], set[UserId]()
        inside = any(
            bindings.bound_room(tx, one.key, CONTROL_KEY) == call.event.room for one in kept_by(self._documents, user)
        )
        for community in kept_by(self._documents, user):
            people |= community.staff()
            parts += [
                _next_handoff(tx, community, room, user, now, inside=inside or call.direct)
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


def _not_here(tx: Tx, communities: Sequence[Community], call: Call) -> str:
    """Say where a note belongs: what stands elsewhere can be read by the wrong people, or by nobody."""
    said = _("Please write your note in the control room: whoever comes next reads it there.")
    if not call.direct:
        return (
            f"{said} {_('I have passed it on to nobody, but everybody here can read it. You may want to delete it.')}"
        )
    rooms = (bindings.bound_room(tx, one.key, CONTROL_KEY) for one in communities)
    links = "\n".join(permalink(room) for room in rooms if room is not None)
    return "\n\n".join(filter(None, (f"{said} {_('I have passed on nothing of what you wrote here.')}", links)))


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


def _next_handoff(tx: Tx, community: Community, room: Room, user: UserId, now: Now, *, inside: bool) -> str:
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
    if on == user:
        said += " " + _(
            "Do you have to go earlier? `{prefix}handoff now` looks for somebody, and you stay on until somebody does."
        ).format(prefix=community.prefix)
    elif following is not None and following.user == user:
        said += " " + _("To begin earlier, write `{prefix}take now`.").format(prefix=community.prefix)
    notes = [note for note in notes_of(tx, community.key, room.key) if not note.passed] if inside else []
    if notes:
        return f"{said} {_('Waiting for them:')}\n\n" + saying.listed([permalink(one.room, one.event) for one in notes])
    return f"{said} " + _("If there is anything they should know, write `{prefix}note` in the control room.").format(
        prefix=community.prefix
    )
