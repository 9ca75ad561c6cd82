"""The power levels of a room: roles, duty and mutes, within what the bot may change, and never its own way out.

Of what a user is granted the highest holds, so a lead on duty stays a lead; a mute stands above duty, but a lead is never
muted. Where the template enforces power (``exact``), nobody else stands above the default: a level that no claim wants is
taken back, however it came there. A level *below* the default that no claim explains was a person's decision about a
person, and stays. All other keys are additive: what nobody claims is left alone.

The bot's own level is never touched: below version 12 that is its place above the leads, from version 12 on creators have
no level at all. Changes that the rules of the room would refuse are left out, so that the rest can still be made.
Source: authorization rules of room versions 10 to 12, ``m.room.power_levels``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from orchestrator.model.ids import Json, JsonObject, UserId
from orchestrator.model.power import KEEPER_LEVEL, Power, creators_have_power
from orchestrator.store.claims import Claim

NUMBERS: Final = frozenset(
    {"users_default", "events_default", "state_default", "ban", "kick", "redact", "invite"},
)
TABLES: Final = ("users", "events", "notifications")
MOST: Final = 2**53 - 1
"""The greatest level there can be (canonical JSON)."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Power levels taken apart: plain numbers, tables, and what is neither."""

    numbers: Mapping[str, int]
    tables: Mapping[str, Mapping[str, int]]
    others: Mapping[str, Json]

    @classmethod
    def of(cls, content: JsonObject, unlisted: frozenset[UserId]) -> Levels:
        """Read a content; what versions 10 to 12 do not let stand there counts as if it were not there."""
        return cls(
            {key: value for key, value in content.items() if key in NUMBERS and _is_level(value)},
            {key: _entries(content[key], key, unlisted) for key in TABLES if key in content},
            {key: value for key, value in content.items() if key not in NUMBERS and key not in TABLES},
        )

    def content(self) -> dict[str, Json]:
        """Write it as a content."""
        return {**self.others, **self.numbers, **{key: dict(table) for key, table in self.tables.items()}}

    def number(self, key: str) -> int:
        """Read a number whose default is 0."""
        return self.numbers.get(key, 0)

    def table(self, key: str) -> Mapping[str, int]:
        """Read a table; empty where there is none."""
        return self.tables.get(key, {})


def merge_power(
    live: JsonObject | None,
    claims: Sequence[Claim],
    *,
    room_version: str,
    creators: frozenset[UserId],
    me: UserId,
    exact: bool,
    patient: bool = False,
    decided: frozenset[tuple[str, ...]] = frozenset(),
) -> JsonObject | None:
    """Merge claims, the most important first, into power levels; ``live`` itself when we may not change them at all.

    ``patient``: levels of events and actions stay as people have set them, but for those that are ``decided``; who holds
    which power follows the claims.
    """
    if live is None and all(claim.ended for claim in claims):
        return None
    unlisted = creators if creators_have_power(room_version) else frozenset()
    before = Levels.of(live or {}, unlisted)
    power = Power(room_version, creators, before.content())
    # Where there are no levels yet everything may be set, and what is set first is how we will stand.
    own = math.inf if me in unlisted else KEEPER_LEVEL if live is None else power.of(me)
    if live is not None and own < power.to_send("m.room.power_levels", state=True):
        return live
    waiting = [claim for claim in claims if patient and claim.owner == "template" and claim.path not in decided]
    numbers = _allowed(before.numbers, _claimed(before.numbers, claims, (), waiting), own)
    tables = dict(before.tables)
    for key in ("events", "notifications"):
        wanted = _allowed(before.table(key), _claimed(before.table(key), claims, (key,), waiting), own)
        if wanted or key in before.tables:
            tables[key] = wanted
    after = Levels(numbers, tables, before.others)
    users = _users(after, claims, unlisted | {me}, own, exact=exact)
    users = _allowed(before.table("users"), users, own, beside=own)
    if me not in unlisted and own != after.number("users_default"):
        users[me] = int(own)
    if users or "users" in before.tables:
        tables["users"] = users
    return Levels(numbers, tables, before.others).content()


def _claimed(
    before: Mapping[str, int], claims: Sequence[Claim], path: tuple[str, ...], waiting: Sequence[Claim]
) -> dict[str, int]:
    """Set what is claimed in a table (or, with no path, among the plain numbers) and take out what has ended."""
    after = dict(before)
    here = [
        (claim.path[-1], claim.value, claim.ended, claim.before or (), claim in waiting)
        for claim in claims
        if claim.path and claim.path[:-1] == path and (path or claim.path[0] in NUMBERS) and _is_level(claim.value)
    ]
    for name, level, ended, stood, _ in here:
        if ended and after.get(name) == level:
            del after[name]
            for old in stood:
                if _is_level(old):
                    after[name] = old
    # The most important last, so that it stays. What waits only fills the hole that another claim leaves.
    return after | {
        name: level
        for name, level, ended, _, waits in reversed(here)
        if not ended and not (waits and (name in after or name not in before))
    }


def _users(
    after: Levels, claims: Sequence[Claim], untouched: frozenset[UserId], own: float, *, exact: bool
) -> dict[str, int]:
    """Work out every user's level but those of the bot and of creators."""
    default = after.number("users_default")
    silent = min(default, after.number("events_default"), *after.table("events").values()) - 1
    # Beside the bot nobody could be moved any more.
    most = int(own) - 1 if KEEPER_LEVEL <= own < math.inf else MOST
    users = dict(after.table("users"))
    granted: dict[str, int] = {}
    muted: dict[str, int] = {}
    leads: set[str] = set()
    for claim in claims:
        level, user = claim.value, claim.path[-1] if len(claim.path) == 2 and claim.path[0] == "users" else ""
        if not _is_level(level) or not _is_user(user) or user in untouched:
            continue
        level = min(level, silent if claim.owner == "mute" else most)
        if claim.ended:
            if users.get(user) in (level, claim.value):
                del users[user]
                if claim.owner == "mute":  # what a person had given them, or taken, and no claim explains
                    users.update((user, old) for old in claim.before or () if _is_level(old))
        elif claim.owner == "mute":
            muted[user] = min(level, muted.get(user, level))
        else:
            granted[user] = max(level, granted.get(user, level))
            if claim.owner == "role":
                leads.add(user)
    if exact:
        wanted = granted.keys() | untouched
        users = {user: level for user, level in users.items() if level <= default or user in wanted}
    return users | granted | {user: level for user, level in muted.items() if user not in leads}


def _allowed(
    before: Mapping[str, int], after: Mapping[str, int], own: float, *, beside: float = math.inf
) -> dict[str, int]:
    """Undo the changes of levels above our own, to levels above our own, and of levels that are ``beside`` or above."""
    allowed: dict[str, int] = {}
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        out_of_reach = (old is not None and (old > own or old >= beside)) or (new is not None and new > own)
        level = old if out_of_reach else new
        if level is not None:
            allowed[key] = level
    return allowed


def _entries(value: Json, table: str, unlisted: frozenset[UserId]) -> dict[str, int]:
    entries = value if isinstance(value, Mapping) else {}
    return {
        name: level
        for name, level in entries.items()
        if _is_level(level) and (table != "users" or (_is_user(name) and name not in unlisted))
    }


def _is_level(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST


def _is_user(name: str) -> bool:
    return name.startswith("@") and ":" in name
