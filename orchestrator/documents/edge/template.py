"""The model of a room template."""

from __future__ import annotations

from datetime import datetime, time
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.documents import words
from orchestrator.documents.authored import PromptSpec, Template
from orchestrator.documents.declared import Gate, History, JoinRule, OnDrift, PowerMap, Rota, Settings, Welcome
from orchestrator.model.cadence import Cadence, Every, QuietHours, Weekday, Weekly
from orchestrator.model.ids import LOCATOR_TYPE
from orchestrator.model.power import KEEPER_LEVEL

from .base import Key, Length, Purpose, Read, SomeLength, Strict, Truth, Version, number, one_of, pattern

Kind = Annotated[Literal["room", "space"], one_of("room", "space")]
Quiet = Annotated[QuietHours, Read(words.quiet_hours, {"type": "string", "examples": ["21:00-08:00"]})]
Level = Annotated[int, number(0, 100)]
Drift = Annotated[OnDrift, one_of("report", "accept", "enforce")]
RoomVersion = Annotated[
    str,
    Read(
        words.choice({"10": "10", "11": "11", "12": "12", 10: "10", 11: "11", 12: "12"}),
        {"enum": ["10", "11", "12", 10, 11, 12]},
    ),
]
EventType = Annotated[str, Read(words.event_type)]

LEADS_ONLY = (
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
    "m.room.server_acl",
    "m.room.canonical_alias",
    "m.space.child",
    "m.space.parent",
)
"""State that decides who gets in and who reads along; at the leads' level unless a template says otherwise."""

KEEPER_ONLY = (LOCATOR_TYPE, "m.room.tombstone")
"""State that only the bot writes. From version 12 on, a tombstone needs more than ``state_default`` (MSC4289)."""

# Found to differ, a thing is put right only where nobody can have meant it; the rest is told or taken over.
DRIFT: dict[str, OnDrift] = {
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

Part = Annotated[str, one_of(*DRIFT)]


class SettingsModel(Strict):
    """How a room is made."""

    room_version: RoomVersion = Field("12", validate_default=True)
    join: Annotated[JoinRule, one_of("invite", "knock", "restricted", "knock_restricted", "public")] | None = None
    history: Annotated[History, one_of("joined", "invited", "shared", "world_readable")] = "joined"
    guests: Annotated[str, one_of("forbidden", "allowed")] = "forbidden"
    encryption: Annotated[str, one_of("required", "none")] | None = None
    directory: Annotated[str, one_of("hidden", "listed")] = "hidden"
    federate: Truth = True

    def authored(self, kind: Literal["room", "space"]) -> Settings:
        """Fill in the most private choice that makes sense for what is not said."""
        space = kind == "space"
        return Settings(
            room_version=self.room_version,
            join=self.join or ("invite" if space else "restricted"),
            history=self.history,
            guests=self.guests == "allowed",
            encryption=(self.encryption or ("none" if space else "required")) == "required",
            listed=self.directory == "listed",
            federate=self.federate,
        )


def _level(value: object) -> object:
    if isinstance(value, str) and value in {"lead", "facilitator", "member"}:
        return value
    try:
        return words.whole(0, KEEPER_LEVEL)(value)
    except ValueError:
        raise ValueError(f"Write lead, facilitator or member, or a level from 0 to {KEEPER_LEVEL}.") from None


EventLevel = Annotated[
    int | str, Read(_level, {"anyOf": [{"type": "integer"}, {"enum": ["lead", "facilitator", "member"]}]})
]


class PowerModel(Strict):
    """What each role may do."""

    lead: Level = 100
    facilitator: Level = 50
    member: Level = 0
    events: dict[EventType, EventLevel] = Field({})

    def authored(self) -> PowerMap:
        """Put levels for roles, and guard what lets people in."""
        roles = {"lead": self.lead, "facilitator": self.facilitator, "member": self.member}
        events = dict.fromkeys(LEADS_ONLY, self.lead) | dict.fromkeys(KEEPER_ONLY, KEEPER_LEVEL)
        said = {name: level if isinstance(level, int) else roles[level] for name, level in self.events.items()}
        return PowerMap(**roles, events=MappingProxyType(events | said))


class RotaModel(Strict):
    """Who facilitates when."""

    anchor: Annotated[datetime, Read(words.anchor, {"type": "string", "examples": ["2026-01-06 19:00"]})] = Field(
        examples=['"2026-01-06 19:00"']
    )
    every: Annotated[Every, Read(words.every, {"type": "string", "examples": ["1 week", "3 days"]})] = Field(
        examples=["1 week"]
    )
    mode: Annotated[str, one_of("order", "fair")] = "order"
    publish: Length | None = None
    rest: Length | None = None
    max_terms: Annotated[int, number(1, 1_000)] | None = None
    accept_within: SomeLength | None = None
    reminders: list[SomeLength] = Field([])
    quiet: Quiet | None = None

    def authored(self) -> Rota:
        """Make it plain data."""
        return Rota(
            cadence=Cadence(self.anchor, self.every),
            mode="order",
            publish_ms=self.publish,
            rest_ms=self.rest,
            max_terms=self.max_terms,
            accept_within_ms=self.accept_within,
            reminders_ms=tuple(self.reminders),
            quiet=self.quiet,
        )


class PromptModel(Strict):
    """When a question of a deck is asked."""

    deck: Key = Field(examples=["gentle-checkin"])
    on: list[Annotated[Weekday, Read(words.weekday, {"enum": [day.name.lower() for day in Weekday]})]] = Field([])
    at: Annotated[time, Read(words.clock, {"type": "string", "examples": ["19:05"]})] = Field(examples=['"19:05"'])
    grace: Length = Field("90m", validate_default=True)
    gates: list[Annotated[Gate, one_of("quiet_hours", "active_room", "coverage")]] = Field(
        ["quiet_hours", "active_room", "coverage"]
    )
    thread: Truth = True
    pin: Annotated[Literal["swap", "none"], one_of("swap", "none")] = "none"
    tier_max: Annotated[int, number(1, 3)] = 3

    def authored(self) -> PromptSpec:
        """Make it plain data."""
        return PromptSpec(
            deck=self.deck,
            weekly=Weekly(self.at, tuple(sorted(set(self.on)))),
            grace_ms=self.grace,
            gates=tuple(self.gates),
            thread=self.thread,
            pin=self.pin,
            tier_max=self.tier_max,
        )


class WelcomeModel(Strict):
    """How somebody new is greeted."""

    where: Annotated[Literal["room", "direct"], one_of("room", "direct")] = Field("room", alias="in")
    text: Annotated[str, pattern(2_000, lines=True)] = Field(examples=['"Welcome. You may just read."'])


class TemplateModel(Strict):
    """room_templates/*.yaml."""

    version: Version = Field(examples=["1"])
    kind: Kind = Field(examples=["room"])
    name: Annotated[str, pattern(100)] = "{name}"
    topic: Annotated[str, pattern(400)] = "{purpose}"
    alias: Annotated[str, pattern(200, ("community", "key"))] | None = None
    purpose: Purpose | None = None
    settings: SettingsModel = Field({}, validate_default=True)
    power: PowerModel = Field({}, validate_default=True)
    policy: Key | None = None
    rota: RotaModel | None = None
    quiet: Quiet | None = None
    prompts: list[PromptModel] = Field([])
    welcome: WelcomeModel | None = None
    on_drift: dict[Part, Drift] = Field({})

    def authored(self, key: str) -> Template:
        """Make it plain data; ``key`` is the file's name without ``.yaml``."""
        return Template(
            key=key,
            kind=self.kind,
            name=self.name,
            topic=self.topic,
            alias=self.alias,
            purpose=self.purpose,
            settings=self.settings.authored(self.kind),
            power=self.power.authored(),
            policy=self.policy,
            rota=self.rota.authored() if self.rota else None,
            quiet=self.quiet or (self.rota.quiet if self.rota else None),
            prompts=tuple(prompt.authored() for prompt in self.prompts),
            welcome=Welcome(where=self.welcome.where, text=self.welcome.text) if self.welcome else None,
            on_drift=MappingProxyType(DRIFT | self.on_drift),
        )
