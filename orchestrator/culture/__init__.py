"""Culture: a place where people can be real. Norms that are seen, rules that are gentle, a hand that can be raised."""

from .craft import Culture
from .hands.hush import is_hushed
from .notices import Duty

__all__ = ["Culture", "Duty", "is_hushed"]
