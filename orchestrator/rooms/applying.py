"""What was planned, made so: the claims become what the documents say, and everything else follows from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.documents.declared import Community
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import JsonObject, RoomKey

from .changes import Change, Plan, Slot
from .guards import Refused
from .plan import plan_community


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person has decided beside the plan itself.

    Attributes:
        allow_expose: what lets more people in, or lets them read or do more, may be done.
        allow_upgrade: rooms may be replaced by new ones where nothing else helps.
        one_way: names of changes, or keys of rooms, that may never be undone and are meant so.
        take: of what was changed both here and by hand, and of what was changed by hand alone and is only reported:
            ``ours`` puts it as the documents say, ``theirs`` leaves it; None: such things wait.
        adopt: what was never ours may be taken over.
        force: more may change at once than is wise.
        only: keys of rooms or names of changes; None: everything.
    """

    allow_expose: bool = False
    allow_upgrade: bool = False
    one_way: frozenset[str] = frozenset()
    take: Literal["ours", "theirs"] | None = None
    adopt: bool = False
    force: bool = False
    only: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A change that was not made, and the plain sentence that says why and what would help."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying a plan came to. It is in the rows; the homeserver follows.

    Attributes:
        plan: what was planned, in the same transaction.
        done: changes that are now on their way.
        left: changes that are not.
        refused: the guards that held some of them back.
        slots: the state events that will be looked at and, where they differ, written.
        upgrades: rooms that are being replaced.
    """

    plan: Plan
    done: tuple[Change, ...] = ()
    left: tuple[Left, ...] = ()
    refused: tuple[Refused, ...] = ()
    slots: frozenset[Slot] = frozenset()
    upgrades: tuple[RoomKey, ...] = ()


class StalePlan(Refusal):
    """Something changed since the plan was made: nothing was done."""


def apply_community(
    tx: Tx,
    community: Community,
    now: Now,
    digest: str | None,
    choices: Choices,
    fetched: Mapping[Slot, JsonObject | None] | None = None,
    unreadable: Collection[Slot] = (),
) -> Applied:
    """Plan again in this transaction and make it so, if it is still the plan that was shown.

    Args:
        digest: of the plan that was shown; None: whatever the plan is now.
        fetched, unreadable: as for ``plan_community``.

    Raises:
        StalePlan: the plan is another one by now, or not whole; nothing was written.
    """
    plan = plan_community(tx, community, now.me, fetched, unreadable)
    if plan.needed or (digest is not None and digest != plan.digest):
        raise StalePlan(_("Something has changed since this plan was made, so nothing was done. Please look again."))
    return Applied(
        plan=plan, left=tuple(Left(change, "") for change in plan.differences if choices.only == frozenset())
    )
