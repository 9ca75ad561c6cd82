"""The desk where suggestions are passed on in rounds, decided about in the control room, taken in, and their authors told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Final, Literal, TypeAlias

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import StillOpen
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Ask, Choice, Priority, Quote, Recall, Redact, Result, Send
from orchestrator.model.events import Event, Redaction
from orchestrator.model.feature import Answer, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, RoomId, UserId
from orchestrator.prompts.duty import NAME
from orchestrator.store import bindings, journal, questions
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import records, words
from .records import COMMAND, STEP, Suggestion
from .rounds import next_round_ms
from .taken import asking_members, take_in

ROUND: Final = "suggestions:"
TOLD: Final = "suggested:"
SHOW: Final = f"{STEP}:show:"
TAKE: Final = f"{STEP}:take:"
TELL: Final = f"{STEP}:told"
SECOND: Final = ":second"

MOST_A_ROUND: Final = 5
MOST_TIMES: Final = 3
OPEN_MS: Final = 14 * DAY_MS
LATER_MS: Final = 14 * DAY_MS
LONGEST_SILENCE_HOURS: Final = 20
"""What was decided is told within that many hours, and at the next round."""

Fate: TypeAlias = Literal["taken", "declined", "lost", "undecided"]


class Deciding:
    """Has suggestions decided about by those who look after the rooms.

    Args:
        documents: what the authors wrote.
        lots: draws what must not be foreseen.
    """

    def __init__(self, documents: Documents, lots: Random) -> None:
        self._documents = documents
        self._lots = lots

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Let suggestions follow the keys of their rooms, see to it that a round comes, and let go of what went astray."""
        for community in self._documents.communities:
            for former in community.previously:
                for one in records.in_community(tx, former):
                    for subject in show_subject(one):
                        questions.follow(tx, NAME, subject, subject, about=(former, community.key))
            for room in community.rooms:
                for table in ("suggestion", "member_prompt"):
                    bindings.move_rows(tx, table, (community.key, *community.previously), (room.key, *room.previously))
        rounds = {timer.key for timer in timers_of(tx, NAME, ROUND)}
        for key in rounds - {f"{ROUND}{community.key}" for community in self._documents.communities}:
            clear_timer(tx, NAME, key)
        for one in records.every(tx):
            self._mend(tx, one, now)
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Take it as an answer when somebody takes away what was shown to them."""
        if isinstance(event, Redaction) and (binding := bindings.binding_of(tx, event.room)) is not None:
            for one in records.in_community(tx, binding.community):
                if one.copy == event.target and one.state != "taken":
                    for subject in show_subject(one):
                        questions.withdraw(tx, NAME, subject)
                    self._let_go(tx, one, "declined", now)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Hold a round, or tell somebody what came of theirs."""
        if timer.key.startswith(ROUND):
            community = self._documents.community(CommunityKey(timer.key.removeprefix(ROUND)))
            return () if community is None else self._hold_round(tx, community, now)
        return self._tell(tx, timer, now) if timer.key.startswith(TOLD) else None

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Note where a suggestion is read, keep what was read to be kept, forget that somebody was told."""
        if result.tag == TELL:
            journal.blur(tx, result.cause)
            return ()
        if result.tag.startswith(SHOW):
            return self._was_shown(tx, result, now)
        return self._was_read(tx, result, now) if result.tag.startswith(TAKE) else None

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Do what somebody decided; whoever does not belong to those who decide is not heard."""
        if not answer.subject.startswith(SHOW):
            return None
        one = records.get(tx, answer.subject.removeprefix(SHOW).removesuffix(SECOND))
        community = None if one is None else self._documents.community(one.community)
        if answer.by is not None and (community is None or answer.by not in community.staff()):
            raise StillOpen("")
        if one is None or community is None or one.state not in records.SHOWN:
            return [] if answer.by is None else [content.conclusion(answer, words.gone_meanwhile(), now)]
        room = community.room(one.key)
        if answer.choice is None or answer.by is None or room is None:
            return self._put_off(tx, one, community, now, after_ms=0)
        if answer.choice == words.LATER:
            return self._later(tx, one, community, room, answer, now)
        if answer.choice == words.DECLINE:
            return self._decline(tx, one, room, answer, now)
        return self._approve(tx, one, community, room, answer, answer.by, now)

    # -- rounds --------------------------------------------------------------------------------------------------------

    def _hold_round(self, tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
        control = bindings.bound_room(tx, community.key, CONTROL_KEY)
        if control is not None:
            for one in records.in_community(tx, community.key):
                if one.state == "back" and one.copy is not None:
                    records.drop(tx, one)
                    yield Redact(step=f"{STEP}:gone:{one.id}", room=control, target=one.copy)
            with speaking(community.locale):
                for one in self._drawn(tx, community, now):
                    yield from self._show(tx, community, control, one, now)
        if any(one.state in {"waiting", "back"} for one in records.in_community(tx, community.key)):
            set_round(tx, community, now)

    def _drawn(self, tx: Tx, community: Community, now: Now) -> list[Suggestion]:
        """Choose what is shown in a round: one of each person, in the order of their ids, which were drawn by lot."""
        ready = [one for one in records.in_community(tx, community.key) if one.state == "waiting"]
        ready = [one for one in ready if one.due_ms <= now.at_ms]
        return list({one.user: one for one in ready}.values())[:MOST_A_ROUND]

    def _show(  # one suggestion: what, where, when
        self, tx: Tx, community: Community, control: RoomId, one: Suggestion, now: Now
    ) -> Iterator[AnyEffect]:
        room = community.room(one.key)
        schedule = None if room is None or room.archive else asking_members(room)
        if community.key not in bindings.communities_of(tx, one.user):
            # Nobody told us that they went; what they wrote is passed on no more.
            yield from self._without(tx, replace(one, user=UserId("")), "undecided", now)
            return
        if room is None or schedule is None:
            yield from self._without(tx, one, "undecided", now)
            return
        again = one.shown > 0
        if one.copy is not None:
            yield Redact(step=f"{STEP}:again:{one.id}:{one.shown}", room=control, target=one.copy)
        one = replace(one, state="shown", shown=one.shown + 1, copy=None, approver=None, tier=0)
        records.put(tx, one)
        choices = words.choices(schedule.tier_most, two=len(community.staff()) > 1)
        yield self._question(
            community,
            control,
            one,
            content.asking(words.shown(room, again=again), choices),
            choices,
            subject=f"{SHOW}{one.id}",
            quote=Quote(room=one.room, event=one.says, after=COMMAND, remarks=words.remarks()),
        )

    def _question(  # all that differs between the first question and the second
        self,
        community: Community,
        control: RoomId,
        one: Suggestion,
        asked: Mapping[str, Json],
        choices: tuple[Choice, ...],
        *,
        subject: str,
        quote: Quote | None = None,
    ) -> Ask:
        return Ask(
            step=f"{subject}:{one.shown}",
            room=control,
            content=asked,
            choices=choices,
            needs=Role.MEMBER,
            about=community.key,
            subject=subject,
            open_ms=OPEN_MS,
            quote=quote,
            tag=f"{SHOW}{one.id}" if quote is not None else "",
        )

    def _was_shown(self, tx: Tx, result: Result, now: Now) -> Iterator[AnyEffect]:
        one = records.get(tx, result.tag.removeprefix(SHOW))
        if one is None:
            if result.event and result.room is not None:  # taken back while it was on its way
                yield Redact(step=f"{STEP}:gone", room=result.room, target=result.event)
        elif result.event:
            one = replace(one, copy=result.event)
            records.put(tx, one)
            community = self._documents.community(one.community)
            if one.state == "back" and community is not None:
                set_round(tx, community, now)
        elif one.state == "back":
            records.drop(tx, one)
        else:
            self._let_go(tx, one, "lost", now)

    # -- decisions -----------------------------------------------------------------------------------------------------

    def _approve(  # who approved what, as what, where
        self, tx: Tx, one: Suggestion, community: Community, room: Room, answer: Answer, by: UserId, now: Now
    ) -> Iterator[AnyEffect]:
        if answer.choice == words.YES and by == one.approver:
            raise StillOpen(_("Thank you. It takes somebody else to agree, too."))
        if one.copy is None:
            yield content.conclusion(answer, words.gone_meanwhile(), now)
            self._let_go(tx, one, "lost", now)
            return
        tier = one.tier if answer.choice == words.YES else int(answer.choice or 1)
        if tier == 3 and answer.choice != words.YES:
            records.put(tx, replace(one, state="seconded", approver=by, tier=tier))
            choices = words.second_choices()
            asked = content.asking(words.second(by), choices, people=[by])
            yield self._question(
                community,
                answer.room,
                one,
                content.reply(asked, to=answer.question),
                choices,
                subject=f"{SHOW}{one.id}{SECOND}",
            )
            return
        records.put(tx, replace(one, state="taken", approver=None, tier=tier))
        yield Recall(step=f"{TAKE}{one.id}", room=answer.room, event=one.copy, tag=f"{TAKE}{one.id}")
        yield content.conclusion(answer, words.concluded("taken", room), now)

    def _was_read(self, tx: Tx, result: Result, now: Now) -> Iterator[AnyEffect]:
        one = records.get(tx, result.tag.removeprefix(TAKE))
        community = None if one is None else self._documents.community(one.community)
        room = None if one is None or community is None else community.room(one.key)
        if one is None or community is None or one.state != "taken":
            return  # taken back at the very last moment
        if result.outcome == "done" and result.words and room is not None:
            take_in(tx, room, result.words, one.tier)
            self._let_go(tx, one, "taken", now)
            return
        self._let_go(tx, one, "lost", now)
        if result.room is not None:
            with speaking(community.locale):
                said = content.notice(words.cannot_be_read())
            yield Send(step=f"{STEP}:unread", room=result.room, priority=Priority.REPLY, content=said)

    def _decline(self, tx: Tx, one: Suggestion, room: Room, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        yield content.conclusion(answer, words.concluded("decline", room), now)
        yield from self._without(tx, one, "declined", now, control=answer.room)

    def _later(  # as _approve
        self, tx: Tx, one: Suggestion, community: Community, room: Room, answer: Answer, now: Now
    ) -> Iterator[AnyEffect]:
        over = _is_over(one)
        yield content.conclusion(answer, words.concluded("over" if over else "later", room), now)
        yield from self._put_off(tx, one, community, now, after_ms=LATER_MS)

    def _put_off(
        self, tx: Tx, one: Suggestion, community: Community, now: Now, *, after_ms: int
    ) -> Iterator[AnyEffect]:
        """Show it again some time; not for ever, and not what cannot be read any more since its author left."""
        if _is_over(one):
            yield from self._without(tx, one, "undecided", now)
            return
        records.put(tx, replace(one, state="waiting", due_ms=now.at_ms + after_ms, approver=None, tier=0))
        set_round(tx, community, now)

    def _without(
        self, tx: Tx, one: Suggestion, fate: Fate, now: Now, *, control: RoomId | None = None
    ) -> Iterator[AnyEffect]:
        """Let go of it, and take away the copy that reviewers have."""
        control = control or bindings.bound_room(tx, one.community, CONTROL_KEY)
        self._let_go(tx, one, fate, now)
        if one.copy is not None and control is not None:
            yield Redact(step=f"{STEP}:gone:{one.id}", room=control, target=one.copy)

    def _let_go(self, tx: Tx, one: Suggestion, fate: Fate, now: Now) -> None:
        """Forget whose it was; some hours later they are told, and nothing says of which."""
        records.drop(tx, one)
        community = self._documents.community(one.community)
        if not one.user or community is None or one.state == "back":
            return
        at_ms = next_round_ms(community, now.at_ms + self._lots.randint(0, LONGEST_SILENCE_HOURS) * HOUR_MS)
        key = f"{TOLD}{self._lots.getrandbits(64):016x}"
        payload = {"user": one.user, "community": community.key, "fate": fate}
        set_timer(tx, Timer(craft=NAME, key=key, due_ms=at_ms, payload=payload))

    def _tell(self, tx: Tx, timer: Timer, now: Now) -> Iterator[AnyEffect]:
        user = UserId(str(timer.payload["user"]))
        community = self._documents.community(CommunityKey(str(timer.payload["community"])))
        direct = bindings.direct_room(tx, user)
        # Nobody is written to anew about it who closed their chat with us.
        if community is None or direct is None or not bindings.is_private(tx, direct, user, now.me):
            return
        with speaking(community.locale):
            said = content.notice(words.told(str(timer.payload["fate"]), community))
        yield Send(step=TELL, room=direct, expires_ms=now.at_ms + 7 * DAY_MS, content=said, tag=TELL)

    # -- what went astray ----------------------------------------------------------------------------------------------

    def _mend(self, tx: Tx, one: Suggestion, now: Now) -> None:
        """Bring a suggestion in line with the questions that are open."""
        community = self._documents.community(one.community)
        if one.state == "asked":
            if not questions.is_asked(tx, NAME, f"{STEP}:ask:{one.id}"):
                records.drop(tx, one)
        elif community is None:
            return  # not declared now; it may be again
        elif one.state in records.SHOWN and not _is_asked_here(tx, community, one, now):
            # The control room is another one by now, or the craft stumbled: there nobody can answer any more.
            for subject in show_subject(one):
                questions.withdraw(tx, NAME, subject)
            records.put(tx, replace(one, state="waiting", copy=None, approver=None, tier=0))
            set_round(tx, community, now)
        elif one.state == "taken" and not journal.any_waits(tx, NAME, f"{TAKE}{one.id}"):
            # The craft stumbled over what was read.
            records.put(tx, replace(one, state="waiting", approver=None, tier=0))
            set_round(tx, community, now)
        elif one.state in {"waiting", "back"}:
            set_round(tx, community, now)


def set_round(tx: Tx, community: Community, now: Now) -> None:
    """See to it that there is a round."""
    key = f"{ROUND}{community.key}"
    if timer_of(tx, NAME, key) is None:
        set_timer(tx, Timer(craft=NAME, key=key, due_ms=next_round_ms(community, now.at_ms)))


def show_subject(one: Suggestion) -> tuple[str, str]:
    """Name the questions that reviewers are asked about a suggestion."""
    return f"{SHOW}{one.id}", f"{SHOW}{one.id}{SECOND}"


def is_shown(tx: Tx, one: Suggestion) -> bool:
    """Tell whether reviewers can read a suggestion, or are just about to."""
    return one.copy is not None or journal.any_waits(tx, NAME, f"{SHOW}{one.id}")


def _is_asked_here(tx: Tx, community: Community, one: Suggestion, now: Now) -> bool:
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None:
        return True  # until there is one again
    here = (*questions.questions_in(tx, control), *questions.about_to_be_asked(tx, control, now.at_ms))
    return any(question.subject in show_subject(one) for question in here)


def _is_over(one: Suggestion) -> bool:
    return one.shown >= MOST_TIMES or not one.room
