"""What the documents say of rooms that exist, one attribute at a time: the only place where a setting becomes Matrix.

Each attribute names the state event that it lives in, the path within it, and what is claimed there. Claims, plans and the
bodies that rooms are made with all come from here or agree with it (tested). A key that nobody wrote has no attribute:
what is not managed is left alone. Source: client-server API, "Room events"; MSC1763 for retention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, OnDrift, Origin, Room
from orchestrator.model.ids import Json, RoomId, RoomKey, UserId, server_of
from orchestrator.model.power import FOR_FACILITATORS, creators_have_power
from orchestrator.model.things import ALIAS, FILE, LISTED
from orchestrator.model.topic import OWN_WORDS, TOPIC
from orchestrator.rooms.changes import Slot
from orchestrator.rooms.state.levels import NUMBERS, lead_level, room_levels
from orchestrator.store.claims import Claim

TEMPLATE: Final = "template"
ROLE: Final = "role"
APPLIED_BY: Final = frozenset({TEMPLATE, ROLE})
"""The owners whose claims are what was last applied."""

MEGOLM: Final = "m.megolm.v1.aes-sha2"

Class: TypeAlias = Literal["in-place", "one-way", "create-only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One thing that the documents say of one room.

    Attributes:
        path: its name, the one it has in the documents where there is one.
        slot: the state event it lives in; that of a link is in the space.
        claim_path: where in it.
        value: what is claimed there; None: nothing is (no encryption, or what can only be said when a room is made).
        cls: whether it can change, only in one direction, or only by a new room.
        part: what ``on_drift`` calls it.
        fault: what is wrong with what the files say of it; until that is mended it is left as it is.
    """

    room: RoomKey
    path: str
    slot: Slot
    claim_path: tuple[str, ...]
    value: Json
    owner: str = TEMPLATE
    cls: Class = "in-place"
    part: str = ""
    stance: OnDrift = "report"
    origin: Origin | None = field(default=None, compare=False)
    fault: str = ""

    @property
    def claim(self) -> Claim | None:
        """Write it as the claim that it makes; None where it makes none."""
        if self.value is None or self.cls == "create-only":
            return None
        room, type_, key = self.slot
        return Claim(room=room, type=type_, key=key, path=self.claim_path, owner=self.owner, value=self.value)


class Footing(NamedTuple):
    """How the bot stands in a room: the room's version, and the bot's own level; nobody can ask for more."""

    version: str
    own: float


def attributes(
    community: Community,
    rooms: Mapping[RoomKey, RoomId],
    me: UserId,
    footing: Mapping[RoomKey, Footing] | None = None,
    *,
    only: RoomKey | None = None,
) -> list[Attribute]:
    """List everything that the documents say of a community's rooms.

    Args:
        community: as declared.
        rooms: by key, those that exist and that the bot is in.
        me: the bot, whose server is the way into the rooms.
        footing: how things stand in rooms that may be other than the documents would make them.
        only: of this room alone.
    """
    every, orders = {room.key: room for room in community.every_room()}, link_orders(community)
    return [
        attribute
        for room in every.values()
        if room.key in rooms and only in {None, room.key}
        for attribute in _Room(community, room, rooms, me, (footing or {}).get(room.key), every, orders).attributes()
    ]


def allowed(room: Room, rooms: Mapping[RoomKey, RoomId]) -> list[RoomId]:
    """List the rooms whose members may come into a restricted room: as far as they exist."""
    named = room.settings.allow or (() if room.key == SPACE_KEY else (room.within,))
    return [rooms[key] for key in dict.fromkeys(named) if key in rooms and key != room.key]


def join_rule(room: Room, allow: list[RoomId]) -> str:
    """Tell the join rule that a room has; restricted to nothing, it stays shut."""
    if room.key == CONTROL_KEY:
        return "invite"
    shut = {"restricted": "invite", "knock_restricted": "knock"}
    return room.settings.join if allow else shut.get(room.settings.join, room.settings.join)


def allow_rules(allow: list[RoomId]) -> list[Json]:
    """Write whose members may come in. Source: ``m.room.join_rules``."""
    return [{"type": "m.room_membership", "room_id": room} for room in allow]


def link_orders(community: Community) -> dict[RoomKey, str]:
    """Tell where in its space each room is shown: in the order of the file."""
    places: dict[RoomKey, int] = {}
    orders: dict[RoomKey, str] = {}
    for room in community.rooms:
        places[room.within] = places.get(room.within, 0) + 1
        orders[room.key] = f"{places[room.within] * 10:05d}"
    return orders


class _Room:
    """Writes down the attributes of one room."""

    def __init__(
        self,
        community: Community,
        room: Room,
        rooms: Mapping[RoomKey, RoomId],
        me: UserId,
        footing: Footing | None,
        every: Mapping[RoomKey, Room],
        orders: Mapping[RoomKey, str],
    ) -> None:
        self._community, self._room, self._rooms, self._me, self._footing = community, room, rooms, me, footing
        self._every, self._orders = every, orders
        self._id = rooms[room.key]
        self._private = room.key == CONTROL_KEY

    def attributes(self) -> Iterator[Attribute]:
        yield from self._looks()
        yield from self._settings()
        yield from self._for_ever()
        yield from self._power()
        yield from self._places()

    def _looks(self) -> Iterator[Attribute]:
        room = self._room
        yield self._at("name", "m.room.name", ("name",), room.name)
        yield self._at("topic", TOPIC, OWN_WORDS.path, room.topic)
        if room.avatar_sha256:
            yield self._at("avatar", "m.room.avatar", (), {FILE: room.avatar_sha256})
        if room.alias is not None and not self._private:
            yield self._at(f"alias.{room.alias}", ALIAS, ("here",), value=True, key=room.alias, doc="alias")
            alias = f"#{room.alias}:{server_of(self._me)}"
            yield self._at("alias", "m.room.canonical_alias", ("alias",), alias)

    def _settings(self) -> Iterator[Attribute]:
        room, settings, private = self._room, self._room.settings, self._private
        allow = allowed(room, self._rooms)
        rule = join_rule(room, allow)
        yield self._at("settings.join", "m.room.join_rules", ("join_rule",), rule)
        if rule in {"restricted", "knock_restricted"}:
            yield self._at("settings.allow", "m.room.join_rules", ("allow",), allow_rules(allow), part="join")
        history = "joined" if private else settings.history
        yield self._at("settings.history", "m.room.history_visibility", ("history_visibility",), history)
        guests = "can_join" if settings.guests and not private else "forbidden"
        yield self._at("settings.guests", "m.room.guest_access", ("guest_access",), guests)
        encrypted = (settings.encryption or private) and room.kind == "room"
        algorithm = MEGOLM if encrypted else None
        yield self._at("settings.encryption", "m.room.encryption", ("algorithm",), algorithm, cls="one-way")
        yield self._at("settings.directory", LISTED, ("listed",), settings.listed and not private)
        retention, acl = settings.retention, settings.acl
        if retention is not None:
            yield self._at("settings.retention", "m.room.retention", ("max_lifetime",), retention.max_ms)
            if retention.min_ms is not None:
                name = "settings.retention.min"
                yield self._at(name, "m.room.retention", ("min_lifetime",), retention.min_ms, part="retention")
        if acl is not None:
            for path, key, value in (
                ("settings.acl.allow", "allow", list(acl.allow)),
                ("settings.acl.deny", "deny", list(acl.deny)),
                ("settings.acl.ip_literals", "allow_ip_literals", acl.ip_literals),
            ):
                yield self._at(path, "m.room.server_acl", (key,), value, part="acl", doc="settings.acl")

    def _for_ever(self) -> Iterator[Attribute]:
        for path, key, value in (
            ("kind", "type", "m.space" if self._room.kind == "space" else ""),
            ("settings.room_version", "room_version", self._room.settings.room_version),
            ("settings.federate", "m.federate", self._room.settings.federate),
        ):
            yield self._at(path, "m.room.create", (key,), value, cls="create-only")
        version = self._room.settings.room_version if self._footing is None else self._footing.version
        if creators_have_power(version):
            beside: list[Json] = [*sorted(set(self._community.founders) - {self._me})]
            yield self._at("founders", "m.room.create", ("additional_creators",), beside, cls="create-only")

    def _power(self) -> Iterator[Attribute]:
        room, type_, footing = self._room, "m.room.power_levels", self._footing
        if footing is not None:  # as long as it is no new room, power is as its version has it
            room = replace(room, settings=replace(room.settings, room_version=footing.version))
        levels = room_levels(self._community, room, self._me, own=None if footing is None else footing.own)
        for number in NUMBERS:
            doc = _SAID_BY[number]
            path = "power.member" if number == "users_default" else f"power.{number}"
            yield self._at(path, type_, (number,), levels[number], part="power", doc=doc)
        for table in ("events", "notifications"):
            entries = levels[table]
            for name, level in entries.items() if isinstance(entries, Mapping) else ():
                doc = f"power.events.{name}"
                if doc not in room.origins:
                    doc = "power.facilitator" if name in FOR_FACILITATORS or table == "notifications" else "power.lead"
                yield self._at(f"power.{table}.{name}", type_, (table, name), level, part="power", doc=doc)
        for lead in self._community.leads:
            if lead != self._me:
                path, where = f"leads.{lead}", ("users", lead)
                yield self._at(path, type_, where, lead_level(room), part="power", owner=ROLE, doc="leads")

    def _places(self) -> Iterator[Attribute]:
        room, way = self._room, server_of(self._me)
        parent = self._rooms.get(room.within)
        if room.key == SPACE_KEY or parent is None:
            return
        above = self._every.get(room.within)
        stance: OnDrift = above.on_drift.get("links", "enforce") if above is not None else "enforce"
        said: dict[str, Json] = {"via": [way], "canonical": True}
        yield self._at("in", "m.space.parent", (), said, key=parent, part="links", stance=stance)
        if self._private:
            return  # the space does not name it: nobody else learns of it
        link = Slot(parent, "m.space.child", self._id)
        for path, key, value in (
            ("link", "via", [way]),
            ("order", "order", self._orders[room.key]),
            ("suggested", "suggested", room.suggested),
        ):
            origin = room.origins.get(path if path == "suggested" else "in")
            yield Attribute(
                room=room.key,
                path=path,
                slot=link,
                claim_path=(key,),
                value=value,
                part="links",
                stance=stance,
                origin=origin,
                fault=room.faults.get("in", ""),
            )

    def _at(
        self,
        path: str,
        type_: str,
        claim_path: tuple[str, ...],
        value: Json,
        *,
        key: str = "",
        owner: str = TEMPLATE,
        cls: Class = "in-place",
        part: str = "",
        doc: str = "",
        stance: OnDrift | None = None,
    ) -> Attribute:
        part = part or (doc or path).removeprefix("settings.")
        faults = self._room.faults
        return Attribute(
            room=self._room.key,
            path=path,
            slot=Slot(self._id, type_, key),
            claim_path=claim_path,
            value=value,
            owner=owner,
            cls=cls,
            part=part,
            stance=stance or self._room.on_drift.get(part, "report"),
            origin=self._room.origins.get(doc or path),
            # Where it is unclear who may come in, it is unclear from where, too.
            fault=faults.get(doc or path) or (faults.get("settings.join", "") if path == "settings.allow" else ""),
        )


_SAID_BY: Final[Mapping[str, str]] = {
    "users_default": "power.member",
    "events_default": "power.member",
    "state_default": "power.lead",
    "ban": "power.facilitator",
    "kick": "power.facilitator",
    "redact": "power.facilitator",
    "invite": "power.facilitator",
}
"""Which line of a template a plain level follows from."""
