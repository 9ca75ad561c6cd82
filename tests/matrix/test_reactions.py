"""Reactions stand in plain sight also in encrypted rooms; so they hold one emoji, and nothing else goes out plain."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadRequest
from orchestrator.matrix.reactions import in_plain_sight, is_emoji
from orchestrator.model import content
from orchestrator.model.effects import Send
from orchestrator.model.ids import Json, RoomId
from tests.fakes import FakeHomeserver, Room
from tests.matrix.hands import Life, circle, living
from tests.matrix.listening import KEEPER
from tests.matrix.peers import ENCRYPTED

CY = "@cy:grove.example"
EMOJI = (
    "✅", "❌", "👍", "👍🏽", "❤️", "🏳️‍🌈", "1️⃣", "#️⃣", "‼️", "🇩🇪", "👩‍👩‍👧‍👦", "↔️", "™️",
)  # fmt: skip


def reaction(target: str, key: str, **more: Json) -> dict[str, Json]:
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": key}, **more}


async def ask(bot: Life, room: Room, type_: str, body: dict[str, Json], step: str = "react") -> None:
    await bot.ask(Send(step=step, room=RoomId(room.room_id), type=type_, content=body), origin=f"${step}")
    await bot.rest()


@pytest.mark.parametrize("more", [{}, {"body": "a whole sentence"}, {"m.mentions": {}}], ids=str)
async def test_in_an_encrypted_room_a_reaction_is_one_emoji_in_plain_sight_and_a_message_is_not_sent_plain(
    hs: FakeHomeserver, tmp_path: Path, more: dict[str, Json]
) -> None:
    room = hs.user(KEEPER).create_room(preset="public_chat", **ENCRYPTED)
    hs.person(CY).join(room)
    said = hs.person(CY).send(room, "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "hers"})
    async with living(hs, tmp_path) as bot:  # this bot has no encryption at all
        await ask(bot, room, "m.reaction", reaction(said, "✅", **more))
        await ask(bot, room, "m.room.message", content.notice("Hello."), step="say")
        assert bot.outcomes == ["done", "refused"]
    (seen,) = room.history(sender=KEEPER)[-1:]
    assert seen.type == "m.reaction"
    assert seen.content.keys() == {"m.relates_to", "org.circlekeeper.cause"}
    assert seen.content["m.relates_to"] == {"rel_type": "m.annotation", "event_id": said, "key": "✅"}


async def test_a_reaction_that_could_be_a_word_is_refused(hs: FakeHomeserver, tmp_path: Path) -> None:
    room = circle(hs, CY)
    said = hs.person(CY).say(room, "Hello.")
    async with living(hs, tmp_path) as bot:
        await ask(bot, room, "m.reaction", reaction(said, "yes"))
        assert bot.outcomes == ["refused"]
        assert room.history("m.reaction") == ()


@pytest.mark.parametrize("key", EMOJI)
def test_an_emoji_is_one(key: str) -> None:
    assert is_emoji(key)
    assert in_plain_sight(reaction("$e", key)) == reaction("$e", key)


@given(st.text(max_size=20))
def test_what_holds_a_letter_a_figure_or_a_space_is_no_emoji(words: str) -> None:
    assert not is_emoji(f"✅{words}a")
    assert not is_emoji(f"{words} ✅")
    assert not is_emoji(f"✅{words}7")


@pytest.mark.parametrize("key", ["", "\u200d", "ok", "+1", "\U000e0068\U000e0069", "✅" * 17, "!", "<3", "7", "^"])
def test_what_is_a_word_or_shows_nothing_is_no_emoji(key: str) -> None:
    assert not is_emoji(key)


@pytest.mark.parametrize(
    "body",
    [{}, {"m.relates_to": "x"}, {"m.relates_to": {"rel_type": "m.thread", "event_id": "$e", "key": "✅"}}],
    ids=str,
)
def test_what_is_no_annotation_is_not_sent_as_a_reaction(body: dict[str, Json]) -> None:
    with pytest.raises(BadRequest):
        in_plain_sight(body)
