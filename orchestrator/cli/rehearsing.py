"""Verbs that show what is to come and try what your files say, without a server."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from .ending import finish
from .options import AsJson, ConfigFile, OnlyRooms, config_in
from .program import app


@app.command(sort_key=14, help_epilogue="")
def preview(
    *,
    config: ConfigFile = Path("config.yaml"),
    days: int = 30,
    first: Annotated[str | None, Parameter(name="--from")] = None,
    room: OnlyRooms = (),
    svg: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Show the turns, meetings and questions to come, as they will happen if nothing changes. Changes nothing, and asks no server.

    Works beside a running bot, and from your files alone where it has not been at work yet.

    Parameters
    ----------
    days:
        How many days to look at; 30 when left out.
    first:
        The first day, such as 2026-03-01; from now on when left out.
    svg:
        Draw a calendar into this file instead.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.model.clock import SystemClock  # noqa: PLC0415
    from orchestrator.verbs.preview import preview as show  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    now_ms = SystemClock().now_ms()
    path = config_in(config)
    return finish(show(path, days=days, first=first, rooms=room, as_json=as_json, svg=svg, now_ms=now_ms))


@app.command(name="export-calendar", sort_key=15, help_epilogue="")
def export_calendar(
    *,
    config: ConfigFile = Path("config.yaml"),
    person: str | None = None,
    room: str | None = None,
    community: str | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
) -> int:
    """Write turns as an iCalendar file (.ics), to standard output. Changes nothing, and asks no server.

    Works beside a running bot, and from your files alone where it has not been at work yet.

    Parameters
    ----------
    person:
        The turns of one person, such as @ana:grove.example.
    room:
        Those of one room, such as tuesday or grove/tuesday.
    community:
        Those of one community, by its key; it may be left out where there is only one.
    output:
        Write them into this file.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.model.clock import SystemClock  # noqa: PLC0415
    from orchestrator.verbs.export_calendar import Wanted  # noqa: PLC0415
    from orchestrator.verbs.export_calendar import export_calendar as write  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    wanted = Wanted(person, room, community)
    return finish(write(config_in(config), wanted, output=output, now_ms=SystemClock().now_ms()))


rules = App(name="rules", help="Try the rules of a policy.", sort_key=13, help_epilogue="")
app.command(rules)


@rules.command(name="try")
def try_rules(samples: Path, /, *, policy: Path, as_json: AsJson = False) -> int:
    """Show what each rule of a policy would do with sample messages. Needs no server, and no config.yaml.

    Every rule is tried, also one that only watches, as if a newcomer had written the sample in a room and at an hour that
    the rule is for.

    Parameters
    ----------
    samples:
        A file with one JSON object a line: {"id": "1", "text": "hello"}, with "formatted_body" for HTML; - for standard
        input.
    policy:
        The policy, such as policies/gentle-circle.yaml.
    """
    from orchestrator.verbs.rules import try_rules as judge  # noqa: PLC0415

    return finish(judge(policy, samples, as_json=as_json))


decks = App(name="decks", help="Try a deck of questions.", sort_key=16, help_epilogue="")
app.command(decks)


@decks.command(name="try")
def try_deck(
    name: str,
    /,
    *,
    config: ConfigFile = Path("config.yaml"),
    year: int = 0,
    seed: str = "",
    every: Literal["day", "week"] = "week",
    as_json: AsJson = False,
) -> int:
    """Print a year of a deck: what a room would be asked, week by week. Changes nothing, and asks no server.

    It is as if somebody were always on duty and no conversation ever in the way. Each room has an order of its own; this is
    that of one more room.

    Parameters
    ----------
    name:
        The deck: the name of its file without .yaml, such as gentle-checkin.
    year:
        Which year, such as 2027; this one when left out.
    seed:
        Any word: another one, another order.
    every:
        A question each day, or each week.
    """
    from orchestrator.verbs.decks import try_deck as show  # noqa: PLC0415

    wanted = year or datetime.now(UTC).year
    return finish(show(config_in(config), name, year=wanted, seed=seed, every=every, as_json=as_json))
