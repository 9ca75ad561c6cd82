"""A look back meets events again that were decided days ago and forgotten since; nothing of them is done again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, Mode
from orchestrator.engine.filler import KEEP_DECIDED_MS, KEEP_LATE_MS, KEEP_PRIVATE_MS, Filler, _forget_old
from orchestrator.engine.intake import FURTHEST_AHEAD_MS, OLDEST_PAST_MS
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.events import Event, Unreadable
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import bindings, claims
from tests.culture.conftest import a_grove, rule
from tests.declared import CY
from tests.house import CIRCLE, House, direct, house_of

from .test_filler import Past

LINK = "see https://spam.example/x"
HERE = direct(CY)


async def a_circle(house: House) -> House:
    await house.open()
    await house.deliver()
    await house.join(CY, CIRCLE)
    await house.store.run(bindings.set_direct, CY, HERE)
    return house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, a_grove(rule())) as house:
        yield await a_circle(house)


def which(*, then: Action = Action.REMOVE, mode: Mode = Mode.ENFORCE) -> Documents:
    return a_grove(replace(rule(then=then, mode=mode, new=False), accept_misfires=True))


async def days(house: House, count: int) -> None:
    for _day in range(count):
        await house.wait(DAY_MS)
        await house.deliver()
        await house.store.run(_forget_old, house.clock.at_ms)


async def look_back(house: House, room: RoomId, *events: Event) -> None:
    await Filler(house.engine, house.store, Past(list(events), per_page=100), house.clock).look_back(room)
    await house.wait(MINUTE_MS)


def test_what_is_decided_is_remembered_for_longer_than_anything_is_taken_in_as_new() -> None:
    assert OLDEST_PAST_MS < min(KEEP_DECIDED_MS, KEEP_LATE_MS) < KEEP_PRIVATE_MS


async def test_a_link_from_while_a_rule_watched_stays_when_the_rule_acts(tmp_path: Path) -> None:
    async with house_of(tmp_path, which(mode=Mode.OBSERVE)) as house:
        await a_circle(house)
        link = house.message(CIRCLE, CY, LINK)
        await house.hear(link)
        await days(house, 8)
        house.use(which())
        await house.engine.settle()
        await look_back(house, CIRCLE, link, house.message(CIRCLE, CY, "hello"))
        assert await house.waiting("redact") == []


async def test_nobody_is_muted_again_for_what_they_were_muted_for_before(tmp_path: Path) -> None:
    async with house_of(tmp_path, which(then=Action.MUTE)) as house:
        await a_circle(house)
        link = house.message(CIRCLE, CY, LINK)
        await house.hear(link)
        await days(house, 8)
        await house.wait(HOUR_MS)
        await look_back(house, CIRCLE, link)
        assert await house.store.run(claims.claims_of, "mute") == []
        assert await house.said() == []


async def test_an_old_cry_in_private_is_not_answered_again(house: House) -> None:
    cry = house.message(HERE, CY, "nobody would notice if I was gone")
    await house.hear(cry)
    assert len(await house.said(HERE)) == 1
    await house.deliver()
    await days(house, 9)
    await look_back(house, HERE, cry)
    assert await house.said(HERE) == []


async def test_what_never_could_be_read_is_not_answered_again(house: House) -> None:
    sealed = Unreadable(room=HERE, id=EventId("$sealed"), sender=CY, at_ms=house.clock.at_ms, session="s")
    await house.hear(sealed)
    await house.wait(MINUTE_MS)
    assert len(await house.said(HERE)) == 1
    await house.deliver()
    await days(house, 9)
    await look_back(house, HERE, sealed)
    assert await house.said(HERE) == []


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, 3 * DAY_MS, FURTHEST_AHEAD_MS])
async def test_what_claims_to_be_from_the_days_to_come_is_not_decided_again_when_they_have_come(
    house: House, ahead_ms: int
) -> None:
    early = replace(house.message(HERE, CY, "still here"), at_ms=house.clock.at_ms + ahead_ms)
    await house.hear(early)
    assert len(await house.said(HERE)) == 1
    for _day in range(16):
        await days(house, 1)
        await look_back(house, HERE, early)
        assert await house.said(HERE) == []


async def test_what_came_late_is_still_decided_for_days(house: House) -> None:
    cry = house.message(HERE, CY, "is anyone there?")
    await days(house, 5)
    await look_back(house, HERE, cry)
    assert len(await house.said(HERE)) == 1
