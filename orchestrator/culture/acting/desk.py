"""Where everything comes in that follows from a rule: events, timers, results, answers, commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import Place, any_place_of
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event, Member, Message, Reaction, Redaction, State
from orchestrator.model.feature import Answer, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import JsonObject, UserId

from . import appeals, commands, control_words, deeds, judging, ladder, looking, muting, telling, words
from .looking import AREA
from .muting import Mute
from .said import Said

DOES: Final = frozenset({deeds.DO, telling.DO})
"""What the tags of its effects say that they do."""


class Acting:
    """Does what rules say, tells people why, and lets those who keep a room do it by hand and undo it.

    Args:
        documents: what the authors wrote.
        duty: tells who answers for what and who is on duty.
    """

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents = documents
        self._duty = duty
        self._judge = judging.Judge(documents, duty)

    @property
    def commands(self) -> Sequence[Command]:
        """``!why``, ``!appeal``, ``!mute``, ``!unmute``, ``!remove`` under a message, ``!journal``."""
        documents = self._documents
        return (
            Command(
                name="why",
                usage="",
                summary=N_("what I did that concerned you, and why"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: commands.why(tx, documents, call, now),
            ),
            Command(
                name="appeal",
                usage="",
                summary=N_("ask a person to look again at what I did"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: appeals.appeal(tx, documents, call, now),
            ),
            Command(
                name="mute",
                usage="@PERSON [1h] [everywhere]",
                summary=N_("let somebody read but not write for a while"),
                needs=Role.FACILITATOR,
                run=lambda tx, call, now: commands.mute(tx, documents, call, now),
                examples=(
                    Example("@bo:grove.example", N_("for an hour, in this room")),
                    Example("@bo:grove.example 1d", N_("for a day")),
                    Example("@bo:grove.example 1h everywhere", N_("in all rooms; for leads"), Role.LEAD),
                ),
            ),
            Command(
                name="unmute",
                usage="@PERSON",
                summary=N_("let them write again"),
                needs=Role.FACILITATOR,
                run=lambda tx, call, now: commands.unmute(tx, documents, call, now),
                examples=(Example("@bo:grove.example", N_("in every room where you may say so")),),
                elsewhere=True,
            ),
            Command(
                name="remove",
                usage="",
                summary=N_("under a message, as a reply to it: take that message down"),
                needs=Role.FACILITATOR,
                run=lambda tx, call, now: commands.remove(tx, documents, call, now),
                in_reply=True,
            ),
            Command(
                name="journal",
                usage="",
                summary=N_("what I did to people lately, and by which rule"),
                needs=Role.LEAD,
                run=lambda tx, call, now: commands.journal(tx, documents, call, now),
            ),
        )

    def decide(self, tx: Tx, place: Place, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Judge what happened in a room with a policy."""
        if event.sender == now.me:
            return ()
        match event:
            case Message():
                return self._judge.message(tx, place, event, now)
            case Member() if event.membership == "join" and event.user != now.me:
                return self._judge.name(tx, place, event, now)
            case Reaction():
                self._judge.reacted(tx, place, event, now)
                return self._judge.reaction(tx, place, event, now)
            case Redaction():
                judging.removed(tx, place, event.target)
        return ()

    def elsewhere(self, tx: Tx, event: Event, now: Now) -> None:
        """Notice what is said in a room of ours without a policy: people act there by hand."""
        if not isinstance(event, Message) or event.sender == now.me:
            return
        if any_place_of(tx, self._documents, event.room) is not None:
            self._judge.heard(event, now)

    def state(self, tx: Tx, event: State, now: Now) -> None:
        """Notice when a person gave somebody their voice back by hand."""
        muting.by_hand(tx, event, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Decide about a timer; None when it is none of ours."""
        match f"{timer.key.partition(':')[0]}:":
            case muting.TIMER:
                return muting.due(tx, self._documents, timer, now)
            case telling.TIMER:
                return telling.due(tx, self._documents, timer, now)
            case judging.UNLESS:
                return self._judge.due(tx, timer, now)
            case kind if kind in {f"{looking.LOOK}:", f"{looking.NOT_MUTED}:"}:
                return looking.due(tx, self._documents, self._duty, timer, now)
        return None

    def done(self, tx: Tx, result: Result, tag: JsonObject, now: Now) -> Iterable[AnyEffect]:
        """Follow up on what became of an effect."""
        if tag.get("do") == telling.DO:
            telling.done(tx, UserId(str(tag.get("user"))))
            return ()
        return deeds.done(tx, self._documents, result, tag, now)

    def answered(self, tx: Tx, about: JsonObject, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Do what somebody chose; None when it is none of ours."""
        if about.get("area") != AREA:
            return None
        if about.get("do") == appeals.APPEAL:
            return appeals.answered(tx, self._documents, about, answer, now)
        if answer.choice is None or answer.by is None:
            return ()
        said = Said.read(about)
        place = any_place_of(tx, self._documents, said.room)
        if place is None:
            return ()
        with speaking(place.community.locale):
            if about.get("do") == looking.MUTED:
                return self._lift(tx, place, said.user, about, answer, now)
            return self._looked(tx, place, said, str(about.get("rule")), answer, now)

    def tidy(self, tx: Tx, now: Now) -> None:
        """Forget what is old."""
        telling.forget(tx, self._documents, now)
        ladder.forget(tx, self._documents, now)

    def _lift(
        self, tx: Tx, place: Place, user: UserId, about: JsonObject, answer: Answer, now: Now
    ) -> Sequence[AnyEffect]:
        # Whoever keeps one room has no say in what was done in another, nor in what holds in all of them by now.
        everywhere, rule = about.get("everywhere") is True, str(about.get("rule"))
        if answer.role < Role.LEAD and muting.is_everywhere(tx, place.community, user, now):
            raise Refusal(control_words.only_leads_lift())
        rooms = [room for room in muting.where_muted(tx, place.community, user) if everywhere or room == place.id]
        names, effects = commands.let_write(tx, place.community, rooms, user, now)
        if rule:
            ladder.forgive(tx, place, user, rule)
        return (*effects, content.conclusion(answer, control_words.lifted(user, names), now, people=[user]))

    def _looked(self, tx: Tx, place: Place, said: Said, rule: str, answer: Answer, now: Now) -> Sequence[AnyEffect]:
        match answer.choice:
            case control_words.SEEN:
                return (content.conclusion(answer, control_words.looks(place.community.prefix), now),)
            case control_words.REMOVE:
                return (
                    *deeds.remove(place, said, [rule]),
                    content.conclusion(answer, control_words.taking_down(), now),
                )
            case control_words.MUTE:
                commands.check_not_staff(place.community, said.user)  # they may have become so since
                declared = words.rule_of(place, rule)
                by_rule = declared is not None and declared.then is Action.MUTE
                length_ms = declared.mute_ms if declared is not None and by_rule else HOUR_MS
                muting.mute(tx, place, said, Mute(length_ms=length_ms, rule=rule, by=answer.by), now)
                return (content.conclusion(answer, control_words.pausing(), now),)
        return (content.conclusion(answer, control_words.leaving_it(), now),)
