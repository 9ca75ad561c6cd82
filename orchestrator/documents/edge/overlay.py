"""The model of a file of the overlay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from orchestrator.documents import words

from .base import Read, Strict, User, Version, sentence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment_ms(value: object) -> int:
    try:
        return (datetime.fromisoformat(words.line(value)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, TypeError):
        raise ValueError("Write a moment like 2026-11-22T17:00:00Z.") from None


def _anything(value: object) -> object:
    return value


class AmendmentModel(Strict):
    """One change."""

    path: list[Annotated[str, sentence(200)]] = Field(min_length=1)
    value: Annotated[Any, Read(_anything, {})]
    by: User
    at: Annotated[int, Read(_moment_ms, {"type": "string", "format": "date-time"})]


class OverlayModel(Strict):
    """data_dir/overlay/**.yaml."""

    version: Version
    amendments: list[AmendmentModel]
