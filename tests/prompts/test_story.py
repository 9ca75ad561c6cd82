"""Any story: time passes, people talk, the bot runs or is killed, decks change; no slot is asked twice or forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.documents.declared import Documents
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Outcome
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import EventId
from orchestrator.prompts import Prompts
from orchestrator.schedule import occurrences
from orchestrator.store.outbox import Waiting
from tests.declared import ANA, CY, EVE, community, deck, documents, question, room, schedule
from tests.house import CIRCLE
from tests.workshop import Workshop

BEGUN_MS = 1_767_700_000_000
GRACE_MS = 3 * HOUR_MS
BERLIN = ZoneInfo("Europe/Berlin")
DAILY = schedule(on=(), grace_ms=GRACE_MS, gates=("active_room",), id="daily")


seldom = st.sampled_from([False, False, False, True])


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(documents)
    return (Prompts(documents, facilitation),), facilitation


def grove(size: int) -> Documents:
    asked = deck(*(question(f"Question {n}?") for n in range(size)))
    daily = schedule(asked=asked, on=(), grace_ms=GRACE_MS, gates=("active_room",), id="daily")
    return documents(community(room(prompts=[daily], facilitators=[ANA])))


class Story(RuleBasedStateMachine):
    """One room that is asked a question every day."""

    @initialize()
    def begin(self) -> None:
        self.shop = Workshop(grove(4), make, at_ms=BEGUN_MS)
        self.shop.open(EVE, CY)
        self.shop.heard_all_along(CIRCLE)
        self.shop.settle()
        self.runs = True
        self.was_set_back = False
        self.causes: set[str] = set()
        self.posted: dict[int, EventId] = {}

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.close()

    @precondition(lambda self: self.runs)
    @rule(minutes=st.sampled_from([1, 60, 7 * 60, 24 * 60, 50 * 60]) | st.integers(0, 24 * 60), talking=seldom)
    def live(self, minutes: int, *, talking: bool) -> None:
        if talking:
            for who in (EVE, CY, EVE):
                self.shop.say(who, "and then", CIRCLE)
        self.shop.live(self.shop.at_ms + minutes * MINUTE_MS)

    @rule(hours=st.integers(1, 12) | st.sampled_from([24, 28, 80]))
    def be_down(self, hours: int) -> None:
        self.runs = False
        self.shop.restart()
        self.shop.at_ms += hours * HOUR_MS

    @precondition(lambda self: not self.was_set_back)
    @rule(hours=st.integers(1, 40), so=seldom)
    def set_the_clock_back(self, hours: int, *, so: bool) -> None:
        if not so:
            return
        self.was_set_back = True
        self.shop.at_ms -= hours * HOUR_MS

    @rule(killed=seldom, unheard=seldom)
    def start(self, *, killed: bool, unheard: bool) -> None:
        self.shop.restart()
        if not unheard:
            self.shop.heard_all_along(CIRCLE)
        self.shop.settle(crash=killed)
        self.shop.ring(crash=killed)
        self.runs = not killed

    @precondition(lambda self: self.runs)
    @rule(size=st.integers(0, 6))
    def change_the_deck(self, size: int) -> None:
        windows = self.shop.windows
        self.shop.use(grove(size))
        self.shop.windows = windows
        self.shop.settle()

    @rule(outcomes=st.lists(st.sampled_from(["done", "done", "done", "expired", "refused"]), max_size=3))
    def deliver(self, outcomes: list[Outcome]) -> None:
        for row, outcome in zip(self.shop.waiting(), outcomes, strict=False):
            event = self.shop.confirm(row.cause, outcome)
            if event is not None and row.step.startswith("prompt:"):
                self.posted[int(row.step.rpartition(":")[2])] = event

    def questions(self) -> list[Waiting]:
        return [row for row in self.shop.waiting() if row.step.startswith("prompt:")]

    @invariant()
    def a_slot_is_asked_once_and_within_its_grace(self) -> None:
        if not hasattr(self, "shop"):
            return
        rows = self.shop.rows("select step from outbox union all select step from journal")
        steps = [str(step) for (step,) in rows if str(step).startswith(("prompt:", "ahead:"))]
        assert len(steps) == len(set(steps))
        for row in self.questions():
            due_ms = int(row.step.rpartition(":")[2])
            assert row.cause in self.causes or 0 <= row.created_ms - due_ms <= GRACE_MS
            assert row.expires_ms == due_ms + GRACE_MS
            self.causes.add(row.cause)

    @invariant()
    def no_slot_is_forgotten(self) -> None:
        if not hasattr(self, "shop") or not self.runs or self.was_set_back:
            return
        written = {int(str(due_ms)) for (due_ms,) in self.shop.rows("select due_ms from slot")}
        waits = {
            timer.payload.get("due_ms", timer.due_ms)
            for timer in self.shop.timers("prompts")
            if timer.key.startswith("slot:")
        }
        assert len(waits) == 1
        due = {slot.at_ms for slot in occurrences(DAILY.when, BERLIN, BEGUN_MS, self.shop.at_ms + 1)}
        assert due <= written | waits

    @invariant()
    def the_newest_that_was_posted_is_pinned(self) -> None:
        if hasattr(self, "shop") and self.posted:
            (claim,) = self.shop.claims(CIRCLE, "m.room.pinned_events")
            newest = [event for _, event in sorted(self.posted.items(), reverse=True)][:5]
            assert claim.value == {"pin": newest[0], "unpin": newest[1:]}

    @invariant()
    def no_question_is_asked_twice_in_a_round(self) -> None:
        if hasattr(self, "shop"):
            asked = self.shop.rows("select round, item from asked")
            assert len(asked) == len(set(asked))
            assert len({round_ for round_, _ in asked}) <= 2


Story.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestStory = Story.TestCase
