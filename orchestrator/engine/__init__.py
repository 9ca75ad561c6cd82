"""From event to effect: one transaction per answer of /sync, a savepoint per event and craft."""

from .engine import Engine

__all__ = ["Engine"]
