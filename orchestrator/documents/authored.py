"""What single files say, checked each on its own: names of templates, policies and decks are still names here.

``declared`` holds the same once the files are joined; crafts read only that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import QuietHours, Rule, Weekly
from orchestrator.model.ids import AccountKey, CommunityKey, DeviceId, Json, RoomKey, UserId

from .declared import Deck, Gate, OnDrift, Origin, PowerMap, Rota, Serving, Settings, Welcome
from .layers import Said

if TYPE_CHECKING:
    from .edge.rota import RotaForm

Level: TypeAlias = int | Literal["lead", "facilitator", "member"]
"""What an event takes, as it is written: a number, or the role that may."""


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
    """When a room is asked a question of a deck. No question above ``tier_max`` is drawn.

    Attributes:
        inline: the deck itself, where it is written there.
        problem: why nobody can tell when that is, and the key at which to say so.
        tags: only questions with one of these; empty: all.
    """

    deck: str
    when: Weekly | Rule
    grace_ms: int
    gates: tuple[Gate, ...]
    thread: bool
    pin: Literal["swap", "none"]
    tier_max: int
    inline: Deck | None = None
    problem: tuple[str, str] | None = None
    tags: tuple[str, ...] = ()
    cool_off_ms: int = 0
    norms_line: bool = False
    pass_: bool = False
    mention: bool = False

    def drawn_from(self, deck: Deck) -> Deck:
        """Leave out of a deck what would never be asked: what is too deep for the room, and other tags."""
        prompts = (one for one in deck.prompts if one.tier <= self.tier_max)
        return replace(deck, prompts=tuple(one for one in prompts if not self.tags or {*self.tags} & {*one.tags}))


@dataclass(frozen=True, slots=True)
class DeckSpec:
    """A deck by its name; ``inline`` is the deck itself, where it is written there."""

    name: str
    inline: Deck | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingSpec:
    """A time at which people of a room come together, as it is written.

    Attributes:
        title, where: may hold names in braces; "" where nothing is said.
        problem: why nobody can tell when that is, and the key at which to say so.
        announce_ms, remind_ms: how long before; None: never.
    """

    title: str
    when: Weekly | Rule
    lasts_ms: int
    where: str
    announce_ms: int | None
    remind_ms: int | None
    opening: DeckSpec | None = None
    closing: DeckSpec | None = None
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was looked at; ``sha256`` is that of its bytes, in hex."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Floor:
    """What no room may be looser than, by the keys it is written under; ``events`` by type."""

    settings: Said = field(default_factory=lambda: MappingProxyType({}))
    events: Mapping[str, Level] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSpec:
    """A room as config.yaml declares it; what it says itself replaces what its template says.

    Attributes:
        own: the settings and levels that it says itself; they may only be tighter than the template's.
        topic, alias: may hold names in braces.
        avatar: the name of a file beside config.yaml.
        within: the key of the space it hangs in; None: the community's own.
        adopt: the id or an alias of a room that somebody else made, and that it is to be.
        rota: what it says of its rota, by key; laid over what its template says.
        serving: from when and until when those facilitators are on of whom it is said.
    """

    key: RoomKey
    template: str
    name: str
    purpose: str | None
    previously: tuple[RoomKey, ...]
    facilitators: tuple[UserId, ...]
    policy: str | None
    rota: RotaForm | None
    prompts: tuple[PromptSpec, ...] | None
    meetings: tuple[MeetingSpec, ...] | None = None
    own: Floor = field(default_factory=Floor)
    topic: str | None = None
    alias: str | None = None
    avatar: str | None = None
    on_drift: Mapping[str, OnDrift] = field(default_factory=lambda: MappingProxyType({}))
    suggested: bool | None = None
    within: RoomKey | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    archive: bool = False
    adopt: str | None = None
    serving: Mapping[UserId, Serving] = field(default_factory=lambda: MappingProxyType({}))
    shadows: tuple[UserId, ...] = ()


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
    floor: Floor = field(default_factory=Floor)
    founders: tuple[UserId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """Where the bot serves calendars, and how people reach it.

    Attributes:
        host, port: where it listens on this machine.
        address: what people's addresses begin with, without a slash at its end.
    """

    host: str
    port: int
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What config.yaml says. Paths are resolved against the directory it lies in.

    Attributes:
        web: None: nothing is served over HTTP.
    """

    accounts: Mapping[AccountKey, Account] = field(default_factory=dict)
    data_dir: Path = Path("data")
    locale: str = "en"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    prefix: str = "!"
    web: Web | None = None
    communities: Mapping[CommunityKey, CommunitySpec] = field(default_factory=dict)
    floor: Floor = field(default_factory=Floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What a kind of room or space is like, with what it takes over from the template that it extends.

    Attributes:
        name, topic, alias, purpose, knock_question: may hold names in braces, and so may the welcome.
        said: those of its settings that are written down, by key; ``settings`` has all of them.
        rota_said: what is written of its rota, by key; a room's own is laid over it.
        variables: the names that rooms can give a meaning to, each with its default; None: it must be given.
        origins: where it is written, by path, such as ``settings.join``.
    """

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
    meetings: tuple[MeetingSpec, ...]
    welcome: Welcome | None
    on_drift: Mapping[str, OnDrift]
    said: Said = field(default_factory=lambda: MappingProxyType({}))
    rota_said: RotaForm | None = None
    variables: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    avatar: Picture | None = None
    suggested: bool = False
    knock_question: str = ""
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}), compare=False, repr=False)


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
