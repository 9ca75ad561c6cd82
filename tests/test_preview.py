"""``preview``: the turns and questions to come, as they then really come."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from orchestrator.cli import app
from orchestrator.documents.declared import Documents
from orchestrator.documents.load import load
from orchestrator.errors import SetupError
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.cadence import QuietHours, Weekday
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Feature, Roster, Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.prompts import Prompts
from orchestrator.prompts.meetings.rows import CANCEL, claim
from orchestrator.store import Store, bindings, timers
from orchestrator.store.locks import lock
from orchestrator.verbs.coming import Asked, Outlook, look_ahead
from orchestrator.verbs.preview import preview
from tests.declared import ANA, CY, DEE, EVE, community, deck, documents, meeting, question, room, rota, schedule
from tests.documents.authors import Author, settle
from tests.house import CIRCLE, room_id
from tests.workshop import Workshop

NOW_MS = 1_795_400_000_000
"""2026-11-23 01:33 UTC."""

CALM_MS = 1_767_700_000_000
"""2026-01-06 11:46 UTC, a Tuesday; seven hours before the first turn."""

GROVE, TUESDAY = CommunityKey("grove"), RoomKey("tuesday")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return settle(tmp_path)


def run(*words: str | Path) -> int:
    code = app([*map(str, words)], result_action="return_value", exit_on_error=False)
    assert isinstance(code, int)
    return code


async def shown(
    author: Author,
    capsys: pytest.CaptureFixture[str],
    *,
    days: int = 30,
    first: str | None = None,
    rooms: Sequence[str] = (),
    now_ms: int = NOW_MS,
) -> dict[str, Any]:
    """Preview in JSON, at a time of the test's choice."""
    code = await preview(author.config, days=days, first=first, rooms=rooms, as_json=True, svg=None, now_ms=now_ms)
    assert code == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# -- from files alone --------------------------------------------------------------------------------------------------


async def test_turns_follow_one_another_on_the_communitys_clock(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await shown(author, capsys, days=45, first="2026-03-01", rooms=["tuesday"])
    starts = [datetime(2026, 2, 24, 19, tzinfo=BERLIN) + timedelta(weeks=n) for n in range(8)]
    people = ["@cy:grove.example", "@dee:grove.example", "@ana:grove.example"]
    expected = [
        {
            "room": "tuesday",
            "role": "facilitator",
            "start": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{(start + timedelta(weeks=1)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        for start in starts
    ]
    assert [{key: value for key, value in one.items() if key != "person"} for one in found["shifts"]] == expected
    # The clocks went forward on 29 March.
    assert expected[4]["start"] == "2026-03-24T18:00:00Z"
    assert expected[5]["start"] == "2026-03-31T17:00:00Z"
    order = [one["person"] for one in found["shifts"]]
    assert set(order) == set(people)
    assert all(order[n] == order[n + 3] for n in range(5))


async def test_questions_are_asked_at_their_times_and_none_comes_twice_in_a_round(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await shown(author, capsys, days=90, rooms=["tuesday"])
    prompts = found["prompts"]
    assert [set(one) for one in prompts] == [{"room", "at", "deck", "text"}] * len(prompts)
    assert {one["at"][11:] for one in prompts} == {"18:05:00Z"}
    assert len({one["text"] for one in prompts}) == len(prompts) == 13


@pytest.fixture
def readers(author: Author) -> Author:
    """A community with a book circle, which meets every other Thursday."""
    line = '      books: {template: book-circle, name: Books, facilitators: ["@ana:grove.example"]}'
    author.edit("config.yaml", "    rooms:\n", f"    rooms:\n{line}\n")
    return author


async def test_meetings_are_shown_with_their_questions(readers: Author, capsys: pytest.CaptureFixture[str]) -> None:
    found = await shown(readers, capsys, days=28, first="2026-03-20", rooms=["books"])
    assert found["meetings"] == [
        {"room": "books", "title": "Books", "start": start, "end": end, "where": ""}
        # The clocks go forward on 29 March.
        for start, end in [
            ("2026-04-02T17:00:00Z", "2026-04-02T18:30:00Z"),
            ("2026-04-16T17:00:00Z", "2026-04-16T18:30:00Z"),
        ]
    ]
    asked = {one["at"]: one["text"] for one in found["prompts"]}
    assert {"2026-04-02T17:00:00Z", "2026-04-16T17:00:00Z", "2026-03-23T18:05:00Z"} < asked.keys()
    assert len(set(asked.values())) == len(asked) == 6


def test_meetings_are_in_the_table_and_in_the_picture(readers: Author, capsys: pytest.CaptureFixture[str]) -> None:
    svg, asked_for = readers.place / "books.svg", ("preview", "--days", "28", "--from", "2026-03-20")
    assert run(*asked_for, "--svg", svg, "-c", readers.config) == 0
    assert "19:00-20:30 Books" in svg.read_text(encoding="utf-8")
    capsys.readouterr()
    assert run(*asked_for, "--room", "books", "-c", readers.config) == 0
    assert re.search(r"Thu 2026-04-02 19:00 +2026-04-02 20:30 +books +Books", capsys.readouterr().out)


async def test_it_is_the_same_every_time_and_on_whichever_day_it_is_asked_for(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    first = await shown(author, capsys, days=90, first="2026-03-01")
    assert await shown(author, capsys, days=90, first="2026-03-01") == first
    assert await shown(author, capsys, days=90, first="2026-03-01", now_ms=NOW_MS + 100 * DAY_MS) == first
    assert await shown(author, capsys, days=90, first="2027-03-01", now_ms=NOW_MS) == await shown(
        author, capsys, days=90, first="2027-03-01", now_ms=NOW_MS + 30 * DAY_MS
    )


async def test_nothing_is_left_behind(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(author.place.rglob("*"))
    await shown(author, capsys)
    assert sorted(author.place.rglob("*")) == before


async def test_turns_that_nobody_can_have_are_gaps(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    people = '["@ana:grove.example", "@cy:grove.example", "@dee:grove.example"]'
    author.edit("config.yaml", f"facilitators: {people}", "facilitators: []")
    found = await shown(author, capsys)
    assert found["shifts"]
    assert {one["person"] for one in found["shifts"]} == {None}
    await preview(author.config, days=30, first=None, rooms=(), as_json=False, svg=None, now_ms=NOW_MS)
    out = capsys.readouterr().out
    assert "nobody yet" in out
    assert f"Nobody has {len(found['shifts'])} of these turns yet." in out


async def test_several_communities_are_told_apart(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    text = (author.place / "config.yaml").read_text(encoding="utf-8")
    second = text.partition("communities:\n")[2].replace("  grove:", "  oak:", 1)
    author.write("config.yaml", text + second)
    found = await shown(author, capsys)
    assert {one["community"] for one in found["shifts"]} == {"grove", "oak"}
    only = await shown(author, capsys, rooms=["oak/tuesday"])
    assert "community" not in only["shifts"][0]
    with pytest.raises(SetupError, match="more than one room"):
        await shown(author, capsys, rooms=["tuesday"])


def test_the_table_stays_within_eighty_columns(
    author: Author, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run("preview", "--config", author.config, "--days", "60") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "times in Europe/Berlin" in out
    assert "@dee:grove.example" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--days", "0"], "from 1 to 1096"),
        (["--days", "-3"], "from 1 to 1096"),
        (["--days", "5000"], "from 1 to 1096"),
        (["--from", "tomorrow"], "like 2026-10-01"),
        (["--from", "2026-02-30"], "no such day"),
        (["--from", "2026-3-1"], "like 2026-10-01"),
        (["--room", "tusday"], "Did you mean grove/tuesday?"),
        (["--svg", "nowhere/at/all.svg"], "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    author: Author, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run("preview", "--config", author.config, *words) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""


# -- the picture -------------------------------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


async def picture(author: Author, days: int = 60) -> ET.Element:
    file = author.place / "coming.svg"
    await preview(author.config, days=days, first=None, rooms=(), as_json=False, svg=file, now_ms=NOW_MS)
    return ET.fromstring(file.read_bytes())  # noqa: S314 - our own


async def test_the_picture_says_in_words_what_the_json_says(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    found = await shown(author, capsys, days=60)
    root = await picture(author)
    words = [" ".join("".join(one.itertext()).split()) for one in root.iter(f"{SVG}text")]
    titles = [one.text or "" for one in root.iter(f"{SVG}title")]
    for shift in found["shifts"]:
        start = datetime.fromisoformat(shift["start"]).astimezone(BERLIN)
        assert any(shift["person"] in said and f"{start:%Y-%m-%d %H:%M}" in said for said in titles)
        assert any(shift["person"] in said for said in words)
    for prompt in found["prompts"]:
        assert any(prompt["text"] in title for title in titles)
    assert words.count("tuesday") == 9
    assert {"Monday", "Sunday", "23 Nov", "21 Jan"} <= set(words)


async def test_the_picture_needs_no_colour_no_font_and_nothing_from_outside(author: Author) -> None:
    root = await picture(author)
    style = root.find(f"{SVG}style")
    assert style is not None
    colours = re.findall(r"#([0-9a-f]{6})", style.text or "")
    assert colours
    assert all(colour[:2] == colour[2:4] == colour[4:] for colour in colours)
    assert "prefers-color-scheme: dark" in (style.text or "")
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not attributes & {"href", "src", "fill", "stroke", "style", "onload"}
    assert "url(" not in (style.text or "")


async def test_nothing_that_somebody_wrote_breaks_the_picture(author: Author) -> None:
    nasty = "</text><script>alert('1 & 2')</script> ]]> &amp; \u202e \u200f \U0001f33f"
    author.write(
        "room_templates/decks/gentle-checkin.yaml",
        f"version: 1\ntitle: T\nprompts: [{{text: {json.dumps(nasty, ensure_ascii=False)}, tier: 1}}]\n",
    )
    root = await picture(author)
    assert not list(root.iter(f"{SVG}script"))
    assert any(nasty in (title.text or "") for title in root.iter(f"{SVG}title"))


async def test_nothing_on_the_picture_lies_outside_of_it(author: Author) -> None:
    root = await picture(author, days=400)
    _x, _y, width, height = map(float, root.attrib["viewBox"].split())
    for element in root.iter():
        if element.tag in {f"{SVG}rect", f"{SVG}text"}:
            x, y = float(element.attrib.get("x", 0)), float(element.attrib.get("y", 0))
            assert 0 <= x <= x + float(element.attrib.get("width", 0)) <= width
            assert 0 <= y <= y + float(element.attrib.get("height", 0)) <= height


# -- as it then happens ------------------------------------------------------------------------------------------------


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(documents)
    return (Prompts(documents, facilitation),), facilitation


def talkative() -> Documents:
    """Rooms that are asked often: two schedules with one deck, deep questions, quiet hours, times without anybody."""
    mixed = deck(*(question(f"Question {n}?", tier=n % 3 + 1) for n in range(9)), name="mixed")
    light = deck(size=4, name="light")
    quiet = QuietHours(time(21), time(8))
    tuesday = room(
        "tuesday",
        rota=rota("2026-01-20 19:00"),
        facilitators=[CY, DEE],
        prompts=[
            schedule(asked=mixed, at="19:05", on=(Weekday.TUE, Weekday.FRI), gates=("coverage", "active_room")),
            schedule(asked=mixed, at="19:05", on=(Weekday.FRI,), id="again"),
            schedule(asked=light, at="21:30", on=(), gates=("quiet_hours",)),
        ],
        meetings=[meeting(on=[Weekday.THU], at="18:00", opening=mixed, closing=light)],
        quiet=quiet,
    )
    lounge = room(
        "lounge",
        facilitators=[ANA],
        prompts=[schedule(asked=mixed, at="02:30", on=(), gates=("coverage",))],
    )
    return documents(community(tuesday, lounge))


def foreseen(shop: Workshop, days: int, first: date | None = None) -> Outlook:
    """Look ahead on a copy of the rows."""
    with shop._transaction(keep=False) as tx:
        return look_ahead(tx, shop.documents.communities[0], Asked(first, days), shop.at_ms)


def asked(shop: Workshop, since_ms: int, until_ms: int) -> list[tuple[int, str, str]]:
    """Read which questions were asked."""
    rows = shop.rows(
        "select due_ms, key, item from slot where event is not null"
        f" and due_ms >= {since_ms} and due_ms < {until_ms} order by due_ms, key, schedule"
    )
    return [(int(str(due)), str(key), str(item)) for due, key, item in rows]


def as_rows(outlook: Outlook) -> list[tuple[int, str, str]]:
    return [(one.at_ms, one.room.key, one.prompt.id) for one in outlook.questions]


@pytest.fixture
def shop() -> Any:
    shop = Workshop(talkative(), make, at_ms=CALM_MS)
    shop.open(EVE, CY)
    for key in ("tuesday", "lounge"):
        shop.heard_all_along(room_id(GROVE, RoomKey(key)))
    yield shop
    shop.close()


def live(shop: Workshop, until_ms: int) -> None:
    """Let the bot run, and everything be delivered, an hour at a time."""
    while shop.at_ms < until_ms:
        shop.live(min(shop.at_ms + HOUR_MS, until_ms))
        shop.deliver()


def test_the_questions_that_are_foreseen_are_those_that_are_asked(shop: Workshop) -> None:
    began_ms = shop.at_ms
    before_the_start = foreseen(shop, 60)
    shop.settle()
    after_it = foreseen(shop, 60)
    live(shop, began_ms + 20 * DAY_MS)
    later = foreseen(shop, 40)
    live(shop, began_ms + 60 * DAY_MS)
    real = asked(shop, began_ms, began_ms + 60 * DAY_MS)
    assert len(real) > 60
    assert sorted(as_rows(before_the_start)) == sorted(real)
    assert as_rows(after_it) == as_rows(before_the_start)
    assert as_rows(later) == [row for row in as_rows(after_it) if row[0] >= began_ms + 20 * DAY_MS]


def test_what_was_asked_is_shown_as_it_was(shop: Workshop) -> None:
    shop.settle()
    live(shop, CALM_MS + 10 * DAY_MS)
    whole = foreseen(shop, 20, date(2026, 1, 6))
    assert as_rows(whole)[: len(asked(shop, 0, shop.at_ms))] == asked(shop, 0, shop.at_ms)
    assert as_rows(whole)[len(asked(shop, 0, shop.at_ms)) :] == [
        row for row in as_rows(foreseen(shop, 30)) if row[0] in whole.window
    ]


def test_a_meeting_that_was_called_off_is_not_shown(shop: Workshop) -> None:
    shop.settle()
    first, second, *_others = foreseen(shop, 30).meetings
    declared = shop.documents.room(GROVE, TUESDAY)
    assert declared is not None
    shop.run(claim, declared, "meeting", first.session.start_ms, CANCEL)
    outlook = foreseen(shop, 30)
    assert outlook.meetings[0] == second
    assert [one for one in outlook.questions if one.at_ms == first.session.start_ms] == []


def test_a_later_first_day_goes_on_from_all_that_comes_before_it(shop: Workshop) -> None:
    shop.settle()
    whole, part = foreseen(shop, 60), foreseen(shop, 20, date(2026, 2, 1))
    assert as_rows(part) == [row for row in as_rows(whole) if row[0] in part.window]
    assert part.turns == tuple(
        turn
        for turn in whole.turns
        if turn.span.start_ms < part.window.end_ms and part.window.start_ms < turn.span.end_ms
    )


def test_a_question_that_waits_for_a_quiet_moment_is_shown_when_it_may_be_asked(shop: Workshop) -> None:
    shop.settle()
    shop.live(CALM_MS + 6 * HOUR_MS)
    shop.heard_all_along(CIRCLE)
    for n in range(4):
        shop.at_ms += 1000
        shop.say((EVE, CY)[n % 2], "and then", CIRCLE)
    talk_until_ms = shop.at_ms
    assert talk_until_ms < CALM_MS + 7 * HOUR_MS
    waiting = next(timer for timer in shop.timers("prompts") if timer.key.endswith("tuefri.1905"))
    shop.at_ms = waiting.due_ms
    for n in range(4):
        shop.say((EVE, CY)[n % 2], "and then", CIRCLE)
    shop.ring()
    again = next(timer for timer in shop.timers("prompts") if timer.key == waiting.key)
    assert again.due_ms > waiting.due_ms
    assert as_rows(foreseen(shop, 1))[0][0] == again.due_ms


def test_while_whoever_is_on_has_left_the_room_only_light_questions_are_foreseen(shop: Workshop) -> None:
    shop.settle()
    first = date(2026, 1, 20)
    there = {one.prompt.tier for one in foreseen(shop, 30, first).questions if one.room.key == TUESDAY}
    for user in (CY, DEE):
        shop.join(user, CIRCLE, "leave")
    deep = [one for one in foreseen(shop, 30, first).questions if one.room.key == TUESDAY and one.prompt.tier > 1]
    assert there == {1, 2, 3}
    # Only the schedule that does not ask whether anybody is there goes on with deep ones.
    assert {f"{datetime.fromtimestamp(one.at_ms / 1000, BERLIN):%a}" for one in deep} == {"Fri"}


def test_nothing_is_asked_in_a_room_that_is_locked(shop: Workshop) -> None:
    shop.settle()
    shop.run(lock, GROVE, TUESDAY, by_lead=True)
    assert {row[1] for row in as_rows(foreseen(shop, 30))} == {"lounge"}


async def test_it_looks_at_what_a_running_bot_has_and_does_not_disturb_it(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load(author.config, today=date(2026, 11, 22))
    (declared,) = loaded.documents.communities
    quiet = await shown(author, capsys, days=60)
    first = datetime.fromisoformat(quiet["shifts"][1]["start"])
    store = Store.open(loaded.config.data_dir)
    rows = store.of(declared.account)

    def change(tx: Tx) -> Sequence[AnyEffect]:
        for one in declared.every_room():
            bindings.bind(tx, declared.key, one.key, room_id(declared.key, one.key), "made")
        start_ms = int(first.timestamp() * 1000)
        tx.run(
            'insert into away (account, community, "user", start_ms, end_ms) values (:account, :community, :user, :a, :b)',
            community=declared.key,
            user=quiet["shifts"][1]["person"],
            a=start_ms,
            b=start_ms + DAY_MS,
        )
        return ()

    await rows.run(change)
    before = await rows.run(lambda tx: tx.rows("select * from timer"))
    beside = await shown(author, capsys, days=60)
    assert beside["shifts"][0] == quiet["shifts"][0]
    assert beside["shifts"][1]["person"] != quiet["shifts"][1]["person"]
    assert await rows.run(timers.next_due_ms) is None
    assert await rows.run(lambda tx: tx.rows("select * from timer")) == before
    assert await rows.run(lambda tx: tx.rows("select * from asked")) == []
    await store.close()
