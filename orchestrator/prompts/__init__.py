"""Strategy: the next good question, once, at a good moment."""

from .craft import Prompts

__all__ = ["Prompts"]
