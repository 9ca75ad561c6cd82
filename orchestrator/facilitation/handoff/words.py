"""What is said when one person hands over to another."""

from __future__ import annotations

from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def begins(user: UserId, beside: UserId | None, until: str) -> str:
    """Announce who keeps the room from now on, where nobody did just before."""
    if beside is not None:
        return _(
            "{person} is keeping this room from now until {end}, together with {other}. Thank you for being here for us."
        ).format(person=user, other=beside, end=until)
    return _("{person} is keeping this room from now until {end}. Thank you for being here for us.").format(
        person=user, end=until
    )


def takes_over(user: UserId, beside: UserId | None, before: UserId, until: str) -> str:
    """Announce who keeps the room from now on, and who did until now."""
    if beside is not None:
        return _(
            "{person} takes over from {before} and is keeping this room until {end}, together with {other}."
            " Thank you all for being here for us."
        ).format(person=user, before=before, other=beside, end=until)
    return _(
        "{person} takes over from {before} and is keeping this room until {end}. Thank you both for being here for us."
    ).format(person=user, before=before, end=until)


def joins(beside: UserId, user: UserId, until: str) -> str:
    """Announce who keeps the room beside somebody from now on."""
    return _("From now until {end}, {other} is keeping this room together with {person}.").format(
        other=beside, person=user, end=until
    )


def topic(user: UserId, beside: UserId | None, until: str) -> str:
    """Say in a room's topic who keeps it."""
    if beside is not None:
        return _("Kept by {person} and {other} until {end}").format(person=user, other=beside, end=until)
    return _("Kept by {person} until {end}").format(person=user, end=until)


def has_left(user: UserId, room: str, until: str) -> str:
    """Tell the leads that whoever is on duty has left the room."""
    return _(
        "{person} would be keeping {room} until {end}, but is not in the room any more. Nobody is on duty there now."
    ).format(person=user, room=room, end=until)


def has_gone(user: UserId, room: str, start: str | None, how: str | None) -> str:
    """Tell the leads that somebody who takes turns has left the room; ``how`` to let others have their turns."""
    said = _("{person} is not in {room} any more, and still on the list of those who look after it.")
    if start is not None:
        said = _("{person} is not in {room} any more, and still on the list: their next turn there begins on {start}.")
    said = said.format(person=user, room=room, start=start)
    if how is None:
        return said
    return f"{said} " + _("If they won't be back, `{how}` gives their turns to others.").format(how=how)
