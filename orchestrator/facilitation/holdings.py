"""What people hold is compared with what they know: they are told what moved, unless they moved it themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, SendDirect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomKey, UserId

from . import news, saying
from .records.holdings import Held, held_in, put_held
from .records.overrides import Change, Kind, changes_of
from .records.preferences import language_of, zone_of
from .records.shifts import Given, State, shifts_of
from .reminders.planning import drop_past
from .rota.things import Part, Slot, Stretch, Why
from .view import View

FURTHEST_MS: Final = 400 * DAY_MS
"""What is further ahead than this was given by a clock that ran ahead, and nobody heard of it."""


@dataclass(slots=True)
class _Moved:
    """What moved for one person."""

    new: list[Held] = field(default_factory=list)
    gone: list[Held] = field(default_factory=list)


def reconcile(tx: Tx, community: Community, now: Now, by: UserId | None) -> Iterator[AnyEffect]:
    """Bring what people know in line with what is, and tell those whose turns to come moved not by their own doing."""
    known = held_in(tx, community.key, now.at_ms)
    standing = {_key(one): one for one in known if one.gone_ms is None}
    given = shifts_of(tx, community.key, Span.since(now.at_ms))
    wanted = {_key(one): one for one in _wanted(tx, community, given, standing, now)}
    new, gone = list[Held](), list[Held]()
    former = {_key(one): one for one in known}
    for key, one in wanted.items():
        before = former.get(key)
        if before is None or before.gone_ms is not None or before.span != one.span:
            sequence = 0 if before is None else before.sequence + 1
            put_held(tx, community.key, replace(one, sequence=sequence, gone_ms=None))
        if before is None or before.gone_ms is not None:
            new.append(one)
        elif before.span != one.span:
            new.append(one)
            gone.append(before)
    for key, one in standing.items():
        if key not in wanted:
            put_held(tx, community.key, replace(one, sequence=one.sequence + 1, gone_ms=now.at_ms))
            gone.append(one)
    moved, unheard = _worth_telling(tx, community, known, given, new, gone, now, by)
    news.keep(tx, community, unheard, now)
    for one in new:
        drop_past(tx, community, one, now)
    yield from _tell(tx, community, moved, now)


def _key(one: Held) -> tuple[RoomKey, Part, int, UserId]:
    return one.room, one.part, one.span.start_ms, one.user


def _wanted(
    tx: Tx,
    community: Community,
    given: Sequence[Given],
    standing: dict[tuple[RoomKey, Part, int, UserId], Held],
    now: Now,
) -> Iterator[Held]:
    """List what is people's by now, of what is published or written in the files."""
    published = {one.shift.slot for one in given}
    for stretch in View.of(tx, community, now.at_ms).stretches:
        if stretch.user is None or not _is_settled(stretch, published):
            continue
        span = stretch.span
        if span.start_ms <= now.at_ms:  # it is running: it began when they began to hold it
            span = Span(_began_ms(stretch, standing, now), span.end_ms)
        yield Held(room=stretch.room, part=stretch.part, span=span, user=stretch.user)


def _is_settled(stretch: Stretch, published: set[Slot]) -> bool:
    if stretch.shift is not None:
        return stretch.why is not Why.FALLBACK and stretch.shift.slot in published
    return stretch.why in {Why.TEMPORARY, Why.OVERRIDE}


def _began_ms(stretch: Stretch, standing: dict[tuple[RoomKey, Part, int, UserId], Held], now: Now) -> int:
    turn_ms = stretch.span.start_ms if stretch.shift is None else stretch.shift.slot.span.start_ms
    running = [
        one.span.start_ms
        for one in standing.values()
        if (one.room, one.part, one.user) == (stretch.room, stretch.part, stretch.user)
        and turn_ms <= one.span.start_ms <= now.at_ms
    ]
    if running:
        return max(running)
    return turn_ms if stretch.why is Why.SHIFT else now.at_ms


def _worth_telling(
    tx: Tx,
    community: Community,
    known: Sequence[Held],
    given: Sequence[Given],
    new: Iterable[Held],
    gone: Iterable[Held],
    now: Now,
    by: UserId | None,
) -> tuple[dict[UserId, _Moved], list[Held]]:
    """Leave only turns to come that moved; not what was published for the first time, nor what people agreed on.

    Beside it what people get without having heard of it in any way.
    """
    changes = [one for one in changes_of(tx, community.key, Span.since(now.at_ms)) if one.holds]
    horizon_ms: defaultdict[tuple[RoomKey, Part], int] = defaultdict(int)
    for one in known:
        horizon_ms[one.room, one.part] = max(horizon_ms[one.room, one.part], one.span.end_ms)
    asked = {
        (one.shift.slot.room, one.shift.slot.part, one.shift.slot.span.start_ms)
        for one in given
        if one.state is State.OFFERED or (one.state is State.PUBLISHED and _asks(community, one))
    }
    moved: defaultdict[UserId, _Moved] = defaultdict(_Moved)
    unheard = []
    for one in new:
        # Whoever will be asked hears of it by that.
        if not _may_hear(one, now, by) or _is_agreed(one, changes) or _key(one)[:3] in asked:
            continue
        if one.span.start_ms >= horizon_ms[one.room, one.part] or news.is_untold(tx, community, one):
            unheard.append(one)
        else:
            moved[one.user].new.append(one)
    for one in gone:
        if _may_hear(one, now, by) and not _is_agreed(one, changes) and not news.is_untold(tx, community, one):
            moved[one.user].gone.append(one)
    return moved, unheard


def _may_hear(one: Held, now: Now, by: UserId | None) -> bool:
    return one.user != by and now.at_ms < one.span.start_ms < now.at_ms + FURTHEST_MS


def _asks(community: Community, given: Given) -> bool:
    room = community.room(given.shift.slot.room)
    return room is not None and room.rota is not None and room.rota.accept_within_ms is not None


def _is_agreed(one: Held, changes: Iterable[Change]) -> bool:
    """Tell whether they gave it away or took it themselves: they know."""
    return any(
        (change.room, change.part) == (one.room, one.part)
        and change.span.shares(one.span)
        and change.kind is not Kind.LEFT
        and one.user in {change.giver, change.taker}
        for change in changes
    )


def _tell(tx: Tx, community: Community, moved: dict[UserId, _Moved], now: Now) -> Iterator[AnyEffect]:
    for user, what in moved.items():
        zone = zone_of(tx, user, community)
        with speaking(language_of(tx, user, community)):
            lines = [
                _("yours now: {room}, {when}").format(
                    room=community.name_of(one.room), when=saying.stretch(one.span, zone)
                )
                for one in what.new
            ] + [
                _("no longer yours: {room}, {when}").format(
                    room=community.name_of(one.room), when=saying.stretch(one.span, zone)
                )
                for one in what.gone
            ]
            said = _("Your turns have changed. You don't have to do anything; I just want you to know.")
            what_moved = (
                *(f"+{one.name}/{one.span.end_ms}" for one in what.new),
                *(f"-{one.name}" for one in what.gone),
            )
            yield SendDirect(
                # What moves there and back moves twice, also where both is found at a start.
                step=f"moved:{now.at_ms}:{','.join(sorted(what_moved))}",
                priority=Priority.STRUCTURE,
                user=user,
                content=content.notice(f"{said}\n\n{saying.listed(lines)}"),
            )
