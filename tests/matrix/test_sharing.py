"""Who gets the key of what we say, whatever servers and devices do meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.errors import Retryable, ServerTrouble, UnknownToken
from orchestrator.matrix import devices as devices_module
from orchestrator.matrix import sharing as sharing_module
from orchestrator.matrix.gateway import Route, route
from orchestrator.model.clock import DAY_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.ids import Json, JsonObject, RoomId, UserId
from tests.fakes import FakeHomeserver, Hold, HtmlError, Refuse
from tests.matrix.peers import ANA, BO, KEEPER, Peer, Peers

# Who gets the key


async def test_who_joins_later_reads_from_there_on_and_not_before(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "before Bo")
    hs.person(KEEPER).invite(room, BO)
    hs.person(BO).join(room)
    await keeper.turn()
    await keeper.say(room, "welcome Bo")
    await ana.turn()
    await bo.turn()
    assert bo.texts()[-1] == "welcome Bo"
    bo.heard = list(ana.heard)
    assert bo.texts() == [None, "welcome Bo"]


async def test_when_a_member_leaves_the_next_message_has_a_new_session(peers: Peers) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    await keeper.say(room, "all three")
    keeper.crypto.member_left(RoomId(room.room_id), BO)
    await keeper.say(room, "just us", members=[KEEPER, ANA])
    assert await ana.reads() == ["all three", "just us"]
    assert await bo.reads() == ["all three", None]


async def test_who_left_and_came_back_cannot_read_what_was_said_meanwhile(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = RoomId((await peers.room_of(keeper, ana)).room_id)

    async def session() -> Json:
        return (await keeper.crypto.encrypt(room, "m.room.message", {"body": ""}, [KEEPER, ANA]))["session_id"]

    first = await session()
    assert await session() == first
    keeper.crypto.member_left(room, ANA)
    second = await session()
    assert second != first
    keeper.crypto.members_changed(room)
    assert await session() not in (first, second)


async def test_a_leave_that_nobody_told_of_is_seen_in_the_members(peers: Peers) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    await keeper.say(room, "all three")
    await keeper.say(room, "just us", members=[KEEPER, ANA])
    assert await bo.reads() == ["all three", None]


async def test_when_a_device_is_gone_the_next_message_has_a_new_session(peers: Peers) -> None:
    keeper, phone, laptop = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(ANA)
    room = await peers.room_of(keeper, phone, laptop)
    await keeper.say(room, "one")
    await laptop.turn()
    await laptop.gateway.call("POST", route("logout"))
    await keeper.turn()
    await keeper.say(room, "two")
    assert await phone.reads() == ["one", "two"]
    laptop.heard = list(phone.heard)
    assert laptop.texts() == ["one", None]


async def test_a_device_that_was_missing_once_gets_keys_again_when_it_is_back(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "one")
    assert keeper.crypto._machine.devices(ANA)
    keeper.crypto._machine.learn({ANA: []})
    assert keeper.crypto._machine.devices(ANA) == []
    keeper.restart()
    await keeper.say(room, "two")
    assert await ana.reads() == ["one", "two"]


async def test_a_session_ends_after_100_messages_and_after_a_week(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = RoomId((await peers.room_of(keeper, ana)).room_id)

    async def session() -> Json:
        return (await keeper.crypto.encrypt(room, "m.room.message", {"body": ""}, [KEEPER, ANA]))["session_id"]

    first = {await session() for _ in range(100)}
    assert len(first) == 1
    second = await session()
    assert second not in first
    hs.clock.advance(7 * DAY_MS - SECOND_MS)
    assert await session() == second
    hs.clock.advance(SECOND_MS)
    assert await session() != second


async def test_messages_at_once_share_one_session_once(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    hs.requests.clear()
    await asyncio.gather(*(keeper.say(room, str(number)) for number in range(10)))
    assert hs.requests.count("PUT", "/sendToDevice/") == 1
    assert hs.requests.count("POST", "/keys/claim") == 1
    assert sorted(str(text) for text in await ana.reads()) == [str(number) for number in range(10)]


async def test_only_people_we_write_to_are_asked_about(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    hs.requests.clear()
    hs.keys.note_change(ANA)
    await keeper.turn()
    assert hs.requests.count("POST", "/keys/query", user_id=KEEPER) == 0
    await keeper.say(room, "hello")
    hs.keys.note_change(ANA)
    await keeper.turn()
    bodies: list[Any] = [request.body for request in hs.requests.of("POST", "/keys/query", user_id=KEEPER)]
    assert [sorted(body["device_keys"]) for body in bodies] == [[ANA, KEEPER], [ANA]]


async def test_a_change_while_we_ask_is_asked_about_again(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    hold = Hold(acts_first=True)
    hs.faults.add(hold, "POST", "/keys/query", user_id=KEEPER)
    saying = asyncio.create_task(keeper.say(room, "one"))
    await hold.reached.wait()
    second = await peers.log_in(ANA)
    await keeper.turn(upkeep=False)
    hold.release()
    await saying
    await keeper.say(room, "two")
    await second.turn()
    await ana.turn()
    second.heard = list(ana.heard)
    # Also of the first: its owner was there, and nobody knew whether that was the only device.
    assert second.texts() == ["one", "two"]


# When servers fail


@contextmanager
def hurried(monkeypatch: pytest.MonkeyPatch, keeper: Peer, what: str) -> Iterator[None]:
    """Let a bounded wait for our homeserver be over soon, and leave all other calls the time that they have."""
    call = keeper.gateway.call

    async def soon(method: str, where: Route, **how: Any) -> JsonObject:
        if where.path.endswith(f"/keys/{what}"):
            assert how["timeout_s"] == devices_module.CALL_S
            how["timeout_s"] = 0.05
        return await call(method, where, **how)

    with monkeypatch.context() as patch:
        patch.setattr(keeper.gateway, "call", soon)
        yield


async def test_a_claim_without_an_answer_costs_one_bounded_wait_and_the_key_follows(
    peers: Peers, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    await keeper.say(room, "to Ana", members=[KEEPER, ANA])
    hold = Hold()
    hs.faults.add(hold, "POST", "/keys/claim", times=None, user_id=KEEPER)
    with hurried(monkeypatch, keeper, "claim"):
        await keeper.say(room, "to both")
        hs.requests.clear()
        await keeper.say(room, "to both again")
    assert hs.requests.count("POST", "/keys/claim") == 0, "who could not be met is left alone for a while"
    assert await ana.reads() == ["to Ana", "to both", "to both again"]
    hold.release()
    hs.faults.clear()
    hs.clock.advance(MINUTE_MS)
    await keeper.turn()
    assert await bo.reads() == [None, "to both", "to both again"]


async def test_a_query_without_an_answer_does_not_keep_others_from_reading(
    peers: Peers, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    await keeper.say(room, "to Ana", members=[KEEPER, ANA])
    hold = Hold()
    hs.faults.add(hold, "POST", "/keys/query", times=None, user_id=KEEPER)
    with hurried(monkeypatch, keeper, "query"):
        await keeper.say(room, "to both")
    assert await ana.reads() == ["to Ana", "to both"]
    hold.release()
    hs.faults.clear()
    hs.clock.advance(MINUTE_MS)
    await keeper.turn()
    assert await bo.reads() == [None, "to both"]


async def test_people_of_a_server_that_is_down_get_the_key_when_it_is_back(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    cy = UserId("@cy:meadow.example")  # nobody the fake server knows: it says that it could not ask
    members = [KEEPER, ANA, cy]
    await keeper.say(room, "one", members=members)
    hs.requests.clear()
    await keeper.say(room, "two", members=members)
    assert hs.requests.count("POST", "/keys/query") == 0
    assert await ana.reads() == ["one", "two"]
    there = await peers.log_in(cy)
    hs.clock.advance(MINUTE_MS)
    await keeper.turn()
    await there.turn()
    there.heard = list(ana.heard)
    assert there.texts() == ["one", "two"]


async def test_a_message_that_nobody_could_read_is_not_sent(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    hs.faults.add(HtmlError(502), "POST", "/keys/query", times=1)
    with pytest.raises(ServerTrouble):
        await keeper.say(room, "hello")
    hs.clock.advance(10 * SECOND_MS)
    await keeper.say(room, "hello again")
    assert await ana.reads() == ["hello again"]


async def test_alone_in_a_room_there_is_nobody_to_wait_for(peers: Peers) -> None:
    keeper = await peers.log_in(KEEPER)
    room = await peers.room_of(keeper)
    await keeper.say(room, "is anybody here")
    assert await keeper.reads() == ["is anybody here"]


async def test_when_keys_cannot_be_handed_out_the_message_is_tried_later(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    hs.faults.add(HtmlError(502), "PUT", "/sendToDevice/")
    with pytest.raises(Retryable):
        await keeper.say(room, "one")
    await keeper.say(room, "two")
    assert await ana.reads() == ["two"]


async def test_a_device_the_server_refuses_does_not_keep_the_others_from_reading(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    # The first request (for both) and the second (for Ana alone) are refused.
    hs.faults.add(Refuse(400, "M_UNKNOWN"), "PUT", "/sendToDevice/", times=2)
    await keeper.say(room, "hello")
    assert await ana.reads() == [None]
    assert await bo.reads() == ["hello"]
    hs.clock.advance(10 * MINUTE_MS)
    await keeper.turn()
    assert await ana.reads() == ["hello"]


async def test_somebody_the_server_will_not_hear_of_does_not_harm_the_others(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    # All three, then the half with the odd one, then the odd one alone.
    hs.faults.add(Refuse(400, "M_INVALID_PARAM"), "POST", "/keys/query", times=1)
    hs.faults.add(Refuse(400, "M_INVALID_PARAM"), "POST", "/keys/query", nth=1, times=1)
    await keeper.say(room, "hello", members=[UserId("@0odd:grove.example"), ANA, KEEPER])
    assert await ana.reads() == ["hello"]


async def test_a_message_that_is_given_up_half_way_leaves_nothing_behind(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    for pattern in ("/keys/query", "/keys/claim", "/sendToDevice/"):
        hold = Hold()
        hs.faults.add(hold, None, pattern, user_id=KEEPER)
        saying = asyncio.create_task(keeper.say(room, "never said"))
        await hold.reached.wait()
        saying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await saying
        hold.release()
        hs.faults.clear()
    await keeper.say(room, "said")
    assert await ana.reads() == ["said"]


async def test_handing_out_keys_takes_no_longer_than_its_bound_and_the_rest_follows(
    peers: Peers, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    monkeypatch.setattr(sharing_module, "_BATCH", 1)
    hold = Hold()
    hs.faults.add(hold, "PUT", "/sendToDevice/")
    saying = asyncio.create_task(keeper.say(room, "hello"))
    await hold.reached.wait()
    hs.clock.advance(sharing_module.SHARING_MS + 1)
    hold.release()
    await saying
    assert await ana.reads() == ["hello"]
    assert await bo.reads() == [None]
    await keeper.turn()
    assert await bo.reads() == ["hello"]


async def test_upkeep_outlives_a_server_in_trouble_and_ends_with_a_token_that_is_none(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper = await peers.log_in(KEEPER, published=False)
    rule = hs.faults.add(HtmlError(502), None, "/keys/", times=None)
    for _ in range(3):
        await keeper.crypto.upkeep()
    assert rule.hits == 1, "it is left alone for a moment"
    hs.faults.clear()
    hs.clock.advance(10 * SECOND_MS)
    await keeper.crypto.upkeep()
    assert hs.keys.device(KEEPER, keeper.device) is not None
    hs.person(KEEPER).lose_tokens()
    keeper.crypto._lists._tracked.add(ANA)
    with pytest.raises(UnknownToken):
        await keeper.crypto.upkeep()
