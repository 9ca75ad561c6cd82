"""What is said to somebody who cannot for a while. Nobody asks why, and nobody else is told that they are away."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.facilitation import saying
from orchestrator.i18n import _


def shall_i(when: str, turns: Sequence[str], fixed: Sequence[str]) -> str:
    """Ask back what was understood."""
    said = [_("You would be away: {when}.").format(when=when)]
    if turns:
        said += [_("You would be off for this, and I would look for somebody else:"), saying.listed(turns)]
    if fixed:
        said += [_off_a_schedule(), saying.listed(fixed)]
    said.append(_("Shall I write that down? You need not say why, and I tell nobody that you are away."))
    return "\n\n".join(said)


def _off_a_schedule() -> str:
    return _(
        "This is yours by a temporary schedule, which only a lead can change; they hear that nobody is there then:"
    )


def noted(when: str, turns: Sequence[str], fixed: Sequence[str], undo: str) -> str:
    """Say what was written down."""
    said = _("You are away, {when}. I give you no turns then.").format(when=when)
    if turns:
        said += "\n\n" + _("You are off for this, and I am looking for somebody else:")
        said += "\n" + saying.listed(turns)
    if fixed:
        said += "\n\n" + _off_a_schedule() + "\n" + saying.listed(fixed)
    return said + "\n\n" + _("Should that change, write `{undo}`.").format(undo=undo)


def turn(room: str, when: str) -> str:
    """Write one of their turns."""
    return _("{room}, {when}").format(room=room, when=when)


def listing(spans: Sequence[str], prefix: str) -> str:
    """List when somebody is away."""
    if not spans:
        said = _(
            "You have not told me of any time when you are away. To do so, write for example `{prefix}away 12-20 Dec`."
        )
        return said.format(prefix=prefix)
    return _("You are away:") + "\n" + saying.listed(spans)


def back(when: str, turns: Sequence[str], given: Sequence[str]) -> str:
    """Say what was undone, and what is theirs again."""
    said = _("Welcome back! I have struck out that you are away, {when}.").format(when=when)
    if turns:
        said += "\n\n" + _("You are on for this again:") + "\n" + saying.listed(turns)
    if given:
        said += "\n\n" + _("This was taken by somebody else, and stays theirs:") + "\n" + saying.listed(given)
    return said


def nothing_to_undo(prefix: str) -> str:
    """Refuse to strike out what is not written down."""
    return _("I have nothing written down there. To see when you are away, write `{prefix}away`.").format(prefix=prefix)


def left_alone() -> str:
    """Answer somebody who thought better of it."""
    return _("All right, I have written nothing down.")
