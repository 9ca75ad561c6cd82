"""How many people said what by a reaction, put into a message at the moment at which it is sent, and kept nowhere.

A content may say which reactions under which event are to be counted. Whoever sends it counts them where they stand: so it
is right after any restart, and nobody has to write down who said what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .effects import plainly
from .ids import EventId, Json, JsonObject, UserId

TALLY: Final = "circlekeeper.tally"
"""Stands in a content for what is to be counted; it is never sent."""

MARK: Final = "\ue002"
"""The place of the numbers in a text."""


def with_tally(
    content: JsonObject, counted: JsonObject, *, of: EventId, keys: Sequence[str], me: UserId
) -> dict[str, Json]:
    """Say of a content that another one takes its place where there is something to count.

    Args:
        content: what is said where nobody reacted, or it cannot be told.
        counted: what is said else, with ``MARK`` where the numbers go.
        of: the event whose reactions are counted.
        keys: which of them.
        me: the bot, who put them there to be tapped and does not count.
    """
    return {**content, TALLY: {"of": of, "keys": list(keys), "me": me, "content": dict(counted)}}


def asked_in(content: JsonObject) -> EventId | None:
    """Tell under which event a content wants reactions counted; None: it counts nothing."""
    wanted = content.get(TALLY)
    of = wanted.get("of") if isinstance(wanted, Mapping) else None
    return EventId(of) if isinstance(of, str) else None


def told(content: JsonObject, reactions: Iterable[tuple[UserId, str]]) -> JsonObject:
    """Write the content as it is to be sent.

    Args:
        content: as ``with_tally`` made it.
        reactions: who reacted with which key, the newest first; of each person the newest of those that count, counts.
    """
    wanted, bare = content.get(TALLY), {key: value for key, value in content.items() if key != TALLY}
    if not isinstance(wanted, Mapping):
        return bare
    keys, counted = wanted.get("keys"), wanted.get("content")
    if not isinstance(keys, list) or not isinstance(counted, Mapping):
        return bare
    plain = {plainly(str(key)): str(key) for key in keys}
    latest: dict[UserId, str] = {}
    for user, key in reactions:
        if user != wanted.get("me") and plainly(key) in plain:
            latest.setdefault(user, plain[plainly(key)])
    numbers = Counter(latest.values())
    said = ", ".join(f"{key} {numbers[str(key)]}" for key in keys if numbers[str(key)])
    return _filled(counted, said) if said else bare


def _filled(content: JsonObject, said: str) -> JsonObject:
    return {key: value.replace(MARK, said) if isinstance(value, str) else value for key, value in content.items()}
