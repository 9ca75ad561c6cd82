"""A storm under rules that act, and a bot that dies all through it: what was to follow follows, and once.

Each message is taken down once; whoever wrote them hears of each once, and is muted once.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import Store, claims
from orchestrator.store.rows import text
from tests.crash.crowd import Crowd, gather_crowd
from tests.crash.grove import Grove, Subject, plant_grove
from tests.real.bot import ACCOUNT, removals
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.wire import eventually

pytestmark = [pytest.mark.real, pytest.mark.crash, pytest.mark.timeout(300)]

EACH: Final = 3

Deaths = Sequence[tuple[str, Sequence[str]]]
"""Where it dies, one after the other, and who had written what is not to stand there while it was away."""

ON_THE_WAY_IN: Final[Deaths] = (
    ("sync.received", ("cy",)),
    ("state.before_send", ()),
    ("state.after_send", ()),
    ("state.before_confirm", ("dee",)),
    ("create.before_send", ("eli",)),
    ("create.after_send", ()),
    ("create.before_confirm", ("fay",)),
    ("timers.before_commit", ()),
    ("timers.after_commit", ()),
)
ON_THE_WAY_OUT: Final[Deaths] = (
    ("engine.before_commit", ("cy", "dee")),
    ("engine.after_commit", ()),
    ("delivery.claimed", ()),
    ("delivery.before_send", ()),
    ("delivery.after_send", ()),
    ("echo.before_confirm", ()),
    ("delivery.after_send", ("eli",)),
    ("echo.after_confirm", ()),
    ("delivery.before_confirm", ("fay",)),
    ("delivery.after_confirm", ()),
)

DIES_WITHIN_S: Final = 30.0
INSTANTS_S: Final = (0.2, 0.7)
"""Within which time from its start it is killed between these deaths, wherever it is."""

TOLD = re.compile(r"I took down (a|\d+) messages? of yours")


async def test_a_storm_through_which_the_bot_dies_again_and_again_is_seen_to_once(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - a failing test shows it
    async with asyncio.TaskGroup() as tasks:
        for number, deaths in enumerate((ON_THE_WAY_IN, ON_THE_WAY_OUT)):
            tasks.create_task(live_through(homeserver, people, tmp_path / f"{number}", deaths, seed))


async def live_through(homeserver: LocalHomeserver, people: People, directory: Path, deaths: Deaths, seed: int) -> None:
    """Have a community with a bot that dies, and count what became of its storm."""
    rng = random.Random(seed)  # noqa: S311 - choices of a test
    names = [name for _failpoint, names in deaths for name in names]
    ana = await people.encrypted(homeserver, "ana")
    grove = await plant_grove(directory, homeserver, ana.user_id, f"keeper-{ana.user_id[5:13]}", 0)
    mute_at_once(grove)
    bot = Subject(grove)
    await bot.start()
    crowd = await gather_crowd(people, grove, ana, rng, names)
    await bot.kill()
    async with crowd.living(talking=False):
        said = await die_through_a_storm(crowd, dict(zip(names, crowd.members, strict=True)), deaths, rng)
        await bot.start()
        await until_through(grove, said)
        assert await bot.stop() == 0
        await let_what_waits_fall_due(grove)
        await bot.start()
        await until_through(grove, said, told=True)
        assert await bot.stop() == 0
    await crowd.catch_up()

    room = crowd.rooms["plain"]
    gone = removals(await ana.history(room), grove.keeper)
    assert gone == {event: 1 for events in said.values() for event in events}
    levels = (await ana.state(room, "m.room.power_levels"))["users"]
    assert {user for user, level in levels.items() if level < 0} == said.keys()
    for person in crowd.members:
        words = await words_to(person, grove, [*crowd.rooms.values()])
        assert counted(words) == EACH, words
        assert sum("but not write until" in word for word in words) == 1, words
    assert await grove.read(lines_about_mutes) == dict.fromkeys(said, 1)


def mute_at_once(grove: Grove) -> None:
    """Let whoever posts a link be muted for it the first time."""
    policy = grove.directory / "policies/gentle.yaml"
    gentle = json.loads(policy.read_text())
    gentle["ladder"] = {"steps": [{"mute": "1h"}]}
    policy.write_text(json.dumps(gentle))


async def die_through_a_storm(
    crowd: Crowd, by_name: dict[str, EncryptedPerson], deaths: Deaths, rng: random.Random
) -> dict[UserId, list[EventId]]:
    """Die at every failpoint and at some instants between them; gives who said what meanwhile."""
    said: dict[UserId, list[EventId]] = {}
    for number, (failpoint, names) in enumerate(deaths):
        storm = [(by_name[name], time) for time in range(EACH) for name in names]
        for person, _time in storm:
            said.setdefault(person.user_id, []).append(await crowd.link(person, "plain"))
        bot = Subject(crowd.grove, failpoint=failpoint)
        await bot.start()
        try:
            assert await bot.ended(timeout_s=DIES_WITHIN_S) == -signal.SIGKILL, failpoint
        except TimeoutError:
            raise AssertionError(f"{failpoint} was not passed") from None
        finally:
            await bot.kill()
        if number % 6 == 5:
            await die_at_an_instant(crowd.grove, rng)
    return said


async def die_at_an_instant(grove: Grove, rng: random.Random) -> None:
    """Die wherever it is just then."""
    bot = Subject(grove)
    await bot.start()
    await asyncio.sleep(rng.uniform(*INSTANTS_S))  # the one thing here that is meant to happen at no particular point
    await bot.kill()


async def until_through(grove: Grove, said: dict[UserId, list[EventId]], *, told: bool = False) -> None:
    """Wait until the bot has done all that it does at once; ``told``: and everybody heard of all of it."""
    await grove.until_ready()

    async def through() -> bool:
        done = await grove.read(_reasons, told) == dict.fromkeys(said, EACH + 1)
        return done and not await grove.waits()

    await eventually(through, "all that follows", timeout_s=60)


async def let_what_waits_fall_due(grove: Grove) -> None:
    """Turn the clock of those words that wait ten minutes for more to tell."""
    store = Store.open(grove.data)
    try:
        await store.of(ACCOUNT).run(_make_due)
    finally:
        await store.close()


async def words_to(person: EncryptedPerson, grove: Grove, known: list[RoomId]) -> list[str]:
    """Read all that the bot ever told somebody in private."""
    private = [room for room, here in person.rooms.items() if here.membership == "join" and room not in known]
    return [seen.body for room in private for seen in await person.history(room) if seen.sender == grove.keeper]


def counted(words: list[str]) -> int:
    """Add up of how many messages somebody was told that they are gone."""
    return sum(1 if number == "a" else int(number) for word in words for number in TOLD.findall(word))


def lines_about_mutes(tx: Tx) -> dict[UserId, int]:
    """Count the lines in the control room that tell of a mute, and from which it can be undone."""
    rows = tx.rows("select subject from question where account = :account")
    asked = [json.loads(text(row, "subject")) for row in rows]
    return dict(Counter(UserId(about["user"]) for about in asked if about.get("do") == "muted"))


def _reasons(tx: Tx, told: bool) -> dict[UserId, int]:
    rows = tx.rows('select "user" from reason where account = :account and told >= :least', least=int(told))
    return dict(Counter(UserId(text(row, "user")) for row in rows))


def _make_due(tx: Tx) -> None:
    assert {claim.path[1] for claim in claims.claims_of(tx, "mute")}
    tx.run("update timer set due_ms = 1 where account = :account and key like 'why:%'")
