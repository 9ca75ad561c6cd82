"""What closes a room, for a while or for good, and what takes its place: lockdown, archive, upgrade, succession.

The rooms craft hands everything of that here, by the tag, key or subject that it carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.i18n import speaking
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import State
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings, mirror

from . import forgotten, succession, upgrade
from .archive import NAMES, archive_said
from .lockdown import settle_locks
from .locking import Locking
from .moving import leave_names


class Closing:
    """Rooms that close, and what comes after them.

    Args:
        documents: what the authors wrote.
        me: the bot's own user id.
    """

    def __init__(self, documents: Documents, me: UserId) -> None:
        self._documents = documents
        self._me = me
        self._locking = Locking(documents)

    @property
    def commands(self) -> Sequence[Command]:
        """Closing rooms for a while, and opening them again."""
        return self._locking.commands

    def settle(self, tx: Tx, now: Now) -> Iterator[AnyEffect]:
        """Go on with what is under way, and bring what is closed in line; once all rooms are found and bound."""
        documents = self._documents.of(tx.account)
        for where, _tombstone in mirror.rooms_with_state(tx, succession.TOMBSTONE):
            binding = bindings.binding_of(tx, where)
            community = None if binding is None else documents.community(binding.community)
            room = None if community is None or binding is None else community.room(binding.key)
            if community is not None and room is not None:
                yield from self.look(tx, community, room, where, now)
        for community in documents.communities:
            yield from upgrade.go_on(tx, community, now)
        yield from forgotten.settle(tx, documents, self._me, now)
        leave_names(tx)
        settle_locks(tx, documents, self._me, now.at_ms)

    def look(self, tx: Tx, community: Community, room: Room, where: RoomId, now: Now) -> Iterator[AnyEffect]:
        """Decide about a room whose place another one has taken, if that is so."""
        with speaking(community.locale):
            yield from succession.look(tx, community, room, where, now)

    def heard(self, tx: Tx, community: Community, room: Room, event: State, now: Now) -> Iterator[AnyEffect]:
        """Notice when somebody puts another room in the place of one of ours."""
        forgotten.heard(tx, community, room, event)
        if event.type == NAMES and event.sender != self._me:
            leave_names(tx, event.room)
        if event.type == succession.TOMBSTONE:
            yield from self.look(tx, community, room, event.room, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> list[AnyEffect] | None:
        """Go on with what had to wait; None when the timer is about something else."""
        if timer.key.startswith(upgrade.PREFIX):
            return list(upgrade.upgrade_due(tx, self._documents, timer, now))
        if timer.key.startswith(succession.PREFIX):
            return list(succession.successor_due(tx, self._documents, timer, now))
        return None

    def done(self, tx: Tx, result: Result, now: Now) -> list[AnyEffect] | None:
        """Take note of what became of something asked for here; None when it was asked for elsewhere."""
        if archive_said(tx, self._documents, result, now):
            return []
        if result.tag.startswith(upgrade.PREFIX):
            return list(upgrade.upgrade_result(tx, self._documents, result, now))
        if result.tag.startswith(succession.PREFIX):
            return list(succession.successor_joined(tx, self._documents, result, now))
        return None

    def answered(self, tx: Tx, answer: Answer, now: Now) -> list[AnyEffect] | None:
        """Act on an answer to something asked here; None when it was asked elsewhere."""
        if answer.subject.startswith(succession.PREFIX):
            return list(succession.successor_answered(tx, self._documents, answer, now))
        return forgotten.answered(tx, self._documents, answer, now)

    def invited(self, tx: Tx, room: RoomId, inviter: UserId, now: Now) -> list[AnyEffect] | None:
        """Come where a room of ours has moved to; None when the invitation is about something else."""
        return succession.successor_invited(tx, self._documents, room, inviter, now)
