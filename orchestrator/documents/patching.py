"""Amendments written into the text of a file, all else left as its author wrote it: comments, order, quotes.

What comes out is read again and compared; a text in which a change cannot be made safely is left to its author.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import unified_diff
from typing import Final, TypeAlias

import yaml

from orchestrator.model.ids import Json

from .authored import Amendment
from .emit import as_yaml
from .overlay import Placed, amend
from .yaml12 import parse_source, scalar

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")

Entry: TypeAlias = tuple[yaml.Node, yaml.Node]
"""Where something begins (a key, or an item of a list) and its value."""


def patched(text: str, amendments: Sequence[Amendment]) -> str:
    """Write amendments into a file's text.

    Raises:
        ValueError: it cannot be done without touching what else stands there.
    """
    wanted = parse_source(text, "")
    for one in amendments:
        if not amend(wanted, Placed(one, None)):
            raise ValueError("There is no such place in this file.")
        text = _written(text, one)
    if parse_source(text, "").value != wanted.value:
        raise ValueError("This cannot be written without touching what else stands there.")
    return text


def as_patch(document: str, before: str, after: str) -> str:
    """Write how a file changes, as ``patch -p1`` reads it; "" where it does not."""
    lines = unified_diff(_lines(before), _lines(after), f"a/{document}", f"b/{document}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def in_yaml(value: Json) -> str:
    """Write a value on one line as a person would: words without quotes where they need none."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_yaml(key)}: {in_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_yaml, value)) + "]"
    if isinstance(value, str) and _PLAIN.match(value) and scalar(value) == value:
        return value
    return as_yaml(value)


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _written(text: str, one: Amendment) -> str:
    around = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in one.path[:-1]:
        found = None if around is None else _entry(around, part)
        around = None if found is None else found[1]
    if not isinstance(around, yaml.CollectionNode):
        raise ValueError("There is no such place in this file.")  # noqa: TRY004 - it is the text that is wrong
    entries, entry = _entries(around), _entry(around, one.path[-1])
    if entry is None:
        return text if one.value is None else _with_entry(text, around, one.path[-1], one.value)
    if one.value is not None:
        return _with_value(text, entry[1], one.value)
    if len(entries) == 1:
        empty = "{}" if isinstance(around, yaml.MappingNode) else "[]"
        return text[: around.start_mark.index] + empty + text[_end(text, around) :]
    return _without(text, around, entries, entries.index(entry))


def _entries(node: yaml.Node) -> list[Entry]:
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return [(item, item) for item in node.value] if isinstance(node, yaml.SequenceNode) else []


def _entry(node: yaml.Node, part: str) -> Entry | None:
    """Find a key of a mapping, or the item of a list with this id or at this position."""
    entries = _entries(node)
    if isinstance(node, yaml.MappingNode):
        return next((entry for entry in entries if entry[0].value == part), None)
    named = (
        one
        for one in entries
        if (own := _entry(one[1], "id") if _is_mapping(one[1]) else None) and own[1].value == part
    )
    at = entries[int(part)] if part.isdecimal() and int(part) < len(entries) else None
    return next(named, at)


def _is_mapping(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def _end(text: str, node: yaml.Node) -> int:
    """Find where a value ends, without the space and the comments behind it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        return _end(text, _entries(node)[-1][1])
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(text[start:end].rstrip())


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _with_value(text: str, node: yaml.Node, value: Json) -> str:
    start, end = node.start_mark.index, _end(text, node)
    indent = "\n" + " " * node.start_mark.column
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and isinstance(value, list | dict) and value:
        items = [f"- {in_yaml(one)}" for one in value] if isinstance(value, list) else _pairs(value)
        return text[:start] + indent.join(items) + text[end:]
    space = " " if text[start - 1 : start] in {":", "-"} else ""
    return text[:start] + space + in_yaml(value) + text[end:]


def _pairs(value: dict[str, Json]) -> list[str]:
    return [f"{in_yaml(key)}: {in_yaml(one)}" for key, one in value.items()]


def _with_entry(text: str, around: yaml.CollectionNode, key: str, value: Json) -> str:
    if not isinstance(around, yaml.MappingNode):
        raise ValueError("There is no such place in this file.")  # noqa: TRY004 - it is the text that is wrong
    entry = f"{in_yaml(key)}: {in_yaml(value)}"
    if around.flow_style:
        inside = text[: around.end_mark.index - 1].rstrip()
        return inside + (", " if around.value else "") + entry + text[around.end_mark.index - 1 :]
    at = _line_end(text, _end(text, around))
    return text[:at] + "\n" + " " * around.start_mark.column + entry + text[at:]


def _without(text: str, around: yaml.CollectionNode, entries: Sequence[Entry], n: int) -> str:
    first, value = entries[n]
    if not around.flow_style:
        start = text.rfind("\n", 0, first.start_mark.index) + 1
        return text[:start] + text[min(len(text), _line_end(text, _end(text, value)) + 1) :]
    if n + 1 < len(entries):
        return text[: first.start_mark.index] + text[entries[n + 1][0].start_mark.index :]
    return text[: _end(text, entries[n - 1][1])] + text[_end(text, value) :]
