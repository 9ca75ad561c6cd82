"""A disk that is full or not ours: one clear line, nothing half done, and no craft that can swallow it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.engine import Engine
from orchestrator.errors import StoreError
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import Event, Message
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import AccountKey, CommunityKey, EventId, RoomKey, UserId
from orchestrator.store import AccountStore, Store, ingest, outbox
from tests.engine.crafts import Craft

from .words import ANA, REPOSITORY, ROOM, fill, note, notes, send

KEEPER = AccountKey("keeper")


@pytest.fixture
def full(store: Store) -> Callable[[int], None]:
    """Let the disk take a few more pages, and no more."""

    def fill_up(pages: int = 4) -> None:
        (used,) = store._connection.execute("pragma page_count").fetchone()
        store._connection.execute(f"pragma max_page_count={used + pages}")

    return fill_up


async def test_a_full_disk_is_said_in_one_line_and_leaves_nothing_half_done(
    keeper: AccountStore, full: Callable[[int], None], tmp_path: Path
) -> None:
    await keeper.run(note, "before")
    full(4)

    def work(tx: Tx) -> None:
        note(tx, "half")
        fill(tx)

    with pytest.raises(StoreError) as stopped:
        await keeper.run(work)
    assert str(stopped.value) == (
        f"The data directory {tmp_path} cannot be used: database or disk is full. "
        "Make room or mend the disk, and start again; nothing is half done."
    )
    assert await keeper.run(notes) == ["before"]
    await keeper.run(note, "after")
    assert await keeper.run(notes) == ["after"]


async def test_a_function_that_catches_everything_cannot_go_on_as_if_nothing_were(
    keeper: AccountStore, full: Callable[[int], None]
) -> None:
    full(4)
    reached: list[str] = []

    def careless(tx: Tx) -> None:
        note(tx, "half")
        with suppress(Exception):
            fill(tx)
        with suppress(Exception):
            note(tx, "more", "more")
            reached.append("a statement after the disk was full")
        reached.append("the end")

    with pytest.raises(StoreError, match="full"):
        await keeper.run(careless)
    assert reached == ["the end"]
    assert await keeper.run(notes) == []


async def test_savepoints_around_it_do_not_hide_it(keeper: AccountStore, full: Callable[[int], None]) -> None:
    full(4)

    def work(tx: Tx) -> None:
        note(tx, "half")
        with suppress(ValueError), tx.savepoint():
            with suppress(StoreError), tx.savepoint():
                fill(tx)
            raise ValueError

    with pytest.raises(StoreError, match="full"):
        await keeper.run(work)
    assert await keeper.run(notes) == []


class Greedy(Craft):
    """Writes more than the disk takes, and shrugs."""

    name = "greedy"

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        with suppress(Exception):
            fill(tx)
        return (send(),)


class Stopped:
    def now_ms(self) -> int:
        return 1_000


class Nobody:
    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        return Role.MEMBER


async def test_a_craft_that_catches_a_full_disk_does_not_move_the_engine_on(
    keeper: AccountStore, full: Callable[[int], None]
) -> None:
    engine = Engine(keeper, Stopped(), UserId("@keeper:grove.example"))
    engine.use(Documents(communities=()), (Greedy(),), Nobody())
    first = SyncBatch(since=None, until="s0", rooms=(RoomUpdate(room=ROOM, membership="join"),))
    await engine.take(first, catching_up=True)
    full(4)
    message = Message(room=ROOM, id=EventId("$1"), sender=ANA, at_ms=1_000, kind="m.text", body="hello")
    update = RoomUpdate(room=ROOM, membership="join", timeline=(message,))
    with pytest.raises(StoreError):
        await engine.take(SyncBatch(since="s0", until="s1", rooms=(update,)), catching_up=False)
    assert await keeper.run(ingest.cursor) == "s0"
    assert await keeper.run(outbox.waiting) == []
    assert await keeper.run(lambda tx: tx.rows("select * from journal")) == []


LIMITED = """
import asyncio, os, resource, sys
from pathlib import Path
from orchestrator.errors import StoreError
from orchestrator.model.ids import AccountKey
from orchestrator.store import Store
from tests.store.words import fill, note, notes

async def main():
    store = Store.open(Path(sys.argv[1]))
    keeper = store.of(AccountKey("keeper"))
    await keeper.run(note, "before")
    most = max(path.stat().st_size for path in Path(sys.argv[1]).iterdir()) + 60_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    for _ in range(2):
        try:
            await keeper.run(fill)
        except StoreError as error:
            print(error)
    print(await keeper.run(notes))
    await store.close()

asyncio.run(main())
"""


async def test_a_file_that_may_not_grow_stops_the_bot_kindly_and_it_can_be_started_again(tmp_path: Path) -> None:
    out = await _run(LIMITED, tmp_path)
    first, second, kept = out.splitlines()
    assert first == second
    assert first.startswith(f"The data directory {tmp_path} cannot be used: ")
    assert first.endswith("Make room or mend the disk, and start again; nothing is half done.")
    assert kept == "['before']"
    store = Store.open(tmp_path)
    assert await store.of(KEEPER).run(notes) == ["before"]
    await store.of(KEEPER).run(fill)
    await store.close()


OPEN = """
import os, sys
from pathlib import Path
from orchestrator.errors import StoreError
from orchestrator.store import Store

if os.geteuid() == 0:
    os.setuid(65534)
for opener in (Store.open, Store.open_readonly):
    try:
        opener(Path(sys.argv[1]))
    except StoreError as error:
        print(error)
"""


async def test_a_directory_that_is_not_ours_is_said_in_one_line(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    theirs.chmod(0)
    said = await _run(OPEN, theirs)
    expected = f"The data directory {theirs} cannot be used: Permission denied. Check that it is yours and has room."
    assert said.splitlines() == [expected, expected]


def test_a_file_in_the_place_of_the_directory_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    with pytest.raises(StoreError, match=r"cannot be used: File exists\."):
        Store.open(tmp_path / "data")
    with pytest.raises(StoreError, match=r"cannot be used: Not a directory\."):
        Store.open(tmp_path / "data" / "deeper")


async def _run(code: str, data_dir: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(data_dir), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
    )
    out, _err = await process.communicate()
    assert process.returncode == 0
    return out.decode()
