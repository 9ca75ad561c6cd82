"""Which requests misbehaviour meets; what then happens to them stands in ``misbehaviour``.

A fault is added with a matcher and meets the ``nth`` matching request and the ``times - 1`` after it:

    hs.faults.add(LoseResponse(), "PUT", r"/send/")              # the next send is done, and not answered
    hs.faults.add(HtmlError(502), "GET", r"/sync", times=5)      # five bad gateways
    hold = Hold(); hs.faults.add(hold, "POST", r"/createRoom")   # ... await hold.reached.wait(); hold.release()

Mind that aiohttp's client repeats a GET, PUT or DELETE once by itself when the connection is closed without an answer:
use ``times=2`` to let the caller notice.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from .problems import MatrixProblem


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request on its way to be answered.

    Attributes:
        proceed: does what was asked and makes the honest answer; at most once.
        last_sync: the body of the device's last /sync, None if there was none.
    """

    request: web.Request
    proceed: Callable[[], Awaitable[web.Response]]
    last_sync: bytes | None


class Fault(Protocol):
    """What happens to a request instead of an honest answer."""

    async def meet(self, exchange: Exchange, /) -> web.StreamResponse:
        """Answer, or close the connection."""
        ...


@dataclass(slots=True)
class Rule:
    """A fault and the requests it meets.

    Attributes:
        hits: how many it met.
    """

    fault: Fault
    method: str | None
    pattern: re.Pattern[str]
    nth: int
    times: int | None
    user_id: str | None
    passed: int = 0
    hits: int = 0

    def meets(self, method: str, path: str, user_id: str | None) -> bool:
        """Tell whether the fault meets this request, and count it."""
        if self.method not in (None, method) or self.user_id not in (None, user_id) or not self.pattern.search(path):
            return False
        self.passed += 1
        if self.passed < self.nth or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def add(
        self,
        fault: Fault,
        method: str | None = None,
        pattern: str = "",
        *,
        nth: int = 1,
        times: int | None = 1,
        user_id: str | None = None,
    ) -> Rule:
        """Let a fault befall requests.

        Args:
            fault: what happens.
            method: of which method, any if None.
            pattern: a regular expression to be found in the (decoded) path.
            nth: the first matching request that it meets, 1 for the next.
            times: how many it meets, None for all from then on.
            user_id: of whom only.
        """
        rule = Rule(fault, method, re.compile(pattern), nth, times, user_id)
        self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Let a fault befall nothing more."""
        self._rules.remove(rule)

    def clear(self) -> None:
        """Be honest again."""
        self._rules.clear()

    def pick(self, method: str, path: str, user_id: str | None) -> Fault | None:
        """Choose the fault that meets a request, the first that was added."""
        return next((rule.fault for rule in self._rules if rule.meets(method, path, user_id)), None)


def problem_response(problem: MatrixProblem) -> web.Response:
    """Write a Matrix error as an HTTP answer."""
    return web.json_response(problem.body, status=problem.status, headers=problem.headers)


def body_of(response: web.Response) -> bytes:
    """Read the body of an answer that was not sent yet."""
    body = response.body
    return body if isinstance(body, bytes) else b""


def closed(request: web.Request) -> web.StreamResponse:
    """Close the connection; what is returned never arrives."""
    close(request)
    return web.Response(status=200)


def close(request: web.Request) -> None:
    """Cut the connection at once."""
    if request.transport is not None:
        request.transport.abort()
