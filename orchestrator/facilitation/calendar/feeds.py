"""Secret addresses of calendars: who has which, who may still read under it, and what they are told.

The secret in an address is derived from the key that seals what is secret, and from whose it is; only its hash is kept.
Another one comes of another generation. That is a time, so that also when all rows are lost none comes back that was
taken away.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import AccountKey, CommunityKey, RoomKey, UserId
from orchestrator.store.rows import number, text

NO_COMMUNITY: Final = CommunityKey("")
NO_ROOM: Final = RoomKey("")


class Scope(StrEnum):
    """What a calendar is about."""

    PERSON = "person"
    ROOM = "room"
    COMMUNITY = "community"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A calendar that somebody reads.

    Attributes:
        user: whose address it is; of their own calendar also whom it is about.
        community, key: what else it is about; "" where that says nothing.
        generation: rises with every new address for the same.
    """

    scope: Scope
    user: UserId
    community: CommunityKey = NO_COMMUNITY
    key: RoomKey = NO_ROOM
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Secret:
    """An address, and the hash by which it is known again."""

    address: str = field(repr=False)
    digest: str


class Addresses(Protocol):
    """Makes the addresses of calendars."""

    def secret(self, feed: Feed) -> Secret | None:
        """Make the address of a calendar, always the same; None when nothing is served."""
        ...


class NoAddresses:
    """Nothing is served."""

    def secret(self, feed: Feed) -> Secret | None:
        """Make none."""
        del feed
        return None


NO_ADDRESSES: Final = NoAddresses()


class SecretAddresses:
    """Addresses that only the holder of a key can make.

    Args:
        base: what they begin with, without a slash at its end.
        key: 32 bytes that are used for nothing else.
        account: whose calendars they are.
    """

    __slots__ = ("_account", "_base", "_key")

    def __init__(self, base: str, key: bytes, account: AccountKey) -> None:
        self._base, self._key, self._account = base, key, account

    def secret(self, feed: Feed) -> Secret | None:
        """Make the address of a calendar: 256 bits of HMAC-SHA-256 in it (RFC 2104)."""
        about = [self._account, feed.scope, feed.user, feed.community, feed.key, feed.generation]
        # In hexadecimal, which no Markdown takes for anything else.
        token = hmac.digest(self._key, json.dumps(about).encode(), "sha256").hex()
        return Secret(f"{self._base}/calendar/{token}.ics", digest_of(token))


def digest_of(token: str) -> str:
    """Hash the secret in an address into what is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()


# -- rows --------------------------------------------------------------------------------------------------------------


def feed_of(tx: Tx, digest: str) -> Feed | None:
    """Find the calendar that an address leads to."""
    row = tx.one("select * from feed where account = :account and digest = :digest", digest=digest)
    return None if row is None else _feed(row)


def feeds(tx: Tx) -> list[tuple[str, Feed]]:
    """List all calendars that there are addresses for, each with its hash."""
    return [(text(row, "digest"), _feed(row)) for row in tx.rows("select * from feed where account = :account")]


def drop_feed(tx: Tx, digest: str) -> None:
    """Let an address lead nowhere."""
    tx.run("delete from feed where account = :account and digest = :digest", digest=digest)


def given(tx: Tx, feed: Feed) -> Feed | None:
    """Find what somebody has an address for, in its latest generation."""
    row = tx.one(
        'select * from feed where account = :account and scope = :scope and "user" = :user and community = :community'
        " and key = :key order by generation desc",
        scope=feed.scope,
        user=feed.user,
        community=feed.community,
        key=feed.key,
    )
    return None if row is None else _feed(row)


def give(tx: Tx, feed: Feed, digest: str) -> None:
    """Let an address lead to a calendar, and no other one of the same person."""
    take(tx, feed)
    tx.run(
        'insert into feed (account, digest, scope, community, key, "user", generation)'
        " values (:account, :digest, :scope, :community, :key, :user, :generation)",
        digest=digest,
        scope=feed.scope,
        community=feed.community,
        key=feed.key,
        user=feed.user,
        generation=feed.generation,
    )


def take(tx: Tx, feed: Feed) -> None:
    """Let no address of theirs lead to a calendar any more."""
    tx.run(
        'delete from feed where account = :account and scope = :scope and "user" = :user and community = :community'
        " and key = :key",
        scope=feed.scope,
        user=feed.user,
        community=feed.community,
        key=feed.key,
    )


def _feed(row: Row) -> Feed:
    return Feed(
        scope=Scope(text(row, "scope")),
        user=UserId(text(row, "user")),
        community=CommunityKey(text(row, "community")),
        key=RoomKey(text(row, "key")),
        generation=number(row, "generation"),
    )


# -- who may read ------------------------------------------------------------------------------------------------------


def readable(documents: Documents, feed: Feed) -> tuple[tuple[Community, tuple[Room, ...]], ...]:
    """Tell which rooms' turns somebody may read under their address, now; none: it leads nowhere."""
    if feed.scope is Scope.PERSON:
        return tuple((c, c.rooms) for c in documents.communities if feed.user in c.staff())
    for community in documents.communities:
        if feed.community in {community.key, *community.previously} and feed.user in community.leads:
            if feed.scope is Scope.COMMUNITY:
                return ((community, community.rooms),)
            rooms = tuple(room for room in community.rooms if feed.key in {room.key, *room.previously})
            return ((community, rooms[:1]),) if rooms else ()
    return ()
