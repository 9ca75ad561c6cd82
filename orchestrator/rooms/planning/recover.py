"""What was applied to a room before the database was lost, as far as the room itself can tell.

What the bot wrote is what was applied. Where somebody else wrote last, what the documents say now is taken for it, so that
their change is the drift that it was; but never so that more people could come in, read or do things because of it. What
cannot be told is left open, and the plan will ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.documents.declared import Community
from orchestrator.model.feature import Tx
from orchestrator.model.ids import JsonObject, RoomId, RoomKey, UserId
from orchestrator.model.things import ALIAS, LISTED, PSEUDO
from orchestrator.model.topic import OWN_WORDS
from orchestrator.rooms.closing.forgotten import SHUT, looks_locked
from orchestrator.rooms.closing.lockdown import JOIN
from orchestrator.rooms.state.attributes import ROLE, Attribute, Footing, attributes
from orchestrator.rooms.state.compose import ComposeContext, compose
from orchestrator.rooms.state.create import topic_parts
from orchestrator.rooms.state.levels import lead_level
from orchestrator.rooms.state.topic import topic_content
from orchestrator.store.claims import Claim
from orchestrator.store.mirror import digest_of

from .exposure import widens
from .live import LiveRoom, LiveState, live_room
from .reading import ABSENT, Absent, Value, same, value_at
from .standing import POWER


def recovered(
    tx: Tx, community: Community, key: RoomKey, rooms: Mapping[RoomKey, RoomId], me: UserId
) -> Iterator[tuple[Claim, bool]]:
    """List what was applied to a room that was found, and whether it stands there as it was applied."""
    live = {where: live_room(tx, where) for where in rooms.values()}
    here = live[rooms[key]]
    if not here.seen:
        return
    room = community.room(key)
    locked = room is not None and looks_locked(tx, community, room, rooms[key], me)
    footing = {key: Footing(here.version, here.power.of(me))}
    declared = [attribute for attribute in attributes(community, rooms, me, footing) if attribute.room == key]
    for attribute in declared:
        there = live[attribute.slot.room]
        claim = attribute.claim
        if claim is None or not there.seen:
            continue
        if locked and _is_held(attribute, there):
            yield claim, True  # a lockdown stands before it, and leaves what the files say
            continue
        applied = _applied(community, attribute, declared, there, me)
        if isinstance(applied, Absent):
            continue
        value = claim.value if same(attribute.path, applied, claim.value) else applied
        yield (
            replace(claim, value=value),
            same(attribute.path, _value(community, attribute, declared, there, me), value),
        )
    yield from ((claim, True) for claim in _former_leads(community, key, here, me))


def _is_held(attribute: Attribute, live: LiveRoom) -> bool:
    """Tell whether a lockdown is what keeps an attribute from being as the documents say."""
    if (attribute.slot.type, attribute.claim_path) == (JOIN, ("join_rule",)):
        return True
    touched = attribute.claim_path[0] in {*SHUT, "events"} if attribute.claim_path else False
    if attribute.slot.type != POWER or not touched:
        return False
    at = value_at(attribute.path, attribute.claim_path, live.content(POWER))
    wanted = attribute.value
    return isinstance(at, int) and isinstance(wanted, int) and at > wanted


def _applied(
    community: Community, attribute: Attribute, declared: list[Attribute], live: LiveRoom, me: UserId
) -> Value:
    """Tell what was applied; ABSENT where that cannot be told, or nothing was."""
    type_, key = attribute.slot.type, attribute.slot.key
    desired = attribute.value
    if type_ == LISTED:
        # Nobody can say who lists a room; what nobody can see is safe to keep so.
        return desired if desired is False else ABSENT
    if type_ == ALIAS:
        named = (live.content("m.room.canonical_alias") or {}).get("alias")
        return desired if isinstance(named, str) and named[1:].partition(":")[0] == key else ABSENT
    event = live.at(type_, key)
    if event is None:
        # A link is the last thing that is made: what fell in between is made good.
        return desired if attribute.part == "links" else ABSENT
    value = _value(community, attribute, declared, live, me)
    if value is None:
        return ABSENT if event.sender == me else desired
    if event.sender == me:
        return value
    return value if widens(attribute.path, value, desired) else desired


def _value(community: Community, attribute: Attribute, declared: list[Attribute], live: LiveRoom, me: UserId) -> Value:
    """Read what stands there; None where that cannot be told."""
    type_, key = attribute.slot.type, attribute.slot.key
    if type_ in PSEUDO:
        return None
    content = live.content(type_, key)
    event = live.at(type_, key)
    if content is None and event is not None:
        content = _guess(community, attribute, declared, event, live, me)
        if content is None:
            return None
    mine = [attribute.value] if isinstance(attribute.value, str) else []
    room = community.room(attribute.room)
    said = {} if room is None else {slot: words for slot, words in topic_parts(room).items() if slot != OWN_WORDS.name}
    return value_at(attribute.path, attribute.claim_path, content, said=said, mine=mine)


def _guess(
    community: Community, attribute: Attribute, declared: list[Attribute], event: LiveState, live: LiveRoom, me: UserId
) -> JsonObject | None:
    room = community.room(attribute.room)
    if room is not None and attribute.path == "topic" and digest_of(topic_content(topic_parts(room))) == event.digest:
        return topic_content(topic_parts(room))
    claims = [other.claim for other in declared if other.slot == attribute.slot and other.claim is not None]
    context = ComposeContext(room_version=live.version, creators=live.creators, me=me, by_me=True)
    content = compose(attribute.slot.type, None, claims, context)
    return content if content is not None and digest_of(content) == event.digest else None


def _former_leads(community: Community, key: RoomKey, live: LiveRoom, me: UserId) -> Iterator[Claim]:
    """Find who held a lead's power by our hand and is no lead any more: taking it back waits for a person's word."""
    room, event = community.room(key), live.at(POWER)
    users = (live.content(POWER) or {}).get("users")
    if room is None or event is None or event.sender != me or not isinstance(users, Mapping):
        return
    for user, level in users.items():
        if user not in {me, *community.leads} and level == lead_level(room):
            yield Claim(room=live.id, type=POWER, path=("users", user), owner=ROLE, value=level)
