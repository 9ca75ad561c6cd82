"""Whether a change lets more people in, or lets them read or do more, than before. Pure.

What is compared is what is live with what would be: a room that a person shut by hand is not opened again unasked.
Source: client-server API, "Room events"; the defaults where nothing stands are the specification's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from orchestrator.model.ids import Json, JsonObject
from orchestrator.store.rows import dump

from .reading import ABSENT, Value

_WAYS: Final[Mapping[str, frozenset[str]]] = {
    "public": frozenset({"anyone", "ask", "rooms"}),
    "knock": frozenset({"ask"}),
    "restricted": frozenset({"rooms"}),
    "knock_restricted": frozenset({"ask", "rooms"}),
}
"""The ways into a room but for an invitation, by its join rule."""

_HISTORY: Final = ("joined", "invited", "shared", "world_readable")
_POWER_DEFAULTS: Final[Mapping[str, int]] = {"state_default": 50, "ban": 50, "kick": 50, "redact": 50}


def widens(path: str, before: Value, after: Value) -> bool:  # noqa: C901, PLR0911 - one way out an attribute
    """Tell whether an attribute lets in, shows or allows more ``after`` than ``before``; ABSENT is what a server assumes."""
    match path:
        case "settings.join":
            return not _ways(after) <= _ways(before)
        case "settings.allow":
            return not _rooms(after) <= _rooms(before)
        case "settings.history":
            return _history(after) > _history(before)
        case "settings.guests":
            return after == "can_join" and before != "can_join"
        case "settings.directory":
            return after is True and before is not True
        case "settings.acl.allow":
            was, will = (_patterns(value, {"*"}) for value in (before, after))
            return "*" not in was and not will <= was
        case "settings.acl.deny":
            was, will = (_patterns(value, set()) for value in (before, after))
            return "*" not in will and not was <= will
        case "settings.acl.ip_literals":
            return after is not False and before is False
        case "settings.encryption":
            return before is not ABSENT and after is ABSENT
        case "power.member":
            return _level(after, 0) > _level(before, 0)
    if path.startswith("power.") and not path.startswith("power.users."):
        default = _POWER_DEFAULTS.get(path.removeprefix("power."), 0)
        return _level(after, default) < _level(before, default)
    return False


def level_before(path: str, claim_path: tuple[str, ...], levels: JsonObject | None) -> Value:
    """Tell which level is in force where a power levels event does not name one: that of all other events."""
    if claim_path[:1] != ("events",):
        return 50 if claim_path[:1] == ("notifications",) else ABSENT
    # Which of an event's types are state is not written anywhere; those that are not are few and well known.
    spoken = path.removeprefix("power.events.") in _SPOKEN
    key, default = ("events_default", 0) if spoken else ("state_default", 50)
    return _level((levels or {}).get(key), default)


_SPOKEN: Final = frozenset(
    {
        "m.room.message",
        "m.room.encrypted",
        "m.reaction",
        "m.sticker",
        "m.room.redaction",
        "m.poll.start",
        "m.poll.response",
        "m.poll.end",
        "org.matrix.msc3381.poll.start",
        "org.matrix.msc3381.poll.response",
        "org.matrix.msc3381.poll.end",
        "m.call.invite",
        "m.beacon",
    }
)


def shut_out(acl: Mapping[str, Json], server: str) -> bool:
    """Tell whether a server ACL keeps a server out. Source: client-server API, ``m.room.server_acl``."""
    host = server.rpartition(":")[0] if re.search(r":[0-9]+\Z", server) else server
    literal = host.startswith("[") or re.fullmatch(r"[0-9.]+", host) is not None
    if literal and acl.get("allow_ip_literals") is False:
        return True
    if any(_matches(pattern, host) for pattern in _texts(acl.get("deny"))):
        return True
    return not any(_matches(pattern, host) for pattern in _texts(acl.get("allow", ["*"])))


def _ways(rule: Value) -> frozenset[str]:
    return _WAYS.get(rule, frozenset()) if isinstance(rule, str) else frozenset()


def _rooms(value: Value) -> set[str]:
    entries = value if isinstance(value, list | tuple) else ()
    return {dump(entry) for entry in entries}


def _history(value: Value) -> int:
    return _HISTORY.index(value) if isinstance(value, str) and value in _HISTORY else _HISTORY.index("shared")


def _patterns(value: Value, nothing: set[str]) -> set[str]:
    if not isinstance(value, list | tuple):
        return nothing
    return {entry.lower() for entry in value if isinstance(entry, str)}


def _level(value: Value | Json, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _matches(pattern: str, server: str) -> bool:
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern.lower())
    return re.fullmatch("".join(parts), server.lower()) is not None


def _texts(value: Json) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []
