"""What a person decides beside the plan itself, and why a change is not made without it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestrator.i18n import _
from orchestrator.rooms.changes import EXISTS, Change, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person has decided beside the plan itself.

    Attributes:
        allow_expose: what lets more people in, or lets them read or do more, may be done.
        allow_upgrade: rooms may be replaced by new ones where nothing else helps.
        one_way: names of changes, or keys of rooms, that may never be undone and are meant so.
        take: of what was changed both here and by hand, and of what was changed by hand alone and is only reported:
            ``ours`` puts it as the documents say, ``theirs`` leaves it; None: such things wait.
        adopt: what was never ours may be taken over.
        force: more may change at once than is wise.
        only: keys of rooms or names of changes; None: everything.
    """

    allow_expose: bool = False
    allow_upgrade: bool = False
    one_way: frozenset[str] = frozenset()
    take: Literal["ours", "theirs"] | None = None
    adopt: bool = False
    force: bool = False
    only: frozenset[str] | None = None


def objection(change: Change, choices: Choices) -> str:  # noqa: C901, PLR0911 - one way out a state
    """Say why a change is not made, and what would help; "" when it may be made."""
    only = choices.only
    if only is not None and not only & {change.name, change.room or "space"}:
        return _("This was not asked for.")
    match change.state:
        case State.ADOPT if change.path == EXISTS:
            return change.reason  # who applies takes it over before, with what it takes to look into it
        case State.UNKNOWN | State.BLOCKED:
            return change.reason
        case State.UPGRADE if not choices.allow_upgrade:
            return _("This replaces the room by a new one, and needs --allow-upgrade.")
        case State.ONE_WAY if not choices.one_way & {change.name, change.room or "space"}:
            return _("This can never be undone. Confirm it by its name: {name}.").format(name=change.name)
        case State.DRIFT if change.stance == "report":
            return _takes(change, choices)
    if leaves(change, choices):
        return _takes(change, choices)
    if State.EXPOSES in (change.state, change.beneath) and not choices.allow_expose:
        return _("This lets more people in, or lets them read or do more than now, and needs --allow-expose.")
    if State.ADOPT in (change.state, change.beneath) and not choices.adopt:
        return _("This was never ours to change, and needs --adopt.")
    if State.CONFLICT in (change.state, change.beneath):
        return _takes(change, choices)
    return ""


def leaves(change: Change, choices: Choices) -> bool:
    """Tell whether somebody chose to leave it as it was set by hand, and to see it no more."""
    only = choices.only
    if choices.take != "theirs" or (only is not None and not only & {change.name, change.room or "space"}):
        return False
    return is_conflict(change) or (change.state is State.DRIFT and change.stance == "report")


def is_conflict(change: Change) -> bool:
    """Tell whether it was changed in the files and by hand, whatever else it is."""
    return change.state is State.CONFLICT or (change.state is State.EXPOSES and change.beneath is State.CONFLICT)


def _takes(change: Change, choices: Choices) -> str:
    if choices.take is None:
        return _("Somebody changed this by hand: --take ours puts it as the files say, --take theirs leaves it.")
    if choices.take == "theirs":
        return _("It stays as somebody set it, and is shown again when it or your files change.")
    if change.beneath is State.EXPOSES and not choices.allow_expose:
        return _("This lets more people in, or lets them read or do more than now, and needs --allow-expose.")
    return ""
