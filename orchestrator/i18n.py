"""Every word the bot says goes through gettext; the text in the code is the English one.

Message catalogues live in ``orchestrator/locales``; a locale without one falls back to English.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

_LOCALES = Path(__file__).parent / "locales"
_locale: ContextVar[str] = ContextVar("locale", default="en")


@cache
def _catalogue(locale: str) -> gettext.NullTranslations:
    return gettext.translation("circlekeeper", _LOCALES, languages=[locale], fallback=True)


def use_locale(locale: str) -> None:
    """Speak ``locale`` (a BCP 47 tag such as ``de``) for the rest of this context."""
    _locale.set(locale)


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak ``locale`` inside, and afterwards what was spoken before."""
    token = _locale.set(locale)
    try:
        yield
    finally:
        _locale.reset(token)


def current_locale() -> str:
    """Tell which locale this context speaks."""
    return _locale.get()


def _(message: str) -> str:
    """Translate a sentence into the context's locale."""
    return _catalogue(_locale.get()).gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """Translate a sentence that counts ``n`` things."""
    return _catalogue(_locale.get()).ngettext(singular, plural, n)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a sentence for translation where it is written; it is translated where it is said."""
    return message
