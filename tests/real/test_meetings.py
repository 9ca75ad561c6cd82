"""A meeting on a real homeserver, in an encrypted room, the bot killed at every step: each word once, and who comes counted.

Who comes is counted by the server from the reactions as they stand, so it is right after any death.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import EventId, RoomId
from tests.real.ahead import BotAhead
from tests.real.bot import Garden, come_in, plant
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.wire import Seen, eventually

pytestmark = pytest.mark.real

DEATHS = ("timers.before_commit", "timers.after_commit", "delivery.before_send", "delivery.after_send")
AHEAD = timedelta(days=3)
STEPS = (
    ("You are invited:", -2 * DAY_MS),
    ("A little reminder:", -HOUR_MS),
    ("begins now", 0),
    ("is coming to its end", 50 * MINUTE_MS),
)
"""What is said, and when, from the beginning of a meeting of an hour on."""


def declare(garden: Garden) -> None:
    """Let the encrypted room meet once, in three days."""
    begins = datetime.now(UTC) + AHEAD
    declared = json.loads(garden.config.read_text())
    declared["time_zone"] = "UTC"
    declared["communities"]["grove"]["rooms"]["sealed"]["meetings"] = [
        {
            "day": f"{begins:%Y-%m-%d}",
            "at": f"{begins:%H:%M}",
            "where": "call",
            "opening": {"title": "First", "prompts": [{"text": "What did you bring along?"}]},
            "closing": {"title": "Last", "prompts": [{"text": "What do you take along?"}]},
        }
    ]
    garden.config.write_text(json.dumps(declared))


async def said(ana: EncryptedPerson, room: RoomId, garden: Garden) -> list[Seen]:
    await ana.sync()
    return [seen for seen in await ana.history(room) if seen.sender == garden.keeper]


async def die(garden: Garden, ahead_ms: int, deaths: Sequence[str]) -> None:
    """Let the bot start so much later, and die at each of these places."""
    for failpoint in deaths:
        bot = BotAhead(garden, failpoint=failpoint)
        bot.ahead_ms = ahead_ms
        await bot.start()
        try:
            assert await bot.ended(timeout_s=60) == -signal.SIGKILL, failpoint
        finally:
            await bot.kill()


@pytest.mark.timeout(400)
async def test_a_meeting_is_announced_brought_to_mind_opened_and_closed_once_whenever_the_bot_is_killed(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana, dee = [await people.encrypted(homeserver, name, exempt=True) for name in ("ana", "dee")]
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    declare(garden)
    bot = BotAhead(garden)
    await bot.start()
    try:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, dee], "sealed")
        room = rooms["sealed"]
        await bot.kill()
        for words, after_ms in STEPS:
            at_ms = int(AHEAD.total_seconds() * 1000) + after_ms
            await die(garden, at_ms, DEATHS)
            bot.ahead_ms = at_ms
            await bot.start()
            seen = await _until_said(ana, room, garden, words)
            assert seen.encrypted
            if after_ms == STEPS[0][1]:
                await _until_signs(ana, room, garden, seen.id)
                await ana.react(room, seen.id, "✅")
                await dee.redact(room, await dee.react(room, seen.id, "✅"))
                await dee.react(room, seen.id, "🤔")
            await bot.kill()
        words_said = [seen.body for seen in await said(ana, room, garden) if seen.body]
    finally:
        await bot.kill()
    about = [body for body in words_said if any(words in body for words, _after_ms in STEPS)]
    assert Counter(about).most_common(1)[0][1] == 1
    assert len(about) == len(STEPS)
    (reminder,) = [body for body in about if "A little reminder" in body]
    assert reminder.endswith("\n\nSo far: ✅ 1, 🤔 1")
    assert [body.split("\n\n")[-1] for body in about if body.endswith("?")] == [
        "What did you bring along?",
        "What do you take along?",
    ]


async def _until_said(ana: EncryptedPerson, room: RoomId, garden: Garden, words: str) -> Seen:
    async def there() -> Seen | None:
        return next((seen for seen in await said(ana, room, garden) if words in seen.body), None)

    return await eventually(there, words, timeout_s=60)


async def _until_signs(ana: EncryptedPerson, room: RoomId, garden: Garden, announced: EventId) -> None:
    """Wait for the signs to be tapped, each once."""

    async def there() -> bool:
        signs = [one for one in await said(ana, room, garden) if one.type == "m.reaction"]
        mine = [one.content["m.relates_to"] for one in signs if one.content["m.relates_to"]["event_id"] == announced]
        return [one["key"] for one in mine] == ["✅", "🤔"]

    await eventually(there, "the signs", timeout_s=60)
