"""JSON from outside: read without ever raising, and with nothing in it that later steps would choke on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from orchestrator.model.ids import Json

# Only an escape can make half a surrogate pair. Servers write text as it is, so escapes of this kind are rare, and the
# slow walk over every string with them.
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(raw: bytes) -> Json:
    """Parse JSON; None when it is none (or is ``null``), nested too deep included.

    Half surrogate pairs, which JSON can spell and no database or encoder takes, become U+FFFD: one person's odd message
    must not stop a whole answer from being kept.
    """
    try:
        value: Json = json.loads(raw)
        return _whole(value) if _SURROGATE.search(raw) else value
    except (ValueError, RecursionError):
        return None


def _whole(value: Json) -> Json:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, Mapping):
        return {str(_whole(key)): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value
