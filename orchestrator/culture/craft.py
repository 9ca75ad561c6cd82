"""The craft of culture: norms that are seen, rules that are gentle, and a hand that can be raised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, Policy
from orchestrator.i18n import N_, _, speaking
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Redact, Result
from orchestrator.model.events import Event, Member, Message, Reaction, Redaction, State, Unreadable
from orchestrator.model.feature import Answer, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId
from orchestrator.store import mirror
from orchestrator.store.rows import dump, load_object
from orchestrator.store.timers import set_timer, timer_of

from . import commands, notices
from .acting import muting, telling
from .hands import desk as hands
from .lists import banning, following
from .lists.area import Lists
from .norms import asked, posting, reminding
from .notices import Duty
from .places import NAME, Place, place_of, places
from .rules import Author, Rulebook, Scene, Verdict

DO_REMOVE: Final = "remove"
TIDY: Final = "tidy"
MOST_RULEBOOKS: Final = 64


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
        self._rulebooks: dict[int, Rulebook] = {}

    @property
    def commands(self) -> Sequence[Command]:
        """``!norms``, ``!rule``, ``!why``, ``!raise`` and ``!hush``."""
        documents, duty = self._documents, self._duty
        return (
            self._lists.command,
            Command(
                name="norms",
                usage="[LANGUAGE]",
                summary=N_("what we hold to here"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: asked.norms(tx, documents, call, now),
            ),
            *hands.commands(documents, duty),
            Command(
                name="why",
                usage="",
                summary=N_("what I did that concerned you, and why; I tell only you"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: commands.why(tx, documents, call, now),
            ),
            Command(
                name="rule",
                usage="[NAME observe|enforce]",
                summary=N_("the rules I check; leads can switch them"),
                needs=Role.MEMBER,
                usage_for=Role.LEAD,
                run=lambda tx, call, now: commands.rule(tx, documents, duty, call, now),
            ),
        )

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Bring the norms of every room in line with its policy."""
        if timer_of(tx, NAME, TIDY) is None:
            set_timer(tx, Timer(craft=NAME, key=TIDY, due_ms=now.at_ms + DAY_MS))
        reminding.settle(tx, self._documents, now)
        return [*self._lists.settle(tx, now), *posting.settle(tx, list(places(tx, self._documents)), now)]

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Judge what was said in a room with a policy, and notice who came."""
        if isinstance(event, State | Member):
            yield from self._lists.decide(tx, event, now)
        if not isinstance(event, Message | Member | Redaction | Reaction):
            return
        place = place_of(tx, self._documents, event.room)
        if place is None:
            return
        match event:
            case Member() if event.user != now.me:
                posting.on_member(tx, place, event, now)
            case Redaction():
                posting.on_redaction(tx, place, event.target, now)
            case Message() if event.sender != now.me:
                yield from hands.decide(tx, self._documents, self._duty, place, event, now)
                if place.policy.rules:
                    yield from self._judge(tx, place, event, now)
            case Reaction() if event.sender != now.me:
                yield from hands.decide(tx, self._documents, self._duty, place, event, now)

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
            case "muting":
                effects = muting.due(tx, self._documents, timer, now)
            case "why":
                effects = telling.due(tx, self._documents, timer, now)
            case "observed" | "look" | "powerless":
                effects = notices.due(tx, self._documents, self._duty, timer, now)
            case _ if (heard := hands.due(tx, self._documents, self._duty, timer, now)) is not None:
                effects = heard
            case "tidy":
                telling.forget(tx, self._documents, now)
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
            case removed if removed == DO_REMOVE:
                return self._removed(tx, result, tag, now)
            case telling.DO:
                telling.done(tx, UserId(str(tag.get("user"))))
            case commands.DO_RULE:
                return commands.switched(self._documents, result, tag, now)
            case banning.DO | following.DO:
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
        return ()

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judge(self, tx: Tx, place: Place, message: Message, now: Now) -> Iterable[AnyEffect]:
        author = self._author(tx, place, message.sender, now)
        scene = Scene(
            at_ms=now.at_ms,
            zone=place.community.zone,
            room=place.room.key,
            repeated=lambda _within_ms: 1,
            written=lambda _within_ms: 1,
        )
        verdicts = self._rulebook(place.policy).judge(message, author, scene)
        return [] if not verdicts else self._act(tx, place, message, verdicts, now)

    def _rulebook(self, policy: Policy) -> Rulebook:
        # Made ready once: ten thousand words take a moment. Rooms share their rules, though each has norms that name it.
        book = self._rulebooks.get(id(policy.rules))
        if book is None or book.rules is not policy.rules:
            if len(self._rulebooks) >= MOST_RULEBOOKS:
                self._rulebooks.clear()  # files change while we run, and old rules are not worth keeping
            book = self._rulebooks[id(policy.rules)] = Rulebook(policy)
        return book

    def _author(self, tx: Tx, place: Place, user: UserId, now: Now) -> Author:
        community = place.community
        staff = (
            user in community.staff()
            or user in place.room.facilitators
            or self._duty.role(tx, user, community.key, place.room.key, now) > Role.MEMBER
        )
        known = None if staff else mirror.member(tx, place.id, user)
        return Author(staff=staff, since_ms=None if known is None else known.since_ms)

    def _act(
        self, tx: Tx, place: Place, message: Message, verdicts: Sequence[Verdict], now: Now
    ) -> Iterable[AnyEffect]:
        effects: list[AnyEffect] = []
        noted = False
        removing = [verdict.rule for verdict in verdicts if verdict.acts and verdict.rule.then is Action.REMOVE]
        if removing:
            tag: JsonObject = {
                "do": DO_REMOVE,
                "room": place.id,
                "user": message.sender,
                "event": message.id,
                "rules": [rule.id for rule in removing],
            }
            with speaking(place.community.locale):
                neutral = _("Please see what we have agreed on in this room.")
            effects.append(
                Redact(
                    step="remove",
                    priority=Priority.SAFETY,
                    room=place.id,
                    target=message.id,
                    reason=neutral,
                    rule=removing[0].id,
                    tag=dump(tag),
                )
            )
        for verdict in verdicts:
            rule = verdict.rule
            if not verdict.acts:
                effects += notices.observed(tx, place, rule, now)
            elif rule.then is Action.RAISE:
                effects += notices.look(tx, self._duty, place, rule, message.id, now)
            elif rule.then is Action.NUDGE:
                telling.note(tx, message.sender, place.id, message.id, rule.id, Action.NUDGE, now.at_ms)
                noted = True
            elif rule.then is Action.MUTE:
                muting.mute(tx, place, message.sender, message.id, rule, now)
        if noted:
            effects += telling.tell(tx, self._documents, message.sender, now)
        return effects

    def _removed(self, tx: Tx, result: Result, tag: JsonObject, now: Now) -> Iterable[AnyEffect]:
        """Tell the author only what is true: that their message is gone, once it is."""
        room = RoomId(str(tag.get("room")))
        if result.outcome == "refused":
            place = place_of(tx, self._documents, room)
            return () if place is None else notices.powerless(tx, place, now)
        if result.outcome == "expired":
            return ()
        user, event, rules = UserId(str(tag.get("user"))), EventId(str(tag.get("event"))), tag.get("rules")
        for rule in rules if isinstance(rules, list) else []:
            telling.note(tx, user, room, event, str(rule), Action.REMOVE, now.at_ms)
        return telling.tell(tx, self._documents, user, now)
