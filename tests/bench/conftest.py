"""A homeserver of its own, so that nobody else's people are measured."""

from __future__ import annotations

from tests.real.conftest import backstage, homeserver

__all__ = ["backstage", "homeserver"]
