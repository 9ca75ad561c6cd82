"""Community manager: who keeps a room flowing, when, and with what power."""

from .craft import Facilitation
from .rota import Shift, backup_of, shift_at, shifts

__all__ = ["Facilitation", "Shift", "backup_of", "shift_at", "shifts"]
