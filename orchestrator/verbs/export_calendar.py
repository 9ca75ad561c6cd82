"""``circlekeeper export-calendar``: turns as an iCalendar file, for whoever has no address to subscribe to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.documents.addresses import user_id
from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.documents.words import nearest
from orchestrator.errors import SetupError
from orchestrator.facilitation.calendar.reading import written
from orchestrator.feeding import meetings_in
from orchestrator.model.ids import UserId

from .coming import stage_of, write_file
from .naming import find_room

Places = Sequence[tuple[Community, tuple[Room, ...]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose or which turns: at most one of these; none: those of the only community there is."""

    person: str | None = None
    room: str | None = None
    community: str | None = None


async def export_calendar(config_path: Path, wanted: Wanted, *, output: Path | None, now_ms: int) -> int:
    """Write a calendar to a file or to standard output; returns the exit code.

    Raises:
        SetupError: there is no such person, room or community, or the file cannot be written.
    """
    if sum(one is not None for one in (wanted.person, wanted.room, wanted.community)) > 1:
        raise SetupError("Name one of these: --person, --room or --community.")
    async with stage_of(config_path, now_ms) as stage:
        places, user = _meant(stage.loaded.documents, wanted)
        account = places[0][0].account
        if any(community.account != account for community, _rooms in places):
            raise SetupError("This person keeps rooms for several accounts. Name one of them by --community or --room.")
        calendar = await stage.rows(places[0][0]).run(written, places, now_ms, user=user, others=meetings_in)
    if output is None:
        sys.stdout.buffer.write(calendar)
        sys.stdout.flush()
    else:
        # It tells when people are busy.
        write_file(output, calendar, mode=0o600)
        print(output)
    return 0


def _meant(documents: Documents, wanted: Wanted) -> tuple[Places, UserId | None]:
    if wanted.person is not None:
        return _places_of(documents, wanted.person)
    if wanted.room is not None:
        community, room = find_room(documents, wanted.room)
        return [(community, (room,))], None
    known = [community.key for community in documents.communities]
    named = wanted.community if wanted.community is not None or len(known) != 1 else known[0]
    if named is None:
        raise SetupError(f"Which calendar? Name one by --person, --room or --community; there are: {', '.join(known)}.")
    found = next((community for community in documents.communities if community.key == named), None)
    if found is None:
        near = nearest(named, list(known))
        hint = f" Did you mean {near}?" if near else f" There are: {', '.join(known)}." if known else ""
        raise SetupError(f"There is no community {named!r} in your files.{hint}")
    return [(found, found.rooms)], None


def _places_of(documents: Documents, written_as: str) -> tuple[Places, UserId]:
    try:
        user = user_id(written_as)
    except ValueError as error:
        raise SetupError(f"--person: {error}") from None
    places = [(community, community.rooms) for community in documents.communities if user in community.staff()]
    if not places:
        staff = sorted(set().union(*(community.staff() for community in documents.communities)))
        near = nearest(user, [str(one) for one in staff])
        raise SetupError(f"{user} keeps no room in your files." + (f" Did you mean {near}?" if near else ""))
    return places, user
