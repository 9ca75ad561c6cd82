"""What a room and the leads are told of a handoff: once, and only what is worth it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.facilitation import saying
from orchestrator.facilitation.duty import is_gone
from orchestrator.facilitation.records.holdings import next_start_ms
from orchestrator.facilitation.records.said import said_with, say_once, unsay
from orchestrator.facilitation.records.served import Announced, announced, note_announced, note_recorded, recorded_ms
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.schedule import instant_ms
from orchestrator.store import bindings, mirror

from . import words


def announce(
    tx: Tx, community: Community, room: Room, bound: RoomId, on: Mapping[Part, Stretch], now: Now
) -> Iterator[AnyEffect]:
    """Say who comes, once, as soon as somebody is there to hear it; quietly note what is not worth telling."""
    if recorded_ms(tx, community.key, room.key) is None:
        note_recorded(tx, community.key, room.key, now.at_ms)
    before = announced(tx, community.key, room.key)
    if before is not None and now.at_ms < before.at_ms:
        return  # the clock was set back: they have heard of what comes
    first = on.get(Part.FACILITATOR)
    if first is None or first.user is None:
        if before is not None and before.there:
            note_announced(tx, community.key, room.key, replace(before, at_ms=now.at_ms, there=False))
        return
    new = Announced(now.at_ms, _turn_ms(first), first.user, _user(on, Part.CO))
    if before is not None and (before.user, before.beside) == (new.user, new.beside):
        if before.there:
            return
        if before.turn_ms == new.turn_ms:  # they had gone, and are back
            note_announced(tx, community.key, room.key, new)
            return
    if not mirror.anyone_beside(tx, bound, now.me):
        return
    note_announced(tx, community.key, room.key, new)
    with speaking(community.locale):
        said, until_ms = _words(community, on, first.user, new.beside, before)
    if said:
        known = (before.user, before.beside) if before is not None and before.there else ()
        coming = [one for one in (new.user, new.beside) if one is not None and one not in known]
        named = [one for one in (new.user, new.beside, *known) if one is not None]
        yield Send(
            step=f"handoff:{room.community}/{room.key}:{now.at_ms}",
            room=bound,
            priority=Priority.ROUTINE,
            expires_ms=until_ms,
            # Notices make no sound, mentions or not; whoever takes over should hear of it.
            content=content.text(said, mentions=coming, people=named),
        )


def _words(
    community: Community, on: Mapping[Part, Stretch], user: UserId, beside: UserId | None, before: Announced | None
) -> tuple[str, int]:
    """Say who comes, and until when that is so; "" where only somebody beside them has gone."""
    went = before.user if before is not None and before.there else None
    until_ms = on[Part.FACILITATOR].span.end_ms
    until = saying.moment(until_ms, community.zone)
    if went is None:
        return words.begins(user, beside, until), until_ms
    if went != user:
        return words.takes_over(user, beside, went, until), until_ms
    if beside is None:
        return "", until_ms
    until_ms = on[Part.CO].span.end_ms
    return words.joins(beside, user, saying.moment(until_ms, community.zone)), until_ms


def _user(on: Mapping[Part, Stretch], part: Part) -> UserId | None:
    found = on.get(part)
    return found.user if found is not None else None


def _turn_ms(one: Stretch) -> int:
    return one.span.start_ms if one.shift is None else one.shift.slot.span.start_ms


def left(
    tx: Tx, community: Community, room: Room, on: Mapping[Part, Stretch], there: Mapping[Part, Stretch], now: Now
) -> Iterator[AnyEffect]:
    """Tell the leads, once, that whoever should be on duty is not in the room any more."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    bound, one = bindings.bound_room(tx, community.key, room.key), on.get(Part.FACILITATOR)
    if control is None or one is None or one.user is None or there[Part.FACILITATOR].user is not None:
        return
    if not is_gone(tx, bound, one.user):
        return  # the files say so, and whoever changed those knows
    if not say_once(tx, f"left:{room.community}/{room.key}/{_turn_ms(one)}/{one.user}", now.at_ms):
        return
    with speaking(community.locale):
        said = words.has_left(one.user, room.name, saying.moment(one.span.end_ms, community.zone))
        yield Send(
            step=f"left:{room.community}/{room.key}:{now.at_ms}",
            room=control,
            priority=Priority.STRUCTURE,
            expires_ms=one.span.end_ms,
            content=content.text(said, mentions=community.leads, people=[one.user]),
        )


def gone(
    tx: Tx, community: Community, room: Room, bound: RoomId, on: Mapping[Part, Stretch], now: Now
) -> Iterator[AnyEffect]:
    """Tell the leads, once before each of their turns, who takes turns and is not in the room any more."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None or room.archive:
        return
    for user in room.facilitators:
        if not is_gone(tx, bound, user) or not _comes(community, room, user, now):
            continue
        if any(one.user == user for one in on.values()):
            continue  # that whoever is on just now has left is said by itself
        start_ms = next_start_ms(tx, community.key, room.key, user, now.at_ms)
        if not say_once(tx, f"{_gone(room, user)}{start_ms or ''}", now.at_ms):
            continue
        with speaking(community.locale):
            start = None if start_ms is None else saying.moment(start_ms, community.zone)
            how = None if room.rota is None else f"{community.prefix}rota remove {room.key} {user}"
            yield Send(
                step=f"gone:{room.community}/{room.key}/{user}:{now.at_ms}",
                room=control,
                priority=Priority.STRUCTURE,
                content=content.text(
                    words.has_gone(user, room.name, start, how), mentions=community.leads, people=[user]
                ),
            )


def back(tx: Tx, room: Room, user: UserId) -> None:
    """Let it be said again that somebody has left: they are back."""
    for what in said_with(tx, _gone(room, user)):
        unsay(tx, what)


def _gone(room: Room, user: UserId) -> str:
    return f"gone:{room.community}/{room.key}/{user}/"


def _comes(community: Community, room: Room, user: UserId, now: Now) -> bool:
    """Tell whether somebody takes turns in a room, now or later."""
    end = room.serving[user].end if user in room.serving else None
    return end is None or instant_ms(end, community.zone) > now.at_ms
