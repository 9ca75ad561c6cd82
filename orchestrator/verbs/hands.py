"""Through whom something is changed: the bot that runs on the data directory, or one that is started for the purpose."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from orchestrator import control, logs
from orchestrator.app import App, open_app
from orchestrator.changing.order import Order
from orchestrator.errors import SetupError
from orchestrator.model.ids import JsonObject

T = TypeVar("T")

PATIENCE_S = 600.0


class Hands(Protocol):
    """Whoever applies a plan."""

    resumes: bool
    """They go on when whoever asked goes away."""

    async def apply(self, order: Order) -> JsonObject:
        """Apply; see ``Changing.apply``."""
        ...

    async def progress(self, ticket: str) -> JsonObject:
        """Tell how far it has come; see ``Changing.progress``."""
        ...


class RunningBot:
    """The bot that is running already, through its socket."""

    resumes = True

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def apply(self, order: Order) -> JsonObject:
        """Ask it to apply."""
        return await self._ask("apply", **order.as_json())

    async def progress(self, ticket: str) -> JsonObject:
        """Ask it how far it has come."""
        return await self._ask("progress", ticket=ticket)

    async def _ask(self, verb: str, **args: Any) -> JsonObject:
        answer = await control.ask(self._data_dir, verb, patience_s=PATIENCE_S, **args)
        if answer is None:
            raise SetupError("The bot was stopped meanwhile. What was begun is kept; start it, and it goes on.")
        return answer


class OwnBot:
    """A bot of our own, at work for as long as it takes."""

    resumes = False

    def __init__(self, app: App, work: asyncio.Task[None]) -> None:
        self.app = app
        self._work = work

    async def apply(self, order: Order) -> JsonObject:
        """Apply, as soon as what happened since the last time is known."""
        return await self.beside(self.app.changing.apply(order))

    async def progress(self, ticket: str) -> JsonObject:
        """Tell how far it has come."""
        return await self.beside(self.app.changing.progress(ticket))

    async def beside(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await something while the bot works; what ends the bot ends this."""
        task = asyncio.ensure_future(asked)
        try:
            await asyncio.wait({task, self._work}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self._work.result()
                raise SetupError("The bot stopped before it was done. What was begun is kept; ask for it again.")
            return task.result()
        finally:
            task.cancel()


@asynccontextmanager
async def own_bot(config_path: Path) -> AsyncIterator[OwnBot]:
    """Start a bot, let it hear what happened, and stop it cleanly at the end."""
    logs.configure(level=logging.WARNING)
    async with open_app(config_path) as app:
        work = asyncio.create_task(app.run())
        try:
            bot = OwnBot(app, work)
            for keeper in app.keepers.values():
                await bot.beside(_begun(keeper.begun))
            yield bot
        finally:
            work.cancel()
            await asyncio.wait({work})


async def _begun(event: asyncio.Event) -> None:
    await event.wait()
