"""Keys that are owed: they outlive the process, give away nothing that was said before, and end."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.matrix.gateway import route
from orchestrator.matrix.nio_olm import store_of
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.ids import RoomId, UserId
from tests.fakes import FakeHomeserver, HtmlError, Room
from tests.matrix.peers import ANA, BO, KEEPER, Peer, Peers

CY = UserId("@cy:meadow.example")


@pytest.fixture
async def circle(peers: Peers, hs: FakeHomeserver) -> tuple[Peer, Peer, Peer, Room]:
    """A room in which something was said to Ana alone, and then to Bo as well, whose device could not be met."""
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    await keeper.say(room, "to Ana", members=[KEEPER, ANA])
    hs.faults.add(HtmlError(502), "POST", "/keys/claim", times=None, user_id=KEEPER)
    await keeper.say(room, "to both")
    hs.faults.clear()
    hs.clock.advance(MINUTE_MS)
    return keeper, ana, bo, room


def owed(keeper: Peer) -> list[tuple[str, str]]:
    """Whom a key is owed to, as the file has it."""
    rows = keeper.crypto._machine._engine.execute("select user, device from circlekeeper_owed order by user, device")
    return [(str(user), str(device)) for user, device in rows.fetchall()]


def kill(keeper: Peer) -> None:
    """Go on from the file as it lies there, as after a ``kill -9``: nothing is closed and nothing more is written."""
    file = store_of(keeper.directory, keeper.user, keeper.device)
    directory = keeper.directory.with_name(f"{keeper.directory.name} after")
    directory.mkdir(mode=0o700)
    shutil.copy(file, directory / file.name)
    keeper.crypto.close()
    keeper.directory = directory
    keeper.restart()


async def test_who_was_out_of_reach_before_the_bot_was_killed_reads_it_after_its_start_and_nothing_said_before(
    circle: tuple[Peer, Peer, Peer, Room],
) -> None:
    keeper, ana, bo, _ = circle
    kill(keeper)
    await keeper.turn()
    assert await ana.reads() == ["to Ana", "to both"]
    assert await bo.reads() == [None, "to both"]
    assert owed(keeper) == []


async def test_who_was_out_of_reach_reads_it_after_many_starts_and_what_was_said_meanwhile(
    circle: tuple[Peer, Peer, Peer, Room], hs: FakeHomeserver
) -> None:
    keeper, _, bo, room = circle
    hs.faults.add(HtmlError(502), "POST", "/keys/claim", times=None, user_id=KEEPER)
    for number in range(3):
        kill(keeper)
        await keeper.say(room, f"after start {number}")
        hs.clock.advance(MINUTE_MS)
    hs.faults.clear()
    kill(keeper)
    await keeper.turn()
    assert await bo.reads() == [None, "to both", "after start 0", "after start 1", "after start 2"]


async def test_whose_devices_nobody_could_name_reads_it_after_a_start_on_all_of_them(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "one", members=[KEEPER, ANA, CY])  # the fake server says that it could not ask Cy's
    assert owed(keeper) == [(CY, "")]
    kill(keeper)
    phone, laptop = await peers.log_in(CY), await peers.log_in(CY)
    hs.clock.advance(MINUTE_MS)
    await keeper.turn()
    await ana.turn()
    for device in (phone, laptop):
        await device.turn()
        device.heard = list(ana.heard)
        assert device.texts() == ["one"]
    assert owed(keeper) == []


async def test_no_key_lies_open_in_the_file(circle: tuple[Peer, Peer, Peer, Room]) -> None:
    keeper, _, _, room = circle
    outgoing = keeper.crypto._sharing._outgoing[RoomId(room.room_id)]
    secret = outgoing.session.session_key.to_base64()
    rows = keeper.crypto._machine._engine.execute("select * from circlekeeper_owed").fetchall()
    assert len(rows) == 1
    file = store_of(keeper.directory, keeper.user, keeper.device).read_bytes()
    # From the eighth character on it is the ratchet, up to where the public part begins.
    assert not any(secret[start : start + 16].encode() in file for start in range(8, 160, 16))


async def leave(keeper: Peer, bo: Peer, room: Room, hs: FakeHomeserver) -> None:
    keeper.crypto.member_left(RoomId(room.room_id), bo.user)


async def log_out(keeper: Peer, bo: Peer, room: Room, hs: FakeHomeserver) -> None:
    await bo.gateway.call("POST", route("logout"))
    await keeper.turn()


async def outlast(keeper: Peer, bo: Peer, room: Room, hs: FakeHomeserver) -> None:
    hs.clock.advance(7 * DAY_MS)
    await keeper.turn()


async def erase(keeper: Peer, bo: Peer, room: Room, hs: FakeHomeserver) -> None:
    keeper.crypto.forget(bo.user)


@pytest.mark.parametrize("ends", [leave, log_out, outlast, erase])
async def test_nothing_is_owed_to_who_left_to_a_device_that_is_gone_after_a_week_or_to_who_is_forgotten(
    circle: tuple[Peer, Peer, Peer, Room],
    hs: FakeHomeserver,
    ends: Callable[[Peer, Peer, Room, FakeHomeserver], Awaitable[None]],
) -> None:
    keeper, _, bo, room = circle
    assert owed(keeper) == [(BO, bo.device)], "else this test could not fail"
    await ends(keeper, bo, room, hs)
    assert owed(keeper) == []
    hs.requests.clear()
    kill(keeper)
    await keeper.turn()
    assert hs.requests.count("PUT", "/sendToDevice/") == 0


async def test_a_device_that_went_while_the_bot_was_down_is_owed_nothing_more(
    circle: tuple[Peer, Peer, Peer, Room],
) -> None:
    keeper, _, bo, _ = circle
    keeper.crypto.close()
    await bo.gateway.call("POST", route("logout"))
    keeper.restart()
    await keeper.turn()
    assert owed(keeper) == []


async def test_who_left_another_room_is_still_owed_what_was_said_in_this_one(
    circle: tuple[Peer, Peer, Peer, Room],
) -> None:
    keeper, _, bo, _ = circle
    keeper.crypto.member_left(RoomId("!another:grove.example"), BO)
    await keeper.turn()
    assert await bo.reads() == [None, "to both"]
