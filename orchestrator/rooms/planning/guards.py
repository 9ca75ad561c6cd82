"""What is refused before anything is written, whoever asks for it.

A guard holds back the changes that it is about, and the rest is still made. Only the last one yields to force: how much may
change at once is a matter of judgement, that somebody must be able to go on is not. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.i18n import _
from orchestrator.model.ids import Json, RoomKey, UserId, server_of
from orchestrator.rooms.changes import EXISTS, Change, Plan, State

from .exposure import shut_out
from .live import LiveRoom
from .standing import POWER

LEAST_LEADS: Final = 2
"""How many people must be able to go on without the bot."""

LEAST_THINGS: Final = 10
MOST_AT_ONCE: Final = 0.3
"""Of this many managed things or more, at most this part may change at once."""

_ACL_TYPE: Final = "m.room.server_acl"
_NOT_COUNTED: Final = frozenset({State.CREATE, State.ADOPT, State.CONVERGED})
_OF_NO_WEIGHT: Final = frozenset({"order", "suggested"})


@dataclass(frozen=True, slots=True)
class Refused:
    """Changes that must not be made together, or at all.

    Attributes:
        guard: which guard it was: ``last-lead``, ``lockout``, ``own-server`` or ``blast-radius``.
        reason: one plain sentence.
        changes: what is left undone for it.
    """

    guard: str
    reason: str
    changes: tuple[Change, ...]


def guard(
    community: Community,
    plan: Plan,
    chosen: Sequence[Change],
    live: Mapping[RoomKey, LiveRoom],
    me: UserId,
    *,
    force: bool = False,
    absent: Collection[UserId] = (),
) -> list[Refused]:
    """Look at all changes that are about to be made, together.

    Args:
        community: as declared.
        plan: everything that is managed.
        chosen: the changes of it that are to be made.
        live: the rooms as they stand.
        me: the bot.
        force: more may change at once than is wise.
        absent: leads who have left or were banned, and do not count.
    """
    refused = [*_last_lead(community, chosen, me, absent), *_lockout(chosen, live, me), *_own_server(plan, chosen, me)]
    held = {change.name for each in refused for change in each.changes}
    if not force:
        refused += _blast_radius(plan, [change for change in chosen if change.name not in held])
    return refused


def acl_after(changes: Sequence[Change]) -> dict[str, Json]:
    """Put together the server ACL of a room from its changes, those without a difference among them."""
    return {change.claim_path[0]: change.value for change in changes if _is_acl(change)}


def _is_acl(change: Change) -> bool:
    return change.slot is not None and change.slot.type == _ACL_TYPE and change.value is not None


def _last_lead(
    community: Community, chosen: Sequence[Change], me: UserId, absent: Collection[UserId]
) -> Iterator[Refused]:
    leaving = [change for change in chosen if change.path.startswith("leads.") and change.value is None]
    people = [lead for lead in community.leads if lead != me and lead not in absent]
    if leaving and len(people) < LEAST_LEADS:
        reason = _(
            "Afterwards fewer than two people could look after this community. Name another lead first, who is there."
        )
        yield Refused("last-lead", reason, tuple(leaving))


def _lockout(chosen: Sequence[Change], live: Mapping[RoomKey, LiveRoom], me: UserId) -> Iterator[Refused]:
    """Keep what the bot needs to go on within its reach."""
    by_id = {room.id: room for room in live.values()}
    for change in chosen:
        room = by_id.get(change.slot.room) if change.slot is not None and change.slot.type == POWER else None
        if room is None:
            continue
        own = room.power.of(me)
        about_me = change.claim_path == ("users", me)
        needs = change.claim_path in {("events", POWER), ("state_default",)} and isinstance(change.value, int)
        if about_me or (needs and isinstance(change.value, int) and change.value > own):
            reason = _(
                "Afterwards I could not change who may do what in this room, and nobody could undo it through me."
            )
            yield Refused("lockout", reason, (change,))


def _own_server(plan: Plan, chosen: Sequence[Change], me: UserId) -> Iterator[Refused]:
    for room in dict.fromkeys(change.room for change in chosen):
        changes = [change for change in chosen if change.room == room and _is_acl(change)]
        standing = [change for change in plan.changes if change.room == room and change.is_quiet]
        if changes and shut_out(acl_after([*standing, *changes]), server_of(me)):
            reason = _("This would shut out our own server, and everybody on it with me.")
            yield Refused("own-server", reason, tuple(changes))


def _blast_radius(plan: Plan, chosen: Sequence[Change]) -> Iterator[Refused]:
    """Hold everything back where too much of what is managed would change at once: things, rooms, or who holds power."""
    counted = [change for change in chosen if change.state not in _NOT_COUNTED and change.beneath not in _NOT_COUNTED]
    managed = [change for change in plan.changes if change.applied is not None]
    for what, of in (
        (_("things"), _thing),
        (_("rooms"), _room),
        (_("people with power"), _person),
    ):
        touched = {each for change in counted if (each := of(change))}
        whole = {each for change in managed if (each := of(change))} | touched
        if len(whole) >= LEAST_THINGS and len(touched) > MOST_AT_ONCE * len(whole):
            reason = _(
                "This would change {some} of {all} {what} at once, and that is more than three in ten. "
                "Do it in parts, or force it if it is meant."
            ).format(some=len(touched), all=len(whole), what=what)
            yield Refused("blast-radius", reason, tuple(counted))
            return


def _thing(change: Change) -> str:
    family = change.path.partition(".")[0]
    if family in _OF_NO_WEIGHT:
        return ""
    # One line of a template sets many levels; together they are one thing.
    return f"{change.room}/power" if family == "power" and not change.path.startswith("power.users.") else change.name


def _room(change: Change) -> str:
    return "" if change.path.partition(".")[0] in _OF_NO_WEIGHT or change.path == EXISTS else f"room {change.room}"


def _person(change: Change) -> str:
    is_person = change.path.startswith(("leads.", "power.users."))
    return change.claim_path[1] if is_person and len(change.claim_path) == 2 else ""
