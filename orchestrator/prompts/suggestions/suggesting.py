"""The desk where members suggest: ``!suggest`` in private, their yes, what they change and take back, and when they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from orchestrator.documents.asking import is_nearly
from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, current_locale, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Priority, Redact, Result, Send
from orchestrator.model.events import Event, Member, Message, Redaction
from orchestrator.model.feature import Answer, Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.model.wording import without_quote, words_after
from orchestrator.prompts.duty import NAME
from orchestrator.store import bindings, journal, mirror, questions
from orchestrator.store.timers import clear_timer, timers_of

from . import records, words
from .checking import Objection, names_one_of, objection
from .deciding import TOLD, is_shown, set_round, show_subject
from .records import COMMAND, STEP, Suggestion
from .taken import asking_members, deck_for

MOST_OPEN: Final = 3
FEW: Final = 6
"""Among fewer people than that it is easy to guess who wrote something."""

CONSENT_MS: Final = HOUR_MS
LONGEST_WAIT_HOURS: Final = 26
ASK: Final = f"{STEP}:ask:"
QUIET: Final = f"{STEP}:said"
"""Tags what is said to a suggester: the journal is to forget it as soon as it was."""

Listening = Callable[[Sequence[Community], str], str]
"""Tells what somebody hears who writes to the bot as one writes to a person."""


class Suggesting:
    """Takes suggestions from members.

    Args:
        documents: what the authors wrote.
        lots: draws what must not be foreseen.
        listening: answers somebody who may not be well.
    """

    def __init__(self, documents: Documents, lots: Random, listening: Listening) -> None:
        self._documents = documents
        self._lots = lots
        self._listening = listening

    @property
    def commands(self) -> Sequence[Command]:
        """``!suggest``."""
        return (
            Command(
                name=COMMAND,
                usage="a question",
                summary=N_("in private: suggest a question for the room, without your name"),
                needs=Role.MEMBER,
                run=self._suggest,
                examples=(
                    Example("Which song do you hum?", N_("I ask you before I pass it on")),
                    Example("", N_("what of yours waits for an answer")),
                    Example("back 1", N_("take the first one back")),
                ),
            ),
        )

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Follow what somebody does with a suggestion of theirs: they change it, take it back, or go."""
        if isinstance(event, Message) and event.edits is not None:
            return self._changed(tx, event, now)
        if isinstance(event, Redaction):
            return self._redacted(tx, event, now)
        if isinstance(event, Member) and event.membership in {"leave", "ban"}:
            self._gone(tx, event)
        return ()

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Forget that somebody was spoken to; let go of what they could not be asked about."""
        del now
        if result.tag == QUIET:
            journal.blur(tx, result.cause)
        elif result.tag.startswith(ASK):
            journal.blur(tx, result.cause)
            one = records.get(tx, result.tag.removeprefix(ASK))
            if one is not None and one.state == "asked" and result.outcome != "done":
                records.drop(tx, one)
        else:
            return None
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Pass on what its author says yes to, and forget the rest."""
        if not answer.subject.startswith(ASK):
            return None
        one = records.get(tx, answer.subject.removeprefix(ASK))
        if one is None or one.state != "asked":
            return ()
        return self._consented(tx, one, answer, now)

    # -- the command ---------------------------------------------------------------------------------------------------

    def _suggest(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        user, said = call.event.sender, call.event
        prefix = self._prefix
        if not call.direct:
            raise Refusal(words.in_private(prefix))
        own = [one for one in records.of(tx, user) if one.room == said.room]
        if _is_about_back(call.args):
            yield from self._back(tx, call, own, now)
            return
        if not call.args:
            text = words.mine(own, self._names(own), prefix) if own else words.how(prefix)
            yield self._say(call, text, now)
            return
        text = words_after(said.body if said.reply_to is None else without_quote(said.body), COMMAND)
        why = objection(text, said, now.me)
        if why is not None:
            yield self._object(tx, call.event, why, now)
            return
        rooms = self._rooms(tx, user)
        if not rooms:
            raise Refusal(
                _("No questions are asked in the rooms that you are in, so there is none to suggest one for.")
            )
        if len([one for one in records.of(tx, user) if one.state in records.UNDECIDED]) >= MOST_OPEN:
            raise Refusal(words.enough(MOST_OPEN, prefix))
        if any(_is_there(tx, room, text) for _community, room in rooms):
            raise Refusal(words.nearly_there())
        one = Suggestion(
            id=f"{self._lots.getrandbits(64):016x}", user=user, room=said.room, event=said.id, says=said.id
        )
        records.put(tx, one)
        yield self._ask(tx, call, one, rooms, text, now)

    def _ask(  # all that was found out about what somebody wrote
        self, tx: Tx, call: Call, one: Suggestion, rooms: Sequence[tuple[Community, Room]], text: str, now: Now
    ) -> AnyEffect:
        people = {room.key: _members(tx, room, now.me) for _community, room in rooms}
        named = names_one_of(text, {user for there in people.values() for user in there})
        only = [room for _community, room in rooms]
        few = len(only) == 1 and len(people[only[0].key] - rooms[0][0].staff()) < FEW
        staff = any(one.user in community.staff() for community, _room in rooms)
        choices = words.consent_choices(only)
        asks = words.consent(only, self._prefix, few=few, named=named, staff=staff)
        asked = content.question(
            call,
            asks,
            now,
            subject=f"{ASK}{one.id}",
            needs=None,
            asker_needs=Role.MEMBER,
            choices=choices,
            open_ms=CONSENT_MS,
            tag=f"{ASK}{one.id}",
        )
        return replace(asked, step=f"{STEP}:ask")

    def _consented(self, tx: Tx, one: Suggestion, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        community, room = self._place(answer.choice or "")
        if community is None or room is None:
            records.drop(tx, one)
            if answer.choice is not None:
                yield _quiet(content.conclusion(answer, words.left(), now))
            return
        wait_ms = self._lots.randint(1, LONGEST_WAIT_HOURS) * HOUR_MS
        one = replace(one, community=community.key, key=room.key, state="waiting", due_ms=now.at_ms + wait_ms)
        records.put(tx, one)
        set_round(tx, community, now)
        with speaking(community.locale):
            yield _quiet(content.conclusion(answer, words.passed_on_soon(room, self._prefix), now))

    def _back(self, tx: Tx, call: Call, own: Sequence[Suggestion], now: Now) -> Iterator[AnyEffect]:
        prefix = self._prefix
        at_once = call.args[-1].casefold() == "now"
        number = next((int(word) for word in call.args[1:] if word.isdecimal()), 1 if len(own) == 1 else 0)
        if not own:
            raise Refusal(_("There is nothing of yours that waits for a decision."))
        if not 1 <= number <= len(own):
            raise Refusal(words.mine(own, self._names(own), prefix))
        one = own[number - 1]
        shown = is_shown(tx, one)
        yield self._say(call, words.taken_back(shown=shown, now=at_once, number=number, prefix=prefix), now)
        yield from self._take_back(tx, one, now, at_once=at_once)

    def _take_back(self, tx: Tx, one: Suggestion, now: Now, *, at_once: bool = False) -> Iterator[AnyEffect]:
        for subject in (f"{ASK}{one.id}", *show_subject(one)):
            questions.withdraw(tx, NAME, subject)
        shown = is_shown(tx, one)  # what was about to be shown is not any more
        community = self._documents.community(one.community)
        control = None if community is None else bindings.bound_room(tx, community.key, CONTROL_KEY)
        if not shown or community is None:
            records.drop(tx, one)
        elif at_once and one.copy is not None and control is not None:
            records.drop(tx, one)
            yield Redact(step=f"back:{one.id}", room=control, target=one.copy, priority=Priority.REPLY)
        else:
            records.put(tx, replace(one, state="back"))
            set_round(tx, community, now)

    # -- what else happens to it ---------------------------------------------------------------------------------------

    def _changed(self, tx: Tx, event: Message, now: Now) -> Iterator[AnyEffect]:
        one = next(
            (s for s in records.said_in(tx, event.room) if s.event == event.edits and s.user == event.sender), None
        )
        if one is None:
            return
        community = self._documents.community(one.community)
        with speaking(community.locale if community is not None else current_locale()):
            if one.state not in {"asked", "waiting"}:
                yield self._reply(event, words.read_already(), now)
                return
            why = objection(words_after(event.body, COMMAND), event, now.me)
            if why is None:
                records.put(tx, replace(one, says=event.id))
                return
            yield from self._take_back(tx, one, now)
            yield self._object(tx, event, why, now)

    def _redacted(self, tx: Tx, event: Redaction, now: Now) -> Iterator[AnyEffect]:
        for one in records.said_in(tx, event.room):
            if event.target == one.event:
                yield from self._take_back(tx, one, now)
            elif event.target == one.says:
                records.put(tx, replace(one, says=one.event))

    def _gone(self, tx: Tx, event: Member) -> None:
        there = set(bindings.communities_of(tx, event.user))
        for one in records.of(tx, event.user):
            if one.room == event.room or (one.community and one.community not in there):
                self._unlink(tx, one)
        # Who closes their chat with us wants to hear no more there.
        closed = bindings.direct_user(tx, event.room) == event.user or bindings.binding_of(tx, event.room) is None
        for timer in timers_of(tx, NAME, TOLD):
            if timer.payload.get("user") == event.user and (closed or timer.payload.get("community") not in there):
                clear_timer(tx, NAME, timer.key)

    def _unlink(self, tx: Tx, one: Suggestion) -> None:
        """Let what was not passed on be forgotten; what was has nobody to be told of it any more."""
        journal.blur_in(tx, NAME, STEP, one.room)
        if one.state in {"asked", "waiting"} and one.copy is None:
            questions.withdraw(tx, NAME, f"{ASK}{one.id}")
            records.drop(tx, one)
        elif one.state == "waiting":
            # It was shown before and would be read once more: from whom, nobody is to know by then.
            records.put(tx, replace(_nobodys(one), state="back"))
        else:
            records.put(tx, _nobodys(one))

    # -- saying --------------------------------------------------------------------------------------------------------

    def _object(self, tx: Tx, event: Message, why: Objection, now: Now) -> AnyEffect:
        shared = bindings.communities_of(tx, event.sender)
        communities = self._documents.answering_to(shared)
        prefix = self._prefix
        if why is not Objection.CRY:
            return self._reply(event, words.objected(why, prefix), now)
        # No rich reply: it would hold their own words up to them again.
        said = content.notice(words.heard(self._listening(communities, prefix)))
        return Send(
            step=f"{STEP}:heard",
            room=event.room,
            priority=Priority.REPLY,
            expires_ms=now.at_ms + HOUR_MS,
            content=said,
            tag=QUIET,
        )

    def _say(self, call: Call, text: str, now: Now) -> AnyEffect:
        return _quiet(content.answer(call, text, now))

    def _reply(self, event: Message, text: str, now: Now) -> AnyEffect:
        return Send(
            step=f"{STEP}:said",
            room=event.room,
            priority=Priority.REPLY,
            person=event.sender,
            expires_ms=now.at_ms + HOUR_MS,
            content=content.reply(content.notice(text), to=event.edits or event.id, thread=event.thread),
            tag=QUIET,
        )

    @property
    def _prefix(self) -> str:
        return self._documents.prefix_in(None)  # as the engine reads direct rooms

    # -- places --------------------------------------------------------------------------------------------------------

    def _rooms(self, tx: Tx, user: UserId) -> list[tuple[Community, Room]]:
        """List the rooms somebody is in for which a question can be suggested."""
        found = []
        for community in self._documents.communities:
            if bindings.bound_room(tx, community.key, CONTROL_KEY) is None:
                continue
            for room in community.rooms:
                bound = bindings.bound_room(tx, community.key, room.key)
                seen = None if bound is None else mirror.member(tx, bound, user)
                if seen is not None and seen.membership == "join" and not room.archive and asking_members(room):
                    found.append((community, room))
        return found[: words.MOST_ROOMS]

    def _place(self, named: str) -> tuple[Community | None, Room | None]:
        key, _slash, room = named.partition("/")
        community = self._documents.community(CommunityKey(key))
        return community, None if community is None else community.room(RoomKey(room))

    def _names(self, own: Sequence[Suggestion]) -> dict[str, str]:
        rooms = {one.id: self._documents.room(one.community, one.key) for one in own if one.community}
        return {id_: room.name for id_, room in rooms.items() if room is not None}


def _is_about_back(args: Sequence[str]) -> bool:
    """Tell "back", "back 2" and "back 2 now" from a question that begins with that word."""
    words_ = [word.casefold() for word in args]
    rest = words_[1:]
    return words_[:1] == ["back"] and len(rest) <= 2 and all(word == "now" or word.isdecimal() for word in rest)


def _is_there(tx: Tx, room: Room, text: str) -> bool:
    schedule = asking_members(room)
    return schedule is not None and is_nearly(text, deck_for(tx, room, schedule).prompts)


def _members(tx: Tx, room: Room, me: UserId) -> set[UserId]:
    bound = bindings.bound_room(tx, room.community, room.key)
    return set() if bound is None else {one.user for one in mirror.members(tx, bound, "join")} - {me}


def _quiet(said: Send) -> Send:
    """Have the journal forget it as soon as it is said."""
    return replace(said, step=f"{STEP}:said", tag=QUIET)


def _nobodys(one: Suggestion) -> Suggestion:
    return replace(one, user=UserId(""), room=type(one.room)(""), event=type(one.event)(""), says=type(one.says)(""))
