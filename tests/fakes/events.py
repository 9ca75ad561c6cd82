"""Room versions 10 to 12, events, and what a redaction leaves of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .problems import MatrixProblem
from .values import JsonObject, canonical

MAX_EVENT_BYTES = 65_536
# What a real event carries besides what its sender wrote: hashes, a signature, prev and auth events.
_OVERHEAD_BYTES = 700


@dataclass(frozen=True, slots=True)
class RoomVersion:
    """In what a room version differs from the others that we use.

    Attributes:
        id: as in ``m.room.create``.
        names_creator: the create event's content says who made the room (up to 10).
        redacts_in_content: a redaction names its target in the content (from 11), else beside it.
        creators_rule: creators stand above every power level and may not be listed in it (from 12; MSC4289).
        id_is_hash: the room id is the create event's id and names no server (from 12; MSC4291).
    """

    id: str
    names_creator: bool = False
    redacts_in_content: bool = True
    creators_rule: bool = False
    id_is_hash: bool = False


ROOM_VERSIONS: Mapping[str, RoomVersion] = {
    "10": RoomVersion("10", names_creator=True, redacts_in_content=False),
    "11": RoomVersion("11"),
    "12": RoomVersion("12", creators_rule=True, id_is_hash=True),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """An event somebody wants to send."""

    type: str
    sender: str
    content: JsonObject = field(repr=False)
    state_key: str | None = None
    redacts: str | None = None

    @property
    def is_state(self) -> bool:
        """Whether it would be part of the room's state."""
        return self.state_key is not None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Which request of which device an event came from."""

    user_id: str
    device_id: str
    txn_id: str


@dataclass(slots=True)
class Event:
    """An event of a room.

    Attributes:
        stream: when the server learnt of it; sync goes by this.
        depth: how far down the room's graph it stands; history goes by this, then by ``stream``.
        seen_at: the ``stream`` whose state is the state at this event; its own, but for late events.
        replaces: the state event that it took the place of.
        redacted_because: the redaction that emptied it.
        raw: an odd event, handed out exactly so.
    """

    event_id: str
    room_id: str
    type: str
    sender: str
    content: JsonObject = field(repr=False)
    origin_server_ts: int
    stream: int
    depth: int
    seen_at: int
    state_key: str | None = None
    redacts: str | None = None
    transaction: Transaction | None = None
    replaces: Event | None = field(default=None, repr=False)
    redacted_because: Event | None = field(default=None, repr=False)
    raw: JsonObject | None = field(default=None, repr=False)

    @property
    def is_state(self) -> bool:
        """Whether it is part of the room's state."""
        return self.state_key is not None

    @property
    def membership(self) -> str:
        """The membership that an ``m.room.member`` event sets, "" for any other."""
        value = self.content.get("membership") if self.type == "m.room.member" else None
        return value if isinstance(value, str) else ""

    @property
    def body(self) -> str:
        """The ``body`` of a message, "" where there is none."""
        value = self.content.get("body")
        return value if isinstance(value, str) else ""


# What survives of the content, by event type (client-server API, "Redactions"; room versions 10 and 11).
_KEPT: Mapping[str, tuple[str, ...]] = {
    "m.room.member": ("membership", "join_authorised_via_users_server"),
    "m.room.create": ("creator",),
    "m.room.join_rules": ("join_rule", "allow"),
    "m.room.power_levels": (
        "ban",
        "events",
        "events_default",
        "kick",
        "redact",
        "state_default",
        "users",
        "users_default",
    ),
    "m.room.history_visibility": ("history_visibility",),
}
_KEPT_FROM_11: Mapping[str, tuple[str, ...]] = {
    "m.room.power_levels": ("invite",),
    "m.room.redaction": ("redacts",),
}


def pruned(event: Event, version: RoomVersion) -> JsonObject:
    """Say what a redaction leaves of an event's content."""
    if event.type == "m.room.create" and version.redacts_in_content:
        return event.content
    kept = _KEPT.get(event.type, ())
    if version.redacts_in_content:
        kept += _KEPT_FROM_11.get(event.type, ())
    return {key: value for key, value in event.content.items() if key in kept}


def check_size(draft: Draft) -> None:
    """Refuse an event larger than Matrix allows (413 M_TOO_LARGE); federation fields are counted as 700 bytes."""
    size = _OVERHEAD_BYTES + len(canonical({"type": draft.type, "sender": draft.sender, "content": draft.content}))
    if size > MAX_EVENT_BYTES:
        raise MatrixProblem(413, "M_TOO_LARGE", "event too large")
    if any(len(part.encode()) > 255 for part in (draft.type, draft.state_key or "")):
        raise MatrixProblem(413, "M_TOO_LARGE", "'type' or 'state_key' too large")


def client_form(
    event: Event,
    *,
    now_ms: int,
    viewer: tuple[str, str | None] | None = None,
    membership: str | None = None,
    with_room_id: bool = True,
    old_fields: bool = False,
) -> JsonObject:
    """Write an event as a client gets it.

    Args:
        event: which.
        now_ms: for its age.
        viewer: user and device who ask; only the sending device sees its transaction id.
        membership: what the viewer was in the room then (MSC4115), None to leave it out.
        with_room_id: /sync leaves the room id out, except in the create event of version 12, as Synapse does.
        old_fields: also the fields of long ago that Synapse still adds outside of /sync (``age``, ``user_id``, ...).
    """
    if event.raw is not None:
        return dict(event.raw)
    form: JsonObject = {
        "content": event.content,
        "event_id": event.event_id,
        "origin_server_ts": event.origin_server_ts,
        "sender": event.sender,
        "type": event.type,
    }
    if with_room_id or (event.type == "m.room.create" and event.room_id[1:] == event.event_id[1:]):
        form["room_id"] = event.room_id
    if event.state_key is not None:
        form["state_key"] = event.state_key
    if event.redacts is not None:
        # Synapse writes it in both places, whatever the room version.
        form["redacts"] = event.redacts
        form["content"] = {**event.content, "redacts": event.redacts}
    unsigned = _unsigned(event, now_ms, viewer, membership)
    if event.redacted_because is not None:
        unsigned["redacted_by"] = event.redacted_because.event_id
        unsigned["redacted_because"] = client_form(
            event.redacted_because, now_ms=now_ms, viewer=viewer, with_room_id=with_room_id, old_fields=old_fields
        )
    form["unsigned"] = unsigned
    if old_fields:
        copied = ("age", "prev_content", "replaces_state", "redacted_because")
        form.update({key: unsigned[key] for key in copied if key in unsigned})
        form["user_id"] = event.sender
    return form


def _unsigned(event: Event, now_ms: int, viewer: tuple[str, str | None] | None, membership: str | None) -> JsonObject:
    unsigned: JsonObject = {"age": now_ms - event.origin_server_ts}
    if membership is not None:
        unsigned["membership"] = membership
    sent = event.transaction
    if sent is not None and viewer == (sent.user_id, sent.device_id):
        unsigned["transaction_id"] = sent.txn_id
    if event.replaces is not None:
        unsigned["replaces_state"] = event.replaces.event_id
        if membership is not None:
            # Only where it stands in a timeline; a list of state goes without.
            unsigned["prev_content"] = event.replaces.content
            unsigned["prev_sender"] = event.replaces.sender
    return unsigned


def stripped(event: Event) -> JsonObject:
    """Write a state event as an invitee gets it: without id and time."""
    return {"content": event.content, "sender": event.sender, "state_key": event.state_key, "type": event.type}
