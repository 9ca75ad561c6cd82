"""What the desks call when perhaps somebody else is on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from orchestrator.documents.declared import Community
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId


class Changed(Protocol):
    """Acts on it that perhaps somebody else is on, now or later: handoffs, and telling whom it moved."""

    def __call__(self, tx: Tx, community: Community, now: Now, by: UserId | None) -> Iterable[AnyEffect]:
        """Act on a change that ``by`` made (None: nobody in particular)."""
        ...
