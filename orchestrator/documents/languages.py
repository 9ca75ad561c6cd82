"""Texts in several languages: which one somebody is best told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ANY: Final = ""
"""The language of a text that was written once, for everyone."""


def distance(written: str, wanted: str) -> int:
    """Tell how far a text's language is from the one that is wanted: 0 the same, 1 its kind, 2 for everyone, 3 another."""
    if written == ANY:
        return 2
    if written.casefold() == wanted.casefold():
        return 0
    return 1 if language(written) == language(wanted) else 3


def nearest(texts: Mapping[str, str], wanted: str) -> str:
    """Choose the text in the nearest language; of two as near, the one written first."""
    return texts[min(texts, key=lambda written: distance(written, wanted))]


def language(locale: str) -> str:
    """Leave out the region and the script: ``pt`` of ``pt-BR``."""
    return locale.replace("_", "-").partition("-")[0].casefold()
