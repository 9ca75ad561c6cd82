"""How urgent it is, is asked in private, with who will read it; and nobody who does not answer is left waiting."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.policy import Hands
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Priority
from orchestrator.model.ids import RoomId
from orchestrator.store import bindings
from tests.declared import ANA, BO, CY, DEE
from tests.house import CIRCLE, CONTROL, House, body_of, content_of, direct

from .circle import FAY, GUS, LOUNGE, a_circle, a_kept_community, called, everybody_called, open_questions, react

ORCHARD_LOUNGE = RoomId("!orchard-lounge")


async def nobody_is_called(house: House) -> bool:
    return await everybody_called(house) == [] and await house.said(CONTROL) == []


async def test_a_plain_raise_is_one_short_question_in_private_and_nobody_is_called_yet(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise I can't go on")
        (asked,) = await house.waiting()
        assert (asked.kind, asked.target, asked.priority) == ("direct", CY, Priority.SAFETY)
        said = body_of(asked)
        for part in ("please look when you can", "please come soon", "I fear for someone's safety", "1️⃣", "2️⃣", "3️⃣"):
            assert part in said
        for reader in (DEE, FAY):
            assert reader in said
        assert "They see your name" in said
        assert "not a crisis service" in said
        assert len(said) < 800
        assert "go on" not in json.dumps(asked.payload)


@pytest.mark.parametrize("answer", ["2️⃣", "2", "please come soon"])
async def test_what_they_tap_or_write_is_passed_on_with_how_urgent_it_is(tmp_path: Path, answer: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        if answer.startswith("2️"):
            await react(house, CY, answer)
        else:
            await house.whisper(CY, answer)
        (said,) = await house.said(CONTROL)
        assert f"{CY} would like someone to get in touch" in said
        assert "They ask that it be soon" in said
        assert await everybody_called(house) == [DEE, FAY]
        (told,) = await house.told(CY)
        order = [
            "Thank you for asking",
            "The Grove",
            "They will see your name",
            "lifeline.example",
            "not a crisis service",
        ]
        assert [told.index(part) for part in order] == sorted(told.index(part) for part in order)


async def test_who_does_not_answer_the_question_is_passed_on_after_a_few_minutes(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await house.wait(5 * MINUTE_MS - 1)
        assert await nobody_is_called(house)
        await house.wait(1)
        (said,) = await house.said(CONTROL)
        assert "It can wait" in said
        assert len(await house.told(CY)) == 1
        assert await open_questions(house, direct(CY)) == []


async def test_the_question_waits_no_longer_than_the_group_wants_answers_to(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=Hands(answer_within_ms=2 * MINUTE_MS)) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await house.wait(2 * MINUTE_MS)
        assert await everybody_called(house) == [DEE, FAY]


async def test_asking_a_second_time_instead_of_answering_passes_it_on_at_once(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await house.whisper(CY, "!raise please")
        (said,) = await house.said(CONTROL)
        assert "They ask that it be soon" in said
        await house.deliver()
        await house.wait(6 * MINUTE_MS)
        assert await house.said(CONTROL) == []


@pytest.mark.parametrize("outcome", ["refused", "expired"])
async def test_where_the_question_cannot_be_asked_it_is_passed_on_without(tmp_path: Path, outcome: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.say(CY, "!raise")
        (asked,) = await house.waiting()
        await house.engine.confirm(asked.cause, outcome)  # type: ignore[arg-type]
        assert await everybody_called(house) == [DEE, FAY]
        assert "tried to answer you in private" in (await house.said(CIRCLE))[0]


async def test_a_level_goes_straight_there(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        assert await everybody_called(house) == [DEE, FAY]


async def test_who_is_on_duty_and_who_is_behind_them_are_told_in_private_with_a_link_and_no_words(
    tmp_path: Path,
) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        said = await house.say(CY, "what was said before")
        await house.say(CY, "!raise 2 it is about this, it hurts", reply_to=said)
        for keeper in (DEE, FAY):
            (told,) = await called(house, keeper)
            assert f"https://matrix.to/#/{CIRCLE}/{said}" in told
        assert "hurts" not in json.dumps([dict(row.payload) for row in await house.waiting()])
        assert "hurts" not in str(await house.rows("select * from hand"))


# -- whose name is told -------------------------------------------------------------------------------------------------


async def test_somebody_can_choose_not_to_be_named_and_is_asked_again_how_urgent_it_is(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await react(house, CY, "🕶️")
        (again,) = await house.told(CY)
        assert "They are not told your name" in again
        assert "🕶" not in again
        await house.deliver()
        await react(house, CY, "2️⃣")
        rows = await house.waiting()
        read_by_others = [row for row in rows if row.target != CY]
        assert len(read_by_others) == 3
        for row in read_by_others:
            assert "cy" not in json.dumps(dict(content_of(row)))
            assert "would rather not give their name" in body_of(row)
        (told,) = await house.told(CY)
        assert "They are not told your name" in told


async def test_an_unnamed_hand_is_seen_without_a_name_as_well(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3 anonymous")
        await house.deliver()
        await react(house, DEE, "✋")
        for row in await house.waiting():
            if row.target != CY:
                assert "cy" not in json.dumps(dict(content_of(row)))
        (told,) = await house.told(CY)
        assert f"{DEE} has seen it" in told
        assert "don't know who you are" in told


async def test_that_it_was_raised_in_the_room_is_not_linked_to_where_no_name_is_told(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        event = await house.say(CY, "!raise 2 anonymous")
        (told,) = await called(house, DEE)
        assert event not in told
        assert f"https://matrix.to/#/{CIRCLE}" in told


# -- where it is --------------------------------------------------------------------------------------------------------


async def test_who_is_in_one_room_alone_is_not_asked_which(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 1")
        assert "Tuesday circle" in (await house.said(CONTROL))[0]
        assert len(await house.told(CY)) == 0
        assert all("Which room" not in said for said in await house.said(direct(CY)))


async def test_who_is_in_several_is_asked_which_before_people_are_called(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE, LOUNGE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await react(house, CY, "1️⃣")
        (asked,) = await house.told(CY)
        assert "Which room is it about?" in asked
        assert "Tuesday circle" in asked
        assert "Lounge circle" in asked
        assert await nobody_is_called(house)
        await house.deliver()
        await house.whisper(CY, "1")
        assert "Tuesday circle" in (await house.said(CONTROL))[0]
        assert await everybody_called(house) == [DEE, FAY]
        assert all("which room" not in said.casefold() for said in await house.told(CY))


async def test_who_does_not_say_which_room_is_passed_on_all_the_same(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE, LOUNGE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await react(house, CY, "2️⃣")
        await house.deliver()
        await house.wait(5 * MINUTE_MS)
        (said,) = await house.said(CONTROL)
        assert "They ask that it be soon" in said
        assert "asked me in private" in said


async def test_whoever_fears_for_somebody_is_passed_on_first_and_asked_where_afterwards(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE, LOUNGE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await react(house, CY, "3️⃣")
        assert DEE in await everybody_called(house)
        assert any("which room it is about" in said for said in await house.told(CY))
        await house.deliver()
        await react(house, CY, "1️⃣")
        assert any("it is about Tuesday circle" in said for said in await house.said(CONTROL))
        assert any("it is about Tuesday circle" in said for said in await house.told(DEE))
        assert await everybody_called(house) == [FAY]  # who is behind Dee there, and was not asked yet


async def test_the_link_of_a_message_says_where_it_is(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE, LOUNGE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        link = f"https://matrix.to/#/{CIRCLE}/$said?via=grove.example"
        await house.whisper(CY, f"!raise {link}")
        assert any(f"https://matrix.to/#/{CIRCLE}/$said" in said for said in await house.told(DEE))
        assert any("I have told them which room" in said for said in await house.told(CY))


@pytest.mark.parametrize("room", ["!control", "!space", "!lounge", "!elsewhere"])
async def test_a_link_to_where_they_are_not_says_nothing(tmp_path: Path, room: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, f"!raise 2 https://matrix.to/#/{room}/$said")
        (told,) = await called(house, DEE)
        assert room not in told
        assert "$said" not in told


# -- about one of those who look after it -------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["!raise 2 about @ana", "!raise about @ana:grove.example 2", "!raise 2 about Ana"])
async def test_a_hand_about_a_lead_goes_to_the_other_leads_alone_and_in_private(tmp_path: Path, words: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, words)
        assert await everybody_called(house) == [BO]
        assert await house.said(CONTROL) == []
        assert await house.told(ANA) == []
        (told,) = await called(house, BO)
        assert ANA not in told
        assert "whom it does not concern" in told
        (said,) = await house.said(direct(CY))
        assert "only leads of The Grove whom it is not about" in said
        assert ANA not in said


async def test_from_the_first_to_the_last_word_nobody_whom_it_is_about_hears_of_it(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3 about @dee")
        await house.deliver()
        await react(house, BO, "✋")
        carried = await house.deliver()
        await house.wait(2 * DAY_MS)
        carried += await house.deliver()
        assert [body_of(row) for row in carried if row.target == DEE or row.room == CONTROL] == []


async def test_nobody_else_learns_of_it_while_nobody_answers(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2 about @ana")
        await house.deliver()
        await house.wait(2 * HOUR_MS)
        assert {row.target for row in await house.waiting("direct")} == {CY}
        assert await house.said(CONTROL) == []
        (told,) = [said for said in await house.told(CY) if "nobody has answered yet" in said]
        assert BO in told
        assert ANA not in told


async def test_about_the_only_lead_the_others_who_look_after_it_are_asked(tmp_path: Path) -> None:
    async with a_circle(tmp_path, replace(a_kept_community(), leads=(ANA,))) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2 about @ana")
        assert await everybody_called(house) == [DEE, FAY, GUS]


async def test_where_it_is_not_clear_about_whom_they_are_asked_and_else_only_leads_hear(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise about Bobby")
        (asked,) = await house.told(CY)
        assert "!raise about @their-name" in asked
        await house.deliver()
        await house.wait(5 * MINUTE_MS)
        assert await everybody_called(house) == [ANA, BO]
        assert await house.said(CONTROL) == []


async def test_a_hand_about_somebody_and_another_one_are_two(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2 about @ana")
        await house.deliver()
        await house.whisper(CY, "!raise 2")
        assert await everybody_called(house) == [DEE, FAY]
        await house.deliver()
        await react(house, BO, "✋")
        assert len(await house.rows("select * from hand where state = 'called'")) == 1


# -- raised again -------------------------------------------------------------------------------------------------------


async def test_what_became_more_urgent_is_passed_on_at_once(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 1")
        await house.deliver()
        await house.whisper(CY, "!raise 3")
        assert any("fear for someone's safety" in said for said in await house.said(CONTROL))
        assert await everybody_called(house) == [DEE, FAY]
        assert len(await house.rows("select * from hand")) == 1


async def test_raised_anew_it_does_not_begin_anew_with_whoever_did_not_answer(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        await house.wait(15 * MINUTE_MS)
        await house.deliver()
        await house.whisper(CY, "!raise")
        assert await everybody_called(house) == [DEE, FAY, GUS]
        await house.deliver()
        await house.wait(15 * MINUTE_MS)
        assert await everybody_called(house) == [ANA, BO]


async def test_in_several_communities_each_is_called_once_whatever_comes_again(tmp_path: Path) -> None:
    async with a_circle(tmp_path, a_kept_community(), a_kept_community("orchard")) as house:
        await house.join(CY, CIRCLE, RoomId("!orchard-tuesday"))
        await house.store.run(bindings.set_direct, CY, direct(CY))
        message = house.message(direct(CY), CY, "!raise 2")
        await house.hear(message)
        house.begin_anew()
        await house.hear(message)
        await house.deliver()
        await house.hear(message)
        assert await house.said(CONTROL) == await house.said(RoomId("!orchard-control")) == []
        assert len(await house.rows("select * from hand")) == 2
