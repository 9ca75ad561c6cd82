"""``circlekeeper export``: a live room as a template, on standard output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.documents.emit import as_yaml
from orchestrator.errors import MatrixError, SetupError
from orchestrator.matrix.history import LiveState
from orchestrator.matrix.reading import Reader
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, RoomId, RoomKey, UserId
from orchestrator.planning import Onlooker, looking
from orchestrator.rooms import Exported, Seen, blank_room, exported
from orchestrator.store import bindings, mirror
from orchestrator.store.claims import claims_on

from .naming import find_room, name_of

_PLAIN: Final = re.compile(r"[a-z][a-z_-]*\Z")
_NOT_PLAIN: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


async def export(config_path: Path, named: str) -> int:
    """Print a room as a template; returns the exit code."""
    async with looking(config_path) as onlooker:
        community, room, where = await find_live(onlooker, named)
        reader = await onlooker.reader(community)
        seen = await see(onlooker, reader, community, where)
    key = room.key or community.key
    name = re.sub(r"[^a-z0-9-]+", "-", key).strip("-") or "exported"
    found = exported(seen, community, room, reader.me, name=name)
    print("\n".join(lines_of(found, community, room, name)))
    return 0


async def find_live(onlooker: Onlooker, named: str) -> tuple[Community, Room, RoomId]:
    """Find a room by its id, by an alias, or by what the files call it.

    Raises:
        SetupError: there is none; the sentence says what to do.
    """
    documents = onlooker.loaded.documents
    if named[:1] not in {"!", "#"}:
        community, room = find_room(documents, named)
        where = await onlooker.rows(community).run(bindings.bound_room, community.key, room.key)
        if where is None:
            raise SetupError(f"{community.key}/{name_of(room)} is not made yet.")
        return community, room, where
    for community in documents.communities:
        reader = await onlooker.reader(community)
        where = RoomId(named) if named[0] == "!" else await reader.alias(named)
        if where is None or where not in await reader.joined_rooms():
            continue
        binding = await onlooker.rows(community).run(bindings.binding_of, where)
        if binding is not None:
            of = documents.community(binding.community)
            known = None if of is None else of.room(binding.key)
            if of is not None and known is not None:
                return of, known, where
        return community, blank_room(community, RoomKey("exported"), kind="room"), where
    raise SetupError(f"The bot is not in {named}. Let somebody who may invite it do so first.")


async def see(onlooker: Onlooker, reader: Reader, community: Community, where: RoomId) -> Seen:
    """Read all of a room that a template can say.

    Raises:
        SetupError: it cannot be read.
    """
    try:
        state = await reader.whole_state(where)
    except MatrixError as error:
        if error.retryable:
            raise
        raise SetupError(f"The bot is not in {where} (any more), so it cannot be read.") from None
    try:
        listed: bool | None = await reader.listed(where)
    except MatrixError:
        listed = None
    rows = onlooker.rows(community)
    keys = {
        binding.room: binding.key for binding in await rows.run(bindings.bindings) if binding.community == community.key
    }
    return Seen(
        state={place: live.content for place, live in state.items()},
        creators=_creators(state),
        listed=listed,
        keys=keys,
        suggested=await rows.run(_is_suggested, where, frozenset(keys)),
        said=await rows.run(_said, where),
    )


def _creators(state: Mapping[tuple[str, str], LiveState]) -> frozenset[UserId]:
    create = state.get(("m.room.create", ""))
    if create is None:
        return frozenset()
    extra = create.content.get("additional_creators")
    named = [UserId(one) for one in extra if isinstance(one, str)] if isinstance(extra, list) else []
    return frozenset([create.sender, *named])


def _is_suggested(tx: Tx, where: RoomId, rooms: frozenset[RoomId]) -> bool:
    """Tell whether a space of the community recommends a room."""
    links = (mirror.state_of(tx, space, "m.space.child", where) for space in rooms)
    return any(link is not None and (link.content or {}).get("suggested") is True for link in links)


def _said(tx: Tx, where: RoomId) -> dict[str, str]:
    """List what others than the template say in a topic."""
    return {
        claim.path[1]: claim.value
        for claim in claims_on(tx, where, "m.room.topic", "", 0)
        if not claim.ended and len(claim.path) == 2 and claim.owner != "template" and isinstance(claim.value, str)
    }


def lines_of(found: Exported, community: Community, room: Room, name: str) -> Iterator[str]:
    """Write it as a file, with what belongs elsewhere in its comments."""
    yield f"# A room as it is now, written as a template: save this as room_templates/{name}.yaml"
    for note in found.notes:
        yield f"# Mind: {note}"
    yield from _block(found.template, "")
    if found.room:
        yield ""
        yield f"# And in config.yaml, below communities: {community.key}: rooms:"
        yield from (f"#   {line}" for line in _block({room.key or name: found.room}, ""))


def _block(value: Mapping[str, Json], indent: str) -> Iterator[str]:
    for key, inner in value.items():
        written = key if _PLAIN.match(key) else as_yaml(key)
        if isinstance(inner, Mapping) and inner:
            yield f"{indent}{written}:"
            yield from _block(inner, f"{indent}  ")
        else:
            yield f"{indent}{written}: {_scalar(inner)}"


def _scalar(value: Json) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value not in _NOT_PLAIN:
        return value
    return as_yaml(value)
