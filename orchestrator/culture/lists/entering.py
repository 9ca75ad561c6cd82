"""Getting into a list's room and staying there: what is said when it lets nobody in, puts us out, or goes on elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from orchestrator.culture.pace import say_now
from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.declared import Community, Documents
from orchestrator.documents.policy import BanList
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Enter, Priority, Result, Send
from orchestrator.model.events import State
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, JsonObject, RoomId
from orchestrator.store.rows import dump
from orchestrator.store.timers import set_timer

from . import banning, book, words
from .book import Stage

DO: Final = "list"
TIMER: Final = "lists:"
TOMBSTONE: Final = "m.room.tombstone"


def named(community: Community) -> list[BanList]:
    """List the lists that the policies of a community's rooms name, each once."""
    found: dict[str, BanList] = {}
    for room in community.every_room():
        for one in room.policy.lists if room.policy is not None else ():
            found.setdefault(one.room, one)
    return list(found.values())


def enter(community: CommunityKey, one: BanList, time: str, now: Now) -> Enter:
    """Ask to be let into a list's room; ``time`` tells one attempt from another."""
    return Enter(
        step=f"list:{community}:{one.room}:{time}",
        priority=Priority.ROUTINE,
        expires_ms=now.at_ms + HOUR_MS,  # a server that nobody reaches is tried again tomorrow
        where=one.room,
        via=one.via,
        tag=dump({"do": DO, "community": community, "list": one.room}),
        rule=banning.RULE,
    )


def done(tx: Tx, documents: Documents, result: Result, tag: JsonObject, now: Now) -> Iterator[AnyEffect]:
    """Note that we are in a list's room, or cannot come in."""
    key, name = CommunityKey(str(tag.get("community"))), str(tag.get("list"))
    known, community = book.following_of(tx, key, name), documents.community(key)
    if known is None or community is None:
        return
    if result.outcome == "done" and result.room is not None:
        goes_on = known.stage is Stage.FOLLOWED and known.room == result.room
        book.put_following(tx, known if goes_on else replace(known, room=result.room, stage=Stage.READING))
        book.read_again(tx, result.room)
        return
    if known.stage is Stage.FOLLOWED:  # what it said until we were put out goes on to hold
        _enter_later(tx, key, name, now)
        return
    told = known.stage is Stage.UNREADABLE
    book.put_following(tx, replace(known, stage=Stage.UNREADABLE))
    _enter_later(tx, key, name, now)
    if not told:
        with speaking(community.locale):
            yield from _tell(tx, community, f"list:unreadable:{name}", words.unreadable(name))


def _enter_later(tx: Tx, community: CommunityKey, name: str, now: Now) -> None:
    set_timer(tx, Timer(craft=NAME, key=f"{TIMER}enter:{community}/{name}", due_ms=now.at_ms + DAY_MS))


def put_out(tx: Tx, documents: Documents, room: RoomId, now: Now) -> Iterator[AnyEffect]:
    """Tell the leads that a list is closed to us now, and try each day to come back; what it said goes on to hold."""
    for known in book.followings(tx):
        community = documents.community(known.community)
        if known.room != room or community is None or known.stage is Stage.UNREADABLE:
            continue
        _enter_later(tx, known.community, known.list, now)
        if known.stage is Stage.FOLLOWED:
            with speaking(community.locale):
                yield from _tell(tx, community, f"list:put-out:{known.list}", words.put_out(known.list))


def moved(tx: Tx, documents: Documents, event: State, now: Now) -> Iterator[AnyEffect]:
    """Tell the leads that a list goes on in another room: what is said there is not known to be its owner's wish yet."""
    new = event.content.get("replacement_room")
    for known in book.followings(tx):
        community = documents.community(known.community)
        followed = known.room == event.room and known.stage is Stage.FOLLOWED
        if not followed or community is None or not isinstance(new, str) or not new.startswith("!"):
            continue
        if say_now(tx, f"listmoved:{community.key}/{event.room}", now, every_ms=30 * DAY_MS, about={}):
            with speaking(community.locale):
                yield from _tell(tx, community, f"list:moved:{known.list}", words.moved(known.list, community.prefix))


def _tell(tx: Tx, community: Community, step: str, said: str) -> Iterator[AnyEffect]:
    room = control_room(tx, community)
    if room is not None:
        yield Send(step=step, priority=Priority.ROUTINE, room=room, content=content.notice(said))
