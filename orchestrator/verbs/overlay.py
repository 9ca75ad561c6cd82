"""``circlekeeper overlay``: what leads changed with commands, and how it comes into the files, or goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from shlex import quote

from orchestrator.documents.authored import Amendment
from orchestrator.documents.load import load
from orchestrator.documents.overlay import FOLDER, Placed, amend, read_overlay, standing
from orchestrator.documents.patching import as_patch, in_yaml, patched
from orchestrator.documents.yaml12 import read_source
from orchestrator.model.ids import Json


@dataclass(frozen=True, slots=True)
class Lying:
    """A change that lies over a file.

    Attributes:
        before: what the file says there; None: nothing.
        there: the file has such a place still.
    """

    amendment: Amendment
    before: Json
    there: bool

    @property
    def taken(self) -> bool:
        """Whether the file says the same by now."""
        return self.there and self.before == self.amendment.value


@dataclass(frozen=True, slots=True)
class Patched:
    """A file of the overlay.

    Attributes:
        patch: takes its changes into the file; "" where the file says all of it already.
        by_hand: they can only be written in by hand.
    """

    document: str
    changes: Sequence[Lying]
    patch: str
    by_hand: bool


async def overlay(config_path: Path, *, today: date, as_json: bool) -> int:
    """Print what lies over the files; returns the exit code.

    Raises:
        DocumentErrors: the files cannot be read.
    """
    loaded = load(config_path, today=today)
    data_dir = loaded.config.data_dir
    placed, _errors = read_overlay(data_dir)
    found = [one.amendment for one in placed]
    documents = [
        _patched(config_path.parent, document, [one for one in found if one.document == document])
        for document in dict.fromkeys(one.document for one in found)
    ]
    if as_json:
        print(json.dumps({"documents": [_as_json(one) for one in documents]}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_words(documents, config_path, data_dir / FOLDER)))
    return 0


def _patched(beside: Path, document: str, amendments: Sequence[Amendment]) -> Patched:
    file = beside / document
    written, grown = read_source(file, str(file)), read_source(file, str(file))
    # A later one may change what is inside of an earlier one.
    changes = [Lying(one, standing(written, one.path), amend(grown, Placed(one, None))) for one in amendments]
    wanted = [one.amendment for one in changes if one.there and not one.taken]
    if not wanted:
        return Patched(document, changes, "", by_hand=False)
    text = file.read_bytes().decode("utf-8-sig")
    try:
        return Patched(document, changes, as_patch(document, text, patched(text, wanted)), by_hand=False)
    except ValueError:
        return Patched(document, changes, "", by_hand=True)


def _words(documents: Sequence[Patched], config_path: Path, folder: Path) -> Iterator[str]:
    if not documents:
        yield "Nothing lies over your files: what they say is what holds."
        return
    yield "Leads changed this with commands. It lies over your files, and holds:"
    for one in documents:
        yield f"\n{one.document}"
        yield from (f"  {_line(change)}" for change in one.changes)
        if one.by_hand:
            yield "  This has to be written in by hand: the file is laid out in a way that no patch fits."
    beside = config_path.parent
    there = "" if beside == Path() else f" -d {quote(str(beside))}"
    named = "" if config_path == Path("config.yaml") else f" -c {quote(str(config_path))}"
    patches = any(one.patch for one in documents)
    yield "\nTo take it into your files:" if patches else "\nOnce it stands in your files, it can go from here:"
    if patches:
        yield f"  circlekeeper overlay{named} | patch -p1{there}"
    whole = [quote(str(folder / one.document)) for one in documents if not one.by_hand]
    if whole:
        yield f"  rm {' '.join(whole)}"
    yield f"  circlekeeper reload{named}"
    yield f"\nTo drop one of them instead, take it out of its file below {folder}, and reload."
    for one in documents:
        if one.patch:
            yield f"\n{one.patch}".rstrip("\n")


def _line(change: Lying) -> str:
    one = change.amendment
    at = datetime.fromtimestamp(one.at_ms / 1000, UTC)
    said = "taken out" if one.value is None else in_yaml(one.value)
    if not change.there:
        was = "the file has no such place any more, so it does nothing"
    elif change.taken:
        was = "your file says so too by now"
    else:
        was = "new" if change.before is None else f"your file says {in_yaml(change.before)}"
    return f"{'.'.join(one.path)}: {said} ({was}), by {one.by}, {at:%Y-%m-%d %H:%M} UTC"


def _as_json(one: Patched) -> dict[str, Json]:
    changes: list[Json] = [
        {
            "path": list(change.amendment.path),
            "value": change.amendment.value,
            "file_says": change.before,
            "there": change.there,
            "by": change.amendment.by,
            "at_ms": change.amendment.at_ms,
        }
        for change in one.changes
    ]
    return {"document": one.document, "changes": changes, "patch": one.patch, "by_hand": one.by_hand}
