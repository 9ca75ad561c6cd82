"""A question in an encrypted room on a real homeserver: tapped while the bot was away, and acted on once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator import app
from orchestrator.crafts import Crafts
from orchestrator.documents.declared import Documents
from orchestrator.facilitation.calendar.feeds import NO_ADDRESSES, Addresses
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import EventId, UserId
from tests.engine.asking import Asker
from tests.real.bot import bot_inside, come_in, plant
from tests.real.people import People
from tests.real.wire import Seen

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def _somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the asking craft work beside the others."""
    build = app.build_crafts

    def build_more(documents: Documents, me: UserId, addresses: Addresses = NO_ADDRESSES) -> Crafts:
        crafts = build(documents, me, addresses)
        return replace(crafts, features=(*crafts.features, Asker()))

    monkeypatch.setattr(app, "build_crafts", build_more)


def keys_under(event: EventId, seen: list[Seen], sender: UserId) -> list[str]:
    """List what somebody put under an event, in plain sight."""
    relations = [one.content["m.relates_to"] for one in seen if one.type == "m.reaction" and one.sender == sender]
    return [relation["key"] for relation in relations if relation["event_id"] == event]


async def test_a_lead_confirms_in_a_sealed_room_while_the_bot_is_away(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    cy = await people.encrypted(homeserver, "cy")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"asker-{ana.user_id[1:13]}")
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, cy], "sealed")
        room = rooms["sealed"]
        root = await ana.say(room, "This circle has come to its end, I think.")
        thread = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True}
        relation: dict[str, Any] = {"m.relates_to": {**thread, "m.in_reply_to": {"event_id": root}}}
        await ana.say(room, "!tidy", **relation)
        question = await ana.until_event(room, lambda seen: "tidy this circle up" in seen.body, "the question")
        assert question.encrypted
        assert question.content["m.relates_to"]["event_id"] == root
        await ana.until(
            lambda: keys_under(question.id, ana.timeline(room), garden.keeper) == ["✅", "❌"] or None, "the choices"
        )

    await cy.react(room, question.id, "❌")  # they may not
    await ana.react(room, question.id, "✅\ufe0f")
    await ana.react(room, question.id, "❌")  # too late

    async with bot_inside(garden):
        done = await ana.until_event(room, lambda seen: seen.body in {"Tidied up.", "I left it as it was."}, "the end")
        assert (done.body, done.encrypted) == ("Tidied up.", True)
        assert done.content["m.relates_to"]["event_id"] == root
        await ana.react(room, question.id, "❌ ")
        await ana.say(room, "!help")
        await ana.until_event(room, lambda seen: "what you can ask me" in seen.body, "an answer")

    ours = [seen for seen in await ana.history(room) if seen.sender == garden.keeper]
    assert [seen.body for seen in ours if "idied up" in seen.body or "left it" in seen.body] == ["Tidied up."]
    assert keys_under(question.id, ours, garden.keeper) == ["✅", "❌"]
    assert all(seen.encrypted for seen in ours if seen.type == "m.room.message")
