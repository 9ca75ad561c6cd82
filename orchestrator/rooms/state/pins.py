"""The pinned events of a room: ours beside those that people pinned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.model.ids import Json, JsonObject
from orchestrator.store.claims import Claim

FIRST = "norms"
"""The slot that stands before all other pins."""


def merge_pins(live: JsonObject | None, claims: Sequence[Claim]) -> JsonObject | None:
    """Pin what the claims ask for and unpin what they replace; other people's pins stay, in their order.

    The norms come first. A pin of ours that is there already keeps its place, a new one goes to the end.
    """
    wanted: dict[str, str] = {}
    gone: set[str] = set()
    for claim in claims:
        value = claim.value if isinstance(claim.value, Mapping) else {}
        pin, unpin = value.get("pin"), value.get("unpin")
        gone.update(_texts(unpin))
        if isinstance(pin, str) and len(claim.path) == 2 and claim.path[0] == "pins":
            if claim.ended:
                gone.add(pin)
            else:
                wanted[claim.path[1]] = pin
    ours = {pin: None for slot, pin in sorted(wanted.items()) if slot != FIRST}
    first = wanted.get(FIRST)
    gone -= set(wanted.values())
    before = dict.fromkeys(_texts((live or {}).get("pinned")))
    after = [pin for pin in before if pin not in gone and pin != first]
    after += [pin for pin in ours if pin not in before and pin != first]
    if first is not None:
        after.insert(0, first)
    if live is None and not after:
        return None
    return {**(live or {}), "pinned": after}


def _texts(value: Json) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []
