"""``!room archive`` and ``!room restore``: closing a room for good and opening it again, each confirmed by a lead.

What is confirmed begins at once, and is written into the overlay as well: files and rooms go on saying the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.effects import Amend, AnyEffect, Ask, Priority
from orchestrator.model.feature import Answer, Call, Now, Role, Tx
from orchestrator.model.ids import JsonObject, RoomKey
from orchestrator.rooms.asking import written

from .archive import is_archived, start_archive, start_restore

SHUT: Final = "shut"
WORDS: Final = frozenset({"archive", "restore"})

CONFIG: Final = "config.yaml"


def ask(tx: Tx, community: Community, call: Call, now: Now) -> Ask:
    """Ask a lead whether they mean it.

    Raises:
        Refusal: it is not clear which room is meant, or there is nothing to do.
    """
    word = call.args[0].casefold()
    room = _named(community, " ".join(call.args[1:]).casefold(), word)
    closed = is_archived(tx, community.key, room.key)
    if word == "archive" and closed:
        raise Refusal(_("“{room}” is closed already.").format(room=room.name))
    if word == "restore" and not closed:
        raise Refusal(_("“{room}” is open; there is nothing to undo.").format(room=room.name))
    if word == "archive":
        said = _(
            "I would close “{room}”: first I say so there, then it leaves the list of our rooms and loses its address, "
            "nobody new comes in, and only leads can write. Nobody is put out and nothing is deleted. "
            "`{prefix}room restore {key}` undoes it. Shall I?"
        )
    else:
        said = _("I would open “{room}” again, as it was before it was closed. Shall I?")
    return content.question(
        call,
        said.format(room=room.name, key=room.key, prefix=community.prefix),
        now,
        subject=written(SHUT, community=community.key, key=room.key, word=word),
        needs=None,
        asker_needs=Role.LEAD,
    )


def answered(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Do what was confirmed, and write it down.

    Raises:
        Refusal: it cannot be done now; nothing was begun.
    """
    room = community.room(RoomKey(str(about.get("key"))))
    if answer.choice is None or answer.by is None or room is None:
        return
    if answer.choice == "no":
        yield content.conclusion(answer, _("All right, I leave it."), now)
        return
    shut = about.get("word") == "archive"
    yield from (start_archive if shut else start_restore)(tx, community, room, now)
    yield Amend(
        step=f"room:{community.key}/{room.key}",
        priority=Priority.REPLY,
        document=CONFIG,
        path=("communities", community.key, "rooms", room.key, "archive"),
        value=shut,
        by=answer.by,
    )
    said = _("“{room}” is being closed.") if shut else _("“{room}” is being opened again.")
    yield content.conclusion(answer, said.format(room=room.name), now)


def _named(community: Community, wanted: str, word: str) -> Room:
    rooms = [room for room in community.rooms if room.key not in {SPACE_KEY, CONTROL_KEY}]
    found = [room for room in rooms if wanted in {room.key, room.name.casefold()}]
    if len(found) != 1:
        raise Refusal(
            _("Which room do you mean? Write `{prefix}room {word}` and one of these: {keys}").format(
                prefix=community.prefix, word=word, keys=", ".join(f"`{room.key}`" for room in rooms)
            )
        )
    return found[0]
