"""Who has which shift, what was asked and changed, and what people know of it."""

from __future__ import annotations

from sqlite_utils import Database

from .making import make


def facilitation(db: Database) -> None:
    """Shifts that began: the past is fact."""
    make(
        db,
        "shift",
        {"community": str, "key": str, "start_ms": int, "end_ms": int, "user": str, "announced": int},
        key=("community", "key", "start_ms"),
    )


def rota(db: Database) -> None:
    """Who has which shift, what was asked and changed, when people cannot, what was, and what people know of it.

    ``part`` is what somebody does in a shift; spans are half-open. A shift is named by room, part and start. No column holds
    a reason: why somebody cannot is theirs.
    """
    db.rename_table("shift", "shift_before")
    shift = {
        "community": str,
        "key": str,
        "part": str,
        "start_ms": int,
        "end_ms": int,
        "layer": str,
        "weight": int,
        # None: nobody has it.
        "user": str,
        # published | offered | accepted | unconfirmed | open
        "state": str,
        # What could not be kept, joined by spaces.
        "gave_way": str,
    }
    make(db, "shift", shift, key=("community", "key", "part", "start_ms"), nullable=("user",))
    # Turns that had begun: whoever is on stays on, and the next ones go on from there.
    db.execute(
        'insert into shift (account, community, key, part, start_ms, end_ms, layer, weight, "user", state, gave_way)'
        " select account, community, key, 'facilitator', start_ms, end_ms, '', 1, \"user\", 'published', ''"
        " from shift_before"
    )
    db.table("shift_before").drop()
    # One row for each who was asked about a shift. answer: waiting | yes | no | silent
    make(
        db,
        "offer",
        {
            "community": str,
            "key": str,
            "part": str,
            "start_ms": int,
            "user": str,
            "asked_ms": int,
            "until_ms": int,
            "answer": str,
        },
        key=("community", "key", "part", "start_ms", "user"),
    )
    # kind: swap | away | left | take; state: open | taken | over | withdrawn. giver None: there was nobody.
    table = make(
        db,
        "override",
        {
            "id": str,
            "community": str,
            "key": str,
            "part": str,
            "start_ms": int,
            "end_ms": int,
            "giver": str,
            "taker": str,
            # Whom alone it is offered to; None: everybody on the rota.
            "only": str,
            "kind": str,
            "state": str,
            "made_ms": int,
            "changed_ms": int,
        },
        key=("id",),
        nullable=("giver", "taker", "only"),
    )
    table.create_index(["account", "community", "key", "end_ms"])
    make(
        db,
        "away",
        {"community": str, "user": str, "start_ms": int, "end_ms": int},
        key=("community", "user", "start_ms"),
    )
    table = make(
        db,
        "served",
        {"community": str, "key": str, "part": str, "start_ms": int, "end_ms": int, "user": str, "weight": int},
        key=("community", "key", "part", "start_ms"),
        nullable=("user",),
    )
    table.create_index(["account", "community", "end_ms"])
    # Until when what was is written down, and who was announced last, for each room.
    make(
        db,
        "handoff",
        {"community": str, "key": str, "recorded_ms": int, "announced": str},
        key=("community", "key"),
    )
    # What each person knows to be theirs: kept for a while after it is not, so that calendars can take it out.
    table = make(
        db,
        "holding",
        {
            "community": str,
            "key": str,
            "part": str,
            "start_ms": int,
            "end_ms": int,
            "user": str,
            "sequence": int,
            "gone_ms": int,
        },
        key=("community", "key", "part", "start_ms", "user"),
        nullable=("gone_ms",),
    )
    table.create_index(["account", "user"])
    # What somebody wants of us; None: as the community has it. reminders: lead times in ms, joined by spaces.
    make(
        db,
        "preference",
        {"user": str, "zone": str, "language": str, "reminders": str},
        key=("user",),
        nullable=("zone", "language", "reminders"),
    )
    # A note is where it was said, never what it says.
    make(
        db,
        "note",
        {
            "community": str,
            "key": str,
            "room": str,
            "event": str,
            "author": str,
            "made_ms": int,
            "passed": int,
        },
        key=("room", "event"),
    )
    # An address under which a calendar can be read: only the hash of its secret. scope: person | room | community.
    make(
        db,
        "feed",
        {"digest": str, "scope": str, "community": str, "key": str, "user": str, "generation": int},
        key=("digest",),
    )
    # What was said once and must not be said again: gaps the leads heard of, reminders, nudges.
    table = make(db, "said", {"what": str, "at_ms": int}, key=("what",))
    table.create_index(["account", "at_ms"])
