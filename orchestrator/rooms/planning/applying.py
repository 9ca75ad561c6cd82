"""What was planned, made so: the claims become what the documents say, and everything else follows from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import SPACE_KEY, Community
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomKey, UserId
from orchestrator.rooms.changes import EXISTS, MEMBER, Change, Plan, Slot, State
from orchestrator.rooms.closing.archive import start_archive, start_restore
from orchestrator.rooms.closing.upgrade import start_upgrade
from orchestrator.rooms.drift import keep_as_is
from orchestrator.rooms.people.members import depart
from orchestrator.rooms.report import CRAFT
from orchestrator.rooms.state.attributes import ROLE, TEMPLATE
from orchestrator.rooms.state.compose import APPLIED, ON_DRIFT
from orchestrator.store import bindings, drifts, mirror, outbox
from orchestrator.store.claims import (
    Claim,
    claims_of,
    drop_claim,
    forget_claim,
    put_claim,
    put_ended,
    remember_claim,
)

from .choices import Choices, leaves, objection
from .guards import Refused, guard
from .kept import with_kept
from .plan import make_plan
from .sight import Sight, look
from .standing import POWER


@dataclass(frozen=True, slots=True)
class Left:
    """A change that was not made, and the plain sentence that says why and what would help."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying a plan came to. It is in the rows; the homeserver follows.

    Attributes:
        plan: what was planned, in the same transaction.
        done: changes that are now on their way.
        left: changes that are not.
        refused: the guards that held some of them back.
        slots: the state events that will be looked at and, where they differ, written.
        upgrades: rooms that are being replaced.
    """

    plan: Plan
    done: tuple[Change, ...] = ()
    left: tuple[Left, ...] = ()
    refused: tuple[Refused, ...] = ()
    slots: frozenset[Slot] = frozenset()
    upgrades: tuple[RoomKey, ...] = ()


class StalePlan(Refusal):
    """Something changed since the plan was made: nothing was done."""


def apply_community(
    tx: Tx,
    community: Community,
    now: Now,
    digest: str | None,
    choices: Choices,
    fetched: Mapping[Slot, JsonObject | None] | None = None,
    unreadable: Collection[Slot] = (),
) -> Applied:
    """Plan again in this transaction and make it so, if it is still the plan that was shown.

    What is not allowed, or cannot be done, is left and said; the rest is done all the same. Nothing is sent here: claims
    change, and whoever writes the rooms' state follows them.

    Args:
        tx: the transaction in which both happens.
        community: as declared.
        now: the moment, and who we are.
        digest: of the plan that was shown; None: whatever the plan is now.
        choices: what was decided beside the plan itself.
        fetched: as for ``plan_community``.
        unreadable: as for ``plan_community``.

    Raises:
        StalePlan: the plan is another one by now, or not whole; nothing was written.
    """
    sight = look(tx, community, fetched, unreadable)
    plan = with_kept(tx, make_plan(community, sight, now.me))
    with speaking(community.locale):
        if plan.needed or (digest is not None and digest != plan.digest):
            raise StalePlan(
                _("Something has changed since this plan was made, so nothing was done. Please look again.")
            )
        return _Applying(tx, community, sight, plan, choices, now).run()


class _Applying:
    """One application of one plan."""

    def __init__(self, tx: Tx, community: Community, sight: Sight, plan: Plan, choices: Choices, now: Now) -> None:
        self._tx, self._community, self._sight, self._plan = tx, community, sight, plan
        self._choices, self._now = choices, now
        self._left: list[Left] = []
        self._slots: dict[Slot, list[Change]] = {}
        self._upgrades: list[RoomKey] = []

    def run(self) -> Applied:
        chosen: list[Change] = []
        for change in self._plan.differences:
            reason = objection(change, self._choices)
            if reason:
                self._left.append(Left(change, reason))
            else:
                chosen.append(change)
        chosen = self._together(chosen)
        refused = guard(
            self._community,
            self._plan,
            chosen,
            self._sight.rooms,
            self._now.me,
            force=self._choices.force,
            absent=self._absent(),
        )
        held = {id(change): each.reason for each in refused for change in each.changes}
        self._left += [Left(change, held[id(change)]) for change in chosen if id(change) in held]
        chosen = self._without_keepers([change for change in chosen if id(change) not in held])
        done = [change for change in chosen if self._make(change)]
        for change in done:
            if change.slot is not None and change.state in {State.DRIFT, State.CONFLICT}:
                drifts.drop(self._tx, *change.slot, change.claim_path)  # it is not kept any more
        self._say_stances(done)
        for slot, changes in self._slots.items():
            self._leave_word(slot, changes)
        done = self._begin_upgrades(done)
        self._keep_theirs()
        return Applied(
            plan=self._plan,
            done=tuple(done),
            left=tuple(self._left),
            refused=tuple(refused),
            slots=frozenset(self._slots),
            upgrades=tuple(self._upgrades),
        )

    def _keep_theirs(self) -> None:
        """Remember what stays as somebody set it, as if the leads had been asked about it and kept it."""
        theirs: dict[Slot, list[Change]] = {}
        for change in self._plan.differences:
            if change.slot is not None and leaves(change, self._choices):
                theirs.setdefault(change.slot, []).append(change)
        for slot, changes in theirs.items():
            keep_as_is(self._tx, self._community, slot, changes, EventId(changes[0].based_on))

    def _together(self, chosen: list[Change]) -> list[Change]:
        """Keep together what belongs together.

        A join rule without those whose members it lets in shuts a room; and nobody's power is taken back in a room that
        was never ours before all leads have theirs.
        """
        names = {change.name for change in chosen}
        waiting = [change for change in self._plan.differences if change.name not in names]
        kept = []
        for change in chosen:
            # What is as it should be already waits for nothing: it is only taken note of.
            other = None if change.state is State.CONVERGED else _PAIRS.get(change.path)
            if change.path.startswith("power.users.") and change.state is State.ADOPT:
                other = next((each.path for each in waiting if _is_grant(each) and each.room == change.room), None)
            if other is not None and any((each.room, each.path) == (change.room, other) for each in waiting):
                self._left.append(Left(change, _("This goes together with {other}.").format(other=other)))
            else:
                kept.append(change)
        return kept

    def _without_keepers(self, chosen: list[Change]) -> list[Change]:
        """Leave the control room to whoever stays a lead, because something held back the taking of their power."""
        leads = {change.path for change in self._plan.differences if change.path.startswith("leads.")}
        leads -= {change.path for change in chosen}
        kept = []
        for change in chosen:
            power = f"leads.{change.path.removeprefix('members.')}"
            if change.path.startswith("members.") and power in leads:
                self._left.append(Left(change, _("This goes together with {other}.").format(other=power)))
            else:
                kept.append(change)
        return kept

    def _make(self, change: Change) -> bool:
        """Make one change; tells whether it was made."""
        if change.path == EXISTS:
            return self._make_room(change)
        if change.state is State.UPGRADE:
            if change.room not in self._upgrades:
                self._upgrades.append(change.room)
            return True
        slot = change.slot
        if slot is None:
            return False
        if slot.type == MEMBER:
            return self._take_away(UserId(slot.key))
        claim = Claim(
            room=slot.room,
            type=slot.type,
            key=slot.key,
            path=change.claim_path,
            owner=change.owner,
            value=change.value,
        )
        at_ms = self._now.at_ms
        if change.state is State.ORPHAN:
            forget_claim(self._tx, claim)
        elif change.state is State.CONVERGED:
            (forget_claim if change.value is None else remember_claim)(self._tx, claim)
        else:
            if change.value is not None:
                put_claim(self._tx, claim, at_ms)
            elif slot.type == "m.space.child":
                self._unlink(slot)
            else:
                drop_claim(self._tx, slot.room, slot.type, change.owner, at_ms, key=slot.key, path=change.claim_path)
            self._slots.setdefault(slot, []).append(change)
        return True

    def _begin_upgrades(self, done: list[Change]) -> list[Change]:
        """Begin to replace rooms, those that others hang in first; one that cannot be replaced now is left as it is."""
        begun: list[RoomKey] = []
        for room in self._community.every_room():
            if room.key not in self._upgrades:
                continue
            try:
                effects = start_upgrade(self._tx, self._community, room, self._now)
            except Refusal as refusal:
                self._left += [
                    Left(change, refusal.message)
                    for change in done
                    if (change.room, change.state) == (room.key, State.UPGRADE)
                ]
                continue
            begun.append(room.key)
            for effect in effects:
                outbox.record(self._tx, f"apply:{self._plan.digest}", CRAFT, effect, self._now.at_ms)
        self._upgrades = begun
        return [change for change in done if change.state is not State.UPGRADE or change.room in begun]

    def _make_room(self, change: Change) -> bool:
        if change.state is State.CREATE:
            return True  # whoever settles makes what is missing
        room = self._community.room(change.room)
        if room is not None:
            start = start_archive if room.archive else start_restore
            try:
                for effect in start(self._tx, self._community, room, self._now):
                    outbox.record(self._tx, f"apply:{self._plan.digest}", CRAFT, effect, self._now.at_ms)
            except Refusal as refusal:
                self._left.append(Left(change, refusal.message))
                return False
            return True
        where = self._sight.gone[change.room]
        for claim in (*claims_of(self._tx, TEMPLATE), *claims_of(self._tx, ROLE)):
            if where in (claim.room, claim.key):
                forget_claim(self._tx, claim)
        bindings.unbind(self._tx, self._community.key, change.room)
        return True

    def _take_away(self, user: UserId) -> bool:
        """Take the control room away from who is on no list any more."""
        taken = depart(self._tx, self._community, user, self._now.me)
        for effect in taken:
            outbox.record(self._tx, f"apply:{self._plan.digest}", CRAFT, effect, self._now.at_ms)
        return bool(taken)

    def _leave_word(self, slot: Slot, changes: Sequence[Change]) -> None:
        """Leave word for the writer: this was decided over what was live then, whoever had set it."""
        on = changes[0].based_on
        paths: set[tuple[str, ...]] = {change.claim_path for change in changes}
        earlier = self._sight.decided.get(slot)
        if earlier is not None and earlier.on == on:
            paths |= earlier.paths
        value: Json = {"on": on, "paths": [list(path) for path in sorted(paths)]}
        word = Claim(room=slot.room, type=slot.type, key=slot.key, path=APPLIED, owner=TEMPLATE, value=value)
        put_ended(self._tx, word, self._now.at_ms)

    def _unlink(self, slot: Slot) -> None:
        for claim in self._sight.claims.get(slot, ()):
            if claim.owner == TEMPLATE:
                at_ms = self._now.at_ms
                drop_claim(self._tx, slot.room, slot.type, TEMPLATE, at_ms, key=slot.key, path=claim.path)

    def _say_stances(self, done: Collection[Change]) -> None:
        """Say what is done about other people's changes of what is ours only now."""
        made = {id(change) for change in done}
        said = {slot for slot, claims in self._sight.claims.items() for claim in claims if claim.path == ON_DRIFT}
        people = {change.slot for change in self._plan.differences if id(change) not in made and _is_grant(change)}
        for change in done:
            slot = change.slot
            if slot is None or slot in said or slot.type == EXISTS or change.state in {State.ORPHAN, State.UPGRADE}:
                continue
            # Power is put right for good only once everybody who is to have it does.
            if (slot.type == POWER and slot not in people) or (slot.type != POWER and change.stance != "enforce"):
                said.add(slot)
                stance = Claim(
                    room=slot.room, type=slot.type, key=slot.key, path=ON_DRIFT, owner=TEMPLATE, value=change.stance
                )
                put_claim(self._tx, stance, self._now.at_ms)

    def _absent(self) -> frozenset[UserId]:
        """Find leads who were in the community's space and are not any more."""
        space = self._sight.rooms.get(SPACE_KEY)
        if space is None:
            return frozenset()
        known = {lead: mirror.member(self._tx, space.id, lead) for lead in self._community.leads}
        return frozenset(
            lead for lead, member in known.items() if member is not None and member.membership in {"leave", "ban"}
        )


def _is_grant(change: Change) -> bool:
    return change.path.startswith("leads.") and change.value is not None


_PAIRS: Final[Mapping[str, str]] = {"settings.join": "settings.allow", "settings.allow": "settings.join"}
