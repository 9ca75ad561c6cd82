"""From what a rule says to what is done: everything is decided in one transaction, and each message of a storm for itself.

The removal comes first; the private word, the step of the ladder and the line in the control room come once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture import notices
from orchestrator.culture.notices import Duty
from orchestrator.culture.places import Place, any_place_of
from orchestrator.culture.rules import Verdict
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, LadderStep, Rule
from orchestrator.i18n import _, speaking
from orchestrator.model.effects import AnyEffect, Priority, Redact, Result
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import Json, JsonObject
from orchestrator.store.rows import dump

from . import ladder, looking, muting, telling
from .muting import Mute
from .said import Said

DO: Final = "remove"


def act(
    tx: Tx, documents: Documents, duty: Duty, place: Place, said: Said, verdicts: Sequence[Verdict], now: Now
) -> list[AnyEffect]:
    """Do what the rules say that were met."""
    effects: list[AnyEffect] = []
    acting: list[tuple[Rule, LadderStep | None]] = []
    for verdict in verdicts:
        if not verdict.acts:
            effects += notices.observed(tx, place, verdict.rule, now)
        else:
            step = None if said.staff else ladder.climb(tx, place, said.user, verdict.rule, now)
            acting.append((verdict.rule, step))
    removing = [rule for rule, step in acting if Action.REMOVE in _actions(rule, step)]
    if removing:
        effects += remove(place, said, [rule.id for rule in removing])
    nudged = False
    for rule, step in acting:
        actions = _actions(rule, step)
        if Action.MUTE in actions:
            muting.mute(tx, place, said, _mute(rule, step), now)
        elif Action.NUDGE in actions and Action.REMOVE not in actions:
            telling.note(tx, said, rule.id, Action.NUDGE, now.at_ms)
            nudged = True
        if Action.RAISE in actions:
            again = rule.then is not Action.RAISE
            effects += looking.look(tx, duty, place, rule, said, now, again=again, removed=bool(removing))
    if nudged:
        effects += telling.tell(tx, documents, said.user, now)
    return effects


def remove(place: Place, said: Said, rules: Sequence[str]) -> list[AnyEffect]:
    """Take a message down, and what it was edited from; the reason that all can read is neutral. No rules: a person asks."""
    with speaking(place.community.locale):
        neutral = _("Please see what we have agreed on in this room.")
    named: list[Json] = [*rules]
    tag: JsonObject = {"do": DO, **said.written(), "rules": named}
    effects: list[AnyEffect] = [
        Redact(
            step="remove",
            priority=Priority.SAFETY,
            room=place.id,
            target=said.event,
            reason=neutral,
            rule=rules[0] if rules else "",
            tag=dump(tag),
        )
    ]
    if said.original:
        effects.append(
            Redact(
                step="remove:original",
                priority=Priority.SAFETY,
                room=place.id,
                target=said.original,
                reason=neutral,
                rule=rules[0] if rules else "",
            )
        )
    return effects


def done(tx: Tx, documents: Documents, result: Result, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Tell the author only what is true: that their message is gone, once it is."""
    said, rules = Said.read(tag), tag.get("rules")
    if result.outcome == "refused":
        place = any_place_of(tx, documents, said.room)
        return () if place is None else notices.powerless(tx, place, now)
    if result.outcome == "expired" or not said.user:
        return ()
    for rule in (rules if isinstance(rules, list) else []) or [""]:
        telling.note(tx, said, str(rule), Action.REMOVE, now.at_ms)
    return list(telling.tell(tx, documents, said.user, now))


def _actions(rule: Rule, step: LadderStep | None) -> frozenset[Action]:
    return frozenset({rule.then} if step is None else {rule.then, step.action})


def _mute(rule: Rule, step: LadderStep | None) -> Mute:
    length_ms = rule.mute_ms if rule.then is Action.MUTE else 0
    if step is not None and step.action is Action.MUTE:
        length_ms = max(length_ms, step.mute_ms or rule.mute_ms)
    return Mute(length_ms=length_ms, rule=rule.id, everywhere=rule.mute_everywhere)
