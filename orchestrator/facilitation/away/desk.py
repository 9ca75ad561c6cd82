"""``!away``: one says when one cannot, and nothing else; it is asked back in full, in private."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.facilitation import saying
from orchestrator.facilitation.gaps import looking
from orchestrator.facilitation.moved import Changed
from orchestrator.facilitation.records.away import away_of
from orchestrator.facilitation.records.preferences import zone_of
from orchestrator.facilitation.rota.things import Stretch
from orchestrator.facilitation.swaps.choosing import communities_for
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.answering import in_private, privately
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, AskDirect, Priority
from orchestrator.model.feature import Answer, Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule.dates import in_full, read_when
from orchestrator.store.rows import dump, load_object

from . import absence, words

AWAY: Final = "away:"
WHICH: Final = f"{AWAY}?"


class Away:
    """When people cannot.

    Args:
        documents: what the authors wrote.
        changed: who else has to know that something changed.
    """

    def __init__(self, documents: Documents, changed: Changed) -> None:
        self._documents, self._changed = documents, changed

    @property
    def commands(self) -> Sequence[Command]:
        """``!away``."""
        return (
            Command(
                name="away",
                usage="[DAYS]",
                summary=N_("say when you can't take turns; you need not say why"),
                needs=Role.MEMBER,
                run=self._away,
                for_staff=True,
                examples=(
                    Example("", N_("when you are away, as I know it; only you see it")),
                    Example("12-20 Dec", N_("these days, the last one included; I ask back first")),
                    Example("next week", N_("from Monday to Sunday")),
                    Example("cancel 12 Dec", N_("you are there after all")),
                ),
            ),
        )

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Write it down, once it was confirmed; None when it is about something else."""
        if answer.subject != WHICH:
            return None
        return list(self._confirmed(tx, answer, now))

    def _away(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        communities_for(self._documents, call)
        user = call.event.sender
        mine = [one for one in self._documents.communities if user in one.staff()]
        zone = zone_of(tx, user, mine[0])
        if not call.args:
            spans = {span for one in mine for span in away_of(tx, one.key, user) if span.end_ms > now.at_ms}
            yield from privately(
                call, words.listing([saying.stretch(span, zone) for span in sorted(spans)], mine[0].prefix), now
            )
            return
        if call.args[0].casefold() in {"cancel", "undo"}:
            when = read_when(call.args[1:], now.at_ms, zone, mine[0].locale)
            yield from self._cancel(tx, call, mine, when.span, now, whole=_is_a_day(when.span))
            return
        when = read_when(call.args, now.at_ms, zone, mine[0].locale)
        span = Span(max(when.span.start_ms, now.at_ms), when.span.end_ms)
        turns, fixed = (_turns(tx, mine, user, span, now, found) for found in (absence.touched, absence.written))
        said, choices = words.shall_i(in_full(when, zone, mine[0].locale), turns, fixed), content.yes_or_no()
        tag = dump({"start": span.start_ms, "end": span.end_ms})
        if call.direct:
            yield content.question(
                call, said, now, subject=WHICH, needs=None, asker_needs=Role.MEMBER, choices=choices, tag=tag
            )
            return
        yield content.answer(call, in_private(), now)
        yield AskDirect(
            step="away",
            priority=Priority.REPLY,
            user=user,
            content=content.asking(said, choices),
            choices=choices,
            open_ms=DAY_MS,
            expires_ms=now.at_ms + DAY_MS,
            subject=WHICH,
            about=call.community,
            tag=tag,
        )

    def _cancel(
        self, tx: Tx, call: Call, mine: Sequence[Community], span: Span, now: Now, *, whole: bool
    ) -> Iterator[AnyEffect]:
        user, found = call.event.sender, []
        for community in mine:
            try:
                found.append((community, absence.come_back(tx, community, user, span, now, whole=whole)))
            except Refusal:
                continue
        if not found:
            raise Refusal(words.nothing_to_undo(mine[0].prefix))
        zone = zone_of(tx, user, mine[0])
        struck = sorted({one for _community, back in found for one in back.struck})
        again = [
            _turn(community, change.room, one, zone_of(tx, user, community))
            for community, back in found
            for change, one in back.again
        ]
        gone = [
            _turn(community, change.room, one, zone_of(tx, user, community))
            for community, back in found
            for change, one in back.gone
        ]
        said = words.back(saying.named([saying.stretch(one, zone) for one in struck]), again, gone)
        yield from privately(call, said, now)
        for community, back in found:
            yield from back.effects
            looking.plan(tx, community, now)
            yield from self._changed(tx, community, now, user)

    def _confirmed(self, tx: Tx, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        user, tag = answer.by, load_object(answer.tag)
        start_ms, end_ms = tag["start"], tag["end"]
        mine = [one for one in self._documents.communities if user in one.staff()]
        if (
            user is None
            or answer.choice is None
            or not mine
            or not isinstance(start_ms, int)
            or not isinstance(end_ms, int)
        ):
            return
        with speaking(mine[0].locale):
            if answer.choice == "no" or end_ms <= now.at_ms:
                yield content.conclusion(answer, words.left_alone(), now)
                return
            span = Span(max(start_ms, now.at_ms), end_ms)
            turns, fixed = (_turns(tx, mine, user, span, now, found) for found in (absence.touched, absence.written))
            zone = zone_of(tx, user, mine[0])
            undo = f"{mine[0].prefix}away cancel {saying.day(span.start_ms, zone)}"
            yield content.conclusion(answer, words.noted(saying.stretch(span, zone), turns, fixed, undo), now)
            for community in mine:
                yield from absence.leave(tx, community, user, span, now)
                looking.plan(tx, community, now)
                yield from self._changed(tx, community, now, user)


def _turns(
    tx: Tx,
    mine: Sequence[Community],
    user: UserId,
    span: Span,
    now: Now,
    found: Callable[..., list[tuple[Stretch, Span]]],
) -> list[str]:
    return [
        _turn(community, stretch.room, both, zone_of(tx, user, community))
        for community in mine
        for stretch, both in found(tx, community, user, span, now)
    ]


def _turn(community: Community, key: RoomKey, span: Span, zone: tzinfo) -> str:
    return words.turn(community.name_of(key), saying.stretch(span, zone))


def _is_a_day(span: Span) -> bool:
    return span.length_ms <= DAY_MS + DAY_MS // 12
