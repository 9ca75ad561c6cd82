"""Where a group chose it, a reaction raises a hand and is gone at once, and words it named bring somebody, privately."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.documents.policy import Hands
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import Priority
from orchestrator.model.events import Reaction
from orchestrator.model.ids import EventId, UserId
from tests.declared import ANA, BO, CY, DEE
from tests.house import CIRCLE, CONTROL, House, direct

from .circle import FAY, a_circle, called, everybody_called, open_questions, react

SIGN = Hands(reaction="🫂")
WORDS = Hands(words=("lost all hope",))


async def put(house: House, user: UserId, key: str, target: EventId) -> EventId:
    event = Reaction(room=CIRCLE, id=house.next_id(), sender=user, at_ms=house.clock.at_ms, target=target, key=key)
    await house.hear(event)
    return event.id


@pytest.mark.parametrize("sign", ["🫂", "🫂\ufe0f"])
async def test_a_reaction_is_taken_away_at_once_and_asks_in_private(tmp_path: Path, sign: str) -> None:
    async with a_circle(tmp_path, hands=SIGN) as house:
        await house.join(CY, CIRCLE)
        await house.deliver()
        said = await house.say(ANA, "how are you all")
        sign_id = await put(house, CY, sign, said)
        (away,) = await house.waiting("redact")
        assert (away.target, away.priority) == (sign_id, Priority.SAFETY)
        assert ["How soon" in told for told in await house.told(CY)] == [True]
        assert await everybody_called(house) == []
        await house.deliver()
        await react(house, CY, "2️⃣")
        (told,) = await called(house, DEE)
        assert f"https://matrix.to/#/{CIRCLE}/{said}" in told


async def test_who_wishes_not_to_be_named_hears_that_the_link_goes_with_it(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=SIGN) as house:
        await house.join(CY, CIRCLE)
        await house.deliver()
        await put(house, CY, "🫂", await house.say(CY, "words of their own"))
        (asked,) = await house.told(CY)
        assert "They get the link to the message it is about." in asked
        await house.deliver()
        await react(house, CY, "🕶️")
        (asked,) = await house.told(CY)
        assert "They are not told your name" in asked
        assert "They get the link to the message it is about." in asked
        await house.deliver()
        await react(house, CY, "1️⃣")
        assert any("They get the link to the message it is about." in said for said in await house.told(CY))


async def test_who_does_not_answer_what_is_asked_then_is_passed_on_as_well(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=SIGN) as house:
        await house.join(CY, CIRCLE)
        await put(house, CY, "🫂", await house.say(ANA, "how are you all"))
        await house.deliver()
        await house.wait(5 * MINUTE_MS)
        assert await everybody_called(house) == [DEE, FAY]


async def test_put_twice_it_is_taken_away_twice_and_asked_once(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=SIGN) as house:
        await house.join(CY, CIRCLE)
        said = await house.say(ANA, "how are you all")
        await put(house, CY, "🫂", said)
        await put(house, CY, "🫂", said)
        assert len(await house.waiting("redact")) == 2
        await house.deliver()
        assert (
            len([about for _e, about in await open_questions(house, direct(CY)) if about.startswith("hand-level")]) == 1
        )


@pytest.mark.parametrize("chosen", [Hands(), Hands(reaction="🫂")])
async def test_other_reactions_and_by_default_all_of_them_mean_nothing(tmp_path: Path, chosen: Hands) -> None:
    async with a_circle(tmp_path, hands=chosen) as house:
        await house.join(CY, CIRCLE)
        await house.deliver()
        await put(house, CY, "👍" if chosen.reaction else "🫂", await house.say(ANA, "how are you all"))
        assert await house.waiting("redact") == await house.waiting("direct") == []


# -- words --------------------------------------------------------------------------------------------------------------


async def test_words_that_the_group_chose_bring_somebody_in_private_and_their_author_is_told(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=WORDS) as house:
        await house.join(CY, CIRCLE)
        await house.deliver()
        event = await house.say(CY, "today i have lost all hope in my cooking")
        assert await everybody_called(house) == [DEE, FAY]
        assert await house.said(CONTROL) == []
        (told,) = await called(house, DEE)
        assert f"https://matrix.to/#/{CIRCLE}/{event}" in told
        assert "It may mean nothing" in told
        (said,) = await house.told(CY)
        assert "You are not in trouble" in said
        assert "cooking" not in json.dumps([dict(row.payload) for row in await house.waiting()])
        await house.deliver()
        await house.say(CY, "really lost all hope")
        assert await everybody_called(house) == []
        assert await house.told(CY) == []


async def test_who_was_brought_can_say_so_and_its_author_hears(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=WORDS) as house:
        await house.join(CY, CIRCLE)
        await house.say(CY, "i have lost all hope")
        await house.deliver()
        await react(house, DEE, "✋")
        assert any(f"{DEE} has seen it" in said for said in await house.told(CY))
        assert await house.said(CONTROL) == []


async def test_nobody_is_looked_at_by_default_nor_whoever_looks_after_others(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.deliver()
        await house.say(CY, "i want to die, i have lost all hope")
        assert await house.waiting("direct") == []
    async with a_circle(tmp_path / "with words", hands=WORDS) as house:
        await house.say(BO, "somebody told me they have lost all hope")
        assert await house.waiting("direct") == []
