"""Who was asked whether they take a turn, and what they said; one row for each turn and person, so nobody is asked twice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.facilitation.rota.things import Part, Slot
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import number, text


class Said(StrEnum):
    """What somebody answered."""

    WAITING = "waiting"
    YES = "yes"
    NO = "no"
    SILENT = "silent"
    OVER = "over"
    """It was settled before they answered, and they know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Somebody was asked about a turn.

    Attributes:
        until_ms: when it is their silence that counts.
    """

    room: RoomKey
    part: Part
    start_ms: int
    user: UserId
    asked_ms: int
    until_ms: int
    answer: Said = Said.WAITING


def offers_of(tx: Tx, community: CommunityKey, slot: Slot) -> list[Offer]:
    """List who was asked about a turn, in the order in which they were."""
    rows = tx.rows(
        "select * from offer where account = :account and community = :community and key = :key and part = :part"
        ' and start_ms = :start_ms order by asked_ms, "user"',
        community=community,
        key=slot.room,
        part=slot.part,
        start_ms=slot.span.start_ms,
    )
    return [_offer(row) for row in rows]


def offers_to(tx: Tx, community: CommunityKey, user: UserId) -> list[Offer]:
    """List what somebody was asked, by the start of the turns."""
    rows = tx.rows(
        'select * from offer where account = :account and community = :community and "user" = :user'
        " order by start_ms, key, part",
        community=community,
        user=user,
    )
    return [_offer(row) for row in rows]


def put_offer(tx: Tx, community: CommunityKey, offer: Offer) -> None:
    """Write down that somebody was asked, or what they said."""
    tx.run(
        'insert into offer (account, community, key, part, start_ms, "user", asked_ms, until_ms, answer) values (:account,'
        " :community, :key, :part, :start_ms, :user, :asked_ms, :until_ms, :answer)"
        ' on conflict (account, community, key, part, start_ms, "user") do update set asked_ms = excluded.asked_ms,'
        " until_ms = excluded.until_ms, answer = excluded.answer",
        community=community,
        key=offer.room,
        part=offer.part,
        start_ms=offer.start_ms,
        user=offer.user,
        asked_ms=offer.asked_ms,
        until_ms=offer.until_ms,
        answer=offer.answer,
    )


def drop_offers(tx: Tx, community: CommunityKey, slot: Slot) -> None:
    """Forget who was asked about a turn: it is not there any more."""
    tx.run(
        "delete from offer where account = :account and community = :community and key = :key and part = :part"
        " and start_ms = :start_ms",
        community=community,
        key=slot.room,
        part=slot.part,
        start_ms=slot.span.start_ms,
    )


def tidy_offers(tx: Tx, before_ms: int) -> None:
    """Forget who was asked about turns that began before an instant."""
    tx.run("delete from offer where account = :account and start_ms < :before_ms", before_ms=before_ms)


def _offer(row: Row) -> Offer:
    return Offer(
        room=RoomKey(text(row, "key")),
        part=Part(text(row, "part")),
        start_ms=number(row, "start_ms"),
        user=UserId(text(row, "user")),
        asked_ms=number(row, "asked_ms"),
        until_ms=number(row, "until_ms"),
        answer=Said(text(row, "answer")),
    )
