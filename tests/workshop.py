"""A craft or two at work, in step with the test: real rows, the engine's own intake, and time that a test turns.

What the engine does in one transaction is one here. ``crash`` undoes such a step as a kill in the middle of it would;
``restart`` forgets all that is in memory. Nothing here waits, so a property can try thousands of stories.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import TypeVar

import pytest
from sqlite_utils import Database

from orchestrator import i18n
from orchestrator.documents.declared import Documents
from orchestrator.engine.commands import Commands, by_craft
from orchestrator.engine.intake import Intake, Turn
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.effects import Outcome
from orchestrator.model.events import Event, Member, MembershipName, Message
from orchestrator.model.feature import Feature, Now, Roster, Timer, Tx
from orchestrator.model.ids import AccountKey, Cause, EventId, RoomId, UserId
from orchestrator.model.windows import Windows
from orchestrator.store import bindings, claims, ingest, mirror, outbox, questions, timers
from orchestrator.store.claims import Claim
from orchestrator.store.outbox import Waiting
from orchestrator.store.schema import migrations
from orchestrator.store.transaction import SqliteTx

from .declared import ME
from .house import body_of, content_of, room_id

R = TypeVar("R")


LOUD = "~"


class _Loud(NullTranslations):
    """A language in which every sentence begins and ends with the same sign, so that one can see what is translated."""

    def gettext(self, message: str) -> str:
        return f"{LOUD}{message}{LOUD}"


def speak_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all that goes through gettext be marked."""
    monkeypatch.setattr(i18n, "_catalogue", lambda _locale: _Loud())


@cache
def _empty() -> bytes:
    connection = sqlite3.connect(":memory:")
    migrations.apply(Database(connection))
    connection.commit()
    empty = connection.serialize()
    connection.close()
    return empty


class Workshop:
    """Crafts at work.

    Args:
        documents: what the authors wrote.
        make: builds the crafts, and who is the roster.
        at_ms: when it begins.
    """

    def __init__(
        self, documents: Documents, make: Callable[[Documents], tuple[Sequence[Feature], Roster]], *, at_ms: int
    ) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.deserialize(_empty())
        self._connection.isolation_level = None
        self._make = make
        self._n = 0
        self.at_ms = at_ms
        self.use(documents)

    def close(self) -> None:
        self._connection.close()

    def use(self, documents: Documents) -> None:
        """Work with these documents from now on."""
        self.documents = documents
        self.restart()

    def restart(self) -> None:
        """Forget what is in memory."""
        crafts, roster = self._make(self.documents)
        commands = Commands(self.documents, roster, by_craft({craft.name: craft.commands for craft in crafts}))
        self._intake = Intake(self.documents, crafts, commands, ME)
        self.windows = Windows()

    # -- transactions --------------------------------------------------------------------------------------------------

    def run(self, fn: Callable[..., R], *args: object, **kwargs: object) -> R:
        """Run ``fn(tx, ...)`` in one transaction."""
        with self._transaction() as tx:
            return fn(tx, *args, **kwargs)

    def turn(self, work: Callable[[Intake, Turn], None], *, crash: bool = False) -> None:
        """Run what the engine runs in one transaction; no decision may fail."""
        with self._transaction(keep=not crash) as tx:
            turn = Turn(tx, Now(at_ms=self.at_ms, me=ME, windows=self.windows))
            work(self._intake, turn)
            assert turn.taken.troubles == []
        self.windows.publish()
        if crash:
            self.restart()

    @contextmanager
    def _transaction(self, *, keep: bool = True) -> Iterator[Tx]:
        tx = SqliteTx(self._connection, AccountKey("keeper"), Path("memory"))
        self._connection.execute("begin")
        try:
            yield tx
        except BaseException:
            self._connection.rollback()
            raise
        if keep:
            self._connection.commit()
        else:
            self._connection.rollback()

    # -- what happens --------------------------------------------------------------------------------------------------

    def open(self, *members: UserId) -> None:
        """Let every declared room be made, with these people and the bot in it."""
        for community in self.documents.communities:
            for room in community.every_room():
                where = room_id(community.key, room.key)
                self.run(bindings.bind, community.key, room.key, where, "made")
                self.run(mirror.see_own_membership, where, "join")
                for user in (ME, *members):
                    self.run(mirror.see_member, self._member(where, user, "join"))

    def settle(self, *, crash: bool = False) -> None:
        """Bring everything in line with the documents, as at a start."""
        self.turn(lambda intake, turn: intake.settle(turn), crash=crash)

    def ring(self, *, crash: bool = False) -> None:
        """Run what is due now, until nothing is."""
        if crash:
            self.turn(lambda intake, turn: intake.take_due(turn), crash=True)
            return
        for _ in range(20):
            self.turn(lambda intake, turn: intake.take_due(turn))
            ends = [self.run(timers.next_due_ms), self.run(questions.next_due_ms)]
            if all(due_ms is None or due_ms > self.at_ms for due_ms in ends):
                return
        raise AssertionError("the timers never come to rest")

    def live(self, until_ms: int) -> None:
        """Let time pass while the bot runs and hears: everything falls due at its time."""
        while True:
            ends = [self.run(timers.next_due_ms), self.run(claims.next_claim_end_ms), self.run(questions.next_due_ms)]
            next_ms = min((at_ms for at_ms in ends if at_ms is not None), default=None)
            if next_ms is None or next_ms > until_ms:
                break
            self.at_ms = max(self.at_ms, next_ms)
            self.run(ingest.note_heard, self.at_ms)
            self.ring()
        self.at_ms = until_ms
        self.run(ingest.note_heard, self.at_ms)

    def hear(self, *events: Event) -> None:
        """Take in what a sync answer brings."""
        rooms: dict[RoomId, list[Event]] = {}
        for event in events:
            rooms.setdefault(event.room, []).append(event)
        updates = tuple(RoomUpdate(room=room, membership="join", timeline=tuple(line)) for room, line in rooms.items())
        batch = SyncBatch(since="s", until=f"s{self._next()}", rooms=updates)
        self.turn(lambda intake, turn: intake.take(turn, batch, catching_up=False))

    def say(self, sender: UserId, body: str, room: RoomId, *, at_ms: int | None = None) -> None:
        self.hear(
            Message(
                room=room,
                id=EventId(f"$said{self._next()}"),
                sender=sender,
                at_ms=self.at_ms if at_ms is None else at_ms,
                kind="m.text",
                body=body,
            )
        )

    def join(self, user: UserId, room: RoomId, membership: MembershipName = "join") -> None:
        self.hear(self._member(room, user, membership))

    def heard_all_along(self, room: RoomId) -> None:
        """Let it be known what was said lately, as after the history was read."""
        self.run(ingest.note_heard, self.at_ms)
        self.windows.known_since_ms["spoke", room] = 0

    # -- what follows --------------------------------------------------------------------------------------------------

    def waiting(self) -> list[Waiting]:
        return self.run(outbox.waiting)

    def said(self) -> list[str]:
        """Read what waits to be said."""
        return [body_of(row) for row in self.waiting()]

    def answer(self, asker: UserId, body: str, room: RoomId) -> str:
        """Ask in a room and read the one answer, which is then gone."""
        before = {row.cause for row in self.waiting()}
        self.say(asker, body, room)
        (row,) = [row for row in self.waiting() if row.cause not in before]
        relation = content_of(row)["m.relates_to"]
        assert isinstance(relation, dict)
        assert relation["m.in_reply_to"]
        self.run(outbox.finish, row.cause, "done", self.at_ms)
        return body_of(row)

    def confirm(self, cause: Cause, outcome: Outcome = "done") -> EventId | None:
        """Let an effect come out as ``outcome``; tells the event it became."""
        row = self.run(outbox.get, cause)
        assert row is not None
        event = EventId(f"$sent{self._next()}") if outcome == "done" else None
        self.turn(lambda intake, turn: intake.confirm(turn, cause, outcome, event=event, room=row.room))
        return event

    def deliver(self, outcome: Outcome = "done") -> list[tuple[str, EventId | None]]:
        """Carry out all that waits; tells what was said and the event it became."""
        return [(body_of(row), self.confirm(row.cause, outcome)) for row in self.waiting()]

    def claims(self, room: RoomId, type_: str) -> list[Claim]:
        """List what is claimed of a state event and has not ended."""
        return [claim for claim in self.run(claims.claims_on, room, type_, "", self.at_ms) if not claim.ended]

    def timers(self, craft: str) -> list[Timer]:
        return self.run(timers.timers_of, craft)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        def read(tx: Tx) -> list[tuple[object, ...]]:
            return [tuple(row.values()) for row in tx.rows(sql)]

        return self.run(read)

    def everything(self) -> list[str]:
        """Write down all rows there are, to see whether anything changed."""
        return list(self._connection.iterdump())

    def _next(self) -> int:
        self._n += 1
        return self._n

    def _member(self, room: RoomId, user: UserId, membership: MembershipName) -> Member:
        return Member(
            room=room,
            id=EventId(f"$member{self._next()}"),
            sender=user,
            at_ms=self.at_ms,
            user=user,
            membership=membership,
        )
