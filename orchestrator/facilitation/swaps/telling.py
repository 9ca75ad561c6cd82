"""What the desk of swaps says beside its answers, and reads of what people write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community
from orchestrator.errors import Refusal
from orchestrator.facilitation import saying
from orchestrator.facilitation.records.overrides import Change, Kind
from orchestrator.facilitation.rota.things import Part
from orchestrator.facilitation.view import View, check_may_keep
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Call, Now, Tx
from orchestrator.model.ids import RoomId, RoomKey, UserId, is_user_id
from orchestrator.store import bindings

from . import words
from .choosing import Option

WITH: Final = ("with", "to", "for")


def tell_control(tx: Tx, community: Community, person: UserId, room: str, when: str, now: Now) -> Iterator[AnyEffect]:
    """Tell those who take turns who has one now; nobody is notified."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is not None:
        yield Send(
            step=f"took:{person}",
            room=control,
            priority=Priority.STRUCTURE,
            expires_ms=now.at_ms + DAY_MS,
            content=content.notice(words.somebody_took(person, room, when), people=[person]),
        )


def swap_id(change: Change) -> str:
    """Name the request one takes by it; "" where nobody has it anyway."""
    return change.id if change.kind is Kind.SWAP else ""


def elsewhere(tx: Tx, option: Option, user: UserId, now: Now) -> str:
    """Say where else somebody is on at that time; "" for nowhere."""
    held = [
        (one.room, overlap)
        for one in View.of(tx, option.community, now.at_ms).held_by(user)
        if one.room != option.wish.room and (overlap := one.span.common(option.wish.span)) is not None
    ]
    lines = [
        words.also_on(option.community.name_of(key), saying.stretch(span, option.community.zone)) for key, span in held
    ]
    return "".join(f"\n\n{line}" for line in lines)


def check_free(option: Option, only: UserId, views: Sequence[View]) -> None:
    """Check that somebody can take what they alone are offered: they are not on in that room then.

    Raises:
        Refusal: they are; it names the turn that is in the way.
    """
    for view in views:
        for one in view.held_by(only) if view.community.key == option.community.key else ():
            if one.room == option.wish.room and one.part is not Part.SHADOW and one.span.shares(option.wish.span):
                when = saying.stretch(one.span, option.community.zone)
                raise Refusal(words.they_are_on(only, option.room_name, when))


def here_of(call: Call) -> RoomKey | None:
    """Find the room that a call stands in; None where it may be about any.

    Among members it is about their room alone, and in the space about none: which other rooms there are is not for all.
    """
    if call.direct or call.room_key == CONTROL_KEY:
        return None
    return SPACE_KEY if call.room_key is None else call.room_key


def in_control(tx: Tx, community: Community, room: RoomId) -> bool:
    """Tell whether a room is the one in which those talk who take turns."""
    return bindings.bound_room(tx, community.key, CONTROL_KEY) == room


def check_any(communities: Sequence[Community], user: UserId) -> None:
    """Refuse who may take nothing anywhere."""
    for community in communities:
        if user in community.leads or any(user in room.facilitators for room in community.rooms):
            return
    for community in communities[:1]:
        for room in community.rooms:
            if user in room.shadows:
                check_may_keep(community, room.key, user)


def people_in(left: Sequence[str], caller: UserId) -> tuple[UserId | None, UserId]:
    """Read whom it is offered to, and whose it is."""
    only, giver = None, caller
    for word, following in pairwise(left):
        named = following.rstrip(".,;")
        if word.casefold() in WITH and is_user_id(named):
            if word.casefold() == "for":
                giver = UserId(named)
            else:
                only = UserId(named)
    return only, giver
