"""The norms, asked for at any time, in the languages that they are written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Policy
from orchestrator.model.effects import Priority
from orchestrator.model.ids import RoomId
from tests.culture.conftest import a_community
from tests.declared import CY
from tests.house import CIRCLE, House, body_of, content_of, direct, house_of

QUIET = RoomId("!quiet")


async def answer(house: House, room: RoomId = CIRCLE) -> str:
    (said,) = await house.said(room)
    return said


def written_in(documents: Documents, texts: Mapping[str, str]) -> Documents:
    def changed(policy: Policy | None) -> Policy | None:
        if policy is None:
            return None
        return replace(policy, norms=replace(policy.norms, text=next(iter(texts.values())), texts=texts))

    (community,) = documents.communities
    rooms = tuple(replace(room, policy=changed(room.policy)) for room in community.rooms)
    return Documents(communities=(replace(community, rooms=rooms),))


async def test_the_norms_are_told_at_once_where_they_are_asked_for(house: House) -> None:
    asked = await house.say(CY, "!norms")
    (row,) = await house.waiting("send")
    assert "Speak for yourself." in body_of(row)
    assert "A gentle circle" in body_of(row)
    assert row.priority is Priority.REPLY
    assert content_of(row)["msgtype"] == "m.notice"
    assert content_of(row)["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}


async def test_a_room_without_norms_of_its_own_has_the_communitys(house: House) -> None:
    await house.say(CY, "!norms", QUIET)
    assert "Speak for yourself." in await answer(house, QUIET)


async def test_in_private_the_norms_are_those_of_ones_own_communities(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "norms")
    assert "Speak for yourself." in await answer(house, direct(CY))


async def test_where_nothing_is_written_down_that_is_said_kindly(tmp_path: Path) -> None:
    community = a_community()
    bare = replace(community, rooms=tuple(replace(room, policy=None) for room in community.rooms))
    async with house_of(tmp_path, Documents(communities=(bare,))) as house:
        await house.open()
        await house.say(CY, "!norms")
        assert "Being kind to each other" in await answer(house)


async def test_norms_written_in_several_languages_are_told_in_the_one_asked_for(house: House) -> None:
    texts = {"en": "Speak for yourself.", "de": "Sprich von dir.", "pt-BR": "Fale por si."}
    house.use(written_in(house.documents, texts))
    await house.say(CY, "!norms")
    said = await answer(house)
    assert "Speak for yourself." in said
    assert "I also have this in: English (en), Deutsch (de), português (Brasil) (pt-BR)." in said
    for wanted in ("de", "DE-AT", "Deutsch", "german"):
        await house.deliver("send")
        await house.say(CY, f"!norms {wanted}")
        assert "Sprich von dir." in await answer(house)


async def test_a_language_they_are_not_written_in_is_answered_with_those_there_are(house: House) -> None:
    house.use(written_in(house.documents, {"en": "Speak for yourself.", "de": "Sprich von dir."}))
    await house.say(CY, "!norms fr")
    assert await answer(house) == "I don't have it in that language. I have: English (en), Deutsch (de)."


async def test_norms_written_once_say_so_when_another_language_is_asked_for(house: House) -> None:
    await house.say(CY, "!norms fr")
    assert await answer(house) == "This is written in one language only."
