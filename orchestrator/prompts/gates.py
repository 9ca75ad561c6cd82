"""When not to ask: each gate says go, wait or pass, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from typing import Final

from orchestrator.documents.declared import Gate
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import MINUTE_MS
from orchestrator.schedule import is_quiet

ACTIVE_MS: Final = 10 * MINUTE_MS
ACTIVE_MESSAGES: Final = 3
ACTIVE_PEOPLE: Final = 2
LOOK_AGAIN_MS: Final = 5 * MINUTE_MS


class Verdict(StrEnum):
    """What the gates say."""

    GO = "go"
    WAIT = "wait"
    PASS = "pass"  # noqa: S105 - a verdict, no password


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the gates look at.

    Attributes:
        at_ms: now.
        quiet: the room's quiet hours.
        spoken: who spoke when, lately.
        spoken_known: whether ``spoken`` is all that was said in the last minutes; if not, nobody may assume quiet.
        covered: somebody is on duty.
        hushed: somebody there feared for another's safety, and it is not over: no question is asked.
    """

    at_ms: int
    zone: tzinfo
    quiet: QuietHours | None
    spoken: Sequence[tuple[int, str]]
    spoken_known: bool
    covered: bool
    hushed: bool = False


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict, the gate that gave it, and the highest tier that may be asked."""

    verdict: Verdict
    why: str = ""
    tier_most: int = 3


def look(gates: Sequence[Gate], moment: Moment) -> Opinion:
    """Ask the gates in their fixed order: quiet hours, a conversation going on, somebody on duty.

    A hush goes before them all, and holds whichever gates a schedule has. Where it is not known what was said lately, there may be a conversation.
    """
    if moment.hushed:
        return Opinion(Verdict.PASS, "hushed")
    if "quiet_hours" in gates and moment.quiet is not None and is_quiet(moment.quiet, moment.zone, moment.at_ms):
        return Opinion(Verdict.PASS, "quiet_hours")
    if "active_room" in gates and not moment.spoken_known:
        return Opinion(Verdict.WAIT, "not_heard")
    if "active_room" in gates and _is_conversation(moment):
        return Opinion(Verdict.WAIT, "active_room")
    if "coverage" in gates and not moment.covered:
        # With nobody there to catch what a deeper question may stir, only light ones are asked.
        return Opinion(Verdict.GO, "coverage", tier_most=1)
    return Opinion(Verdict.GO)


def _is_conversation(moment: Moment) -> bool:
    recent = [who for at_ms, who in moment.spoken if at_ms > moment.at_ms - ACTIVE_MS]
    return len(recent) >= ACTIVE_MESSAGES and len(set(recent)) >= ACTIVE_PEOPLE
