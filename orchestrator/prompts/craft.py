"""The craft of prompts: the next good question. Each thing it does has a desk."""

from __future__ import annotations

from orchestrator.documents.declared import Documents
from orchestrator.model.desks import Desks

from .asking import Asking
from .duty import NAME, Duty
from .hand import Hand
from .meetings.desk import Meetings


class Prompts(Desks):
    """Asks each room its questions.

    Args:
        documents: what the authors wrote.
        duty: tells whether somebody is there.
    """

    name = NAME

    def __init__(self, documents: Documents, duty: Duty) -> None:
        asking = Asking(documents, duty)
        super().__init__(asking, Hand(documents, duty, asking), Meetings(documents, duty))
