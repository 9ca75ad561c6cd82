"""What is said when the people of a rota change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import _
from orchestrator.model.ids import UserId
from orchestrator.schedule.dates import day_in_full, moment_in_full

from .people import People


def at(community: Community, wall: datetime) -> str:
    """Say from when on, in full."""
    if wall.time() == time():
        return day_in_full(wall.date(), community.locale)
    return moment_in_full(wall, community.locale)


def added(community: Community, room: Room, user: UserId, start: datetime | None) -> str:
    """Say that somebody is on a rota."""
    if start is None:
        said = _("{person} is on the list of {room} from now on.").format(person=user, room=room.name)
    else:
        said = _("{person} will be on the list of {room} from {start}.").format(
            person=user, room=room.name, start=at(community, start)
        )
    return said + " " + _("Turns that somebody has already been given stay theirs.")


def shadowing(community: Community, room: Room, user: UserId) -> str:
    """Say that somebody watches how it is done."""
    return _(
        "{person} shadows in {room} from now on: they come along, and nothing rests on them yet. When they feel ready, write"
        " `{prefix}rota add {person}`."
    ).format(person=user, room=room.name, prefix=community.prefix)


def shall_i_remove(community: Community, room: Room, user: UserId, end: datetime | None, left: People | None) -> str:
    """Ask whether somebody is to be taken off; ``left``: who would still be on it, None for a shadow."""
    if left is None:
        return _("{person} would no longer shadow in {room}. Shall I write that down?").format(
            person=user, room=room.name
        )
    if end is None:
        said = _("I would take {person} off the list of {room} now, and give their turns to others, who are told.")
    else:
        said = _(
            "I would take {person} off the list of {room} from {end} on, and give their turns after that to others, who are"
            " told."
        )
    said = said.format(person=user, room=room.name, end="" if end is None else at(community, end))
    if not any(one.end is None and one.user != user for one in left.keepers):
        said += " " + _("Then nobody would be left there to take turns.")
    return f"{said} {_('Shall I?')}"


def removed(community: Community, room: Room, user: UserId, end: datetime | None) -> str:
    """Say that somebody was taken off."""
    if end is None:
        return _("{person} is no longer on the list of {room}.").format(person=user, room=room.name)
    return _("{person} is on the list of {room} until {end}, and no longer after that.").format(
        person=user, room=room.name, end=at(community, end)
    )


def ordered(room: Room, first: Sequence[UserId]) -> str:
    """Say the new order."""
    return _(
        "In {room} people take turns in this order now: {people}, and then whoever is not named here, as before. Turns that"
        " somebody has already been given stay theirs."
    ).format(room=room.name, people=", ".join(first))


def shall_i_begin_later(community: Community, room: Room, user: UserId, start: datetime) -> str:
    """Ask whether somebody's turns are to begin later only."""
    return _(
        "{person} would take no turns in {room} before {start}, and others would be given theirs. Shall I?"
    ).format(person=user, room=room.name, start=at(community, start))


def begins(community: Community, room: Room, user: UserId, start: datetime | None) -> str:
    """Say from when on somebody takes turns."""
    if start is None:
        return _("{person} takes turns in {room} from now on.").format(person=user, room=room.name)
    return _("{person} takes turns in {room} from {start}.").format(
        person=user, room=room.name, start=at(community, start)
    )


def not_written() -> str:
    """Say that it could not be written down."""
    return _(
        "I could not write that down: the files would be wrong with it, or cannot be written to. Perhaps this person is also"
        " named elsewhere in the rota. Whoever looks after the files can see more with `circlekeeper check`."
    )


def stays() -> str:
    """Say that nothing changes."""
    return _("All right, everything stays as it is.")
