"""A declared room moves from one room to another: its binding, its claims, its links and its aliases, in one transaction.

Before it there is one room with everything, afterwards another; no instant shows both or neither. What the old one was
claimed to be is forgotten, not taken back: it is left as it stands, but for what leads people to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import LOCATOR_TYPE, Json, RoomId, server_of
from orchestrator.model.things import ALIAS, LISTED
from orchestrator.rooms.state.compose import APPLIED, INHERITED, ON_DRIFT
from orchestrator.rooms.state.create import room_locator
from orchestrator.rooms.state.levels import room_levels
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.bindings import How
from orchestrator.store.claims import Claim, put_claim

from .archive import CHILD, NAMES, aliases_of, parents_of
from .heir import CARRIED, POWER, retired_locator
from .lockdown import JOIN

OWNER: Final = "upgrade"
"""Claims on a room whose place was taken."""

TEMPLATE: Final = "template"
OTHERS: Final = ("alt_aliases",)
PARENT: Final = "m.space.parent"

_WORDS: Final = ("m.room.name", "m.room.topic", "m.room.avatar")
"""What a person may have written in the old room, and is copied as it stands."""

_FOLLOWS: Final = frozenset({"template", "role", "mute"})
"""Whose claims follow into a room that we made. Shifts, norms and prompts are claimed anew by their own crafts."""


def move(tx: Tx, community: Community, room: Room, old: RoomId, new: RoomId, now: Now, *, how: How) -> list[str]:
    """Let a declared room be another room from now on.

    ``how`` is ``made`` where it was made in the old one's likeness, and its claims follow; ``adopted`` where somebody else
    made it, and what it should be is for a plan to show.

    Returns:
        the aliases of other servers, which nobody here can move.
    """
    here, elsewhere = aliases_of(tx, old, now.me)
    standing = claims.claims_in(tx, old)
    bindings.bind(tx, community.key, room.key, new, how)
    links = _links(tx, old, now)
    claims.abandon(tx, old)
    if how == "made":
        for claim in _following(tx, community, room, standing, old, new, now):
            put_claim(tx, claim, now.at_ms)
            if claim.before is not None:
                claims.keep_before(tx, claim, claim.before)
        _put(tx, new, LOCATOR_TYPE, (), {"locator": room_locator(now.me, community.key, room.key)}, now)
        named = mirror.state_of(tx, old, NAMES)
        called = (named.content or {}).get("alias") if named is not None else None
        for localpart in here:
            _put(tx, new, ALIAS, ("here",), True, now, key=localpart)  # noqa: FBT003 - the value that is claimed
            # It leads elsewhere now, and that is nobody's change.
            said: Json = {"on": "", "paths": [["here"]]}
            decided = Claim(room=new, type=ALIAS, key=localpart, path=APPLIED, owner=TEMPLATE, value=said)
            claims.put_ended(tx, decided, now.at_ms)
            _put(tx, old, ALIAS, (), {}, now, key=localpart, owner=OWNER)
        if isinstance(called, str) and called.partition(":")[2] == server_of(now.me):
            _put(tx, new, NAMES, ("alias",), called, now)
        others = [alias for alias in _others(named) if alias[1:].partition(":")[0] in here and alias not in elsewhere]
        if others:  # of those that lead here by now; the server takes no other
            _put(tx, new, NAMES, OTHERS, others, now, owner=OWNER)
        for type_, key, digest in _others_words(tx, old, now):
            _put(tx, new, type_, INHERITED, digest, now, key=key, owner=OWNER)
        _put(tx, old, LISTED, ("listed",), False, now, owner=OWNER)  # noqa: FBT003 - the value that is claimed
        _put(tx, old, LOCATOR_TYPE, (), {"locator": retired_locator(now.me, old)}, now, owner=OWNER)
    _link_anew(tx, links, old, new, now)
    _point_anew(tx, old, new, now)
    return elsewhere


def leave_names(tx: Tx, room: RoomId | None = None) -> None:
    """Leave the other names that moved along to people: once they are listed, or (in ``room``) somebody changed them."""
    for claim in claims.claims_at(tx, OWNER, OTHERS):
        if claim.room == room or _others(mirror.state_of(tx, claim.room, NAMES)) == claim.value:
            claims.forget_claim(tx, claim)


def _others(named: mirror.MirroredState | None) -> list[str]:
    said = (named.content or {}).get(OTHERS[0]) if named is not None else None
    return [alias for alias in said if isinstance(alias, str)] if isinstance(said, list) else []


def _others_words(tx: Tx, old: RoomId, now: Now) -> Iterable[tuple[str, str, str]]:
    """List what was copied that a person had set, with the digest of what was copied."""
    for type_ in (*_WORDS, *CARRIED, CHILD):
        for key in mirror.state_keys(tx, old, type_):
            seen = mirror.state_of(tx, old, type_, key)
            if seen is not None and seen.sender != now.me:
                yield type_, key, seen.digest if seen.content is None else mirror.digest_of(seen.content)


def _following(
    tx: Tx, community: Community, room: Room, standing: Iterable[Claim], old: RoomId, new: RoomId, now: Now
) -> Iterable[Claim]:
    """Write what was claimed of the old room as claims on the new one, power in the words of its version."""
    known = mirror.room_of(tx, old)
    before = room_levels(community, _at_version(room, known.version if known is not None else ""), now.me)
    after = room_levels(community, room, now.me)
    for claim in standing:
        unlinked = claim.type == CHILD and claim.owner in {OWNER, "archive"}
        if (
            not (unlinked or claim.owner in _FOLLOWS)
            or claim.type in {LOCATOR_TYPE, ALIAS, NAMES}
            or claim.path == APPLIED
        ):
            continue
        value = claim.value
        if claim.type == POWER and claim.owner != "mute" and value == _at(before, claim.path):
            changed = _at(after, claim.path)
            value = value if changed is None else changed
        yield replace(claim, room=new, value=value)


def _at_version(room: Room, version: str) -> Room:
    return replace(room, settings=replace(room.settings, room_version=version)) if version else room


def _links(tx: Tx, old: RoomId, now: Now) -> list[tuple[RoomId, dict[tuple[str, ...], Json]]]:
    """List where a room hangs, with its place there as it stands, not as it was meant: order and suggestion are kept."""
    found = []
    for space in parents_of(tx, old):
        said: dict[tuple[str, ...], Json] = {("via",): [server_of(now.me)]}
        for claim in claims.claims_on(tx, space, CHILD, old, now.at_ms):
            if not claim.ended and claim.owner == TEMPLATE:
                said |= _leaves(claim)
        seen = mirror.state_of(tx, space, CHILD, old)
        live = (seen.content or {}) if seen is not None else {}
        said |= {(key,): live[key] for key in ("order", "suggested") if key in live}
        said["via",] = [server_of(now.me)]
        found.append((space, said))
    return found


def _link_anew(
    tx: Tx, links: Iterable[tuple[RoomId, Mapping[tuple[str, ...], Json]]], old: RoomId, new: RoomId, now: Now
) -> None:
    for space, said in links:
        for path, value in said.items():
            _put(tx, space, CHILD, path, value, now, key=new)
        for claim in claims.claims_on(tx, space, CHILD, old, now.at_ms):
            claims.drop_claim(tx, space, CHILD, claim.owner, now.at_ms, key=old, path=claim.path)
        _put(tx, space, CHILD, (), {}, now, key=old, owner=OWNER)


def _point_anew(tx: Tx, old: RoomId, new: RoomId, now: Now) -> None:
    """Let what names the old room name the new one: whose members may come in, and what hangs in it."""
    for binding in bindings.bindings(tx):
        where = binding.room
        for owner in ("template", "upgrade"):
            for claim in claims.claims_on(tx, where, PARENT, old, now.at_ms):
                if claim.owner == owner and not claim.ended:
                    put_claim(tx, replace(claim, key=new), now.at_ms)
                    claims.drop_claim(tx, where, PARENT, owner, now.at_ms, key=old, path=claim.path)
        parent = mirror.state_of(tx, where, PARENT, old)
        if parent is not None and (parent.content or {}).get("via"):
            whole: Json = {"via": [server_of(now.me)], "canonical": (parent.content or {}).get("canonical") is True}
            if not any(not claim.ended for claim in claims.claims_on(tx, where, PARENT, new, now.at_ms)):
                _put(tx, where, PARENT, (), whole, now, key=new)
            _put(tx, where, PARENT, ("via",), [], now, key=old, owner=OWNER)
        rules = mirror.state_of(tx, where, JOIN)
        claimed = [c for c in claims.claims_on(tx, where, JOIN, "", now.at_ms) if c.path == ("allow",) and not c.ended]
        for claim in claimed:
            if _names(claim.value, old):
                put_claim(tx, replace(claim, value=_instead(claim.value, old, new)), now.at_ms)
        allow = (rules.content or {}).get("allow") if rules is not None else None
        if not claimed and _names(allow, old):
            _put(tx, where, JOIN, ("allow",), _instead(allow, old, new), now)


def _names(allow: Json, room: RoomId) -> bool:
    entries = allow if isinstance(allow, list) else []
    return any(isinstance(one, Mapping) and one.get("room_id") == room for one in entries)


def _instead(allow: Json, old: RoomId, new: RoomId) -> Json:
    return [
        {**one, "room_id": new} if isinstance(one, Mapping) and one.get("room_id") == old else one
        for one in (allow if isinstance(allow, list) else ())
    ]


def _leaves(claim: Claim) -> dict[tuple[str, ...], Json]:
    if claim.path == ON_DRIFT:
        return {ON_DRIFT: claim.value}
    if claim.path:
        return {claim.path: claim.value} if claim.path != APPLIED else {}
    return {(key,): value for key, value in claim.value.items()} if isinstance(claim.value, Mapping) else {}


def _at(content: Mapping[str, Json], path: tuple[str, ...]) -> Json:
    value: Json = content
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(
    tx: Tx,
    room: RoomId,
    type_: str,
    path: tuple[str, ...],
    value: Json,
    now: Now,
    *,
    key: str = "",
    owner: str = TEMPLATE,
) -> None:
    put_claim(tx, Claim(room=room, type=type_, key=key, path=path, owner=owner, value=value), now.at_ms)
