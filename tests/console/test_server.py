from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
import structlog

from orchestrator.console import Console, serving
from orchestrator.console.limits import READERS, STRANGERS, Limits

ANAS, BOS = "a" * 64, "b" * 64
BODY = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


@dataclass
class Stage:
    base: str
    port: int
    now_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    feeds: dict[str, bytes] = field(default_factory=dict)
    broken: bool = False

    async def feed(self, token: str) -> bytes | None:
        self.asked.append(token)
        if self.broken:
            raise OSError(f"no such thing as {token}")
        return self.feeds.get(token)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    found = Stage("", 0)
    found.feeds = {ANAS: BODY}
    console = Console(found.feed, Limits(lambda: found.now_s))
    async with serving(console, "127.0.0.1", 0) as port:
        found.port, found.base = port, f"http://127.0.0.1:{port}"
        yield found


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def fetch(
    http: aiohttp.ClientSession, url: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with http.request(method, url, headers=named) as response:
        kept = {name.title(): value for name, value in response.headers.items() if name != "Date"}
        return response.status, kept, await response.read()


@pytest.mark.parametrize("before", ["", "/keeper", "/a/b"])
async def test_a_calendar_is_read_under_its_whole_address(
    stage: Stage, http: aiohttp.ClientSession, before: str
) -> None:
    status, headers, body = await fetch(http, f"{stage.base}{before}/calendar/{ANAS}.ics")
    assert (status, body) == (200, BODY)
    assert headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert headers["Cache-Control"].startswith("private")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "circlekeeper"


async def test_head_tells_the_same_without_the_body(stage: Stage, http: aiohttp.ClientSession) -> None:
    url = f"{stage.base}/calendar/{ANAS}.ics"
    status, headers, body = await fetch(http, url, "HEAD")
    assert (status, body) == (200, b"")
    assert headers == (await fetch(http, url))[1]


async def test_whoever_has_it_already_is_told_so(stage: Stage, http: aiohttp.ClientSession) -> None:
    url = f"{stage.base}/calendar/{ANAS}.ics"
    _status, headers, _body = await fetch(http, url)
    etag = headers["Etag"]
    assert etag == f'"{hashlib.sha256(BODY).hexdigest()[:32]}"'
    status, again, body = await fetch(http, url, If_None_Match=f'"other", {etag}')
    assert (status, body, again["Etag"]) == (304, b"", etag)
    stage.feeds[ANAS] = BODY * 2
    assert (await fetch(http, url, If_None_Match=etag))[0] == 200


async def test_all_that_leads_nowhere_is_answered_alike(stage: Stage, http: aiohttp.ClientSession) -> None:
    paths = [
        f"/calendar/{BOS}.ics",
        f"/calendar/{ANAS}",
        f"/calendar/{ANAS.upper()}.ics",
        f"/calendar/{ANAS}.ics/",
        f"/calendar/{ANAS}.ics%00",
        "/calendar/",
        "/calendar/.ics",
        "/",
        "/favicon.ico",
        "/../../etc/passwd",
        f"/calendar/{'c' * 2000}.ics",
        "/%ff%fe",
    ]
    answers = [await fetch(http, f"{stage.base}{path}") for path in paths]
    assert all(answer == answers[0] for answer in answers)
    status, headers, body = answers[0]
    assert (status, body) == (404, b"Nothing is here.\n")
    assert headers["Cache-Control"].startswith("private")
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
async def test_it_can_only_be_read_whatever_the_address(stage: Stage, http: aiohttp.ClientSession, method: str) -> None:
    right = await fetch(http, f"{stage.base}/calendar/{ANAS}.ics", method)
    wrong = await fetch(http, f"{stage.base}/nowhere", method)
    assert right == wrong
    assert (right[0], right[1]["Allow"]) == (405, "GET, HEAD")
    assert stage.asked == []


async def test_a_calendar_that_cannot_be_made_harms_no_other(
    stage: Stage, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    stage.broken = True
    with structlog.testing.capture_logs() as logged, caplog.at_level(logging.DEBUG):
        status, _headers, body = await fetch(http, f"{stage.base}/calendar/{ANAS}.ics")
    assert status == 500
    assert ANAS.encode() not in body
    assert logged == [{"event": "a request could not be answered", "kind": "OSError", "log_level": "warning"}]
    assert ANAS not in caplog.text
    stage.broken = False
    assert (await fetch(http, f"{stage.base}/calendar/{ANAS}.ics"))[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /calendar/" + ANAS.encode() + b".ics HTTP/9.9\r\n\r\n",
        b"GET /calendar/" + ANAS.encode() + b".ics\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_request_harms_nothing_and_is_not_logged(
    stage: Stage, http: aiohttp.ClientSession, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(raw)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert ANAS.encode() not in answer
    assert ANAS not in caplog.text
    assert (await fetch(http, f"{stage.base}/calendar/{ANAS}.ics"))[0] == 200


async def test_no_request_is_logged(
    stage: Stage, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("aiohttp.access").setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG, logger="aiohttp"), structlog.testing.capture_logs() as logged:
        for token in (ANAS, BOS):
            await fetch(http, f"{stage.base}/calendar/{token}.ics")
    assert logged == []
    assert ANAS not in caplog.text
    assert BOS not in caplog.text


async def test_who_guesses_is_soon_told_to_wait_and_who_reads_is_not(stage: Stage, http: aiohttp.ClientSession) -> None:
    anas = f"{stage.base}/calendar/{ANAS}.ics"
    assert (await fetch(http, anas))[0] == 200
    statuses = [(await fetch(http, f"{stage.base}/calendar/{n:064x}.ics"))[0] for n in range(STRANGERS + 5)]
    assert statuses == [404] * (STRANGERS - 1) + [429] * 6
    asked = len(stage.asked)
    assert (await fetch(http, f"{stage.base}/calendar/{BOS}.ics"))[1]["Retry-After"] == "60"
    assert len(stage.asked) == asked
    assert (await fetch(http, anas))[0] == 200
    stage.now_s += 10
    assert (await fetch(http, f"{stage.base}/calendar/{BOS}.ics"))[0] == 404


async def test_one_address_that_is_asked_for_without_end_holds_up_only_itself(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    stage.feeds[BOS] = BODY
    urls = {token: f"{stage.base}/calendar/{token}.ics" for token in (ANAS, BOS)}
    assert [(await fetch(http, urls[BOS]))[0] for _ in range(2)] == [200, 200]
    statuses = [(await fetch(http, urls[ANAS]))[0] for _ in range(READERS + 3)]
    assert statuses == [200] * (READERS + 1) + [429] * 2
    assert (await fetch(http, urls[BOS]))[0] == 200


async def test_nobody_can_listen_where_somebody_does() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        console = Console(Stage("", 0).feed, Limits(lambda: 0.0))
        with pytest.raises(OSError, match=r"address"):
            async with serving(console, "127.0.0.1", taken.getsockname()[1]):
                pytest.fail("it listens")
