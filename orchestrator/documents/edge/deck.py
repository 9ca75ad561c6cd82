"""The forms of a deck: in a file of its own, or written where it is asked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

from orchestrator.documents import languages, times, words
from orchestrator.documents.declared import Deck, FixedDay, Poll, Prompt

from .base import Key, Locale, NotEmpty, Read, Truth, Version, number, one_of, sentence

Season: TypeAlias = Literal["spring", "summer", "autumn", "winter"]
Texts: TypeAlias = Mapping[str, str]

LONGEST: Final = 500
_TEXT_SCHEMA: Final = {"type": "string", "maxLength": LONGEST}
_ANSWERS_MOST: Final = 10
_FIRST_MONTH: Final[Mapping[Season, int]] = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}


def _texts(most: int, example: str = "") -> Read:
    """Read a text, or the same text in several languages: ``{en: ..., de: ...}``."""

    def read_texts(value: object) -> Texts:
        if not isinstance(value, dict):
            return {languages.ANY: words.line(value, most=most)}
        if not value:
            raise ValueError("Write the text, or the text in each language: {en: ..., de: ...}.")
        return {words.locale(tongue): words.line(text, most=most) for tongue, text in value.items()}

    text = {"type": "string", "maxLength": most}
    schema = {"anyOf": [text, {"type": "object", "minProperties": 1, "additionalProperties": text}]}
    return Read(read_texts, schema, example)


def _answers(read: Callable[[object], Texts]) -> Callable[[object], tuple[Texts, ...]]:
    def read_answers(value: object) -> tuple[Texts, ...]:
        if not isinstance(value, list) or len(value) < 2:
            raise ValueError('A poll has at least two answers. Write, for example: ["yes", "not today"]')
        if len(value) > _ANSWERS_MOST:
            raise ValueError(f"These are {len(value)} answers. Nobody reads so many: write at most {_ANSWERS_MOST}.")
        found = tuple(map(read, value))
        if len({next(iter(answer.values())).casefold() for answer in found}) < len(found):
            raise ValueError("An answer stands here twice. Write each once.")
        return found

    return read_answers


_ANSWER: Final = _texts(100)
Answers = Annotated[
    tuple[Texts, ...],
    Read(
        _answers(_ANSWER.by),
        {"type": "array", "minItems": 2, "maxItems": _ANSWERS_MOST, "items": _ANSWER.schema},
        '["yes", "not today"]',
    ),
]
OneDay = Annotated[
    FixedDay,
    Read(times.fixed_day, {"type": "string", "pattern": "^(20[0-9]{2}-)?[0-9]{2}-[0-9]{2}$"}, "12-31"),
]


class PollForm(TypedDict):
    """Answers to choose one from."""

    answers: Answers
    open: NotRequired[Truth]


class QuestionForm(TypedDict):
    """One question of a deck."""

    text: Annotated[Texts, _texts(LONGEST, '"What was one small thing that went all right?"')]
    tier: NotRequired[Annotated[int, number(1, 3)]]
    note: NotRequired[Annotated[Texts, _texts(100)]]
    tags: NotRequired[list[Key]]
    weight: NotRequired[Annotated[int, number(1, 3)]]
    on: NotRequired[OneDay]
    season: NotRequired[Annotated[Season, one_of("spring", "summer", "autumn", "winter")]]
    poll: NotRequired[PollForm]


class InlineDeckForm(TypedDict):
    """A deck that is written where it is asked."""

    title: Annotated[str, sentence(100, "Gentle check-in")]
    locale: NotRequired[Locale]
    hemisphere: NotRequired[Annotated[Literal["north", "south"], one_of("north", "south")]]
    prompts: Annotated[list[QuestionForm], NotEmpty('[{text: "What was one small thing that went all right?"}]')]


class DeckForm(InlineDeckForm):
    """room_templates/decks/*.yaml."""

    version: Version


def deck_of(form: InlineDeckForm, key: str) -> Deck:
    """Make plain data of it; ``key`` is the file's name without ``.yaml``."""
    locale, south = form.get("locale", languages.ANY), form.get("hemisphere") == "south"
    prompts = (_prompt(one, locale, south=south) for one in form["prompts"])
    return Deck(name=key, title=form["title"], prompts=tuple(prompts), locale=locale)


def named(title: str) -> str:
    """Make the name of a deck that has none of its title; "deck" where the title holds no letters of a name."""
    return re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:64].strip("-") or "deck"


def _prompt(form: QuestionForm, locale: str, *, south: bool) -> Prompt:
    texts, notes = _in(form["text"], locale), _in(form.get("note", {}), locale)
    first = next(iter(texts.values()))
    return Prompt(
        id=hashlib.sha256(first.encode()).hexdigest()[:16],
        text=first,
        tier=form.get("tier", 1),
        note=next(iter(notes.values()), ""),
        tags=tuple(dict.fromkeys(form.get("tags", []))),
        weight=form.get("weight", 1),
        on=form.get("on"),
        months=_months(form["season"], south=south) if "season" in form else (),
        poll=_poll(form["poll"], locale) if "poll" in form else None,
        texts=texts,
        notes=notes,
    )


def _poll(form: PollForm, locale: str) -> Poll:
    answers = tuple(_in(answer, locale) for answer in form["answers"])
    first = tuple(next(iter(answer.values())) for answer in answers)
    return Poll(answers=first, by_language=answers, open=form.get("open", True))


def _in(texts: Texts, locale: str) -> dict[str, str]:
    """Say of what is written once in which language it is."""
    return {tongue or locale: text for tongue, text in texts.items()}


def _months(season: Season, *, south: bool) -> tuple[int, ...]:
    """List the months of a season, as meteorologists count them."""
    first = _FIRST_MONTH[season] + (6 if south else 0)
    return tuple(sorted((first + number - 1) % 12 + 1 for number in range(3)))
