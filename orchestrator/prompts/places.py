"""Where questions are asked: declared schedules with their rooms, and how what comes next is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, PromptSchedule, Room
from orchestrator.model.feature import Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey
from orchestrator.schedule import next_at
from orchestrator.store import bindings
from orchestrator.store.timers import timer_of

from .duty import NAME
from .slots import is_claimed

SLOT: Final = "slot:"


@dataclass(frozen=True, slots=True)
class Place:
    """A schedule of a room."""

    community: Community
    room: Room
    schedule: PromptSchedule

    @property
    def timer(self) -> str:
        """The key of the timer of its next slot."""
        return f"{SLOT}{self.room.community}/{self.room.key}/{self.schedule.id}"

    @property
    def zone(self) -> tzinfo:
        """The clock by which questions are asked."""
        return self.community.zone

    def is_of(self, room: Room, schedule: str) -> bool:
        """Tell whether it is this schedule of this room."""
        return (self.room.community, self.room.key, self.schedule.id) == (room.community, room.key, schedule)

    def bound(self, tx: Tx) -> RoomId | None:
        """Find the room; None while it is not made."""
        return bindings.bound_room(tx, self.community.key, self.room.key)

    def control(self, tx: Tx) -> RoomId | None:
        """Find the room of those who keep it."""
        return bindings.bound_room(tx, self.community.key, CONTROL_KEY)

    def slots(self, tx: Tx, now_ms: int) -> Iterator[int]:
        """List the slots to come, one after another: first one that waits for a better moment, if there is one."""
        timer = timer_of(tx, NAME, self.timer)
        if (
            timer is not None
            and slot_of(timer) <= now_ms
            and not is_claimed(tx, self.room, self.schedule, slot_of(timer))
        ):
            yield slot_of(timer)
        following = next_at(self.schedule.when, self.zone, now_ms)
        while following is not None:
            yield following.at_ms
            following = next_at(self.schedule.when, self.zone, following.at_ms)

    def is_slot(self, tx: Tx, due_ms: int, now_ms: int) -> bool:
        """Tell whether something is to be asked at a time from now on, or waits since then."""
        if due_ms <= now_ms:
            timer = timer_of(tx, NAME, self.timer)
            return timer is not None and slot_of(timer) == due_ms
        following = next_at(self.schedule.when, self.zone, due_ms - 1)
        return following is not None and following.at_ms == due_ms


def slot_of(timer: Timer) -> int:
    """Tell which slot a timer is for: its own time, unless it waits."""
    slot_ms = timer.payload.get("due_ms")
    return slot_ms if isinstance(slot_ms, int) else timer.due_ms


def places(documents: Documents) -> Iterator[Place]:
    """List all schedules."""
    return (
        place for community in documents.communities for room in community.rooms for place in places_in(community, room)
    )


def places_in(community: Community, room: Room) -> list[Place]:
    """List the schedules of a room."""
    return [Place(community, room, schedule) for schedule in room.prompts]


def room_named(documents: Documents, community: CommunityKey, key: RoomKey) -> Room | None:
    """Find a declared room by the keys it had when it was asked, which may have changed since."""
    for declared in documents.communities:
        if community in {declared.key, *declared.previously}:
            for room in declared.rooms:
                if key in {room.key, *room.previously}:
                    return room
    return None
