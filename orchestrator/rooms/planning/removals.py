"""What was applied and is no longer said, and power that nobody ever said anything about. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import _
from orchestrator.model.ids import LOCATOR_TYPE, RoomId, RoomKey, UserId
from orchestrator.model.things import ALIAS
from orchestrator.rooms.changes import Change, Slot, State
from orchestrator.rooms.state.attributes import APPLIED_BY, ROLE, Attribute
from orchestrator.rooms.state.compose import ON_DRIFT
from orchestrator.store.claims import Claim

from .live import LiveRoom
from .sight import Sight
from .standing import POWER, default_level, obstacle

Place = tuple[Slot, tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Removal:
    """What was applied and is no longer said.

    Attributes:
        attribute: as it was applied.
        forgotten: nobody says anything about it any more, so it stays as it is; else it is taken back.
    """

    attribute: Attribute
    forgotten: bool


def removals(
    community: Community, sight: Sight, places: Collection[Place], planned: Collection[RoomKey]
) -> Mapping[RoomKey, list[Removal]]:
    """Find what was applied to the planned rooms and has no place in the documents any more, by room."""
    keys = sight.keys()
    found: dict[RoomKey, list[Removal]] = {}
    for slot, claims in sight.claims.items():
        for claim in claims:
            if claim.owner not in APPLIED_BY or claim.path == ON_DRIFT or (slot, claim.path, claim.owner) in places:
                continue
            # A link is about the room that it leads to; where that one is gone, it goes with it.
            key = keys.get(RoomId(slot.key) if slot.type == "m.space.child" else slot.room)
            room = community.room(key) if key is not None and keys.get(slot.room) in planned else None
            path = _path(slot, claim, keys.get(slot.room), keys)
            if room is not None and path and room.key in planned:
                found.setdefault(room.key, []).append(_removal(room, path, slot, claim))
    return found


def extra_powers(community: Community, room: Room, live: LiveRoom, sight: Sight, me: UserId) -> Iterator[Change]:
    """Find who holds power that nobody claims for them, where the documents say that nobody may."""
    slot = Slot(live.id, POWER)
    content = live.content(POWER)
    users = (content or {}).get("users")
    if room.on_drift.get("power") != "enforce" or not isinstance(users, Mapping):
        return
    claims = sight.claims.get(slot, ())
    meant = {me, *community.leads, *live.creators} if live.is_creator(me) else {me, *community.leads}
    meant |= {UserId(claim.path[1]) for claim in claims if len(claim.path) == 2 and claim.path[0] == "users"}
    # Where that was never decided for this room, somebody else's people are not simply put down.
    decided = any(claim.path == ON_DRIFT and claim.value == "enforce" for claim in claims)
    event = live.at(POWER)
    for user, level in sorted(users.items()):
        if user in meant or not isinstance(level, int) or level <= default_level(content):
            continue
        change = Change(
            room=room.key,
            path=f"power.users.{user}",
            state=State.DRIFT if decided else State.ADOPT,
            beneath=State.DRIFT if decided else State.ADOPT,
            live=level,
            reason=_("Somebody gave them this power by hand; the files do not know of it, and it is taken back."),
            origin=room.origins.get("on_drift.power"),
            stance="enforce",
            slot=slot,
            claim_path=("users", user),
            owner=ROLE,
            based_on="" if event is None else event.event,
        )
        reason = obstacle(POWER, change.claim_path, level, None, live, me)
        yield change if not reason else replace(change, state=State.BLOCKED, reason=reason)


def _removal(room: Room, path: str, slot: Slot, claim: Claim) -> Removal:
    family = path.partition(".")[0] if not path.startswith("settings.") else ".".join(path.split(".")[:2])
    said = {
        "alias": room.alias is not None,
        "avatar": bool(room.avatar_sha256),
        "settings.retention": room.settings.retention is not None,
        "settings.acl": room.settings.acl is not None,
    }
    attribute = Attribute(
        room=room.key,
        path=path,
        slot=slot,
        claim_path=claim.path,
        value=claim.value,
        owner=claim.owner,
        stance=room.on_drift.get(_PARTS.get(family, family.removeprefix("settings.")), "report"),
        origin=room.origins.get("leads" if family == "leads" else family),
    )
    return Removal(attribute, forgotten=not said.get(family, True))


_PARTS: Final[Mapping[str, str]] = {"leads": "power", "link": "links", "in": "links", "settings.allow": "join"}


def _path(slot: Slot, claim: Claim, within: RoomKey | None, keys: Mapping[RoomId, RoomKey]) -> str:
    """Name what a claim is about; "" for what is no attribute, or goes with another."""
    head = claim.path[0] if claim.path else ""
    match slot.type:
        case "m.room.power_levels" if len(claim.path) == 2:
            return f"leads.{claim.path[1]}" if head == "users" else f"power.{head}.{claim.path[1]}"
        case "m.space.child" if head == "via":
            return f"link.{within or 'space'}"
        case "m.space.parent" if claim.path == ():
            return f"in.{keys.get(RoomId(slot.key)) or 'space'}"
        case _ if slot.type == ALIAS:
            return f"alias.{slot.key}"
        case _ if slot.type == LOCATOR_TYPE:
            return ""
    return _SIMPLE.get((slot.type, head), "")


_SIMPLE: Final[Mapping[tuple[str, str], str]] = {
    ("m.room.join_rules", "allow"): "settings.allow",
    ("m.room.canonical_alias", "alias"): "alias",
    ("m.room.avatar", ""): "avatar",
    ("m.room.retention", "max_lifetime"): "settings.retention",
    ("m.room.retention", "min_lifetime"): "settings.retention.min",
    ("m.room.server_acl", "allow"): "settings.acl.allow",
    ("m.room.server_acl", "deny"): "settings.acl.deny",
    ("m.room.server_acl", "allow_ip_literals"): "settings.acl.ip_literals",
}
