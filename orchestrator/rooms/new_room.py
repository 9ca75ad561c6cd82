"""``!room create``: a room of a known kind that a lead asks for, written into the files and then made like any other.

Whoever asked is told when it is there, or why it could not be written down.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import PurePath
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import Amend, AnyEffect, Priority, Result, Send
from orchestrator.model.feature import Answer, Call, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, RoomKey
from orchestrator.store import bindings, timers

from .asking import written
from .report import CRAFT

MAKE: Final = "make-room"
WANTED: Final = "wanted-room:"
"""How the keys of timers begin that remember who waits for a room."""

CONFIG: Final = "config.yaml"

MOST_LETTERS: Final = 100
"""How long the name of a room may be that is asked for by a command."""

_NO_LETTERS: Final = re.compile(r"[^a-z0-9]+")


def ask(community: Community, call: Call, now: Now) -> AnyEffect:
    """Ask whether a room is meant just so.

    Raises:
        Refusal: it is not clear what is meant.
    """
    template, name = (call.args[1] if len(call.args) > 1 else ""), " ".join(call.args[2:]).strip()
    if not call.args or call.args[0].casefold() != "create" or not template or not name:
        raise Refusal(
            _(
                "Write it like this: `{prefix}room create circle Thursday evening`. Rooms here are made from: {kinds}."
            ).format(prefix=community.prefix, kinds=", ".join(f"`{kind}`" for kind in _kinds(community)) or "-")
        )
    if len(name) > MOST_LETTERS:
        raise Refusal(
            _(
                "That name is too long to be read in a list of rooms. Could you find one of at most {most} letters?"
            ).format(most=MOST_LETTERS)
        )
    key = new_key(name, {room.key for room in community.every_room()}, template)
    question = _("I would make a new room “{name}” from `{template}`, and write it down as `{key}`. Shall I?").format(
        name=name, template=template, key=key
    )
    return content.question(
        call,
        question,
        now,
        subject=written(
            MAKE,
            community=community.key,
            key=key,
            template=template,
            name=name,
            room=call.event.room,
            event=call.event.id,
        ),
        needs=None,
        asker_needs=Role.LEAD,
    )


def confirmed(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Have it written down, and remember who waits for it."""
    if answer.by is None:
        return
    key = new_key(str(about.get("key")), {room.key for room in community.every_room()}, str(about.get("template")))
    name = f"{community.key}/{key}"
    yield Amend(
        step=f"room:{name}",
        priority=Priority.REPLY,
        document=CONFIG,
        path=("communities", community.key, "rooms", key),
        value={"template": str(about.get("template")), "name": str(about.get("name"))},
        by=answer.by,
        tag=written(MAKE, community=community.key, key=key, room=answer.room, event=answer.question),
    )
    timers.set_timer(
        tx,
        Timer(
            craft=CRAFT,
            key=f"{WANTED}{name}",
            due_ms=now.at_ms + DAY_MS,
            payload={"room": answer.room, "event": answer.question, "thread": answer.thread},
        ),
    )


def tell(tx: Tx, community: Community) -> Iterator[AnyEffect]:
    """Tell whoever asked for a room that it is there."""
    for timer in timers.timers_of(tx, CRAFT, f"{WANTED}{community.key}/"):
        key = RoomKey(timer.key.rpartition("/")[2])
        where, room = bindings.bound_room(tx, community.key, key), community.room(key)
        if where is None or room is None:
            continue
        timers.clear_timer(tx, CRAFT, timer.key)
        said = _("“{name}” is there: {link}").format(name=room.name, link=f"https://matrix.to/#/{where}")
        yield _under(timer.payload, said, step=f"{timer.key}:there")


def not_written(tx: Tx, community: Community, about: JsonObject, result: Result) -> Iterator[AnyEffect]:
    """Say that it could not be written down."""
    timers.clear_timer(tx, CRAFT, f"{WANTED}{community.key}/{about.get('key')}")
    said = _(
        "I could not write that room down: the files would be wrong with it. Is there a template of that name, "
        "and does it ask for nothing more than a name? Rooms here are made from: {kinds}."
    ).format(kinds=", ".join(f"`{kind}`" for kind in _kinds(community)) or "-")
    yield _under(about, said, step=f"not-written:{result.cause}")


def new_key(name: str, taken: Collection[RoomKey], template: str) -> RoomKey:
    """Find a key for a room from its name: small letters, digits and hyphens, and nobody else's."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    key = _NO_LETTERS.sub("-", plain).strip("-")[:48].strip("-") or template
    reserved = {*taken, CONTROL_KEY, "space"}
    return RoomKey(next(one for one in (key, *(f"{key}-{n}" for n in range(2, 10_000))) if one not in reserved))


def _kinds(community: Community) -> list[str]:
    """List the templates that this community's rooms are made from."""
    files = {
        PurePath(origin.file).stem
        for room in community.rooms
        if room.kind == "room"
        for origin in room.origins.values()
        if origin.layer == "template" and origin.file
    }
    return sorted(files)


def _under(about: JsonObject, words: str, *, step: str) -> Send:
    """Say something under what somebody wrote or was asked."""
    thread = about.get("thread")
    return Send(
        step=step,
        room=RoomId(str(about.get("room"))),
        priority=Priority.REPLY,
        content=content.reply(
            content.notice(words),
            to=EventId(str(about.get("event"))),
            thread=EventId(thread) if isinstance(thread, str) else None,
        ),
    )
