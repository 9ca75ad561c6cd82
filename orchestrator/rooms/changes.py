"""What differs, one attribute at a time, and the plan made of it. Plain data; nothing here decides or reads anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from orchestrator.documents.declared import OnDrift, Origin
from orchestrator.model.ids import CommunityKey, Json, RoomId, RoomKey
from orchestrator.store.rows import dump

EXISTS: Final = "exists"
"""The path of what concerns a room as a whole: that it is there, that it is no longer declared, that we cannot see it."""


MEMBER: Final = "m.room.member"
"""The type of a slot that is somebody's membership: it is written by asking, not by claiming."""


class State(StrEnum):
    """How an attribute stands: desired (D, the files), applied (L, what was last made so) and live (A) compared."""

    CREATE = "create"
    """D, and neither L nor A."""
    ADOPT = "adopt"
    """D and A differ and there is no L: it was never ours. Needs ``adopt``."""
    NO_OP = "no-op"
    """D = L = A."""
    UPDATE = "update"
    """D differs from L = A."""
    DRIFT = "drift"
    """D = L, and A differs: somebody changed it by hand. ``on_drift`` says what follows."""
    CONFLICT = "conflict"
    """All three differ. Needs a choice: ours or theirs."""
    CONVERGED = "converged"
    """D = A differs from L: there is only something to remember."""
    ORPHAN = "orphan"
    """L, and the files no longer say anything about it: it is left as it is and forgotten, or closed if they say so."""
    ONE_WAY = "one-way"
    """It can never be undone (encryption). Needs to be confirmed by name."""
    EXPOSES = "exposes"
    """More people could come in, read or do things afterwards than before. Needs ``allow_expose``."""
    UPGRADE = "upgrade"
    """It cannot change in this room; a new one would have to take its place. Needs ``allow_upgrade``."""
    BLOCKED = "blocked"
    """It cannot be done; ``reason`` says why."""
    UNKNOWN = "unknown"
    """What is live cannot be seen; never taken for absent."""


class Slot(NamedTuple):
    """A state event, or what stands for one (``model/things``)."""

    room: RoomId
    type: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How one attribute of one room stands.

    Attributes:
        room: its key; ``SPACE_KEY`` ("") for the community's space.
        path: the attribute's name, the one it has in the documents where there is one, such as ``settings.join``.
        desired, applied, live: values as a person would write them; None where there is none.
        beneath: the state it would have without its danger: an exposing change is also an update, or an adoption.
        reason: one plain sentence where a person would ask why, else "".
        origin: which layer set the desired value, and where; None where nobody wrote it.
        stance: what is done about a change by hand.
        slot: where it is written; None for a room as a whole.
        claim_path, owner: its claim within the slot.
        value: what is claimed; None to claim nothing any more.
        based_on: the live event it was planned on, or a digest of what was read; "" where there is none.
    """

    room: RoomKey
    path: str
    state: State
    desired: Json = None
    applied: Json = None
    live: Json = None
    beneath: State = State.NO_OP
    reason: str = ""
    origin: Origin | None = field(default=None, compare=False)
    stance: OnDrift = "report"
    slot: Slot | None = None
    claim_path: tuple[str, ...] = ()
    owner: str = ""
    value: Json = None
    based_on: str = ""

    @property
    def name(self) -> str:
        """Name it in one word, such as ``tuesday/settings.join``; the space is called ``space``."""
        return f"{self.room or 'space'}/{self.path}"

    @property
    def is_quiet(self) -> bool:
        """Tell whether there is nothing to do about it and nothing to look at."""
        return self.state is State.NO_OP

    def as_json(self) -> dict[str, Json]:
        """Write it as JSON for programs."""
        return {
            "room": self.room or "space",
            "path": self.path,
            "state": self.state.value,
            "desired": self.desired,
            "applied": self.applied,
            "live": self.live,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Plan:
    """Everything that differs in a community, in the order of its rooms.

    Attributes:
        changes: every attribute that was looked at, those without a difference too.
        needed: state that has to be read before the plan is whole; while there is any, the plan is not to be shown.
    """

    community: CommunityKey
    changes: tuple[Change, ...]
    needed: frozenset[Slot] = frozenset()

    @cached_property
    def differences(self) -> tuple[Change, ...]:
        """What is to be done or looked at."""
        return tuple(change for change in self.changes if not change.is_quiet)

    @property
    def is_empty(self) -> bool:
        """Tell whether everything is as it should be."""
        return not self.differences and not self.needed

    @cached_property
    def digest(self) -> str:
        """Hash all differences, with the live events they were planned on: what was shown is what is applied."""
        lines = sorted(dump([*_told(change), change.based_on, change.value]) for change in self.differences)
        return hashlib.sha256("\n".join([self.community, *lines]).encode()).hexdigest()[:16]

    def of(self, *states: State) -> tuple[Change, ...]:
        """List the changes in any of these states."""
        return tuple(change for change in self.changes if change.state in states)

    def as_json(self) -> dict[str, Json]:
        """Write it as JSON for programs."""
        return {"digest": self.digest, "changes": [change.as_json() for change in self.differences]}


def _told(change: Change) -> Sequence[Json]:
    return [change.room, change.path, change.state.value, change.desired, change.applied, change.live]
