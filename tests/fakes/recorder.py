"""Every request the server got, for tests that count or look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .values import Json


@dataclass(slots=True)
class Seen:
    """One request.

    Attributes:
        number: 1 for the first.
        route: the path with names for its parts, such as ``/rooms/{room}/send/{type}/{txn}``.
        at_ms: when, on the fake clock.
        status: what was answered; None while it is under way, 0 when the connection was closed instead.
        fault: the name of the fault that met it, "" for none.
    """

    number: int
    method: str
    path: str
    route: str
    at_ms: int
    user_id: str | None = None
    device_id: str | None = None
    body: Json = field(default=None, repr=False)
    status: int | None = None
    fault: str = ""


class Recorder:
    """The list of requests, oldest first."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[Seen]:
        return iter(self._seen)

    def begin(self, method: str, path: str, route: str, at_ms: int) -> Seen:
        """Note that a request came."""
        seen = Seen(len(self._seen) + 1, method, path, route, at_ms)
        self._seen.append(seen)
        return seen

    def of(self, method: str | None = None, pattern: str = "", *, user_id: str | None = None) -> list[Seen]:
        """List the requests of a method (any if None) whose path contains a regular expression."""
        found = re.compile(pattern)
        return [
            seen
            for seen in self._seen
            if method in (None, seen.method) and found.search(seen.path) and user_id in (None, seen.user_id)
        ]

    def count(self, method: str | None = None, pattern: str = "", *, user_id: str | None = None) -> int:
        """Count requests as ``of`` lists them."""
        return len(self.of(method, pattern, user_id=user_id))

    def clear(self) -> None:
        """Forget what came so far."""
        self._seen.clear()
