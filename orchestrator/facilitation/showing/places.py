"""Which rooms a question is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.facilitation import wording
from orchestrator.model import content
from orchestrator.model.answering import privately
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Now, Tx
from orchestrator.model.ids import UserId
from orchestrator.store import bindings, mirror


def asked_about(tx: Tx, documents: Documents, call: Call) -> Sequence[tuple[Community, Room]]:
    """Find the rooms a question is about: the one it stands in, else those that the person who asks is in.

    Which other rooms there are, and who keeps them, is for those who keep one themselves.

    Raises:
        Refusal: they are in none.
    """
    asker = call.event.sender
    mine = bindings.communities_of(tx, asker) if call.direct else [call.community]
    communities = [community for community in documents.communities if community.key in mine]
    # Nobody is on duty in a space, or in a room that is closed.
    rooms = [(c, room) for c in communities for room in c.rooms if room.kind == "room" and not room.archive]
    here = [(c, room) for c, room in rooms if not call.direct and room.key == call.room_key]
    theirs = [(c, room) for c, room in rooms if asker in c.staff() or _is_in(tx, room, asker)]
    if not here and not theirs:
        raise Refusal(wording.not_for_you())
    return here or theirs


def kept_by(documents: Documents, user: UserId) -> list[Community]:
    """List the communities that somebody looks after.

    Raises:
        Refusal: there is none.
    """
    found = [community for community in documents.communities if user in community.staff()]
    if not found:
        raise Refusal(wording.for_keepers())
    return found


def staff(asked: Iterable[tuple[Community, Room]]) -> frozenset[UserId]:
    """List everybody who looks after these communities."""
    return frozenset[UserId]().union(*(community.staff() for community, _room in asked))


def among(call: Call, asked: Sequence[tuple[Community, Room]], said: str, now: Now) -> Iterator[AnyEffect]:
    """Answer where it was asked, but in private what is about other rooms than the one whose members would read it."""
    here = all(community.key == call.community and room.key == call.room_key for community, room in asked)
    if call.direct or call.room_key == CONTROL_KEY or here:
        yield content.answer(call, said, now, people=staff(asked))
    else:
        yield from privately(call, said, now, staff(asked))


def _is_in(tx: Tx, room: Room, user: UserId) -> bool:
    bound = bindings.bound_room(tx, room.community, room.key)
    seen = mirror.member(tx, bound, user) if bound is not None else None
    return seen is not None and seen.membership == "join"
