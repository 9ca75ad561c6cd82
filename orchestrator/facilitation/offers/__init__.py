"""Turns are offered to people some weeks ahead: yes, no or silence, each with what follows from it."""
