"""``!accept``, ``!decline``, and the answers that are tapped under an offer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal, StillOpen
from orchestrator.facilitation import saying
from orchestrator.facilitation.gaps import looking
from orchestrator.facilitation.moved import Changed
from orchestrator.facilitation.records.offers import Said, offers_to
from orchestrator.facilitation.records.shifts import Given, State, shifts_of
from orchestrator.facilitation.rota.things import Slot, Stretch
from orchestrator.facilitation.swaps import changing, choosing
from orchestrator.facilitation.swaps import words as swap_words
from orchestrator.facilitation.view import View
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Answer, Call, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import UserId
from orchestrator.schedule.dates import When
from orchestrator.store.rows import dump, load_object

from . import asking, turns, words
from .answers import accept, decline
from .turns import OFFER, UNCONFIRMED

WHICH: Final = f"{OFFER}?"
"""The subject of a question which turn somebody means."""


class Offers:
    """Asks people whether they can, and hears what they say.

    Args:
        documents: what the authors wrote.
        changed: who else has to know that something changed.
    """

    def __init__(self, documents: Documents, changed: Changed) -> None:
        self._documents, self._changed = documents, changed

    @property
    def commands(self) -> Sequence[Command]:
        """``!accept`` and ``!decline``."""
        return (
            Command(
                name="accept",
                usage="[DAY]",
                summary=N_("say yes to a turn that I asked you about"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: self._say(tx, call, now, yes=True),
                for_staff=True,
                examples=(
                    Example("", N_("yes to the turn I asked you about; if there are several, I ask which")),
                    Example("tue", N_("yes to the one that begins on Tuesday")),
                ),
            ),
            Command(
                name="decline",
                usage="[DAY]",
                summary=N_("say that you can't take a turn; you need not say why"),
                needs=Role.MEMBER,
                run=lambda tx, call, now: self._say(tx, call, now, yes=False),
                for_staff=True,
                examples=(
                    Example("", N_("no to the turn I asked you about; I ask somebody else")),
                    Example("tue", N_("no to the one that begins on Tuesday")),
                ),
            ),
        )

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Ask the next, or count silence; None when it is none of ours."""
        if not timer.key.startswith(OFFER):
            return None
        community, given = self._turn(tx, timer.key, OFFER)
        if community is None or given is None:
            return ()
        with speaking(community.locale):
            return [*asking.step(tx, community, given, now), *self._after(tx, community, given, now, None)]

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Hear a yes or a no; None when it is about something else."""
        if answer.subject.startswith(UNCONFIRMED):
            return list(self._taken(tx, answer, now))
        if not answer.subject.startswith(OFFER):
            return None
        if answer.subject == WHICH:
            return list(self._chosen(tx, answer, now))
        if answer.by is None or answer.choice is None:
            return ()
        community, given = self._turn(tx, answer.subject, OFFER)
        if community is None or given is None:
            return ()
        with speaking(community.locale):
            said, effects = self._hear(tx, community, given, answer.by, now, yes=answer.choice == "yes")
            return [content.conclusion(answer, said, now), *effects]

    # -- what people say -----------------------------------------------------------------------------------------------

    def _say(self, tx: Tx, call: Call, now: Now, *, yes: bool) -> Iterator[AnyEffect]:
        communities = choosing.communities_for(self._documents, call)
        when = choosing.read(tx, call, call.args, communities[0], now)
        found = [(one, slot) for one in communities for slot in _meant(tx, one, call.event.sender, when, now, yes=yes)]
        if not found:
            if not yes:
                views = [View.of(tx, one, now.at_ms) for one in communities]
                choosing.check_not_written(tx, call, views, call.event.sender, when, None)
            raise Refusal(words.nothing_to_answer(communities[0].prefix))
        if len(found) == 1:
            community, slot = found[0]
            said, effects = self._answer(tx, community, slot, call.event.sender, now, yes=yes)
            yield content.answer(call, said, now)
            yield from effects
            return
        options = [
            choosing.Option(one, changing.Wish(room=slot.room, part=slot.part, span=slot.span)) for one, slot in found
        ]
        yield content.question(
            call,
            words.which(),
            now,
            subject=WHICH,
            needs=None,
            asker_needs=Role.MEMBER,
            choices=choosing.choices(tx, options, call, swap_words.none_of_these()),
            tag=dump({"yes": yes, "options": choosing.packed(options)}),
        )

    def _chosen(self, tx: Tx, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        tag = load_object(answer.tag)
        options = choosing.unpacked(self._documents, tag["options"])
        if answer.by is None or answer.choice is None or not options:
            return
        option = options[0 if answer.choice == "no" else int(answer.choice)]
        with speaking(option.community.locale):
            if answer.choice == "no":
                yield content.conclusion(answer, swap_words.left_alone(), now)
                return
            slot = Slot(option.wish.span, option.wish.room, option.wish.part)
            yes = tag["yes"] is True
            said, effects = self._answer(tx, option.community, slot, answer.by, now, yes=yes)
            yield content.conclusion(answer, said, now)
            yield from effects

    def _answer(
        self, tx: Tx, community: Community, slot: Slot, user: UserId, now: Now, *, yes: bool
    ) -> tuple[str, list[AnyEffect]]:
        for given in shifts_of(tx, community.key, slot.span):
            own = given.shift.slot
            if (own.room, own.part) == (slot.room, slot.part):
                return self._hear(tx, community, given, user, now, yes=yes)
        raise Refusal(words.nothing_to_answer(community.prefix))

    def _hear(
        self, tx: Tx, community: Community, given: Given, user: UserId, now: Now, *, yes: bool
    ) -> tuple[str, list[AnyEffect]]:
        """Act on a yes or a no; tells what to answer."""
        said, effects = (accept if yes else decline)(tx, community, given, user, now)
        return said, [*effects, *self._after(tx, community, given, now, user)]

    def _taken(self, tx: Tx, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        """Let somebody take a turn from whoever has not answered."""
        community, given = self._turn(tx, answer.subject, UNCONFIRMED)
        if community is None or given is None or answer.by is None or answer.choice is None:
            return
        slot = given.shift.slot
        with speaking(community.locale):
            name, when = community.name_of(slot.room), saying.stretch(slot.span, community.zone)
            wish = changing.Wish(room=slot.room, part=slot.part, span=slot.span, at_once=True)
            if given.state is not State.UNCONFIRMED:
                raise Refusal(swap_words.not_open(name, when))
            try:
                span, effects = changing.take(tx, community, answer.by, wish, now)
            except Refusal as refusal:
                raise StillOpen(refusal.message) from None
            said = swap_words.somebody_took(answer.by, name, saying.stretch(span, community.zone))
            yield content.conclusion(answer, said, now, people=[answer.by])
            yield from effects
            yield from self._after(tx, community, given, now, answer.by)

    def _after(self, tx: Tx, community: Community, given: Given, now: Now, by: UserId | None) -> Iterator[AnyEffect]:
        """Let all others know, where something changed about a turn."""
        after = turns.found_at(tx, community, turns.key_of(community, given))
        if by is not None or after != given:
            looking.plan(tx, community, now)
            yield from self._changed(tx, community, now, by)

    def _turn(self, tx: Tx, key: str, prefix: str) -> tuple[Community | None, Given | None]:
        for community in self._documents.communities:
            if key.startswith(f"{prefix}{community.key}/"):
                return community, turns.found_at(tx, community, f"{OFFER}{key.removeprefix(prefix)}")
        return None, None


def _meant(tx: Tx, community: Community, user: UserId, when: When | None, now: Now, *, yes: bool) -> list[Slot]:
    """List the turns that an answer may be about: those that wait for one, or those that are named."""
    given = {one.name: one for one in shifts_of(tx, community.key, Span.since(now.at_ms))}
    asked = []
    for offer in offers_to(tx, community.key, user):
        one = given.get(f"{offer.room}/{offer.part}/{offer.start_ms}")
        if one is not None and offer.answer in {Said.WAITING, Said.SILENT} and offer.start_ms > now.at_ms:
            asked.append(one.shift.slot)
    if when is None:
        if asked or yes:
            return asked
        return [_slot(one) for one in View.of(tx, community, now.at_ms).held_by(user) if one.shift is not None]
    own = [one.shift.slot for one in given.values() if one.shift.user == user]
    held = (
        [] if yes else [_slot(one) for one in View.of(tx, community, now.at_ms).held_by(user) if one.shift is not None]
    )
    every = list(dict.fromkeys([*asked, *(slot for slot in own if slot.span.start_ms > now.at_ms)]))
    every += [slot for slot in held if not any(_same(slot, other) for other in every)]
    found = [slot for slot in every if slot.span.shares(when.span)]
    return [slot for slot in found if slot.span.start_ms in when.span] or found


def _slot(stretch: Stretch) -> Slot:
    return Slot(stretch.span, stretch.room, stretch.part)


def _same(one: Slot, other: Slot) -> bool:
    return (one.room, one.part) == (other.room, other.part) and one.span.shares(other.span)
