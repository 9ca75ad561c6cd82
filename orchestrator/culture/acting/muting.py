"""Muting: somebody can read but not write for a while, and is told so once it is so, never before.

What a claim leads to is written by another (``rooms/compose`` and the one writer of a room's state), so it is looked at until
it stands there, or until it is plain that it never will; then the claim is taken back and the keepers are told. The claim
ends by itself, also when the bot was away meanwhile; what stood there before it is put back. A person who gives somebody
their voice back by hand has the last word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.culture.places import NAME, Place, any_place_of
from orchestrator.documents.declared import CONTROL_KEY, Community, Documents
from orchestrator.documents.policy import Action
from orchestrator.model.clock import MINUTE_MS, SECOND_MS
from orchestrator.model.effects import AnyEffect, Priority
from orchestrator.model.events import State
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, JsonObject, RoomId, UserId
from orchestrator.store import bindings, claims, ingest, mirror
from orchestrator.store.claims import Claim
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import looking, telling
from .said import Said

TIMER: Final = "muting:"
OWNER: Final = "mute"
LEVELS: Final = "m.room.power_levels"
MUTED: Final = -1
"""Below what anybody may do anything with; ``rooms/compose`` lowers it further where a room needs that."""

FIRST_LOOK_MS: Final = 2 * SECOND_MS
LONGEST_PAUSE_MS: Final = MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """What is wanted.

    Attributes:
        rule: by which; "": a person asked for it (``by``).
        everywhere: in every room of the community.
    """

    length_ms: int
    rule: str = ""
    by: UserId | None = None
    everywhere: bool = False


def mute(tx: Tx, place: Place, said: Said, wanted: Mute, now: Now) -> None:
    """Claim that somebody can only read for a while; a longer mute that stands already stays."""
    rooms = _rooms(tx, place.community) if wanted.everywhere else [place.id]
    until_ms = now.at_ms + wanted.length_ms
    for room in rooms:
        _claim(tx, room, said.user, until_ms, now)
    key = f"{TIMER}{place.id}/{said.user}"
    known = timer_of(tx, NAME, key)
    if known is not None and _number(known.payload.get("until_ms")) <= now.at_ms:
        known = None  # nothing came of that one in its time
    due_ms = now.at_ms + FIRST_LOOK_MS if known is None else known.due_ms
    about: JsonObject = {**said.written(), "rule": wanted.rule, "by": wanted.by, "since_ms": now.at_ms}
    if known is not None:  # if they wrote once more before it was so, it ends later, and is one mute
        about = known.payload
        before = about.get("rooms")
        rooms += [RoomId(str(room)) for room in before if room not in rooms] if isinstance(before, list) else []
        until_ms = max(until_ms, _number(about.get("until_ms")))
    everywhere = wanted.everywhere or about.get("everywhere") is True
    listed: list[Json] = [*rooms]
    payload: JsonObject = {**about, "rooms": listed, "everywhere": everywhere, "until_ms": until_ms}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=due_ms, payload=payload))


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Iterable[AnyEffect]:
    """Look whether it is so by now, and tell whom it concerns; or whom it concerns that it cannot be."""
    said, until_ms = Said.read(timer.payload), _number(timer.payload.get("until_ms"))
    place = any_place_of(tx, documents, said.room)
    if place is None or until_ms <= now.at_ms:
        return  # nothing came of it before it was over
    rooms = _rooms_of(timer)
    open_ = [room for room in rooms if not is_muted(tx, room, said.user)]
    if open_ and _may_still_come(tx, timer, open_):
        _look_again(tx, timer, open_, now)
        return
    rule, everywhere = str(timer.payload.get("rule")), timer.payload.get("everywhere") is True
    by = timer.payload.get("by")
    for room in open_:
        claims.drop_claim(tx, room, LEVELS, OWNER, now.at_ms, path=("users", said.user))
    if len(open_) < len(rooms):
        since_ms = _number(timer.payload.get("since_ms")) or now.at_ms
        telling.note(tx, said, rule, Action.MUTE, since_ms, until_ms=until_ms, everywhere=everywhere)
        yield from telling.tell(tx, documents, said.user, now, at_once=True)
        asked_by = UserId(by) if isinstance(by, str) else None
        yield from looking.muted(tx, place, said.user, rule, asked_by, until_ms, now, everywhere=everywhere)
    if open_:
        yield from looking.not_muted(tx, place, rule, now)


def is_muted(tx: Tx, room: RoomId, user: UserId) -> bool:
    """Tell whether somebody can only read in a room."""
    power = mirror.power_of(tx, room)
    return not (power.can_send(user, "m.room.message") or power.can_send(user, "m.room.encrypted"))


def lift(tx: Tx, rooms: Iterable[RoomId], user: UserId, now: Now) -> list[RoomId]:
    """Let somebody write again; tells where they could not, or were about not to."""
    lifted = [room for room in rooms if claims.drop_claim(tx, room, LEVELS, OWNER, now.at_ms, path=("users", user))]
    if lifted:
        _over(tx, lifted, user, now)
    return lifted


def where_muted(tx: Tx, community: Community, user: UserId) -> list[RoomId]:
    """List the rooms of a community in which somebody can only read because of us."""
    ours = _bound(tx, community.key)
    return [claim.room for claim in claims.claims_at(tx, OWNER, ("users", user)) if claim.room in ours]


def is_everywhere(tx: Tx, community: Community, user: UserId, now: Now) -> bool:
    """Tell whether somebody can only read, or is about to, in all rooms of a community at once."""
    ours = _bound(tx, community.key)
    for timer in _timers(tx, user):
        lasts = _number(timer.payload.get("until_ms")) > now.at_ms
        if lasts and timer.payload.get("everywhere") is True and ours & {*_rooms_of(timer)}:
            return True
    return any(
        one.everywhere and one.action is Action.MUTE and one.until_ms > now.at_ms and one.room in ours
        for one in telling.reasons_of(tx, user)
    )


def by_hand(tx: Tx, event: State, now: Now) -> None:
    """Let it be, where a person gave somebody their voice back: it is not taken again, and nothing is put back later."""
    if event.type != LEVELS or event.sender == now.me:
        return
    for claim in claims.claims_in(tx, event.room):
        if claim.owner != OWNER or claim.type != LEVELS or len(claim.path) != 2:
            continue
        user = UserId(claim.path[1])
        # One that does not stand there yet was not undone, but overtaken.
        waits = any(event.room in _rooms_of(timer) for timer in _timers(tx, user))
        if not waits and not is_muted(tx, event.room, user):
            claims.forget_claim(tx, claim)
            _over(tx, [event.room], user, now)


def _claim(tx: Tx, room: RoomId, user: UserId, until_ms: int, now: Now) -> None:
    path = ("users", user)
    here = [claim for claim in claims.claims_on(tx, room, LEVELS, "", now.at_ms) if claim.path == path]
    standing = next((claim for claim in here if claim.owner == OWNER and not claim.ended), None)
    if standing is not None and (standing.until_ms or 0) >= until_ms:
        return
    claim = Claim(room=room, type=LEVELS, path=path, owner=OWNER, value=MUTED, until_ms=until_ms)
    claims.put_claim(tx, claim, now.at_ms, Priority.SAFETY)
    # What another claim explains comes back with that claim, if it is still wanted then.
    if not here:
        claims.keep_before(tx, claim, _stood(tx, room, user))


def _stood(tx: Tx, room: RoomId, user: UserId) -> tuple[Json, ...]:
    state = mirror.state_of(tx, room, LEVELS)
    users = (state.content or {}).get("users") if state is not None else None
    return (users[user],) if isinstance(users, dict) and user in users else ()


def _rooms(tx: Tx, community: Community) -> list[RoomId]:
    keys = [
        room.key for room in community.rooms if room.kind != "space" and not room.archive and room.key != CONTROL_KEY
    ]
    bound = (bindings.bound_room(tx, community.key, key) for key in keys)
    return [room for room in bound if room is not None]


def _rooms_of(timer: Timer) -> Sequence[RoomId]:
    rooms = timer.payload.get("rooms")
    return [RoomId(str(room)) for room in rooms] if isinstance(rooms, list) else []


def _timers(tx: Tx, user: UserId) -> list[Timer]:
    return [timer for timer in timers_of(tx, NAME, TIMER) if timer.payload.get("user") == user]


def _over(tx: Tx, rooms: Sequence[RoomId], user: UserId, now: Now) -> None:
    """Forget what was still to be looked at, and let ``!why`` say that it is over."""
    for timer in _timers(tx, user):
        left: list[Json] = [room for room in _rooms_of(timer) if room not in rooms]
        if left:
            payload = {**timer.payload, "rooms": left}
            set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=timer.due_ms, payload=payload))
        else:
            clear_timer(tx, NAME, timer.key)
    still = {claim.room for claim in claims.claims_at(tx, OWNER, ("users", user))}
    for key in {binding.community for room in rooms if (binding := bindings.binding_of(tx, room)) is not None}:
        ours = _bound(tx, key)
        telling.over(tx, user, rooms if ours & still else ours, now, everywhere=not ours & still)


def _bound(tx: Tx, community: CommunityKey) -> frozenset[RoomId]:
    return frozenset(binding.room for binding in bindings.bindings(tx) if binding.community == community)


def _may_still_come(tx: Tx, timer: Timer, rooms: Sequence[RoomId]) -> bool:
    """Tell whether it is not written yet, or was written and we have not heard of it."""
    settled_ms = timer.payload.get("settled_ms")
    if any(claims.is_unsettled(tx, room, LEVELS, "") for room in rooms) or not isinstance(settled_ms, int):
        return True
    return ingest.heard_ms(tx) <= settled_ms


def _look_again(tx: Tx, timer: Timer, rooms: Sequence[RoomId], now: Now) -> None:
    pause_ms = timer.payload.get("pause_ms")
    pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS) if isinstance(pause_ms, int) else FIRST_LOOK_MS
    unsettled = any(claims.is_unsettled(tx, room, LEVELS, "") for room in rooms)
    settled_ms = None if unsettled else timer.payload.get("settled_ms") or now.at_ms
    payload: JsonObject = {**timer.payload, "pause_ms": pause_ms, "settled_ms": settled_ms}
    set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + pause_ms, payload=payload))


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0
