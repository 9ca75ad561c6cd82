"""Who asked to be mentioned when a question is asked in a room, and until when: the rows."""

from __future__ import annotations

from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId
from orchestrator.store.rows import text


def mention(tx: Tx, community: CommunityKey, key: RoomKey, user: UserId, until_ms: int) -> None:
    """Mention somebody from now on; the last word counts."""
    tx.run(
        'insert into mention (account, community, key, "user", until_ms)'
        " values (:account, :community, :key, :user, :until_ms)"
        ' on conflict (account, community, key, "user") do update set until_ms = excluded.until_ms',
        community=community,
        key=key,
        user=user,
        until_ms=until_ms,
    )


def stop(tx: Tx, community: CommunityKey, key: RoomKey, user: UserId) -> bool:
    """Mention somebody no more; tells whether they were."""
    return (
        tx.run(
            'delete from mention where account = :account and community = :community and key = :key and "user" = :user',
            community=community,
            key=key,
            user=user,
        )
        > 0
    )


def mentioned(tx: Tx, community: CommunityKey, key: RoomKey, bound: RoomId, at_ms: int) -> list[UserId]:
    """List who is to be mentioned in a room at an instant: who asked for it, until then, and is there."""
    rows = tx.rows(
        'select mention."user" as "user" from mention join member on member.account = mention.account'
        ' and member."user" = mention."user" and member.room = :bound and member.membership = \'join\''
        " where mention.account = :account and community = :community and key = :key and until_ms > :at_ms"
        ' order by mention."user"',
        community=community,
        key=key,
        bound=bound,
        at_ms=at_ms,
    )
    return [UserId(text(row, "user")) for row in rows]


def how_many(tx: Tx, community: CommunityKey, key: RoomKey, at_ms: int) -> int:
    """Count who asked for it, in a room."""
    return len(
        tx.rows(
            'select "user" from mention where account = :account and community = :community and key = :key'
            " and until_ms > :at_ms",
            community=community,
            key=key,
            at_ms=at_ms,
        )
    )


def forget_all(tx: Tx, community: CommunityKey, key: RoomKey) -> None:
    """Forget everybody of a room where nobody is mentioned any more."""
    tx.run(
        "delete from mention where account = :account and community = :community and key = :key",
        community=community,
        key=key,
    )


def rooms_with_mentions(tx: Tx) -> list[tuple[CommunityKey, RoomKey]]:
    """List the rooms of which somebody asked for it."""
    rows = tx.rows("select distinct community, key from mention where account = :account order by community, key")
    return [(CommunityKey(text(row, "community")), RoomKey(text(row, "key"))) for row in rows]


def tidy_mentions(tx: Tx, at_ms: int) -> None:
    """Forget those whose time is over."""
    tx.run("delete from mention where account = :account and until_ms <= :at_ms", at_ms=at_ms)
