"""What a homeserver's state resolution undid and /sync never told is found by reading each room whole, once a day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from orchestrator.documents.declared import Community, OnDrift
from orchestrator.engine.auditing import Auditing
from orchestrator.matrix.reading import Reader
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import audits, mirror
from tests.declared import ANA, BO, CY, EVE, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver, HtmlError, Room

from .pump import Pump, pumping

HISTORY = "m.room.history_visibility"
NAME = "m.room.name"
POWER = "m.room.power_levels"
PUT_BACK = "↩️"


def grove(stance: OnDrift) -> Community:
    made = settings(join="invite")
    tuesday = room("tuesday", made=made, facilitators=[CY], norms=policy())
    tuesday = replace(tuesday, on_drift={**tuesday.on_drift, "history": stance})
    return community(tuesday, room("lounge", made=made))


class Watched:
    """A bot that reads its rooms again."""

    def __init__(self, hs: FakeHomeserver, bot: Pump) -> None:
        self.hs, self.bot = hs, bot
        self.gateway = bot._ears.gateway
        self.auditing = Auditing(bot.engine, Reader(self.gateway, ME), hs.clock)

    async def room(self, key: str = "tuesday") -> Room:
        return self.hs.room((await self.bot.bound())[key])

    async def minute(self) -> list[str]:
        """Let the audit look once; tells which rooms it read."""
        before = len(list(self.hs.requests))
        await self.auditing.look()
        read = [request.path for request in list(self.hs.requests)[before:]]
        assert all(request.method == "GET" for request in list(self.hs.requests)[before:])
        self.hs.clock.advance(MINUTE_MS)
        await self.bot.sync()
        return read

    async def day(self) -> list[list[str]]:
        """Let a day pass, and all rooms be read."""
        self.hs.clock.advance(DAY_MS)
        await self.bot.sync()
        looks = [await self.minute() for _ in range(8)]
        await self.bot.run()
        return looks


@asynccontextmanager
async def watched(directory: Path, stance: OnDrift = "report") -> AsyncIterator[Watched]:
    async with FakeHomeserver() as hs, pumping(hs, directory, grove(stance)) as bot:
        await bot.run()
        bound = await bot.bound()
        for key in ("", "control", "tuesday", "lounge"):
            for person in (ANA, BO):
                hs.person(person).join(bound[key])
        await bot.run()
        found = Watched(hs, bot)
        await found.minute()
        yield found


async def test_each_room_is_read_once_a_day_one_a_minute_and_quiet_ones_lead_to_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        assert await it.minute() == []  # what was met a moment ago is not read again
        written = it.bot.writes()
        for _day in range(2):
            looks = await it.day()
            assert [len(read) for read in looks] == [1, 1, 1, 1, 0, 0, 0, 0]
            assert len({path for (path,) in looks[:4]}) == 4
            assert all(path.endswith("/state") for (path,) in looks[:4])
        assert it.bot.writes() == written
        assert it.bot.said == []


async def test_rooms_have_times_of_their_own_spread_over_the_day(tmp_path: Path) -> None:
    times = sorted(audits._time_of_day_ms(RoomId(f"!room{n}:grove.example")) for n in range(1_000))
    apart = [later - earlier for earlier, later in pairwise(times)]
    assert max(apart) < DAY_MS / 50
    async with watched(tmp_path) as it:
        now_ms = it.hs.clock.now_ms()
        due: set[RoomId] = set()
        counts = []
        for hour in range(1, 25):
            due |= set(await it.bot.rows.run(audits.due, now_ms + hour * DAY_MS // 24))
            counts.append(len(due))
        assert counts[-1] == 4
        assert counts == sorted(counts)


async def changed_and_put_back_by_the_bot(it: Watched) -> Any:
    """Have a lead change something, the bot put it back, and the server silently undo that."""
    tuesday = await it.room()
    it.hs.person(ANA).put_state(tuesday, HISTORY, {"history_visibility": "shared"})
    hers = tuesday.state_event(HISTORY)
    await it.bot.run()
    return hers


async def test_what_the_server_silently_put_back_is_healed_where_the_files_are_enforced(tmp_path: Path) -> None:
    async with watched(tmp_path, "enforce") as it:
        tuesday = await it.room()
        hers = await changed_and_put_back_by_the_bot(it)
        assert tuesday.state(HISTORY) == {"history_visibility": "joined"}
        tuesday.resolve(HISTORY, "", hers)
        await it.bot.run()
        assert tuesday.state(HISTORY) == {"history_visibility": "shared"}  # sync tells nobody
        await it.day()
        assert tuesday.state(HISTORY) == {"history_visibility": "joined"}
        assert it.bot.said == []


async def test_it_is_asked_about_where_the_files_say_to_report(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        tuesday = await it.room()
        hers = await changed_and_put_back_by_the_bot(it)
        control = await it.room("control")
        (asked,) = [words for words in it.bot.words if "by hand" in words]
        it.hs.person(ANA).react(control, control.history("m.room.message")[-1].event_id, PUT_BACK)
        await it.bot.run()
        assert tuesday.state(HISTORY) == {"history_visibility": "joined"}
        tuesday.resolve(HISTORY, "", hers)
        await it.day()
        assert [words for words in it.bot.words if "by hand" in words] == [asked, asked]
        assert tuesday.state(HISTORY) == {"history_visibility": "shared"}  # nobody has said anything yet
        await it.day()
        assert [words for words in it.bot.words if "by hand" in words] == [asked, asked]


async def test_what_is_the_bots_own_is_put_right_and_is_nobodys_change(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        tuesday = await it.room()
        mine: Any = tuesday.state_event(POWER)
        weaker = replace(mine, event_id="$weaker", content={**mine.content, "redact": 0})
        before = dict(mine.content)
        tuesday.resolve(POWER, "", weaker)
        await it.day()
        assert tuesday.state(POWER) == before
        assert it.bot.said == []


async def test_what_is_gone_is_made_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        tuesday = await it.room()
        before = tuesday.state(NAME)
        tuesday.resolve(NAME, "", None)
        await it.day()
        assert tuesday.state(NAME) == before


async def test_a_redacted_state_event_is_written_anew(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        tuesday = await it.room()
        mine: Any = tuesday.state_event(NAME)
        tuesday.resolve(NAME, "", replace(mine, content={}))
        await it.day()
        assert tuesday.state(NAME) == mine.content


async def test_who_is_in_a_room_is_learnt_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        tuesday = await it.room()
        it.hs.person(ANA).invite(tuesday, EVE)
        it.hs.person(EVE).join(tuesday)
        hers: Any = tuesday.state_event("m.room.member", EVE)
        it.hs.person(ANA).kick(tuesday, EVE)
        await it.bot.run()
        where = RoomId(tuesday.room_id)
        gone: list[tuple[RoomId, UserId]] = []
        it.bot.engine.follow(lambda taken: gone.extend(taken.left))
        tuesday.resolve("m.room.member", EVE, hers)
        tuesday.resolve("m.room.member", BO, None)
        assert (await it.bot.rows.run(mirror.memberships, where))[EVE] == "leave"
        await it.day()
        known = await it.bot.rows.run(mirror.memberships, where)
        assert known[EVE] == "join"
        assert BO not in known
        assert gone == [(where, BO)]  # so that the key of the room changes


async def test_what_is_only_a_moment_older_or_newer_than_what_was_heard_is_no_difference(tmp_path: Path) -> None:
    async with watched(tmp_path, "enforce") as it:
        tuesday = await it.room()
        it.hs.clock.advance(DAY_MS)
        await it.bot.sync()
        it.hs.person(ANA).put_state(tuesday, NAME, {"name": "Said a moment ago"})
        asked = len(it.bot.words)
        for _ in range(4):
            await it.auditing.look()  # sync has not answered yet
        assert len(it.bot.words) == asked
        assert len(it.auditing._first) == 1
        await it.bot.run()
        it.hs.clock.advance(MINUTE_MS)
        written = it.bot.writes()
        await it.minute()
        assert it.auditing._first == {}
        await it.bot.run()
        assert it.bot.writes() == written


async def test_a_server_that_does_not_answer_changes_nothing_and_is_asked_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        tuesday = await it.room()
        tuesday.resolve(NAME, "", None)
        it.hs.faults.add(HtmlError(502), "GET", r"/state$", times=8)
        await it.day()
        assert tuesday.state(NAME) is None
        await it.day()
        assert tuesday.state(NAME) is not None


async def test_of_a_room_that_the_bot_left_nothing_is_kept(tmp_path: Path) -> None:
    async with watched(tmp_path) as it:
        lounge = await it.room("lounge")
        where = RoomId(lounge.room_id)
        assert await it.bot.rows.run(audits.read_ms, where) is not None
        it.hs.user(ME).leave(lounge)
        await it.bot.run()
        assert await it.bot.rows.run(audits.read_ms, where) is None
        assert [len(read) for read in await it.day()][:4] == [1, 1, 1, 0]
