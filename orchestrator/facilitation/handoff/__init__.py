"""Handoffs: who goes and who comes, with power for as long as it lasts, told once."""

from .desk import Handoffs

__all__ = ["Handoffs"]
