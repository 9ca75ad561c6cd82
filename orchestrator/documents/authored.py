"""What single files say, checked each on its own: names of templates, policies and decks are still names here.

``declared`` holds the same once the files are joined; crafts read only that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import QuietHours, Weekly
from orchestrator.model.ids import AccountKey, CommunityKey, DeviceId, Json, RoomKey, UserId

from .declared import Gate, OnDrift, PowerMap, Rota, Settings, Welcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who the bot is, where it lives, and which files hold its secrets.

    Attributes:
        homeserver: http or https address, without a slash at its end.
        password_file, access_token_file: at most one of them; neither: the environment's ``CIRCLEKEEPER_PASSWORD``.
        device_id: the device that the access token belongs to.
        recovery_key_file: opens a cross-signing identity that somebody made elsewhere.
        secret_key_file: seals what is secret at rest; ``<account key>.key`` beside config.yaml unless named.
    """

    key: AccountKey
    homeserver: str
    user_id: UserId
    password_file: Path | None
    access_token_file: Path | None
    device_id: DeviceId | None
    recovery_key_file: Path | None
    secret_key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSpec:
    """When a room is asked a question of a deck. No question above ``tier_max`` is drawn."""

    deck: str
    weekly: Weekly
    grace_ms: int
    gates: tuple[Gate, ...]
    thread: bool
    pin: Literal["swap", "none"]
    tier_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSpec:
    """A room as config.yaml declares it; what it says itself replaces what its template says."""

    key: RoomKey
    template: str
    name: str
    purpose: str | None
    previously: tuple[RoomKey, ...]
    facilitators: tuple[UserId, ...]
    policy: str | None
    rota: Rota | None
    prompts: tuple[PromptSpec, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunitySpec:
    """A community as config.yaml declares it."""

    key: CommunityKey
    account: AccountKey | None
    name: str
    purpose: str
    template: str
    previously: tuple[CommunityKey, ...]
    leads: tuple[UserId, ...]
    locale: str | None
    zone: ZoneInfo | None
    rooms: Mapping[RoomKey, RoomSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What config.yaml says. Paths are resolved against the directory it lies in."""

    accounts: Mapping[AccountKey, Account] = field(default_factory=dict)
    data_dir: Path = Path("data")
    locale: str = "en"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    prefix: str = "!"
    communities: Mapping[CommunityKey, CommunitySpec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What a kind of room or space is like. ``name``, ``topic``, ``alias`` and the welcome may hold names in braces."""

    key: str
    kind: Literal["room", "space"]
    name: str
    topic: str
    alias: str | None
    purpose: str | None
    settings: Settings
    power: PowerMap
    policy: str | None
    rota: Rota | None
    quiet: QuietHours | None
    prompts: tuple[PromptSpec, ...]
    welcome: Welcome | None
    on_drift: Mapping[str, OnDrift]


@dataclass(frozen=True, slots=True, order=True)
class Advice:
    """Something that is allowed and should be thought about; prints as ``file:line:col: message``."""

    file: str
    line: int
    col: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A change that a lead made with a command, layered over what the files say.

    Attributes:
        document: the file it changes, such as ``policies/gentle-circle.yaml``, relative to config.yaml.
        path: keys from the top; an item of a list is named by its ``id`` or its position.
        value: what stands there from now on; None leaves the key out.
        by: who did it.
        at_ms: when, UTC milliseconds.
    """

    document: str
    path: tuple[str, ...]
    value: Json = field(repr=False)
    by: UserId
    at_ms: int
