"""Bans of servers made the rooms' own list of servers, where a policy asks for that (``servers: acl``).

A room whose template has a server list of its own keeps that one. Servers of those who keep the rooms are never named.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.declared import Community, Documents
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import Json, RoomId, server_of
from orchestrator.store import bindings, claims
from orchestrator.store.claims import Claim

from . import book
from .book import Stage
from .entries import Entry, Kind, Matcher

TYPE = "m.room.server_acl"
OWNER = "lists"
MOST = 500
"""A state event holds no more than 64 KiB; what is beyond is still banned person by person."""


def settle(tx: Tx, documents: Documents, now: Now) -> None:
    """Bring the claims on every room's server list in line with the lists that are followed."""
    wanted: dict[tuple[RoomId, tuple[str, ...]], list[Json]] = {}
    for community in documents.communities:
        for room in community.every_room():
            where = bindings.bound_room(tx, community.key, room.key)
            if where is None or room.policy is None or room.settings.acl is not None:
                continue
            for one in room.policy.lists:
                known = book.following_of(tx, community.key, one.room) if one.acl else None
                if known is not None and known.room is not None and known.stage is Stage.FOLLOWED:
                    wanted[where, ("listed", known.room)] = list(_servers(tx, community, known.room, now))
    for claim in claims.claims_of(tx, OWNER):
        if (claim.room, claim.path) not in wanted:
            claims.drop_claim(tx, claim.room, claim.type, OWNER, now.at_ms, key=claim.key, path=claim.path)
    for (where, path), value in wanted.items():
        claims.put_claim(tx, Claim(room=where, type=TYPE, path=path, owner=OWNER, value=value), now.at_ms)


def _servers(tx: Tx, community: Community, room: RoomId, now: Now) -> Sequence[str]:
    spared = {server_of(user).casefold() for user in (*community.staff(), now.me)}
    named = [entry for _key, entry in book.entries_of(tx, [room]) if _is_plain(entry)]
    return sorted(entry.entity for entry in named if not _names(entry, spared))[:MOST]


def _is_plain(entry: Entry) -> bool:
    return entry.kind is Kind.SERVER and bool(entry.entity) and not entry.means_everybody


def _names(entry: Entry, servers: set[str]) -> bool:
    matcher = Matcher([("it", entry)])
    return any(matcher.about_server(server) for server in servers)
