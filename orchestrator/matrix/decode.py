"""The homeserver's JSON to what the rest of the house knows; pure, and whatever came, it never raises.

A decoder that gives up is a way past every rule: one odd event would hide itself, or all that came with it. So

- what is wrong with an event harms that event alone, and what can still be read of it is read: clients show a message
  whose mentions make no sense, so its body is decided here too;
- what cannot be an event of that room (no id, no sender, another room's id) is nothing, or ``Other``;
- text is always text that can be stored (``fields.a_text``);
- names and ids taken from an event's content hold to their grammar, so that no words come to stand in a ``repr``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, TypedDict, get_args

import structlog

from orchestrator.model.batch import OwnMembership, RoomUpdate
from orchestrator.model.events import (
    Event,
    Member,
    MembershipName,
    Message,
    Other,
    Reaction,
    Redaction,
    State,
    Unreadable,
)
from orchestrator.model.ids import (
    CAUSE_FIELD,
    QUOTED_FIELD,
    Cause,
    EventId,
    Json,
    JsonObject,
    RoomId,
    UserId,
    is_user_id,
)
from orchestrator.model.things import PSEUDO

from .fields import a_content, a_list, a_name, a_sender, a_text, an_event_id, an_object, an_opaque

_MEMBERSHIPS: Final[Mapping[str, MembershipName]] = {name: name for name in get_args(MembershipName)}
_WORDS_ONLY: Final = frozenset({"m.text", "m.notice", "m.emote", "m.location"})
"""Kinds that no client shows as a file, whatever else they carry; an unknown kind with a ``url`` is shown as one."""

_LATEST_MS: Final = 2**53 - 1
_POLLS: Final = frozenset({"m.poll.start", "org.matrix.msc3381.poll.start"})
_SHOWN: Final = frozenset({"body", "m.text", "org.matrix.msc1767.text", "m.html", "org.matrix.msc1767.html"})
"""Where extensible events (MSC1767) hold what is shown."""
_POLL_DEPTH: Final = 12
_AT_ROOM = re.compile(r"(?<!\w)@room(?!\w)")

log = structlog.get_logger("sync")


class Decrypter(Protocol):
    """Opens encrypted events; ``crypto.Crypto`` is one."""

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        """Give the event with the ``type``, ``content`` and ``room_id`` of its payload; None when the key is missing."""
        ...


class _Common(TypedDict):
    room: RoomId
    id: EventId
    sender: UserId
    at_ms: int
    cause: Cause | None
    txn: str | None
    encrypted: bool


def decode_event(raw: Json, room: RoomId, crypto: Decrypter) -> Event | None:
    """Decode one event of a timeline, of a room's state or of its history.

    Args:
        raw: the event in the client format, with or without ``room_id``.
        room: where it was found; an event that names another room is ``Other``.
        crypto: opens it when it is encrypted.

    Returns:
        None when it has no event id or no sender, without which there is nothing to count as seen.

    Source: client-server API, "Room event format"; edits, replies, threads and reactions: "Event relationships".
    """
    if not isinstance(raw, Mapping):
        return None
    event_id, sender = an_event_id(raw.get("event_id")), a_sender(raw.get("sender"))
    if event_id is None or sender is None:
        return None
    type_, content, at_ms = raw.get("type"), raw.get("content"), raw.get("origin_server_ts")
    common = _Common(
        room=room,
        id=event_id,
        sender=sender,
        # A remote server may say anything. A time out of range is one more lie, and must not hide the event.
        at_ms=min(max(at_ms, 0), _LATEST_MS) if isinstance(at_ms, int) else 0,
        cause=_cause(an_object(content)),
        txn=an_opaque(an_object(raw.get("unsigned")).get("transaction_id")),
        encrypted=False,
    )
    if (
        not isinstance(type_, str)
        or not isinstance(content, Mapping)
        or not isinstance(at_ms, int)
        or isinstance(at_ms, bool)
        or raw.get("room_id", room) != room
    ):
        return Other(**common, type=a_name(type_))
    if "state_key" in raw:
        return _state(raw, type_, content, common)
    return _sent(raw, type_, content, common, crypto)


def decode_room(
    section: Json, room: RoomId, membership: OwnMembership, *, me: UserId, crypto: Decrypter
) -> RoomUpdate | None:
    """Decode a room's part of an answer of /sync, from the section for ``membership``.

    Stripped state (of an invite or a knock) has no ids and no times: there ``id`` is "" and ``at_ms`` 0.

    Returns:
        None when it makes no sense as a whole. Single events that make none are left out.

    Source: client-server API, GET /_matrix/client/v3/sync; "Stripped state".
    """
    if not isinstance(section, Mapping):
        return None
    if membership in ("invite", "knock"):
        stripped = _events_in(section, f"{membership}_state")
        return None if stripped is None else _asked(stripped, room, membership, me)
    state, timeline = _events_in(section, "state"), _events_in(section, "timeline", required=True)
    if state is None or timeline is None:
        return None
    decoded = (decode_event(raw, room, crypto) for raw in state)
    happened = (decode_event(raw, room, crypto) for raw in timeline)
    return RoomUpdate(
        room=room,
        membership=membership,
        state=tuple(event for event in decoded if isinstance(event, State | Member)),
        timeline=tuple(event for event in happened if event is not None),
        # What is not clearly whole is read from history; a timeline that is missing may have been empty, or lost.
        limited=an_object(section.get("timeline")).get("limited", section.get("timeline") is None) is not False,
    )


def _state(raw: JsonObject, type_: str, content: JsonObject, common: _Common) -> Event:
    key = raw["state_key"]
    if (
        not isinstance(key, str) or type_ in PSEUDO
    ):  # by these names we note what is no event; nobody's event may say it
        return Other(**common, type=a_name(type_))
    # Redacted state is still the room's state, with what redaction leaves of it: somebody whose join was redacted for
    # a bad display name is in the room all the same.
    if type_ != "m.room.member":
        return State(**common, type=a_text(type_), key=a_text(key), content=a_content(content))
    user, membership = a_sender(key), _membership(content)
    if user is None or membership is None:
        return Other(**common, type=type_)
    before = an_object(raw.get("unsigned")).get("prev_content", raw.get("prev_content"))
    return Member(
        **common,
        user=user,
        membership=membership,
        before=_membership(an_object(before)),
        direct=content.get("is_direct") is True,
        name=a_text(content.get("displayname")),
    )


def _sent(raw: JsonObject, type_: str, content: JsonObject, common: _Common, crypto: Decrypter) -> Event:
    if "redacted_because" in an_object(raw.get("unsigned")):
        return Other(**common, type=a_name(type_))
    if type_ == "m.room.encrypted":
        return _encrypted(raw, content, common, crypto)
    if type_ == "m.room.redaction":
        # From room version 11 on the target is in the content, before it was beside it; servers fill in the other.
        target = an_event_id(content.get("redacts")) or an_event_id(raw.get("redacts"))
        return Other(**common, type=type_) if target is None else Redaction(**common, target=target)
    return _said(type_, content, common)


def _encrypted(raw: JsonObject, content: JsonObject, common: _Common, crypto: Decrypter) -> Event:
    room = common["room"]
    common["encrypted"] = True
    try:
        opened = crypto.decrypt(room, raw)
    except Exception as error:  # noqa: BLE001 - what one person encrypts must not stop what everybody else says
        log.warning("an event could not be decrypted for a reason of our own", error=type(error).__name__)
        opened = None
    if opened is None:
        session = an_opaque(content.get("session_id"))
        return Other(**common, type="m.room.encrypted") if session is None else Unreadable(**common, session=session)
    type_, inner = opened.get("type"), opened.get("content")
    if (
        not isinstance(type_, str)
        or not isinstance(inner, Mapping)
        # Sealed for another room and copied here. Source: client-server API, "m.megolm.v1.aes-sha2".
        or opened.get("room_id", room) != room
    ):
        return Other(**common, type="m.room.encrypted")
    common["cause"] = _cause(inner) or common["cause"]
    # What is sealed can only be said: state and redactions take effect at the server, which cannot read this.
    return _said(type_, inner, common)


def _said(type_: str, content: JsonObject, common: _Common) -> Event:
    if type_ == "m.room.message":
        event: Event | None = _message(content, common)
    elif type_ == "m.sticker":
        event = _message({**content, "msgtype": type_}, common) if content else None
    elif type_ in _POLLS:
        texts: Json = "\n".join(_shown(content))
        poll = {"msgtype": "m.poll.start", "body": texts, "m.relates_to": content.get("m.relates_to")}
        event = _message(poll, common) if texts else None
    elif type_ == "m.reaction":
        event = _reaction(content, common)
    else:
        event = None
    return Other(**common, type=a_name(type_)) if event is None else event


def _message(content: JsonObject, common: _Common) -> Message | None:
    relation = an_object(content.get("m.relates_to"))
    relates, target = relation.get("rel_type"), an_event_id(relation.get("event_id"))
    edits = target if relates == "m.replace" else None
    thread = target if relates == "m.thread" else None
    replacement = an_object(content.get("m.new_content") if edits is not None else None)
    said, other = (replacement, content) if isinstance(replacement.get("body"), str) else (content, replacement)
    html = a_text(said.get("formatted_body")) if said.get("format") == "org.matrix.custom.html" else ""
    kind, body, has_file = a_name(said.get("msgtype")), a_text(said.get("body")), False
    if kind not in _WORDS_ONLY:
        has_file = isinstance(said.get("url"), str) or isinstance(said.get("file"), Mapping)
    if not (kind or body or html or has_file):
        return None
    # In a thread, clients that know no threads are given a reply that nobody meant as one.
    fallback = thread is not None and relation.get("is_falling_back") is True
    mentions = content.get("m.mentions")
    named = an_object(mentions)
    return Message(
        **common,
        kind=kind,
        body=body,
        html=html,
        also=(a_text(other.get("body")), a_text(other.get("formatted_body"))),
        edits=edits,
        reply_to=None if fallback else an_event_id(an_object(relation.get("m.in_reply_to")).get("event_id")),
        thread=thread,
        # Those whom this event asks to be told: an edit's own mentions, not those of its new content, which the first
        # version told already.
        mentions=frozenset(
            UserId(user) for user in map(an_opaque, a_list(named.get("user_ids"))) if user and is_user_id(user)
        ),
        # Servers still read "@room" in the body of a message that says nothing of mentions (push rule .m.rule.roomnotif).
        mentions_room=named.get("room") is True or (mentions is None and _AT_ROOM.search(body) is not None),
        has_file=has_file,
        media_type=a_name(an_object(said.get("info")).get("mimetype")) if has_file else "",
        file_name=a_text(said.get("filename")) if has_file else "",
        quoted=a_text(content.get(QUOTED_FIELD)),
    )


def _shown(content: Json, depth: int = 0) -> Iterator[str]:
    """Find what a poll asks and offers, in all the shapes that it has had."""
    inside: list[Json] = []
    if isinstance(content, Mapping):
        texts = {key: a_text(value) for key, value in content.items() if key in _SHOWN}
        yield from filter(None, texts.values())
        inside = [value for key, value in content.items() if not texts.get(key)]
    elif isinstance(content, list):
        inside = content
    if depth < _POLL_DEPTH:
        for value in inside:
            yield from _shown(value, depth + 1)


def _reaction(content: JsonObject, common: _Common) -> Reaction | None:
    relation = an_object(content.get("m.relates_to"))
    target, key = an_event_id(relation.get("event_id")), relation.get("key")
    if relation.get("rel_type") != "m.annotation" or target is None or not isinstance(key, str):
        return None
    return Reaction(**common, target=target, key=a_text(key))


def _asked(stripped: list[Json], room: RoomId, membership: OwnMembership, me: UserId) -> RoomUpdate:
    state: list[State | Member] = []
    invite: Member | None = None
    for raw in stripped:
        sender = a_sender(raw.get("sender")) if isinstance(raw, Mapping) else None
        if not isinstance(raw, Mapping) or sender is None:
            continue
        type_, content = raw.get("type"), raw.get("content")
        if not isinstance(type_, str) or not isinstance(content, Mapping):
            continue
        common = _Common(
            room=room, id=EventId(""), sender=sender, at_ms=0, cause=_cause(content), txn=None, encrypted=False
        )
        event = _state(raw, type_, content, common) if "state_key" in raw else None
        if isinstance(event, State | Member):
            state.append(event)
        if isinstance(event, Member) and event.user == me and event.membership == "invite":
            # Our server adds our own invite last; what stands before it was written by the inviter's server.
            invite = event
    return RoomUpdate(
        room=room,
        membership=membership,
        state=tuple(state),
        invited_by=invite.sender if invite is not None and membership == "invite" else None,
        direct=invite is not None and invite.direct,
    )


def _events_in(section: JsonObject, part: str, *, required: bool = False) -> list[Json] | None:
    """Find the list of events in a part that may be missing; None when what is there is no such part."""
    found = section.get(part)
    if found is None:
        return []
    if not isinstance(found, Mapping):
        return None
    events = found.get("events", None if required else [])
    return events if isinstance(events, list) else None


def _cause(content: JsonObject) -> Cause | None:
    cause = an_opaque(content.get(CAUSE_FIELD))
    return None if cause is None else Cause(cause)


def _membership(content: JsonObject) -> MembershipName | None:
    name = content.get("membership")
    return _MEMBERSHIPS.get(name) if isinstance(name, str) else None
