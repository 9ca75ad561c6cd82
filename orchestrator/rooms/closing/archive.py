"""Closing a room for good, and opening it again: nothing is ever deleted.

First it is said in the room; then the room leaves its space and the directory, its aliases lead nowhere, nobody new comes
in and only leads can write. The bot stays. All of that are claims before the template's, which remember what stood there;
taking them back is opening the room again.
"""

from __future__ import annotations

from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId, server_of
from orchestrator.model.things import ALIAS, LISTED
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.bindings import SPACE_KEY
from orchestrator.store.claims import Claim, drop_claim, put_claim
from orchestrator.store.rows import text

from .lockdown import can_hold, hold

OWNER: Final = "archive"
TAG: Final = "archive:"
CHILD: Final = "m.space.child"
NAMES: Final = "m.room.canonical_alias"

_SAYING: Final = "saying"
_CLOSED: Final = "closed"


def start_archive(tx: Tx, community: Community, room: Room, now: Now) -> list[AnyEffect]:
    """Begin to close a room; doing it again changes nothing.

    Raises:
        Refusal: the room cannot be closed.
    """
    where = bindings.bound_room(tx, community.key, room.key)
    if where is None:
        raise Refusal(_("“{room}” is not there yet, so there is nothing to close.").format(room=room.name))
    if room.key in {SPACE_KEY, CONTROL_KEY}:
        raise Refusal(_("The community itself and the room of those who keep it stay; any other room can be closed."))
    if not can_hold(tx, where, now.me):
        raise Refusal(
            _("I am not allowed to change who can write in “{room}”, so I cannot close it.").format(room=room.name)
        )
    if is_archived(tx, community.key, room.key):
        return []
    _keep(tx, community.key, room.key, where, _SAYING)
    if room.kind == "space":  # nobody reads there
        _close(tx, community, room, where, now)
        return []
    with speaking(community.locale):
        said = _(
            "This room is being closed. What was said here stays for those who are in it, but nothing new will be "
            "written. Thank you for everything you brought here. If you miss something, ask one of the leads: {leads}."
        ).format(leads=", ".join(community.leads))
    closing = Send(
        # Whoever closes a room a second time, after it was opened, says it a second time.
        step=f"{TAG}{where}:{_times(tx, where)}",
        priority=Priority.STRUCTURE,
        room=where,
        content=content.notice(said, people=community.leads),
        tag=f"{TAG}{community.key}/{room.key}",
        merge=f"closing:{where}",
    )
    return [closing]


def start_restore(tx: Tx, community: Community, room: Room, now: Now) -> list[AnyEffect]:
    """Open a closed room again, as it was; doing it again changes nothing."""
    row = tx.one(
        "select room from archived where account = :account and community = :community and key = :key",
        community=community.key,
        key=room.key,
    )
    if row is None:
        return []
    where = RoomId(text(row, "room"))
    tx.run(
        "delete from archived where account = :account and community = :community and key = :key",
        community=community.key,
        key=room.key,
    )
    for claim in claims.claims_of(tx, OWNER):
        if claim.room == where or (claim.type == CHILD and claim.key == where):
            drop_claim(tx, claim.room, claim.type, OWNER, now.at_ms, key=claim.key, path=claim.path)
    if room.kind == "space":
        return []
    with speaking(community.locale):
        said = _("This room is open again. It is good to have you here.")
    opening = Send(
        step=f"restored:{where}:{_times(tx, where)}",
        priority=Priority.STRUCTURE,
        room=where,
        content=content.notice(said),
        merge=f"closing:{where}",
    )
    return [opening]


def archive_said(tx: Tx, documents: Documents, result: Result, now: Now) -> bool:
    """Close a room once it was said there, or could not be said; tells whether the result was about that."""
    if not result.tag.startswith(TAG):
        return False
    name, _sep, key = result.tag.removeprefix(TAG).partition("/")
    community = documents.community(CommunityKey(name))
    room = None if community is None else community.room(RoomKey(key))
    where = bindings.bound_room(tx, CommunityKey(name), RoomKey(key))
    if community is not None and room is not None and where is not None and is_archived(tx, community.key, room.key):
        _close(tx, community, room, where, now)
    return True


def is_archived(tx: Tx, community: CommunityKey, key: RoomKey) -> bool:
    """Tell whether a room is closed for good, or about to be."""
    row = tx.one(
        "select 1 as there from archived where account = :account and community = :community and key = :key",
        community=community,
        key=key,
    )
    return row is not None


def parents_of(tx: Tx, room: RoomId) -> list[RoomId]:
    """List our spaces that name a room among theirs."""
    spaces = []
    for binding in bindings.bindings(tx):
        link = mirror.state_of(tx, binding.room, CHILD, room)
        named = link is not None and (link.content or {}).get("via")
        if named or any(not c.ended for c in claims.claims_on(tx, binding.room, CHILD, room, 0)):
            spaces.append(binding.room)
    return spaces


def aliases_of(tx: Tx, room: RoomId, me: UserId) -> tuple[list[str], list[str]]:
    """List a room's aliases as far as we know them: the localparts of our server's, and other servers' in full."""
    here = [c.key for c in claims.claims_in(tx, room) if c.type == ALIAS]
    here += [key for key in mirror.state_keys(tx, room, ALIAS) if _is_here(tx, room, key)]
    elsewhere: list[str] = []
    named = mirror.state_of(tx, room, NAMES)
    said = (named.content or {}) if named is not None else {}
    others = said.get("alt_aliases")
    for alias in (said.get("alias"), *(others if isinstance(others, list) else ())):
        if isinstance(alias, str) and alias.startswith("#"):
            localpart, _sep, server = alias[1:].partition(":")
            here.append(localpart) if server == server_of(me) else elsewhere.append(alias)
    return list(dict.fromkeys(here)), list(dict.fromkeys(elsewhere))


def _is_here(tx: Tx, room: RoomId, localpart: str) -> bool:
    seen = mirror.state_of(tx, room, ALIAS, localpart)
    return seen is not None and (seen.content or {}).get("here") is True


def _close(tx: Tx, community: Community, room: Room, where: RoomId, now: Now) -> None:
    _keep(tx, community.key, room.key, where, _CLOSED)
    hold(tx, room, where, now.me, now.at_ms, owner=OWNER, priority=Priority.STRUCTURE)
    for space in parents_of(tx, where):
        put_claim(tx, Claim(room=space, type=CHILD, key=where, owner=OWNER, value={}), now.at_ms)
    for localpart in aliases_of(tx, where, now.me)[0]:
        put_claim(tx, Claim(room=where, type=ALIAS, key=localpart, owner=OWNER, value={}), now.at_ms)
    named = mirror.state_of(tx, where, NAMES)
    called = (named.content or {}).get("alias") if named is not None else None
    if called:
        claim = Claim(room=where, type=NAMES, path=("alias",), owner=OWNER, value="")
        put_claim(tx, claim, now.at_ms)
        claims.keep_before(tx, claim, (called,))  # the server takes it out itself as soon as the alias leads nowhere
    put_claim(tx, Claim(room=where, type=LISTED, path=("listed",), owner=OWNER, value=False), now.at_ms)


def _keep(tx: Tx, community: CommunityKey, key: RoomKey, where: RoomId, step: str) -> None:
    tx.run(
        "insert into archived (account, community, key, room, step) values (:account, :community, :key, :room, :step)"
        " on conflict (account, community, key) do update set room = excluded.room, step = excluded.step",
        community=community,
        key=key,
        room=where,
        step=step,
    )


def _times(tx: Tx, where: RoomId) -> int:
    """Count how often a room was closed or opened before, so that each time has a word of its own."""
    rows = tx.rows(
        "select step from journal where account = :account and room = :room and craft = :craft and kind = 'send'",
        room=where,
        craft="rooms",
    )
    return sum(text(row, "step").startswith((TAG, "restored:")) for row in rows)
