"""Meetings are announced, brought to mind, opened and closed, each once, and nothing that comes too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

import pytest

from orchestrator.documents.declared import CALL, Room
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Outcome
from orchestrator.model.feature import Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.model.tally import TALLY, told
from orchestrator.prompts.foresight import foreseen
from orchestrator.prompts.pauses import pause
from orchestrator.store import bindings, locks, timers
from tests.declared import ANA, BO, CY, EVE, community, deck, documents, meeting, question, room, schedule
from tests.house import CIRCLE, content_of, mentions_of, room_id
from tests.prompts.meetings.circle import (
    FIRST,
    LAST,
    SUNDAY,
    TUESDAY,
    WEEKLY,
    at,
    deliver,
    grove,
    live,
    make,
    opened,
    steps,
    words,
)
from tests.workshop import LOUD, Workshop, speak_loudly

WHEN = "Tuesday 6 January 2026, 19:00 to 20:30"
WEEK_MS = 7 * DAY_MS


@pytest.fixture
def shop() -> Iterator[Workshop]:
    shop = opened(grove(WEEKLY))
    yield shop
    shop.close()


# -- what is said ------------------------------------------------------------------------------------------------------


def test_a_meeting_is_announced_brought_to_mind_opened_and_closed(shop: Workshop) -> None:
    said = live(shop, "2026-01-07 12:00")
    assert said == [
        f"You are invited: Tuesday circle, {WHEN}.",
        f"A little reminder: Tuesday circle, {WHEN}.",
        "Tuesday circle begins now. It is good to have you here.",
        "Tuesday circle is coming to its end. One last question, for whoever likes:",
    ]
    assert steps(shop) == [("announce", "done"), ("remind", "done"), ("open", "done"), ("close", "done")]


def test_an_announcement_says_all_there_is_to_know_and_pings_nobody(shop: Workshop) -> None:
    shop.live(SUNDAY)
    (row,) = words(shop)
    assert content_of(row)["body"] == (
        f"You are invited: Tuesday circle, {WHEN}.\n\n"
        "Where: here in the room, in writing.\n\n"
        "If you like, tap ✅ if you are coming, or 🤔 if you might. You don't have to say: just coming is fine, and so is not"
        " coming."
    )
    assert (content_of(row)["msgtype"], content_of(row)["m.mentions"], mentions_of(row)) == ("m.text", {}, [])
    assert (row.room, row.expires_ms) == (CIRCLE, TUESDAY - HOUR_MS)


def test_nothing_about_a_meeting_ever_pings_anybody(shop: Workshop) -> None:
    while shop.at_ms < TUESDAY + DAY_MS:
        shop.live(shop.at_ms + HOUR_MS)
        for row in words(shop):
            assert content_of(row)["m.mentions"] == {}
        deliver(shop)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", "Where: here in the room, in writing."),
        (CALL, "Where: in a call, here in the room."),
        ("https://call.grove.example/a_b_c", "Where: https://call.grove.example/a_b_c"),
        ("the reading room of the library", "Where: the reading room of the library"),
    ],
)
def test_it_is_said_where_people_meet(where: str, says: str) -> None:
    shop = opened(grove(replace(WEEKLY, where=where)))
    for at_ms in (SUNDAY, TUESDAY - HOUR_MS, TUESDAY):
        shop.live(at_ms)
        assert says in [line for row in words(shop) for line in str(content_of(row)["body"]).split("\n\n")]
        deliver(shop)
    shop.close()


def test_signs_are_put_under_the_announcement_for_people_to_tap(shop: Workshop) -> None:
    shop.live(SUNDAY)
    ((_body, event),) = deliver(shop)
    signs = [row.payload for row in shop.waiting()]
    assert [one["type"] for one in signs] == ["m.reaction", "m.reaction"]
    relations = [content_of(row)["m.relates_to"] for row in shop.waiting()]
    assert relations == [{"rel_type": "m.annotation", "event_id": event, "key": key} for key in ("✅", "🤔")]
    assert {row.expires_ms for row in shop.waiting()} == {TUESDAY}


def test_a_reminder_tells_how_many_are_coming_and_the_rows_never_who(shop: Workshop) -> None:
    shop.live(SUNDAY)
    ((_body, event),) = deliver(shop)
    deliver(shop)
    shop.live(TUESDAY - HOUR_MS)
    (row,) = words(shop)
    tally = content_of(row)[TALLY]
    assert isinstance(tally, dict)
    assert tally["of"] == event
    sent = told(content_of(row), [(EVE, "🤔"), (CY, "✅"), (EVE, "✅"), (BO, "✅️")])
    assert str(sent["body"]).endswith("\n\nSo far: ✅ 2, 🤔 1")
    assert not any(who in row for row in shop.everything() for who in (EVE, CY) if '"meeting"' in row)


def test_opening_and_closing_questions_come_from_their_decks_and_not_twice(shop: Workshop) -> None:
    live(shop, "2026-01-28 12:00")
    asked = [str(item) for (item,) in shop.rows("select item from slot")]
    assert len(asked) == len(set(asked)) == 8


def test_a_note_is_a_word_before() -> None:
    heavy = deck(question("Whom did you lose?", tier=2, note="mentions loss"), name="heavy")
    shop = opened(grove(meeting(opening=heavy)), "2026-01-06 18:59")
    shop.live(TUESDAY)
    body = str(content_of(words(shop)[-1])["body"])
    assert body.split("\n\n")[2:] == ["A word before: this one mentions loss.", "Whom did you lose?"]
    shop.close()


def test_with_nobody_on_duty_only_light_questions_are_asked() -> None:
    heavy = deck(question("Whom did you lose?", tier=2), name="heavy")
    shop = opened(grove(meeting(opening=heavy, closing=heavy), facilitators=()), "2026-01-06 18:59")
    shop.live(TUESDAY)
    assert "Whom did you lose?" not in shop.said()[-1]
    shop.live(TUESDAY + 2 * HOUR_MS)
    assert steps(shop)[-1] == ("close", "passed: empty")
    shop.close()


def test_a_question_that_could_not_be_asked_goes_back_into_its_bag(shop: Workshop) -> None:
    live(shop, "2026-01-06 18:59")
    shop.live(TUESDAY)
    (row,) = words(shop)
    shop.confirm(row.cause, "expired")
    assert steps(shop)[2] == ("open", "expired")
    assert shop.rows("select count(*) from asked") == [(0,)]


def test_a_question_of_a_meeting_counts_for_the_calm_after_a_question() -> None:
    weekly = schedule(at="20:00", cool_off_ms=3 * HOUR_MS, grace_ms=HOUR_MS, pin="none", asked=deck(name="other"))
    circle = room(meetings=[meeting(opening=FIRST)], prompts=[weekly], facilitators=[ANA])
    shop = opened(documents(community(circle, leads=[BO])), "2026-01-06 18:59")
    live(shop, "2026-01-06 23:00")
    outcomes = set(shop.rows("select schedule, outcome from slot"))
    assert outcomes == {("meeting:meeting:open", "done"), (weekly.id, "passed: cool_off")}
    shop.close()


def asked_beside(grace_ms: int) -> Workshop:
    """A circle that is asked something shortly after it began to meet."""
    weekly = schedule(at="19:05", grace_ms=grace_ms, pin="none", asked=deck(name="other"))
    circle = room(meetings=[meeting()], prompts=[weekly], facilitators=[ANA])
    return opened(documents(community(circle, leads=[BO])), "2026-01-06 18:59")


def test_what_is_asked_by_the_week_waits_until_people_have_met() -> None:
    shop = asked_beside(2 * HOUR_MS)
    community_ = shop.documents.communities[0]

    def look(tx: Tx) -> list[int]:
        rooms = community_.rooms
        return [
            one.at_ms for one in foreseen(tx, community_, rooms, shop.at_ms, at("2026-01-07 00:00"), nobody, most=9)
        ]

    def nobody(_room: Room, _at_ms: int) -> bool:
        return False

    ahead = shop.run(look)
    live(shop, "2026-01-06 20:29")
    assert shop.rows("select count(*) from slot") == [(0,)]
    assert len(live(shop, "2026-01-06 20:35")) == 1
    assert ahead == [at("2026-01-06 20:30")]
    shop.close()


def test_what_is_asked_by_the_week_is_passed_over_where_it_would_be_too_late_after_a_meeting() -> None:
    shop = asked_beside(30 * MINUTE_MS)
    live(shop, "2026-01-06 23:00")
    assert shop.rows("select outcome from slot") == [("passed: meeting",)]
    shop.close()


def test_what_is_asked_by_the_week_is_asked_where_the_meeting_is_called_off() -> None:
    shop = asked_beside(30 * MINUTE_MS)
    shop.say(BO, "!meeting cancel", CIRCLE)
    live(shop, "2026-01-06 19:10")
    assert shop.rows("select outcome from slot") == [("done",)]
    shop.close()


def test_several_meetings_of_a_room_do_not_get_into_each_others_way() -> None:
    walk = meeting(id="walk", title="A walk", at="12:00", lasts_ms=HOUR_MS)
    shop = opened(grove(WEEKLY, walk))
    said = live(shop, "2026-01-07 00:00")
    assert [line for line in said if "A walk" in line] == [
        "You are invited: A walk, Tuesday 6 January 2026, 12:00 to 13:00.",
        "A little reminder: A walk, Tuesday 6 January 2026, 12:00 to 13:00.",
        "A walk begins now. It is good to have you here.",
    ]
    assert len(said) == 7
    shop.close()


def test_every_sentence_goes_through_gettext(monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    shop = opened(grove(replace(WEEKLY, where="there")))
    live(shop, "2026-01-06 18:59")
    bodies = []
    for wall in ("2026-01-06 19:00", "2026-01-06 20:29", "2026-01-11 19:00", "2026-01-13 18:00"):
        shop.live(at(wall))
        bodies += [body for body, _event in deliver(shop) if body]
        deliver(shop)
    for body in bodies:
        for paragraph in body.split("\n\n"):
            assert LOUD in paragraph or paragraph.startswith(("What did you", "What do you")), paragraph
    shop.close()


# -- downtime, crashes, clocks -----------------------------------------------------------------------------------------


def test_settling_twice_changes_nothing(shop: Workshop) -> None:
    for _ in range(2):
        before = shop.everything()
        shop.restart()
        shop.settle()
        shop.ring()
        assert shop.everything() == before
        live(shop, "2026-01-05 12:00")


def test_what_was_missed_is_said_while_it_is_of_use(shop: Workshop) -> None:
    shop.at_ms = at("2026-01-06 12:00")
    shop.restart()
    shop.settle()
    shop.ring()
    assert [body.partition("\n")[0] for body in shop.said()] == [f"You are invited: Tuesday circle, {WHEN}."]


@pytest.mark.parametrize(
    ("wall", "said", "known"),
    [
        ("2026-01-06 18:30", 1, [("announce", "passed: late"), ("remind", "claimed")]),
        ("2026-01-06 19:14", 1, [("announce", "passed: late"), ("remind", "passed: late"), ("open", "claimed")]),
        (
            "2026-01-06 19:16",
            0,
            [("announce", "passed: late"), ("remind", "passed: late"), ("open", "passed: late")],
        ),
        (
            "2026-01-06 20:44",
            1,
            [("announce", "passed: late"), ("remind", "passed: late"), ("open", "passed: late"), ("close", "claimed")],
        ),
        (
            "2026-01-06 20:46",
            0,
            [
                ("announce", "passed: late"),
                ("remind", "passed: late"),
                ("open", "passed: late"),
                ("close", "passed: late"),
            ],
        ),
    ],
)
def test_what_comes_too_late_is_passed_over_and_written_down(
    shop: Workshop, wall: str, said: int, known: list[tuple[str, str]]
) -> None:
    shop.at_ms = at(wall)
    shop.restart()
    shop.settle()
    shop.ring()
    assert (len(shop.said()), steps(shop)) == (said, known)


def test_after_a_long_absence_only_what_is_to_come_is_said(shop: Workshop) -> None:
    shop.at_ms = at("2026-03-11 12:00")
    shop.restart()
    shop.settle()
    shop.ring()
    assert shop.said() == []
    assert {outcome for _step, outcome in steps(shop)} == {"passed: late"}
    assert len(steps(shop)) == 10 * 4
    (timer,) = shop.timers("prompts")
    assert timer.due_ms == at("2026-03-15 19:00")


@pytest.mark.parametrize("wall", ["2026-01-04 19:00", "2026-01-06 18:00", "2026-01-06 19:00", "2026-01-06 20:20"])
def test_a_step_that_was_cut_off_in_the_middle_is_taken_once(shop: Workshop, wall: str) -> None:
    live(shop, _just_before(wall))
    before = len(steps(shop))
    shop.at_ms = at(wall)
    shop.ring(crash=True)
    assert (shop.said(), len(steps(shop))) == ([], before)
    for _ in range(2):
        shop.restart()
        shop.settle()
        shop.ring()
    assert len(words(shop)) == 1
    deliver(shop)
    deliver(shop)
    for _ in range(2):
        shop.restart()
        shop.settle()
        shop.ring()
    assert (shop.said(), len(steps(shop))) == ([], before + 1)


def _just_before(wall: str) -> str:
    day, _, clock = wall.partition(" ")
    hour, minute = map(int, clock.split(":"))
    minutes = hour * 60 + minute - 1
    return f"{day} {minutes // 60:02}:{minutes % 60:02}"


def test_a_timer_that_fires_again_says_nothing_again(shop: Workshop) -> None:
    (timer,) = shop.timers("prompts")
    live(shop, "2026-01-04 19:30")
    shop.run(timers.set_timer, replace(timer, due_ms=shop.at_ms))
    shop.ring()
    assert shop.said() == []


def test_a_clock_that_was_set_back_says_nothing_again(shop: Workshop) -> None:
    live(shop, "2026-01-06 19:30")
    shop.at_ms = at("2026-01-04 12:00")
    shop.restart()
    shop.settle()
    assert live(shop, "2026-01-06 20:00") == []
    assert live(shop, "2026-01-06 21:00") != []


@pytest.mark.parametrize("outcome", ["expired", "refused"])
def test_an_announcement_that_came_to_nothing_is_noted_and_the_reminder_comes_all_the_same(
    shop: Workshop, outcome: Outcome
) -> None:
    shop.live(SUNDAY)
    (row,) = words(shop)
    shop.confirm(row.cause, outcome)
    assert shop.waiting() == []
    shop.live(TUESDAY - HOUR_MS)
    (row,) = words(shop)
    assert TALLY not in content_of(row)
    assert steps(shop) == [("announce", outcome), ("remind", "claimed")]


def test_of_words_that_could_not_be_sent_only_the_newest_is(shop: Workshop) -> None:
    shop.live(TUESDAY)
    assert [body.partition("\n")[0] for body in shop.said()] == [
        "Tuesday circle begins now. It is good to have you here."
    ]


def test_nothing_is_announced_again_where_it_is_not_remembered_whether_it_was() -> None:
    declared = grove(WEEKLY)
    shop = Workshop(declared, make, at_ms=at("2026-01-05 12:00"))
    shop.open(EVE)
    shop.run(bindings.bind, CommunityKey("grove"), RoomKey("tuesday"), CIRCLE, "found")
    shop.settle()
    said = live(shop, "2026-01-06 18:30")
    assert said == [f"A little reminder: Tuesday circle, {WHEN}."]
    assert steps(shop)[0] == ("announce", "passed: late")
    shop.close()


def test_what_was_said_about_meetings_is_forgotten_after_two_months(shop: Workshop) -> None:
    live(shop, "2026-01-07 12:00")
    shop.at_ms = TUESDAY + 61 * DAY_MS
    shop.settle()
    assert steps(shop) == []


# -- the moment --------------------------------------------------------------------------------------------------------


def hush(shop: Workshop, until: str) -> None:
    shop.run(timers.set_timer, Timer(craft="culture", key="hush:grove/tuesday", due_ms=at(until)))


def test_where_a_hand_was_raised_in_fear_an_announcement_waits(shop: Workshop) -> None:
    hush(shop, "2026-01-04 22:10")
    assert live(shop, "2026-01-04 22:00") == []
    shop.run(timers.clear_timer, "culture", "hush:grove/tuesday")
    assert len(live(shop, "2026-01-04 22:40")) == 1


def test_where_a_hand_was_raised_in_fear_people_still_meet_and_nothing_is_asked(shop: Workshop) -> None:
    live(shop, "2026-01-06 18:59")
    hush(shop, "2026-01-06 23:00")
    shop.live(TUESDAY)
    assert [line for line in shop.said()[0].split("\n\n") if line.endswith("?")] == []
    shop.live(TUESDAY + 2 * HOUR_MS)
    assert steps(shop)[-2:] == [("open", "claimed"), ("close", "passed: hushed")]


def test_where_questions_are_paused_people_still_meet_and_nothing_is_asked(shop: Workshop) -> None:
    live(shop, "2026-01-06 18:59")
    declared = shop.documents.room(CommunityKey("grove"), RoomKey("tuesday"))
    assert declared is not None
    shop.run(pause, declared, at("2026-01-08 12:00"))
    assert live(shop, "2026-01-06 23:00") == ["Tuesday circle begins now. It is good to have you here."]
    assert steps(shop)[-2:] == [("open", "done"), ("close", "passed: paused")]
    assert shop.rows("select count(*) from slot") == [(0,)]


def test_in_a_room_that_is_locked_nothing_is_said(shop: Workshop) -> None:
    shop.run(locks.lock, CommunityKey("grove"), RoomKey("tuesday"), by_lead=True)
    assert live(shop, "2026-01-07 12:00") == []
    assert {outcome for _step, outcome in steps(shop)} == {"passed: locked"}


def test_an_announcement_waits_until_people_are_awake() -> None:
    shop = opened(grove(meeting(at="22:00"), quiet=QuietHours(time(21), time(8))))
    assert live(shop, "2026-01-05 07:59") == []
    assert len(live(shop, "2026-01-05 08:00")) == 1
    shop.close()


# -- the documents change ----------------------------------------------------------------------------------------------


def test_people_who_were_told_of_a_time_are_told_that_it_has_changed(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove(replace(WEEKLY, when=meeting(at="20:00").when)))
    shop.settle()
    shop.ring()
    moved, announced = [str(content_of(row)["body"]) for row in words(shop)]
    assert moved == (
        "The plan has changed: Tuesday circle is not on Tuesday 6 January 2026, 19:00."
        " The next one: Tuesday 6 January 2026, 20:00 to 21:30."
    )
    assert announced.startswith("You are invited: Tuesday circle, Tuesday 6 January 2026, 20:00 to 21:30.")
    relation = content_of(words(shop)[0])["m.relates_to"]
    assert isinstance(relation, dict)
    assert relation["m.in_reply_to"]
    deliver(shop)
    deliver(shop)
    shop.settle()
    assert shop.said() == []
    assert live(shop, "2026-01-06 19:30") == [
        "A little reminder: Tuesday circle, Tuesday 6 January 2026, 20:00 to 21:30."
    ]


def test_a_change_that_is_taken_back_is_announced_anew(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove(replace(WEEKLY, when=meeting(at="20:00").when)))
    shop.settle()
    assert len(live(shop, "2026-01-05 13:00")) == 2
    shop.use(grove(WEEKLY))
    shop.settle()
    said = live(shop, "2026-01-05 14:00")
    assert [line[:40] for line in said] == [
        "The plan has changed: Tuesday circle is ",
        "You are invited: Tuesday circle, Tuesday"[:40],
    ]
    shop.use(grove(replace(WEEKLY, when=meeting(at="20:00").when)))
    shop.settle()
    assert len(live(shop, "2026-01-05 15:00")) == 2


def test_a_meeting_that_is_taken_out_is_called_off_for_those_who_were_told(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove())
    shop.settle()
    assert shop.said() == ["The plan has changed: Tuesday circle is not on Tuesday 6 January 2026, 19:00."]
    assert shop.timers("prompts") == []


def test_nobody_is_told_of_a_change_of_what_they_never_heard_of(shop: Workshop) -> None:
    shop.use(grove(replace(WEEKLY, when=meeting(at="20:00").when)))
    shop.settle()
    assert shop.said() == []


def test_in_a_room_that_is_closed_nothing_more_is_said(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove(archive=True))
    shop.settle()
    assert live(shop, "2026-01-07 12:00") == []


def test_another_title_is_the_same_meeting(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove(replace(WEEKLY, id="evening", title="Evening")))
    shop.settle()
    assert live(shop, "2026-01-06 18:30") == ["A little reminder: Evening, Tuesday 6 January 2026, 19:00 to 20:30."]


def test_what_waits_to_be_said_follows_another_title(shop: Workshop) -> None:
    shop.live(SUNDAY)
    shop.use(grove(replace(WEEKLY, id="evening", title="Evening")))
    shop.settle()
    shop.say(ANA, "!meeting cancel", CIRCLE)
    assert [body.partition(",")[0] for body in shop.said()] == ["Evening"]


def test_what_was_on_its_way_counts_under_another_title(shop: Workshop) -> None:
    shop.live(SUNDAY)
    shop.use(grove(replace(WEEKLY, id="evening", title="Evening")))
    shop.settle()
    ((_body, event),) = deliver(shop)
    assert shop.rows("select meeting, step, outcome, event from meeting") == [("evening", "announce", "done", event)]


def test_what_waits_to_be_said_follows_another_key_of_the_room(shop: Workshop) -> None:
    shop.live(SUNDAY)
    shop.use(grove(WEEKLY, key="evenings", previously=["tuesday"]))
    shop.run(bindings.rename, (CommunityKey("grove"), RoomKey("tuesday")), (CommunityKey("grove"), RoomKey("evenings")))
    shop.settle()
    shop.live(TUESDAY - HOUR_MS)
    assert [body[:8] for body in shop.said()] == ["A little"]


def test_a_room_that_goes_by_another_key_is_told_nothing_again(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove(WEEKLY, key="evenings", previously=["tuesday"]))
    shop.run(bindings.rename, (CommunityKey("grove"), RoomKey("tuesday")), (CommunityKey("grove"), RoomKey("evenings")))
    shop.settle()
    assert len(live(shop, "2026-01-06 18:30")) == 1


def test_a_reminder_in_a_room_that_took_the_others_place_counts_nothing_there(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    other = room_id(CommunityKey("grove"), RoomKey("other"))
    shop.run(bindings.bind, CommunityKey("grove"), RoomKey("tuesday"), other, "made")
    shop.live(TUESDAY - HOUR_MS)
    (row,) = words(shop)
    assert (row.room, TALLY in content_of(row)) == (other, False)


def test_a_title_with_a_new_time_is_another_session_of_the_same_meeting(shop: Workshop) -> None:
    live(shop, "2026-01-05 12:00")
    shop.use(grove(replace(WEEKLY, lasts_ms=30 * MINUTE_MS)))
    shop.settle()
    assert live(shop, "2026-01-06 18:30") == [
        "A little reminder: Tuesday circle, Tuesday 6 January 2026, 19:00 to 19:30."
    ]


def test_after_the_room_is_made_its_meetings_are_known() -> None:
    shop = Workshop(grove(meeting(closing=LAST)), make, at_ms=at("2026-01-03 12:00"))
    shop.settle()
    assert shop.timers("prompts") == []
    shop.open(EVE)
    shop.settle()
    assert [timer.due_ms for timer in shop.timers("prompts")] == [SUNDAY]
    shop.close()
