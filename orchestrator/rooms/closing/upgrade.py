"""A room moves to a new version: a migration in steps, each a row, each found again after a crash at any instant.

``waiting`` for the rooms before it (a space before what hangs in it), ``making`` the new room in the old one's likeness,
``bans`` carried before anybody can come in; then in one transaction everything moves and people are asked in who cannot
come by themselves; the old room is ``telling`` where it went, and is then closed behind them: ``done``. What stands for a
step is done once: the room is known by a locator of its own, the rest by causes and claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, CreateRoom, Priority, Result, Send, SetMembership
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import LOCATOR_TYPE, Json, RoomId, UserId, server_of
from orchestrator.rooms.report import is_lost, tell_leads
from orchestrator.store import bindings, journal, locks, mirror, moves, timers
from orchestrator.store.claims import Claim, put_claim
from orchestrator.store.moves import Upgrade

from .archive import is_archived
from .asking_anew import ask_anew
from .heir import content_before, heir_body, heir_locator
from .lockdown import JOIN, POWER, hold
from .moving import OWNER, move

CRAFT: Final = "rooms"
PREFIX: Final = "upgrade:"
AGAIN_MS: Final = HOUR_MS
TOMBSTONE: Final = "m.room.tombstone"


def start_upgrade(tx: Tx, community: Community, room: Room, now: Now) -> list[AnyEffect]:
    """Begin to replace a declared room by one as the documents want it; where that is under way nothing changes.

    Raises:
        Refusal: it cannot be done now; nothing was begun.
    """
    _check_can_move(tx, community, room, now)
    old = bindings.bound_room(tx, community.key, room.key)
    if old is None or moves.upgrade_of(tx, old) is not None:
        return []
    moves.begin(tx, community.key, room.key, old, room.settings.room_version, now.at_ms)
    return list(go_on(tx, community, now))


def _check_can_move(tx: Tx, community: Community, room: Room, now: Now) -> None:
    old = bindings.bound_room(tx, community.key, room.key)
    if old is None or is_lost(tx, old):
        raise Refusal(_("I am not in “{room}”, so I cannot move it.").format(room=room.name))
    if locks.is_locked(tx, community.key, room.key, with_all=room.key != CONTROL_KEY):
        raise Refusal(_("“{room}” is closed for a while. Please open it before it moves.").format(room=room.name))
    if is_archived(tx, community.key, room.key):
        raise Refusal(_("“{room}” is closed for good, so there is nothing to move.").format(room=room.name))
    power = mirror.power_of(tx, old)
    if not all(power.can_send(now.me, type_, state=True) for type_ in (TOMBSTONE, POWER, JOIN)):
        said = _("I am not allowed to close “{room}” and to say where it went. Whoever made it can give me that power.")
        raise Refusal(said.format(room=room.name))


def go_on(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    """Do what is next for the first room of a community that is on its way, whatever was missed meanwhile."""
    with speaking(community.locale):
        while (upgrade := _first(tx, community)) is not None:
            room = community.room(upgrade.key)
            if room is None or (upgrade.step in _BEFORE and bindings.binding_of(tx, upgrade.old) is None):
                moves.forget(tx, upgrade.old)  # the room is another one by now, or none
                continue
            effects = list(_advance(tx, community, room, upgrade, now))
            yield from effects
            after = moves.upgrade_of(tx, upgrade.old)
            if effects or after is None or after.step == upgrade.step:
                return  # what was asked for comes first


def upgrade_result(tx: Tx, documents: Documents, result: Result, now: Now) -> Iterator[AnyEffect]:
    """Take note of what became of something that an upgrade asked for; ``result.tag`` begins with ``PREFIX``."""
    upgrade = moves.upgrade_of(tx, RoomId(result.tag.removeprefix(PREFIX)))
    community = None if upgrade is None else documents.community(upgrade.community)
    room = None if community is None or upgrade is None else community.room(upgrade.key)
    if upgrade is None or community is None or room is None:
        return
    if upgrade.step == "making" and result.step.startswith(_MAKE):
        if result.outcome == "done" and result.room is not None and result.room != upgrade.old:
            moves.set_step(tx, upgrade.old, "bans", new=result.room)
        else:
            moves.set_step(tx, upgrade.old, "waiting")
            with speaking(community.locale):
                yield from _not_made(tx, community, room, upgrade, result.errcode, now)
    yield from go_on(tx, community, now)


def upgrade_due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Iterator[AnyEffect]:
    """Ask again for a room that the homeserver refused to make."""
    upgrade = moves.upgrade_of(tx, RoomId(timer.key.removeprefix(PREFIX)))
    community = None if upgrade is None else documents.community(upgrade.community)
    if community is not None:
        yield from go_on(tx, community, now)


# -- steps -------------------------------------------------------------------------------------------------------------

_BEFORE: Final = frozenset({"waiting", "making", "bans"})
_MAKE: Final = "upgrade:make:"
_BAN: Final = "upgrade:ban:"
_TELL: Final = "upgrade:tell:"


def _advance(tx: Tx, community: Community, room: Room, upgrade: Upgrade, now: Now) -> Iterator[AnyEffect]:
    old = upgrade.old
    match upgrade.step:
        case "waiting":
            moves.set_step(tx, old, "making")
            yield _make(tx, community, room, old, now)
        case "making":
            found = _half_made(tx, community, room, old, now.me)
            if found is not None:
                moves.set_step(tx, old, "bans", new=found)
            elif not _waits(tx, upgrade, _MAKE):
                moves.set_step(tx, old, "waiting")
        case "bans" if upgrade.new is not None and (bans := _bans_to_carry(tx, old, upgrade.new)):
            yield from bans  # who was banned while the others were carried is carried as well
        case "bans" if upgrade.new is not None and not _waits(tx, upgrade, _BAN):
            elsewhere = move(tx, community, room, old, upgrade.new, now, how="made")
            moves.set_step(tx, old, "telling")
            asked = list(_ask_in(tx, room, old, upgrade.new, now.me))
            yield from asked
            yield from _report(tx, community, room, upgrade.new, len(asked), elsewhere)
            yield from ask_anew(tx, room, old, upgrade.new, now)
            if room.kind != "space":  # nobody reads there
                yield _tell(old, upgrade.new, now.me)
        case "telling" if upgrade.new is not None and not _waits(tx, upgrade, _TELL):
            _shut(tx, room, old, upgrade.new, now)
            moves.set_step(tx, old, "done")


def _make(tx: Tx, community: Community, room: Room, old: RoomId, now: Now) -> CreateRoom:
    return CreateRoom(
        # The moment is part of the step: what was refused once may be asked for again.
        step=f"{_MAKE}{old}:{now.at_ms}",
        priority=Priority.STRUCTURE,
        merge=f"{_MAKE}{old}",
        tag=PREFIX + old,
        locator=heir_locator(now.me, community, room, old),
        body=heir_body(tx, community, room, old, now.me),
        community=community.key,
        key=room.key,
    )


def _half_made(tx: Tx, community: Community, room: Room, old: RoomId, me: UserId) -> RoomId | None:
    """Find the new room among those we are in, if its making was heard of by nobody."""
    locator = heir_locator(me, community, room, old)
    for where, state in mirror.rooms_with_state(tx, LOCATOR_TYPE):
        created = mirror.state_of(tx, where, "m.room.create")
        ours = created is not None and created.sender == me
        if ours and state.sender == me and (state.content or {}).get("locator") == locator:
            return where
    return None


def _bans_to_carry(tx: Tx, old: RoomId, new: RoomId) -> list[SetMembership]:
    """List the bans of the old room that nobody has carried yet."""
    bans = [
        SetMembership(
            step=f"{_BAN}{new}:{banned.user}",
            priority=Priority.STRUCTURE,
            room=new,
            user=banned.user,
            membership="ban",
            tag=PREFIX + old,
            rule="carried",
        )
        for banned in mirror.members(tx, old, "ban")
    ]
    return [ban for ban in bans if not journal.was_said(tx, CRAFT, ban.step)]


def _first(tx: Tx, community: Community) -> Upgrade | None:
    """Find the room that is next: those that others hang in first, one at a time."""
    order = {room.key: place for place, room in enumerate(community.every_room())}
    # One that the homeserver refused to make waits for its hour, and the others do not wait for it.
    upgrades = [
        upgrade
        for upgrade in moves.under_way(tx, community.key)
        if timers.timer_of(tx, CRAFT, PREFIX + upgrade.old) is None
    ]
    begun = [upgrade for upgrade in upgrades if upgrade.step != "waiting"]
    return min(begun or upgrades, key=lambda upgrade: order.get(upgrade.key, -1), default=None)


def _waits(tx: Tx, upgrade: Upgrade, prefix: str) -> bool:
    where = upgrade.new if prefix == _BAN else upgrade.old
    return journal.any_waits(tx, CRAFT, f"{prefix}{where}")


def _ask_in(tx: Tx, room: Room, old: RoomId, new: RoomId, me: UserId) -> Iterator[SetMembership]:
    """Ask everybody into the new room who is in the old one, or was asked in, and cannot come by themselves."""
    said = content_before(tx, old, JOIN) or {}
    spaces = _allowing(said) if said.get("join_rule") in {"restricted", "knock_restricted"} else []
    if said.get("join_rule") == "public":
        return
    present = [member.user for kind in ("join", "invite") for member in mirror.members(tx, old, kind)]
    for user in sorted(set(present) - {me}):
        there = (mirror.member(tx, space, user) for space in spaces)
        if not any(seen is not None and seen.membership == "join" for seen in there):
            yield SetMembership(
                step=f"invite:{new}:{user}",
                priority=Priority.STRUCTURE,
                room=new,
                user=user,
                membership="invite",
                reason=_("“{room}” has moved here.").format(room=room.name),
                rule="moved",
            )


def _allowing(rules: Mapping[str, Json]) -> list[RoomId]:
    allow = rules.get("allow")
    entries = allow if isinstance(allow, list) else []
    named = [entry.get("room_id") for entry in entries if isinstance(entry, Mapping)]
    return [RoomId(room) for room in named if isinstance(room, str)]


def _tell(old: RoomId, new: RoomId, me: UserId) -> Send:
    said = _(
        "This room has moved. Everything goes on over here: {link}. What was said in this one stays readable for those "
        "who are in it. There is nothing to do but come along."
    )
    link = f"https://matrix.to/#/{new}?via={server_of(me)}"
    return Send(
        step=f"{_TELL}{old}",
        priority=Priority.STRUCTURE,
        room=old,
        content=content.notice(said.format(link=link)),
        tag=PREFIX + old,
    )


def _shut(tx: Tx, room: Room, old: RoomId, new: RoomId, now: Now) -> None:
    body = _("This room has moved.")
    for path, value in ((("replacement_room",), new), (("body",), body)):
        put_claim(tx, Claim(room=old, type=TOMBSTONE, path=path, owner=OWNER, value=value), now.at_ms)
    hold(tx, room, old, now.me, now.at_ms, owner=OWNER, priority=Priority.STRUCTURE)


def _report(
    tx: Tx, community: Community, room: Room, new: RoomId, asked: int, elsewhere: list[str]
) -> Iterator[AnyEffect]:
    if room.key == CONTROL_KEY:
        return  # those who would read it are on their way there
    words = _("“{room}” has moved to a new room: {link}.").format(room=room.name, link=f"https://matrix.to/#/{new}")
    if asked:
        words += " " + _("I invite those who cannot come by themselves.")
    if elsewhere:
        said = _(
            "These addresses on other servers still lead to the old room, and only people there can change that: {names}."
        )
        words += " " + said.format(names=", ".join(f"`{alias}`" for alias in elsewhere))
    yield from tell_leads(tx, community, f"moved:{new}", words)


def _not_made(
    tx: Tx, community: Community, room: Room, upgrade: Upgrade, errcode: str, now: Now
) -> Iterator[AnyEffect]:
    timers.set_timer(tx, Timer(craft=CRAFT, key=PREFIX + upgrade.old, due_ms=now.at_ms + AGAIN_MS))
    words = _(
        "I could not make the new room for “{room}”: the homeserver said no ({why}). The old one stays in use, and I "
        "will try again every hour."
    ).format(room=room.name, why=errcode or _("it gave no reason"))
    yield from tell_leads(tx, community, f"upgrade:refused:{upgrade.old}:{errcode}", words)
