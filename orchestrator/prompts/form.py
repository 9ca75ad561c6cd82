"""What a question is made of when it is asked: its words, and what follows under it once it stands there. Pure.

A question is a message that every client can read. A sign to pass with and a poll are events of their own, which follow when
the server has confirmed the message: each is named by the step of the message, so that it follows once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from orchestrator.documents.declared import Poll, Prompt, PromptSchedule, Room
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Send
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId

SIGN: Final = "🍃"
"""The reaction of whoever lets a question go by."""

POLL: Final = "poll"
POLL_START: Final = "org.matrix.msc3381.poll.start"
POLL_END: Final = "org.matrix.msc3381.poll.end"
"""MSC3381. The types ``m.poll.*`` are for room versions with extensible events, and there is none yet."""

TEXT: Final = "org.matrix.msc1767.text"
_KIND: Final = "org.matrix.msc3381.poll."
CLOSED_MS: Final = 2 * DAY_MS
"""How long a poll goes on whose votes are shown at its end."""
FOLLOWS_MS: Final = 2 * HOUR_MS
"""How long after its question a sign or a poll may still come."""


def worded(
    prompt: Prompt, schedule: PromptSchedule, room: Room, prefix: str, mentioned: Collection[UserId] = ()
) -> dict[str, Json]:
    """Build the message that asks, in the language that is spoken just now.

    ``mentioned`` are notified, and nobody reads in it who they are: their names stand nowhere in the text.
    """
    parts = [_before(prompt), _marked(prompt.text), _offered(prompt.poll), _invitation(prompt, schedule)]
    if schedule.norms_line:
        parts.append(_norms(room, prefix))
    said = content.text("\n\n".join(part for part in parts if part))
    if mentioned:
        users: list[Json] = [*sorted(mentioned)]
        said["m.mentions"] = {"user_ids": users}
    return said


def to_follow(prompt: Prompt, schedule: PromptSchedule) -> dict[str, Json]:
    """Write down what is to follow, so that it is what the message says, whatever the deck says by then."""
    written: dict[str, Json] = {}
    if schedule.pass_:
        written["pass"] = True
    if prompt.poll is not None:
        answers: list[Json] = [*prompt.poll.answers]
        written[POLL] = {"question": content.plain(prompt.text), "answers": answers, "open": prompt.poll.open}
    return written


def following(tag: Mapping[str, Json], step: str, room: RoomId, event: EventId, now_ms: int) -> Iterator[AnyEffect]:
    """List what follows a question that stands there as ``event``, as ``to_follow`` wrote it into its tag."""
    asked = tag.get(POLL)
    if isinstance(asked, Mapping):
        is_open = asked.get("open") is True
        yield Send(
            step=f"{POLL}:{step}",
            room=room,
            type=POLL_START,
            content=poll(str(asked.get("question", "")), _texts(asked.get("answers")), is_open=is_open),
            expires_ms=now_ms + FOLLOWS_MS,
            tag=json.dumps({"do": POLL, "open": is_open}),
        )
    if tag.get("pass"):
        yield Send(
            step=f"pass:{step}",
            room=room,
            type="m.reaction",
            content=content.reaction(SIGN, to=event),
            expires_ms=now_ms + FOLLOWS_MS,
        )


def poll(question: str, answers: Sequence[str], *, is_open: bool) -> dict[str, Json]:
    """Build the start of a poll; whoever cannot show polls may show its text, with an answer on each line (MSC3381)."""
    listed = "\n".join([question, *(f"{n}. {answer}" for n, answer in enumerate(answers, 1))])
    offered: list[Json] = [{"id": f"{n}", TEXT: answer} for n, answer in enumerate(answers, 1)]
    asked: JsonObject = {"msgtype": "m.text", "body": question, TEXT: question}
    return {
        TEXT: listed,
        "body": listed,
        "m.mentions": {},
        POLL_START: {
            "question": asked,
            "kind": _KIND + ("disclosed" if is_open else "undisclosed"),
            "max_selections": 1,
            "answers": offered,
        },
    }


def poll_end(of: EventId) -> dict[str, Json]:
    """Build the end of a poll (MSC3381)."""
    said = _("The poll is over.")
    return {
        TEXT: said,
        "body": said,
        "m.mentions": {},
        "m.relates_to": {"rel_type": "m.reference", "event_id": of},
        POLL_END: {},
    }


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _before(prompt: Prompt) -> str:
    return _("_A word before: this one {note}._").format(note=prompt.note) if prompt.note else ""


def _marked(question: str) -> str:
    question = question.strip()
    # Stars around more than one line would be read as stars.
    return question if "\n" in question else f"**{question}**"


def _offered(asked: Poll | None) -> str:
    """List the answers, for whoever cannot see the poll, and say who will see what they choose."""
    if asked is None:
        return ""
    listed = "\n".join(f"- {answer}" for answer in asked.answers)
    if asked.open:
        how = _("_There is a poll below. Everybody here can see who chose what, so only tap what you like to share._")
    else:
        how = _(
            "_There is a poll below. What was chosen shows when it ends, in two days; it is no secret who chose what, so"
            " only tap what you like to share._"
        )
    return f"{listed}\n\n{how}"


def _invitation(prompt: Prompt, schedule: PromptSchedule) -> str:
    if schedule.thread:
        said = _("If you like, answer in a thread. Reading along, or passing, is just as welcome.")
    elif prompt.poll is not None:
        said = _("If you see no poll, or want to say more, just write. Reading along, or passing, is just as welcome.")
    else:
        said = _("Answer if you like. Reading along, or passing, is just as welcome.")
    if schedule.pass_:
        said += " " + _("A tap on {sign} says that you pass; nobody asks why.").format(sign=SIGN)
    return f"_{said}_"


def _norms(room: Room, prefix: str) -> str:
    """Say the norms in a line: their summary, or where they are found."""
    summary = " ".join(room.policy.norms.summary.split()) if room.policy is not None else ""
    if summary:
        return _("How we are with each other: {summary}").format(summary=summary)
    if room.policy is None:
        return ""
    return _("How we are with each other: `{prefix}norms`").format(prefix=prefix)
