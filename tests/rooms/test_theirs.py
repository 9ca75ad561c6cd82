"""What somebody set by hand and is left so: the plan shows it no longer, until it or the files change once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hyp_settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Community
from orchestrator.rooms import Choices, State
from orchestrator.rooms.planning.choices import leaves
from orchestrator.rooms.planning.reading import same
from orchestrator.store import drifts
from tests.declared import ANA, community, room, settings

from .house import House
from .planning import apply, one, plan, told
from .test_plan_properties import HANDS, SLOW, stories, touched
from .test_plan_properties import told as lived
from .town import stories_wanted

THEIRS = Choices(take="theirs", force=True)
OURS = Choices(take="ours", force=True)


def grove(**changed: Any) -> Community:
    return community(room("lounge", **changed))


async def named(house: House, name: str) -> None:
    await house.put(house.rooms[(await house.bound())["lounge"]], ANA, "m.room.name", "", {"name": name})
    await house.deliver()


async def name_of(house: House) -> str:
    return str(house.rooms[(await house.bound())["lounge"]].state["m.room.name", ""]["name"])


async def known(house: House) -> list[drifts.Drift]:
    return await house.rows.run(drifts.all_known)


@pytest.fixture
async def house_with_lounge(house: House) -> House:
    house.use(grove())
    await house.settle()
    return house


async def test_a_name_that_is_only_told_is_left_and_told_no_more(house_with_lounge: House) -> None:
    house = house_with_lounge
    await named(house, "Cake")
    assert told(await plan(house, grove())) == {"lounge/name": "drift"}
    left = (await apply(house, grove(), THEIRS)).left
    assert [one_left.reason for one_left in left] == [
        "It stays as somebody set it, and is shown again when it or your files change."
    ]
    assert (await plan(house, grove())).is_empty
    assert await name_of(house) == "Cake"
    assert [each.state for each in await known(house)] == ["kept"]
    await named(house, "Tea")
    assert told(await plan(house, grove())) == {"lounge/name": "drift"}


async def test_a_conflict_is_left_until_the_files_say_something_else_again(house_with_lounge: House) -> None:
    house = house_with_lounge
    await named(house, "Cake")
    parlour, salon = grove(name="Parlour"), grove(name="Salon")
    house.use(parlour)
    assert told(await plan(house, parlour)) == {"lounge/name": "conflict"}
    await apply(house, parlour, THEIRS)
    made = await plan(house, parlour)
    assert made.is_empty
    assert one(made, "lounge/name").reason == "Somebody changed this by hand, and the leads chose to keep it."
    house.use(salon)
    assert told(await plan(house, salon)) == {"lounge/name": "conflict"}
    house.use(grove())
    assert told(await plan(house, grove())) == {"lounge/name": "drift"}
    house.use(parlour)
    assert (await plan(house, parlour)).is_empty
    await named(house, "Tea")
    assert told(await plan(house, parlour)) == {"lounge/name": "conflict"}


async def test_what_is_put_right_after_all_is_not_remembered_as_kept(house_with_lounge: House) -> None:
    house = house_with_lounge
    await named(house, "Cake")
    await apply(house, grove(), THEIRS)
    salon = grove(name="Salon")
    house.use(salon)
    await apply(house, salon, OURS)
    assert await name_of(house) == "Salon"
    assert await known(house) == []
    await named(house, "Cake")
    assert told(await plan(house, salon)) == {"lounge/name": "drift"}


async def test_only_what_was_asked_for_is_left(house_with_lounge: House) -> None:
    house = house_with_lounge
    await named(house, "Cake")
    await apply(house, grove(), replace(THEIRS, only=frozenset({"space"})))
    assert told(await plan(house, grove())) == {"lounge/name": "drift"}


async def test_a_conflict_that_would_open_a_room_is_left_without_a_word_about_opening(house: House) -> None:
    shut = grove(made=settings(history="invited"))
    house.use(shut)
    await house.settle()
    where = house.rooms[(await house.bound())["lounge"]]
    await house.put(where, ANA, "m.room.history_visibility", "", {"history_visibility": "joined"})
    await house.deliver()
    opened = grove(made=settings(history="shared"))
    house.use(opened)
    assert told(await plan(house, opened)) == {"lounge/settings.history": "exposes"}
    await apply(house, opened, THEIRS)
    assert (await plan(house, opened)).is_empty
    assert where.state["m.room.history_visibility", ""]["history_visibility"] == "joined"


@given(stories(), HANDS, st.booleans())
@hyp_settings(SLOW, max_examples=stories_wanted(40))
def test_what_is_left_to_others_is_shown_no_more_until_it_or_the_files_change(
    story: Any, hands: list[tuple[str, int, int]], back: bool
) -> None:
    town = lived(story)
    left = {change.name: change for change in town.plan().differences if leaves(change, THEIRS)}
    town.apply(THEIRS)
    shown = {change.name: change.state for change in town.plan().differences}
    assert left.keys().isdisjoint(shown)
    assert State.CONFLICT not in shown.values()
    touched(town, hands)
    if back:
        town.use(story[0])
    for change in town.plan().changes:
        before = left.get(change.name)
        if before is None or change.state is not State.NO_OP or change.slot != before.slot:
            continue
        as_kept = (change.live, change.desired) == (before.live, before.desired)
        if before.state is State.DRIFT and change.live == before.live and change.desired == change.applied:
            as_kept = True
        assert as_kept or change.stance == "accept" or same(change.path, change.live, change.desired), change
