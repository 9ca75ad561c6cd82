"""``circlekeeper plan``: what would change. It changes nothing itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from orchestrator.planning import looking

from .naming import find_rooms
from .showing import as_json, as_markdown, in_words

Form = Literal["words", "json", "markdown"]

NOTHING = 0
CHANGES = 2


async def plan(config_path: Path, *, rooms: Sequence[str] = (), refresh: bool = False, form: Form = "words") -> int:
    """Print the plan; returns the exit code: 0 when there is nothing to do, 2 when there is."""
    async with looking(config_path, refresh=refresh) as onlooker:
        only = find_rooms(onlooker.loaded.documents, rooms)
        outlook = await onlooker.plan(only)
        match form:
            case "json":
                print(json.dumps(as_json(outlook, only), ensure_ascii=False, indent=2))
            case "markdown":
                print("\n".join(as_markdown(outlook, only)))
            case _:
                print("\n".join(in_words(outlook, only)))
        return CHANGES if outlook.changes(only) else NOTHING
