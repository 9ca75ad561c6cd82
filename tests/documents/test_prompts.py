"""Decks and schedules of questions as they are written: what they come to, and every mistake with what to write instead."""

from __future__ import annotations

import time as clock
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.asking import think_about
from orchestrator.documents.declared import FixedDay, Poll, PromptSchedule
from orchestrator.model.cadence import Rule, Weekday, Weekly
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.ids import CommunityKey, RoomKey
from tests.declared import deck, question

from .authors import Author

CONFIG, CIRCLE, DECK = "config.yaml", "room_templates/circle.yaml", "room_templates/decks/own.yaml"
TOP = "version: 1\ntitle: Our own\n"


def schedules(author: Author, key: str = "tuesday") -> tuple[PromptSchedule, ...]:
    room = author.load().documents.room(CommunityKey("grove"), RoomKey(key))
    assert room is not None
    return room.prompts


def ask(author: Author, *lines: str, room: str = "lounge") -> None:
    """Let a room have questions of its own: the lines of one item of a list, from line 32 on."""
    name = "name: Lounge" if room == "lounge" else "name: Tuesday circle"
    first, *others = lines
    author.edit(
        CONFIG, name, "\n          ".join([f"{name}\n        prompts:", f"- {first}", *(f"  {one}" for one in others)])
    )


def own(author: Author, *questions: str, more: str = "") -> None:
    author.write(DECK, TOP + more + "prompts:\n" + "".join(f"  - {one}\n" for one in questions))


# -- what they come to -------------------------------------------------------------------------------------------------


def test_a_deck_says_all_there_is(author: Author) -> None:
    own(
        author,
        '{text: {en: "What was good?", de: "Was war gut?"}, tags: [light, small], weight: 2}',
        '{text: "What may end with the year?", tier: 2, note: {en: mentions endings, de: erwähnt Abschiede}, on: 12-31}',
        '{text: "What did this day bring?", on: 2026-11-30}',
        '{text: "What did you hear outside?", season: spring}',
        '{text: "How long is your evening?", poll: {answers: [{en: short, de: kurz}, "2"], open: false}}',
        more="locale: en\nhemisphere: south\n",
    )
    ask(author, "deck: own", 'at: "10:00"')
    author.edit(CONFIG, "locale: en", "locale: de-AT")
    (one,) = schedules(author, "lounge")
    good, ends, brought, heard, long = one.deck.prompts
    assert (good.text, good.tags, good.weight) == ("Was war gut?", ("light", "small"), 2)
    assert (ends.text, ends.note, ends.on) == ("What may end with the year?", "erwähnt Abschiede", FixedDay(12, 31))
    assert brought.on == FixedDay(11, 30, 2026)
    assert heard.months == (9, 10, 11)
    assert long.poll == Poll(
        answers=("kurz", "2"), by_language=({"en": "short", "de": "kurz"}, {"en": "2"}), open=False
    )
    assert [day for day in (date(2026, 12, 31), date(2027, 12, 31)) if ends.is_for(day)] != []
    assert not brought.is_for(date(2027, 11, 30))


def test_a_translation_makes_no_other_question_of_it(author: Author) -> None:
    own(author, '"text": "What was good?"')
    before = author.load().decks["own"].prompts[0].id
    own(author, 'text: {en: "What was good?", de: "Was war gut?"}')
    assert author.load().decks["own"].prompts[0].id == before


@pytest.mark.parametrize(
    ("season", "hemisphere", "months"),
    [
        ("winter", "", (1, 2, 12)),
        ("summer", "", (6, 7, 8)),
        ("summer", "hemisphere: south\n", (1, 2, 12)),
        ("autumn", "hemisphere: south\n", (3, 4, 5)),
        ("spring", "hemisphere: north\n", (3, 4, 5)),
    ],
)
def test_seasons_are_those_of_the_half_of_the_earth(
    author: Author, season: str, hemisphere: str, months: tuple[int, ...]
) -> None:
    own(author, f'{{text: "What is it like outside?", season: {season}}}', more=hemisphere)
    assert author.load().decks["own"].prompts[0].months == months


def test_a_schedule_says_all_there_is(author: Author) -> None:
    own(
        author,
        '{text: "Light?", tags: [light]}',
        '{text: "Deep?", tier: 2, note: is deep, tags: [light]}',
        '{text: "Not?"}',
    )
    ask(
        author,
        "deck: own",
        "on: [sat, mon]",
        'at: ["19:05", "9:00"]',
        "tags: [light]",
        "tier_max: 1",
        "cool_off: 20h",
        "norms_line: true",
        "pass: true",
        "mention: opt_in",
    )
    (one,) = schedules(author, "lounge")
    assert one.when == Weekly(time(9), (Weekday.MON, Weekday.SAT), (time(19, 5),))
    assert one.id == "own.monsat.0900.1905"
    assert one.bag == "own.light"
    assert [prompt.text for prompt in one.deck.prompts] == ["Light?"]
    assert one.cool_off_ms == 20 * HOUR_MS
    assert (one.norms_line, one.pass_, one.mention) == (True, True, True)
    assert not [line for line in author.not_yet() if line.startswith(CONFIG)]


def test_what_is_not_said_is_not_there(author: Author) -> None:
    (one,) = schedules(author)
    assert (one.cool_off_ms, one.norms_line, one.pass_, one.mention) == (0, False, False, False)
    assert one.id == "gentle-checkin.tue.1905"
    assert one.bag == "gentle-checkin"


def test_a_rule_says_when(author: Author) -> None:
    ask(author, "deck: gentle-checkin", 'rrule: "FREQ=MONTHLY;BYDAY=1TU"', 'at: "19:05"')
    (one,) = schedules(author, "lounge")
    assert isinstance(one.when, Rule)
    assert one.when.times == (time(19, 5),)
    author.edit(CONFIG, "BYDAY=1TU", "BYDAY=2TU")
    assert schedules(author, "lounge")[0].id != one.id
    author.edit(CONFIG, "FREQ=MONTHLY;BYDAY=2TU", "FREQ=WEEKLY;INTERVAL=2;COUNT=3")
    author.edit(CONFIG, '          at: "19:05"', '          at: "19:05"\n            from: 2026-01-06')
    (one,) = schedules(author, "lounge")
    assert isinstance(one.when, Rule)
    assert one.when.until == datetime(2026, 2, 3, 19, 5)  # noqa: DTZ001 - the wall
    assert any(":34:20:" in line and "is over since 2026-02-03" in line for line in author.advice())


def test_a_deck_can_be_written_where_it_is_asked(author: Author) -> None:
    ask(
        author,
        "deck:",
        "  title: For the Lounge!",
        '  prompts: [{text: "Tea?"}, {text: "Or not?", tags: [b]}]',
        'at: "10:00"',
    )
    (one,) = schedules(author, "lounge")
    assert (one.deck.name, one.deck.title, one.id) == ("for-the-lounge", "For the Lounge!", "for-the-lounge.daily.1000")
    assert [prompt.text for prompt in one.deck.prompts] == ["Tea?", "Or not?"]


def test_a_template_can_hold_a_deck_of_its_own(author: Author) -> None:
    author.edit(CIRCLE, "- deck: gentle-checkin", '- deck: {title: Ours, prompts: [{text: "Should you eat?"}]}')
    assert [prompt.deck.name for prompt in schedules(author)] == ["ours"]
    said = [line for line in author.advice() if line.startswith(f"{CIRCLE}:30:")]
    assert [words for words in ("“Should”", "“eat”") if not any(words in line for line in said)] == []


# -- what is wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["deck: own", 'at: ["19:05", "19:30"]'], "34:17: Nobody is asked more than once an hour"),
        (["deck: own", 'at: ["23:30", "00:15"]'], "34:17: Nobody is asked more than once an hour"),
        (["deck: own", "at: []"], "34:17: Write a time of day"),
        (["deck: own", "at: 7pm"], "34:17: Write a time of day"),
        (["deck: own"], "33:13: “at” is missing here. Write, for example: at"),
        (["deck: own", 'rrule: "FREQ=DAILY"'], "34:20: At what time?"),
        (["deck: own", 'rrule: "FREQ=MINUTELY"', 'at: "10:00"'], "34:20: Nobody is asked more than once an hour"),
        (["deck: own", 'rrule: "FREQ=HOURLY;BYMINUTE=0,30"'], "34:20: Nobody is asked more than once an hour"),
        (
            ["deck: own", 'rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"', 'at: "10:00"'],
            "34:20: This would never fall due",
        ),
        (["deck: own", 'rrule: "FREQ=DAILY;BYSECOND=1"', 'at: "10:00"'], "34:20: Nothing here goes by seconds"),
        (["deck: own", 'rrule: "FREQ=DAILY"', 'at: "10:00"', "on: [tue]"], "36:17: A rule says its days itself"),
        (["deck: own", 'at: "10:00"', "from: 2026-01-06"], "35:19: This goes with a rule"),
        (
            ["deck: own", 'at: "10:00"', "tags: [light, lihgt]"],
            "35:27: No question of this deck has this tag. Did you mean “li",
        ),
        (
            ["deck: own", 'at: "10:00"', "tags: [heavy]", "tier_max: 1"],
            "35:19: No question with these tags has a tier up to 1",
        ),
        (["deck: own", 'at: "10:00"', "tags: []"], "35:19: This must not be empty. Write, for example: tags: [summer]"),
        (["deck: own", 'at: "10:00"', "cool_off: 20"], "35:23: Write a length of time"),
        (["deck: own", 'at: "10:00"', "mention: all"], "35:22: Write one of: opt_in"),
        (["deck: own", 'at: "10:00"', "meeting: {}"], "35:13: There is no “meeting” here."),
        (["deck: {title: Ours, prompts: []}", 'at: "10:00"'], "33:42: This must not be empty."),
        (["deck: {title: Ours}", 'at: "10:00"'], "33:19: “prompts” is missing here."),
        (
            ["deck: {title: Own, prompts: [{text: Who?}]}", 'at: "10:00"'],
            "33:27: A file has this name already (own.yaml)",
        ),
        (
            ["deck: {title: X, prompts: [{text: A?}, {text: A?}]}", 'at: "10:00"'],
            "33:59: This question already stands on line 33",
        ),
        (["deck: {title: X, prompts: [{txt: A?}]}", 'at: "10:00"'], "There is no “txt” here. Did you mean “text”?"),
        (["deck: {title: X, promts: []}", 'at: "10:00"'], "33:30: There is no “promts” here. Did you mean “prompts”?"),
        (
            ["deck: {title: H, prompts: [{text: A?, tier: 3, note: is heavy}]}", 'at: "10:00"'],
            "is heavy (tier 3), and this room",
        ),
    ],
)
def test_every_mistake_in_a_schedule_says_where_it_is_and_what_to_write(
    author: Author, lines: list[str], says: str
) -> None:
    own(author, '{text: "Light?", tags: [light]}', '{text: "Deep?", tier: 2, note: is deep, tags: [heavy]}')
    ask(author, *lines)
    errors = author.errors()
    (error,) = [one for one in errors if len(errors) == 1 or "is missing here" not in one]
    assert error.startswith(f"{CONFIG}:")
    assert says in error


@pytest.mark.parametrize(
    ("question_", "says"),
    [
        ("{text: " + "x" * 70_000 + "}", "4:12: This is too long: 70000 characters, at most 500."),
        ("{text: {}}", "4:12: Write the text, or the text in each language"),
        ("{text: {english: Who?}}", "4:12: Write a language tag"),
        ("{text: Who?, weight: 4}", "4:26: Write a whole number from 1 to 3"),
        ("{text: Who?, tier: 0}", "4:24: Write a whole number from 1 to 3"),
        ("{text: Who?, on: 31.12.}", "4:22: Write a month and a day, like 12-31"),
        ("{text: Who?, on: 02-30}", "4:22: There is no such day."),
        ("{text: Who?, on: 2026-02-29}", "4:22: There is no such day."),
        ("{text: Who?, season: fall}", "4:26: Write one of: spring, summer, autumn, winter"),
        ("{text: Who?, on: 12-31, season: winter}", "4:29: A question is for one day (on) or for a season, not both."),
        ("{text: Who?, tags: [Light]}", "4:25: A key is made of small letters"),
        ("{text: Who?, poll: {answers: [one]}}", "4:34: A poll has at least two answers. Write, for example"),
        ("{text: Who?, poll: {answers: [one, one]}}", "4:34: An answer stands here twice."),
        ("{text: Who?, poll: {answers: [1, 2]}}", "4:34: This must be a text"),
        ("{text: Who?, poll: {answers: [a, b, c, d, e, f, g, h, i, j, k]}}", "4:34: These are 11 answers."),
        ("{text: Who?, poll: {}}", "4:24: “answers” is missing here. Write, for example: answers: ["),
    ],
)
def test_every_mistake_in_a_deck_says_where_it_is_and_what_to_write(author: Author, question_: str, says: str) -> None:
    own(author, question_)
    (error,) = author.errors()
    assert error.startswith(f"{DECK}:{says}")


def test_a_deck_without_questions_is_a_mistake(author: Author) -> None:
    author.write(DECK, TOP + "prompts: []\n")
    assert [error.partition(" Write")[0] for error in author.errors()] == [f"{DECK}:3:10: This must not be empty."]


def test_only_heavy_questions_want_somebody_who_is_there(author: Author) -> None:
    own(author, "{text: Who?, tier: 3, note: is heavy}")
    ask(author, "deck: own", 'at: "19:05"')
    (error,) = author.errors()
    assert error.startswith(f"{CONFIG}:33:19: All that “own” asks is heavy (tier 3), and this room has no facilitators")
    author.edit(CONFIG, "name: Lounge", 'name: Lounge\n        facilitators: ["@cy:grove.example"]')
    assert author.errors() == []


def test_where_all_wait_for_somebody_on_duty_and_nobody_ever_is_that_is_said(author: Author) -> None:
    own(author, "{text: Who?, tier: 2, note: is deep}")
    ask(author, "deck: own", 'at: "19:05"')
    assert any("waits until somebody is on duty" in line for line in author.advice())
    author.edit(CONFIG, "name: Lounge", 'name: Lounge\n        facilitators: ["@cy:grove.example"]')
    assert not any("waits until somebody is on duty" in line for line in author.advice())


def test_a_rule_that_never_falls_due_holds_check_up_for_no_time(author: Author) -> None:
    ask(author, "deck: gentle-checkin", 'rrule: "FREQ=DAILY;INTERVAL=7;BYDAY=MO"', 'at: "19:05"', "from: 2026-01-06")
    author.examine()
    began_s = clock.thread_time()
    (error,) = author.examine().errors
    with_it_s = clock.thread_time() - began_s
    author.edit(CONFIG, "INTERVAL=7;BYDAY=MO", "INTERVAL=7")
    began_s = clock.thread_time()
    assert author.errors() == []
    assert "never fall due" in str(error)
    assert with_it_s - (clock.thread_time() - began_s) < 0.1


# -- what is worth a thought -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("What should somebody in my place do?", "“should” asks for advice"),
        ("What helps on a bad day?", "“What helps” asks for advice"),
        ("How do you fall asleep?", "“How do you” asks for advice"),
        ("Where do you live?", "“Where do you live” asks who or where somebody is"),
        ("What is your job like?", "“your job” asks who or where somebody is"),
        ("What did you eat today?", "“eat” touches bodies, food"),
        ("Which Pills are the worst?", "“Pills” touches bodies, food"),
    ],
)
def test_a_question_that_could_harm_is_worth_a_thought(author: Author, text: str, about: str) -> None:
    own(author, f'{{text: "{text}"}}')
    (line,) = author.advice()
    assert line.startswith(f"{DECK}:4:12: {about}")


@pytest.mark.parametrize(
    "text", ["What was loud this week?", "Who sat beside you, and was it good?", "Which tune stays?"]
)
def test_a_gentle_question_is_worth_none(text: str) -> None:
    assert list(think_about(deck(question(text)))) == []


def test_a_question_in_another_language_is_not_judged_by_english_words() -> None:
    assert list(think_about(deck(question("Was war gut?")))) == []
    assert list(think_about(deck(question("Die Wand, der Rat, die Art?")))) != []  # nobody said that it is German


def test_what_may_touch_something_says_what_it_is_about() -> None:
    assert [message for _, message in think_about(deck(question("Who?", tier=2)))] == [
        "This is of tier 2. Say what it touches, for example: note: mentions loss"
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What was one small good thing this week?", "Which small good thing was there this week?", True),
        ("What is easier to say in writing than aloud?", "What is easier to say aloud than in writing?", True),
        ("Café, or tea outside?", "Tea outside, or cafe?", True),
        ("What do you like to be asked?", "What do you not like to be asked?", False),
        ("Which chapter could have been longer?", "Which chapter could have been shorter?", False),
        ("Who?", "What?", False),
    ],
)
def test_two_questions_that_are_nearly_one_are_found(one: str, other: str, *, same: bool) -> None:
    found = list(think_about(deck(question(one), question("Something else altogether?"), question(other))))
    assert [path for path, _ in found] == ([("prompts", 2, "text")] if same else [])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_whatever_is_asked_can_be_thought_about(texts: list[str]) -> None:
    found = list(think_about(deck(*map(question, texts))))
    assert all(0 <= int(path[1]) < len(texts) for path, _ in found)
