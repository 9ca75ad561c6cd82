"""A craft that asks, a grove in which it does, and people who answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.documents.declared import Documents
from orchestrator.errors import Refusal
from orchestrator.model import content
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import AnyEffect, AskDirect
from orchestrator.model.events import Message, Reaction, Redaction, State
from orchestrator.model.feature import Answer, Call, Command, Feature, Now, Role, Roster, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, Json, RoomId, RoomKey, UserId
from orchestrator.store.outbox import Waiting
from orchestrator.store.timers import set_timer
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, documents, room
from tests.house import CIRCLE, CONTROL, SPACE, content_of, direct
from tests.workshop import Workshop

from .crafts import Craft

BEGUN_MS = 1_767_700_000_000
OPEN_MS = 10 * MINUTE_MS
LOUNGE = RoomId("!lounge")
KEPT_MS = 10**15
"""A timer that never falls due: a row that says what was heard, and is rolled back with it."""


class Asker(Craft):
    """Asks by ``!tidy`` whoever gave it, and in private by ``!offer``; writes down what it hears, a row each."""

    name = "asker"

    def __init__(self) -> None:
        super().__init__()
        self.stumbles = False
        self.refuses = False

    @property
    def commands(self) -> Sequence[Command]:
        return (
            Command(name="tidy", usage="", summary="tidy up", needs=Role.FACILITATOR, run=self._tidy),
            Command(name="offer", usage="", summary="offer it", needs=Role.MEMBER, run=self._offer),
        )

    def _tidy(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        yield content.question(
            call,
            "Shall I tidy this circle up?",
            now,
            subject=call.event.id,
            needs=Role.LEAD,
            asker_needs=Role.FACILITATOR,
            tag="tag",
        )

    def _offer(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        choices = content.yes_or_no()
        yield AskDirect(
            step="offer",
            user=call.event.sender,
            content=content.asking("Would you keep the circle tonight?", choices),
            choices=choices,
            subject="shift",
            open_ms=OPEN_MS,
        )

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        heard: dict[str, str | int | None] = {
            "question": answer.question,
            "subject": answer.subject,
            "choice": answer.choice,
            "by": answer.by,
            "role": int(answer.role),
            "at_ms": now.at_ms,
        }
        number = len(tx.rows("select key from timer where account = :account and craft = 'asker'"))
        set_timer(tx, Timer(craft=self.name, key=f"heard {number:03}", due_ms=KEPT_MS, payload=heard))
        if self.stumbles:
            raise ValueError(answer.subject)
        if self.refuses:
            raise Refusal("That cannot be done today.")
        yield content.conclusion(answer, "Tidied up." if answer.choice == "yes" else "I left it as it was.", now)


class Roles:
    """Says who is what; a test may change it."""

    def __init__(self) -> None:
        self.roles: dict[UserId, Role] = {ANA: Role.LEAD, BO: Role.LEAD, CY: Role.FACILITATOR}

    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        return self.roles.get(user, Role.MEMBER)


class Grove(Workshop):
    """The asking craft at work in a circle and a lounge, with two leads, one facilitator and two members there."""

    def __init__(self, *more: Feature, locale: str = "en") -> None:
        self.craft = Asker()
        self.roster = Roles()
        self._more = more
        super().__init__(
            documents(community(room("tuesday"), room("lounge"), locale=locale)), self._crafts, at_ms=BEGUN_MS
        )
        self.open(ANA, BO, CY, DEE, EVE)
        for where in (CIRCLE, CONTROL, LOUNGE, SPACE):
            self.give_power(where, {ANA: 100, BO: 100, CY: 50})

    def _crafts(self, _documents: Documents) -> tuple[Sequence[Feature], Roster]:
        return (self.craft, *self._more), self.roster

    def give_power(self, where: RoomId, users: Mapping[UserId, int]) -> None:
        levels: dict[str, Json] = dict(users.items())
        self.hear(
            State(
                room=where,
                id=self.an_id(),
                sender=ME,
                at_ms=self.at_ms,
                type="m.room.power_levels",
                key="",
                content={"users": levels},
            )
        )

    # -- what people do ------------------------------------------------------------------------------------------------

    def an_id(self) -> EventId:
        return EventId(f"$e{self._next()}")

    def react(self, user: UserId, to: EventId, key: str = "✅", room: RoomId = CIRCLE) -> Reaction:
        reaction = Reaction(room=room, id=self.an_id(), sender=user, at_ms=self.at_ms, target=to, key=key)
        self.hear(reaction)
        return reaction

    def write(  # a message has many sides
        self,
        user: UserId,
        body: str,
        room: RoomId = CIRCLE,
        *,
        kind: str = "m.text",
        to: EventId | None = None,
        thread: EventId | None = None,
        edits: EventId | None = None,
        mentions: frozenset[UserId] = frozenset(),
    ) -> Message:
        message = Message(
            room=room,
            id=self.an_id(),
            sender=user,
            at_ms=self.at_ms,
            kind=kind,
            body=body,
            reply_to=to,
            thread=thread,
            edits=edits,
            mentions=mentions,
        )
        self.hear(message)
        return message

    def redact(self, target: EventId, by: UserId = ANA, room: RoomId = CIRCLE) -> None:
        self.hear(Redaction(room=room, id=self.an_id(), sender=by, at_ms=self.at_ms, target=target))

    # -- what is asked -------------------------------------------------------------------------------------------------

    def ask(self, by: UserId = CY, room: RoomId = CIRCLE, *, thread: EventId | None = None) -> EventId:
        """Let somebody give the command that has to be confirmed; tells the event that asks."""
        self.write(by, "!tidy", room, thread=thread)
        (row,) = [row for row in self.waiting() if row.craft == "asker" and row.step == "ask"]
        return self.send(row)

    def send(self, row: Waiting) -> EventId:
        """Let the homeserver have a message."""
        event = self.an_id()
        room = direct(UserId(row.target)) if row.kind == "direct" else row.room
        self.turn(lambda intake, turn: intake.confirm(turn, row.cause, "done", event=event, room=room))
        return event

    def tappable(self) -> list[tuple[str, str]]:
        """List the reactions that wait to be put under a question: (question, key)."""
        found = []
        for row in self.waiting():
            if row.payload.get("type") == "m.reaction":
                relation = content_of(row)["m.relates_to"]
                assert isinstance(relation, Mapping)
                assert relation["rel_type"] == "m.annotation"
                found.append((str(relation["event_id"]), str(relation["key"])))
        return found

    def heard(self) -> list[tuple[str, str | None, str | None]]:
        """List the answers that the craft was told: (question, choice, by whom)."""
        kept = [timer.payload for timer in self.timers("asker")]
        return [(str(told["question"]), _maybe(told["choice"]), _maybe(told["by"])) for told in kept]

    def open_questions(self) -> int:
        return len(self.rows("select event from question"))


def _maybe(value: object) -> str | None:
    return None if value is None else str(value)


__all__ = ["ANA", "BO", "CIRCLE", "CONTROL", "CY", "DEE", "EVE", "LOUNGE", "ME", "OPEN_MS", "Asker", "Grove"]
