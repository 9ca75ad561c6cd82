"""Knocks: whoever asks to be let in is told what is agreed on there, and people decide.

Every knock is one question to those who keep the room, in the control room, a few at a time: however many knock at once,
nobody is flooded, and nobody is forgotten. What somebody wrote when they knocked is never read here. The bot lets nobody in
and turns nobody away by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _, ngettext
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Priority, Result
from orchestrator.model.events import Member
from orchestrator.model.feature import Answer, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId
from orchestrator.rooms.asking import CRAFT, can_ask, written
from orchestrator.rooms.report import is_lost, tell_leads
from orchestrator.store import bindings, doors, mirror, questions
from orchestrator.store.doors import Asked, Knock
from orchestrator.store.timers import clear_timer, set_timer

from .doorway import MOST_OPEN, TIMES, ask, ask_about_many, decide, settled_itself, subject_of

TIMER: Final = "knocks:"

MOST_KEPT: Final = 200
"""How many of a community are written down; who knocks beyond that has their turn when others have had theirs."""


def settle(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    """Take note of who knocks as far as the rooms tell, forget who does not any more, and ask about who waits."""
    standing = {room: declared for declared, room in _rooms(tx, community)}
    for knock in doors.knocks(tx):
        if bindings.binding_of(tx, knock.room) is None:
            _forget(tx, knock)
        if knock.room not in standing:
            continue
        there = _is_at_door(tx, knock.room, knock.user)
        if not there and knock.state is not Asked.LEFT:
            _forget(tx, knock)
        elif there and knock.state is Asked.OPEN and not questions.is_asked(tx, CRAFT, subject_of(knock)):
            doors.put_knock(tx, replace(knock, state=Asked.WAITING))
    _note_all(tx, community, standing, now)
    yield from ask_next(tx, community, now)


def heard(tx: Tx, community: Community, room: Room, event: Member, now: Now) -> Iterator[AnyEffect]:
    """Notice that somebody knocks, or does not any more; what a filled gap tells late is looked at as it is now."""
    seen = mirror.member(tx, event.room, event.user)
    if seen is not None and seen.membership == "knock":
        if room.key != CONTROL_KEY:  # who is in there follows from the roster alone
            _note(tx, community, event.room, event.user, seen.event, now)
            yield from ask_next(tx, community, now)
        return
    knock = doors.knock_of(tx, event.room, event.user)
    if knock is None or knock.state is Asked.LEFT:
        return
    if knock.state is Asked.OPEN:
        yield from settled_itself(tx, community, knock, by_themselves=event.sender == event.user)
    if event.membership == "leave" and event.sender == event.user:
        doors.put_knock(tx, replace(knock, state=Asked.LEFT, since_ms=now.at_ms))
    else:
        doors.drop_knock(tx, event.room, event.user)
    yield from ask_next(tx, community, now)


def ask_next(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    """Ask about those whose turn it is, and see to it that the others have theirs."""
    rooms = {room: declared for declared, room in _rooms(tx, community)}
    if not any(knock.state is Asked.WAITING and knock.room in rooms for knock in doors.knocks(tx)):
        _note_all(tx, community, rooms, now)  # perhaps more had come than were written down
    knocks = [knock for knock in doors.knocks(tx) if knock.room in rooms and not _is_over(tx, knock, now)]
    waiting = [knock for knock in knocks if knock.state is Asked.WAITING and can_ask(tx, community)]
    ready = [knock for knock in waiting if knock.next_ms <= now.at_ms]
    free = max(0, MOST_OPEN - sum(knock.state is Asked.OPEN for knock in knocks))
    for knock in ready[:free]:
        yield from ask(tx, community, rooms[knock.room], knock, now)
    if ready[free:]:
        yield from ask_about_many(tx, community, ready[free:], now)
    ends = [knock.next_ms for knock in waiting if knock.next_ms > now.at_ms]
    ends += [knock.since_ms + DAY_MS for knock in knocks if knock.state is Asked.LEFT]
    ends += [now.at_ms + HOUR_MS for knock in knocks if knock.state is Asked.DECIDED]
    if ends:
        set_timer(tx, Timer(craft=CRAFT, key=f"{TIMER}{community.key}", due_ms=max(min(ends), now.at_ms + 1)))
    else:
        clear_timer(tx, CRAFT, f"{TIMER}{community.key}")


def answered(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Let somebody in, or turn them away kindly; nobody's silence does either.

    Raises:
        Refusal: there is nothing left to decide.
    """
    room, user = RoomId(str(about.get("room"))), UserId(str(about.get("user")))
    knock = doors.knock_of(tx, room, user)
    if answer.choice is None or answer.role < Role.FACILITATOR:
        # Somebody who was entitled when they were asked in private, and is not any more, decides nothing.
        if knock is not None and knock.state is Asked.OPEN and not questions.is_asked(tx, CRAFT, answer.subject):
            yield from _unanswered(tx, community, knock, now)
        return
    questions.withdraw(tx, CRAFT, answer.subject)
    if knock is None or not _is_at_door(tx, room, user):
        raise Refusal(_("They are not at the door any more, so there is nothing left to decide."))
    yield decide(tx, knock, let_in=answer.choice == "yes", priority=Priority.REPLY)
    declared = _declared(tx, community, room)
    name = declared.name if declared is not None else community.name
    said = (
        _("I am inviting {person} to “{room}”.")
        if answer.choice == "yes"
        else _("I am telling {person} kindly that it does not fit just now. They can ask again another day.")
    )
    yield content.conclusion(answer, said.format(person=user, room=name), now, people=[user])
    yield from ask_next(tx, community, now)


def answered_many(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Turn away all who waited when it was asked and about whom there is no question of their own."""
    until_ms = about.get("until_ms")
    if answer.choice != "no" or answer.role < Role.LEAD or not isinstance(until_ms, int):
        return
    rooms = {room for _declared_, room in _rooms(tx, community)}
    turned = 0
    for knock in doors.knocks(tx):
        waits = knock.state is Asked.WAITING and knock.room in rooms and knock.since_ms <= until_ms
        if waits and _is_at_door(tx, knock.room, knock.user):
            yield decide(tx, knock, let_in=False, priority=Priority.ROUTINE)
            turned += 1
    said = ngettext("I am turning one person away, kindly.", "I am turning {n} people away, kindly.", turned)
    yield content.conclusion(answer, said.format(n=turned), now)


def done(tx: Tx, community: Community, about: JsonObject, result: Result, now: Now) -> Iterator[AnyEffect]:
    """Follow up on a decision that could not be carried out, and on a question that could not be asked."""
    knock = doors.knock_of(tx, RoomId(str(about.get("room"))), UserId(str(about.get("user"))))
    if knock is None or result.outcome == "done":
        return
    if knock.state is Asked.OPEN:
        if result.outcome in {"refused", "expired"} and not questions.is_asked(tx, CRAFT, written_as(about)):
            yield from _unanswered(tx, community, replace(knock, next_ms=now.at_ms + HOUR_MS), now)
        return
    if result.outcome == "undone" and knock.state is Asked.DECIDED and _is_at_door(tx, knock.room, knock.user):
        # What was decided came too late for the knock it was about; this is another one.
        doors.put_knock(tx, Knock(room=knock.room, user=knock.user, event=knock.event, since_ms=now.at_ms))
        yield from ask_next(tx, community, now)
    elif result.outcome == "refused" and knock.state is Asked.DECIDED:
        doors.put_knock(tx, replace(knock, state=Asked.RESTED))
        declared = _declared(tx, community, knock.room)
        words = _(
            "I could not answer the knock of {person} at “{room}”: the homeserver said no. One of you can do it by hand."
        ).format(person=knock.user, room=declared.name if declared is not None else community.name)
        yield from tell_leads(tx, community, f"door-stuck:{knock.event}", words, people=[knock.user])


def written_as(about: JsonObject) -> str:
    """Write down again what was read of a subject."""
    return written(str(about.get("do")), **{key: value for key, value in about.items() if key != "do"})


# -- rows --------------------------------------------------------------------------------------------------------------


def _note_all(tx: Tx, community: Community, rooms: Iterable[RoomId], now: Now) -> None:
    for room in rooms:
        for member in mirror.members(tx, room, "knock"):
            _note(tx, community, room, member.user, member.event, now)


def _note(tx: Tx, community: Community, room: RoomId, user: UserId, event: EventId, now: Now) -> None:
    known = doors.knock_of(tx, room, user)
    if known is None:
        rooms = {where for _declared_, where in _rooms(tx, community)}
        if sum(knock.room in rooms for knock in doors.knocks(tx)) < MOST_KEPT:
            doors.put_knock(tx, Knock(room=room, user=user, event=event, since_ms=now.at_ms))
        return
    if known.event == event:
        return
    if known.state is Asked.LEFT:
        # Who knocks and leaves over and over is asked about now and then, not each time.
        again_ms = 0 if known.times < TIMES else known.next_ms
        doors.put_knock(tx, replace(known, event=event, state=Asked.WAITING, since_ms=now.at_ms, next_ms=again_ms))
    elif known.state is Asked.RESTED or (known.state is Asked.DECIDED and not doors.is_on_its_way(tx, room, user)):
        doors.put_knock(tx, Knock(room=room, user=user, event=event, since_ms=now.at_ms))
    else:  # the same person once more: the question about them stays the one
        doors.put_knock(tx, replace(known, event=event))


def _is_over(tx: Tx, knock: Knock, now: Now) -> bool:
    """Forget somebody who left a day ago, or who was answered and is not at the door any more."""
    left = knock.state is Asked.LEFT and knock.since_ms + DAY_MS <= now.at_ms
    gone = knock.state is Asked.DECIDED and not _is_at_door(tx, knock.room, knock.user)
    if left or gone:
        doors.drop_knock(tx, knock.room, knock.user)
    return left or gone


def _forget(tx: Tx, knock: Knock) -> None:
    questions.withdraw(tx, CRAFT, subject_of(knock))
    doors.drop_knock(tx, knock.room, knock.user)


def _unanswered(tx: Tx, community: Community, knock: Knock, now: Now) -> Iterator[AnyEffect]:
    # Not before its day is over, also where the question was removed: somebody may have had enough of it.
    doors.put_knock(tx, replace(knock, state=Asked.WAITING if knock.times < TIMES else Asked.RESTED))
    yield from ask_next(tx, community, now)


def _is_at_door(tx: Tx, room: RoomId, user: UserId) -> bool:
    seen = mirror.member(tx, room, user)
    return seen is not None and seen.membership == "knock"


def _rooms(tx: Tx, community: Community) -> list[tuple[Room, RoomId]]:
    found = []
    for declared in community.every_room():
        room = bindings.bound_room(tx, community.key, declared.key)
        if room is not None and declared.key != CONTROL_KEY and not is_lost(tx, room):
            found.append((declared, room))
    return found


def _declared(tx: Tx, community: Community, room: RoomId) -> Room | None:
    return next((declared for declared, where in _rooms(tx, community) if where == room), None)
