"""Rotas as people write them, and what comes of them, turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.documents.declared import FixedTurn, Rota, RotaLayer, Temporary
from orchestrator.facilitation.rota.assigning import assign, slots
from orchestrator.facilitation.rota.feasible import Flaw, problems
from orchestrator.facilitation.rota.picking import ranked
from orchestrator.facilitation.rota.things import GaveWay, Keeper, Ledger, Part, Plan, Shift, Slot
from orchestrator.model.cadence import Cadence, Every, Span, Unit, Weekday
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import instant_ms, local_at
from tests.declared import ANA, BO, CY, DEE, rota
from tests.facilitation.rota.stories import layered

BERLIN = ZoneInfo("Europe/Berlin")
WEEK_MS = 7 * DAY_MS
HOUR_MS = DAY_MS // 24
START = "2026-01-06 19:00"
NAMES = {ANA: "ana", BO: "bo", CY: "cy", DEE: "dee", None: "-"}
RARELY = frozenset({GaveWay.REST})


def at(wall: str) -> int:
    return instant_ms(datetime.fromisoformat(wall), BERLIN)


def plan(
    people: Sequence[UserId],
    made: Rota | None = None,
    *,
    room: str = "circle",
    shadows: Sequence[UserId] = (),
) -> Plan:
    return Plan(
        room=RoomKey(room),
        zone=BERLIN,
        rota=made or rota(START),
        keepers=tuple(map(Keeper, people)),
        shadows=tuple(shadows),
    )


def weeks(count: int) -> Span:
    """So many turns of a week, from the first of these tests' rotas on."""
    return Span(at(START), at(START) + count * WEEK_MS - DAY_MS)


def who(shifts: Sequence[Shift], part: Part = Part.FACILITATOR, room: str = "circle") -> str:
    return " ".join(NAMES[one.user] for one in shifts if one.slot.part is part and one.slot.room == room)


def run(one: Plan, ledger: Ledger | None = None, count: int = 6, part: Part = Part.FACILITATOR) -> str:
    return who(assign([one], ledger or Ledger(), weeks(count)), part)


def away(user: UserId, start: str, end: str) -> Ledger:
    return Ledger(away={user: (Span(at(start), at(end)),)})


def test_in_order_people_take_turns_as_they_are_written() -> None:
    assert run(plan([ANA, BO, CY])) == "ana bo cy ana bo cy"


def test_in_order_somebody_away_is_passed_over_and_the_order_goes_on_from_whoever_had_the_turn() -> None:
    assert run(plan([ANA, BO, CY, DEE]), away(BO, "2026-01-14 00:00", "2026-01-15 00:00")) == "ana cy dee ana bo cy"


def test_time_away_that_only_touches_a_turn_does_not_matter() -> None:
    touching = (
        Span(at("2026-01-13 19:00") - DAY_MS, at("2026-01-13 19:00")),
        Span(at("2026-01-20 19:00"), at("2026-01-21 19:00")),
    )
    assert run(plan([ANA, BO, CY]), Ledger(away={BO: touching}), 3) == "ana bo cy"
    a_moment = Span(at("2026-01-20 18:59"), at("2026-01-20 19:00"))
    assert run(plan([ANA, BO, CY]), Ledger(away={BO: (a_moment,)}), 3) == "ana cy ana"


def test_the_order_goes_on_after_whoever_was_last_when_the_roster_changes() -> None:
    facts = assign([plan([ANA, BO])], Ledger(), weeks(1))
    assert run(plan([DEE, ANA, CY, BO]), Ledger(shifts=facts)) == "ana cy bo dee ana cy"
    assert run(plan([CY, DEE]), Ledger(shifts=facts), 4) == "ana dee cy dee"


def test_a_swap_changes_who_is_on_but_not_whose_turn_comes_next() -> None:
    facts = [replace(one, user=CY) for one in assign([plan([ANA, BO, CY])], Ledger(), weeks(1))]
    assert run(plan([ANA, BO, CY]), Ledger(shifts=tuple(facts)), 4) == "cy ana bo cy"


def test_fair_begins_with_those_who_never_had_a_turn_then_goes_by_who_waited_longest() -> None:
    facts = tuple(replace(one, user=BO) for one in assign([plan([ANA, BO])], Ledger(), weeks(1)))
    fair = rota(START, mode="fair")
    assert run(plan([ANA, BO, CY], fair), Ledger(shifts=facts)) == "bo ana cy bo ana cy"
    back = away(ANA, "2026-01-01 00:00", "2026-01-21 00:00")
    assert run(plan([ANA, BO, CY], fair), back) == "bo cy bo ana cy bo"


def test_two_people_who_change_each_week_have_their_week_of_rest_also_when_an_hour_is_lost() -> None:
    shifts = assign([plan([ANA, BO], rota(START, rest_ms=WEEK_MS, back_to_back=False))], Ledger(), weeks(40))
    assert who(shifts) == "ana bo " * 19 + "ana bo"
    assert not any(one.gave_way for one in shifts)


def test_a_rest_of_hours_is_one_of_elapsed_hours() -> None:
    # From half past one to half past three, in the night the clocks go on, there is one hour.
    made = rota("2026-03-29 00:30", every=3, unit=Unit.HOUR, lasts=Every(1, Unit.HOUR), rest_ms=2 * HOUR_MS)
    window = Span(at("2026-03-29 00:00"), at("2026-03-29 08:00"))
    first, second, third = assign([plan([ANA], made)], Ledger(), window)
    assert second.gave_way == RARELY
    assert not first.gave_way | third.gave_way


@pytest.mark.parametrize(
    ("terms", "count", "expected"),
    [(1, 4, "ana - ana -"), (2, 7, "ana ana - ana ana - ana"), (3, 5, "ana ana ana - ana")],
)
def test_one_person_alone_has_no_more_turns_than_the_rota_allows_then_a_gap(
    terms: int, count: int, expected: str
) -> None:
    assert run(plan([ANA], rota(START, max_terms=terms)), count=count) == expected


def test_a_rest_gives_way_before_a_turn_is_left_empty_and_it_is_noted() -> None:
    shifts = assign([plan([ANA, BO], rota(START, rest_ms=2 * WEEK_MS, back_to_back=False))], Ledger(), weeks(4))
    assert who(shifts) == "ana bo ana bo"
    assert [one.gave_way for one in shifts] == [frozenset(), frozenset(), RARELY, RARELY]


def test_turns_in_a_row_give_way_before_rest_does() -> None:
    # Bo has had the turn before, two hours long; Ana is only just back from another room.
    made = rota(START, lasts=Every(2, Unit.HOUR), rest_ms=3 * DAY_MS, back_to_back=False)
    before = Shift(slot=Slot(Span(at(START), at(START) + 2 * HOUR_MS), RoomKey("circle"), Part.FACILITATOR), user=BO)
    other = plan([ANA], rota("2026-01-12 19:00", lasts=Every(2, Unit.HOUR)), room="other")
    elsewhere = assign([other], Ledger(), Span(at("2026-01-12 19:00"), at("2026-01-13 19:00")))
    ledger = Ledger(shifts=(before, *elsewhere))
    slot = next(slots(plan([ANA, BO], made), Span(at("2026-01-13 19:00"), at("2026-01-13 20:00"))))
    found = ranked([plan([ANA, BO], made), other], slot, ledger)
    assert [(one.user, one.gave_way) for one in found] == [(BO, {GaveWay.BACK_TO_BACK}), (ANA, RARELY)]


def test_who_has_a_turn_in_one_room_is_not_on_in_another_at_the_time_and_rests_across_rooms() -> None:
    one, other = plan([ANA, BO], room="circle"), plan([ANA, BO], room="other")
    both = assign([one, other], Ledger(), weeks(3))
    assert who(both) == "ana bo ana"
    assert who(both, room="other") == "bo ana bo"
    short = rota(START, lasts=Every(2, Unit.HOUR), rest_ms=2 * DAY_MS)
    later = rota("2026-01-07 19:00", lasts=Every(2, Unit.HOUR))
    rooms = plan([ANA, BO], short), plan([ANA, BO], later, room="other")
    shifts = assign(rooms, Ledger(), weeks(3))
    assert who(shifts) == "ana bo ana"
    assert who(shifts, room="other") == "bo ana bo"
    assert not any(shift.gave_way for shift in shifts)


def test_when_everybody_is_away_or_nobody_is_on_the_rota_there_is_a_gap() -> None:
    everybody = Ledger(away={user: (Span(at("2026-01-14 00:00"), at("2026-01-15 00:00")),) for user in (ANA, BO)})
    assert run(plan([ANA, BO]), everybody, 4) == "ana - bo ana"
    assert run(plan([]), count=3) == "- - -"


def test_whoever_keeps_a_room_beside_somebody_is_somebody_else() -> None:
    made = rota(START, co_facilitator=True)
    assert run(plan([ANA, BO, CY], made)) == "ana bo cy ana bo cy"
    assert run(plan([ANA, BO, CY], made), part=Part.CO) == "bo cy ana bo cy ana"
    assert run(plan([ANA], made), count=2, part=Part.CO) == "- -"


def test_those_who_watch_take_turns_and_it_is_no_turn_of_theirs() -> None:
    made = rota(START, mode="fair", max_terms=1)
    shifts = assign([plan([ANA, BO], made, shadows=[CY, DEE])], Ledger(), weeks(4))
    assert who(shifts, Part.SHADOW) == "cy dee cy dee"
    assert who(shifts) == "ana bo ana bo"


def test_a_higher_layer_has_its_time_first_and_what_is_left_of_a_turn_is_a_turn() -> None:
    nights = RotaLayer(
        name="nights",
        cadence=Cadence(datetime.fromisoformat("2026-01-06 22:00"), Every(1, Unit.DAY)),
        lasts=Every(8, Unit.HOUR),
        people=(CY,),
    )
    days = RotaLayer(
        name="days", cadence=Cadence(datetime.fromisoformat("2026-01-06 00:00"), Every(1, Unit.DAY)), people=(ANA, BO)
    )
    shifts = assign(
        [plan([ANA, BO, CY], layered((nights, days)))],
        Ledger(),
        Span(at("2026-01-06 00:00"), at("2026-01-08 00:00")),
    )
    told = [(f"{local_at(one.slot.span.start_ms, BERLIN):%d %H}", one.slot.layer, NAMES[one.user]) for one in shifts]
    assert told == [
        ("06 00", "days", "ana"),
        ("06 22", "nights", "cy"),
        ("07 06", "days", "bo"),
        ("07 22", "nights", "cy"),
    ]


def test_people_named_in_a_layer_who_are_not_on_the_rota_have_no_turns() -> None:
    layer = replace(rota(START).layers[0], people=(BO, DEE, ANA))
    assert run(plan([ANA, BO, CY], layered((layer,))), count=4) == "bo ana bo ana"


def test_turns_on_days_of_the_week_are_counted_as_they_come() -> None:
    made = rota("2026-01-06 19:00", every=2, on=(Weekday.FRI, Weekday.TUE), lasts=Every(2, Unit.HOUR))
    shifts = assign([plan([ANA, BO, CY], made)], Ledger(), Span(at(START), at("2026-02-07 00:00")))
    assert [f"{local_at(one.slot.span.start_ms, BERLIN):%d.%m.}" for one in shifts] == [
        "06.01.",
        "09.01.",
        "20.01.",
        "23.01.",
        "03.02.",
        "06.02.",
    ]
    assert who(shifts) == "ana bo cy ana bo cy"
    # Without what was before, each turn still finds its own place in the order.
    for shift in shifts:
        (alone,) = assign([plan([ANA, BO, CY], made)], Ledger(), shift.slot.span)
        assert alone == shift


def test_a_rota_on_days_of_the_week_begins_with_the_first_that_comes_after_its_anchor() -> None:
    made = rota("2026-01-07 19:00", on=(Weekday.TUE, Weekday.FRI), lasts=Every(2, Unit.HOUR))
    first, second = list(slots(plan([ANA], made), Span(at("2025-12-01 00:00"), at("2026-01-14 00:00"))))
    assert [local_at(slot.span.start_ms, BERLIN).day for slot in (first, second)] == [9, 13]
    assert who(assign([plan([ANA, BO], made)], Ledger(), first.span)) == "ana"


def test_a_monthly_turn_on_the_31st_is_on_the_last_day_of_shorter_months() -> None:
    made = rota("2026-01-31 19:00", unit=Unit.MONTH, lasts=Every(2, Unit.HOUR))
    found = slots(plan([ANA], made), Span(at("2026-01-01 00:00"), at("2026-05-15 00:00")))
    assert [local_at(slot.span.start_ms, BERLIN).day for slot in found] == [31, 28, 31, 30]


def test_turns_of_an_hour_pass_over_the_hour_that_is_lost_and_share_the_doubled_one() -> None:
    made = rota("2026-01-01 00:00", unit=Unit.HOUR, lasts=Every(1, Unit.HOUR))
    lost = list(slots(plan([ANA], made), Span(at("2026-03-29 00:00"), at("2026-03-29 06:00"))))
    assert [local_at(slot.span.start_ms, BERLIN).hour for slot in lost] == [0, 1, 3, 4, 5]
    doubled = list(slots(plan([ANA], made), Span(at("2026-10-25 00:00"), at("2026-10-25 05:00"))))
    assert [local_at(slot.span.start_ms, BERLIN).hour for slot in doubled] == [0, 1, 2, 3, 4]
    assert [(slot.span.end_ms - slot.span.start_ms) // HOUR_MS for slot in doubled] == [1, 1, 2, 1, 1]


def test_who_had_a_heavy_turn_waits_as_if_they_had_had_it_later() -> None:
    made = rota("2026-01-06 19:00", unit=Unit.DAY, lasts=Every(2, Unit.HOUR), mode="fair", weights={Weekday.TUE: 3})
    window = Span(at(START), at(START) + 6 * DAY_MS)
    shifts = assign([plan([ANA, BO, CY, DEE], made)], Ledger(), window)
    # Ana's Tuesday counts until Thursday's hour: those of Wednesday and Thursday have waited longer then.
    assert who(shifts) == "ana bo cy dee bo ana"
    assert shifts[0].slot.weight == 3


def test_people_are_on_the_rota_from_when_and_until_when_it_is_written() -> None:
    keepers = (Keeper(ANA, until_ms=at("2026-01-20 19:00")), Keeper(BO), Keeper(CY, from_ms=at("2026-01-27 18:00")))
    made = replace(plan([]), keepers=keepers)
    # Ana may have the turns that end in time; Cy those that begin after.
    assert run(made, count=7) == "ana bo bo cy bo cy bo"


def test_a_turn_that_a_temporary_schedule_takes_up_wholly_is_nobodys() -> None:
    start, end = datetime.fromisoformat("2026-01-13 12:00"), datetime.fromisoformat("2026-01-20 20:00")
    made = rota(START, temporary=(Temporary(start=start, end=end, turns=(FixedTurn(who=DEE, start=start, end=end),)),))
    shifts = assign([plan([ANA, BO, CY], made)], Ledger(), weeks(4))
    assert who(shifts) == "ana bo cy"
    assert [local_at(one.slot.span.start_ms, BERLIN).day for one in shifts] == [6, 20, 27]


@pytest.mark.parametrize(
    ("people", "made", "flaws"),
    [
        ([ANA, BO], rota(START, rest_ms=WEEK_MS, back_to_back=False, max_terms=1), []),
        ([], rota(START), [Flaw.NOBODY]),
        ([ANA], rota(START, back_to_back=False), [Flaw.BACK_TO_BACK]),
        ([ANA], rota(START, max_terms=2), [Flaw.GAP]),
        ([ANA, BO], rota(START, rest_ms=2 * WEEK_MS), [Flaw.REST]),
        ([ANA], rota(START, co_facilitator=True), [Flaw.ALONE]),
        ([ANA, BO], layered((rota(START).layers[0], replace(rota(START).layers[0], name="low"))), [Flaw.HIDDEN]),
        ([ANA, BO], layered((replace(rota(START).layers[0], people=(ANA, DEE)),)), [Flaw.STRANGER]),
    ],
)
def test_what_a_roster_cannot_satisfy_is_told_beforehand(people: list[UserId], made: Rota, flaws: list[Flaw]) -> None:
    assert [problem.flaw for problem in problems(plan(people, made), at("2020-01-01 00:00"))] == flaws
