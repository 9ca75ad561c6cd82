"""Claims: what is wanted of a shared state event, and when it may need writing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.effects import Priority
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, RoomId
from orchestrator.store import claims
from orchestrator.store.claims import Claim, Unsettled

from .sync import rolled_back
from .words import ANA, CY, ROOM

POWER = "m.room.power_levels"
DUTY = Claim(room=ROOM, type=POWER, path=("users", ANA), owner="duty", value=50, until_ms=1_000)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def only(tx: Tx) -> Unsettled:
    (item,) = claims.unsettled(tx)
    return item


def test_a_new_claim_marks_its_state_event() -> None:
    def work(tx: Tx) -> None:
        assert claims.put_claim(tx, DUTY, 1)
        assert claims.claims_on(tx, ROOM, POWER, "", 1) == [DUTY]
        assert only(tx) == Unsettled(ROOM, POWER, "", Priority.STRUCTURE, 1)

    rolled_back(work)


def test_the_same_claim_again_is_no_news() -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, DUTY, 1)
        claims.settled(tx, only(tx))
        assert not claims.put_claim(tx, DUTY, 2)
        assert claims.unsettled(tx) == []

    rolled_back(work)


@pytest.mark.parametrize(
    "other",
    [
        replace(DUTY, value=49),
        replace(DUTY, value=None),
        replace(DUTY, until_ms=1_001),
        replace(DUTY, until_ms=None),
    ],
)
def test_a_claim_that_says_something_else_is_news(other: Claim) -> None:
    def work(tx: Tx) -> None:
        for before, after in ((DUTY, other), (other, DUTY)):
            claims.put_claim(tx, before, 1)
            claims.settled(tx, only(tx))
            assert claims.put_claim(tx, after, 2)
            assert claims.claims_on(tx, ROOM, POWER, "", 2) == [after]
            claims.settled(tx, only(tx))
            claims.drop_claim(tx, ROOM, POWER, "duty", 3, path=DUTY.path)
            claims.settled(tx, only(tx))

    rolled_back(work)


@given(json_values, json_values)
def test_whether_a_value_is_news_is_whether_it_differs(one: Json, other: Json) -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, replace(DUTY, value=one), 1)
        assert [claim.value for claim in claims.claims_on(tx, ROOM, POWER, "", 1)] == [one]
        differs = one != other or isinstance(one, bool) != isinstance(other, bool)
        if not (isinstance(one, list | dict) or isinstance(other, list | dict)):
            assert claims.put_claim(tx, replace(DUTY, value=other), 2) == differs

    rolled_back(work)


def test_owners_and_paths_do_not_meet() -> None:
    def work(tx: Tx) -> None:
        mute = replace(DUTY, owner="mute", value=-1, until_ms=None)
        other = replace(DUTY, path=("users", CY))
        topic = replace(DUTY, type="m.room.topic", path=("parts", "duty"), value="Ana is here.")
        for claim in (DUTY, mute, other, topic, replace(DUTY, room=RoomId("!lounge"))):
            assert claims.put_claim(tx, claim, 1)
        assert claims.claims_on(tx, ROOM, POWER, "", 1) == [DUTY, other, mute]
        assert len(claims.claims_of(tx, "duty")) == 4
        assert claims.claims_of(tx, "mute") == [mute]

    rolled_back(work)


# -- taking back -------------------------------------------------------------------------------------------------------


def test_a_claim_that_was_taken_back_is_known_until_its_event_is_settled() -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, DUTY, 1)
        claims.settled(tx, only(tx))
        assert claims.drop_claim(tx, ROOM, POWER, "duty", 2, path=DUTY.path)
        (ended,) = claims.claims_on(tx, ROOM, POWER, "", 2)
        assert (ended.ended, ended.value, ended.until_ms) == (True, 50, None)
        assert claims.claims_of(tx, "duty") == []
        assert not claims.drop_claim(tx, ROOM, POWER, "duty", 3, path=DUTY.path)
        claims.settled(tx, only(tx))
        assert claims.claims_on(tx, ROOM, POWER, "", 3) == []

    rolled_back(work)


def test_a_claim_that_comes_back_before_it_was_taken_out_is_news() -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, DUTY, 1)
        claims.drop_claim(tx, ROOM, POWER, "duty", 2, path=DUTY.path)
        assert claims.put_claim(tx, DUTY, 3)
        assert claims.claims_on(tx, ROOM, POWER, "", 3) == [DUTY]

    rolled_back(work)


def test_what_was_never_claimed_cannot_be_taken_back() -> None:
    def work(tx: Tx) -> None:
        assert not claims.drop_claim(tx, ROOM, POWER, "duty", 1, path=DUTY.path)
        assert claims.unsettled(tx) == []

    rolled_back(work)


def test_a_claim_ends_at_its_time_and_not_before() -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, DUTY, 1)
        claims.put_claim(tx, replace(DUTY, path=("users", CY), until_ms=None), 1)
        claims.settled(tx, only(tx))
        assert claims.next_claim_end_ms(tx) == 1_000
        assert claims.end_claims(tx, 999) == 0
        assert claims.unsettled(tx) == []
        assert [claim.ended for claim in claims.claims_on(tx, ROOM, POWER, "", 999)] == [False, False]
        # Whoever composes at that very moment sees it ended, whether or not it was marked so yet.
        assert [claim.ended for claim in claims.claims_on(tx, ROOM, POWER, "", 1_000)] == [True, False]
        assert claims.end_claims(tx, 1_000) == 1
        assert claims.end_claims(tx, 1_000) == 0
        assert claims.next_claim_end_ms(tx) is None
        assert only(tx).type == POWER

    rolled_back(work)


def test_a_claim_that_ends_after_the_event_was_composed_is_not_forgotten() -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, DUTY, 1)
        composing = only(tx)
        claims.end_claims(tx, 1_000)
        claims.settled(tx, composing)
        assert [claim.ended for claim in claims.claims_on(tx, ROOM, POWER, "", 1_000)] == [True]
        assert only(tx).mark == 2

    rolled_back(work)


# -- settling ----------------------------------------------------------------------------------------------------------


def test_what_was_marked_while_it_was_written_is_written_again() -> None:
    def work(tx: Tx) -> None:
        claims.mark_unsettled(tx, ROOM, POWER, "", 1)
        writing = only(tx)
        claims.mark_unsettled(tx, ROOM, POWER, "", 2)
        claims.settled(tx, writing)
        claims.settled(tx, only(tx))
        assert claims.unsettled(tx) == []

    rolled_back(work)


def test_what_was_set_aside_keeps_what_has_ended_for_the_next_try() -> None:
    def work(tx: Tx) -> None:
        claims.put_claim(tx, DUTY, 1)
        claims.drop_claim(tx, ROOM, POWER, "duty", 2, path=DUTY.path)
        claims.set_aside(tx, only(tx))
        assert claims.unsettled(tx) == []
        assert [claim.ended for claim in claims.claims_on(tx, ROOM, POWER, "", 3)] == [True]

    rolled_back(work)


@given(st.lists(st.sampled_from(Priority), min_size=1, max_size=5))
def test_marks_for_one_event_are_one_at_the_highest_priority(priorities: list[Priority]) -> None:
    def work(tx: Tx) -> None:
        for n, priority in enumerate(priorities):
            claims.mark_unsettled(tx, ROOM, POWER, "", n, priority)
        assert only(tx) == Unsettled(ROOM, POWER, "", min(priorities), len(priorities))

    rolled_back(work)


def test_the_most_urgent_state_event_comes_first_then_the_oldest() -> None:
    def work(tx: Tx) -> None:
        claims.mark_unsettled(tx, ROOM, "m.room.topic", "", 1, Priority.STRUCTURE)
        claims.mark_unsettled(tx, RoomId("!lounge"), POWER, "", 3, Priority.SAFETY)
        claims.mark_unsettled(tx, RoomId("!lounge"), "m.room.topic", "", 0, Priority.STRUCTURE)
        claims.mark_unsettled(tx, ROOM, "m.room.topic", "", 9, Priority.STRUCTURE)
        order = [(item.room, item.type) for item in claims.unsettled(tx)]
        assert order == [("!lounge", POWER), ("!lounge", "m.room.topic"), (ROOM, "m.room.topic")]

    rolled_back(work)
