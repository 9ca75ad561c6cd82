"""Which slots were filled or passed over and why, and which questions were used."""

from __future__ import annotations

from sqlite_utils import Database

from .making import make


def prompts(db: Database) -> None:
    """Which slots were filled or passed over and why, and which questions this round has used."""
    make(
        db,
        "slot",
        {
            "community": str,
            "key": str,
            "schedule": str,
            "due_ms": int,
            "deck": str,
            "item": str,
            "outcome": str,
            "event": str,
        },
        key=("community", "key", "schedule", "due_ms"),
        nullable=("event",),
    )
    make(
        db,
        "asked",
        {"community": str, "key": str, "deck": str, "item": str, "round": int, "place": int},
        key=("community", "key", "deck", "round", "item"),
    )


def choices(db: Database) -> None:
    """Which questions were drawn ahead, for how long none is asked, and which rounds were said to run out."""
    make(
        db,
        "chosen",
        {
            "community": str,
            "key": str,
            "schedule": str,
            "due_ms": int,
            "bag": str,
            "prompt": str,
            "item": str,
            "round": int,
            "held": str,
        },
        key=("community", "key", "schedule", "due_ms"),
    )
    make(db, "pause", {"community": str, "key": str, "until_ms": int}, key=("community", "key"))
    make(db, "ending", {"community": str, "key": str, "bag": str, "round": int}, key=("community", "key", "bag"))


def meetings(db: Database) -> None:
    """What was said about which meeting, or why not. Who comes is written down nowhere."""
    # A step is one of: announce, remind, open, close, cancel, moved.
    table = make(
        db,
        "meeting",
        {
            "community": str,
            "key": str,
            "meeting": str,
            "start_ms": int,
            "step": str,
            "outcome": str,
            "room": str,
            "event": str,
        },
        key=("community", "key", "meeting", "start_ms", "step"),
        nullable=("room", "event"),
    )
    table.create_index(["account", "start_ms"])


def suggestions(db: Database) -> None:
    """Which messages of members suggest a question and are not decided about, and the texts that were taken in.

    The one table names who suggested and never says what; the other holds a text, as its author asked, and names nobody.
    Nothing leads from one to the other: no id, no time, no order.
    """
    table = make(
        db,
        "suggestion",
        {
            "id": str,
            "community": str,
            "key": str,
            "user": str,
            # Where they said it, and the message or its last change that holds the words.
            "room": str,
            "event": str,
            "says": str,
            # asked | waiting | shown | seconded | taken | back
            "state": str,
            "due_ms": int,
            "shown": int,
            # Where reviewers read it, who of them would take it, and as how heavy.
            "copy": str,
            "approver": str,
            "tier": int,
        },
        key=("id",),
        nullable=("copy", "approver"),
    )
    table.create_index(["account", "user"])
    table.create_index(["account", "room"])
    make(
        db,
        "member_prompt",
        {"community": str, "key": str, "item": str, "text": str, "tier": int},
        key=("community", "key", "item"),
    )


def mentions(db: Database) -> None:
    """Who asked to be mentioned with the questions of a room, and until when."""
    make(
        db,
        "mention",
        {"community": str, "key": str, "user": str, "until_ms": int},
        key=("community", "key", "user"),
    )
