"""Knocks: heard once, told kindly, decided by people, exactly once, however they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import UserId
from orchestrator.rooms.people import knocks
from orchestrator.rooms.people.doorway import MOST_OPEN, TIMES
from tests.declared import community, room
from tests.workshop import LOUD, speak_loudly

from .doors import ANA, BO, CIRCLE, CONTROL, CY, EVE, LOUNGE, MO, SPACE, Doors, direct, grove_of

SECRET = "I have nobody else"


@pytest.fixture
def grove() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def strangers(count: int) -> list[UserId]:
    return [UserId(f"@stranger{number:03}:elsewhere.example") for number in range(count)]


# -- one knock ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [ANA, CY])
def test_a_knock_is_one_question_and_a_yes_invites_once(grove: Doors, by: UserId) -> None:
    grove.knock()
    grove.carry()
    question = grove.question()
    assert EVE in grove.told(CONTROL)[0]
    assert "Tuesday circle" in grove.told(CONTROL)[0]
    grove.react(by, question)
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "invite")]
    assert grove.questions() == []
    grove.react(BO, question)
    grove.settle()
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "invite")]
    grove.member(CIRCLE, EVE, "join")
    assert grove.rows("select * from knock") == []


def test_a_no_turns_them_away_with_a_word_that_says_nothing_about_them(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question(), "❌")
    (row,) = [row for row in grove.waiting() if row.kind == "member"]
    assert row.payload["reason"] == ("Thank you for asking. It does not fit just now; please do not take it to heart.")
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "leave")]


def test_who_knocks_is_told_once_what_is_asked_and_agreed_on_there(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    (told,) = grove.told(EVE)
    assert "What would you like to find here?" in told
    assert "Speak for yourself." in told
    assert "I pass nothing on" in told
    grove.knock()
    grove.knock(where=LOUNGE)
    grove.carry()
    assert len(grove.told(EVE)) == 2
    assert "Lounge circle" in grove.told(EVE)[1]
    assert "Speak for yourself." not in grove.told(EVE)[1]


def test_the_same_person_knocking_again_is_the_same_question(grove: Doors) -> None:
    for _time in range(5):
        grove.knock()
        grove.carry()
    assert len(grove.questions()) == 1
    assert len(grove.told(CONTROL)) == 1
    grove.react(CY, grove.question())
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "invite")]


def test_a_knock_that_is_taken_back_closes_its_question_and_says_so(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    question = grove.question()
    grove.member(CIRCLE, EVE, "leave")
    grove.carry()
    assert grove.questions() == []
    assert "not knocking any more" in grove.told(CONTROL)[-1]
    grove.react(ANA, question)
    grove.carry()
    assert grove.changes == []


def test_a_knock_taken_back_before_it_was_asked_about_is_never_asked_about(grove: Doors) -> None:
    grove.knock()
    grove.member(CIRCLE, EVE, "leave")
    grove.carry()
    assert grove.told(CONTROL) == []


@pytest.mark.parametrize("membership", ["invite", "ban"])
def test_a_knock_that_a_lead_answered_by_hand_needs_no_answer_any_more(grove: Doors, membership: str) -> None:
    grove.knock()
    grove.carry()
    grove.member(CIRCLE, EVE, membership, by=ANA)  # type: ignore[arg-type]
    grove.carry()
    assert grove.questions() == []
    assert "by hand" in grove.told(CONTROL)[-1]
    assert grove.changes == []


def test_who_was_let_in_by_hand_a_moment_before_is_not_put_out_by_a_no(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question(), "❌")
    grove.member(CIRCLE, EVE, "invite", by=BO)
    grove.member(CIRCLE, EVE, "join")
    grove.carry()
    assert grove.changes == []
    assert grove.membership(CIRCLE, EVE) == "join"


def test_who_knocked_once_more_while_the_yes_was_on_its_way_is_let_in_once(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question())
    grove.knock()
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "invite")]
    assert grove.questions() == []


def test_who_knocks_again_just_when_a_no_came_too_late_is_asked_about_again(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question(), "❌")
    (row,) = [row for row in grove.waiting() if row.kind == "member"]
    # Delivery saw that they had left, and before it could say so they were back.
    grove.live(grove.at_ms + MINUTE_MS)
    grove.knock()
    grove.confirm(row.cause, "undone")
    grove.carry()
    assert grove.changes == []
    assert len(grove.questions()) == 1


def test_who_comes_again_another_day_is_a_new_question(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question(), "❌")
    grove.carry()
    grove.live(grove.at_ms + 2 * DAY_MS)
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question())
    grove.carry()
    assert [change for _room, _user, change in grove.changes] == ["leave", "invite"]


def test_a_knock_at_the_control_room_is_nobodys_to_answer(grove: Doors) -> None:
    grove.knock(where=CONTROL)
    grove.settle()
    grove.carry()
    assert grove.questions() == []
    assert grove.told(EVE) == []
    assert grove.rows("select * from knock") == []


def test_an_invitation_that_the_server_refuses_is_told_and_not_asked_about_again(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.refusing.add((CIRCLE, EVE))
    grove.react(ANA, grove.question())
    grove.carry()
    grove.settle()
    grove.carry()
    assert "could not answer the knock" in grove.told(CONTROL)[-1]
    assert grove.questions() == []


# -- who may answer ----------------------------------------------------------------------------------------------------


def test_a_member_who_reacts_does_nothing(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    before = grove.everything()
    for somebody in (MO, EVE, UserId("@nobody:elsewhere.example")):
        grove.react(somebody, grove.question())
    grove.carry()
    assert grove.changes == []
    assert len(grove.questions()) == 1
    assert [line for line in grove.everything() if "outbox" in line] == [line for line in before if "outbox" in line]


def test_a_facilitator_lets_nobody_into_a_room_that_they_do_not_keep(grove: Doors) -> None:
    grove.knock(where=LOUNGE)
    grove.knock(where=SPACE)
    grove.carry()
    for question in grove.questions():
        grove.react(CY, question)
    grove.carry()
    assert grove.changes == []
    for question in grove.questions():
        grove.react(ANA, question)
    grove.carry()
    assert {where for where, _user, _change in grove.changes} == {LOUNGE, SPACE}


def test_a_lead_of_another_community_gains_nothing() -> None:
    other = community(room("lounge", community_key="meadow"), key="meadow", leads=[MO])
    grove = Doors(grove_of(), other)
    grove.member(CONTROL, MO, "join", by=ANA)
    grove.knock()
    grove.carry()
    grove.react(MO, grove.question())
    grove.carry()
    assert grove.changes == []
    grove.close()


def test_who_is_no_lead_any_more_decides_nothing_where_leads_were_asked_in_private(grove: Doors) -> None:
    grove.open_direct(ANA)
    grove.member(CONTROL, UserId("@keeper:grove.example"), "ban", by=BO)
    grove.run(lambda tx: tx.run("update room set membership = 'ban' where account = :account and room = '!control'"))
    grove.knock()
    grove.carry()
    question = grove.question(direct(ANA))
    grove.use(grove.documents.__class__(communities=(grove_of(leads=[BO]),)))
    grove.react(ANA, question)
    grove.carry()
    assert grove.changes == []
    grove.react(BO, grove.question(direct(BO)))
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "invite")]


# -- many, and for long ------------------------------------------------------------------------------------------------


def test_of_a_flood_a_few_are_asked_about_at_a_time_and_everybody_has_their_turn(grove: Doors) -> None:
    crowd = strangers(30)
    for stranger in crowd:
        grove.knock(stranger)
    grove.carry()
    assert len(grove.told(CONTROL)) == MOST_OPEN + 1
    assert sum(len(grove.told(stranger)) for stranger in crowd) == MOST_OPEN
    asked = 0
    while single := [q for q in grove.questions() if '"do":"knock"' in q.subject]:
        assert len(single) <= MOST_OPEN
        grove.react(CY, single[0], "❌")
        grove.carry()
        asked += 1
    assert asked == len(crowd)
    assert sorted(user for _room, user, _change in grove.changes) == crowd


def test_who_knocks_when_more_have_come_than_are_written_down_has_their_turn_too(
    grove: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knocks, "MOST_KEPT", 7)
    crowd = strangers(20)
    for stranger in crowd:
        grove.knock(stranger)
        assert len(grove.rows("select * from knock")) <= 7
    grove.carry()
    for _ in crowd:
        single = [q for q in grove.questions() if '"do":"knock"' in q.subject]
        grove.react(ANA, single[0])
        grove.carry()
        grove.member(CIRCLE, grove.changes[-1][1], "join")
        grove.carry()
    assert sorted(user for _room, user, _change in grove.changes) == crowd
    assert grove.rows("select * from knock") == []


def test_a_lead_can_turn_away_all_who_wait_and_a_facilitator_cannot(grove: Doors) -> None:
    for stranger in strangers(12):
        grove.knock(stranger)
    grove.carry()
    (many,) = [q for q in grove.questions() if '"do":"knocks"' in q.subject]
    grove.put(SPACE, "m.room.power_levels", {"users": {ANA: 100, BO: 100, CY: 50}})
    grove.react(CY, many, "❌")
    grove.carry()
    assert grove.changes == []
    assert many in grove.questions()
    grove.at_ms += MINUTE_MS
    grove.knock(EVE)
    grove.react(ANA, many, "❌")
    grove.carry()
    # Those about whom there is a question of their own stay, and so does who came after it was asked.
    assert len(grove.changes) == 12 - MOST_OPEN
    assert {change for _room, _user, change in grove.changes} == {"leave"}
    assert grove.membership(CIRCLE, EVE) == "knock"


def test_a_knock_that_nobody_answers_is_asked_about_once_a_day_and_then_no_more(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    for _day in range(10):
        grove.live(grove.at_ms + DAY_MS + HOUR_MS)
        grove.carry()
    assert len(grove.told(CONTROL)) == TIMES
    assert "will not ask about them again" in grove.told(CONTROL)[-1]
    assert len(grove.told(EVE)) == 1
    assert grove.changes == []


def test_a_question_that_was_removed_is_not_asked_again_at_once(grove: Doors) -> None:
    grove.knock()
    grove.carry()
    grove.redact(grove.question().event)
    grove.settle()
    grove.carry()
    assert grove.questions() == []
    grove.live(grove.at_ms + DAY_MS + HOUR_MS)
    grove.carry()
    assert len(grove.questions()) == 1


def test_who_comes_and_goes_over_and_over_makes_others_answer_only_now_and_then(grove: Doors) -> None:
    for _time in range(40):
        grove.knock()
        grove.carry()
        grove.member(CIRCLE, EVE, "leave")
        grove.carry()
    assert len(grove.told(CONTROL)) <= 2 * TIMES
    assert len(grove.told(EVE)) == 1
    grove.knock()
    grove.carry()
    grove.live(grove.at_ms + DAY_MS + HOUR_MS)
    grove.carry()
    assert len(grove.questions()) == 1


# -- whatever happens --------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(
        ["knock", "leave", "yes", "no", "carry", "one", "settle", "restart", "crash", "hour", "day", "invite"]
    ),
    max_size=24,
)


def happen(grove: Doors, step: str) -> None:
    """Let something happen, if it can."""
    outside = grove.membership(CIRCLE, EVE) in {"", "leave", "knock"}
    if step == "knock" and outside:
        grove.knock()
    elif step == "leave" and grove.membership(CIRCLE, EVE) in {"invite", "knock"}:
        grove.member(CIRCLE, EVE, "leave")
    elif step == "invite" and outside:
        grove.member(CIRCLE, EVE, "invite", by=ANA)
    elif step in {"yes", "no"} and grove.questions():
        grove.react(CY, grove.question(), "✅" if step == "yes" else "❌")
    elif step in ALWAYS:
        ALWAYS[step](grove)


ALWAYS: dict[str, Callable[[Doors], object]] = {
    "carry": Doors.carry,
    "one": lambda grove: grove.carry(most=1),
    "settle": Doors.settle,
    "restart": Doors.restart,
    "crash": lambda grove: grove.settle(crash=True),
    "hour": lambda grove: grove.live(grove.at_ms + HOUR_MS),
    "day": lambda grove: grove.live(grove.at_ms + DAY_MS),
}


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_whatever_happens_there_is_at_most_one_question_and_the_last_word_of_people_holds(steps: list[str]) -> None:
    grove = Doors()
    for step in steps:
        happen(grove, step)
        assert len(grove.questions()) <= 1
        if grove.questions():
            assert grove.membership(CIRCLE, EVE) == "knock"
    grove.carry()
    grove.settle()
    grove.carry()
    yes = sum(change == "invite" for _room, _user, change in grove.changes)
    assert yes <= steps.count("yes")
    assert len(grove.changes) - yes <= steps.count("no")
    assert len(grove.told(EVE)) <= 1
    waits = grove.membership(CIRCLE, EVE) == "knock"
    (row,) = grove.rows("select state from knock") or [("",)]
    assert (len(grove.questions()) == 1) is (waits and row == ("open",))
    if not waits:
        assert row in {("",), ("left",), ("decided",)}
    grove.close()


def test_what_somebody_wrote_when_they_knocked_is_nowhere(grove: Doors) -> None:
    # The reason is not even decoded; this only makes sure that nothing new reads it.
    assert "reason" not in {column for (column,) in grove.rows("select name from pragma_table_info('knock')")}


def test_all_that_is_said_about_knocks_can_be_translated(grove: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    grove.knock()
    grove.carry()
    grove.react(ANA, grove.question())
    grove.carry()
    grove.knock(where=LOUNGE)
    grove.carry()
    grove.member(LOUNGE, EVE, "leave")
    grove.carry()
    for where, said in grove.heard:
        for part in said.split("\n\n"):
            authored = any(word in part for word in ("What would you like", "A gentle circle", "Speak for yourself"))
            assert authored or part.startswith(("- ", LOUD)), (where, part)
