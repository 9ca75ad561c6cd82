"""The form of a file of the overlay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from typing_extensions import TypedDict

from orchestrator.documents import words

from .base import NotEmpty, Read, User, Version, sentence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment_ms(value: object) -> int:
    try:
        return (datetime.fromisoformat(words.line(value)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError):
        raise ValueError("Write a moment like 2026-11-22T17:00:00Z.") from None


def _anything(value: object) -> object:
    return value


class AmendmentForm(TypedDict):
    """One change."""

    path: Annotated[list[Annotated[str, sentence(200)]], NotEmpty()]
    value: Annotated[Any, Read(_anything, {})]
    by: User
    at: Annotated[int, Read(_moment_ms, {"type": "string", "format": "date-time"})]


class OverlayForm(TypedDict):
    """data_dir/overlay/**.yaml."""

    version: Version
    amendments: list[AmendmentForm]
