"""The forms of how a room is made and who may do what there; of floors, which say the same of all rooms."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias, cast

from typing_extensions import TypedDict

from orchestrator.documents import addresses, times, words
from orchestrator.documents.authored import Floor, Level
from orchestrator.documents.declared import Acl, History, JoinRule, PowerMap, Retention, Settings
from orchestrator.documents.layers import Said, Value, canonical
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.ids import RoomKey
from orchestrator.model.power import KEEPER_LEVEL

from .base import Key, NotEmpty, Read, Truth, number, one_of

Kind: TypeAlias = Literal["room", "space"]
Role: TypeAlias = Literal["lead", "facilitator", "member"]


def _level(value: object) -> object:
    if isinstance(value, str) and value in {"lead", "facilitator", "member"}:
        return value
    try:
        return words.whole(0, KEEPER_LEVEL)(value)
    except ValueError:
        raise ValueError(f"Write lead, facilitator or member, or a level from 0 to {KEEPER_LEVEL}.") from None


def _retention(value: object) -> Retention:
    if not isinstance(value, dict):
        return Retention(_kept(value))
    if not {"max"} <= value.keys() <= {"max", "min"}:
        raise ValueError("Write how long at most, like 30d, or both ends: {max: 30d, min: 1d}.")
    found = Retention(_kept(value["max"]), _kept(value["min"]) if "min" in value else None)
    if found.min_ms is not None and found.min_ms > found.max_ms:
        raise ValueError("This would have to be kept for longer than it may be kept: max is less than min.")
    return found


_kept: Final = times.length(least_ms=HOUR_MS)
_LEVEL_SCHEMA: Final = {
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": KEEPER_LEVEL}, {"enum": ["lead", "facilitator", "member"]}]
}
_KEPT_SCHEMA: Final = {"type": "string", "pattern": r"^\d+ ?[a-zA-Z]+$", "examples": ["30d"]}
_RETENTION_SCHEMA: Final = {
    "anyOf": [
        _KEPT_SCHEMA,
        {
            "type": "object",
            "properties": {"max": _KEPT_SCHEMA, "min": _KEPT_SCHEMA},
            "required": ["max"],
            "additionalProperties": False,
        },
    ]
}
_VERSIONS: Final = ("10", "11", "12")

RoleLevel = Annotated[int, number(0, 100)]
EventLevel = Annotated[int | Role, Read(_level, _LEVEL_SCHEMA)]
Events: TypeAlias = dict[Annotated[str, Read(words.event_type)], EventLevel]
Servers: TypeAlias = list[Annotated[str, Read(addresses.server_pattern, {"type": "string", "examples": ["*.example"]})]]
RoomVersion = Annotated[
    str,
    Read(
        words.choice({name: name for name in _VERSIONS} | {int(name): name for name in _VERSIONS}),
        {"enum": [*_VERSIONS, *map(int, _VERSIONS)]},
    ),
]


class AclForm(TypedDict, total=False):
    """Which servers may take part."""

    allow: Annotated[Servers, NotEmpty('["*"]')]
    deny: Servers
    ip_literals: Truth


class FloorSettingsForm(TypedDict, total=False):
    """What every room is at least."""

    room_version: RoomVersion
    join: Annotated[JoinRule, one_of("invite", "knock", "restricted", "knock_restricted", "public")]
    history: Annotated[History, one_of("joined", "invited", "shared", "world_readable")]
    guests: Annotated[str, one_of("forbidden", "allowed")]
    encryption: Annotated[str, one_of("required", "none")]
    directory: Annotated[str, one_of("hidden", "listed")]
    federate: Truth
    retention: Annotated[Retention, Read(_retention, _RETENTION_SCHEMA)]
    acl: AclForm


class SettingsForm(FloorSettingsForm, total=False):
    """How a room is made."""

    allow: Annotated[list[Key], NotEmpty("[newcomers]")]


class EventsForm(TypedDict, total=False):
    """What it takes at least to do something."""

    events: Events


class PowerForm(EventsForm, total=False):
    """What each role may do."""

    lead: RoleLevel
    facilitator: RoleLevel
    member: RoleLevel


class FloorForm(TypedDict, total=False):
    """What no room may be looser than."""

    settings: FloorSettingsForm
    power: EventsForm


class _Whole(TypedDict):
    """All settings of a room, in the words of the files."""

    room_version: str
    join: JoinRule
    history: History
    guests: str
    encryption: str
    directory: str
    federate: bool
    allow: tuple[RoomKey, ...]
    retention: Retention | None
    acl: Acl | None


def default_settings(kind: Kind) -> Said:
    """Tell the most private choice that makes sense, for what nobody says."""
    space = kind == "space"
    return {
        "room_version": "12",
        "join": "invite" if space else "restricted",
        "history": "joined",
        "guests": "forbidden",
        "encryption": "none" if space else "required",
        "directory": "hidden",
        "federate": True,
        "allow": (),
        "retention": None,
        "acl": None,
    }


def said_of(form: FloorSettingsForm | SettingsForm) -> Said:
    """Make plain data of what a layer says."""
    return {key: _value(value) for key, value in form.items()}


def _value(value: object) -> Value:
    if isinstance(value, dict):
        said = cast("AclForm", value)
        allow, deny = tuple(said.get("allow", ["*"])), tuple(said.get("deny", []))
        return canonical(Acl(allow=allow, deny=deny, ip_literals=said.get("ip_literals", True)))
    if isinstance(value, list):
        return tuple(map(RoomKey, value))
    return cast("Value", value)


def settings_of(said: Said) -> Settings:
    """Put together what all layers come to; every key of ``default_settings`` is there."""
    whole = cast("_Whole", said)
    return Settings(
        room_version=whole["room_version"],
        join=whole["join"],
        history=whole["history"],
        guests=whole["guests"] == "allowed",
        encryption=whole["encryption"] == "required",
        listed=whole["directory"] == "listed",
        federate=whole["federate"],
        allow=whole["allow"],
        retention=whole["retention"],
        acl=whole["acl"],
    )


def power_of(form: PowerForm) -> PowerMap:
    """Make plain data of a template's levels; events said by a role get that role's level."""
    lead, facilitator, member = form.get("lead", 100), form.get("facilitator", 50), form.get("member", 0)
    bare = PowerMap(lead=lead, facilitator=facilitator, member=member)
    events = {type_: level_of(level, bare) for type_, level in form.get("events", {}).items()}
    return PowerMap(lead=lead, facilitator=facilitator, member=member, events=MappingProxyType(events))


def level_of(level: Level, power: PowerMap) -> int:
    """Tell the number behind a level that may be said by a role."""
    if isinstance(level, int):
        return level
    return {"lead": power.lead, "facilitator": power.facilitator, "member": power.member}[level]


def floor_of(form: FloorForm) -> Floor:
    """Make plain data of a floor."""
    return Floor(
        settings=MappingProxyType(said_of(form.get("settings", {}))),
        events=MappingProxyType(dict(form.get("power", {}).get("events", {}))),
    )
