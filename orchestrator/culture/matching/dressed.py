"""Is this word that one, dressed up? The closer look that follows when two words are loosely the same.

Whoever is wrongly taken for saying something bad is hurt by it, so what may be a word of its own counts as one: a doubled
consonant ("rapper"), an accent on a short word ("año"), a letter of its own ("höra"), a Russian word among others. What
nobody writes by habit counts as dressing: three of a letter, figures among letters, alphabets mixed, letters spaced out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final

from .folding import FIGURES, MOST_SIGNS, SIGNS, clean, fold, readable, script, skeleton, without_accents

_SHARED: Final = frozenset("abcehijkmoprstuvxy")
"""Letters of ours that others have, too, or that look so."""
_VOWELS: Final = frozenset("aeiouy")
_DOUBLED: Final = frozenset("bcdfgklmnprstvz")
"""Consonants that many languages double after a vowel."""
DOTLESS: Final = "\u0131"
_FRONT_VOWELS: Final = frozenset("eiöü")
_STROKED: Final = frozenset(f"{DOTLESS}øłđðþħ")
_OF_LETTERS: Final = frozenset("\u0303\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328\u031b")
"""Tilde, breve, dots, ring, caron, hooks: in many languages they make another letter; acute, grave, circumflex do not."""
ENGLISH: Final = "ENGLISH"
_ENGLISH: Final = re.compile(r"\b(?:the|you|your|this|what|are|with)\b", re.IGNORECASE)
"""Words that tell English, which has none of those letters."""
SHORT: Final = 3
"""In words of so few letters an accent makes another word."""
LONG: Final = 6

INNOCENT: Final = frozenset(
    {"schwül", "schwüle", "schwülen", "schwüler", "schwüles"}  # humid
    | {"rapé", "rapés", "râpé", "râpée", "râpés"}  # snuff, grated
    | {"salé", "salée", "salés", "salées"}  # salty
    | {"péché", "péchés", "pêché", "pécher"}  # sin, peaches
    | {"coño", "pêne", "sûre", "mûre", "fåg"}
    | {"kuusi", "siika", "tapaan", "tuuli", "slutt", "bitte"}
)
"""Words of their own that an accent or a second letter makes look like others that lists tend to hold."""


def is_dressed(said: str, word: str, written: frozenset[str] = frozenset(), *, spaced: bool = False) -> bool:
    """Tell whether a word of a message is a listed one, as it is or dressed up.

    Args:
        said: the word as it was written.
        word: the listed one.
        written: the alphabets of the whole text (``alphabets``), by which a word of another is told from look-alikes.
        spaced: its letters stood apart, so that it was written with care.
    """
    said, word = clean(said), clean(word)
    if said.casefold() == word.casefold():
        return True
    evident = spaced or _marked(said)
    if not evident and (said.casefold() in INNOCENT or _own_letters(said, word, written)):
        return False
    plain, wanted = fold(said), fold(word)
    if plain == wanted:
        return evident or len(wanted) > SHORT
    if _fits(plain, wanted, evident=evident):
        return _accents_alike(said, word) or evident or len(wanted) > SHORT
    if any(map(str.isdigit, word)):
        return False  # its figures are figures
    return (spaced or pretends(said, written, word)) and _fits(skeleton(said, signs=True), skeleton(word), evident=True)


def _own_letters(said: str, word: str, written: frozenset[str]) -> bool:
    """Tell whether what is different is a letter of its own, and not an accent: Swedish "höra" is to hear."""
    own = [sign for sign in said.casefold() if _is_own(sign) and sign not in word.casefold()]
    if not own or ENGLISH in written:
        return False
    if set(own) == {DOTLESS}:
        return not set(fold(said)) & _FRONT_VOWELS  # Turkish vowels go together; "suicide" without dots does not
    return len(own) == 1 and len(word) < LONG


@lru_cache(MOST_SIGNS)
def _is_own(sign: str) -> bool:
    return sign in _STROKED or any(mark in _OF_LETTERS for mark in unicodedata.normalize("NFD", sign)[1:])


def _accents_alike(said: str, word: str) -> bool:
    return (without_accents(said) == said) == (without_accents(word) == word)


def _marked(said: str) -> bool:
    """Tell whether there are accents that no spelling has: they do not go together with their letter, or are many."""
    loose_marks = sum(1 for sign in said if not sign.isalnum() and not without_accents(sign))
    accented = sum(1 for sign in said if sign.isalpha() and without_accents(sign) != sign and script(sign) == "LATIN")
    return (loose_marks > 0 and script(said[0]) in ("LATIN", "CYRILLIC", "GREEK")) or accented > max(2, len(said) // 2)


def _fits(said: str, word: str, *, evident: bool) -> bool:
    """Tell whether the one is the other with letters repeated."""
    ours = [(letter, len(list(run))) for letter, run in groupby(said)]
    theirs = [(letter, len(list(run))) for letter, run in groupby(word)]
    if len(ours) != len(theirs) or any(mine[0] != its[0] for mine, its in zip(ours, theirs, strict=True)):
        return False
    doubtful = []
    for place, ((letter, count), (_same, wanted)) in enumerate(zip(ours, theirs, strict=True)):
        if count < wanted or (count > wanted and letter.isdigit()):
            return False
        if count > wanted:
            evident = evident or count > 2
            doubtful.append(place)
    return evident or len(doubtful) != 1 or not _habitual(ours, doubtful[0], len(word))


def _habitual(runs: list[tuple[str, int]], place: int, length: int) -> bool:
    """Tell whether two of a letter may stand there in a word of some language."""
    letter = runs[place][0]
    before = runs[place - 1][0] if place else ""
    after = runs[place + 1][0] if place + 1 < len(runs) else ""
    if not letter.isascii():
        return True  # we know too little
    if letter in _VOWELS - {"y"}:
        # Nowhere is a vowel doubled before the sign that it is short.
        return length < LONG and not (after == "c" and place + 2 < len(runs) and runs[place + 2][0] == "k")
    return (
        letter in _DOUBLED and before in _VOWELS and before != "" and (not after or after in _VOWELS or after in "lrs")
    )


def pretends(said: str, written: frozenset[str], word: str = "a") -> bool:
    """Tell whether signs stand in a word for others that look like them; ``word``: what it could be meant to be."""
    return _figures(said) or _odd_capitals(said) or _other_alphabet(said, word, written)


def _figures(said: str) -> bool:
    letters = sum(map(str.isalpha, said))
    others = [sign for sign in said if sign in FIGURES or sign in SIGNS]
    figures = sum(map(str.isdigit, others))
    # "A55" is a telephone, so is "A5s", and "b12" a vitamin; "a$$" and "t1t" are neither.
    if figures and len(said) <= SHORT and not _VOWELS & set(skeleton("".join(others), signs=True).replace("l", "i")):
        return False
    return bool(others) and letters > 0 and (figures == 0 or letters >= max(2, figures))


def _odd_capitals(said: str) -> bool:
    """Find a capital i that stands for an l, or an l for a capital i."""
    return any(one.islower() and other == "I" for one, other in pairwise(said)) or (
        "l" in said and len(said) > 2 and said.replace("l", "").isupper()
    )


def _other_alphabet(said: str, word: str, written: frozenset[str]) -> bool:
    """Tell whether letters come from an alphabet in which nobody was writing. Source: UTS 39 section 5.1, 4.1."""
    used = {script(sign) for sign in said if sign.isalpha()}
    if len(used) > 1:
        return True
    if used == {"LATIN"} and not said.isascii():
        # Letters that only look like ours, such as small capitals.
        return any(map(is_unusual, said))
    # All of one alphabet, and look-alikes all of them: then by what else was written.
    if not used or not used.isdisjoint(script(sign) for sign in word):
        return False
    # Our letters for a word of others: on every keyboard, and hardly a word of ours by chance.
    return (used == {"LATIN"} and len(said) > SHORT) or used.isdisjoint(written)


def alphabets(text: str) -> frozenset[str]:
    """Name the alphabets that a text is surely written in, by letters that look like no other's; and English, by words."""
    found = {script(sign) for sign in set(text) if sign.isalpha() and _is_distinct(sign)}
    return frozenset({*found, ENGLISH} if _ENGLISH.search(text) else found)


@lru_cache(MOST_SIGNS)
def is_unusual(sign: str) -> bool:
    """Tell whether a letter may stand for one of ours, and is more than one with an accent on it."""
    return not sign.isascii() and sign.isalpha() and readable(sign) != fold(sign)


@lru_cache(MOST_SIGNS)
def _is_distinct(sign: str) -> bool:
    return sign.casefold() not in _SHARED if sign.isascii() else not skeleton(sign).isascii()
