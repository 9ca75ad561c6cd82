"""Layers of one setting: each may be tighter than the one above it, and never looser. Pure.

They are a server's floor, a community's floor, a template, and what a room says for itself.
Tighter means that fewer people get in, see or stay for less, or that changing it takes more: as such it is a partial
order, and of some values (to be asked in, to come in through the space) neither is tighter than the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from orchestrator.model.ids import RoomKey

from .declared import Acl, Origin, Retention

Value: TypeAlias = bool | int | str | Retention | Acl | tuple[RoomKey, ...] | None
"""What a layer says: the author's own word, a level, or what these words come to; None where a room may say nothing."""

Said: TypeAlias = Mapping[str, Value]
"""What one layer says, by the key it is written under."""

LEVEL: Final = "level"
"""Not a key of settings: the level that an event takes."""

OPEN_ACL: Final = Acl()

# From the tightest to the loosest; what is not in a list has an order of its own, below.
_STEPS: Final[Mapping[str, tuple[Value, ...]]] = {
    "history": ("joined", "invited", "shared", "world_readable"),
    "guests": ("forbidden", "allowed"),
    "encryption": ("required", "none"),
    "directory": ("hidden", "listed"),
    "federate": (False, True),
}
_WAYS_IN: Final[Mapping[Value, frozenset[str]]] = {
    "invite": frozenset(),
    "knock": frozenset({"ask"}),
    "restricted": frozenset({"space"}),
    "knock_restricted": frozenset({"ask", "space"}),
    "public": frozenset({"ask", "space", "anyone"}),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What one layer says of one setting, and where it says so."""

    value: Value
    origin: Origin


@dataclass(frozen=True, slots=True)
class Loosening:
    """A layer that is looser than what is above it; it is left out."""

    who: Literal["community", "template", "room"]
    below: Line
    above: Line


@dataclass(frozen=True, slots=True)
class Laid:
    """What layers come to: never looser than any of those that are not among the ``loosenings``."""

    line: Line
    loosenings: tuple[Loosening, ...] = ()


def lay_floors(key: str, server: Line | None, community: Line | None) -> tuple[Line | None, tuple[Loosening, ...]]:
    """Lay a community's floor over the server's; None where neither says anything."""
    if community is None or server is None or as_tight(key, community.value, server.value):
        return community or server, ()
    return server, (Loosening("community", community, server),)


def lay(
    key: str, *, floor: Line | None = None, default: Value, template: Line | None = None, room: Line | None = None
) -> Laid:
    """Lay a room's layers of one setting over each other.

    Args:
        key: which setting, as it is written; ``LEVEL`` for the level of an event.
        floor: what no room may be looser than.
        default: what holds where neither template nor room says anything; it gives way to the floor.
        template: what the template says.
        room: what the room says for itself.
    """
    loosenings: list[Loosening] = []
    if template is not None:
        now = template
        if floor is not None and not as_tight(key, template.value, floor.value):
            loosenings.append(Loosening("template", template, floor))
            now = floor
    elif floor is not None and not as_tight(key, default, floor.value):
        now = floor
    else:
        now = Line(default, Origin("default"))
    if room is not None:
        if as_tight(key, room.value, now.value):
            now = room
        else:
            loosenings.append(Loosening("room", room, now))
    return Laid(now, tuple(loosenings))


def as_tight(key: str, value: Value, than: Value) -> bool:
    """Tell whether a value is at least as tight as another: a partial order for each key.

    - ``join``: no way in that the other does not have.
    - ``allow``: no room that the other does not name; the other may name none, and leave it open.
    - ``retention``: kept no longer, and no longer against somebody's will. None: for ever.
    - ``acl``: no server is let in that the other keeps out. None: everyone.
    - ``room_version`` and levels: a higher number. Everything else: the word that shows less to fewer.
    """
    if key in _STEPS:
        steps = _STEPS[key]
        return steps.index(value) <= steps.index(than)
    match key:
        case "join":
            return _WAYS_IN[value] <= _WAYS_IN[than]
        case "allow":
            return than == () or (value != () and set(_keys(value)) <= set(_keys(than)))
        case "retention":
            return _keeps(value, than)
        case "acl":
            return _shuts_out(_acl(value), _acl(than))
        case _:
            return _number(value) >= _number(than)


def _keys(value: Value) -> tuple[RoomKey, ...]:
    if not isinstance(value, tuple):
        raise TypeError
    return value


def _number(value: Value) -> int:
    if not isinstance(value, str | int):
        raise TypeError
    return int(value)


def _keeps(value: Value, than: Value) -> bool:
    if not isinstance(than, Retention):
        return True
    if not isinstance(value, Retention):
        return False
    return value.max_ms <= than.max_ms and (value.min_ms or 0) <= (than.min_ms or 0)


def _acl(value: Value) -> Acl:
    return value if isinstance(value, Acl) else OPEN_ACL


def _shuts_out(acl: Acl, than: Acl) -> bool:
    return (
        all(any(covers(wide, one) for wide in than.allow) for one in acl.allow)
        and all(any(covers(wide, one) for wide in acl.deny) for one in than.deny)
        and (than.ip_literals or not acl.ip_literals)
    )


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every server that one pattern means is meant by another; ``*`` is any text and ``?`` any one sign.

    It looks at the signs alone, so it may miss a pattern that is covered in a roundabout way, and never says yes where
    that is not so. Source: client-server API, ``m.room.server_acl``.
    """
    reached = {0}
    for sign in _collapsed(narrow):
        reached = _open(wide, reached)
        reached = set(_step(wide, reached, sign))
    return len(wide) in _open(wide, reached)


def _open(wide: str, reached: set[int]) -> set[int]:
    """Go past every star, which may stand for nothing."""
    found = set(reached)
    for place in sorted(reached):
        at = place
        while at < len(wide) and wide[at] == "*":
            at += 1
            found.add(at)
    return found


def _step(wide: str, reached: set[int], sign: str) -> Iterator[int]:
    for place in reached:
        if place < len(wide):
            if wide[place] == "*":
                yield place
            elif wide[place] == sign or (wide[place] == "?" and sign != "*"):
                yield place + 1


def _collapsed(pattern: str) -> str:
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    return pattern


def canonical(acl: Acl) -> Acl:
    """Leave out what is covered by another pattern, so that lists which say the same are the same."""
    return Acl(allow=_widest(acl.allow), deny=_widest(acl.deny), ip_literals=acl.ip_literals)


def _widest(patterns: Iterable[str]) -> tuple[str, ...]:
    found = sorted({_collapsed(one) for one in patterns})
    return tuple(one for one in found if not any(covers(wide, one) for wide in found if wide != one))
