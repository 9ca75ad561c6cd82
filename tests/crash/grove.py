"""The community that is kept while its keeper dies: its documents, and its bot as a process."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import control
from orchestrator.local import LocalHomeserver
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId
from orchestrator.store import Store, ingest, outbox, timers
from tests.crash.subject import Slots
from tests.real.bot import ACCOUNT, PASSWORD, BotProcess, Garden
from tests.real.wire import eventually

MOST_QUESTIONS = 1_440
PINNED_EVERY = 10
SPARE_RULE = "spare"
"""A rule that never strikes, for a lead to switch back and forth."""

SOON_MS = 5 * 60_000
PATIENCE_S = 120.0


def _questions(count: int) -> list[dict[str, Any]]:
    # Their times tell them apart; when they are due is for ``Slots`` to say. Some are pinned.
    return [
        {
            "deck": "small",
            "at": f"{number // 60:02}:{number % 60:02}",
            "gates": [],
            "pin": "swap" if number % PINNED_EVERY == 0 else "none",
        }
        for number in range(count)
    ]


def _rules() -> list[dict[str, Any]]:
    links = {"when": {"links": {"allow": ["grove.example"]}}, "then": "remove", "because": "No links here, please."}
    return [
        {"id": "links", "mode": "enforce", **links},
        {"id": SPARE_RULE, "mode": "enforce", **links, "then": "nudge", "when": {"links": {"allow": ["example"]}}},
    ]


@dataclass(slots=True)
class Grove(Garden):
    """A community with questions that fall due seconds apart, and a rule to switch."""

    rules: list[dict[str, Any]] = field(default_factory=_rules)
    facilitators: list[UserId] = field(default_factory=list)

    def write(self) -> None:
        """Write the documents, with the facilitators of the plain room."""
        Garden.write(self)
        config = json.loads(self.config.read_text())
        config["communities"]["grove"]["rooms"]["plain"]["facilitators"] = self.facilitators
        self.config.write_text(json.dumps(config, indent=1))

    @property
    def slots_file(self) -> Path:
        """Where the bot reads when its questions are due."""
        return self.directory / "slots.json"

    @property
    def slots(self) -> Slots:
        """When the questions are due."""
        return Slots.read(self.slots_file)

    async def until_ready(self) -> None:
        """Wait until the running bot knows what happened while it was away."""

        async def ready() -> bool:
            return bool((await self._status()).get("ready"))

        await eventually(ready, "the bot at work", timeout_s=PATIENCE_S)

    async def until_nothing_waits(self, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait for a moment in which the running bot has delivered everything, though there may soon be more."""

        async def through() -> bool:
            return (await self._status()).get("waiting") == 0

        await eventually(through, "a moment of rest", timeout_s=timeout_s)

    async def until_settled(self, *, timeout_s: float = PATIENCE_S) -> None:
        """Wait until the running bot has nothing left to do."""

        async def through() -> bool:
            return not await self.waits()

        try:
            await eventually(through, "the bot's last work", timeout_s=timeout_s)
        except AssertionError:
            raise AssertionError(f"after {timeout_s} s the bot still had {await self.waits()}") from None

    async def _status(self) -> dict[str, Any]:
        answer: Any = await control.ask(self.data, "status")
        return {} if answer is None else dict(answer["accounts"][ACCOUNT])

    async def waits(self) -> str:
        """Tell what the bot has still to do; "" when it is through."""
        rows = await self.read(_open_ends, time.time_ns() // 1_000_000 + SOON_MS)
        return ", ".join(f"{count} {name}" for name, count in rows.items() if count)

    async def read(self, fn: Any, *args: Any) -> Any:
        """Read the bot's rows, beside it."""
        store = Store.open_readonly(self.data)
        try:
            return await store.of(ACCOUNT).run(fn, *args)
        finally:
            await store.close()


def _open_ends(tx: Tx, soon_ms: int) -> dict[str, int]:
    unsettled = tx.one("select count(*) as n from unsettled where account = :account")
    assert unsettled is not None
    silent = tx.one(
        "select count(*) as n from binding where account = :account and key not in ('', 'control')"
        " and room not in (select room from norms where norms.account = binding.account)"
    )
    assert silent is not None
    return {
        # Between the making of a room and what is to be said there lies an instant in which nothing waits.
        "rooms whose norms were never posted": int(silent["n"]),  # type: ignore[arg-type]
        "in the outbox": len(outbox.waiting(tx)),
        "unsettled": int(unsettled["n"]),  # type: ignore[arg-type]
        "gaps": len(ingest.gaps(tx)),
        "unread": len(ingest.lates(tx)),
        "norms to be posted anew": sum(timer.due_ms < soon_ms for timer in timers.timers_of(tx, "culture", "norms:")),
    }


async def plant_grove(directory: Path, homeserver: LocalHomeserver, lead: UserId, name: str, questions: int) -> Grove:
    """Declare a community with a bot account of its own."""
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits for it
    keeper = await homeserver.register(name, PASSWORD)
    grove = Grove(directory, homeserver, keeper, lead, prompts=_questions(min(questions, MOST_QUESTIONS)))
    grove.write()
    return grove


class Subject(BotProcess):
    """The bot as a process that is killed; see ``tests.crash.subject``."""

    module = "tests.crash.subject"

    def __init__(self, grove: Grove, *, failpoint: str = "", options: Sequence[str] = ()) -> None:
        super().__init__(grove, failpoint=failpoint)
        self.args = (str(grove.config), str(grove.slots_file), *options)
