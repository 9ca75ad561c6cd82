"""Community manager: who keeps a room flowing, when, and with what power."""
