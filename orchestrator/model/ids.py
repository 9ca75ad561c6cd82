"""Identifiers as types of their own, JSON as a type, and the hashes that stand for things in public."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import NewType, TypeAlias

AccountKey = NewType("AccountKey", str)
CommunityKey = NewType("CommunityKey", str)
RoomKey = NewType("RoomKey", str)
RoomId = NewType("RoomId", str)
UserId = NewType("UserId", str)
EventId = NewType("EventId", str)
DeviceId = NewType("DeviceId", str)
Cause = NewType("Cause", str)
"""The opaque key of one effect: the same decision always has the same cause, so it is recorded once."""

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]

CAUSE_FIELD = "org.circlekeeper.cause"
"""Where an event of ours carries its cause, so that history can tell what was already done."""

QUOTED_FIELD = "org.circlekeeper.quoted"
"""Where a message of ours holds the words of somebody that it passes on, apart from our own."""

TXN_PREFIX = "ck-"
"""Transaction ids are this and the cause, so that an echo names the effect even where its content cannot be read."""

LOCATOR_TYPE = "org.circlekeeper.locator"
"""The state event by which a room says which declared room it is."""

# Appendix "User identifiers": the historical grammar is wider than the current one and still federates.
_USER_ID = re.compile(r"@[\x21-\x39\x3b-\x7e]*:[A-Za-z0-9.\-\[\]:]+\Z")


def is_user_id(text: str) -> bool:
    """Tell whether ``text`` is a Matrix user id (``@localpart:server``, at most 255 bytes)."""
    return _USER_ID.match(text) is not None and len(text) <= 255  # what matches is ASCII


def server_of(user: UserId) -> str:
    """Name the server a user id belongs to."""
    return user.partition(":")[2]


def shorten(identifier: str) -> str:
    """Shorten an id for a log: enough to follow a thread of lines, too little to search for a person."""
    if not identifier:
        return ""
    return f"{identifier[0]}{_digest(identifier)[:6]}"


def cause_of(account: AccountKey, origin: str, craft: str, step: str) -> Cause:
    """Hash what led to an effect into its opaque key.

    Args:
        account: whose outbox it is.
        origin: the event id, or the key of the occurrence (a timer, a shift, a slot).
        craft: who decided.
        step: which of the craft's effects for this origin it is.
    """
    return Cause(_digest("cause", account, origin, craft, step)[:27])


def locator_of(user: UserId, *parts: str) -> str:
    """Hash what a room stands for, so that the configuration alone finds it again and nobody else can read it."""
    return _digest("locator", user, *parts)


def _digest(*parts: str) -> str:
    # Length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
    joined = b"".join(f"{len(raw)}:".encode() + raw for raw in (part.encode() for part in parts))
    return urlsafe_b64encode(hashlib.sha256(joined).digest()).decode().rstrip("=")
