"""The parts of a room's topic: who says each, and where it is claimed, so that no craft speaks for another unawares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOPIC: Final = "m.room.topic"

PARTS: Final = "parts"
"""Under this a topic's parts are claimed; ``rooms/state/topic`` puts them together."""


@dataclass(frozen=True, slots=True)
class TopicPart:
    """One part of a topic.

    Attributes:
        name: which part it is.
        owner: of the claim that says it.
    """

    name: str
    owner: str

    @property
    def path(self) -> tuple[str, str]:
        """Where it is claimed."""
        return (PARTS, self.name)


OWN_WORDS: Final = TopicPart("topic", "template")
"""What the template has a room say of itself."""

NORMS: Final = TopicPart("norms", "norms")
"""The norms in short."""

DUTY: Final = TopicPart("duty", "duty")
"""Who is on duty."""

IN_ORDER: Final = (OWN_WORDS, NORMS, DUTY)
"""As they are read."""
