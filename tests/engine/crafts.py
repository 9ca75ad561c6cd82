"""Small crafts for the engine's tests: they do one thing each, for real."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Result, Send
from orchestrator.model.events import Event, Message
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx
from orchestrator.model.ids import RoomId
from orchestrator.store.timers import set_timer


class Craft:
    """Decides nothing."""

    name = "craft"

    def __init__(self) -> None:
        self.results: list[Result] = []

    @property
    def commands(self) -> Sequence[Command]:
        return ()

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        return ()

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        self.results.append(result)
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        return ()


class Nodder(Craft):
    """Answers every message with a nod."""

    name = "nodder"

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        if isinstance(event, Message):
            yield Send(step="nod", room=event.room, content=content.notice("I hear you."))


class Stumbler(Craft):
    """Writes a row, wants an effect, then stumbles over a message."""

    name = "stumbler"

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        set_timer(tx, Timer(craft=self.name, key=event.id, due_ms=1))
        if isinstance(event, Message):
            yield Send(step="half", room=event.room, content=content.notice("half done"))
            raise ValueError(event.body)  # noqa: TRY004 - any error will do


class Ringer(Craft):
    """Rings when its timer falls due, and sets the next."""

    name = "ringer"

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        set_timer(tx, Timer(craft=self.name, key=timer.key, due_ms=timer.due_ms + 60_000))
        yield Send(step="ring", room=RoomId("!a"), content=content.notice("Time."))
