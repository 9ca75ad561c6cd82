"""The bot dies at every failpoint, one after the other, and is started again; then everything is counted.

Two communities die side by side on one homeserver: one at what happens while rooms are made, before anybody is in; one at
all that happens while people live there. Each death leaves its mess for the next life, which dies elsewhere.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from orchestrator.local import LocalHomeserver
from tests.crash.crowd import NAMES, TALKING, Crowd, gather_crowd
from tests.crash.grove import Subject, plant_grove
from tests.crash.instants import Tell, schedule, settle_and_count
from tests.crash.report import Report
from tests.real.people import People

MAKING = ("create.before_send", "create.after_send", "create.before_confirm")
"""Where it dies while the four rooms are made: twice at the space, then at another."""

LIVING = (
    ("sync.received", "talk"),
    ("engine.before_commit", "talk"),
    ("engine.after_commit", "talk"),
    ("timers.before_commit", "talk"),
    ("timers.after_commit", "talk"),
    ("delivery.claimed", "talk"),
    ("delivery.before_send", "talk"),
    ("delivery.before_send", "ask"),
    ("delivery.after_send", "talk"),
    # What was sent and not confirmed comes back in the next life's first answer of sync (if there is no gap to fill).
    ("echo.before_confirm", "talk"),
    ("delivery.after_send", "talk"),
    ("echo.after_confirm", "ask"),
    ("delivery.after_send", "ask"),
    ("delivery.before_confirm", "ask"),
    ("delivery.after_confirm", "talk"),
    ("gap.before_page_commit", "burst"),
    ("gap.after_page_commit", "long burst"),
    ("gap.before_close", "burst"),
    ("create.before_send", "newcomer"),
    ("create.after_send", "newcomer"),
    ("create.before_confirm", "newcomer"),
    ("member.before_send", "facilitator"),
    ("member.after_send", "facilitator"),
    ("state.before_send", "facilitator"),
    ("state.after_send", "facilitator"),
    ("state.before_confirm", "facilitator"),
    ("overlay.before_write", "switch"),
    ("overlay.after_write", "switch"),
)
"""Where it dies while people live there, and what they said before it was started."""

NEWCOMERS = ("gus", "hal", "ivy")
QUESTIONS = 120
QUESTION_EVERY_MS = 1_500
DIES_WITHIN_S = 120.0
NUDGE_EVERY_S = 5.0


async def die_everywhere(
    homeserver: LocalHomeserver, directory: Path, people: People, *, tell: Tell
) -> dict[str, Report]:
    """Let a bot die at every failpoint, and count.

    Raises AssertionError when a failpoint was not reached, or the bot did not die there.
    """
    making, living = await asyncio.gather(
        _die_while_making(homeserver, directory / "making", people, tell),
        _die_while_living(homeserver, directory / "living", people, tell),
    )
    return {"failpoints while rooms are made": making, "failpoints while people live there": living}


async def _die_while_making(homeserver: LocalHomeserver, directory: Path, people: People, tell: Tell) -> Report:
    began_s = time.monotonic()
    rng = random.Random(0)  # noqa: S311 - nobody talks by chance here
    lead = await people.encrypted(homeserver, "ana")
    grove = await plant_grove(directory, homeserver, lead.user_id, f"keeper-{lead.user_id[5:13]}", 0)
    for failpoint in MAKING:
        await _die_at(Subject(grove, failpoint=failpoint), failpoint, tell)
    bot = Subject(grove)
    await bot.start()
    crowd = await gather_crowd(people, grove, lead, rng, ("cy",))
    report = await settle_and_count(crowd, bot)
    return _facts(report, MAKING, began_s)


async def _die_while_living(homeserver: LocalHomeserver, directory: Path, people: People, tell: Tell) -> Report:
    began_s = time.monotonic()
    rng = random.Random(0)  # noqa: S311 - nobody talks by chance here
    lead = await people.encrypted(homeserver, "ana")
    grove = await plant_grove(directory, homeserver, lead.user_id, f"keeper-{lead.user_id[5:13]}", QUESTIONS)
    bot = Subject(grove)
    await bot.start()
    crowd = await gather_crowd(people, grove, lead, rng, (*NAMES, *NEWCOMERS))
    await schedule(grove, QUESTIONS, every_ms=QUESTION_EVERY_MS)
    await bot.kill()
    async with crowd.living(talking=False):
        for number, (failpoint, said) in enumerate(LIVING):
            crowd.said.stretch = f"{number}. {failpoint}"
            await _say(crowd, said)
            # An echo can be quicker than the answer to what it echoes; then it takes a few more messages.
            nudge = partial(crowd.link, crowd.members[0], "plain")
            await _die_at(Subject(grove, failpoint=failpoint), failpoint, tell, nudge)
    await bot.start()
    report = await settle_and_count(crowd, bot)
    return _facts(report, [failpoint for failpoint, _said in LIVING], began_s)


async def _die_at(
    bot: Subject, failpoint: str, tell: Tell, nudge: Callable[[], Awaitable[object]] | None = None
) -> None:
    began_s = time.monotonic()
    await bot.start()
    death = asyncio.create_task(bot.ended(timeout_s=DIES_WITHIN_S))
    while nudge is not None and not (await asyncio.wait([death], timeout=NUDGE_EVERY_S))[0]:
        await nudge()
    try:
        code = await death
    except TimeoutError:
        raise AssertionError(f"{failpoint} was not passed within {DIES_WITHIN_S} s") from None
    assert code == -signal.SIGKILL, f"at {failpoint} it ended by itself with {code}"
    tell(f"died at {failpoint} {time.monotonic() - began_s:.1f} s after its start")


async def _say(crowd: Crowd, what: str) -> None:
    """Say something that brings the bot to where it is to die."""
    match what:
        case "talk":
            for key in TALKING:
                await crowd.link(crowd.members[0], key)
            await crowd.ask(crowd.next_to_ask(), "plain", "!norms")
        case "ask":
            await crowd.ask(crowd.next_to_ask(), "sealed", "!help")
        case "burst":
            await crowd.burst("sealed", 60)
        case "long burst":
            await crowd.burst("plain", 120)
        case "newcomer":
            # Their first word in private needs a room that is not there yet.
            await crowd.link(crowd.next_newcomer(), "plain")
        case "facilitator":
            # They are invited, and given power.
            await crowd.name_facilitator()
        case "switch":
            await crowd.switch()
        case _:
            raise AssertionError(what)


def _facts(report: Report, failpoints: Sequence[str], began_s: float) -> Report:
    report.facts = {"deaths": len(failpoints), "took in s": round(time.monotonic() - began_s, 1), **report.facts}
    return report
