"""What facilitation says, in the community's language and on its clock."""

from __future__ import annotations

from datetime import UTC, datetime

from babel.dates import format_datetime

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import _

from .rota import Shift


def moment(community: Community, at_ms: int) -> str:
    """Say a moment as people there do: weekday, day and time."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(community.zone)
    return format_datetime(local, "EEEE d MMMM, HH:mm", locale=community.locale.replace("-", "_"))


def handoff(community: Community, shift: Shift) -> str:
    """Announce who keeps the room from now on."""
    return _("{person} is keeping this room from now until {end}. Thank you for being here for us.").format(
        person=shift.user, end=moment(community, shift.span.end_ms)
    )


def who(community: Community, room: Room, shift: Shift | None, backup: str | None) -> str:
    """Answer who is on duty."""
    if room.rota is None:
        if not room.facilitators:
            return _("Nobody in particular keeps {room}; we look after it together.").format(room=room.name)
        people = ", ".join(room.facilitators)
        return _("These people keep {room}, always: {people}.").format(room=room.name, people=people)
    if shift is None:
        return _("Nobody is on duty in {room} yet; the rota has not begun.").format(room=room.name)
    answer = _("{person} is keeping {room} until {end}.").format(
        person=shift.user, room=room.name, end=moment(community, shift.span.end_ms)
    )
    if backup is not None:
        answer += " " + _("If they cannot be reached, turn to {person}.").format(person=backup)
    return answer


def coming(community: Community, room: Room, shifts: list[Shift]) -> str:
    """Say who comes next."""
    lines = [
        _("- {start}: {person}").format(start=moment(community, shift.span.start_ms), person=shift.user)
        for shift in shifts
    ]
    return "\n".join([_("Coming up in {room}:").format(room=room.name), *lines])
