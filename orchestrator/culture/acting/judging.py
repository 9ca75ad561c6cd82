"""Judging what is said and what people are called, with what is known of them; and rules that wait for a reaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME, Place, place_of
from orchestrator.culture.rules import Author, Rulebook, Scene, Verdict, fingerprint
from orchestrator.culture.sweeping import tamed
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, Policy, Rule, Unless
from orchestrator.model.effects import AnyEffect, plainly
from orchestrator.model.events import Member, Message, Reaction
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import bindings, mirror
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from . import deeds
from .said import Said, author_of, remember
from .words import rule_of

UNLESS: Final = "unless:"
WROTE: Final = "wrote"
MOST_RULEBOOKS: Final = 64
LEAST_WORDS: Final = 3
"""So many letters or figures make words of a reaction; fewer are a flag, a figure on a key, or "+1"."""


class Judge:
    """Judges by the rules of the policies, made ready once.

    Args:
        documents: what the authors wrote.
        duty: tells who answers for what.
    """

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents = documents
        self._duty = duty
        self._rulebooks: dict[int, tuple[Sequence[Rule], Rulebook]] = {}

    def message(self, tx: Tx, place: Place, message: Message, now: Now) -> Iterable[AnyEffect]:
        """Judge what somebody wrote."""
        if message.edits is None:
            remember(message, now)
        if not place.policy.rules:
            return ()
        author = self._author(tx, place, message.sender, now)
        verdicts = self._rulebook(place.policy, now.me).judge(message, author, self._scene(tx, place, message, now))
        if not verdicts:
            return ()
        said = Said.of(message, now, staff=author.staff)
        return self._act(tx, place, said, [verdict for verdict in verdicts if not _waits(tx, said, verdict, now)], now)

    def heard(self, message: Message, now: Now) -> None:
        """Remember who wrote what where nothing is judged, for those who take it down by hand."""
        if message.edits is None:
            remember(message, now)

    def name(self, tx: Tx, place: Place, member: Member, now: Now) -> Iterable[AnyEffect]:
        """Judge what somebody is called, when they come and whenever they show it anew."""
        author = self._author(tx, place, member.user, now)
        if author.staff and member.sender == member.user:
            now.windows.call(member.user, member.name)
        if not member.name or not any(rule.when.names for rule in place.policy.rules):
            return ()
        names = staff_names(place, now)
        scene = _bare_scene(place, now)
        verdicts = self._rulebook(place.policy, now.me).judge_name(member.name, author, scene, names)
        return self._act(tx, place, Said.of(member, now, staff=author.staff), verdicts, now)

    def reacted(self, tx: Tx, place: Place, reaction: Reaction, now: Now) -> None:
        """Let a message be, where the reaction that a rule waits for was put under it."""
        for timer in timers_of(tx, NAME, f"{UNLESS}{place.id}/{reaction.target}/"):
            rule = rule_of(place, str(timer.payload.get("rule")))
            unless = None if rule is None else rule.when.unless_reacted
            if unless is not None and self._counts(tx, place, unless, Said.read(timer.payload), reaction, now):
                clear_timer(tx, NAME, timer.key)

    def reaction(self, tx: Tx, place: Place, reaction: Reaction, now: Now) -> Iterable[AnyEffect]:
        """Judge what somebody wrote as a reaction: some apps let people put any words there."""
        if (
            reaction.key.startswith("mxc:")
            or sum(map(str.isalnum, reaction.key)) < LEAST_WORDS
            or not place.policy.rules
        ):
            return ()
        said = Message(
            room=reaction.room,
            id=reaction.id,
            sender=reaction.sender,
            at_ms=reaction.at_ms,
            kind="m.reaction",
            body=reaction.key,
        )
        author = self._author(tx, place, said.sender, now)
        scene = replace(_bare_scene(place, now), is_ours=lambda name: _is_ours(tx, place, name))
        verdicts = self._rulebook(place.policy, now.me).judge(said, author, scene)
        return self._act(tx, place, Said.of(said, now, staff=author.staff), verdicts, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Do what a rule says whose reaction never came."""
        said = Said.read(timer.payload)
        place = place_of(tx, self._documents, said.room)
        rule = None if place is None else rule_of(place, str(timer.payload.get("rule")))
        if place is None or rule is None:
            return ()
        rule = replace(rule, then=Action.NUDGE) if said.staff else rule
        return self._act(tx, place, said, [Verdict(rule, acts=timer.payload.get("acts") is True)], now)

    def _act(self, tx: Tx, place: Place, said: Said, verdicts: Sequence[Verdict], now: Now) -> Iterable[AnyEffect]:
        return deeds.act(tx, self._documents, self._duty, place, said, verdicts, now) if verdicts else ()

    def _rulebook(self, policy: Policy, me: UserId) -> Rulebook:
        # Made ready once: ten thousand words take a moment. Rooms share their rules, though each has norms that name it.
        rules, book = self._rulebooks.get(id(policy.rules), ((), None))
        if book is None or rules is not policy.rules:
            if len(self._rulebooks) >= MOST_RULEBOOKS:
                self._rulebooks.clear()  # files change while we run, and old rules are not worth keeping
            book = Rulebook(tamed(policy, bot_names=[me[1:].partition(":")[0]]))
            self._rulebooks[id(policy.rules)] = policy.rules, book
        return book

    def _author(self, tx: Tx, place: Place, user: UserId, now: Now) -> Author:
        staff = self._is_staff(tx, place, user, now)
        known = None if staff else mirror.member(tx, place.id, user)
        return Author(staff=staff, since_ms=None if known is None else known.since_ms)

    def _is_staff(self, tx: Tx, place: Place, user: UserId, now: Now) -> bool:
        community = place.community
        return (
            user in community.staff()
            or user in place.room.facilitators
            or self._duty.role(tx, user, community.key, place.room.key, now) > Role.MEMBER
        )

    def _scene(self, tx: Tx, place: Place, message: Message, now: Now) -> Scene:
        # By their own time, or all that was said during an outage would seem to be said at once.
        at_ms = min(message.at_ms, now.at_ms)
        key = (WROTE, message.room, message.sender)
        counts = any(rule.when.rate or rule.when.repeats for rule in place.policy.rules)
        print_ = fingerprint(message) if counts else ""
        # What claims to be an edit of somebody else's, or of nothing, is a message like any other.
        if counts and (message.edits is None or author_of(now, message.room, message.edits) != message.sender):
            now.windows.stage(key, at_ms, print_)

        def lately(within_ms: int) -> list[str]:
            return [who for when_ms, who in now.windows.since(key, at_ms - within_ms) if when_ms <= at_ms]

        return replace(
            _bare_scene(place, now),
            repeated=lambda within_ms: lately(within_ms).count(print_),
            written=lambda within_ms: len(lately(within_ms)),
            is_ours=lambda name: _is_ours(tx, place, name),
        )

    def _counts(self, tx: Tx, place: Place, unless: Unless, said: Said, reaction: Reaction, now: Now) -> bool:
        if plainly(reaction.key) not in {plainly(key) for key in unless.keys}:
            return False
        match unless.by:
            case "author":
                return reaction.sender == said.user
            case "staff":
                return self._is_staff(tx, place, reaction.sender, now)
            case _:
                return True


def removed(tx: Tx, place: Place, event: EventId) -> None:
    """Wait for nothing any more under a message that is gone."""
    for timer in timers_of(tx, NAME, f"{UNLESS}{place.id}/{event}/"):
        clear_timer(tx, NAME, timer.key)


def staff_names(place: Place, now: Now) -> frozenset[str]:
    """List what nobody else is to be called: localparts of staff and the bot, and their names as far as we saw them."""
    people = {*place.community.staff(), now.me}
    seen = {now.windows.called.get(user, "") for user in people} - {""}
    return frozenset(user[1:].partition(":")[0] for user in people) | seen


def _waits(tx: Tx, said: Said, verdict: Verdict, now: Now) -> bool:
    unless = verdict.rule.when.unless_reacted
    if unless is None:
        return False
    key = f"{UNLESS}{said.room}/{said.event}/{verdict.rule.id}"
    payload = {**said.written(), "rule": verdict.rule.id, "acts": verdict.acts}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + unless.within_ms, payload=payload))
    return True


def _bare_scene(place: Place, now: Now) -> Scene:
    return Scene(
        at_ms=now.at_ms,
        zone=place.community.zone,
        room=place.room.key,
        repeated=lambda _within_ms: 1,
        written=lambda _within_ms: 1,
    )


def _is_ours(tx: Tx, place: Place, name: str) -> bool:
    """Tell whether an id or alias is that of a room of the community."""
    if name.startswith("!"):
        binding = bindings.binding_of(tx, RoomId(name))
        return binding is not None and binding.community == place.community.key
    ours = {binding.room for binding in bindings.bindings(tx) if binding.community == place.community.key}
    for room, state in mirror.rooms_with_state(tx, "m.room.canonical_alias"):
        said = state.content or {}
        others = said.get("alt_aliases")
        if room in ours and (name == said.get("alias") or (isinstance(others, list) and name in others)):
            return True
    return False
