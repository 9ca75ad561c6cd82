"""What every craft goes through: what came in, what goes out, timers, claims, questions, the mirror and what is secret."""

from __future__ import annotations

from sqlite_utils import Database

from .making import make


def ingest(db: Database) -> None:
    """Where we are in the stream, what was missed, and what could not be read yet."""
    # kind: "sync"; an appservice transaction is another kind of the same thing.
    make(db, "cursor", {"kind": str, "value": str}, key=("kind",))
    make(db, "gap", {"room": str, "since": str, "until": str, "opened_ms": int}, key=("room",))
    # Ids of what was decided lately, so that history can be looked through again for what came late.
    table = make(db, "decided", {"room": str, "event": str, "kept_ms": int}, key=("room", "event"))
    table.create_index(["account", "kept_ms"])
    make(db, "look_back", {"room": str, "asked_ms": int}, key=("room",))
    make(db, "late", {"room": str, "event": str, "session": str, "kept_ms": int}, key=("room", "event"))


def delivery(db: Database) -> None:
    """Effects recorded and not yet confirmed, what was learnt of the server's limits, and what was done."""
    table = make(
        db,
        "outbox",
        {
            "cause": str,
            "seq": int,
            "craft": str,
            "step": str,
            "tag": str,
            "rule": str,
            "kind": str,
            "room": str,
            "target": str,
            "lane": str,
            "person": str,
            "priority": int,
            "expires_ms": int,
            "merge": str,
            "payload": str,
            "created_ms": int,
            "tried_ms": int,
            "device": str,
            "retry_ms": int,
            "tries": int,
        },
        key=("cause",),
        nullable=("expires_ms", "tried_ms", "device", "room"),
    )
    table.create_index(["account", "priority", "seq"])
    table.create_index(["account", "merge"])
    table = make(
        db,
        "journal",
        {
            "cause": str,
            "craft": str,
            "step": str,
            "kind": str,
            "room": str,
            "target": str,
            "rule": str,
            "outcome": str,
            "event": str,
            "at_ms": int,
        },
        key=("cause",),
        nullable=("room", "event"),
    )
    table.create_index(["account", "at_ms"])
    table.create_index(["account", "event"])
    make(db, "budget", {"burst": int, "per_hour": int, "learnt_ms": int}, key=())
    # State events whose live content may differ from what is claimed; one writer per room takes them.
    make(
        db,
        "unsettled",
        {"room": str, "type": str, "key": str, "priority": int, "since_ms": int, "mark": int},
        key=("room", "type", "key"),
    )


def engine(db: Database) -> None:
    """Timers, and what each craft wants of a shared state event."""
    table = make(db, "timer", {"craft": str, "key": str, "due_ms": int, "payload": str}, key=("craft", "key"))
    table.create_index(["account", "due_ms"])
    table = make(
        db,
        "claim",
        {
            "room": str,
            "type": str,
            "key": str,
            "path": str,
            "owner": str,
            "value": str,
            "until_ms": int,
            "ended": int,
        },
        key=("room", "type", "key", "path", "owner"),
        nullable=("until_ms",),
    )
    table.create_index(["account", "until_ms"])


def mirror(db: Database) -> None:
    """The last we know of each room; of a membership no name and no reason."""
    make(
        db,
        "room",
        {
            "room": str,
            "version": str,
            "creators": str,
            "space": int,
            "encrypted": int,
            "membership": str,
            "invited_by": str,
        },
        key=("room",),
        nullable=("invited_by",),
    )
    make(
        db,
        "state",
        {"room": str, "type": str, "key": str, "event": str, "sender": str, "content": str, "digest": str},
        key=("room", "type", "key"),
    )
    table = make(
        db,
        "member",
        {"room": str, "user": str, "membership": str, "sender": str, "event": str, "since_ms": int},
        key=("room", "user"),
        nullable=("since_ms",),
    )
    table.create_index(["account", "user"])


def secrets(db: Database) -> None:
    """What is secret, sealed with a key that is not here."""
    make(db, "sealed", {"name": str, "box": bytes}, key=("name",))


def questions(db: Database) -> None:
    """What was asked in a room and waits for a reaction."""
    table = make(
        db,
        "question",
        {
            "event": str,
            "room": str,
            "craft": str,
            "subject": str,
            "tag": str,
            "needs": int,
            "asker": str,
            "asker_needs": int,
            "about": str,
            "about_room": str,
            "choices": str,
            "thread": str,
            "until_ms": int,
            "due_ms": int,
        },
        key=("event",),
        nullable=("needs", "asker", "about", "about_room", "thread"),
    )
    table.create_index(["account", "due_ms"])
    table.create_index(["account", "room"])


def uploads(db: Database) -> None:
    """Which files were uploaded, and where they went."""
    # whole: 0 while the place is only kept free for it.
    make(db, "uploaded", {"sha256": str, "mxc": str, "whole": int}, key=("sha256",))


def paces(db: Database) -> None:
    """What was learnt of limits beside the one on messages: how many rooms may be made."""
    make(db, "pace", {"limiter": str, "burst": int, "per_hour": int, "learnt_ms": int}, key=("limiter",))
