"""Norms that everybody can read: posted, pinned, mended in place, and posted anew for those who came later.

Where a room shows its past only from one's own joining (or inviting) on, and in every encrypted room, somebody who came
later cannot open an old pinned message (measured: 404). So after somebody joins, the text is posted anew and the pin moved,
without mentioning anybody and at most once a day; a post that nobody but the bot was there to see does not count. Until then
the topic has the summary, and ``!norms`` answers with the text.

When only the words change, the post is edited (``m.replace``) as long as everybody who is there can open it; the pin stays
where it is. When the group agreed to something new (``norms.version``) it is posted anew, and what changed is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.places import NAME, Place
from orchestrator.culture.reach import is_open_to_latecomers
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS, SECOND_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.events import Member, Message, Unreadable
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId
from orchestrator.model.topic import NORMS, TOPIC
from orchestrator.store import bindings, claims, mirror, outbox
from orchestrator.store.claims import Claim
from orchestrator.store.rows import dump, load_object
from orchestrator.store.timers import set_timer, timer_of

from .records import FORGOTTEN, Posted, keep, posted_in

OWNER: Final = NORMS.owner
DO: Final = "norms"
TIMER: Final = "norms:"

GATHER_MS: Final = 60 * SECOND_MS
"""How long we wait for others who join about the same time."""
GATHER_FIRST_MS: Final = 5 * SECOND_MS
"""The same where nobody can read the norms yet; begun anew by each who comes, up to ``GATHER_MS``."""
ANEW_AFTER_MS: Final = DAY_MS
LOOK_AGAIN_MS: Final = 30 * SECOND_MS
RETRY_MS: Final = HOUR_MS
MOST_RETIRED: Final = 50


def settle(tx: Tx, everywhere: Sequence[Place], now: Now) -> Iterable[AnyEffect]:
    """Bring every room's topic, post and pin in line with its policy; where there is none any more, take them back."""
    effects: list[AnyEffect] = []
    for place in everywhere:
        summary = place.policy.norms.summary
        if summary:
            _claim(tx, place.id, TOPIC, NORMS.path, summary, now)
        else:
            claims.drop_claim(tx, place.id, TOPIC, NORMS.owner, now.at_ms, path=NORMS.path)
        effects += _bring(tx, place, now)
    kept = {place.id for place in everywhere}
    for claim in claims.claims_of(tx, OWNER):
        if claim.room not in kept:
            claims.drop_claim(tx, claim.room, claim.type, OWNER, now.at_ms, key=claim.key, path=claim.path)
    return effects


def on_member(tx: Tx, place: Place, event: Member, now: Now) -> None:
    """When somebody joins who cannot open what is pinned, see to it that they soon can."""
    if event.membership != "join" or event.before == "join" or is_open_to_latecomers(tx, place):
        return
    posted = posted_in(tx, place.id)
    tx.run("update norms set closed = 1 where account = :account and room = :room", room=place.id)
    if posted is None or not posted.witnessed:
        _gather(tx, place.id, now)
    else:
        _no_later_than(tx, place.id, max(now.at_ms + GATHER_MS, posted.posted_ms + ANEW_AFTER_MS))


def on_redaction(tx: Tx, place: Place, target: EventId, now: Now) -> None:
    """When somebody removes what is pinned, post it anew, but not before a day is over: nobody should quarrel with a bot."""
    posted = posted_in(tx, place.id)
    if posted is not None and posted.event == target:
        tx.run("update norms set digest = '' where account = :account and room = :room", room=place.id)
        _no_later_than(tx, place.id, max(now.at_ms + GATHER_MS, posted.posted_ms + ANEW_AFTER_MS))


def due(tx: Tx, place: Place, now: Now) -> Iterable[AnyEffect]:
    """Post the norms anew, if that is still called for."""
    if outbox.merging(tx, NAME, _merge_key(place.id)) is not None:
        # It is on its way already. Whether those who joined meanwhile can read it will be seen when it has arrived.
        set_timer(tx, Timer(craft=NAME, key=TIMER + place.id, due_ms=now.at_ms + LOOK_AGAIN_MS))
        return []
    posted = posted_in(tx, place.id)
    if posted is not None and posted.digest == place.policy.norms.digest:
        if is_open_to_latecomers(tx, place):
            return []
        if posted.witnessed and now.at_ms < posted.posted_ms + ANEW_AFTER_MS:
            _no_later_than(tx, place.id, posted.posted_ms + ANEW_AFTER_MS)
            return []
        if not _somebody_is_there(tx, place.id, now):
            return []
    return [_post(tx, place, posted, now)]


def recall(tx: Tx, place: Place, ours: Sequence[Message | Unreadable], now: Now) -> Iterable[AnyEffect]:
    """Know the norms again that we pinned before our memory was lost; whatever else of ours is pinned gives way to them."""
    if posted_in(tx, place.id) is not None or not ours:
        return []
    policy = place.policy.norms
    body = content.text(policy.text)["body"]
    known = next((event for event in reversed(ours) if isinstance(event, Message) and event.body == body), None)
    last = known or ours[-1]
    posted = Posted(
        event=last.id,
        digest=policy.digest if known is not None else FORGOTTEN,
        posted_ms=min(last.at_ms, now.at_ms),
        witnessed=True,
        version=policy.version,
        closed=True,
        retired=tuple(event.id for event in ours if event is not last)[-MOST_RETIRED:],
    )
    keep(tx, place.id, posted)
    return _bring(tx, place, now)


def done(tx: Tx, place: Place | None, result: Result, tag: JsonObject, now: Now) -> Iterable[AnyEffect]:
    """Remember what was posted and move the pin to it; or what was mended in place."""
    room = RoomId(str(tag.get("room")))
    if "mends" in tag:
        return _mended(tx, place, result, tag, now)
    if result.outcome != "done" or result.event is None:
        set_timer(tx, Timer(craft=NAME, key=TIMER + room, due_ms=now.at_ms + RETRY_MS))
        return []
    before = posted_in(tx, room)
    retired: tuple[EventId, ...] = ()
    if before is not None:
        retired = tuple(e for e in (*before.retired, before.event) if e and e != result.event)[-MOST_RETIRED:]
    version = tag.get("version")
    posted = Posted(
        event=result.event,
        digest=str(tag.get("digest")),
        posted_ms=now.at_ms,
        witnessed=tag.get("witnessed") is True,
        retired=retired,
        version=version if isinstance(version, int) else 1,
    )
    keep(tx, room, posted)
    if place is None:
        return []
    _pin(tx, room, posted, now)
    return [*_tell_what_is_new(place, before, posted), *_bring(tx, place, now)]


def _mended(tx: Tx, place: Place | None, result: Result, tag: JsonObject, now: Now) -> Iterable[AnyEffect]:
    """Remember that the post says something else now. Where it could not be mended it is posted anew."""
    room = RoomId(str(tag.get("room")))
    posted = posted_in(tx, room)
    if posted is None or posted.event != tag.get("mends"):
        return []  # another one took its place meanwhile
    digest = str(tag.get("digest")) if result.outcome == "done" else FORGOTTEN
    keep(tx, room, replace(posted, digest=digest))
    return [] if place is None else _bring(tx, place, now)


def _tell_what_is_new(place: Place, before: Posted | None, posted: Posted) -> list[AnyEffect]:
    """Tell members what changed when the group agreed to something new; those who were never told the old need no word."""
    policy = place.policy.norms
    if before is None or before.version >= posted.version or not posted.witnessed:
        return []
    if not policy.changes or policy.version != posted.version:
        return []
    with speaking(place.community.locale):
        said = _("**Something new in what we hold to here.** The whole text is pinned.")
    return [
        Send(
            step=f"norms-new:{place.id}:{policy.version}",
            priority=Priority.STRUCTURE,
            room=place.id,
            content=content.text(f"{said}\n\n{policy.changes}"),
        )
    ]


def _bring(tx: Tx, place: Place, now: Now) -> list[AnyEffect]:
    wanted = place.policy.norms.digest
    posted = posted_in(tx, place.id)
    if posted is not None and posted.event and posted.digest in (wanted, ""):
        _pin(tx, place.id, posted, now)  # one that was removed has its own time to come back
        return []
    if posted is not None and posted.event and _rename_waits(tx, place):
        _pin(tx, place.id, posted, now)  # they name the room: a new name comes first, and that waits for ``apply``
        return []
    if posted is None and _may_be_recalled(tx, place.id):
        _no_later_than(tx, place.id, now.at_ms + GATHER_MS)
        return []
    waiting = outbox.merging(tx, NAME, _merge_key(place.id))
    if waiting is not None and load_object(waiting.tag).get("digest") == wanted:
        return []
    if posted is not None and _can_be_mended(place, posted):
        return [_mend(place, posted)]
    return [_post(tx, place, posted, now)]


def _can_be_mended(place: Place, posted: Posted) -> bool:
    """Tell whether a change of words alone can be made in the post that is there, and everybody will see it."""
    known = posted.event and posted.digest not in ("", FORGOTTEN)
    return bool(known) and not posted.closed and posted.version == place.policy.norms.version


def _mend(place: Place, posted: Posted) -> Send:
    policy = place.policy.norms
    said = content.text(policy.text)
    tag: JsonObject = {"do": DO, "room": place.id, "digest": policy.digest, "mends": posted.event}
    return Send(
        # What it says now is part of the step: words that come back after others are put there again.
        step=f"norms-mend:{place.id}:{policy.digest}:{posted.event}:{posted.digest}",
        priority=Priority.STRUCTURE,
        room=place.id,
        content=content.edit(said, of=posted.event),
        merge=_merge_key(place.id),
        tag=dump(tag),
    )


def _rename_waits(tx: Tx, place: Place) -> bool:
    """Tell whether the files give the room another name than the one that was applied last."""
    applied = claims.claims_on(tx, place.id, "m.room.name", "", 0)
    return any(claim.path == ("name",) and not claim.ended and claim.value != place.room.name for claim in applied)


def _may_be_recalled(tx: Tx, room: RoomId) -> bool:
    """Tell whether a room that was found again has something pinned, which may be the norms: that is looked up first."""
    pins = mirror.state_of(tx, room, "m.room.pinned_events")
    return bindings.was_found(tx, room) and pins is not None and bool((pins.content or {}).get("pinned"))


def _post(tx: Tx, place: Place, posted: Posted | None, now: Now) -> Send:
    digest = place.policy.norms.digest
    tag: JsonObject = {
        "do": DO,
        "room": place.id,
        "digest": digest,
        "version": place.policy.norms.version,
        "witnessed": _somebody_is_there(tx, place.id, now),
    }
    return Send(
        # The post it replaces is part of the step: a text that comes back after another is posted again.
        step=f"norms:{place.id}:{digest}:{posted.event if posted else ''}",
        priority=Priority.STRUCTURE,
        room=place.id,
        content=content.text(place.policy.norms.text),
        merge=_merge_key(place.id),
        tag=dump(tag),
    )


def _pin(tx: Tx, room: RoomId, posted: Posted, now: Now) -> None:
    value: JsonObject = {"pin": posted.event, "unpin": list(posted.retired)}
    _claim(tx, room, "m.room.pinned_events", ("pins", "norms"), value, now)


def _claim(tx: Tx, room: RoomId, type_: str, path: tuple[str, ...], value: Json, now: Now) -> None:
    claims.put_claim(tx, Claim(room=room, type=type_, path=path, owner=OWNER, value=value), now.at_ms)


def _gather(tx: Tx, room: RoomId, now: Now) -> None:
    """Wait a moment for the others: the first who come often come together, and the next post is a day later."""
    timer = timer_of(tx, NAME, TIMER + room)
    first = timer.payload.get("first_ms") if timer is not None else None
    first_ms = first if isinstance(first, int) else now.at_ms
    due_ms = min(now.at_ms + GATHER_FIRST_MS, first_ms + GATHER_MS)
    set_timer(tx, Timer(craft=NAME, key=TIMER + room, due_ms=due_ms, payload={"first_ms": first_ms}))


def _no_later_than(tx: Tx, room: RoomId, due_ms: int) -> None:
    timer = timer_of(tx, NAME, TIMER + room)
    if timer is None or timer.due_ms > due_ms:
        set_timer(tx, Timer(craft=NAME, key=TIMER + room, due_ms=due_ms))


def _somebody_is_there(tx: Tx, room: RoomId, now: Now) -> bool:
    return any(member.user != now.me for member in mirror.members(tx, room))


def _merge_key(room: RoomId) -> str:
    return f"norms:{room}"
