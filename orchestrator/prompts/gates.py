"""When not to ask: each gate says go, wait or pass, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from typing import Final

from orchestrator.documents.declared import Gate
from orchestrator.i18n import _
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
        paused: a facilitator asked for no questions for a while.
        meeting: people meet there just now; a meeting has questions of its own.
        last_ms: when the last question was asked there, of whichever schedule; None: none yet.
    """

    at_ms: int
    zone: tzinfo
    quiet: QuietHours | None
    spoken: Sequence[tuple[int, str]]
    spoken_known: bool
    covered: bool
    hushed: bool = False
    paused: bool = False
    meeting: bool = False
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict, the gate that gave it, and the highest tier that may be asked."""

    verdict: Verdict
    why: str = ""
    tier_most: int = 3


def look(gates: Sequence[Gate], moment: Moment, *, cool_off_ms: int = 0) -> Opinion:
    """Ask the gates in their fixed order, whatever the order they are written in.

    A pause; quiet hours; a raised hand; a meeting; a conversation going on; somebody on duty; how long ago the last
    question was. A pause, a raised hand and a meeting hold whichever gates a schedule has. Where it is not known what was
    said lately, there may be a conversation.
    """
    if why := _closed(gates, moment):
        return Opinion(Verdict.PASS, why)
    if moment.meeting:
        return Opinion(Verdict.WAIT, "meeting")
    if "active_room" in gates and (not moment.spoken_known or _is_conversation(moment)):
        return Opinion(Verdict.WAIT, "active_room" if moment.spoken_known else "not_heard")
    # With nobody there to catch what a deeper question may stir, only light ones are asked.
    alone = "coverage" in gates and not moment.covered
    if moment.last_ms is not None and moment.at_ms - moment.last_ms < cool_off_ms:
        return Opinion(Verdict.WAIT, "cool_off", tier_most=1 if alone else 3)
    return Opinion(Verdict.GO, "coverage", tier_most=1) if alone else Opinion(Verdict.GO)


def _closed(gates: Sequence[Gate], moment: Moment) -> str:
    if moment.paused:
        return "paused"
    if "quiet_hours" in gates and moment.quiet is not None and is_quiet(moment.quiet, moment.zone, moment.at_ms):
        return "quiet_hours"
    return "hushed" if moment.hushed else ""


def _is_conversation(moment: Moment) -> bool:
    recent = [who for at_ms, who in moment.spoken if at_ms > moment.at_ms - ACTIVE_MS]
    return len(recent) >= ACTIVE_MESSAGES and len(set(recent)) >= ACTIVE_PEOPLE


def reason(why: str) -> str:
    """Say in a few words why nothing was asked, for whoever wants to know; "" where nothing is known of it.

    Args:
        why: that of an ``Opinion``, or what the craft wrote down itself.
    """
    words = _REASONS.get(why)
    return words() if words is not None else ""


def _no_good_moment() -> str:
    # The same words for both: that a hand was raised is not for everybody who keeps a room; it may be about one of them.
    return _("it was not a good moment, such as when people are talking")


_REASONS: Final[dict[str, Callable[[], str]]] = {
    "paused": lambda: _("questions are paused here"),
    "quiet_hours": lambda: _("it was in the quiet hours"),
    "hushed": _no_good_moment,
    "meeting": lambda: _("people were meeting, and a meeting has questions of its own"),
    "not_heard": lambda: _("I had only just come back, and could not tell whether people were talking"),
    "active_room": _no_good_moment,
    "coverage": lambda: _("nobody was on duty, and no light question was there to ask"),
    "cool_off": lambda: _("the last question was not long ago"),
    "late": lambda: _("I was away when it was time, and came back too late"),
    "locked": lambda: _("the room was closed for a while, and nobody could have answered"),
    "skipped": lambda: _("somebody who keeps the room let it pass"),
    "empty": lambda: _("the deck holds no question for that day"),
}
