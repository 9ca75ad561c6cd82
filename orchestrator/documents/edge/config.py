"""The model of config.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from orchestrator.documents import words
from orchestrator.documents.authored import Account, CommunitySpec, Config, RoomSpec
from orchestrator.model.ids import AccountKey, CommunityKey, DeviceId, RoomKey

from .base import FileName, Key, Name, Purpose, Read, Strict, User, Version, sentence
from .template import PromptModel, RotaModel

Homeserver = Annotated[str, Read(words.homeserver, {"type": "string", "pattern": "^https?://[^/]+/?$"})]
Locale = Annotated[str, Read(words.locale, {"type": "string", "examples": ["en", "de", "pt-BR"]})]
Zone = Annotated[ZoneInfo, Read(words.zone, {"type": "string", "examples": ["Europe/Berlin"]})]
Prefix = Annotated[str, Read(words.prefix, {"type": "string", "maxLength": 3})]


class AccountModel(Strict):
    """An account of the bot."""

    homeserver: Homeserver = Field(examples=["https://matrix.grove.example"])
    user_id: User = Field(examples=["@keeper:grove.example"])
    password_file: FileName | None = None
    access_token_file: FileName | None = None
    device_id: Annotated[str, sentence(255)] | None = None
    recovery_key_file: FileName | None = None
    secret_key_file: FileName | None = None

    def authored(self, key: str, beside: Path) -> Account:
        """Resolve the names of files against the directory of config.yaml."""

        def file(name: str | None) -> Path | None:
            return None if name is None else beside / Path(name).expanduser()

        return Account(
            key=AccountKey(key),
            homeserver=self.homeserver,
            user_id=self.user_id,
            password_file=file(self.password_file),
            access_token_file=file(self.access_token_file),
            device_id=None if self.device_id is None else DeviceId(self.device_id),
            recovery_key_file=file(self.recovery_key_file),
            secret_key_file=beside / Path(self.secret_key_file or f"{key}.key").expanduser(),
        )


class RoomModel(Strict):
    """A declared room."""

    template: Key = Field(examples=["circle"])
    name: Name = Field(examples=["Tuesday circle"])
    purpose: Purpose | None = None
    previously: list[Key] = Field([])
    facilitators: list[User] = Field([])
    policy: Key | None = None
    rota: RotaModel | None = None
    prompts: list[PromptModel] | None = None

    def authored(self, key: str) -> RoomSpec:
        """Make it plain data."""
        return RoomSpec(
            key=RoomKey(key),
            template=self.template,
            name=self.name,
            purpose=self.purpose,
            previously=tuple(map(RoomKey, self.previously)),
            facilitators=tuple(self.facilitators),
            policy=self.policy,
            rota=self.rota.authored() if self.rota else None,
            prompts=None if self.prompts is None else tuple(prompt.authored() for prompt in self.prompts),
        )


class CommunityModel(Strict):
    """A declared community."""

    account: Key | None = None
    name: Name = Field(examples=["The Grove"])
    purpose: Purpose = Field(examples=["Somewhere to say how it really is."])
    template: Key = Field(examples=["community"])
    previously: list[Key] = Field([])
    leads: list[User] = Field(min_length=1, examples=['["@ana:grove.example"]'])
    locale: Locale | None = None
    time_zone: Zone | None = None
    rooms: dict[Key, RoomModel]

    def authored(self, key: str) -> CommunitySpec:
        """Make it plain data."""
        return CommunitySpec(
            key=CommunityKey(key),
            account=None if self.account is None else AccountKey(self.account),
            name=self.name,
            purpose=self.purpose,
            template=self.template,
            previously=tuple(map(CommunityKey, self.previously)),
            leads=tuple(self.leads),
            locale=self.locale,
            zone=self.time_zone,
            rooms={RoomKey(key): room.authored(key) for key, room in self.rooms.items()},
        )


class ConfigModel(Strict):
    """config.yaml."""

    version: Version = Field(examples=["1"])
    accounts: dict[Key, AccountModel] = Field(min_length=1)
    data_dir: FileName = "./data"
    locale: Locale = "en"
    time_zone: Zone = Field("UTC", validate_default=True)
    command_prefix: Prefix = "!"
    communities: dict[Key, CommunityModel]

    def authored(self, beside: Path) -> Config:
        """Make it plain data; ``beside`` is the directory that config.yaml lies in."""
        return Config(
            accounts={AccountKey(key): account.authored(key, beside) for key, account in self.accounts.items()},
            data_dir=beside / Path(self.data_dir).expanduser(),
            locale=self.locale,
            zone=self.time_zone,
            prefix=self.command_prefix,
            communities={CommunityKey(key): one.authored(key) for key, one in self.communities.items()},
        )
