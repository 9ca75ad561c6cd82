"""Small readers of database values: SQL has no types that mypy can see, so they are checked where they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from orchestrator.model.feature import Row
from orchestrator.model.ids import Json


def text(row: Row, column: str) -> str:
    """Read a column that holds text, "" for null."""
    value = row[column]
    return "" if value is None else str(value)


def number(row: Row, column: str) -> int:
    """Read a column that holds a whole number."""
    value = row[column]
    if not isinstance(value, int):
        raise TypeError(f"{column} is not a number")
    return value


def maybe_number(row: Row, column: str) -> int | None:
    """Read a column that holds a whole number or null."""
    return None if row[column] is None else number(row, column)


def dump(value: Json) -> str:
    """Write JSON the same way every time, in ASCII: half a surrogate pair, say, no database takes as it is."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def load(value: str) -> Json:
    """Read JSON."""
    return cast("Json", json.loads(value))


def load_object(value: str) -> Mapping[str, Json]:
    """Read a JSON object; anything else is an empty one."""
    parsed = json.loads(value)
    return parsed if isinstance(parsed, dict) else {}
