"""Norms, what was done to whom because of which rule, raised hands, ban lists."""

from __future__ import annotations

from sqlite_utils import Database

from .making import make


def culture(db: Database) -> None:
    """Which event holds a room's norms, and why something was done to somebody."""
    make(
        db,
        "norms",
        {"room": str, "digest": str, "event": str, "posted_ms": int, "witnessed": int, "retired": str},
        key=("room",),
    )
    table = make(
        db,
        "reason",
        {"cause": str, "user": str, "room": str, "event": str, "rule": str, "at_ms": int, "told": int},
        key=("cause",),
    )
    table.create_index(["account", "user"])


def deeds(db: Database) -> None:
    """What was done to somebody because of a rule; the rule may do something else by now, or be gone."""
    db.table("reason").add_column("action", str)


def norms_mended(db: Database) -> None:
    """Which version of the norms was posted, and whether somebody came since who cannot open that post."""
    table = db.table("norms")
    table.add_column("version", int, not_null_default=1)
    # Who came before this was noted is not known: it is posted anew then, and not edited.
    table.add_column("closed", int, not_null_default=1)


def hands(db: Database) -> None:
    """Who raised a hand, how urgently, and who was asked and took it; and who is on duty because they took something."""
    table = make(
        db,
        "hand",
        {
            "id": str,
            "community": str,
            "key": str,
            "user": str,
            "level": int,
            "named": int,
            "about": str,
            "event": str,
            "state": str,
            "step": int,
            "asked": str,
            "since_ms": int,
            "taken_by": str,
            "taken_ms": int,
        },
        key=("id",),
        nullable=("key", "event", "taken_by", "taken_ms"),
    )
    table.create_index(["account", "community", "user"])
    make(
        db,
        "cover",
        {"community": str, "key": str, "start_ms": int, "end_ms": int, "user": str},
        key=("community", "key", "start_ms", "user"),
    )


def ban_lists(db: Database) -> None:
    """Policy lists: which are followed, what they say (ids and globs, never reasons), and which bans rest on them."""
    make(db, "ban_list", {"community": str, "list": str, "room": str, "stage": str}, key=("community", "list"))
    make(db, "list_read", {"room": str, "read_ms": int, "mark": str}, key=("room",))
    make(
        db,
        "list_entry",
        {"room": str, "type": str, "key": str, "event": str, "kind": str, "entity": str, "hashed": str},
        key=("room", "type", "key"),
    )
    make(db, "listed_ban", {"room": str, "user": str, "entry": str}, key=("room", "user"))


def ladders(db: Database) -> None:
    """How often the same rule was met by the same person, and until when a mute was to last."""
    make(
        db,
        "ladder",
        {
            "community": str,
            "user": str,
            "policy": str,
            "rule": str,
            "step": int,
            "at_ms": int,
            "last_ms": int,
            "told": int,
        },
        key=("community", "user", "policy", "rule"),
    )
    table = db.table("reason")
    table.add_column("until_ms", int, not_null_default=0)
    table.add_column("everywhere", int, not_null_default=0)
    # The root of the thread in which a message stood, and in which a word about it can be said; "": its own.
    table.add_column("root", str, not_null_default="")
