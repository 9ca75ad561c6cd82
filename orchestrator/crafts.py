"""The five crafts together, as one reading of the documents makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.belonging import Belonging
from orchestrator.belonging.listening import answer
from orchestrator.culture import Culture
from orchestrator.documents.declared import Documents
from orchestrator.facilitation.calendar.feeds import NO_ADDRESSES, Addresses
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.feature import Feature
from orchestrator.model.ids import UserId
from orchestrator.prompts import Prompts
from orchestrator.rooms import Rooms


@dataclass(frozen=True, slots=True)
class Crafts:
    """The crafts, built from one reading of the documents."""

    documents: Documents
    features: Sequence[Feature]
    roster: Facilitation


def build_crafts(documents: Documents, me: UserId, addresses: Addresses = NO_ADDRESSES) -> Crafts:
    """Build the five crafts; facilitation is the roster that the others ask, and ``addresses`` are those of calendars."""
    facilitation = Facilitation(documents, addresses)
    doing = (
        Rooms(documents, me),
        Culture(documents, facilitation),
        facilitation,
        Prompts(documents, facilitation, listening=answer),
    )
    # What is plainly a command is the engine's to answer; all else that is said in private, belonging's.
    names = {"help", *(command.name for craft in doing for command in craft.commands)}
    return Crafts(documents, (*doing, Belonging(documents, names)), facilitation)
