"""Community manager: who keeps a room flowing, when, and with what power."""

from .craft import Facilitation

__all__ = ["Facilitation"]
