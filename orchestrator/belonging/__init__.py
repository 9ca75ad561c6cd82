"""Belonging: being witnessed. So far, the answer to whoever writes to the bot as to somebody who listens."""

from .craft import Belonging

__all__ = ["Belonging"]
