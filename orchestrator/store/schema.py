"""The tables, as migrations. Every key begins with the account; no column holds a member's words.

``payload`` of an outbox row and ``content`` of a mirrored state event are our own words or structure; the payload is
deleted when the effect is confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

migrations = Migrations("circlekeeper")


def _table(
    db: Database, name: str, columns: Mapping[str, type], *, key: tuple[str, ...], nullable: tuple[str, ...] = ()
) -> Table:
    columns = {"account": str, **columns}
    table = db.table(name)
    table.create(columns, pk=("account", *key), not_null=set(columns) - set(nullable), strict=True)
    return table


@migrations()
def ingest(db: Database) -> None:
    """Where we are in the stream, what was missed, and what could not be read yet."""
    # kind: "sync"; an appservice transaction is another kind of the same thing.
    _table(db, "cursor", {"kind": str, "value": str}, key=("kind",))
    _table(db, "gap", {"room": str, "since": str, "until": str, "opened_ms": int}, key=("room",))
    # Ids of what was decided lately, so that history can be looked through again for what came late.
    table = _table(db, "decided", {"room": str, "event": str, "kept_ms": int}, key=("room", "event"))
    table.create_index(["account", "kept_ms"])
    _table(db, "look_back", {"room": str, "asked_ms": int}, key=("room",))
    _table(db, "late", {"room": str, "event": str, "session": str, "kept_ms": int}, key=("room", "event"))


@migrations()
def delivery(db: Database) -> None:
    """Effects recorded and not yet confirmed, what was learnt of the server's limits, and what was done."""
    table = _table(
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
    table = _table(
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
    _table(db, "budget", {"burst": int, "per_hour": int, "learnt_ms": int}, key=())
    # State events whose live content may differ from what is claimed; one writer per room takes them.
    _table(
        db,
        "unsettled",
        {"room": str, "type": str, "key": str, "priority": int, "since_ms": int, "mark": int},
        key=("room", "type", "key"),
    )


@migrations()
def engine(db: Database) -> None:
    """Timers, and what each craft wants of a shared state event."""
    table = _table(db, "timer", {"craft": str, "key": str, "due_ms": int, "payload": str}, key=("craft", "key"))
    table.create_index(["account", "due_ms"])
    table = _table(
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


@migrations()
def mirror(db: Database) -> None:
    """The last we know of each room; of a membership no name and no reason."""
    _table(
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
    _table(
        db,
        "state",
        {"room": str, "type": str, "key": str, "event": str, "sender": str, "content": str, "digest": str},
        key=("room", "type", "key"),
    )
    table = _table(
        db,
        "member",
        {"room": str, "user": str, "membership": str, "sender": str, "event": str, "since_ms": int},
        key=("room", "user"),
        nullable=("since_ms",),
    )
    table.create_index(["account", "user"])


@migrations()
def rooms(db: Database) -> None:
    """Which room is which declared room, and which direct room is whose."""
    table = _table(db, "binding", {"community": str, "key": str, "room": str, "how": str}, key=("community", "key"))
    table.create_index(["account", "room"], unique=True)
    # Somebody may open a second direct room; both are listened to, the newer one is written to.
    table = _table(db, "direct", {"room": str, "user": str, "seq": int}, key=("room",))
    table.create_index(["account", "user"])


@migrations()
def secrets(db: Database) -> None:
    """What is secret, sealed with a key that is not here."""
    _table(db, "sealed", {"name": str, "box": bytes}, key=("name",))


@migrations()
def culture(db: Database) -> None:
    """Which event holds a room's norms, and why something was done to somebody."""
    _table(
        db,
        "norms",
        {"room": str, "digest": str, "event": str, "posted_ms": int, "witnessed": int, "retired": str},
        key=("room",),
    )
    table = _table(
        db,
        "reason",
        {"cause": str, "user": str, "room": str, "event": str, "rule": str, "at_ms": int, "told": int},
        key=("cause",),
    )
    table.create_index(["account", "user"])


@migrations()
def facilitation(db: Database) -> None:
    """Shifts that began: the past is fact."""
    _table(
        db,
        "shift",
        {"community": str, "key": str, "start_ms": int, "end_ms": int, "user": str, "announced": int},
        key=("community", "key", "start_ms"),
    )


@migrations()
def prompts(db: Database) -> None:
    """Which slots were filled or passed over and why, and which questions this round has used."""
    _table(
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
    _table(
        db,
        "asked",
        {"community": str, "key": str, "deck": str, "item": str, "round": int, "place": int},
        key=("community", "key", "deck", "round", "item"),
    )


@migrations()
def closing(db: Database) -> None:
    """What stood before something that passes, which rooms are locked, closed for good or on their way to another room."""
    db.table("claim").add_column("before", str)
    # Under the key "*" stands the community as a whole, with the rooms that it comes to have meanwhile.
    _table(db, "lock", {"community": str, "key": str, "state": str, "by_lead": int}, key=("community", "key"))
    _table(db, "archived", {"community": str, "key": str, "room": str, "step": str}, key=("community", "key"))
    table = _table(
        db,
        "upgrade",
        {"community": str, "key": str, "old": str, "new": str, "version": str, "step": str, "begun_ms": int},
        key=("old",),
        nullable=("new",),
    )
    table.create_index(["account", "new"])
    _table(
        db,
        "successor",
        {"community": str, "key": str, "old": str, "new": str, "sender": str, "step": str},
        key=("old",),
    )


@migrations()
def questions(db: Database) -> None:
    """What was asked in a room and waits for a reaction."""
    table = _table(
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


@migrations()
def uploads(db: Database) -> None:
    """Which files were uploaded, and where they went."""
    # whole: 0 while the place is only kept free for it.
    _table(db, "uploaded", {"sha256": str, "mxc": str, "whole": int}, key=("sha256",))


@migrations()
def doors(db: Database) -> None:
    """Who knocks and waits for an answer, and who may have to leave the control room."""
    _table(
        db,
        "knock",
        {"room": str, "user": str, "event": str, "since_ms": int, "state": str, "times": int, "next_ms": int},
        key=("room", "user"),
    )
    _table(db, "departure", {"community": str, "user": str, "state": str, "times": int}, key=("community", "user"))


@migrations()
def deeds(db: Database) -> None:
    """What was done to somebody because of a rule; the rule may do something else by now, or be gone."""
    db.table("reason").add_column("action", str)


@migrations()
def paces(db: Database) -> None:
    """What was learnt of limits beside the one on messages: how many rooms may be made."""
    _table(db, "pace", {"limiter": str, "burst": int, "per_hour": int, "learnt_ms": int}, key=("limiter",))


@migrations()
def drifts(db: Database) -> None:
    """What people changed by hand and the documents have otherwise: digests, never the words themselves."""
    _table(
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


@migrations()
def open_ends(db: Database) -> None:
    """What a lost database left open in rooms that were found again, and what the leads said about it."""
    # person: "" for the room as a whole, else whoever can only read there.
    _table(
        db, "open_end", {"community": str, "key": str, "person": str, "step": str}, key=("community", "key", "person")
    )
    # Our own words, of a question that waits for those who keep a room: where they move, it is asked again there.
    db.table("question").add_column("content", str)


@migrations()
def norms_mended(db: Database) -> None:
    """Which version of the norms was posted, and whether somebody came since who cannot open that post."""
    table = db.table("norms")
    table.add_column("version", int, not_null_default=1)
    # Who came before this was noted is not known: it is posted anew then, and not edited.
    table.add_column("closed", int, not_null_default=1)


@migrations()
def hands(db: Database) -> None:
    """Who raised a hand, how urgently, and who was asked and took it; and who is on duty because they took something."""
    table = _table(
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
    _table(
        db,
        "cover",
        {"community": str, "key": str, "start_ms": int, "end_ms": int, "user": str},
        key=("community", "key", "start_ms", "user"),
    )


@migrations()
def ban_lists(db: Database) -> None:
    """Policy lists: which are followed, what they say (ids and globs, never reasons), and which bans rest on them."""
    _table(db, "ban_list", {"community": str, "list": str, "room": str, "stage": str}, key=("community", "list"))
    _table(db, "list_read", {"room": str, "read_ms": int, "mark": str}, key=("room",))
    _table(
        db,
        "list_entry",
        {"room": str, "type": str, "key": str, "event": str, "kind": str, "entity": str, "hashed": str},
        key=("room", "type", "key"),
    )
    _table(db, "listed_ban", {"room": str, "user": str, "entry": str}, key=("room", "user"))


@migrations()
def ladders(db: Database) -> None:
    """How often the same rule was met by the same person, and until when a mute was to last."""
    _table(
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


@migrations()
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
    _table(db, "shift", shift, key=("community", "key", "part", "start_ms"), nullable=("user",))
    # Turns that had begun: whoever is on stays on, and the next ones go on from there.
    db.execute(
        'insert into shift (account, community, key, part, start_ms, end_ms, layer, weight, "user", state, gave_way)'
        " select account, community, key, 'facilitator', start_ms, end_ms, '', 1, \"user\", 'published', ''"
        " from shift_before"
    )
    db.table("shift_before").drop()
    # One row for each who was asked about a shift. answer: waiting | yes | no | silent
    _table(
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
    table = _table(
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
    _table(
        db,
        "away",
        {"community": str, "user": str, "start_ms": int, "end_ms": int},
        key=("community", "user", "start_ms"),
    )
    table = _table(
        db,
        "served",
        {"community": str, "key": str, "part": str, "start_ms": int, "end_ms": int, "user": str, "weight": int},
        key=("community", "key", "part", "start_ms"),
        nullable=("user",),
    )
    table.create_index(["account", "community", "end_ms"])
    # Until when what was is written down, and who was announced last, for each room.
    _table(
        db,
        "handoff",
        {"community": str, "key": str, "recorded_ms": int, "announced": str},
        key=("community", "key"),
    )
    # What each person knows to be theirs: kept for a while after it is not, so that calendars can take it out.
    table = _table(
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
    _table(
        db,
        "preference",
        {"user": str, "zone": str, "language": str, "reminders": str},
        key=("user",),
        nullable=("zone", "language", "reminders"),
    )
    # A note is where it was said, never what it says.
    _table(
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
    _table(
        db,
        "feed",
        {"digest": str, "scope": str, "community": str, "key": str, "user": str, "generation": int},
        key=("digest",),
    )
    # What was said once and must not be said again: gaps the leads heard of, reminders, nudges.
    table = _table(db, "said", {"what": str, "at_ms": int}, key=("what",))
    table.create_index(["account", "at_ms"])
