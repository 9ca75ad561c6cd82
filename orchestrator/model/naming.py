"""Whom a command is about: people's ids as they are typed, links to people, and mentions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import unquote

from .ids import UserId, is_user_id

_LINK: Final = re.compile(r"https://matrix\.to/#/((?:@|%40)[^\s\"'<>?)]+)")
_AROUND: Final = "`<>()[],"


def bare(word: str) -> str:
    """Leave out the signs that people put around an id."""
    return word.strip(_AROUND)


def written(words: Iterable[str]) -> list[UserId]:
    """List the ids among words."""
    return [UserId(word) for word in map(bare, words) if is_user_id(word)]


def linked(html: str, words: Iterable[str]) -> list[UserId]:
    """List whom links lead to (appendix "matrix.to navigation"), as they are written: not all of it need be an id."""
    return [UserId(unquote(link)) for link in _LINK.findall(f"{html} {' '.join(words)}")]


def the_one(groups: Iterable[Collection[UserId]], me: UserId) -> UserId | None:
    """Find the one person whom the first group that names just one names; None: there is none.

    The bot is only meant in the first group, where its id is written out: elsewhere it is mentioned as whom one talks to.
    """
    for position, people in enumerate(groups):
        meant = {user for user in people if user != me or position == 0}
        if len(meant) == 1 and is_user_id(user := next(iter(meant))):
            return user
    return None
