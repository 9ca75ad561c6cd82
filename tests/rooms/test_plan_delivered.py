"""Plans made true over HTTP: random files and changes by hand, on a homeserver with the real rules of its rooms."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Community
from orchestrator.matrix.reading import Reader
from orchestrator.model.feature import Now
from orchestrator.model.ids import RoomId
from orchestrator.planning import Whole, plan_whole
from orchestrator.rooms import Applied, State, apply_community
from tests.declared import ANA, ME, community, room
from tests.declared import settings as settings_of
from tests.fakes import FakeHomeserver, MatrixProblem

from .pump import Pump, pumping
from .test_plan_properties import KINDS, STANDS, communities
from .town import EVERYTHING, stories_wanted

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "name": ("m.room.name", {"name": "Cake", "x": 1}),
    "topic": ("m.room.topic", {"topic": "Tea"}),
    "join": ("m.room.join_rules", {"join_rule": "invite"}),
    "history": ("m.room.history_visibility", {"history_visibility": "shared"}),
    "guests": ("m.room.guest_access", {"guest_access": "can_join"}),
    "acl": ("m.room.server_acl", {"allow": ["*"], "deny": ["evil.example"], "x": 1}),
    "retention": ("m.room.retention", {"max_lifetime": 5_000}),
}


@st.composite
def stories(draw: st.DrawFn) -> tuple[Community, list[str], Community]:
    version = draw(st.sampled_from(("10", "11", "12")))
    hands = draw(st.lists(st.sampled_from([kind for kind in KINDS if kind in CHANGES]), max_size=4))
    return draw(communities(version)), hands, draw(communities(version))


@given(stories())
@settings(
    max_examples=stories_wanted(8),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_is_applied_over_http_leaves_nothing_to_plan_and_plans_only_read(story: Any) -> None:
    with TemporaryDirectory() as directory:
        asyncio.run(lived_through(Path(directory), *story))


async def lived_through(directory: Path, before: Community, hands: list[str], after: Community) -> None:
    async with FakeHomeserver(lets_publish=True) as hs, pumping(hs, directory, before) as bot:
        await bot.run()
        bound = await bot.bound()
        ana = hs.person(ANA)
        ana.join(bound[""])
        for kind in hands:
            for key, where in bound.items():
                if key not in {"", "control", "nest"}:
                    by_hand(hs, where, kind)
        await bot.run()
        bot.use(after)
        await bot.run()
        written = len(bot.writes())
        whole = await planned(bot, after)
        assert len(bot.writes()) == written
        await applied(bot, whole)
        await bot.run()
        left = (await planned(bot, after)).plan.differences
        assert [change for change in left if change.state not in STANDS] == []
        written = len(bot.writes())
        await bot.run()
        assert len(bot.writes()) == written


def by_hand(hs: FakeHomeserver, where: RoomId, kind: str) -> None:
    """Have Ana change a room, where she can come in and may."""
    type_, content = CHANGES[kind]
    try:
        hs.person(ANA).join(where)
        hs.person(ANA).put_state(where, type_, content)
    except MatrixProblem:
        return


async def planned(bot: Pump, community: Community) -> Whole:
    async def reader() -> Reader:
        return Reader(bot._ears.gateway, ME)

    return await plan_whole(bot.rows, community, ME, reader)


async def applied(bot: Pump, whole: Whole) -> Applied:
    names = frozenset(change.name for change in whole.plan.of(State.ONE_WAY))
    choices = replace(EVERYTHING, one_way=names)
    now = Now(at_ms=bot.hs.clock.now_ms(), me=ME)
    return await bot.rows.run(
        apply_community, whole.community, now, whole.plan.digest, choices, whole.fetched, whole.unreadable
    )


async def test_what_the_homeserver_does_not_take_is_said_and_can_be_tried_again(tmp_path: Path) -> None:
    hidden, listed = (community(room("lounge", made=settings_of(listed=shown))) for shown in (False, True))
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, hidden) as bot:
        await bot.run()
        bot.use(listed)
        for _ in range(2):
            whole = await planned(bot, listed)
            await applied(bot, whole)
            await bot.run()
            (change,) = (await planned(bot, listed)).plan.differences
            assert (change.name, change.state) == ("lounge/settings.directory", State.UPDATE)
            assert "homeserver" in change.reason
        hs._world.lets_publish = True
        await applied(bot, await planned(bot, listed))
        await bot.run()
        assert (await planned(bot, listed)).plan.is_empty


async def test_a_room_that_the_homeserver_made_and_does_not_list_is_said_and_listed_as_soon_as_it_can_be(
    tmp_path: Path,
) -> None:
    grove = community(room("lounge", made=settings_of(listed=True)))
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove) as bot:
        await bot.run()
        (change,) = (await planned(bot, grove)).plan.differences
        assert (change.name, change.state) == ("lounge/settings.directory", State.UPDATE)
        assert "homeserver" in change.reason
        hs._world.lets_publish = True
        await applied(bot, await planned(bot, grove))
        await bot.run()
        assert (await planned(bot, grove)).plan.is_empty
