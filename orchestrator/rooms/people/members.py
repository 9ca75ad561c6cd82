"""Who is asked into which room: once, and a no is a no for ever; and who has to leave the control room.

Leads and facilitators are invited to the space and to the control room; all other rooms they enter from the space, but
for those that nobody can enter uninvited. Members are not invited: they come by the space. Whoever left or declined, or
was removed by a person, is not asked again; only whom the bot itself took out of the control room, because they were no
longer on the roster, is asked again when they are back on it.

Who is in the control room and on the roster no more stays until a lead says otherwise: a slip in a file must not shut
anybody out. They are asked a few times, and then it is left to them, and to ``apply``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Room
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, SetMembership
from orchestrator.model.events import Member
from orchestrator.model.feature import Answer, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, RoomKey, UserId
from orchestrator.rooms.asking import CRAFT, ask_keepers, written
from orchestrator.rooms.report import tell_leads
from orchestrator.rooms.state.create import joins_by_itself
from orchestrator.store import bindings, doors, journal, mirror, questions
from orchestrator.store.doors import Asked, Departure
from orchestrator.store.mirror import MirroredMember
from orchestrator.store.timers import clear_timer, set_timer, timer_of

from . import door_words

DEPARTURE: Final = "departure"
TIMER: Final = "departure:"

OPEN_MS: Final = DAY_MS
TIMES: Final = 3
"""How long the leads have to answer whether somebody is to leave the control room, and how often they are asked."""


def invitations(tx: Tx, community: Community, room: Room, where: RoomId, me: UserId) -> Iterator[SetMembership]:
    """List whom to invite to a room that exists."""
    for user in sorted(_asked(community, room) - {me}):
        seen = mirror.member(tx, where, user)
        if seen is None and not _was_put_out(tx, community, user):
            yield _invite(where, user, f"invite:{where}:{user}")
        elif seen is not None and room.key == CONTROL_KEY and _was_off_roster(tx, community, seen, me):
            yield _invite(where, user, f"invite:{where}:{user}:{seen.event}", based_on=seen.event)


def departures(
    tx: Tx, community: Community, where: RoomId, me: UserId, *, only: Collection[UserId] | None = None
) -> Iterator[SetMembership]:
    """List who is in the control room, or invited to it, and not on the roster any more; for who has confirmed it.

    What members raise in confidence is read there, so this does not wait behind other things. ``only``: of these people
    alone.
    """
    for present in _off_roster(tx, community, where, me):
        if only is None or present.user in only:
            yield SetMembership(
                step=_step(where, present),
                priority=Priority.SAFETY,
                room=where,
                user=present.user,
                membership="leave",
                only_from=("join", "invite"),
                reason=_("This room is for those who keep the rooms at the moment. Thank you for everything you gave."),
                based_on=present.event,
                rule="roster",
                tag=written(DEPARTURE, community=community.key, user=present.user),
            )


def depart(tx: Tx, community: Community, user: UserId, me: UserId) -> list[SetMembership]:
    """Take the control room away from somebody whose leaving was confirmed; nothing where there is nothing to take."""
    where = bindings.bound_room(tx, community.key, CONTROL_KEY)
    taken = [] if where is None else list(departures(tx, community, where, me, only=[user]))
    if taken:
        known = doors.departure_of(tx, community.key, user) or Departure(community=community.key, user=user)
        doors.put_departure(tx, replace(known, state=Asked.DECIDED))
        questions.withdraw(tx, CRAFT, _subject(community, user))
    return taken


def ask_about_departures(tx: Tx, community: Community, where: RoomId, me: UserId, now: Now) -> Iterator[AnyEffect]:
    """Ask the leads about everybody who is in the control room and on the roster no more; forget what settled itself."""
    leaving = {present.user: present for present in _off_roster(tx, community, where, me)}
    for known in doors.departures_in(tx, community.key):
        # Whom the bot took out is remembered, so that they can be asked back.
        if known.user not in leaving and known.state is not Asked.DECIDED:
            _close(tx, community, known.user)
    for user, present in sorted(leaving.items()):
        departure = doors.departure_of(tx, community.key, user) or Departure(community=community.key, user=user)
        if departure.state is Asked.DECIDED and not journal.was_said(tx, CRAFT, _step(where, present)):
            departure = Departure(community=community.key, user=user)  # they were back since
        lost = departure.state is Asked.OPEN and not questions.is_asked(tx, CRAFT, _subject(community, user))
        waits = departure.state is Asked.WAITING and timer_of(tx, CRAFT, _timer(community, user)) is None
        if waits or lost:
            yield from _ask(tx, community, departure, now)


def heard(tx: Tx, community: Community, event: Member) -> None:
    """Notice that somebody left the control room or was taken out of it by hand, or is back: nothing is left to ask."""
    known = doors.departure_of(tx, community.key, event.user)
    back = event.membership == "join" and event.user in community.staff()
    if known is not None and (back or event.membership in {"leave", "ban"}):
        _close(tx, community, event.user)


def forget(tx: Tx, community: Community, user: UserId) -> None:
    """Forget that somebody's place in the control room was a question: they were taken out for another reason."""
    _close(tx, community, user)


def answered(
    tx: Tx, community: Community, about: JsonObject, answer: Answer, me: UserId, now: Now
) -> Iterator[AnyEffect]:
    """Take the control room away from somebody, leave it to them, or ask once more."""
    user = UserId(str(about.get("user")))
    where = bindings.bound_room(tx, community.key, CONTROL_KEY)
    known = doors.departure_of(tx, community.key, user)
    if known is None or where is None:
        return
    if answer.choice is None or answer.role < Role.LEAD:
        if known.state is Asked.OPEN and not questions.is_asked(tx, CRAFT, answer.subject):
            yield from _ask_again(tx, community, replace(known, state=Asked.WAITING), where, me, now)
        return
    questions.withdraw(tx, CRAFT, answer.subject)
    if answer.choice != "yes":
        doors.put_departure(tx, replace(known, state=Asked.RESTED))
        said = _("All right: {person} keeps the control room, and I will not ask again.")
        yield content.conclusion(answer, said.format(person=user), now, people=[user])
        return
    taken = depart(tx, community, user, me)
    if taken:
        said = _("I am taking the control room away from {person}. They read there that it is with thanks.")
        yield from taken
        yield content.conclusion(answer, said.format(person=user), now, people=[user])
    else:
        _close(tx, community, user)
        said = _("{person} is back on the list, or out of the room already. I leave everything as it is.")
        yield content.conclusion(answer, said.format(person=user), now, people=[user])


def due(tx: Tx, community: Community, user: UserId, me: UserId, now: Now) -> Iterator[AnyEffect]:
    """Ask once more, a day later, where nobody has answered and the question is gone."""
    where = bindings.bound_room(tx, community.key, CONTROL_KEY)
    known = doors.departure_of(tx, community.key, user)
    if where is not None and known is not None and known.state is Asked.WAITING:
        yield from _ask_again(tx, community, known, where, me, now)


def done(tx: Tx, community: Community, about: JsonObject, result: Result, me: UserId) -> Iterator[AnyEffect]:
    """Remember whom the bot took out, ask them back if they are on the roster again by now, and tell what failed."""
    user = UserId(str(about.get("user")))
    known = doors.departure_of(tx, community.key, user) or Departure(community=community.key, user=user)
    where = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if not result.step.startswith("roster:"):  # the question itself
        unasked = result.outcome in {"refused", "expired"} and known.state is Asked.OPEN
        if unasked and not questions.is_asked(tx, CRAFT, _subject(community, user)):
            doors.put_departure(tx, replace(known, state=Asked.WAITING, times=max(0, known.times - 1)))
        return
    if result.outcome == "done":
        questions.withdraw(tx, CRAFT, _subject(community, user))  # ``apply`` may have been quicker than an answer
        doors.put_departure(tx, replace(known, state=Asked.DECIDED))
        if where is not None:
            yield from invitations(tx, community, community.control, where, me)
    elif result.outcome == "refused":
        doors.put_departure(tx, replace(known, state=Asked.RESTED))
        words = _(
            "I could not take the control room away from {person}: the homeserver said no. A lead can do it by hand."
        ).format(person=user)
        yield from tell_leads(tx, community, f"{result.step}:refused", words, people=[user])


# -- who is meant ------------------------------------------------------------------------------------------------------


def _asked(community: Community, room: Room) -> frozenset[UserId]:
    if room.key in {SPACE_KEY, CONTROL_KEY}:
        return community.staff()
    if joins_by_itself(room) or room.archive:
        return frozenset()
    if room.kind == "space":  # whoever keeps something in it has to get there
        inside = _within(community, room.key)
        within = (each for each in community.rooms if each.key in inside)
        return frozenset(community.leads).union(*((*each.facilitators, *each.shadows) for each in within))
    return frozenset((*community.leads, *room.facilitators, *room.shadows))


def _within(community: Community, space: RoomKey) -> frozenset[RoomKey]:
    """List the rooms that hang in a space, in one of its spaces, and so on."""
    inside = {space}
    for _depth in community.rooms:
        inside |= {room.key for room in community.rooms if room.within in inside}
    return frozenset(inside)


def _was_put_out(tx: Tx, community: Community, user: UserId) -> bool:
    """Tell whether somebody else took a person out of the space: then a person has to ask them back in."""
    space = bindings.bound_room(tx, community.key, SPACE_KEY)
    seen = None if space is None else mirror.member(tx, space, user)
    return seen is not None and (seen.membership == "ban" or (seen.membership == "leave" and seen.sender != user))


def _was_off_roster(tx: Tx, community: Community, seen: MirroredMember, me: UserId) -> bool:
    known = doors.departure_of(tx, community.key, seen.user)
    return (seen.membership, seen.sender) == ("leave", me) and known is not None and known.state is Asked.DECIDED


def _off_roster(tx: Tx, community: Community, where: RoomId, me: UserId) -> Iterator[MirroredMember]:
    staff = community.staff()
    for present in (*mirror.members(tx, where, "join"), *mirror.members(tx, where, "invite")):
        if present.user != me and present.user not in staff:
            yield present


def _invite(room: RoomId, user: UserId, step: str, *, based_on: EventId | None = None) -> SetMembership:
    # Where the person has a membership that we did not know of, delivery leaves it at that.
    return SetMembership(
        step=step,
        priority=Priority.STRUCTURE,
        room=room,
        user=user,
        membership="invite",
        based_on=based_on,
        rule="roster",
    )


# -- the question ------------------------------------------------------------------------------------------------------


def _ask(tx: Tx, community: Community, departure: Departure, now: Now) -> Iterator[AnyEffect]:
    times = departure.times + 1
    doors.put_departure(tx, replace(departure, state=Asked.OPEN, times=times))
    set_timer(tx, Timer(craft=CRAFT, key=_timer(community, departure.user), due_ms=now.at_ms + OPEN_MS))
    yield from ask_keepers(
        tx,
        community,
        door_words.shall_they_leave(departure.user, first=times == 1, last=times == TIMES),
        content.yes_or_no(),
        step=f"departure:{community.key}:{departure.user}:{now.at_ms}",
        subject=_subject(community, departure.user),
        needs=Role.LEAD,
        open_ms=OPEN_MS,
        people=[departure.user],
    )


def _ask_again(
    tx: Tx, community: Community, departure: Departure, where: RoomId, me: UserId, now: Now
) -> Iterator[AnyEffect]:
    if departure.user not in {present.user for present in _off_roster(tx, community, where, me)}:
        _close(tx, community, departure.user)
    elif timer_of(tx, CRAFT, _timer(community, departure.user)) is not None:
        doors.put_departure(tx, departure)  # the question was removed: somebody has had enough of it for today
    elif departure.times < TIMES:
        yield from _ask(tx, community, departure, now)
    else:
        doors.put_departure(tx, replace(departure, state=Asked.RESTED))


def _step(where: RoomId, present: MirroredMember) -> str:
    return f"roster:{where}:{present.user}:{present.event}"


def _close(tx: Tx, community: Community, user: UserId) -> None:
    questions.withdraw(tx, CRAFT, _subject(community, user))
    doors.drop_departure(tx, community.key, user)
    clear_timer(tx, CRAFT, _timer(community, user))


def _timer(community: Community, user: UserId) -> str:
    return f"{TIMER}{community.key}:{user}"


def _subject(community: Community, user: UserId) -> str:
    return written(DEPARTURE, community=community.key, user=user)
