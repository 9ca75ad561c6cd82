"""Finding listed words and phrases, however they are dressed up, at a cost that does not grow with the list.

Every word of a text is looked up in its loosest form, which is one step for all lists together; only what is found there
is looked at closely. In scripts that write without spaces there are no bounds to hold, so there a phrase is looked for by
its first two signs; Katakana and Hangul have bounds of their own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .apart import HAS_SIGN, SPACED, WITH_SIGNS, close_up, might_be_close, might_be_spaced
from .dressed import alphabets, is_dressed
from .folding import SIGNS, TOKEN, clean, fold, loose

_UNSPACED: Final = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\u2fff"
    "\u3005-\u3007\u3040-\u312f\u3130-\u318f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua980-\ua9df\uaa60-\uaa7f\uac00-\ud7ff"
    "\uf900-\ufaff\U00016fe0-\U00018aff\U0001b000-\U0001b2ff\U00020000-\U0003ffff"
)
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30fe\u31f0-\u31ff]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_HAN_KANA: Final = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# What stands between ideographs to keep them apart; what ends a sentence does keep them apart.
_PUT_BETWEEN = re.compile(
    rf"(?<=[{_HAN_KANA}])[ \t*_~^.|·•+=/\\-]{{1,3}}(?=[{_HAN_KANA}])"
    r"|(?<=[\uac00-\ud7af])[*_~^.|·•+=/\\-]{1,3}(?=[\uac00-\ud7af])"  # Korean has spaces
)
_LONE: Final = frozenset("aiouy")
"""Letters that are words by themselves, and may stand beside a word that is spaced out."""
LEAST_JOINED: Final = 4
"""A phrase may be written in one where all of its words have so many letters; "the rapist" may not."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    words: tuple[str, ...]
    owner: int

    @property
    def joined(self) -> str:
        return "".join(self.words)


@dataclass(frozen=True, slots=True)
class _Said:
    word: str
    spaced: bool = False


class Wordlist:
    """Words and phrases with their owners (any numbers).

    Args:
        entries: each a phrase as its author wrote it, and whose it is.
    """

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        by_key: defaultdict[str, list[_Phrase]] = defaultdict(list)
        unspaced: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for phrase, owner in entries:
            phrase = clean(phrase)  # noqa: PLW2901 - as it is meant
            if _HAS_UNSPACED.search(phrase):
                wanted = _unspaced(phrase)
                unspaced[wanted[:2]].append((wanted, owner))
                continue
            words = tuple(TOKEN.findall(phrase))
            if not words:
                continue
            made = _Phrase(words, owner)
            for key in {*_keys(words[0]), *_keys(made.joined)}:
                by_key[key].append(made)
        self._by_key = {key: tuple(found) for key, found in by_key.items()}
        self._keys = frozenset(by_key)
        self._unspaced = {key: tuple(found) for key, found in unspaced.items()}
        self._starts = frozenset(unspaced)
        self._alone = frozenset(key for key in unspaced if len(key) == 1)

    def __bool__(self) -> bool:
        return bool(self._keys or self._starts)

    def find(self, text: str) -> frozenset[int]:
        """List whose phrases are in a text."""
        found: set[int] = set()
        if self._keys and self._might_hold(text):
            found.update(self._look(clean(text)))
        if self._starts and not text.isascii() and _HAS_UNSPACED.search(text):
            found.update(self._look_unspaced(text))
        return frozenset(found)

    # -- with spaces ---------------------------------------------------------------------------------------------------

    def _might_hold(self, text: str) -> bool:
        """Look whether there is anything to look at: quickly, and rather once too often."""
        if not self._keys.isdisjoint(loose(text).split()) or might_be_spaced(text):
            return True
        if might_be_close(text) and not self._keys.isdisjoint(loose(text, joined=True).split()):
            return True
        return HAS_SIGN.search(text) is not None and not self._keys.isdisjoint(loose(text, signs=True).split())

    def _look(self, text: str) -> Iterator[int]:
        written = alphabets(text)
        known: dict[str, tuple[_Phrase, ...]] = {}
        for words in _readings(text):
            for at, said in enumerate(words):
                phrases = known.get(said.word)
                if phrases is None:
                    phrases = known[said.word] = self._by_key.get(_key(said.word), ())
                for phrase in phrases:
                    if _is_there(phrase, words, at, written):
                        yield phrase.owner

    # -- without -------------------------------------------------------------------------------------------------------

    def _look_unspaced(self, text: str) -> Iterator[int]:
        text = _unspaced(text)
        for start in self._starts & ({text[at : at + 2] for at in range(len(text))} | (self._alone & set(text))):
            for wanted, owner in self._unspaced[start]:
                if any(_is_apart(text, at, wanted) for at in _places(text, wanted)):
                    yield owner


def _keys(word: str) -> set[str]:
    # A capital may look like one of our letters where the small letter does not.
    return {_key(word)} if word.isascii() else {_key(word), _key(word.upper()), _key(word.title())}


def _key(word: str) -> str:
    return loose(word, signs=True).replace(" ", "")


def _readings(text: str) -> Iterator[Sequence[_Said]]:
    """Read a text as words: as they stand, with what was put between letters left out, and with signs for letters."""
    plain = [_Said(word) for word in TOKEN.findall(text)]
    yield plain
    spaced = SPACED.sub(lambda run: f" {_marked(run[0])} ", text)
    if spaced != text:
        yield from _variants(spaced)
    bare = close_up(text)
    if bare != text:
        yield [_Said(word) for word in TOKEN.findall(bare)]
    if HAS_SIGN.search(text):
        yield [_Said(word) for word in _signed(text)]


_OPEN: Final = "\ue000"
"""Before a word whose letters stood apart, in a sign that no word holds."""


def _marked(run: str) -> str:
    return _OPEN + "".join(sign for sign in run if sign.isalnum() or sign in SIGNS)


def _variants(text: str) -> Iterator[Sequence[_Said]]:
    """Read spaced-out words with and without the letter beside them that may be a word by itself."""
    pieces = re.findall(rf"{_OPEN}\S+|{TOKEN.pattern}", text)
    for head in (0, 1):
        for tail in (0, 1):
            said: list[_Said] = []
            for piece in pieces:
                if not piece.startswith(_OPEN):
                    said.append(_Said(piece))
                    continue
                word = piece[1:]
                first = head and len(word) > 3 and word[0].casefold() in _LONE
                last = tail and len(word) > 3 and word[-1].casefold() in _LONE
                said += [_Said(word[0])] if first else []
                said.append(_Said(word[1 if first else 0 : -1 if last else None], spaced=True))
                said += [_Said(word[-1])] if last else []
            yield said


def _signed(text: str) -> Iterator[str]:
    """Read words with signs in them, less what only stands around them."""
    for match in WITH_SIGNS.finditer(text):
        word = match.group()
        at_end = text[match.end() : match.end() + 1]
        if word.startswith("@") and at_end == ":":
            continue  # somebody's id
        word = word.rstrip("!|¡¢") if not word.endswith("$") else word
        yield word.lstrip("!|¡")


def _is_there(phrase: _Phrase, words: Sequence[_Said], at: int, written: frozenset[str]) -> bool:
    said = words[at]
    if len(phrase.words) > 1:
        all_long = min(map(len, phrase.words)) >= LEAST_JOINED
        if (said.spaced or all_long) and is_dressed(said.word, phrase.joined, written, spaced=said.spaced):
            return True
    following = words[at : at + len(phrase.words)]
    return len(following) == len(phrase.words) and all(
        is_dressed(one.word, wanted, written, spaced=one.spaced)
        for one, wanted in zip(following, phrase.words, strict=True)
    )


def _unspaced(text: str) -> str:
    return _PUT_BETWEEN.sub("", fold(text))


def _places(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def _is_apart(text: str, at: int, wanted: str) -> bool:
    """Tell whether what was found is no part of a longer word, where the script tells."""
    before, after = text[at - 1 : at] if at else "", text[at + len(wanted) : at + len(wanted) + 1]
    first, last = wanted[0], wanted[-1]
    if _KATAKANA.match(first) and _KATAKANA.match(before):
        return False
    if _KATAKANA.match(last) and _KATAKANA.match(after):
        return False
    if _HANGUL.match(first) and _HANGUL.match(before):
        return False
    return not (first.isascii() and first.isalnum() and before.isalnum() and before.isascii())
