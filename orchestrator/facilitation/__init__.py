"""Community manager: who keeps a room flowing, when, and with what power."""

from typing import Final

NAME: Final = "facilitation"
"""What the craft is called; its timers and questions stand under it."""
