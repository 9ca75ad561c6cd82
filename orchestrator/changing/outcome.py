"""What came of what was applied, as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.i18n import _
from orchestrator.model.ids import Json
from orchestrator.rooms import EXISTS, Applied, Change, State

_DONE: Final = frozenset({State.NO_OP, State.CONVERGED})


def why_not(change: Change) -> str:
    """Say that something was asked for and is not there."""
    if change.path == EXISTS:
        return _("It could not be made. The bot's log says why; it is tried again in a while.")
    return _("The homeserver has not taken it. The bot's log says why.")


def missing(applied: Applied, changes: Sequence[Change]) -> dict[str, Change]:
    """Find out which of the changes that were made are not there."""
    asked = {change.name for change in applied.done}
    return {change.name: change for change in changes if change.name in asked and change.state not in _DONE}


def told(applied: Applied, only: frozenset[str] | None) -> dict[str, Json]:
    """Write what came of it; what nobody asked for is not worth a word."""
    left = [left for left in applied.left if only is None or left.change.name in only]
    return {
        "done": [change.as_json() for change in applied.done],
        "left": [{**left.change.as_json(), "why": left.reason} for left in left],
        "refused": [
            {"guard": one.guard, "reason": one.reason, "changes": [change.name for change in one.changes]}
            for one in applied.refused
        ],
        "upgrades": [key or "space" for key in applied.upgrades],
    }
