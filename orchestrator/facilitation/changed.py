"""What follows when perhaps somebody else is on, now or later: handing over, telling whom it moved, reminding."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.documents.declared import Community
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId

from .handoff.turning import hand_over
from .holdings import reconcile
from .readiness import plan_checks
from .reminders.planning import plan_reminders


def changed(tx: Tx, community: Community, now: Now, by: UserId | None) -> Iterable[AnyEffect]:
    """Act on it that perhaps somebody else is on in a community; doing it again changes nothing.

    Args:
        tx: the transaction.
        community: where.
        now: when.
        by: who did it: they need not be told; None: nobody in particular.
    """
    effects = [*hand_over(tx, community, now), *reconcile(tx, community, now, by)]
    plan_reminders(tx, community, now)
    plan_checks(tx, community, now)
    return effects
