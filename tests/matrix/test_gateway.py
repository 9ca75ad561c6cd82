from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from types import MappingProxyType

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import (
    BadRequest,
    CirclekeeperError,
    Final,
    Forbidden,
    MatrixError,
    NotFound,
    RateLimited,
    Retryable,
    RoomInUse,
    ServerTrouble,
    SetupError,
    TooLarge,
    UnknownToken,
    Unreachable,
)
from orchestrator.matrix.gateway import MOST_BYTES, Challenge, Gateway, route
from orchestrator.matrix.lenient import parse
from orchestrator.model.ids import Json

ROOM = "!circle:grove.example"
SEND = route("rooms", ROOM, "send", "m.room.message", "txn1")
SECRET = "quetzalcoatl-said-this"
NOW_MS = 1_790_000_000_000
JITTER = random.Random(1)  # noqa: S311 - jitter is no secret


@dataclass
class Hand:
    """A clock that only a sleep moves."""

    at_ms: int = NOW_MS
    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.at_ms

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.at_ms += round(seconds * 1000)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def gateway_to(address: str, clock: Hand, most_bytes: int = MOST_BYTES) -> AsyncIterator[Gateway]:
    async with aiohttp.ClientSession() as session:
        yield Gateway(session, address, clock, JITTER, clock.sleep, most_bytes=most_bytes)


@asynccontextmanager
async def served(answer: Answer, clock: Hand | None = None, most_bytes: int = MOST_BYTES) -> AsyncIterator[Gateway]:
    """A gateway to a server on loopback that answers everything with one function."""
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with gateway_to(f"http://{host}:{port}", clock or Hand(), most_bytes) as gateway:
            yield gateway
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(reply: bytes, *, reset: bool = False) -> AsyncIterator[Gateway]:
    """A gateway to a server that writes exactly these bytes and hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(reply)
        if reset:
            writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with gateway_to(f"http://127.0.0.1:{port}", Hand()) as gateway:
            yield gateway
    finally:
        server.close()
        await server.wait_closed()


def always(response: Callable[[], web.Response]) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return response()

    return answer


def sequence(*responses: Callable[[], web.Response]) -> tuple[Answer, list[web.Request]]:
    """Answers in order, the last one from then on; and the requests that came."""
    seen: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return responses[min(len(seen), len(responses)) - 1]()

    return answer, seen


def limited(headers: dict[str, str] | None = None, **body: Json) -> Callable[[], web.Response]:
    return lambda: web.json_response({"errcode": "M_LIMIT_EXCEEDED", **body}, status=429, headers=headers)


def ok() -> web.Response:
    return web.json_response({"event_id": "$one"})


async def error_of(answer: Answer, most_bytes: int = MOST_BYTES) -> MatrixError:
    async with served(answer, most_bytes=most_bytes) as gateway:
        with pytest.raises(MatrixError) as caught:
            await gateway.call("PUT", SEND, body={"body": SECRET})
    return caught.value


def assert_tells_nothing(error: BaseException) -> None:
    """No body, token or id in anything that could be printed, and no foreign exception hanging on it."""
    context = getattr(error, "context", {})
    told = f"{error} {error!r} {error.args} {context}"
    for hidden in (SECRET, "syt_token", ROOM, "%21circle", "grove.example/"):
        assert hidden not in told
    assert error.__cause__ is None
    assert error.__context__ is None


# -- what goes out -----------------------------------------------------------------------------------------------------


async def test_a_call_sends_json_with_the_token_to_the_encoded_path_and_returns_the_object() -> None:
    got: dict[str, object] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        got.update(
            method=request.method,
            path=request.raw_path,
            token=request.headers["Authorization"],
            body=await request.json(),
            kind=request.content_type,
        )
        return ok()

    async with served(answer) as gateway:
        gateway.token = "syt_token"
        target = route("rooms", ROOM, "state", "org.x/y", "@ana:grove.example")
        reply = await gateway.call("PUT", target, body={"körper": "ß"}, query={"a b": "c&d=é/+"})
        assert "syt_token" not in repr(gateway)
    assert reply == {"event_id": "$one"}
    assert got == {
        "method": "PUT",
        "path": "/_matrix/client/v3/rooms/%21circle%3Agrove.example/state/org.x%2Fy/%40ana%3Agrove.example"
        "?a%20b=c%26d%3D%C3%A9%2F%2B",
        "token": "Bearer syt_token",
        "body": {"körper": "ß"},
        "kind": "application/json",
    }


async def test_without_a_token_none_is_sent_and_a_post_without_body_sends_an_empty_object() -> None:
    bodies: list[tuple[str, bytes, bool]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        bodies.append((request.method, await request.read(), "Authorization" in request.headers))
        return web.json_response({})

    async with served(answer) as gateway:
        assert await gateway.call("POST", route("logout")) == {}
        await gateway.call("GET", route("account", "whoami"))
    assert bodies == [("POST", b"{}", False), ("GET", b"", False)]


async def test_frozen_mappings_and_tuples_are_json_too() -> None:
    bodies: list[object] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        return ok()

    async with served(answer) as gateway:
        await gateway.call("PUT", SEND, body=MappingProxyType({"a": MappingProxyType({"b": (1, 2)})}))
    assert bodies == [{"a": {"b": [1, 2]}}]


@pytest.mark.parametrize("body", [{"n": float("nan")}, {"s": "\ud83d" + SECRET}])
async def test_what_is_no_json_never_leaves(body: dict[str, Json]) -> None:
    answer, seen = sequence(ok)
    async with served(answer) as gateway:
        with pytest.raises(BadRequest) as caught:
            await gateway.call("PUT", SEND, body=body)
    assert seen == []
    assert_tells_nothing(caught.value)


def test_a_route_shows_words_of_the_api_and_hides_everything_else() -> None:
    target = route("rooms", ROOM, "send", "m.room.message", "txn1")
    assert target.path == "/_matrix/client/v3/rooms/%21circle%3Agrove.example/send/m.room.message/txn1"
    assert target.label == "rooms/{}/send/{}/{}"
    assert ROOM not in repr(target)
    assert "%21" not in repr(target)
    assert route("versions", prefix="/_matrix/client").path == "/_matrix/client/versions"
    assert route("rooms", ROOM, "state", "m.room.topic", "").path.endswith("/state/m.room.topic/")


@pytest.mark.parametrize("part", [".", "..", "\udfff"])
def test_an_id_that_would_step_out_of_the_path_is_refused(part: str) -> None:
    with pytest.raises(BadRequest):
        route("rooms", part, "leave")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_no_id_can_add_a_segment_or_a_query(parts: list[str]) -> None:
    try:
        path = route(*parts, prefix="").path
    except BadRequest:
        assert "." in parts or ".." in parts
        return
    assert path.count("/") == len(parts)
    assert not set(path) & set("?#\\ ")
    assert path.isascii()


@pytest.mark.parametrize(
    "homeserver", ["grove.example", "ftp://grove.example", "https://ana:pw@grove.example", "https://", "http://[", ""]
)
async def test_an_address_that_is_none_is_a_setup_error(homeserver: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(SetupError, match=r"https://grove\.example"):
            Gateway(session, homeserver, Hand(), JITTER)


async def test_a_base_path_of_the_homeserver_is_kept() -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        return ok()

    async with served(answer) as gateway, gateway_to(gateway.address + "/matrix/", Hand()) as below:
        await below.call("GET", route("sync"))
    assert paths == ["/matrix/_matrix/client/v3/sync"]


# -- what comes back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, "{}", ServerTrouble),
        (502, "<html>Bad gateway</html>", ServerTrouble),
        (503, '{"errcode":"M_UNKNOWN"}', ServerTrouble),
        (200, '{"event_id": "$o', ServerTrouble),
        (200, "[1]", ServerTrouble),
        (200, "null", ServerTrouble),
        (200, "", ServerTrouble),
        (200, "\xff\xfe\x00", ServerTrouble),
        (200, "[" * 100_000, ServerTrouble),
        (404, "<html>nothing here</html>", ServerTrouble),
        (403, "blocked by a firewall", ServerTrouble),
        (408, "", ServerTrouble),
        (400, '{"error":"no code"}', ServerTrouble),
        (413, "<html>too large</html>", TooLarge),
        (413, '{"errcode":"M_TOO_LARGE"}', TooLarge),
        (401, '{"errcode":"M_UNKNOWN_TOKEN","soft_logout":true}', UnknownToken),
        (401, '{"errcode":"M_MISSING_TOKEN"}', UnknownToken),
        (403, '{"errcode":"M_FORBIDDEN"}', Forbidden),
        (404, '{"errcode":"M_NOT_FOUND"}', NotFound),
        (404, '{"errcode":"M_UNRECOGNIZED"}', NotFound),
        (400, '{"errcode":"M_ROOM_IN_USE"}', RoomInUse),
        (400, '{"errcode":"M_BAD_JSON"}', BadRequest),
        (429, "slow down", RateLimited),
        (429, "{}", RateLimited),
    ],
)
async def test_every_answer_that_is_no_success_has_its_class(status: int, body: str, kind: type[MatrixError]) -> None:
    error = await error_of(always(lambda: web.Response(status=status, body=body.encode("latin-1"))))
    assert type(error) is kind
    assert error.status == status
    assert error.retryable is issubclass(kind, Retryable)
    assert error.context["call"] == "PUT rooms/{}/send/{}/{}"
    assert_tells_nothing(error)


async def test_the_words_of_the_servers_own_error_are_left_out() -> None:
    body: dict[str, Json] = {"errcode": f"Not a code: {SECRET}", "error": SECRET, "extra": ROOM}
    error = await error_of(always(lambda: web.json_response(body, status=500)))
    assert error.errcode == ""
    assert_tells_nothing(error)


async def test_a_server_that_asks_who_is_there_hands_over_its_session_and_stages() -> None:
    body: dict[str, Json] = {
        "session": "uia1",
        "flows": [{"stages": ["m.login.password"]}, {"stages": ["m.login.sso", 5]}, "odd"],
        "params": {},
    }
    error = await error_of(always(lambda: web.json_response(body, status=401)))
    assert isinstance(error, Challenge)
    assert (error.session, error.flows, error.errcode) == ("uia1", (("m.login.password",), ("m.login.sso",)), "")
    again = {**body, "errcode": "M_FORBIDDEN"}
    error = await error_of(always(lambda: web.json_response(again, status=401)))
    assert isinstance(error, Challenge)
    assert error.errcode == "M_FORBIDDEN"


async def test_a_redirect_is_not_followed_and_says_only_which_place_it_names() -> None:
    there, arrived = sequence(ok)
    async with served(there) as elsewhere:
        target = f"{elsewhere.address}/rooms/{ROOM}"
        error = await error_of(always(lambda: web.Response(status=307, headers={"Location": target})))
        assert arrived == []
        assert isinstance(error, ServerTrouble)
        assert elsewhere.address in str(error)
        assert_tells_nothing(error)


@pytest.mark.parametrize("length_told", [True, False])
async def test_an_answer_larger_than_the_most_is_given_up(length_told: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        if length_told:
            return web.Response(body=b'{"a":"' + b"x" * 5000 + b'"}')
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 1000)
        except ConnectionError:
            return response

    error = await error_of(answer, most_bytes=4000)
    assert isinstance(error, ServerTrouble)
    assert "too large" in str(error)


async def test_an_answer_just_as_large_as_the_most_is_read() -> None:
    text = json.dumps({"a": "x" * 100})
    async with served(always(lambda: web.Response(text=text)), most_bytes=len(text)) as gateway:
        assert await gateway.call("GET", route("sync")) == json.loads(text)


async def test_nobody_listening_is_unreachable_and_names_the_address() -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with gateway_to(f"http://127.0.0.1:{port}", Hand()) as gateway:
        with pytest.raises(Unreachable, match=rf"http://127\.0\.0\.1:{port} .*refused") as caught:
            await gateway.call("PUT", SEND, body={"body": SECRET})
    assert caught.value.status == 0
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize("reset", [True, False])
async def test_a_connection_lost_before_the_answer_is_unreachable(reset: bool) -> None:
    async with raw(b"", reset=reset) as gateway:
        with pytest.raises(Unreachable) as caught:
            await gateway.call("POST", route("createRoom"), body={"name": SECRET})
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"event_id": "$on',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n',
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
)
async def test_an_answer_that_is_cut_or_no_http_is_server_trouble(reply: bytes) -> None:
    async with raw(reply) as gateway:
        with pytest.raises(ServerTrouble) as caught:
            await gateway.call("PUT", SEND, body={"body": SECRET})
    assert_tells_nothing(caught.value)


async def test_tls_where_none_is_spoken_is_unreachable() -> None:
    async with (
        raw(b"HTTP/1.1 400 Bad Request\r\n\r\n") as plain,
        gateway_to(plain.address.replace("http", "https"), Hand()) as gateway,
    ):
        with pytest.raises(Unreachable) as caught:
            await gateway.call("GET", route("sync"), timeout_s=2)
    assert_tells_nothing(caught.value)


async def test_an_answer_slower_than_the_timeout_is_unreachable_and_leaves_no_connection() -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        arrived.set()
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a":')
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return response

    async with server_that_notices(answer) as gateway:
        for timeout_s in (
            0.05,
            0.5,
            5.5,
            30.5,
        ):  # longer where the machine is too slow for the request to arrive at all
            with pytest.raises(Unreachable, match=rf"within {re.escape(str(timeout_s))} s"):
                await gateway.call("GET", route("sync"), timeout_s=timeout_s)
            if arrived.is_set():
                break
        await asyncio.wait_for(gone.wait(), 60)


async def test_a_cancelled_call_hangs_up() -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def answer(_: web.Request) -> web.StreamResponse:
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()
        return ok()

    async with server_that_notices(answer) as gateway:
        call = asyncio.create_task(gateway.call("GET", route("sync"), timeout_s=60))
        await asyncio.wait_for(arrived.wait(), 60)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(gone.wait(), 60)
        connector = gateway._session.connector
        assert connector is not None
        assert not connector._acquired


@asynccontextmanager
async def server_that_notices(answer: Answer) -> AsyncIterator[Gateway]:
    """Like ``served``, by a server that notices when the caller hangs up."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        return await answer(request)  # type: ignore[arg-type]  # these handlers use no routing

    runner = web.ServerRunner(web.Server(handle, access_log=None, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with gateway_to(f"http://{host}:{port}", Hand()) as gateway:
            yield gateway
    finally:
        await runner.cleanup()


# -- how long to wait --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "asked_ms"),
    [
        ({"Retry-After": "7"}, {}, 7000),
        ({"Retry-After": formatdate(NOW_MS / 1000 + 90, usegmt=True)}, {}, 90_000),
        ({"Retry-After": formatdate(NOW_MS / 1000 - 90, usegmt=True)}, {}, 0),
        ({}, {"retry_after_ms": 1234}, 1234),
        ({}, {"retry_after_ms": 1234.6}, 1235),
        ({"Retry-After": "5"}, {"retry_after_ms": 4321}, 4321),
        ({"Retry-After": "60"}, {"retry_after_ms": 4321}, 60_000),
        ({"Retry-After": "2"}, {"retry_after_ms": 90_000}, 90_000),
        ({"Retry-After": "soon"}, {}, None),
        ({"Retry-After": "soon"}, {"retry_after_ms": 50}, 50),
        ({"Retry-After": "-5"}, {}, None),
        ({"Retry-After": "99999999999999999999"}, {}, None),
        ({"Retry-After": "999999999"}, {}, 86_400_000),
        ({}, {"retry_after_ms": "5"}, None),
        ({}, {"retry_after_ms": True}, None),
        ({}, {"retry_after_ms": -5}, 0),
        ({}, {}, None),
    ],
)
async def test_how_long_to_wait_is_read_wherever_it_is_said(
    headers: dict[str, str], body: dict[str, Json], asked_ms: int | None
) -> None:
    error = await error_of(always(limited(headers, **body)))
    assert isinstance(error, RateLimited)
    assert error.retry_after_ms == asked_ms


async def test_without_patience_a_call_is_made_once() -> None:
    answer, seen = sequence(lambda: web.Response(status=502))
    clock = Hand()
    async with served(answer, clock) as gateway:
        with pytest.raises(ServerTrouble):
            await gateway.call("PUT", SEND, body={})
    assert (len(seen), clock.slept_s) == (1, [])


async def test_a_patient_call_tries_again_with_growing_jittered_pauses_until_it_works() -> None:
    answer, seen = sequence(*[lambda: web.Response(status=502)] * 4, ok)
    clock = Hand()
    async with served(answer, clock) as gateway:
        assert await gateway.call("PUT", SEND, body={}, patience_s=60) == {"event_id": "$one"}
    assert len(seen) == 5
    assert len({request.raw_path for request in seen}) == 1
    for slept_s, most_s in zip(clock.slept_s, [0.5, 1, 2, 4], strict=True):
        assert most_s / 2 <= slept_s <= most_s
    assert len({slept_s / most_s for slept_s, most_s in zip(clock.slept_s, [0.5, 1, 2, 4], strict=True)}) == 4


async def test_patience_ends_when_it_is_spent_and_the_last_error_is_raised() -> None:
    answer, seen = sequence(lambda: web.Response(status=500, text="{}"))
    clock = Hand()
    async with served(answer, clock) as gateway:
        with pytest.raises(ServerTrouble):
            await gateway.call("PUT", SEND, body={}, patience_s=100)
    assert sum(clock.slept_s) == pytest.approx(100, abs=0.01)
    assert max(clock.slept_s) <= 30
    assert 5 <= len(seen) <= 15


async def test_a_clock_that_is_turned_back_does_not_prolong_patience() -> None:
    answer, seen = sequence(lambda: web.Response(status=500))
    clock = Hand()

    async def sleep(seconds: float) -> None:
        clock.slept_s.append(seconds)
        clock.at_ms -= 3_600_000

    async with served(answer, clock) as gateway:
        gateway._sleep = sleep
        with pytest.raises(ServerTrouble):
            await gateway.call("PUT", SEND, body={}, patience_s=10)
    assert sum(clock.slept_s) <= 10.001
    assert len(seen) < 12


async def test_final_errors_are_never_tried_again() -> None:
    answer, seen = sequence(lambda: web.json_response({"errcode": "M_FORBIDDEN"}, status=403))
    async with served(answer) as gateway:
        with pytest.raises(Final):
            await gateway.call("PUT", SEND, body={}, patience_s=1000)
    assert len(seen) == 1


async def test_the_wait_the_server_asks_for_is_kept_and_barely_outdone() -> None:
    answer, seen = sequence(limited({"Retry-After": "5"}, retry_after_ms=4200), ok)
    clock = Hand()
    async with served(answer, clock) as gateway:
        await gateway.call("PUT", SEND, body={}, patience_s=10)
    assert len(seen) == 2
    assert len(clock.slept_s) == 1
    assert 4.2 < clock.slept_s[0] <= 4.3


async def test_a_wait_longer_than_the_patience_is_raised_at_once() -> None:
    answer, seen = sequence(limited({"Retry-After": "600"}))
    clock = Hand()
    async with served(answer, clock) as gateway:
        with pytest.raises(RateLimited) as caught:
            await gateway.call("PUT", SEND, body={}, patience_s=10)
    assert caught.value.retry_after_ms == 600_000
    assert (len(seen), clock.slept_s) == (1, [])


async def test_a_caller_with_a_budget_hears_of_every_429_and_is_still_patient_with_trouble() -> None:
    answer, seen = sequence(lambda: web.Response(status=502), limited(retry_after_ms=10))
    clock = Hand()
    async with served(answer, clock) as gateway:
        with pytest.raises(RateLimited):
            await gateway.call("PUT", SEND, body={}, patience_s=10, sit_out_limits=False)
    assert (len(seen), len(clock.slept_s)) == (2, 1)


async def test_two_callers_that_were_told_the_same_wait_do_not_come_back_at_the_same_moment() -> None:
    clock = Hand()
    answer, _ = sequence(limited(retry_after_ms=1000), limited(retry_after_ms=1000), ok)
    async with served(answer, clock) as gateway:
        await asyncio.gather(*(gateway.call("PUT", SEND, body={}, patience_s=10) for _ in range(2)))
    assert len(set(clock.slept_s)) == 2


# -- JSON from outside -------------------------------------------------------------------------------------------------


def test_half_a_surrogate_pair_becomes_a_replacement_character_and_whole_ones_stay() -> None:
    raw_json = b'{"a\\ud800": ["x\\uDFFFy", "\\ud83d\\ude00", "\xc3\xa9"], "n": [1, null, true, 1.5]}'
    assert parse(raw_json) == {"a\ufffd": ["x\ufffdy", "😀", "é"], "n": [1, None, True, 1.5]}


@settings(deadline=None, max_examples=60)
@given(st.binary() | st.text().map(str.encode) | st.text(alphabet='[]{}"\\u0d8,:').map(str.encode))
def test_no_bytes_make_the_reader_of_json_raise(raw_json: bytes) -> None:
    json.dumps(parse(raw_json), ensure_ascii=False).encode()


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_that_is_fine_comes_through_unchanged(value: Json) -> None:
    assert parse(json.dumps(value).encode()) == value


def test_every_error_the_gateway_raises_is_one_of_ours() -> None:
    assert issubclass(Challenge, CirclekeeperError)
    assert not Challenge.retryable
