"""Each due slot is posted once, or passed over with its reason written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import time

import pytest

from orchestrator.documents.declared import Deck, Documents, PromptSchedule, Room
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.cadence import QuietHours, Weekday
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.desks import Desks
from orchestrator.model.effects import Outcome
from orchestrator.model.feature import Feature, Roster, Timer
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId
from orchestrator.prompts.asking import Asking
from orchestrator.prompts.gates import LOOK_AGAIN_MS
from orchestrator.store import bindings, locks, timers
from tests.declared import ANA, BO, CY, EVE, community, deck, documents, question, room, schedule
from tests.house import CIRCLE, content_of, mentions_of
from tests.workshop import LOUD, Workshop, speak_loudly

FIRST_MS = 1_767_722_700_000
"""Tuesday 2026-01-06 19:05 in Berlin: the first slot."""

WEEK_MS = 7 * DAY_MS
GRACE_MS = 90 * MINUTE_MS
PINS = "m.room.pinned_events"
INVITATION = "If you like, answer in a thread. Reading along, or passing, is just as welcome."


class OnlyAsking(Desks):
    """The desk that asks, alone."""

    name = "prompts"


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(documents)
    return (OnlyAsking(Asking(documents, facilitation)),), facilitation


def circle(
    *schedules: PromptSchedule,
    key: str = "tuesday",
    previously: Sequence[str] = (),
    facilitators: Sequence[UserId] = (ANA,),
    quiet: QuietHours | None = None,
) -> Room:
    return room(key, previously=previously, prompts=schedules, facilitators=facilitators, quiet=quiet)


def grove(
    *schedules: PromptSchedule, facilitators: Sequence[UserId] = (ANA,), quiet: QuietHours | None = None
) -> Documents:
    return documents(community(circle(*schedules, facilitators=facilitators, quiet=quiet), leads=[BO]))


@pytest.fixture
def shop() -> Iterator[Workshop]:
    """An hour before the first slot, settled."""
    shop = opened(grove(schedule()))
    yield shop
    shop.close()


def opened(documents: Documents) -> Workshop:
    shop = Workshop(documents, make, at_ms=FIRST_MS - HOUR_MS)
    shop.open(EVE, CY)
    shop.heard_all_along(CIRCLE)
    shop.settle()
    return shop


def slots(shop: Workshop) -> list[tuple[int, str]]:
    """What became of each slot, by weeks after the first."""
    rows = shop.rows("select due_ms, outcome from slot order by due_ms")
    return [(int(str(due_ms)) - FIRST_MS, str(outcome)) for due_ms, outcome in rows]


def questions(said: Sequence[str]) -> list[str]:
    """The questions themselves, without what stands around them."""
    return [next(line for line in one.splitlines() if line.endswith("?")) for one in said]


# -- one question ------------------------------------------------------------------------------------------------------


def test_at_its_time_a_question_is_asked_as_a_person_would(shop: Workshop) -> None:
    shop.live(FIRST_MS - 1)
    assert shop.said() == []
    shop.live(FIRST_MS)
    (row,) = shop.waiting()
    question_ = questions(shop.said())[0]
    assert shop.said() == [f"{question_}\n\n{INVITATION}"]
    content = content_of(row)
    assert (content["msgtype"], mentions_of(row), row.room) == ("m.text", [], CIRCLE)
    assert content["formatted_body"] == f"<p><strong>{question_}</strong></p>\n<p><em>{INVITATION}</em></p>"
    assert row.expires_ms == FIRST_MS + GRACE_MS
    shop.deliver()
    assert slots(shop) == [(0, "done")]


def test_without_a_thread_people_are_invited_to_answer_right_there() -> None:
    shop = opened(grove(schedule(thread=False)))
    shop.live(FIRST_MS)
    assert shop.said()[0].endswith("\n\nAnswer if you like. Reading along, or passing, is just as welcome.")
    shop.close()


def test_a_note_is_a_word_before() -> None:
    only = question("Who did you call on Sunday?", note="mentions family")
    shop = opened(grove(schedule(asked=deck(only))))
    shop.live(FIRST_MS)
    assert shop.said() == [f"A word before: this one mentions family.\n\nWho did you call on Sunday?\n\n{INVITATION}"]
    assert "<em>A word before: this one mentions family.</em>" in str(content_of(shop.waiting()[0])["formatted_body"])
    shop.close()


@pytest.mark.parametrize("text", ["How was it?\nReally?", "  How was it?  ", "How was it?\n\n- good?\n- less good?"])
def test_no_stars_are_shown_however_a_question_is_written(text: str) -> None:
    shop = opened(grove(schedule(asked=deck(question(text)))))
    shop.live(FIRST_MS)
    content = content_of(shop.waiting()[0])
    assert "*" not in str(content["body"]) + str(content["formatted_body"])
    shop.close()


def test_every_week_another_question_until_the_deck_is_through(shop: Workshop) -> None:
    shop.live(FIRST_MS + 11 * WEEK_MS)
    asked = questions([said for said, _ in shop.deliver()])
    assert len(asked) == 12
    assert len(set(asked[:6])) == len(set(asked[6:])) == 6
    assert asked[5] != asked[6]
    # The clocks change at the end of March; the time on the wall does not.
    assert slots(shop) == [(n * WEEK_MS, "done") for n in range(12)]


def test_settling_twice_changes_nothing(shop: Workshop) -> None:
    for _ in range(2):
        before = shop.everything()
        shop.restart()
        shop.settle()
        shop.ring()
        assert shop.everything() == before
        shop.live(FIRST_MS)
        shop.deliver()


# -- crashes, downtime and clocks --------------------------------------------------------------------------------------


def test_a_slot_that_was_cut_off_in_the_middle_is_filled_once(shop: Workshop) -> None:
    shop.at_ms = FIRST_MS
    shop.ring(crash=True)
    assert (shop.said(), slots(shop)) == ([], [])
    shop.heard_all_along(CIRCLE)
    shop.settle()
    shop.ring()
    shop.settle()
    shop.ring()
    assert len(shop.said()) == 1
    shop.restart()
    shop.settle()
    shop.deliver()
    shop.ring()
    assert (shop.said(), slots(shop)) == ([], [(0, "done")])


def test_a_timer_that_another_set_anew_because_it_failed_still_knows_its_slot(shop: Workshop) -> None:
    (timer,) = shop.timers("prompts")
    shop.run(timers.set_timer, replace(timer, due_ms=FIRST_MS + MINUTE_MS))
    shop.settle()
    shop.live(FIRST_MS + HOUR_MS)
    assert slots(shop) == [(0, "claimed")]


@pytest.mark.parametrize("later_ms", [0, LOOK_AGAIN_MS])
def test_a_timer_that_fires_again_asks_nothing_again_and_uses_up_no_question(shop: Workshop, later_ms: int) -> None:
    (timer,) = shop.timers("prompts")
    shop.live(FIRST_MS + later_ms)
    shop.run(timers.set_timer, replace(timer, due_ms=shop.at_ms, payload={"due_ms": FIRST_MS}))
    shop.ring()
    assert len(shop.said()) == 1
    assert shop.rows("select count(*) from asked") == [(1,)]
    assert [one.due_ms for one in shop.timers("prompts")] == [FIRST_MS + WEEK_MS]


@pytest.mark.parametrize(
    ("late_ms", "outcome"), [(GRACE_MS - 1, "claimed"), (GRACE_MS, "claimed"), (GRACE_MS + 1, "passed: late")]
)
def test_after_downtime_a_question_is_asked_within_its_grace_and_not_after(
    shop: Workshop, late_ms: int, outcome: str
) -> None:
    shop.at_ms = FIRST_MS + late_ms
    shop.restart()
    shop.heard_all_along(CIRCLE)
    shop.settle()
    shop.ring()
    assert slots(shop) == [(0, outcome)]
    assert len(shop.said()) == (outcome == "claimed")
    assert [timer.due_ms for timer in shop.timers("prompts")] == [FIRST_MS + WEEK_MS]


def test_after_a_long_absence_one_question_at_most_and_each_missed_slot_is_written_down(shop: Workshop) -> None:
    shop.at_ms = FIRST_MS + 5 * WEEK_MS + 10 * MINUTE_MS
    shop.restart()
    shop.settle()
    shop.ring()
    assert len(shop.said()) == 1
    assert slots(shop) == [*((n * WEEK_MS, "passed: late") for n in range(5)), (5 * WEEK_MS, "claimed")]
    assert shop.waiting()[0].expires_ms == FIRST_MS + 5 * WEEK_MS + GRACE_MS
    assert [timer.due_ms for timer in shop.timers("prompts")] == [FIRST_MS + 6 * WEEK_MS]


def test_after_a_long_absence_that_ends_between_slots_nothing_is_asked(shop: Workshop) -> None:
    shop.at_ms = FIRST_MS + 5 * WEEK_MS + DAY_MS
    shop.restart()
    shop.settle()
    shop.ring()
    assert shop.said() == []
    assert slots(shop) == [(n * WEEK_MS, "passed: late") for n in range(6)]


def test_where_the_grace_is_longer_than_a_day_the_newest_question_is_the_one() -> None:
    shop = opened(grove(schedule(on=(), grace_ms=3 * DAY_MS)))
    shop.at_ms = FIRST_MS + 2 * DAY_MS
    shop.ring()
    assert len(shop.said()) == 1
    assert slots(shop) == [(0, "passed: late"), (DAY_MS, "passed: late"), (2 * DAY_MS, "claimed")]
    shop.close()


def test_a_clock_that_was_set_back_asks_nothing_again(shop: Workshop) -> None:
    shop.live(FIRST_MS + WEEK_MS)
    shop.deliver()
    shop.at_ms = FIRST_MS - HOUR_MS
    shop.restart()
    shop.heard_all_along(CIRCLE)
    shop.settle()
    shop.live(FIRST_MS + WEEK_MS + HOUR_MS)
    assert shop.said() == []
    shop.live(FIRST_MS + 2 * WEEK_MS)
    assert len(shop.said()) == 1


def test_a_clock_that_leaps_by_decades_writes_down_a_year_and_asks_on(shop: Workshop) -> None:
    shop.at_ms = FIRST_MS + 2_000 * WEEK_MS
    shop.ring()
    assert len(slots(shop)) == 1 + 53
    assert len(shop.said()) == 1


# -- the moment --------------------------------------------------------------------------------------------------------


def talk(shop: Workshop) -> None:
    for who in (EVE, CY, EVE):
        shop.say(who, "and then I said", CIRCLE)


@pytest.fixture
def gated() -> Iterator[Workshop]:
    gates = schedule(gates=("quiet_hours", "active_room", "coverage"))
    shop = opened(grove(gates, quiet=QuietHours(time(21), time(8))))
    yield shop
    shop.close()


def test_a_question_waits_until_a_conversation_is_over(gated: Workshop) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    talk(gated)
    gated.live(FIRST_MS)
    assert gated.said() == []
    (timer,) = gated.timers("prompts")
    assert (timer.due_ms, timer.payload) == (FIRST_MS + LOOK_AGAIN_MS, {"due_ms": FIRST_MS})
    gated.live(FIRST_MS + 30 * MINUTE_MS)
    (row,) = gated.waiting()
    assert row.created_ms == FIRST_MS + 2 * LOOK_AGAIN_MS
    assert row.expires_ms == FIRST_MS + GRACE_MS
    assert slots(gated) == [(0, "claimed")]


def test_a_conversation_that_goes_on_and_on_is_left_alone(gated: Workshop) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    while gated.at_ms < FIRST_MS + GRACE_MS + HOUR_MS:
        talk(gated)
        gated.live(gated.at_ms + 4 * MINUTE_MS)
    assert gated.said() == []
    assert slots(gated) == [(0, "passed: active_room")]
    assert [timer.due_ms for timer in gated.timers("prompts")] == [FIRST_MS + WEEK_MS]


def test_somebody_who_speaks_alone_is_asked(gated: Workshop) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    for _ in range(8):
        gated.say(EVE, "is anybody here", CIRCLE)
    gated.live(FIRST_MS)
    assert len(gated.said()) == 1


def test_a_talk_in_another_room_delays_nothing(gated: Workshop) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    for who in (EVE, CY, EVE):
        gated.say(who, "hello", RoomId("!lounge"))
    gated.live(FIRST_MS)
    assert len(gated.said()) == 1


def test_until_it_is_known_what_was_said_a_question_waits(gated: Workshop) -> None:
    gated.restart()
    gated.settle()
    gated.live(FIRST_MS + 20 * MINUTE_MS)
    assert gated.said() == []
    gated.heard_all_along(CIRCLE)
    gated.live(FIRST_MS + 25 * MINUTE_MS)
    assert len(gated.said()) == 1


def test_where_it_never_gets_known_the_slot_is_passed_over(gated: Workshop) -> None:
    gated.restart()
    gated.settle()
    gated.live(FIRST_MS + GRACE_MS)
    assert gated.said() == []
    assert slots(gated) == [(0, "passed: not_heard")]


def test_a_question_that_waits_is_still_waiting_after_a_restart(gated: Workshop) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    talk(gated)
    gated.live(FIRST_MS + MINUTE_MS)
    gated.restart()
    gated.heard_all_along(CIRCLE)
    gated.settle()
    gated.live(FIRST_MS + LOOK_AGAIN_MS)
    assert len(gated.said()) == 1
    gated.settle()
    gated.live(FIRST_MS + HOUR_MS)
    assert len(gated.said()) == 1


def test_a_question_that_waits_when_the_bot_goes_down_for_long_is_late(gated: Workshop) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    talk(gated)
    gated.live(FIRST_MS + MINUTE_MS)
    gated.at_ms = FIRST_MS + 2 * WEEK_MS + MINUTE_MS
    gated.restart()
    gated.heard_all_along(CIRCLE)
    gated.settle()
    gated.ring()
    assert slots(gated) == [(0, "passed: late"), (WEEK_MS, "passed: late"), (2 * WEEK_MS, "claimed")]


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, 5_000 * DAY_MS])
def test_a_server_whose_clock_is_ahead_does_not_keep_a_room_from_its_question(gated: Workshop, ahead_ms: int) -> None:
    gated.live(FIRST_MS - MINUTE_MS)
    for who in (EVE, CY, EVE):
        gated.say(who, "from the future", CIRCLE, at_ms=gated.at_ms + ahead_ms)
    gated.live(FIRST_MS)
    assert gated.said() == []
    gated.live(FIRST_MS + 2 * LOOK_AGAIN_MS)
    assert len(gated.said()) == 1


def test_in_quiet_hours_the_slot_is_passed_over() -> None:
    shop = opened(grove(schedule(at="22:05", gates=("quiet_hours",)), quiet=QuietHours(time(21), time(8))))
    shop.live(FIRST_MS + DAY_MS)
    assert shop.said() == []
    assert slots(shop) == [(3 * HOUR_MS, "passed: quiet_hours")]
    shop.close()


def test_where_nobody_could_answer_because_the_room_is_locked_nothing_is_asked() -> None:
    shop = opened(grove(schedule()))
    shop.run(locks.lock, CommunityKey("grove"), RoomKey("tuesday"), by_lead=True)
    shop.live(FIRST_MS)
    assert (shop.said(), slots(shop)) == ([], [(0, "passed: locked")])
    shop.run(locks.unlock, CommunityKey("grove"), RoomKey("tuesday"))
    shop.live(FIRST_MS + WEEK_MS)
    assert slots(shop)[1:] == [(WEEK_MS, "claimed")]
    shop.close()


@pytest.mark.parametrize("room", ["tuesday", "*"])
def test_where_a_hand_was_raised_in_fear_nothing_is_asked_until_that_is_over(room: str) -> None:
    shop = opened(grove(schedule()))
    hush = Timer(craft="culture", key=f"hush:grove/{room}", due_ms=FIRST_MS + HOUR_MS)
    shop.run(timers.set_timer, hush)
    shop.live(FIRST_MS)
    assert (shop.said(), slots(shop)) == ([], [(0, "passed: hushed")])
    shop.run(timers.clear_timer, "culture", hush.key)
    shop.live(FIRST_MS + WEEK_MS)
    assert slots(shop)[1:] == [(WEEK_MS, "claimed")]
    shop.close()


def test_with_nobody_on_duty_light_questions_are_asked_and_no_other() -> None:
    mixed = deck(*(question(f"Question {n}?", tier=1 + n % 3) for n in range(9)))
    shop = opened(grove(schedule(asked=mixed, gates=("coverage",)), facilitators=()))
    shop.live(FIRST_MS + 2 * WEEK_MS)
    assert sorted(questions(shop.said())) == ["Question 0?", "Question 3?", "Question 6?"]
    shop.close()


def test_with_nobody_on_duty_and_no_light_question_the_slot_is_passed_over() -> None:
    deep = deck(question("What are you most afraid of?", tier=3))
    shop = opened(grove(schedule(asked=deep, gates=("coverage",)), facilitators=()))
    shop.live(FIRST_MS)
    assert (shop.said(), slots(shop)) == ([], [(0, "passed: coverage")])
    shop.close()


def test_an_empty_deck_passes_its_slots_over() -> None:
    shop = opened(grove(schedule(asked=Deck(name="empty", title="Empty", prompts=()))))
    shop.live(FIRST_MS)
    assert slots(shop) == [(0, "passed: empty")]
    shop.close()


# -- what became of it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["expired", "refused"])
def test_a_question_that_was_never_posted_comes_next_time(shop: Workshop, outcome: Outcome) -> None:
    shop.live(FIRST_MS)
    ((first, _),) = shop.deliver(outcome)
    assert slots(shop) == [(0, outcome)]
    shop.live(FIRST_MS + WEEK_MS)
    ((second, _),) = shop.deliver()
    assert questions([first]) == questions([second])
    shop.live(FIRST_MS + 2 * WEEK_MS)
    assert questions(shop.said()) != questions([second])


def test_what_was_put_back_is_put_back_into_its_own_round(shop: Workshop) -> None:
    shop.live(FIRST_MS + 5 * WEEK_MS)
    *five, last = shop.waiting()
    for row in five:
        shop.confirm(row.cause)
    shop.live(FIRST_MS + 6 * WEEK_MS)  # the next round begins while the last question of this one still waits
    shop.confirm(last.cause, "expired")
    rounds = shop.rows("select round, count(*) from asked group by round order by round")
    assert rounds == [(0, 5), (1, 1)]


def test_two_schedules_of_one_room_do_not_ask_the_same_question() -> None:
    shop = opened(grove(schedule(), schedule(at="19:10")))
    shop.live(FIRST_MS + 2 * WEEK_MS + HOUR_MS)
    asked = questions(shop.said())
    assert (len(asked), len(set(asked))) == (6, 6)
    shop.close()


def test_all_that_is_said_around_a_question_can_be_said_in_another_language(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak_loudly(monkeypatch)
    asked = [schedule(asked=deck(question("Who?", note="mentions family"))), schedule(at="19:10", thread=False)]
    shop.use(grove(*asked))
    shop.settle()
    shop.live(FIRST_MS + HOUR_MS)
    around = [line for said in shop.said() for line in said.splitlines() if line and not line.endswith("?")]
    assert len(around) == 3
    assert [line for line in around if not (line.startswith(LOUD) and line.endswith(LOUD))] == []


# -- pins --------------------------------------------------------------------------------------------------------------


def pinned(shop: Workshop) -> dict[str, object]:
    return {claim.path[1]: claim.value for claim in shop.claims(CIRCLE, PINS) if claim.owner == "prompt"}


def test_the_newest_question_is_pinned_in_place_of_the_one_before(shop: Workshop) -> None:
    slot = "prompt:gentle-checkin.tue.1905"
    shop.live(FIRST_MS)
    assert pinned(shop) == {}
    ((_, first),) = shop.deliver()
    assert pinned(shop) == {slot: {"pin": first, "unpin": []}}
    shop.live(FIRST_MS + WEEK_MS)
    ((_, second),) = shop.deliver()
    assert pinned(shop) == {slot: {"pin": second, "unpin": [first]}}
    shop.live(FIRST_MS + 2 * WEEK_MS)
    shop.deliver("expired")
    assert pinned(shop) == {slot: {"pin": second, "unpin": [first]}}


def test_questions_that_arrive_in_another_order_leave_the_newest_pinned(shop: Workshop) -> None:
    shop.live(FIRST_MS + WEEK_MS)
    first, second = shop.waiting()
    newest = shop.confirm(second.cause)
    older = shop.confirm(first.cause)
    assert list(pinned(shop).values()) == [{"pin": newest, "unpin": [older]}]


def test_pins_stay_few_however_long_it_goes_on(shop: Workshop) -> None:
    shop.live(FIRST_MS + 30 * WEEK_MS)
    events = [event for _, event in shop.deliver()]
    assert list(pinned(shop).values()) == [{"pin": events[-1], "unpin": events[-2:-6:-1]}]


def test_where_no_pin_is_wanted_none_is_claimed() -> None:
    shop = opened(grove(schedule(pin="none")))
    shop.live(FIRST_MS)
    shop.deliver()
    assert pinned(shop) == {}
    shop.close()


@pytest.mark.parametrize("changed", [(), (schedule(at="20:00"),), (schedule(pin="none"),)])
def test_the_pin_of_a_schedule_that_is_gone_goes_with_it(shop: Workshop, changed: tuple[PromptSchedule, ...]) -> None:
    shop.live(FIRST_MS)
    shop.deliver()
    shop.use(grove(*changed))
    shop.settle()
    assert pinned(shop) == {}


# -- the documents change ----------------------------------------------------------------------------------------------


def test_a_schedule_that_was_moved_is_asked_at_its_new_time(shop: Workshop) -> None:
    shop.use(grove(schedule(at="20:30", on=(Weekday.WED,))))
    shop.settle()
    assert [timer.due_ms for timer in shop.timers("prompts")] == [FIRST_MS + DAY_MS + 85 * MINUTE_MS]


def test_a_question_that_was_added_comes_in_this_round_and_none_again(shop: Workshop) -> None:
    shop.live(FIRST_MS + 2 * WEEK_MS)
    before = questions([said for said, _ in shop.deliver()])
    grown = deck(*deck().prompts, question("A new one?"))
    shop.use(grove(schedule(asked=grown)))
    shop.settle()
    shop.live(FIRST_MS + 6 * WEEK_MS)
    after = questions([said for said, _ in shop.deliver()])
    assert sorted(before + after) == sorted(prompt.text for prompt in grown.prompts)


def test_a_room_that_goes_by_another_key_does_not_begin_anew(shop: Workshop) -> None:
    shop.live(FIRST_MS + 2 * WEEK_MS)
    *_, last = shop.waiting()
    for row in shop.waiting()[:-1]:
        shop.confirm(row.cause)
    shop.run(bindings.rename, (CommunityKey("grove"), RoomKey("tuesday")), (CommunityKey("grove"), RoomKey("circle")))
    shop.use(documents(community(circle(schedule(), key="circle", previously=["tuesday"]), leads=[BO])))
    shop.settle()
    event = shop.confirm(last.cause)  # asked under the old key
    assert [value["pin"] for value in pinned(shop).values() if isinstance(value, dict)] == [event]
    shop.live(FIRST_MS + 5 * WEEK_MS)
    shop.deliver()
    assert shop.rows("select round, count(*) from asked group by round") == [(0, 6)]
    assert shop.rows("select distinct key from slot") == [("circle",)]


def test_what_was_asked_in_a_room_that_is_gone_harms_nobody(shop: Workshop) -> None:
    shop.live(FIRST_MS)
    shop.use(documents(community(leads=[BO])))
    shop.settle()
    assert shop.timers("prompts") == []
    shop.deliver()
    assert pinned(shop) == {}
