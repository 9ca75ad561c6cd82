"""A homeserver of its own, since what goes on here would be noise to others."""

from __future__ import annotations

from tests.real.conftest import backstage, homeserver, people

__all__ = ["backstage", "homeserver", "people"]
