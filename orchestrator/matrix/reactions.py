"""Reactions: never encrypted, because servers have to count them together, and therefore with nothing said in them.

No client encrypts them either. What stands beside an encrypted message in plain sight is which one it is, one emoji and
the opaque cause; whatever else a content holds is not sent at all.

Source: client-server API, "Event annotations and reactions".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

from orchestrator.errors import BadRequest
from orchestrator.model.ids import Json, JsonObject

REACTION: Final = "m.reaction"
LONGEST_KEY: Final = 16
"""Code points: a family of four with skin tones has eleven."""

_KEYCAP: Final = "\u20e3"
_PARTS: Final = frozenset({"So", "Sk", "Sm", "Mn", "Me"})
_JOINER: Final = "\u200d"


def in_plain_sight(content: JsonObject) -> dict[str, Json]:
    """Copy of a reaction what may be read by everybody's server: the relation and one emoji.

    Raises:
        BadRequest: it is no annotation, or its key could be a word; then it is not sent.
    """
    relation = content.get("m.relates_to")
    relation = relation if isinstance(relation, Mapping) else {}
    target, key = relation.get("event_id"), relation.get("key")
    if relation.get("rel_type") != "m.annotation" or not isinstance(target, str) or not isinstance(key, str):
        raise BadRequest("A reaction that is no annotation is not sent.")
    if not is_emoji(key):
        raise BadRequest("A reaction that is no emoji is not sent: it would stand unencrypted in the room.")
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": key}}


def is_emoji(key: str) -> bool:
    """Tell whether a key is made of nothing but signs, joiners and keycaps: nothing that can be read as a word."""
    if not 0 < len(key) <= LONGEST_KEY:
        return False
    keycap = key.endswith(_KEYCAP) and len(key) <= 3 and key[0] in "0123456789#*"
    # What begins with a joiner or an accent shows nothing; invisible tags could spell anything.
    return keycap or (_is_sign(key[0]) and all(letter == _JOINER or _is_sign(letter, _PARTS) for letter in key))


def _is_sign(letter: str, kinds: Collection[str] = ("So", "Sm")) -> bool:
    kind = unicodedata.category(letter)
    return (kind in kinds and ord(letter) > 0x7F) or (kind == "Po" and ord(letter) > 0x2000)  # the red double bang
