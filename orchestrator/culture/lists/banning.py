"""Whom the lists that are followed are about, and what comes of it: bans that come and go with the entries they rest on.

Nobody who keeps the rooms is ever hit. A ban that a person set, or lifted, is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.culture.pace import say_now
from orchestrator.culture.places import control_room
from orchestrator.documents.declared import Community
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Ask, Priority, Result, Send, SetMembership
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import JsonObject, RoomId, UserId
from orchestrator.store import bindings, mirror
from orchestrator.store.rows import dump

from . import book, words
from .book import ListedBan, Matchers, Stage

PRESENT: Final = ("join", "invite", "knock")
DO: Final = "list-ban"
RULE: Final = "list"
LIFTABLE_MS: Final = 30 * DAY_MS
"""How long a ban by a list can be lifted from its line in the control room."""
MANY: Final = 3
"""A change of a list that is followed takes out no more people at once than this, or a tenth, without being asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Somebody who is on a list that is followed, and the entry that says so."""

    user: UserId
    entry: str

    @property
    def room(self) -> RoomId:
        """The list it stands in."""
        return RoomId(self.entry.partition(" ")[0])


def on_join(tx: Tx, matchers: Matchers, community: Community, user: UserId, now: Now) -> Iterator[AnyEffect]:
    """Look whether somebody who came is on a list; who was let in again by a person stays."""
    hit = _hit(tx, matchers, community, user, now)
    if hit is None:
        return
    name = _name(tx, community, hit.room)
    if user in community.staff():
        yield from _staff(tx, community, name, user, now)
        return
    if _is_theirs(tx, user, community):
        return
    others, present = _hits(tx, matchers, community, hit.room, now)
    if _are_many(others, present):  # nobody said yes to that yet, and so not one by one either
        yield from _ask_first(tx, community, name, hit.room, len(others), present, now)
        return
    yield from ban(tx, community, [hit])


def on_change(
    tx: Tx, matchers: Matchers, community: Community, room: RoomId, now: Now, *, at_once: bool = False
) -> Iterator[AnyEffect]:
    """Bring the bans in line with what a list that is followed says now; ``at_once``: though it was just asked about."""
    yield from _lift(tx, matchers, community, now)
    others, present = _hits(tx, matchers, community, room, now)
    name = _name(tx, community, room)
    for user in sorted(community.staff()):
        hit = _hit(tx, matchers, community, user, now)
        if hit is not None and hit.room == room and _is_present(tx, community, user):
            yield from _staff(tx, community, name, user, now)
    if _are_many(others, present):
        yield from _ask_first(tx, community, name, room, len(others), present, now, at_once=at_once)
    else:
        yield from ban(tx, community, others)


def ban(tx: Tx, community: Community, hits: Sequence[Hit]) -> Iterator[AnyEffect]:
    """Ban people from every room of a community, and tell the control room once."""
    with speaking(community.locale):
        reason = _("On a ban list that this community follows.")
    named: dict[RoomId, list[UserId]] = {}
    for hit in hits:
        banned = False
        for room in rooms_of(tx, community):
            seen = mirror.member(tx, room, hit.user)
            if seen is not None and seen.membership == "ban":
                continue
            banned = True
            book.note_ban(tx, ListedBan(room=room, user=hit.user, entry=hit.entry))
            yield SetMembership(
                step=f"list:{room}:{hit.user}:{seen.event if seen is not None else ''}",
                priority=Priority.SAFETY,
                room=room,
                user=hit.user,
                membership="ban",
                reason=reason,
                based_on=seen.event if seen is not None else None,
                rule=RULE,
                tag=dump({"do": DO, "community": community.key, "room": room, "user": hit.user}),
            )
        if banned:
            named.setdefault(hit.room, []).append(hit.user)
    for room, people in named.items():
        with speaking(community.locale):
            yield from _tell_banned(tx, community, room, people)


def _tell_banned(tx: Tx, community: Community, room: RoomId, people: Sequence[UserId]) -> Iterator[AnyEffect]:
    """Tell the control room whom a list hit; from there one person is let in again by a reaction."""
    name, step = _name(tx, community, room), f"list:banned:{room}:{people[0]}"
    control = control_room(tx, community)
    if len(people) > 1 or control is None:
        yield from _tell(tx, community, step, words.banned(name, people, community.prefix), people)
        return
    choices = words.lift_choice()
    yield Ask(
        step=step,
        priority=Priority.ROUTINE,
        room=control,
        content=content.asking(words.banned(name, people, community.prefix), choices, people=people),
        choices=choices,
        needs=Role.LEAD,
        open_ms=LIFTABLE_MS,
        about=community.key,
        subject=dump({"area": RULE, "ask": "lift", "community": community.key, "list": name, "user": people[0]}),
    )


def lift(tx: Tx, community: Community, user: UserId) -> Iterator[AnyEffect]:
    """Lift the bans of somebody that rest on a list, because a lead said so: then they stay lifted."""
    rooms = set(rooms_of(tx, community))
    for one in book.bans(tx):
        if one.user == user and one.room in rooms:
            yield SetMembership(
                step=f"let-in:{one.room}:{user}",
                priority=Priority.REPLY,
                room=one.room,
                user=user,
                membership="leave",
                only_from=("ban",),
                rule=RULE,
            )


def done(tx: Tx, result: Result, tag: JsonObject) -> None:
    """Forget a ban that could not be set: it may be tried again when they come the next time."""
    if result.outcome == "refused":
        book.forget_ban(tx, RoomId(str(tag.get("room"))), UserId(str(tag.get("user"))))


def follow_through(tx: Tx, matchers: Matchers, community: Community, room: RoomId, now: Now) -> Iterator[AnyEffect]:
    """Ban everybody who is here and on a list; a lead has seen who that is, and said yes."""
    others, _present = _hits(tx, matchers, community, room, now)
    yield from ban(tx, community, others)


def _hits(tx: Tx, matchers: Matchers, community: Community, room: RoomId, now: Now) -> tuple[list[Hit], int]:
    """List whom a list is about of those who are here, and how many these are; not who keeps the rooms or was let in."""
    present, staff = everybody(tx, community, now.me), community.staff()
    hits = [hit for user in present if user not in staff and (hit := _hit(tx, matchers, community, user, now))]
    return [hit for hit in hits if hit.room == room and not _is_theirs(tx, hit.user, community)], len(present)


def _are_many(hits: Sequence[Hit], present: int) -> bool:
    return len(hits) > max(MANY, present // 10)


def _is_present(tx: Tx, community: Community, user: UserId) -> bool:
    seen = (mirror.member(tx, room, user) for room in rooms_of(tx, community))
    return any(one is not None and one.membership in PRESENT for one in seen)


def everybody(tx: Tx, community: Community, me: UserId) -> list[UserId]:
    """List who is in a community's rooms, asked into them, or at their doors."""
    found = {
        member.user
        for room in rooms_of(tx, community)
        for membership in PRESENT
        for member in mirror.members(tx, room, membership)
    }
    return sorted(found - {me})


def mark_of(tx: Tx, room: RoomId) -> str:
    """Tell by which entries a list stands, so that a yes is one to these and to no others."""
    (mark,) = book.marks_of(tx, [room])
    return mark


def rooms_of(tx: Tx, community: Community) -> list[RoomId]:
    """List a community's rooms."""
    return [one.room for one in bindings.bindings(tx) if one.community == community.key]


def _hit(tx: Tx, matchers: Matchers, community: Community, user: UserId, now: Now) -> Hit | None:
    if user == now.me:
        return None
    rooms = [
        one.room
        for one in book.followings(tx)
        if one.community == community.key and one.stage is Stage.FOLLOWED and one.room is not None
    ]
    found = matchers.of(tx, rooms, now.me).about(user) if rooms else []
    return Hit(user=user, entry=found[0]) if found else None


def _lift(tx: Tx, matchers: Matchers, community: Community, now: Now) -> Iterable[AnyEffect]:
    """Lift the bans of ours that rest on nothing any more; one that a person made theirs is left alone."""
    rooms = set(rooms_of(tx, community))
    for one in book.bans(tx):
        if one.room not in rooms or _hit(tx, matchers, community, one.user, now) is not None:
            continue
        book.forget_ban(tx, one.room, one.user)
        seen = mirror.member(tx, one.room, one.user)
        if seen is not None and seen.membership == "ban" and seen.sender == now.me:
            yield SetMembership(
                step=f"unlist:{one.room}:{one.user}:{seen.event}",
                priority=Priority.STRUCTURE,
                room=one.room,
                user=one.user,
                membership="leave",
                based_on=seen.event,
                only_from=("ban",),
                rule=RULE,
            )


def _is_theirs(tx: Tx, user: UserId, community: Community) -> bool:
    """Tell whether a ban of ours was lifted by a person: then nobody is banned for the same again."""
    return any(
        one.user == user and (seen := mirror.member(tx, one.room, user)) is not None and seen.membership != "ban"
        for one in book.bans(tx)
        if one.room in rooms_of(tx, community)
    )


def _name(tx: Tx, community: Community, room: RoomId) -> str:
    return next((one.list for one in book.followings(tx) if one.room == room and one.community == community.key), room)


def _staff(tx: Tx, community: Community, name: str, user: UserId, now: Now) -> Iterator[AnyEffect]:
    if say_now(tx, f"listed:{community.key}/{user}", now, every_ms=30 * DAY_MS, about={}):
        with speaking(community.locale):
            yield from _tell(tx, community, f"list:staff:{user}", words.staff_hit(name, [user]), [user])


def _ask_first(
    tx: Tx,
    community: Community,
    name: str,
    room: RoomId,
    count: int,
    present: int,
    now: Now,
    *,
    at_once: bool = False,
) -> Iterator[AnyEffect]:
    control = control_room(tx, community)
    lately = not say_now(tx, f"listmany:{community.key}/{room}", now, every_ms=DAY_MS, about={})
    if control is None or (lately and not at_once):
        return
    with speaking(community.locale):
        choices = content.yes_or_no()
        yield Ask(
            step=f"list:many:{room}:{now.at_ms}",
            priority=Priority.REPLY,
            room=control,
            content=content.asking(words.too_many(name, count, present), choices, mentions=community.leads),
            choices=choices,
            needs=Role.LEAD,
            open_ms=7 * DAY_MS,
            about=community.key,
            subject=dump(
                {"area": "list", "ask": "many", "community": community.key, "list": name, "mark": mark_of(tx, room)}
            ),
        )


def _tell(tx: Tx, community: Community, step: str, said: str, people: Sequence[UserId]) -> Iterator[AnyEffect]:
    room = control_room(tx, community)
    if room is not None:
        yield Send(step=step, priority=Priority.ROUTINE, room=room, content=content.notice(said, people=people))
