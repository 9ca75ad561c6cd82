"""What is kept of a raised hand: ids, how urgent it is, who was asked and who took it. Never a word.

Who raised it and what it was about is forgotten a day later; when, how urgent and when somebody took it, after a month.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomKey, UserId
from orchestrator.store.rows import dump, load, maybe_number, number, text

from .levels import Level

KEPT_MS: Final = 30 * DAY_MS
OPEN_MS: Final = DAY_MS
"""How long somebody can take it, and how long it is known whose hand it was."""

UNKNOWN: Final = "?"
"""It is about one of those who look after the community, and it is not known about whom."""

NOTICED: Final = "words"
"""Nobody raised it: the group chose words that do."""


class State(StrEnum):
    """How far it is."""

    ASKING = "asking"
    """How urgent it is was asked, and nobody was called yet."""
    CALLED = "called"
    SILENT = "silent"
    """Everybody was called, and nobody answered."""
    TAKEN = "taken"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A raised hand.

    Attributes:
        key: the declared room it is about; None: not known.
        user: who raised it; "" once that is forgotten.
        named: they may be told who it is.
        about: whom it is about, of those who look after the community (``UNKNOWN``: one of them); ``NOTICED``; "".
        event: the message it is about.
        step: how many times somebody more was called.
        asked: who was called.
    """

    id: str
    community: CommunityKey
    key: RoomKey | None
    user: UserId
    level: Level
    named: bool
    about: str
    event: EventId | None
    state: State
    step: int
    asked: tuple[UserId, ...]
    since_ms: int
    taken_by: UserId | None = None
    taken_ms: int | None = None

    @property
    def private(self) -> bool:
        """Whether the control room is not to hear of it."""
        return bool(self.about)

    @property
    def is_about_keepers(self) -> bool:
        """Whether it is about one of those who look after the community: then they are to notice nothing of it."""
        return self.about not in {"", NOTICED}

    @property
    def skipped(self) -> frozenset[UserId]:
        """Who is never asked: whose hand it is, and whom it is about."""
        return frozenset({self.user, UserId(self.about)})


def id_of(origin: str, community: CommunityKey) -> str:
    """Name a hand by the event that raised it: raised again after a crash it is the same one."""
    return hashlib.sha256(f"{origin} {community}".encode()).hexdigest()[:16]


def keep(tx: Tx, hand: Hand) -> None:
    """Write a hand down as it is now."""
    tx.run(
        'insert into hand (account, id, community, key, "user", level, named, about, event, state, step, asked, since_ms,'
        " taken_by, taken_ms) values (:account, :id, :community, :key, :user, :level, :named, :about, :event, :state,"
        " :step, :asked, :since_ms, :taken_by, :taken_ms) on conflict (account, id) do update set key = excluded.key,"
        ' "user" = excluded."user", level = excluded.level, named = excluded.named, about = excluded.about,'
        " event = excluded.event, state = excluded.state, step = excluded.step, asked = excluded.asked,"
        " taken_by = excluded.taken_by, taken_ms = excluded.taken_ms",
        id=hand.id,
        community=hand.community,
        key=hand.key,
        user=hand.user,
        level=int(hand.level),
        named=int(hand.named),
        about=hand.about,
        event=hand.event,
        state=hand.state.value,
        step=hand.step,
        asked=dump(list(hand.asked)),
        since_ms=hand.since_ms,
        taken_by=hand.taken_by,
        taken_ms=hand.taken_ms,
    )


def hand_of(tx: Tx, hand: str) -> Hand | None:
    """Read a hand; None when it is forgotten."""
    row = tx.one("select * from hand where account = :account and id = :id", id=hand)
    return None if row is None else _hand(row)


def hands_of(tx: Tx, user: UserId, *states: State) -> list[Hand]:
    """List somebody's hands in these states, newest first."""
    rows = tx.rows(
        'select * from hand where account = :account and "user" = :user order by since_ms desc, id', user=user
    )
    return [hand for hand in map(_hand, rows) if hand.state in states]


def follow(tx: Tx, before: tuple[CommunityKey, RoomKey | None], now: tuple[CommunityKey, RoomKey | None]) -> None:
    """Let hands follow a community, or a room of it, to the key that it goes by now."""
    tx.run(
        "update hand set community = :community, key = case when :key is null then key else :key end"
        " where account = :account and community = :old_community and (:old_key is null or key = :old_key)",
        community=now[0],
        key=now[1],
        old_community=before[0],
        old_key=before[1],
    )


def hands_in(tx: Tx, community: CommunityKey) -> list[Hand]:
    """List the hands of a community whose owners are known."""
    rows = tx.rows(
        "select * from hand where account = :account and community = :community and \"user\" != '' order by since_ms, id",
        community=community,
    )
    return [_hand(row) for row in rows]


def drop(tx: Tx, hands: Iterable[str]) -> None:
    """Forget hands that were never passed on, or are one with another."""
    for hand in hands:
        tx.run("delete from hand where account = :account and id = :id", id=hand)


def forget_who(tx: Tx, hand: str) -> None:
    """Forget whose hand it was, who was asked, and what it was about."""
    tx.run(
        "update hand set \"user\" = '', about = '', event = null, asked = '[]', taken_by = null, state = :over"
        " where account = :account and id = :id",
        id=hand,
        over=State.OVER.value,
    )


def tidy(tx: Tx, now_ms: int) -> None:
    """Forget hands that were raised a month ago."""
    tx.run("delete from hand where account = :account and since_ms < :before_ms", before_ms=now_ms - KEPT_MS)


def _hand(row: Row) -> Hand:
    asked = load(text(row, "asked"))
    return Hand(
        id=text(row, "id"),
        community=CommunityKey(text(row, "community")),
        key=RoomKey(text(row, "key")) if row["key"] is not None else None,
        user=UserId(text(row, "user")),
        level=Level(number(row, "level")),
        named=bool(number(row, "named")),
        about=text(row, "about"),
        event=EventId(text(row, "event")) if row["event"] is not None else None,
        state=State(text(row, "state")),
        step=number(row, "step"),
        asked=tuple(UserId(str(one)) for one in asked) if isinstance(asked, list) else (),
        since_ms=number(row, "since_ms"),
        taken_by=UserId(text(row, "taken_by")) if row["taken_by"] is not None else None,
        taken_ms=maybe_number(row, "taken_ms"),
    )
