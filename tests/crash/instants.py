"""The bot is killed at random instants while people talk and questions fall due; then everything is counted."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator import control
from orchestrator.local import LocalHomeserver
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId
from orchestrator.store import timers
from tests.crash.counting import count
from tests.crash.crowd import TALKING, Crowd, gather_crowd
from tests.crash.evidence import gather_evidence
from tests.crash.grove import Grove, Subject, plant_grove
from tests.crash.report import Report
from tests.crash.subject import Slots
from tests.real.people import People
from tests.real.wire import eventually

TIMELINE_LIMIT = 50
"""How much of a room one answer of /sync brings the bot; what is beyond is a gap."""

QUESTION_EVERY_MS = 2_500
SHORTEST_DOWN_S, LONGEST_DOWN_S = 0.5, 10.0
PATIENCE_S = 120.0
BEFOREHAND_MS = 15_000
"""How long before a question falls due, or no more do, the bot is told; a slow machine takes seconds to read the files."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Life:
    """One life of the bot's process.

    Attributes:
        started_s: when, by the wall.
        missed: the last link that was said before it began.
        said: how many messages were said in the busiest room while there was no bot.
    """

    started_s: float
    missed: EventId | None = None
    said: int = 0


async def kill_at_random(
    homeserver: LocalHomeserver, directory: Path, people: People, *, instants: int, rng: random.Random, tell: Tell
) -> Report:
    """Kill a bot at ``instants`` random instants, a few of them while it is first set up, and count.

    Of every ten one is no death: the bot is asked to stop, in the midst of everything.

    Raises AssertionError when the run itself was not what it should be (no burst outgrew the limit, the bot did not
    stop when asked).
    """
    lead = await people.encrypted(homeserver, "ana")
    questions = 20 + instants * 12_000 // QUESTION_EVERY_MS
    grove = await plant_grove(directory, homeserver, lead.user_id, f"keeper-{lead.user_id[5:13]}", questions)
    while_set_up = max(1, instants // 10)
    for number in range(while_set_up):
        await _one_short_life(Subject(grove), rng, tell, number)
    bot = Subject(grove)
    await bot.start()
    crowd = await gather_crowd(people, grove, lead, rng)
    await schedule(grove, questions)
    tell("everybody is in, and the first question is due soon")
    lives = await _live_and_die(crowd, bot, instants - while_set_up, rng, tell)
    report = await settle_and_count(crowd, bot)
    bursts = [life.said for life in lives if life.said > TIMELINE_LIMIT]
    report.facts = {
        "instants": instants,
        "of them while it was first set up": while_set_up,
        "times more was said than one answer of sync holds": len(bursts),
        "gaps filled": gaps_filled(grove),
        "longest catch-up in s": await _longest_catch_up(crowd, lives),
        **report.facts,
    }
    assert bursts, "nothing outgrew the timeline limit: this run proves nothing about gaps"
    assert report.facts["gaps filled"], "the bot saw no gap"
    return report


async def schedule(grove: Grove, questions: int, *, every_ms: int = QUESTION_EVERY_MS) -> None:
    """Let questions fall due from now on, one after the other; returns when the running bot has its timers for them."""
    await grove.until_settled()
    # What falls due before the bot knows of it is owed by nobody, so a slow machine is given time.
    first_ms = _now_ms() + BEFOREHAND_MS
    Slots(first_ms=first_ms, every_ms=every_ms, count=questions).write(grove.slots_file)
    await control.ask(grove.data, "reload")

    async def timed() -> bool:
        return bool(await grove.read(_questions_timed) == min(questions, 2 * len(grove.prompts)))

    await eventually(timed, "timers for the questions")
    assert _now_ms() < first_ms, "the first question fell due before the bot could know of it"


async def settle_and_count(crowd: Crowd, bot: Subject) -> Report:
    """Let the bot catch up with everything, stop it as an operator does, and count."""
    grove = crowd.grove

    async def reloaded() -> bool:
        return await control.ask(grove.data, "reload") is not None

    await eventually(reloaded, "the bot", timeout_s=PATIENCE_S)
    # The last question lies a little ahead: what fell due before the bot knows of the end would be one too many.
    until_ms, plan = _now_ms() + BEFOREHAND_MS, grove.slots
    due = plan.due_by(until_ms)
    Slots(plan.first_ms, plan.every_ms, due).write(grove.slots_file)
    assert await reloaded(), "the bot ended by itself"
    assert _now_ms() < until_ms, "the last question fell due before the bot could know that it is the last"

    async def all_fell_due() -> bool:
        return bool(await grove.read(_questions_seen_to) >= due)

    async with crowd.living(talking=False):
        last = [await crowd.link(crowd.members[0], key) for key in TALKING]
        for key, link in zip(TALKING, last, strict=True):
            gone = partial(_is_gone, crowd, key, link)
            await eventually(gone, f"the last removal in the {key} room", timeout_s=PATIENCE_S)
        with suppress(AssertionError):  # what is missing is counted
            await eventually(all_fell_due, "the last question", timeout_s=PATIENCE_S)
        await grove.until_settled()
    assert await bot.stop() == 0
    await crowd.catch_up()
    return count(await gather_evidence(crowd, until_ms=until_ms))


def gaps_filled(grove: Grove) -> int:
    """Count the gaps that the bot says it filled."""
    lines = (grove.directory / "bot.log").read_text().splitlines()
    return sum(json.loads(line).get("event") == "a gap was filled" for line in lines if line.startswith("{"))


async def _one_short_life(bot: Subject, rng: random.Random, tell: Tell, number: int) -> None:
    await bot.start()
    up_s = rng.uniform(0.5, 5.0)
    await asyncio.sleep(up_s)
    await bot.kill()
    tell(f"killed {up_s:.1f} s into its {number + 1}. start")


async def _live_and_die(crowd: Crowd, bot: Subject, instants: int, rng: random.Random, tell: Tell) -> list[Life]:
    lives: list[Life] = []
    async with crowd.living():
        for number in range(instants):
            began_s = time.monotonic()
            await _some_time(crowd.grove, rng, number)
            up_s = time.monotonic() - began_s
            assert bot.running, "the bot ended by itself"
            if number % 10 == 7:
                assert await bot.stop() == 0
            else:
                await bot.kill()
            crowd.said.stretch = f"downtime {number}"
            life = await _downtime(crowd, rng, number)
            crowd.said.stretch = f"life {number}"
            lives.append(life)
            await bot.start()
            tell(f"{number + 1}/{instants}: killed after {up_s:.1f} s; {life.said} messages while it was away")
            if number % 5 == 2:
                await crowd.switch()
            if number % 3 == 1:
                await crowd.whisper()
    return lives


async def _some_time(grove: Grove, rng: random.Random, number: int) -> None:
    """Let the bot live for a while: while it starts, when it is just at work, or (every fifth time) until it is through.

    Without the last, a slow machine would pile up so many removals that no answer is ever given.
    """
    kind = number % 5
    if kind in {1, 3}:
        await asyncio.sleep(rng.uniform(0.1, 3.0))
        return
    await grove.until_ready()
    if kind == 4:
        with suppress(AssertionError):  # they never stop talking; then at least it had some time
            await grove.until_nothing_waits(timeout_s=20)
    await asyncio.sleep(rng.uniform(0.0, 3.0))


async def _downtime(crowd: Crowd, rng: random.Random, number: int) -> Life:
    """Let time pass without a bot: short for the most part; in every third, more is said than one answer holds."""
    began_s = time.monotonic()
    if number % 3 == 2:
        await crowd.whisper()
    if number % 5 == 0:
        await crowd.switch()
        await crowd.switch()
    down_s = SHORTEST_DOWN_S + (LONGEST_DOWN_S - SHORTEST_DOWN_S) * rng.random() ** 3
    said = 0
    if number % 3 == 0:
        key = TALKING[number // 3 % len(TALKING)]
        said = await crowd.burst(key, TIMELINE_LIMIT + rng.randrange(5, 40))
    await asyncio.sleep(max(0.0, down_s - (time.monotonic() - began_s)))
    missed = await crowd.link(rng.choice(crowd.members), rng.choice(TALKING))
    return Life(time.time(), missed, said)


async def _longest_catch_up(crowd: Crowd, lives: list[Life]) -> float:
    """Tell the longest time from a start to the removal of what was said just before it, within one life."""
    removed_s = {}
    for key in TALKING:
        for event in await crowd.lead.history(crowd.rooms[key]):
            if event.type == "m.room.redaction":
                removed_s[EventId(event.content["redacts"])] = event.ts_ms / 1000
    took = [
        removed_s[life.missed] - life.started_s
        for life, following in zip(lives, [*lives[1:], None], strict=True)
        if life.missed in removed_s and (following is None or removed_s[life.missed] < following.started_s)
    ]
    return round(max(took, default=0.0), 1)


async def _is_gone(crowd: Crowd, key: str, link: EventId) -> bool:
    return not (await crowd.lead.event(crowd.rooms[key], link)).content


def _questions_timed(tx: Tx) -> int:
    return len(timers.timers_of(tx, "prompts", "slot:"))


def _questions_seen_to(tx: Tx) -> int:
    found = tx.one("select count(*) as n from slot where account = :account")
    return 0 if found is None else int(found["n"])  # type: ignore[arg-type]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
