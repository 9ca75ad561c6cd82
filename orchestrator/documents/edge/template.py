"""The form of a room template."""

from __future__ import annotations

from datetime import datetime, time
from types import MappingProxyType
from typing import Annotated, Final, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

from orchestrator.documents import words
from orchestrator.documents.authored import PromptSpec, Template
from orchestrator.documents.declared import Gate, History, JoinRule, OnDrift, PowerMap, Rota, Settings, Welcome
from orchestrator.model.cadence import Cadence, Every, QuietHours, Weekday, Weekly
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.power import KEEPER_LEVEL

from .base import Key, Length, Purpose, Read, SomeLength, Truth, Version, key, number, one_of, pattern

Kind: TypeAlias = Literal["room", "space"]
Quiet = Annotated[QuietHours, Read(words.quiet_hours, {"type": "string", "examples": ["21:00-08:00"]})]
Level = Annotated[int, number(0, 100)]
Role: TypeAlias = Literal["lead", "facilitator", "member"]

GATES: Final[tuple[Gate, ...]] = ("quiet_hours", "active_room", "coverage")

# Found to differ, a thing is put right only where nobody can have meant it; the rest is told, or taken over.
DRIFT: Final[dict[str, OnDrift]] = {
    "name": "report",
    "topic": "accept",
    "alias": "report",
    "power": "enforce",
    "pins": "enforce",
    "join": "report",
    "history": "report",
    "guests": "report",
    "encryption": "report",
    "directory": "report",
    "links": "enforce",
    "acl": "report",
}


def _level(value: object) -> object:
    if isinstance(value, str) and value in {"lead", "facilitator", "member"}:
        return value
    try:
        return words.whole(0, KEEPER_LEVEL)(value)
    except ValueError:
        raise ValueError(f"Write lead, facilitator or member, or a level from 0 to {KEEPER_LEVEL}.") from None


_LEVEL_SCHEMA = {"anyOf": [{"type": "integer"}, {"enum": ["lead", "facilitator", "member"]}]}
_VERSIONS = ("10", "11", "12")

Part = Annotated[str, one_of(*DRIFT)]
Drift = Annotated[OnDrift, one_of("report", "accept", "enforce")]
EventLevel = Annotated[int | Role, Read(_level, _LEVEL_SCHEMA)]
RoomVersion = Annotated[
    str,
    Read(
        words.choice({name: name for name in _VERSIONS} | {int(name): name for name in _VERSIONS}),
        {"enum": [*_VERSIONS, *map(int, _VERSIONS)]},
    ),
]


class SettingsForm(TypedDict, total=False):
    """How a room is made."""

    room_version: RoomVersion
    join: Annotated[JoinRule, one_of("invite", "knock", "restricted", "knock_restricted", "public")]
    history: Annotated[History, one_of("joined", "invited", "shared", "world_readable")]
    guests: Annotated[str, one_of("forbidden", "allowed")]
    encryption: Annotated[str, one_of("required", "none")]
    directory: Annotated[str, one_of("hidden", "listed")]
    federate: Truth


class PowerForm(TypedDict, total=False):
    """What each role may do."""

    lead: Level
    facilitator: Level
    member: Level
    events: dict[Annotated[str, Read(words.event_type)], EventLevel]


class RotaForm(TypedDict):
    """Who facilitates when."""

    anchor: Annotated[datetime, Read(words.anchor, {"type": "string"}, '"2026-01-06 19:00"')]
    every: Annotated[Every, Read(words.every, {"type": "string", "examples": ["1 week", "3 days"]}, "1 week")]
    mode: NotRequired[Annotated[str, one_of("order", "fair")]]
    publish: NotRequired[Length]
    rest: NotRequired[Length]
    max_terms: NotRequired[Annotated[int, number(1, 1_000)]]
    accept_within: NotRequired[SomeLength]
    reminders: NotRequired[list[SomeLength]]
    quiet: NotRequired[Quiet]


class PromptForm(TypedDict):
    """When a question of a deck is asked."""

    deck: Annotated[str, key("gentle-checkin")]
    on: NotRequired[list[Annotated[Weekday, Read(words.weekday, {"enum": [day.name.lower() for day in Weekday]})]]]
    at: Annotated[time, Read(words.clock, {"type": "string", "examples": ["19:05"]}, '"19:05"')]
    grace: NotRequired[Length]
    gates: NotRequired[list[Annotated[Gate, one_of(*GATES)]]]
    thread: NotRequired[Truth]
    pin: NotRequired[Annotated[Literal["swap", "none"], one_of("swap", "none")]]
    tier_max: NotRequired[Annotated[int, number(1, 3)]]


# `in` cannot be a name in Python, so this one is written as a call.
WelcomeForm = TypedDict(
    "WelcomeForm",
    {
        "in": NotRequired[Annotated[Literal["room", "direct"], one_of("room", "direct")]],
        "text": Annotated[str, pattern(2_000, lines=True, example='"Welcome. You may just read."')],
    },
)


class TemplateForm(TypedDict):
    """room_templates/*.yaml."""

    version: Version
    kind: Annotated[Kind, one_of("room", "space", example="room")]
    name: NotRequired[Annotated[str, pattern(100)]]
    topic: NotRequired[Annotated[str, pattern(400)]]
    alias: NotRequired[Annotated[str, pattern(200, ("community", "key"))]]
    purpose: NotRequired[Purpose]
    settings: NotRequired[SettingsForm]
    power: NotRequired[PowerForm]
    policy: NotRequired[Key]
    rota: NotRequired[RotaForm]
    quiet: NotRequired[Quiet]
    prompts: NotRequired[list[PromptForm]]
    welcome: NotRequired[WelcomeForm]
    on_drift: NotRequired[dict[Part, Drift]]


def template_of(form: TemplateForm, key: str) -> Template:
    """Make plain data of it; ``key`` is the file's name without ``.yaml``."""
    rota, welcome = form.get("rota"), form.get("welcome")
    return Template(
        key=key,
        kind=form["kind"],
        name=form.get("name", "{name}"),
        topic=form.get("topic", "{purpose}"),
        alias=form.get("alias"),
        purpose=form.get("purpose"),
        settings=_settings(form.get("settings", {}), form["kind"]),
        power=_power(form.get("power", {})),
        policy=form.get("policy"),
        rota=rota_of(rota) if rota else None,
        quiet=form.get("quiet") or (rota.get("quiet") if rota else None),
        prompts=tuple(map(prompt_spec, form.get("prompts", []))),
        welcome=Welcome(where=welcome.get("in", "room"), text=welcome["text"]) if welcome else None,
        on_drift=MappingProxyType({**DRIFT, **form.get("on_drift", {})}),
    )


def _settings(form: SettingsForm, kind: Kind) -> Settings:
    """Fill in the most private choice that makes sense for what is not said."""
    space = kind == "space"
    return Settings(
        room_version=form.get("room_version", "12"),
        join=form.get("join", "invite" if space else "restricted"),
        history=form.get("history", "joined"),
        guests=form.get("guests") == "allowed",
        encryption=form.get("encryption", "none" if space else "required") == "required",
        listed=form.get("directory") == "listed",
        federate=form.get("federate", True),
    )


def _power(form: PowerForm) -> PowerMap:
    roles = {"lead": form.get("lead", 100), "facilitator": form.get("facilitator", 50), "member": form.get("member", 0)}
    said = form.get("events", {})
    events = {name: level if isinstance(level, int) else roles[level] for name, level in said.items()}
    return PowerMap(**roles, events=MappingProxyType(events))


def rota_of(form: RotaForm) -> Rota:
    """Make plain data of a rota."""
    return Rota(
        cadence=Cadence(form["anchor"], form["every"]),
        mode="order",
        publish_ms=form.get("publish"),
        rest_ms=form.get("rest"),
        max_terms=form.get("max_terms"),
        accept_within_ms=form.get("accept_within"),
        reminders_ms=tuple(form.get("reminders", [])),
        quiet=form.get("quiet"),
    )


def prompt_spec(form: PromptForm) -> PromptSpec:
    """Make plain data of a prompt's schedule."""
    return PromptSpec(
        deck=form["deck"],
        weekly=Weekly(form["at"], tuple(sorted(set(form.get("on", []))))),
        grace_ms=form.get("grace", 90 * MINUTE_MS),
        gates=tuple(form.get("gates", GATES)),
        thread=form.get("thread", True),
        pin=form.get("pin", "none"),
        tier_max=form.get("tier_max", 3),
    )
