"""What a lead asks for: which room, whom, and from when, read out of a command's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model import naming
from orchestrator.model.feature import Call, Now, Role, Tx
from orchestrator.model.ids import UserId, is_user_id
from orchestrator.schedule import local_at
from orchestrator.schedule.dates import read_when
from orchestrator.store import bindings


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for.

    Attributes:
        users: whom it names, in order.
        rest: the words that name neither the room nor, by their ids, people.
    """

    community: Community
    room: Room
    users: tuple[UserId, ...]
    rest: tuple[str, ...]


def read(tx: Tx, documents: Documents, call: Call, now: Now) -> Asked:
    """Find out which room and who is meant.

    Raises:
        Refusal: it is not plain, or the caller is no lead there.
    """
    community = None if call.community is None else documents.community(call.community)
    if community is None:
        raise Refusal(_("I do not know which community you mean. Please write that in one of its rooms."))
    if call.direct and len(bindings.communities_of(tx, call.event.sender)) > 1:
        raise Refusal(_("You are in more than one community. Please write that in a room of the one you mean."))
    words = call.args[1:]
    room, words = _room(community, call, words)
    if call.role_at(room.key) < Role.LEAD:
        leads = ", ".join(community.leads)
        raise Refusal(_("Only a lead can do that here. You can ask one of them: {leads}").format(leads=leads))
    if room.rota is None:
        raise Refusal(_("Nobody takes turns in {room}: it has no rota.").format(room=room.name))
    linked = [user for user in naming.linked(call.event.html, words) if user != now.me]
    users = naming.written(words) or linked or sorted(call.event.mentions - {now.me})
    rest = tuple(word for word in words if not is_user_id(naming.bare(word)) and "matrix.to" not in word)
    return Asked(community, room, tuple(users), rest)


def _room(community: Community, call: Call, words: tuple[str, ...]) -> tuple[Room, tuple[str, ...]]:
    """Find the room: named directly after what is to be done, the one it is written in, or the only one there is."""
    with_rota = [room for room in community.rooms if room.rota is not None]
    named = next((room for room in community.rooms if words and room.key == words[0].casefold()), None)
    if named is not None and named.kind == "room":
        return named, words[1:]
    if not call.direct and call.room_key not in {None, CONTROL_KEY, SPACE_KEY}:
        here = next((room for room in community.rooms if room.key == call.room_key and room.kind == "room"), None)
        if here is not None:
            return here, words
    if len(with_rota) == 1:
        return with_rota[0], words
    keys = ", ".join(f"`{room.key}`" for room in with_rota) or "-"
    example = f"`{community.prefix}rota {call.args[0].casefold()} {with_rota[0].key if with_rota else '…'} …`"
    raise Refusal(
        _("Which room do you mean? Name it first, such as {example}. People take turns in: {keys}.").format(
            example=example, keys=keys
        )
    )


def one_of(asked: Asked, usage: str) -> UserId:
    """Take the one person who is meant.

    Raises:
        Refusal: that is not one person.
    """
    if len(asked.users) != 1:
        raise Refusal(_("Whom do you mean? Please write one person's id: {usage}").format(usage=usage))
    return asked.users[0]


def beginning(asked: Asked, now: Now, *, needed: bool) -> datetime | None:
    """Read from when on, on the clock on the wall; None: nothing is said, or it is now.

    Raises:
        Refusal: there is no such day, or none where one has to be.
    """
    words = list(asked.rest)
    lowered = [word.casefold() for word in words]
    if "from" in lowered:
        words = words[lowered.index("from") + 1 :]
    elif not needed:
        return None
    start_ms = None
    for position in range(len(words) or 1):
        # A person may be written by their name, of any number of words; the date is what the message ends with.
        try:
            when = read_when(words[position:], now.at_ms, asked.community.zone, asked.community.locale)
        except Refusal:
            if position >= len(words) - 1 or "from" in lowered:
                raise
            continue
        if when.left and "from" in lowered:
            raise Refusal(
                _("I understood the day, and not what comes after it. Please leave out what stands behind the day.")
            )
        if not when.left:
            start_ms = when.span.start_ms
            break
    if start_ms is None:
        read_when((), now.at_ms, asked.community.zone)
        return None
    return None if start_ms <= now.at_ms else local_at(start_ms, asked.community.zone)
