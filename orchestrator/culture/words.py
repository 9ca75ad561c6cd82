"""What culture says to people, in the language spoken at the moment. Plain functions from facts to sentences.

Nothing here quotes anybody. Somebody whose message was removed is told first that they are not in trouble.
"""

from __future__ import annotations

from datetime import UTC, datetime

from babel.dates import format_datetime
from babel.units import format_unit

from orchestrator.documents.declared import Community
from orchestrator.documents.policy import Policy
from orchestrator.i18n import _, current_locale
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS

from .places import Place

# -- for the control room ----------------------------------------------------------------------------------------------


def could_not_remove(place: Place) -> str:
    """Tell the control room that a removal was refused."""
    return _(
        "I was not allowed to take down a message in {room}. Please check that I still have the power to remove messages"
        " there."
    ).format(room=place.room.name)


def norms_in_words(policy: Policy) -> str:
    """Give the norms with their title."""
    return f"**{policy.title}**\n\n{policy.norms.text}"


def length(ms: int) -> str:
    """Say a length of time in the largest unit that makes it a whole number."""
    for unit, unit_ms in (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS)):
        if ms % unit_ms == 0:
            return _unit(ms // unit_ms, unit)
    return _unit(round(ms / 1000), "second")


def _unit(count: int, unit: str) -> str:
    return format_unit(count, f"duration-{unit}", "long", locale=current_locale().replace("-", "_"))


def moment(community: Community, at_ms: int) -> str:
    """Say when, in the community's own time."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(community.zone)
    return format_datetime(local, "d MMMM, HH:mm", locale=current_locale().replace("-", "_"))
