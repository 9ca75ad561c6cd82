"""Who is invited, once; and who is in the control room and on no list: asked about, and nobody shut out by a slip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Community
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Answer, Now, Role, Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.rooms.people.members import TIMES, answered, departures, invitations
from orchestrator.store import bindings, mirror, outbox
from tests.declared import community, documents, policy, room
from tests.declared import settings as made_with
from tests.workshop import LOUD, speak_loudly

from .doors import ANA, BO, CIRCLE, CONTROL, CY, DEE, EVE, ME, MO, SPACE, Doors, direct, grove_of

GROVE = grove_of()


def without_dee() -> Community:
    return community(room("tuesday", facilitators=[CY], norms=policy()), room("lounge"))


@pytest.fixture
def grove() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def leave_out_dee(grove: Doors) -> None:
    grove.use(documents(without_dee()))
    grove.settle()
    grove.carry()


# -- the control room --------------------------------------------------------------------------------------------------


def test_who_shadows_is_asked_into_the_control_room_like_those_who_keep_a_room(grove: Doors) -> None:
    (tuesday, lounge) = GROVE.rooms
    grove.use(documents(replace(GROVE, rooms=(replace(tuesday, shadows=(EVE,)), lounge))))
    grove.settle()
    grove.carry()
    assert (CONTROL, EVE, "invite") in grove.changes


def test_who_is_on_no_list_any_more_stays_until_a_lead_says_otherwise(grove: Doors) -> None:
    leave_out_dee(grove)
    assert grove.changes == []
    (asked,) = grove.told(CONTROL)
    assert DEE in asked
    assert "What members raise in confidence" in asked or "what members raise in confidence" in asked
    assert "They stay unless a lead says yes." in asked
    for who in (DEE, CY, MO):
        grove.react(who, grove.question())
    grove.carry()
    assert grove.changes == []
    grove.react(ANA, grove.question())
    grove.carry()
    assert grove.changes == [(CONTROL, DEE, "leave")]
    grove.settle()
    grove.carry()
    assert grove.changes == [(CONTROL, DEE, "leave")]
    assert grove.membership(CIRCLE, DEE) == "join"


def test_who_is_back_on_the_list_after_the_bot_took_them_out_is_asked_back_once(grove: Doors) -> None:
    leave_out_dee(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    for _time in range(2):
        grove.use(documents(GROVE))
        grove.settle()
        grove.carry()
    assert [change for _room, _user, change in grove.changes] == ["leave", "invite"]
    grove.member(CONTROL, DEE, "join")
    assert grove.rows("select * from departure") == []
    grove.live(grove.at_ms + HOUR_MS)
    leave_out_dee(grove)
    assert len(grove.questions()) == 1


def test_who_is_back_on_the_list_while_they_are_being_taken_out_is_asked_back(grove: Doors) -> None:
    leave_out_dee(grove)
    grove.react(ANA, grove.question())
    grove.use(documents(GROVE))
    grove.settle()
    grove.carry()
    assert [change for _room, _user, change in grove.changes] == ["leave", "invite"]


def test_a_slip_in_a_file_that_is_put_right_leaves_no_question(grove: Doors) -> None:
    leave_out_dee(grove)
    question = grove.question()
    grove.use(documents(GROVE))
    grove.settle()
    assert grove.questions() == []
    grove.react(ANA, question)
    grove.carry()
    assert grove.changes == []


def test_a_no_is_remembered_as_long_as_they_are_on_no_list(grove: Doors) -> None:
    leave_out_dee(grove)
    grove.react(BO, grove.question(), "❌")
    for _day in range(3):
        grove.live(grove.at_ms + DAY_MS)
        grove.settle()
        grove.carry()
    assert grove.questions() == []
    assert grove.changes == []
    grove.use(documents(GROVE))
    grove.settle()
    leave_out_dee(grove)
    assert len(grove.questions()) == 1


def test_it_is_asked_three_times_a_day_apart_and_then_left(grove: Doors) -> None:
    leave_out_dee(grove)
    for _hour in range(24 * 6):
        grove.live(grove.at_ms + HOUR_MS)
        grove.settle()
        grove.carry()
    assert len(grove.told(CONTROL)) == TIMES
    assert "circlekeeper apply" in grove.told(CONTROL)[-1]
    assert grove.changes == []


def test_a_question_that_was_removed_is_asked_again_a_day_later_and_not_before(grove: Doors) -> None:
    leave_out_dee(grove)
    grove.redact(grove.question().event)
    grove.settle()
    grove.carry()
    assert grove.questions() == []
    grove.live(grove.at_ms + DAY_MS + HOUR_MS)
    grove.carry()
    assert len(grove.questions()) == 1


@pytest.mark.parametrize("by", [DEE, ANA])
def test_who_leaves_by_themselves_or_is_taken_out_by_hand_leaves_no_question(grove: Doors, by: UserId) -> None:
    leave_out_dee(grove)
    grove.member(CONTROL, DEE, "leave", by=by)
    assert grove.questions() == []
    grove.use(documents(GROVE))
    grove.settle()
    grove.carry()
    assert grove.changes == []


def test_a_lead_who_left_the_files_cannot_answer_about_themselves(grove: Doors) -> None:
    grove.use(documents(grove_of(leads=[BO])))
    grove.settle()
    grove.carry()
    assert ANA in grove.told(CONTROL)[0]
    grove.react(ANA, grove.question(), "❌")
    grove.carry()
    assert len(grove.questions()) == 1
    grove.react(BO, grove.question())
    grove.carry()
    assert grove.changes == [(CONTROL, ANA, "leave")]


def test_an_answer_counts_by_what_somebody_is_when_they_give_it(grove: Doors) -> None:
    leave_out_dee(grove)
    asked = grove.question()
    about = {"do": "departure", "community": "grove", "user": DEE}

    def answer(tx: Tx) -> list[AnyEffect]:
        said = Answer(
            question=asked.event,
            subject=asked.subject,
            tag="",
            choice="yes",
            by=CY,
            role=Role.FACILITATOR,
            room=CONTROL,
        )
        return list(answered(tx, without_dee(), about, said, ME, Now(at_ms=grove.at_ms, me=ME)))

    assert grove.run(answer) == []
    assert len(grove.questions()) == 1


def test_what_the_server_refuses_is_told_and_left_to_the_leads(grove: Doors) -> None:
    leave_out_dee(grove)
    grove.refusing.add((CONTROL, DEE))
    grove.react(ANA, grove.question())
    grove.carry()
    grove.settle()
    grove.carry()
    assert "could not take the control room away" in grove.told(CONTROL)[-1]
    assert grove.questions() == []


def test_apply_is_given_whom_to_take_out_at_once_and_the_question_is_closed(grove: Doors) -> None:
    leave_out_dee(grove)
    assert grove.run(lambda tx: list(departures(tx, without_dee(), CONTROL, ME, only=[EVE]))) == []

    def apply(tx: Tx) -> None:
        for effect in departures(tx, without_dee(), CONTROL, ME):
            outbox.record(tx, "apply:digest", "rooms", effect, grove.at_ms)

    grove.run(apply)
    grove.carry()
    assert grove.changes == [(CONTROL, DEE, "leave")]
    assert grove.questions() == []
    grove.use(documents(GROVE))
    grove.settle()
    grove.carry()
    assert grove.changes[1:] == [(CONTROL, DEE, "invite")]


# -- invitations -------------------------------------------------------------------------------------------------------


def invited(grove: Doors, declared: Community, key: str, where: RoomId) -> set[UserId]:
    found = declared.room(key)  # type: ignore[arg-type]
    assert found is not None
    return {effect.user for effect in grove.run(lambda tx: list(invitations(tx, declared, found, where, ME)))}


def nested(*, join: str) -> Community:
    inner = room("garden", kind="space", made=made_with(join=join, encryption=False))  # type: ignore[arg-type]
    deeper = room("pond", kind="space", within="garden", made=made_with(join=join, encryption=False))  # type: ignore[arg-type]
    return community(inner, deeper, room("koi", within="pond", facilitators=[CY]), room("lounge", facilitators=[DEE]))


def test_into_a_space_within_that_one_can_enter_from_the_space_nobody_is_invited(grove: Doors) -> None:
    assert invited(grove, nested(join="restricted"), "garden", RoomId("!garden")) == set()


def test_into_a_closed_space_within_come_the_leads_and_who_keeps_something_in_it(grove: Doors) -> None:
    for key in ("garden", "pond"):
        assert invited(grove, nested(join="invite"), key, RoomId(f"!{key}")) == {ANA, BO, CY}


@pytest.mark.parametrize("membership", ["leave", "ban"])
def test_whom_somebody_took_out_of_the_space_is_not_asked_into_anything_new(grove: Doors, membership: str) -> None:
    grove.member(SPACE, CY, membership, by=ANA)  # type: ignore[arg-type]
    assert invited(grove, nested(join="invite"), "garden", RoomId("!garden")) == {ANA, BO}


def test_a_new_facilitator_is_invited_to_the_space_and_the_control_room(grove: Doors) -> None:
    grove.use(documents(community(room("tuesday", facilitators=[CY, DEE, EVE], norms=policy()), room("lounge"))))
    grove.settle()
    grove.carry()
    grove.settle()
    grove.carry()
    assert sorted(grove.changes) == [(CONTROL, EVE, "invite"), (SPACE, EVE, "invite")]


# -- whatever happens --------------------------------------------------------------------------------------------------


def answer(grove: Doors, key: str) -> None:
    for question in grove.questions():
        grove.react(ANA, question, key)


EVENTS: dict[str, Callable[[Doors], object]] = {
    "out": lambda grove: grove.use(documents(without_dee())),
    "back": lambda grove: grove.use(documents(GROVE)),
    "settle": Doors.settle,
    "crash": lambda grove: grove.settle(crash=True),
    "restart": Doors.restart,
    "carry": Doors.carry,
    "one": lambda grove: grove.carry(most=1),
    "day": lambda grove: grove.live(grove.at_ms + DAY_MS + HOUR_MS),
    "yes": lambda grove: answer(grove, "✅"),
    "no": lambda grove: answer(grove, "❌"),
    "join": lambda grove: grove.member(CONTROL, DEE, "join") if grove.membership(CONTROL, DEE) == "invite" else None,
}


@settings(max_examples=120, deadline=None)
@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=24))
def test_nobody_is_taken_out_without_a_yes_and_in_the_end_the_list_holds(steps: list[str]) -> None:
    grove = Doors()
    for step in steps:
        EVENTS[step](grove)
        assert len(grove.questions()) <= 1
    assert [change for _room, _user, change in grove.changes].count("leave") <= steps.count("yes")
    # Once the files name them again, whatever was asked is settled and they are in or invited.
    grove.use(documents(GROVE))
    grove.carry()
    grove.settle()
    grove.carry()
    assert grove.questions() == []
    assert grove.membership(CONTROL, DEE) in {"join", "invite"}
    grove.close()


def test_all_that_is_said_about_it_can_be_translated(grove: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    leave_out_dee(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    for _where, said in grove.heard:
        assert all(part.startswith(("- ", LOUD)) for part in said.split("\n\n"))


def test_without_a_control_room_each_lead_is_asked_in_private_and_the_first_answer_counts(grove: Doors) -> None:
    grove.run(lambda tx: mirror.see_own_membership(tx, CONTROL, "leave"))
    grove.knock()
    grove.carry()
    assert grove.question(direct(ANA)).subject == grove.question(direct(BO)).subject
    grove.react(BO, grove.question(direct(BO)))
    assert grove.questions(direct(ANA)) == []
    grove.carry()
    assert grove.changes == [(CIRCLE, EVE, "invite")]
    assert grove.run(bindings.bound_room, GROVE.key, GROVE.control.key) == CONTROL
