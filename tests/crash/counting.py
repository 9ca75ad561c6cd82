"""Counts what the bot did against what it owed, kind by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise

from orchestrator.documents.load import load
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import EventId, UserId
from tests.crash.crowd import TALKING
from tests.crash.evidence import KEYS, Evidence
from tests.crash.grove import PINNED_EVERY, SPARE_RULE
from tests.crash.report import Report, Tally
from tests.real.bot import CAUSE, removals

QUESTION = "Small question number"
NORMS = "Be kind to each other"
LISTENING = "I am a program"
BREATH_MS = 9 * MINUTE_MS
"""A little less than what the bot takes for one breath."""


def count(seen: Evidence) -> Report:
    """Count everything that the bot did or should have done."""
    said = seen.crowd.said
    report = Report()
    report.tallies += [
        _rooms(seen),
        _removals(seen),
        *_answers(seen),
        *_questions(seen),
        _norms(seen),
        _invitations(seen),
        _pins(seen),
        _switches(seen),
        _whispers(seen),
        _hands(seen),
        Tally("reasons told or to be told", sum(seen.reasons.values()), ["one"] * seen.reasons.get("lost", 0)),
        _causes(seen),
    ]
    report.facts |= {
        "messages said": said.chatter + len(said.links) + len(said.questions),
        "events of the bot": len(list(seen.ours())),
        "direct rooms": len(seen.rooms.direct),
    }
    return report


def _rooms(seen: Evidence) -> Tally:
    missing = [key or "the space" for key in KEYS if key not in seen.rooms.declared]
    return Tally("rooms", len(KEYS) + len(seen.rooms.direct), missing, seen.rooms.strange)


def _removals(seen: Evidence) -> Tally:
    counts: Counter[EventId] = Counter()
    for history in seen.histories.values():
        counts.update(removals(history, seen.keeper))
    wanted = seen.crowd.said.links
    lost = [f"{event} said in {wanted[event]}" for event in wanted if not counts[event]]
    doubled = [f"{event} {n} times" for event, n in counts.items() if n > 1 or event not in wanted]
    return Tally("removals", len(wanted), lost, doubled)


def _answers(seen: Evidence) -> Iterable[Tally]:
    counts: Counter[EventId] = Counter()
    for event in seen.ours():
        asked = event.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id")
        if asked is not None:
            counts[EventId(asked)] += 1
    wanted = seen.crowd.said.questions
    lost = [f"{event} asked in {wanted[event]}" for event in wanted if not counts[event] and event not in seen.late]
    doubled = [f"{event} {n} times" for event, n in counts.items() if n > 1 or event not in wanted]
    doubled += [f"{event} too late, and answered" for event in seen.late if counts[event]]
    yield Tally("answers", len(wanted) - len(seen.late), lost, doubled)
    yield Tally("answers nobody waited for, recorded", len(seen.late))


def _questions(seen: Evidence) -> Iterable[Tally]:
    """Hold the slots against the clock and against the rooms: each due once, asked once or passed over with a reason."""
    plan = seen.crowd.grove.slots
    due = {plan.due_ms(n): n for n in range(plan.due_by(seen.until_ms))}
    written = Counter(slot.due_ms for slot in seen.slots)
    lost = [f"due {due_ms}, nothing written down" for due_ms in due if not written[due_ms]]
    doubled = [f"due {due_ms}, {n} times" for due_ms, n in written.items() if n > 1 or due_ms not in due]
    asked = Counter(event.id for key in TALKING for event in seen.said(key, QUESTION))
    passed = 0
    for slot in seen.slots:
        if slot.outcome == "done":
            if slot.event is None or asked.pop(slot.event, 0) != 1:
                lost.append(f"due {slot.due_ms}, done, and not in the room")
        elif slot.outcome in {"expired", "passed: late"} and plan.is_brief(due.get(slot.due_ms, 0)):
            passed += 1
        else:
            lost.append(f"due {slot.due_ms}, became: {slot.outcome}")
    yield Tally("questions asked", len(due) - passed, lost, [*doubled, *(f"{event}, of no slot" for event in asked)])
    yield Tally("questions passed over with a reason", passed)


def _norms(seen: Evidence) -> Tally:
    """In the plain room everybody can read the first post; in the sealed one it is posted again for who came later."""
    lost: list[str] = []
    doubled: list[str] = []
    most = {"plain": 1, "sealed": 2}
    for key in TALKING:
        posts = len(seen.said(key, NORMS))
        before = len(seen.unreadable(seen.rooms.declared[key], before_reader=True))
        if not posts:
            lost.append(key)
        doubled += [f"{key}: {posts} and {before} before anybody came"] * max(0, posts + before - most[key])
    return Tally("norms", len(TALKING), lost, doubled)


def _invitations(seen: Evidence) -> Tally:
    """The lead and the facilitators are asked into the space and the control room, once each.

    The lead cannot see how she was asked into the control room; she was, else nobody could read it.
    """
    lead = seen.crowd.lead.user_id
    wanted = {(key, user) for key in ("", "control") for user in (lead, *seen.crowd.grove.facilitators)}
    wanted.remove(("control", lead))
    counts = Counter(
        (key, UserId(event.state_key or ""))
        for key in KEYS
        for event in seen.ours(key)
        if event.type == "m.room.member" and event.state_key != event.sender
    )
    lost = [f"{user} into {key or 'the space'}" for key, user in wanted if not counts[key, user]]
    doubled = [
        f"{user} into {key}, {n} times" for (key, user), n in counts.items() if n > 1 or (key, user) not in wanted
    ]
    return Tally("invitations", len(wanted), lost, doubled)


def _pins(seen: Evidence) -> Tally:
    """The newest norms first, then the questions that are to be pinned; nothing twice and nothing else."""
    lost: list[str] = []
    doubled: list[str] = []
    expected = 0
    schedules = {f"small.daily.{n // 60:02}{n % 60:02}" for n in range(0, len(seen.crowd.grove.prompts), PINNED_EVERY)}
    for key in TALKING:
        norms: list[str] = [event.id for event in seen.said(key, NORMS)[-1:]]
        wanted = [*norms, *(s.event for s in seen.slots if s.room == key and s.schedule in schedules and s.event)]
        live = seen.pinned[key]
        expected += len(wanted)
        lost += [f"{key}: {event}" for event in wanted if event not in live]
        doubled += [f"{key}: {event}" for event in (Counter(live) - Counter(wanted)).elements()]
        if norms and live[:1] != norms:
            lost.append(f"{key}: the norms are not first")
    return Tally("pins", expected, lost, doubled)


def _switches(seen: Evidence) -> Tally:
    """The documents, with what was changed from within the rooms, say what the lead said last."""
    documents = load(seen.crowd.grove.config, today=datetime.now(UTC).date()).documents
    policy = documents.communities[0].policy()
    mode = next((rule.mode.value for rule in policy.rules if rule.id == SPARE_RULE), "") if policy is not None else ""
    wanted = seen.crowd.said.mode
    return Tally("rule as last switched", 1, [] if mode == wanted else [f"it is {mode!r} and not {wanted!r}"])


def _whispers(seen: Evidence) -> Tally:
    """Whoever says that they are sad is listened to, and hears it once for what they say in one breath."""
    lost: list[str] = []
    doubled: list[str] = []
    for room, person in seen.crowd.said.whispers.items():
        history = seen.histories.get(room, ())
        heard = [e.ts_ms for e in history if e.sender == seen.keeper and LISTENING in e.body]
        if not heard:
            lost.append(person.user_id)
        doubled += [f"{person.user_id} after {(b - a) / 1000:.0f} s" for a, b in pairwise(heard) if b - a < BREATH_MS]
    return Tally("whispers heard", len(seen.crowd.said.whispers), lost, doubled)


def _hands(seen: Evidence) -> Tally:
    hands = seen.crowd.said.hands
    told = Counter(
        user for event in seen.ours("control") for user in hands if user in event.body and "in touch" in event.body
    )
    lost = [user for user in hands if not told[user]]
    return Tally("raised hands passed on", len(hands), lost, [f"{user} {n} times" for user, n in told.items() if n > 1])


def _causes(seen: Evidence) -> Tally:
    """No two events of the bot, in any room, have the same cause; and all that was said to somebody can be read."""
    causes = Counter(event.content[CAUSE] for event in seen.ours() if CAUSE in event.content)
    unreadable = [event for room in seen.histories for event in seen.unreadable(room)]
    lost = [f"{event.room} {event.id} cannot be read" for event in unreadable]
    return Tally("causes", len(causes), lost, [f"{cause} {n} times" for cause, n in causes.items() if n > 1])
