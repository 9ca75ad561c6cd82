"""What ``preview`` shows is what is then given to people, day by day, in whatever pieces it is published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Community, Documents
from orchestrator.facilitation.calendar.reading import ahead
from orchestrator.facilitation.craft import Facilitation
from orchestrator.facilitation.publishing import Publishing
from orchestrator.facilitation.records.away import add_away
from orchestrator.facilitation.records.shifts import shifts_of
from orchestrator.model.cadence import Every, Span, Unit
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Feature, Now, Roster, Tx
from orchestrator.model.ids import UserId
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, documents, room, rota
from tests.workshop import Workshop

BEGUN_MS = 1_767_700_000_000
DAYS = 40

ROTAS = st.builds(
    lambda anchor, every, lasts, mode, weeks, rest, back, terms, co: rota(
        anchor,
        every=every[0],
        unit=every[1],
        lasts=lasts,
        mode=mode,
        publish_ms=weeks * 7 * DAY_MS,
        rest_ms=rest,
        back_to_back=back,
        max_terms=terms,
        co_facilitator=co,
    ),
    st.sampled_from(["2026-01-06 19:00", "2025-12-30 08:00", "2026-01-09 02:30"]),
    st.sampled_from([(1, Unit.WEEK), (2, Unit.DAY), (3, Unit.DAY), (2, Unit.WEEK)]),
    st.sampled_from([None, Every(3, Unit.HOUR), Every(1, Unit.DAY)]),
    st.sampled_from(["order", "fair"]),
    st.sampled_from([1, 2, 4, 6]),
    st.sampled_from([None, 2 * DAY_MS, 7 * DAY_MS]),
    st.booleans(),
    st.sampled_from([None, 2, 6]),
    st.booleans(),
)
PEOPLE = st.lists(st.sampled_from([ANA, BO, CY, DEE, EVE]), min_size=1, max_size=5, unique=True)
GROVES = st.lists(st.tuples(ROTAS, PEOPLE), min_size=1, max_size=3).map(
    lambda rooms: documents(
        community(*(room(f"room-{n}", rota=each, facilitators=people) for n, (each, people) in enumerate(rooms)))
    )
)

AWAY = st.lists(st.tuples(st.sampled_from([ANA, BO, CY]), st.integers(1, 40), st.integers(1, 10)), max_size=3)


def make(declared: Documents) -> tuple[Sequence[Feature], Roster]:
    return (), Facilitation(declared)


def unmoved(tx: Tx, community: Community, now: Now, by: UserId | None) -> Iterable[AnyEffect]:
    return ()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GROVES, AWAY)
def test_what_is_foreseen_is_what_is_published(declared: Documents, away: list[tuple[UserId, int, int]]) -> None:
    (grove,) = declared.communities
    shop = Workshop(declared, make, at_ms=BEGUN_MS)
    shop.open()
    for user, day, days in away:
        span = Span(BEGUN_MS + day * DAY_MS, BEGUN_MS + (day + days) * DAY_MS)
        shop.run(add_away, grove.key, user, span)
    publishing = Publishing(declared, unmoved)
    window = Span(BEGUN_MS, BEGUN_MS + DAYS * DAY_MS)
    foreseen = {(turn.room, turn.part, turn.span): turn.user for turn in shop.run(ahead, grove, window, BEGUN_MS)}

    def publish(tx: Tx) -> None:
        list(publishing.publish(tx, grove, Now(at_ms=shop.at_ms, me=ME)))

    while shop.at_ms < window.end_ms:
        shop.run(publish)
        shop.at_ms += 24 * HOUR_MS
    given_out = {
        (one.shift.slot.room, one.shift.slot.part, one.shift.slot.span): one.shift.user
        for one in shop.run(shifts_of, grove.key)
        if one.shift.slot.span.start_ms < window.end_ms
    }
    assert foreseen == given_out
    shop.close()
