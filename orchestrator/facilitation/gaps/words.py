"""What leads hear about times at which nobody is there."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.facilitation import saying
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def one(room: str, when: str, could: Sequence[UserId]) -> str:
    """Tell of one gap."""
    return _("Nobody is on for {room}, {when}.").format(room=room, when=when) + " " + _who(could)


def several(lines: Sequence[str], how: str) -> str:
    """Tell of several gaps at once."""
    return "\n\n".join(
        [
            _("Nobody is on at these times:"),
            saying.listed(lines),
            _("Whoever takes turns there can take one with `{how}` and the day.").format(how=how),
        ]
    )


def line(room: str, when: str, could: Sequence[UserId]) -> str:
    """Write one of several gaps."""
    return _("{room}, {when}.").format(room=room, when=when) + " " + _who(could)


def _who(could: Sequence[UserId]) -> str:
    if not could:
        return _("I know nobody who could.")
    return _("Could help out: {people}.").format(people=saying.named(could[:3]))


def covered() -> str:
    """Say that a gap is none any more."""
    return _("Thank you for offering! Somebody is on by now.")
