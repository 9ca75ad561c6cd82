"""Any story: time passes, the bot runs or is killed, meetings are moved and called off; nothing is said twice, late or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.documents.declared import Documents
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Outcome
from orchestrator.prompts.meetings.places import Place, places
from orchestrator.prompts.meetings.timetable import LONGEST_MS, MOST_AHEAD_MS, Step
from orchestrator.store.outbox import Waiting
from tests.declared import ANA, CY, EVE, meeting
from tests.house import CIRCLE
from tests.prompts.meetings.circle import FIRST, LAST, SUNDAY, WEEKLY, empower, grove, make
from tests.workshop import Workshop

DAILY = meeting(id="daily", title="Daily", on=(), at="12:00", announce_ms=30 * HOUR_MS, opening=FIRST, closing=LAST)
PLANS = [
    (DAILY, WEEKLY),
    (replace(DAILY, when=meeting(on=(), at="13:00").when), WEEKLY),
    (WEEKLY,),
    (replace(DAILY, id="renamed", title="Renamed"), WEEKLY),
]

seldom = st.sampled_from([False, False, False, True])


def planned(number: int) -> Documents:
    return grove(*PLANS[number])


class Story(RuleBasedStateMachine):
    """A circle that meets every day, and on Tuesdays."""

    @initialize()
    def begin(self) -> None:
        self.shop = Workshop(planned(0), make, at_ms=SUNDAY)
        self.shop.open(ANA, EVE, CY)
        empower(self.shop)
        self.shop.heard_all_along(CIRCLE)
        self.shop.settle()
        self.shop.ring()
        self.runs = True
        self.since_ms = SUNDAY
        self.was_set_back = False
        self.seen: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.close()

    # -- what happens --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.runs)
    @rule(minutes=st.sampled_from([1, 60, 7 * 60, 24 * 60]) | st.integers(0, 24 * 60))
    def live(self, minutes: int) -> None:
        self.shop.live(self.shop.at_ms + minutes * MINUTE_MS)

    @rule(hours=st.integers(1, 12) | st.sampled_from([24, 28, 80]))
    def be_down(self, hours: int) -> None:
        self.runs = False
        self.shop.restart()
        self.shop.at_ms += hours * HOUR_MS

    @precondition(lambda self: not self.was_set_back)
    @rule(hours=st.integers(1, 40), so=seldom)
    def set_the_clock_back(self, hours: int, *, so: bool) -> None:
        if so:
            self.was_set_back = True
            self.shop.at_ms -= hours * HOUR_MS

    @rule(killed=seldom)
    def start(self, *, killed: bool) -> None:
        self.shop.restart()
        self.shop.heard_all_along(CIRCLE)
        self.shop.settle(crash=killed)
        self.shop.ring(crash=killed)
        self.runs = not killed

    @precondition(lambda self: self.runs)
    @rule(number=st.integers(0, len(PLANS) - 1))
    def plan_otherwise(self, number: int) -> None:
        self.shop.use(planned(number))
        self.shop.settle()
        self.shop.ring()
        self.since_ms = self.shop.at_ms

    @precondition(lambda self: self.runs)
    @rule(word=st.sampled_from(["cancel", "restore", "cancel tomorrow", "cancel tue", "restore tue"]))
    def command(self, word: str) -> None:
        self.shop.say(ANA, f"!meeting {word}", CIRCLE)
        self.shop.ring()

    @rule(outcomes=st.lists(st.sampled_from(["done", "done", "done", "expired", "refused"]), max_size=6))
    def deliver(self, outcomes: list[Outcome]) -> None:
        for row, outcome in zip(self.shop.waiting(), outcomes, strict=False):
            if row.expires_ms is None or row.expires_ms > self.shop.at_ms:
                self.shop.confirm(row.cause, outcome)
            else:
                self.shop.confirm(row.cause, "expired")

    # -- what holds ----------------------------------------------------------------------------------------------------

    def places(self) -> dict[str, Place]:
        return {place.meeting.id: place for place in places(self.shop.documents)}

    def waiting(self) -> list[Waiting]:
        return [row for row in self.shop.waiting() if row.step.startswith("meeting:")]

    @invariant()
    def no_step_is_taken_twice(self) -> None:
        if not hasattr(self, "shop"):
            return
        said = self.shop.rows("select step from outbox where kind = 'send' union all select step from journal")
        steps = Counter(str(step) for (step,) in said if str(step).startswith("meeting:"))
        moved = Counter(step.rsplit(":", 2)[0] for step in steps if ":moved:" in step)
        for step, times in steps.items():
            # What was planned otherwise, and then as before, is announced anew.
            assert times <= 1 + sum(n for name, n in moved.items() if step.startswith(f"{name}:")), step

    @invariant()
    def nothing_is_said_that_comes_too_late(self) -> None:
        if not hasattr(self, "shop"):
            return
        for row in self.waiting():
            if row.cause not in self.seen:
                self.seen.add(row.cause)
                assert row.expires_ms is not None
                assert row.created_ms < row.expires_ms, row.step

    @invariant()
    def nothing_waits_about_a_session_that_was_called_off(self) -> None:
        if not hasattr(self, "shop"):
            return
        off = {tuple(row) for row in self.shop.rows("select meeting, start_ms from meeting where step = 'cancel'")}
        for row in self.waiting():
            *_before, id_, start = row.step.split(":")[1].split("/")
            step = row.step.split(":")[2]
            assert (id_, int(start)) not in off or step not in set(Step), row.step

    @invariant()
    def no_step_is_forgotten(self) -> None:
        if not hasattr(self, "shop") or not self.runs or self.was_set_back:
            return
        now_ms = self.shop.at_ms
        known = {tuple(row) for row in self.shop.rows("select meeting, start_ms, step from meeting")}
        for id_, place in self.places().items():
            for session in place.sessions(self.since_ms - LONGEST_MS, now_ms + MOST_AHEAD_MS):
                if (id_, session.start_ms, "cancel") in known:
                    continue
                for due in place.steps(session):
                    if self.since_ms <= due.at_ms <= now_ms and (id_, session.start_ms, due.step) not in known:
                        raise AssertionError(f"{id_} {session.slot} {due.step}")

    @invariant()
    def every_meeting_has_a_timer(self) -> None:
        if hasattr(self, "shop") and self.runs:
            keys = {timer.key for timer in self.shop.timers("prompts")}
            assert keys == {place.timer for place in self.places().values()}


Story.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestStory = Story.TestCase
