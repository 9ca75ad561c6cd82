"""What cannot be passed on as a question: too long, pointing at somebody or somewhere, or somebody who is not well. Pure.

Nothing of it is kept or passed on: whoever wrote it hears so while the words are in memory.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from orchestrator.model.events import Message
from orchestrator.model.ids import UserId

LONGEST: Final = 500
"""As in a deck."""

SHORTEST: Final = 6

_POINTS: Final = re.compile(
    r"://|\bwww\.|\bmatrix:|matrix\.to"  # links
    r"|[@#!+]\w[\w.=/+-]*:\w|\S@\S|(?<!\w)@\w"  # ids, addresses, mentions
    r"|\w\.[a-z]{2,}(?:/|\b)"  # a bare host; a full stop without a space looks like one, and is quickly mended
    r"|\+?\d[\d\s()/-]{5,}\d",  # numbers by which somebody is reached
    re.IGNORECASE,
)
_GRAVE: Final = re.compile(
    r"\b(?:suicid\w*|kill(?:ing|ed)?|die|dying|dead|death|self.?harm\w*|overdos\w*|cutting|hang(?:ing)? (?:my|your)self"
    r"|end (?:it|my life|everything)|not be here|no way out|selbstmord|suizid\w*|umbringen|sterben|ritzen|töten"
    r"|suicidio|matarme|morir|mourir|tuer)\b",
    re.IGNORECASE,
)
_SELF: Final = re.compile(
    r"\b(?:i|i'?m|i'?ve|i'?ll|i'?d|im|(?<!tell )me|my|myself|mine|ich|mich|mir|mein\w*|je|j'\w+|moi|mon|yo|mi)\b",
    re.IGNORECASE,
)
_HOPELESS: Final = re.compile(
    r"can(?:'?t|not) (?:go on|do this|take|anymore|any more|breathe|cope|stop)|anymore|any more|nobody|no one|no-one|sorry|fault"
    r"|hopeless|worthless|alone|give up|hate my|scared|afraid|please help|help me|kann nicht mehr|niemand|hilfe|allein\w*",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"[?\uff1f\u061f\u037e\u055e\u1367\u2047\u2048\u2049]")
"""Question marks of many scripts."""

_INVITES: Final = re.compile(
    r"(?:please )?(?:tell|share|name|describe|say|think|bring|show|erzählt?|nennt?|teilt)\b", re.IGNORECASE
)


class Objection(StrEnum):
    """Why something is not passed on."""

    CRY = "cry"
    FILE = "file"
    SHORT = "short"
    LONG = "long"
    POINTS = "points"


def objection(words: str, said: Message, me: UserId) -> Objection | None:
    """Tell why words are not passed on as a question; None when nothing is in the way.

    Args:
        words: what stands after the command.
        said: the message they stand in.
        me: the bot, which may be mentioned in it.
    """
    if sounds_like_a_cry(words):
        return Objection.CRY
    if said.kind != "m.text" or said.has_file:
        return Objection.FILE
    if len(words) > LONGEST:
        return Objection.LONG
    if (said.mentions - {me}) or said.mentions_room or _points(words, said.html, me):
        return Objection.POINTS
    return Objection.SHORT if len(words) < SHORTEST else None


def sounds_like_a_cry(words: str) -> bool:
    """Tell whether somebody may be speaking of themselves, and not of a question for others; rather once too often."""
    words = words.replace("\u2019", "'")
    asks = bool(_ASKS.search(words) or _INVITES.match(words))
    # What asks nothing of others, in whichever language, may be somebody speaking of themselves; and a question can be a cry.
    return not asks or bool(_GRAVE.search(words)) or bool(_SELF.search(words) and _HOPELESS.search(words))


def names_one_of(words: str, people: Collection[UserId]) -> bool:
    """Tell whether a word is also what the id of one of these people begins with."""
    said = set(re.findall(r"\w+", words.casefold()))
    return any(user[1:].partition(":")[0].casefold() in said for user in people)


def _points(words: str, html: str, me: UserId) -> bool:
    # A mention of the bot is a link to it, which may stand before the command.
    shown = unquote(html).replace(f'href="https://matrix.to/#/{me}"', "")
    return bool(_POINTS.search(words)) or "href" in shown.casefold()
