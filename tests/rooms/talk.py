"""A town in which people change rooms by hand, write commands in the control room and react to what the bot asks."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.declared import Community, Documents
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.effects import Outcome
from orchestrator.model.events import Message, Reaction, State
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.rooms import Rooms
from orchestrator.store import claims, outbox, questions
from orchestrator.store.questions import Question
from tests.declared import ANA, ME
from tests.house import body_of
from tests.workshop import Workshop

from .town import NOW_MS, Content, Town


def _crafts(written: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(written)
    return (facilitation, Rooms(written, ME)), facilitation


class Talk(Town):
    """The town, and what is said in it."""

    def __init__(self, community: Community) -> None:
        self.heard: list[tuple[RoomId, str]] = []
        self.amended: list[tuple[tuple[str, ...], object]] = []
        self.amend: Outcome = "done"
        super().__init__(community)
        self.settle()
        self.heard.clear()

    def use(self, community: Community, *, first: bool = False) -> None:
        self.community = community
        documents = Documents(communities=(community,))
        if first:
            self.shop = Workshop(documents, _crafts, at_ms=NOW_MS)
        else:
            self.shop.use(documents)

    def deliver(self) -> None:
        for _ in range(80):
            rows, marks = self.shop.run(outbox.waiting), self.shop.run(claims.unsettled)
            if not rows and not marks:
                return
            for row in rows:
                if self.shop.run(outbox.get, row.cause) is None:
                    continue
                if row.kind == "create":
                    self._make(row)
                    continue
                outcome: Outcome = "done"
                if row.kind == "send" and row.payload.get("type") != "m.reaction" and row.room is not None:
                    self.heard.append((row.room, body_of(row)))
                elif row.kind == "amend":
                    path = row.payload["path"]
                    assert isinstance(path, list)
                    self.amended.append((tuple(str(part) for part in path), row.payload["value"]))
                    outcome = self.amend
                event = EventId(f"$sent{next(self._numbers)}")
                self._end(row.cause, outcome, event, row.room)
            for mark in marks:
                self._write(mark)
        raise AssertionError("it never comes to rest")

    def _end(self, cause: object, outcome: Outcome, event: EventId, room: RoomId | None) -> None:
        self.shop.turn(
            lambda intake, turn: intake.confirm(turn, cause, outcome, event=event, room=room)  # type: ignore[arg-type]
        )

    # -- what people do ------------------------------------------------------------------------------------------------

    def by_hand(self, key: str, type_: str, content: Content, *, sender: UserId = ANA, state_key: str = "") -> EventId:
        """Have somebody change a room's state, and the bot hear of it as it happens."""
        room = self.bound()[key]
        self.state[room][type_, state_key] = content
        self.senders[room, type_, state_key] = sender
        event = EventId(f"$hand{next(self._numbers)}")
        self.shop.hear(
            State(room=room, id=event, sender=sender, at_ms=self.shop.at_ms, type=type_, key=state_key, content=content)
        )
        self.deliver()
        return event

    def write(self, words: str, *, sender: UserId = ANA, key: str = "control", reply_to: EventId | None = None) -> str:
        """Write something; returns the last thing that the bot says then, "" where it says nothing."""
        before = len(self.heard)
        self.shop.hear(
            Message(
                room=self.bound()[key],
                id=EventId(f"$said{next(self._numbers)}"),
                sender=sender,
                at_ms=self.shop.at_ms,
                kind="m.text",
                body=words,
                reply_to=reply_to,
            )
        )
        self.deliver()
        return self.heard[-1][1] if len(self.heard) > before else ""

    def question(self) -> Question:
        """Find the one question that is open in the control room."""
        (found,) = self.questions()
        return found

    def questions(self) -> list[Question]:
        return self.shop.run(questions.questions_in, self.bound()["control"])

    def react(self, key: str, *, sender: UserId = ANA) -> str:
        """React to the one open question; returns what the bot says then."""
        found, before = self.question(), len(self.heard)
        event = EventId(f"$tap{next(self._numbers)}")
        self.shop.hear(
            Reaction(room=found.room, id=event, sender=sender, at_ms=self.shop.at_ms, target=found.event, key=key)
        )
        self.deliver()
        return self.heard[-1][1] if len(self.heard) > before else ""

    def live(self, key: str, type_: str, state_key: str = "") -> Content | None:
        """Read what stands in a room."""
        return self.state[self.bound()[key]].get((type_, state_key))
