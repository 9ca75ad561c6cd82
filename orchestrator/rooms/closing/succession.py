"""A tombstone that a person put: followed where a lead stands for it, asked about where nobody does.

Whoever has the power in a room can say that another one takes its place. The bot goes there by itself only if a lead said
so, or a lead made the new room; else the leads decide. Then it looks after the new one: the binding moves, and a plan shows
what is different there. The old room is left as the person left it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.effects import AnyEffect, Ask, Choice, Priority, Result, SetMembership
from orchestrator.model.feature import Answer, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId, server_of
from orchestrator.rooms.report import is_lost, report_replaced, tell_leads
from orchestrator.store import bindings, mirror, timers
from orchestrator.store.rows import text

from .asking_anew import ask_anew
from .moving import move

CRAFT: Final = "rooms"
PREFIX: Final = "succession:"
OPEN_MS: Final = 3 * DAY_MS
LOOK_AGAIN_MS: Final = 2 * SECOND_MS
LONGEST_LOOK_MS: Final = 30 * MINUTE_MS
TOMBSTONE: Final = "m.room.tombstone"

FOLLOW: Final = "follow"
STAY: Final = "stay"


@dataclass(frozen=True, slots=True)
class Successor:
    """A room that somebody put in the place of one of ours, and what we make of it.

    ``step`` is ``asked``, ``vouched`` (we are on our way), ``stuck`` (we cannot get in), ``followed`` or ``stay``.
    """

    community: CommunityKey
    key: RoomKey
    old: RoomId
    new: RoomId
    sender: UserId
    step: str


def look(tx: Tx, community: Community, room: Room, old: RoomId, now: Now) -> Iterator[AnyEffect]:
    """Decide about the tombstone of a room of ours, if it has one that a person put; doing it again changes nothing."""
    seen = mirror.state_of(tx, old, TOMBSTONE)
    said = (seen.content or {}).get("replacement_room") if seen is not None else None
    if seen is None or seen.sender == now.me:
        return
    if not isinstance(said, str) or not said.startswith("!") or said == old or _is_ours(tx, RoomId(said)):
        yield from report_replaced(tx, community, room, old)
        return
    new = RoomId(said)
    known = successor_of(tx, old)
    if known is None or known.new != new:
        known = Successor(community.key, room.key, old, new, seen.sender, "asked")
        _keep(tx, known)
        if not _is_vouched(tx, community, known):
            yield from _ask(tx, community, room, known)
            return
    if known.step == "asked" and _is_vouched(tx, community, known):
        known = _at(tx, known, "vouched")
        yield _join(known, now.me, f"{seen.event}")
    if known.step in {"vouched", "stuck"}:
        yield from _follow(tx, community, room, known, now)


def successor_answered(tx: Tx, documents: Documents, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Go where the leads want us; ``answer.subject`` begins with ``PREFIX``."""
    old = RoomId(answer.subject.removeprefix(PREFIX))
    known, community, room = _declared(tx, documents, old)
    if known is None or community is None or room is None or known.step != "asked":
        return
    if answer.choice == FOLLOW and answer.role is Role.LEAD:
        known = _at(tx, known, "vouched")
        yield _join(known, now.me, answer.question)
        yield from _follow(tx, community, room, known, now)
    else:
        _at(tx, known, STAY)
    if answer.choice is not None:
        said = (
            _("I am on my way there.") if answer.choice == FOLLOW else _("Then I stay, and leave the other room alone.")
        )
        yield content.conclusion(answer, said, now)


def successor_joined(tx: Tx, documents: Documents, result: Result, now: Now) -> Iterator[AnyEffect]:
    """Take note of whether we got into a room that takes another's place; ``result.tag`` begins with ``PREFIX``."""
    known, community, room = _declared(tx, documents, RoomId(result.tag.removeprefix(PREFIX)))
    if known is None or community is None or room is None or known.step not in {"vouched", "stuck"}:
        return
    if result.outcome == "done":
        yield from _follow(tx, community, room, known, now)
        return
    _at(tx, known, "stuck")
    with speaking(community.locale):
        words = _(
            "“{room}” was replaced by another room, {link}, and I cannot get in. If one of you invites me there, I will "
            "look after it. Until then I look after the old one."
        ).format(room=room.name, link=f"https://matrix.to/#/{known.new}")
        yield from tell_leads(tx, community, f"stuck:{known.new}", words)


def successor_due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Iterator[AnyEffect]:
    """Look again whether the room we are on our way to has come into sight."""
    known, community, room = _declared(tx, documents, RoomId(timer.key.removeprefix(PREFIX)))
    if known is not None and community is not None and room is not None and known.step in {"vouched", "stuck"}:
        waited = timer.payload.get("waited_ms")
        yield from _follow(tx, community, room, known, now, waited_ms=waited if isinstance(waited, int) else 0)


def successor_invited(tx: Tx, documents: Documents, room: RoomId, inviter: UserId, now: Now) -> list[AnyEffect] | None:
    """Come where a lead asks us, if that room takes the place of one of ours; None when it does not."""
    row = tx.one(
        "select old from successor where account = :account and new = :room and step in ('vouched', 'stuck')", room=room
    )
    known, community, _room = (None, None, None) if row is None else _declared(tx, documents, RoomId(text(row, "old")))
    if known is None or community is None or inviter not in community.leads:
        return None
    return [_join(known, now.me, f"{inviter}:{now.at_ms}")]


def successor_of(tx: Tx, old: RoomId) -> Successor | None:
    """Read what takes the place of a room of ours; None when nothing does."""
    row = tx.one("select * from successor where account = :account and old = :old", old=old)
    if row is None:
        return None
    return Successor(
        CommunityKey(text(row, "community")),
        RoomKey(text(row, "key")),
        old,
        RoomId(text(row, "new")),
        UserId(text(row, "sender")),
        text(row, "step"),
    )


def _is_vouched(tx: Tx, community: Community, known: Successor) -> bool:
    there = mirror.room_of(tx, known.new)
    made = mirror.state_of(tx, known.new, "m.room.create")
    by_lead = there is not None and there.membership == "join" and made is not None and made.sender in community.leads
    return known.sender in community.leads or by_lead


def _is_ours(tx: Tx, new: RoomId) -> bool:
    """Tell whether a room is another declared one, or somebody's direct room: neither can take a room's place."""
    return bindings.binding_of(tx, new) is not None or bindings.direct_user(tx, new) is not None


def _follow(
    tx: Tx, community: Community, room: Room, known: Successor, now: Now, *, waited_ms: int = 0
) -> Iterator[AnyEffect]:
    """Move, if we are there and have seen it; else look again soon."""
    there = mirror.room_of(tx, known.new)
    if there is None or there.membership != "join" or not there.version:
        if waited_ms < LONGEST_LOOK_MS:
            pause_ms = max(LOOK_AGAIN_MS, waited_ms)
            payload = {"waited_ms": waited_ms + pause_ms}
            timers.set_timer(
                tx, Timer(craft=CRAFT, key=PREFIX + known.old, due_ms=now.at_ms + pause_ms, payload=payload)
            )
        return
    if bindings.bound_room(tx, community.key, room.key) != known.old or _is_ours(tx, known.new):
        return
    timers.clear_timer(tx, CRAFT, PREFIX + known.old)
    move(tx, community, room, known.old, known.new, now, how="adopted")
    yield from ask_anew(tx, room, known.old, known.new, now)
    _at(tx, known, "followed")
    with speaking(community.locale):
        words = _(
            "“{room}” was replaced by another room, {link}. I look after that one now, and have changed nothing in it. "
            "Whoever runs me sees with `circlekeeper plan` what is different there."
        ).format(room=room.name, link=f"https://matrix.to/#/{known.new}")
        yield from tell_leads(tx, community, f"followed:{known.new}", words)


def _join(known: Successor, me: UserId, why: str) -> SetMembership:
    return SetMembership(
        step=f"follow:{known.new}:{why}",
        priority=Priority.STRUCTURE,
        room=known.new,
        user=me,
        membership="join",
        via=_way(known, me),
        tag=PREFIX + known.old,
        rule="followed",
    )


def _way(known: Successor, me: UserId) -> str:
    """Name a server by which the new room is to be reached; "" where ours knows it.

    From room version 12 on a room's id names none, so it is that of who says that we moved there.
    """
    servers = (server_of(known.sender), known.new.partition(":")[2])
    return next((server for server in servers if server and server != server_of(me)), "")


def _ask(tx: Tx, community: Community, room: Room, known: Successor) -> Iterator[AnyEffect]:
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None or is_lost(tx, control) or control == known.old:
        yield from report_replaced(tx, community, room, known.old)
        return
    with speaking(community.locale):
        words = _(
            "“{room}” was closed by {who}, who is not a lead, in favour of another room: {link}. Shall I follow there? "
            "Please have a look at it first: whoever made it can decide who reads along. Until you answer I look after "
            "the old one."
        ).format(room=room.name, who=known.sender, link=f"https://matrix.to/#/{known.new}")
        choices = (Choice("✅", _("follow"), FOLLOW), Choice("❌", _("stay"), STAY))
        yield Ask(
            step=f"successor:{known.old}:{known.new}",
            room=control,
            priority=Priority.STRUCTURE,
            content=content.asking(words, choices, people=[known.sender]),
            choices=choices,
            needs=Role.LEAD,
            open_ms=OPEN_MS,
            about=community.key,
            subject=PREFIX + known.old,
        )


def _declared(tx: Tx, documents: Documents, old: RoomId) -> tuple[Successor, Community, Room] | tuple[None, None, None]:
    known = successor_of(tx, old)
    community = None if known is None else documents.community(known.community)
    room = None if community is None or known is None else community.room(known.key)
    return (known, community, room) if known is not None and community is not None and room is not None else _NOBODY


_NOBODY: Final = (None, None, None)


def _keep(tx: Tx, known: Successor) -> None:
    tx.run(
        "insert into successor (account, community, key, old, new, sender, step) values (:account, :community, :key, :old,"
        " :new, :sender, :step) on conflict (account, old) do update set new = excluded.new, sender = excluded.sender,"
        " step = excluded.step",
        community=known.community,
        key=known.key,
        old=known.old,
        new=known.new,
        sender=known.sender,
        step=known.step,
    )


def _at(tx: Tx, known: Successor, step: str) -> Successor:
    after = Successor(known.community, known.key, known.old, known.new, known.sender, step)
    _keep(tx, after)
    return after
