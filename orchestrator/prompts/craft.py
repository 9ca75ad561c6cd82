"""The craft of prompts: the next good question. Each thing it does has a desk."""

from __future__ import annotations

from random import Random, SystemRandom

from orchestrator.documents.declared import Documents
from orchestrator.model.desks import Desks

from .ahead import Ahead
from .asking import Asking
from .duty import NAME, Duty
from .hand import Hand
from .meetings.desk import Meetings
from .mentioning import Mentioning
from .polling import Polling
from .suggestions.deciding import Deciding
from .suggestions.keeping import Keeping
from .suggestions.suggesting import Listening, Suggesting
from .suggestions.words import heard_by_nobody


class Prompts(Desks):
    """Asks each room its questions.

    Args:
        documents: what the authors wrote.
        duty: tells whether somebody is there.
        lots: draws what must not be foreseen: when and in which order suggestions are passed on.
        listening: answers whoever may not be well, as whoever writes to the bot is answered.
    """

    name = NAME

    def __init__(
        self,
        documents: Documents,
        duty: Duty,
        lots: Random | None = None,
        listening: Listening = heard_by_nobody,
    ) -> None:
        lots = lots or SystemRandom()
        asking = Asking(documents, duty)
        super().__init__(
            Suggesting(documents, lots, listening),
            Deciding(documents, lots),
            Keeping(documents),
            asking,
            Ahead(documents, duty),
            Polling(documents),
            Mentioning(documents),
            Hand(documents, duty, asking),
            Meetings(documents, duty),
        )
