"""Killed at every step of asking (the message, its poll, the sign to pass with, the pin), the bot asks each question once.

Counted in the rooms' own histories, in a plain room and in an encrypted one.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId
from orchestrator.prompts.form import POLL_START, SIGN
from orchestrator.store import Store, outbox
from tests.real.ahead import BotAhead
from tests.real.bot import ACCOUNT, Garden, come_in, plant
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.wire import eventually

pytestmark = [pytest.mark.real, pytest.mark.crash, pytest.mark.timeout(300)]

DAYS: Final = (
    ("timers.before_commit", "timers.after_commit", "delivery.claimed", "delivery.before_send", "delivery.after_send"),
    # There are three to send in each of two rooms, two at a time: cut off when the server has them, and nobody knows.
    ("delivery.after_send", "delivery.after_send", "delivery.after_send"),
    ("delivery.after_send:2", "delivery.before_send"),
    ("delivery.before_confirm", "delivery.after_confirm"),
    ("state.before_send", "state.after_send"),
    ("state.before_confirm",),
)
"""Where the bot dies while the question of a day is on its way, each time at once after the last."""


async def test_killed_at_every_step_of_asking_there_is_one_question_one_poll_one_sign_and_one_pin(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana", exempt=True)
    garden = await plant_asking(tmp_path, homeserver, ana)
    bot = BotAhead(garden)
    await bot.start()
    try:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana], "plain", "sealed")
        await bot.kill()
        bot.ahead_ms = HOUR_MS + MINUTE_MS
        for number, deaths in enumerate(DAYS, 1):
            for failpoint in deaths:
                await die_at(garden, failpoint, bot.ahead_ms)
            await bot.start()
            await eventually(lambda n=number: asked(garden, n), f"question {number}", timeout_s=60)  # type: ignore[misc]
            for key in ("plain", "sealed"):
                await until_pinned(ana, rooms[key], garden, number)
            await bot.kill()
            bot.ahead_ms += DAY_MS
    finally:
        await bot.kill()
    await ana.sync()
    for key in ("plain", "sealed"):
        await counted_once(ana, garden, rooms, key)


async def plant_asking(place: Path, homeserver: LocalHomeserver, ana: EncryptedPerson) -> Garden:
    """Declare a community that is asked something each day, for the first time in an hour."""
    at = datetime.now(UTC) + timedelta(hours=1)
    schedule = {"deck": "small", "at": f"{at:%H:%M}", "gates": [], "pin": "swap", "pass": True, "norms_line": True}
    garden = await plant(place, homeserver, ana.user_id, f"keeper-{ana.user_id[5:13]}", prompts=[schedule])
    deck = garden.directory / "room_templates/decks/small.yaml"
    small = json.loads(deck.read_text())
    for question in small["prompts"]:
        question["poll"] = {"answers": ["yes", "not today"]}
    deck.write_text(json.dumps(small))
    declared = json.loads(garden.config.read_text())
    garden.config.write_text(json.dumps({**declared, "time_zone": "UTC"}))
    return garden


async def die_at(garden: Garden, failpoint: str, ahead_ms: int) -> None:
    """Run until it dies there."""
    bot = BotAhead(garden, failpoint=failpoint)
    bot.ahead_ms = ahead_ms
    await bot.start()
    try:
        assert await bot.ended(timeout_s=30) == -signal.SIGKILL, failpoint
    except TimeoutError:
        raise AssertionError(f"{failpoint} was not passed") from None
    finally:
        await bot.kill()


async def asked(garden: Garden, days: int) -> bool:
    """Tell whether all of so many days was asked, and nothing is left to send."""
    store = Store.open_readonly(garden.data)
    try:
        return await store.of(ACCOUNT).run(_asked, days)
    finally:
        await store.close()


def _asked(tx: Tx, days: int) -> bool:
    done = tx.rows("select due_ms from slot where account = :account and outcome = 'done'")
    return len(done) == 2 * days and not outbox.waiting(tx)


async def questions(ana: EncryptedPerson, garden: Garden, room: RoomId) -> list[str]:
    """List the ids of the messages that asked, oldest first."""
    history = await ana.history(room)
    return [seen.id for seen in history if seen.sender == garden.keeper and "Small question" in seen.body]


async def until_pinned(ana: EncryptedPerson, room: RoomId, garden: Garden, days: int) -> None:
    """Wait until the last question is pinned, and no other."""

    async def is_so() -> bool:
        await ana.sync()
        ids = await questions(ana, garden, room)
        pinned = (await ana.state(room, "m.room.pinned_events"))["pinned"]
        return len(ids) == days and [one for one in pinned if one in ids] == ids[-1:]

    await eventually(is_so, "the last question to be pinned, alone", timeout_s=60)


async def counted_once(ana: EncryptedPerson, garden: Garden, rooms: Mapping[str, RoomId], key: str) -> None:
    """Count what a room holds: of each question one message, one poll and one sign, and encrypted what can be."""
    mine = [seen for seen in await ana.history(rooms[key]) if seen.sender == garden.keeper]
    said = [seen for seen in mine if "Small question" in seen.body]
    polls = [seen for seen in mine if seen.type == POLL_START]
    texts = [str(seen.content[POLL_START]["question"]["body"]) for seen in polls]
    assert len(said) == len({*texts}) == len(texts) == len(DAYS)
    assert all(any(text in seen.body for text in texts) for seen in said)
    assert all("Be kind." in seen.body for seen in said)
    assert {seen.encrypted for seen in (*said, *polls)} == {key == "sealed"}
    signs = [seen.content["m.relates_to"] for seen in mine if seen.type == "m.reaction"]
    assert Counter(one["event_id"] for one in signs) == {seen.id: 1 for seen in said}
    assert {one["key"] for one in signs} == {SIGN}
