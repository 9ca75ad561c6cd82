"""What keepers can do about the questions of a room, and what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import pytest

from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.feature import Timer
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.prompts.gates import reason
from orchestrator.store import locks, timers
from tests.declared import ANA, BO, CY, EVE, community, deck, documents, question, schedule
from tests.house import CIRCLE, room_id
from tests.prompts.kept import CONTROL, Kept, kept
from tests.prompts.test_craft import FIRST_MS, WEEK_MS, circle, grove, questions, slots

QUESTION = "Tuesday 6 January 2026, 19:05"


@pytest.fixture
def shop() -> Iterator[Kept]:
    """An hour before the first slot; Ana is on duty, Bo is a lead."""
    shop = kept(grove(schedule()), FIRST_MS)
    yield shop
    shop.close()


def asks(shop: Kept, words: str, *, who: UserId = BO) -> str:
    """Write in the control room and read the answer, with time to breathe in between."""
    shop.at_ms += 10_000
    shop.heard_all_along(CIRCLE)
    return "\n".join(shop.write(who, words, CONTROL))


def shown(said: str) -> str:
    """The one question that is shown."""
    (found,) = questions([said])
    return found


def asked(shop: Kept) -> list[str]:
    """The questions that the circle was asked since the last time."""
    return questions([said for said in shop.told(CIRCLE) if "Reading along" in said])


def test_what_is_shown_as_next_is_what_is_asked(shop: Kept) -> None:
    said = asks(shop, "!prompt")
    assert said.startswith(f"Next in Tuesday circle, on {QUESTION}:")
    shop.pass_time(FIRST_MS)
    assert asked(shop) == [shown(said)]


def test_in_the_room_itself_the_question_is_told_in_private(shop: Kept) -> None:
    (answer,) = shop.write(ANA, "!prompt next", CIRCLE)
    assert answer == "I have written to you in private."
    (private,) = shop.told(ANA)
    assert "?" in private
    assert private.startswith("Next in Tuesday circle")


def test_the_list_shows_what_comes_and_changes_nothing(shop: Kept) -> None:
    before = shop.rows("select * from asked") + shop.rows("select * from chosen")
    said = asks(shop, "!prompt list")
    assert shop.rows("select * from asked") + shop.rows("select * from chosen") == before
    lines = [line.split(": ", 1)[1] for line in said.splitlines() if line.startswith("- ")]
    assert len(set(lines)) == 5
    shop.pass_time(FIRST_MS + 4 * WEEK_MS)
    assert asked(shop) == lines


def test_a_question_that_is_swapped_comes_another_time(shop: Kept) -> None:
    first = shown(asks(shop, "!prompt next"))
    second = shown(asks(shop, "!prompt swap"))
    assert second != first
    shop.pass_time(FIRST_MS + 5 * WEEK_MS)
    said = asked(shop)
    assert said[0] == second
    assert first in said[1:]
    assert len(set(said)) == 6


def test_a_deck_of_one_question_has_no_other() -> None:
    shop = kept(grove(schedule(asked=deck(question("How was it?")))), FIRST_MS)
    asks(shop, "!prompt next")
    assert asks(shop, "!prompt swap").endswith("so this one stays.")
    shop.pass_time(FIRST_MS)
    assert asked(shop) == ["How was it?"]
    shop.close()


def test_a_slot_that_is_skipped_asks_nothing_says_why_and_loses_no_question(shop: Kept) -> None:
    first = shown(asks(shop, "!prompt next"))
    said = asks(shop, "!prompt skip")
    assert said.startswith(
        f"Nothing will be asked in Tuesday circle on {QUESTION}. The next question comes on Tuesday 13 January"
    )
    shop.pass_time(FIRST_MS)
    assert asked(shop) == []
    assert slots(shop) == [(0, "passed: skipped")]
    assert "not asked: somebody who keeps the room let it pass" in asks(shop, "!prompt why")
    shop.pass_time(FIRST_MS + 6 * WEEK_MS)
    said_since = asked(shop)
    assert first in said_since
    assert len(set(said_since)) == 6


def test_a_skip_is_taken_back(shop: Kept) -> None:
    asks(shop, "!prompt skip")
    assert "somebody let it pass" not in asks(shop, "!prompt resume")
    shop.pass_time(FIRST_MS)
    assert len(asked(shop)) == 1


def test_skipping_twice_skips_two(shop: Kept) -> None:
    asks(shop, "!prompt skip")
    asks(shop, "!prompt skip")
    shop.pass_time(FIRST_MS + 2 * WEEK_MS)
    assert [outcome for _, outcome in slots(shop)] == ["passed: skipped", "passed: skipped", "done"]


@pytest.mark.parametrize(
    ("words", "until", "weeks"),
    [
        ("pause 3d", "Friday 9 January 2026", 1),
        ("pause for 2 weeks", "Tuesday 20 January 2026", 2),
        ("pause until fri", "Friday 9 January 2026", 1),
        ("pause until 20 Jan 20:00", "Tuesday 20 January 2026, 20:00", 3),
    ],
)
def test_a_pause_is_said_in_full_holds_and_ends_by_itself(shop: Kept, words: str, until: str, weeks: int) -> None:
    assert (
        asks(shop, f"!prompt {words}")
        == f"No questions in Tuesday circle until {until}. !prompt resume takes that back."
    )
    assert asks(shop, "!prompt next").startswith(f"Questions are paused in Tuesday circle until {until}.")
    shop.pass_time(FIRST_MS + 3 * WEEK_MS)
    outcomes = [outcome for _, outcome in slots(shop)]
    assert outcomes == ["passed: paused"] * weeks + ["done"] * (4 - weeks)


def test_a_pause_holds_over_a_restart_and_is_taken_back(shop: Kept) -> None:
    asks(shop, "!prompt pause 2 weeks")
    shop.restart()
    shop.settle()
    shop.pass_time(FIRST_MS + DAY_MS)
    assert asked(shop) == []
    asks(shop, "!prompt resume")
    shop.pass_time(FIRST_MS + WEEK_MS)
    assert len(asked(shop)) == 1


@pytest.mark.parametrize(
    "words", ["pause", "pause next week", "pause until 2019-01-01", "pause for ever", "skip 3", "dance"]
)
def test_what_is_not_plain_is_refused_with_what_to_write(shop: Kept, words: str) -> None:
    before = shop.rows("select * from chosen") + shop.rows("select * from pause")
    said = asks(shop, f"!prompt {words}")
    assert "You can write" in said or "Write for example" in said or "is over already" in said or "date" in said, said
    assert shop.rows("select * from chosen") + shop.rows("select * from pause") == before


def test_now_asks_what_was_shown_and_the_slot_asks_another(shop: Kept) -> None:
    first = shown(asks(shop, "!prompt next"))
    assert "The next one comes by itself on " + QUESTION in asks(shop, "!prompt now")
    assert asked(shop) == [first]
    shop.pass_time(FIRST_MS)
    (second,) = asked(shop)
    assert second != first


def test_now_is_asked_back_while_there_is_a_pause_and_only_a_yes_asks(shop: Kept) -> None:
    asks(shop, "!prompt pause 3d")
    assert "Questions are paused in Tuesday circle. Shall I ask one all the same?" in asks(shop, "!prompt now")
    shop.tap(BO, "no", CONTROL)
    assert asked(shop) == []
    asks(shop, "!prompt now")
    shop.tap(BO, "yes", CONTROL)
    assert len(asked(shop)) == 1


def test_now_is_asked_back_in_the_quiet_hours() -> None:
    shop = kept(grove(schedule(gates=("quiet_hours",)), quiet=QuietHours(time(17), time(18, 30))), FIRST_MS)
    assert "It is in the quiet hours of Tuesday circle." in asks(shop, "!prompt now")
    shop.close()


def test_a_conversation_is_asked_back_in_words_that_fit_whatever_goes_on() -> None:
    shop = kept(grove(schedule(gates=("active_room",))), FIRST_MS)
    for who in (EVE, CY, EVE, CY):
        shop.say(who, "so it was", CIRCLE)
    assert "This may not be a good moment for a question in Tuesday circle." in "\n".join(
        shop.write(BO, "!prompt now", CONTROL)
    )
    shop.close()


@pytest.mark.parametrize("words", ["now", "skip", "swap", "pause 3d", "resume"])
def test_whoever_is_off_duty_may_look_and_not_touch(words: str) -> None:
    shop = kept(documents(community(circle(schedule(), facilitators=[ANA, CY]), leads=[BO])), FIRST_MS)
    shop.empower(CIRCLE, {ANA: 50, BO: 100})  # Cy holds no power now
    assert "Next in Tuesday circle" in asks(shop, "!prompt next", who=CY)
    before = shop.rows("select * from chosen") + shop.rows("select * from pause")
    assert asks(shop, f"!prompt {words}", who=CY).startswith("Whoever is on duty there can change that")
    assert shop.rows("select * from chosen") + shop.rows("select * from pause") == before
    shop.close()


@pytest.mark.parametrize("words", ["", "next", "list", "why", "now", "skip"])
def test_members_are_told_whom_it_is_for_and_learn_nothing(shop: Kept, words: str) -> None:
    (said,) = shop.write(EVE, f"!prompt {words}", CIRCLE)
    assert said.startswith("This is for the people who keep a room.")
    assert asked(shop) == []


def test_of_several_rooms_the_one_that_is_meant_has_to_be_named() -> None:
    rooms = [circle(schedule(), key=key, facilitators=[ANA]) for key in ("tuesday", "friday")]
    shop = kept(documents(community(*rooms, leads=[BO])), FIRST_MS)
    assert "Which room do you mean: `tuesday`, `friday`?".replace("`", "") in asks(shop, "!prompt next")
    shop.empower(room_id(CommunityKey("grove"), RoomKey("friday")), {BO: 100})
    asks(shop, "!prompt pause friday 3d")
    assert shop.rows("select key from pause") == [("friday",)]
    shop.close()


def test_what_became_of_slots_is_told_in_words(shop: Kept) -> None:
    assert asks(shop, "!prompt why") == "Nothing has been due in Tuesday circle yet."
    shop.pass_time(FIRST_MS)
    shop.at_ms = FIRST_MS + WEEK_MS + 2 * HOUR_MS
    shop.restart()
    shop.settle()
    shop.ring()
    said = asks(shop, "!prompt why")
    assert "- Tue 13 Jan, 19:05: not asked: I was away when it was time, and came back too late" in said
    assert "- Tue 6 Jan, 19:05: asked" in said


def test_a_minute_before_its_time_all_of_it_still_counts(shop: Kept) -> None:
    shop.pass_time(FIRST_MS - MINUTE_MS)
    asks(shop, "!prompt skip")
    shop.pass_time(FIRST_MS + HOUR_MS)
    assert slots(shop) == [(0, "passed: skipped")]


def test_a_room_may_be_called_like_a_day_and_until_that_day_is_the_day(shop: Kept) -> None:
    assert asks(shop, "!prompt pause until tuesday 12:00").startswith(
        "No questions in Tuesday circle until Tuesday 13 January 2026, 12:00."
    )
    assert asks(shop, "!prompt pause tuesday until fri").startswith("No questions in Tuesday circle until Friday")


def test_now_written_twice_asks_once_and_then_asks_back(shop: Kept) -> None:
    asks(shop, "!prompt now")
    assert "A question was asked in Tuesday circle just now." in asks(shop, "!prompt now")
    assert len(asked(shop)) == 1
    shop.tap(BO, "yes", CONTROL)
    assert len(asked(shop)) == 1


def test_of_two_who_ask_whether_to_ask_one_in_a_room_that_was_closed_since_nothing_comes(shop: Kept) -> None:
    asks(shop, "!prompt pause 3d")
    asks(shop, "!prompt now")
    shop.run(locks.lock, CommunityKey("grove"), RoomKey("tuesday"), by_lead=False)
    shop.tap(BO, "yes", CONTROL)
    assert asked(shop) == []
    assert "is closed for a while" in shop.told(CONTROL)[-1]


def test_that_a_hand_was_raised_is_told_in_the_words_of_a_conversation(shop: Kept) -> None:
    hush = Timer(craft="culture", key="hush:grove/tuesday", due_ms=FIRST_MS + HOUR_MS)
    shop.run(timers.set_timer, hush)
    shop.pass_time(FIRST_MS)
    assert slots(shop) == [(0, "passed: hushed")]
    said = asks(shop, "!prompt why")
    assert "hand" not in said
    assert reason("hushed") == reason("active_room") in said
