"""Rotas as they are written: what they come to, and every mistake at its place with what to write instead."""

from __future__ import annotations

from datetime import datetime

import pytest

from orchestrator.documents.declared import FixedTurn, Room, Rota, RotaLayer, Serving, Temporary
from orchestrator.model.cadence import Cadence, Every, Unit, Weekday
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.ids import CommunityKey, RoomKey, UserId

from .authors import Author

CONFIG, CIRCLE = "config.yaml", "room_templates/circle.yaml"
ANA, BO, CY, DEE, EVE = (UserId(f"@{name}:grove.example") for name in ("ana", "bo", "cy", "dee", "eve"))
PEOPLE = 'facilitators: ["@ana:grove.example", "@cy:grove.example", "@dee:grove.example"]'

at = datetime.fromisoformat


def tuesday(author: Author) -> Room:
    room = author.load().documents.room(CommunityKey("grove"), RoomKey("tuesday"))
    assert room is not None
    return room


def rota_of(author: Author) -> Rota:
    rota = tuesday(author).rota
    assert rota is not None
    return rota


def say(author: Author, *lines: str) -> None:
    """Let the circle say more, below its facilitators (line 28)."""
    author.edit(CONFIG, PEOPLE, "\n        ".join([PEOPLE, *lines]))


def test_a_rota_says_all_there_is(author: Author) -> None:
    say(
        author,
        "rota:",
        "  every: 2 weeks",
        "  on: [fri, tuesday]",
        "  lasts: 2 hours",
        "  publish: 6 weeks",
        "  offer: 10d",
        "  back_to_back: allow",
        "  co_facilitator: true",
        "  weights: {fri: 2}",
        "  show: topic",
        "  fallback: leads",
        "  layers:",
        '    - {name: nights, anchor: "2026-01-05 22:00", every: 1 day, lasts: 8h, people: ["@cy:grove.example"]}',
        "  temporary:",
        '    - {from: 2026-12-24, until: 2026-12-26, who: "@ana:grove.example"}',
        "    - from: 2026-12-20 18:00",
        "      until: 2026-12-21",
        "      turns:",
        '        - {who: "@dee:grove.example", from: 2026-12-20 20:00, until: 2026-12-21}',
        '        - {who: "@bo:grove.example", from: 2026-12-20 18:00, until: 2026-12-20 20:00}',
    )
    week = Cadence(at("2026-01-06 19:00"), Every(2, Unit.WEEK), (Weekday.TUE, Weekday.FRI))
    assert rota_of(author) == Rota(
        layers=(
            RotaLayer(
                name="nights",
                cadence=Cadence(at("2026-01-05 22:00"), Every(1, Unit.DAY)),
                lasts=Every(8, Unit.HOUR),
                people=(CY,),
            ),
            RotaLayer(name="", cadence=week, lasts=Every(2, Unit.HOUR), weights={Weekday.FRI: 2}),
        ),
        mode="fair",  # what the room does not say, its template says
        publish_ms=42 * DAY_MS,
        offer_ms=10 * DAY_MS,
        accept_within_ms=24 * HOUR_MS,
        rest_ms=7 * DAY_MS,
        back_to_back=True,
        max_terms=6,
        co_facilitator=True,
        reminders_ms=(7 * DAY_MS, DAY_MS),
        quiet=tuesday(author).quiet,
        temporary=(
            Temporary(
                start=at("2026-12-20 18:00"),
                end=at("2026-12-22 00:00"),
                turns=(
                    FixedTurn(who=BO, start=at("2026-12-20 18:00"), end=at("2026-12-20 20:00")),
                    FixedTurn(who=DEE, start=at("2026-12-20 20:00"), end=at("2026-12-22 00:00")),
                ),
            ),
            Temporary(
                start=at("2026-12-24 00:00"),
                end=at("2026-12-27 00:00"),
                turns=(FixedTurn(who=ANA, start=at("2026-12-24 00:00"), end=at("2026-12-27 00:00")),),
            ),
        ),
        fallback=(ANA, BO),
        show="topic",
    )


@pytest.mark.parametrize(("mode", "avoided"), [("fair", True), ("order", False)])
def test_nobody_has_two_turns_in_a_row_where_turns_are_fair(author: Author, mode: str, avoided: bool) -> None:
    author.edit(CIRCLE, "mode: fair", f"mode: {mode}")
    assert rota_of(author).back_to_back is not avoided


def test_what_is_left_out_is_reasonable(author: Author) -> None:
    author.edit(CIRCLE, "  publish: 4 weeks\n", "")
    assert (rota_of(author).publish_ms, rota_of(author).offer_ms) == (28 * DAY_MS, 14 * DAY_MS)
    author.edit(CIRCLE, "every: 1 week", "every: 2 months")
    assert rota_of(author).publish_ms == 62 * DAY_MS
    author.edit(CIRCLE, "every: 2 months", "every: 1 week\n  publish: 8d")
    assert rota_of(author).offer_ms == 8 * DAY_MS


def test_a_template_takes_over_key_by_key_what_it_does_not_say(author: Author) -> None:
    author.write(
        "room_templates/evening.yaml", "version: 1\nkind: room\nextends: circle\nrota: {every: 3 weeks, max_terms: 2}\n"
    )
    author.edit(CONFIG, "template: circle", "template: evening")
    rota = rota_of(author)
    assert (rota.cadence.every, rota.max_terms, rota.rest_ms) == (Every(3, Unit.WEEK), 2, 7 * DAY_MS)


def test_people_come_and_leave_on_days_that_are_known_and_the_last_day_counts(author: Author) -> None:
    author.edit(
        CONFIG,
        PEOPLE,
        'facilitators: ["@ana:grove.example", {who: "@cy:grove.example", from: 2026-12-01, until: 2027-02-28},'
        ' {who: "@dee:grove.example", until: 2026-12-31 19:00}]',
    )
    room = tuesday(author)
    assert room.facilitators == (ANA, CY, DEE)
    assert room.serving == {
        CY: Serving(at("2026-12-01 00:00"), at("2027-03-01 00:00")),
        DEE: Serving(None, at("2026-12-31 19:00")),
    }


def test_whoever_shadows_belongs_to_the_staff_and_facilitates_nothing(author: Author) -> None:
    say(author, 'shadows: ["@eve:grove.example"]')
    (grove,) = author.load().documents.communities
    assert tuesday(author).shadows == (EVE,)
    assert EVE in grove.staff()
    assert EVE not in tuesday(author).facilitators
    assert author.advice() == []


def test_nobody_serves_or_shadows_in_a_room_that_is_closed(author: Author) -> None:
    say(author, 'shadows: ["@eve:grove.example"]', "archive: true")
    author.edit(CONFIG, '"@cy:grove.example"', '{who: "@cy:grove.example", from: 2026-12-01}')
    room = tuesday(author)
    assert (room.facilitators, room.serving, room.shadows, room.rota) == ((), {}, (), None)


LAYER = '{name: nights, anchor: "2026-01-05 22:00", every: 1 day, %s}'
WRONG = [
    (["rota: {every: 3 days, on: [tue]}"], "29:35: Days of the week go with every in weeks."),
    (["rota: {on: [tue, tue]}"], "29:20: A day stands here twice."),
    (["rota: {on: [someday]}"], "29:21: Write a day of the week"),
    (["rota: {on: []}"], "29:20: This must not be empty."),
    (["rota: {lasts: 90m}"], "29:23: Write how long, in whole hours, days, weeks or months, like 2 hours"),
    (["rota: {lasts: 8 days}"], "29:23: This turn would go on while the next one has begun."),
    (["rota: {on: [tue, wed], lasts: 2 days}"], "29:39: This turn would go on while the next one has begun."),
    (["rota: {max_terms: 0}"], "29:27: Write a whole number from 1 to 1000, without quotes."),
    (["rota: {publish: 6d}"], "29:25: This is shorter than one turn"),
    (["rota: {publish: 2 weeks, offer: 15d}"], "29:41: Nobody can be asked before their turn is published."),
    (["rota: {weights: {tue: 0}}"], "29:31: Write a whole number from 1 to 10"),
    (["rota: {weights: {x: 2}}"], "29:26: Write a day of the week"),
    (["rota: {back_to_back: never}"], "29:30: Write one of: avoid, allow."),
    (["rota: {show: everywhere}"], "29:22: Write one of: topic, nowhere."),
    (["rota: {fallback: nobody}"], '29:26: Write leads, or a list of people like ["@ana:grove.example"].'),
    (
        ['rota: {fallback: ["@eve:grove.example"]}'],
        "29:27: This person is neither a facilitator of this room nor a lead",
    ),
    (["rota: {anchor: 2026-03-29 02:30}"], "29:24: The clocks go forward that day, and this time does not exist."),
    (["rota: {anchor: 2026-02-30 02:30}"], "29:24: There is no such day or time."),
    (
        ["rota:", "  layers:", "    - " + LAYER % 'people: ["@eve:grove.example"]'],
        "is not among this room's facilitators",
    ),
    (
        ["rota:", "  layers:", "    - " + LAYER % 'people: ["@cy:grove.example", "@cy:grove.example"]'],
        "This person is already on this list.",
    ),
    (["rota:", "  layers:", "    - " + LAYER % "people: []"], "This must not be empty."),
    (["rota:", "  layers:", *["    - " + LAYER % "lasts: 1h"] * 2], "32:22: Another layer has this name."),
    (["rota:", "  layers:", "    - {name: x, every: 1 day}"], "31:15: “anchor” is missing here."),
    (["rota:", "  layers:", "    - " + LAYER % "on: [tue]"], "Days of the week go with every in weeks."),
    (
        ['rota: {temporary: [{from: 2026-12-26, until: 2026-12-24, who: "@cy:grove.example"}]}'],
        "29:54: This ends before it begins",
    ),
    (
        [
            "rota:",
            "  temporary:",
            '    - {from: 2026-12-24, until: 2026-12-26, who: "@cy:grove.example"}',
            '    - {from: 2026-12-26, until: 2026-12-27, who: "@cy:grove.example"}',
        ],
        "32:22: Another temporary schedule holds then already.",
    ),
    (["rota: {temporary: [{from: 2026-12-24, until: 2026-12-26}]}"], "29:28: Say who is on all the time (who), or"),
    (
        ['rota: {temporary: [{from: 2026-12-24, until: 2026-12-26, who: "@eve:grove.example"}]}'],
        "This person is neither a facilitator of this room nor a lead.",
    ),
    (["rota: {temporary: [{from: 2026-02-31, until: 2026-12-26}]}"], "29:35: There is no such day or time."),
    (
        ['rota: {temporary: [{from: 2027-03-28 02:30, until: 2027-03-29, who: "@cy:grove.example"}]}'],
        "29:35: The clocks go forward that day, and this time does not exist.",
    ),
    (
        [
            "rota:",
            "  temporary:",
            "    - from: 2026-12-24",
            "      until: 2026-12-24",
            "      turns:",
            '        - {who: "@cy:grove.example", from: 2026-12-24, until: 2026-12-25}',
        ],
        "34:19: This turn is not all within the time that this is about.",
    ),
    (
        [
            "rota:",
            "  temporary:",
            "    - from: 2026-12-24",
            "      until: 2026-12-26",
            "      turns:",
            '        - {who: "@cy:grove.example", from: 2026-12-24, until: 2026-12-25}',
            '        - {who: "@ana:grove.example", from: 2026-12-25, until: 2026-12-26}',
        ],
        "This begins while another turn here goes on.",
    ),
    (['shadows: ["@cy:grove.example"]'], "29:19: This person is a facilitator of this room already."),
    (['shadows: ["@eve:grove.example", "@eve:grove.example"]'], "This person is already on this list."),
    (['shadows: ["@keeper:grove.example"]'], "This is the bot itself."),
    (["rota: {shifts: 3}"], "There is no “shifts” here."),
]


@pytest.mark.parametrize(("lines", "says"), WRONG)
def test_a_mistake_is_said_once_at_its_place_with_what_to_write_instead(
    author: Author, lines: list[str], says: str
) -> None:
    say(author, *lines)
    (error,) = author.errors()
    assert error.startswith(f"{CONFIG}:")
    assert says in error


@pytest.mark.parametrize(
    ("one", "says"),
    [
        ('{who: "@cy:grove.example", from: 2026-12-01, until: 2026-11-01}', "This ends before it begins"),
        ('{who: "@cy:grove.example"}', "Write an id, or from when and until when somebody is on"),
        ('{who: "@cy:grove.example", since: 2026-12-01}', "Write an id, or from when and until when somebody is on"),
        ('{who: "@cy:grove.example", from: 2026-02-30}', "There is no such day or time."),
        ('{who: "@cy:grove.example", from: 2027-03-28 02:30}', "The clocks go forward that day"),
        ('{who: "@ana:grove.example", from: 2026-12-01}', "This person is already on this list."),
        ('{who: "@keeper:grove.example", from: 2026-12-01}', "This is the bot itself."),
    ],
)
def test_from_when_somebody_is_on_is_checked_too(author: Author, one: str, says: str) -> None:
    author.edit(CONFIG, '"@cy:grove.example"', one)
    (error,) = author.errors()
    assert error.startswith(f"{CONFIG}:28:46: ")
    assert says in error


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("publish: 4 weeks", "publish: 6d", "22:12: This is shorter than one turn"),
        ('  anchor: "2026-01-06 19:00" # a Tues', "  # a Tues", "20:3: “anchor” is missing here. Write, for example"),
        ('"2026-01-06 19:00"', '"2026-03-29 02:30"', "The clocks go forward that day"),
        ("max_terms: 6", "max_terms: 0", "24:14: Write a whole number from 1 to 1000"),
    ],
)
def test_a_mistake_in_a_template_is_said_there(author: Author, old: str, new: str, says: str) -> None:
    author.edit(CIRCLE, old, new)
    (error,) = author.errors()
    assert error.startswith(f"{CIRCLE}:")
    assert says in error


def test_a_room_that_is_the_first_to_have_a_rota_says_when_it_begins(author: Author) -> None:
    author.edit(CONFIG, "name: Lounge", "name: Lounge\n        rota: {max_terms: 3}")
    assert sorted(error.partition(" “")[2].partition("”")[0] for error in author.errors()) == ["anchor", "every"]
