"""What a room is asked and when, and when its people meet, as it is declared; all texts are the author's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, TypeAlias

from orchestrator.model.cadence import Rule, Weekly

Gate: TypeAlias = Literal["quiet_hours", "active_room", "coverage"]

CALL: Final = "call"
"""Where a meeting is that is held as a call in its own room."""


@dataclass(frozen=True, slots=True)
class FixedDay:
    """A day of every year, or of one; the 29th of February comes only where there is one."""

    month: int
    day: int
    year: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Answers to choose one from.

    Attributes:
        answers: in the words of whoever reads them.
        by_language: each answer in its languages.
        open: votes are shown while the poll goes on, not only at its end.
    """

    answers: tuple[str, ...]
    by_language: tuple[Mapping[str, str], ...]
    open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One question of a deck.

    Attributes:
        id: hashes its text in the language written first, so that edits elsewhere in the deck do not reshuffle it, and a
            translation does not make it another one.
        text, note: in the words of whoever reads them; ``texts`` and ``notes`` hold them by language.
        weight: how many places it has in a round.
        on: the one day that it is for; it takes no part in rounds.
        months: of its season; empty: any.
    """

    id: str
    text: str
    tier: int
    note: str
    tags: tuple[str, ...] = ()
    weight: int = 1
    on: FixedDay | None = None
    months: tuple[int, ...] = ()
    poll: Poll | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def is_for(self, day: date) -> bool:
        """Tell whether it is for this very day."""
        on = self.on
        return on is not None and (on.month, on.day) == (day.month, day.day) and on.year in {None, day.year}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """Questions to draw from; ``locale`` is the language of those that are written once, "" where nobody says it."""

    name: str
    title: str
    prompts: tuple[Prompt, ...]
    locale: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSchedule:
    """When a room is asked a question. ``id`` is stable while its deck and times stay the same.

    Attributes:
        deck: what may be asked there at all: nothing above the tier that is wanted, and only the tags that are.
        bag: which questions share their rounds, within a room: those of a deck, or of some of its tags.
        tier_most: how heavy a question may be there at most.
        cool_off_ms: for how long nothing is asked after the last question in the room, of whatever schedule.
        norms_line: a line of the norms goes with it.
        pass_: a reaction to pass with goes with it.
        mention: people who asked for it are mentioned.
    """

    id: str
    deck: Deck
    when: Weekly | Rule
    grace_ms: int
    gates: tuple[Gate, ...]
    thread: bool
    pin: Literal["swap", "none"]
    bag: str = ""
    tier_most: int = 3
    cool_off_ms: int = 0
    norms_line: bool = False
    pass_: bool = False
    mention: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A time, again and again or once, at which people of a room come together. ``id`` is stable while its title is.

    Attributes:
        title: what it is called; "": like the room.
        lasts_ms: how long it is, in time that passes.
        where: a link, or a place in words; ``CALL``: a call in the room; "": in the room, in writing.
        announce_ms, remind_ms: how long before it people are told, and told again; None: never.
        opening, closing: what is asked first, and last.
    """

    id: str
    title: str
    when: Weekly | Rule
    lasts_ms: int
    where: str = ""
    announce_ms: int | None = None
    remind_ms: int | None = None
    opening: Deck | None = None
    closing: Deck | None = None
