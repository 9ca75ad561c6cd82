"""The craft of culture: norms that are seen, rules that are gentle, and a hand that can be raised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.documents.declared import Documents
from orchestrator.i18n import N_
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event, Member, Message, Reaction, Redaction, State, Unreadable
from orchestrator.model.feature import Answer, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import RoomId
from orchestrator.store.rows import load_object
from orchestrator.store.timers import set_timer, timer_of

from . import commands, notices
from .acting import desk
from .hands import desk as hands
from .lists import banning, entering, following
from .lists.area import Lists
from .norms import asked, posting, reminding
from .notices import Duty
from .places import NAME, place_of, places

TIDY: Final = "tidy"


class Culture:
    """Posts and pins norms, judges messages by the rules, tells people why, and passes raised hands on.

    Args:
        documents: what the authors wrote.
        duty: tells who answers for what and who is on duty.
    """

    name = NAME

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents = documents
        self._duty = duty
        self._lists = Lists(documents)
        self._acting = desk.Acting(documents, duty)

    @property
    def commands(self) -> Sequence[Command]:
        """What people can ask for: norms and rules, what was done and why, a person; and what keepers can do."""
        documents, duty = self._documents, self._duty
        return (
            self._lists.command,
            Command(
                name="norms",
                usage="[LANGUAGE]",
                summary=N_("what we hold to here"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: asked.norms(tx, documents, call, now),
                examples=(
                    Example("", N_("what we hold to in this room")),
                    Example("de", N_("the same in another language, if somebody wrote it down")),
                ),
            ),
            *hands.commands(documents, duty),
            *self._acting.commands,
            Command(
                name="rule",
                usage="[NAME observe|enforce]",
                summary=N_("the rules I check; leads can switch them"),
                needs=Role.MEMBER,
                usage_for=Role.LEAD,
                run=lambda tx, call, now: commands.rule(tx, documents, duty, call, now),
                examples=(
                    Example("", N_("the rules, and what each of them does")),
                    Example("links-from-newcomers enforce", N_("that rule acts from now on"), Role.LEAD),
                    Example("links-from-newcomers observe", N_("that rule only watches from now on"), Role.LEAD),
                ),
            ),
            Command(
                name="rules",
                usage="[NAME observe|enforce]",
                summary=N_("the rules I check; leads can switch them"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: commands.rule(tx, documents, duty, call, now),
                listed=False,
            ),
        )

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Bring the norms of every room in line with its policy."""
        if timer_of(tx, NAME, TIDY) is None:
            set_timer(tx, Timer(craft=NAME, key=TIDY, due_ms=now.at_ms + DAY_MS))
        hands.settle(tx, self._documents)
        reminding.settle(tx, self._documents, now)
        return [*self._lists.settle(tx, now), *posting.settle(tx, list(places(tx, self._documents)), now)]

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Judge what was said in a room with a policy, and notice who came."""
        if isinstance(event, State | Member | Redaction):
            yield from self._lists.decide(tx, event, now)
        if isinstance(event, State):
            self._acting.state(tx, event, now)
        if not isinstance(event, Message | Member | Redaction | Reaction):
            return
        place = place_of(tx, self._documents, event.room)
        if place is None:
            self._acting.elsewhere(tx, event, now)
            return
        match event:
            case Member() if event.user != now.me:
                posting.on_member(tx, place, event, now)
            case Redaction():
                posting.on_redaction(tx, place, event.target, now)
            case Message() if event.sender != now.me:
                yield from hands.decide(tx, self._documents, self._duty, place, event, now)
            case Reaction() if event.sender != now.me:
                yield from hands.decide(tx, self._documents, self._duty, place, event, now)
        yield from self._acting.decide(tx, place, event, now)

    def to_read(self, tx: Tx, now: Now) -> Sequence[RoomId]:
        """List the rooms of others that are read whole: ban lists."""
        return self._lists.to_read(tx, now)

    def read(self, tx: Tx, room: RoomId, state: Sequence[State], now: Now) -> Iterable[AnyEffect]:
        """Take in what such a room says."""
        return self._lists.read(tx, room, state, now)

    def recall(self, tx: Tx, room: RoomId, ours: Sequence[Message | Unreadable], now: Now) -> Iterable[AnyEffect]:
        """Know again what we pinned before our memory was lost."""
        place = place_of(tx, self._documents, room)
        return () if place is None else posting.recall(tx, place, ours, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Say what had to wait."""
        kind, _colon, rest = timer.key.partition(":")
        effects: Iterable[AnyEffect] = ()
        match kind:
            case "norms":
                place = place_of(tx, self._documents, RoomId(rest))
                effects = () if place is None else posting.due(tx, place, now)
            case "lists":
                effects = self._lists.due(tx, timer, now)
            case "reminds":
                effects = reminding.due(tx, self._documents, timer, now)
            case "observed" | "powerless":
                effects = notices.due(tx, self._documents, timer, now)
            case _ if (acted := self._acting.due(tx, timer, now)) is not None:
                effects = acted
            case _ if (heard := hands.due(tx, self._documents, self._duty, timer, now)) is not None:
                effects = heard
            case "tidy":
                self._acting.tidy(tx, now)
                hands.tidy(tx, now)
                set_timer(tx, Timer(craft=NAME, key=TIDY, due_ms=now.at_ms + DAY_MS))
        return effects

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Follow up on what became of an effect."""
        tag = load_object(result.tag) if result.tag else {}
        match tag.get("do"):
            case posting.DO:
                place = place_of(tx, self._documents, RoomId(str(tag.get("room"))))
                return posting.done(tx, place, result, tag, now)
            case do if do in desk.DOES:
                return self._acting.done(tx, result, tag, now)
            case commands.DO_RULE:
                return commands.switched(self._documents, result, tag, now)
            case banning.DO | entering.DO:
                return self._lists.done(tx, result, tag, now)
            case do if do in hands.DOES:
                return hands.done(tx, self._documents, self._duty, result, tag, now)
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Act on what somebody chose."""
        raised = hands.answered(tx, self._documents, self._duty, answer, now)
        if raised is not None:
            return raised
        about = load_object(answer.subject)
        if about.get("area") == following.AREA:
            return self._lists.answered(tx, about, answer, now)
        return self._acting.answered(tx, about, answer, now) or ()
