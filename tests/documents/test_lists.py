"""Whoever was to keep a room until a day that is over is on no list any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.documents.declared import Documents, Serving
from orchestrator.documents.lists import as_of, over_at
from orchestrator.facilitation.plans import plan_of
from tests.declared import ANA, BO, CY, DEE, community, documents, room, rota

UNTIL = datetime.fromisoformat("2026-12-05 00:00")
UNTIL_MS = int(UNTIL.replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)


def written() -> Documents:
    circle = replace(
        room("tuesday", rota=rota(), facilitators=(ANA, CY, DEE)),
        serving={CY: Serving(None, UNTIL), DEE: Serving(UNTIL, None)},
    )
    return documents(community(circle, room("lounge", facilitators=(ANA,)), leads=[BO]))


def test_until_then_nothing_is_other_than_it_is_written() -> None:
    assert as_of(written(), UNTIL_MS - 1) == written()
    assert over_at(written(), UNTIL_MS - 1) == frozenset()


def test_from_then_on_they_look_after_nothing() -> None:
    (found,) = as_of(written(), UNTIL_MS).communities
    assert found.staff() == {ANA, BO, DEE}
    assert [one.facilitators for one in found.rooms] == [(ANA, DEE), (ANA,)]
    assert CY not in found.control.facilitators
    assert over_at(written(), UNTIL_MS) == {("grove", "tuesday", CY)}


def test_who_still_keeps_another_room_stays() -> None:
    (before,) = written().communities
    other = replace(before, rooms=(before.rooms[0], replace(before.rooms[1], facilitators=(CY,))))
    (found,) = as_of(documents(other), UNTIL_MS).communities
    assert CY in found.staff()
    assert found.rooms[1].facilitators == (CY,)


def test_whose_turn_it_was_and_whose_comes_after_stays_known() -> None:
    before, after = (
        plan_of(found, found.rooms[0])
        for found in (one.communities[0] for one in (written(), as_of(written(), UNTIL_MS)))
    )
    assert before is not None
    assert before == after
