"""Reminders: ahead of a turn, when people are awake, once each, and never when they are of no use any more."""
