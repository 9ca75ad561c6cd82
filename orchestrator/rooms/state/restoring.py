"""What the one writer should write, and what stood there before something that passes.

A lockdown and the closing of a room end one day, and then exactly what was before has to come back, also where no other
claim knows it: a level that a person set, a rule of a room that was taken over. So just before such a claim is written
for the first time, what is live, read from the server at that moment, is remembered with the claim, in the same
transaction that works out what to write: a crash in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, JsonObject, RoomId, UserId
from orchestrator.store import claims, mirror
from orchestrator.store.claims import Claim

from .compose import (
    APPLIED,
    INHERITED,
    ON_DRIFT,
    PASSING,
    ComposeContext,
    compose,
    compose_context,
    decided_paths,
)

THEIRS: Final = "theirs"
"""Who claims that an event that the bot wrote holds what a person decided."""

_ABOUT: Final = frozenset({APPLIED, INHERITED, ON_DRIFT})


def composed(
    tx: Tx, room: RoomId, type_: str, key: str, live: JsonObject | None, me: UserId, now_ms: int
) -> JsonObject | None:
    """Work out what a state event should be, from what is claimed of it and what is live, read just now.

    Returns:
        the content; None when nothing is claimed and nothing should be written.
    """
    wanted = claims.claims_on(tx, room, type_, key, now_ms)
    if not wanted:
        return None
    wanted = _remembering(tx, wanted, live)
    context = compose_context(tx, room, me, type_=type_, key=key, live=live)
    merged = compose(type_, live, wanted, context)
    if merged is not None and merged != live and _leaves_theirs(wanted, live, merged, context):
        content = Claim(room=room, type=type_, key=key, path=INHERITED, owner=THEIRS, value=mirror.digest_of(merged))
        claims.remember_claim(tx, content)
    return merged


def stands(tx: Tx, room: RoomId, type_: str, key: str, live: JsonObject, me: UserId, now_ms: int) -> bool:
    """Tell whether a state event is what is claimed of it; False where that takes a look at the server, or a note."""
    wanted = claims.claims_on(tx, room, type_, key, now_ms)
    context = compose_context(tx, room, me, type_=type_, key=key, live=live)
    if not context.room_version or any(claim.ended or claim.owner in PASSING for claim in wanted):
        return False
    return compose(type_, live, wanted, context) == live


def _leaves_theirs(
    wanted: Sequence[Claim], live: JsonObject | None, merged: JsonObject, context: ComposeContext
) -> bool:
    """Tell whether only some of what is claimed was decided on, and beside it stays what a person put there.

    The event is ours once it is written, and what a person put into it is theirs still.
    """
    if not decided_paths(wanted, live, context):
        return False
    ours = (claim for claim in wanted if claim.owner == "template" and not claim.ended and claim.path)
    return any(_at(merged, claim.path) != (claim.value,) for claim in ours if claim.path not in _ABOUT)


def as_before(content: JsonObject, wanted: Sequence[Claim]) -> JsonObject:
    """Write a content as it will be when what passes has passed: nobody's change, and nothing to be planned away."""
    merged: dict[str, Json] = {**content}
    for claim in wanted:
        stands = claim.owner in PASSING and not claim.ended and claim.path and _at(merged, claim.path) == (claim.value,)
        if stands and claim.before is not None:
            merged = _with(merged, claim.path, claim.before)
    return merged


def _with(content: JsonObject, path: Sequence[str], value: tuple[Json, ...]) -> dict[str, Json]:
    inner = content.get(path[0])
    if len(path) > 1:
        value = (_with(inner if isinstance(inner, Mapping) else {}, path[1:], value),)
    rest = {key: kept for key, kept in content.items() if key != path[0]}
    return {**rest, path[0]: value[0]} if value else rest


def _remembering(tx: Tx, wanted: Sequence[Claim], live: JsonObject | None) -> list[Claim]:
    remembered: list[Claim] = []
    for claim in wanted:
        if claim.owner not in PASSING or claim.before is not None or claim.ended:
            remembered.append(claim)
            continue
        # Of two that pass, what stood before the first is what stood before the other.
        others = (other.before for other in wanted if other.path == claim.path and other.owner in PASSING)
        before = next((known for known in others if known is not None), None)
        if before is None:
            before = _at(live, claim.path)
        claims.keep_before(tx, claim, before)
        remembered.append(replace(claim, before=before))
    return remembered


def _at(content: JsonObject | None, path: Sequence[str]) -> tuple[Json, ...]:
    value: Json = content
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return ()
        value = value[part]
    return () if value is None else (value,)
