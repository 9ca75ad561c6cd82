"""A ban set by hand in one room is offered to the keepers for the others, and spreads by nobody's word but a lead's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .doors import ANA, BO, CIRCLE, CONTROL, CY, LOUNGE, ME, MO, SPACE, Doors

ROOMS = (SPACE, CIRCLE, LOUNGE, CONTROL)


@pytest.fixture
def grove() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def test_a_leads_ban_is_offered_for_the_other_rooms_and_done_when_a_lead_says_yes(grove: Doors) -> None:
    grove.member(CIRCLE, MO, "ban", by=ANA)
    grove.carry()
    (said,) = grove.told(CONTROL)
    assert f"{ANA} banned {MO} from “Tuesday circle”." in said
    assert grove.changes == []
    grove.react(BO, grove.question())
    grove.carry()
    assert sorted(grove.changes) == sorted((where, MO, "ban") for where in ROOMS if where != CIRCLE)
    assert len(grove.told(MO)) == 1


def test_a_no_leaves_it_at_the_one_room(grove: Doors) -> None:
    grove.member(CIRCLE, MO, "ban", by=ANA)
    grove.carry()
    grove.react(ANA, grove.question(), "❌")
    grove.carry()
    assert grove.changes == []


def test_going_through_the_rooms_by_hand_asks_once(grove: Doors) -> None:
    grove.member(CIRCLE, MO, "ban", by=ANA)
    grove.member(LOUNGE, MO, "ban", by=ANA)
    grove.carry()
    assert len(grove.told(CONTROL)) == 1


def test_who_went_through_all_the_rooms_by_hand_is_asked_nothing_any_more(grove: Doors) -> None:
    for room in (CIRCLE, LOUNGE, SPACE):
        grove.member(room, MO, "ban", by=ANA)
    grove.carry()
    assert grove.questions() == []


def test_only_a_lead_says_yes(grove: Doors) -> None:
    grove.member(CIRCLE, MO, "ban", by=ANA)
    grove.carry()
    grove.react(CY, grove.question())
    grove.react(MO, grove.question())
    grove.carry()
    assert grove.changes == []


@pytest.mark.parametrize("by", [CY, MO, ME])
def test_bans_by_others_than_leads_are_not_offered(grove: Doors, by: str) -> None:
    grove.member(CIRCLE, MO, "ban", by=by)  # type: ignore[arg-type]
    grove.carry()
    assert grove.told(CONTROL) == []


def test_whoever_keeps_the_rooms_is_no_case_for_a_reaction(grove: Doors) -> None:
    grove.member(CIRCLE, CY, "ban", by=ANA)
    grove.carry()
    assert grove.questions() == []
