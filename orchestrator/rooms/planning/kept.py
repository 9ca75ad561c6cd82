"""What the leads chose to keep though the documents say otherwise: known by a digest, and not counted by the plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orchestrator.i18n import _
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json
from orchestrator.rooms.changes import Change, Plan, Slot, State
from orchestrator.store import drifts, mirror
from orchestrator.store.drifts import Drift

from .choices import is_conflict


def with_kept(tx: Tx, plan: Plan) -> Plan:
    """Take out of a plan what the leads chose to keep, and say what the bot stopped putting right."""
    known = {(Slot(d.room, d.type, d.key), d.path): d for d in drifts.all_known(tx) if d.state != "fought"}
    if not known:
        return plan
    changes = tuple(
        change if change.slot is None else _seen_as(change, known.get((change.slot, change.claim_path)))
        for change in plan.changes
    )
    return replace(plan, changes=changes)


def _seen_as(change: Change, drift: Drift | None) -> Change:
    if drift is None or not _is_the_same(change, drift):
        return change
    if drift.state == "kept":
        reason = _("Somebody changed this by hand, and the leads chose to keep it.")
        return replace(change, state=State.NO_OP, beneath=State.NO_OP, stance="accept", reason=reason)
    if change.stance == "enforce" and change.state is State.DRIFT:
        reason = _("Somebody keeps changing this back, so I stopped and asked the leads.")
        return replace(change, stance="report", reason=reason)
    return change


def _is_the_same(change: Change, drift: Drift) -> bool:
    """Tell whether somebody knew of just this, when they were asked or chose."""
    live, _between, desired = drift.digest.partition(_AGAINST)
    if not desired:
        is_live = change.state is State.DRIFT and live == digest_of_value(change.live)
        return is_live or (change.state in {State.DRIFT, State.UNKNOWN} and drift.event == change.based_on)
    if desired != digest_of_value(change.value):
        return False  # the files say something else by now
    if change.state is State.UNKNOWN:
        return drift.event == change.based_on
    return is_conflict(change) and live == digest_of_value(change.live)


def digest_of_change(change: Change) -> str:
    """Digest what is kept when it is left as somebody set it; of a conflict, also against which word of the files."""
    live = digest_of_value(change.live)
    return f"{live}{_AGAINST}{digest_of_value(change.value)}" if is_conflict(change) else live


def digest_of_value(value: Json) -> str:
    """Digest what stands somewhere, as a plan shows it."""
    return mirror.digest_of({"value": value})


_AGAINST: Final = "/"
