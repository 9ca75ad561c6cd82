"""Which servers may take part: what people wrote there, and beside it what ban lists say that are followed.

Without ``allow`` nobody at all may (client-server API, "Server Access Control Lists"), so it is written where it is missing;
and no pattern is ever written that would shut out the bot's own server.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from orchestrator.model.ids import Json, JsonObject, UserId, server_of
from orchestrator.store.claims import Claim

TYPE: Final = "m.room.server_acl"
LISTED: Final = "listed"
"""The first part of the path of claims by lists; the second is the list's room."""


def merge_listed(live: JsonObject | None, listed: Sequence[Claim], me: UserId) -> JsonObject | None:
    """Put the servers that lists name beside those that stand there; take out what lists do not name any more."""
    if not listed:
        return live
    wanted = _patterns([claim for claim in listed if not claim.ended])
    gone = set(_patterns([claim for claim in listed if claim.ended])) - set(wanted)
    before = live or {}
    denied = before.get("deny")
    stands = [one for one in denied if isinstance(one, str)] if isinstance(denied, list) else []
    kept = [one for one in stands if one not in gone]
    safe = [one for one in wanted if one not in kept and not denies(one, server_of(me))]
    if live is None and not safe:
        return None
    allow: list[Json] = ["*"]
    deny: list[Json] = [*kept, *safe]
    return {"allow": allow, **before, "deny": deny}


def denies(pattern: str, server: str) -> bool:
    """Tell whether a pattern of server names, in which ``*`` and ``?`` stand for others, names a server."""
    host = server.rpartition(":")[0] if server.rpartition(":")[2].isdigit() else server
    plain = pattern.replace("[", "[[]").casefold()
    return fnmatchcase(host.casefold(), plain)


def _patterns(claims: Sequence[Claim]) -> list[str]:
    found = [one for claim in claims if isinstance(claim.value, list) for one in claim.value if isinstance(one, str)]
    return list(dict.fromkeys(found))
