"""What somebody wrote is read again as it is passed on, all of a round before the first, and found again in the copy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.model import content
from orchestrator.model.effects import Quote, Recall, Send
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.model.quoting import WORDS
from tests.fakes import CutBody, FakeHomeserver, Fault, HtmlError, LoseResponse, Refuse, Room
from tests.matrix.hands import Life, circle, living
from tests.matrix.listening import KEEPER

CY, EVE, ANA = (UserId(f"@{name}:grove.example") for name in ("cy", "eve", "ana"))


@pytest.fixture
async def bot(hs: FakeHomeserver, tmp_path: Path) -> AsyncIterator[Life]:
    async with living(hs, tmp_path) as life:
        yield life


@pytest.fixture
def control(hs: FakeHomeserver) -> Room:
    return circle(hs, ANA)


def private(hs: FakeHomeserver, user: UserId, said: str) -> tuple[Room, EventId]:
    room = circle(hs, user)
    return room, EventId(hs.person(user).say(room, said))


def passing_on(control: Room, source: Room, event: EventId, step: str = "show") -> Send:
    return Send(
        step=step,
        room=RoomId(control.room_id),
        content=content.notice(f"Somebody suggests: {WORDS}"),
        quote=Quote(room=RoomId(source.room_id), event=event, after="suggest"),
    )


def said(control: Room) -> list[str]:
    return [event.body for event in control.history("m.room.message", sender=KEEPER)]


async def test_the_words_behind_the_command_are_passed_on_and_lie_in_no_row(
    hs: FakeHomeserver, bot: Life, control: Room
) -> None:
    await bot.ask(passing_on(control, *private(hs, CY, "!suggest Which quokka do you\nlike?")))
    assert "quokka" not in repr([row.payload for row in await bot.waiting()])
    await bot.rest()
    assert said(control) == ["Somebody suggests: Which quokka do you like?"]
    assert bot.outcomes == ["done"]


async def test_all_that_waits_is_read_before_the_first_of_it_is_sent(
    hs: FakeHomeserver, bot: Life, control: Room
) -> None:
    for user in (CY, EVE):
        room, event = private(hs, user, f"!suggest Which {user[1:3]} is it?")
        await bot.ask(passing_on(control, room, event, step=user))
    await bot.rest()
    asked = ["send" if "/send/" in seen.path else "read" for seen in hs.requests.of(None, r"/send/|/event/")]
    assert asked == ["read", "read", "send", "send"]
    assert sorted(said(control)) == ["Somebody suggests: Which cy is it?", "Somebody suggests: Which ev is it?"]


@pytest.mark.parametrize("how", ["redacted", "gone", "never"])
async def test_what_cannot_be_read_any_more_is_not_passed_on_and_the_craft_hears_so(
    hs: FakeHomeserver, bot: Life, control: Room, how: str
) -> None:
    room, event = private(hs, CY, "!suggest Which quokka do you like?")
    if how == "redacted":
        hs.person(CY).redact(room, event)
    if how == "gone":
        hs.faults.add(Refuse(404, "M_NOT_FOUND"), "GET", r"/event/", times=None)
    await bot.ask(passing_on(control, room, EventId("$never") if how == "never" else event))
    await bot.rest()
    assert said(control) == []
    assert bot.outcomes == ["refused"]


async def test_a_copy_gives_its_words_back_in_memory_alone(hs: FakeHomeserver, bot: Life, control: Room) -> None:
    await bot.ask(passing_on(control, *private(hs, CY, "!suggest Which quokka do you like?")))
    await bot.rest()
    (copy,) = control.history("m.room.message", sender=KEEPER)
    await bot.ask(Recall(step="take", room=RoomId(control.room_id), event=EventId(copy.event_id)))
    await bot.rest()
    (_shown, result) = bot.asker.results
    assert (result.outcome, result.words) == ("done", "Which quokka do you like?")
    assert "quokka" not in repr(result)


@pytest.mark.parametrize("fault", [LoseResponse(), CutBody(), HtmlError(502)], ids=lambda fault: type(fault).__name__)
async def test_trouble_while_reading_passes(hs: FakeHomeserver, bot: Life, control: Room, fault: Fault) -> None:
    hs.faults.add(fault, "GET", r"/event/", times=25)
    await bot.ask(passing_on(control, *private(hs, CY, "!suggest Which quokka do you like?")))
    await bot.rest()
    assert bot.outcomes == ["done"]
    assert len(said(control)) == 1


async def test_nobody_elses_words_are_recalled_and_none_of_a_copy_that_was_taken_away(
    hs: FakeHomeserver, bot: Life, control: Room
) -> None:
    theirs = hs.person(ANA).say(control, "Hm.", **{"org.circlekeeper.quoted": "Which wombat do you like?"})
    await bot.ask(passing_on(control, *private(hs, CY, "!suggest Which quokka do you like?")))
    await bot.rest()
    (copy,) = control.history("m.room.message", sender=KEEPER)
    hs.user(KEEPER).redact(control, copy.event_id)
    for event in (theirs, copy.event_id):
        await bot.ask(Recall(step=f"take:{event}", room=RoomId(control.room_id), event=EventId(event)))
    await bot.rest()
    assert [(one.outcome, one.words) for one in bot.asker.results[1:]] == [("refused", ""), ("refused", "")]


async def test_what_was_said_already_is_not_given_up_when_its_source_is_taken_away_before_anybody_knew(
    hs: FakeHomeserver, bot: Life, control: Room
) -> None:
    room, event = private(hs, CY, "!suggest Which quokka do you like?")
    hs.faults.add(LoseResponse(), "PUT", r"/send/", times=25)
    await bot.ask(passing_on(control, room, event))
    await bot.step()
    assert (len(said(control)), bot.outcomes) == (1, [])
    hs.person(CY).redact(room, event)
    await bot.rest()
    assert (len(said(control)), bot.outcomes) == (1, ["done"])
