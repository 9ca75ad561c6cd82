"""Verbs that look at your files alone."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .ending import finish, summary
from .options import AsJson, ConfigFile, config_in
from .program import app

if TYPE_CHECKING:
    from orchestrator.documents.authored import Advice
    from orchestrator.documents.load import Examination


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

    found = examine(config_in(path or config), today=datetime.now(UTC).date())
    thoughts = [*found.advice, *_sweeping(found), *_strained(found)]
    if as_json:
        report = {
            "ok": not found.errors,
            "errors": [_place(e.file, e.line, e.col, e.message) for e in found.errors],
            "advice": [_place(a.file, a.line, a.col, a.message) for a in thoughts],
        }
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        # First what is wrong, alone: what is thought about the rest may rest on it.
        told = [str(error) for error in found.errors] or _told_once(thoughts)
        for line in told:
            print(line)
        print(summary(len(found.errors), len(told)))
    return 1 if found.errors else 0


@app.command(sort_key=29, help_epilogue="")
def overlay(*, config: ConfigFile = Path("config.yaml"), as_json: AsJson = False) -> int:
    """Show what leads changed with commands: it lies over your files, and here is the patch that takes it into them.

    Changes nothing, and needs no network. What is printed can be given to 'patch -p1'.
    """
    from orchestrator.verbs.overlay import overlay as show  # noqa: PLC0415

    return finish(show(config_in(config), today=datetime.now(UTC).date(), as_json=as_json))


def _told_once(thoughts: list[Advice]) -> list[str]:
    """Write each thought on one line, with all the places that it is about."""
    places: dict[str, list[str]] = {}
    for advice in thoughts:
        places.setdefault(advice.message, []).append(f"{advice.file}:{advice.line}:{advice.col}")
    told = []
    for message, (first, *more) in places.items():
        also = f"; also {', '.join(more)}" if more else ""
        told.append(f"{first}: {message} (advice{also})")
    return told


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


def _place(file: str, line: int, col: int, message: str) -> dict[str, str | int]:
    return {"file": file, "line": line, "col": col, "message": message}


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
