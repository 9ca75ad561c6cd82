"""Raising a hand: somebody asks for a person, and is not left waiting."""
