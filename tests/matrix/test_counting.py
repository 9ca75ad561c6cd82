"""Reactions are counted on the server at the moment at which something is said, and kept nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.model import content
from orchestrator.model.effects import Send
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.model.tally import MARK, with_tally
from tests.fakes import FakeHomeserver, HtmlError, Refuse, Room
from tests.matrix.hands import Life, circle, living
from tests.matrix.listening import KEEPER

CY, EVE = UserId("@cy:grove.example"), UserId("@eve:grove.example")


@pytest.fixture
async def bot(hs: FakeHomeserver, tmp_path: Path) -> AsyncIterator[Life]:
    async with living(hs, tmp_path) as life:
        yield life


def reminder(room: Room, of: str) -> Send:
    counted = content.text(f"A little reminder.\n\nSo far: {MARK}")
    plain = content.text("A little reminder.")
    return Send(
        step="remind",
        room=RoomId(room.room_id),
        content=with_tally(plain, counted, of=EventId(of), keys=("✅", "🤔"), me=KEEPER),
    )


def said(room: Room) -> str:
    return [event.body for event in room.history("m.room.message", sender=KEEPER)][-1]


@pytest.fixture
def room(hs: FakeHomeserver) -> Room:
    return circle(hs, CY, EVE)


@pytest.fixture
def announced(hs: FakeHomeserver, room: Room) -> str:
    keeper = hs.user(KEEPER)
    announced = keeper.say(room, "We meet.")
    for key in ("✅", "🤔"):
        keeper.react(room, announced, key)
    return announced


async def remind(bot: Life, room: Room, announced: str) -> str:
    await bot.ask(reminder(room, announced))
    await bot.rest()
    assert bot.outcomes == ["done"]
    return said(room)


async def test_what_stands_there_when_it_is_said_is_counted(
    hs: FakeHomeserver, bot: Life, room: Room, announced: str
) -> None:
    cy, eve = hs.person(CY), hs.person(EVE)
    cy.react(room, announced, "🤔")
    cy.react(room, announced, "✅")
    eve.redact(room, eve.react(room, announced, "✅"))
    eve.react(room, announced, "🤔")
    eve.react(room, cy.say(room, "Something else."), "✅")
    assert await remind(bot, room, announced) == "A little reminder.\n\nSo far: ✅ 1, 🤔 1"


async def test_where_nobody_said_anything_nothing_is_counted(bot: Life, room: Room, announced: str) -> None:
    assert await remind(bot, room, announced) == "A little reminder."


async def test_many_are_counted_page_by_page(hs: FakeHomeserver, bot: Life, room: Room, announced: str) -> None:
    for n in range(130):
        someone = hs.person(f"@p{n}:grove.example")
        someone.join(room)
        someone.react(room, announced, "✅")
    assert await remind(bot, room, announced) == "A little reminder.\n\nSo far: ✅ 130"


@pytest.mark.parametrize(
    "fault",
    [Refuse(404, "M_UNRECOGNIZED"), Refuse(403, "M_FORBIDDEN"), Refuse(400, "M_UNKNOWN"), HtmlError(502)],
    ids=str,
)
async def test_what_cannot_be_counted_is_left_out_and_the_rest_is_said(
    hs: FakeHomeserver, bot: Life, room: Room, announced: str, fault: Refuse | HtmlError
) -> None:
    hs.person(CY).react(room, announced, "✅")
    hs.faults.add(fault, "GET", "/relations/", times=None)
    assert await remind(bot, room, announced) == "A little reminder."


async def test_a_server_that_is_unwell_for_a_moment_is_asked_again(
    hs: FakeHomeserver, bot: Life, room: Room, announced: str
) -> None:
    hs.person(CY).react(room, announced, "✅")
    hs.faults.add(HtmlError(502), "GET", "/relations/")
    assert await remind(bot, room, announced) == "A little reminder.\n\nSo far: ✅ 1"


async def test_what_is_announced_and_gone_counts_nothing(bot: Life, room: Room) -> None:
    assert await remind(bot, room, "$gone") == "A little reminder."


async def test_nobody_who_reacted_is_written_down(hs: FakeHomeserver, bot: Life, room: Room, announced: str) -> None:
    hs.person(EVE).react(room, announced, "✅")
    await remind(bot, room, announced)
    tables = await bot.rows.run(lambda tx: tx.rows("select * from journal"))
    assert EVE not in str(tables)
