"""What follows when the same rule is met again: one step each time, none twice, and forgotten after a while."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.acting.ladder import CALM_MS, STORM_MS
from orchestrator.culture.acting.muting import FIRST_LOOK_MS
from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.documents.policy import Action, LadderStep, Policy, Rule, Telling
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.events import Reaction
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import claims
from tests.culture.conftest import a_grove, rule, write_levels
from tests.declared import ANA, CY, documents
from tests.house import CIRCLE, CONTROL, House, body_of, content_of, house_of

LINK = "see https://spam.example/x"
STEPS = (
    LadderStep(action=Action.NUDGE),
    LadderStep(action=Action.MUTE, mute_ms=2 * HOUR_MS),
    LadderStep(action=Action.RAISE),
)


def with_policy(found: Documents, **changes: object) -> Documents:
    """Let every room live by the same policy, but for these keys."""

    def changed(room: Room) -> Room:
        policy: Policy | None = room.policy
        return room if policy is None else replace(room, policy=replace(policy, **changes))  # type: ignore[arg-type]

    def each(community: Community) -> Community:
        return replace(community, rooms=tuple(map(changed, community.rooms)))

    return documents(*map(each, found.communities))


def laddered(*rules: Rule, steps: Sequence[LadderStep] = STEPS, telling: Telling = "direct") -> Documents:
    return with_policy(
        a_grove(*rules, history="shared"), ladder=tuple(steps), ladder_forget_ms=10 * DAY_MS, telling=telling
    )


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, laddered(rule(new=False))) as house:
        await house.open(history="shared")
        await house.let_keepers_in()
        await house.deliver()
        await house.join(CY, CIRCLE)
        yield house


async def muted(house: House) -> list[int | None]:
    return [claim.until_ms for claim in await house.store.run(claims.claims_of, "mute")]


async def again(house: House) -> None:
    """Break the rule, hear of it, and do it once more when one had time to read."""
    await house.say(CY, LINK)
    await house.deliver()
    await house.wait(STORM_MS + CALM_MS)
    await house.deliver()


async def test_each_time_is_a_step_and_the_last_one_stays(house: House) -> None:
    await again(house)
    assert await muted(house) == []
    await house.say(CY, LINK)
    assert await muted(house) == [house.clock.at_ms + 2 * HOUR_MS]
    await write_levels(house)
    await house.wait(FIRST_LOOK_MS)
    await house.deliver()
    await house.wait(STORM_MS)
    for _ in range(2):
        await house.say(CY, LINK)
        (asked,) = [said for said in await house.said(CONTROL) if "have a look" in said]
        assert "several times" in asked
        assert "take it down" not in asked  # it is gone already
        await house.deliver()
        await house.wait(3 * STORM_MS)
        await house.deliver()


async def test_a_storm_is_one_step_and_each_message_of_it_is_removed(house: House) -> None:
    await house.hear(*(house.message(CIRCLE, CY, f"{LINK}{n}") for n in range(250)))
    await house.deliver("redact", most=5)
    await house.deliver("direct")  # they are told in the middle of it
    await house.hear(*(house.message(CIRCLE, CY, f"{LINK}{n}") for n in range(250)))
    assert len(await house.waiting("redact")) == 495
    assert await muted(house) == []
    assert [row["step"] for row in await house.rows("select step from ladder")] == [1]
    assert await house.said(CONTROL) == []


async def test_nobody_goes_up_a_step_before_they_heard_of_the_last(house: House) -> None:
    await house.say(CY, LINK)
    await house.wait(2 * CALM_MS)
    await house.say(CY, LINK)
    assert await muted(house) == []
    await house.deliver()
    await house.wait(CALM_MS)
    await house.say(CY, LINK)
    assert len(await muted(house)) == 1


async def test_what_was_long_ago_is_forgotten(house: House) -> None:
    await again(house)
    await house.wait(11 * DAY_MS)
    assert await house.rows("select * from ladder") == []
    await house.say(CY, LINK)
    assert await muted(house) == []


async def test_a_rule_on_words_asks_people_where_a_step_would_mute(tmp_path: Path) -> None:
    one = rule(new=False, then=Action.NUDGE)
    one = replace(one, when=replace(one.when, links=None, words=("gloom",)))
    async with house_of(tmp_path, laddered(one, steps=STEPS[1:2])) as house:
        await house.open(history="shared")
        await house.let_keepers_in()
        await house.deliver()
        await house.join(CY, CIRCLE)
        await house.say(CY, "so much gloom")
        assert await muted(house) == []
        assert any("have a look" in said for said in await house.said(CONTROL))


async def test_a_rule_that_asks_people_to_look_leaves_all_else_to_them(tmp_path: Path) -> None:
    async with house_of(tmp_path, laddered(rule(new=False, then=Action.RAISE))) as house:
        await house.open(history="shared")
        await house.join(CY, CIRCLE)
        await again(house)
        await again(house)
        assert await house.told(CY) == []
        assert await muted(house) == []


@pytest.mark.parametrize("known", [True, False])
async def test_where_the_policy_says_so_only_a_room_that_is_there_is_written_to(tmp_path: Path, known: bool) -> None:
    async with house_of(tmp_path, laddered(rule(new=False), telling="existing")) as house:
        await house.open(history="shared")
        await house.join(CY, CIRCLE)
        if known:
            await house.whisper(CY, "!norms")
        await house.deliver()
        await house.say(CY, LINK)
        await house.deliver("redact")
        assert len(await house.waiting("direct")) == known
        assert {row["told"] for row in await house.rows("select told from reason")} == {2 if known else 1}


async def test_a_word_in_the_thread_shames_nobody_and_quotes_nothing(tmp_path: Path) -> None:
    async with house_of(tmp_path, laddered(rule(new=False), telling="thread")) as house:
        await house.open(history="shared")
        await house.deliver()
        await house.join(CY, CIRCLE)
        root = await house.say(ANA, "hello")
        await house.say(CY, LINK, thread=root)
        await house.deliver("redact")
        (word,) = await house.waiting("send")
        assert word.room == CIRCLE
        relation = content_of(word)["m.relates_to"]
        assert isinstance(relation, dict)
        assert (relation["rel_type"], relation["event_id"]) == ("m.thread", root)
        assert CY not in body_of(word)
        assert "nobody is in trouble" in body_of(word)
        await house.deliver("send")
        await house.wait(HOUR_MS)
        assert await house.waiting() == []


async def test_undoing_a_mute_forgives_nothing_that_another_policy_calls_by_the_same_name(tmp_path: Path) -> None:
    found = laddered(rule(new=False), steps=STEPS[1:])
    (grove,) = found.communities
    other = replace(grove.rooms[1], policy=replace(grove.rooms[1].policy, document="other"))  # type: ignore[type-var]
    rooms = (grove.rooms[0], other, *grove.rooms[2:])
    async with house_of(tmp_path, documents(replace(grove, rooms=rooms))) as house:
        await house.open(history="shared")
        await house.let_keepers_in()
        await house.join(CY, CIRCLE, RoomId("!lounge"))
        await house.say(CY, LINK)
        await house.say(CY, LINK, RoomId("!lounge"))
        await write_levels(house)
        await house.wait(FIRST_LOOK_MS)
        await house.deliver()
        asked = await house.rows("select event, subject from question where subject like '%!tuesday%'")
        event = EventId(str(asked[0]["event"]))
        await house.hear(
            Reaction(room=CONTROL, id=EventId("$r"), sender=ANA, at_ms=house.clock.at_ms, target=event, key="↩️")
        )
        left = await house.rows("select policy from ladder")
        assert [row["policy"] for row in left] == ["other"]
