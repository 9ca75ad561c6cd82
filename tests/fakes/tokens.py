"""Stream tokens: ``s12_3`` from sync (event position, to-device position), ``t4-11`` within a room's history."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .problems import bad_request

_SYNC = re.compile(r"s(\d+)_(\d+)\Z")
_HISTORY = re.compile(r"t(\d+)-(-?\d+)\Z")


@dataclass(frozen=True, slots=True)
class SyncToken:
    """Up to where a device has synced."""

    stream: int
    inbox: int

    def __str__(self) -> str:
        return f"s{self.stream}_{self.inbox}"

    @classmethod
    def parse(cls, written: str) -> SyncToken:
        """Read a ``since``; raises 400 M_UNKNOWN for what is none."""
        match = _SYNC.match(written)
        if match is None:
            raise bad_request("Invalid stream token")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Place:
    """Between two events of a room: just after everything up to here.

    A token from /sync knows the stream position only; one from /messages knows the depth, too, and is compared by both.
    """

    stream: int
    depth: int | None = None

    def __str__(self) -> str:
        return f"s{self.stream}_0" if self.depth is None else f"t{self.depth}-{self.stream}"

    def is_before(self, depth: int, stream: int) -> bool:
        """Tell whether an event comes after this place."""
        return (depth, stream) > (self.depth, self.stream) if self.depth is not None else stream > self.stream

    @classmethod
    def parse(cls, written: str, name: str) -> Place:
        """Read a ``from`` or ``to`` of /messages; raises 400 M_UNKNOWN for what is none."""
        match = _HISTORY.match(written)
        if match is not None:
            return cls(int(match[2]), int(match[1]))
        match = _SYNC.match(written)
        if match is None:
            raise bad_request(f"'{name}' parameter is invalid")
        return cls(int(match[1]))
