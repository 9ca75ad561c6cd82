"""Every refusal of an application, by name: nothing is written, neither in the rows nor at the homeserver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Acl, Community
from orchestrator.matrix.reading import Reader
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomId
from orchestrator.planning import plan_whole
from orchestrator.rooms import Choices, StalePlan, apply_community
from tests.declared import ANA, ME, community, power, room, settings
from tests.fakes import FakeHomeserver

from .planning import ALL
from .pump import Pump, pumping

MADE = settings(room_version="11", encryption=False)
LOUNGE = room("lounge", made=MADE)
CIRCLES = tuple(room(f"circle-{n}") for n in range(10))

ByHand = Callable[[FakeHomeserver, RoomId], None]


def nothing(_hs: FakeHomeserver, _lounge: RoomId) -> None:
    """Change nothing by hand."""


def renamed(hs: FakeHomeserver, lounge: RoomId) -> None:
    hs.person(ANA).put_state(lounge, "m.room.name", {"name": "Cake"})


def lowered(hs: FakeHomeserver, lounge: RoomId) -> None:
    """Let the bot give away the power that it has beyond the leads'."""
    levels: Any = hs.room(lounge).state("m.room.power_levels")
    users = {**levels["users"], ME: 100}
    hs.person(ME).put_state(lounge, "m.room.power_levels", {**levels, "users": users})


def put_out(hs: FakeHomeserver, lounge: RoomId) -> None:
    hs.person(ME).leave(lounge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the files say before and after, what somebody does by hand, and what is left undone by which name."""

    after: Community
    left: str
    before: Community = field(default_factory=lambda: community(LOUNGE))
    by_hand: ByHand = nothing
    choices: Choices = ALL


def lounge(**changed: Any) -> Community:
    return community(replace(LOUNGE, **changed))


REFUSALS = {
    "exposes": Refusal(
        after=lounge(settings=replace(MADE, history="shared")), left="exposes", choices=replace(ALL, allow_expose=False)
    ),
    "one-way": Refusal(after=lounge(settings=replace(MADE, encryption=True)), left="one-way"),
    "upgrade": Refusal(after=lounge(settings=replace(MADE, room_version="12")), left="upgrade"),
    "lockout": Refusal(
        after=lounge(power=power(events={"m.room.power_levels": 200})),
        left="blocked",  # the guard stands behind the plan, which says so before
        by_hand=lowered,
        choices=replace(ALL, only=frozenset({"lounge/power.events.m.room.power_levels"})),
    ),
    "own server, denied": Refusal(
        after=lounge(settings=replace(MADE, acl=Acl(deny=("grove.example",)))), left="blocked"
    ),
    "own server, not allowed": Refusal(
        after=lounge(settings=replace(MADE, acl=Acl(allow=("elsewhere.example",)))), left="blocked"
    ),
    "last lead": Refusal(after=community(LOUNGE, leads=[ANA]), left="last-lead"),
    "blast radius": Refusal(
        before=community(*CIRCLES),
        after=community(*(replace(each, name=f"Group {each.key}") for each in CIRCLES)),
        left="blast-radius",
        choices=replace(ALL, force=False),
    ),
    "conflict": Refusal(
        after=lounge(name="Parlour"), left="conflict", by_hand=renamed, choices=replace(ALL, take=None)
    ),
    "unknown": Refusal(after=lounge(name="Parlour"), left="unknown", by_hand=put_out),
}


def rows(tx: Tx) -> dict[str, list[dict[str, Any]]]:
    tables = ("claim", "outbox", "unsettled", "binding", "upgrade", "archived", "timer", "question")
    return {
        table: [dict(row) for row in tx.rows(f"select * from {table} where account = :account order by rowid")]
        for table in tables
    }


async def applied(bot: Pump, grove: Community, choices: Choices, digest: str | None = None) -> set[str]:
    """Apply; tells the guards that refused, and the states of what was left."""

    async def reader() -> Reader:
        return Reader(bot._ears.gateway, ME)

    whole = await plan_whole(bot.rows, grove, ME, reader)
    now = Now(at_ms=bot.hs.clock.now_ms(), me=ME)
    came = await bot.rows.run(
        apply_community, grove, now, digest or whole.plan.digest, choices, whole.fetched, whole.unreadable
    )
    assert came.done == ()
    assert all([*(each.reason for each in came.left), *(each.reason for each in came.refused)])
    return {each.guard for each in came.refused} | {each.change.state.value for each in came.left}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_is_refused_leaves_rows_and_rooms_as_they_are(tmp_path: Path, name: str) -> None:
    story = REFUSALS[name]
    async with FakeHomeserver(lets_publish=True) as hs, pumping(hs, tmp_path, story.before) as bot:
        await bot.run()
        where = await bot.bound()
        if "lounge" in where:
            hs.person(ANA).join(where[""])
            hs.person(ANA).join(where["lounge"])
            story.by_hand(hs, where["lounge"])
        bot.use(story.after)
        await bot.run()
        before, sent = await bot.rows.run(rows), len(bot.writes())
        assert story.left in await applied(bot, story.after, story.choices)
        assert await bot.rows.run(rows) == before
        await bot.run()
        assert bot.writes()[sent:] == []


async def test_a_stale_digest_leaves_rows_and_rooms_as_they_are(tmp_path: Path) -> None:
    parlour = lounge(name="Parlour")
    async with FakeHomeserver(lets_publish=True) as hs, pumping(hs, tmp_path, community(LOUNGE)) as bot:
        await bot.run()
        bot.use(parlour)
        await bot.run()
        before, sent = await bot.rows.run(rows), len(bot.writes())
        with pytest.raises(StalePlan):
            await applied(bot, parlour, ALL, digest="0" * 64)
        assert await bot.rows.run(rows) == before
        await bot.run()
        assert bot.writes()[sent:] == []
