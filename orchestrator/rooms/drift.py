"""What somebody changes by hand, noticed as it happens: put right, asked about, or left, as the documents say.

Only other people's events come here, so what the bot writes is never drift. Where the documents say ``report``, the leads
are asked once: to keep it, or to put it back. Where they say ``enforce`` the claims put it right by themselves; somebody who
changes it back more than three times within a day means it, and then the bot stops and asks as well. What is kept is
remembered as a digest of what stands there: the same thing is not asked about again, and the plan does not count it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import N_, _
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Choice
from orchestrator.model.events import State as StateEvent
from orchestrator.model.feature import Answer, Now, Role, Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId
from orchestrator.store import drifts, mirror, questions
from orchestrator.store.claims import Claim, claims_on, drop_claim, put_claim, put_ended
from orchestrator.store.drifts import Drift
from orchestrator.store.structure import NOTED

from .asking import ask_keepers, written
from .changes import Change, Plan, Slot, State
from .planning.kept import digest_of_change, digest_of_value
from .planning.plan import make_plan
from .planning.sight import look
from .report import CRAFT, tell_leads
from .state.attributes import TEMPLATE
from .state.compose import APPLIED, ON_DRIFT

DRIFT: Final = "drift"
"""What such a question is about (``asking.written``)."""

OWNER: Final = "drift"
"""Whose claim it is that a state event is left alone that the documents would put right."""

ROUNDS: Final = 3
"""How often the same thing is put right within a day before somebody is asked."""

OPEN_MS: Final = 7 * DAY_MS
MOST_ASKED: Final = 10
"""How many questions about such changes may be open; beyond that the leads are pointed to ``!drift``."""

_WHAT: Final = {
    "name": N_("the name"),
    "topic": N_("the topic"),
    "avatar": N_("the picture"),
    "alias": N_("the address"),
    "settings.join": N_("who may come in"),
    "settings.allow": N_("who may come in"),
    "settings.history": N_("who can read what was said before"),
    "settings.guests": N_("whether guests may come in"),
    "settings.retention": N_("how long things are kept"),
    "link": N_("its place in the space"),
    "order": N_("its place in the space"),
    "suggested": N_("whether it is suggested to newcomers"),
    "in": N_("its place in the space"),
}


def heard(tx: Tx, community: Community, room: Room, event: StateEvent, me: UserId, now: Now) -> Iterator[AnyEffect]:
    """Notice that somebody changed the state of a room of ours."""
    slot = Slot(event.room, event.type, event.key)
    live = mirror.state_of(tx, *slot)
    if event.sender == me or live is None or live.event != event.id:
        return  # what has been overtaken already is nobody's drift
    if not any(not claim.ended for claim in claims_on(tx, *slot, now.at_ms)):
        return  # nothing is wanted of it
    here = [change for change in _plan(tx, community, room, event, me).changes if change.slot == slot]
    known = drifts.at(tx, *slot)
    by_hand = [change for change in here if change.state is State.DRIFT]
    for change in here:
        # What is fought over is remembered for its day, also while it is as it should be.
        drift = known.get(change.claim_path)
        if change.state is State.NO_OP and drift is not None and not _is_fresh(drift, now):
            _forget(tx, slot, drift, now)
    asked: list[Change] = []
    for change in by_hand:
        before, digest = known.get(change.claim_path), digest_of_value(change.live)
        if before is not None and before.state != "fought" and before.digest == digest:
            drifts.keep(tx, replace(before, event=event.id))
            continue
        drift = Drift(
            room=event.room, type=event.type, key=event.key, path=change.claim_path, event=event.id, digest=digest,
            state="asked",
        )  # fmt: skip
        if change.stance == "enforce" and (before is None or before.state == "fought"):
            rounds, since_ms = (
                (before.rounds + 1, before.since_ms)
                if before is not None and _is_fresh(before, now)
                else (1, now.at_ms)
            )
            if rounds <= ROUNDS:
                drifts.keep(tx, replace(drift, state="fought", rounds=rounds, since_ms=since_ms))
                continue
            _leave_alone(tx, slot, now)
        _withdraw(tx, community, known)
        drifts.keep(tx, drift)
        asked.append(change)
    if asked:
        yield from _ask(tx, community, room, event, asked, now)


def answered(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Keep it or put it back, as a lead said; where nobody said anything it stays, and stays in the plan."""
    if answer.choice is None or answer.role < Role.LEAD:
        return
    slot = Slot(RoomId(str(about.get("room"))), str(about.get("type")), str(about.get("key")))
    live = mirror.state_of(tx, *slot)
    if live is None or live.event != about.get("event"):
        yield content.conclusion(answer, _("That was changed again meanwhile, so I did nothing."), now)
        return
    known = drifts.at(tx, *slot)
    if answer.choice == "keep":
        for drift in known.values():
            if drift.state == "asked":
                drifts.keep(tx, replace(drift, state="kept"))
        yield content.conclusion(answer, stays(community), now)
        return
    put_back(tx, community, slot, live.event, [drift.path for drift in known.values() if drift.state == "asked"], now)
    yield content.conclusion(answer, _("All right, I am putting it back as the files say."), now)


def stays(community: Community) -> str:
    """Say that what somebody changed is meant to stay."""
    said = _("All right, it stays as it is now, and `{prefix}plan` shows it no longer.")
    return said.format(prefix=community.prefix)


def keep_as_is(tx: Tx, community: Community, slot: Slot, changes: Sequence[Change], event: EventId) -> None:
    """Remember that what stands in a state event is meant to."""
    before = drifts.at(tx, *slot)
    _withdraw(tx, community, before)
    for change in changes:
        known = before.get(change.claim_path)
        # Of words only the digest is known that was taken when they were heard.
        digest = known.digest if change.state is State.UNKNOWN and known is not None else digest_of_change(change)
        room, type_, key = slot
        drifts.keep(
            tx,
            Drift(room=room, type=type_, key=key, path=change.claim_path, event=event, digest=digest, state="kept"),
        )


def put_back(
    tx: Tx, community: Community, slot: Slot, event: EventId, paths: Sequence[tuple[str, ...]], now: Now
) -> None:
    """Put right what stands at these paths of a state event, whatever is done about other people's changes."""
    known = drifts.at(tx, *slot)
    _withdraw(tx, community, known)
    for drift in known.values():
        drifts.drop(tx, drift.room, drift.type, drift.key, drift.path)
    room, type_, key = slot
    drop_claim(tx, room, type_, OWNER, now.at_ms, key=key, path=ON_DRIFT)
    # A person decided about this very event; what comes after it is another matter.
    value: Json = {"on": event, "paths": [list(path) for path in sorted(set(paths))]}
    put_ended(tx, Claim(room=room, type=type_, key=key, path=APPLIED, owner=TEMPLATE, value=value), now.at_ms)


def what(change: Change) -> str:
    """Say in plain words what an attribute is about."""
    if change.path.startswith(("power.", "leads.")):
        return _("who may do what")
    if change.path.startswith("settings.acl"):
        return _("which servers may take part")
    return _(_WHAT.get(change.path.partition(".")[0] if change.path.startswith("alias") else change.path, change.path))


def _plan(tx: Tx, community: Community, room: Room, event: StateEvent, me: UserId) -> Plan:
    """Plan what the event is about, with as little as possible around it."""
    if event.type != "m.space.child":
        around = tuple(other for other in community.rooms if other.kind == "space" or other.key == room.key)
        allowed = tuple(other for other in community.rooms if other not in around and other.key in room.settings.allow)
        community = replace(community, rooms=(*around, *allowed))
    read = {Slot(event.room, event.type, event.key): event.content}
    plan = make_plan(community, look(tx, community, read), me)
    if plan.needed:
        plan = make_plan(community, look(tx, community, read, plan.needed), me)
    return plan


def _ask(
    tx: Tx, community: Community, room: Room, event: StateEvent, changes: Sequence[Change], now: Now
) -> Iterator[AnyEffect]:
    if drifts.open_questions(tx) > MOST_ASKED:
        words = _(
            "Many things are being changed by hand. I stop asking about each of them; `{prefix}drift` lists them all."
        ).format(prefix=community.prefix)
        yield from tell_leads(tx, community, f"drift-many:{community.key}:{now.at_ms // DAY_MS}", words)
        return
    things = ", ".join(dict.fromkeys(what(change) for change in changes))
    lines = [
        _("{who} changed this in “{room}” by hand: {things}. The files say otherwise.").format(
            who=event.sender, room=room.name, things=things
        )
    ]
    if event.type not in NOTED:  # a name or a topic is somebody's words, and they stand in the room anyway
        lines += [_value_line(change) for change in changes[:5]]
    if any(change.stance == "enforce" for change in changes):
        lines.append(
            _("I have put it back {rounds} times today and it keeps coming, so I stopped.").format(rounds=ROUNDS)
        )
    choices = (Choice("👍", _("keep"), "keep"), Choice("↩️", _("put back"), "revert"))
    yield from ask_keepers(
        tx,
        community,
        "\n".join([*lines, "", _("Shall it stay as it is now, or shall I put it back?")]),
        choices,
        step=f"drift:{event.id}",
        subject=_subject(community, event.room, event.type, event.key, event.id),
        needs=Role.LEAD,
        open_ms=OPEN_MS,
        people=[event.sender],
    )


def _value_line(change: Change) -> str:
    is_plain = not change.path.startswith(("power.", "leads.", "settings.acl"))  # of those, only the path says which
    return _("- {thing}: now {now}, in the files {then}").format(
        thing=what(change) if is_plain else change.path, now=in_short(change.live), then=in_short(change.desired)
    )


def in_short(value: Json) -> str:
    """Write a value for somebody who reads it on a telephone."""
    match value:
        case None:
            return _("nothing")
        case bool():
            return _("yes") if value else _("no")
        case list() | tuple():
            return ", ".join(in_short(one) for one in value) or _("nothing")
        case _:
            return str(value)[:80]


def _subject(community: Community, room: RoomId, type_: str, key: str, event: EventId) -> str:
    return written(DRIFT, community=community.key, room=room, type=type_, key=key, event=event)


def _withdraw(tx: Tx, community: Community, known: dict[tuple[str, ...], Drift]) -> None:
    """Take back what was asked about an earlier state of the same thing."""
    for drift in known.values():
        questions.withdraw(tx, CRAFT, _subject(community, drift.room, drift.type, drift.key, drift.event))


def _forget(tx: Tx, slot: Slot, drift: Drift, now: Now) -> None:
    room, type_, key = slot
    drifts.drop(tx, room, type_, key, drift.path)
    drop_claim(tx, room, type_, OWNER, now.at_ms, key=key, path=ON_DRIFT)


def _leave_alone(tx: Tx, slot: Slot, now: Now) -> None:
    room, type_, key = slot
    put_claim(tx, Claim(room=room, type=type_, key=key, path=ON_DRIFT, owner=OWNER, value="report"), now.at_ms)


def _is_fresh(drift: Drift, now: Now) -> bool:
    return drift.state == "fought" and 0 <= now.at_ms - drift.since_ms < DAY_MS
