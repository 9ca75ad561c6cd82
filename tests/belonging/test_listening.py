"""Whoever writes to the bot as to a person is told the truth, and how to reach one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from orchestrator.belonging.craft import BURST_MS, KEY_PATIENCE_MS, MOST_IN_ROOM
from orchestrator.documents.care import nearest_first
from orchestrator.documents.declared import Community, Documents
from orchestrator.documents.policy import Care, Resource
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Priority
from orchestrator.model.events import Reaction, Unreadable
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import bindings
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, policy, room
from tests.house import CIRCLE, House, body_of, content_of, direct, house_of

from .distress import ALMOST, CRIES


def resource(text: str, locale: str) -> Resource:
    return Resource(text=text, locale=locale, verified_on=date(2025, 12, 1))


RESOURCES = [resource("Telefonseelsorge", "de"), resource("Anyone: anyone.example", ""), resource("Lifeline", "en")]


def a_community(key: str = "grove", name: str = "The Grove", locale: str = "en") -> Community:
    norms = policy(resources=RESOURCES)
    return replace(community(room("tuesday", norms=norms), key=key, locale=locale), name=name)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, Documents(communities=(a_community(),))) as house:
        await house.open()
        await house.let_keepers_in()
        await house.join(CY, CIRCLE)
        await house.deliver()
        yield house


async def heard(house: House) -> list[str]:
    return await house.said(direct(CY))


async def test_every_cry_is_listened_to_and_never_met_with_a_command_or_a_question_back(house: House) -> None:
    for n, cry in enumerate(cry for cry in CRIES if cry not in ALMOST):
        person = UserId(f"@p{n}:grove.example")
        await house.whisper(person, cry)
        said = await house.said(direct(person))
        assert len(said) == 1, cry
        assert "I am a program" in said[0], cry
        assert "did you mean" not in said[0].lower(), cry
    assert len(CRIES) > 100


async def test_the_answer_says_first_what_it_is_then_who_can_be_reached_and_commands_last(house: House) -> None:
    await house.whisper(CY, "nobody would notice if i was gone")
    (said,) = await heard(house)
    order = [
        "Thank you for writing.",
        "I am a program.",
        "cannot understand",
        "nobody else reads it here",
        "deserves to be heard by a person",
        "write !raise",
        "The Grove",
        "nothing of what you wrote",
        "Lifeline",
        "Anyone: anyone.example",
        "Telefonseelsorge",
        "not a crisis service",
        "!help",
    ]
    places = [said.index(part) for part in order]
    assert places == sorted(places)
    assert said.count("!") == 2  # two commands, and nothing is exclaimed


async def test_the_answer_is_a_quiet_notice_that_does_not_hold_their_words_up_to_them(house: House) -> None:
    await house.whisper(CY, "i relapsed")
    (row,) = await house.waiting("send")
    assert content_of(row)["msgtype"] == "m.notice"
    assert "m.relates_to" not in content_of(row)
    assert "relapsed" not in str(row.payload)
    assert (row.priority, row.person) == (Priority.REPLY, CY)
    assert row.expires_ms == house.clock.at_ms + HOUR_MS


async def test_in_a_thread_the_answer_stays_in_it(house: House) -> None:
    asked = await house.whisper(CY, "i relapsed", thread=EventId("$root"))
    (row,) = await house.waiting("send")
    relation = content_of(row)["m.relates_to"]
    assert relation == {
        "m.in_reply_to": {"event_id": asked},
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": False,
    }


async def test_of_several_messages_the_first_is_answered_and_a_later_burst_again(house: House) -> None:
    for words in ("hi", "are you there", "i can't sleep", "sorry"):
        await house.whisper(CY, words)
        await house.wait(2 * MINUTE_MS)
    assert len(await heard(house)) == 1
    await house.deliver()
    await house.wait(BURST_MS - 1)
    await house.whisper(CY, "i'm still here")
    assert await heard(house) == []
    await house.wait(1)
    await house.whisper(CY, "i'm still here")
    assert len(await heard(house)) == 1


async def test_a_burst_is_answered_once_also_when_we_are_started_anew_in_its_midst(house: House) -> None:
    for words in ("hi", "are you there"):
        await house.whisper(CY, words)
        house.begin_anew()
    assert len(await heard(house)) == 1
    await house.deliver()
    house.begin_anew()
    await house.whisper(CY, "i can't sleep")
    assert await heard(house) == []


async def test_an_answer_that_never_arrived_is_given_to_the_next_message(house: House) -> None:
    await house.whisper(CY, "hi")
    await house.deliver(outcome="refused")
    await house.whisper(CY, "are you there")
    assert len(await heard(house)) == 1


async def test_a_message_that_comes_again_after_a_crash_is_answered_once(house: House) -> None:
    await house.whisper(CY, "hi")
    message = house.message(direct(CY), CY, "hi")
    await house.hear(message)
    await house.deliver()
    await house.wait(HOUR_MS)
    await house.hear(message, message)
    await house.deliver()
    await house.wait(HOUR_MS)
    await house.hear(message)
    assert await heard(house) == []


def unreadable(house: House) -> Unreadable:
    return Unreadable(
        room=direct(CY), id=house.next_id(), sender=CY, at_ms=house.clock.at_ms, encrypted=True, session="no key"
    )


async def test_what_cannot_be_opened_is_not_met_with_silence(house: House) -> None:
    await house.store.run(bindings.set_direct, CY, direct(CY))
    for _ in range(3):
        await house.hear(unreadable(house))
    assert await house.waiting() == []
    await house.wait(KEY_PATIENCE_MS)
    (said,) = await heard(house)
    order = [
        "I am a program",
        "could not open",
        "nothing you did wrong",
        "!raise",
        ANA,
        BO,
        "Lifeline",
        "not a crisis service",
    ]
    places = [said.index(part) for part in order]
    assert places == sorted(places)
    await house.deliver()
    await house.hear(unreadable(house))
    await house.wait(KEY_PATIENCE_MS)
    assert await heard(house) == []  # the same burst


async def test_a_call_for_a_person_that_cannot_be_opened_is_not_taken_for_more_of_the_same(house: House) -> None:
    await house.whisper(CY, "i can't do this any more")
    await house.deliver()
    await house.hear(unreadable(house))
    await house.wait(KEY_PATIENCE_MS)
    (said,) = await heard(house)
    assert "could not open" in said
    await house.deliver()
    await house.whisper(CY, "are you there")
    assert await heard(house) == []


async def test_what_is_opened_soon_is_heard_as_what_it_is_and_no_more_is_said(house: House) -> None:
    await house.store.run(bindings.set_direct, CY, direct(CY))
    sealed = unreadable(house)
    await house.hear(sealed)
    await house.engine.take_late(replace(house.message(direct(CY), CY, "!raise"), id=sealed.id))
    assert ["How soon" in body_of(row) for row in await house.waiting()] == [True]
    await house.deliver()
    await house.wait(KEY_PATIENCE_MS)
    assert await heard(house) == []


async def test_answers_to_commands_that_still_wait_leave_room_for_the_answer_to_a_cry(house: House) -> None:
    for words in ("!who", "!next", "!norms", "!help", "!rule", "!who"):
        await house.whisper(CY, words)
    await house.whisper(CY, "i can't go on")
    assert [said for said in await house.said(direct(CY)) if "Thank you for writing" in said]


async def test_one_persons_burst_does_not_silence_another(house: House) -> None:
    await house.join(DEE, CIRCLE)
    await house.whisper(CY, "hi")
    await house.whisper(DEE, "hi")
    assert len(await heard(house)) == 1
    assert len(await house.said(direct(DEE))) == 1


@pytest.mark.parametrize("kind", ["m.emote", "m.image", "m.audio", "m.sticker", "m.location", "m.file"])
async def test_files_stickers_and_emotes_are_listened_to_like_words(house: House, kind: str) -> None:
    await house.whisper(CY, "help.jpg", kind=kind, has_file=kind not in ("m.emote", "m.location"))
    assert len(await heard(house)) == 1


@pytest.mark.parametrize("kind", ["m.notice", "m.key.verification.request", "m.server_notice"])
async def test_programs_are_not_listened_to(house: House, kind: str) -> None:
    await house.whisper(CY, "hi", kind=kind)
    assert await house.waiting() == []


async def test_edits_and_reactions_are_not_answered(house: House) -> None:
    first = await house.whisper(CY, "hi")
    await house.deliver()
    await house.wait(HOUR_MS)
    await house.whisper(CY, "hello", edits=first)
    where, now_ms = direct(CY), house.clock.at_ms
    await house.hear(Reaction(room=where, id=house.next_id(), sender=CY, at_ms=now_ms, target=first, key="💔"))
    assert await heard(house) == []


@pytest.mark.parametrize("command", ["!help", "!who", "!norms", "norms", "who", "!raise 2", "!why"])
async def test_a_command_has_its_own_answer_and_no_other(house: House, command: str) -> None:
    await house.whisper(CY, command)
    (said,) = await heard(house)
    assert "I am a program" not in said


async def test_a_command_does_not_use_up_the_answer(house: House) -> None:
    await house.whisper(CY, "!help")
    await house.whisper(CY, "that is not what i need")
    assert ["I am a program" in said for said in await heard(house)] == [False, True]


async def test_in_rooms_and_in_other_peoples_private_rooms_nobody_is_answered(house: House) -> None:
    await house.whisper(CY, "hi")
    await house.deliver()
    await house.say(CY, "i can't do this any more", CIRCLE)
    await house.say(DEE, "i can't do this any more", direct(CY))
    await house.say(CY, "i can't do this any more", RoomId("!unknown"))
    assert await house.waiting() == []


async def test_somebody_who_left_the_only_community_is_still_told_how_to_reach_it(house: House) -> None:
    await house.whisper(EVE, "hi")
    (said,) = await house.said(direct(EVE))
    assert "!raise" in said


async def test_somebody_in_none_of_several_communities_is_not_told_which_there_are(tmp_path: Path) -> None:
    both = (a_community(), a_community("orchard", "The Orchard"))
    async with house_of(tmp_path, Documents(communities=both)) as house:
        await house.open()
        await house.whisper(EVE, "hi")
        (said,) = await house.said(direct(EVE))
        assert "Grove" not in said
        assert "Orchard" not in said
        assert "!raise" not in said
        assert "local emergency number" in said


async def test_somebody_in_two_communities_is_told_both(tmp_path: Path) -> None:
    three = (a_community(), a_community("orchard", "The Orchard"), a_community("meadow", "The Meadow"))
    async with house_of(tmp_path, Documents(communities=three)) as house:
        await house.open()
        await house.deliver()
        await house.join(CY, CIRCLE, RoomId("!orchard-tuesday"))
        await house.whisper(CY, "hi")
        (said,) = await heard(house)
        assert "The Grove and The Orchard" in said
        assert "Meadow" not in said


async def test_without_any_resources_the_answer_still_says_where_to_turn(tmp_path: Path) -> None:
    bare = replace(a_community(), rooms=(room("tuesday"),))
    async with house_of(tmp_path, Documents(communities=(bare,))) as house:
        await house.open()
        await house.whisper(CY, "hi")
        (row,) = await house.waiting("send")
        assert "local emergency number" in body_of(row)


def test_resources_in_the_communitys_language_come_first() -> None:
    care = Care(
        resources=(resource("fr", "fr"), resource("de-AT", "de-AT"), resource("all", ""), resource("de", "de")),
        contact_emergency_services="no",
    )
    assert [r.text for r in nearest_first(care, "de")] == ["de", "de-AT", "all", "fr"]
    assert [r.text for r in nearest_first(care, "de-AT")] == ["de-AT", "de", "all", "fr"]
    assert [r.text for r in nearest_first(care, "en")] == ["all", "fr", "de-AT", "de"]


# -- in a room ---------------------------------------------------------------------------------------------------------

CALLED = frozenset({ME})


@pytest.mark.parametrize("cry", ["@keeper please help me", "keeper: i need a person", "Circle Keeper: i can't go on"])
async def test_who_speaks_to_the_bot_in_a_room_is_told_how_a_person_can_be_asked_for(house: House, cry: str) -> None:
    spoke = await house.say(CY, cry, mentions=CALLED)
    (row,) = await house.waiting("send")
    for part in ("I am a program", "!raise", "in a private chat", "everybody can see it"):
        assert part in body_of(row)
    assert content_of(row)["m.relates_to"] == {"m.in_reply_to": {"event_id": spoke}}
    assert content_of(row)["msgtype"] == "m.notice"
    assert cry not in json.dumps(row.payload)


async def test_it_is_said_once_to_each_and_to_a_few_at_most_in_a_while(house: House) -> None:
    for n in range(20):
        for _ in range(3):
            await house.say(UserId(f"@p{n}:grove.example"), "keeper: help", mentions=CALLED)
            await house.say(UserId(f"@p{n}:grove.example"), "keeper: are you there", mentions=CALLED)
    said = [row for row in await house.waiting("send") if "I am a program" in body_of(row)]
    assert len(said) == MOST_IN_ROOM
    await house.deliver()
    await house.wait(BURST_MS + 1)
    await house.say(CY, "keeper: are you there", mentions=CALLED)
    assert len([said for said in await house.said(CIRCLE) if "I am a program" in said]) == 1


async def test_a_hand_that_is_raised_by_the_bots_name_is_raised(house: House) -> None:
    await house.say(CY, "keeper: raise please", mentions=CALLED)
    assert ["How soon" in said for said in await house.told(CY)] == [True]
    assert await house.said(CIRCLE) == []


@pytest.mark.parametrize(
    ("body", "more"),
    [
        ("thank you keeper", {}),  # about it, not to it
        ("mine was a rainy one", {"reply_to": EventId("$question")}),  # clients mention whoever is replied to
        ("Rain, today", {"reply_to": EventId("$question")}),
        ("@ana that is me, too", {"reply_to": EventId("$question"), "thread": EventId("$question")}),
        ("> <@keeper:grove.example> Which weather?\n\nrain", {"reply_to": EventId("$question")}),
        ("keeper: please help me", {"edits": EventId("$before")}),
        ("keeper: please help me", {"kind": "m.notice"}),
        ("keeper: please help me", {"at_ms": 1}),
        ("keeper: please help me", {"mentions": frozenset()}),
    ],
)
async def test_in_a_room_all_else_is_said_to_the_others(house: House, body: str, more: dict[str, object]) -> None:
    await house.hear(house.message(CIRCLE, CY, body, **{"mentions": CALLED, **more}))
    assert await house.said(CIRCLE) == []


async def test_a_command_by_the_bots_name_has_one_answer(house: House) -> None:
    await house.say(CY, "keeper: who", mentions=CALLED)
    (said,) = await house.said(CIRCLE)
    assert "I am a program" not in said
