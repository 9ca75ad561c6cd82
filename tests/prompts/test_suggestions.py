"""What members suggest is passed on without a name, decided by people, and taken in as a text that nobody owns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import CONTROL_KEY, PromptSchedule, Room
from orchestrator.documents.load import load
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.events import Message
from orchestrator.model.ids import CommunityKey, EventId, RoomId
from orchestrator.prompts.suggestions.checking import objection
from orchestrator.prompts.suggestions.taken import deck_for, take_in
from orchestrator.schedule import local_at
from orchestrator.store import bindings, mirror, outbox
from tests.belonging.distress import CRIES
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, deck, documents, room, schedule
from tests.house import CIRCLE, CONTROL, direct, room_id
from tests.prompts.suggesting import GUS, NOON_MS, QUESTION, Grove, circle, grove
from tests.workshop import LOUD, speak_loudly

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def shop() -> Iterator[Grove]:
    shop = Grove()
    yield shop
    shop.close()


# -- suggesting --------------------------------------------------------------------------------------------------------


def test_it_is_said_beforehand_what_becomes_of_a_suggestion_and_nothing_is_passed_on_without_a_yes(shop: Grove) -> None:
    shop.write(EVE, f"!suggest {QUESTION}")
    said = shop.told(EVE)
    assert "without a name" in said
    assert "who you are" in said
    assert "may still guess" in said
    assert shop.states() == ["asked"]
    shop.pass_days()
    assert shop.states() == []
    assert shop.shown() == []


def test_a_no_forgets_it(shop: Grove) -> None:
    shop.write(EVE, f"!suggest {QUESTION}")
    shop.tap(EVE, "no", direct(EVE))
    assert shop.told(EVE) == "All right. I have passed nothing on and kept nothing."
    assert shop.states() == []


def test_in_a_room_people_are_asked_to_write_it_in_private(shop: Grove) -> None:
    shop.write(EVE, f"!suggest {QUESTION}", CIRCLE)
    assert "in private" in shop.in_room(CIRCLE)[-1]
    assert shop.states() == []


def test_without_a_question_it_says_how(shop: Grove) -> None:
    shop.write(EVE, "!suggest")
    assert "`" not in shop.told(EVE)
    assert "!suggest What was a kind thing somebody did for you?" in shop.told(EVE)


def test_whoever_is_in_several_rooms_is_asked_which_one_is_meant() -> None:
    shop = Grove(grove(circle(), circle("friday")))
    shop.write(EVE, f"!suggest {QUESTION}")
    assert "1️⃣ Tuesday circle" in shop.told(EVE)
    assert "2️⃣ Friday circle" in shop.told(EVE)
    shop.tap(EVE, "grove/friday", direct(EVE))
    shop.pass_days()
    assert "for Friday circle" in shop.in_room()[-1]
    shop.close()


@pytest.mark.parametrize(
    "text",
    [
        "What does https://grove.example mean to you?",
        "What does www.grove.example mean to you?",
        "Did you see grove.example today?",
        "What do you like about @cy:grove.example?",
        "What do you like about @cy today?",
        "Who writes to ana@grove.example?",
        "Who was in #tea:grove.example lately?",
        "Who will call +49 30 123 456 78?",
        "What do you think? " * 40,
        "Tea?",
    ],
)
def test_what_points_somewhere_or_is_too_long_or_none_is_kindly_not_passed_on(shop: Grove, text: str) -> None:
    shop.write(EVE, f"!suggest {text}")
    assert shop.states() == []
    assert any(word in shop.told(EVE) for word in ("Could you", "Would you"))


def test_a_mention_of_somebody_is_not_passed_on_but_one_of_the_bot_is_no_reason(shop: Grove) -> None:
    shop.write(EVE, "!suggest What do you like about Cy?", mentions=frozenset({CY}))
    assert shop.states() == []
    shop.write(
        EVE,
        "!suggest What do you like about Cy?",
        html='What about <a href="https://matrix.to/#/@cy:grove.example">Cy</a>?',
    )
    assert shop.states() == []


@pytest.mark.parametrize("link", [f"https://matrix.to/#/{ME}", f"https://matrix.to/#/{quote(ME)}"])
def test_a_mention_of_the_bot_before_it_is_none_of_somebody(shop: Grove, link: str) -> None:
    html = f'<a href="{link}">Keeper</a>: !suggest {QUESTION}'
    shop.write(EVE, f"{ME}: !suggest {QUESTION}", html=html, mentions=frozenset({ME}))
    assert shop.states() == ["asked"]
    shop.write(EVE, f"!suggest {QUESTION}", html='<a HREF="https://far.example">Which</a> song do you hum?')
    assert shop.states() == ["asked"]


@pytest.mark.parametrize(
    "text",
    [
        "I can't go on anymore",
        "I want to die",
        "Would anybody miss me if I was not be here anymore?",
        "how do you kill yourself?",
        "nobody likes me",
        "Why am I so alone?",
        "help me please",
        "I feel so alone, is it my fault?",
        *(cry for cry in CRIES if "?" not in cry),
    ],
)
def test_a_cry_is_answered_and_never_passed_on(shop: Grove, text: str) -> None:
    shop.write(EVE, f"!suggest {text}")
    assert shop.told(EVE).startswith("Thank you for writing.")
    assert "!raise" in shop.told(EVE)
    assert shop.states() == []
    shop.pass_days()
    assert shop.shown() == []


@pytest.mark.parametrize(
    "text",
    [
        "What made you smile today?",
        "Tell us about a small joy.",
        "When did I last laugh out loud?",
        "Tell me of a song.",
        "今日はどうでしたか\uff1f",
    ],
)
def test_a_question_is_not_taken_for_a_cry(shop: Grove, text: str) -> None:
    shop.write(EVE, f"!suggest {text}")
    assert shop.states() == ["asked"]


def test_no_question_that_is_shipped_would_be_taken_for_a_cry_or_for_pointing_at_somebody() -> None:
    shipped = load(REPOSITORY / "config.yaml", today=date(2026, 11, 22)).documents.communities[0]
    asked = [one.text for room in shipped.rooms for schedule in room.prompts for one in schedule.deck.prompts]
    assert len(asked) > 30
    said = Message(room=CIRCLE, id=EventId("$said"), sender=EVE, at_ms=0, kind="m.text", body="")
    assert [one for one in asked if objection(one, said, ME)] == []


def test_what_is_there_already_is_not_asked_for_twice(shop: Grove) -> None:
    shop.write(EVE, "!suggest What was good on day 3?")
    assert "nearly the same" in shop.told(EVE)
    assert shop.states() == []


def test_three_wait_and_no_more(shop: Grove) -> None:
    for n in range(50):
        shop.write(EVE, f"!suggest Which {'very ' * n}kind word did you hear, number{n}?")
        shop.at_ms += 10_000
    assert shop.states() == ["asked"] * 3
    assert "waiting already" in shop.told(EVE)


def test_where_a_word_is_also_somebodys_name_they_are_asked_to_look(shop: Grove) -> None:
    shop.write(EVE, "!suggest What does Dee do well?")
    assert "what somebody here is called" in shop.told(EVE)


def test_whoever_decides_is_asked_to_leave_their_own_to_the_others(shop: Grove) -> None:
    shop.write(ANA, f"!suggest {QUESTION}")
    assert "leave this one to the others" in shop.told(ANA)
    shop.write(EVE, f"!suggest {QUESTION}")
    assert "leave this one to the others" not in shop.told(EVE)


# -- changing and taking back ------------------------------------------------------------------------------------------


def test_what_was_changed_before_it_is_passed_on_counts(shop: Grove) -> None:
    event = shop.suggest(EVE)
    shop.edit(EVE, event, "!suggest Which song do you hum?")
    shop.pass_days()
    assert shop.shown() == ["Which song do you hum?"]


def test_what_is_changed_afterwards_does_not_and_they_are_told(shop: Grove) -> None:
    event = shop.suggest(EVE)
    shop.pass_days()
    shop.edit(EVE, event, "!suggest Which song do you hum?")
    assert shop.shown() == [QUESTION]
    assert "the way it was before" in shop.told(EVE)


def test_a_change_that_cannot_be_passed_on_takes_it_back(shop: Grove) -> None:
    event = shop.suggest(EVE)
    shop.edit(EVE, event, "!suggest What about @cy:grove.example?")
    assert shop.states() == []
    event = shop.suggest(EVE)
    shop.edit(EVE, event, "!suggest I can't go on")
    assert shop.states() == []
    assert shop.told(EVE).startswith("Thank you for writing.")


def test_when_the_change_is_taken_away_the_first_words_count(shop: Grove) -> None:
    event = shop.suggest(EVE)
    edit = shop.edit(EVE, event, "!suggest Which song do you hum?")
    shop.take_away(EVE, edit)
    shop.pass_days()
    assert shop.shown() == [QUESTION]


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_taken_away_before_it_is_passed_on_is_forgotten(shop: Grove, *, asked: bool) -> None:
    event = shop.write(EVE, f"!suggest {QUESTION}") if asked else shop.suggest(EVE)
    shop.take_away(EVE, event)
    assert shop.states() == []
    shop.pass_days()
    assert shop.shown() == []


def test_what_is_taken_away_afterwards_can_be_taken_up_by_nobody_and_goes_with_the_next_round(shop: Grove) -> None:
    event = shop.suggest(EVE)
    shop.pass_days()
    assert shop.shown() == [QUESTION]
    shop.take_away(EVE, event)
    assert shop.shown() == [QUESTION]
    with pytest.raises(AssertionError):
        shop.tap(ANA, "1")
    shop.pass_days(1)
    assert shop.shown() == []
    assert shop.states() == []
    assert shop.taken() == []


@pytest.mark.parametrize("tried", [True, False])
def test_what_is_taken_away_while_it_is_on_its_way_is_shown_to_nobody_for_long(shop: Grove, *, tried: bool) -> None:
    event = shop.suggest(EVE)
    while not (waiting := [row for row in shop.waiting() if row.room == CONTROL]):
        shop.at_ms += 3_600_000
        shop.ring()
    (row,) = waiting
    if tried:  # it may have left
        shop.run(outbox.note_try, row.cause, "KEEPER", shop.at_ms)
        row = shop.run(outbox.get, row.cause) or row
        shop.carry(row, confirmed=False)
    shop.take_away(EVE, event)
    if tried:
        assert shop.shown() == [QUESTION]
        assert shop.states() == ["back"]
    shop.pass_days(1)
    assert (shop.shown(), shop.states()) == ([], [])


@pytest.mark.parametrize("at_once", [True, False])
def test_back_takes_it_back_with_the_next_round_or_right_now(shop: Grove, *, at_once: bool) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.write(EVE, "!suggest back 1 now" if at_once else "!suggest back")
    assert (shop.shown() == []) == at_once
    shop.pass_days(1)
    assert (shop.shown(), shop.states()) == ([], [])


def test_a_question_that_begins_with_back_is_one(shop: Grove) -> None:
    shop.write(EVE, "!suggest back then, what did you love to do?")
    assert shop.states() == ["asked"]


def test_whoever_suggested_sees_what_waits_and_nobody_elses(shop: Grove) -> None:
    event = shop.suggest(EVE)
    shop.suggest(CY, "Which song do you hum?")
    shop.write(EVE, "!suggest")
    assert f"1. Tuesday circle: it will be passed on. https://matrix.to/#/{direct(EVE)}/{event}" in shop.told(EVE)
    assert "2." not in shop.told(EVE)
    shop.pass_days()
    shop.write(EVE, "!suggest")
    assert "they are thinking about it" in shop.told(EVE)


# -- passing on --------------------------------------------------------------------------------------------------------


def test_it_is_passed_on_without_a_name_and_looked_at_by_those_who_look_after_the_room(shop: Grove) -> None:
    shop.suggest(EVE, "What helps when your body aches?")
    shop.pass_days()
    (said,) = shop.in_room()
    assert said.startswith("Somebody suggests a question for Tuesday circle:\n\n“What helps when your body aches?”\n\n")
    assert "Mind that it may ask for advice. Mind that it may touch bodies" in said
    assert "@" not in said


def test_marks_links_and_mentions_are_text_in_the_copy(shop: Grove) -> None:
    shop.suggest(EVE, "Is <b>this</b> *what* [you] & `we` say?")
    shop.pass_days()
    (content,) = [c for (where, _e), c in shop.kept.items() if where == CONTROL and "body" in c]
    assert "“Is <b>this</b> *what* [you] & `we` say?”" in str(content["body"])
    assert "“Is &lt;b&gt;this&lt;/b&gt; *what* [you] &amp; `we` say?”" in str(content["formatted_body"])
    assert content["m.mentions"] == {}


def test_in_a_round_there_is_one_of_each_person_and_five_at_most(shop: Grove) -> None:
    for user in (EVE, CY, DEE, GUS, ANA, BO):
        for n in range(2):
            shop.suggest(user, f"Which song number {n} does {'the very ' * n}{user[1:4]} {['tree', 'bush'][n]} hum?")
            shop.at_ms += 60_000
    before = 0
    for _ in range(200):
        shop.pass_days(1 / 24)
        more = len(shop.shown()) - before
        assert more <= 5
        before += more
    assert before == 12


def test_neither_time_nor_order_tells_who_wrote_what() -> None:
    orders = {order_of(seed) for seed in range(6)}
    assert len(orders) > 3


def order_of(seed: int) -> tuple[str, ...]:
    """In which order what four people suggest, one after the other, comes to be read."""
    shop = Grove(seed=seed)
    for user, thing in zip((EVE, CY, DEE, GUS), ("bird", "kettle", "church bell", "distant train"), strict=True):
        shop.suggest(user, f"Which {thing} do you love most?")
    shop.pass_days()
    shown = tuple(shop.shown())
    shop.close()
    assert len(shown) == 4
    return shown


@given(at_hour=st.integers(0, 23), seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_it_is_passed_on_within_two_days_and_at_a_time_when_people_are_up(at_hour: int, seed: int) -> None:
    shop = Grove(seed=seed, at_ms=NOON_MS + at_hour * HOUR_MS)
    shop.suggest(EVE)
    said_ms = shop.at_ms
    while not shop.shown():
        shop.pass_days(1 / 24)
    assert HOUR_MS <= shop.at_ms - said_ms <= 48 * HOUR_MS
    assert 10 <= local_at(shop.at_ms, ZoneInfo("Europe/Berlin")).hour <= 20
    shop.close()


def test_a_message_that_is_lost_is_let_go_of_and_its_author_told(shop: Grove) -> None:
    event = shop.suggest(EVE)
    del shop.kept[direct(EVE), event]
    shop.pass_days()
    assert (shop.shown(), shop.states()) == ([], [])
    assert shop.told(EVE).startswith("I could not open a message any more")


# -- deciding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", [1, 2])
def test_a_light_one_is_taken_in_by_one_person_and_its_author_is_told_later(shop: Grove, tier: int) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    before = shop.told(EVE)
    shop.tap(ANA, str(tier))
    assert shop.taken() == [(QUESTION, tier)]
    assert shop.states() == []
    assert shop.told(EVE) == before, "who is told at once can be linked by the time"
    shop.pass_days()
    assert "was taken in" in shop.told(EVE)


def test_a_heavy_one_needs_two_people_and_nobody_is_two(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(ANA, "3")
    assert shop.taken() == []
    assert f"{ANA} would take this in as a heavy question." in shop.in_room()[-1]
    for _ in range(3):
        shop.tap(ANA, "yes")
        assert shop.taken() == []
    assert sum("takes somebody else" in one for one in shop.in_room()) == 1
    shop.tap(BO, "yes")
    assert shop.taken() == [(QUESTION, 3)]
    assert "It joins the questions" in shop.in_room()[-1]


@pytest.mark.parametrize("who", [ANA, BO])
def test_either_of_two_can_decline_a_heavy_one(shop: Grove, who: str) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(ANA, "3")
    shop.tap(type(ANA)(who), "decline")
    assert (shop.taken(), shop.states(), shop.shown()) == ([], [], [])


def test_the_first_decides_and_another_tap_changes_nothing(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    (copy,) = [event for (where, event), c in shop.kept.items() if where == CONTROL and "body" in c]
    shop.tap(ANA, "1")
    for user, key in ((ANA, "1️⃣"), (BO, "❌"), (BO, "3️⃣")):
        shop.tap_at(user, key, copy)
    assert shop.taken() == [(QUESTION, 1)]


def test_who_does_not_look_after_others_decides_nothing(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(EVE, "1")
    assert (shop.taken(), shop.states()) == ([], ["shown"])
    assert len(shop.in_room()) == 1
    shop.tap(ANA, "1")
    assert shop.taken() == [(QUESTION, 1)]


def test_a_reviewers_own_counts_as_any_other_so_that_nothing_shows_whose_it_is(shop: Grove) -> None:
    shop.suggest(ANA)
    shop.pass_days()
    mine = shop.in_room()
    shop.tap(ANA, "3")
    shop.tap(BO, "yes")
    assert shop.taken() == [(QUESTION, 3)]
    other = Grove()
    other.suggest(EVE)
    other.pass_days()
    assert other.in_room() == mine
    other.close()


def test_a_decline_takes_the_copy_away_and_is_told_kindly_without_a_reason(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(BO, "decline")
    assert (shop.shown(), shop.states(), shop.taken()) == ([], [], [])
    shop.pass_days()
    assert "This time it is not taken in" in shop.told(EVE)
    assert "bo" not in shop.told(EVE).split()


def test_whoever_takes_the_copy_away_declines(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    (copy,) = [event for (where, event), c in shop.kept.items() if where == CONTROL and "body" in c]
    shop.take_away(BO, copy, CONTROL)
    assert shop.states() == []
    shop.pass_days()
    assert "This time it is not taken in" in shop.told(EVE)


def test_later_shows_it_again_in_two_weeks_in_one_copy_and_three_times_at_most(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    for _ in range(2):
        shop.tap(ANA, "later")
        assert shop.states() == ["waiting"]
        shop.pass_days(13)
        assert shop.states() == ["waiting"]
        shop.pass_days(3)
        assert shop.states() == ["shown"]
        assert shop.shown() == [QUESTION]
    shop.tap(ANA, "later")
    assert (shop.states(), shop.shown()) == ([], [])
    shop.pass_days()
    assert "Nobody in The Grove got round" in shop.told(EVE)


def test_if_nobody_decides_it_is_let_go_of_in_the_end(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days(60)
    assert (shop.states(), shop.shown()) == ([], [])
    assert "got round" in shop.told(EVE)


def test_where_one_person_decides_alone_nothing_heavy_is_offered() -> None:
    shop = Grove(grove(leads=[ANA]))
    shop.suggest(EVE)
    shop.pass_days()
    assert "heavy" not in shop.in_room()[-1]
    shop.close()


def test_a_copy_that_cannot_be_read_any_more_is_not_taken_in(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    (copy,) = [event for (where, event), c in shop.kept.items() if where == CONTROL and "body" in c]
    del shop.kept[CONTROL, copy]
    shop.tap(ANA, "1")
    assert (shop.taken(), shop.states()) == ([], [])
    assert "could not read" in shop.in_room()[-1]


# -- leaving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["leave", "ban"])
def test_who_leaves_before_it_is_passed_on_is_forgotten_with_it(shop: Grove, how: str) -> None:
    shop.suggest(EVE)
    shop.join(EVE, CIRCLE, "ban" if how == "ban" else "leave")
    for declared in shop.documents.communities:
        for each in declared.every_room():
            shop.join(EVE, room_id(declared.key, each.key), "leave")
    assert shop.states() == []
    shop.pass_days()
    assert shop.shown() == []


def test_who_is_gone_without_our_hearing_of_it_is_not_passed_on(shop: Grove) -> None:
    shop.suggest(EVE)
    for declared in shop.documents.communities:
        for each in declared.every_room():
            shop.run(mirror.forget_member, room_id(declared.key, each.key), EVE)
    shop.pass_days()
    assert (shop.states(), shop.shown()) == ([], [])


def test_who_leaves_afterwards_is_linked_to_nothing_and_it_can_still_be_taken_in(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.join(EVE, direct(EVE), "leave")
    assert shop.rows('select "user", room, event, says from suggestion') == [("", "", "", "")]
    before = shop.told(EVE)
    shop.tap(ANA, "1")
    assert shop.taken() == [(QUESTION, 1)]
    shop.pass_days()
    assert shop.told(EVE) == before


@pytest.mark.parametrize("private", [True, False])
def test_who_leaves_before_they_are_told_is_not_written_to_and_nothing_more_is_kept(
    shop: Grove, *, private: bool
) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(ANA, "decline")
    before = shop.in_room(direct(EVE))
    left = [direct(EVE)] if private else [room_id(CommunityKey("grove"), one.key) for one in everywhere(shop)]
    for where in left:
        shop.join(EVE, where, "leave")
    assert [timer for timer in shop.timers("prompts") if "user" in timer.payload] == []
    shop.pass_days()
    assert shop.in_room(direct(EVE)) == before


def everywhere(shop: Grove) -> tuple[Room, ...]:
    return shop.documents.communities[0].every_room()


def test_a_room_that_has_other_keys_keeps_what_was_suggested_and_taken_in(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.suggest(CY, "Which song do you hum?")
    shop.pass_days()
    shop.tap(ANA, "1")
    renamed = circle("wednesday")
    shop.use(grove(type(renamed)(**{f: getattr(renamed, f) for f in renamed.__slots__} | {"previously": ("tuesday",)})))
    shop.settle()
    assert shop.rows("select key from member_prompt") == [("wednesday",)]
    assert shop.rows("select key from suggestion") == [("wednesday",)]


def test_a_community_that_has_another_key_keeps_its_suggestions_and_they_can_be_decided(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.suggest(CY, "Which song do you hum?")
    shop.pass_days()
    keys = [one.key for one in shop.documents.communities[0].every_room()]
    for key in keys:
        shop.run(bindings.rename, ("grove", key), ("orchard", key))
    shop.use(documents(community(circle(), key="orchard", previously=["grove"], leads=[ANA, BO])))
    shop.settle()
    shop.tap(ANA, "1")
    shop.tap(BO, "decline")
    assert len(shop.taken()) == 1
    assert shop.rows("select community from member_prompt") == [("orchard",)]
    shop.pass_days()
    assert shop.states() == []


def test_where_the_control_room_is_another_one_now_it_is_shown_there(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    moved = RoomId("!control-anew")
    shop.run(bindings.bind, CommunityKey("grove"), CONTROL_KEY, moved, "made")
    shop.settle()
    assert shop.states() == ["waiting"]
    shop.pass_days(1)
    assert any(QUESTION in one for one in shop.in_room(moved))
    with pytest.raises(AssertionError):
        shop.tap(ANA, "1")
    shop.tap(ANA, "1", moved)
    assert shop.taken() == [(QUESTION, 1)]


def test_without_a_control_room_nothing_can_be_suggested_and_what_waits_goes_on_waiting(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.run(bindings.unbind, CommunityKey("grove"), CONTROL_KEY)
    shop.pass_days(5)
    assert shop.states() == ["waiting"]
    shop.write(EVE, "!suggest Which song do you hum?")
    assert "there is none to suggest one for" in shop.told(EVE)
    shop.run(bindings.bind, CommunityKey("grove"), CONTROL_KEY, CONTROL, "made")
    shop.pass_days(1)
    assert shop.shown() == [QUESTION]


def test_a_room_that_is_not_declared_any_more_lets_go_of_what_waits_for_it(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.use(grove(circle("friday")))
    shop.settle()
    shop.pass_days()
    assert (shop.states(), shop.shown()) == ([], [])
    shop.pass_days()
    assert "got round" in shop.told(EVE)


def test_all_that_is_said_goes_through_gettext(shop: Grove, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    shop.suggest(EVE)
    shop.write(EVE, "!suggest")
    shop.write(EVE, "!suggest https://far.example?")
    shop.pass_days()
    shop.tap(ANA, "3")
    shop.tap(ANA, "yes")
    shop.tap(BO, "yes")
    shop.write(BO, "!suggestions", CONTROL)
    shop.pass_days()
    said = shop.in_room(direct(EVE)) + shop.in_room()
    assert len(said) > 8
    for one in said:
        if one.startswith(("!", "- ")) or "I will ask this" in one:  # what comes next is shown there, too
            continue
        plain = re.sub(rf"{LOUD}[^{LOUD}]*{LOUD}", "", one.replace(QUESTION, "").replace("Tuesday circle", ""))
        assert not re.search("[a-z]{3}", re.sub(r"https://\S+|@\S+", "", plain)), one


# -- what was taken in -------------------------------------------------------------------------------------------------


def test_it_comes_to_be_asked_once_a_round_among_the_others_and_heavy_ones_only_while_somebody_is_there() -> None:
    shop = Grove(grove(room("tuesday", prompts=[schedule(asked=deck(size=2))], facilitators=[ANA])))
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(ANA, "2")
    shop.pass_days(7 * 6)
    asked = [one.split("\n\n")[0] for one in shop.in_room(CIRCLE)]
    assert asked.count(QUESTION) == 2
    assert len(asked) == 6
    shop.close()


def test_keepers_see_it_among_the_coming_questions(shop: Grove) -> None:
    shop.suggest(EVE)
    shop.pass_days()
    shop.tap(ANA, "1")
    for _ in range(7):  # six of the deck, and this one
        shop.write(ANA, "!prompt list tuesday", CONTROL)
        if QUESTION in shop.in_room()[-1]:
            return
        shop.pass_days(7)
    raise AssertionError("it never comes")


def test_by_one_schedule_of_a_room_alone_and_never_above_its_tier() -> None:
    tea, calm = schedule(asked=deck(name="tea")), replace(schedule(asked=deck(name="calm")), bag="calm.slow")
    light = replace(schedule(asked=deck(name="light")), tier_most=1)
    declared = room("tuesday", prompts=[calm, tea, light])
    shop = Grove(grove(declared))
    shop.run(take_in, declared, QUESTION, 2)

    def has(asked: PromptSchedule, where: Room = declared) -> bool:
        return any(one.text == QUESTION for one in shop.run(deck_for, where, asked).prompts)

    assert [has(calm), has(tea), has(light)] == [False, True, False]
    assert not has(light, room("tuesday", prompts=[light]))
    shop.close()


def test_those_who_decide_see_what_was_taken_in_and_can_throw_it_out(shop: Grove) -> None:
    shop.suggest(EVE, "What do you *hear* at night?")
    shop.suggest(CY, "Which song do you hum?")
    shop.pass_days()
    shop.tap(ANA, "1")
    shop.write(BO, "!suggestions", CONTROL)
    said = shop.in_room()[-1]
    assert "1 suggestion waits for you:\n- https://matrix.to/#/!control/$sent" in said.replace("\n\n", "\n")
    assert f"1. Tuesday circle, tier 1: {shop.taken()[0][0]}" in said
    shop.write(BO, "!suggestions remove 2", CONTROL)
    assert "Which one?" in shop.in_room()[-1]
    shop.write(BO, "!suggestions remove 1", CONTROL)
    assert shop.taken() == []


@pytest.mark.parametrize(("who", "where"), [(EVE, CONTROL), (ANA, CIRCLE), (ANA, None)])
def test_nobody_else_and_nowhere_else_are_they_listed(shop: Grove, who: str, where: RoomId | None) -> None:
    shop.write(type(ANA)(who), "!suggestions", where)
    assert "for the control room" in shop.in_room(where or direct(type(ANA)(who)))[-1]
