"""How one attribute stands: what is desired, what was applied and what is live, compared; and what is in the way. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.i18n import _
from orchestrator.model.ids import JsonObject, UserId
from orchestrator.model.power import KEEPER_LEVEL

from .changes import State
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
