"""What is said about who keeps which room, in the language that is spoken just now and on the community's clock."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import _
from orchestrator.model.ids import UserId

from . import saying
from .rota.things import Part, Stretch


def moment(community: Community, at_ms: int) -> str:
    """Say a moment as people there do: weekday, day and time."""
    return saying.moment(at_ms, community.zone)


def turn(room: str, when: str, part: Part) -> str:
    """Write one of somebody's own turns."""
    line = _("{when}, {room}").format(when=when, room=room)
    if part is Part.CO:
        line += " " + _("(together with somebody)")
    if part is Part.SHADOW:
        line += " " + _("(watching)")
    return line


def keeping(
    community: Community, room: Room, user: UserId, end_ms: int, beside: UserId | None, backup: UserId | None
) -> str:
    """Say who keeps a room right now, and who else is there for it."""
    end = moment(community, end_ms)
    if beside is not None:
        return _("{person} is keeping {room} until {end}, together with {other}.").format(
            person=user, room=room.name, end=end, other=beside
        )
    answer = _("{person} is keeping {room} until {end}.").format(person=user, room=room.name, end=end)
    if backup is not None:
        answer += " " + _("If they cannot be reached, turn to {person}.").format(person=backup)
    return answer


def always(room: Room) -> str:
    """Say who keeps a room without a rota."""
    if not room.facilitators:
        return _("Nobody in particular keeps {room}; we look after it together.").format(room=room.name)
    return _("{room} is looked after by {people}.").format(room=room.name, people=saying.named(room.facilitators))


def not_yet(community: Community, room: Room, first_ms: int) -> str:
    """Say that nobody keeps a room before its first turn."""
    return _("Nobody is keeping {room} yet. The first turn begins on {start}.").format(
        room=room.name, start=moment(community, first_ms)
    )


def not_now(community: Community, room: Room, following: Stretch | None) -> str:
    """Say that nobody keeps a room just now, and who is next."""
    if following is None or following.user is None:
        return _("Nobody is keeping {room} right now.").format(room=room.name)
    return _("Nobody is keeping {room} right now. {person} is there from {start}.").format(
        room=room.name, person=following.user, start=moment(community, following.span.start_ms)
    )


def nobody(room: Room) -> str:
    """Say that nobody is on a room's rota."""
    return _("Nobody is on the list to keep {room} right now. If you would like to, tell one of the leads.").format(
        room=room.name
    )


def ask_for_a_person(community: Community) -> str:
    """Say how to reach somebody where nobody is on duty."""
    return _("If you would like a person to get in touch with you, write `{prefix}raise`.").format(
        prefix=community.prefix
    )


def coming(community: Community, room: Room, stretches: Sequence[Stretch]) -> str:
    """Say who comes next."""
    lines = [
        _("- {start}: {person}").format(start=moment(community, one.span.start_ms), person=one.user or _("nobody yet"))
        for one in stretches
    ]
    return "\n".join([_("Coming up in {room}:").format(room=room.name), *lines])


def not_for_you() -> str:
    """Say no to somebody who asks from outside."""
    return _("I can tell you that once you are in one of the rooms I look after.")


def for_keepers() -> str:
    """Say no to somebody who does not look after a community."""
    return _("This is for the people who take turns keeping a room. If you would like to be one of them, tell a lead.")
