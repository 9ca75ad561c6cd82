"""Circlekeeper: rooms, norms, keepers and the next good question, on any Matrix homeserver."""

__version__ = "0.1.0"
