"""Questions that were asked in a room and wait for a reaction.

Until its message is sent, a question is part of the message's outbox row; then it is a row here, until it is answered,
or its time is over, or it is taken back. Rows hold ids and our own words only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.model.effects import AnyEffect, Ask, AskDirect, Choice
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, Json, RoomId, RoomKey, UserId
from orchestrator.model.roles import Role

from .rows import dump, load, load_object, maybe_number, number, text

PAYLOAD = "ask"
"""Where the payload of an outbox row says that its message asks something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that was sent. The fields are those of ``effects.Ask``.

    Attributes:
        event: the message that asks.
        thread: the root of the thread it stands in.
        until_ms: from then on it cannot be answered any more.
        content: what is asked, where it is asked of all who keep a room and not of whoever gave a command; else None.
    """

    event: EventId
    room: RoomId
    craft: str
    subject: str
    tag: str
    needs: Role | None
    asker: UserId | None
    asker_needs: Role
    about: CommunityKey | None
    about_room: RoomKey | None
    choices: tuple[Choice, ...]
    thread: EventId | None
    until_ms: int
    content: Mapping[str, Json] | None = field(default=None, repr=False)


def packed(effect: AnyEffect) -> dict[str, Json]:
    """Write down what a message asks, for the payload of its outbox row; empty when it asks nothing."""
    match effect:
        case Ask():
            needs = None if effect.needs is None else int(effect.needs)
            who: dict[str, Json] = {"needs": needs, "asker": effect.asker, "asker_needs": int(effect.asker_needs)}
        case AskDirect():
            who = {"needs": None, "asker": effect.user, "asker_needs": int(Role.MEMBER)}
        case _:
            return {}
    asked: dict[str, Json] = {
        "about": effect.about,
        "about_room": effect.about_room,
        "choices": [[choice.key, choice.word, choice.value] for choice in effect.choices],
        "subject": effect.subject,
        "open_ms": effect.open_ms,
    }
    return {PAYLOAD: asked | who}


def keep(
    tx: Tx, payload: Mapping[str, Json], *, event: EventId, room: RoomId, craft: str, tag: str, now_ms: int
) -> Question | None:
    """Keep the question that a message asks which was sent just now, as the ``payload`` of its outbox row tells.

    Returns:
        the question; None when it asks nothing, or not any more.
    """
    asked = payload.get(PAYLOAD)
    if not isinstance(asked, Mapping):
        return None
    content = payload.get("content")
    relation = content.get("m.relates_to") if isinstance(content, Mapping) else None
    in_thread = isinstance(relation, Mapping) and relation.get("rel_type") == "m.thread"
    tx.run(
        "insert into question (account, event, room, craft, subject, tag, needs, asker, asker_needs, about, about_room,"
        " choices, thread, until_ms, due_ms, content) values (:account, :event, :room, :craft, :subject, :tag, :needs, :asker,"
        " :asker_needs, :about, :about_room, :choices, :thread, :until_ms, :until_ms, :content) on conflict do nothing",
        event=event,
        room=room,
        craft=craft,
        subject=str(asked["subject"]),
        tag=tag,
        needs=_maybe_int(asked["needs"]),
        asker=_maybe_str(asked["asker"]),
        asker_needs=_maybe_int(asked["asker_needs"]),
        about=_maybe_str(asked["about"]),
        about_room=_maybe_str(asked["about_room"]),
        choices=dump(asked["choices"]),
        thread=_maybe_str(relation.get("event_id")) if in_thread and isinstance(relation, Mapping) else None,
        until_ms=now_ms + (_maybe_int(asked["open_ms"]) or 0),
        content=dump(content) if asked["asker"] is None and isinstance(content, Mapping) else None,
    )
    return question_at(tx, event)


def question_at(tx: Tx, event: EventId) -> Question | None:
    """Find the open question that a message asks."""
    row = tx.one("select * from question where account = :account and event = :event", event=event)
    return None if row is None else _question(row)


def questions_in(tx: Tx, room: RoomId) -> list[Question]:
    """List a room's open questions."""
    rows = tx.rows(
        "select * from question where account = :account and room = :room order by until_ms, event", room=room
    )
    return [_question(row) for row in rows]


def about_to_be_asked(tx: Tx, room: RoomId, now_ms: int) -> list[Question]:
    """List what is going to be asked in a room as soon as it can be said; the ``event`` of each is its cause."""
    rows = tx.rows(
        "select cause, craft, tag, payload from outbox where account = :account and room = :room and kind = 'send'"
        " and tried_ms is null order by seq",
        room=room,
    )
    found = (_unasked(row, room, now_ms) for row in rows)
    return [question for question in found if question is not None]


def is_asked(tx: Tx, craft: str, subject: str) -> bool:
    """Tell whether a craft's question about a subject is open, or about to be asked."""
    row = tx.one(
        "select 1 as open from question where account = :account and craft = :craft and subject = :subject limit 1",
        craft=craft,
        subject=subject,
    )
    return row is not None or bool(_about_to_be_asked(tx, craft, subject))


def withdraw(tx: Tx, craft: str, subject: str) -> int:
    """Take a craft's questions about a subject back: what they ask has settled itself; tells how many there were.

    The craft does not hear of them again, but for ``done`` of a message that is on its way.
    """
    open_ = tx.rows(
        "select event from question where account = :account and craft = :craft and subject = :subject",
        craft=craft,
        subject=subject,
    )
    for row in open_:
        close(tx, EventId(text(row, "event")))
    unasked = _about_to_be_asked(tx, craft, subject)
    for row in unasked:
        if row["tried_ms"] is None:
            tx.run("delete from outbox where account = :account and cause = :cause", cause=row["cause"])
        else:  # somebody may have read it; what it asks is void
            tx.run(
                "update outbox set payload = :payload where account = :account and cause = :cause",
                payload=dump({k: v for k, v in load_object(text(row, "payload")).items() if k != PAYLOAD}),
                cause=row["cause"],
            )
    return len(open_) + len(unasked)


def follow(
    tx: Tx,
    craft: str,
    before: str,
    now: str,
    *,
    about: tuple[CommunityKey, CommunityKey],
    about_room: tuple[RoomKey, RoomKey] | None = None,
) -> None:
    """Let a craft's questions about a subject, asked or about to be, follow what goes by other keys now.

    Args:
        tx: the transaction.
        craft: whose questions.
        before: what they were about.
        now: what they are about.
        about: the former and the present key of the community.
        about_room: the former and the present key of a room; None: no room has another key.
    """
    former, key = about_room or (None, None)
    tx.run(
        "update question set subject = :now, about = case when about = :old_about then :about else about end,"
        " about_room = case when about_room = :former then :key else about_room end"
        " where account = :account and craft = :craft and subject = :before",
        craft=craft,
        before=before,
        now=now,
        old_about=about[0],
        about=about[1],
        former=former,
        key=key,
    )
    for row in _about_to_be_asked(tx, craft, before):
        payload = load_object(text(row, "payload"))
        asked = payload[PAYLOAD]
        assert isinstance(asked, dict)  # noqa: S101 - its subject was read from it
        asked["subject"] = now
        if asked["about"] == about[0]:
            asked["about"] = about[1]
        if former is not None and asked["about_room"] == former:
            asked["about_room"] = key
        tx.run(
            "update outbox set payload = :payload where account = :account and cause = :cause",
            payload=dump(payload),
            cause=row["cause"],
        )


def close(tx: Tx, event: EventId) -> bool:
    """Close a question; tells whether it was open. What was not yet put under it to be tapped is not wanted any more."""
    tx.run(
        "delete from outbox where account = :account and kind = 'send' and craft = 'engine' and tag = :event"
        " and tried_ms is null",
        event=event,
    )
    return tx.run("delete from question where account = :account and event = :event", event=event) > 0


def overdue(tx: Tx, now_ms: int, limit: int = 100) -> list[Question]:
    """List the questions whose time is over, earliest first."""
    rows = tx.rows(
        "select * from question where account = :account and due_ms <= :now_ms order by due_ms, event limit :limit",
        now_ms=now_ms,
        limit=limit,
    )
    return [_question(row) for row in rows]


def put_off(tx: Tx, event: EventId, due_ms: int) -> None:
    """Say when the end of a question is to be tried again; that it cannot be answered any more stays so."""
    tx.run(
        "update question set due_ms = :due_ms where account = :account and event = :event", event=event, due_ms=due_ms
    )


def next_due_ms(tx: Tx) -> int | None:
    """Tell when the next question's time is over."""
    row = tx.one("select min(due_ms) as due_ms from question where account = :account")
    return None if row is None else maybe_number(row, "due_ms")


def _about_to_be_asked(tx: Tx, craft: str, subject: str) -> Sequence[Row]:
    rows = tx.rows(
        "select cause, payload, tried_ms from outbox where account = :account and craft = :craft"
        " and kind in ('send', 'direct') order by seq",
        craft=craft,
    )
    return [row for row in rows if _subject_in(load_object(text(row, "payload"))) == subject]


def _unasked(row: Row, room: RoomId, now_ms: int) -> Question | None:
    payload = load_object(text(row, "payload"))
    asked, content = payload.get(PAYLOAD), payload.get("content")
    if not isinstance(asked, Mapping):
        return None
    needs, about, about_room = _maybe_int(asked["needs"]), _maybe_str(asked["about"]), _maybe_str(asked["about_room"])
    asker = _maybe_str(asked["asker"])
    return Question(
        event=EventId(text(row, "cause")),
        room=room,
        craft=text(row, "craft"),
        subject=str(asked["subject"]),
        tag=text(row, "tag"),
        needs=None if needs is None else Role(needs),
        asker=None if asker is None else UserId(asker),
        asker_needs=Role(_maybe_int(asked["asker_needs"]) or 0),
        about=None if about is None else CommunityKey(about),
        about_room=None if about_room is None else RoomKey(about_room),
        choices=_choices(asked["choices"]),
        thread=None,
        until_ms=now_ms + (_maybe_int(asked["open_ms"]) or 0),
        content=content if asker is None and isinstance(content, Mapping) else None,
    )


def _choices(listed: Json) -> tuple[Choice, ...]:
    given = listed if isinstance(listed, list) else []
    return tuple(Choice(*map(str, choice)) for choice in given if isinstance(choice, list))


def _subject_in(payload: Mapping[str, Json]) -> Json:
    asked = payload.get(PAYLOAD)
    return asked.get("subject") if isinstance(asked, Mapping) else None


def _maybe_str(value: Json) -> str | None:
    return None if value is None else str(value)


def _maybe_int(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _question(row: Row) -> Question:
    needs = maybe_number(row, "needs")
    return Question(
        event=EventId(text(row, "event")),
        room=RoomId(text(row, "room")),
        craft=text(row, "craft"),
        subject=text(row, "subject"),
        tag=text(row, "tag"),
        needs=None if needs is None else Role(needs),
        asker=UserId(text(row, "asker")) if row["asker"] is not None else None,
        asker_needs=Role(number(row, "asker_needs")),
        about=CommunityKey(text(row, "about")) if row["about"] is not None else None,
        about_room=RoomKey(text(row, "about_room")) if row["about_room"] is not None else None,
        choices=_choices(load(text(row, "choices"))),
        thread=EventId(text(row, "thread")) if row["thread"] is not None else None,
        until_ms=number(row, "until_ms"),
        content=load_object(text(row, "content")) if row["content"] is not None else None,
    )
