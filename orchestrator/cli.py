"""The verbs a person types. Each imports what it needs when it is run, so that ``--help`` and ``check`` are quick."""

from __future__ import annotations

import gc
import json
import logging
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from orchestrator import __version__
from orchestrator.errors import CirclekeeperError, DocumentErrors, MatrixError

if TYPE_CHECKING:
    from orchestrator.documents.authored import Advice
    from orchestrator.documents.load import Examination

ConfigFile = Annotated[
    Path,
    Parameter(
        name=["--config", "-c"],
        help="Your config.yaml, if it is not here; room_templates/ and policies/ lie beside it.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON, for programs to read.")]

app = App(
    name="circlekeeper",
    version=__version__,
    help="Looks after small, honest, private peer-support rooms on Matrix.",
    help_epilogue=(
        "New here? `circlekeeper try` shows everything on this machine alone, and needs no account anywhere."
        " `circlekeeper COMMAND --help` tells more about a command."
    ),
    help_flags=["--help", "-h"],
    default_parameter=Parameter(negative="", show_default=False),
    group_parameters="Options",
    help_format="plaintext",  # which ours is; a Markdown reader would take a third of the time of --help to load
)


@app.command(sort_key=2, help_epilogue="")
def check(path: Path | None = None, /, *, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Check your files: every mistake at once, each with its place and what to write instead.

    Needs no network and changes nothing. Exits 0 when all is well, 1 when something has to be mended.

    Parameters
    ----------
    path:
        A config.yaml, or the directory it lies in; instead of --config.
    """
    from orchestrator.documents.load import examine  # noqa: PLC0415

    found = examine(_config_in(path or config), today=datetime.now(UTC).date())
    thoughts = [*found.advice, *_sweeping(found), *_strained(found)]
    if as_json:
        report = {
            "ok": not found.errors,
            "errors": [_place(e.file, e.line, e.col, e.message) for e in found.errors],
            "advice": [_place(a.file, a.line, a.col, a.message) for a in thoughts],
        }
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for advice in thoughts:
            print(f"{advice} (advice)")
        for error in found.errors:
            print(error)
        print(_summary(len(found.errors), len(thoughts)))
    return 1 if found.errors else 0


def _sweeping(found: Examination) -> list[Advice]:
    """Find rules that would be met by everything. Only where rules go by words is there anything to load for it."""
    loaded = found.loaded
    policies = () if loaded is None else loaded.policies.values()
    if loaded is None or not any(rule.when.goes_by_words for one in policies for rule in one.rules):
        return []
    from orchestrator.verbs.rules import swept  # noqa: PLC0415

    return swept(loaded)


def _strained(found: Examination) -> list[Advice]:
    """Find rotas that cannot keep their own rules. Only where people take turns is there anything to load for it."""
    loaded = found.loaded
    rooms = () if loaded is None else (room for each in loaded.documents.communities for room in each.rooms)
    if loaded is None or not any(room.rota is not None and len(room.facilitators) > 1 for room in rooms):
        return []
    from orchestrator.verbs.rotas import strained  # noqa: PLC0415

    return strained(loaded, int(datetime.now(UTC).timestamp() * 1000))


@app.command(sort_key=3, help_epilogue="")
def run(*, config: ConfigFile = Path("config.yaml"), log_json: bool = False, reset_identity: bool = False) -> int:
    """Run the bot, until Ctrl-C or SIGTERM stops it.

    It makes the rooms that are missing, and mends what your templates say to enforce. It deletes no room.
    What it logs goes to standard error.

    Parameters
    ----------
    log_json:
        Log as JSON, one object a line.
    reset_identity:
        Once, by hand: replace an identity (cross-signing keys) that is not the bot's. Whoever verified it is warned.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.app import run_until_stopped  # noqa: PLC0415

    logs.configure(as_json=log_json)
    return _finish(run_until_stopped(_config_in(config), reset_identity=reset_identity))


@app.command(name="try", sort_key=1, help_epilogue="")
def try_(
    *,
    config: ConfigFile = Path("config.yaml"),
    once: bool = False,
    data_dir: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """See it at work: a private homeserver on this machine, your community on it, and a few pretend members who speak.

    Nothing leaves this machine, and your own account and data are left alone.

    Parameters
    ----------
    once:
        Take the whole tour, say what happened, and stop.
    data_dir:
        Keep everything in this directory and go on from it the next time; otherwise it is gone afterwards.
    """
    from orchestrator.tour import take_tour  # noqa: PLC0415

    return _finish(take_tour(_config_in(config), once=once, data_dir=data_dir, as_json=as_json))


@app.command(sort_key=4, help_epilogue="")
def status(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Ask the running bot how much waits to be sent, and about how long that will take."""
    from orchestrator.app import ask_running  # noqa: PLC0415

    return _finish(ask_running(_config_in(config), "status", as_json=as_json))


@app.command(sort_key=5, help_epilogue="")
def reload(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Let the running bot read your files again. While they hold a mistake, it goes on with what it had."""
    from orchestrator.app import ask_running  # noqa: PLC0415

    return _finish(ask_running(_config_in(config), "reload", as_json=as_json))


@app.command(sort_key=30, help_epilogue="")
def schema(directory: Path = Path("schemas"), /) -> int:
    """Write JSON Schemas of your files, so that your editor completes and checks while you type.

    Shipped files name them in their first line. Needs no network.

    Parameters
    ----------
    directory:
        Where to write them; schemas/ when left out.
    """
    from orchestrator.documents.schema import write_schemas  # noqa: PLC0415

    try:
        written = write_schemas(directory)
    except OSError as error:
        reason = error.strerror or "the system gives no reason"
        print(f"circlekeeper: {directory} cannot be written to: {reason}.", file=sys.stderr)
        return 1
    for file in written:
        print(file)
    return 0


OnlyRooms = Annotated[
    tuple[str, ...],
    Parameter(
        name="--room",
        negative_iterable=(),
        help="Only this room, such as tuesday, grove/tuesday, space or control. May be repeated.",
    ),
]


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
    return _finish(show_plan(_config_in(config), rooms=room, refresh=refresh, form=form))


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
    return _finish(apply_plan(_config_in(config), wishes))


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
    return _finish(tell(_config_in(config), room, path, as_json=as_json))


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
        return _finish(adopt_declared(_config_in(config), yes=yes))
    return _finish(take_over(_config_in(config), room_id, room or "", yes=yes))


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
    return _finish(write(_config_in(config), room))


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
    return _finish(hand_over(_config_in(config), community, to=to, yes=yes, replace=replace))


@app.command(sort_key=12, help_epilogue="")
def doctor(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Tell what needs a person, a line each, and the one thing to do about it. Changes nothing, and asks no server.

    Works beside a running bot; where none runs, it tells how it was when it last was. Exits 0 when all is well, 2 when
    there is something to do, 1 when it cannot tell.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.doctor import doctor as examine_all  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    return _finish(examine_all(_config_in(config), as_json=as_json))


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
    """Show the turns and questions to come, as they will happen if nothing changes. Changes nothing, and asks no server.

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
    path = _config_in(config)
    return _finish(show(path, days=days, first=first, rooms=room, as_json=as_json, svg=svg, now_ms=now_ms))


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
    return _finish(write(_config_in(config), wanted, output=output, now_ms=SystemClock().now_ms()))


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

    return _finish(judge(policy, samples, as_json=as_json))


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
    return _finish(show(_config_in(config), name, year=wanted, seed=seed, every=every, as_json=as_json))


def _finish(work: Coroutine[object, object, int]) -> int:
    """Run a verb; whatever a person can mend ends in one clear line and exit code 1."""
    import asyncio  # noqa: PLC0415

    # From here on it may take days; what was loaded until now is no garbage and need not be looked at again.
    gc.freeze()
    gc.enable()
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return 130
    except BaseExceptionGroup as group:
        ours = _first_of_ours(group)
        if ours is None:
            raise
        _say_error(ours)
        return 1
    except CirclekeeperError as error:
        _say_error(error)
        return 1


def _first_of_ours(group: BaseExceptionGroup) -> CirclekeeperError | None:
    found, rest = group.split(CirclekeeperError)
    if found is None or rest is not None:
        return None
    error: BaseException = found
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, CirclekeeperError) else None


def _say_error(error: CirclekeeperError) -> None:
    said = str(error)
    if isinstance(error, DocumentErrors) and len(error.errors) > 1:
        print(said, file=sys.stderr)
        said = _summary(len(error.errors), 0)
    elif isinstance(error, MatrixError):
        said += (
            " Start again in a while; what waits is kept."
            if error.retryable
            else " Whoever runs the homeserver may know why. What waits is kept."
        )
    print(f"circlekeeper: {said}", file=sys.stderr)


def _config_in(path: Path) -> Path:
    return path / "config.yaml" if path.is_dir() else path


def _place(file: str, line: int, col: int, message: str) -> dict[str, str | int]:
    return {"file": file, "line": line, "col": col, "message": message}


def _summary(errors: int, advice: int) -> str:
    if errors:
        return f"{errors} {'thing has' if errors == 1 else 'things have'} to be mended."
    return (
        "All is well."
        if not advice
        else f"All is well; {advice} {'thing' if advice == 1 else 'things'} to think about."
    )
