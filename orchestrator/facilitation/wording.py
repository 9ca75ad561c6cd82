"""What facilitation says, in the community's language and on its clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.lists import format_list

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import _
from orchestrator.model.ids import UserId

from .rota import Shift


def moment(community: Community, at_ms: int) -> str:
    """Say a moment as people there do: weekday, day and time."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(community.zone)
    # Translators: how a day and a time are written (Unicode date format patterns).
    return format_datetime(local, _("EEEE d MMMM, HH:mm"), locale=_locale(community))


def handoff(community: Community, shift: Shift) -> str:
    """Announce who keeps the room from now on."""
    return _("{person} is keeping this room from now until {end}. Thank you for being here for us.").format(
        person=shift.user, end=moment(community, shift.span.end_ms)
    )


def keeping(community: Community, room: Room, shift: Shift, backup: UserId | None) -> str:
    """Say who keeps a room right now, and who else is there for it."""
    answer = _("{person} is keeping {room} until {end}.").format(
        person=shift.user, room=room.name, end=moment(community, shift.span.end_ms)
    )
    if backup is not None:
        answer += " " + _("If they cannot be reached, turn to {person}.").format(person=backup)
    return answer


def always(community: Community, room: Room) -> str:
    """Say who keeps a room without a rota."""
    if not room.facilitators:
        return _("Nobody in particular keeps {room}; we look after it together.").format(room=room.name)
    people = format_list(room.facilitators, locale=_locale(community))
    return _("{room} is looked after by {people}.").format(room=room.name, people=people)


def not_yet(community: Community, room: Room, first_ms: int) -> str:
    """Say that nobody keeps a room before its first turn."""
    return _("Nobody is keeping {room} yet. The first turn begins on {start}.").format(
        room=room.name, start=moment(community, first_ms)
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


def coming(community: Community, room: Room, shifts: Sequence[Shift]) -> str:
    """Say who comes next."""
    lines = [
        _("- {start}: {person}").format(start=moment(community, shift.span.start_ms), person=shift.user)
        for shift in shifts
    ]
    return "\n".join([_("Coming up in {room}:").format(room=room.name), *lines])


def not_for_you() -> str:
    """Say no to somebody who asks from outside."""
    return _("I can tell you that once you are in one of the rooms I look after.")


def _locale(community: Community) -> Locale:
    """Find what Babel knows of the community's language; English where it knows nothing."""
    for name in (community.locale.replace("-", "_"), community.locale.replace("-", "_").partition("_")[0]):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")
