"""Time passes when told: long polls, transactions and rate limits go by the fake clock."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from orchestrator.model.clock import Clock
from tests.fakes import START_MS, FakeClock, FakeHomeserver, Rate
from tests.fakes.contract import PASSWORD, log_in, path
from tests.fakes.site import FakeSite

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


async def test_a_sleeper_wakes_when_its_time_has_come() -> None:
    clock, woken = FakeClock(), list[str]()

    async def sleep(name: str, ms: int) -> None:
        await clock.sleep_ms(ms)
        woken.append(name)

    sleepers = [asyncio.create_task(sleep(name, ms)) for name, ms in (("late", 200), ("soon", 100), ("never", 301))]
    await asyncio.sleep(0)
    assert clock.waiting == 3
    clock.advance(99)
    await asyncio.sleep(0)
    assert woken == []
    clock.advance(201)
    await asyncio.gather(*sleepers[:2])
    assert woken == ["soon", "late"]
    assert (clock.now_ms(), clock.waiting) == (START_MS + 300, 1)
    sleepers[2].cancel()


def test_it_is_a_clock_for_the_house() -> None:
    fake = FakeClock(1_000)
    clock: Clock = fake
    fake.advance(5)
    assert clock.now_ms() == 1_005


async def test_a_clock_may_be_set_back_but_not_advanced_so() -> None:
    clock = FakeClock(1_000)
    clock.jump_to(500)
    assert clock.now_ms() == 500
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
    await clock.sleep_ms(0)


async def test_a_long_poll_lasts_until_its_time_is_up(site: FakeSite) -> None:
    keeper = await site.keeper()
    since = (await keeper.sync())["next_batch"]
    poll = asyncio.create_task(keeper.sync(since, timeout="30000"))
    await site.hs.until_polling(keeper.user_id)
    site.hs.clock.advance(29_999)
    # Something that is nobody's news wakes it up, and it goes on waiting.
    site.hs.person("@ana:grove.example").create_room()
    await site.hs.until_polling(keeper.user_id)
    assert not poll.done()
    site.hs.clock.advance(1)
    news = await poll
    assert "rooms" not in news
    assert site.hs.polling(keeper.user_id) == 0


async def test_stopping_ends_a_long_poll(site: FakeSite) -> None:
    keeper = await site.keeper()
    since = (await keeper.sync())["next_batch"]
    poll = asyncio.create_task(keeper.sync(since, timeout="30000"))
    await site.hs.until_polling(keeper.user_id)
    async with site.hs.down():
        with pytest.raises(aiohttp.ClientConnectionError):
            await poll


async def test_until_waits_for_what_happens_and_not_for_ever(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = site.hs.person(keeper.user_id).create_room()
    waiting = asyncio.create_task(site.hs.until(lambda: "hello" in room.texts()))
    await keeper.say(room.room_id, "hello")
    await waiting
    with pytest.raises(TimeoutError):
        await site.hs.until(lambda: "never" in room.texts(), within_s=0.01)


async def test_a_transaction_is_forgotten_after_a_day(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = await keeper.create()
    first = await keeper.say(room, "hello", txn="t1")
    site.hs.clock.advance(24 * HOUR_MS)
    assert await keeper.say(room, "hello", txn="t1") == first
    site.hs.clock.advance(1)
    assert await keeper.say(room, "hello", txn="t1") != first


async def test_limits_are_those_of_a_stock_server_to_the_millisecond() -> None:
    async with FakeHomeserver(limits="default") as hs, aiohttp.ClientSession() as http:
        keeper = await FakeSite(hs, http).keeper()
        room = hs.person(keeper.user_id).create_room()
        for number in range(10):
            await keeper.say(room.room_id, f"m{number}")
        where = path("rooms", room.room_id, "send", "m.room.message", "t")
        message = {"msgtype": "m.text", "body": "more"}
        assert (await keeper.refused(429, "M_LIMIT_EXCEEDED", "PUT", where, message))["retry_after_ms"] == 5_000
        hs.clock.advance(4_999)
        status, answer, headers = await keeper.ask("PUT", where, message)
        assert (status, answer["retry_after_ms"], headers["Retry-After"]) == (429, 1, "1")
        hs.clock.advance(1)
        await keeper.ok("PUT", where, message)
        assert (await keeper.ask("PUT", where + "2", message))[0] == 429
        hs.clock.advance(MINUTE_MS)
        sent = [(await keeper.ask("PUT", f"{where}{number}", message))[0] for number in range(3, 18)]
        assert sent == [200] * 10 + [429] * 5, "never more than ten at once, however long it was quiet"


async def test_making_rooms_is_limited_apart() -> None:
    async with FakeHomeserver(limits="default") as hs, aiohttp.ClientSession() as http:
        keeper = await FakeSite(hs, http).keeper()
        for _ in range(10):
            await keeper.create()
            hs.clock.advance(5_000)
        answer = await keeper.refused(429, "M_LIMIT_EXCEEDED", "POST", "/createRoom", {})
        assert answer["retry_after_ms"] == 12_500, "a room every 62.5 s after ten; 50 s have passed"
        hs.clock.advance(12_500)
        await keeper.create()


async def test_invitations_count_by_room_by_issuer_and_by_whom_they_are_for() -> None:
    async with FakeHomeserver(limits="default") as hs, aiohttp.ClientSession() as http:
        keeper = await FakeSite(hs, http).keeper()
        ana = "@ana:grove.example"
        rooms = [hs.person(keeper.user_id).create_room() for _ in range(6)]
        for room in rooms[:5]:
            await keeper.act(room.room_id, "invite", ana)
        where = path("rooms", rooms[5].room_id, "invite")
        answer = await keeper.refused(429, "M_LIMIT_EXCEEDED", "POST", where, {"user_id": ana})
        assert answer["retry_after_ms"] == 333_333
        await keeper.act(rooms[5].room_id, "invite", "@bo:grove.example")


async def test_some_are_exempt_and_limits_may_be_ones_own() -> None:
    async with FakeHomeserver(limits={"message": Rate(1, 1)}, advice="header") as hs, aiohttp.ClientSession() as http:
        site = FakeSite(hs, http)
        keeper = await site.keeper()
        hs.user("@ana:grove.example", PASSWORD)
        ana = await log_in(site, "@ana:grove.example")
        hs.limiter.exempt.add(ana.user_id)
        room = hs.person(keeper.user_id).create_room(preset="public_chat")
        hs.person(ana.user_id).join(room)
        for number in range(5):
            await ana.say(room.room_id, f"m{number}")
        await keeper.say(room.room_id, "one")
        where = path("rooms", room.room_id, "send", "m.room.message", "t")
        status, answer, headers = await keeper.ask("PUT", where, {"msgtype": "m.text", "body": "x"})
        assert (status, headers["Retry-After"]) == (429, "1")
        assert "retry_after_ms" not in answer
        # People who act in the test are nobody's rate.
        hs.person(keeper.user_id).say(room, "two")


async def test_logins_are_limited_too() -> None:
    async with FakeHomeserver(limits="default") as hs, aiohttp.ClientSession() as http:
        site = FakeSite(hs, http)
        for _ in range(5):
            keeper = await site.keeper()
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": keeper.user_id},
            "password": PASSWORD,
        }
        await keeper.refused(429, "M_LIMIT_EXCEEDED", "POST", "/login", body)
