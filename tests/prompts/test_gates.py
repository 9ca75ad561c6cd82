"""When not to ask, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from itertools import combinations, permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.declared import Gate
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.prompts.gates import ACTIVE_MS, Moment, Opinion, Verdict, look, reason
from tests.workshop import LOUD, speak_loudly

BERLIN = ZoneInfo("Europe/Berlin")
EVENING_MS = 1_767_722_700_000
"""Tuesday 2026-01-06 19:05 in Berlin."""

ALL: tuple[Gate, ...] = ("quiet_hours", "active_room", "coverage")
NIGHT = QuietHours(time(21), time(8))


def moment(
    *,
    at_ms: int = EVENING_MS,
    quiet: QuietHours | None = NIGHT,
    spoken: Sequence[tuple[int, str]] = (),
    known: bool = True,
    covered: bool = True,
    hushed: bool = False,
) -> Moment:
    return Moment(
        at_ms=at_ms, zone=BERLIN, quiet=quiet, spoken=spoken, spoken_known=known, covered=covered, hushed=hushed
    )


def talk(*who: str, ago_ms: int = MINUTE_MS) -> list[tuple[int, str]]:
    return [(EVENING_MS - ago_ms + n, one) for n, one in enumerate(who)]


def test_on_a_calm_evening_with_somebody_there_a_question_is_asked() -> None:
    assert look(ALL, moment()) == Opinion(Verdict.GO)


@pytest.mark.parametrize(
    ("hour", "verdict"),
    [(20, Verdict.GO), (21, Verdict.PASS), (24, Verdict.PASS), (31, Verdict.PASS), (32, Verdict.GO)],
)
def test_in_quiet_hours_nobody_is_asked(hour: int, verdict: Verdict) -> None:
    at_ms = EVENING_MS - 5 * MINUTE_MS + (hour - 19) * HOUR_MS
    assert look(ALL, moment(at_ms=at_ms)).verdict is verdict
    assert look(ALL, moment(at_ms=at_ms, quiet=None)).verdict is Verdict.GO


@pytest.mark.parametrize(
    ("spoken", "verdict"),
    [
        (talk("ana", "bo", "ana"), Verdict.WAIT),
        (talk("ana", "bo", "cy"), Verdict.WAIT),
        (talk("ana", "bo"), Verdict.GO),
        (talk("ana", "ana", "ana", "ana", "ana", "ana"), Verdict.GO),
        (talk("ana", "bo", "cy", ago_ms=ACTIVE_MS + MINUTE_MS), Verdict.GO),
        ([*talk("ana", "ana", ago_ms=ACTIVE_MS + MINUTE_MS), *talk("bo")], Verdict.GO),
        ([], Verdict.GO),
    ],
)
def test_a_conversation_is_not_interrupted_and_somebody_alone_is_no_conversation(
    spoken: list[tuple[int, str]], verdict: Verdict
) -> None:
    assert look(ALL, moment(spoken=spoken)).verdict is verdict


def test_where_it_is_not_known_what_was_said_nobody_assumes_quiet() -> None:
    assert look(ALL, moment(known=False)) == Opinion(Verdict.WAIT, "not_heard")
    assert look(("quiet_hours", "coverage"), moment(known=False)) == Opinion(Verdict.GO)


def test_with_nobody_on_duty_only_light_questions_are_asked() -> None:
    assert look(ALL, moment(covered=False)) == Opinion(Verdict.GO, "coverage", tier_most=1)
    assert look(("active_room",), moment(covered=False)) == Opinion(Verdict.GO)


gates = st.lists(st.sampled_from(ALL), unique=True)


@pytest.mark.parametrize("written", [ALL, ("coverage",), ()])
def test_where_somebody_fears_for_another_nothing_is_asked_whatever_the_gates(written: Sequence[Gate]) -> None:
    for at in (moment(hushed=True), moment(hushed=True, covered=False), moment(hushed=True, known=False)):
        assert look(written, at) == Opinion(Verdict.PASS, "hushed")


CLOSED: Sequence[tuple[str, Verdict]] = (
    ("paused", Verdict.PASS),
    ("quiet_hours", Verdict.PASS),
    ("hushed", Verdict.PASS),
    ("meeting", Verdict.WAIT),
    ("active_room", Verdict.WAIT),
    ("cool_off", Verdict.WAIT),
)
"""Each gate that can keep a question back, in the order in which they are asked."""

COOL_OFF_MS = 20 * HOUR_MS


def kept_back(*whys: str, covered: bool = True) -> Moment:
    """A moment in which these gates are closed, and all others open."""
    return Moment(
        at_ms=EVENING_MS,
        zone=BERLIN,
        quiet=QuietHours(time(18), time(8)) if "quiet_hours" in whys else NIGHT,
        spoken=talk("ana", "bo", "cy") if "active_room" in whys else (),
        spoken_known="not_heard" not in whys,
        covered=covered,
        hushed="hushed" in whys,
        paused="paused" in whys,
        meeting="meeting" in whys,
        last_ms=EVENING_MS - COOL_OFF_MS + 1 if "cool_off" in whys else EVENING_MS - COOL_OFF_MS,
    )


@pytest.mark.parametrize(("why", "verdict"), CLOSED)
def test_each_gate_by_itself_keeps_a_question_back(why: str, verdict: Verdict) -> None:
    assert look(ALL, kept_back(), cool_off_ms=COOL_OFF_MS) == Opinion(Verdict.GO)
    assert look(ALL, kept_back(why), cool_off_ms=COOL_OFF_MS) == Opinion(verdict, why)


@pytest.mark.parametrize("covered", [True, False])
@pytest.mark.parametrize("written", [*permutations(ALL)])
@pytest.mark.parametrize(("first", "later"), [*combinations(CLOSED, 2)])
def test_of_two_gates_the_earlier_one_speaks_in_whatever_order_they_are_written(
    first: tuple[str, Verdict], later: tuple[str, Verdict], written: Sequence[Gate], *, covered: bool
) -> None:
    opinion = look(written, kept_back(later[0], first[0], covered=covered), cool_off_ms=COOL_OFF_MS)
    assert (opinion.why, opinion.verdict) == first


@pytest.mark.parametrize("why", [why for why, _ in CLOSED if why != "cool_off"])
def test_nobody_on_duty_is_asked_for_after_all_that_keeps_a_question_back_altogether(why: str) -> None:
    assert look(ALL, kept_back(why, covered=False)).why == why


def test_a_light_question_too_waits_until_the_last_one_is_long_ago() -> None:
    opinion = look(ALL, kept_back("cool_off", covered=False), cool_off_ms=COOL_OFF_MS)
    assert opinion == Opinion(Verdict.WAIT, "cool_off", tier_most=1)
    assert look(ALL, kept_back("cool_off"), cool_off_ms=0) == Opinion(Verdict.GO)
    never = replace(kept_back(), last_ms=None)
    assert look(ALL, never, cool_off_ms=COOL_OFF_MS) == Opinion(Verdict.GO)


def test_a_pause_a_raised_hand_and_a_meeting_hold_whichever_gates_are_written() -> None:
    for why in ("paused", "hushed"):
        assert look((), kept_back(why, covered=False)) == Opinion(Verdict.PASS, why)
    assert look((), kept_back("meeting", covered=False)) == Opinion(Verdict.WAIT, "meeting")
    for why in ("quiet_hours", "active_room", "not_heard"):
        assert look((), kept_back(why, covered=False)) == Opinion(Verdict.GO)


@given(written=gates, night=st.booleans(), talking=st.booleans(), known=st.booleans(), covered=st.booleans())
def test_the_gates_are_asked_in_one_order_however_they_are_written(
    written: list[Gate], *, night: bool, talking: bool, known: bool, covered: bool
) -> None:
    at = moment(
        at_ms=EVENING_MS,
        quiet=QuietHours(time(18), time(8)) if night else NIGHT,
        spoken=talk("ana", "bo", "cy") if talking else (),
        known=known,
        covered=covered,
    )
    opinion = look(written, at)
    assert opinion.verdict is Verdict.GO or reason(opinion.why)
    if "quiet_hours" in written and night:
        assert opinion == Opinion(Verdict.PASS, "quiet_hours")
    elif "active_room" in written and not known:
        assert opinion == Opinion(Verdict.WAIT, "not_heard")
    elif "active_room" in written and talking:
        assert opinion == Opinion(Verdict.WAIT, "active_room")
    elif "coverage" in written and not covered:
        assert opinion == Opinion(Verdict.GO, "coverage", tier_most=1)
    else:
        assert opinion == Opinion(Verdict.GO)


@pytest.mark.parametrize("why", [*(why for why, _ in CLOSED), "not_heard", "coverage", "late", "locked", "empty"])
def test_each_reason_is_said_in_words_and_in_other_languages_too(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = reason(why)
    assert len(words.split()) > 3
    assert "_" not in words
    speak_loudly(monkeypatch)
    assert reason(why).startswith(LOUD)


def test_of_what_nobody_knows_no_reason_is_made_up() -> None:
    assert reason("moonlight") == ""
