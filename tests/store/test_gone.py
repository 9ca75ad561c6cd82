"""What was deleted is gone: not in the file, not in its log, not after a crash either."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import sys
from pathlib import Path

import pytest

from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, Cause
from orchestrator.store import AccountStore, Store, outbox
from orchestrator.store.database import FILE

from .words import REPOSITORY, bytes_in, note, send

SECRET = "thistle-and-thunder-481516"
KEEPER = AccountKey("keeper")


def _say(tx: Tx, body: str, origin: str = "$asked") -> Cause:
    cause = outbox.record(tx, origin, "culture", send(body), 1)
    assert cause is not None
    return cause


async def test_a_payload_is_gone_once_it_is_delivered_and_the_log_was_emptied(
    store: Store, keeper: AccountStore, tmp_path: Path
) -> None:
    cause = await keeper.run(_say, SECRET)
    assert SECRET.encode() in bytes_in(tmp_path)
    await keeper.run(outbox.finish, cause, "done", 2)
    assert await store.checkpoint()
    assert SECRET.encode() not in bytes_in(tmp_path)


async def test_a_payload_is_gone_when_the_bot_stops(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    cause = await store.of(KEEPER).run(_say, SECRET)
    await store.of(KEEPER).run(outbox.finish, cause, "expired", 2)
    await store.close()
    assert SECRET.encode() not in bytes_in(tmp_path)


async def test_what_a_transaction_wrote_before_it_failed_is_gone(
    store: Store, keeper: AccountStore, tmp_path: Path
) -> None:
    def stumble(tx: Tx) -> None:
        for i in range(300):
            _say(tx, SECRET * 200, f"${i}")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await keeper.run(stumble)
    await store.checkpoint()
    assert SECRET.encode() not in bytes_in(tmp_path)


@pytest.mark.parametrize("seed", [6, 22, 33, 56])
async def test_rows_that_moved_while_they_lived_leave_no_copy_behind(
    store: Store, keeper: AccountStore, tmp_path: Path, seed: int
) -> None:
    # With secure_delete alone a copy of one of these rows stays in the free space of a page that it was moved from.
    chance = random.Random(seed)  # noqa: S311 - the same every time, and seeds that do leave a copy
    live: list[tuple[Cause, bytes]] = []

    def finish_one(tx: Tx) -> None:
        outbox.finish(tx, live.pop(chance.randrange(len(live)))[0], "done", 2)

    def work(tx: Tx) -> None:
        for i in range(200):
            live.append((_say(tx, f"SECRET{i:06}" + "x" * chance.randint(100, 1500), f"$e{i}"), b"SECRET%06d" % i))
            if chance.random() < 0.5:
                finish_one(tx)
        while len(live) > 20:
            finish_one(tx)

    await keeper.run(work)
    assert await store.checkpoint()
    assert set(re.findall(rb"SECRET\d{6}", bytes_in(tmp_path))) == {mark for _, mark in live}


CRASH = """
import asyncio, os, signal, sys
from pathlib import Path
from orchestrator.model.ids import AccountKey
from orchestrator.store import Store, outbox
from tests.store.words import send

async def main():
    keeper = Store.open(Path(sys.argv[1])).of(AccountKey("keeper"))
    def work(tx):
        for i in range(20):
            cause = outbox.record(tx, f"${i}", "culture", send(sys.argv[2] * 100), 1)
            if i % 2:
                outbox.finish(tx, cause, "done", 2)
    await keeper.run(work)
    def rest(tx):
        for row in outbox.waiting(tx):
            outbox.finish(tx, row.cause, "done", 3)
    await keeper.run(rest)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_after_a_kill_the_next_start_leaves_nothing_of_a_delivered_payload(tmp_path: Path) -> None:
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", CRASH, str(tmp_path), SECRET, cwd=REPOSITORY)
    assert await killed.wait() == -9
    assert SECRET.encode() in bytes_in(tmp_path)  # else this would prove nothing
    store = Store.open(tmp_path)
    assert SECRET.encode() not in bytes_in(tmp_path)
    assert await store.of(KEEPER).run(outbox.waiting) == []
    await store.close()
    assert SECRET.encode() not in bytes_in(tmp_path)


async def test_a_reader_that_holds_the_log_open_delays_it_and_nobody_else(
    store: Store, keeper: AccountStore, tmp_path: Path
) -> None:
    cause = await keeper.run(_say, SECRET)
    reader = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    reader.execute("begin")
    assert reader.execute("select count(*) from outbox").fetchone() == (1,)
    await keeper.run(outbox.finish, cause, "done", 2)
    store._connection.execute(
        "pragma busy_timeout=120000"
    )  # who waits for the reader waits longer than any machine works
    async with asyncio.timeout(60):  # it does not wait for the reader
        assert not await store.checkpoint()
        await keeper.run(note, "going on")
    reader.close()
    assert await store.checkpoint()
    assert SECRET.encode() not in bytes_in(tmp_path)


async def test_where_nothing_changed_the_file_is_not_written_anew(store: Store, keeper: AccountStore) -> None:
    await keeper.run(note, "one")
    await store.checkpoint()
    seen: list[str] = []
    store._connection.set_trace_callback(seen.append)
    await store.checkpoint()
    store._connection.set_trace_callback(None)
    assert not [sql for sql in seen if "vacuum" in sql]


def test_what_is_sorted_or_rolled_back_never_lands_in_a_file_of_its_own(tmp_path: Path) -> None:
    async def settings() -> tuple[object, ...]:
        store = Store.open(tmp_path)
        ask = store._connection.execute
        found = tuple(ask(f"pragma {name}").fetchone()[0] for name in ("temp_store", "secure_delete", "journal_mode"))
        await store.close()
        return found

    assert asyncio.run(settings()) == (2, 1, "wal")
