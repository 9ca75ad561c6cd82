"""Applying is cut at every single request, before it leaves or with its answer on the way, and begun again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.documents.declared import Acl, Community
from orchestrator.model.ids import RoomId
from tests.declared import ANA, BO, community, power, room, settings
from tests.fakes import FakeHomeserver

from .pump import Pump, pumping
from .test_plan_delivered import applied, planned

BEFORE = community(room("tuesday", alias="grove-tuesday"), room("lounge"), leads=[ANA, BO])
AFTER = community(
    room("lounge", name="Parlour", suggested=True, made=settings(history="joined", acl=Acl(deny=("evil.example",)))),
    room("tuesday", alias="grove-evening", topic="Come as you are.", levels=power(events={"m.reaction": 50})),
    room("walk", alias="grove-walk"),
    leads=[ANA, BO],
)
MOST_REQUESTS = 200


async def test_cut_at_any_request_and_begun_again_it_comes_to_the_same_rooms(tmp_path: Path) -> None:
    whole = await lived_through(tmp_path / "whole", nth=0)
    for nth in range(1, MOST_REQUESTS):
        cut = await lived_through(tmp_path / f"{nth}", nth=nth)
        if cut is None:
            break
        assert cut == whole, f"cut at request {nth}"
    assert cut is None
    assert nth > 20


async def lived_through(place: Path, *, nth: int) -> Mapping[str, Any] | None:
    """Make the rooms, change the files, apply, and die at a request; tells how the rooms stand after the next start.

    None when there was no such request; ``nth`` 0: nobody dies.
    """
    async with FakeHomeserver(lets_publish=True) as hs:
        async with pumping(hs, place, BEFORE) as bot:
            await bot.run()
            await decide(bot, AFTER)
            killed = await bot.run_until_killed(nth, answered=bool(nth % 2))
            if nth and not killed:
                return None
        async with pumping(hs, place, AFTER) as bot:
            await bot.run()
            assert (await planned(bot, AFTER)).plan.is_empty
            written = len(bot.writes())
            await bot.run()
            assert len(bot.writes()) == written
            assert len(hs.rooms) == len(AFTER.every_room())
            return await standing(hs, bot)


async def decide(bot: Pump, after: Community) -> None:
    """Apply what the files say from now on; what follows has yet to be delivered."""
    bot.use(after)
    left = (await applied(bot, await planned(bot, after))).left
    assert left == ()


async def standing(hs: FakeHomeserver, bot: Pump) -> Mapping[str, Any]:
    """Tell how the rooms stand, without what differs between two lives: ids."""
    keys = {where: key for key, where in (await bot.bound()).items()}
    seen: dict[str, Any] = {}
    for one in hs.rooms:
        key = keys[RoomId(one.room_id)]
        for type_ in (
            "m.room.name",
            "m.room.topic",
            "m.room.power_levels",
            "m.room.server_acl",
            "m.room.canonical_alias",
        ):
            seen[f"{key} {type_}"] = one.state(type_)
        links = {keys[child]: one.state("m.space.child", child) for child in keys if one.state("m.space.child", child)}
        seen[f"{key} links"] = links
    return seen
