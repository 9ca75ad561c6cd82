"""Verbs that run the bot, show it at work, and ask how it is."""

from __future__ import annotations

import logging
from pathlib import Path

from .ending import finish
from .options import AsJson, ConfigFile, config_in
from .program import app


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
    return finish(run_until_stopped(config_in(config), reset_identity=reset_identity))


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

    return finish(take_tour(config_in(config), once=once, data_dir=data_dir, as_json=as_json))


@app.command(sort_key=4, help_epilogue="")
def status(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Ask the running bot how much waits to be sent, and about how long that will take."""
    from orchestrator.app import ask_running  # noqa: PLC0415

    return finish(ask_running(config_in(config), "status", as_json=as_json))


@app.command(sort_key=5, help_epilogue="")
def reload(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Let the running bot read your files again. While they hold a mistake, it goes on with what it had."""
    from orchestrator.app import ask_running  # noqa: PLC0415

    return finish(ask_running(config_in(config), "reload", as_json=as_json))


@app.command(sort_key=12, help_epilogue="")
def doctor(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Tell what needs a person, a line each, and the one thing to do about it. Changes nothing, and asks no server.

    Works beside a running bot; where none runs, it tells how it was when it last was. Exits 0 when all is well, 2 when
    there is something to do, 1 when it cannot tell.
    """
    from orchestrator import logs  # noqa: PLC0415
    from orchestrator.verbs.doctor import doctor as examine_all  # noqa: PLC0415

    logs.configure(level=logging.ERROR)
    return finish(examine_all(config_in(config), as_json=as_json))
