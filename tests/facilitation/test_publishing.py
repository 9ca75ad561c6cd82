"""Publishing: turns stand from then on; who leaves the rota is off, and only what has to move moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from orchestrator.documents.declared import FixedTurn, Room, Serving, Temporary
from orchestrator.facilitation.records.overrides import Kind, State
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId

from .consent import ANA, BO, CONTROL, CY, DAY_MS, DEE, EVE, FIN, TUESDAY, Circle, asking_rota, at, circle, grove

KEPT = asking_rota(accept_within_ms=None)


@pytest.fixture
def shop() -> Iterator[Circle]:
    shop = Circle(grove(circle(ANA, CY, DEE, kept=KEPT)))
    shop.begin(EVE)
    yield shop
    shop.close()


def plan(shop: Circle) -> dict[int, UserId | None]:
    return {one.shift.slot.span.start_ms: one.shift.user for one in shop.given()}


def now_with(shop: Circle, room: Room) -> None:
    shop.use(grove(room))
    shop.settle()
    shop.ring()


def test_four_weeks_are_published_and_nothing_twice(shop: Circle) -> None:
    starts = sorted(plan(shop))
    assert starts[0] == at("2026-11-24 19:00")
    assert starts[-1] == at("2026-12-22 19:00")
    assert len(starts) == 5
    before = shop.everything()
    for _ in range(2):
        shop.restart()
        shop.settle()
        shop.ring()
    assert shop.everything() == before


def test_every_day_what_comes_into_sight_is_published(shop: Circle) -> None:
    shop.pass_time(at("2026-12-02 12:00"))
    assert max(plan(shop)) == at("2026-12-29 19:00")


def test_a_new_person_reshuffles_nobody(shop: Circle) -> None:
    before = plan(shop)
    now_with(shop, circle(FIN, ANA, CY, DEE, kept=KEPT))
    assert plan(shop) == before
    shop.pass_time(at("2026-12-20 12:00"))
    assert FIN in plan(shop).values()


def test_who_leaves_the_rota_gives_back_what_is_to_come_and_nobody_else_moves(shop: Circle) -> None:
    before = plan(shop)
    now_with(shop, circle(ANA, CY, kept=KEPT))
    after = plan(shop)
    assert {start: user for start, user in before.items() if user != DEE and start > shop.at_ms} == {
        start: after[start] for start, user in before.items() if user != DEE and start > shop.at_ms
    }
    assert DEE not in {user for start, user in after.items() if start > shop.at_ms}


def test_who_leaves_in_the_middle_of_a_turn_is_off_at_once_and_the_gap_is_told(shop: Circle) -> None:
    holder = shop.on("2026-12-01 12:00")
    shop.told(CONTROL)
    now_with(shop, circle(*(user for user in (ANA, CY, DEE) if user != holder), kept=KEPT))
    assert shop.on("2026-12-01 12:00") is None
    assert [(one.kind, one.giver, one.taker) for one in shop.changes()] == [(Kind.LEFT, holder, None)]
    said = shop.told(CONTROL)
    assert any("Tuesday circle, Tuesday 1 December, 12:00" in one for one in said), said
    before = shop.everything()
    shop.settle()
    shop.ring()
    assert shop.everything() == before


def test_who_comes_back_within_their_turn_has_what_is_left_of_it(shop: Circle) -> None:
    holder = shop.on("2026-12-01 12:00")
    now_with(shop, circle(*(user for user in (ANA, CY, DEE) if user != holder), kept=KEPT))
    shop.pass_time(at("2026-12-01 14:00"))
    now_with(shop, circle(ANA, CY, DEE, kept=KEPT))
    assert shop.on("2026-12-01 15:00") == holder
    before = shop.everything()
    shop.settle()
    shop.ring()
    assert shop.everything() == before


def test_who_comes_back_finds_whoever_stepped_in_for_them_still_on(shop: Circle) -> None:
    holder = shop.on("2026-12-01 12:00")
    others = [user for user in (ANA, CY, DEE) if user != holder]
    now_with(shop, circle(*others, kept=KEPT))
    shop.write(others[0], "!take now")
    assert shop.on("2026-12-01 15:00") == others[0]
    now_with(shop, circle(ANA, CY, DEE, kept=KEPT))
    assert shop.on("2026-12-01 15:00") == others[0]


def test_what_somebody_took_ends_when_they_leave(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.tap(DEE, "take", CONTROL)
    assert shop.on("2026-12-09 12:00") == DEE
    now_with(shop, circle(ANA, CY, kept=KEPT))
    assert shop.on("2026-12-09 12:00") is None


def test_what_a_leaver_handed_on_stays_with_who_took_it(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec 19:00-23:00")
    shop.tap(ANA, "yes")
    shop.tap(CY, "take", CONTROL)
    now_with(shop, circle(CY, DEE, kept=KEPT))
    assert (shop.on("2026-12-08 20:00"), shop.on("2026-12-09 12:00")) == (CY, None)


def test_without_anybody_all_is_open_and_with_somebody_again_it_is_given(shop: Circle) -> None:
    now_with(shop, circle(kept=KEPT))
    assert {user for start, user in plan(shop).items() if start > shop.at_ms} == {None}
    assert shop.on("2026-12-01 12:00") is None
    now_with(shop, circle(CY, DEE, kept=KEPT))
    assert {user for start, user in plan(shop).items() if start > shop.at_ms} == {CY, DEE}


def test_who_leaves_on_a_day_that_is_known_is_on_until_then(shop: Circle) -> None:
    room = replace(
        circle(ANA, CY, DEE, kept=KEPT), serving={ANA: Serving(end=datetime.fromisoformat("2026-12-10 12:00"))}
    )
    now_with(shop, room)
    ana = [start for start, user in plan(shop).items() if user == ANA and start > shop.at_ms]
    assert all(start + 7 * DAY_MS <= at("2026-12-10 12:00") for start in ana)


def test_a_turn_that_is_none_any_more_is_withdrawn_and_what_runs_goes_on(shop: Circle) -> None:
    running = shop.on("2026-12-01 12:00")
    now_with(shop, circle(ANA, CY, DEE, kept=asking_rota(anchor="2026-01-07 18:00", accept_within_ms=None)))
    assert shop.on("2026-12-01 18:59") == running
    starts = sorted(start for start in plan(shop) if start > shop.at_ms)
    assert starts[:2] == [at("2026-12-01 19:00"), at("2026-12-02 18:00")]
    before = shop.everything()
    shop.settle()
    shop.ring()
    assert shop.everything() == before


def test_what_lies_in_a_temporary_schedule_is_withdrawn(shop: Circle) -> None:
    start, end = datetime.fromisoformat("2026-12-08 19:00"), datetime.fromisoformat("2026-12-15 19:00")
    whole = Temporary(
        start=start,
        end=end,
        turns=(FixedTurn(who=DEE, start=start, end=end),),
    )
    now_with(shop, circle(ANA, CY, DEE, kept=replace(KEPT, temporary=(whole,))))
    assert at("2026-12-08 19:00") not in plan(shop)
    assert shop.on("2026-12-09 12:00") == DEE
    (said,) = shop.write(DEE, "!swap 9 Dec")
    assert "is yours by a temporary schedule" in said


def test_a_room_that_goes_by_another_key_keeps_its_turns(shop: Circle) -> None:
    before = plan(shop)
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.use(grove(replace(circle(ANA, CY, DEE, key="evening", kept=KEPT), previously=(TUESDAY,))))
    from orchestrator.store import bindings  # noqa: PLC0415 - only here

    shop.run(bindings.rename, ("grove", "tuesday"), ("grove", "evening"))
    shop.settle()
    shop.ring()
    assert plan(shop) == before
    assert [one.room for one in shop.changes(State.OPEN)] == ["evening"]


def test_a_lead_who_took_a_turn_keeps_it_though_they_are_on_no_rota(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.tap(BO, "take", CONTROL)
    shop.settle()
    assert shop.on("2026-12-09 12:00") == BO


def test_what_is_over_is_forgotten_after_two_months(shop: Circle) -> None:
    shop.pass_time(at("2026-12-20 12:00"))
    shop.at_ms = at("2027-03-01 12:00")
    shop.ring()
    # After such a leap, of the clock or of time, it is forgotten a day later.
    assert min(plan(shop)) < shop.at_ms - 68 * DAY_MS
    shop.pass_time(shop.at_ms + DAY_MS)
    assert min(plan(shop)) >= shop.at_ms - 68 * DAY_MS


def test_who_had_a_turn_is_remembered_for_somewhat_more_than_a_year(shop: Circle) -> None:
    for days_ago in (399, 402):
        end_ms = shop.at_ms - days_ago * DAY_MS
        shop.run(serve, ANA, end_ms)
    shop.pass_time(shop.at_ms + DAY_MS)
    kept = shop.run(lambda tx: [row["end_ms"] for row in tx.rows("select end_ms from served where account = :account")])
    assert shop.at_ms - 400 * DAY_MS in kept
    assert shop.at_ms - 403 * DAY_MS not in kept


def serve(tx: Tx, user: UserId, end_ms: int) -> None:
    tx.run(
        'insert into served (account, community, key, part, start_ms, end_ms, "user", weight) values (:account,'
        " 'grove', 'lounge', 'facilitator', :start_ms, :end_ms, :user, 1)",
        start_ms=end_ms - DAY_MS,
        end_ms=end_ms,
        user=user,
    )


def test_who_said_no_to_a_turn_far_ahead_is_not_asked_again_when_it_comes_near() -> None:
    shop = Circle(grove(circle(ANA, CY, kept=asking_rota(accept_within_ms=None, publish_ms=120 * DAY_MS))))
    shop.begin()
    far = "2027-03-16 20:00"
    holder = shop.on(far)
    assert holder is not None
    (other,) = {ANA, CY} - {holder}
    shop.write(holder, "!away 16 mar 2027 to 23 mar 2027")
    shop.tap(holder, "yes")
    shop.tap(other, "no")
    shop.carry_out()
    shop.heard.clear()
    shop.pass_time(at(far) - DAY_MS)
    asked = [line for line in shop.told(other) if "Could you take it?" in line or "somebody is still needed" in line]
    assert asked == []
    shop.close()


def test_what_is_given_more_than_a_month_ahead_can_be_handed_on_and_is_asked_about_at_once() -> None:
    shop = Circle(grove(circle(ANA, CY, kept=asking_rota(accept_within_ms=None, publish_ms=60 * DAY_MS))))
    shop.begin()
    holder = shop.on("2027-01-19 20:00")
    assert holder is not None
    (other,) = {ANA, CY} - {holder}
    assert "Shall I look for somebody" in shop.write(holder, "!swap 19 jan")[0]
    shop.write(holder, "!away 20 jan")
    shop.tap(holder, "yes")
    assert any("Could you take it?" in line for line in shop.told(other))
    shop.close()
