"""The bot's reactions on a real homeserver: in plain sight beside what is sealed, so that the server counts them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Send
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId
from orchestrator.store import outbox
from tests.real.bot import ACCOUNT, bot_inside, come_in, plant
from tests.real.people import People
from tests.real.wire import Seen

pytestmark = pytest.mark.real


async def test_a_reaction_to_a_sealed_message_is_counted_by_the_server_and_words_stay_sealed(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    async with bot_inside(garden) as app:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana], "sealed")
        sealed = rooms["sealed"]
        said = await ana.say(sealed, "Shall we begin?")
        relation = {"rel_type": "m.annotation", "event_id": said, "key": "✅"}
        effects: list[AnyEffect] = [
            Send(step="react", room=sealed, type="m.reaction", content={"m.relates_to": relation}),
            Send(step="say", room=sealed, content=content.notice("We begin.")),
        ]

        def ask(tx: Tx) -> None:
            for effect in effects:
                outbox.record(tx, "$test", "rooms", effect, app.clock.now_ms())

        await app.store.of(ACCOUNT).run(ask)
        app.keepers[ACCOUNT].delivery.wake()

        def reacts(seen: Seen) -> bool:
            return seen.type == "m.reaction" and seen.sender == garden.keeper

        reaction = await ana.until_event(sealed, reacts, "the reaction")
        assert not reaction.encrypted
        assert reaction.content.keys() == {"m.relates_to", "org.circlekeeper.cause"}
        words = await ana.until_body(sealed, "We begin.")
        assert words.encrypted
        counted = await ana.request(
            "GET", f"/_matrix/client/v1/rooms/{quote(sealed)}/relations/{quote(said)}/m.annotation/m.reaction"
        )
        assert [EventId(event["event_id"]) for event in counted["chunk"]] == [reaction.id]
