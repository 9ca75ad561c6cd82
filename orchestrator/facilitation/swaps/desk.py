"""``!swap`` and ``!take``: what people ask for, what they are asked back, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal, StillOpen
from orchestrator.facilitation import saying
from orchestrator.facilitation.gaps import looking
from orchestrator.facilitation.moved import Changed
from orchestrator.facilitation.records.overrides import Change, State, change_at
from orchestrator.facilitation.records.preferences import zone_of
from orchestrator.facilitation.records.said import say_once
from orchestrator.facilitation.view import View
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Answer, Call, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule.dates import When
from orchestrator.store import bindings
from orchestrator.store.rows import dump, load_object

from . import asking, changing, choosing, telling, words
from .asking import SWAP
from .choosing import Option

WHICH: Final = f"{SWAP}?"
"""The subject of a question which one somebody means, and whether they do."""


class Swaps:
    """Handing on and taking over.

    Args:
        documents: what the authors wrote.
        changed: who else has to know that something changed.
    """

    def __init__(self, documents: Documents, changed: Changed) -> None:
        self._documents, self._changed = documents, changed

    @property
    def commands(self) -> Sequence[Command]:
        """``!swap`` and ``!take``."""
        return (
            Command(
                name="swap",
                usage="[DAY] [with @PERSON]",
                summary=N_("hand on a turn of yours; it stays yours until somebody takes it"),
                needs=Role.MEMBER,
                run=self.hand_on,
                for_staff=True,
                examples=(
                    Example("", N_("I ask which of your turns you mean")),
                    Example("tue", N_("the turn that begins on Tuesday; I ask back before anything happens")),
                    Example("now", N_("the rest of the turn you are on")),
                    Example("12 Dec 19:00-20:00", N_("only that hour of it")),
                    Example("tue with @bo:grove.example", N_("I ask only Bo")),
                    Example("cancel tue", N_("you keep it after all")),
                ),
            ),
            Command(
                name="take",
                usage="[DAY|now]",
                summary=N_("take a turn that somebody hands on, or that nobody has"),
                needs=Role.MEMBER,
                run=self._take,
                for_staff=True,
                examples=(
                    Example("", N_("I ask which of the open turns you mean")),
                    Example("tue", N_("the open turn that begins on Tuesday")),
                    Example("12 Dec 19:00-20:00", N_("only that hour of it")),
                    Example("now", N_("keep the room from this minute on, in the place of whoever is on")),
                ),
            ),
        )

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Ask the next, remind, or end it; None when it is none of ours."""
        if not timer.key.startswith(SWAP):
            return None
        community, change = self._request(tx, timer.key)
        if community is None or change is None:
            return ()
        with speaking(community.locale):
            return list(asking.step(tx, community, change, now))

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Act on what somebody chose; None when it is about something else."""
        if not answer.subject.startswith(SWAP):
            return None
        if answer.subject == WHICH:
            return list(self._chosen(tx, answer, now))
        community, change = self._request(tx, answer.subject)
        if community is None or change is None or answer.by is None or answer.choice is None:
            return ()
        with speaking(community.locale):
            if answer.choice == "no":
                say_once(tx, f"no:{asking.key_of(community, change)} {answer.by}", now.at_ms)
                return [content.conclusion(answer, words.fine(), now), *asking.step(tx, community, change, now)]
            wish = changing.Wish(room=change.room, part=change.part, span=change.span, swap=telling.swap_id(change))
            option = Option(community, wish)
            try:
                return self._taken(tx, answer, option, now)
            except Refusal as refusal:
                if answer.tag == "control" and change.state is State.OPEN:
                    raise StillOpen(refusal.message) from None
                raise

    # -- commands ------------------------------------------------------------------------------------------------------

    def hand_on(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        """Look for somebody to take a turn; it stays whose it is until somebody does."""
        communities = choosing.communities_for(self._documents, call)
        caller, here = call.event.sender, telling.here_of(call)
        cancels = bool(call.args) and call.args[0].casefold() in {"cancel", "undo"}
        when = choosing.read(tx, call, call.args[1:] if cancels else call.args, communities[0], now)
        only, giver = telling.people_in(call.args if when is None else when.left, caller)
        if cancels:
            yield from self._cancel(tx, call, communities, when.span if when is not None else None, now)
            return
        if giver != caller:
            communities = [one for one in communities if caller in one.leads]
            if not communities:
                raise Refusal(words.only_leads())
        views = [View.of(tx, one, now.at_ms) for one in communities]
        options = choosing.theirs(views, giver, when, here)
        if only is not None and options:
            community, key = options[0].community, options[0].wish.room
            room = community.room(key)
            if only == giver or (only not in community.leads and (room is None or only not in room.facilitators)):
                raise Refusal(words.cannot_be_given(only))
            telling.check_free(options[0], only, views)
        if not options:
            choosing.check_not_written(tx, call, views, giver, when, here)
            if here is not None:
                raise Refusal(words.elsewhere_in_private())
            if when is None:
                raise Refusal(words.nothing_yours())
            said = saying.stretch(when.span, choosing.clock_for(tx, call, communities[0]))
            raise Refusal(words.nothing_to_hand_on(said, communities[0].prefix))
        if len(options) == 1:
            changing.check_not_asked(tx, options[0].community, giver, options[0].wish)
        tag = {"do": "swap", "only": only, "giver": giver, "options": choosing.packed(options)}
        asks = words.may_i_open if len(options) == 1 else None
        yield self._which(tx, call, options, asks, words.which_to_hand_on(), dump(tag), now)

    def _cancel(
        self, tx: Tx, call: Call, communities: Sequence[Community], span: Span | None, now: Now
    ) -> Iterator[AnyEffect]:
        refused: Refusal | None = None
        for community in communities:
            try:
                change, effects = changing.take_back(tx, community, call.event.sender, span, now)
            except Refusal as refusal:
                refused = refusal
                continue
            when = saying.stretch(change.span, choosing.clock_for(tx, call, community))
            yield content.answer(call, words.taken_back(community.name_of(change.room), when), now)
            yield from effects
            return
        if refused is not None:
            raise refused

    def _take(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        communities = choosing.communities_for(self._documents, call)
        caller, here = call.event.sender, telling.here_of(call)
        views = [View.of(tx, one, now.at_ms) for one in communities]
        if call.args and call.args[0].casefold() == "now":
            options = choosing.running(views, caller, here)
            if not options:
                telling.check_any(communities, caller)
                raise Refusal(words.not_on_now())
            if len(options) == 1:
                yield from self._took(tx, options[0], caller, now, call=call)
                return
            when = None
        else:
            when = choosing.read(tx, call, call.args, communities[0], now)
            options = choosing.open_to(tx, views, caller, when, here)
        if not options:
            telling.check_any(communities, caller)
            self._explain(tx, views, call, when, here, now)
        tag = {"do": "take", "options": choosing.packed(options)}
        asks = words.may_i_take if len(options) == 1 else None
        yield self._which(tx, call, options, asks, words.which_to_take(), dump(tag), now)

    def _explain(
        self, tx: Tx, views: Sequence[View], call: Call, when: When | None, here: RoomKey | None, now: Now
    ) -> None:
        """Say why there is nothing to take: who has it, or that nobody is needed."""
        del now
        if when is None:
            raise Refusal(words.nothing_open() if here is None else words.elsewhere_in_private())
        said = saying.stretch(when.span, choosing.clock_for(tx, call, views[0].community))
        for view in views:
            then = [one for one in view.stretches if here in {None, one.room} and one.span.shares(when.span)]
            # What begins then is meant before what only goes on.
            for one in [each for each in then if each.span.start_ms in when.span] or then:
                if one.shift is not None:
                    name = view.community.name_of(one.room)
                    span = saying.stretch(one.span, choosing.clock_for(tx, call, view.community))
                    if one.user == call.event.sender:
                        raise Refusal(words.already_yours(name, span))
                    if one.override is not None and one.user is not None:
                        raise Refusal(words.who_was_first(one.user, name, span))
        raise Refusal(words.nothing_to_take(said))

    def _which(
        self,
        tx: Tx,
        call: Call,
        options: Sequence[Option],
        asks: Callable[[str, str], str] | None,
        which: str,
        tag: str,
        now: Now,
    ) -> AnyEffect:
        if len(options) > 1 or asks is None:
            offered = choosing.choices(tx, options, call, words.none_of_these())
            said = which
        else:
            option = options[0]
            clock = choosing.clock_for(tx, call, option.community)
            offered = content.yes_or_no()
            said = asks(words.part_of(option.room_name, option.wish.part), saying.stretch(option.wish.span, clock))
            if load_object(tag)["do"] == "take" and telling.here_of(call) is None:
                said += telling.elsewhere(tx, option, call.event.sender, now)
        people = frozenset().union(*(option.community.staff() for option in options))
        return content.question(
            call, said, now, subject=WHICH, needs=None, asker_needs=Role.MEMBER, choices=offered, tag=tag, people=people
        )

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def _chosen(self, tx: Tx, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        tag = load_object(answer.tag)
        options = choosing.unpacked(self._documents, tag["options"])
        if answer.by is None or answer.choice is None or not options:
            return
        if answer.choice == "no":
            with speaking(options[0].community.locale):
                yield content.conclusion(answer, words.left_alone(), now)
            return
        option = options[0 if answer.choice == "yes" else int(answer.choice)]
        with speaking(option.community.locale):
            if tag["do"] == "take":
                yield from self._taken(tx, answer, option, now)
                return
            only, giver = tag["only"], UserId(str(tag["giver"]))
            if giver != answer.by and answer.by not in option.community.leads:
                raise Refusal(words.only_leads())
            change, effects = changing.open_swap(
                tx, option.community, giver, option.wish, now, only=None if only is None else UserId(str(only))
            )
            zone = zone_of(tx, answer.by, option.community)
            said = words.opened(option.room_name, saying.stretch(change.span, zone))
            if telling.in_control(tx, option.community, answer.room):
                said = words.asking_here()
            yield content.conclusion(answer, said, now)
            yield from effects

    def _taken(self, tx: Tx, answer: Answer, option: Option, now: Now) -> list[AnyEffect]:
        assert answer.by is not None  # noqa: S101 - nobody's silence takes anything
        return list(self._took(tx, option, answer.by, now, answer=answer))

    def _took(
        self, tx: Tx, option: Option, by: UserId, now: Now, *, call: Call | None = None, answer: Answer | None = None
    ) -> Iterator[AnyEffect]:
        community, where = option.community, call.event.room if call is not None else None
        if answer is not None:
            where = answer.room
        inside = where is not None and telling.in_control(tx, community, where)
        among_members = not inside and where is not None and bindings.binding_of(tx, where) is not None
        also = "" if among_members else telling.elsewhere(tx, option, by, now)
        alone = not inside and not among_members
        span, effects = changing.take(tx, community, by, option.wish, now, alone=alone)
        name, when = option.room_name, saying.stretch(span, community.zone)
        said = (words.somebody_took(by, name, when) if inside else words.taken(name, when)) + also
        if call is not None:
            yield content.answer(call, said, now, people=[by])
        if answer is not None:
            yield content.conclusion(answer, said, now, people=[by])
        yield from effects
        if not inside:  # there it is said already
            yield from telling.tell_control(tx, community, by, name, when, now)
        looking.plan(tx, community, now)
        yield from self._changed(tx, community, now, by)

    def _request(self, tx: Tx, key: str) -> tuple[Community | None, Change | None]:
        for community in self._documents.communities:
            prefix = f"{SWAP}{community.key}/"
            if key.startswith(prefix):
                return community, change_at(tx, community.key, key.removeprefix(prefix))
        return None, None
