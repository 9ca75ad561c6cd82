"""What somebody changes by hand is noticed, and leads decide about it, and about the plan, from the control room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.declared import Community, Origin
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.ids import RoomId, RoomKey
from orchestrator.rooms import State
from orchestrator.rooms.new_room import new_key
from orchestrator.store import bindings
from tests.declared import CY, EVE, ME, community, room, settings

from .talk import Talk

HISTORY = "m.room.history_visibility"
NAME = "m.room.name"
POWER = "m.room.power_levels"
KEEP, PUT_BACK, YES, NO = "👍", "↩️", "✅", "❌"


def grove(**drift: str) -> Community:
    made = settings(join="invite")
    tuesday = room("tuesday", made=made, facilitators=[CY])
    stances = {**tuesday.on_drift, **drift}
    return community(replace(tuesday, on_drift=stances), room("lounge", made=made))  # type: ignore[arg-type]


@pytest.fixture
def talk() -> Talk:
    return Talk(grove())


def renamed(talk: Talk, name: str, key: str = "tuesday") -> None:
    rooms = tuple(replace(one, name=name) if one.key == key else one for one in talk.community.rooms)
    talk.use(replace(talk.community, rooms=rooms))
    talk.settle()


def states(talk: Talk) -> set[State]:
    return {change.state for change in talk.plan().differences}


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_a_change_by_hand_is_asked_about_once_and_stays_meanwhile(talk: Talk) -> None:
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    assert "who can read what was said before" in talk.heard[-1][1]
    assert "now shared, in the files joined" in talk.heard[-1][1]
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "shared"}
    talk.settle()
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    assert len(talk.questions()) == 1
    assert len(talk.heard) == 1


def test_what_changed_is_named_in_plain_words_but_power_and_servers_by_what_exactly(talk: Talk) -> None:
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    assert "settings." not in talk.heard[-1][1]
    assert "- who can read what was said before: now shared, in the files joined" in talk.heard[-1][1]
    talk = Talk(grove(power="report"))
    levels: Any = talk.live("tuesday", POWER)
    talk.by_hand("tuesday", POWER, {**levels, "redact": 100})
    assert "- power.redact: now 100, in the files 50" in talk.heard[-1][1]


def test_a_name_is_somebodys_words_and_is_not_written_down(talk: Talk) -> None:
    talk.by_hand("tuesday", NAME, {"name": "A very private name"})
    assert "the name" in talk.heard[-1][1]
    assert "very private" not in talk.heard[-1][1]
    assert not any("very private" in line for line in talk.shop.everything())


def test_put_back_by_a_reaction(talk: Talk) -> None:
    before = talk.live("tuesday", NAME)
    talk.by_hand("tuesday", NAME, {"name": "The sofa"})
    assert states(talk) == {State.DRIFT}
    assert "putting it back" in talk.react(PUT_BACK)
    assert talk.live("tuesday", NAME) == before
    assert talk.plan().is_empty


def test_what_is_kept_is_not_counted_and_not_asked_about_again_but_something_else_is(talk: Talk) -> None:
    talk.by_hand("tuesday", NAME, {"name": "The sofa"})
    assert "stays as it is now, and !plan shows it no longer" in talk.react(KEEP)
    assert talk.plan().is_empty
    kept = next(change for change in talk.plan().changes if change.name == "tuesday/name")
    assert "chose to keep it" in kept.reason
    talk.by_hand("tuesday", NAME, {"name": "The sofa", "extra": 1})
    assert talk.questions() == []
    assert talk.plan().is_empty
    talk.by_hand("tuesday", NAME, {"name": "Another"})
    assert len(talk.questions()) == 1
    assert states(talk) == {State.DRIFT}


def test_whoever_is_no_lead_decides_nothing(talk: Talk) -> None:
    talk.by_hand("tuesday", NAME, {"name": "The sofa"})
    for nobody in (CY, EVE):
        assert talk.react(PUT_BACK, sender=nobody) == ""
    assert talk.live("tuesday", NAME) == {"name": "The sofa"}
    assert len(talk.questions()) == 1


def test_an_answer_to_what_was_changed_again_meanwhile_does_nothing(talk: Talk) -> None:
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    room_id = talk.bound()["tuesday"]
    # Seen with the room's state, not as it happened: the first question stands.
    talk.put(room_id, HISTORY, {"history_visibility": "invited"})
    assert "changed again meanwhile" in talk.react(PUT_BACK)
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "invited"}


def test_a_newer_change_takes_the_place_of_the_question_about_the_older_one(talk: Talk) -> None:
    for visibility in ("shared", "invited", "world_readable"):
        talk.by_hand("tuesday", HISTORY, {"history_visibility": visibility})
    assert len(talk.questions()) == 1
    talk.react(PUT_BACK)
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "joined"}


def test_what_somebody_puts_right_themselves_is_forgotten(talk: Talk) -> None:
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "joined"})
    assert talk.plan().is_empty
    assert talk.shop.rows("select * from drift") == []


def test_accepted_by_the_files_it_is_nobodys_question() -> None:
    talk = Talk(grove(history="accept"))
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    assert (talk.heard, talk.questions(), talk.plan().is_empty) == ([], [], True)


def test_enforced_it_is_put_back_three_times_a_day_and_then_somebody_is_asked() -> None:
    talk = Talk(grove(history="enforce"))
    for _ in range(3):
        talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
        assert talk.live("tuesday", HISTORY) == {"history_visibility": "joined"}
        talk.shop.at_ms += HOUR_MS
    assert talk.heard == []
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "shared"}
    assert "so I stopped" in talk.heard[-1][1]
    talk.settle()
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "shared"}
    talk.react(PUT_BACK)
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "joined"}
    assert talk.plan().is_empty


def test_enforced_again_after_a_day_the_count_begins_anew() -> None:
    talk = Talk(grove(history="enforce"))
    for _ in range(8):
        talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
        assert talk.live("tuesday", HISTORY) == {"history_visibility": "joined"}
        talk.shop.at_ms += DAY_MS // 2 + 1
    assert talk.heard == []


@given(changes=st.lists(st.sampled_from(["joined", "invited", "shared", "world_readable"]), min_size=1, max_size=5))
def test_the_bots_own_writes_are_never_drift(changes: list[str]) -> None:
    talk = Talk(grove(history="enforce"))
    for visibility in changes:
        talk.by_hand("tuesday", HISTORY, {"history_visibility": visibility}, sender=ME)
    assert talk.heard == []
    assert talk.questions() == []


# -- commands ----------------------------------------------------------------------------------------------------------


def test_plan_and_apply_from_the_control_room(talk: Talk) -> None:
    renamed(talk, "Tuesday evening")
    said = talk.write("!plan")
    assert "Tuesday evening: the name" in said
    digest = talk.plan().digest
    assert f"!apply {digest[:6]}" in said
    asked = talk.write(f"!apply {digest[:6]}")
    assert "I would do this:" in asked
    assert talk.live("tuesday", NAME) != {"name": "Tuesday evening"}
    assert "1 change is on its way" in talk.react(YES)
    assert talk.live("tuesday", NAME) == {"name": "Tuesday evening"}
    assert talk.write("!plan") == "Everything is as the files say."


def test_no_leaves_everything_as_it_is(talk: Talk) -> None:
    renamed(talk, "Tuesday evening")
    talk.write(f"!apply {talk.plan().digest}")
    before = dict(talk.state)
    assert talk.react(NO) == "All right, I leave it."
    assert talk.state == before
    assert states(talk) == {State.UPDATE}


def test_a_stale_digest_is_refused_kindly_before_and_after_the_question(talk: Talk) -> None:
    renamed(talk, "Tuesday evening")
    digest = talk.plan().digest
    renamed(talk, "Tuesday night")
    assert "Something has changed" in talk.write(f"!apply {digest[:6]}")
    talk.write(f"!apply {talk.plan().digest[:6]}")
    renamed(talk, "Tuesday noon")
    writes = len(talk.writes)
    assert "nothing was done" in talk.react(YES)
    assert len(talk.writes) == writes


def test_what_exposes_is_left_to_the_command_line(talk: Talk) -> None:
    shared = replace(talk.community.rooms[0], settings=settings(join="invite", history="shared"))
    talk.use(replace(talk.community, rooms=(shared, *talk.community.rooms[1:])))
    talk.settle()
    said = talk.write("!plan")
    assert "Only whoever runs the bot can do these" in said
    assert "!apply" not in said
    assert "Nothing of that can be done from here" in talk.write(f"!apply {talk.plan().digest}")
    assert talk.questions() == []
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "joined"}


@pytest.mark.parametrize("words", ["!plan", "!apply abcdef", "!drift", "!room create circle Thursday"])
def test_only_leads_and_only_where_the_keepers_are(talk: Talk, words: str) -> None:
    renamed(talk, "Tuesday evening")
    before = talk.state
    assert "Only a lead" in talk.write(words, sender=CY)
    assert talk.write(words, key="tuesday") == (
        "Please ask me that in the control room, or in private: not everybody here has to read it."
    )
    assert talk.questions() == []
    assert talk.state == before


def test_drift_lists_what_was_changed_and_puts_it_all_back(talk: Talk) -> None:
    assert "Nobody changed anything" in talk.write("!drift")
    before = talk.live("tuesday", NAME), talk.live("lounge", HISTORY)
    talk.put(talk.bound()["tuesday"], HISTORY, {"history_visibility": "shared"})
    talk.put(talk.bound()["lounge"], HISTORY, {"history_visibility": "shared"})
    said = talk.write("!drift")
    assert "who can read what was said before" in said
    assert "putting it back" in talk.react(PUT_BACK)
    assert (talk.live("tuesday", NAME), talk.live("lounge", HISTORY)) == before
    assert talk.plan().is_empty


def test_what_was_settled_as_a_whole_is_not_asked_about_singly_any_more(talk: Talk) -> None:
    talk.by_hand("tuesday", HISTORY, {"history_visibility": "shared"})
    talk.write("!drift")
    both = talk.questions()
    assert len(both) == 2
    whole = next(one for one in both if "put-back" in one.subject)
    talk.write(f"{PUT_BACK}", reply_to=whole.event)
    assert talk.questions() == []
    assert talk.live("tuesday", HISTORY) == {"history_visibility": "joined"}


def test_drift_can_be_kept_as_a_whole(talk: Talk) -> None:
    talk.put(talk.bound()["tuesday"], HISTORY, {"history_visibility": "shared"})
    talk.write("!drift")
    assert "!plan shows it no longer" in talk.react(KEEP)
    assert talk.plan().is_empty
    assert "Nobody changed anything" in talk.write("!drift")


# -- new rooms ---------------------------------------------------------------------------------------------------------


def test_a_room_is_written_down_made_and_named_with_a_link(talk: Talk) -> None:
    asked = talk.write("!room create circle Thursday evening")
    assert "“Thursday evening”" in asked
    assert "`thursday-evening`" not in asked  # plain text has no marks
    assert "thursday-evening" in asked
    talk.react(YES)
    assert talk.amended == [
        (
            ("communities", "grove", "rooms", "thursday-evening"),
            {"template": "circle", "name": "Thursday evening"},
        )
    ]
    new = room("thursday-evening", name="Thursday evening", made=settings(join="invite"))
    talk.use(replace(talk.community, rooms=(*talk.community.rooms, new)))
    talk.settle()
    where = talk.shop.run(bindings.bound_room, talk.community.key, RoomKey("thursday-evening"))
    assert where is not None
    assert talk.heard[-1] == (
        RoomId(talk.bound()["control"]),
        f"“Thursday evening” is there: https://matrix.to/#/{where}",
    )
    talk.settle()
    assert sum("is there:" in said for _room, said in talk.heard) == 1


def test_a_template_that_there_is_not_is_said_kindly_and_nothing_waits(talk: Talk) -> None:
    talk.amend = "refused"
    talk.write("!room create circel Thursday")
    assert "I could not write that room down" in talk.react(YES)
    assert talk.shop.timers("rooms") == []


def test_words_that_are_not_enough_name_what_is_missing(talk: Talk) -> None:
    origins = {"policy": Origin("template", "room_templates/circle.yaml", 1, 1)}
    first = replace(talk.community.rooms[0], origins=origins)
    talk.use(replace(talk.community, rooms=(first, *talk.community.rooms[1:])))
    for words in ("!room", "!room create", "!room create circle", "!room make circle Thursday"):
        assert "Rooms here are made from: circle." in talk.write(words)


def test_a_name_is_made_as_it_was_agreed_to_or_not_at_all(talk: Talk) -> None:
    said = talk.write(f"!room create circle {'a' * 101}")
    assert "at most 100 letters" in said
    assert talk.questions() == []
    talk.write(f"!room create circle   {'a' * 60}  {'b' * 39}")
    talk.react(YES)
    assert [value for _path, value in talk.amended] == [{"template": "circle", "name": f"{'a' * 60} {'b' * 39}"}]


@given(name=st.text(max_size=80), taken=st.sets(st.sampled_from(["tuesday", "thursday", "thursday-2", "circle"])))
def test_a_key_is_one_that_a_file_takes_and_nobody_elses(name: str, taken: set[str]) -> None:
    key = new_key(name, {RoomKey(one) for one in taken}, "circle")
    assert key not in {*taken, "control", "space", ""}
    assert all(sign in "abcdefghijklmnopqrstuvwxyz0123456789-" for sign in key)
    assert len(key) <= 64


def test_a_key_is_made_of_the_name() -> None:
    assert new_key("Thursday Évening!", set(), "circle") == "thursday-evening"
    assert new_key("Женский круг", set(), "circle") == "circle"
    assert new_key("Tuesday", {RoomKey("tuesday")}, "circle") == "tuesday-2"
