"""The forms of a text that patterns are matched against: as it was written, and as it reads undressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, product, repeat
from typing import Final

from .apart import WITH_SIGNS, close_up, gather, might_be_close, might_be_spaced
from .dressed import alphabets, is_unusual, pretends
from .folding import SIGNS, clean, fold, has_runs, readable, script

_RUN: Final = re.compile(r"([^\W\d_])\1{2,}")
MOST_RUNS: Final = 3
_ANY: Final = re.compile(rf"[0-9{re.escape(''.join(SIGNS))}]")
_AMONG: Final = re.compile(rf"[^\W\d_][0-9{re.escape(''.join(SIGNS))}]|[0-9{re.escape(''.join(SIGNS))}][^\W\d_]")


def views(text: str) -> tuple[str, ...]:
    """List the forms of a text, each once. Case is left to the patterns, which do not regard it."""
    found = [text]
    seen = clean(text)
    bare = text if text.isascii() else fold(text)
    if bare not in (text, text.casefold()):
        found.append(bare)
    plain = _undressed(seen)
    if plain not in (seen, bare):
        found.append(plain)
    if has_runs(plain) and _RUN.search(plain):
        found += _shortened(plain)
    return tuple(dict.fromkeys(found))


def _shortened(text: str) -> Iterator[str]:
    """Leave one or two of each letter that stands there three times or more: of the first few in all combinations."""
    pieces = _RUN.split(text)  # what stands between them, and the letters in turn
    runs = len(pieces) // 2
    for counts in product((1, 2), repeat=min(runs, MOST_RUNS)):
        often = chain(counts, repeat(1))
        yield "".join(piece * next(often) if place % 2 else piece for place, piece in enumerate(pieces))


def _undressed(text: str) -> str:
    """Write letters for what stands for letters, and together what was put apart."""
    together = gather(text) if might_be_spaced(text) else text
    together = close_up(together) if might_be_close(together) else together
    if (_ANY.search(together) and _AMONG.search(together)) or _mixed(together):
        written = alphabets(together)
        together = WITH_SIGNS.sub(lambda word: _plainly(word[0], written), together)
    return together if together.isascii() else fold(together)


def _mixed(text: str) -> bool:
    """Tell whether there may be letters of one alphabet that stand for those of another."""
    if text.isascii():
        return False
    letters = {sign for sign in text if sign.isalpha()}
    used = {script(sign) for sign in letters}
    if "LATIN" in used:
        return any(map(is_unusual, letters))
    return len(used) > 1 or not used <= alphabets(text)


def _plainly(word: str, written: frozenset[str]) -> str:
    core = word.rstrip("!|")
    if core.isalpha() and core.isascii():
        return word
    return readable(core) + word[len(core) :] if pretends(core, written) else word
