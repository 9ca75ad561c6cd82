"""Who was given turns without being asked about them hears of it in private: gathered, once, and at a decent hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.cadence import NIGHT
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, SendDirect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import UserId
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from . import NAME, saying, wording
from .records.holdings import Held, held_in
from .records.preferences import language_of, zone_of
from .records.said import said_at_ms, said_with, say_once, unsay, was_said
from .waking import quiet_of, waking_ms

NEWS: Final = "news:"
APART_MS: Final = DAY_MS
"""How long at least lies between two such messages to one person: short turns make not for many of them."""


def keep(tx: Tx, community: Community, new: Iterable[Held], now: Now) -> None:
    """Note turns whose people have not heard of them, and set when they are to; of what is theirs no longer they need not."""
    for held in new:
        say_once(tx, _mark(community, held), now.at_ms)
    untold = _untold(tx, community, now)
    for user, turns in untold.items():
        due_ms = _due_ms(tx, community, user, turns, now)
        set_timer(tx, Timer(craft=NAME, key=_key(community, user), due_ms=due_ms))
    for timer in timers_of(tx, NAME, f"{NEWS}{community.key}/"):
        if timer.key not in {_key(community, user) for user in untold}:
            clear_timer(tx, NAME, timer.key)


def is_untold(tx: Tx, community: Community, held: Held) -> bool:
    """Tell whether somebody is yet to hear of a turn."""
    return was_said(tx, _mark(community, held))


def _due_ms(tx: Tx, community: Community, user: UserId, turns: Iterable[Held], now: Now) -> int:
    """Choose when somebody hears of turns: when they are awake, a day after the last such message, but before one begins."""
    first = min(turns, key=lambda held: held.span)
    room, zone = community.room(first.room), zone_of(tx, user, community)
    quiet = NIGHT if room is None else quiet_of(room)
    told_ms = said_at_ms(tx, _told(community, user))
    apart_ms = now.at_ms if told_ms is None else max(now.at_ms, told_ms + APART_MS)
    for due_ms in (waking_ms(apart_ms, quiet, zone), waking_ms(now.at_ms, quiet, zone)):
        if due_ms < first.span.start_ms:
            return due_ms
    return now.at_ms


class News:
    """Tells people what is theirs.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Forget what communities that are not ours any more had to tell."""
        del now
        ours = tuple(f"{NEWS}{community.key}/" for community in self._documents.communities)
        for timer in timers_of(tx, NAME, NEWS):
            if not timer.key.startswith(ours):
                clear_timer(tx, NAME, timer.key)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Tell somebody."""
        if not timer.key.startswith(NEWS):
            return None
        return [
            effect
            for community in self._documents.communities
            for user, turns in _untold(tx, community, now).items()
            if timer.key == _key(community, user)
            for effect in _tell(tx, community, user, turns, now)
        ]


def _tell(tx: Tx, community: Community, user: UserId, turns: Iterable[Held], now: Now) -> Iterator[AnyEffect]:
    for held in turns:
        unsay(tx, _mark(community, held))
    unsay(tx, _told(community, user))
    say_once(tx, _told(community, user), now.at_ms)
    zone = zone_of(tx, user, community)
    with speaking(language_of(tx, user, community)):
        lines = [wording.turn(community.name_of(one.room), saying.stretch(one.span, zone), one.part) for one in turns]
        how = _("If one of them does not suit you, `{prefix}swap` finds somebody else.").format(prefix=community.prefix)
        said = f"{_('You have these turns:')}\n\n{saying.listed(lines)}\n\n{how}"
    yield SendDirect(
        step=f"{NEWS}{community.key}:{user}:{now.at_ms}",
        priority=Priority.STRUCTURE,
        user=user,
        expires_ms=max(one.span.end_ms for one in turns),
        content=content.notice(said),
    )


def _untold(tx: Tx, community: Community, now: Now) -> dict[UserId, list[Held]]:
    """List the turns to come whose people have not heard of them; forget the marks of all others."""
    marks = set(said_with(tx, f"{NEWS}{community.key}/"))
    found: defaultdict[UserId, list[Held]] = defaultdict(list)
    for held in held_in(tx, community.key, now.at_ms) if marks else ():
        mark = _mark(community, held)
        if mark in marks and held.gone_ms is None and held.span.start_ms > now.at_ms:
            found[held.user].append(held)
            marks.remove(mark)
    for mark in marks:
        unsay(tx, mark)
    return dict(found)


def _key(community: Community, user: UserId) -> str:
    return f"{NEWS}{community.key}/{user}"


def _mark(community: Community, held: Held) -> str:
    return f"{NEWS}{community.key}/{held.name}"


def _told(community: Community, user: UserId) -> str:
    return f"told:{community.key}/{user}"
