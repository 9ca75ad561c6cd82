"""What a start left half made, the next one finishes: nothing is there twice, and nothing is missing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver, Hold
from tests.starting import ROOMS, Grove, community_rooms, is_whole, norms_pinned, settle_grove

CREATE = ("POST", "/createRoom")


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    return settle_grove(tmp_path / "grove", hs)


# -- the server dies ---------------------------------------------------------------------------------------------------


async def test_a_server_that_dies_while_the_rooms_are_made_and_a_bot_that_is_started_anew(
    grove: Grove, hs: FakeHomeserver
) -> None:
    hold = Hold(acts_first=True)
    hs.faults.add(hold, *CREATE, nth=2)
    async with grove.running() as running:
        await running.until(hold.reached.wait())
        async with hs.down():
            stopped = await running.stopped()
            assert stopped.code == 0, stopped.err
    hs.faults.clear()
    await grove.starts_well(hs)


async def test_a_server_that_dies_while_the_rooms_are_made_and_a_bot_that_waits_for_it(
    grove: Grove, hs: FakeHomeserver
) -> None:
    hold = Hold(acts_first=True)
    hs.faults.add(hold, *CREATE, nth=2)
    async with grove.running() as running:
        await running.until(hold.reached.wait())
        async with hs.down():
            hs.faults.clear()
        await running.until(hs.until(lambda: is_whole(hs)))
        assert (await running.stopped()).code == 0


# -- the disk is full --------------------------------------------------------------------------------------------------


async def test_a_disk_that_is_full_from_the_start(grove: Grove, hs: FakeHomeserver) -> None:
    async with grove.running() as running:
        running.fill_the_disk()
        said = (await running.ended()).complaint
    assert "cannot be" in said
    assert "room" in said
    await grove.starts_well(hs)


@pytest.mark.parametrize("nth", [1, 3])
async def test_a_disk_that_is_full_in_the_middle(grove: Grove, hs: FakeHomeserver, nth: int) -> None:
    hold = Hold(acts_first=True)
    hs.faults.add(hold, *CREATE, nth=nth)
    async with grove.running() as running:
        await running.until(hold.reached.wait())
        running.fill_the_disk()
        hold.release()
        said = (await running.ended()).complaint
    assert said == (
        f"The data directory {grove.data} cannot be used: disk I/O error. Make room or mend the disk, and start again;"
        " nothing is half done."
    )
    await grove.starts_well(hs)


# -- the data directory ------------------------------------------------------------------------------------------------


async def test_a_data_directory_that_another_bot_uses(grove: Grove, hs: FakeHomeserver) -> None:
    async with grove.at_work(hs) as first:
        await first.until(hs.until(lambda: is_whole(hs)))
        said = (await grove.start()).complaint
        assert said == (
            f"Another circlekeeper is already using {grove.data}. Stop it first, or give this one its own data_dir."
        )
        assert "nothing waits" in (await grove.start("status")).out
        assert (await first.stopped()).code == 0
    assert (await grove.start("status")).complaint == (
        "No bot is running on this data directory. Start one with 'circlekeeper run'."
    )


async def test_a_data_directory_from_a_newer_version(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    with sqlite3.connect(grove.data / "circlekeeper.db") as database:
        database.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values ('circlekeeper', 'of_tomorrow', '')"
        )
    database.close()
    assert (await grove.start()).complaint == (
        f"The data in {grove.data} was written by a newer circlekeeper. Install that version (or newer) to use it."
    )


async def test_a_data_directory_that_cannot_be_made_or_is_damaged(grove: Grove, hs: FakeHomeserver) -> None:
    grove.data.write_text("a file in the way")
    said = (await grove.start()).complaint
    assert str(grove.data) in said
    assert said.endswith("cannot be read: Not a directory.")
    grove.data.unlink()
    grove.data.mkdir(mode=0o700)
    (grove.data / "circlekeeper.db").write_bytes(b"no database at all, whatever its name is" * 100)
    said = (await grove.start()).complaint
    assert said.endswith("The file is damaged; put a backup in its place.")
    (grove.data / "circlekeeper.db").unlink()
    await grove.starts_well(hs)


async def test_encryption_keys_that_are_gone(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    elsewhere = (grove.data / "crypto").rename(grove.place / "crypto")
    said = (await grove.start()).complaint
    assert "Put the directory 'crypto' of the data directory back" in said
    for stray in (grove.data / "crypto").iterdir():
        stray.unlink()
    (grove.data / "crypto").rmdir()
    elsewhere.rename(grove.data / "crypto")
    await grove.starts_well(hs)


async def test_a_data_directory_that_is_lost(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    shutil.rmtree(grove.data)
    assert "--reset-identity" in (await grove.start()).complaint
    met = hs.requests.count("GET", "/joined_members")
    async with grove.at_work(hs, "run", "--reset-identity") as running:
        # It meets the members of the rooms that it found; only after that could it miss one and make it anew.
        await running.until(hs.until(lambda: hs.requests.count("GET", "/joined_members") >= met + ROOMS))
        assert (await running.stopped()).code == 0
    assert len(community_rooms(hs)) == ROOMS
    async with grove.at_work(hs) as running:
        # The keys to what it said are lost as well: it says the norms anew, and the old ones are pinned no longer.
        await running.until(hs.until(lambda: norms_pinned(hs) == [[2], [2]]))
        assert (await running.stopped()).code == 0
