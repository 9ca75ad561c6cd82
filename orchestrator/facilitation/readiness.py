"""Before somebody's first turn it is looked at whether all is there that they need; what is missing is said in time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import NO_DEVICES, AnyEffect, FindDevices, Priority, Result, Send, SendDirect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import RoomId
from orchestrator.store import bindings, mirror
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from . import NAME, saying
from .records.holdings import Held, held_in
from .records.preferences import language_of, zone_of
from .records.said import said_with, say_once
from .records.served import has_served
from .rota.things import Part
from .waking import quiet_of, waking_ms

READY: Final = "ready:"
LEADS_MS: Final = (7 * DAY_MS, DAY_MS)
"""How long before a first turn it is looked at; what is missing still then is said again."""
ASKED_MS: Final = 6 * HOUR_MS
"""For how long it is asked whether somebody has a device that can read; then the rest is said without that."""


class Lack(Enum):
    """What somebody may lack for a turn, in the order in which it is said."""

    ROOM = auto()
    PRIVATE = auto()
    DEVICE = auto()


def plan_checks(tx: Tx, community: Community, now: Now) -> None:
    """Set the timers of the checks before the first turn of each person who has had none."""
    known = set()
    for held in _first_turns(tx, community, now):
        room = community.room(held.room)
        ahead = [at_ms for at_ms, _lead_ms in _checks(tx, community, held) if room is not None]
        if room is None or not ahead:
            continue
        known.add(_timer_key(community, held))
        awake_ms = waking_ms(max(min(ahead), now.at_ms), quiet_of(room), zone_of(tx, held.user, community))
        set_timer(tx, Timer(craft=NAME, key=_timer_key(community, held), due_ms=min(awake_ms, held.span.start_ms - 1)))
    for timer in timers_of(tx, NAME, f"{READY}{community.key}/"):
        if timer.key not in known:
            clear_timer(tx, NAME, timer.key)


def _first_turns(tx: Tx, community: Community, now: Now) -> list[Held]:
    """List the first turn to come of each person who has kept no room so far."""
    first: dict[str, Held] = {}
    for held in held_in(tx, community.key, now.at_ms):
        if held.gone_ms is None and held.part is not Part.SHADOW:
            first.setdefault(held.user, held)
    return [
        held
        for held in first.values()
        if held.span.start_ms > now.at_ms + 1 and not has_served(tx, community.key, held.user)
    ]


def _timer_key(community: Community, held: Held) -> str:
    return f"{READY}{community.key}/{held.name}"


def _checks(tx: Tx, community: Community, held: Held) -> Iterator[tuple[int, int]]:
    """List when it is to be looked at still, and how long before the turn each of these was meant to be."""
    key = _timer_key(community, held)
    said = set(said_with(tx, f"{key}/"))
    for lead_ms in LEADS_MS:
        if f"{key}/{lead_ms}" not in said:
            yield held.span.start_ms - lead_ms, lead_ms


class Readiness:
    """Looks whether people are ready for their first turn.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Forget the checks of communities that are not ours any more."""
        del now
        ours = tuple(f"{READY}{community.key}/" for community in self._documents.communities)
        for timer in timers_of(tx, NAME, READY):
            if not timer.key.startswith(ours):
                clear_timer(tx, NAME, timer.key)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Look, and say what is missing."""
        if not timer.key.startswith(READY):
            return None
        effects = list[AnyEffect]()
        for community in self._documents.communities:
            if not timer.key.startswith(f"{READY}{community.key}/"):
                continue
            for held in _first_turns(tx, community, now):
                if _timer_key(community, held) == timer.key:
                    effects += _check(tx, community, held, now)
            plan_checks(tx, community, now)
        return effects

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Say what is missing, once it is known what can be known; None when it is about something else."""
        if not result.tag.startswith(READY):
            return None
        return [
            effect
            for community in self._documents.communities
            if result.tag.startswith(f"{READY}{community.key}/")
            for held in _first_turns(tx, community, now)
            if _timer_key(community, held) == result.tag
            for effect in _tell(tx, community, held, now, deviceless=result.errcode == NO_DEVICES)
        ]


def _check(tx: Tx, community: Community, held: Held, now: Now) -> Iterator[AnyEffect]:
    for at_ms, lead_ms in _checks(tx, community, held):
        if at_ms <= now.at_ms:
            say_once(tx, f"{_timer_key(community, held)}/{lead_ms}", now.at_ms)
    # Whether they can read what is encrypted only the server can tell; the rest is looked at when it has.
    yield FindDevices(
        step=f"{READY}{community.key}/{held.name}",
        priority=Priority.STRUCTURE,
        user=held.user,
        expires_ms=min(now.at_ms + ASKED_MS, held.span.start_ms),
        tag=_timer_key(community, held),
    )


def _tell(tx: Tx, community: Community, held: Held, now: Now, *, deviceless: bool) -> Iterator[AnyEffect]:
    """Say what is missing, to the person and to the leads; nothing where nothing is."""
    room = community.room(held.room)
    if room is None:
        return
    lacks = _missing(tx, community, room, held, now, deviceless=deviceless)
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    step = f"{READY}{community.key}/{held.name}"
    if lacks:
        with speaking(language_of(tx, held.user, community)):
            yield _to_them(tx, community, room, held, lacks, f"{step}:told")
    if lacks and control is not None:
        with speaking(community.locale):
            yield _to_leads(community, room, held, lacks, control, f"{step}:leads")


def _missing(tx: Tx, community: Community, room: Room, held: Held, now: Now, *, deviceless: bool) -> frozenset[Lack]:
    """Find out what somebody lacks for a turn."""
    bound = bindings.bound_room(tx, community.key, room.key)
    seen = mirror.member(tx, bound, held.user) if bound is not None else None
    direct = bindings.direct_room(tx, held.user)
    lacks = {Lack.DEVICE} if deviceless else set[Lack]()
    if seen is None or seen.membership != "join":
        lacks.add(Lack.ROOM)
    if direct is None or not bindings.is_private(tx, direct, held.user, now.me):
        lacks.add(Lack.PRIVATE)
    return frozenset(lacks)


def _to_them(tx: Tx, community: Community, room: Room, held: Held, lacks: frozenset[Lack], step: str) -> AnyEffect:
    what = {
        Lack.ROOM: _("to be in the room {room}: accept the invitation to it, or ask a lead for one").format(
            room=room.name
        ),
        Lack.PRIVATE: _("a private room with me, so that I can reach you: accept the invitation that comes with this"),
        Lack.DEVICE: _(
            "an app that can read encrypted messages: I find none of yours. Log in with one such as Element, and let it"
            " finish setting up"
        ),
    }
    said = _("Your first turn in {room} begins on {when}. So that all goes well, one thing is still missing:")
    if len(lacks) > 1:
        said = _("Your first turn in {room} begins on {when}. So that all goes well, this is still missing:")
    when = saying.moment(held.span.start_ms, zone_of(tx, held.user, community))
    lines = saying.listed([what[one] for one in Lack if one in lacks])
    return SendDirect(
        step=step,
        priority=Priority.STRUCTURE,
        user=held.user,
        expires_ms=held.span.start_ms,
        content=content.notice(f"{said.format(room=room.name, when=when)}\n\n{lines}"),
    )


def _to_leads(
    community: Community, room: Room, held: Held, lacks: frozenset[Lack], control: RoomId, step: str
) -> AnyEffect:
    what = {
        Lack.ROOM: _("to be in the room"),
        Lack.PRIVATE: _("a private room with me: I have invited them"),
        Lack.DEVICE: _("an app that can read encrypted messages: I find none of theirs"),
    }
    said = _("{person} has their first turn in {room} on {when}. This is still missing, as I told them:")
    when = saying.moment(held.span.start_ms, community.zone)
    lines = saying.listed([what[one] for one in Lack if one in lacks])
    parts = [said.format(person=held.user, room=room.name, when=when), lines]
    if lacks & {Lack.PRIVATE, Lack.DEVICE}:
        parts.append(
            _("They may not be able to read what I write to them. Please ask them in another way, if you can.")
        )
    return Send(
        step=step,
        room=control,
        priority=Priority.STRUCTURE,
        expires_ms=held.span.start_ms,
        content=content.notice("\n\n".join(parts), people=[held.user]),
    )
