"""What follows when a rule is met: what is removed, what the author hears, and what the control room hears."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.policy import Action, Mode
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.effects import Priority
from orchestrator.model.ids import RoomId, UserId
from tests.culture.conftest import BECAUSE, a_grove, rule
from tests.declared import ANA, BO, CY, DEE, EVE, ME
from tests.house import CIRCLE, CONTROL, House, body_of, content_of, house_of, mentions_of

LINK = "free money https://evil.example/unforgettable-words"
LOUNGE = RoomId("!lounge")
QUIET = RoomId("!quiet")


async def removed(house: House) -> list[str]:
    return [row.target for row in await house.waiting("redact")]


async def test_a_newcomers_link_is_removed_before_all_else_and_for_a_neutral_reason(house: House) -> None:
    await house.join(CY, CIRCLE)
    link = await house.say(CY, LINK)
    (row,) = await house.waiting("redact")
    assert (row.target, row.room, row.priority, row.rule) == (link, CIRCLE, Priority.SAFETY, "links-from-newcomers")
    assert row.payload["reason"] == "Please see what we have agreed on in this room."
    assert row.expires_ms is None


async def test_the_author_is_told_in_private_once_it_is_gone_and_not_before(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    assert await house.waiting("direct") == []
    await house.deliver("redact")
    (word,) = await house.waiting("direct")
    assert (word.target, word.priority) == (CY, Priority.REPLY)
    said = body_of(word)
    for part in (
        "you're not in trouble",
        "I'm the program",
        "Tuesday circle",
        BECAUSE,
        "write !raise to me here",
        "!why tells you",
    ):
        assert part in said
    assert "need not answer" in said
    assert "evil.example" not in said
    assert content_of(word)["msgtype"] == "m.notice"


async def test_what_could_not_be_removed_is_told_to_the_control_room_and_not_to_the_author(house: House) -> None:
    await house.join(CY, CIRCLE)
    for _ in range(3):
        await house.say(CY, LINK)
    await house.deliver("redact", outcome="refused")
    assert await house.waiting("direct") == []
    (said,) = await house.said(CONTROL)
    assert "not allowed" in said
    assert await house.rows("select * from reason") == []


async def test_what_was_edited_into_a_violation_is_removed_with_what_it_was_edited_from(house: House) -> None:
    await house.join(CY, CIRCLE)
    first = await house.say(CY, "hello all")
    edit = await house.say(CY, LINK, edits=first)
    assert await removed(house) == [edit, first]
    await house.deliver("redact")
    assert "I took down a message of yours." in body_of((await house.waiting("direct"))[0])


async def test_nobody_has_the_message_of_another_removed_by_pretending_to_edit_it(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.join(EVE, CIRCLE)
    first = await house.say(EVE, "hello all")
    edit = await house.say(CY, LINK, edits=first)
    assert await removed(house) == [edit]
    house.begin_anew()  # whose it was is not known any more
    own = await house.say(CY, LINK, edits=await house.say(CY, "mine") and first)
    assert await removed(house) == [edit, own]


async def test_in_rooms_without_a_policy_and_in_private_nobody_is_judged(house: House) -> None:
    await house.join(CY, CIRCLE, QUIET)
    await house.say(CY, LINK, QUIET)
    await house.whisper(CY, LINK)
    await house.say(CY, LINK, RoomId("!somewhere"))
    assert await removed(house) == []


@pytest.mark.parametrize("who", [ANA, BO, DEE, ME])
async def test_leads_facilitators_on_duty_or_not_and_the_bot_are_exempt(house: House, who: UserId) -> None:
    await house.join(who, CIRCLE, LOUNGE)
    await house.say(who, LINK)
    await house.say(who, LINK, LOUNGE)
    assert await removed(house) == []


async def test_those_who_have_been_here_for_a_while_are_left_alone(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(3 * DAY_MS)
    await house.say(CY, LINK)
    await house.say(EVE, LINK)  # nobody knows since when
    assert await removed(house) == []


async def test_500_messages_at_once_make_500_removals_and_few_words(house: House) -> None:
    people = [UserId(f"@m{n}:grove.example") for n in range(5)]
    for user in people:
        await house.join(user, CIRCLE)
    events = [house.message(CIRCLE, people[n % 5], f"{LINK}{n}") for n in range(500)]
    await house.hear(*events)
    await house.hear(*events)  # the batch comes again after a crash
    assert sorted(await removed(house)) == sorted(event.id for event in events)
    await house.deliver("redact", most=50)
    words = await house.deliver("direct")
    assert sorted(row.target for row in words) == sorted(people)
    await house.deliver("redact")
    assert await house.waiting("direct") == []
    await house.wait(10 * MINUTE_MS)
    rest = await house.deliver("direct")
    assert sorted(row.target for row in rest) == sorted(people)
    told = [body_of(row) for row in (*words, *rest) if row.target == people[0]]
    assert "10 messages of yours" in told[0]
    assert "90 messages of yours" in told[1]
    await house.wait(DAY_MS)
    assert await house.waiting("direct") == []
    assert {row["told"] for row in await house.rows("select told from reason")} == {1}


async def test_reasons_that_come_before_a_word_was_tried_share_it(house: House) -> None:
    await house.join(CY, CIRCLE, LOUNGE)
    await house.say(CY, LINK)
    await house.say(CY, LINK)
    await house.say(CY, LINK, LOUNGE)
    await house.deliver("redact")
    (word,) = await house.waiting("direct")
    assert "In Tuesday circle I took down 2 messages of yours." in body_of(word)
    assert "In Lounge circle I took down a message of yours." in body_of(word)


async def test_a_word_that_is_on_its_way_is_not_replaced(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver("redact")
    (word,) = await house.waiting("direct")
    await house.try_all()
    await house.say(CY, LINK)
    await house.deliver("redact")
    assert [row.cause for row in await house.waiting("direct")] == [word.cause]
    await house.wait(HOUR_MS)
    assert [row.cause for row in await house.waiting("direct")] == [word.cause]
    await house.deliver("direct")
    await house.wait(10 * MINUTE_MS)
    (rest,) = await house.waiting("direct")
    assert "In Tuesday circle I took down a message of yours." in body_of(rest)


async def test_somebody_who_takes_no_private_words_is_not_asked_again(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver("redact")
    await house.deliver("direct", outcome="refused")
    await house.wait(DAY_MS)
    assert await house.waiting("direct") == []
    assert len(await house.rows("select * from reason")) == 1


async def test_a_rule_that_watches_tells_the_control_room_at_once_and_then_by_the_hour(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule(mode=Mode.OBSERVE))) as house:
        await house.open()
        await house.deliver()
        await house.join(CY, CIRCLE)
        for _ in range(8):
            await house.say(CY, LINK)
        assert await house.waiting("redact") == []
        assert await house.waiting("direct") == []
        (first,) = await house.said(CONTROL)
        assert "only watching" in first
        assert "I have done nothing." in first
        assert "!rule links-from-newcomers enforce." in first
        assert CY not in first
        await house.deliver()
        await house.wait(59 * MINUTE_MS)
        assert await house.said(CONTROL) == []
        await house.wait(MINUTE_MS)
        (later,) = await house.said(CONTROL)
        assert "7 more times" in later
        await house.deliver()
        await house.wait(DAY_MS)
        assert await house.said(CONTROL) == []
        assert await house.rows("select * from reason") == []


async def test_after_a_month_nothing_at_all_is_known_of_what_was_done_to_somebody(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver()
    assert CY in str(await house.rows("select * from journal"))
    await house.wait(32 * DAY_MS)
    kept = await house.rows("select * from journal"), await house.rows("select * from reason")
    assert CY not in str(kept)


async def test_a_nudge_leaves_the_message_and_speaks_to_its_author_alone(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule(then=Action.NUDGE))) as house:
        await house.open()
        await house.deliver()
        await house.join(CY, CIRCLE)
        for _ in range(20):
            await house.say(CY, LINK)
        assert await house.waiting("redact") == []
        (word,) = await house.waiting("direct")
        assert "It stays where it is." in body_of(word)
        assert await house.said(CONTROL) == []


async def test_a_rule_that_raises_asks_whoever_is_on_duty_by_link_and_never_by_word(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule(then=Action.RAISE))) as house:
        await house.open()
        await house.deliver()
        await house.join(CY, CIRCLE)
        link = await house.say(CY, LINK)
        for _ in range(4):
            await house.say(CY, LINK)
        assert await house.waiting("redact") == []
        (row,) = await house.waiting("send")
        assert row.room == CONTROL
        assert f"https://matrix.to/#/{CIRCLE}/{link}" in body_of(row)
        assert "unforgettable" not in json.dumps(row.payload)
        assert sorted(mentions_of(row)) == [ANA, DEE]
        assert content_of(row)["msgtype"] == "m.text"  # a notice would not ring
        await house.deliver()
        await house.wait(10 * MINUTE_MS)
        (said,) = await house.said(CONTROL)
        assert "4 more times" in said


async def test_of_two_rules_each_does_its_own(tmp_path: Path) -> None:
    rules = (rule("links"), rule("links-everyone", new=False, mode=Mode.OBSERVE), rule("also", new=False))
    async with house_of(tmp_path, a_grove(*rules)) as house:
        await house.open()
        await house.deliver()
        await house.join(CY, CIRCLE)
        await house.say(CY, LINK)
        assert len(await removed(house)) == 1
        assert len(await house.said(CONTROL)) == 1
        await house.deliver("redact")
        assert sorted(str(r["rule"]) for r in await house.rows("select rule from reason")) == ["also", "links"]


def kept_in(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.iterdir())


async def test_nothing_that_was_written_is_kept(house: House, tmp_path: Path) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK, html="<b>unforgettable-words</b>")
    await house.whisper(CY, "unforgettable-words")
    await house.whisper(CY, "!raise unforgettable-words")
    await house.say(CY, "!rule unforgettable-words enforce")
    await house.deliver()
    kept = kept_in(tmp_path)
    assert CY.encode() in kept
    assert b"unforgettable" not in kept


async def test_reasons_are_forgotten_after_a_while(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver()
    await house.wait(29 * DAY_MS)
    assert len(await house.rows("select * from reason")) == 1
    await house.wait(2 * DAY_MS)
    assert await house.rows("select * from reason") == []


async def test_a_message_that_lies_about_its_time_is_judged_all_the_same(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(SECOND_MS)
    future = replace(house.message(CIRCLE, CY, LINK), at_ms=house.clock.at_ms + 400 * DAY_MS)
    past = replace(house.message(CIRCLE, CY, LINK), at_ms=0)
    await house.hear(future, past)
    assert sorted(await removed(house)) == sorted([future.id, past.id])
