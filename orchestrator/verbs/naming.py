"""Which room somebody means, and how rooms and changes are called on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.documents.declared import SPACE_KEY, Community, Documents, Room
from orchestrator.documents.words import nearest
from orchestrator.errors import SetupError
from orchestrator.rooms import Change

SPACE = "space"
"""How a community's space is called, whose key is empty."""


def name_of(room: Room) -> str:
    """Name a room as it is typed."""
    return room.key or SPACE


def find_room(documents: Documents, named: str) -> tuple[Community, Room]:
    """Find a declared room by ``grove/tuesday``, or by ``tuesday`` where only one community has such a room.

    Raises:
        SetupError: there is none, or more than one; the sentence names what comes nearest.
    """
    community_key, slash, key = named.strip().rpartition("/")
    wanted = SPACE_KEY if key == SPACE else key
    found = [
        (community, room)
        for community in documents.communities
        if not slash or community.key == community_key
        for room in community.every_room()
        if room.key == wanted
    ]
    if len(found) == 1:
        return found[0]
    if found:
        which = " or ".join(f"{community.key}/{name_of(room)}" for community, room in found)
        raise SetupError(f"There is more than one room {key!r}. Write {which}.")
    known = [f"{c.key}/{name_of(room)}" for c in documents.communities for room in c.every_room()]
    short = [name.partition("/")[2] for name in known]
    near = nearest(named, known) or nearest(key, short)
    hint = f" Did you mean {near}?" if near else f" There are: {', '.join(known)}." if known else ""
    raise SetupError(f"There is no room {named!r} in your files.{hint}")


def find_rooms(documents: Documents, named: Sequence[str]) -> frozenset[str] | None:
    """Find several rooms, each as ``community/key``; None: all."""
    if not named:
        return None
    return frozenset(f"{community.key}/{room.key}" for community, room in (find_room(documents, one) for one in named))


def phrase_of(change: Change) -> str:
    """Tell what has to be typed before something is done that can never be undone."""
    return phrase_for(change.room or SPACE, change.path)


def phrase_for(room: str, path: str) -> str:
    """Tell it by the names that a plan gives them."""
    return f"encrypt {room} for ever" if path == "settings.encryption" else f"change {path} of {room} for ever"


def said(phrase: str, phrases: Iterable[str]) -> bool:
    """Tell whether a phrase is among those that were typed."""
    return " ".join(phrase.casefold().split()) in {" ".join(one.casefold().split()) for one in phrases}
