from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.matrix.bucket import LONGEST_EXTRA_MS, LONGEST_WAIT_MS
from orchestrator.matrix.budget import LONGEST_PAUSE_MS, Budget, Learnt, Limiter
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.effects import Priority

START_MS = 1_790_000_000_000
MESSAGE, SAFETY, ROUTINE = Limiter.MESSAGE, Priority.SAFETY, Priority.ROUTINE
UNURGENT = [Priority.REPLY, Priority.STRUCTURE, Priority.ROUTINE]


@dataclass
class Synapse:
    """A bucket that counts as Synapse does: a level that drains, and a refusal that is not counted."""

    per_second: float
    burst: int
    level: float = 0
    at_ms: float = START_MS

    def ask(self, now_ms: float) -> int | None:
        """None: taken. Otherwise the milliseconds it asks to wait."""
        self.level = max(0.0, self.level - (now_ms - self.at_ms) / 1000 * self.per_second)
        self.at_ms = now_ms
        if self.level > self.burst - 1:
            return int(self.turn_ms(now_ms))
        self.level += 1
        return None

    def turn_ms(self, now_ms: float) -> float:
        """How long until it would take one."""
        level = self.level - (now_ms - self.at_ms) / 1000 * self.per_second
        return max(0.0, (level - (self.burst - 1)) / self.per_second * 1000)


@dataclass
class Urgent:
    """Something for safety that turned up, and how far away the server's next free slot was then."""

    at_ms: int
    slot_ms: float
    done_ms: int = 0


@dataclass
class Day:
    """What came of sending for a while; times in milliseconds since the start."""

    budget: Budget
    taken: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    urgent: list[Urgent] = field(default_factory=list)

    def taken_between(self, start_ms: int, end_ms: int) -> int:
        return sum(start_ms <= at < end_ms for at in self.taken)

    def refusals(self, start_ms: int = 0, end_ms: int = DAY_MS) -> int:
        """Count refusals; those of calls that were on their way together are one."""
        times = [at for at in self.refused if start_ms <= at < end_ms]
        return sum(not i or at - times[i - 1] > 2 * SECOND_MS for i, at in enumerate(times))


class Sender:
    """A delivery that sends as its budget allows, a few calls at once, to a simulated server."""

    def __init__(self, server: Synapse, budget: Budget, at_once: int, seed: int) -> None:
        self.server, self.at_once = server, at_once
        self.day = Day(budget)
        self.waiting: list[Urgent] = []
        self._rng = random.Random(seed)  # noqa: S311 - a simulation
        self._flying: list[tuple[int, int, int | None, Urgent | None]] = []
        self._numbers = count()

    def until_next(self, most_ms: int) -> int:
        return self._rng.randint(1, 2 * most_ms)

    def land(self, now: int) -> None:
        """Hear the answers that have come by now."""
        while self._flying and self._flying[0][0] <= now:
            _, _, retry_ms, urgent = heapq.heappop(self._flying)
            if retry_ms is not None:
                self.day.budget.refused(MESSAGE, retry_ms, now)
                self.day.refused.append(now - START_MS)
                if urgent:
                    self.waiting.insert(0, urgent)
                continue
            self.day.budget.succeeded(MESSAGE, now)
            self.day.taken.append(now - START_MS)
            if urgent:
                urgent.done_ms = now
                self.day.urgent.append(urgent)

    def send(self, now: int, wanted: float) -> int:
        """Send what may go now; tell when there is something to do again."""
        wake = now + MINUTE_MS
        while len(self._flying) < self.at_once:
            if not self.waiting and len(self.day.taken) + len(self._flying) >= wanted:
                wake = now + SECOND_MS
                break
            wait_ms = self.day.budget.wait_ms(MESSAGE, SAFETY if self.waiting else ROUTINE, now)
            if wait_ms:
                wake = now + wait_ms
                break
            self.day.budget.spend(MESSAGE, now)
            latency_ms = self._rng.randint(20, 80)
            retry_ms = self.server.ask(now + latency_ms // 2)
            pause_ms = 0 if retry_ms is None else 500  # Synapse sits on a refusal before it says so
            urgent = self.waiting.pop(0) if self.waiting else None
            heapq.heappush(self._flying, (now + latency_ms + pause_ms, next(self._numbers), retry_ms, urgent))
        return min([wake, *(at for at, *_ in self._flying)])


def live(
    server: Synapse,
    length_ms: int,
    *,
    budget: Budget | None = None,
    at_once: int = 1,
    seed: int = 1,
    urgent_every_ms: int = 0,
    wanted: Callable[[int], float] = lambda _: float("inf"),
    change: tuple[int, float, int] | None = None,
) -> Day:
    """Let a delivery run: routine without end, now and then something urgent, perhaps one change of the server."""
    sender = Sender(server, budget or Budget(), at_once, seed)
    now, end = START_MS, START_MS + length_ms
    next_urgent = now + sender.until_next(urgent_every_ms) if urgent_every_ms else end
    while now < end:
        if change and now - START_MS >= change[0]:
            _, server.per_second, server.burst = change
            server.level, change = 0, None
        if now >= next_urgent:
            sender.waiting.append(Urgent(now, server.turn_ms(now)))
            next_urgent = now + sender.until_next(urgent_every_ms)
        sender.land(now)
        now = max(now + 1, min(end, next_urgent, sender.send(now, wanted(now - START_MS))))
    return sender.day


def after_a_burst(sent: int = 10, retry_ms: int = 5000) -> Budget:
    """A budget that sent a burst at once and was refused then, as by a stock Synapse."""
    budget = Budget()
    for _ in range(sent):
        budget.spend(MESSAGE, START_MS)
        budget.succeeded(MESSAGE, START_MS)
    budget.spend(MESSAGE, START_MS)
    budget.refused(MESSAGE, retry_ms, START_MS)
    return budget


# -- learning ----------------------------------------------------------------------------------------------------------


def test_nothing_is_held_back_before_the_first_refusal() -> None:
    budget = Budget()
    for _ in range(5000):
        for limiter in Limiter:
            assert budget.wait_ms(limiter, ROUTINE, START_MS) == 0
            budget.spend(limiter, START_MS)
            budget.succeeded(limiter, START_MS)
    assert budget.learnt is None


def test_one_refusal_after_a_quick_burst_teaches_the_servers_numbers() -> None:
    assert after_a_burst().learnt == Learnt(burst=10, per_hour=720, learnt_ms=START_MS)


@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize(("per_second", "burst"), [(0.2, 10), (0.2, 4), (1, 5), (10, 50), (0.5, 100)])
def test_the_servers_numbers_are_learnt_whatever_they_are(per_second: float, burst: int, at_once: int) -> None:
    day = live(Synapse(per_second, burst), round((burst + 300) / per_second) * SECOND_MS, at_once=at_once)
    learnt = day.budget.learnt
    assert learnt is not None
    assert learnt.burst == pytest.approx(burst, abs=1 + burst // 10)
    assert learnt.per_hour == pytest.approx(per_second * 3600, rel=0.12)


@settings(max_examples=25, deadline=None)
@given(
    per_second=st.sampled_from([0.1, 0.2, 0.5, 1.0, 2.0]),
    burst=st.integers(4, 40),
    at_once=st.integers(1, 8),
    seed=st.integers(0, 999),
)
def test_refusals_are_rare_and_little_of_what_the_server_allows_is_left(
    per_second: float, burst: int, at_once: int, seed: int
) -> None:
    length_ms = min(HOUR_MS, round(600 / per_second) * SECOND_MS)
    day = live(Synapse(per_second, burst), length_ms, at_once=at_once, seed=seed)
    assert day.refusals() <= 5
    assert len(day.refused) <= 5 * at_once
    allowed = burst + per_second * length_ms / 1000
    assert len(day.taken) >= 0.85 * allowed


def test_with_synapses_defaults_there_are_two_refusals_an_hour_however_long_it_goes_on() -> None:
    day = live(Synapse(0.2, 10), 6 * HOUR_MS, urgent_every_ms=MINUTE_MS)
    for hour in range(6):
        assert day.refusals(hour * HOUR_MS, (hour + 1) * HOUR_MS) <= 2
        assert day.taken_between(hour * HOUR_MS, (hour + 1) * HOUR_MS) >= 0.97 * 720
    assert day.budget.learnt is not None
    assert day.budget.learnt.burst == 10


def test_a_server_that_becomes_slower_is_followed_within_a_few_refusals() -> None:
    day = live(Synapse(2, 50), 2 * HOUR_MS, change=(HOUR_MS // 2, 0.2, 10))
    assert day.refusals(HOUR_MS // 2, HOUR_MS) <= 4
    learnt = day.budget.learnt
    assert learnt is not None
    assert learnt.per_hour == pytest.approx(720, rel=0.05)
    assert day.taken_between(HOUR_MS, 2 * HOUR_MS) >= 0.95 * 720


def test_a_smaller_burst_is_noticed_the_next_time_there_is_much_at_once() -> None:
    def forty_every_ten_minutes(at_ms: int) -> float:
        return 40 * (1 + at_ms // (10 * MINUTE_MS))

    day = live(Synapse(2, 50), 3 * HOUR_MS, change=(HOUR_MS, 0.2, 10), wanted=forty_every_ten_minutes)
    learnt = day.budget.learnt
    assert learnt is not None
    assert learnt.burst == 10
    assert day.refusals() <= 4


def test_a_server_that_becomes_faster_is_noticed_by_the_hourly_probe() -> None:
    day = live(Synapse(0.2, 10), 3 * HOUR_MS, change=(HOUR_MS // 2, 2, 50))
    assert day.taken_between(HOUR_MS * 3 // 2, 5 * HOUR_MS // 2) >= 0.9 * 7200
    assert day.refusals() <= 8


def test_a_limit_that_was_lifted_is_forgotten_after_an_hour() -> None:
    budget = after_a_burst()
    assert budget.wait_ms(MESSAGE, ROUTINE, START_MS + 10 * SECOND_MS) > 0
    later = START_MS + HOUR_MS
    for _ in range(500):
        assert budget.wait_ms(MESSAGE, ROUTINE, later) == 0
        budget.spend(MESSAGE, later)
        budget.succeeded(MESSAGE, later)


@settings(deadline=None)
@given(st.integers(100, LONGEST_WAIT_MS), st.integers(1, 200))
def test_after_a_refusal_the_wait_is_what_the_server_asked_for(retry_ms: int, sent: int) -> None:
    budget = after_a_burst(sent, retry_ms)
    assert retry_ms <= budget.wait_ms(MESSAGE, SAFETY, START_MS) <= retry_ms + 2
    assert budget.wait_ms(MESSAGE, SAFETY, START_MS + retry_ms + 2) == 0


def test_one_very_long_wait_is_kept_but_not_taken_for_the_pace_from_then_on() -> None:
    budget = after_a_burst(10, 20 * MINUTE_MS)
    later = START_MS + 20 * MINUTE_MS + 2
    assert budget.wait_ms(MESSAGE, SAFETY, later) == 0
    budget.spend(MESSAGE, later)
    budget.succeeded(MESSAGE, later)
    assert budget.wait_ms(MESSAGE, SAFETY, later) <= 11 * SECOND_MS


def test_a_refusal_after_a_long_rest_does_not_make_the_rate_look_slow() -> None:
    budget = after_a_burst()
    now = START_MS + 30 * MINUTE_MS
    for _ in range(5):  # somebody else logged in as the bot spent the other five
        budget.spend(MESSAGE, now)
        budget.succeeded(MESSAGE, now)
    budget.spend(MESSAGE, now)
    budget.refused(MESSAGE, 5000, now)
    assert budget.learnt is not None
    assert budget.learnt.per_hour >= 700


def test_a_burst_after_an_easy_pace_does_not_make_the_rate_look_slow() -> None:
    budget, now = after_a_burst(), START_MS + 5 * SECOND_MS
    for quick in [False] * 100 + [True] * 10:
        now += 0 if quick else 12 * SECOND_MS
        budget.spend(MESSAGE, now)
        budget.succeeded(MESSAGE, now)
    budget.spend(MESSAGE, now)
    budget.refused(MESSAGE, 5000, now)
    assert budget.learnt is not None
    assert budget.learnt.per_hour >= 700


def test_refusals_that_another_sender_caused_cost_little_and_never_add_to_the_burst() -> None:
    server = Synapse(0.2, 10)
    budget = live(server, 10 * MINUTE_MS).budget
    assert budget.learnt is not None
    known, now = budget.learnt.per_hour, START_MS + 11 * MINUTE_MS
    for _ in range(25):
        for _ in range(20):
            now += budget.wait_ms(MESSAGE, SAFETY, now)
            budget.spend(MESSAGE, now)
            budget.succeeded(MESSAGE, now)
        budget.spend(MESSAGE, now)
        budget.refused(MESSAGE, 100, now)
    assert budget.learnt is not None
    assert known * 0.7 <= budget.learnt.per_hour < known
    assert budget.learnt.burst <= 10


@pytest.mark.parametrize("retry_ms", [None, 0, 1000])
def test_a_server_that_always_refuses_is_asked_ever_more_rarely(retry_ms: int | None) -> None:
    budget, now, asked = Budget(), START_MS, 0
    while now < START_MS + HOUR_MS:
        now += budget.wait_ms(MESSAGE, SAFETY, now)
        budget.spend(MESSAGE, now)
        asked += 1
        now += 550
        budget.refused(MESSAGE, retry_ms, now)
    assert asked < 90
    assert budget.wait_ms(MESSAGE, SAFETY, now) <= LONGEST_EXTRA_MS + 2 * SECOND_MS + 10


# -- what is kept for safety -------------------------------------------------------------------------------------------


def test_a_removal_goes_at_once_or_in_the_next_free_slot_with_hundreds_of_posts_queued() -> None:
    day = live(Synapse(0.2, 10), 3 * HOUR_MS, at_once=8, urgent_every_ms=2 * MINUTE_MS, seed=3)
    assert len(day.urgent) > 60
    turn_ms, little_ms = 5000, 1000
    for urgent in day.urgent:
        assert urgent.done_ms - urgent.at_ms <= urgent.slot_ms + turn_ms + little_ms
    prompt = [urgent for urgent in day.urgent if urgent.done_ms - urgent.at_ms <= 100]
    assert len(prompt) >= 0.9 * len(day.urgent)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), at_once=st.integers(1, 8))
def test_a_removal_is_never_more_than_one_turn_late_even_while_learning(seed: int, at_once: int) -> None:
    day = live(Synapse(0.2, 10), 20 * MINUTE_MS, at_once=at_once, urgent_every_ms=MINUTE_MS, seed=seed)
    for urgent in day.urgent:
        assert urgent.done_ms - urgent.at_ms <= urgent.slot_ms + 6000


def test_three_tokens_are_kept_and_only_safety_takes_them() -> None:
    budget = after_a_burst()
    now = START_MS + 10 * MINUTE_MS
    sent = 0
    while not budget.wait_ms(MESSAGE, ROUTINE, now):
        budget.spend(MESSAGE, now)
        sent += 1
    assert sent == 7
    for priority in UNURGENT:
        assert budget.wait_ms(MESSAGE, priority, now) > 0
    for _ in range(3):
        assert budget.wait_ms(MESSAGE, SAFETY, now) == 0
        budget.spend(MESSAGE, now)
    assert 5000 <= budget.wait_ms(MESSAGE, SAFETY, now) <= 5200


@pytest.mark.parametrize("priority", UNURGENT)
def test_others_go_one_by_one_as_the_bucket_fills_and_never_starve(priority: Priority) -> None:
    budget, now = after_a_burst(), START_MS
    gaps: list[int] = []
    for _ in range(20):
        wait_ms = budget.wait_ms(MESSAGE, priority, now)
        gaps.append(wait_ms)
        now += wait_ms
        assert budget.wait_ms(MESSAGE, priority, now) == 0
        budget.spend(MESSAGE, now)
        budget.succeeded(MESSAGE, now)
    assert 20_000 <= gaps[0] <= 20_500  # one token and the three that are kept
    assert all(5000 <= gap <= 5200 for gap in gaps[1:])


@pytest.mark.parametrize("burst", [1, 2, 3])
def test_a_bucket_too_small_for_a_reserve_lets_everybody_have_a_turn(burst: int) -> None:
    budget = after_a_burst(burst, 1000)
    now = START_MS + MINUTE_MS
    assert budget.wait_ms(MESSAGE, ROUTINE, now) == 0
    budget.spend(MESSAGE, now)
    assert 0 < budget.wait_ms(MESSAGE, ROUTINE, now) <= 1100
    assert (budget.wait_ms(MESSAGE, SAFETY, now) == 0) is (burst > 1)


# -- separate limits ---------------------------------------------------------------------------------------------------


def test_a_refused_room_throttles_rooms_and_never_messages() -> None:
    budget = Budget()
    for _ in range(10):
        budget.spend(Limiter.CREATE, START_MS)
        budget.succeeded(Limiter.CREATE, START_MS)
    budget.spend(Limiter.CREATE, START_MS)
    budget.refused(Limiter.CREATE, 62_500, START_MS)
    assert 62_500 <= budget.wait_ms(Limiter.CREATE, SAFETY, START_MS) <= 62_510
    for limiter in (Limiter.MESSAGE, Limiter.INVITE, Limiter.JOIN):
        assert budget.wait_ms(limiter, ROUTINE, START_MS) == 0
    assert budget.learnt is None


def test_the_slow_pace_of_rooms_is_learnt_with_two_refusals() -> None:
    budget, server, now, refusals = Budget(), Synapse(0.016, 10), START_MS, 0
    for _ in range(20):
        while True:
            now += budget.wait_ms(Limiter.CREATE, Priority.STRUCTURE, now)
            budget.spend(Limiter.CREATE, now)
            retry_ms = server.ask(now)
            if retry_ms is None:
                break
            refusals += 1
            budget.refused(Limiter.CREATE, retry_ms, now)
        budget.succeeded(Limiter.CREATE, now)
    assert refusals <= 2
    assert now - START_MS <= 1.1 * (20 - 10) / 0.016 * 1000


@pytest.mark.parametrize("limiter", [Limiter.CREATE, Limiter.INVITE, Limiter.JOIN])
def test_every_call_counts_as_a_message_too(limiter: Limiter) -> None:
    budget = after_a_burst()
    assert budget.wait_ms(limiter, ROUTINE, START_MS) == budget.wait_ms(MESSAGE, ROUTINE, START_MS) > 0
    now = START_MS + 10 * MINUTE_MS
    for _ in range(7):
        assert budget.wait_ms(MESSAGE, ROUTINE, now) == 0
        budget.spend(limiter, now)
    assert budget.wait_ms(MESSAGE, ROUTINE, now) > 0


@pytest.mark.parametrize("limiter", [Limiter.INVITE, Limiter.JOIN])
def test_a_refused_invite_or_join_is_a_short_pause_for_its_own_kind(limiter: Limiter) -> None:
    budget = Budget()
    budget.spend(limiter, START_MS)
    budget.refused(limiter, 333_000, START_MS)
    assert budget.wait_ms(limiter, SAFETY, START_MS) == LONGEST_PAUSE_MS
    for other in set(Limiter) - {limiter}:
        assert budget.wait_ms(other, ROUTINE, START_MS) == 0
    assert budget.wait_ms(limiter, ROUTINE, START_MS + LONGEST_PAUSE_MS) == 0
    budget.refused(limiter, 1500, START_MS)
    assert budget.wait_ms(limiter, ROUTINE, START_MS) == 1500
    assert budget.wait_ms(limiter, ROUTINE, START_MS - HOUR_MS) == 0  # the clock was turned back


@pytest.mark.parametrize("limiter", list(Limiter))
def test_what_did_not_count_is_given_back(limiter: Limiter) -> None:
    budget = after_a_burst()
    now = START_MS + 10 * MINUTE_MS
    for _ in range(50):
        assert budget.wait_ms(limiter, ROUTINE, now) == 0
        budget.spend(limiter, now)
        budget.unspent(limiter, now)
    budget.spend(MESSAGE, now)
    assert budget.learnt == Learnt(10, 720, START_MS)


# -- restarts, estimates, odd clocks -----------------------------------------------------------------------------------


def test_what_was_learnt_survives_a_restart() -> None:
    first = after_a_burst()
    again = Budget(first.learnt)
    assert again.learnt == first.learnt
    now, sent = START_MS + MINUTE_MS, 0
    while not again.wait_ms(MESSAGE, ROUTINE, now):
        again.spend(MESSAGE, now)
        sent += 1
    assert sent == 7


def test_after_a_restart_with_an_empty_bucket_one_refusal_puts_it_right_and_unlearns_nothing() -> None:
    server = Synapse(0.2, 10)
    first = live(server, 10 * MINUTE_MS)
    learnt = first.budget.learnt
    assert learnt is not None
    server.at_ms, server.level = START_MS, 10
    second = live(server, 30 * MINUTE_MS, budget=Budget(Learnt(learnt.burst, learnt.per_hour, START_MS)))
    assert second.refusals() <= 2
    assert second.budget.learnt is not None
    assert second.budget.learnt.burst == 10
    assert second.budget.learnt.per_hour == pytest.approx(720, rel=0.05)


def test_a_probe_that_meets_an_empty_bucket_does_not_forget_the_burst() -> None:
    budget = Budget(Learnt(10, 720, START_MS - 2 * HOUR_MS))
    for _ in range(3):
        assert budget.wait_ms(MESSAGE, ROUTINE, START_MS) == 0
        budget.spend(MESSAGE, START_MS)
    budget.refused(MESSAGE, 5000, START_MS)
    assert budget.learnt == Learnt(10, 720, START_MS)


def test_the_estimate_is_close_to_how_long_it_takes() -> None:
    budget, now = after_a_burst(), START_MS
    estimate_ms = budget.estimate_ms({MESSAGE: 50, Limiter.INVITE: 10}, now)
    assert estimate_ms == pytest.approx((60 + 3) * 5000, rel=0.03)
    for _ in range(60):
        now += budget.wait_ms(MESSAGE, ROUTINE, now)
        budget.spend(MESSAGE, now)
    assert estimate_ms == pytest.approx(now - START_MS, rel=0.01)
    assert budget.estimate_ms({}, now) == 0


def test_the_estimate_knows_that_rooms_are_slower() -> None:
    budget = Budget()
    for _ in range(10):
        budget.spend(Limiter.CREATE, START_MS)
    budget.spend(Limiter.CREATE, START_MS)
    budget.refused(Limiter.CREATE, 62_500, START_MS)
    budget.spend(Limiter.CREATE, START_MS + 62_510)
    budget.spend(Limiter.CREATE, START_MS + 72_510)
    budget.refused(Limiter.CREATE, 52_500, START_MS + 72_510)
    estimate_ms = budget.estimate_ms({Limiter.CREATE: 10, MESSAGE: 3}, START_MS + 72_510)
    assert estimate_ms == pytest.approx(52_500 + 9 * 62_500, rel=0.05)


@pytest.mark.parametrize("jump_ms", [-DAY_MS, -HOUR_MS, -SECOND_MS, DAY_MS])
def test_a_clock_that_is_set_never_stops_anything_for_longer_than_a_refill(jump_ms: int) -> None:
    budget = after_a_burst()
    now = START_MS + jump_ms
    for _ in range(5):
        wait_ms = budget.wait_ms(MESSAGE, ROUTINE, now)
        assert wait_ms <= 20_500
        now += wait_ms
        assert budget.wait_ms(MESSAGE, ROUTINE, now) == 0
        budget.spend(MESSAGE, now)


Step = tuple[str, Limiter, int | None, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["spend", "succeeded", "refused", "unspent", "wait"]),
        st.sampled_from(list(Limiter)),
        st.none() | st.integers(-1000, 10_000) | st.sampled_from([0, 10**15]),
        st.sampled_from([0, 1, 50, 1000, 60_000, HOUR_MS, -HOUR_MS]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS, st.none() | st.builds(Learnt, st.integers(-5, 10**9), st.integers(-5, 10**9), st.integers(0, 2**45)))
def test_nothing_that_is_told_makes_it_fail_or_wait_for_ever(steps: list[Step], learnt: Learnt | None) -> None:
    budget, now = Budget(learnt), START_MS
    for what, limiter, retry_ms, passed_ms in steps:
        now += passed_ms
        match what:
            case "spend":
                budget.spend(limiter, now)
            case "succeeded":
                budget.succeeded(limiter, now)
            case "unspent":
                budget.unspent(limiter, now)
            case "refused":
                budget.refused(limiter, retry_ms, now)
            case _:
                pass
        waits = [budget.wait_ms(limiter, priority, now) for priority in Priority]
        assert all(wait_ms >= 0 for wait_ms in waits)
        assert waits[0] <= min(waits)
        assert waits[1] == waits[2] == waits[3]
        assert budget.estimate_ms({limiter: 3}, now) >= 0
        if budget.learnt is not None:
            assert budget.learnt.burst >= 1
            assert budget.learnt.per_hour >= 1
    free_again = now + HOUR_MS + 1
    if not any(what == "refused" for what, *_ in steps[-1:]):
        assert all(budget.wait_ms(limiter, ROUTINE, free_again + DAY_MS * 4000) == 0 for limiter in Limiter)
