"""The plan of a community: what its documents say, what was last applied and what is live, compared.

``make_plan`` is a pure function of what was seen. Words (names, topics) are digests in the mirror: where a digest is that of
what we would have written, we know the words; where it is not, the plan asks for them (``Plan.needed``) and is made again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Room
from orchestrator.i18n import _, speaking
from orchestrator.model.feature import Tx
from orchestrator.model.ids import JsonObject, RoomId, RoomKey, UserId
from orchestrator.rooms.changes import EXISTS, MEMBER, Change, Plan, Slot, State
from orchestrator.rooms.state.attributes import Attribute, Footing, attributes

from .kept import with_kept
from .live import LiveRoom
from .planner import AttributePlanner
from .removals import extra_powers, removals
from .sight import Sight, look


def plan_community(
    tx: Tx,
    community: Community,
    me: UserId,
    fetched: Mapping[Slot, JsonObject | None] | None = None,
    unreadable: Collection[Slot] = (),
) -> Plan:
    """Plan a community from the rows alone, and from what was fetched because an earlier plan said that it is ``needed``.

    Args:
        tx: may be read-only.
        community: as declared.
        me: the bot.
        fetched: contents by slot; None where the server says that there is no such state.
        unreadable: slots that were asked for in vain: what they hold is unknown, and is not asked for again.
    """
    return with_kept(tx, make_plan(community, look(tx, community, fetched, unreadable), me))


def make_plan(community: Community, sight: Sight, me: UserId) -> Plan:
    """Plan a community from what was seen of it."""
    with speaking(community.locale):
        planner = _Planner(community, sight, me)
        return Plan(community.key, tuple(planner.changes()), frozenset(planner.needed))


class _Planner:
    """Goes through the rooms, those that are declared and those that are no longer."""

    def __init__(self, community: Community, sight: Sight, me: UserId) -> None:
        self._community, self._sight, self._me = community, sight, me
        self.needed: set[Slot] = set()
        seen = {
            key: live
            for key, live in sight.rooms.items()
            if live.seen and key not in sight.closed and not _is_to_close(community, key)
        }
        ids = {key: live.id for key, live in seen.items()}
        footing = {key: Footing(live.version, live.power.of(me)) for key, live in seen.items()}
        self._declared: dict[RoomKey, list[Attribute]] = {key: [] for key in ids}
        for attribute in attributes(community, ids, me, footing):
            self._declared[attribute.room].append(attribute)

    def changes(self) -> Iterator[Change]:
        declared = [attribute for each in self._declared.values() for attribute in each]
        planner = AttributePlanner(self._sight, self._me, declared, self.needed)
        places = {(attribute.slot, attribute.claim_path, attribute.owner) for attribute in declared}
        lost = removals(self._community, self._sight, places, self._declared)
        for room in self._community.every_room():
            live = self._sight.rooms.get(room.key)
            yield from self._room(room, live)
            if live is None or room.key not in self._declared:
                continue
            changes = [planner.change(attribute) for attribute in self._declared[room.key]]
            yield from changes
            for removal in lost.get(room.key, ()):
                if not _is_unclear(room, removal.attribute.path):
                    yield planner.removal(removal)
            kept_out = any(each.path.startswith("leads.") and each.state is State.BLOCKED for each in changes)
            for change in extra_powers(self._community, room, live, self._sight, self._me):
                if kept_out and change.state is State.ADOPT:
                    reason = _("I cannot give all leads their power here, so nobody else's is taken back.")
                    yield replace(change, state=State.BLOCKED, reason=reason)
                else:
                    yield change
            if room.key == CONTROL_KEY:
                yield from self._departures(live)
        for key, where in sorted(self._sight.gone.items()):
            yield self._gone(key, where)

    def _room(self, room: Room, live: LiveRoom | None) -> Iterator[Change]:
        if live is None:
            if "in" in room.faults:
                yield Change(
                    room=room.key, path=EXISTS, state=State.BLOCKED, desired=room.name, reason=room.faults["in"]
                )
            elif room.adopt is not None:
                name = f"{self._community.key}/{room.key}"
                reason = _(
                    "The files say that this is {room}, which somebody else made. Nothing is made for it: "
                    "circlekeeper adopt {name}, or the next apply, takes it over and changes nothing in it."
                ).format(room=room.adopt, name=name)
                yield Change(
                    room=room.key,
                    path=EXISTS,
                    state=State.ADOPT,
                    desired=room.name,
                    reason=reason,
                    origin=room.origins.get("adopt"),
                )
            elif not room.archive:
                yield Change(room=room.key, path=EXISTS, state=State.CREATE, desired=room.name)
        elif not live.seen:
            reason = _("I am not in this room, or have not seen it yet, so I cannot tell how it stands.")
            yield Change(room=room.key, path=EXISTS, state=State.UNKNOWN, desired=room.name, reason=reason)
        elif room.key in self._sight.closed and not room.archive:
            reason = _("This room is closed, and the files say that it is open: people can write there again.")
            yield Change(
                room=room.key,
                path=EXISTS,
                state=State.UPDATE,
                desired=room.name,
                applied="archived",
                live="archived",
                reason=reason,
                slot=Slot(live.id, EXISTS),
                based_on=live.id,
            )
        elif room.key in self._sight.closed:
            reason = _("This room is closed.")
            yield Change(
                room=room.key, path=EXISTS, state=State.NO_OP, desired="archived", live="archived", reason=reason
            )
        elif room.archive and room.key != SPACE_KEY:
            reason = _(
                "The files say that this room is to be closed: nobody is put out, and nothing more is written there."
            )
            yield Change(
                room=room.key,
                path=EXISTS,
                state=State.ORPHAN,
                desired="archived",
                reason=reason,
                slot=Slot(live.id, EXISTS),
                based_on=live.id,
            )
        else:
            yield Change(room=room.key, path=EXISTS, state=State.NO_OP)

    def _departures(self, live: LiveRoom) -> Iterator[Change]:
        """Say who is in the control room and on no list any more."""
        reason = _("They are on no list any more, and still read here what members raise in confidence.")
        staff = self._community.staff() | {self._me}
        for user, event in sorted(self._sight.keepers.items()):
            if user not in staff:
                yield Change(
                    room=CONTROL_KEY,
                    path=f"members.{user}",
                    state=State.UPDATE,
                    desired=False,
                    applied=True,
                    live=True,
                    reason=reason,
                    slot=Slot(live.id, MEMBER, user),
                    based_on=event,
                )

    def _gone(self, key: RoomKey, where: RoomId) -> Change:
        reason = _(
            "The files do not name this room any more. It stays as it is, and I let go of it; "
            "to close it, put it back with archive: true."
        )
        return Change(
            room=key,
            path=EXISTS,
            state=State.ORPHAN,
            applied=True,
            reason=reason,
            slot=Slot(where, EXISTS),
            based_on=where,
        )


def _is_unclear(room: Room, path: str) -> bool:
    """Tell whether the files are wrong about something, so that nobody knows whether it is still meant."""
    if "in" in room.faults and path.partition(".")[0] in {"in", "link"}:
        return True
    if "settings.join" in room.faults and path == "settings.allow":
        return True
    return any(path == fault or path.startswith(f"{fault}.") for fault in room.faults)


def _is_to_close(community: Community, key: RoomKey) -> bool:
    room = community.room(key)
    return room is not None and room.archive
