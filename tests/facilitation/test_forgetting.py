"""What is known of people goes when it serves nothing any more, and what others' turns rest on stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.calendar.feeds import Feed, Scope, feed_of, give
from orchestrator.facilitation.duty import covers, note_cover
from orchestrator.facilitation.forgetting import KEPT_MS, SERVED_KEPT_MS, UNUSED_KEPT_MS, forget
from orchestrator.facilitation.records.preferences import Preference, preference_of, put_preference
from orchestrator.facilitation.rota.things import Part
from orchestrator.model.cadence import Span, Unit
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId
from tests.declared import rota
from tests.facilitation.consent import ANA, BO, CY, DAY_MS, DEE, EVE, GROVE, ME, START_MS, TUESDAY, at, circle, grove
from tests.facilitation.whole import Whole, whole


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = whole(ANA, CY)
    yield shop
    shop.close()


def tidy(shop: Whole) -> None:
    shop.run(lambda tx: forget(tx, shop.documents, Now(at_ms=shop.at_ms, me=ME)))


def serve(tx: Tx, user: UserId, days_ago: int, part: Part = Part.FACILITATOR) -> None:
    tx.run(
        'insert into served (account, community, key, part, start_ms, end_ms, "user", weight) values (:account,'
        " 'grove', :key, :part, :start_ms, :end_ms, :user, 1)",
        key=f"with-{user}",
        part=part,
        start_ms=START_MS - (days_ago + 1) * DAY_MS,
        end_ms=START_MS - days_ago * DAY_MS,
        user=user,
    )


def remembered(shop: Whole) -> set[tuple[str, int]]:
    rows = shop.rows("select \"user\", end_ms from served where key != 'tuesday'")
    return {(str(user), (START_MS - int(str(end_ms))) // DAY_MS) for user, end_ms in rows}


def test_when_somebody_was_on_last_is_remembered_as_long_as_they_may_be_on_again(shop: Whole) -> None:
    for user in (ANA, DEE):  # Dee looks after nothing any more
        for days_ago in (700, 500, 410):
            shop.run(serve, user, days_ago)
    shop.run(serve, CY, 500)
    shop.run(serve, CY, 300)
    tidy(shop)
    assert remembered(shop) == {(ANA, 410), (CY, 300)}


def test_having_watched_is_no_turn_to_remember(shop: Whole) -> None:
    shop.run(serve, ANA, 600)
    shop.run(serve, ANA, 500, Part.SHADOW)
    tidy(shop)
    assert remembered(shop) == {(ANA, 600)}
    assert SERVED_KEPT_MS < 500 * DAY_MS


def test_an_order_goes_on_where_it_was_though_turns_are_far_apart() -> None:
    """Two days a quarter: the turn before is long forgotten when the next is given, but for who had it."""
    from orchestrator.model.cadence import Every  # noqa: PLC0415 - only here

    kept = rota("2026-10-06 19:00", every=3, unit=Unit.MONTH, lasts=Every(2, Unit.DAY), publish_ms=7 * DAY_MS)
    shop = Whole(grove(circle(ANA, CY, DEE, kept=kept)), at_ms=at("2026-10-01 12:00"))
    shop.begin(EVE)
    people: list[UserId] = []
    for start in ("2026-10-06 19:00", "2027-01-06 19:00", "2027-04-06 19:00", "2027-07-06 19:00"):
        shop.pass_time(at(start) + DAY_MS)
        people += shop.duty()
        if len(people) == 1:  # somebody joins before all others: counted through, the order would begin anew
            shop.use(grove(circle(BO, ANA, CY, DEE, kept=kept)))
            shop.settle()
            first = [ANA, CY, DEE].index(people[0])
    assert people == [*[ANA, CY, DEE][first:], BO, *[ANA, CY, DEE][:first]][:4]
    shop.close()


def test_what_somebody_wants_goes_a_while_after_they_look_after_nothing(shop: Whole) -> None:
    for user in (ANA, DEE):
        shop.run(put_preference, user, Preference(zone="Asia/Tokyo"))
    tidy(shop)
    shop.at_ms += UNUSED_KEPT_MS - 1
    tidy(shop)
    assert shop.run(preference_of, DEE).zone == "Asia/Tokyo"
    shop.at_ms += 1
    tidy(shop)
    assert shop.run(preference_of, DEE) == Preference()
    assert shop.run(preference_of, ANA).zone == "Asia/Tokyo"


def test_whoever_is_back_in_time_keeps_what_they_wanted(shop: Whole) -> None:
    shop.run(put_preference, DEE, Preference(zone="Asia/Tokyo"))
    tidy(shop)
    shop.at_ms += UNUSED_KEPT_MS - 1
    shop.use(grove(circle(ANA, CY, DEE, kept=rota())))
    tidy(shop)
    shop.use(grove(circle(ANA, CY, kept=rota())))
    shop.at_ms += 2
    tidy(shop)
    assert shop.run(preference_of, DEE).zone == "Asia/Tokyo"


def test_an_address_that_leads_nowhere_goes_after_a_while(shop: Whole) -> None:
    theirs = (("own", Feed(scope=Scope.PERSON, user=ANA)), ("gone", Feed(scope=Scope.PERSON, user=DEE)))
    leads = (
        ("lead", Feed(scope=Scope.COMMUNITY, user=BO, community=GROVE)),
        ("former", Feed(scope=Scope.ROOM, user=CY, community=GROVE, key=TUESDAY)),
    )
    for digest, feed in (*theirs, *leads):
        shop.run(give, feed, digest)
    tidy(shop)
    shop.at_ms += UNUSED_KEPT_MS
    tidy(shop)
    kept = [digest for digest, _feed in (*theirs, *leads) if shop.run(feed_of, digest) is not None]
    assert kept == ["own", "lead"]


def test_who_covered_is_forgotten_after_two_months(shop: Whole) -> None:
    span = Span(shop.at_ms - DAY_MS, shop.at_ms)
    shop.run(note_cover, GROVE, TUESDAY, ANA, span)
    community = shop.documents.communities[0]
    tidy(shop)
    assert shop.run(covers, community, TUESDAY, span.start_ms) == {ANA: span.end_ms}
    shop.at_ms += KEPT_MS + 1
    tidy(shop)
    assert shop.run(covers, community, TUESDAY, span.start_ms) == {}
