"""How evenly the turns are spread: for leads, and for everybody what they carry themselves."""

from __future__ import annotations

from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.facilitation import saying
from orchestrator.facilitation.records.ledger import ledger_of
from orchestrator.facilitation.rota.assigning import assign
from orchestrator.facilitation.rota.fairness import Score, score
from orchestrator.facilitation.rota.resolving import resolve
from orchestrator.facilitation.view import standing
from orchestrator.i18n import _
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId

BACK_MS: Final = 90 * DAY_MS
AHEAD_MS: Final = 30 * DAY_MS
LITTLE: Final = 0.75
"""Who carries less than this part of what people carry on average has room for more."""


def look(tx: Tx, community: Community, now: Now) -> Score:
    """Judge the last 90 days and the next 30."""
    plans, ledger = standing(tx, community), ledger_of(tx, community.key)
    shifts = assign(plans, ledger, Span(now.at_ms, now.at_ms + AHEAD_MS))
    window = Span(now.at_ms - BACK_MS, now.at_ms + AHEAD_MS)
    people = dict.fromkeys(keeper.user for plan in plans for keeper in plan.keepers)
    return score(people, [one for plan in plans for one in resolve(plan, shifts, ledger, window, now.at_ms)])


def score_of(tx: Tx, community: Community, now: Now) -> str:
    """Say to leads how even a community's rota is, and who carries much."""
    found = look(tx, community, now)
    lines = [
        _("how evenly the turns are spread: {even} of 100").format(even=found.even),
        _("how much of the time somebody is there: {covered} %").format(covered=found.covered),
    ]
    for user, load_ms in sorted(found.load_ms.items(), key=lambda one: -one[1]):
        hours = round(load_ms / HOUR_MS)
        line = _("{person}: {hours} hours").format(person=user, hours=hours)
        lines.append(f"{line} " + _("(more than their share)") if user in found.overloaded else line)
    title = _("**{community}**, the last 90 days and the next 30, heavy turns counted as they weigh:").format(
        community=community.name
    )
    return f"{title}\n\n{saying.listed(lines)}"


def share_of(tx: Tx, community: Community, user: UserId, now: Now) -> str:
    """Say to somebody how what they carry compares with what others do; "" where they are alone or carry nothing."""
    found = look(tx, community, now)
    if len(found.load_ms) < 2 or user not in found.load_ms:
        return ""
    mean_ms = sum(found.load_ms.values()) / len(found.load_ms)
    if user in found.overloaded:
        return _(
            "You carry more than your share in {community} at the moment. Thank you, and do hand something on if you"
            " like: `{prefix}swap` finds somebody."
        ).format(community=community.name, prefix=community.prefix)
    if found.load_ms[user] < mean_ms * LITTLE:
        return _("You carry a little less than others in {community} at the moment.").format(community=community.name)
    return _("You carry about as much as others in {community}.").format(community=community.name)
