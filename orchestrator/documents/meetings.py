"""Meetings as they are written: what has to hold for them, what to think about, and what they come to in a room."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, time

from orchestrator.model.cadence import QuietHours, Rule

from .authored import DeckSpec, MeetingSpec
from .braces import NAMES, fill, stranger
from .declared import Deck, Meeting
from .edge.deck import named
from .source import Path, Source

UNNAMED = "meeting"
"""The id of a meeting without a title."""

KEYS: tuple[str, ...] = ("on", "rrule", "from", "day", "at")


def meetings_of(
    specs: Sequence[MeetingSpec],
    decks: Mapping[str, Deck],
    names: Mapping[str, str],
    asked_in: Callable[[Deck], Deck],
) -> Iterator[Meeting]:
    """Make what a room holds of what is written; what is wrong is left out.

    Args:
        specs: what is written.
        decks: the files, by name.
        names: what stands for names in braces in that room.
        asked_in: puts a deck into the room's language.
    """
    taken: set[str] = set()
    for spec in specs:
        title = fill(spec.title, names)
        id_ = named(title) if title else UNNAMED
        if spec.problem is not None or id_ in taken:
            continue
        taken.add(id_)
        opening, closing = (_deck(one, decks) for one in (spec.opening, spec.closing))
        yield Meeting(
            id=id_,
            title=title,
            when=spec.when,
            lasts_ms=spec.lasts_ms,
            where=fill(spec.where, names),
            announce_ms=spec.announce_ms,
            remind_ms=spec.remind_ms,
            opening=None if opening is None else asked_in(opening),
            closing=None if closing is None else asked_in(closing),
        )


def check_meetings(specs: Sequence[MeetingSpec], source: Source, path: Path) -> None:
    """Check that meetings can be told apart and announced, and that it can be told when they are.

    ``path`` is where the list stands in the file.
    """
    seen: dict[str, Path] = {}
    for position, spec in _as_written(specs, source, path):
        here: Path = (*path, position)
        if spec.problem is not None:
            _check_times(spec.problem, source, here)
        first = seen.setdefault(named(spec.title) if spec.title else UNNAMED, here)
        if first is not here:
            message = "Another meeting here has this title." if spec.title else "Another meeting here has no title."
            where = (*here, "title") if spec.title else here
            source.errors.append(
                source.error(f"{message} Give each its own, for example: title: Second evening", where)
            )
        if spec.announce_ms is not None and spec.remind_ms is not None and spec.remind_ms >= spec.announce_ms:
            key = "remind" if source.at((*here, "remind")) is not None else "announce"
            message = (
                "A reminder comes after the announcement: write a shorter time before it begins, or never."
                if key == "remind"
                else "The reminder comes an hour before, and the announcement earlier. Write more than 1h, or a remind beside."
            )
            source.errors.append(source.error(message, (*here, key)))


def check_names(specs: Sequence[MeetingSpec], variables: Collection[str], source: Source, path: Path) -> None:
    """Check that every name in braces stands for something: one of ours, or a variable of the template."""
    for position, spec in _as_written(specs, source, path):
        for key, text in (("title", spec.title), ("where", spec.where)):
            if complaint := stranger(text, (*NAMES, *variables)):
                source.errors.append(source.error(complaint, (*path, position, key)))


def check_decks(
    specs: Sequence[MeetingSpec], files: Collection[str], missing: Callable[[str], str], source: Source, path: Path
) -> None:
    """Check that the decks are there that meetings name.

    Args:
        specs: what is written.
        files: the names of all decks that are files.
        missing: says that there is none of a name, and which there are.
        source: the file.
        path: where the list stands in it.
    """
    for position, spec in _as_written(specs, source, path):
        for key, deck in (("opening", spec.opening), ("closing", spec.closing)):
            place: Path = (*path, position, key)
            if deck is None:
                continue
            if deck.inline is None and deck.name not in files:
                source.errors.append(source.error(missing(deck.name), place))
            elif deck.inline is not None and deck.name in files:
                message = f"A file has this name already ({deck.name}.yaml). Give this deck another title."
                source.errors.append(source.error(message, (*place, "title")))


def inline_decks(specs: Sequence[MeetingSpec], path: Path) -> Iterator[tuple[Deck, Path]]:
    """List the decks that are written at meetings, each with where it stands."""
    for position, spec in enumerate(specs):
        for key, deck in (("opening", spec.opening), ("closing", spec.closing)):
            if deck is not None and deck.inline is not None:
                yield deck.inline, (*path, position, key)


def think_about(specs: Sequence[MeetingSpec], path: Path, today: date) -> Iterator[tuple[Path, str]]:
    """Look for meetings that are all over."""
    for position, spec in enumerate(specs):
        until = spec.when.until if isinstance(spec.when, Rule) else None
        if spec.problem is None and until is not None and until.date() < today:
            key = "rrule" if isinstance(spec.when, Rule) and spec.when.text else "day"
            yield (*path, position, key), f"The last one was on {until:%Y-%m-%d}. Take it out, or write another day."


def begins_in(spec: MeetingSpec, quiet: QuietHours | None) -> bool:
    """Tell whether a meeting begins in quiet hours."""
    times = spec.when.times if isinstance(spec.when, Rule) else (spec.when.at,)
    return quiet is not None and any(_lies_in(at, quiet) for at in times)


def _lies_in(at: time, quiet: QuietHours) -> bool:
    if quiet.end <= quiet.start:
        return at >= quiet.start or at < quiet.end
    return quiet.start <= at < quiet.end


def _as_written(specs: Sequence[MeetingSpec], source: Source, path: Path) -> Iterator[tuple[int, MeetingSpec]]:
    """Number them as the file does; none where some are wrong in themselves, and positions are no longer those of the file."""
    if len(specs) == len(source.items(path)):
        yield from enumerate(specs)


def _check_times(problem: tuple[str, str], source: Source, path: Path) -> None:
    # What is wrong with a time or a day in itself is said already, and this may only follow from it.
    marks = [source.mark((*path, key)) for key in KEYS]
    if not any((error.line, error.col) == (mark.line, mark.col) for error in source.errors for mark in marks):
        key, message = problem
        source.errors.append(source.error(message, (*path, *filter(None, [key]))))


def _deck(spec: DeckSpec | None, decks: Mapping[str, Deck]) -> Deck | None:
    return None if spec is None else spec.inline or decks.get(spec.name)
