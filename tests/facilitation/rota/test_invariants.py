"""What holds of every rota, whatever is declared and whatever befalls it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import RotaLayer
from orchestrator.facilitation.rota.assigning import assign, slots
from orchestrator.facilitation.rota.people import distance_ms
from orchestrator.facilitation.rota.picking import ranked
from orchestrator.facilitation.rota.resolving import resolve
from orchestrator.facilitation.rota.things import GaveWay, Keeper, Ledger, Override, Part, Plan, Shift, Why
from orchestrator.model.cadence import Cadence, Every, Span, Unit, Weekday
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import instant_ms, local_at, merge
from tests.facilitation.rota.stories import PEOPLE, ZONES, layered

HOUR_MS = DAY_MS // 24
MINUTE_MS = HOUR_MS // 60
FIRST_DAY = datetime.fromisoformat("2026-03-20")
DAYS = 24
ROOMS = (RoomKey("circle"), RoomKey("other"), RoomKey("third"))

patient = settings(max_examples=50)

minutes = st.integers(0, DAYS * 24 * 60)


@st.composite
def cadences(draw: st.DrawFn) -> Cadence:
    unit, most = draw(st.sampled_from([(Unit.HOUR, 30), (Unit.DAY, 3), (Unit.WEEK, 2), (Unit.MONTH, 1)]))
    anchor = FIRST_DAY + timedelta(minutes=draw(st.integers(-20 * 24 * 60, 600)))
    on = draw(st.sets(st.sampled_from(Weekday), max_size=4)) if unit is Unit.WEEK else ()
    least = 6 if unit is Unit.HOUR else 1
    return Cadence(anchor, Every(draw(st.integers(least, most)), unit), tuple(on))


@st.composite
def layers(draw: st.DrawFn, name: str) -> RotaLayer:
    return RotaLayer(
        name=name,
        cadence=draw(cadences()),
        lasts=draw(st.sampled_from([None, Every(2, Unit.HOUR), Every(1, Unit.DAY), Every(1, Unit.MONTH)])),
        people=tuple(draw(st.lists(st.sampled_from(PEOPLE), max_size=4))),
        weights=draw(st.dictionaries(st.sampled_from(Weekday), st.integers(1, 9), max_size=3)),
    )


@st.composite
def plans_of_one(draw: st.DrawFn) -> list[Plan]:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    return [draw(plans(room, zone)) for room in ROOMS[: draw(st.integers(1, 3))]]


@st.composite
def plans(draw: st.DrawFn, room: RoomKey, zone: ZoneInfo) -> Plan:
    named = [draw(layers(name)) for name in ("", "second")[: draw(st.integers(1, 2))]]
    bound = st.one_of(st.none(), st.none(), minutes.map(lambda m: instant_ms(FIRST_DAY, zone) + m * MINUTE_MS))
    people = draw(st.lists(st.sampled_from(PEOPLE), unique=True, max_size=6))
    return Plan(
        room=room,
        zone=zone,
        rota=layered(
            named,
            mode=draw(st.sampled_from(["order", "fair"])),
            rest_ms=draw(st.sampled_from([None, 3 * HOUR_MS, DAY_MS, 4 * DAY_MS])),
            back_to_back=draw(st.booleans()),
            max_terms=draw(st.sampled_from([None, 1, 2, 4])),
            co_facilitator=draw(st.booleans()),
        ),
        keepers=tuple(Keeper(user, draw(bound), draw(bound)) for user in people),
        shadows=tuple(draw(st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2))),
        fallback=tuple(draw(st.lists(st.sampled_from(PEOPLE), unique=True, max_size=2))),
    )


@st.composite
def absences(draw: st.DrawFn, zone: tzinfo) -> dict[UserId, tuple[Span, ...]]:
    base_ms = instant_ms(FIRST_DAY, zone)
    found = {}
    for user in draw(st.sets(st.sampled_from(PEOPLE), max_size=4)):
        pairs = draw(st.lists(st.tuples(minutes, st.integers(1, 5 * 24 * 60)), min_size=1, max_size=3))
        found[user] = merge(Span(base_ms + at * MINUTE_MS, base_ms + (at + took) * MINUTE_MS) for at, took in pairs)
    return found


def window_of(plan: Plan) -> Span:
    start_ms = instant_ms(FIRST_DAY, plan.zone)
    return Span(start_ms, start_ms + DAYS * DAY_MS)


def shares(one: Span, other: Span) -> bool:
    return max(one.start_ms, other.start_ms) < min(one.end_ms, other.end_ms)


def had_rest(plan: Plan, end_ms: int, start_ms: int, rest_ms: int) -> bool:
    """A rest of whole days may be an hour short when the clocks change; a shorter one may not."""
    if rest_ms >= DAY_MS and local_at(start_ms, plan.zone) - local_at(end_ms, plan.zone) >= timedelta(
        milliseconds=rest_ms
    ):
        return True
    return start_ms - end_ms >= rest_ms


@patient
@given(st.data(), plans_of_one())
def test_nobody_has_two_turns_at_once_or_one_while_away_or_off_the_rota(data: st.DataObject, rooms: list[Plan]) -> None:
    away = data.draw(absences(rooms[0].zone))
    shifts = assign(rooms, Ledger(away=away), window_of(rooms[0]))
    expected = {(slot.room, slot.part, slot.span) for plan in rooms for slot in slots(plan, window_of(plan))}
    assert {(one.slot.room, one.slot.part, one.slot.span) for one in shifts} == expected
    by_person: defaultdict[UserId, list[Shift]] = defaultdict(list)
    known = {plan.room: plan for plan in rooms}
    for shift in shifts:
        if shift.user is None:
            continue
        plan = known[shift.slot.room]
        assert not any(shares(span, shift.slot.span) for span in away.get(shift.user, ()))
        if shift.slot.part is Part.SHADOW:
            assert shift.user in plan.shadows
        else:
            assert any(keeper.user == shift.user and keeper.serves(shift.slot.span) for keeper in plan.keepers)
        by_person[shift.user].append(shift)
    for own in by_person.values():
        for place, one in enumerate(own):
            assert not any(shares(one.slot.span, other.slot.span) for other in own[:place])


@patient
@given(st.data(), plans_of_one())
def test_nobody_is_on_duty_while_away_whatever_was_agreed(data: st.DataObject, rooms: list[Plan]) -> None:
    plan = rooms[0]
    window = window_of(plan)
    shifts = assign(rooms, Ledger(), window)
    away = data.draw(absences(plan.zone))
    overrides = tuple(
        Override(
            id=str(n),
            room=plan.room,
            part=Part.FACILITATOR,
            span=Span(window.start_ms + at * MINUTE_MS, window.start_ms + (at + took) * MINUTE_MS),
            giver=data.draw(st.sampled_from([None, *PEOPLE])),
            taker=data.draw(st.sampled_from([None, *PEOPLE])),
            made_ms=n,
        )
        for n, (at, took) in enumerate(data.draw(st.lists(st.tuples(minutes, st.integers(1, 9_000)), max_size=4)))
    )
    ledger = Ledger(shifts=shifts, overrides=overrides, away=away)
    for stretch in resolve(plan, shifts, ledger, window, window.start_ms):
        assert stretch.user is None or not any(shares(span, stretch.span) for span in away.get(stretch.user, ()))
        assert (stretch.user is None) == (stretch.why is Why.GAP)


@patient
@given(st.data(), plans_of_one())
def test_rest_and_terms_hold_or_it_is_written_down_what_gave_way(data: st.DataObject, rooms: list[Plan]) -> None:
    shifts = assign(rooms, Ledger(away=data.draw(absences(rooms[0].zone))), window_of(rooms[0]))
    known = {plan.room: plan for plan in rooms}
    by_person: defaultdict[UserId, list[Shift]] = defaultdict(list)
    for shift in shifts:
        if shift.user is None or shift.slot.part is Part.SHADOW:
            assert not shift.gave_way
            continue
        plan, before = known[shift.slot.room], by_person[shift.user]
        rests = [plan.rota.rest_ms or 0, *([known[before[-1].slot.room].rota.rest_ms or 0] if before else [])]
        tired = bool(before) and not had_rest(plan, before[-1].slot.span.end_ms, shift.slot.span.start_ms, max(rests))
        assert tired == (GaveWay.REST in shift.gave_way)
        count, start_ms = 1, shift.slot.span.start_ms
        for earlier in reversed(before):
            if had_rest(plan, earlier.slot.span.end_ms, start_ms, max(plan.rota.rest_ms or 0, 1)):
                break
            count, start_ms = count + 1, earlier.slot.span.start_ms
        assert plan.rota.max_terms is None or count <= plan.rota.max_terms
        before.append(shift)


@patient
@given(plans_of_one())
def test_nobody_has_two_turns_of_a_layer_in_a_row_unless_it_is_written_down(rooms: list[Plan]) -> None:
    plan = rooms[0]
    shifts = [one for one in assign([plan], Ledger(), window_of(plan)) if one.slot.part is not Part.SHADOW]
    for layer in plan.rota.layers:
        starts = sorted({one.slot.span.start_ms for one in shifts if one.slot.layer == layer.name})
        near_ms = distance_ms(plan, layer.name)[1] + DAY_MS  # not where a higher layer has days between them
        for earlier, later in pairwise(starts):
            if later - earlier > near_ms:
                continue
            was = {one.user for one in shifts if one.slot.layer == layer.name and one.slot.span.start_ms == earlier}
            for one in shifts:
                if one.slot.layer == layer.name and one.slot.span.start_ms == later and one.user in was - {None}:
                    assert plan.rota.back_to_back or GaveWay.BACK_TO_BACK in one.gave_way


@settings(max_examples=200)
@given(
    st.integers(1, 6),
    cadences(),
    st.dictionaries(st.sampled_from(Weekday), st.integers(1, 9)),
    st.sampled_from([None, HOUR_MS, 2 * DAY_MS, 9 * DAY_MS]),
    st.booleans(),
    st.data(),
)
def test_in_fair_mode_nobody_who_could_waits_for_more_than_2n_minus_1_turns(
    size: int,
    cadence: Cadence,
    weights: dict[Weekday, int],
    rest_ms: int | None,
    back_to_back: bool,
    data: st.DataObject,
) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(ZONES)))
    layer = RotaLayer(name="", cadence=cadence, weights=weights)
    made = layered([layer], mode="fair", rest_ms=rest_ms, back_to_back=back_to_back)
    plan = Plan(room=ROOMS[0], zone=zone, rota=made, keepers=tuple(map(Keeper, PEOPLE[:size])))
    start_ms = instant_ms(cadence.anchor, zone)
    long_ms = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 7 * 24, Unit.MONTH: 31 * 24}[
        cadence.every.unit
    ] * cadence.every.count
    window = Span(start_ms, start_ms + 5 * size * long_ms * HOUR_MS)
    away = data.draw(absences(zone))
    waited = dict.fromkeys(PEOPLE[:size], 0)
    last_end: dict[UserId, int] = {}
    previous: UserId | None = None
    for shift in assign([plan], Ledger(away=away), window):
        for user in waited:
            gone = any(shares(span, shift.slot.span) for span in away.get(user, ()))
            resting = user in last_end and not had_rest(plan, last_end[user], shift.slot.span.start_ms, rest_ms or 0)
            again = not back_to_back and user == previous
            # Who rests, or has had the turn before, is not meant to have this one.
            if not (gone or resting or again):
                waited[user] += 1
        if shift.user is not None:
            waited[shift.user] = 0
            last_end[shift.user] = shift.slot.span.end_ms
        previous = shift.user
        assert max(waited.values()) <= max(2 * size - 1, 1)


@patient
@given(st.data(), plans_of_one())
def test_what_is_published_stands_and_a_window_in_two_pieces_gives_what_the_whole_does(
    data: st.DataObject, rooms: list[Plan]
) -> None:
    window = window_of(rooms[0])
    away = data.draw(absences(rooms[0].zone))
    before = [replace(plan, keepers=plan.keepers[1:], shadows=()) for plan in rooms]
    facts = assign(before, Ledger(), Span(window.start_ms, window.start_ms + 4 * DAY_MS))
    ledger = Ledger(shifts=tuple(data.draw(st.sets(st.sampled_from(facts))) if facts else ()), away=away)
    whole = assign(rooms, ledger, window)
    assert whole == assign(rooms, ledger, window)
    assert set(ledger.shifts) == {one for one in whole if one in set(ledger.shifts)}
    if any(one.slot.span.start_ms > window.start_ms for one in ledger.shifts):
        # What is published ahead is known to both pieces alike, however it came about.
        ledger = replace(ledger, shifts=())
        whole = assign(rooms, ledger, window)
    cut_ms = window.start_ms + data.draw(minutes) * MINUTE_MS
    first = assign(rooms, ledger, Span(window.start_ms, cut_ms))
    second = assign(
        rooms, replace(ledger, shifts=(*ledger.shifts, *(set(first) - set(ledger.shifts)))), Span(cut_ms, window.end_ms)
    )
    assert set(first) | set(second) == set(whole)


@patient
@given(st.data(), plans_of_one())
def test_the_first_who_is_ranked_is_who_gets_the_turn_and_nobody_is_ranked_who_may_not(
    data: st.DataObject, rooms: list[Plan]
) -> None:
    away = data.draw(absences(rooms[0].zone))
    shifts = assign(rooms, Ledger(away=away), window_of(rooms[0]))
    known = {plan.room: plan for plan in rooms}
    if not shifts:
        return
    place = data.draw(st.integers(0, len(shifts) - 1))
    shift = shifts[place]
    earlier: Sequence[Shift] = [
        one for one in shifts if _order(rooms, one) < _order(rooms, shift) or one.slot == shift.slot
    ]
    found = ranked(rooms, shift.slot, Ledger(shifts=tuple(earlier), away=away))
    assert (found[0].user if found else None) == shift.user
    assert len({one.user for one in found}) == len(found)
    for one in found:
        assert not any(shares(span, shift.slot.span) for span in away.get(one.user, ()))
        if shift.slot.part is not Part.SHADOW:
            assert any(k.user == one.user and k.serves(shift.slot.span) for k in known[shift.slot.room].keepers)
    kept = [(GaveWay.REST in one.gave_way, GaveWay.BACK_TO_BACK in one.gave_way) for one in found]
    assert kept == sorted(kept)


def _order(rooms: Sequence[Plan], shift: Shift) -> tuple[int, int, int, str]:
    places = [plan.room for plan in rooms]
    return (
        shift.slot.span.start_ms,
        list(Part).index(shift.slot.part),
        places.index(shift.slot.room),
        shift.slot.layer,
    )
