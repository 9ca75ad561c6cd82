"""Changes that leads make with commands: kept beside the data, layered over the files, never written into them.

``data_dir/overlay/`` holds one file for each document that was changed, under the document's own name. What would break the
documents is refused before anything is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path as FilePath
from typing import Final

from orchestrator.errors import DocumentError, DocumentErrors
from orchestrator.model.ids import Json

from .authored import Amendment
from .emit import as_yaml
from .source import Mark, Path, Source
from .yaml12 import parse_source, read_source

FOLDER: Final = "overlay"

_HEAD: Final = """\
# Circlekeeper wrote this when a lead changed something with a command. It is layered over the file of the same name.
version: 1
amendments:
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Placed:
    """An amendment, and where it is written; None while it is not written yet."""

    amendment: Amendment
    mark: Mark | None


def read_overlay(data_dir: FilePath) -> tuple[list[Placed], list[DocumentError]]:
    """Read all amendments, in the order of documents and lines; and what is wrong with them."""
    placed: list[Placed] = []
    errors: list[DocumentError] = []
    folder = data_dir / FOLDER
    for file in sorted(_files(folder, errors)):
        source = read_source(file, str(file))
        placed.extend(_amendments(source, file.relative_to(folder).as_posix()))
        errors.extend(source.errors)
    return placed, errors


def _files(folder: FilePath, errors: list[DocumentError]) -> Iterator[FilePath]:
    """List what lies in the overlay; what cannot be listed is an error, or a lead's choice would quietly be undone."""

    def complain(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            reason = error.strerror or "the system gives no reason"
            errors.append(DocumentError(f"This folder cannot be read: {reason}.", file=str(error.filename)))

    for place, _, names in os.walk(folder, onerror=complain):
        yield from (FilePath(place, name) for name in names if name.endswith(".yaml"))


def _amendments(source: Source, document: str) -> Iterator[Placed]:
    from .edge.check import check  # noqa: PLC0415 - most runs have no overlay, and need no model of one
    from .edge.overlay import OverlayForm  # noqa: PLC0415

    found = check(OverlayForm, source, empty_ok=("value",))
    for position, one in enumerate(found["amendments"] if found else ()):
        amendment = Amendment(
            document=document, path=tuple(one["path"]), value=one["value"], by=one["by"], at_ms=one["at"]
        )
        yield Placed(amendment, source.mark(("amendments", position)))


def amend(source: Source, placed: Placed) -> bool:
    """Put an amendment over what a file says; False when the file has no such place (any more)."""
    place = _place(source, placed.amendment.path)
    if place is None:
        return False
    path, inside, step = place
    _put(inside, step, deepcopy(placed.amendment.value))  # a later one may change what is inside of it
    _mark(source, (*path, step), placed.mark or source.mark((*path, step)))
    return True


def standing(source: Source, path: Sequence[str]) -> Json:
    """Tell what a file says where an amendment would stand; None: nothing."""
    place = _place(source, path)
    return None if place is None else source.at((*place[0], place[2]))


def _place(source: Source, names: Sequence[str]) -> tuple[Path, Json, str | int] | None:
    """Find what an amendment is about: the path of what is around it, that itself, and the step into it."""
    *around, last = names
    inside: Json = source.value
    path: Path = ()
    for part in around:
        step = _step(inside, part)
        if step is None or (found := source.at((*path, step))) is None:
            return None
        path, inside = (*path, step), found
    step = last if isinstance(inside, dict) else _step(inside, last)
    return None if step is None else (path, inside, step)


def _step(inside: Json, part: str) -> str | int | None:
    """Find what a part of a path means here: a key, or the item of a list with this id or at this position."""
    if isinstance(inside, dict):
        return part
    if not isinstance(inside, list):
        return None
    named = (n for n, one in enumerate(inside) if isinstance(one, dict) and one.get("id") == part)
    position = int(part) if part.isdecimal() and int(part) < len(inside) else None
    return next(named, position)


def _put(inside: Json, step: str | int, value: Json) -> None:
    if isinstance(inside, dict) and value is None:
        inside.pop(str(step), None)
    elif isinstance(inside, dict):
        inside[str(step)] = value
    elif isinstance(inside, list) and isinstance(step, int):
        inside[step : step + 1] = [] if value is None else [value]


def _mark(source: Source, path: Path, mark: Mark) -> None:
    """Whatever is wrong with an amended value is wrong where the amendment is written."""
    for marks in (source.marks, source.keys):
        for stale in [one for one in marks if one[: len(path)] == path]:
            del marks[stale]
    source.marks[path] = source.keys[path] = mark


def layered(older: Iterable[Amendment], newer: Iterable[Amendment]) -> tuple[Amendment, ...]:
    """Put newer amendments after older ones; what a newer one writes anew, or takes out, no older one changes any more."""
    left: list[Amendment] = []
    for one in (*older, *newer):
        left = [
            before for before in left if before.document != one.document or before.path[: len(one.path)] != one.path
        ]
        left.append(one)
    return tuple(left)


def write_overlay(data_dir: FilePath, amendments: Sequence[Amendment], *, only: Iterable[str]) -> None:
    """Write the overlay files of these documents, each at once or not at all, readable by their owner only.

    Raises:
        DocumentErrors: a value cannot be written such that it reads back the same; nothing was written then.
        OSError: the disk is full or read-only.
    """
    texts: dict[FilePath, bytes] = {}
    for document, group in groupby(sorted(amendments, key=lambda one: one.document), key=lambda one: one.document):
        if document in set(only):
            file = data_dir / FOLDER / document
            texts[file] = render(tuple(group), str(file), document).encode()
    for file, text in texts.items():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(file, text)


def render(amendments: Sequence[Amendment], name: str, document: str) -> str:
    """Write the amendments of one document as YAML, and make sure that they read back the same."""
    try:
        text = _HEAD + "".join(map(_item, amendments))
        read_back = [placed.amendment for placed in _amendments(parse_source(text, name), document)]
    except ValueError:
        read_back = []
    if read_back != list(amendments):
        raise DocumentErrors([DocumentError("This holds signs or numbers that cannot be kept in a file.", file=name)])
    return text


def _item(one: Amendment) -> str:
    at = (_EPOCH + timedelta(milliseconds=one.at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields: Mapping[str, Json] = {"path": list(one.path), "value": one.value, "by": one.by, "at": at}
    lines = "\n    ".join(f"{key}: {as_yaml(value)}" for key, value in fields.items())
    return f"  - {lines}\n"


def _replace(file: FilePath, text: bytes) -> None:
    """Make the new file whole beside the old one, then let it take its place; a crash leaves one or the other."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
