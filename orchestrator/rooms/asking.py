"""Questions to those who keep a community: in the control room, or to each lead in private where it is lost.

What a question is about travels as its subject: a few ids under a name (``do``), by which the answer finds its way back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Ask, AskDirect, Choice, Priority
from orchestrator.model.feature import Role, Tx
from orchestrator.model.ids import Json, JsonObject, RoomKey, UserId
from orchestrator.store import bindings
from orchestrator.store.rows import dump, load_object

from .report import CRAFT, is_lost

__all__ = ["CRAFT", "ask_keepers", "can_ask", "read", "written"]

MOST_DIRECT: Final = 10
"""How many leads are asked in private at most, where there is no control room to ask in."""


def written(do: str, **about: Json) -> str:
    """Write what something is about: a name, and ids."""
    return dump({"do": do, **about})


def read(about: str) -> JsonObject:
    """Read what ``written`` wrote; empty for anything else."""
    return load_object(about) if about.startswith("{") else {}


def can_ask(tx: Tx, community: Community) -> bool:
    """Tell whether there is anybody to ask yet: a control room, even one that was lost since."""
    return bindings.bound_room(tx, community.key, CONTROL_KEY) is not None


def ask_keepers(  # what a question needs
    tx: Tx,
    community: Community,
    words: str,
    choices: tuple[Choice, ...],
    *,
    step: str,
    subject: str,
    needs: Role,
    open_ms: int,
    about_room: RoomKey | None = None,
    people: Collection[UserId] = (),
    priority: Priority = Priority.REPLY,
) -> Iterator[AnyEffect]:
    """Ask those who keep a community; whoever is ``needs`` in ``about_room`` (None: the whole community) may answer.

    In private anybody who was a lead when it was asked can react: the craft has to look at the answer's role.
    """
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    asked: Mapping[str, Json] = content.asking(words, choices, people=people)
    if control is not None and not is_lost(tx, control):
        yield Ask(
            step=step,
            room=control,
            content=asked,
            choices=choices,
            needs=needs,
            about=community.key,
            about_room=about_room,
            subject=subject,
            tag=subject,
            open_ms=open_ms,
            priority=priority,
        )
        return
    for lead in community.leads[:MOST_DIRECT]:
        yield AskDirect(
            step=f"{step}:{lead}",
            user=lead,
            content=asked,
            choices=choices,
            about=community.key,
            about_room=about_room,
            subject=subject,
            tag=subject,
            open_ms=open_ms,
            priority=priority,
        )
