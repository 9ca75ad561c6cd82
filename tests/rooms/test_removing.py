"""Taking a person out: shown first, done once in each room, by leads alone, and told to the person once and kindly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import RoomId, UserId
from tests.declared import community, documents, room
from tests.workshop import LOUD, speak_loudly

from .doors import ANA, BO, CIRCLE, CONTROL, CY, DEE, EVE, LOUNGE, ME, MO, SPACE, Doors, direct, grove_of

PUBLIC = {"join_rule": "public"}
KNOCK = {"join_rule": "knock"}
ROOMS = (SPACE, CIRCLE, LOUNGE)


@pytest.fixture
def grove() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.close()


def ask(grove: Doors, words: str = f"!remove {MO}", by: UserId = ANA, where: RoomId = CONTROL, **more: Any) -> None:
    grove.write(by, words, where, **more)
    grove.carry()


# -- what it does ------------------------------------------------------------------------------------------------------


def test_it_is_shown_first_then_done_once_in_each_room_and_the_person_is_told_once(grove: Doors) -> None:
    ask(grove)
    (shown,) = grove.told(CONTROL)
    for name in ("The Grove", "Tuesday circle", "Lounge circle", MO):
        assert name in shown
    assert "They can come back only if somebody invites them." in shown
    assert grove.changes == []
    grove.react(ANA, grove.question())
    grove.carry()
    assert sorted(grove.changes) == sorted((where, MO, "leave") for where in ROOMS)
    (told,) = grove.told(MO)
    assert "`!raise`" in told or "!raise" in told
    assert "emergency number" in told
    assert grove.told(CONTROL)[-1] == f"{MO} is out of The Grove."
    for _time in range(2):
        grove.settle()
        grove.carry()
    assert len(grove.changes) == 3
    assert len(grove.told(MO)) == 1


def test_the_way_into_the_others_is_closed_first(grove: Doors) -> None:
    ask(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    assert grove.changes[0] == (SPACE, MO, "leave")


def test_a_ban_holds_everywhere_also_where_they_are_not(grove: Doors) -> None:
    ask(grove, f"!ban {MO}")
    assert "until a lead lifts it" in grove.told(CONTROL)[0]
    grove.react(ANA, grove.question())
    grove.carry()
    assert sorted(grove.changes) == sorted((where, MO, "ban") for where in (*ROOMS, CONTROL))


def test_somebody_who_was_never_here_can_be_kept_out_and_hears_nothing_of_it(grove: Doors) -> None:
    ask(grove, f"!ban {EVE}")
    grove.react(ANA, grove.question())
    grove.carry()
    assert {change for _room, _user, change in grove.changes} == {"ban"}
    assert grove.told(EVE) == []


@pytest.mark.parametrize(
    ("rule", "said"), [(PUBLIC, "It would not hold in Lounge circle"), (KNOCK, "they could knock again")]
)
def test_where_it_would_not_hold_it_says_so_and_offers_a_ban(grove: Doors, rule: dict[str, str], said: str) -> None:
    grove.put(LOUNGE, "m.room.join_rules", rule)
    ask(grove)
    assert said in grove.told(CONTROL)[0]
    grove.react(ANA, grove.question(), "⛔")
    grove.carry()
    assert {change for _room, _user, change in grove.changes} == {"ban"}


def test_a_space_that_is_open_to_all_opens_what_hangs_on_it(grove: Doors) -> None:
    grove.put(SPACE, "m.room.join_rules", PUBLIC)
    ask(grove)
    shown = grove.told(CONTROL)[0]
    assert "It would not hold in" in shown
    assert all(name in shown.partition("would not hold in")[2] for name in ("Tuesday circle", "Lounge circle"))


def test_a_ban_is_lifted_by_a_lead_and_only_a_ban(grove: Doors) -> None:
    for where in ROOMS:
        grove.member(where, MO, "ban", by=BO)
    ask(grove, f"!unban {MO}")
    grove.react(ANA, grove.question())
    grove.carry()
    assert sorted(grove.changes) == sorted((where, MO, "leave") for where in ROOMS)
    assert grove.told(MO) == []
    ask(grove, f"!unban {MO}")
    assert "do not see that they are banned" in grove.told(CONTROL)[-1]


def test_a_ban_that_is_still_on_its_way_can_be_lifted(grove: Doors) -> None:
    ask(grove, f"!ban {MO}")
    grove.react(ANA, grove.question())
    grove.write(ANA, f"!unban {MO}")
    grove.carry()
    grove.react(ANA, grove.question())
    grove.carry()
    assert all(grove.membership(where, MO) == "leave" for where in ROOMS)


def test_whom_somebody_asks_back_is_not_taken_out_again(grove: Doors) -> None:
    ask(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    grove.member(SPACE, MO, "invite", by=BO)
    grove.member(SPACE, MO, "join")
    for _time in range(2):
        grove.restart()
        grove.settle()
        grove.carry()
    assert grove.membership(SPACE, MO) == "join"
    assert len(grove.changes) == 3


def test_where_the_server_refuses_the_lead_is_told(grove: Doors) -> None:
    grove.refusing.add((LOUNGE, MO))
    ask(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    assert "In Lounge circle the homeserver did not let me" in grove.told(CONTROL)[-1]


def test_where_nothing_could_be_done_the_person_is_not_told_that_it_was(grove: Doors) -> None:
    grove.refusing.update((where, MO) for where in ROOMS)
    ask(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    assert grove.told(MO) == []


def test_of_several_communities_the_person_is_given_names_to_write_to() -> None:
    other = community(room("field"), key="meadow", leads=[EVE])
    grove = Doors(grove_of(), other)
    ask(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    assert ANA in grove.told(MO)[0]
    assert {where for where, _user, _change in grove.changes} == set(ROOMS)
    grove.close()


# -- who is meant ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (f"!remove {MO} because of what they said", {}),
        (f"!remove `{MO}`", {}),
        ("!remove Mo", {"mentions": frozenset({MO})}),
        ("!remove Mo", {"html": f'!remove <a href="https://matrix.to/#/{MO}">Mo</a>'}),
        ("!remove Mo", {"html": '!remove <a href="https://matrix.to/#/%40mo%3Agrove.example">Mo</a>'}),
        ("!remove Mo", {"mentions": frozenset({MO, ME})}),
    ],
)
def test_a_person_can_be_named_by_id_by_link_or_by_a_mention(grove: Doors, words: str, more: dict[str, Any]) -> None:
    ask(grove, words, **more)
    assert MO in grove.told(CONTROL)[0]
    assert "what they said" not in str(grove.words())
    assert len(grove.questions()) == 1


@pytest.mark.parametrize(
    ("words", "more"),
    [("!remove", {}), ("!remove Mo", {}), ("!remove Mo", {"mentions": frozenset({MO, DEE})})],
)
def test_who_is_not_one_person_is_asked_back(grove: Doors, words: str, more: dict[str, Any]) -> None:
    ask(grove, words, **more)
    assert "Whom do you mean?" in grove.told(CONTROL)[0]
    assert grove.questions() == []


def test_from_a_room_of_members_it_is_shown_in_private(grove: Doors) -> None:
    ask(grove, where=CIRCLE)
    assert grove.told(CIRCLE) == []
    assert MO in grove.told(ANA)[0]
    grove.react(ANA, grove.question(direct(ANA)))
    grove.carry()
    assert len(grove.changes) == 3
    assert grove.told(CIRCLE) == []


# -- who may, and to whom ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["remove", "ban", "unban"])
@pytest.mark.parametrize("by", [CY, MO, EVE])
def test_nobody_but_a_lead_can_ask_for_it(grove: Doors, by: UserId, command: str) -> None:
    ask(grove, f"!{command} {DEE}", by)
    assert grove.questions() == []
    assert grove.changes == []


def test_a_facilitator_cannot_answer_what_a_lead_asked(grove: Doors) -> None:
    ask(grove)
    for somebody in (CY, MO, BO):
        grove.react(somebody, grove.question())
    grove.carry()
    assert grove.changes == []


def test_a_lead_who_is_none_any_more_when_they_answer_changes_nothing(grove: Doors) -> None:
    ask(grove)
    grove.use(documents(grove_of(leads=[BO])))
    grove.react(ANA, grove.question())
    grove.carry()
    assert grove.changes == []


@pytest.mark.parametrize("where", [CONTROL, CIRCLE])
def test_a_lead_who_lost_their_power_in_the_space_takes_nobody_out(grove: Doors, where: RoomId) -> None:
    ask(grove, where=where)
    asked = grove.questions(CONTROL if where == CONTROL else direct(ANA))[0]
    grove.put(SPACE, "m.room.power_levels", {"users": {BO: 100, ME: 150}})
    grove.react(ANA, asked)
    grove.carry()
    assert grove.changes == []
    ask(grove)
    assert "Only a lead can do that here." in grove.told(CONTROL)[-1]


def test_a_lead_who_is_none_any_more_and_was_asked_in_private_takes_nobody_out(grove: Doors) -> None:
    ask(grove, where=CIRCLE)
    grove.use(documents(grove_of(leads=[BO])))
    grove.react(ANA, grove.question(direct(ANA)))
    grove.carry()
    assert grove.changes == []
    assert "Only a lead can do that here." in grove.told(direct(ANA))[-1]


def test_a_lead_of_another_community_gains_nothing_here() -> None:
    other = community(room("field"), key="meadow", leads=[MO])
    grove = Doors(grove_of(), other)
    for where in (CIRCLE, CONTROL):
        ask(grove, f"!remove {DEE}", MO, where)
    grove.whisper(MO, f"!remove {DEE}")
    grove.carry()
    assert grove.questions() == []
    assert grove.questions(direct(MO)) == []
    assert grove.changes == []
    grove.close()


@pytest.mark.parametrize(
    ("user", "said"),
    [(ME, "That is me."), (ANA, "!leave everything"), (BO, "They are a lead"), (EVE, "I do not see them in any room")],
)
def test_whom_it_does_not_take_out_is_said_before_anything_is_done(grove: Doors, user: UserId, said: str) -> None:
    ask(grove, f"!remove {user}")
    assert said in grove.told(CONTROL)[0]
    assert grove.questions() == []


def test_whoever_holds_more_than_the_bot_in_one_room_is_left_alone_in_all(grove: Doors) -> None:
    grove.put(LOUNGE, "m.room.power_levels", {"users": {ANA: 100, ME: 150, MO: 150}})
    ask(grove)
    assert "In Lounge circle they hold as much power as I do" in grove.told(CONTROL)[0]
    assert grove.questions() == []


def test_who_became_a_lead_between_question_and_answer_is_left_alone(grove: Doors) -> None:
    ask(grove)
    grove.use(documents(grove_of(leads=[ANA, BO, MO])))
    grove.react(ANA, grove.question())
    grove.carry()
    assert grove.changes == []
    assert "They are a lead" in grove.told(CONTROL)[-1]


def test_a_facilitator_is_taken_out_of_the_control_room_first_and_not_called_back(grove: Doors) -> None:
    ask(grove, f"!remove {DEE}")
    assert "list of facilitators" in grove.told(CONTROL)[0]
    grove.react(ANA, grove.question())
    grove.carry()
    assert grove.changes[0] == (CONTROL, DEE, "leave")
    done = len(grove.changes)
    grove.settle()
    grove.carry()
    assert len(grove.changes) == done


def test_without_power_in_a_room_it_says_so(grove: Doors) -> None:
    grove.put(LOUNGE, "m.room.power_levels", {"users": {ANA: 100, ME: 20}, "kick": 50, "ban": 50})
    ask(grove)
    assert "I am not allowed to do it in Lounge circle" in grove.told(CONTROL)[0]


def test_an_answer_that_comes_too_late_does_nothing(grove: Doors) -> None:
    ask(grove)
    question = grove.question()
    grove.live(grove.at_ms + 11 * MINUTE_MS)
    grove.react(ANA, question)
    grove.carry()
    assert grove.changes == []


def test_help_shows_it_to_leads_alone(grove: Doors) -> None:
    ask(grove, "!help")
    ask(grove, "!help", MO, CIRCLE)
    assert all(f"!{name} @PERSON" in grove.told(CONTROL)[0] for name in ("remove", "ban", "unban"))
    assert not any(f"!{name}" in grove.told(CIRCLE)[0] for name in ("remove", "ban", "unban"))
    assert "!leave" in grove.told(CIRCLE)[0]


# -- whatever happens --------------------------------------------------------------------------------------------------


def happen(grove: Doors, step: str) -> bool:
    """Let something happen, if it can; tells whether somebody said yes."""
    if step == "ask":
        grove.at_ms += 5 * MINUTE_MS
        grove.write(ANA, f"!remove {MO}")
    elif step in {"yes", "no"} and grove.questions():
        grove.react(ANA, grove.questions()[0], "✅" if step == "yes" else "❌")
        return step == "yes"
    elif step == "back":
        for where in ROOMS:
            if grove.membership(where, MO) == "leave":
                grove.member(where, MO, "invite", by=BO)
                grove.member(where, MO, "join")
    elif step in ALWAYS:
        ALWAYS[step](grove)
    return False


ALWAYS: dict[str, Callable[[Doors], object]] = {
    "carry": Doors.carry,
    "one": lambda grove: grove.carry(most=1),
    "settle": Doors.settle,
    "restart": Doors.restart,
}


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["ask", "yes", "no", "carry", "one", "settle", "restart", "back"]), max_size=20))
def test_nobody_is_taken_out_more_often_than_somebody_said_yes(steps: list[str]) -> None:
    grove = Doors()
    yes = sum(happen(grove, step) for step in steps)
    grove.carry()
    for where in ROOMS:
        assert sum(room == where for room, _user, _change in grove.changes) <= yes
    assert len(grove.told(MO)) <= yes
    assert grove.rows("select * from outbox") == []
    grove.close()


def test_all_that_is_said_about_it_can_be_translated(grove: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    grove.put(LOUNGE, "m.room.join_rules", PUBLIC)
    ask(grove)
    grove.react(ANA, grove.question())
    grove.carry()
    ask(grove, f"!remove {BO}")
    for where, said in grove.heard:
        for part in said.split("\n\n"):
            assert part.startswith(("- ", LOUD)), (where, part)
