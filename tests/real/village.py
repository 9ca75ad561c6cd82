"""A community of every template that comes with the bot, declared as an admin would who copies them."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.app import App, open_app
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.planning import Onlooker, Outlook, looking
from tests.real.bot import PASSWORD, Garden
from tests.real.wire import eventually

SHIPPED = Path(__file__).parents[2]
MAKING_S = 120
PINS = "m.room.pinned_events"

# How a member of staff would declare one room of each template; what a template leaves open is said here.
ROOMS: Mapping[str, Mapping[str, Any]] = {
    "tuesday": {"template": "circle", "name": "Tuesday circle"},
    "lounge": {"template": "lounge", "name": "Lounge"},
    "porch": {"template": "porch", "name": "Porch"},
    "new-here": {"template": "newcomers", "name": "New here"},
    "evenings": {"template": "heavy-topics", "name": "Open evenings"},
    "quiet": {"template": "quiet-room", "name": "Quiet room"},
    "books": {"template": "book-circle", "name": "Books", "variables": {"book": "The Summer Book"}},
    "walks": {"template": "walk-and-talk", "name": "Walks", "variables": {"day": "Sundays"}},
}
# Whose templates say who keeps them in turn.
KEPT = frozenset({"tuesday", "new-here", "evenings", "books", "walks"})
# What is on the porch can be read from outside, so that a test can: the one template that does not come with the bot.
PORCH: Mapping[str, Any] = {
    "version": 1,
    "kind": "room",
    "extends": "lounge",
    "settings": {"encryption": "none", "history": "shared"},
}


@dataclass(slots=True)
class Village(Garden):
    """A community of every shipped template, in one room version.

    Attributes:
        leads: all who answer for it, the first of them on the bot's server.
        facilitators: who keeps the rooms that are kept.
        declared: its rooms, as config.yaml has them.
        template: of its space.
        extra: further templates, by name, as text.
    """

    leads: list[UserId] = field(default_factory=list)
    facilitators: list[UserId] = field(default_factory=list)
    declared: dict[str, dict[str, Any]] = field(default_factory=lambda: {key: {**room} for key, room in ROOMS.items()})
    template: str = "community"
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The community's key; its addresses begin with it, and no other test has them."""
        return f"village-{self.keeper.partition(':')[0].rpartition('-')[2]}"

    def write(self) -> None:
        """Write the documents."""
        for folder in ("room_templates", "policies"):
            shutil.copytree(SHIPPED / folder, self.directory / folder, dirs_exist_ok=True)
        templates = self.directory / "room_templates"
        for file in templates.glob("*.yaml"):
            file.write_text(file.read_text().replace('room_version: "12"', f'room_version: "{self.room_version}"'))
        for name, text in {"porch": json.dumps(PORCH), **self.extra}.items():
            (templates / f"{name}.yaml").write_text(text)
        account = {"homeserver": self.homeserver.url, "user_id": self.keeper, "secret_key_file": "keeper.key"}
        rooms = {
            key: {"facilitators": self.facilitators, **room} if key in KEPT else room
            for key, room in self.declared.items()
        }
        config = {
            "version": 1,
            "accounts": {"keeper": account},
            "data_dir": "data",
            "communities": {
                self.key: {
                    "name": "The Village",
                    "purpose": "Somewhere to say how it really is.",
                    "template": self.template,
                    "leads": self.leads,
                    "rooms": rooms,
                }
            },
        }
        self.config.write_text(json.dumps(config, indent=1))

    @asynccontextmanager
    async def looked_at(self) -> AsyncIterator[Onlooker]:
        """Look at it as ``circlekeeper plan`` does, while the context lasts."""
        async with looking(self.config, environ=self.environ) as onlooker:
            yield onlooker

    @asynccontextmanager
    async def bot(self, *, reset_identity: bool = False) -> AsyncIterator[App]:
        """Run its bot in this process while the context lasts, from when it has nothing more to do."""
        async with open_app(self.config, environ=self.environ, reset_identity=reset_identity) as app:
            work = asyncio.create_task(app.run())
            try:
                await self.until_rooms()
                await at_rest(app)
                yield app
            finally:
                work.cancel()
                await asyncio.wait({work})
                if not work.cancelled():
                    work.result()

    async def plan(self) -> Outlook:
        """Plan it as ``circlekeeper plan`` does."""
        async with self.looked_at() as onlooker:
            return await onlooker.plan()

    async def states(self) -> dict[tuple[RoomId, str, str], EventId]:
        """Name every state event of every room that the bot is in, as the homeserver has them now."""
        async with self.looked_at() as onlooker:
            reader = await onlooker.reader(onlooker.loaded.documents.communities[0])
            return {
                (room, *place): live.event
                for room in await reader.joined_rooms()
                for place, live in (await reader.whole_state(room)).items()
            }

    async def state(self, room: RoomId, type_: str) -> Mapping[str, Any]:
        """Read a state event of a room that perhaps only the bot is in."""
        async with self.looked_at() as onlooker:
            live = await (await onlooker.reader(onlooker.loaded.documents.communities[0])).state(room, type_)
        assert live is not None, type_
        return live.content


async def settle_village(directory: Path, homeserver: LocalHomeserver, leads: list[UserId], version: str) -> Village:
    """Declare a village, with a bot account of its own."""
    keeper = await homeserver.register(f"keeper-{secrets.token_hex(4)}", PASSWORD)
    village = Village(directory, homeserver, keeper, leads[0], room_version=version, leads=leads)
    village.write()
    return village


def differences(outlook: Outlook) -> dict[tuple[str, str], str]:
    """Tell what a plan says, by room and path."""
    return {(change.room, change.path): change.state.value for _community, change in outlook.changes()}


async def at_rest(app: App) -> None:
    """Wait until the bot knows what was, has begun, and has nothing more to do."""

    async def nothing_waits() -> bool | None:
        for keeper in app.keepers.values():
            waiting, _estimate_ms = await keeper.delivery.estimate_ms()
            if waiting or not (keeper.ready.is_set() and keeper.begun.is_set()):
                return None
        return True

    await eventually(nothing_waits, "the bot to have done everything", timeout_s=MAKING_S)
