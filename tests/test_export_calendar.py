"""``export-calendar``: turns as a file, beside a running bot and without one."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path

import icalendar
import pytest

from orchestrator.cli import app
from orchestrator.documents.load import load
from orchestrator.errors import SetupError
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.prompts.meetings.rows import CANCEL, claim
from orchestrator.store import Store
from orchestrator.verbs.export_calendar import Wanted, export_calendar
from tests.documents.authors import Author, settle
from tests.facilitation.strict_ics import Component, read

NOW_MS = 1_795_400_000_000
GROVE = CommunityKey("grove")
CY = "@cy:grove.example"


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return settle(tmp_path)


def run(*words: str | Path) -> int:
    code = app([*map(str, words)], result_action="return_value", exit_on_error=False)
    assert isinstance(code, int)
    return code


async def exported(author: Author, wanted: Wanted, *, now_ms: int = NOW_MS) -> list[Component]:
    file = author.place / "out.ics"
    assert await export_calendar(author.config, wanted, output=file, now_ms=now_ms) == 0
    raw = file.read_bytes()
    assert not any(event.errors for event in icalendar.Calendar.from_ical(raw).events)
    return read(raw).parts


def hold(tx: Tx, user: str, start_ms: int, *, key: str = "tuesday", gone_ms: int | None = None) -> None:
    tx.run(
        'insert into holding (account, community, key, part, start_ms, end_ms, "user", sequence, gone_ms)'
        " values (:account, 'grove', :key, 'facilitator', :start_ms, :end_ms, :user, 0, :gone_ms)",
        key=key,
        start_ms=start_ms,
        end_ms=start_ms + HOUR_MS,
        user=user,
        gone_ms=gone_ms,
    )


async def test_from_files_alone_everything_is_what_may_come(author: Author) -> None:
    events = await exported(author, Wanted(person=CY))
    assert 3 < len(events) < 14
    assert {event.one("SUMMARY") for event in events} == {"duty"}
    assert {event.one("STATUS") for event in events} == {"TENTATIVE"}
    assert not author.load().config.data_dir.exists()


async def test_those_of_the_only_community_need_no_name(author: Author) -> None:
    everybodys = await exported(author, Wanted())
    assert [event.values for event in everybodys] == [
        event.values for event in await exported(author, Wanted(community="grove"))
    ]
    assert {event.one("SUMMARY") for event in everybodys} == {"duty: ana", "duty: cy", "duty: dee"}
    assert [event.values for event in await exported(author, Wanted(room="tuesday"))] == [
        event.values for event in everybodys
    ]
    assert await exported(author, Wanted(room="lounge")) == []


async def test_meetings_stand_in_the_calendar_of_their_room_and_tell_no_more_than_when(author: Author) -> None:
    here = '"https://call.grove.example/secret"'
    lounge = f"meetings: [{{day: 2026-12-12, at: '19:00', title: Solstice, where: {here}}}, {{day: 2026-12-13, at: '19:00'}}]"
    author.edit("config.yaml", "        name: Lounge", f"        name: Lounge\n        {lounge}")
    loaded = load(author.config, today=date(2026, 11, 22))
    store = Store.open(loaded.config.data_dir)
    (declared,) = loaded.documents.communities
    room = declared.room(RoomKey("lounge"))
    assert room is not None
    second_ms = 1_797_184_800_000  # 2026-12-13 19:00 in Berlin
    await store.of(declared.account).run(claim, room, "meeting", second_ms, CANCEL)
    await store.close()
    for wanted in (Wanted(room="lounge"), Wanted(community="grove")):
        events = [event for event in await exported(author, wanted) if event.one("SUMMARY") == "meeting"]
        assert [(event.one("DTSTART"), event.one("STATUS")) for event in events] == [
            ("20261212T180000Z", "CONFIRMED"),
            ("20261213T180000Z", "CANCELLED"),
        ]
        assert len({event.one("UID") for event in events}) == 2
        assert "secret" not in (author.place / "out.ics").read_text()
        assert "Solstice" not in (author.place / "out.ics").read_text()
    assert not [event for event in await exported(author, Wanted(person=CY)) if event.one("SUMMARY") == "meeting"]


async def test_beside_a_running_bot_it_shows_what_was_given(author: Author) -> None:
    loaded = load(author.config, today=date(2026, 11, 22))
    store = Store.open(loaded.config.data_dir)
    (declared,) = loaded.documents.communities
    rows = store.of(declared.account)
    await rows.run(hold, CY, NOW_MS + DAY_MS)
    await rows.run(hold, CY, NOW_MS + 3 * DAY_MS, gone_ms=NOW_MS - DAY_MS)
    before = await rows.run(lambda tx: tx.rows("select * from holding"))
    events = await exported(author, Wanted(person=CY))
    states = [event.one("STATUS") for event in events]
    assert sorted(set(states)) == ["CANCELLED", "CONFIRMED", "TENTATIVE"]
    assert states.count("CONFIRMED") == states.count("CANCELLED") == 1
    assert await rows.run(lambda tx: tx.rows("select * from holding")) == before
    await store.close()


async def test_only_its_owner_can_read_the_file(author: Author) -> None:
    await exported(author, Wanted(person=CY))
    assert stat.S_IMODE((author.place / "out.ics").stat().st_mode) == 0o600


def test_without_a_file_it_goes_to_standard_output(author: Author, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("export-calendar", "--config", author.config, "--person", CY) == 0
    assert read(capfdbinary.readouterr().out).parts


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(person="cy"), "no Matrix user id"),
        (Wanted(person="@cyy:grove.example"), "Did you mean @cy:grove.example?"),
        (Wanted(person="@nobody-at-all:elsewhere.example"), "keeps no room in your files"),
        (Wanted(room="tusday"), "Did you mean grove/tuesday?"),
        (Wanted(community="grov"), "Did you mean grove?"),
        (Wanted(room="tuesday", person=CY), "Name one of these"),
    ],
)
async def test_what_there_is_not_is_said(author: Author, wanted: Wanted, said: str) -> None:
    with pytest.raises(SetupError, match=said.replace("?", r"\?")):
        await export_calendar(author.config, wanted, output=None, now_ms=NOW_MS)


async def test_of_several_communities_one_has_to_be_named(author: Author) -> None:
    text = (author.place / "config.yaml").read_text(encoding="utf-8")
    author.write("config.yaml", text + text.partition("communities:\n")[2].replace("  grove:", "  oak:", 1))
    with pytest.raises(SetupError, match="there are: grove, oak"):
        await exported(author, Wanted())
    assert await exported(author, Wanted(community="oak"))
    both, one = await exported(author, Wanted(person=CY)), await exported(author, Wanted(community="oak"))
    assert len(both) > len([event for event in one if event.one("SUMMARY") == "duty: cy"])


async def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left_behind(author: Author) -> None:
    (author.place / "there").mkdir()
    before = sorted(author.place.rglob("*"))
    with pytest.raises(SetupError, match="cannot be written"):
        await export_calendar(author.config, Wanted(), output=author.place / "there", now_ms=NOW_MS)
    assert sorted(author.place.rglob("*")) == before
