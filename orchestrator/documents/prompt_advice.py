"""What to think about where questions are asked: in a deck, and in what a template or a room says about when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from orchestrator.model.cadence import Rule

from .asking import think_about
from .authored import Advice, Config, MeetingSpec, PromptSpec
from .declared import Deck, Room
from .meetings import inline_decks
from .meetings import think_about as think_about_meetings
from .source import Path, Source


def advise_deck(deck: Deck, source: Source, within: Path = ()) -> Iterator[Advice]:
    """Look at the questions of a deck; ``within`` is where it stands in the file."""
    if len(deck.prompts) != len(source.items((*within, "prompts"))):
        return  # some are wrong in themselves; positions are no longer those of the file
    for path, message in think_about(deck):
        yield Advice(*source.mark((*within, *path)), message)


def advise_prompts(prompts: Sequence[PromptSpec], source: Source, within: Path, today: date) -> Iterator[Advice]:
    """Look at when questions are asked; ``within`` is where the list stands in the file."""
    if len(prompts) != len(source.items(within)):
        return
    for position, spec in enumerate(prompts):
        path: Path = (*within, position)
        if isinstance(spec.when, Rule) and spec.when.until is not None and spec.when.until.date() < today:
            message = f"This rule is over since {spec.when.until:%Y-%m-%d}: nothing is asked by it any more."
            yield Advice(*source.mark((*path, "rrule")), message)
        if spec.inline is not None:
            yield from advise_deck(spec.inline, source, (*path, "deck"))


def advise_meetings(meetings: Sequence[MeetingSpec], source: Source, within: Path, today: date) -> Iterator[Advice]:
    """Look at when people meet, and at the questions that are written there."""
    if len(meetings) != len(source.items(within)):
        return
    for path, message in think_about_meetings(meetings, within, today):
        yield Advice(*source.mark(path), message)
    for deck, path in inline_decks(meetings, within):
        yield from advise_deck(deck, source, path)


def advise_rooms(config: Config, source: Source, today: date) -> Iterator[Advice]:
    """Look at the questions that rooms have of their own."""
    for key, community in config.communities.items():
        for room in community.rooms.values():
            yield from advise_prompts(
                room.prompts or (), source, ("communities", key, "rooms", room.key, "prompts"), today
            )
            path: Path = ("communities", key, "rooms", room.key, "meetings")
            yield from advise_meetings(room.meetings or (), source, path, today)


def advise_unattended(room: Room, source: Source, path: Path) -> Iterator[Advice]:
    """Look for questions that wait for somebody on duty where nobody ever is."""
    for schedule in room.prompts:
        tiers = [one.tier for one in schedule.deck.prompts]
        if not room.facilitators and tiers and min(tiers) > 1 and "coverage" in schedule.gates:
            message = (
                f"All that “{schedule.deck.name}” asks waits until somebody is on duty, and this room has no facilitators:"
                " nothing will be asked. Add facilitators."
            )
            yield Advice(*source.mark(path), message)
