"""Handoffs out of the one resolver: power and announcements follow whatever was swapped, taken, left or edited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.model.ids import UserId
from tests.declared import rota
from tests.facilitation.consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    HOUR_MS,
    START_MS,
    WEEK_MS,
    circle,
    grove,
)
from tests.facilitation.whole import Whole, whole
from tests.house import CIRCLE, body_of, mentions_of

TONIGHT_MS = START_MS + 7 * HOUR_MS


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = whole(ANA, CY, DEE)
    yield shop
    shop.close()


def on_first(shop: Whole) -> tuple[UserId, UserId]:
    """Tell who is on now, and who is next."""
    (now,) = shop.duty()
    return now, (shop.on("2026-12-02 12:00") or now)


def test_a_handoff_names_both_and_mentions_only_who_takes_over(shop: Whole) -> None:
    before, after = on_first(shop)
    shop.at_ms = TONIGHT_MS
    shop.ring()
    (row,) = [row for row in shop.waiting() if row.room == CIRCLE]
    assert body_of(row) == (
        f"{after} takes over from {before} and is keeping this room until Tuesday 8 December, 19:00."
        " Thank you both for being here for us."
    )
    assert mentions_of(row) == [after]
    assert (row.expires_ms, shop.powers()) == (TONIGHT_MS + WEEK_MS, {after: TONIGHT_MS + WEEK_MS})


def test_one_person_who_goes_on_is_not_announced_again() -> None:
    shop = whole(ANA)
    shop.pass_time(TONIGHT_MS + 3 * WEEK_MS)
    assert shop.told(CIRCLE) == []
    assert shop.powers() == {ANA: TONIGHT_MS + 4 * WEEK_MS}
    shop.close()


def test_both_who_keep_a_room_hold_its_power_and_who_watches_does_not() -> None:
    shop = whole(ANA, CY, DEE, kept=rota(co_facilitator=True), shadows=(BO,))
    assert len(shop.duty()) == 2
    assert set(shop.powers()) == set(shop.duty())
    assert BO not in shop.powers()
    shop.pass_time(TONIGHT_MS)
    assert len(shop.powers()) == 2
    assert set(shop.powers()) == set(shop.duty())
    shop.close()


def test_the_topic_says_who_keeps_the_room_where_the_rota_says_so_and_not_elsewhere(shop: Whole) -> None:
    assert shop.claims(CIRCLE, "m.room.topic") == []
    shown = whole(ANA, CY, DEE, kept=rota(show="topic"))
    _before, after = on_first(shown)
    shown.pass_time(TONIGHT_MS)
    (claim,) = shown.claims(CIRCLE, "m.room.topic")
    assert (claim.path, claim.owner, claim.until_ms) == (("parts", "duty"), "duty", TONIGHT_MS + WEEK_MS)
    assert claim.value == f"Kept by {after} until Tuesday 8 December, 19:00"
    shown.use(grove(circle(ANA, CY, DEE, kept=rota())))
    shown.settle()
    assert shown.claims(CIRCLE, "m.room.topic") == []
    shown.close()


def test_who_leaves_the_room_is_off_at_once_the_leads_hear_of_it_once_and_coming_back_is_enough(shop: Whole) -> None:
    before, _after = on_first(shop)
    shop.join(before, CIRCLE, "leave")
    assert (shop.duty(), shop.powers()) == ((), {})
    shop.settle()
    said = [line for line in shop.told(CONTROL) if "is not in the room any more" in line]
    assert len(said) == 1
    assert said[0].startswith(before)
    shop.join(before, CIRCLE)
    assert (shop.duty(), list(shop.powers())) == ((before,), [before])


def test_who_takes_over_now_has_the_power_and_is_announced_and_the_other_has_not(shop: Whole) -> None:
    before, after = on_first(shop)
    shop.write(after, "!take now")
    for _ in range(2):  # it may be asked back
        if shop.duty() != (after,):
            shop.tap(after, "yes")
    assert (shop.duty(), list(shop.powers())) == ((after,), [after])
    said = [line for line in shop.told(CIRCLE) if line.startswith(after)]
    (line,) = said
    assert line == (
        f"{after} takes over from {before} and is keeping this room until Tuesday 1 December, 19:00."
        " Thank you both for being here for us."
    )


def test_a_room_that_is_closed_is_kept_by_nobody(shop: Whole) -> None:
    shop.use(grove(replace(circle(ANA, CY, DEE, kept=rota()), archive=True)))
    assert shop.duty() == ()
    shop.settle()
    assert shop.powers() == {}


def test_what_was_is_written_down_without_holes_however_long_nobody_looked(shop: Whole) -> None:
    known = [shop.on(f"2026-12-{day:02} 12:00") for day in (1, 2, 9, 16, 23)]
    shop.at_ms = START_MS + 10 * WEEK_MS
    shop.restart()
    shop.settle()
    rows = shop.rows("select start_ms, end_ms, \"user\" from served where part = 'facilitator' order by start_ms")
    assert (rows[0][0], rows[-1][1]) == (START_MS, shop.at_ms)
    assert all(one[1] == following[0] for one, following in pairwise(rows))
    # Five had been given, and told of; after that nobody knew that it would have been their turn.
    assert [row[2] for row in rows] == known + [None] * 6
    assert shop.duty() == (ANA,)  # Dee was the last who had one
    assert len([line for line in shop.told(CIRCLE) if "keeping this room" in line]) == 1


# -- any story ---------------------------------------------------------------------------------------------------------


class Story(RuleBasedStateMachine):
    """Whatever people do and wherever the bot is killed: power is held by whoever is on duty, and each handoff is said once."""

    @initialize()
    def begin(self) -> None:
        self.shop = Whole(grove(circle(ANA, CY, DEE, kept=rota(reminders_ms=(7 * DAY_MS, DAY_MS)))))
        self.shop.begin(EVE)
        self.up = True
        self.reminded: list[str] = []
        self.announced: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.close()

    def read(self) -> None:
        self.shop.carry_out()
        self.announced += [line for line in self.shop.heard.pop(CIRCLE, []) if "keeping this room" in line]
        for user in (ANA, CY, DEE):
            told = self.shop.heard.pop(user, [])
            self.reminded += [f"{user} {line}" for line in told if line.startswith("A little reminder")]

    @precondition(lambda self: self.up)
    @rule(hours=st.integers(1, 200))
    def live(self, hours: int) -> None:
        self.shop.pass_time(self.shop.at_ms + hours * HOUR_MS)
        self.read()

    @rule(hours=st.integers(1, 300))
    def be_down(self, hours: int) -> None:
        self.up = False
        self.shop.restart()
        self.shop.at_ms += hours * HOUR_MS

    @rule(crash=st.booleans())
    def start(self, *, crash: bool) -> None:
        self.shop.settle(crash=crash)
        self.shop.ring(crash=crash)
        self.up = not crash
        if self.up:
            self.read()

    @precondition(lambda self: self.up)
    @rule(people=st.lists(st.sampled_from([ANA, CY, DEE]), unique=True))
    def change_the_list(self, people: list[UserId]) -> None:
        self.shop.use(grove(circle(*people, kept=rota(reminders_ms=(7 * DAY_MS, DAY_MS)))))
        self.shop.settle()
        self.read()

    @precondition(lambda self: self.up)
    @rule(user=st.sampled_from([ANA, CY, DEE]), back=st.booleans())
    def come_or_go(self, user: UserId, *, back: bool) -> None:
        self.shop.join(user, CIRCLE, "join" if back else "leave")
        self.read()

    @precondition(lambda self: self.up)
    @rule(user=st.sampled_from([ANA, CY, DEE]), words=st.sampled_from(["!take now", "!away today", "!swap next week"]))
    def ask(self, user: UserId, words: str) -> None:
        self.shop.write(user, words)
        if self.shop.asked(CONTROL) and words == "!swap next week":
            for other in (ANA, CY, DEE):
                if any(c.means == "take" for q in self.shop.asked(CONTROL) for c in q.choices):
                    self.shop.tap(other, "take", CONTROL)
        self.read()

    @invariant()
    def exactly_who_is_on_duty_holds_power(self) -> None:
        if hasattr(self, "shop") and self.up:
            assert set(self.shop.powers()) == set(self.shop.duty())
            people = set(self.shop.documents.communities[0].rooms[0].facilitators)
            assert set(self.shop.duty()) <= people
            assert len(self.shop.duty()) <= 1
            assert all(until_ms is not None and until_ms > self.shop.at_ms for until_ms in self.shop.powers().values())

    @invariant()
    def whoever_is_gone_from_the_files_is_off_at_once(self) -> None:
        if hasattr(self, "shop"):
            assert set(self.shop.duty()) <= set(self.shop.documents.communities[0].rooms[0].facilitators)

    @invariant()
    def no_handoff_is_said_twice_running(self) -> None:
        if hasattr(self, "shop"):
            assert all(one != following for one, following in pairwise(self.announced))

    @invariant()
    def what_was_has_neither_holes_nor_overlaps(self) -> None:
        if hasattr(self, "shop"):
            rows = self.shop.rows("select start_ms, end_ms from served where part = 'facilitator' order by start_ms")
            assert all(one[1] == following[0] for one, following in pairwise(rows))


Story.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestStory = Story.TestCase
