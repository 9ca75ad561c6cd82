"""Which room somebody means who says something about its questions, and what they may do there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.model.feature import Call, Role, Tx
from orchestrator.store import bindings

from . import hand_words as words


@dataclass(frozen=True, slots=True)
class Meant:
    """A room, and the words that do not name it."""

    community: Community
    room: Room
    rest: tuple[str, ...]


def read(tx: Tx, documents: Documents, call: Call, said: Sequence[str]) -> Meant:
    """Find the room: the one that is named, the one it is written in, or the only one there is.

    Raises:
        Refusal: it is not plain, or whoever asks does not keep a room there.
    """
    community = None if call.community is None else documents.community(call.community)
    if community is None or call.event.sender not in community.staff():
        raise Refusal(words.for_keepers(documents.prefix_in(call.community)))
    if call.direct and len(bindings.communities_of(tx, call.event.sender)) > 1:
        raise Refusal(words.which_community())
    asking = [room for room in community.rooms if room.prompts and not room.archive]
    if not asking:
        raise Refusal(words.none_asked(community))
    named = [
        (room, at)
        for at, word in enumerate(said)
        for room in asking
        # Rooms are called like days: in "until tuesday" it is the day.
        if word.casefold() == room.key.casefold() and (at == 0 or said[at - 1].casefold() not in {"until", "till"})
    ]
    if named:
        room, at = named[0]
        return Meant(community, room, (*said[:at], *said[at + 1 :]))
    here = [room for room in asking if not call.direct and room.key == call.room_key]
    if not here and not call.direct and call.room_key not in {None, CONTROL_KEY}:
        raise Refusal(words.none_asked_here())
    if len(found := here or asking) > 1:
        raise Refusal(words.which_room(community.prefix, [room.key for room in found]))
    return Meant(community, found[0], tuple(said))


def check_keeps(meant: Meant, call: Call) -> None:
    """Refuse whoever may not change anything about the questions of a room just now.

    Raises:
        Refusal: they are neither on duty there nor a lead.
    """
    if call.role_at(meant.room.key) < Role.FACILITATOR:
        raise Refusal(words.off_duty(meant.community.prefix))
