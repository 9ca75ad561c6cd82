"""Why something was done to somebody: kept for a while, told to them in private, and told again whenever they ask.

Of what they wrote nothing is kept: the room, the rule, the event's id and the time. Several reasons become one word. A
word that is on its way is not repeated; what happens meanwhile is told in the next one, which comes ten minutes after the
last at the earliest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from orchestrator.culture.places import NAME, any_place_of
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, Send, SendDirect
from orchestrator.model.feature import Now, Row, Timer, Tx
from orchestrator.model.ids import EventId, RoomId, UserId, cause_of
from orchestrator.store import bindings, journal, outbox
from orchestrator.store.rows import dump, number, text
from orchestrator.store.timers import set_timer, timer_of

from . import ladder, words
from .said import Said

DO: Final = "word"
TIMER: Final = "why:"
PACE_MS: Final = 10 * MINUTE_MS
WORTH_TELLING_MS: Final = DAY_MS
KEEP_MS: Final = 30 * DAY_MS
"""How long reasons are kept where no policy's ladder says how soon it forgets."""


class Told(IntEnum):
    """Whether the person knows."""

    NOT_YET = 0
    YES = 1
    ON_ITS_WAY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Something that was done to somebody.

    Attributes:
        rule: because of which; "": a person who looks after the room decided so.
        action: None where that is not known any more.
        until_ms: when a mute ends, or ended; 0: not known.
        everywhere: a mute in every room of the community.
    """

    user: UserId
    room: RoomId
    event: EventId
    rule: str
    action: Action | None
    at_ms: int
    until_ms: int
    everywhere: bool


def note(
    tx: Tx, said: Said, rule: str, action: Action, at_ms: int, *, until_ms: int = 0, everywhere: bool = False
) -> None:
    """Keep a reason and what was done, whatever becomes of the rule; one a rule and event."""
    tx.run(
        'insert into reason (account, cause, "user", room, event, rule, action, at_ms, told, until_ms, everywhere, root)'
        " values (:account, :cause, :user, :room, :event, :rule, :action, :at_ms, :told, :until_ms, :everywhere, :root)"
        " on conflict do nothing",
        cause=_cause(tx, said, rule, action),
        user=said.user,
        room=said.room,
        event=said.event,
        rule=rule,
        action=action.value,
        at_ms=at_ms,
        told=int(Told.NOT_YET),
        until_ms=until_ms,
        everywhere=int(everywhere),
        root=said.root,
    )


def _cause(tx: Tx, said: Said, rule: str, action: Action) -> str:
    # A message can be taken down and its author muted by the same rule; both are told.
    what = f"reason:{rule}:mute" if action is Action.MUTE else f"reason:{rule}"
    return cause_of(tx.account, said.event, NAME, what)


def reasons_of(tx: Tx, user: UserId) -> Sequence[Reason]:
    """List what is kept about somebody, oldest first."""
    rows = tx.rows(
        'select * from reason where account = :account and "user" = :user order by at_ms, room, rule', user=user
    )
    return [_reason(row) for row in rows]


def reasons_in(tx: Tx, rooms: Sequence[RoomId], most: int) -> Sequence[Reason]:
    """List what was done in some rooms, newest first."""
    found = [
        _reason(row)
        for room in rooms
        for row in tx.rows(
            "select * from reason where account = :account and room = :room order by at_ms desc, rule limit :most",
            room=room,
            most=most,
        )
    ]
    return sorted(found, key=lambda reason: (-reason.at_ms, reason.room, reason.rule))[:most]


def over(tx: Tx, user: UserId, rooms: Iterable[RoomId], now: Now, *, everywhere: bool) -> None:
    """Note that somebody can write again in some rooms before their time was over; ``everywhere``: in all there are."""
    for room in rooms:
        tx.run(
            'update reason set until_ms = :now_ms where account = :account and "user" = :user and room = :room'
            " and action = :mute and until_ms > :now_ms and (everywhere = 0 or :everywhere)",
            user=user,
            room=room,
            mute=Action.MUTE.value,
            now_ms=now.at_ms,
            everywhere=int(everywhere),
        )


def tell(tx: Tx, documents: Documents, user: UserId, now: Now, *, at_once: bool = False) -> Iterable[AnyEffect]:
    """Tell somebody what they do not know yet, unless a word of ours is on its way or was just said.

    ``at_once``: though one was just said. Who finds that they cannot write is not left to wonder why.
    """
    waiting = outbox.merging(tx, NAME, _merge_key(user))
    if waiting is not None and waiting.tried_ms is not None:
        _wait(tx, user, now)
        return []
    if waiting is None and not at_once and timer_of(tx, NAME, TIMER + user) is not None:
        return []  # the timer tells the rest
    return _say(tx, documents, user, now)


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Iterable[AnyEffect]:
    """Tell somebody the rest of what happened since the last word."""
    user = UserId(timer.key.removeprefix(TIMER))
    if not _anything_untold(tx, user):
        return []
    if outbox.merging(tx, NAME, _merge_key(user)) is not None:
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + MINUTE_MS))
        return []
    return _say(tx, documents, user, now)


def done(tx: Tx, user: UserId) -> None:
    """Note that a word arrived, or that it never will: then it is not tried again, and ``!why`` still answers."""
    _mark(tx, user, Told.ON_ITS_WAY, Told.YES)
    ladder.told(tx, user)


def keep_ms(documents: Documents) -> int:
    """Tell how long reasons are kept: as long as the longest ladder remembers."""
    kept = [
        room.policy.ladder_forget_ms
        for community in documents.communities
        for room in community.every_room()
        if room.policy is not None and room.policy.ladder_forget_ms is not None
    ]
    return max(kept, default=KEEP_MS)


def forget(tx: Tx, documents: Documents, now: Now) -> None:
    """Drop the reasons that are too old, and that anything was done at all."""
    before_ms = now.at_ms - keep_ms(documents)
    journal.forget_of(tx, NAME, before_ms)
    tx.run("delete from reason where account = :account and at_ms < :before_ms", before_ms=before_ms)


def _say(tx: Tx, documents: Documents, user: UserId, now: Now) -> list[AnyEffect]:
    _mark(tx, user, Told.NOT_YET, Told.ON_ITS_WAY)
    happened = _on_its_way(tx, documents, user)
    if not happened:
        _mark(tx, user, Told.ON_ITS_WAY, Told.YES)  # the rooms are no longer ours: there is nothing to explain
        return []
    _wait(tx, user, now)
    return _word(tx, user, happened, now)


def _word(tx: Tx, user: UserId, happened: Sequence[words.Happened], now: Now) -> list[AnyEffect]:
    """Let the word travel as the policy says: in private, only where we talk already, or in a thread."""
    ways = {one.place.policy.telling for one in happened}
    private = "direct" in ways or ("existing" in ways and bindings.direct_room(tx, user) is not None)
    first = next((one for one in happened if private or one.place.policy.telling == "thread"), None)
    if first is None:
        done(tx, user)  # they are told when they ask
        return []
    tag = dump({"do": DO, "user": user})
    expires_ms = now.at_ms + WORTH_TELLING_MS
    with speaking(first.place.community.locale):
        if private:
            return [
                SendDirect(
                    step="why",
                    priority=Priority.REPLY,
                    user=user,
                    content=content.notice(words.why_it_happened(happened)),
                    expires_ms=expires_ms,
                    merge=_merge_key(user),
                    tag=tag,
                    rule=first.rule,
                )
            ]
        neutral = content.notice(words.in_the_thread(first), mentions=[user])
    return [
        Send(
            step="why",
            priority=Priority.REPLY,
            room=first.place.id,
            content=content.reply(neutral, to=first.event, thread=first.root or first.event),
            expires_ms=expires_ms,
            merge=_merge_key(user),
            tag=tag,
            rule=first.rule,
        )
    ]


def _on_its_way(tx: Tx, documents: Documents, user: UserId) -> list[words.Happened]:
    # Beside max(at_ms), all else is of the last one (SQLite, "Bare columns in an aggregate query").
    rows = tx.rows(
        "select room, rule, action, count(*) as n, max(at_ms) as at_ms, event, root, until_ms, everywhere from reason"
        ' where account = :account and "user" = :user and told = :told'
        " group by room, rule, action order by min(at_ms), room, rule",
        user=user,
        told=int(Told.ON_ITS_WAY),
    )
    found = []
    for row in rows:
        place = any_place_of(tx, documents, RoomId(text(row, "room")))
        if place is not None:
            found.append(
                words.Happened(
                    place=place,
                    rule=text(row, "rule"),
                    action=_action(row),
                    count=number(row, "n"),
                    at_ms=number(row, "at_ms"),
                    event=EventId(text(row, "event")),
                    root=EventId(text(row, "root")),
                    until_ms=number(row, "until_ms"),
                    everywhere=number(row, "everywhere") == 1,
                )
            )
    return found


def _reason(row: Row) -> Reason:
    return Reason(
        user=UserId(text(row, "user")),
        room=RoomId(text(row, "room")),
        event=EventId(text(row, "event")),
        rule=text(row, "rule"),
        action=_action(row),
        at_ms=number(row, "at_ms"),
        until_ms=number(row, "until_ms"),
        everywhere=number(row, "everywhere") == 1,
    )


def _action(row: Row) -> Action | None:
    return Action(text(row, "action")) if row["action"] else None


def _anything_untold(tx: Tx, user: UserId) -> bool:
    row = tx.one(
        'select 1 as untold from reason where account = :account and "user" = :user and told = :told limit 1',
        user=user,
        told=int(Told.NOT_YET),
    )
    return row is not None


def _wait(tx: Tx, user: UserId, now: Now) -> None:
    set_timer(tx, Timer(craft=NAME, key=TIMER + user, due_ms=now.at_ms + PACE_MS))


def _mark(tx: Tx, user: UserId, before: Told, after: Told) -> None:
    tx.run(
        'update reason set told = :after where account = :account and "user" = :user and told = :before',
        user=user,
        before=int(before),
        after=int(after),
    )


def _merge_key(user: UserId) -> str:
    return f"why:{user}"
