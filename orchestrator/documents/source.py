"""One authored file: its values, and where in the file each of them stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import NamedTuple, TypeAlias

from orchestrator.errors import DocumentError
from orchestrator.model.ids import Json

from .declared import Layer, Origin

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a document: keys and list positions from the top."""


class Mark(NamedTuple):
    """A place in a file; lines and columns count from 1."""

    file: str
    line: int
    col: int

    def error(self, message: str) -> DocumentError:
        """Say what is wrong here."""
        return DocumentError(message, file=self.file, line=self.line, col=self.col)


@dataclass(slots=True)
class Source:
    """One file as it was written.

    Attributes:
        name: the file's path as the person knows it; begins every message.
        value: the mapping at its top; empty when the file cannot be read at all.
        marks: where each value stands.
        keys: where the key of each value of a mapping stands.
        errors: what is wrong with the file.
        faults: what is wrong with single rooms, here or in files that this one names; all others can go on.
        broken: values that already have an error of their own.
        readable: it was read to its end, and there is a mapping to go on with.
    """

    name: str
    value: dict[str, Json] = field(default_factory=dict)
    marks: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    errors: list[DocumentError] = field(default_factory=list)
    faults: list[DocumentError] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)
    readable: bool = False

    @property
    def folder(self) -> FilePath:
        """The directory that the file lies in."""
        return FilePath(self.name).parent

    def at(self, path: Path) -> Json:
        """Look up what is written at a path; None when nothing is."""
        value: Json = self.value
        for part in path:
            if isinstance(value, dict) and part in value:
                value = value[str(part)]
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def items(self, path: Path) -> list[Json]:
        """List what is written at a path; nothing when that is no list."""
        value = self.at(path)
        return value if isinstance(value, list) else []

    def names(self, path: Path) -> list[str]:
        """List the keys that are written at a path; nothing when that is no mapping."""
        value = self.at(path)
        return list(value) if isinstance(value, dict) else []

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """Find where a value (or its key) stands, or else the nearest thing around it."""
        if key and path in self.keys:
            return self.keys[path]
        while path not in self.marks and path:
            path = path[:-1]
        return self.marks.get(path, Mark(self.name, 1, 1))

    def error(self, message: str, path: Path, *, key: bool = False) -> DocumentError:
        """Say what is wrong at a path."""
        return self.mark(path, key=key).error(message)

    def origin(self, path: Path, layer: Layer) -> Origin:
        """Say which layer set the value at a path: the file's own, or the overlay over it."""
        mark = self.mark(path)
        return Origin(layer if mark.file == self.name else "overlay", *mark)


def brief(key: str) -> str:
    """Shorten a key for a message; nothing an author put in by mistake is repeated whole."""
    return key if len(key) <= 40 else key[:37] + "..."
