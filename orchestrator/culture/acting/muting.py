"""Muting: somebody can read but not write for a while, and is told so once it is so, never before.

What a claim leads to is written by another (``rooms/compose`` and the one writer of a room's state), so it is looked at until
it stands there, or until it is plain that it never will; then the claim is taken back and the keepers are told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from orchestrator.culture import notices
from orchestrator.culture.places import NAME, Place, place_of
from orchestrator.culture.words import MUTE_MS
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, Rule
from orchestrator.model.clock import MINUTE_MS, SECOND_MS
from orchestrator.model.effects import AnyEffect, Priority
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId
from orchestrator.store import claims, ingest, mirror
from orchestrator.store.claims import Claim
from orchestrator.store.timers import set_timer, timer_of

from . import telling

TIMER: Final = "muting:"
OWNER: Final = "mute"
LEVELS: Final = "m.room.power_levels"
MUTED: Final = -1
"""Below what anybody may do anything with; ``rooms/compose`` lowers it further where a room needs that."""

FIRST_LOOK_MS: Final = 2 * SECOND_MS
LONGEST_PAUSE_MS: Final = MINUTE_MS


def mute(tx: Tx, place: Place, user: UserId, event: EventId, rule: Rule, now: Now) -> None:
    """Claim that somebody can only read in a room for a while."""
    until_ms = now.at_ms + MUTE_MS
    claim = Claim(room=place.id, type=LEVELS, path=("users", user), owner=OWNER, value=MUTED, until_ms=until_ms)
    claims.put_claim(tx, claim, now.at_ms, Priority.SAFETY)
    key = f"{TIMER}{place.id}/{user}"
    known = timer_of(tx, NAME, key)
    due_ms = now.at_ms + FIRST_LOOK_MS if known is None else known.due_ms
    about: JsonObject = {"room": place.id, "user": user, "event": event, "rule": rule.id}
    # If they wrote once more before it was so, it ends later, and is one mute.
    payload: JsonObject = {**(about if known is None else known.payload), "until_ms": until_ms}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=due_ms, payload=payload))


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Iterable[AnyEffect]:
    """Look whether it is so by now, and tell whom it concerns; or whom it concerns that it cannot be."""
    room, user = RoomId(str(timer.payload.get("room"))), UserId(str(timer.payload.get("user")))
    until_ms = timer.payload.get("until_ms")
    place = place_of(tx, documents, room)
    if place is None or not isinstance(until_ms, int) or until_ms <= now.at_ms:
        return  # nothing came of it before it was over
    rule, event = str(timer.payload.get("rule")), EventId(str(timer.payload.get("event")))
    if _is_muted(tx, room, user):
        telling.note(tx, user, room, event, rule, Action.MUTE, until_ms - MUTE_MS)
        yield from telling.tell(tx, documents, user, now)
        yield from notices.muted(tx, place, rule, user, now)
    elif _may_still_come(tx, timer, room):
        _look_again(tx, timer, room, now)
    else:
        claims.drop_claim(tx, room, LEVELS, OWNER, now.at_ms, path=("users", user))
        yield from notices.not_muted(tx, place, rule, now)


def _is_muted(tx: Tx, room: RoomId, user: UserId) -> bool:
    power = mirror.power_of(tx, room)
    return not (power.can_send(user, "m.room.message") or power.can_send(user, "m.room.encrypted"))


def _may_still_come(tx: Tx, timer: Timer, room: RoomId) -> bool:
    """Tell whether it is not written yet, or was written and we have not heard of it."""
    settled_ms = timer.payload.get("settled_ms")
    if claims.is_unsettled(tx, room, LEVELS, "") or not isinstance(settled_ms, int):
        return True
    return ingest.heard_ms(tx) <= settled_ms


def _look_again(tx: Tx, timer: Timer, room: RoomId, now: Now) -> None:
    pause_ms = timer.payload.get("pause_ms")
    pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS) if isinstance(pause_ms, int) else FIRST_LOOK_MS
    settled_ms = None if claims.is_unsettled(tx, room, LEVELS, "") else timer.payload.get("settled_ms") or now.at_ms
    payload: JsonObject = {**timer.payload, "pause_ms": pause_ms, "settled_ms": settled_ms}
    set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + pause_ms, payload=payload))
