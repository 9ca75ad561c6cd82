"""Verbs that compare rooms with your files, take them over, write them down and make them so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from .ending import finish
from .options import AsJson, ConfigFile, OnlyRooms, config_in
from .program import app


@app.command(sort_key=6, help_epilogue="")
def plan(
    *,
    config: ConfigFile = Path("config.yaml"),
    room: OnlyRooms = (),
    refresh: bool = False,
    markdown: bool = False,
    as_json: AsJson = False,
) -> int:
    """Show what your files would change in the rooms that exist. Changes nothing, and works beside a running bot.

    Exits 0 when there is nothing to do, 2 when there is, 1 when something is wrong.

    Parameters
    ----------
    refresh:
        Look at every room again instead of relying on what the running bot has heard.
    markdown:
        Print Markdown, to talk about it with others.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.plan import plan as show_plan  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    form: Literal["words", "json", "markdown"] = "json" if as_json else "markdown" if markdown else "words"
    return finish(show_plan(config_in(config), rooms=room, refresh=refresh, form=form))


@app.command(sort_key=7, help_epilogue="")
def apply(
    *,
    config: ConfigFile = Path("config.yaml"),
    digest: str | None = None,
    yes: bool = False,
    room: OnlyRooms = (),
    allow_expose: bool = False,
    allow_upgrade: bool = False,
    one_way: Annotated[tuple[str, ...], Parameter(negative_iterable=())] = (),
    take: Literal["ours", "theirs"] | None = None,
    adopt: bool = False,
    force: bool = False,
    as_json: AsJson = False,
) -> int:
    """Make your rooms what your files say, through the running bot or without one.

    Shows what would change and asks first, unless you pass the digest that 'plan' ended with. You may stop it at any
    time; asking again goes on. Exits 0 when all is done, 1 when something could not be.

    Parameters
    ----------
    digest:
        Of the plan that you have seen. If it is another one by now, nothing is done.
    yes:
        Do not ask: apply whatever the plan is.
    allow_expose:
        Also what lets more people in, or lets them read or do more.
    allow_upgrade:
        Also what needs a new room in the place of the old one.
    one_way:
        The phrase that the plan names for something that can never be undone. May be repeated.
    take:
        What somebody changed by hand: put it as your files say (ours), or leave it (theirs).
    adopt:
        Also what was never the bot's to decide: the settings of a room that you took over.
    force:
        Also when more would change at once than is wise.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.rooms import Choices  # noqa: PLC0415
    from orchestrator.verbs.apply import Wishes  # noqa: PLC0415
    from orchestrator.verbs.apply import apply as apply_plan  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    choices = Choices(allow_expose=allow_expose, allow_upgrade=allow_upgrade, take=take, adopt=adopt, force=force)
    wishes = Wishes(digest=digest, yes=yes, rooms=room, phrases=one_way, choices=choices, as_json=as_json)
    return finish(apply_plan(config_in(config), wishes))


@app.command(sort_key=8, help_epilogue="")
def explain(room: str, path: str, /, *, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Tell where something comes from: which line of which file, who else wants it, and what is live. Changes nothing.

    Parameters
    ----------
    room:
        Such as tuesday, grove/tuesday, space or control.
    path:
        As 'plan' names it, such as name, topic, settings.join, power.events.m.room.name; or somebody's id.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.explain import explain as tell  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    return finish(tell(config_in(config), room, path, as_json=as_json))


@app.command(sort_key=9, help_epilogue="")
def adopt(
    room_id: str | None = None,
    room: str | None = None,
    /,
    *,
    config: ConfigFile = Path("config.yaml"),
    yes: bool = False,
) -> int:
    """Let the bot look after a room that somebody else made. Shows all that differs first; changes nothing in it.

    The bot has to be in the room: a lead invites it. Without a room: all of which your files say "adopt".

    Parameters
    ----------
    room_id:
        The room's id; it begins with "!".
    room:
        The line of your config.yaml that it is to be, such as grove/tuesday.
    yes:
        Do not ask.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.adopt import adopt as take_over  # noqa: PLC0415
    from orchestrator.verbs.adopt import adopt_declared  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    if room_id is None:
        return finish(adopt_declared(config_in(config), yes=yes))
    return finish(take_over(config_in(config), room_id, room or "", yes=yes))


@app.command(sort_key=10, help_epilogue="")
def export(room: str, /, *, config: ConfigFile = Path("config.yaml")) -> int:
    """Write a live room as a template, to standard output. Changes nothing.

    Parameters
    ----------
    room:
        Such as tuesday or grove/tuesday; or a room's id or address, if the bot is in it.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.export import export as write  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    return finish(write(config_in(config), room))


@app.command(sort_key=11, help_epilogue="")
def handover(
    community: str | None = None,
    /,
    *,
    config: ConfigFile = Path("config.yaml"),
    to: str | None = None,
    yes: bool = False,
    replace: bool = False,
) -> int:
    """Write down what your community needs to outlive the bot: its rooms, who holds what there, and what to do.

    Parameters
    ----------
    community:
        Its key, where there is more than one.
    to:
        Make this person a founder: a creator beside the bot of every room made from now on.
    yes:
        Do not ask.
    replace:
        Also replace the rooms that are there, since creators cannot be added later.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.handover import handover as hand_over  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    return finish(hand_over(config_in(config), community, to=to, yes=yes, replace=replace))
