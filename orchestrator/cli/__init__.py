"""The verbs a person types. Each imports what it needs when it is run, so that ``--help`` and ``check`` are quick."""

from __future__ import annotations

from . import files, keeping, rehearsing, rooms  # noqa: F401 - each puts its verbs into the program
from .program import app

__all__ = ["app"]
