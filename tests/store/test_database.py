"""One writer, readers beside it, transactions that leave all or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey
from orchestrator.store import AccountStore, Store
from orchestrator.store.database import FILE
from orchestrator.store.schema import migrations

from .words import REPOSITORY, names_in, note, notes

KEEPER = AccountKey("keeper")


async def test_what_a_function_writes_is_there_for_the_next_one(keeper: AccountStore) -> None:
    await keeper.run(note, "one")
    assert await keeper.run(notes) == ["one"]


async def test_a_function_that_raises_leaves_no_trace(keeper: AccountStore) -> None:
    def stumble(tx: Tx) -> None:
        note(tx, "half")
        raise ValueError("stumbled")

    with pytest.raises(ValueError, match="stumbled"):
        await keeper.run(stumble)
    assert await keeper.run(notes) == []


async def test_sql_that_is_wrong_is_our_mistake_and_leaves_no_trace(keeper: AccountStore) -> None:
    def mistake(tx: Tx) -> None:
        note(tx, "half")
        tx.rows("select no_such_column from cursor")

    with pytest.raises(sqlite3.OperationalError, match="no_such_column"):
        await keeper.run(mistake)
    assert await keeper.run(notes) == []


async def test_a_function_is_told_whose_rows_it_sees(store: Store) -> None:
    await store.of(KEEPER).run(note, "mine")
    await store.of(AccountKey("other")).run(note, "theirs")
    assert await store.of(KEEPER).run(lambda tx: (tx.account, notes(tx))) == ("keeper", ["mine"])
    assert await store.of(AccountKey("other")).run(notes) == ["theirs"]


async def test_a_savepoint_is_undone_alone(keeper: AccountStore) -> None:
    def work(tx: Tx) -> None:
        note(tx, "before", "1")
        with suppress(ValueError), tx.savepoint():
            note(tx, "inside", "2")
            raise ValueError
        note(tx, "after", "3")

    await keeper.run(work)
    assert await keeper.run(notes) == ["before", "after"]


async def test_savepoints_nest_and_each_is_undone_alone(keeper: AccountStore) -> None:
    def work(tx: Tx) -> None:
        with tx.savepoint():
            note(tx, "outer", "1")
            with suppress(ValueError), tx.savepoint():
                note(tx, "inner", "2")
                raise ValueError
            with tx.savepoint():
                note(tx, "second inner", "3")
        with suppress(KeyError), tx.savepoint():
            note(tx, "second outer", "4")
            with tx.savepoint():
                note(tx, "kept by its own, dropped with the rest", "5")
            raise KeyError

    await keeper.run(work)
    assert await keeper.run(notes) == ["outer", "second inner"]


async def test_functions_run_one_after_the_other(keeper: AccountStore) -> None:
    def count(tx: Tx) -> int:
        row = tx.one("select value from cursor where account = :account and kind = 'note'")
        n = 1 + (int(str(row["value"])) if row is not None else 0)
        note(tx, str(n))
        return n

    assert sorted(await asyncio.gather(*(keeper.run(count) for _ in range(50)))) == list(range(1, 51))


async def test_a_transaction_that_is_over_takes_no_more_statements(keeper: AccountStore) -> None:
    def lazy(tx: Tx) -> Iterator[list[str]]:
        note(tx, "too late")
        yield notes(tx)

    late = await keeper.run(lazy)
    with pytest.raises(RuntimeError, match="over"):
        list(late)
    assert await keeper.run(notes) == []


async def test_a_second_writer_is_told_who_is_first(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        Store.open(tmp_path)
    assert str(refused.value) == (
        f"Another circlekeeper is already using {tmp_path}. Stop it first, or give this one its own data_dir."
    )


async def test_a_second_writer_in_another_process_is_refused_too(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from orchestrator.store import Store\n"
        "from orchestrator.errors import StoreError\n"
        "try: Store.open(Path(sys.argv[1]))\n"
        "except StoreError as error: print(error)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
    )
    said, _err = await process.communicate()
    assert said.decode().startswith("Another circlekeeper is already using")


async def test_the_lock_is_let_go_of_on_close(tmp_path: Path) -> None:
    await Store.open(tmp_path).close()
    await Store.open(tmp_path).close()


async def test_closing_twice_is_fine_and_what_was_queued_is_kept(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    writing = [store.of(KEEPER).run(note, str(i), f"{i:02}") for i in range(20)]
    await asyncio.gather(*writing, store.close())
    await store.close()
    store = Store.open(tmp_path)
    assert await store.of(KEEPER).run(notes) == [str(i) for i in range(20)]
    await store.close()


async def test_the_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "deep" / "data")
    await store.of(KEEPER).run(note, "one")
    assert stat.S_IMODE((tmp_path / "deep" / "data").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep" / "data").iterdir()} == {0o600}
    await store.close()


# -- readers -----------------------------------------------------------------------------------------------------------


async def test_a_reader_sees_what_was_committed_beside_a_writer(store: Store, tmp_path: Path) -> None:
    await store.of(KEEPER).run(note, "one")
    reader = Store.open_readonly(tmp_path)
    assert await reader.of(KEEPER).run(notes) == ["one"]
    await store.of(KEEPER).run(note, "two")
    assert await reader.of(KEEPER).run(notes) == ["two"]
    await reader.close()


async def test_a_reader_cannot_write(store: Store, tmp_path: Path) -> None:
    reader = Store.open_readonly(tmp_path)
    with pytest.raises(StoreError, match="readonly"):
        await reader.of(KEEPER).run(note, "mine")
    assert await reader.checkpoint()
    await reader.close()
    assert await store.of(KEEPER).run(notes) == []


async def test_a_reader_works_where_no_bot_runs(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await store.of(KEEPER).run(note, "one")
    await store.close()
    reader = Store.open_readonly(tmp_path)
    assert await reader.of(KEEPER).run(notes) == ["one"]
    await reader.close()


@pytest.mark.parametrize("name", ["a#b", "what?mode=rwc", "100%25", "two words"])
async def test_a_path_may_hold_what_means_something_in_an_address(tmp_path: Path, name: str) -> None:
    store = Store.open(tmp_path / name)
    await store.of(KEEPER).run(note, "one")
    reader = Store.open_readonly(tmp_path / name)
    assert await reader.of(KEEPER).run(notes) == ["one"]
    await reader.close()
    await store.close()
    assert names_in(tmp_path) == [name]


def test_reading_where_nothing_is_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        Store.open_readonly(tmp_path)
    assert str(refused.value) == (f"There is no data in {tmp_path} yet. Start the bot once with 'circlekeeper run'.")


# -- versions and damage -----------------------------------------------------------------------------------------------


async def _pretend(tmp_path: Path, sql: str) -> None:
    await Store.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(sql)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("opener", [Store.open, Store.open_readonly])
async def test_data_of_a_newer_version_is_left_alone(tmp_path: Path, opener: object) -> None:
    await _pretend(
        tmp_path,
        "insert into _sqlite_migrations (migration_set, name, applied_at) values ('circlekeeper', 'telepathy', '2031')",
    )
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StoreError, match=r"newer circlekeeper\. Install that version"):
        opener(tmp_path)  # type: ignore[operator]
    assert (tmp_path / FILE).read_bytes() == before
    with pytest.raises(StoreError, match="newer"):
        Store.open(tmp_path)  # the lock was let go of


async def test_a_reader_of_older_data_is_told_to_let_the_bot_bring_it_up_to_date(tmp_path: Path) -> None:
    last = migrations._migrations[-1].name
    await _pretend(tmp_path, f"delete from _sqlite_migrations where name = '{last}'")
    with pytest.raises(StoreError, match="written by an older circlekeeper"):
        Store.open_readonly(tmp_path)


@pytest.mark.parametrize("opener", [Store.open, Store.open_readonly])
def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path, opener: object) -> None:
    (tmp_path / FILE).write_bytes(b"once upon a time there was a file " * 200)
    with pytest.raises(StoreError, match="damaged; put a backup in its place"):
        opener(tmp_path)  # type: ignore[operator]


async def test_a_page_that_was_damaged_ends_the_transaction_as_such(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await store.of(KEEPER).run(note, "one")
    await store.close()
    raw = bytearray((tmp_path / FILE).read_bytes())
    for page in range(4096, len(raw), 4096):
        raw[page : page + 2000] = b"\xff" * 2000
    (tmp_path / FILE).write_bytes(raw)
    with pytest.raises(StoreError, match="damaged"):
        store = Store.open(tmp_path)


async def test_a_second_start_changes_no_table(tmp_path: Path) -> None:
    def schema() -> list[tuple[str]]:
        connection = sqlite3.connect(tmp_path / FILE)
        try:
            return connection.execute("select sql from sqlite_master order by name").fetchall()
        finally:
            connection.close()

    await Store.open(tmp_path).close()
    before = schema()
    await Store.open(tmp_path).close()
    assert schema() == before
    assert len(before) > 20


async def test_a_copy_in_memory_can_be_written_into_and_leaves_no_trace(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    await store.of(KEEPER).run(note, "there")
    copy = Store.scratch(tmp_path)
    await copy.of(KEEPER).run(note, "thought", "other")
    assert sorted(await copy.of(KEEPER).run(notes)) == ["there", "thought"]
    assert await store.of(KEEPER).run(notes) == ["there"]
    await copy.close()
    await store.close()


async def test_a_copy_of_nothing_is_empty_and_makes_no_directory(tmp_path: Path) -> None:
    copy = Store.scratch(tmp_path / "nowhere")
    assert await copy.of(KEEPER).run(notes) == []
    await copy.close()
    assert not (tmp_path / "nowhere").exists()
