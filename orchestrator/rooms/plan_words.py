"""A plan in few words, room by room, since it is read on a telephone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Final

from orchestrator.documents.declared import SPACE_KEY, Community
from orchestrator.i18n import N_, _, ngettext

from . import drift
from .changes import EXISTS, Change, Plan, Slot, State

SHOWN: Final = 12
"""How many rooms a summary names; it is read on a telephone."""

DIGEST_SHOWN: Final = 6

HERE: Final = frozenset({State.CREATE, State.UPDATE, State.CONVERGED})
"""What may be applied from here."""

_ELSEWHERE: Final = frozenset(
    {State.EXPOSES, State.ONE_WAY, State.UPGRADE, State.ADOPT, State.CONFLICT, State.ORPHAN, State.BLOCKED}
)
_WORDS: Final = {
    State.EXPOSES: N_("would let in or show more"),
    State.ONE_WAY: N_("can never be undone"),
    State.UPGRADE: N_("needs a new room"),
    State.ADOPT: N_("was never mine to change"),
    State.CONFLICT: N_("changed both in the files and by hand"),
    State.ORPHAN: N_("no longer in the files"),
    State.BLOCKED: N_("cannot be done"),
    State.DRIFT: N_("changed by hand"),
}


def summary(community: Community, plan: Plan, blind: Collection[Slot]) -> list[str]:
    """Say what the files would change, who can do it, and what cannot be seen from here."""
    shown = [change for change in plan.differences if change.state is not State.UNKNOWN]
    here = [change for change in shown if change.state in HERE]
    lines: list[str] = []
    if here:
        lines += [_("The files would change this:"), *rooms(community, here)]
    for states, title in (
        (_ELSEWHERE, _("Only whoever runs the bot can do these (`circlekeeper apply`):")),
        (frozenset({State.DRIFT}), _("Changed by hand (`{prefix}drift`):").format(prefix=community.prefix)),
    ):
        part = [change for change in shown if change.state in states]
        if part:
            lines += ["", title, *rooms(community, part)]
    unseen = len({change.slot for change in plan.differences if change.state is State.UNKNOWN})
    if blind or unseen:
        lines += [
            "",
            ngettext(
                "{n} thing I cannot see from here; `circlekeeper plan` shows it.",
                "{n} things I cannot see from here; `circlekeeper plan` shows them.",
                max(unseen, len(blind)),
            ).format(n=max(unseen, len(blind))),
        ]
    if here:
        lines += [
            "",
            _("To make it so, write: `{prefix}apply {digest}`").format(
                prefix=community.prefix, digest=plan.digest[:DIGEST_SHOWN]
            ),
        ]
    return lines


def rooms(community: Community, changes: Sequence[Change]) -> list[str]:
    """Write a line for each room: short, since it is read on a telephone."""
    lines = []
    for key, group in groupby(changes, key=lambda change: change.room):
        part = list(group)
        name = room_name(community, part[0])
        things = [_thing(change) for change in part if change.path != EXISTS]
        if any(change.path == EXISTS and change.state is State.CREATE for change in part):
            things.insert(0, _("is made"))
        elif any(change.path == EXISTS for change in part):
            things.insert(0, _(_WORDS.get(part[0].state, part[0].state.value)))
        lines.append(f"- **{name}**: {', '.join(dict.fromkeys(things))}" if things else f"- **{name}**")
        del key
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], _("- and {n} more rooms").format(n=more)]


def _thing(change: Change) -> str:
    about = drift.what(change)
    word = _WORDS.get(change.state, "")
    return f"{about} ({_(word)})" if word and change.state is not State.DRIFT else about


def room_name(community: Community, change: Change) -> str:
    """Say which room a change is about."""
    room = community.room(change.room)
    if room is None:
        return change.room or "space"
    return _("{name} (the space)").format(name=room.name) if change.room == SPACE_KEY else room.name
