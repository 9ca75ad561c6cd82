"""``!meeting``: when people meet, calling one off, and bringing it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings
from tests.declared import ANA, BO, CY, EVE, community, documents, meeting, room
from tests.house import CIRCLE, CONTROL, content_of, direct
from tests.prompts.meetings.circle import TUESDAY, WEEKLY, at, deliver, grove, live, make, opened, steps, words
from tests.workshop import LOUD, Workshop, speak_loudly

WHEN = "Tuesday 6 January 2026, 19:00 to 20:30"
NEXT = "Tuesday 13 January 2026, 19:00 to 20:30"
LOUNGE = RoomId("!lounge")


@pytest.fixture
def shop() -> Iterator[Workshop]:
    shop = opened(grove(WEEKLY))
    yield shop
    shop.close()


def said_in(shop: Workshop, who: UserId, body: str, where: RoomId = CIRCLE) -> dict[RoomId, str]:
    """What is said because of a command, by room; it is sent at once."""
    before = {row.cause for row in shop.waiting()}
    shop.say(who, body, where)
    found = {}
    for row in words(shop):
        if row.cause not in before and row.room is not None:
            found[row.room] = str(content_of(row)["body"])
    for row in shop.waiting():
        if row.cause not in before:
            shop.confirm(row.cause)
    return found


def two_rooms() -> Documents:
    lounge = room("lounge", name="Lounge", meetings=[meeting(at="10:00", on=())], facilitators=[CY])
    circle = room(meetings=[WEEKLY], facilitators=[ANA])
    return documents(community(circle, lounge, leads=[BO]))


# -- looking -----------------------------------------------------------------------------------------------------------


def test_whoever_is_in_the_room_sees_when_people_meet(shop: Workshop) -> None:
    assert shop.answer(EVE, "!meeting", CIRCLE) == (
        f"Tuesday circle\n\n- {WHEN}\n- {NEXT}\n- Tuesday 20 January 2026, 19:00 to 20:30\n\n"
        "Where: here in the room, in writing."
    )


def test_a_meeting_that_goes_on_just_now_is_still_shown(shop: Workshop) -> None:
    live(shop, "2026-01-06 19:30")
    assert WHEN in shop.answer(EVE, "!meeting", CIRCLE)
    live(shop, "2026-01-06 21:00")
    assert WHEN not in shop.answer(EVE, "!meeting", CIRCLE)


def test_where_nobody_meets_that_is_said() -> None:
    shop = opened(grove())
    assert shop.answer(EVE, "!meeting", CIRCLE) == "No meeting is planned here."
    assert shop.answer(ANA, "!meeting cancel", CIRCLE) == "No meeting is planned here."
    shop.close()


def test_in_private_one_sees_the_rooms_that_one_is_in() -> None:
    shop = opened(two_rooms())
    for who in (EVE, BO):
        shop.run(bindings.set_direct, who, direct(who))
    shop.join(EVE, LOUNGE, "leave")
    answer = shop.answer(EVE, "!meeting", direct(EVE))
    assert ("Tuesday circle" in answer, "Lounge" in answer) == (True, False)
    assert "Lounge" in shop.answer(BO, "!meeting", direct(BO))
    shop.close()


def test_in_the_control_room_all_rooms_are_shown_and_one_can_be_named() -> None:
    shop = opened(two_rooms())
    answer = shop.answer(ANA, "!meeting", CONTROL)
    assert ("Tuesday circle" in answer, "Lounge" in answer) == (True, True)
    answer = shop.answer(ANA, "!meeting lounge", CONTROL)
    assert ("Tuesday circle" in answer, "Lounge" in answer) == (False, True)
    shop.close()


def test_a_word_that_is_none_is_answered_with_those_that_are(shop: Workshop) -> None:
    assert shop.answer(ANA, "!meeting move", CIRCLE).startswith("Write !meeting for the next ones")


# -- calling off -------------------------------------------------------------------------------------------------------


def test_a_meeting_is_called_off_by_one_command_and_nothing_more_is_said_about_it(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    said = said_in(shop, ANA, "!meeting cancel")
    assert said == {CIRCLE: f"Tuesday circle, {WHEN}, does not take place. The next one: {NEXT}."}
    assert live(shop, "2026-01-11 18:00") == []
    assert f"- {WHEN}: does not take place" not in shop.answer(EVE, "!meeting", CIRCLE)
    assert live(shop, "2026-01-11 19:00") == [f"You are invited: Tuesday circle, {NEXT}."]


def test_it_stands_under_the_announcement_and_pings_nobody(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    ((announced,),) = shop.rows("select event from meeting")
    shop.say(ANA, "!meeting cancel", CIRCLE)
    (row,) = words(shop)
    assert content_of(row)["m.relates_to"] == {"m.in_reply_to": {"event_id": announced}}
    assert content_of(row)["m.mentions"] == {}


def test_whoever_is_not_keeping_the_room_cannot_call_a_meeting_off(shop: Workshop) -> None:
    assert shop.answer(EVE, "!meeting cancel", CIRCLE) == (
        "Whoever is keeping the room just now, or a lead, can call a meeting off. !who tells you who that is."
    )
    assert steps(shop) == []


def test_a_lead_can_call_a_meeting_off_from_elsewhere_and_hears_that_it_is_done() -> None:
    shop = opened(two_rooms())
    assert "Which room do you mean?" in said_in(shop, BO, "!meeting cancel", CONTROL)[CONTROL]
    said = said_in(shop, BO, "!meeting tuesday cancel", CONTROL)
    assert said[CIRCLE].startswith(f"Tuesday circle, {WHEN}, does not take place.")
    assert said[CONTROL] == f"Done: Tuesday circle, {WHEN}, is called off, and I have said so in the room."
    shop.close()


def test_who_keeps_one_room_calls_off_no_meeting_of_another() -> None:
    shop = opened(two_rooms())
    refused = said_in(shop, CY, "!meeting tuesday cancel", CONTROL)
    assert list(refused) == [CONTROL]
    assert refused[CONTROL].startswith("Whoever is keeping the room just now, or a lead")
    shop.close()


def test_two_who_call_the_same_meeting_off_do_not_call_off_the_next_one(shop: Workshop) -> None:
    said_in(shop, ANA, "!meeting cancel")
    assert said_in(shop, BO, "!meeting cancel")[CIRCLE].startswith(f"The one of {WHEN} is called off already.")
    assert steps(shop) == [("cancel", "done")]


def test_a_meeting_is_named_by_its_day(shop: Workshop) -> None:
    said = said_in(shop, ANA, "!meeting cancel 13 Jan")
    assert said[CIRCLE].startswith(f"Tuesday circle, {NEXT}, does not take place.")
    assert f"- {WHEN}\n- {NEXT}: does not take place\n" in shop.answer(EVE, "!meeting", CIRCLE)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("thu", f"Which one do you mean? Please add its day and time. The next ones:\n\n- {WHEN}"),
        ("13 Jan please", "Write !meeting for the next ones"),
        ("someday", "I couldn't find a date there."),
        ("2 Jan 2026", "Friday 2 January 2026 is over already."),
    ],
)
def test_a_day_on_which_nobody_meets_is_asked_back(shop: Workshop, said: str, says: str) -> None:
    assert shop.answer(ANA, f"!meeting cancel {said}", CIRCLE).startswith(says)
    assert steps(shop) == []


def test_of_two_on_one_day_the_time_is_asked() -> None:
    shop = opened(grove(WEEKLY, meeting(id="walk", title="A walk", at="12:00")))
    assert "- Tuesday 6 January 2026, 12:00 to 13:30" in shop.answer(ANA, "!meeting cancel tue", CIRCLE)
    assert said_in(shop, ANA, "!meeting cancel tue 19:00")[CIRCLE].startswith(f"Tuesday circle, {WHEN}, does not")
    shop.close()


def test_an_announcement_that_waits_to_be_sent_is_not_sent_any_more(shop: Workshop) -> None:
    shop.live(at("2026-01-04 19:00"))
    assert len(shop.said()) == 1
    shop.say(ANA, "!meeting cancel", CIRCLE)
    assert [body[:30] for body in shop.said()] == [f"Tuesday circle, {WHEN}"[:30]]


def test_a_meeting_that_is_called_off_while_it_goes_on_asks_nothing_at_its_end(shop: Workshop) -> None:
    live(shop, "2026-01-06 19:10")
    said_in(shop, ANA, "!meeting cancel")
    assert live(shop, "2026-01-06 23:00") == []


def test_a_command_that_was_cut_off_in_the_middle_calls_off_once(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.say(ANA, "!meeting cancel", CIRCLE)
    shop.restart()
    shop.settle()
    shop.ring()
    assert len(words(shop)) == 1
    deliver(shop)
    shop.restart()
    shop.settle()
    assert live(shop, "2026-01-06 23:00") == []


def test_what_was_called_off_and_then_planned_otherwise_is_not_said_twice(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    said_in(shop, ANA, "!meeting cancel")
    shop.use(grove(replace(WEEKLY, when=meeting(at="20:00").when)))
    shop.settle()
    assert [body[:7] for body in shop.said()] == []


# -- bringing back -----------------------------------------------------------------------------------------------------


def test_a_meeting_that_was_called_off_can_be_brought_back(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    said_in(shop, ANA, "!meeting cancel")
    said = said_in(shop, ANA, "!meeting restore")
    assert said == {CIRCLE: f"Tuesday circle, {WHEN}, takes place after all.\n\nWhere: here in the room, in writing."}
    assert live(shop, "2026-01-06 18:30") == [f"A little reminder: Tuesday circle, {WHEN}."]
    said_in(shop, ANA, "!meeting cancel")
    assert live(shop, "2026-01-06 23:00") == []


def test_what_stands_need_not_be_brought_back(shop: Workshop) -> None:
    assert shop.answer(ANA, "!meeting restore", CIRCLE) == "That meeting is not called off."


def test_what_was_called_off_before_it_was_announced_is_announced_once_it_is_back(shop: Workshop) -> None:
    said_in(shop, ANA, "!meeting cancel")
    shop.at_ms = TUESDAY - 20 * HOUR_MS
    said_in(shop, ANA, "!meeting restore")
    assert live(shop, "2026-01-06 00:00") == [f"You are invited: Tuesday circle, {WHEN}."]


def test_what_is_brought_back_while_people_meet_is_begun_and_what_was_missed_is_written_down(shop: Workshop) -> None:
    said_in(shop, ANA, "!meeting cancel")
    assert live(shop, "2026-01-06 19:10") == []
    said_in(shop, ANA, "!meeting restore")
    assert live(shop, "2026-01-06 23:00") == [
        "Tuesday circle begins now. It is good to have you here.",
        "Tuesday circle is coming to its end. One last question, for whoever likes:",
    ]
    assert [outcome for _step, outcome in steps(shop)] == ["passed: cancelled", "passed: cancelled", "done", "done"]


# -- words -------------------------------------------------------------------------------------------------------------


def test_every_sentence_goes_through_gettext(monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    shop = Workshop(two_rooms(), make, at_ms=at("2026-01-03 12:00"))
    shop.open(ANA, BO, EVE, CY)
    shop.settle()
    asked = [
        "",
        " what",
        " cancel",
        " tuesday cancel",
        " tuesday cancel",
        " tuesday cancel thu",
        " tuesday restore",
        " tuesday restore",
    ]
    for words_ in asked:
        for said in said_in(shop, BO, f"!meeting{words_}", CONTROL).values():
            assert LOUD in said, said
    shop.close()
