"""Counts what the bot did, in the rooms' own histories as members read them, and nowhere else.

The bot's database is asked for one thing only: what it says of the questions' slots, to be held against the rooms.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, RoomKey, UserId, cause_of, locator_of
from orchestrator.store import outbox
from orchestrator.store.rows import number, text
from tests.crash.crowd import TALKING, Crowd
from tests.crash.grove import Grove
from tests.crash.report import Report, Tally
from tests.real.bot import CAUSE, removals
from tests.real.encrypted_person import EncryptedPerson
from tests.real.wire import Seen

LOCATOR = "org.circlekeeper.locator"
QUESTION = "Small question number"
NORMS = "Be kind to each other"
LISTENING = "I am a program"
BREATH_MS = 9 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Slot:
    """What the bot wrote down about a question that was due."""

    room: RoomKey
    schedule: str
    due_ms: int
    outcome: str
    event: EventId | None


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every room the bot is in, as the homeserver knows it.

    Attributes:
        declared: by key.
        direct: by room, with whom.
        strange: rooms that should not be, with a reason.
    """

    declared: Mapping[str, RoomId]
    direct: Mapping[RoomId, UserId]
    strange: Sequence[str]


async def rooms_of(grove: Grove, people: Iterable[UserId], opened: Mapping[RoomId, UserId]) -> Rooms:
    """Look at every room the bot is joined to, and by which locator it is known; ``opened`` are rooms that people made."""
    server = grove.homeserver
    answer: Any = await server.admin_request("GET", f"/_synapse/admin/v1/users/{grove.keeper}/joined_rooms")
    known = {locator_of(grove.keeper, "grove", key): key for key in ("", "control", *TALKING)}
    whose = {locator_of(grove.keeper, "direct", user): user for user in people}
    declared: dict[str, RoomId] = {}
    made: dict[RoomId, UserId] = {}
    came: dict[RoomId, UserId] = {}
    strange: list[str] = []
    for joined in answer["joined_rooms"]:
        room = RoomId(str(joined))
        state: Any = await server.admin_request("GET", f"/_synapse/admin/v1/rooms/{room}/state")
        locator = next((event["content"]["locator"] for event in state["state"] if event["type"] == LOCATOR), "")
        if locator in known:
            if known[locator] in declared:
                strange.append(f"{known[locator] or 'the space'} twice: {declared[known[locator]]} and {room}")
            declared.setdefault(known[locator], room)
        elif locator in whose:
            if whose[locator] in made.values():
                strange.append(f"the direct room of {whose[locator]} twice")
            made[room] = whose[locator]
        elif room in opened:
            came[room] = opened[room]
        else:
            strange.append(f"{room}, of which nobody knows what it is for")
    return Rooms(declared, made | came, strange)


async def count(crowd: Crowd, *, until_ms: int) -> Report:
    """Count everything that the bot did or should have done.

    Args:
        crowd: the people, who have stopped talking; their clients are up to date.
        until_ms: questions that fell due by then are expected.
    """
    grove = crowd.grove
    opened = {room: person.user_id for room, person in crowd.said.whispers.items()}
    rooms = await rooms_of(grove, [person.user_id for person in crowd.everybody], opened)
    histories = await _histories(crowd, rooms)
    ours = [event for history in histories.values() for event in history if event.sender == grove.keeper]
    report = Report()
    report.tallies += [
        _rooms(rooms),
        _removals(crowd, histories),
        *_answers(crowd, ours, await grove.read(expired_answers, crowd.said.questions)),
        *_questions(grove, await grove.read(slots), histories, rooms, until_ms),
        _norms(histories, rooms, crowd),
        _invitations(crowd, rooms, histories),
        _whispers(crowd, histories),
        _hands(crowd, histories[rooms.declared["control"]]),
        await _pins(crowd, rooms, histories, await grove.read(slots)),
        await _told(grove),
        _causes(histories, rooms, crowd),
    ]
    report.facts |= {
        "messages said": crowd.said.chatter + len(crowd.said.links) + len(crowd.said.questions),
        "events of the bot": len(ours),
        "direct rooms": len(rooms.direct),
    }
    return report


def slots(tx: Tx) -> list[Slot]:
    """Read what the bot wrote down about its questions."""
    rows = tx.rows("select key, schedule, due_ms, outcome, event from slot where account = :account order by due_ms")
    return [
        Slot(
            RoomKey(text(row, "key")),
            text(row, "schedule"),
            number(row, "due_ms"),
            text(row, "outcome"),
            EventId(str(row["event"])) if row["event"] else None,
        )
        for row in rows
    ]


async def _histories(crowd: Crowd, rooms: Rooms) -> dict[RoomId, list[Seen]]:
    """Read every room as somebody who has been in it from the start, or whose room it is."""
    readers: dict[RoomId, EncryptedPerson] = dict.fromkeys(rooms.declared.values(), crowd.lead)
    whose = {person.user_id: person for person in crowd.everybody}
    readers |= {room: whose[user] for room, user in rooms.direct.items()}
    return {room: await reader.history(room) for room, reader in readers.items()}


def _rooms(rooms: Rooms) -> Tally:
    missing = [key or "the space" for key in ("", "control", *TALKING) if key not in rooms.declared]
    return Tally("rooms", len(TALKING) + 2 + len(rooms.direct), missing, rooms.strange)


def _removals(crowd: Crowd, histories: Mapping[RoomId, Sequence[Seen]]) -> Tally:
    counts: Counter[EventId] = Counter()
    for history in histories.values():
        counts.update(removals(history, crowd.grove.keeper))
    wanted = crowd.said.links
    lost = [f"{event} said in {wanted[event]}" for event in wanted if not counts[event]]
    doubled = [f"{event} {n} times" for event, n in counts.items() if n > 1 or event not in wanted]
    return Tally("removals", len(wanted), lost, doubled)


def _answers(crowd: Crowd, ours: Iterable[Seen], expired: Collection[EventId]) -> Iterable[Tally]:
    counts: Counter[EventId] = Counter()
    for event in ours:
        asked = event.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id")
        if asked is not None:
            counts[EventId(asked)] += 1
    wanted = crowd.said.questions
    lost = [f"{event} asked in {wanted[event]}" for event in wanted if not counts[event] and event not in expired]
    doubled = [f"{event} {n} times" for event, n in counts.items() if n > 1 or event not in wanted]
    doubled += [f"{event} expired, and answered" for event in expired if counts[event]]
    yield Tally("answers", len(wanted) - len(expired), lost, doubled)
    yield Tally("answers that came too late, recorded", len(expired))


def expired_answers(tx: Tx, asked: Iterable[EventId]) -> set[EventId]:
    """Find the commands whose answers nobody waited for any more, as the bot's journal has it."""
    found = set()
    for event in asked:
        for craft in ("engine", "culture", "facilitation"):
            line = outbox.journal_of(tx, cause_of(tx.account, event, craft, "answer"))
            if line is not None and line["outcome"] == "expired":
                found.add(event)
    return found


def _questions(
    grove: Grove, written: Sequence[Slot], histories: Mapping[RoomId, Sequence[Seen]], rooms: Rooms, until_ms: int
) -> Iterable[Tally]:
    """Hold the slots against the clock and against the rooms: each due once, asked once or passed over with a reason."""
    plan = grove.slots
    due = {plan.due_ms(n): n for n in range(plan.due_by(until_ms))}
    counted = Counter(slot.due_ms for slot in written)
    lost = [f"due {due_ms}, nothing written down" for due_ms in due if not counted[due_ms]]
    doubled = [f"due {due_ms}, {n} times" for due_ms, n in counted.items() if n > 1 or due_ms not in due]
    asked = Counter(
        event.id for room in TALKING for event in histories[rooms.declared[room]] if _is_question(event, grove)
    )
    passed = 0
    for slot in written:
        if slot.outcome == "done":
            if slot.event is None or asked.pop(slot.event, 0) != 1:
                lost.append(f"due {slot.due_ms}, done, and not in the room")
        elif slot.outcome in {"expired", "passed: late"} and plan.is_brief(due.get(slot.due_ms, 0)):
            passed += 1
        else:
            lost.append(f"due {slot.due_ms}, became: {slot.outcome}")
    doubled += [f"{event}, of no slot" for event in asked]
    yield Tally("questions asked", len(due) - passed, lost, doubled)
    yield Tally("questions passed over with a reason", passed)


def _is_question(event: Seen, grove: Grove) -> bool:
    return event.sender == grove.keeper and QUESTION in event.body


def _norms(histories: Mapping[RoomId, Sequence[Seen]], rooms: Rooms, crowd: Crowd) -> Tally:
    """In the plain room everybody can read the first post; in the sealed one it is posted again for who came later."""
    lost: list[str] = []
    doubled: list[str] = []
    most = {"plain": 1, "sealed": 2}
    for key in TALKING:
        keeper = crowd.grove.keeper
        history = histories[rooms.declared[key]]
        posts = sum(event.sender == keeper and _is_norms(event) for event in history)
        before = len(_unreadable(history, keeper)) - len(_unreadable(_after(history, crowd.lead.user_id), keeper))
        if not posts:
            lost.append(key)
        doubled += [f"{key}: {posts} and {before} before anybody came"] * max(0, posts + before - most[key])
    return Tally("norms", len(TALKING), lost, doubled)


def _is_norms(event: Seen) -> bool:
    return event.content.get("msgtype") == "m.text" and NORMS in event.body


def _invitations(crowd: Crowd, rooms: Rooms, histories: Mapping[RoomId, Sequence[Seen]]) -> Tally:
    """The lead and the facilitators are asked into the space and the control room, once each.

    The lead cannot see how she was asked into the control room; she was, else nobody could read it.
    """
    wanted = {(key, user) for key in ("", "control") for user in (crowd.lead.user_id, *crowd.grove.facilitators)}
    wanted.remove(("control", crowd.lead.user_id))
    counts = Counter(
        (key, UserId(event.state_key or ""))
        for key, room in rooms.declared.items()
        for event in histories[room]
        if event.type == "m.room.member" and event.sender == crowd.grove.keeper and event.state_key != event.sender
    )
    lost = [f"{user} into {key or 'the space'}" for key, user in wanted if not counts[key, user]]
    doubled = [
        f"{user} into {key}, {n} times" for (key, user), n in counts.items() if n > 1 or (key, user) not in wanted
    ]
    return Tally("invitations", len(wanted), lost, doubled)


def _whispers(crowd: Crowd, histories: Mapping[RoomId, Sequence[Seen]]) -> Tally:
    """Whoever says that they are sad is listened to, and hears it once for what they say in one breath."""
    lost: list[str] = []
    doubled: list[str] = []
    for room, person in crowd.said.whispers.items():
        heard = [e.ts_ms for e in histories.get(room, ()) if e.sender == crowd.grove.keeper and LISTENING in e.body]
        if not heard:
            lost.append(person.user_id)
        doubled += [f"{person.user_id} after {(b - a) / 1000:.0f} s" for a, b in pairwise(heard) if b - a < BREATH_MS]
    return Tally("whispers heard", len(crowd.said.whispers), lost, doubled)


def _hands(crowd: Crowd, control: Sequence[Seen]) -> Tally:
    told = Counter(
        user
        for event in control
        for user in crowd.said.hands
        if event.sender == crowd.grove.keeper and user in event.body and "in touch" in event.body
    )
    lost = [user for user in crowd.said.hands if not told[user]]
    doubled = [f"{user} {n} times" for user, n in told.items() if n > 1]
    return Tally("raised hands passed on", len(crowd.said.hands), lost, doubled)


async def _pins(
    crowd: Crowd, rooms: Rooms, histories: Mapping[RoomId, Sequence[Seen]], written: Sequence[Slot]
) -> Tally:
    """The newest norms first, then the questions that are to be pinned; nothing twice and nothing else."""
    lost, doubled, expected = [], [], 0
    pinned_ids = {f"small.daily.{n // 60:02}{n % 60:02}" for n in range(0, len(crowd.grove.prompts), 10)}
    for key in TALKING:
        room = rooms.declared[key]
        norms = [e.id for e in histories[room] if e.sender == crowd.grove.keeper and _is_norms(e)][-1:]
        questions = [s.event for s in written if s.room == key and s.schedule in pinned_ids and s.event]
        wanted = [*norms, *questions]
        live = (await crowd.lead.state(room, "m.room.pinned_events"))["pinned"]
        expected += len(wanted)
        lost += [f"{key}: {event}" for event in wanted if event not in live]
        doubled += [f"{key}: {event}" for event in (Counter(live) - Counter(wanted)).elements()]
        if norms and live[:1] != norms:
            lost.append(f"{key}: the norms are not first")
    return Tally("pins", expected, lost, doubled)


async def _told(grove: Grove) -> Tally:
    """Whoever had a message removed was told, or a word to them has its time."""
    reasons = await grove.read(_reasons)
    return Tally(
        "reasons told or to be told",
        sum(reasons.values()),
        [f"{n} told: {t}" for t, n in reasons.items() if "lost" in t],
    )


def _reasons(tx: Tx) -> dict[str, int]:
    rows = tx.rows(
        "select told, exists (select 1 from timer where timer.account = reason.account and timer.key = 'why:' ||"
        ' reason."user") as waits, count(*) as n from reason where account = :account group by told, waits'
    )
    found: Counter[str] = Counter()
    for row in rows:
        told, waits = number(row, "told"), number(row, "waits")
        # 0: not yet, and then its timer must run; 1: yes; 2: on its way, and then it would still be in the outbox.
        found["yes" if told == 1 else "later" if told == 0 and waits else f"lost ({told})"] += number(row, "n")
    return dict(found)


def _causes(histories: Mapping[RoomId, Sequence[Seen]], rooms: Rooms, crowd: Crowd) -> Tally:
    """No two events of the bot, in any room, have the same cause; and all that was said to somebody can be read."""
    causes: dict[str, list[Seen]] = {}
    unreadable: list[Seen] = []
    for room, history in histories.items():
        reader = rooms.direct.get(room, crowd.lead.user_id)
        unreadable += _unreadable(_after(history, reader), crowd.grove.keeper)
        for event in history:
            if event.sender == crowd.grove.keeper and CAUSE in event.content:
                causes.setdefault(event.content[CAUSE], []).append(event)
    doubled = [f"{cause}: {_places(events)}" for cause, events in causes.items() if len(events) > 1]
    return Tally("causes", len(causes), [f"{event.room} {event.id} cannot be read" for event in unreadable], doubled)


def _unreadable(events: Iterable[Seen], keeper: UserId) -> list[Seen]:
    return [event for event in events if event.sender == keeper and event.type == "m.room.encrypted"]


def _after(history: Sequence[Seen], reader: UserId) -> Sequence[Seen]:
    """Leave out what was said before the one who reads was asked in."""
    for place, event in enumerate(history):
        if event.type == "m.room.member" and event.state_key == reader:
            return history[place:]
    return history


def _places(events: Iterable[Seen]) -> str:
    return json.dumps([[event.room, event.id, event.type] for event in events])
