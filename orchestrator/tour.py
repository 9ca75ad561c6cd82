"""``circlekeeper try``: a private homeserver, the community of config.yaml on it, and people who come and speak.

The documents are used as they are written, but for the homeserver's address, the password, and where data is kept; and
one question is brought forward, so that nobody has to wait until its day.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console
from rich.markup import escape

from orchestrator import logs
from orchestrator.app import App, open_app
from orchestrator.credentials import PASSWORD_VARIABLE
from orchestrator.documents.declared import Community, PromptSchedule, Room
from orchestrator.documents.emit import as_yaml
from orchestrator.documents.load import POLICIES, TEMPLATES, Loaded, load
from orchestrator.documents.yaml12 import read_source
from orchestrator.errors import BadRequest, SetupError, Unreachable
from orchestrator.local import LocalHomeserver
from orchestrator.local.tour import ROOMS_WITHIN_S, Cast, Step, Tour
from orchestrator.model.cadence import Weekly
from orchestrator.model.content import plain
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, Json, RoomId, UserId, server_of
from orchestrator.store import bindings

T = TypeVar("T")

NEWCOMERS: Final = ("eli", "fay")
SOON: Final = timedelta(seconds=2)


async def take_tour(config_path: Path, *, once: bool, data_dir: Path | None, as_json: bool) -> int:
    """Show everything; returns the exit code: 0 when every step came to pass."""
    console = Console(stderr=as_json, highlight=False)
    show = Screen(console)
    async with AsyncExitStack() as stack:
        place = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="circlekeeper-try-")))
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        logs.configure_file(place / "circlekeeper.log")
        began = time.monotonic()
        stage = await stack.enter_async_context(_set_stage(config_path, place, show))
        tour = Tour(stage.homeserver, place / "members", stage.passwords, show, stage.ask_soon, steps=list(show.steps))
        cast = await stage.cast()
        came_to_pass = await stage.alongside(tour.walk(cast))
        seconds = round(time.monotonic() - began, 1)
        if as_json:
            steps = [{"step": s.name, "done": s.done, "seconds": s.seconds, "detail": s.detail} for s in tour.steps]
            print(json.dumps({"ok": came_to_pass, "seconds": seconds, "steps": steps}, ensure_ascii=False, indent=2))
        show.sum_up(tour, seconds)
        if not once:
            await stage.alongside(show.stay(stage, cast))
    return 0 if came_to_pass else 1


@dataclass(slots=True)
class Stage:
    """What the tour happens on.

    Attributes:
        homeserver: the private one.
        app: the bot at work.
        account: its account.
        community: which community is shown: the first.
        passwords: of everybody on it.
        sooner: brings a question forward.
        work: the bot's.
    """

    homeserver: LocalHomeserver
    app: App
    account: AccountKey
    community: Community
    passwords: Mapping[UserId, str]
    sooner: Sooner
    work: asyncio.Task[None]

    async def alongside(self, story: Coroutine[object, object, T]) -> T:
        """Let something happen while the bot works; if the bot fails, that is what is raised."""
        told = asyncio.create_task(story)
        await asyncio.wait({told, self.work}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            told.cancel()
            await asyncio.wait({told})
            await self.work
        return await told

    async def cast(self) -> Cast:
        """Wait until the rooms are there; tells who and what there is."""
        rooms = await self._rooms()
        circle = _circle(self.community)
        keeper = self.app.keepers[self.account].me
        lead, *leads = self.community.leads
        others = [user for user in (*leads, *circle.facilitators) if user != lead]
        policy = circle.policy
        rule = next((r.id for r in policy.rules if r.when.links is not None), None) if policy else None
        on_duty = await self._on_duty(circle)
        return Cast(
            keeper=keeper,
            lead=lead,
            others=tuple(dict.fromkeys(others)),
            newcomers=_newcomers(keeper),
            space=rooms[self.community.space.key],
            control=rooms[self.community.control.key],
            circle=rooms[circle.key],
            names={rooms[room.key]: room.name for room in self.community.every_room()},
            rule=rule,
            norms=plain(policy.norms.text) if policy is not None else "",
            prompts=tuple(prompt.text for schedule in circle.prompts for prompt in schedule.deck.prompts),
            on_duty=on_duty,
            prefix=self.community.prefix,
        )

    async def _rooms(self) -> Mapping[str, RoomId]:
        until = time.monotonic() + ROOMS_WITHIN_S
        wanted = {room.key for room in self.community.every_room()}
        while time.monotonic() < until:
            bound = await self.app.store.of(self.account).run(bindings.bindings)
            found = {one.key: one.room for one in bound if one.community == self.community.key}
            if found.keys() >= wanted:
                return {str(key): room for key, room in found.items()}
            await asyncio.sleep(0.1)
        raise Unreachable(f"The rooms were not made within {ROOMS_WITHIN_S:.0f} seconds.")

    async def ask_soon(self) -> None:
        """Bring the circle's questions forward to a moment from now."""
        self.sooner.room = _circle(self.community).key
        self.sooner.at = datetime.now(UTC) + SOON
        await self.app.reload()

    async def _on_duty(self, circle: Room) -> tuple[UserId, ...]:
        keeper = self.app.keepers[self.account]
        crafts = self.app.crafts_for(self.account, keeper.me)

        def ask(tx: Tx) -> tuple[UserId, ...]:
            return crafts.roster.on_duty(tx, self.community.key, circle.key, keeper.engine.moment())

        return await self.app.store.of(self.account).run(ask)


@dataclass(slots=True)
class Sooner:
    """Brings the questions of one room forward, whenever the documents are read."""

    room: str | None = None
    at: datetime | None = None

    def __call__(self, loaded: Loaded) -> Loaded:
        """Give the documents with the room's questions at the new time, whatever the hour."""
        if self.room is None or self.at is None:
            return loaded
        communities = tuple(
            replace(community, rooms=tuple(self._room(community, room) for room in community.rooms))
            for community in loaded.documents.communities
        )
        return replace(loaded, documents=replace(loaded.documents, communities=communities))

    def _room(self, community: Community, room: Room) -> Room:
        if room.key != self.room or self.at is None:
            return room
        wall = self.at.astimezone(community.zone).replace(tzinfo=None)
        return replace(room, prompts=tuple(_moved(schedule, wall) for schedule in room.prompts))


def _moved(schedule: PromptSchedule, wall: datetime) -> PromptSchedule:
    # Whoever tries it out may do so at night, and again while the last conversation is still warm.
    gates = tuple(gate for gate in schedule.gates if gate == "coverage")
    return replace(schedule, when=Weekly(at=wall.time()), gates=gates)


@asynccontextmanager
async def _set_stage(config_path: Path, place: Path, show: Screen) -> AsyncIterator[Stage]:
    loaded = load(config_path, today=datetime.now(UTC).date())
    if not loaded.documents.communities:
        raise SetupError("There is no community in config.yaml to show.")
    community = loaded.documents.communities[0]
    account = loaded.config.accounts[community.account]
    server = server_of(account.user_id)
    show.say(f"Starting a private homeserver for [bold]{server}[/] on this machine ...")
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        homeserver = await stack.enter_async_context(LocalHomeserver(place / "homeserver", server))
        people = [account.user_id, *community.staff(), *_newcomers(account.user_id)]
        passwords = await _register(homeserver, dict.fromkeys(people), place)
        show.step(Step("homeserver", "A private homeserver runs", True, _since(began), homeserver.url))  # noqa: FBT003
        show.say(
            "[dim]Its users are exempt from rate limits; a server of your own would make the bot take its time.[/]"
        )
        copied = _copy_documents(config_path, place, loaded, homeserver.url)
        sooner = Sooner()
        began = time.monotonic()
        environ = {PASSWORD_VARIABLE: passwords[account.user_id]}
        app = await stack.enter_async_context(open_app(copied, environ=environ, adjust=sooner))
        work = asyncio.create_task(app.run())
        stack.push_async_callback(_stop, work)
        stage = Stage(homeserver, app, account.key, community, passwords, sooner, work)
        rooms = await stage._rooms()  # noqa: SLF001 - the same module
        show.step(Step("rooms", "The space and its rooms are made", True, _since(began), f"{len(rooms)} rooms"))  # noqa: FBT003
        yield stage


async def _stop(work: asyncio.Task[None]) -> None:
    work.cancel()
    await asyncio.wait({work})
    if not work.cancelled():
        work.result()


async def _register(homeserver: LocalHomeserver, people: Mapping[UserId, None], place: Path) -> Mapping[UserId, str]:
    """Make everybody's account; a directory that is used again keeps its passwords."""
    kept = place / "passwords.json"
    passwords: dict[UserId, str] = json.loads(kept.read_text()) if kept.exists() else {}
    for user in people:
        passwords.setdefault(user, secrets.token_urlsafe(9))
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(passwords))
    for user in people:
        with contextlib.suppress(BadRequest):  # there from the last time
            await homeserver.register(user[1:].partition(":")[0], passwords[user])
    return passwords


def _copy_documents(config_path: Path, place: Path, loaded: Loaded, url: str) -> Path:
    """Copy the documents, pointed at the private homeserver, so that nothing is written beside the real ones."""
    copied = place / "documents"
    shutil.rmtree(copied, ignore_errors=True)
    copied.mkdir()
    for folder in (TEMPLATES, POLICIES):
        if (config_path.parent / folder).is_dir():
            shutil.copytree(config_path.parent / folder, copied / folder)
    accounts: dict[str, Json] = {
        key: {"homeserver": url, "user_id": account.user_id, "secret_key_file": str(place.resolve() / f"{key}.key")}
        for key, account in loaded.config.accounts.items()
    }
    written = read_source(config_path, str(config_path)).value
    written |= {"accounts": accounts, "data_dir": str(place.resolve() / "bot")}
    target = copied / config_path.name
    target.write_text(as_yaml(written), encoding="utf-8")
    return target


def _newcomers(keeper: UserId) -> tuple[UserId, UserId]:
    eli, fay = (UserId(f"@{name}:{server_of(keeper)}") for name in NEWCOMERS)
    return eli, fay


def _circle(community: Community) -> Room:
    """Choose the room that is shown: the first that has a rota and questions, else the first with questions."""
    for room in community.rooms:
        if room.rota is not None and room.prompts:
            return room
    raise SetupError("There is no room with a rota and prompts in config.yaml; the tour shows such a room.")


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)


@dataclass(slots=True)
class Screen:
    """Shows the tour on a terminal, live."""

    console: Console
    steps: list[Step] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Say something about what is going on."""
        self.console.print(line)

    def step(self, step: Step) -> None:
        """Show that a step is over."""
        self.steps.append(step)
        mark = "[green]done[/]" if step.done else "[red]did not happen[/]"
        self.console.print(f"[bold]{escape(step.title)}[/]: {mark} [dim]({step.seconds} s)[/]")
        if not step.done:
            self.console.print(f"   [red]{escape(step.detail)}[/]")

    def heard(self, where: str, who: str, what: str) -> None:
        """Show what somebody said, as a room's timeline shows it."""
        lines = what.strip().splitlines() or [""]
        self.console.print(f"   [cyan]{escape(where)}[/] [bold]{escape(who)}[/]: {escape(lines[0])}", soft_wrap=True)
        for line in lines[1:]:
            self.console.print(f"      {escape(line)}", soft_wrap=True)

    def sum_up(self, tour: Tour, seconds: float) -> None:
        """Say how it went."""
        missed = [step for step in tour.steps if not step.done]
        if missed:
            self.console.print(f"\n[red]{len(missed)} of {len(tour.steps)} steps did not happen.[/]")
        else:
            self.console.print(f"\n[green]All {len(tour.steps)} steps happened, in {seconds} seconds.[/]")

    async def stay(self, stage: Stage, cast: Cast) -> None:
        """Say how to join in, and wait until somebody ends it."""
        user = cast.newcomers[0]
        self.console.print("\nJoin in with any Matrix client that can reach this machine:")
        self.console.print(f"   homeserver  [bold]{stage.homeserver.url}[/]")
        self.console.print(f"   user        [bold]{user}[/]")
        self.console.print(f"   password    [bold]{escape(stage.passwords[user])}[/]")
        self.console.print(
            f"Write [bold]{cast.prefix}help[/] in the circle, or anything at all to {cast.keeper} in private."
        )
        self.console.print("Ctrl-C ends it.")
        stopped = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
        await stopped.wait()
        self.console.print("Stopping ...")
