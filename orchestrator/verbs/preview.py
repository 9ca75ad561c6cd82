"""``circlekeeper preview``: the turns, meetings and questions to come, as they will happen if nobody changes anything."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.documents import times
from orchestrator.documents.declared import Community
from orchestrator.errors import SetupError
from orchestrator.facilitation.calendar import picture
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.model.cadence import Span
from orchestrator.model.ids import Json, RoomKey
from orchestrator.schedule import local_at

from .coming import Asked, Outlook, look_ahead, stage_of, write_file
from .naming import find_rooms

MOST_DAYS: Final = 1096
"""Three years; what lies further ahead changes before it comes."""

NOBODY: Final = "nobody yet"
_PARTS: Final = {Part.FACILITATOR: "", Part.CO: "beside", Part.SHADOW: "looking on"}


async def preview(  # what is asked, and in which forms it is shown
    config_path: Path,
    *,
    days: int,
    first: str | None,
    rooms: Sequence[str],
    as_json: bool,
    svg: Path | None,
    now_ms: int,
) -> int:
    """Print what is coming; returns the exit code.

    Args:
        config_path: config.yaml.
        days: how many days to look at.
        first: the first day, such as ``2026-03-01``; None: from now on.
        rooms: only these; empty: all.
        as_json: print JSON.
        svg: draw a picture into this file, and print nothing but its name unless JSON is asked for.
        now_ms: the time.

    Raises:
        SetupError: what is asked makes no sense; the sentence says what to write.
    """
    asked = Asked(_day(first), _checked(days))
    async with stage_of(config_path, now_ms) as stage:
        communities = stage.loaded.documents.communities
        only = find_rooms(stage.loaded.documents, rooms)
        found = [
            _shown(await stage.rows(community).run(look_ahead, community, asked, now_ms), only)
            for community in communities
            if only is None or any(name.startswith(f"{community.key}/") for name in only)
        ]
        zone = stage.loaded.config.zone
    if svg is not None:
        write_file(svg, drawn(found, zone).encode())
    if as_json:
        print(json.dumps(in_json(found), ensure_ascii=False, indent=2))
    elif svg is not None:
        print(svg)
    else:
        _print_tables(found)
    return 0


def _checked(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise SetupError(f"Write how many days you want to see, from 1 to {MOST_DAYS}, such as --days 90.")
    return days


def _day(written: str | None) -> date | None:
    try:
        return None if written is None else times.day(written)
    except ValueError as error:
        raise SetupError(f"--from: {error}") from None


def _shown(outlook: Outlook, only: frozenset[str] | None) -> Outlook:
    """Keep only what is about some rooms."""
    key = outlook.community.key
    return Outlook(
        outlook.community,
        outlook.window,
        tuple(turn for turn in outlook.turns if only is None or f"{key}/{turn.room}" in only),
        tuple(one for one in outlook.questions if only is None or f"{key}/{one.room.key}" in only),
        tuple(one for one in outlook.meetings if only is None or f"{key}/{one.room.key}" in only),
    )


# -- JSON --------------------------------------------------------------------------------------------------------------


def in_json(outlooks: Sequence[Outlook]) -> dict[str, Json]:
    """Write it for programs; where there are several communities each line names its own."""
    several = len({outlook.community.key for outlook in outlooks}) > 1

    def named(community: Community) -> dict[str, Json]:
        return {"community": community.key} if several else {}

    shifts: list[Json] = [
        {
            **named(outlook.community),
            "room": turn.room,
            "role": turn.part.value,
            "person": turn.user,
            "start": _utc(turn.span.start_ms),
            "end": _utc(turn.span.end_ms),
        }
        for outlook in outlooks
        for turn in outlook.turns
    ]
    prompts: list[Json] = [
        {
            **named(outlook.community),
            "room": one.room.key,
            "at": _utc(one.at_ms),
            "deck": one.deck,
            "text": one.prompt.text,
        }
        for outlook in outlooks
        for one in outlook.questions
    ]
    meetings: list[Json] = [
        {
            **named(outlook.community),
            "room": one.room.key,
            "title": one.title,
            "start": _utc(one.session.start_ms),
            "end": _utc(one.session.end_ms),
            "where": one.session.meeting.where,
        }
        for outlook in outlooks
        for one in outlook.meetings
    ]
    return {"shifts": shifts, "prompts": prompts, "meetings": meetings}


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# -- tables ------------------------------------------------------------------------------------------------------------


def _print_tables(outlooks: Sequence[Outlook]) -> None:
    console = Console(file=sys.stdout, highlight=False, emoji=False, markup=False)
    several = len(outlooks) > 1
    for outlook in outlooks:
        zone = outlook.community.zone
        about = f"{outlook.community.key}, " if several else ""
        console.print(f"{about}{_days(outlook.window, zone)}, times in {zone.key}")
        console.print()
        if not outlook.turns and not outlook.questions and not outlook.meetings:
            console.print("Nothing is coming in that time.\n")
        if outlook.turns:
            table = _table("From", "To", "Room", "Part", "Who")
            for turn in outlook.turns:
                start, end = _wall(turn.span.start_ms, zone), f"{local_at(turn.span.end_ms, zone):%Y-%m-%d %H:%M}"
                table.add_row(*map(Text, (start, end, turn.room, turn.part.value, turn.user or NOBODY)))
            console.print(table)
            console.print()
        if outlook.meetings:
            table = _table("From", "To", "Room", "Meeting", "Where")
            for meeting in outlook.meetings:
                session = meeting.session
                end = f"{local_at(session.end_ms, zone):%Y-%m-%d %H:%M}"
                said = (_wall(session.start_ms, zone), end, meeting.room.key, meeting.title, session.meeting.where)
                table.add_row(*map(Text, said))
            console.print(table)
            console.print()
        if outlook.questions:
            table = _table("When", "Room", "Deck", "Question")
            for one in outlook.questions:
                asked_there = (_wall(one.at_ms, zone), str(one.room.key), one.deck, one.prompt.text.strip())
                table.add_row(*map(Text, asked_there))
            console.print(table)
            console.print()
        gaps = sum(turn.user is None for turn in outlook.turns)
        if gaps:
            console.print(f"Nobody has {'1 of these turns' if gaps == 1 else f'{gaps} of these turns'} yet.")


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        # Times and keys stay in one piece; names and questions may run over several lines.
        table.add_column(name, no_wrap=name in {"From", "To", "When"}, overflow="fold")
    return table


def _wall(at_ms: int, zone: ZoneInfo) -> str:
    return f"{local_at(at_ms, zone):%a %Y-%m-%d %H:%M}"


def _days(window: Span, zone: ZoneInfo) -> str:
    return f"{local_at(window.start_ms, zone):%Y-%m-%d} to {local_at(window.end_ms - 1, zone):%Y-%m-%d}"


# -- the picture -------------------------------------------------------------------------------------------------------


def drawn(outlooks: Sequence[Outlook], zone: ZoneInfo) -> str:
    """Draw it as SVG, on the clock that all its communities share, or on that of config.yaml."""
    several = len(outlooks) > 1
    zones = {outlook.community.zone.key: outlook.community.zone for outlook in outlooks}
    zone = next(iter(zones.values())) if len(zones) == 1 else zone
    window = Span(
        min((outlook.window.start_ms for outlook in outlooks), default=0),
        max((outlook.window.end_ms for outlook in outlooks), default=1),
    )
    turns = [
        picture.Turn(
            lane=_lane(outlook.community, turn, several=several),
            span=turn.span,
            who=turn.user or NOBODY,
            open=turn.user is None,
        )
        for outlook in outlooks
        for turn in sorted(outlook.turns, key=lambda one: (one.room, list(Part).index(one.part), one.span))
    ]
    turns += [
        picture.Turn(
            lane=_named(outlook.community, one.room.key, several=several),
            span=Span(one.session.start_ms, one.session.end_ms),
            who=one.title,
            open=False,
        )
        for outlook in outlooks
        for one in outlook.meetings
    ]
    questions = [
        picture.Question(
            room=_named(outlook.community, one.room.key, several=several),
            at_ms=one.at_ms,
            text=one.prompt.text,
        )
        for outlook in outlooks
        for one in outlook.questions
    ]
    title = f"{_days(window, zone)}, times in {zone.key}"
    return picture.draw(turns, questions, window, zone, title=title, locale=Locale("en"))


def _lane(community: Community, turn: Stretch, *, several: bool) -> str:
    part = _PARTS[turn.part]
    room = _named(community, turn.room, several=several)
    return f"{room}, {part}" if part else room


def _named(community: Community, key: RoomKey, *, several: bool) -> str:
    return f"{community.key}/{key}" if several else key
