"""Names that could be taken for somebody else's: a lead's, a facilitator's, the bot's."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from .folding import clean, skeleton

_BRACKETS: Final = re.compile(r"[(\[{<][^)\]}>]{0,60}[)\]}>]")
_WORD: Final = re.compile(r"[^\W_]+")
_OFFICES: Final = frozenset(
    [
        "admin",
        "administrator",
        "mod",
        "moderator",
        "facilitator",
        "lead",
        "leader",
        "staff",
        "support",
        "team",
        "bot",
        "official",
        "helper",
        "keeper",
        "host",
        "the",
        "your",
    ]
)
"""What somebody may call themselves beside a name that is not theirs."""
LEAST: Final = 2


def is_like(name: str, others: Collection[str]) -> bool:
    """Tell whether a display name looks like one of ``others``: names, localparts, or whole ids."""
    wanted = {form for other in others for form in _forms(other, offices=False)}
    return bool(wanted) and not wanted.isdisjoint(_forms(name, offices=True))


def _forms(name: str, *, offices: bool) -> set[str]:
    """Write a name in the ways in which it may be read."""
    name = clean(name)
    found = {_seen(name), _seen(_BRACKETS.sub(" ", name))}
    if name.lstrip().startswith("@"):
        found.add(_seen(name.lstrip()[1:].partition(":")[0]))
    if offices:
        found.add(_seen(" ".join(word for word in _WORD.findall(name) if word.casefold() not in _OFFICES)))
    return {form for form in found if len(form) >= LEAST}


def _seen(name: str) -> str:
    letters = "".join(sign for sign in skeleton(name) if sign.isalnum())
    return letters.replace("rn", "m").replace("vv", "w")
