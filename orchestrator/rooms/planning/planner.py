"""Plans one attribute at a time: finds out what stands live, compares, and says what is in the way or in danger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.i18n import _
from orchestrator.model.ids import Json, JsonObject, UserId, server_of
from orchestrator.model.things import ALIAS, FILE, PSEUDO, is_elsewhere
from orchestrator.rooms.changes import Change, Slot, State
from orchestrator.rooms.state.attributes import APPLIED_BY, MEGOLM, TEMPLATE, Attribute
from orchestrator.rooms.state.compose import INHERITED, ON_DRIFT, PASSING, READ, ComposeContext, compose
from orchestrator.store.claims import Claim
from orchestrator.store.mirror import digest_of

from .exposure import level_before, shut_out, widens
from .live import LiveRoom, LiveState
from .reading import ABSENT, Value, same, shown, value_at
from .removals import Removal
from .sight import Sight
from .standing import POWER, Standing, compare, creators_word, obstacle, word

_WRITES = frozenset({State.CREATE, State.ADOPT, State.UPDATE, State.CONFLICT, State.DRIFT})


class AttributePlanner:
    """Plans attributes of one community's rooms.

    Args:
        sight: what was seen.
        me: the bot.
        declared: everything that is desired; by it words behind a digest may be recognised.
        needed: takes up the slots that have to be read first.
    """

    def __init__(self, sight: Sight, me: UserId, declared: Iterable[Attribute], needed: set[Slot]) -> None:
        self._sight, self._me, self._needed = sight, me, needed
        self._keys = sight.keys()
        self._live = {live.id: live for live in sight.rooms.values()}
        self._applied: dict[tuple[Slot, tuple[str, ...], str], Json] = {
            (slot, claim.path, claim.owner): claim.value
            for slot, claims in sight.claims.items()
            for claim in claims
            if claim.owner in APPLIED_BY
        }
        self._declared: dict[Slot, list[Attribute]] = {}
        for attribute in declared:
            self._declared.setdefault(attribute.slot, []).append(attribute)
        self._passing = {
            slot: [claim.path for claim in claims if claim.owner in PASSING]
            for slot, claims in sight.claims.items()
            if any(claim.owner in PASSING for claim in claims)
        }
        self._contents: dict[Slot, JsonObject | None] = {}

    def removal(self, removal: Removal) -> Change:
        """Plan what was applied and is no longer said."""
        return self.change(removal.attribute, removed=True, forgotten=removal.forgotten)

    def change(self, attribute: Attribute, *, removed: bool = False, forgotten: bool = False) -> Change:
        """Plan one attribute; ``removed``: the documents do not have it any more, ``forgotten``: and it stays as it is."""
        live, now = self._live[attribute.slot.room], self._now(attribute) if not removed else None
        if now is not None:
            return now
        desired: Value = ABSENT if removed or attribute.value is None else attribute.value
        applied: Value = self._applied.get((attribute.slot, attribute.claim_path, attribute.owner), ABSENT)
        change = Change(
            room=attribute.room,
            path=attribute.path,
            state=State.UNKNOWN,
            desired=self._shown(attribute, desired),
            applied=self._shown(attribute, applied),
            reason=_("I could not read what stands there now."),
            origin=attribute.origin,
            stance=attribute.stance,
            slot=attribute.slot,
            claim_path=attribute.claim_path,
            owner=attribute.owner,
            value=None if removed else attribute.value,
            based_on=self._event(attribute.slot, live),
        )
        if not self._is_known(attribute, live):
            return change
        value = self._value(attribute, live, desired, applied)
        if attribute.cls == "create-only":
            applied = value
            change = replace(change, applied=self._shown(attribute, value))
        change = replace(change, live=self._shown(attribute, value))
        if attribute.fault:
            return replace(change, state=State.BLOCKED, reason=attribute.fault)
        if forgotten:
            reason = _("The files no longer say anything about this, so it stays as it is.")
            return replace(change, state=State.ORPHAN, reason=reason)
        standing = self._standing(attribute, live, desired, applied, value)
        return self._judged(attribute, live, change, standing)

    def _now(self, attribute: Attribute) -> Change | None:
        """Plan an attribute that differs in nothing, as most do; None where one has to look closer."""
        live = self._live[attribute.slot.room]
        applied = self._applied.get((attribute.slot, attribute.claim_path, attribute.owner))
        if applied is None or attribute.value is None or attribute.cls != "in-place" or applied != attribute.value:
            return None
        if not self._is_known(attribute, live):
            return None
        if not same(attribute.path, self._value(attribute, live, attribute.value, applied), attribute.value):
            return None
        value = self._shown(attribute, attribute.value)
        return Change(
            room=attribute.room,
            path=attribute.path,
            state=State.NO_OP,
            desired=value,
            applied=value,
            live=value,
            origin=attribute.origin,
            stance=attribute.stance,
            slot=attribute.slot,
            claim_path=attribute.claim_path,
            owner=attribute.owner,
            value=attribute.value,
            based_on=self._event(attribute.slot, live),
        )

    # -- what stands there ---------------------------------------------------------------------------------------------

    def _standing(self, attribute: Attribute, live: LiveRoom, desired: Value, applied: Value, value: Value) -> Standing:
        slot = attribute.slot
        event = live.at(slot.type, slot.key)
        ours = event is not None and event.sender == self._me and not self._is_inherited(slot, event)
        decided = self._sight.decided.get(slot)
        stands = decided is not None and attribute.claim_path in decided.paths
        over = {"", *(() if event is None else (event.event, f"{READ}{event.digest}"))}
        waits = stands and decided is not None and event is not None and decided.on in over
        if slot.type in PSEUDO:
            # Nobody is known to have set what is no event; in rooms of our own it was us.
            ours, waits = True, waits or slot in self._sight.marked
        else:
            # State does not vanish: what is not there was not written yet. That we wrote power levels last says nothing
            # about one level, since they hold many people's wishes.
            waits = waits or event is None or (ours and (slot.type != POWER or slot in self._sight.marked))
        refused = stands and slot not in self._sight.marked
        taken_over = attribute.room in self._sight.adopted
        return Standing(
            desired=desired,
            applied=applied,
            live=value,
            ours=ours,
            waits=waits,
            refused=refused,
            taken_over=taken_over,
        )

    def _is_inherited(self, slot: Slot, event: LiveState) -> bool:
        """Tell whether the bot only copied it from a room before, where a person had set it."""
        claims = self._sight.claims.get(slot, ())
        return any(claim.path == INHERITED and claim.value == event.digest for claim in claims)

    def _is_known(self, attribute: Attribute, live: LiveRoom) -> bool:
        slot = attribute.slot
        if attribute.path == "settings.federate":
            content = live.content(slot.type) or {}
            # Rows of an earlier version do not say; that a room was shut off is not to be taken for granted.
            if attribute.value is True or "m.federate" in content or (slot.type, "") in live.read:
                return True
            self._ask(slot, live)
            return False
        if slot in self._contents or attribute.cls == "create-only" or attribute.path == "settings.encryption":
            return True
        known = live.at(slot.type, slot.key)
        if live.is_known(slot.type, slot.key):
            self._contents[slot] = None if known is None else known.content
            return True
        for content in self._guesses(slot, live):
            if known is not None and digest_of(content) == known.digest:
                self._contents[slot] = content
                return True
        self._ask(slot, live)
        return False

    def _wanted(self, slot: Slot) -> list[Claim]:
        claims = (attribute.claim for attribute in self._declared.get(slot, ()))
        return [claim for claim in claims if claim is not None]

    def _ask(self, slot: Slot, live: LiveRoom) -> None:
        if (slot.type, slot.key) not in live.unread:
            self._needed.add(slot)

    def _guesses(self, slot: Slot, live: LiveRoom) -> list[JsonObject]:
        """Write what we would have written there: as it was applied, and as it is desired."""
        standing = self._sight.claims.get(slot, ())
        others = [claim for claim in standing if claim.owner not in APPLIED_BY]
        context = ComposeContext(room_version=live.version, creators=live.creators, me=self._me, by_me=True)
        guesses = []
        for claims in (standing, [*others, *self._wanted(slot)], self._wanted(slot)):
            content = compose(
                slot.type, None, [claim for claim in claims if claim.path not in {ON_DRIFT, INHERITED}], context
            )
            if content is not None:
                guesses.append(self._uploaded(content))
        return guesses

    def _uploaded(self, content: JsonObject) -> JsonObject:
        """Put the place of a picture where its file is named."""
        if FILE not in content:
            return content
        place = next((mxc for mxc, sha256 in self._sight.pictures.items() if sha256 == content[FILE]), "")
        return {key: value for key, value in content.items() if key != FILE} | {"url": place}

    def _value(self, attribute: Attribute, live: LiveRoom, desired: Value, applied: Value) -> Value:  # noqa: PLR0911 - one way out a kind
        slot, path = attribute.slot, attribute.path
        match path:
            case "kind":
                return "m.space" if live.space else ""
            case "settings.room_version":
                return live.version
            case "settings.federate":
                return (live.content(slot.type) or {}).get("m.federate", True)
            case "founders":
                return self._founders(attribute, live)
            case "settings.encryption":
                content = live.content(slot.type) or {}
                return (content.get("algorithm") or MEGOLM) if live.encrypted else ABSENT
        if (
            slot.type == POWER
            and attribute.claim_path[0] == "users"
            and live.is_creator(UserId(attribute.claim_path[1]))
        ):
            return applied if desired is ABSENT else desired
        if self._passes(attribute):
            return desired if applied is ABSENT else applied
        mine = [text for text in (desired, applied) if isinstance(text, str)]
        value = value_at(
            path,
            attribute.claim_path,
            self._contents.get(slot),
            said=self._said(slot) if path == "topic" else None,
            mine=mine,
        )
        if path == "avatar" and isinstance(value, str) and value in self._sight.pictures:
            return {FILE: self._sight.pictures[value]}
        return value

    def _founders(self, attribute: Attribute, live: LiveRoom) -> Json:
        """List the creators beside the bot; who made a room that was taken over is none of those whom we name."""
        beside = live.creators - {self._me}
        if self._me not in live.creators or attribute.room in self._sight.adopted:
            beside &= set(named if isinstance(named := attribute.value, list) else ())
        return [*sorted(beside)]

    def _passes(self, attribute: Attribute) -> bool:
        """Tell whether something that passes holds the place: a lockdown does not make a drift."""
        path = attribute.claim_path
        both = ((held, min(len(path), len(held))) for held in self._passing.get(attribute.slot, ()))
        return any(held[:least] == path[:least] for held, least in both)

    def _said(self, slot: Slot) -> Mapping[str, str]:
        claims = self._sight.claims.get(slot, ())
        return {
            c.path[1]: c.value for c in claims if len(c.path) == 2 and c.owner != TEMPLATE and isinstance(c.value, str)
        }

    def _event(self, slot: Slot, live: LiveRoom) -> str:
        event = live.at(slot.type, slot.key)
        return "" if event is None else event.event

    def _shown(self, attribute: Attribute, value: Value) -> Json:
        if attribute.path == "settings.encryption" and value is ABSENT:
            return "none"
        return shown(attribute.path, value, self._keys)

    # -- what follows --------------------------------------------------------------------------------------------------

    def _judged(self, attribute: Attribute, live: LiveRoom, change: Change, standing: Standing) -> Change:  # noqa: C901, PLR0911 - one way out a kind
        state = compare(attribute.path, standing)
        if standing.desired is ABSENT and attribute.path.startswith("leads.") and state is State.CONFLICT:
            state = State.UPDATE  # whatever somebody made of it meanwhile, it is to go
        change = replace(change, state=state, beneath=state, reason=word(state, change, standing))
        if state not in _WRITES:
            return change
        if attribute.cls == "create-only":
            return replace(change, state=State.UPGRADE, reason=_new_room(attribute, standing))
        if attribute.path == "settings.encryption":
            return self._encryption(change, standing)
        if state is State.DRIFT and change.stance == "accept":
            return replace(change, state=State.NO_OP)
        reason, shut = self._obstacle(attribute, live, standing), self._shut_out(attribute, live)
        if server_of(self._me) in shut and not reason:
            reason = _("This would shut out our own server, and everybody on it with me.")
        if reason:
            return replace(change, state=State.BLOCKED, reason=reason)
        if state is State.DRIFT and change.stance == "report":
            return replace(change, beneath=State.EXPOSES if self._exposes(attribute, standing) else State.DRIFT)
        if state is not State.DRIFT and not standing.is_decided and self._exposes(attribute, standing):
            reason = _("More people could come in, read or do things afterwards than now.")
            return replace(change, state=State.EXPOSES, reason=reason)
        if shut:
            reason = _("This shuts out people who are here, of: {servers}.").format(servers=", ".join(shut))
            return replace(change, reason=reason)
        return change

    def _shut_out(self, attribute: Attribute, live: LiveRoom) -> list[str]:
        """List the servers of people in the room that its ACL would newly keep out."""
        if not attribute.path.startswith("settings.acl."):
            return []
        acl = {claim.path[0]: claim.value for claim in self._wanted(attribute.slot)}
        now = self._contents.get(attribute.slot)
        servers = {*live.servers, server_of(self._me)}
        return sorted(s for s in servers if shut_out(acl, s) and not (now is not None and shut_out(now, s)))

    def _encryption(self, change: Change, standing: Standing) -> Change:
        if standing.desired is ABSENT:
            reason = _("Once a room is encrypted it stays so for ever; it cannot be turned off.")
            return replace(change, state=State.BLOCKED, reason=reason)
        if standing.applied is not ABSENT:
            return change  # confirmed once, and on its way
        reason = _("Once a room is encrypted it stays so for ever, so this has to be confirmed by name.")
        return replace(change, state=State.ONE_WAY, reason=reason)

    def _obstacle(self, attribute: Attribute, live: LiveRoom, standing: Standing) -> str:
        slot, path = attribute.slot, attribute.claim_path
        if slot.type == POWER and path[0] == "users" and live.is_creator(UserId(path[1])):
            return creators_word()
        if attribute.path == "alias" or slot.type == ALIAS:
            alias = slot.key if slot.type == ALIAS else str(attribute.value)[1:].partition(":")[0]
            if standing.desired is not ABSENT and is_elsewhere(live.content(ALIAS, alias)):
                return _("The alias #{alias} leads to another room already, and is left to it.").format(alias=alias)
        return obstacle(slot.type, path, standing.live, standing.desired, live, self._me)

    def _exposes(self, attribute: Attribute, standing: Standing) -> bool:
        path, before, after = attribute.path, standing.live, standing.desired
        content = self._contents.get(attribute.slot) or {}
        if path == "settings.allow":
            rule = content.get("join_rule")
            if rule == "public":
                return False
            before = before if rule in {"restricted", "knock_restricted"} else ABSENT
        if attribute.slot.type == POWER and attribute.claim_path[0] in {"events", "notifications"}:
            default = level_before(path, attribute.claim_path, content)
            before, after = (default if value is ABSENT else value for value in (before, after))
        return widens(path, before, after)


def _new_room(attribute: Attribute, standing: Standing) -> str:
    """Say why only a new room can bring something about."""
    if attribute.path != "founders":
        return _("This can only be said when a room is made: a new room would have to take its place.")
    named, there = (value if isinstance(value, list) else [] for value in (standing.desired, standing.live))
    gone = ", ".join(str(user) for user in there if user not in named)
    if gone:
        return _("Founders keep all power in a room for ever: only a new room takes it from {people}.").format(
            people=gone
        )
    return _("Founders are named when a room is made: a new room would have to take its place.")
