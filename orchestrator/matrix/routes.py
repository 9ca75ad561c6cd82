"""Where calls go: paths with every id encoded, and labels without ids for logs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from orchestrator.errors import BadRequest

CLIENT_API: Final = "/_matrix/client/v3"

# Words of the client-server API: the only path segments that may be named in a log.
_WORDS: Final = frozenset(
    """
    account account_data alias aliases auth_metadata ban capabilities claim context createRoom device_signing devices
    create directory event filter forget hierarchy invite join joined_members joined_rooms keys kick knock leave list login
    logout members messages profile query receipt redact register relations room room_keys rooms send sendToDevice
    signatures state sync threads typing unban upgrade upload user version versions whoami
    """.split()  # noqa: SIM905 - a list of forty quoted words reads worse
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes.

    Attributes:
        path: percent-encoded; holds ids, so it is not in ``repr``.
        label: the same with everything but the API's own words as ``{}``, for logs.
    """

    path: str = field(repr=False)
    label: str


def route(*parts: str, prefix: str = CLIENT_API) -> Route:
    """Build a route from path segments, percent-encoding each.

    Args:
        parts: such as ``"rooms", room, "state", "m.room.topic", ""``.
        prefix: what they stand below, such as ``/_matrix/client/v1``.

    Raises:
        BadRequest: a segment is ``.`` or ``..`` or holds half a surrogate pair: no id is, and a proxy would step out of
            the path.
    """
    if any(part in {".", ".."} for part in parts):
        raise BadRequest("An identifier that means a directory cannot stand in an address.")
    path: str | None = None
    with suppress(UnicodeEncodeError):  # raised anew below: this one would hold the id
        path = "/".join(quote(part, safe="") for part in parts)
    if path is None:
        raise BadRequest("An identifier that is no text cannot stand in an address.")
    label = "/".join(part if part in _WORDS else "{}" for part in parts)
    return Route(f"{prefix}/{path}", label)
