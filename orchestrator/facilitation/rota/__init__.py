"""The one answer to "who facilitates when": pure, and used for duty, previews, reminders and calendars alike."""

from .order import Shift, backup_of, shift_at, shifts

__all__ = ["Shift", "backup_of", "shift_at", "shifts"]
