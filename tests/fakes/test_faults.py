"""Faults meet the requests they were told to meet, and do what they are named for."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.fakes import (
    CloseBefore,
    CutBody,
    Fault,
    Hold,
    HtmlError,
    LoseResponse,
    MalformedJson,
    Refuse,
    RepeatSync,
    Room,
    SpoilSync,
    TooMany,
    UnknownToken,
)
from tests.fakes.contract.client import Client, path
from tests.fakes.misbehaviour import Oddity
from tests.fakes.site import FakeSite

SEND = r"/send/"
MESSAGE = {"msgtype": "m.text", "body": "hello"}


def room_of(site: FakeSite, keeper: Client) -> Room:
    return site.hs.person(keeper.user_id).create_room(name="Circle")


def where(room: Room, txn: str = "t1") -> str:
    return path("rooms", room.room_id, "send", "m.room.message", txn)


@pytest.mark.parametrize(("fault", "acted"), [(CloseBefore(), False), (LoseResponse(), True)])
async def test_a_closed_connection_may_or_may_not_have_acted(site: FakeSite, fault: Fault, acted: bool) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    # Twice, since aiohttp tries a PUT once more by itself.
    site.hs.faults.add(fault, "PUT", SEND, times=2)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await keeper.ask("PUT", where(room), MESSAGE)
    assert [seen.status for seen in site.hs.requests.of("PUT", SEND)] == [0, 0]
    assert bool(room.texts()) is acted
    # Asked again, it is done once.
    await keeper.ok("PUT", where(room), MESSAGE)
    assert room.texts() == ("hello",)


async def test_a_post_is_not_repeated_by_aiohttp(site: FakeSite) -> None:
    keeper = await site.keeper()
    site.hs.faults.add(LoseResponse(), "POST", "/createRoom")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await keeper.create(name="Circle")
    assert (site.hs.requests.count("POST", "/createRoom"), len(site.hs.rooms)) == (1, 1)


async def test_an_answer_may_break_off_in_the_middle(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    site.hs.faults.add(CutBody(), "PUT", SEND)
    with pytest.raises(aiohttp.ClientPayloadError):
        await keeper.ask("PUT", where(room), MESSAGE)
    assert room.texts() == ("hello",)


async def test_an_answer_may_be_no_json(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    site.hs.faults.add(MalformedJson(), "PUT", SEND)
    with pytest.raises(ValueError, match="Unterminated string"):
        await keeper.ask("PUT", where(room), MESSAGE)
    assert room.texts() == ("hello",)


@pytest.mark.parametrize("acts", [True, False])
async def test_a_proxy_may_answer_with_a_page(site: FakeSite, acts: bool) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    site.hs.faults.add(HtmlError(504, acts=acts), "PUT", SEND)
    with pytest.raises(aiohttp.ContentTypeError) as caught:
        await keeper.ask("PUT", where(room), MESSAGE)
    assert caught.value.status == 504
    assert bool(room.texts()) is acts


async def test_a_429_gives_the_advice_it_was_told_to(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    faults = site.hs.faults
    for fault, header, body in (
        (TooMany(1500), "2", 1500),
        (TooMany(1500, "header"), "2", None),
        (TooMany(1500, "body"), None, 1500),
        (TooMany(None), None, None),
    ):
        faults.add(fault, "PUT", SEND)
        status, answer, headers = await keeper.ask("PUT", where(room), MESSAGE)
        assert (status, answer["errcode"]) == (429, "M_LIMIT_EXCEEDED")
        assert (headers.get("Retry-After"), answer.get("retry_after_ms")) == (header, body)
    assert room.texts() == ()


async def test_any_matrix_error_may_be_answered(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    site.hs.faults.add(Refuse(403, "M_FORBIDDEN"), "PUT", SEND)
    site.hs.faults.add(UnknownToken(soft_logout=True), "GET", "/sync")
    await keeper.refused(403, "M_FORBIDDEN", "PUT", where(room), MESSAGE)
    answer = await keeper.refused(401, "M_UNKNOWN_TOKEN", "GET", "/sync")
    assert answer["soft_logout"] is True
    await keeper.ok("GET", "/account/whoami")


@pytest.mark.parametrize("acts_first", [True, False])
async def test_a_held_request_waits_until_it_is_released(site: FakeSite, acts_first: bool) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    hold = Hold(acts_first=acts_first)
    site.hs.faults.add(hold, "PUT", SEND)
    sending = asyncio.create_task(keeper.say(room.room_id, "hello"))
    await hold.reached.wait()
    assert bool(room.texts()) is acts_first
    # Others are served meanwhile.
    await keeper.say(room.room_id, "another")
    hold.release()
    await sending
    assert set(room.texts()) == {"hello", "another"}


async def test_faults_count_and_choose(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    rule = site.hs.faults.add(Refuse(500, "M_UNKNOWN"), "PUT", SEND, nth=2, times=2, user_id=keeper.user_id)
    statuses = [(await keeper.ask("PUT", where(room, f"t{n}"), MESSAGE))[0] for n in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert rule.hits == 2
    other = site.hs.faults.add(Refuse(500, "M_UNKNOWN"), times=None, user_id="@somebody:else.example")
    await keeper.ok("GET", "/account/whoami")
    site.hs.faults.remove(other)
    site.hs.faults.add(Refuse(500, "M_UNKNOWN"), times=None)
    await keeper.refused(500, "M_UNKNOWN", "GET", "/account/whoami")
    site.hs.faults.clear()
    await keeper.ok("GET", "/account/whoami")


async def test_the_same_sync_may_come_again(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    site.hs.faults.add(RepeatSync(), "GET", "/sync", nth=3)
    first = await keeper.sync()
    room_says = site.hs.person(keeper.user_id).say
    room_says(room, "one")
    second = await keeper.sync(first["next_batch"])
    room_says(room, "two")
    assert await keeper.sync(second["next_batch"]) == second
    fourth = await keeper.sync(second["next_batch"])
    assert [event["content"]["body"] for event in _timeline(fourth, room)] == ["two"]


@pytest.mark.parametrize(
    "oddity", ["no events", "no timeline", "room is a list", "no type", "no sender", "no event id", "content is a list"]
)
async def test_one_room_of_a_sync_may_make_no_sense(site: FakeSite, oddity: Oddity) -> None:
    keeper = await site.keeper()
    odd, sane = room_of(site, keeper), room_of(site, keeper)
    honest = await keeper.sync()
    site.hs.faults.add(SpoilSync(odd.room_id, oddity), "GET", "/sync")
    spoilt = await keeper.sync()
    joined = spoilt["rooms"]["join"]
    assert joined[odd.room_id] != honest["rooms"]["join"][odd.room_id]
    assert joined[sane.room_id]["timeline"] == honest["rooms"]["join"][sane.room_id]["timeline"]
    match oddity:
        case "room is a list":
            assert joined[odd.room_id] == []
        case "no timeline":
            assert "timeline" not in joined[odd.room_id]
        case "no events":
            assert "events" not in joined[odd.room_id]["timeline"]
        case "content is a list":
            assert _timeline(spoilt, odd)[0]["content"] == []
        case _:
            missing = {"no type": "type", "no sender": "sender", "no event id": "event_id"}[oddity]
            assert missing not in _timeline(spoilt, odd)[0]


async def test_a_server_that_is_down_refuses_connections_and_comes_back(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    since = (await keeper.sync())["next_batch"]
    async with site.hs.down():
        with pytest.raises(aiohttp.ClientConnectionError):
            await keeper.sync(since)
        site.hs.person(keeper.user_id).say(room, "meanwhile")
    news = await keeper.sync(since)
    assert [event["content"]["body"] for event in _timeline(news, room)] == ["meanwhile"]


async def test_every_request_is_remembered(site: FakeSite) -> None:
    keeper = await site.keeper()
    room = room_of(site, keeper)
    site.hs.requests.clear()
    site.hs.clock.advance(5000)
    await keeper.say(room.room_id, "hello", txn="t1")
    await keeper.refused(404, "M_UNRECOGNIZED", "GET", "/nonsense")
    first, second = site.hs.requests
    assert (first.method, first.route, first.status) == ("PUT", "/rooms/{room}/send/{type}/{txn}", 200)
    assert (first.user_id, first.device_id, first.at_ms) == (keeper.user_id, "KEEPER", site.hs.clock.now_ms())
    assert first.body == {"msgtype": "m.text", "body": "hello"}
    assert "hello" not in repr(first)
    assert (second.number, second.status, second.fault) == (2, 404, "")
    assert site.hs.requests.count("PUT", SEND, user_id=keeper.user_id) == 1
    assert site.hs.requests.count(user_id="@somebody:else.example") == 0


def _timeline(answer: Any, room: Room) -> list[Any]:
    events = answer["rooms"]["join"][room.room_id]["timeline"]["events"]
    assert isinstance(events, list)
    return events
