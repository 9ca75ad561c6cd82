"""The HTTP face: finds the route, checks the token, meets faults, writes answers and errors."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

from .accounts import Requester
from .clock import Pulse
from .faults import Exchange, Faults, body_of, problem_response
from .problems import MatrixProblem, bad_request
from .recorder import Recorder, Seen
from .sync import Sync
from .values import Json, JsonObject
from .world import World

PREFIX = "/_matrix/client/{version:r0|v3|v1|unstable}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it.

    Attributes:
        who: whose token it carries; for routes that need none, nobody (an empty user id).
        body: the JSON object that was sent, empty for none.
        raw: what was sent, as it is.
    """

    world: World
    sync: Sync
    request: web.Request
    who: Requester
    body: JsonObject
    raw: bytes = b""

    def arg(self, name: str) -> str:
        """Read a part of the path, decoded."""
        return self.request.match_info[name]

    def query(self, name: str) -> str | None:
        """Read a query parameter."""
        return self.request.query.get(name)


Handler: TypeAlias = Callable[[Call], "Json | Awaitable[Json]"]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, and who answers them.

    Attributes:
        public: needs no token.
        absolute: the path stands as it is, not below ``/_matrix/client/v3``.
        needs_body: an empty body is an error (400 M_NOT_JSON).
        takes_bytes: what is sent is no JSON.
    """

    method: str
    path: str
    handler: Handler
    public: bool = False
    absolute: bool = False
    needs_body: bool = True
    takes_bytes: bool = False


class Front:
    """Serves the routes.

    Args:
        world: the server's state.
        sync: answers /sync.
        routes: what it answers.
    """

    def __init__(self, world: World, sync: Sync, routes: Iterable[Route]) -> None:
        self.world = world
        self.sync = sync
        self.faults = Faults()
        self.recorder = Recorder()
        self.activity = Pulse()
        self._routes = tuple(routes)
        self._last_syncs: dict[Requester, bytes] = {}

    def application(self) -> web.Application:
        """Make the aiohttp application."""
        application = web.Application(client_max_size=2**22)
        for route in self._routes:
            path = route.path if route.absolute else PREFIX + route.path
            # State keys may be empty, which leaves a slash at the end.
            path = path.replace("{key}", "{key:[^/]*}")
            application.router.add_route(route.method, path, self._serve(route))
        application.router.add_route("*", "/{rest:.*}", self._serve(None))
        return application

    def _serve(self, route: Route | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            name = route.path if route is not None else request.path
            seen = self.recorder.begin(request.method, request.path, name, self.world.clock.now_ms())
            self.activity.beat()
            try:
                return await self._meet(route, request, seen)
            finally:
                if request.transport is None or request.transport.is_closing():
                    seen.status = 0
                self.activity.beat()

        return serve

    async def _meet(self, route: Route | None, request: web.Request, seen: Seen) -> web.StreamResponse:
        raw = await request.read()
        try:
            who: Requester | None = self.world.accounts.who(_token(request))
        except MatrixProblem:
            who = None
        seen.user_id, seen.device_id = (who.user_id, who.device_id) if who is not None else (None, None)
        seen.body = _json_or_none(raw)

        async def proceed() -> web.Response:
            answer = await self._answer(route, request, raw)
            if route is not None and route.path == "/sync" and answer.status == 200 and who is not None:
                self._last_syncs[who] = body_of(answer)
            return answer

        fault = self.faults.pick(request.method, request.path, seen.user_id)
        if fault is None:
            response: web.StreamResponse = await proceed()
        else:
            seen.fault = type(fault).__name__
            last = self._last_syncs.get(who) if who is not None else None
            response = await fault.meet(Exchange(request, proceed, last))
        seen.status = response.status
        return response

    async def _answer(self, route: Route | None, request: web.Request, raw: bytes) -> web.Response:
        if route is None:
            return problem_response(MatrixProblem(404, "M_UNRECOGNIZED", "Unrecognized request"))
        try:
            who = Requester("") if route.public else self.world.accounts.who(_token(request))
            body = {} if route.takes_bytes else _body(request.method, raw, needed=route.needs_body)
            said = route.handler(Call(self.world, self.sync, request, who, body, raw))
            answer = await said if isinstance(said, Awaitable) else said
        except MatrixProblem as problem:
            return problem_response(problem)
        return web.json_response(answer)


def _token(request: web.Request) -> str | None:
    written = request.headers.get("Authorization", "")
    return written.removeprefix("Bearer ") if written.startswith("Bearer ") else request.query.get("access_token")


def _json_or_none(raw: bytes) -> Json:
    try:
        return parsed if isinstance(parsed := json.loads(raw), dict | list) else None
    except ValueError:
        return None


def _body(method: str, raw: bytes, *, needed: bool) -> JsonObject:
    if method in ("GET", "DELETE") or (not raw and not needed):
        return {}
    try:
        parsed = json.loads(raw)
    except ValueError:
        raise bad_request("Content not JSON.", "M_NOT_JSON") from None
    if not isinstance(parsed, dict):
        raise bad_request("Content must be a JSON object.", "M_BAD_JSON")
    return parsed
