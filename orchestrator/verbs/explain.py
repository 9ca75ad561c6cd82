"""``circlekeeper explain``: which line of which file set something, who else wants it otherwise, and what is live."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.documents.declared import Community, Origin, Room
from orchestrator.documents.words import nearest
from orchestrator.errors import SetupError
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, RoomId
from orchestrator.planning import Onlooker, looking
from orchestrator.rooms import EXISTS, Change, Slot, State
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.claims import Claim

from .naming import find_room, name_of
from .showing import value_in_words, why

POWER: Final = "m.room.power_levels"

_LAYERS: Final[Mapping[str, str]] = {
    "floor": "the server's floor",
    "community": "the community's own lines",
    "template": "its template",
    "extends": "the template that its template extends",
    "room": "the room's own line",
    "overlay": "a lead's command, in the overlay",
    "default": "a default; nobody wrote it",
}
_OWNERS: Final[Mapping[str, str]] = {
    "template": "your files",
    "role": "your files (leads)",
    "duty": "whoever is on duty",
    "mute": "a mute",
    "lockdown": "a lockdown",
    "archive": "the closing of the room",
    "norms": "the norms",
    "prompt": "a question of the day",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one thing of one room."""

    change: Change | None
    origin: Origin | None
    claims: Sequence[Claim]
    set_by: str


async def explain(config_path: Path, named: str, path: str, *, as_json: bool) -> int:
    """Print where something comes from; returns the exit code."""
    async with looking(config_path) as onlooker:
        community, room = find_room(onlooker.loaded.documents, named)
        told = await _look(onlooker, community, room, path)
    if as_json:
        print(json.dumps(_as_json(room, path, told), ensure_ascii=False, indent=2))
    else:
        print(f"{community.key}/{name_of(room)} {path}")
        for label, text in _lines(told):
            print(f"  {label:<12}{text}".rstrip())
    return 0


async def _look(onlooker: Onlooker, community: Community, room: Room, path: str) -> Told:
    outlook = await onlooker.plan({f"{community.key}/{room.key}"})
    changes = {
        change.path: change for whole in outlook.plans for change in whole.plan.changes if change.room == room.key
    }
    rows = onlooker.rows(community)
    where = await rows.run(bindings.bound_room, community.key, room.key)
    change, origin = changes.get(path), room.origins.get(path)
    if change is not None:
        origin = change.origin or origin
        found, sender = await rows.run(_wanted, change.slot, change.claim_path) if change.slot else ([], "")
        return Told(change, origin, found, sender)
    if path.startswith("@") and where is not None:
        found, sender = await rows.run(_wanted, Slot(where, POWER), ("users", path))
        return Told(changes.get(f"leads.{path}"), origin, found, sender)
    if origin is not None:
        return Told(None, origin, (), "")
    if path.startswith("@"):
        return Told(None, None, (), "")
    known = sorted({*changes, *room.origins} - {EXISTS})
    near = nearest(path, known)
    raise SetupError(
        f"Nothing is called {path!r} in {name_of(room)}."
        + (
            f" Did you mean {near}?"
            if near
            else f" There are: {', '.join(one for one in known if one.count('.') < 2)}."
        )
    )


def _wanted(tx: Tx, slot: Slot, path: Sequence[str]) -> tuple[list[Claim], str]:
    """List the claims on a place, and who set what is live there."""
    room, type_, key = slot
    found = [
        claim
        for claim in claims.claims_on(tx, RoomId(room), type_, key, 0)
        if not claim.ended and claim.path[: len(path)] == tuple(path)[: len(claim.path)]
    ]
    live = mirror.state_of(tx, RoomId(room), type_, key)
    return found, live.sender if live is not None else ""


def _lines(told: Told) -> Iterator[tuple[str, str]]:
    change, origin = told.change, told.origin
    if change is not None:
        yield "your files", value_in_words(change.desired)
    if origin is not None:
        place = f"{origin.file}:{origin.line}:{origin.col}, " if origin.file else ""
        yield "set at", f"{place}{_LAYERS.get(origin.layer, origin.layer)}"
    if change is not None:
        yield "applied", value_in_words(change.applied)
        yield "live", value_in_words(change.live) + (f", last set by {told.set_by}" if told.set_by else "")
    for n, claim in enumerate(told.claims):
        until = " for a while" if claim.until_ms is not None else ""
        yield ("wanted by" if n == 0 else ""), f"{_OWNERS.get(claim.owner, claim.owner)}: {_claimed(claim)}{until}"
    if change is not None and change.state is not State.NO_OP:
        yield "so", f"{change.state.value}. {why(change)}".strip()
    elif change is None and not told.claims and origin is None:
        yield "note", "Nobody gives them more than what members have here, just now."
    elif change is None and not told.claims:
        yield "note", "This is followed as soon as the bot reads your files; 'plan' does not show it."


def _claimed(claim: Claim) -> str:
    return value_in_words(claim.value)


def _as_json(room: Room, path: str, told: Told) -> dict[str, Json]:
    origin, change = told.origin, told.change
    return {
        "room": name_of(room),
        "path": path,
        "origin": None
        if origin is None
        else {"layer": origin.layer, "file": origin.file, "line": origin.line, "col": origin.col},
        "change": None if change is None else change.as_json(),
        "set_by": told.set_by,
        "claims": [
            {"owner": c.owner, "path": list(c.path), "value": c.value, "until_ms": c.until_ms} for c in told.claims
        ],
    }
