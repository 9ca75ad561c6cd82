"""Spaces within the space: which room hangs where, and in which order they can be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.errors import DocumentError
from orchestrator.model.ids import RoomKey

from .authored import RoomSpec
from .declared import SPACE_KEY
from .source import Path, Source


def hang(
    rooms: Mapping[RoomKey, RoomSpec], spaces: list[RoomKey], unclear: list[RoomKey], source: Source, path: Path
) -> tuple[dict[RoomKey, RoomKey], dict[RoomKey, DocumentError]]:
    """Find out in which space each room hangs; what cannot be hung hangs in the community's own.

    Args:
        rooms: as declared, by key.
        spaces: those among them that are spaces.
        unclear: those that may be one: something else is wrong with them.
        source: config.yaml; a space that is not there is one of its ``errors``.
        path: where the rooms stand in it.

    Returns:
        The space of each room, and what is wrong with each room that hangs, in the end, in itself.
    """
    within: dict[RoomKey, RoomKey] = {}
    for key, room in rooms.items():
        within[key] = SPACE_KEY if room.within is None or room.within in unclear else room.within
        if within[key] not in {SPACE_KEY, *spaces}:
            source.errors.append(source.error(_nowhere(within[key], rooms, spaces), (*path, key, "in")))
            within[key] = SPACE_KEY
    wrong: dict[RoomKey, DocumentError] = {}
    for key in spaces:
        circle = _circle(key, within)
        if circle and key not in wrong:
            error = source.error(_circular(circle), (*path, key, "in"))
            wrong |= dict.fromkeys(circle, error)
    return {key: SPACE_KEY if key in wrong else space for key, space in within.items()}, wrong


def parents_first(within: Mapping[RoomKey, RoomKey], spaces: Iterable[RoomKey]) -> list[RoomKey]:
    """Order the spaces such that each comes after the one it hangs in; otherwise they stay as they are."""
    found: list[RoomKey] = []
    for key in spaces:
        above: list[RoomKey] = []
        here = key
        while here != SPACE_KEY and here not in found:
            above.append(here)
            here = within[here]
        found += reversed(above)
    return found


def _nowhere(wanted: RoomKey, rooms: Mapping[RoomKey, RoomSpec], spaces: list[RoomKey]) -> str:
    there = ", ".join(spaces) or "none yet (a space is declared like a room, with a template of kind: space)"
    problem = "This is no space." if wanted in rooms else "There is no space of this key here."
    return f"{problem} Spaces in this community: {there}."


def _circle(start: RoomKey, within: Mapping[RoomKey, RoomKey]) -> list[RoomKey]:
    """List the spaces through which a space hangs in itself; empty when it does not."""
    passed = [start]
    while (above := within.get(passed[-1], SPACE_KEY)) != SPACE_KEY:
        if above == start:
            return passed
        if above in passed:
            return []  # it leads into a circle, and is not on it
        passed.append(above)
    return []


def _circular(circle: list[RoomKey]) -> str:
    if len(circle) == 1:
        return "A space cannot hang in itself. Leave “in” out, and it hangs in the community's own space."
    around = " in ".join([*circle, circle[0]])
    return f"These spaces hang in each other: {around}. Leave “in” out of one of them."
