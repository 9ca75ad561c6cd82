"""``circlekeeper doctor``: what needs a person, a line each: what is wrong, and the one thing to do about it.

It looks at a copy of the rows and changes nothing. What it looks for is a list of checks (``CHECKS``), each of which knows
one matter; they are asked one after the other, and all that they find is said.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.documents.load import load
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, RoomId
from orchestrator.planning import bot_runs
from orchestrator.rooms.closing.forgotten import muted_at
from orchestrator.store import AccountStore, Store, bindings, locks, mirror, open_ends, timers
from orchestrator.store.database import FILE
from orchestrator.store.open_ends import OpenEnd

from .naming import name_of

FINE: Final = 0
SOMETHING_TO_DO: Final = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs a person.

    Attributes:
        room: as it is typed, such as ``grove/tuesday``; "" where it is about no single room.
        wrong: what is wrong, in a sentence.
        remedy: the one thing to do about it.
    """

    check: str
    room: str
    wrong: str
    remedy: str

    def as_json(self) -> dict[str, Json]:
        """Write it for programs."""
        return {"check": self.check, "room": self.room, "wrong": self.wrong, "do": self.remedy}


@dataclass(frozen=True, slots=True)
class Patient:
    """What the checks look at: the documents, where the data lie, a copy of the rows, and whether a bot is at work."""

    documents: Documents
    data_dir: Path
    store: Store
    running: bool

    def rows(self, community: Community) -> AccountStore:
        """Find the rows of the account that looks after a community."""
        return self.store.of(community.account)


@dataclass(frozen=True, slots=True)
class Check:
    """One matter to look into.

    Attributes:
        name: for programs.
        look: finds what is wrong with it; raises CirclekeeperError only where nothing at all can be said.
    """

    name: str
    look: Callable[[Patient], Awaitable[Sequence[Finding]]]


async def doctor(config_path: Path, *, as_json: bool = False) -> int:
    """Print what needs a person; returns the exit code: 0 when nothing does, 2 when something does.

    Raises:
        DocumentErrors: the documents have to be mended first.
        StoreError: the rows cannot be read.
    """
    loaded = load(config_path, today=datetime.now(UTC).date())
    data_dir = loaded.config.data_dir
    running = await bot_runs(data_dir)
    store = Store.scratch(data_dir)
    try:
        patient = Patient(loaded.documents, data_dir, store, running)
        findings = [finding for check in CHECKS for finding in await check.look(patient)]
    finally:
        await store.close()
    if as_json:
        found: list[Json] = [finding.as_json() for finding in findings]
        print(json.dumps({"ok": not findings, "running": running, "findings": found}, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_in_words(findings, running=running)))
    return SOMETHING_TO_DO if findings else FINE


def _in_words(findings: Sequence[Finding], *, running: bool) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.room}: {finding.wrong}" if finding.room else finding.wrong
        yield f"  -> {finding.remedy}"
    if findings:
        yield ""
    count = len(findings)
    said = "All is well." if not count else f"{count} {'thing needs' if count == 1 else 'things need'} a person."
    yield said if running else f"{said} No bot is at work, so this is how it was when it last was."


# -- the checks --------------------------------------------------------------------------------------------------------


async def _data(patient: Patient) -> list[Finding]:
    """Whether there is anything to look at."""
    if (patient.data_dir / FILE).exists():
        return []
    wrong = f"There is no data in {patient.data_dir}: the bot has not been started yet, or they were lost."
    remedy = (
        "Start the bot with 'circlekeeper run'. It makes the rooms that are missing, and finds those that are there."
    )
    return [Finding("data", "", wrong, remedy)]


async def _rooms(patient: Patient) -> list[Finding]:
    """Rooms that are not there, or that the bot is not in any more."""
    if not (patient.data_dir / FILE).exists():
        return []
    return [f for c in patient.documents.communities for f in await patient.rows(c).run(_missing, c, patient.running)]


def _missing(tx: Tx, community: Community, running: bool) -> list[Finding]:
    return [
        Finding("rooms", _named(community, room), wrong, remedy)
        for room in community.every_room()
        if (said := _whereabouts(tx, community, room, running=running)) is not None
        for wrong, remedy in [said]
    ]


def _whereabouts(tx: Tx, community: Community, room: Room, *, running: bool) -> tuple[str, str] | None:
    """Say what keeps the bot from looking after a room; None when nothing does."""
    where = bindings.bound_room(tx, community.key, room.key)
    if where is None:
        return None if room.archive else _not_there(tx, community, room, running=running)
    known = mirror.room_of(tx, where)
    match None if known is None else known.membership:
        case "leave":
            return f"The bot is not in {where} any more: it was put out, or left.", "Let a lead invite the bot again."
        case "ban":
            return f"The bot was banned from {where}.", "Let a lead lift the ban and invite the bot again."
        case "invite" | "knock":
            return f"The bot is not in {where}: it is at the door.", "Let a lead invite the bot, while it is at work."
    return None


def _not_there(tx: Tx, community: Community, room: Room, *, running: bool) -> tuple[str, str]:
    if timers.timer_of(tx, "rooms", f"create:{community.key}/{room.key}") is not None:
        return (
            "It is not there: the homeserver refused to make it, and the bot tries again every hour.",
            "Ask whoever runs the homeserver what it needs; the bot's log says how it refused.",
        )
    if "in" in room.faults:
        return (
            "It is not there: your files do not say in which space it hangs.",
            "Run 'circlekeeper check', which names the line.",
        )
    remedy = "Wait a little: the bot is making it." if running else "Start the bot: it finds it, or makes it."
    return "It was neither found nor made yet.", remedy


async def _closed(patient: Patient) -> list[Finding]:
    """Rooms that are closed for a while; also those that were so when they were found without any memory of why."""
    return [f for c in patient.documents.communities for f in await patient.rows(c).run(_locked, c)]


def _locked(tx: Tx, community: Community) -> list[Finding]:
    findings = []
    for room in community.every_room():
        if not locks.is_locked(tx, community.key, room.key, with_all=room.key != CONTROL_KEY):
            continue
        if bindings.bound_room(tx, community.key, room.key) is None:
            continue
        if open_ends.step_of(tx, community.key, room.key) == open_ends.LOCKED:
            wrong = (
                "It was closed when the bot found it again without its data. Why, and what somebody had set there by"
                " hand before, nobody knows any more."
            )
        else:
            wrong = "It is closed for a while: only leads can write, and nobody new comes in."
        # The space has no name to be typed by; it is opened with all the others.
        command = f"`{community.prefix}unlock {room.key or 'all'}`"
        remedy = f"When it is time, let a lead write {command} in the control room."
        findings.append(Finding("closed", _named(community, room), wrong, remedy))
    return findings


async def _muted(patient: Patient) -> list[Finding]:
    """People who can only read, and nobody knows until when."""
    return [f for c in patient.documents.communities for f in await patient.rows(c).run(_unexplained, c)]


def _unexplained(tx: Tx, community: Community) -> list[Finding]:
    findings = []
    for end in open_ends.open_ends(tx, community.key):
        room, where = community.room(end.key), bindings.bound_room(tx, community.key, end.key)
        if room is None or where is None or end.person is None or muted_at(tx, where, end.person) is None:
            continue
        remedy = _about_mute(tx, community, end, where)
        if remedy:
            wrong = f"{end.person} can read there but not write, and nobody knows any more why, or until when."
            findings.append(Finding("muted", _named(community, room), wrong, remedy))
    return findings


def _about_mute(tx: Tx, community: Community, end: OpenEnd, where: RoomId) -> str:
    """Say what to do about somebody who can only read; "" where a lead has said that it stays so."""
    usual = (mirror.power_of(tx, where).content or {}).get("users_default", 0)
    by_hand = f"Let a lead decide, and give them level {usual} there in their own app if they shall write again."
    match end.step:
        case open_ends.KEPT:
            return ""
        case open_ends.ASKED:
            return "Let a lead answer the bot's question about it in the control room."
        case open_ends.WAITING if bindings.bound_room(tx, community.key, CONTROL_KEY) is not None:
            return "Let a lead answer the bot's questions in the control room; this one comes after them."
    return by_hand


def _named(community: Community, room: Room) -> str:
    return f"{community.key}/{name_of(room)}"


CHECKS: Final[Iterable[Check]] = (
    Check("data", _data),
    Check("rooms", _rooms),
    Check("closed", _closed),
    Check("muted", _muted),
)
"""What is looked into, in this order."""
