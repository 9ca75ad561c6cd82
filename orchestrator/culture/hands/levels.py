"""How urgent a raised hand is, and what somebody said with ``!raise``. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import unquote

from orchestrator.i18n import N_, _
from orchestrator.model.effects import Choice, plainly
from orchestrator.model.ids import EventId, RoomId, UserId

UNNAMED: Final = "unnamed"


class Level(IntEnum):
    """How urgent it is to whoever raised it."""

    LOOK = 1
    COME = 2
    FEAR = 3


_SAID: Final = {
    Level.LOOK: N_("please look when you can"),
    Level.COME: N_("please come soon"),
    Level.FEAR: N_("I fear for someone's safety"),
}
_LINKED: Final = re.compile(r"(?:matrix\.to/#/|matrix:roomid/)(?P<room>[^/?\s]+)(?:/e)?/(?P<event>[^/?\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was said with ``!raise``.

    Attributes:
        level: None: not said.
        named: they did not ask to be left unnamed.
        about: whom it is about, as far as it is one of ``keepers``.
        about_someone: they said that it is about somebody, and it is not clear about whom.
        linked: the message it is about.
    """

    level: Level | None = None
    named: bool = True
    about: UserId | None = None
    about_someone: bool = False
    linked: tuple[RoomId, EventId] | None = None


def choices(*, named: bool) -> tuple[Choice, ...]:
    """List how urgent it can be, in the language spoken at the moment; ``named``: it can still be left open who they are."""
    levels = tuple(Choice(f"{int(level)}\ufe0f\u20e3", _(said), f"{int(level)}") for level, said in _SAID.items())
    return (*levels, Choice("🕶️", _("anonymous"), UNNAMED)) if named else levels


def read(args: Sequence[str], mentions: Collection[UserId], keepers: Collection[UserId]) -> Wish:
    """Read the words after ``!raise``; whatever else they are, they are passed over.

    Args:
        args: the words.
        mentions: who is mentioned in the message.
        keepers: who looks after the communities in question.
    """
    words = [plainly(word) for word in args]
    about, someone, behind = _about(args, words, mentions, keepers)
    places = [0, *([behind] if behind else [])]
    level = next((_level(words[place]) for place in places if place < len(words) and _level(words[place])), None)
    return Wish(
        level=level,
        named=_unnamed().isdisjoint(words),
        about=about,
        about_someone=someone,
        linked=next((link for link in map(_link, args) if link is not None), None),
    )


def _about(
    args: Sequence[str], words: Sequence[str], mentions: Collection[UserId], keepers: Collection[UserId]
) -> tuple[UserId | None, bool, int]:
    """Find whom it is about, whether it is about somebody unknown, and where what stands behind that begins."""
    # Where it stands at the beginning; anywhere else it is part of a sentence.
    begins = [n for n, word in enumerate(words[:3]) if word in {"about", plainly(_("about"))}]
    if not begins or any(_level(word) is None and word not in _unnamed() for word in words[: begins[0]]):
        return None, False, 0
    place = begins[0] + 1
    named = args[place].strip(".,;:!?()") if place < len(args) else ""
    local = plainly(named.removeprefix("@").partition(":")[0])
    whole = [one for one in keepers if plainly(one) == plainly(named)]
    alike = [one for one in keepers if plainly(one[1:].partition(":")[0]) == local and local and ":" not in named]
    meant = sorted({*whole, *(one for one in mentions if one in keepers)}) or sorted(alike)
    if len(meant) == 1:
        return meant[0], False, place + 1
    # An id that is none of theirs is somebody else's; a bare name may be that of any of them, and "my brother" is none.
    elsewhere = not meant and ":" in named
    could_be = bool(meant) or not named or named.startswith("@") or named[:1].isupper()
    return None, could_be and not elsewhere, place + 1


def _unnamed() -> frozenset[str]:
    return frozenset({"anonymous", "anonymously", plainly(_("anonymous"))})


def _level(word: str) -> Level | None:
    bare = word.replace("\u20e3", "")
    return Level(int(bare)) if bare in {"1", "2", "3"} else None


def _link(word: str) -> tuple[RoomId, EventId] | None:
    found = _LINKED.search(unquote(word))
    if found is None:
        return None
    room, event = found["room"], found["event"]
    room, event = (room if room.startswith("!") else f"!{room}"), (event if event.startswith("$") else f"${event}")
    return RoomId(room), EventId(event)
