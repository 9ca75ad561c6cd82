"""What can happen to a request: refused, lost, cut, late, or answered with nonsense."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from .accounts import unknown_token
from .faults import Exchange, body_of, close, closed, problem_response
from .limits import Advice, too_many
from .problems import MatrixProblem
from .values import Json, JsonObject, obj


@dataclass(frozen=True, slots=True)
class TooMany:
    """429, without having acted; ``retry_after_ms=None`` gives no advice at all."""

    retry_after_ms: int | None = 1000
    advice: Advice = "both"

    async def meet(self, _: Exchange) -> web.StreamResponse:
        """Answer 429."""
        return problem_response(too_many(self.retry_after_ms, self.advice))


@dataclass(frozen=True, slots=True)
class Refuse:
    """Any Matrix error, without having acted."""

    status: int
    errcode: str
    error: str = "Refused by the test"

    async def meet(self, _: Exchange) -> web.StreamResponse:
        """Answer the error."""
        return problem_response(MatrixProblem(self.status, self.errcode, self.error))


@dataclass(frozen=True, slots=True)
class HtmlError:
    """A proxy's error page, with or without having acted."""

    status: int = 502
    acts: bool = False

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Answer a page."""
        if self.acts:
            await exchange.proceed()
        page = f"<html><body><h1>{self.status} Bad Gateway</h1></body></html>"
        return web.Response(status=self.status, text=page, content_type="text/html")


@dataclass(frozen=True, slots=True)
class UnknownToken:
    """401 M_UNKNOWN_TOKEN."""

    soft_logout: bool = False

    async def meet(self, _: Exchange) -> web.StreamResponse:
        """Answer 401."""
        return problem_response(unknown_token(soft_logout=self.soft_logout))


@dataclass(frozen=True, slots=True)
class CloseBefore:
    """The connection is closed; nothing was done."""

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Close."""
        return closed(exchange.request)


@dataclass(frozen=True, slots=True)
class LoseResponse:
    """It is done, and the connection is closed without an answer."""

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Act and close."""
        await exchange.proceed()
        return closed(exchange.request)


@dataclass(frozen=True, slots=True)
class CutBody:
    """It is done, and the connection is closed in the middle of the answer's body."""

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Act and answer half."""
        honest = await exchange.proceed()
        body = body_of(honest)
        half = web.StreamResponse(status=honest.status)
        half.content_type = "application/json"
        half.content_length = len(body)
        await half.prepare(exchange.request)
        await half.write(body[: len(body) // 2])
        close(exchange.request)
        return half


@dataclass(frozen=True, slots=True)
class MalformedJson:
    """It is done, and answered 200 with something that is no JSON."""

    text: str = '{"event_id": "$half'

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Act and answer nonsense."""
        await exchange.proceed()
        return web.Response(text=self.text, content_type="application/json")


@dataclass(slots=True)
class Hold:
    """The request waits until ``release`` is called, then goes on honestly; ``reached`` is set when one waits.

    ``acts_first`` does what was asked before waiting, so that only the answer is late.
    """

    acts_first: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _go: asyncio.Event = field(default_factory=asyncio.Event)

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Wait and answer."""
        early = await exchange.proceed() if self.acts_first else None
        self.reached.set()
        await self._go.wait()
        return await exchange.proceed() if early is None else early

    def release(self) -> None:
        """Let the request go on, and all that the fault meets later."""
        self._go.set()


@dataclass(frozen=True, slots=True)
class RepeatSync:
    """/sync answers once more what it answered last, next_batch and all."""

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Answer what was answered before."""
        if exchange.last_sync is None:
            return await exchange.proceed()
        return web.Response(body=exchange.last_sync, content_type="application/json")


Oddity = Literal[
    "no events", "no timeline", "room is a list", "no type", "no sender", "no event id", "content is a list"
]


@dataclass(frozen=True, slots=True)
class SpoilSync:
    """/sync answers honestly but for one room of ``rooms.join``, which makes no sense.

    Args:
        room_id: which room.
        oddity: in what way; those of events befall the first event of its timeline.
    """

    room_id: str
    oddity: Oddity = "no events"

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        """Answer with a spoilt room."""
        answer: Json = json.loads(body_of(await exchange.proceed()))
        joined = obj(obj(obj(answer).get("rooms")).get("join"))
        if self.room_id in joined:
            joined[self.room_id] = _spoil(obj(joined[self.room_id]), self.oddity)
        return web.json_response(answer)


def _spoil(section: JsonObject, oddity: Oddity) -> Json:
    timeline = obj(section.get("timeline"))
    events = timeline.get("events")
    first = obj(events[0]) if isinstance(events, list) and events else {}
    match oddity:
        case "room is a list":
            return []
        case "no timeline":
            section.pop("timeline", None)
        case "no events":
            timeline.pop("events", None)
        case "content is a list":
            first["content"] = []
        case "no type" | "no sender" | "no event id":
            first.pop({"no type": "type", "no sender": "sender", "no event id": "event_id"}[oddity], None)
    return section
