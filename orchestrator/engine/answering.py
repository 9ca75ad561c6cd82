"""Who may answer a question, and what counts as an answer: a reaction to it, or its word.

Everybody is ignored quietly who may not answer: a reaction is a small thing, and often just a nod. Authority is looked at
when somebody answers, not when it was asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.documents.declared import Documents
from orchestrator.model.effects import Choice, plainly
from orchestrator.model.events import Message, Reaction
from orchestrator.model.feature import Answer, Now, Role, Tx
from orchestrator.model.ids import UserId
from orchestrator.model.wording import without_quote
from orchestrator.store import bindings, mirror, questions
from orchestrator.store.questions import Question

from .authority import role_of
from .commands import Commands

LONGEST_WORD = 256
"""Nobody answers with more than that."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An open question, and what somebody who may answer it said."""

    question: Question
    answer: Answer

    @classmethod
    def by_nobody(cls, question: Question) -> Answered:
        """Say that nobody will answer a question any more."""
        return cls(question, _answer(question, None, None, Role.MEMBER))


class Answering:
    """Reads what is said as answers, by authority as it is now."""

    def __init__(self, documents: Documents, commands: Commands) -> None:
        self._documents = documents
        self._commands = commands

    def answers(self, tx: Tx, event: Message | Reaction, now: Now) -> list[Answered]:
        """List what an event answers: nothing, one question, or (a bare word) any of several."""
        if isinstance(event, Reaction):
            question = questions.question_at(tx, event.target)
            return self._answers(tx, [question] if question is not None else [], event, [event.key], now)
        if event.kind != "m.text" or event.edits is not None:
            return []  # what was corrected was answered before
        for target in (event.reply_to, event.thread):
            question = questions.question_at(tx, target) if target is not None else None
            if question is not None:
                return self._answers(tx, [question], event, self._words(tx, event, now, meant=True), now)
        if event.reply_to is not None:
            return []  # they speak to somebody else
        open_ = questions.questions_in(tx, event.room)
        if not open_:
            return []
        private = bindings.is_private(tx, event.room, event.sender, now.me)
        words = self._words(tx, event, now, meant=private)
        names = {plainly(name) for name in self._commands.names}
        found = self._answers(tx, open_, event, [word for word in words if plainly(word) not in names], now)
        here = [answered for answered in found if answered.question.thread == event.thread]
        return here or found

    def _answers(
        self, tx: Tx, asked: Iterable[Question], event: Message | Reaction, said: list[str], now: Now
    ) -> list[Answered]:
        found = []
        for question in asked:
            choice = next((c for c in question.choices for word in said if c.is_meant_by(word)), None)
            if choice is None or question.room != event.room or now.at_ms >= question.until_ms:
                continue
            role = self._role(tx, question, event.sender, now)
            if self._may_answer(tx, question, event.sender, role):
                found.append(Answered(question, _answer(question, choice, event.sender, role)))
        return found

    def _role(self, tx: Tx, question: Question, user: UserId, now: Now) -> Role:
        if question.about is None:
            return Role.MEMBER
        return role_of(tx, self._documents, self._commands.roster, user, question.about, question.about_room, now)

    def _may_answer(self, tx: Tx, question: Question, user: UserId, role: Role) -> bool:
        seen = mirror.member(tx, question.room, user)
        if seen is not None and seen.membership in {"leave", "ban"}:
            return False  # who is out of the room by now answers nothing there
        if user == question.asker and role >= question.asker_needs:
            return True
        return question.needs is not None and role >= question.needs

    def _words(self, tx: Tx, event: Message, now: Now, *, meant: bool) -> list[str]:
        """List what a message may say as an answer; ``meant``: it is said to the bot, with a prefix or without."""
        body = event.body if event.reply_to is None else without_quote(event.body)
        if len(body) > LONGEST_WORD:
            return []
        said = [body.strip()]
        if now.me in event.mentions:  # the bot's name there may have one word or two
            words = said[0].split()
            said += [" ".join(words[1:]), " ".join(words[2:])]
            meant = meant or len(words) > 1
        prefix = self._commands.prefix_in(tx, event)
        prefixed = [word.removeprefix(prefix) for word in said if word.startswith(prefix)]
        return [word for word in (*prefixed, *(said if meant else ())) if plainly(word)]


def _answer(question: Question, choice: Choice | None, by: UserId | None, role: Role) -> Answer:
    return Answer(
        question=question.event,
        subject=question.subject,
        tag=question.tag,
        choice=None if choice is None else choice.means,
        by=by,
        role=role,
        room=question.room,
        thread=question.thread,
    )
