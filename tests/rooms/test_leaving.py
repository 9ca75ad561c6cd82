"""A quiet way out: asked once, done once, told to nobody, and nobody is called back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import mirror
from tests.declared import community, documents, room, rota
from tests.workshop import LOUD, speak_loudly

from .doors import ANA, CIRCLE, CONTROL, CY, DEE, EVE, LOUNGE, MO, SPACE, Doors, direct, grove_of

HOME = direct(MO)
MEADOW = RoomId("!meadow-field")


@pytest.fixture
def grove() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def leave(grove: Doors, user: UserId = MO, words: str = "!leave everything") -> None:
    grove.whisper(user, words)
    grove.carry()


def off_duty() -> Doors:
    """Build a grove in which one of two facilitators is on duty."""
    grove = Doors(community(room("tuesday", facilitators=[CY, DEE], rota=rota("2020-01-07 19:00")), room("lounge")))
    grove.settle()
    return grove


def test_who_says_yes_is_taken_out_of_every_room_once_and_told_so(grove: Doors) -> None:
    leave(grove)
    (asked,) = grove.told(HOME)
    assert "I will take you out of all rooms of The Grove." in asked
    assert "I tell nobody" in asked
    grove.react(MO, grove.question(HOME))
    grove.carry()
    assert sorted(grove.changes) == sorted((where, MO, "leave") for where in (SPACE, CIRCLE, LOUNGE))
    assert grove.told(MO) == [
        "Done. Thank you for having been with us. This chat stays until you leave it; I am here if you want to write."
    ]
    for _time in range(2):
        grove.settle()
        grove.carry()
    assert len(grove.changes) == 3
    assert {where for where, _said in grove.heard} <= {HOME, MO}


def test_a_second_message_does_as_well_as_a_reaction(grove: Doors) -> None:
    leave(grove)
    grove.whisper(MO, "yes")
    grove.carry()
    assert len(grove.changes) == 3


@pytest.mark.parametrize("answer", ["❌", ""])
def test_without_a_yes_nothing_happens(grove: Doors, answer: str) -> None:
    leave(grove)
    question = grove.question(HOME)
    if answer:
        grove.react(MO, question, answer)
    grove.live(grove.at_ms + 11 * MINUTE_MS)
    grove.carry()
    grove.react(MO, question)
    grove.carry()
    assert grove.changes == []


def test_nobody_else_can_answer_it(grove: Doors) -> None:
    leave(grove)
    for somebody in (ANA, CY, EVE):
        grove.react(somebody, grove.question(HOME))
    grove.carry()
    assert not any(user == MO for _where, user, _change in grove.changes)


def test_in_a_room_it_is_asked_in_private_and_is_about_that_room_alone(grove: Doors) -> None:
    grove.write(MO, "!leave", CIRCLE)
    grove.carry()
    assert grove.told(CIRCLE) == []
    assert "“Tuesday circle”" in grove.told(MO)[0]
    grove.react(MO, grove.question(HOME))
    grove.carry()
    assert grove.changes == [(CIRCLE, MO, "leave")]
    assert grove.told(CIRCLE) == []


def test_one_room_can_be_named_in_private(grove: Doors) -> None:
    leave(grove, words="!leave lounge circle")
    grove.react(MO, grove.question(HOME))
    grove.carry()
    assert grove.changes == [(LOUNGE, MO, "leave")]


@pytest.mark.parametrize("words", ["!leave", "!leave me alone", "!leave garden"])
def test_what_is_not_clear_is_asked_back_and_leads_to_nothing(grove: Doors, words: str) -> None:
    leave(grove, words=words)
    assert grove.questions(HOME) == []
    assert "From where?" in grove.told(HOME)[0]


def test_a_lead_is_asked_to_hand_over_first_and_may_leave_a_room(grove: Doors) -> None:
    leave(grove, ANA)
    assert "hand over first" in grove.told(direct(ANA))[0]
    assert "Your own app lets you leave at any time." in grove.told(direct(ANA))[0]
    leave(grove, ANA, "!leave lounge")
    grove.react(ANA, grove.question(direct(ANA)))
    grove.carry()
    assert grove.changes == [(LOUNGE, ANA, "leave")]


def test_who_is_on_duty_is_asked_to_hand_over_first(grove: Doors) -> None:
    leave(grove, CY)
    assert "You are looking after Tuesday circle just now." in grove.told(direct(CY))[0]
    assert grove.questions(direct(CY)) == []
    leave(grove, CY, "!leave lounge")
    assert len(grove.questions(direct(CY))) == 1


def test_who_went_on_duty_between_question_and_answer_is_asked_to_hand_over_first(grove: Doors) -> None:
    leave(grove, MO)
    rooms = [room("tuesday", facilitators=[CY, DEE, MO]), room("lounge")]
    grove.use(documents(community(*rooms)))
    grove.settle()
    grove.react(MO, grove.question(HOME))
    grove.carry()
    assert (CIRCLE, MO, "leave") not in grove.changes
    assert "hand that over" in grove.told(HOME)[-1]


def test_a_facilitator_off_duty_goes_from_the_control_room_too_and_is_not_called_back() -> None:
    grove = off_duty()
    off = next(user for user in (CY, DEE) if not grove_has_duty(grove, user))
    leave(grove, off)
    grove.react(off, grove.question(direct(off)))
    grove.carry()
    assert (CONTROL, off, "leave") in grove.changes
    done = len(grove.changes)
    for _day in range(2):
        grove.settle()
        grove.carry()
        grove.live(grove.at_ms + DAY_MS)
    assert len(grove.changes) == done
    grove.close()


def grove_has_duty(grove: Doors, user: UserId) -> bool:
    return any(c.owner == "duty" and c.path == ("users", user) for c in grove.claims(CIRCLE, "m.room.power_levels"))


def test_of_two_communities_both_are_named_and_left() -> None:
    grove = Doors(grove_of(), community(room("field"), key="meadow", leads=[EVE]))
    leave(grove)
    grove.react(MO, grove.question(HOME))
    grove.carry()
    assert {where for where, _user, _change in grove.changes} >= {SPACE, CIRCLE, LOUNGE, MEADOW}
    grove.close()


def test_where_the_server_refuses_they_are_told_how_to_leave_there(grove: Doors) -> None:
    grove.refusing.add((LOUNGE, MO))
    leave(grove)
    grove.react(MO, grove.question(HOME))
    grove.carry()
    assert grove.told(MO) == ["Done, but in Lounge circle I could not do it. You can leave there in your own app."]


def test_whoever_went_by_hand_meanwhile_is_left_alone(grove: Doors) -> None:
    leave(grove)
    grove.react(MO, grove.question(HOME))
    grove.member(CIRCLE, MO, "leave")
    grove.carry()
    assert sorted(where for where, _user, _change in grove.changes) == sorted([SPACE, LOUNGE])


def test_afterwards_no_row_tells_whether_they_went_or_were_sent() -> None:
    left, sent = Doors(), Doors()
    leave(left)
    left.react(MO, left.question(HOME))
    left.carry()
    sent.write(ANA, f"!remove {MO}")
    sent.carry()
    sent.react(ANA, sent.question())
    sent.carry()
    for grove in (left, sent):
        assert grove.rows("select * from outbox") == []
        assert grove.rows("select * from question") == []
    kept = [
        {
            (kind, room, outcome, rule, str(step).partition(":")[0])
            for kind, room, outcome, rule, step in grove.rows(
                "select kind, room, outcome, rule, step from journal where target = '@mo:grove.example' and step like 'part:%'"
            )
        }
        for grove in (left, sent)
    ]
    assert kept[0] == kept[1] != set()
    for grove in (left, sent):
        grove.close()


@pytest.mark.parametrize("cut", range(12))
def test_cut_anywhere_and_started_again_it_is_done_once(cut: int) -> None:
    grove = Doors()
    leave(grove)
    grove.react(MO, grove.question(HOME))
    grove.carry(most=cut)
    grove.restart()
    grove.settle()
    grove.carry()
    assert sorted(grove.changes) == sorted((where, MO, "leave") for where in (SPACE, CIRCLE, LOUNGE))
    assert len(grove.told(MO)) == 1
    grove.close()


def test_somebody_whom_we_do_not_know_is_told_so(grove: Doors) -> None:
    leave(grove, EVE)
    assert grove.told(direct(EVE)) == ["I do not see you in any room that I look after."]


def test_who_said_no_is_not_invited_when_the_files_name_them(grove: Doors) -> None:
    leave(grove)
    grove.react(MO, grove.question(HOME))
    grove.carry()
    before = list(grove.changes)
    grove.run(lambda tx: mirror.member(tx, SPACE, MO))
    rooms = [room("tuesday", facilitators=[CY, DEE, MO]), room("lounge")]
    grove.use(documents(community(*rooms)))
    grove.settle()
    grove.carry()
    # The control room is new to them, but somebody has to ask them back into the space first.
    assert grove.changes == before


def test_all_that_is_said_about_leaving_can_be_translated(grove: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    leave(grove)
    leave(grove, CY)
    leave(grove, ANA)
    grove.react(MO, grove.question(HOME))
    grove.carry()
    for _where, said in grove.heard:
        assert all(part.startswith(("- ", LOUD)) for part in said.split("\n\n"))
