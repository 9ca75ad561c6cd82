"""Meetings: announced ahead, remembered in time, opened and closed with a question, each once."""
