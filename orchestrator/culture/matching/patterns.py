"""Finding patterns (RE2) at a cost that hardly grows with their number.

RE2 can match many patterns at once (``Set``), but builds the automaton for it while it reads: with ten thousand patterns,
a message with words not seen before takes 50 ms. So each pattern waits for four bytes without which it cannot match
(``literals``), which all the patterns of all the rules look up in one step. Only those whose bytes are there are tried, one
by one. Patterns without such bytes are matched as sets; a set that runs out of memory says so by not finding the empty
pattern that each of them holds, and is then tried one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from .literals import needed

MEMORY_BYTES: Final = 256 * 1024 * 1024
SHARD: Final = 250
_GRAM: Final = 4


class Patterns:
    """Patterns with their owners (any numbers), found without regard to case.

    Args:
        entries: each a pattern that RE2 takes, and whose it is.
    """

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        import re2  # noqa: PLC0415 - most policies have no patterns, and quick verbs load none

        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False  # they would go to stderr, with the words
        options.max_mem = MEMORY_BYTES
        self._made: list[tuple[Any, int]] = []  # re2 has no types
        bare: list[tuple[str, int]] = []
        waiting: list[tuple[int, frozenset[bytes]]] = []
        for pattern, owner in entries:
            self._made.append((_Pattern(pattern, re2.compile(pattern, options)), owner))
            texts = needed(pattern)
            raw = frozenset(text.encode() for text in texts or ())
            if raw and min(map(len, raw)) >= _GRAM:
                waiting.append((len(self._made) - 1, raw))
            else:
                bare.append((pattern, len(self._made) - 1))
        self._by_gram = _spread(waiting)
        self._grams = frozenset(self._by_gram)
        self._sets = [_Set(re2, options, bare[at : at + SHARD]) for at in range(0, len(bare), SHARD)]

    def __bool__(self) -> bool:
        return bool(self._made)

    def find(self, texts: Iterable[str]) -> frozenset[int]:
        """List whose patterns match one of the texts, which are forms of the same."""
        found: set[int] = set()
        for text in texts:
            for index in self._might_match(text):
                pattern, owner = self._made[index]
                if owner not in found and pattern.matches(text):
                    found.add(owner)
        return frozenset(found)

    def _might_match(self, text: str) -> Iterator[int]:
        if self._grams:
            raw = text.casefold().encode(errors="replace")
            for gram in _grams(raw, self._grams):
                for literal, index in self._by_gram[gram]:
                    if literal in raw:
                        yield index
        for one in self._sets:
            yield from one.find(text)


class _Pattern:
    """One pattern. RE2 knows bounds of words (backslash b) in ASCII only, so those of what is found are looked at again."""

    __slots__ = ("_ends", "_regexp", "_starts")

    def __init__(self, pattern: str, regexp: Any) -> None:
        self._regexp = regexp
        self._starts = pattern.startswith("\\b")
        self._ends = pattern.endswith("\\b") and not pattern.endswith("\\\\b")

    def matches(self, text: str) -> bool:
        if text.isascii() or not (self._starts or self._ends):
            return self._regexp.search(text) is not None
        return any(
            not (self._starts and start and _within(text, start)) and not (self._ends and _within(text, end))
            for start, end in (match.span() for match in self._regexp.finditer(text))
        )


def _within(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


class _Set:
    """Patterns that are tried on every text, together."""

    def __init__(self, re2: Any, options: Any, patterns: list[tuple[str, int]]) -> None:
        self._set = re2.Set.SearchSet(options)
        self._set.Add("")
        self._owners = [owner for _pattern, owner in patterns]
        for pattern, _owner in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def find(self, text: str) -> Iterable[int]:
        found = self._set.Match(text) or ()
        if 0 not in found:
            return self._owners
        return [self._owners[place - 1] for place in found if place]


def _grams(raw: bytes, wanted: frozenset[int] | None = None) -> set[int]:
    """Give all runs of four bytes, or those that are ``wanted``, as numbers: four readings, each shifted by one."""
    found: set[int] = set()
    for shift in range(_GRAM):
        end = shift + (len(raw) - shift) // _GRAM * _GRAM
        if end > shift:
            numbers = memoryview(raw)[shift:end].cast("I")
            found.update(numbers if wanted is None else wanted.intersection(numbers))
    return found


def _spread(waiting: list[tuple[int, frozenset[bytes]]]) -> dict[int, tuple[tuple[bytes, int], ...]]:
    """Let every literal wait for the one of its runs for which the fewest others wait."""
    crowd = Counter(gram for _index, raw in waiting for literal in raw for gram in _grams(literal))
    found: defaultdict[int, list[tuple[bytes, int]]] = defaultdict(list)
    for index, raw in waiting:
        for literal in raw:
            found[min(sorted(_grams(literal)), key=crowd.__getitem__)].append((literal, index))
    return {gram: tuple(literals) for gram, literals in found.items()}
