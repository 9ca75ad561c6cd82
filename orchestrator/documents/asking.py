"""What to think about in questions: whether they ask for advice, ask who somebody is, or touch what may do harm.

People are heard, not fixed; nobody is asked who or where they are; nothing touches bodies, food or ways to do harm. The words
are English: of a question in other languages the English one is looked at, and of a deck without any nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from . import languages
from .declared import Deck, Prompt
from .source import Path

Thought: TypeAlias = tuple[Path, str]
"""Where in the deck, and what to think about there."""

ALIKE: Final = 0.75
"""So much of what two questions say is the same, and they are nearly one."""

_HARM: Final = """
    eat eating ate food meal meals diet hungry appetite calories weight thin fat body bodies mirror looks skin
    drink drinking drunk alcohol drug drugs pill pills smoke cut cutting blade rope bridge kill die dying dead death
    suicide suicidal harm overdose exercise workout gym habit habits unhealthy diagnosis medication
"""
_PRYING: Final = (
    "how old|your age|your name|real name|where do you live|where are you from|which city|which country|your job"
    "|do for a living|your work|your school|your address|married|your partner|your gender|your religion|your phone|photo"
)
_ADVICE: Final = (
    "should|advice|advise|recommend|suggest|tip|tips|how do you|how can|how to|what helps|what works|solution"
)
_COMMON: Final = frozenset(
    [
        "a",
        "about",
        "all",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "ever",
        "feel",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "is",
        "it",
        "just",
        "last",
        "me",
        "more",
        "most",
        "my",
        "of",
        "on",
        "one",
        "or",
        "say",
        "so",
        "some",
        "somebody",
        "something",
        "that",
        "the",
        "them",
        "there",
        "they",
        "thing",
        "this",
        "to",
        "today",
        "us",
        "was",
        "we",
        "week",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(map(re.escape, words))})\b", re.IGNORECASE)


_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    "harm": _any_of(_HARM.split()),
    "prying": _any_of(_PRYING.split("|")),
    "advice": _any_of(_ADVICE.split("|")),
}
_LOOKED_FOR: Final[Mapping[str, re.Pattern[str]]] = {
    "“{word}” touches bodies, food or ways to do harm, and somebody may be struggling with just that. Ask about something"
    " else.": _PATTERNS["harm"],
    "“{word}” asks who or where somebody is, and people are here under any name they like. Ask how it is instead.": _PATTERNS[
        "prying"
    ],
    "“{word}” asks for advice or for what one ought to do. Ask how it is, or was, instead.": _PATTERNS["advice"],
}


def think_about(deck: Deck) -> Iterator[Thought]:
    """Look at each question of a deck, and at those that are nearly the same."""
    said = {number: _english(one) for number, one in enumerate(deck.prompts)}
    for number, one in enumerate(deck.prompts):
        path: Path = ("prompts", number)
        for message, pattern in _LOOKED_FOR.items():
            found = pattern.search(said[number])
            if found is not None:
                yield (*path, "text"), message.format(word=found[0])
        if one.tier > 1 and not one.note:
            yield (*path, "tier"), f"This is of tier {one.tier}. Say what it touches, for example: note: mentions loss"
    for first, second in _alike(said):
        message = f"This is nearly what question {first + 1} asks ({_brief(said[first])}). Leave one out, or ask something else."
        yield ("prompts", second, "text"), message


def touches(text: str) -> frozenset[str]:
    """Tell what an English question touches on that is worth a thought: ``harm``, ``prying``, ``advice``."""
    return frozenset(name for name, pattern in _PATTERNS.items() if pattern.search(text))


def is_nearly(text: str, prompts: Iterable[Prompt]) -> bool:
    """Tell whether a question asks what one of these does, in nearly the same words of any of its languages."""
    words = _words(text)
    others = (_words(other) for one in prompts for other in {one.text, *one.texts.values()})
    return any(len(words & other) >= ALIKE * len(words | other) for other in others)


def _english(prompt: Prompt) -> str:
    texts = prompt.texts or {languages.ANY: prompt.text}
    return next((text for tongue, text in texts.items() if languages.language(tongue) in {languages.ANY, "en"}), "")


def _alike(said: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Find pairs that share nearly all their words; only those are compared that share one."""
    bags = {number: _words(text) for number, text in said.items()}
    having: dict[str, list[int]] = defaultdict(list)
    for second, words in bags.items():
        near = {first for word in words for first in having[word]}
        for first in sorted(near):
            both = bags[first] | words
            if len(bags[first] & words) >= ALIKE * len(both):
                yield first, second
                break
        for word in words:
            having[word].append(second)


def _words(text: str) -> frozenset[str]:
    """Fold a question to the words that tell it from others; all its words where there are no such."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    found = frozenset(re.findall(r"\w+", "".join(sign for sign in folded if not unicodedata.combining(sign))))
    return found - _COMMON if len(found - _COMMON) > 1 else found


def _brief(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
