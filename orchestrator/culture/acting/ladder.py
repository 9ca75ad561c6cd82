"""What follows when the same rule is met by the same person again: one step each time, and forgotten after a while.

Nobody goes up a step before they heard of the last one: a storm is one time, and so is what was written before the private
word could be read.
"""

from __future__ import annotations

from typing import Final

from orchestrator.culture.places import Place
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, LadderStep, Rule
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.feature import Now, Row, Tx
from orchestrator.model.ids import CommunityKey, UserId
from orchestrator.store.rows import number, text

CALM_MS: Final = MINUTE_MS
"""After so long without meeting the rule it is another time, if they were told of the last."""

STORM_MS: Final = 10 * MINUTE_MS
"""After so long it is another time, whatever happened meanwhile."""

FORGET_MS: Final = 30 * DAY_MS
"""How soon is forgotten what was done, where a policy does not say."""

_HARSH: Final = frozenset({Action.MUTE, Action.REMOVE})


def climb(tx: Tx, place: Place, user: UserId, rule: Rule, now: Now) -> LadderStep | None:
    """Note that a rule was met, and tell what follows beside what the rule itself does; None: nothing.

    A rule that asks people to look leaves all else to them; names have no ladder, since each change of a profile shows one
    anew.
    """
    steps = place.policy.ladder
    if not steps or rule.then in {Action.OBSERVE, Action.RAISE} or rule.when.names is not None:
        return None
    step = steps[min(_count(tx, place, user, rule, now), len(steps)) - 1]
    if rule.when.on_words and not rule.accept_misfires and step.action in _HARSH:
        return LadderStep(action=Action.RAISE)  # words misfire on people in distress: a person looks first
    return step


def told(tx: Tx, user: UserId) -> None:
    """Note that somebody heard of what was done."""
    tx.run('update ladder set told = 1 where account = :account and "user" = :user and told = 0', user=user)


def forgive(tx: Tx, place: Place, user: UserId, rule: str) -> None:
    """Forget that somebody met a rule of a room's policy: a person says that it was wrong.

    A rule of the same name in another policy is another rule.
    """
    tx.run(
        'delete from ladder where account = :account and community = :community and "user" = :user'
        " and policy = :policy and rule = :rule",
        community=place.community.key,
        user=user,
        policy=place.policy.document,
        rule=rule,
    )


def forgive_all(tx: Tx, community: CommunityKey, user: UserId) -> None:
    """Forget whatever somebody met in a community."""
    tx.run(
        'delete from ladder where account = :account and community = :community and "user" = :user',
        community=community,
        user=user,
    )


def forget(tx: Tx, documents: Documents, now: Now) -> None:
    """Drop what was forgotten by now."""
    kept = {
        (community.key, room.policy.document): _forget_ms(room.policy.ladder_forget_ms)
        for community in documents.communities
        for room in community.every_room()
        if room.policy is not None
    }
    for row in tx.rows("select * from ladder where account = :account"):
        known_ms = kept.get((CommunityKey(text(row, "community")), text(row, "policy")), FORGET_MS)
        if number(row, "last_ms") < now.at_ms - known_ms:
            _delete(tx, row)


def _count(tx: Tx, place: Place, user: UserId, rule: Rule, now: Now) -> int:
    known = tx.one(
        'select * from ladder where account = :account and community = :community and "user" = :user'
        " and policy = :policy and rule = :rule",
        community=place.community.key,
        user=user,
        policy=place.policy.document,
        rule=rule.id,
    )
    step, at_ms, was_told = 1, now.at_ms, 0
    if known is not None and now.at_ms - number(known, "last_ms") < _forget_ms(place.policy.ladder_forget_ms):
        same = now.at_ms - number(known, "at_ms") < STORM_MS and not (
            number(known, "told") and now.at_ms - number(known, "last_ms") >= CALM_MS
        )
        step = number(known, "step") if same else number(known, "step") + 1
        at_ms, was_told = (number(known, "at_ms"), number(known, "told")) if same else (now.at_ms, 0)
    tx.run(
        'insert into ladder (account, community, "user", policy, rule, step, at_ms, last_ms, told)'
        " values (:account, :community, :user, :policy, :rule, :step, :at_ms, :last_ms, :told)"
        ' on conflict (account, community, "user", policy, rule) do update set step = excluded.step,'
        " at_ms = excluded.at_ms, last_ms = excluded.last_ms, told = excluded.told",
        community=place.community.key,
        user=user,
        policy=place.policy.document,
        rule=rule.id,
        step=step,
        at_ms=at_ms,
        last_ms=now.at_ms,
        told=was_told,
    )
    return step


def _forget_ms(forget_ms: int | None) -> int:
    return FORGET_MS if forget_ms is None else forget_ms


def _delete(tx: Tx, row: Row) -> None:
    tx.run(
        'delete from ladder where account = :account and community = :community and "user" = :user'
        " and policy = :policy and rule = :rule",
        community=row["community"],
        user=row["user"],
        policy=row["policy"],
        rule=row["rule"],
    )
