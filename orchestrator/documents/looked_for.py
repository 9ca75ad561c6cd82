"""What rules look for, each kind read by one function, as in ``words``."""

from __future__ import annotations

import re
from typing import Final

from . import words

MOST_OF_A_PHRASE: Final = 100
MOST_OF_A_PATTERN: Final = 500
FILE_KINDS: Final = ("image", "video", "audio", "file", "sticker")

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,64}/([a-z0-9.+-]{1,64}|\*)\Z")
_AROUND: Final = re.compile(r"\(\?<?[=!]")
_BACK: Final = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9]|\(\?P=")


def phrase(value: object) -> str:
    """Read a word or phrase that holds at least one letter or digit."""
    found = words.line(value, most=MOST_OF_A_PHRASE)
    if not any(sign.isalnum() for sign in found):
        raise ValueError("A word holds at least one letter or digit. For signs, use patterns.")
    return found


def pattern(value: object) -> str:
    """Read a regular expression as RE2 has them: quick whatever is written, but without looking around or back."""
    found = words.line(value, most=MOST_OF_A_PATTERN)
    if _AROUND.search(found):
        raise ValueError(
            "Patterns here cannot look around, with (?=, (?!, (?<= or (?<!. Write what is to be found itself; \\b stands for"
            " the bound of a word."
        )
    if _BACK.search(found):
        raise ValueError("Patterns here cannot look back at what a group found, as with \\1. Write it out.")
    import re2  # noqa: PLC0415 - most policies have no patterns

    options = re2.Options()
    options.log_errors = False
    try:
        made = re2.compile(found, options)
    except re2.error as error:
        raise ValueError(f"This is no pattern that RE2 understands: {_why(error)}.") from None
    if made.search("") is not None:
        raise ValueError("This pattern is found in every message, even in an empty one.")
    return found


def _why(error: Exception) -> str:
    """Say what RE2 has against it, without the pattern, which the line shows already."""
    said = error.args[0] if error.args else b""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.partition(":")[0].strip() or "it cannot be read"


def media_type(value: object) -> str:
    """Read a media type, such as ``application/pdf``, or all of a kind, such as ``video/*``."""
    found = words.text(value, most=130).lower()
    if not _MEDIA_TYPE.match(found):
        raise ValueError("Write a media type, like application/pdf, or video/* for all of a kind.")
    return found


def reaction(value: object) -> str:
    """Read a reaction: one emoji, or a short word."""
    found = words.line(value, most=20)
    if any(sign.isspace() for sign in found):
        raise ValueError("Write one emoji, like ✅.")
    return found
