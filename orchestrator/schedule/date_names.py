"""The names of months and weekdays, in English and in one more language, as Babel knows them."""

from __future__ import annotations

import unicodedata
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import get_day_names, get_month_names


def named(word: str, locale: str) -> tuple[int | None, int | None]:
    """Tell which month and which weekday a word names; of a word of three letters or more the beginning will do."""
    names = names_in(locale)
    if word in names:
        return names[word]
    if len(word) < 3:
        return None, None
    found = {value for name, value in names.items() if name.startswith(word) and len(name) > len(word)}
    return found.pop() if len(found) == 1 else (None, None)


@cache
def names_in(locale: str) -> dict[str, tuple[int | None, int | None]]:
    """List the names of months and weekdays, each with its month (from 1) and its weekday (from 0); a word may be both."""
    months: dict[str, int] = {}
    weekdays: dict[str, int] = {}
    for language in (babel_locale(locale), Locale("en")):  # English comes last: its names always hold
        for context in ("stand-alone", "format"):
            for width in ("abbreviated", "wide"):
                months.update((_plain(name), n) for n, name in get_month_names(width, context, language).items())
                weekdays.update((_plain(name), n) for n, name in get_day_names(width, context, language).items())
    weekdays.update(tues=1, thur=3, thurs=3)
    months["sept"] = 9
    return {name: (months.get(name), weekdays.get(name)) for name in {*months, *weekdays}}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().strip(".")


def babel_locale(locale: str) -> Locale:
    """Find what Babel knows of a language; English where it knows nothing."""
    for name in (locale.replace("-", "_"), locale.replace("-", "_").partition("_")[0]):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")
