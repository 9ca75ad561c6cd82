"""Who may do what in a room of ours: the whole ``m.room.power_levels`` content that a template means.

Nothing is left to a server's defaults: what is not written would be filled in with values that differ between servers
and presets, and Synapse replaces whole tables by what it is given, so that a table with a hole loses its protection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.model.ids import LOCATOR_TYPE, Json, UserId
from orchestrator.model.power import (
    FOR_FACILITATORS,
    FOR_LEADS,
    KEEPER_LEVEL,
    TOMBSTONE_LEVEL,
    creators_have_power,
)

NUMBERS: Final = ("users_default", "events_default", "state_default", "ban", "kick", "redact", "invite")
"""The plain numbers of a power levels event; beside them are the tables of users, events and notifications."""


def room_levels(community: Community, room: Room, me: UserId, *, own: float | None = None) -> dict[str, Json]:
    """Write the complete power levels that a room is made with.

    Before version 12 the bot stands at ``KEEPER_LEVEL``, above the leads, and nothing needs more than that; from version
    12 on it is the creator and must not be listed. Leads keep what they need to go on without the bot. The levels of
    events that the template names are the author's own; in an encrypted room what it says of messages holds for
    encrypted ones. Founders are creators too where creators have power. ``own`` is the bot's own level in a room that it
    did not make: what it asks for itself is no more than that.
    Source: client-server API, ``m.room.power_levels``; room versions 10 to 12.
    """
    version, power = room.settings.room_version, room.power
    creator = creators_have_power(version)
    most = TOMBSTONE_LEVEL if creator else KEEPER_LEVEL
    lead = lead_level(room)
    ours = KEEPER_LEVEL if own is None else int(max(lead, min(KEEPER_LEVEL, own)))
    # Where facilitators hold no more than members (the control room), what they would do is for leads.
    facilitator = min(power.facilitator, lead) if power.facilitator > power.member else lead
    events = dict.fromkeys(FOR_LEADS, lead) | dict.fromkeys(FOR_FACILITATORS, facilitator)
    events["m.room.tombstone"] = min(TOMBSTONE_LEVEL, ours) if creator else lead
    events |= {type_: min(level, most) for type_, level in _named(room).items()}
    # Only what the bot itself says about a room counts, so nobody else needs to be able to say it.
    events[LOCATOR_TYPE] = ours
    creators = {me, *community.founders} if creator else {me}
    users: dict[str, int] = {user: lead for user in community.leads if user not in creators}
    if not creator:
        users[me] = KEEPER_LEVEL
    return {
        "users": users,
        "users_default": power.member,
        "events": events,
        "events_default": lead if room.kind == "space" else power.member,
        "state_default": lead,
        "ban": facilitator,
        "kick": facilitator,
        "redact": facilitator,
        # Who is in the control room follows from the roster alone: what members raise is read by these and no others.
        "invite": ours if room.key == CONTROL_KEY else facilitator,
        "notifications": {"room": facilitator},
    }


def lead_level(room: Room) -> int:
    """Tell what leads hold in a room; before version 12 always less than the bot, so that it can be taken back."""
    if creators_have_power(room.settings.room_version):
        return room.power.lead
    return min(room.power.lead, KEEPER_LEVEL - 1)


def _named(room: Room) -> Mapping[str, int]:
    named = dict(room.power.events)
    if room.settings.encryption and "m.room.message" in named:
        named.setdefault("m.room.encrypted", named["m.room.message"])
    return named
