"""The people of a room as lists that change: pure, and refused kindly where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from orchestrator.documents import times as reading
from orchestrator.documents.declared import Room, Serving
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model.ids import Json, UserId


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on a rota, from when and until when on the clock on the wall; None: no such bound."""

    user: UserId
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class People:
    """Who is on a rota, in order, and who watches for now."""

    keepers: tuple[Person, ...]
    shadows: tuple[UserId, ...] = ()

    def keeper(self, user: UserId) -> Person | None:
        """Find somebody on the rota."""
        return next((one for one in self.keepers if one.user == user), None)

    def on(self, wall: datetime) -> list[UserId]:
        """List who is on it at a time, or comes later."""
        return [one.user for one in self.keepers if one.end is None or one.end > wall]


def of_room(room: Room) -> People:
    """Read what a room declares."""
    bounds = {user: room.serving.get(user, Serving()) for user in room.everybody_listed()}
    return People(tuple(Person(user, one.start, one.end) for user, one in bounds.items()), room.shadows)


def read_keepers(written: Json) -> tuple[Person, ...] | None:
    """Read what ``write_keepers`` wrote; None for anything else."""
    if not isinstance(written, list):
        return None
    found: list[Person] = []
    for one in written:
        if isinstance(one, dict):
            start, end = one.get("from"), one.get("until")
            found.append(
                Person(
                    UserId(str(one.get("who"))),
                    None if start is None else reading.beginning(start),
                    None if end is None else reading.ending(end),
                )
            )
        else:
            found.append(Person(UserId(str(one))))
    return tuple(found)


def write_keepers(people: People) -> list[Json]:
    """Write who is on a rota as config.yaml says it."""
    return [one.user if one.start is one.end is None else dict(_fields(one)) for one in people.keepers]


def _fields(one: Person) -> Iterator[tuple[str, Json]]:
    yield "who", one.user
    if one.start is not None:
        yield "from", _wall(one.start, one.start)
    if one.end is not None:  # a day that is named counts
        yield "until", _wall(one.end, one.end - timedelta(days=1))


def _wall(wall: datetime, day: datetime) -> str:
    return day.date().isoformat() if wall.time() == time() else wall.isoformat(" ", "minutes")


def add(people: People, user: UserId, start: datetime | None, now: datetime) -> People:
    """Put somebody on, after all others; who watched until now does so no more.

    Raises:
        Refusal: they are on it, or come later.
    """
    before = people.keeper(user)
    if before is not None and before.end is not None and before.end > now and start is None:
        kept = tuple(Person(user, one.start) if one is before else one for one in people.keepers)
        return replace(people, keepers=kept)  # they were about to leave, and stay
    if before is not None and before.end is not None and before.end > now:
        raise Refusal(
            _("{person} is still on the list until then. Please ask me again once that time is over.").format(
                person=user
            )
        )
    if before is not None and before.end is None:
        raise Refusal(_("{person} is on that list already.").format(person=user))
    others = tuple(one for one in people.keepers if one is not before)
    return People((*others, Person(user, start)), tuple(one for one in people.shadows if one != user))


def add_shadow(people: People, user: UserId, now: datetime) -> People:
    """Let somebody watch how it is done.

    Raises:
        Refusal: they do so, or are on the rota.
    """
    if user in people.shadows:
        raise Refusal(_("{person} shadows there already.").format(person=user))
    if user in people.on(now):
        raise Refusal(_("{person} is on that list already, and so has no need to shadow.").format(person=user))
    return People(tuple(one for one in people.keepers if one.user != user), (*people.shadows, user))


def remove(people: People, user: UserId, end: datetime | None, now: datetime) -> People:
    """Take somebody off, now (None) or from a time on.

    Raises:
        Refusal: they are not on it.
    """
    before = people.keeper(user)
    if user in people.shadows:
        return replace(people, shadows=tuple(one for one in people.shadows if one != user))
    if before is None or (before.end is not None and before.end <= now):
        raise Refusal(_("{person} is not on that list.").format(person=user))
    if end is None or (before.start is not None and end <= before.start):
        return replace(people, keepers=tuple(one for one in people.keepers if one is not before))
    kept = tuple(replace(one, end=end) if one is before else one for one in people.keepers)
    return replace(people, keepers=kept)


def without_gone(people: People, now: datetime) -> People:
    """Leave out whoever has left."""
    return replace(people, keepers=tuple(one for one in people.keepers if one.end is None or one.end > now))


def order(people: People, users: Sequence[UserId]) -> People:
    """Put these first, in this order; all others come after them as before.

    Raises:
        Refusal: somebody is named twice, or is not on it.
    """
    for position, user in enumerate(users):
        if user in users[:position]:
            raise Refusal(_("{person} stands there twice. Please name everybody once.").format(person=user))
        if people.keeper(user) is None:
            raise Refusal(
                _("{person} is not on that list. On it are: {people}.").format(
                    person=user, people=", ".join(one.user for one in people.keepers) or "-"
                )
            )
    named = [one for user in users for one in people.keepers if one.user == user]
    after = replace(people, keepers=(*named, *(one for one in people.keepers if one not in named)))
    if after == people:
        raise Refusal(_("That is the order already."))
    return after


def since(people: People, user: UserId, start: datetime | None) -> People:
    """Let somebody's time on a rota begin at a time; None: now.

    Raises:
        Refusal: they are not on it, or leave before that.
    """
    before = people.keeper(user)
    if before is None:
        raise Refusal(_("{person} is not on that list.").format(person=user))
    if before.end is not None and start is not None and before.end <= start:
        raise Refusal(_("{person} leaves the list before that day.").format(person=user))
    if before.start == start:
        raise Refusal(_("That is so already."))
    kept = tuple(replace(one, start=start) if one is before else one for one in people.keepers)
    return replace(people, keepers=kept)
