"""What is wanted of a room and is no state event: pseudo types, so that it is claimed, settled and healed like one.

A plain server knows none of these names; ``matrix`` turns each into the calls that read and write it, and notes what it
found in the mirror as if it had been an event.
"""

from __future__ import annotations

from typing import Final

from .ids import Json, JsonObject

LISTED: Final = "circlekeeper.listed"
"""Whether the server's directory of rooms shows a room: key "", content ``{"listed": bool}``.

Source: client-server API, ``GET`` and ``PUT /directory/list/room/{roomId}``.
"""

ALIAS: Final = "circlekeeper.alias"
"""Whether an alias leads to a room: key is its localpart; ``{"here": true}``, ``{}`` (it leads nowhere) or, where it is
somebody else's room's, ``{"elsewhere": true}``: it is never taken from them.

Source: client-server API, ``/directory/room/{roomAlias}``.
"""

PSEUDO: Final = frozenset({LISTED, ALIAS})
"""The types that are no state events."""

FILE: Final = "circlekeeper.file"
"""Stands in a claimed ``m.room.avatar`` for the picture itself: the SHA-256 of a file, which the writer uploads once and
puts the ``url`` of in its place. It is never written to a room."""


def here(*, leads_here: bool) -> dict[str, Json]:
    """Write the content of an alias that leads to the room, or that leads nowhere."""
    return {"here": True} if leads_here else {}


def listed(*, shown: bool) -> dict[str, Json]:
    """Write the content of a room that the directory shows, or does not."""
    return {"listed": shown}


def is_elsewhere(content: JsonObject | None) -> bool:
    """Tell whether an alias leads to somebody else's room."""
    return content is not None and content.get("elsewhere") is True
