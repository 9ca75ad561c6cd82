"""Options that several verbs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

ConfigFile = Annotated[
    Path,
    Parameter(
        name=["--config", "-c"],
        help="Your config.yaml, if it is not here; room_templates/ and policies/ lie beside it.",
    ),
]
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON, for programs to read.")]

OnlyRooms = Annotated[
    tuple[str, ...],
    Parameter(
        name="--room",
        negative_iterable=(),
        help="Only this room, such as tuesday, grove/tuesday, space or control. May be repeated.",
    ),
]


def config_in(path: Path) -> Path:
    """Find config.yaml, where a directory was named."""
    return path / "config.yaml" if path.is_dir() else path
