"""Who was taken out of a community, as far as the journal goes back: told to them when they ask, and to nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings, journal, mirror

PARTED: Final = "part"
"""The rule under which people are taken out, or go by way of the bot (``rooms/people/parting``)."""


LIFTED: Final = "unban"
"""The rule under which a ban is lifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Somebody was taken out of rooms of a community, last at ``at_ms``; ``lifted``: nothing bars their way back."""

    community: Community
    at_ms: int
    banned: bool
    lifted: bool = False


def parts(tx: Tx, documents: Documents, user: UserId) -> Sequence[Part]:
    """List from which communities somebody was taken out and has not come back since, earliest first."""
    happened = [(at_ms, room, False) for room, at_ms in journal.parted(tx, user, PARTED)]
    happened += [(at_ms, room, True) for room, at_ms in journal.parted(tx, user, LIFTED)]
    last = {room: (at_ms, lifted) for at_ms, room, lifted in sorted(happened)}
    found: dict[str, Part] = {}
    for room, (at_ms, unbanned) in sorted(last.items(), key=lambda one: (one[1][0], one[0])):
        binding = bindings.binding_of(tx, room)
        community = None if binding is None else documents.community(binding.community)
        seen = mirror.member(tx, RoomId(room), user)
        if community is None or seen is None or seen.membership not in {"leave", "ban"}:
            continue
        lifted = unbanned and seen.membership == "leave"
        before = found.get(community.key)
        if before is not None and lifted and not before.lifted:
            continue  # somewhere they are out still
        banned = seen.membership == "ban" or (before is not None and before.banned)
        found[community.key] = Part(community=community, at_ms=at_ms, banned=banned, lifted=lifted)
    return list(found.values())
