"""What leads hear about times at which nobody is there."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.facilitation import saying
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def one(room: str, when: str, could: Sequence[UserId]) -> str:
    """Tell of one gap."""
    return _("Nobody is on for {room}, {when}.").format(room=room, when=when) + " " + _who(could)


def several(lines: Sequence[str]) -> str:
    """Tell of several gaps at once."""
    return f"{_('Nobody is on at these times:')}\n\n{saying.listed(lines)}"


def take_one(how: str) -> str:
    """Say how one of several gaps is filled."""
    return _("Whoever takes turns there can take one with `{how}` and the day.").format(how=how)


def write_somebody() -> str:
    """Say how somebody is put on where a temporary schedule decides."""
    return _(
        "A temporary schedule says who is on then, so nobody can take it here. To put somebody else on, please change that"
        " schedule in the files."
    )


def line(room: str, when: str, could: Sequence[UserId]) -> str:
    """Write one of several gaps."""
    return _("{room}, {when}.").format(room=room, when=when) + " " + _who(could)


def _who(could: Sequence[UserId]) -> str:
    if not could:
        return _("I know nobody who could.")
    return _("Could help out: {people}.").format(people=saying.named(could[:3]))
