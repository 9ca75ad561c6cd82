"""Whatever people say and however time passes: one holder or a gap, nobody on while away, nobody asked twice."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orchestrator.documents.declared import Documents
from orchestrator.facilitation.records.away import everybody_away
from orchestrator.facilitation.records.offers import Said, offers_of
from orchestrator.facilitation.records.overrides import State, changes_of
from orchestrator.facilitation.records.shifts import shifts_of
from orchestrator.facilitation.rota.things import Part
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.ids import UserId
from orchestrator.schedule import clip

from .consent import ANA, BO, CONTROL, CY, DEE, EVE, FIN, GROVE, START_MS, Circle, asking_rota, circle, direct, grove

PEOPLE = (ANA, CY, DEE, FIN)
WORDS = (
    "!accept",
    "!decline",
    "!accept tue",
    "!decline tue",
    "!swap",
    "!swap tue",
    "!swap tomorrow 12:00-15:00",
    "!swap today",
    "!swap cancel",
    "!take",
    "!take tue",
    "!take now",
    "!take tomorrow 13:00-14:00",
    "!away today",
    "!away tomorrow",
    "!away next week",
    "!away cancel tomorrow",
    "!away cancel today",
    "!away",
)


def declared(people: tuple[UserId, ...], *, rest: bool) -> Documents:
    kept = replace(asking_rota(publish_ms=21 * DAY_MS), rest_ms=7 * DAY_MS if rest else None)
    return grove(circle(*people, kept=kept, shadows=[EVE]), circle(*people[:2], key="sunday", kept=kept))


class Consent(RuleBasedStateMachine):
    """A group for some weeks: people say what they like when they like, and now and then the power goes out."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = Circle(declared(PEOPLE[:3], rest=False))
        self.offered: Counter[tuple[UserId, str]] = Counter()
        self.own: set[str] = set()

    @initialize(rest=st.booleans())
    def begin(self, rest: bool) -> None:
        self.rest = rest
        self.people: tuple[UserId, ...] = PEOPLE[:3]
        self.shop.use(declared(self.people, rest=rest))
        self.shop.begin(EVE, FIN)
        self.hear()
        self.before = self.users()

    def teardown(self) -> None:
        self.shop.close()

    # -- what happens --------------------------------------------------------------------------------------------------

    @rule(who=st.sampled_from((*PEOPLE, BO, EVE)), words=st.sampled_from(WORDS))
    def say(self, who: UserId, words: str) -> None:
        self.shop.say(who, words, direct(who))
        self.shop.ring()
        self.after(who)

    @rule(who=st.sampled_from((*PEOPLE, BO, EVE)), pick=st.integers(0, 9), choice=st.integers(0, 5))
    def tap_in_private(self, who: UserId, pick: int, choice: int) -> None:
        self.tap(who, pick, choice, direct_room=True)

    @rule(who=st.sampled_from((*PEOPLE, BO, EVE)), pick=st.integers(0, 9))
    def tap_in_control(self, who: UserId, pick: int) -> None:
        self.tap(who, pick, 0, direct_room=False)

    def tap(self, who: UserId, pick: int, choice: int, *, direct_room: bool) -> None:
        place = direct(who) if direct_room else CONTROL
        asked = self.shop.asked(place)
        if asked:
            question = asked[pick % len(asked)]
            means = question.choices[choice % len(question.choices)].means
            same = [one for one in asked if means in {c.means for c in one.choices}]
            same.sort(key=lambda q: int(q.event.removeprefix("$sent")))
            self.shop.tap(who, means, place, nth=same.index(question))
            self.after(who)

    @rule(hours=st.sampled_from((1, 5, 12, 24, 48, 100)))
    def time_passes(self, hours: int) -> None:
        self.shop.pass_time(self.shop.at_ms + hours * HOUR_MS)
        self.after(None)

    @rule(hours=st.sampled_from((6, 30, 200)), crash=st.booleans())
    def the_power_is_out(self, hours: int, crash: bool) -> None:
        self.shop.carry_out()
        self.shop.at_ms += hours * HOUR_MS
        self.shop.restart()
        if crash:
            self.shop.ring(crash=True)
            self.shop.settle(crash=True)
        self.shop.settle()
        self.shop.ring()
        self.after(None)

    @rule(people=st.sampled_from((PEOPLE, PEOPLE[:3], PEOPLE[1:], PEOPLE[:1], ())))
    def the_roster_is_edited(self, people: tuple[UserId, ...]) -> None:
        self.people = people
        self.shop.use(declared(people, rest=self.rest))
        self.shop.settle()
        self.shop.ring()
        self.hear()
        self.before = self.users()

    # -- what was said, and what may change ----------------------------------------------------------------------------

    def after(self, who: UserId | None) -> None:
        self.hear()
        after = self.users()
        for name, user in self.before.items():
            # What is given stands: it moves only to or from those who act, or whom silence or rest decides about.
            if user is not None and name in after and after[name] not in {user, None}:
                said = self.answers(name)
                assert said.get(after[name] or BO) == Said.YES, (name, user, after[name])
        self.before = after
        del who

    def users(self) -> dict[str, UserId | None]:
        return {one.name: one.shift.user for one in self.shop.run(shifts_of, GROVE)}

    def answers(self, name: str) -> dict[UserId, Said]:
        (given,) = [one for one in self.shop.run(shifts_of, GROVE) if one.name == name]
        return {one.user: one.answer for one in self.shop.run(offers_of, GROVE, given.shift.slot)}

    def hear(self) -> None:
        self.shop.carry_out()
        for to, lines in self.shop.heard.items():
            for line in lines:
                first = line.splitlines()[0]
                if re.match("Can you keep|Could you|Somebody is needed|Would you like to watch", first):
                    self.offered[UserId(str(to)), first] += 1
        self.shop.heard.clear()

    # -- what always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def everything_published_has_one_holder_or_a_gap(self) -> None:
        view = self.shop.view()
        for given in self.shop.given():
            slot = given.shift.slot
            if slot.span.end_ms <= self.shop.at_ms:
                continue
            found = view.on_in(slot.room, slot.part, slot.span)
            covered = sum(one.span.end_ms - one.span.start_ms for one in found)
            assert covered == slot.span.end_ms - max(slot.span.start_ms, self.shop.at_ms)
            assert not any(one.span.shares(other.span) for one in found for other in found if one is not other)

    @invariant()
    def nobody_is_on_while_away(self) -> None:
        away = self.shop.run(everybody_away, GROVE)
        for one in self.shop.view().stretches:
            assert one.user is None or not clip(away.get(one.user, ()), one.span)

    @invariant()
    def only_who_may_is_on(self) -> None:
        for one in self.shop.view().stretches:
            if one.user is not None and one.part is not Part.SHADOW:
                assert one.user in {*self.people, BO}

    @invariant()
    def every_question_that_is_open_is_about_something_that_can_still_be_answered(self) -> None:
        names = {one.name for one in self.shop.given()}
        open_ = {one.id for one in self.shop.run(changes_of, GROVE) if one.state is State.OPEN}
        for place in (*(direct(user) for user in (*PEOPLE, BO, EVE)), CONTROL):
            for question in self.shop.asked(place):
                kind, _, rest = question.subject.partition(":")
                if kind in {"offer", "unconfirmed"} and rest != "?":
                    assert rest.removeprefix("grove/") in names
                if kind == "swap" and rest != "?":
                    assert rest.removeprefix("grove/") in open_

    @invariant()
    def who_was_asked_hears_an_end(self) -> None:
        for given in self.shop.given():
            waiting = [
                one
                for one in self.shop.run(offers_of, GROVE, given.shift.slot)
                if one.answer in {Said.WAITING, Said.SILENT}
            ]
            if given.shift.slot.span.start_ms <= self.shop.at_ms:
                assert not waiting, given
            if str(given.state) in {"accepted", "open"} and waiting:
                assert not [one for one in waiting if one.answer is Said.WAITING], given

    @invariant()
    def settling_again_changes_nothing(self) -> None:
        # Somebody may have become free for what nobody could take: the first time they are asked.
        self.shop.settle()
        self.shop.ring()
        self.hear()
        before = self.shop.everything()
        self.shop.settle()
        self.shop.ring()
        assert self.shop.everything() == before


TestConsent = pytest.mark.filterwarnings("default")(Consent.TestCase)
TestConsent.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
assert START_MS
