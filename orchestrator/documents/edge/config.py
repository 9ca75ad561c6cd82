"""The form of config.yaml."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NotRequired
from zoneinfo import ZoneInfo

from typing_extensions import TypedDict

from orchestrator.documents import addresses, times, words
from orchestrator.documents.authored import Account, CommunitySpec, Config, RoomSpec, Web
from orchestrator.model.ids import AccountKey, CommunityKey, DeviceId, RoomKey

from .base import Beside, FileName, Key, Locale, NotEmpty, Purpose, Read, Truth, User, Version, key, sentence, words_of
from .meeting import MeetingForm, meeting_spec
from .rota import Facilitator, RotaForm, people_of
from .settings import EventsForm, FloorForm, SettingsForm, floor_of
from .template import Drift, Part, PromptForm, prompt_spec

Homeserver = Annotated[
    str,
    Read(addresses.homeserver, {"type": "string", "pattern": "^https?://[^/]+/?$"}, "https://matrix.grove.example"),
]
Zone = Annotated[ZoneInfo, Read(times.zone, {"type": "string", "examples": ["Europe/Berlin"]})]
Prefix = Annotated[str, Read(words.prefix, {"type": "string", "maxLength": 3})]


Listen = Annotated[
    tuple[str, int], Read(addresses.listen, {"type": "string", "pattern": r"^\S+:\d+$"}, '"127.0.0.1:8090"')
]
WebAddress = Annotated[
    str, Read(addresses.web_address, {"type": "string", "pattern": "^https?://"}, "https://grove.example/keeper")
]


class WebForm(TypedDict):
    """What is served over HTTP."""

    listen: Listen
    address: WebAddress


class AccountForm(TypedDict):
    """An account of the bot."""

    homeserver: Homeserver
    user_id: User
    password_file: NotRequired[FileName]
    access_token_file: NotRequired[FileName]
    device_id: NotRequired[Annotated[str, sentence(255)]]
    recovery_key_file: NotRequired[FileName]
    secret_key_file: NotRequired[FileName]


LiveRoom = Annotated[
    str, Read(addresses.live_room, {"type": "string", "pattern": r"^(#[^:\s]+:\S+|!\S+)$"}, '"!Abc:grove.example"')
]

# `in` cannot be a name in Python, so this one is written as a call.
_Within = TypedDict("_Within", {"in": NotRequired[Key]})


class RoomForm(_Within):
    """A declared room, or a space within the space."""

    template: Annotated[str, key("circle")]
    name: Annotated[str, sentence(100, "Tuesday circle")]
    purpose: NotRequired[Purpose]
    variables: NotRequired[dict[Annotated[str, Read(words.variable)], Annotated[str, sentence(200)]]]
    previously: NotRequired[list[Key]]
    topic: NotRequired[Annotated[str, words_of(400)]]
    alias: NotRequired[Annotated[str, words_of(200)]]
    avatar: NotRequired[Beside]
    suggested: NotRequired[Truth]
    archive: NotRequired[Truth]
    adopt: NotRequired[LiveRoom]
    settings: NotRequired[SettingsForm]
    power: NotRequired[EventsForm]
    on_drift: NotRequired[dict[Part, Drift]]
    facilitators: NotRequired[list[Facilitator]]
    shadows: NotRequired[list[User]]
    policy: NotRequired[Key]
    rota: NotRequired[RotaForm]
    prompts: NotRequired[list[PromptForm]]
    meetings: NotRequired[list[MeetingForm]]


class CommunityForm(TypedDict):
    """A declared community."""

    account: NotRequired[Key]
    name: Annotated[str, sentence(100, "The Grove")]
    purpose: Purpose
    template: Annotated[str, key("community")]
    previously: NotRequired[list[Key]]
    leads: Annotated[list[User], NotEmpty('["@ana:grove.example"]')]
    founders: NotRequired[list[User]]
    floor: NotRequired[FloorForm]
    locale: NotRequired[Locale]
    time_zone: NotRequired[Zone]
    rooms: dict[Key, RoomForm]


class ConfigForm(TypedDict):
    """config.yaml."""

    version: Version
    accounts: Annotated[dict[Key, AccountForm], NotEmpty()]
    data_dir: NotRequired[FileName]
    locale: NotRequired[Locale]
    time_zone: NotRequired[Zone]
    command_prefix: NotRequired[Prefix]
    web: NotRequired[WebForm]
    floor: NotRequired[FloorForm]
    communities: dict[Key, CommunityForm]


def config_of(form: ConfigForm, beside: Path) -> Config:
    """Make plain data of it; ``beside`` is the directory that config.yaml lies in."""
    return Config(
        accounts={AccountKey(key): _account(key, one, beside) for key, one in form["accounts"].items()},
        data_dir=data_dir_of(form.get("data_dir"), beside),
        locale=form.get("locale", "en"),
        zone=form.get("time_zone") or ZoneInfo("UTC"),
        prefix=form.get("command_prefix", "!"),
        web=_web(form["web"]) if "web" in form else None,
        communities={CommunityKey(key): _community(key, one) for key, one in form["communities"].items()},
        floor=floor_of(form.get("floor", {})),
    )


def _web(form: WebForm) -> Web:
    host, port = form["listen"]
    return Web(host=host, port=port, address=form["address"])


def data_dir_of(written: object, beside: Path) -> Path:
    """Resolve what ``data_dir`` says, or does not say; needed before the rest of config.yaml is checked."""
    return beside / Path(written.strip() if isinstance(written, str) else "data").expanduser()


def _account(key: str, form: AccountForm, beside: Path) -> Account:
    def file(name: str | None) -> Path | None:
        return None if name is None else beside / Path(name).expanduser()

    return Account(
        key=AccountKey(key),
        homeserver=form["homeserver"],
        user_id=form["user_id"],
        password_file=file(form.get("password_file")),
        access_token_file=file(form.get("access_token_file")),
        device_id=DeviceId(form["device_id"]) if "device_id" in form else None,
        recovery_key_file=file(form.get("recovery_key_file")),
        secret_key_file=beside / Path(form.get("secret_key_file", f"{key}.key")).expanduser(),
    )


def _community(key: str, form: CommunityForm) -> CommunitySpec:
    return CommunitySpec(
        key=CommunityKey(key),
        account=AccountKey(form["account"]) if "account" in form else None,
        name=form["name"],
        purpose=form["purpose"],
        template=form["template"],
        previously=tuple(map(CommunityKey, form.get("previously", []))),
        leads=tuple(form["leads"]),
        founders=tuple(form.get("founders", [])),
        floor=floor_of(form.get("floor", {})),
        locale=form.get("locale"),
        zone=form.get("time_zone"),
        rooms={RoomKey(key): _room(key, room) for key, room in form["rooms"].items()},
    )


def _room(key: str, form: RoomForm) -> RoomSpec:
    facilitators, serving = people_of(form.get("facilitators", []))
    return RoomSpec(
        key=RoomKey(key),
        template=form["template"],
        name=form["name"],
        purpose=form.get("purpose"),
        previously=tuple(map(RoomKey, form.get("previously", []))),
        facilitators=facilitators,
        serving=serving,
        shadows=tuple(form.get("shadows", [])),
        policy=form.get("policy"),
        rota=form.get("rota"),
        prompts=tuple(map(prompt_spec, form["prompts"])) if "prompts" in form else None,
        meetings=tuple(map(meeting_spec, form["meetings"])) if "meetings" in form else None,
        own=floor_of({"settings": form.get("settings", {}), "power": form.get("power", {})}),
        topic=form.get("topic"),
        alias=form.get("alias"),
        avatar=form.get("avatar"),
        on_drift=MappingProxyType(dict(form.get("on_drift", {}))),
        suggested=form.get("suggested"),
        within=RoomKey(form["in"]) if "in" in form else None,
        variables=MappingProxyType(dict(form.get("variables", {}))),
        archive=form.get("archive", False),
        adopt=form.get("adopt"),
    )
