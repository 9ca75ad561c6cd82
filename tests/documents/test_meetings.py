"""Meetings as they are written: what they come to, and every mistake with what to write instead."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from orchestrator.documents.declared import CALL, Meeting
from orchestrator.model.cadence import Rule, Weekday, Weekly
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.following import slots
from orchestrator.model.ids import CommunityKey, RoomKey

from .authors import Author

CONFIG, CIRCLE, LOUNGE = "config.yaml", "room_templates/circle.yaml", "room_templates/lounge.yaml"


def meetings(author: Author, key: str = "lounge") -> tuple[Meeting, ...]:
    room = author.load().documents.room(CommunityKey("grove"), RoomKey(key))
    assert room is not None
    return room.meetings


def meet(author: Author, *lines: str) -> None:
    """Let the lounge meet: the lines of one item of a list, from line 32 on; each starts in column 13."""
    first, *others = lines
    item = "\n".join(["        meetings:", f"          - {first}", *(f"            {one}" for one in others)])
    author.edit(CONFIG, "name: Lounge", f"name: Lounge\n{item}")


# -- what they come to -------------------------------------------------------------------------------------------------


def test_a_meeting_says_all_there_is(author: Author) -> None:
    meet(
        author,
        "title: Evening of the {name}",
        "on: [tue, mon]",
        'at: "19:00"',
        "lasts: 90m",
        'where: "https://call.grove.example/{key}"',
        "announce: 3d",
        "remind: 2h",
        "opening: gentle-checkin",
        "closing:",
        "  title: At the end",
        '  prompts: [{text: {en: "What stays?", de: "Was bleibt?"}}]',
    )
    author.edit(CONFIG, "locale: en", "locale: de")
    (one,) = meetings(author)
    assert one.opening is not None
    assert one.closing is not None
    assert (one.id, one.title) == ("evening-of-the-lounge", "Evening of the Lounge")
    assert one.when == Weekly(time(19), (Weekday.MON, Weekday.TUE))
    assert (one.lasts_ms, one.announce_ms, one.remind_ms) == (90 * MINUTE_MS, 3 * DAY_MS, 2 * HOUR_MS)
    assert one.where == "https://call.grove.example/lounge"
    assert (one.opening.name, one.closing.name) == ("gentle-checkin", "at-the-end")
    assert [prompt.text for prompt in one.closing.prompts] == ["Was bleibt?"]


def test_a_time_is_all_that_a_meeting_needs(author: Author) -> None:
    meet(author, 'at: "19:00"')
    (one,) = meetings(author)
    expected = Meeting(
        id="meeting", title="", when=Weekly(time(19)), lasts_ms=HOUR_MS, announce_ms=2 * DAY_MS, remind_ms=HOUR_MS
    )
    assert one == expected


def test_a_meeting_can_be_on_one_day_only(author: Author) -> None:
    meet(author, "day: 2026-12-31", 'at: "20:15"', "where: call")
    (one,) = meetings(author)
    assert isinstance(one.when, Rule)
    assert list(slots(one.when, date(2024, 1, 1))) == [datetime(2026, 12, 31, 20, 15)]  # noqa: DTZ001 - the wall
    assert one.where == CALL
    assert any(":33:18: The last one was on 2026-12-31" in line for line in author.advice(today=date(2027, 2, 1)))


def test_a_meeting_can_follow_a_rule(author: Author) -> None:
    meet(author, 'rrule: "FREQ=MONTHLY;BYDAY=1TU"', 'at: "19:00"')
    (one,) = meetings(author)
    assert isinstance(one.when, Rule)
    assert one.when.times == (time(19),)


def test_what_is_announced_shortly_before_is_not_told_again(author: Author) -> None:
    meet(author, 'at: "19:00"', "announce: 1h")
    (one,) = meetings(author)
    assert (one.announce_ms, one.remind_ms) == (HOUR_MS, None)


def test_nobody_needs_to_be_told(author: Author) -> None:
    meet(author, 'at: "19:00"', "announce: never", "remind: never")
    (one,) = meetings(author)
    assert (one.announce_ms, one.remind_ms) == (None, None)


def test_a_room_has_the_meetings_of_its_template_or_its_own(author: Author) -> None:
    author.edit(LOUNGE, "kind: room\n", 'kind: room\nmeetings: [{at: "10:00", title: "{name}"}]\n')
    assert [one.id for one in meetings(author)] == ["lounge"]
    meet(author, 'at: "19:00"', "title: Ours")
    assert [one.id for one in meetings(author)] == ["ours"]


def test_nobody_meets_in_a_room_that_is_closed(author: Author) -> None:
    meet(author, 'at: "19:00"')
    author.edit(CONFIG, "name: Lounge", "name: Lounge\n        archive: true")
    assert meetings(author) == ()


def test_a_place_can_be_what_the_room_says(author: Author) -> None:
    author.edit(
        LOUNGE,
        "kind: room\n",
        'kind: room\nvariables: {place: here}\nmeetings: [{at: "10:00", where: "{place}"}]\n',
    )
    author.edit(CONFIG, "name: Lounge", 'name: Lounge\n        variables: {place: "by the pond"}')
    assert [one.where for one in meetings(author)] == ["by the pond"]


# -- what is wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["on: [tue]"], "33:13: “at” is missing here. Write, for example: at"),
        (["at: 7pm"], "33:17: Write a time of day from 00:00 to 23:59"),
        (['at: ["19:00", "20:00"]'], "33:17: Write a time of day from 00:00 to 23:59"),
        (['at: "19:00"', "place: here"], "34:13: There is no “place” here."),
        (['at: "19:00"', "lasts: 2m"], "34:20: A meeting lasts from 5m to 24h."),
        (['at: "19:00"', "lasts: 2d"], "34:20: A meeting lasts from 5m to 24h."),
        (['at: "19:00"', "announce: soon"], "34:23: Write how long before it begins, like 2d or 1h, or never."),
        (['at: "19:00"', "announce: 60d"], "34:23: Write a time from 1m to 4 weeks before it begins, or never."),
        (['at: "19:00"', "remind: 3d"], "34:21: A reminder comes after the announcement"),
        (['at: "19:00"', "announce: 50m", "remind: 50m"], "35:21: A reminder comes after the announcement"),
        (['at: "19:00"', 'where: "http://call.grove.example/a"'], "34:20: Over http everybody on the way can listen"),
        (['at: "19:00"', "where: meet.grove.example/a"], "34:20: If this is a link, write all of it, with https://"),
        (['at: "19:00"', 'where: "{place}"'], "34:20: {place} stands for nothing here. You can use {name}"),
        (['at: "19:00"', 'title: "{day}"'], "34:20: {day} stands for nothing here."),
        (
            ['at: "19:00"', "opening: gentle-chekin"],
            "34:22: There is no deck of this name. Did you mean “gentle-checkin”?",
        ),
        (
            ['at: "19:00"', "closing: {title: Gentle checkin, prompts: []}"],
            "34:55: This must not be empty. Write, for example: prompts",
        ),
        (
            ['at: "19:00"', 'closing: {title: Gentle checkin, prompts: [{text: "What?"}]}'],
            "34:30: A file has this name already (gentle-checkin.yaml)",
        ),
        (
            ['at: "19:00"', 'opening: {title: Own, prompts: [{text: "What?"}, {text: "What?"}]}'],
            "34:69: This question already stands on line 34",
        ),
        (["day: 2026-12-31", 'at: "19:00"', "on: [tue]"], "33:18: This is for a meeting on one day only."),
        (["day: tomorrow", 'at: "19:00"'], "33:18: Write a date as year, month and day"),
        (['at: "19:00"', "from: 2026-12-31"], "34:19: This goes with a rule"),
        (['at: "19:00"', 'rrule: "FREQ=HOURLY"'], "34:20: A meeting is on some days, at one time of the day."),
        (['at: "19:00"', 'rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"'], "34:20: This would never fall due"),
        (['at: "19:00"', "on: [someday]"], "34:18: Write a day of the week"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_write_instead(
    author: Author, lines: list[str], says: str
) -> None:
    meet(author, *lines)
    (error,) = author.errors()
    assert error.startswith(f"{CONFIG}:{says}")


def test_meetings_of_a_room_have_titles_of_their_own(author: Author) -> None:
    meet(author, 'at: "19:00"')
    author.edit(CONFIG, '          - at: "19:00"\n', '          - at: "19:00"\n          - at: "20:00"\n')
    assert [line.partition(": ")[::2] for line in author.errors()] == [
        (f"{CONFIG}:34:13", "Another meeting here has no title. Give each its own, for example: title: Second evening")
    ]


def test_a_template_is_looked_at_where_it_stands(author: Author) -> None:
    author.edit(LOUNGE, "kind: room\n", 'kind: room\nmeetings: [{at: "10:00", remind: 9d, opening: nothing}]\n')
    errors = author.errors()
    assert [line.startswith(f"{LOUNGE}:") for line in errors] == [True, True]
    assert any("A reminder comes after the announcement" in line for line in errors)
    assert any("There is no deck of this name." in line for line in errors)


def test_nobody_meets_in_a_space(author: Author) -> None:
    author.edit("room_templates/community.yaml", "kind: space\n", 'kind: space\nmeetings: [{at: "10:00"}]\n')
    assert any(
        "Nobody talks in a space: “meetings” belongs in the template of a room." in line for line in author.errors()
    )


def test_a_meeting_in_quiet_hours_is_worth_a_thought(author: Author) -> None:
    before = author.advice()
    author.edit(CIRCLE, "kind: room\n", 'kind: room\nmeetings: [{at: "06:00"}]\n')
    (new,) = set(author.advice()) - set(before)
    assert new.startswith(f"{CIRCLE}:")
    assert new.endswith("This is in the quiet hours, in which nobody wants to be disturbed.")


def test_a_deck_written_at_a_meeting_is_thought_about(author: Author) -> None:
    meet(author, 'at: "19:00"', 'opening: {title: Own, prompts: [{text: "What should we eat?"}]}')
    assert any(f"{CONFIG}:34:" in line and "“eat”" in line for line in author.advice())
