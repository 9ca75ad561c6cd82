"""Invitations into rooms, spaces and servers elsewhere: links and ids that one follows to be among other people.

A link to a person is none, nor is one to the room it stands in, such as a permalink to what somebody said there.

Sources: appendix "matrix.to navigation" and "Matrix URI scheme".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from .folding import clean

_TO_MATRIX: Final = re.compile(r"matrix\.to(?::\d+)?/{1,3}#/{1,3}([^\s\"'<>?]{2,400})", re.IGNORECASE)
_URI: Final = re.compile(r"\bmatrix:(?://[^\s/]*/)?(r|roomid|room)/([^\s\"'<>?/]{1,255})", re.IGNORECASE)
_WEB: Final = re.compile(r"/#/{1,2}room/([^\s\"'<>?]{2,400})", re.IGNORECASE)
_ALIAS: Final = re.compile(
    r"(?<![\w/#&])#[^\s:#\"'<>,()]{1,100}:(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])", re.IGNORECASE
)
_ROOM_ID: Final = re.compile(r"(?<![\w/#])![A-Za-z0-9_+-]{10,60}:(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])")
_ELSEWHERE: Final = re.compile(
    r"(?<![\w.-])(?:discord\.gg/|(?:www\.)?discord(?:app)?\.com/invite/|dsc\.gg/|invite\.gg/"
    r"|(?:t|telegram)\.me/(?:\+|joinchat/)|tg://join|chat\.whatsapp\.com/|whatsapp\.com/channel/|signal\.group/"
    r"|join\.slack\.com/|guilded\.gg/|join\.skype\.com/|line\.me/r/|revolt\.chat/invite/|xmpp:[^\s?]{1,200}\?join"
    r"|simplex\.chat/(?:contact|invitation)|m\.me/(?:j|g|ch)/)",
    re.IGNORECASE,
)


def is_invited(text: str, is_ours: Callable[[str], bool]) -> bool:
    """Tell whether a text asks people elsewhere.

    Args:
        text: the words of a message, or its HTML.
        is_ours: tells of an alias or id whether it is the room they are in, or another of the community's.
    """
    text = clean(text)
    if _ELSEWHERE.search(text):
        return True
    for match in _TO_MATRIX.finditer(text):
        if _leads_away(match[1], is_ours):
            return True
    for match in _WEB.finditer(text):
        if _leads_away(match[1], is_ours):
            return True
    for kind, name in _URI.findall(text):
        if not is_ours(("!" if kind.lower() == "roomid" else "#") + unquote(name)):
            return True
    bare = _URI.sub(" ", _TO_MATRIX.sub(" ", text))
    return any(not is_ours(match[0]) for one in (_ALIAS, _ROOM_ID) for match in one.finditer(bare))


def _leads_away(target: str, is_ours: Callable[[str], bool]) -> bool:
    named = unquote(target).partition("/")[0].rstrip(".,;:!)")
    return named[:1] in ("#", "!") and len(named) > 1 and not is_ours(named)
