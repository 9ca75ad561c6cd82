"""Which room is which, what was changed there by hand, and what closes, knocks or was left open."""

from __future__ import annotations

from sqlite_utils import Database

from .making import make


def rooms(db: Database) -> None:
    """Which room is which declared room, and which direct room is whose."""
    table = make(db, "binding", {"community": str, "key": str, "room": str, "how": str}, key=("community", "key"))
    table.create_index(["account", "room"], unique=True)
    # Somebody may open a second direct room; both are listened to, the newer one is written to.
    table = make(db, "direct", {"room": str, "user": str, "seq": int}, key=("room",))
    table.create_index(["account", "user"])


def closing(db: Database) -> None:
    """What stood before something that passes, which rooms are locked, closed for good or on their way to another room."""
    db.table("claim").add_column("before", str)
    # Under the key "*" stands the community as a whole, with the rooms that it comes to have meanwhile.
    make(db, "lock", {"community": str, "key": str, "state": str, "by_lead": int}, key=("community", "key"))
    make(db, "archived", {"community": str, "key": str, "room": str, "step": str}, key=("community", "key"))
    table = make(
        db,
        "upgrade",
        {"community": str, "key": str, "old": str, "new": str, "version": str, "step": str, "begun_ms": int},
        key=("old",),
        nullable=("new",),
    )
    table.create_index(["account", "new"])
    make(
        db,
        "successor",
        {"community": str, "key": str, "old": str, "new": str, "sender": str, "step": str},
        key=("old",),
    )


def doors(db: Database) -> None:
    """Who knocks and waits for an answer, and who may have to leave the control room."""
    make(
        db,
        "knock",
        {"room": str, "user": str, "event": str, "since_ms": int, "state": str, "times": int, "next_ms": int},
        key=("room", "user"),
    )
    make(db, "departure", {"community": str, "user": str, "state": str, "times": int}, key=("community", "user"))


def drifts(db: Database) -> None:
    """What people changed by hand and the documents have otherwise: digests, never the words themselves."""
    make(
        db,
        "drift",
        {
            "room": str,
            "type": str,
            "key": str,
            "path": str,
            "event": str,
            "digest": str,
            "state": str,
            "rounds": int,
            "since_ms": int,
        },
        key=("room", "type", "key", "path"),
    )


def open_ends(db: Database) -> None:
    """What a lost database left open in rooms that were found again, and what the leads said about it."""
    # person: "" for the room as a whole, else whoever can only read there.
    make(db, "open_end", {"community": str, "key": str, "person": str, "step": str}, key=("community", "key", "person"))
    # Our own words, of a question that waits for those who keep a room: where they move, it is asked again there.
    db.table("question").add_column("content", str)
