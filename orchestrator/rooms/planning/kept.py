"""What the leads chose to keep though the documents say otherwise: known by a digest, and not counted by the plan."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.i18n import _
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json
from orchestrator.rooms.changes import Change, Plan, Slot, State
from orchestrator.store import drifts, mirror
from orchestrator.store.drifts import Drift


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
    if drift is None or change.state not in {State.DRIFT, State.UNKNOWN}:
        return change
    same = drift.event == change.based_on or (
        change.state is State.DRIFT and drift.digest == digest_of_value(change.live)
    )
    if not same:
        return change
    if drift.state == "kept":
        reason = _("Somebody changed this by hand, and the leads chose to keep it.")
        return replace(change, state=State.NO_OP, beneath=State.NO_OP, stance="accept", reason=reason)
    if change.stance == "enforce" and change.state is State.DRIFT:
        reason = _("Somebody keeps changing this back, so I stopped and asked the leads.")
        return replace(change, stance="report", reason=reason)
    return change


def digest_of_value(value: Json) -> str:
    """Digest what stands somewhere, as a plan shows it."""
    return mirror.digest_of({"value": value})
