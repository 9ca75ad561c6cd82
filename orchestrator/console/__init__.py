"""What is served over HTTP: calendars under secret addresses, and nothing else. What it shows is handed to it."""

from .server import Console, serving

__all__ = ["Console", "serving"]
