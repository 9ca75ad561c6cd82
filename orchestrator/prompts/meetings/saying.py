"""How what is said about a meeting is sent: its content, what it answers, and by which tag its result is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from orchestrator.documents.declared import Deck, PromptSchedule, Room
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Result, Send
from orchestrator.model.feature import Now
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId
from orchestrator.model.tally import with_tally
from orchestrator.prompts.bag import Draw

from . import rows, words
from .places import MEETING, Place
from .timetable import GRACE_MS, Session, Step

OFFER: Final = "offer"
"""The step of the signs under an announcement."""


def name_of(room: Room, meeting: str, start_ms: int) -> str:
    """Name a session; of what is said about one and could not be sent yet, only the newest is."""
    return f"{MEETING}{room.community}/{room.key}/{meeting}/{start_ms}"


def tag_of(room: Room, meeting: str, start_ms: int, step: str) -> dict[str, Json]:
    """Say what a step is, for when its result comes."""
    return {
        "do": "meeting",
        "community": room.community,
        "key": room.key,
        "meeting": meeting,
        "start_ms": start_ms,
        "step": step,
    }


def tag_in(result: Result) -> dict[str, Json] | None:
    """Read what a result is of; None: it is another desk's."""
    tag = json.loads(result.tag) if result.tag.startswith("{") else None
    return tag if isinstance(tag, dict) and tag.get("do") == "meeting" else None


def content_of(  # what is said, and what is known
    place: Place, bound: RoomId, session: Session, step: Step, drawn: Draw | None, known: rows.Steps, now: Now
) -> JsonObject:
    """Write what is said at a step."""
    room, zone, prompt = place.room, place.community.zone, None if drawn is None else drawn.prompt
    match step:
        case Step.ANNOUNCE:
            return content.text(words.announced(session, room, zone))
        case Step.OPEN:
            return content.text(words.opening(session, room, prompt))
        case Step.CLOSE if prompt is not None:
            return content.text(words.closing(session, room, prompt))
        case _:
            said = content.text(words.reminder(session, room, zone))
            announced = known.get((place.meeting.id, session.start_ms, Step.ANNOUNCE))
            if announced is None or announced.event is None or announced.room != bound:
                return said
            counted = content.text(words.reminder(session, room, zone, counted=True))
            return with_tally(said, counted, of=announced.event, keys=(words.YES, words.MAYBE), me=now.me)


def replying(said: dict[str, Json], known: rows.Steps, meeting: str, start_ms: int, bound: RoomId) -> dict[str, Json]:
    """Make it an answer to the announcement, where there is one in that room."""
    announced = known.get((meeting, start_ms, Step.ANNOUNCE))
    if announced is None or announced.event is None or announced.room != bound:
        return said
    return content.reply(said, to=announced.event)


def offered(tag: Mapping[str, Json], room: RoomId, event: EventId) -> list[AnyEffect]:
    """Put the signs under an announcement that people can tap."""
    start_ms = tag["start_ms"]
    return [
        Send(
            step=f"{OFFER}:{n}",
            room=room,
            type="m.reaction",
            content=content.reaction(key, to=event),
            expires_ms=start_ms if isinstance(start_ms, int) else None,
            tag=json.dumps({**tag, "step": OFFER}),
        )
        for n, key in enumerate((words.YES, words.MAYBE))
    ]


def deck_of(place: Place, step: Step) -> Deck | None:
    """Tell what is asked at a step; None: nothing."""
    match step:
        case Step.OPEN:
            return place.meeting.opening
        case Step.CLOSE:
            return place.meeting.closing
        case _:
            return None


def schedule_of(place: Place, step: Step) -> PromptSchedule:
    """Stand in for a schedule: what is asked in a meeting comes from the same bag as what is asked by the week."""
    deck = deck_of(place, step)
    assert deck is not None  # noqa: S101 - looked at before
    return PromptSchedule(
        id=f"{MEETING}{place.meeting.id}:{step}",
        deck=deck,
        when=place.meeting.when,
        grace_ms=GRACE_MS,
        gates=(),
        thread=False,
        pin="none",
        bag=deck.name,
    )
