"""Who is on a rota: leads put people on and take them off, in words, and it is written into the overlay."""

from .desk import PREFIX, WORDS, Roster
from .leaving import Leaving

__all__ = ["PREFIX", "WORDS", "Leaving", "Roster"]
