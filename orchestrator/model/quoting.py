"""Somebody's words in a message of ours: a place is left for them, and they come to stand there as it is sent.

They are text and nothing else there: no marks, no links, no mention, whatever is written in them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Final

from .ids import QUOTED_FIELD, Json, JsonObject

WORDS: Final = "\ue004"
"""The place of the words, in a character that nobody types; in Markdown it stands as it is."""

REMARKS: Final = "\ue005"
"""The place of what is said of them, after a space; nothing stands there where nothing is to be said."""

_NOT_TEXT: Final = frozenset({"Cc", "Co", "Cs"})
"""Characters that control or that nobody has given a meaning: some are places of ours."""


def filled(content: JsonObject, words: str, remarks: Sequence[str]) -> dict[str, Json]:
    """Put words where a content has a place for them, and keep them apart from ours in it, to be found again."""
    words = "".join(sign for sign in words if unicodedata.category(sign) not in _NOT_TEXT)
    said = "".join(f" {remark}" for remark in remarks)

    def fill(text: Json, words: str, said: str) -> Json:
        if not isinstance(text, str):
            return text
        return text.replace(f" {REMARKS}", said).replace(REMARKS, said.strip()).replace(WORDS, words)

    full: dict[str, Json] = {**content, "body": fill(content.get("body"), words, said), QUOTED_FIELD: words}
    if "formatted_body" in content:
        full["formatted_body"] = fill(content["formatted_body"], escape(words), escape(said, quote=False))
    return full
