"""What is refused before anything is written, whoever asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from .changes import Change


@dataclass(frozen=True, slots=True)
class Refused:
    """Changes that must not be made together, or at all.

    Attributes:
        guard: which guard it was: ``last-lead``, ``lockout``, ``own-server`` or ``blast-radius``.
        reason: one plain sentence.
        changes: what is left undone for it.
    """

    guard: str
    reason: str
    changes: tuple[Change, ...]
