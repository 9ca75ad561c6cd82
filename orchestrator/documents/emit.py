"""Writes values such that our own reader reads them back the same."""

from __future__ import annotations

import json
import re
from typing import Final

from orchestrator.model.ids import Json

# JSON is YAML, but for these: unprintable, or taken for the end of a line (YAML 1.2.2, sections 5.1 and 5.4).
_NOT_YAML: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def as_yaml(value: Json) -> str:
    """Write a value on one line of YAML, every text in quotes.

    Raises:
        ValueError: it holds half a character (a lone surrogate), or a number that is none.
    """
    # Not as ASCII: JSON writes what lies beyond 16 bits as two halves, which YAML does not put together again.
    written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    written.encode()
    return _NOT_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
