"""``circlekeeper decks try``: a year of a deck, as a room would be asked it, without a room or a server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from orchestrator.documents import languages
from orchestrator.documents.declared import Deck, Prompt
from orchestrator.documents.load import load
from orchestrator.errors import SetupError
from orchestrator.prompts.bag import Draw, draw, left

TIERS = {1: "", 2: " (tier 2)", 3: " (tier 3)"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its day; ``left`` is how many come before the round begins anew."""

    day: date
    drawn: Draw
    left: int


async def try_deck(
    config_path: Path,
    name: str,
    *,
    year: int,
    seed: str,
    every: Literal["day", "week"],
    as_json: bool,
) -> int:
    """Print what a room would be asked in a year: a question a week (or a day), as if somebody were always there.

    Raises:
        DocumentErrors: the files hold mistakes.
        SetupError: there is no deck of this name, or no such year.
    """
    loaded = load(config_path, today=datetime.now(UTC).date())
    inline = {one.name: one for each in loaded.documents.communities for room in each.rooms for one in room.decks()}
    deck = loaded.decks.get(name) or inline.get(name)
    if deck is None:
        there = ", ".join(sorted({*loaded.decks, *inline})) or "none"
        raise SetupError(f"There is no deck of this name. Decks here: {there}.")
    if not 2000 <= year <= 2999:
        raise SetupError("Write a year from 2000 to 2999, such as: --year 2027")
    asked = list(year_of(deck, year, seed, 7 if every == "week" else 1))
    if as_json:
        print(json.dumps([_json(one) for one in asked], ensure_ascii=False, indent=2))
        return 0
    locale = loaded.config.locale
    for before, one in zip([None, *asked], asked, strict=False):
        if before is not None and before.drawn.round != one.drawn.round:
            print("  -- from here on the deck begins anew --")
        print(f"{one.day:%a %Y-%m-%d}  {_text(one.drawn.prompt, locale)}{TIERS[one.drawn.prompt.tier]}")
    print(_summary(deck, asked))
    return 0


def year_of(deck: Deck, year: int, seed: str, apart: int) -> Iterator[Asked]:
    """Draw a question each so many days, the first on the year's first Monday (or, of one a day, on its first day)."""
    rounds: dict[int, list[str]] = {0: []}
    day = date(year, 1, 1)
    while apart > 1 and day.weekday():
        day += timedelta(days=1)
    while day.year == year:
        now = max(rounds)
        drawn = draw(deck.prompts, seed, now, rounds[now], rounds.get(now - 1, ()), tier_most=3, day=day)
        if drawn is not None:
            if drawn.item:
                rounds.setdefault(drawn.round, []).append(drawn.item)
            yield Asked(day, drawn, left(deck.prompts, rounds[max(rounds)], tier_most=3, day=day))
        day += timedelta(days=apart)


def _text(prompt: Prompt, locale: str) -> str:
    return languages.nearest(prompt.texts, locale)


def _json(one: Asked) -> dict[str, object]:
    prompt = one.drawn.prompt
    return {
        "day": one.day.isoformat(),
        "id": prompt.id,
        "text": prompt.texts,
        "tier": prompt.tier,
        "note": prompt.notes,
        "tags": prompt.tags,
        "round": one.drawn.round,
        "left": one.left,
    }


def _summary(deck: Deck, asked: Sequence[Asked]) -> str:
    seen = {one.drawn.prompt.id for one in asked}
    apart = [one for one in deck.prompts if one.on is not None and one.id not in seen]
    said = f"{len(asked)} questions of “{deck.title}”, which has {len(deck.prompts)}."
    if apart:
        said += f" {len(apart)} more {'is' if len(apart) == 1 else 'are'} for one day only, and nothing is asked on that one here."
    return said
