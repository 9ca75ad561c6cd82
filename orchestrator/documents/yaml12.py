"""Reads files as YAML 1.2 (core schema) and notes where everything stands.

What YAML 1.1 readers quietly do to authors does not happen here: ``19:05`` and ``no`` are texts, a key written twice is
an error, and there are no anchors, merge keys, tags or directives. Size, depth and number of values are capped.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

import yaml

from orchestrator.errors import DocumentError
from orchestrator.model.ids import Json

from .source import Mark, Path, Source, brief

MOST_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 24
MOST_VALUES: Final = 20_000

_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.2.2, section 10.3.2 "Tag resolution" of the core schema.
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_ODD_FLOAT: Final = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_UNPRINTABLE: Final = yaml.reader.Reader.NON_PRINTABLE

QUOTE_IT: Final = 'A value that begins with one of ! & * @ % ` needs quotes, like this: "@ana:grove.example".'
NO_ALIASES: Final = (
    "Anchors and aliases (& and *) are not used here. Write it out again, or put quotes around the text."
)


def read_source(file: FilePath, name: str) -> Source:
    """Read a file; whatever is wrong with it ends up in the source's ``errors``, never in an exception."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return _refused(Mark(name, 1, 1), "This is not a regular file.")
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return _refused(Mark(name, 1, 1), "There is no such file. Name it with --config, or go to where it lies.")
    except OSError as error:
        reason = error.strerror or "the system gives no reason"
        return _refused(Mark(name, 1, 1), f"This file cannot be read: {reason}.")
    if len(raw) > MOST_BYTES:
        return _refused(Mark(name, 1, 1), f"This file is too large: at most {MOST_BYTES // 1024} KiB.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _refused(Mark(name, line, 1), "This file is not UTF-8. Save it as UTF-8.")
    return parse_source(text, name)


def parse_source(text: str, name: str) -> Source:
    """Read YAML text; whatever is wrong with it ends up in the source's ``errors``, never in an exception."""
    hidden = _UNPRINTABLE.search(text)
    if hidden is not None:
        before = text[: hidden.start()]
        mark = Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return _refused(mark, f"There is a hidden character here (U+{ord(hidden[0]):04X}). Remove it.")
    source = Source(name)
    try:
        _Reader(source).read(text)
    except DocumentError as error:
        source.errors.append(error)
        source.readable = False
    except yaml.MarkedYAMLError as error:
        source.errors.append(_syntax_error(error, text, name))
        source.readable = False
    return source


def scalar(text: str) -> Json:
    """Read a plain (unquoted) scalar as the core schema does; raise ValueError for a number out of all proportion."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.match(text):
        if len(text.lstrip("+-")) > 18:
            raise ValueError
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.match(text) or _ODD_FLOAT.match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read. ``key`` is the key whose value comes next."""

    into: dict[str, Json] | list[Json]
    path: Path
    key: str | None = None
    dropped: bool = False


class _Reader:
    """Turns the parser's events into values and marks, without recursion."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._stack: list[_Open] = []
        self._count = 0

    def read(self, text: str) -> None:
        documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            match event:
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._open(event)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._close()
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    documents += 1
                    self._document(event, documents)
        if not documents:
            message = "This file is empty. It begins with a line that says: version: 1"
            self._source.errors.append(DocumentError(message, file=self._source.name))

    def _document(self, event: yaml.DocumentStartEvent, number: int) -> None:
        if number > 1:
            raise self._mark(event).error("A second document begins here. Keep one to a file, and remove the ---.")
        if event.version or event.tags:
            raise self._mark(event).error("Directives (lines that begin with %) are not used here. Remove it.")

    def _alias(self, event: yaml.AliasEvent) -> None:
        if not self._stack or self._wants_key():
            raise self._mark(event).error(NO_ALIASES)
        self._complain(NO_ALIASES, event, self._path())
        self._put(None)

    def _mark(self, event: yaml.Event) -> Mark:
        at = event.start_mark
        return Mark(self._source.name, at.line + 1, at.column + 1) if at else Mark(self._source.name, 1, 1)

    def _complain(self, message: str, event: yaml.Event, path: Path) -> None:
        self._source.errors.append(self._mark(event).error(message))
        self._source.broken.add(path)

    def _path(self) -> Path:
        if not self._stack:
            return ()
        top = self._stack[-1]
        return (*top.path, len(top.into) if isinstance(top.into, list) else top.key or "")

    def _wants_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].into, dict) and self._stack[-1].key is None

    def _begin(self, event: yaml.NodeEvent) -> Path:
        """Note a value that begins, and refuse what is not used here."""
        self._count += 1
        if self._count > MOST_VALUES:
            raise self._mark(event).error(f"This file holds too much: at most {MOST_VALUES} values.")
        path = self._path()
        self._source.marks.setdefault(path, self._mark(event))
        if event.anchor is not None:
            self._complain(NO_ALIASES, event, path)
        if getattr(event, "tag", None) is not None:
            self._complain("Tags (!) are not used here. " + QUOTE_IT, event, path)
        return path

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._wants_key():
            self._key(event)
            return
        path = self._begin(event)
        if not self._stack:
            raise self._mark(event).error("This is no mapping. It begins with a line that says: version: 1")
        if event.style or path in self._source.broken:
            self._put(event.value)
            return
        try:
            self._put(scalar(event.value))
        except ValueError:
            self._complain("This number is too large. If it is a text, put quotes around it.", event, path)
            self._put(None)

    def _key(self, event: yaml.ScalarEvent) -> None:
        top, key = self._stack[-1], event.value
        top.key = key
        path = self._path()
        if key == "<<" and not event.style:
            self._complain("Merge keys (<<) are not used here. Write the keys out.", event, path)
            top.dropped = True
        elif event.anchor is not None or event.tag is not None:
            self._complain(NO_ALIASES if event.anchor is not None else QUOTE_IT, event, path)
        elif key in top.into:
            first, mark = self._source.keys[path], self._mark(event)
            message = f"“{brief(key)}” stands here twice, on line {first.line} and on line {mark.line}. Keep one."
            self._source.errors.append(mark.error(message))
            top.dropped = True
        self._source.keys.setdefault(path, self._mark(event))

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if self._wants_key():
            raise self._mark(event).error("A key is one word. Text that begins with { or [ needs quotes.")
        path = self._begin(event)
        if len(self._stack) >= MOST_DEPTH:
            raise self._mark(event).error(f"This goes too deep: at most {MOST_DEPTH} levels.")
        if isinstance(event, yaml.MappingStartEvent):
            into: dict[str, Json] | list[Json] = {} if self._stack else self._source.value
        elif self._stack:
            into = []
        else:
            raise self._mark(event).error("A list stands here. The file begins with a line that says: version: 1")
        self._source.readable = True
        self._stack.append(_Open(into, path))

    def _close(self) -> None:
        closed = self._stack.pop()
        if self._stack:
            self._put(closed.into)

    def _put(self, value: Json) -> None:
        top = self._stack[-1]
        if isinstance(top.into, list):
            top.into.append(value)
            return
        if not top.dropped:
            top.into[top.key or ""] = value
        top.key, top.dropped = None, False


def _syntax_error(error: yaml.MarkedYAMLError, text: str, name: str) -> DocumentError:
    """Put the parser's complaint into a sentence that says what to write."""
    problem, context = error.problem or "", error.context or ""
    at, opened = error.problem_mark, error.context_mark
    if at is None:
        return DocumentError("This is not YAML.", file=name)
    lines = text.splitlines() or [""]
    line = lines[at.line] if at.line < len(lines) else ""
    here = line[at.column : at.column + 1]
    if "cannot start any token" in problem:
        message = "Indent with spaces, not with tabs." if here == "\t" or "\t" in line[: at.column] else QUOTE_IT
    elif "mapping values are not allowed" in problem:
        message = "There is one colon too many, or the indentation is off. A text with a colon in it needs quotes."
    elif "quoted scalar" in context and "end of stream" in problem:
        message, at = "The quote that opens here is never closed.", opened or at
    elif "flow" in context:
        message, at = "The bracket that opens here is not closed, or a comma is missing in it.", opened or at
    elif "escape" in problem:
        message = "In double quotes a backslash begins a code. Use single quotes instead."
    elif "expected key" in problem or "indicator" in problem or "<block end>" in problem:
        message = "The indentation does not fit the lines above."
    else:
        message = "This cannot be read as YAML. Look at quotes, colons and indentation here and in the line above."
    return DocumentError(message, file=name, line=at.line + 1, col=at.column + 1)


def _refused(mark: Mark, message: str) -> Source:
    return Source(mark.file, errors=[mark.error(message)])
