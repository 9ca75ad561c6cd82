"""The life of a question: asked, offered to be tapped, answered or not, and gone.

It is closed and its craft acts on the answer in one transaction, or neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal, StillOpen
from orchestrator.i18n import _, current_locale, speaking
from orchestrator.model import content
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.events import Message, Reaction
from orchestrator.model.feature import Feature, Now, Tx
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import questions
from orchestrator.store.outbox import Waiting
from orchestrator.store.questions import Question

from .answering import Answered, Answering
from .commands import Commands
from .deciding import AGAIN_MS, Deciding, Turn


class Questions:
    """The questions that crafts ask.

    Args:
        documents: what the authors wrote.
        commands: what else people may say.
        crafts: by name.
        deciding: lets them decide.
    """

    def __init__(
        self, documents: Documents, commands: Commands, crafts: Mapping[str, Feature], deciding: Deciding
    ) -> None:
        self._documents = documents
        self._crafts = crafts
        self._deciding = deciding
        self._answering = Answering(documents, commands)

    def sent(self, turn: Turn, row: Waiting, result: Result) -> None:
        """Keep what a message asks that was sent, and put its choices under it."""
        self._deciding.guarded(turn, "questions", row.cause, partial(self._ask, turn, row, result))

    def take(self, turn: Turn, event: Message | Reaction) -> bool:
        """Hand an answer to the craft that asked; tells whether the event was one."""
        found: list[Answered] = []
        if event.id not in turn.undone:
            look = partial(self._answering.answers, turn.tx, event, turn.now)
            self._deciding.guarded(turn, "questions", event.id, lambda: found.extend(look()))
        if len(found) == 1:
            self._close(turn, found[0])
        elif found and isinstance(event, Message):
            self._deciding.record(turn, event.id, "engine", [self._which(event, found[0].question, turn.now)])
        return bool(found)

    def removed(self, turn: Turn, event: EventId) -> None:
        """Close the question that a message asked which is gone."""
        question = questions.question_at(turn.tx, event)
        if question is not None:
            self._close(turn, Answered.by_nobody(question))

    def left(self, turn: Turn, room: RoomId) -> None:
        """Close the questions of a room that we are not in any more."""
        for question in questions.questions_in(turn.tx, room):
            self._close(turn, Answered.by_nobody(question))

    def take_due(self, turn: Turn) -> None:
        """Close the questions whose time is over."""
        for question in questions.overdue(turn.tx, turn.now.at_ms):
            if not self._close(turn, Answered.by_nobody(question)):
                questions.put_off(turn.tx, question.event, turn.now.at_ms + AGAIN_MS)

    def _ask(self, turn: Turn, row: Waiting, result: Result) -> None:
        if result.event is None or result.room is None:
            return
        question = questions.keep(
            turn.tx,
            row.payload,
            event=result.event,
            room=result.room,
            craft=row.craft,
            tag=row.tag,
            now_ms=turn.now.at_ms,
        )
        if question is not None:
            self._deciding.record(turn, row.cause, "engine", _offered(question, row.priority))

    def _close(self, turn: Turn, answered: Answered) -> bool:
        """Close a question and let the craft that asked act on it, both or neither; tells whether it went well."""
        question = answered.question
        craft = self._crafts.get(question.craft)
        if craft is None:  # a craft of an older version asked; nobody is left to care
            return questions.close(turn.tx, question.event)
        act = partial(self._act, turn.tx, craft, answered, turn.now)
        return self._deciding.decided(turn, question.event, craft.name, act)

    def _act(self, tx: Tx, craft: Feature, answered: Answered, now: Now) -> list[AnyEffect]:
        """Tell the craft; what it kindly refuses to do is said under the question, which stays open where others may do it."""
        community = self._community(answered.question)
        with speaking(community.locale if community is not None else current_locale()):
            try:
                with tx.savepoint():
                    questions.close(tx, answered.question.event)
                    return list(craft.answered(tx, answered.answer, now))
            except Refusal as refusal:
                named = community.staff() if community is not None else ()
                said = content.conclusion(answered.answer, refusal.message, now, people=named)
                if isinstance(refusal, StillOpen):
                    return (
                        [] if not refusal.message else [replace(said, step=f"refused:{answered.answer.by}:{now.at_ms}")]
                    )
                questions.close(tx, answered.question.event)
                return [said]

    def _which(self, event: Message, question: Question, now: Now) -> AnyEffect:
        """Ask which question somebody meant to answer, where this is one of them."""
        community = self._community(question)
        with speaking(community.locale if community is not None else current_locale()):
            said = _("I have asked more than one thing here. Could you reply to the one you mean, or react to it?")
        return Send(
            step="answer",
            room=event.room,
            priority=Priority.REPLY,
            person=event.sender,
            expires_ms=now.at_ms + 2 * MINUTE_MS,
            content=content.reply(content.notice(said), to=event.id, thread=event.thread),
        )

    def _community(self, question: Question) -> Community | None:
        return None if question.about is None else self._documents.community(question.about)


def _offered(question: Question, priority: Priority) -> list[AnyEffect]:
    """Put every choice under a question, so that people only have to tap."""
    return [
        Send(
            step=f"choice:{n}",
            room=question.room,
            type="m.reaction",
            content=content.reaction(choice.key, to=question.event),
            priority=priority,
            expires_ms=question.until_ms,
            tag=question.event,
        )
        for n, choice in enumerate(question.choices)
    ]
