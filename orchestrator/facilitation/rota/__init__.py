"""The one answer to "who facilitates when": pure, and used for duty, previews, reminders and calendars alike."""
