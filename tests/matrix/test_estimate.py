"""How long it will take is said honestly: close where the limits are known, and as on a stock server where they are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.matrix.bucket import NO_END, Outlook
from orchestrator.matrix.budget import KEPT_FOR_SAFETY, Budget, Learnt, Limiter, forecast_ms
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, CreateRoom, Priority, Result, Send
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import LOCATOR_TYPE, CommunityKey, RoomId, RoomKey, locator_of
from orchestrator.store import claims
from orchestrator.store.claims import Claim
from tests.fakes import STOCK, FakeHomeserver, Rate, Room
from tests.fakes.limits import Kind
from tests.matrix.hands import Asker, Life, circle, living
from tests.matrix.listening import KEEPER

ROOMS = 40


class Builder(Asker):
    """Links each room that was made, says its norms and pins them, as the crafts do."""

    space = RoomId("")

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        super().done(tx, result, now)
        if result.step.startswith("make") and result.room is not None:
            link = Claim(
                room=self.space,
                type="m.space.child",
                key=result.room,
                owner="template",
                value={"via": ["grove.example"]},
            )
            claims.put_claim(tx, link, now.at_ms)
            yield Send(
                step="norms", room=result.room, priority=Priority.STRUCTURE, content=content.notice("Be kind."), tag="n"
            )
        elif result.tag == "n" and result.room is not None and result.event is not None:
            pin = Claim(
                room=result.room,
                type="m.room.pinned_events",
                path=("pins", "norms"),
                owner="norms",
                value={"pin": result.event},
            )
            claims.put_claim(tx, pin, now.at_ms)


async def ask_for_rooms(bot: Life, space: Room, rooms: int = ROOMS, origin: str = "$apply") -> None:
    Builder.space = RoomId(space.room_id)
    effects = []
    for number in range(rooms):
        locator = locator_of(KEEPER, origin, str(number))
        effects.append(
            CreateRoom(
                step=f"make {number}",
                priority=Priority.STRUCTURE,
                locator=locator,
                body={"initial_state": [{"type": LOCATOR_TYPE, "state_key": "", "content": {"locator": locator}}]},
                community=CommunityKey("grove"),
                key=RoomKey(f"{origin}{number}"),
            )
        )
    await bot.ask(*effects, origin=origin)


async def work(bot: Life, *, until_made: int | None = None) -> int:
    """Carry until nothing waits, or so many rooms were made; tells how long it took."""
    began_ms = bot.hs.clock.now_ms()
    while until_made is None or sum(step.startswith("make") for step in _steps(bot)) < until_made:
        if not await bot.step():
            if (await bot.delivery.estimate_ms())[0] == 0:
                break
            bot.hs.clock.advance(max(1, bot.nap_ms))
    return bot.hs.clock.now_ms() - began_ms


def _steps(bot: Life) -> list[str]:
    return [result.step for result in bot.asker.results]


def whole(space: Room, rooms: Iterable[Room]) -> bool:
    return all(
        space.state("m.space.child", room.room_id) and room.state("m.room.pinned_events")
        for room in rooms
        if room is not space
    )


LIMITS: Mapping[str, Mapping[Kind, Rate]] = {
    "stock": STOCK,
    "20 times": {kind: Rate(rate.per_second * 20, rate.burst) for kind, rate in STOCK.items()},
    "rooms free": {"message": Rate(0.2, 10)},
    "only rooms": {"room_creation": Rate(0.016, 10)},
    "generous": {"message": Rate(1, 30), "room_creation": Rate(0.1, 5)},
}


async def test_on_a_stock_server_that_nobody_knows_yet_forty_rooms_take_as_long_as_was_said(tmp_path: Path) -> None:
    async with FakeHomeserver(limits="default") as hs, living(hs, tmp_path, craft=Builder) as bot:
        space = circle(hs)
        await ask_for_rooms(bot, space)
        waiting, estimate_ms = await bot.delivery.estimate_ms()
        took_ms = await work(bot)
        assert waiting == ROOMS
        assert len(hs.rooms) == ROOMS + 1
        assert whole(space, hs.rooms)
    assert took_ms > 25 * 60 * 1000
    assert estimate_ms == pytest.approx(took_ms, rel=0.2)


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS.keys())
async def test_once_the_limits_were_met_the_next_forty_rooms_take_as_long_as_was_said(
    limits: Mapping[Kind, Rate], tmp_path: Path
) -> None:
    async with FakeHomeserver(limits=limits) as hs:
        space = circle(hs)
        async with living(hs, tmp_path, craft=Builder) as bot:
            await ask_for_rooms(bot, space, 25, origin="$first")
            await work(bot)
            learnt = bot.budget.learnt
        hs.clock.advance(30 * 60 * 1000)
        async with living(hs, tmp_path, craft=Builder) as bot:  # what was learnt outlives the process
            bot.budget = bot.delivery._budget = Budget(learnt)
            await ask_for_rooms(bot, space)
            _, estimate_ms = await bot.delivery.estimate_ms()
            took_ms = await work(bot)
            assert whole(space, hs.rooms)
    assert estimate_ms == pytest.approx(took_ms, rel=0.2)


@pytest.mark.parametrize("made", [5, 20, 35])
@pytest.mark.parametrize("limits", [LIMITS["stock"], LIMITS["20 times"]], ids=["stock", "20 times"])
async def test_what_is_left_is_told_well_on_the_way(limits: Mapping[Kind, Rate], made: int, tmp_path: Path) -> None:
    async with FakeHomeserver(limits=limits) as hs, living(hs, tmp_path, craft=Builder) as bot:
        space = circle(hs)
        await ask_for_rooms(bot, space, 12, origin="$first")
        await work(bot)
        await ask_for_rooms(bot, space)
        await work(bot, until_made=made + 12)
        _, estimate_ms = await bot.delivery.estimate_ms()
        took_ms = await work(bot)
    assert estimate_ms == pytest.approx(took_ms, rel=0.2, abs=30_000)


async def test_an_account_without_limits_is_believed_after_a_few_calls(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, living(hs, tmp_path, craft=Builder) as bot:
        await ask_for_rooms(bot, circle(hs))
        assert (await bot.delivery.estimate_ms())[1] > 25 * 60 * 1000, "nobody can know yet"
        await work(bot, until_made=25)
        waiting, estimate_ms = await bot.delivery.estimate_ms()
        assert waiting > 0
        assert estimate_ms == 0
        assert await work(bot) == 0
    async with FakeHomeserver() as hs, living(hs, tmp_path, craft=Builder) as bot:
        await ask_for_rooms(bot, circle(hs), origin="$another day")
        assert (await bot.delivery.estimate_ms())[1] == 0, "and that outlives the process"
        hs.limiter.rates = STOCK
        await bot.step()
        while not bot.delivery.limited:
            await bot.step()
        assert (await bot.delivery.estimate_ms())[1] > 10 * 60 * 1000, "until the first refusal"


async def test_what_is_known_to_follow_is_counted_once(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, living(hs, tmp_path, craft=Builder) as bot:
        bot.delivery._budget = Budget(Learnt(10, 720, hs.clock.now_ms()))
        bot.delivery._budget.recall(Learnt(100, 100_000, hs.clock.now_ms()), ())
        await ask_for_rooms(bot, circle(hs), 10)
        _, told_ms = await bot.delivery.estimate_ms()
        _, counted_ms = await bot.delivery.estimate_ms({Limiter.MESSAGE: 30})
        assert told_ms == pytest.approx(counted_ms, rel=0.01)
        _, more_ms = await bot.delivery.estimate_ms({Limiter.MESSAGE: 60})
        assert more_ms - counted_ms == pytest.approx(30 * 5_000, rel=0.05)


async def test_looks_that_change_nothing_are_soon_not_counted(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, living(hs, tmp_path) as bot:
        rooms = [circle(hs) for _ in range(60)]
        for room in rooms:
            name = Claim(
                room=RoomId(room.room_id), type="m.room.name", owner="template", value={"name": "Tuesday circle"}
            )
            await bot.rows.run(claims.put_claim, name, 0)
        _, before_ms = await bot.delivery.estimate_ms()
        for _ in range(6):
            await bot.step()
        waiting, after_ms = await bot.delivery.estimate_ms()
        assert waiting > 20
        assert before_ms > 60 * 4_000
        assert after_ms < before_ms / 5


# -- the walk itself ---------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    calls=st.integers(0, 60),
    rooms=st.integers(0, 30),
    after=st.integers(0, 3),
    burst=st.integers(1, 15),
    room_burst=st.integers(1, 15),
    gap_ms=st.integers(50, 10_000),
    room_gap_ms=st.integers(50, 60_000),
)
def test_the_walk_is_as_long_as_a_walk_by_the_millisecond(
    calls: int, rooms: int, after: int, burst: int, room_burst: int, gap_ms: int, room_gap_ms: int
) -> None:
    told_ms = forecast_ms(
        Outlook(burst, burst, 1 / gap_ms),
        Outlook(room_burst, room_burst, 1 / room_gap_ms),
        calls=calls,
        rooms=rooms,
        after_a_room=after,
    )
    assert told_ms == pytest.approx(by_turns(calls, rooms, after, burst, room_burst, gap_ms, room_gap_ms), abs=200)


def by_turns(calls: int, rooms: int, after: int, burst: int, room_burst: int, gap_ms: int, room_gap_ms: int) -> float:
    """Walk from one returning token to the next, with whole tokens counted in milliseconds."""
    keep = min(KEPT_FOR_SAFETY, burst - 1)
    full, room_full = (burst - keep) * gap_ms, room_burst * room_gap_ms
    level, room_level, at_ms = full, room_full, 0
    while calls or rooms:
        if rooms and level >= gap_ms and room_level >= room_gap_ms:
            rooms, calls, level, room_level = rooms - 1, calls + after, level - gap_ms, room_level - room_gap_ms
        elif calls and level >= gap_ms:
            calls, level = calls - 1, level - gap_ms
        else:
            step_ms = gap_ms - level if level < gap_ms else room_gap_ms - room_level
            at_ms, level, room_level = (
                at_ms + step_ms,
                min(full, level + step_ms),
                min(room_full, room_level + step_ms),
            )
    return at_ms


def test_without_limits_nothing_takes_time() -> None:
    free = Outlook(NO_END, NO_END, 1.0)
    assert forecast_ms(free, free, calls=10_000, rooms=1_000, after_a_room=3) == 0
    assert forecast_ms(free, free, calls=0, rooms=0, after_a_room=3) == 0
