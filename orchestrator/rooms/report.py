"""What the leads are told about their rooms: in the control room, or to each of them where there is none. Once each."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Send, SendDirect
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings, journal, mirror

CRAFT = "rooms"


def tell_leads(
    tx: Tx, community: Community, step: str, words: str, *, people: Collection[UserId] = ()
) -> Iterator[AnyEffect]:
    """Tell the leads something, unless they were told before; ``step`` names what it is about, ``people`` who is named."""
    if journal.was_said(tx, CRAFT, step):
        return
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    said = content.notice(words, people=people)
    if control is not None and not is_lost(tx, control):
        yield Send(step=step, room=control, content=said)
        return
    for lead in community.leads:
        if not journal.was_said(tx, CRAFT, f"{step}:{lead}"):
            yield SendDirect(step=f"{step}:{lead}", user=lead, content=said)


def is_lost(tx: Tx, room: RoomId) -> bool:
    """Tell whether the bot knows that it is out of a room."""
    known = mirror.room_of(tx, room)
    return known is not None and known.membership in {"leave", "ban", "invite", "knock"}


def report_lost(tx: Tx, community: Community, room: Room, where: RoomId) -> Iterator[AnyEffect]:
    """Tell that the bot is out of a room that it should keep."""
    words = _(
        "I am no longer in “{room}”, so I cannot look after it. If that was not meant, one of you can invite me back."
    ).format(room=room.name)
    yield from tell_leads(tx, community, f"lost:{where}", words)


def report_replaced(tx: Tx, community: Community, room: Room, where: RoomId) -> Iterator[AnyEffect]:
    """Tell that a room was closed in favour of another one."""
    words = _(
        "“{room}” was closed and replaced by another room. I still look after the old one and leave the new one alone."
    ).format(room=room.name)
    yield from tell_leads(tx, community, f"replaced:{where}", words)


def report_twins(tx: Tx, community: Community, room: Room, where: RoomId) -> Iterator[AnyEffect]:
    """Tell that more than one room says it is the same one."""
    words = _(
        "There is more than one room that could be “{room}”. I look after this one: {link}. The others I leave alone."
    ).format(room=room.name, link=f"https://matrix.to/#/{where}")
    yield from tell_leads(tx, community, f"twins:{where}", words)


def report_not_made(tx: Tx, community: Community, room: Room, errcode: str) -> Iterator[AnyEffect]:
    """Tell that the homeserver would not make a room."""
    words = _(
        "I could not make “{room}”: the homeserver said no ({why}). I will try again every hour. "
        "Whoever runs the homeserver may know what it needs."
    ).format(room=room.name, why=errcode or _("it gave no reason"))
    yield from tell_leads(tx, community, f"refused:{community.key}/{room.key}:{errcode}", words)
