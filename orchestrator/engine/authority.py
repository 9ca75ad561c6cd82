"""What a caller may do: the lesser of their role and of the power they hold, both in the target room, both now.

The room in which a command is typed gives nothing. Somebody with a role but without the power (or the reverse: power
given by hand) may do only what both allow.
"""

from __future__ import annotations

from orchestrator.documents.declared import Documents
from orchestrator.model.feature import Now, Role, Roster, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId
from orchestrator.store import bindings, mirror


def role_of(
    tx: Tx, documents: Documents, roster: Roster, user: UserId, community: CommunityKey, key: RoomKey | None, now: Now
) -> Role:
    """Tell what a caller may act as in a declared room (None: in the community, whose space then is the target)."""
    target = bindings.SPACE_KEY if key is None else key
    declared = documents.room(community, target)
    room = bindings.bound_room(tx, community, target)
    if declared is None or room is None:
        return Role.MEMBER
    seen = mirror.member(tx, room, user)
    if seen is not None and seen.membership in {"leave", "ban"}:
        return Role.MEMBER  # power levels still name them, but who is out of a room holds nothing there
    role = roster.role(tx, user, community, key, now)
    held = mirror.power_of(tx, room).of(user)
    needed = {Role.LEAD: declared.power.lead, Role.FACILITATOR: declared.power.facilitator}
    while role > Role.MEMBER and held < needed[role]:
        role = Role(role - 1)
    return role


def communities_of(tx: Tx, documents: Documents, user: UserId) -> list[CommunityKey]:
    """List the communities a user is in: joined to one of their rooms."""
    rooms: dict[CommunityKey, set[RoomId]] = {}
    for binding in bindings.bindings(tx):
        rooms.setdefault(binding.community, set()).add(binding.room)
    return [
        community.key
        for community in documents.communities
        if mirror.shares_room(tx, user, frozenset(rooms.get(community.key, ())))
    ]
