"""Claims and what is live, merged into the one content that a shared state event should have.

What people put there is kept. Of two claims on the same place the one earlier in ``OWNERS`` counts, and a claim that has
ended is taken out again if what it had put there still stands. ``compose`` of its own result changes nothing, and the
order in which the claims are given does not matter. How far a person's own change stands against the documents is a
claim of its own, ``("on_drift",)`` of the template: ``accept`` and ``report`` leave a name, a topic or a link as somebody
else set it; for power see ``power_levels``. Pins are always ours beside theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, JsonObject, RoomId, UserId
from orchestrator.model.things import PSEUDO
from orchestrator.model.topic import PARTS, TOPIC
from orchestrator.store import mirror
from orchestrator.store.claims import Claim
from orchestrator.store.rows import dump

from . import acl
from .pins import merge_pins
from .power_levels import merge_power
from .topic import merge_topic

OWNERS: Final = ("lockdown", "archive", "mute", "duty", "role", "norms", "prompt", "template")
"""Who wins over whom, first to last; owners that are not named here come just before the template."""

PASSING: Final = frozenset({"lockdown", "archive"})
"""The owners whose claims end in what was before (``restoring``), and hold whatever a person made of the event."""

ON_DRIFT: Final = ("on_drift",)
"""The path of the claim that says what to do about a person's own change."""

READ: Final = "digest:"
"""Begins the name of what was read before sync told which event it is; after it comes its digest."""

APPLIED: Final = ("applied",)
"""The path of the word that ``apply`` leaves for the writer, ``{"on": event, "paths": [...]}``: the event that was live when
a person decided to have what is claimed at these paths, whoever had set it. Where another event is live by then, somebody
was quicker, and that stands as ever."""

INHERITED: Final = ("inherited",)
"""The path of the word that a room's move leaves for the writer: the digest of what the bot copied from the room before, and
a person had written there. While that stands it counts as theirs, whoever's name is under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeContext:
    """What one has to know of a room to merge claims in it.

    Attributes:
        room_version: such as "12".
        creators: the sender of ``m.room.create`` and its ``additional_creators``.
        me: the bot's own user id.
        by_me: the live event was sent by the bot.
        event: the live event, "" where it is not known.
    """

    room_version: str
    creators: frozenset[UserId]
    me: UserId
    by_me: bool = False
    event: str = ""


def compose_context(
    tx: Tx, room: RoomId, me: UserId, *, type_: str = "", key: str = "", live: JsonObject | None = None
) -> ComposeContext:
    """Read from the mirror what has to be known of a room to merge claims in it.

    ``live`` was read from the server just now; that the bot wrote it is known only if the mirror has seen the same.
    """
    known = mirror.room_of(tx, room)
    seen = mirror.state_of(tx, room, type_, key)
    is_seen = live is not None and seen is not None and seen.digest == mirror.digest_of(live)
    return ComposeContext(
        room_version=known.version if known is not None else "",
        creators=known.creators if known is not None else frozenset(),
        me=me,
        by_me=is_seen and seen is not None and seen.sender == me,
        event=seen.event if is_seen and seen is not None else "",
    )


def compose(type_: str, live: JsonObject | None, claims: Sequence[Claim], context: ComposeContext) -> JsonObject | None:
    """Merge the claims on a state event with what is live into the content that should be.

    Returns:
        the content; equal to ``live`` when there is nothing to do, None when there should be nothing.
    """
    ordered = sorted(claims, key=_rank)
    on_drift = next((claim.value for claim in ordered if claim.path == ON_DRIFT and not claim.ended), None)
    # One that passed before it was ever written has nothing to take back.
    ordered = [c for c in ordered if c.path != ON_DRIFT and not (c.owner in PASSING and c.ended and c.before is None)]
    # What a person decided counts more than what is done about other people's changes.
    decided = decided_paths(ordered, live, context)
    inherited = live is not None and any(c.path == INHERITED and c.value == mirror.digest_of(live) for c in ordered)
    ordered = [claim for claim in ordered if claim.path not in {APPLIED, INHERITED}]
    patient = on_drift in {"accept", "report"} and live is not None
    theirs = patient and (inherited or not context.by_me)
    if theirs and decided and type_ != "m.room.power_levels":
        theirs = False
        if type_ != "m.space.child":  # a link is one thing
            ordered = [c for c in ordered if c.owner != "template" or c.ended or c.path in decided]
    if theirs and type_ != "m.room.power_levels" and any(claim.owner in PASSING for claim in ordered):
        ordered, theirs = [claim for claim in ordered if claim.owner in PASSING], False
    match type_:
        case "m.room.power_levels" if not context.room_version:
            # Sync has not shown us the room yet; when it does, its state events are looked at again.
            merged = live
        case "m.room.power_levels":
            merged = merge_power(
                live,
                ordered,
                room_version=context.room_version,
                creators=context.creators,
                me=context.me,
                # Only where the template says so: a room whose claims are not all there yet must not lose power.
                exact=on_drift == "enforce",
                patient=patient,
                decided=decided,
            )
        case "m.room.pinned_events":
            merged = merge_pins(live, ordered)
        case acl.TYPE:
            merged = _merge_servers(live, ordered, context, theirs=theirs)
        case _:
            merge = _WAYS.get(type_, _whole if type_ in PSEUDO else _merge)
            merged = live if theirs else merge(live, ordered)
    return live if _same(merged, live) else merged


def decided_paths(
    claims: Sequence[Claim], live: JsonObject | None, context: ComposeContext
) -> frozenset[tuple[str, ...]]:
    """List the paths at which a person decided to have what is claimed, over exactly what is live."""
    seen = {context.event, "" if live is None else f"{READ}{mirror.digest_of(live)}"}
    paths: set[tuple[str, ...]] = set()
    for claim in claims:
        if (
            claim.path == APPLIED
            and isinstance(claim.value, Mapping)
            and (context.by_me or claim.value.get("on") in seen)
        ):
            named = claim.value.get("paths")
            paths.update(tuple(_texts(path)) for path in (named if isinstance(named, list | tuple) else ()))
    return frozenset(paths)


def _rank(claim: Claim) -> tuple[int, str, str, str, bool]:
    place = OWNERS.index(claim.owner) if claim.owner in OWNERS else len(OWNERS) - 1
    before_template = claim.owner != "template"
    return (2 * place - before_template, claim.owner, dump(list(claim.path)), dump(claim.value), claim.ended)


def _is_part(claim: Claim) -> bool:
    return not claim.ended and len(claim.path) == 2 and claim.path[0] == PARTS


def _same(one: JsonObject | None, other: JsonObject | None) -> bool:
    return one is other or (one is not None and other is not None and dump(one) == dump(other))


def _merge_link(live: JsonObject | None, ordered: Sequence[Claim]) -> JsonObject | None:
    """Link a room from its space: our order, everybody's routes. What is no longer claimed is unlinked."""
    if any(claim.value == {} and not claim.ended for claim in ordered):
        return {} if live else live
    wanted: dict[str, Json] = {}
    for claim in reversed([claim for claim in ordered if not claim.ended]):
        wanted |= {path[0]: value for path, value in _leaves(claim)}
    if "via" not in wanted:
        ended = next((claim for claim in ordered if claim.ended), None)
        stood = ended.before[0] if ended is not None and ended.before else None
        if stood and not live and isinstance(stood, Mapping):
            return stood
        return {} if live and ended is not None and ended.owner not in PASSING else live
    routes = [*_texts(wanted["via"]), *_texts((live or {}).get("via"))]
    content = {**(live or {}), **wanted, "via": list(dict.fromkeys(routes))}
    return {key: value for key, value in content.items() if not (key == "suggested" and value is False)}


def _merge_parts(live: JsonObject | None, ordered: Sequence[Claim]) -> JsonObject | None:
    """Put a topic together from what each craft has to say in it."""
    parts = {claim.path[1]: claim.value for claim in reversed(ordered) if _is_part(claim)}
    said = {slot: text for slot, text in parts.items() if isinstance(text, str)}
    return merge_topic(live, said) if said else live


def _merge_servers(
    live: JsonObject | None, ordered: Sequence[Claim], context: ComposeContext, *, theirs: bool
) -> JsonObject | None:
    """Merge what the template says of servers; what lists say stands beside that, whoever wrote it."""
    listed = [claim for claim in ordered if claim.path[:1] == (acl.LISTED,)]
    others = [claim for claim in ordered if claim.path[:1] != (acl.LISTED,)]
    return acl.merge_listed(live if theirs or not others else _merge(live, others), listed, context.me)


def _whole(live: JsonObject | None, ordered: Sequence[Claim]) -> JsonObject | None:
    """Take the first claim for all of it: what is no event has no keys of other people, and {} says that it is not."""
    active = [claim for claim in ordered if not claim.ended]
    place = next((place for place, claim in enumerate(active) if claim.path == ()), None)
    if place is None or not isinstance(active[place].value, Mapping):
        return _merge(live, ordered)
    content: dict[str, Json] = {path[0]: value for path, value in _leaves(active[place])}
    for claim in reversed(active[:place]):
        content = _set(content, claim.path, claim.value)
    return content


def _merge(live: JsonObject | None, ordered: Sequence[Claim]) -> JsonObject | None:
    """Set each claimed path in the live content; keys that nobody claims stay."""
    content: dict[str, Json] = dict(live or {})
    for claim in ordered:
        if claim.ended:
            for path, value in _leaves(claim):
                content = _removed(content, path, value, claim.before or ())
    for claim in reversed([claim for claim in ordered if not claim.ended]):
        for path, value in _leaves(claim):
            content = _set(content, path, value)
    return content if content or live is not None else None


def _leaves(claim: Claim) -> list[tuple[tuple[str, ...], Json]]:
    if claim.path:
        return [(claim.path, claim.value)]
    return [((key,), value) for key, value in claim.value.items()] if isinstance(claim.value, Mapping) else []


def _set(content: Mapping[str, Json], path: tuple[str, ...], value: Json) -> dict[str, Json]:
    inner = content.get(path[0])
    if len(path) > 1:
        value = _set(inner if isinstance(inner, Mapping) else {}, path[1:], value)
    return {**content, path[0]: value}


def _removed(
    content: Mapping[str, Json], path: tuple[str, ...], value: Json, before: tuple[Json, ...]
) -> dict[str, Json]:
    """Take a value out if it still stands, and put back what was there before it, where that is known."""
    inner = content.get(path[0])
    if len(path) > 1 and isinstance(inner, Mapping):
        return {**content, path[0]: _removed(inner, path[1:], value, before)}
    stands = len(path) == 1 and path[0] in content and dump(inner) == dump(value)
    if stands and before:
        return {**content, path[0]: before[0]}
    return {key: kept for key, kept in content.items() if not (stands and key == path[0])}


def _texts(value: Json) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []


_WAYS: Final = {TOPIC: _merge_parts, "m.space.child": _merge_link}
"""How the claims on some state events are merged; on all others path by path."""
