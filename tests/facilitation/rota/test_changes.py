"""Overrides that are in each other's way or hold nothing, odd spans, and how even a rota is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.documents.declared import FixedTurn, Temporary
from orchestrator.facilitation.rota.assigning import assign
from orchestrator.facilitation.rota.fairness import score
from orchestrator.facilitation.rota.resolving import conflict, next_change_ms, on_at, resolve
from orchestrator.facilitation.rota.things import Ledger, Override, Part, Why
from orchestrator.model.cadence import Span
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import local_at
from tests.declared import ANA, BO, CY, rota
from tests.facilitation.rota.test_tables import BERLIN, NAMES, START, at, plan, weeks

MINUTE_MS = 60_000


def override(start: str, end: str, giver: UserId | None, taker: UserId | None, name: str = "new") -> Override:
    span = Span(at(start), at(end))
    return Override(
        id=name, room=RoomKey("circle"), part=Part.FACILITATOR, span=span, giver=giver, taker=taker, made_ms=1
    )


@pytest.mark.parametrize(
    ("other", "in_the_way"),
    [
        (override("2026-01-07 00:00", "2026-01-09 00:00", ANA, CY, "old"), True),
        (override("2026-01-07 00:00", "2026-01-09 00:00", CY, BO, "old"), True),
        (override("2026-01-07 00:00", "2026-01-09 00:00", BO, ANA, "old"), False),
        (override("2026-01-07 00:00", "2026-01-08 00:00", ANA, CY, "old"), False),
        (replace(override("2026-01-07 00:00", "2026-01-09 00:00", ANA, CY, "old"), part=Part.CO), False),
    ],
)
def test_an_override_about_the_same_person_at_the_same_time_is_named(other: Override, in_the_way: bool) -> None:
    new = override("2026-01-08 00:00", "2026-01-10 00:00", ANA, BO)
    assert conflict(new, [new, other]) == ("old" if in_the_way else None)


def test_two_who_take_over_from_nobody_are_not_about_the_same_person() -> None:
    old = override("2026-01-08 00:00", "2026-01-10 00:00", None, CY, "old")
    assert conflict(override("2026-01-08 00:00", "2026-01-10 00:00", None, BO), [old]) is None


def test_an_override_over_several_turns_holds_only_where_its_giver_is_on_to_the_minute() -> None:
    one = plan([ANA, BO])
    ledger = Ledger(overrides=(override("2026-01-12 00:00", "2026-01-27 19:01", BO, CY),))
    found = list(resolve(one, assign([one], Ledger(), weeks(4)), ledger, Span(at(START), at("2026-01-28 00:00")), 0))
    told = [(f"{local_at(part.span.start_ms, BERLIN):%d. %H:%M}", NAMES[part.user], part.override) for part in found]
    assert told == [
        ("06. 19:00", "ana", None),
        ("13. 19:00", "cy", "new"),
        ("20. 19:00", "ana", None),
        ("27. 19:00", "cy", "new"),
        ("27. 19:01", "bo", None),
    ]
    assert found[-2].span.end_ms - found[-2].span.start_ms == MINUTE_MS


def test_an_override_holds_only_where_no_temporary_schedule_does() -> None:
    start, end = (local_at(at(f"2026-01-{day} 12:00"), BERLIN) for day in ("08", "09"))
    other = Temporary(start=start, end=end, turns=(FixedTurn(who=CY, start=start, end=end),))
    one = plan([ANA, BO], rota(START, temporary=(other,)))
    swap = override("2026-01-09 00:00", "2026-01-10 00:00", ANA, BO)
    ledger = Ledger(overrides=(swap,))
    found = list(resolve(one, assign([one], ledger, weeks(1)), ledger, Span(at(START), at("2026-01-10 00:00")), 0))
    assert [(NAMES[part.user], str(part.why)) for part in found] == [
        ("ana", "shift"),
        ("cy", "temporary"),
        ("bo", "override"),
    ]


def test_with_nobody_on_the_rota_everything_answers() -> None:
    nobody = plan([])
    shifts = assign([nobody], Ledger(), weeks(2))
    on = on_at(nobody, shifts, Ledger(), at(START))
    assert [(one.user, one.why) for one in on.values()] == [(None, Why.GAP)]
    assert next_change_ms(nobody, shifts, Ledger(), at(START)) == at("2026-01-13 19:00")
    assert on_at(nobody, (), Ledger(), at(START)) == {}
    assert next_change_ms(nobody, (), Ledger(), at(START)) is None
    assert assign([], Ledger(shifts=shifts), weeks(1)) == shifts[:1]


def test_a_fallback_that_never_ends_has_no_next_change() -> None:
    only = replace(plan([]), fallback=(CY,))
    assert on_at(only, (), Ledger(), 0)[Part.FACILITATOR].user == CY
    assert next_change_ms(only, (), Ledger(), 0) is None


def test_a_rota_is_even_where_people_carry_alike_and_says_who_carries_too_much() -> None:
    one = plan([ANA, BO])
    shifts = assign([one], Ledger(), weeks(4))
    whole = list(resolve(one, shifts, Ledger(), Span(at(START), at("2026-02-03 19:00")), 0))
    even = score([ANA, BO], whole)
    assert (even.even, even.covered, even.overloaded) == (100, 100, ())
    ledger = Ledger(overrides=(override("2026-01-13 19:00", "2026-01-20 19:00", BO, ANA),))
    given = list(resolve(one, shifts, ledger, Span(at(START), at("2026-02-03 19:00")), 0))
    uneven = score([ANA, BO], given)
    assert (uneven.even, uneven.overloaded) == (33, (ANA,))
    assert score([ANA, BO, CY], whole).even == 33
    gone = score([ANA], [replace(whole[0], user=None), *whole[1:]])
    assert gone.covered == 75
    assert score([], []).even == score([], []).covered == 100
