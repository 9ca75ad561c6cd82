"""How one attribute stands: what is desired, what was applied and what is live, compared; and what is in the way. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.i18n import _
from orchestrator.model.ids import JsonObject, UserId
from orchestrator.model.power import KEEPER_LEVEL
from orchestrator.rooms.changes import Change, State

from .exposure import widens
from .live import LiveRoom
from .reading import ABSENT, Value, same

POWER = "m.room.power_levels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one attribute.

    Attributes:
        desired, applied, live: ABSENT where there is none.
        ours: the live event was sent by the bot.
        waits: what was applied is still on its way to the room.
        refused: the homeserver would not take it.
        taken_over: the room was not made by us.
    """

    desired: Value
    applied: Value
    live: Value
    ours: bool = False
    waits: bool = False
    refused: bool = False
    taken_over: bool = False

    @property
    def is_decided(self) -> bool:
        """Tell whether a person has decided this already."""
        return self.waits and self.applied is not ABSENT and self.applied == self.desired


def compare(path: str, standing: Standing) -> State:
    """Compare the three. Source: the table of ``State``."""
    desired, applied, live = standing.desired, standing.applied, standing.live
    if same(path, desired, live):
        return State.NO_OP if same(path, desired, applied) else State.CONVERGED
    if applied is ABSENT:
        if live is ABSENT:
            return State.CREATE
        # What the bot itself has put into a room of its own is no discovery.
        return State.UPDATE if standing.ours and not standing.taken_over else State.ADOPT
    if same(path, desired, applied):
        return State.UPDATE if standing.waits else State.DRIFT
    return State.UPDATE if standing.waits or same(path, applied, live) else State.CONFLICT


def word(state: State, change: Change, standing: Standing) -> str:  # noqa: PLR0911 - one way out a kind
    """Say why, where a person would ask."""
    match state:
        case State.DRIFT if change.stance == "enforce":
            return _("Somebody changed this by hand; it is put back.")
        case State.DRIFT if change.stance == "accept":
            return _("Somebody changed this by hand, and that is fine.")
        case State.DRIFT:
            return _("Somebody changed this by hand.")
        case State.CONFLICT:
            return _("This was changed in the files and, differently, by hand.")
        case State.ADOPT:
            return _("Somebody else set this before the files said anything about it.")
        case State.CONVERGED:
            return _("It is as the files say already; I only take note of it.")
        case State.UPDATE | State.CREATE if standing.is_decided and standing.refused:
            return _("This was decided, and the homeserver did not take it. Applying it again tries it again.")
        case State.UPDATE | State.CREATE if standing.is_decided:
            return _("This is decided already, and on its way.")
        case State.UPDATE if change.path == "settings.history" and not widens(
            change.path, standing.live, standing.desired
        ):
            return _("What was said until now stays visible to those who can see it today.")
    return ""


def obstacle(type_: str, claim_path: Sequence[str], before: Value, after: Value, live: LiveRoom, me: UserId) -> str:
    """Say what keeps the bot from writing this, in one plain sentence; "" when nothing does.

    Source: authorization rules of room versions 10 to 12.
    """
    power, own = live.power, live.power.of(me)
    if type_.startswith("m."):
        needed = power.to_send(type_, state=True)
        if own < needed:
            return _("This needs a power level of {needed} in the room, and I have {own}.").format(
                needed=needed, own=_level(own)
            )
    if type_ != POWER or own == math.inf:
        return ""
    levels = [value for value in (before, after) if isinstance(value, int) and not isinstance(value, bool)]
    if claim_path[:1] == ("users",):
        if isinstance(before, int) and before >= own:
            return _("I stand no higher than this person here ({own}), so I cannot change what they may do.").format(
                own=_level(own)
            )
        if own >= KEEPER_LEVEL and isinstance(after, int) and after >= own:
            return _("Nobody can be given as much power as I have here ({own}): I could never take it back.").format(
                own=_level(own)
            )
    if any(level > own for level in levels):
        return _("I stand at {own} here and cannot change what is above me.").format(own=_level(own))
    return ""


def creators_word() -> str:
    """Say why a creator's power stays."""
    return _("They are a creator of this room, and from room version 12 on creators keep all power for ever.")


def default_level(levels: JsonObject | None) -> int:
    """Tell what everybody holds who is not named."""
    value = (levels or {}).get("users_default")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _level(own: float) -> str:
    return f"{own:.0f}"
