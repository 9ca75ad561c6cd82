"""A grove where members suggest questions, with a homeserver of a few lines that keeps what is said and reads it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from orchestrator.belonging.listening import answer as listening
from orchestrator.documents.asking import touches
from orchestrator.documents.declared import Documents, Room
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import DAY_MS
from orchestrator.model.events import Message, Reaction, Redaction
from orchestrator.model.feature import Feature, Roster, Tx
from orchestrator.model.ids import EventId, Json, RoomId, UserId
from orchestrator.model.quoting import filled
from orchestrator.model.wording import words_after
from orchestrator.prompts import Prompts
from orchestrator.store import bindings, ingest, outbox, questions
from orchestrator.store.outbox import Waiting
from tests.declared import ANA, BO, CY, DEE, EVE, community, documents, room, schedule
from tests.house import CIRCLE, CONTROL, direct
from tests.workshop import Workshop

NOON_MS = 1_767_956_400_000
"""Friday 2026-01-09 12:00 in Berlin: between two rounds."""

GUS = UserId("@gus:grove.example")
QUESTION = "Which small sound do you like to wake up to?"


def circle(key: str = "tuesday") -> Room:
    return room(key, prompts=[schedule()], facilitators=[ANA])


def grove(*rooms: Room, leads: Sequence[UserId] = (ANA, BO)) -> Documents:
    return documents(community(*(rooms or (circle(),)), leads=leads))


class Grove(Workshop):
    """Members, those who look after them, and a homeserver that keeps every word until it is taken back."""

    def __init__(self, declared: Documents | None = None, *, seed: int = 0, at_ms: int = NOON_MS) -> None:
        self.lots = Random(seed)  # noqa: S311 - lots of a test
        self.kept: dict[tuple[RoomId, EventId], Mapping[str, Json]] = {}
        self.sent: dict[str, EventId] = {}
        super().__init__(declared or grove(), self._build, at_ms=at_ms)
        self.open(ANA, BO, CY, DEE, EVE, GUS)
        for user in (ANA, BO, CY, DEE, EVE, GUS):
            self.run(bindings.set_direct, user, direct(user))
        self.heard_all_along(CIRCLE)
        self.settle()
        self.carry_out()

    def _build(self, declared: Documents) -> tuple[Sequence[Feature], Roster]:
        facilitation = Facilitation(declared)
        return (Prompts(declared, facilitation, self.lots, listening),), facilitation

    # -- what people do ------------------------------------------------------------------------------------------------

    def write(self, user: UserId, body: str, where: RoomId | None = None, **more: object) -> EventId:
        """Say something, in private if not said otherwise, and let all that follows at once happen."""
        place = where or direct(user)
        event = EventId(f"$said{self._next()}")
        said = Message(room=place, id=event, sender=user, at_ms=self.at_ms, kind="m.text", body=body)
        self.kept[place, event] = {"body": body}
        self.hear(replace(said, **more))  # type: ignore[arg-type]
        self.carry_out()
        return event

    def edit(self, user: UserId, event: EventId, body: str) -> EventId:
        return self.write(user, body, edits=event)

    def take_away(self, user: UserId, event: EventId, where: RoomId | None = None) -> None:
        place = where or direct(user)
        self.kept.pop((place, event))
        redaction = EventId(f"$gone{self._next()}")
        self.hear(Redaction(room=place, id=redaction, sender=user, at_ms=self.at_ms, target=event))
        self.carry_out()

    def tap(self, user: UserId, choice: str, where: RoomId = CONTROL, *, on: EventId | None = None) -> None:
        """Answer the newest question of a room that has such an answer."""
        asked = [q for q in self.run(questions.questions_in, where) if choice in {c.means for c in q.choices}]
        asked = [q for q in asked if on in {None, q.event}]
        assert asked, [[c.means for c in q.choices] for q in self.run(questions.questions_in, where)]
        question = max(asked, key=lambda q: int(q.event.removeprefix("$sent")))
        self.tap_at(user, next(c.key for c in question.choices if c.means == choice), question.event, where)

    def tap_at(self, user: UserId, key: str, target: EventId, where: RoomId = CONTROL) -> None:
        tap = EventId(f"$tap{self._next()}")
        self.hear(Reaction(room=where, id=tap, sender=user, at_ms=self.at_ms, target=target, key=key))
        self.carry_out()

    def suggest(self, user: UserId, text: str = QUESTION, place: str = "grove/tuesday") -> EventId:
        """Suggest a question and say yes to its being passed on."""
        event = self.write(user, f"!suggest {text}")
        self.tap(user, place, direct(user))
        return event

    def pass_days(self, days: float = 3) -> None:
        """Let time pass while the bot runs."""
        end_ms = self.at_ms + round(days * DAY_MS)
        while True:
            ends = [self.run(_next_timer), self.run(questions.next_due_ms)]
            coming = min((ms for ms in ends if ms is not None), default=end_ms + 1)
            if coming > end_ms:
                break
            self.at_ms = max(self.at_ms, coming)
            self.run(ingest.note_heard, self.at_ms)
            self.ring()
            self.carry_out()
        self.at_ms = end_ms
        self.run(ingest.note_heard, self.at_ms)

    # -- the homeserver ------------------------------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Carry out all that waits."""
        while rows := self.waiting():
            for row in rows:
                if self.run(outbox.get, row.cause) is not None:
                    self.carry(row)

    def carry(self, row: Waiting, *, confirmed: bool = True) -> None:
        """Carry out one thing as ``matrix`` does, and confirm it unless the bot is killed before."""
        where = direct(UserId(row.target)) if row.kind == "direct" else row.room
        assert where is not None
        event, words = self.sent.setdefault(row.cause, EventId(f"$sent{self._next()}")), ""
        if row.kind == "redact":
            self.kept.pop((where, EventId(row.target)), None)
        elif row.kind == "recall":
            words = str(self.kept.get((where, EventId(row.target)), {}).get("org.circlekeeper.quoted", ""))
        else:
            content = row.payload["content"]
            assert isinstance(content, Mapping)
            quote = row.payload.get("quote")
            if (where, event) in self.kept:  # it had left before
                content = self.kept[where, event]
            elif isinstance(quote, Mapping):
                content = self._filled(content, quote)
            if content is None:
                self.turn(lambda i, t: i.confirm(t, row.cause, "refused", errcode="NOTHING_TO_QUOTE", room=where))
                return
            self.kept[where, event] = content
        if confirmed:
            refused = row.kind == "recall" and not words
            self.turn(
                lambda i, t: i.confirm(
                    t, row.cause, "refused" if refused else "done", event=event, room=where, words=words
                )
            )

    def _filled(self, content: Mapping[str, Json], quote: Mapping[str, Json]) -> Mapping[str, Json] | None:
        source = RoomId(str(quote["room"])), EventId(str(quote["event"]))
        if source not in self.kept:
            return None
        words = words_after(str(self.kept[source]["body"]), str(quote["after"]))
        remarks = quote["remarks"]
        assert isinstance(remarks, Mapping)
        return filled(content, words, [str(remarks[name]) for name in sorted(touches(words))])

    # -- what is so ----------------------------------------------------------------------------------------------------

    def in_room(self, room: RoomId = CONTROL) -> list[str]:
        """Read what stands in a room now, reactions left out."""
        return [
            str(content["body"])
            for (where, _event), content in self.kept.items()
            if where == room and "body" in content
        ]

    def told(self, user: UserId) -> str:
        """Read the last thing that stands in somebody's direct room."""
        return self.in_room(direct(user))[-1]

    def shown(self) -> list[str]:
        """Read the suggestions that stand in the control room."""
        return [
            str(content["org.circlekeeper.quoted"])
            for (where, _event), content in self.kept.items()
            if where == CONTROL and "org.circlekeeper.quoted" in content
        ]

    def states(self) -> list[str]:
        return [str(state) for (state,) in self.rows("select state from suggestion order by id")]

    def taken(self) -> list[tuple[str, int]]:
        return [(str(text), int(str(tier))) for text, tier in self.rows("select text, tier from member_prompt")]


def _next_timer(tx: Tx) -> int | None:
    row = tx.one("select min(due_ms) as due_ms from timer where account = :account")
    return None if row is None or row["due_ms"] is None else int(str(row["due_ms"]))
