"""What a text looks like to a reader, whatever signs it is made of. Pure, and linear in its length.

Three forms of a text, each for its use:

- ``clean``: what cannot be seen is gone and wide, small or stylised letters are plain ones; case and accents stay.
- ``fold``: without case and accents, too.
- ``loose``: look-alikes of other alphabets and figures that stand for letters are letters, and each letter stands once. It
  says of far too much that it is the same: only good for finding what deserves a closer look (``dressed``).

Sources: UAX 15 (NFKC), UTS 39 section 4 (confusables), UAX 44 (default ignorable code points).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

# Accents and points that a word can be told without. Not those of scripts in which they are vowels (Thai, Devanagari).
_ACCENTS: Final = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
_UNSEEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
TOKEN: Final = re.compile(rf"(?:[^\W_][{_ACCENTS}]*)+")
"""A word or a number, with the accents on it."""

_ACCENT = re.compile(f"[{_ACCENTS}]")
_UNSEEN_RUN = re.compile(f"[{_UNSEEN}]+")
_SAME = re.compile(r"([^\x00-\x7f])\1+")
_NAMED = re.compile(
    r"(?:LATIN LETTER SMALL CAPITAL|NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER|REGIONAL INDICATOR SYMBOL LETTER"
    r"|LATIN (?:SMALL|CAPITAL) LETTER DOTLESS|CROSSED NEGATIVE SQUARED LATIN CAPITAL LETTER) ([A-Z])\Z"
)
_STROKED = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]) WITH ")
FIGURES: Final = {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"}
SIGNS: Final = {"@": "a", "$": "s", "!": "l", "|": "l", "€": "e", "¡": "l", "¢": "c"}
"""Figures and signs that stand for letters. ``i`` and ``l`` are one, as they are to the eye."""


MOST_SIGNS: Final = 20_000
"""So many signs are remembered, which is more than any group uses; a text of all signs there are is not worth the room."""


class _Table(dict[int, str]):
    """A table for ``str.translate`` that is filled as signs turn up."""

    def __init__(self, of: Callable[[str], str]) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, code: int) -> str:
        made = self._of(chr(code))
        if len(self) < MOST_SIGNS:
            self[code] = made
        return made


def clean(text: str) -> str:
    """Leave out what nobody sees, and write wide, small and stylised letters plainly."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", _UNSEEN_RUN.sub("", text))
    # Some of what NFKC makes is unseen itself.
    return _UNSEEN_RUN.sub("", text).translate(_STYLED)


def fold(text: str) -> str:
    """Leave out case and accents as well."""
    return text.casefold() if text.isascii() else clean(text).translate(_FOLDED)


def loose(text: str, *, signs: bool = False, joined: bool = False) -> str:
    """Write a text so that everything that could be meant to look the same is the same, with spaces between words.

    Args:
        text: as it was written.
        signs: signs such as ``$`` are taken for the letters that they look like.
        joined: what stands between letters without a space is left out, and does not part them.
    """
    if text.isascii():
        table, gone = _ASCII_SIGNS if signs else _ASCII, _BETWEEN_ASCII if joined else b""
        return _once(text.encode("ascii").translate(table, gone)).decode("ascii")
    text = clean(text)
    if signs:
        text = text.translate(_SIGNS)
    if joined:
        text = _BETWEEN.sub("", text)
    text = text.translate(_LOOSE)
    found = _once(text.encode()).decode()
    return found if found.isascii() else _SAME.sub(r"\1", found)


def _once(text: bytes) -> bytes:
    """Leave one of each ASCII sign that is repeated; in UTF-8 none is part of another sign."""
    differs = _differs(text)
    at = differs.find(0, 1)
    if at < 0:
        return text
    parts, start = [], 0
    while at >= 0:
        if text[at] < 0x80:
            parts.append(text[start:at])
            start = at + 1
        at = differs.find(0, at + 1)
    parts.append(text[start:])
    return b"".join(parts)


def has_runs(text: str) -> bool:
    """Tell quickly whether some sign may stand three times in a row."""
    return not text.isascii() or _differs(text.encode("ascii")).find(b"\0\0", 1) >= 0


def _differs(text: bytes) -> bytes:
    """Give 0 where a byte is as the one before it, for all of them at once."""
    number = int.from_bytes(text, "big")
    return (number ^ (number >> 8)).to_bytes(len(text), "big")


def skeleton(text: str, *, signs: bool = False) -> str:
    """Write a text as it looks: look-alikes and figures (and ``signs``) as letters, as many of each as there are."""
    text = clean(text)
    return (text.translate(_SIGNS) if signs else text).translate(_SKELETON)


def readable(text: str) -> str:
    """Write look-alikes and figures as the letters that they most likely stand for, and fold it."""
    return clean(text).translate(_READABLE)


def without_accents(text: str) -> str:
    """Leave out accents alone."""
    return text if text.isascii() else text.translate(_BARE)


def script(sign: str) -> str:
    """Name the alphabet of a letter; "" for what is no letter, or belongs to none."""
    if sign.isascii():
        return "LATIN" if sign.isalpha() else ""
    return _script(sign) if sign.isalpha() else ""


@lru_cache(MOST_SIGNS)
def _script(sign: str) -> str:
    return unicodedata.name(sign, "").partition(" ")[0]


def _styled(sign: str) -> str:
    named = _NAMED.match(unicodedata.name(sign, ""))
    # A dotless i is a letter of Turkish, and no style.
    return named[1].lower() if named is not None and sign not in "\u0131\u0237" else sign


def _bare(sign: str) -> str:
    if _ACCENT.match(sign):
        return ""
    parts = unicodedata.normalize("NFD", sign)
    if len(parts) == 1 or not all(map(_ACCENT.match, parts[1:])):
        return sign
    return parts[0]


def _folded(sign: str) -> str:
    return _bare(sign).casefold()


def _loose(sign: str) -> str:
    sign = _plainly(sign)
    if len(sign) != 1 or not sign.isascii():
        return sign
    return "l" if sign == "i" else FIGURES.get(sign, sign)


def _read(sign: str) -> str:
    sign = _plainly(sign)
    return {**FIGURES, **SIGNS, "1": "i", "!": "i", "¡": "i"}.get(sign, sign)


def _plainly(sign: str) -> str:
    sign = _bare(sign)
    for _ in range(2):  # a Cyrillic letter looks like a small capital, and that like a small letter
        if sign.isascii():
            break
        sign = _looks_like(sign)
    return sign.casefold()


def _parted(sign: str) -> str:
    made = _loose(sign)
    return made if not made or made.isalnum() else " "


def _looks_like(sign: str) -> str:
    stroked = _STROKED.match(unicodedata.name(sign, ""))
    found = _MORE.get(sign.casefold()) or _lookalikes().get(sign) or _styled(sign)
    return stroked[1].lower() if found == sign and stroked is not None else found


# What UTS 39 leaves as small capitals, or gives in more than one letter.
_MORE: Final = {
    "\u043a": "k",
    "\u03ba": "k",
    "\u0138": "k",
    "\u0131": "i",
    "\u0237": "j",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
}


@cache
def _lookalikes() -> dict[str, str]:
    """Read UTS 39's table: for each letter the one of our alphabet that it looks like, or the small capital."""
    from confusable_homoglyphs.confusables import confusables_data  # noqa: PLC0415 - only when somebody needs it

    found: dict[str, str] = {}
    for sign, others in confusables_data.items():
        if len(sign) != 1 or sign.isascii() or not sign.isalpha():
            continue
        for other in (str(one["c"]) for one in others):
            if len(other) == 1 and other.isalpha() and (other.isascii() or _NAMED.match(unicodedata.name(other, ""))):
                found[sign] = other
                break
    return found


_STYLED: Final = _Table(_styled)
_FOLDED: Final = _Table(_folded)
_BARE: Final = _Table(_bare)
_SKELETON: Final = _Table(_loose)
_READABLE: Final = _Table(_read)
_LOOSE: Final = _Table(_parted)
_SIGNS: Final = str.maketrans(SIGNS)
_BETWEEN: Final = re.compile(r"(?:[^\w\s]|_)+")
_ASCII: Final = "".join(_parted(chr(code)) for code in range(128)).ljust(256).encode("ascii")
_ASCII_SIGNS: Final = (
    "".join(SIGNS.get(chr(code), _parted(chr(code))) for code in range(128)).ljust(256).encode("ascii")
)
_BETWEEN_ASCII: Final = bytes(code for code in range(33, 127) if not chr(code).isalnum())
