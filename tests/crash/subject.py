"""The bot that is killed: ``circlekeeper run``, with questions that fall due seconds apart.

``python -m tests.crash.subject CONFIG [SLOTS] [--clumsy]``. Nothing else differs from the real command: not the clock,
not the homeserver, not the store. Documents can name minutes only, so the file SLOTS says to which second each question of
each room is moved (see ``Slots``); without it there are no questions. With ``--clumsy`` a sixth craft is at work that
fails at everything anybody says, and quotes it; rules fail over what makes them stumble, and all that is logged is told.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import app, logs
from orchestrator.cli.ending import finish
from orchestrator.crafts import Crafts
from orchestrator.culture.rules import Author, Rulebook, Scene, Verdict
from orchestrator.documents.declared import Community, Documents, PromptSchedule, Room
from orchestrator.documents.load import Loaded
from orchestrator.facilitation.calendar.feeds import NO_ADDRESSES, Addresses
from orchestrator.model.cadence import Weekly
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event, Message, Reaction, State
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx
from orchestrator.model.ids import UserId

SHORT_GRACE_MS = 2_000
LONG_GRACE_MS = 90 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Slots:
    """When the questions fall due: one every ``every_ms`` from ``first_ms`` on, the rooms in turn, ``count`` in all.

    Each falls due once a day, so within a run once. Every third one is worth asking for two seconds only.
    """

    first_ms: int
    every_ms: int
    count: int

    def write(self, path: Path) -> None:
        """Write them where the bot reads them."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Slots:
        """Read them; none where there is no file."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls(0, 1, 0)

    def due_by(self, at_ms: int) -> int:
        """Count how many are due at an instant."""
        return min(self.count, max(0, (at_ms - self.first_ms) // self.every_ms + 1))

    def due_ms(self, number: int) -> int:
        """Tell when one of them falls due."""
        return self.first_ms + number * self.every_ms

    def is_brief(self, number: int) -> bool:
        """Tell whether one of them may be passed over when the bot is not there in time."""
        return number % 3 == 2

    def place(self, loaded: Loaded) -> Loaded:
        """Move the questions of all rooms to their seconds, and leave out those beyond the last."""
        communities = tuple(
            replace(
                community,
                rooms=tuple(
                    replace(room, prompts=tuple(self._moved(community, room, turn)))
                    for turn, room in enumerate(community.rooms)
                ),
            )
            for community in loaded.documents.communities
        )
        return replace(loaded, documents=replace(loaded.documents, communities=communities))

    def _moved(self, community: Community, room: Room, turn: int) -> Iterable[PromptSchedule]:
        for index, schedule in enumerate(room.prompts):
            number = index * len(community.rooms) + turn
            if number < self.count:
                due = datetime.fromtimestamp(self.due_ms(number) / 1000, UTC).astimezone(community.zone)
                grace_ms = SHORT_GRACE_MS if self.is_brief(number) else LONG_GRACE_MS
                yield replace(schedule, when=Weekly(at=due.time()), grace_ms=grace_ms)


class ClumsyError(Exception):
    """Quotes what somebody wrote, as other people's exceptions do."""


class Clumsy:
    """A craft that fails at everything anybody says, with their words in its error."""

    name = "clumsy"
    commands: Sequence[Command] = ()

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Do nothing."""
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Fail."""
        match event:
            case Message():
                words = {"body": event.body, "html": event.html}
                raise ClumsyError(f"I cannot read this: {event.body} {words}")
            case Reaction():
                raise ClumsyError(event.key)
            case State():
                raise ClumsyError(f"I cannot read this: {event.content}")
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Do nothing."""
        return ()

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Do nothing."""
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Do nothing."""
        return ()


def make_clumsy() -> None:
    """Let the clumsy craft work beside the others."""
    build = app.build_crafts

    def build_clumsy(documents: Documents, me: UserId, addresses: Addresses = NO_ADDRESSES) -> Crafts:
        crafts = build(documents, me, addresses)
        return replace(crafts, features=(*crafts.features, Clumsy()))

    app.build_crafts = build_clumsy
    stumble(Rulebook)


STUMBLE = "stumble"
"""Over what holds this the rules' own matchers fail."""


def stumble(book: type[Rulebook]) -> None:
    """Let rules fail over some messages and names, and quote them."""
    judge, judge_name = book.judge, book.judge_name

    def fail_over(self: Rulebook, message: Message, author: Author, scene: Scene) -> Sequence[Verdict]:
        if STUMBLE in message.body:
            raise ClumsyError(f"I cannot match this: {message.body} {message.html}")
        return judge(self, message, author, scene)

    def fail_over_name(
        self: Rulebook, name: str, author: Author, scene: Scene, staff_names: Collection[str]
    ) -> Sequence[Verdict]:
        if STUMBLE in name:
            raise ClumsyError(name)
        return judge_name(self, name, author, scene, staff_names)

    book.judge, book.judge_name = fail_over, fail_over_name  # type: ignore[method-assign]


def main(args: Sequence[str]) -> int:
    """Run it as the command line does; returns the exit code."""
    paths = [Path(arg) for arg in args if not arg.startswith("-")]
    if "--clumsy" in args:
        make_clumsy()
    logs.configure(as_json=True, level=logging.DEBUG if "--clumsy" in args else logging.INFO)

    def adjust(loaded: Loaded) -> Loaded:
        return Slots.read(paths[1] if len(paths) > 1 else Path()).place(loaded)

    return finish(app.run_until_stopped(paths[0], adjust=adjust))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
