"""What is coming, read from the files and a copy of the rows: for ``preview`` and ``export-calendar``. Nothing is changed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from orchestrator.documents.declared import Community, Room
from orchestrator.documents.load import Loaded, load
from orchestrator.errors import SetupError
from orchestrator.facilitation.calendar.reading import ahead
from orchestrator.facilitation.duty import covers, is_gone
from orchestrator.facilitation.plans import has_rota
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.prompts.foresight import Foreseen, asked, foresee
from orchestrator.prompts.meetings.ahead import Planned, planned
from orchestrator.schedule import instant_ms, local_at
from orchestrator.store import AccountStore, Store, bindings


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is to look at: the files, a copy of the rows, and the time."""

    loaded: Loaded
    store: Store
    now_ms: int

    def rows(self, community: Community) -> AccountStore:
        """Find the rows of the account that looks after a community."""
        return self.store.of(community.account)


@asynccontextmanager
async def stage_of(config_path: Path, now_ms: int) -> AsyncIterator[Stage]:
    """Read the files, and copy the rows into memory where there are any; a running bot is not disturbed.

    Raises:
        DocumentErrors: the files have to be mended first.
        StoreError: the rows cannot be read.
    """
    loaded = load(config_path, today=datetime.fromtimestamp(now_ms / 1000, UTC).date())
    store = Store.scratch(loaded.config.data_dir)
    try:
        yield Stage(loaded, store, now_ms)
    finally:
        await store.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days are asked about: from when (None: from now), and how many."""

    first: date | None
    days: int

    def window(self, community: Community, now_ms: int) -> Span:
        """Find the days on a community's clock; without a first day they begin now."""
        wall = local_at(now_ms, community.zone) if self.first is None else datetime.combine(self.first, time())
        start_ms = now_ms if self.first is None else instant_ms(wall, community.zone)
        return Span(start_ms, instant_ms(wall + timedelta(days=self.days), community.zone))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is coming in a community, in order."""

    community: Community
    window: Span
    turns: tuple[Stretch, ...]
    questions: tuple[Foreseen, ...]
    meetings: tuple[Planned, ...] = ()


def look_ahead(tx: Tx, community: Community, asked_about: Asked, now_ms: int) -> Outlook:
    """Find out what will happen in a community; what happened already stands as it was.

    Where the bot has not been at work yet, it is as if it began on the first day that is asked about: nothing else is
    known of when it will. The rows are written to, as questions are drawn: run it on a copy.
    """
    window = asked_about.window(community, now_ms)
    begun = bindings.bound_room(tx, community.key, community.space.key) is not None
    at_ms = now_ms if begun else window.start_ms
    # Whose turn it is, and which question is next, follows from all that happens between now and then.
    whole = Span(min(at_ms, window.start_ms), window.end_ms)
    turns = ahead(tx, community, whole, at_ms) if whole.start_ms < whole.end_ms else ()
    rooms = [room for room in community.rooms if room.kind == "room"]
    meetings = planned(tx, community, rooms, window)
    past = list(asked(tx, rooms, Span(window.start_ms, min(at_ms, window.end_ms)))) if begun else []
    after_ms = at_ms if begun else at_ms - 1
    coming = foresee(tx, community, rooms, after_ms, window.end_ms, _covered(tx, community, turns))
    return Outlook(
        community=community,
        window=window,
        turns=tuple(turn for turn in turns if turn.span.shares(window)),
        questions=(*past, *(one for one in coming if one.at_ms in window)),
        meetings=meetings,
    )


def _covered(tx: Tx, community: Community, turns: Collection[Stretch]) -> Callable[[Room, int], bool]:
    """Tell whether somebody is on duty, as far as it is known now: who has left a room does not keep it."""
    by_room: dict[RoomKey, list[tuple[Span, UserId]]] = {}
    for turn in turns:
        if turn.user is not None and turn.part is not Part.SHADOW:
            by_room.setdefault(turn.room, []).append((turn.span, turn.user))

    def covered(room: Room, at_ms: int) -> bool:
        bound = bindings.bound_room(tx, community.key, room.key)
        on = (
            [user for span, user in by_room.get(room.key, ()) if at_ms in span] if has_rota(room) else room.facilitators
        )
        return any(not is_gone(tx, bound, user) for user in on) or bool(covers(tx, community, room.key, at_ms))

    return covered


def write_file(file: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file whole; ``mode`` as far as the system's mask lets it.

    Raises:
        SetupError: it cannot be written.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        opened = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(opened, "wb") as out:
                out.write(content)
            partial.replace(file)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = error.strerror or "the system gives no reason"
        raise SetupError(f"{file} cannot be written: {reason}.") from None
