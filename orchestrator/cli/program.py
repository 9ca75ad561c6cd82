"""The program itself, into which each module beside this one puts its verbs."""

from __future__ import annotations

from cyclopts import App, Parameter

from orchestrator import __version__

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
