"""Our own device: the keys it publishes, and what of it lies on disk."""

from __future__ import annotations

import copy
import stat
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import IdentityError, SecretError, StoreError
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.own_device import Device
from orchestrator.matrix.seal import Seal
from orchestrator.matrix.signing import encode64
from orchestrator.model.clock import MINUTE_MS, SECOND_MS
from orchestrator.model.ids import DeviceId
from tests.fakes import FakeHomeserver, HtmlError
from tests.matrix.peers import ANA, KEEPER, Peers, letters

# Our own keys


async def test_one_time_keys_are_filled_up_and_the_fallback_key_is_renewed_when_it_was_used(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    assert hs.keys.counts(KEEPER, keeper.device)["signed_curve25519"] == 50
    assert hs.keys.unused_fallbacks(KEEPER, keeper.device) == ["signed_curve25519"]
    claimed: dict[str, Any] = {}
    for _ in range(51):
        claimed = hs.keys.claim({KEEPER: {keeper.device: "signed_curve25519"}})
    (name, key) = next(iter(claimed["one_time_keys"][KEEPER][keeper.device].items()))
    assert key["fallback"] is True
    assert hs.keys.unused_fallbacks(KEEPER, keeper.device) == []
    # Ana begins with the fallback key, which is all there is.
    room = await peers.room_of(ana)
    hs.person(ANA).invite(room, KEEPER)
    hs.person(KEEPER).join(room)
    await ana.turn()
    await ana.say(room, "hello on the spare key")
    hs.clock.advance(11 * MINUTE_MS)
    assert (await keeper.reads())[-1] == "hello on the spare key"
    assert hs.keys.counts(KEEPER, keeper.device)["signed_curve25519"] == 50
    assert hs.keys.unused_fallbacks(KEEPER, keeper.device) == ["signed_curve25519"]
    for _ in range(51):
        claimed = hs.keys.claim({KEEPER: {keeper.device: "signed_curve25519"}})
    assert name not in claimed["one_time_keys"][KEEPER][keeper.device]


async def test_a_start_outlives_a_server_that_is_in_trouble_for_a_moment(peers: Peers, hs: FakeHomeserver) -> None:
    keeper = await peers.log_in(KEEPER, published=False)
    pauses: list[float] = []

    async def pause(pause_s: float) -> None:
        pauses.append(pause_s)

    keeper.gateway._sleep = pause
    hs.faults.add(HtmlError(502), "POST", "/keys/query", times=2)
    hs.faults.add(HtmlError(502), "POST", "/keys/upload", times=1)
    await keeper.crypto.publish()
    assert hs.keys.device(KEEPER, keeper.device) is not None
    assert len(pauses) == 3


async def test_keys_that_a_crash_kept_from_being_published_are_published_as_they_are(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper = await peers.log_in(KEEPER, published=False)
    body = keeper.crypto._machine.own.publication(one_time=0, fallback=True)
    keeper.restart()
    assert keeper.crypto._machine.own.publication(one_time=0, fallback=True) == body
    await keeper.crypto.publish()
    again = hs.requests.of("POST", "/keys/upload")[-1].body
    assert again == body


async def test_a_one_time_key_that_was_used_is_gone_from_the_disk(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "hello")
    await keeper.turn(upkeep=False)
    keeper.restart()
    letter: Any = letters(keeper)[0]
    machine = keeper.crypto._machine
    content = letter["content"]
    sessions = machine._olm.session_store[content["sender_key"]]
    sessions.clear()
    machine._read(ANA, content["sender_key"], 0, content["ciphertext"][machine.device.curve25519]["body"])
    assert sessions == [], "whoever has the message and the disk could read it again"


async def test_names_of_one_time_keys_that_are_taken_are_passed_over(peers: Peers, hs: FakeHomeserver) -> None:
    keeper = await peers.log_in(KEEPER)
    (file,) = keeper.directory.iterdir()
    old = file.read_bytes()
    for _ in range(3):
        hs.keys.claim({KEEPER: {keeper.device: "signed_curve25519"}})
    await keeper.turn()
    hs.keys.claim({KEEPER: {keeper.device: "signed_curve25519"}})
    keeper.crypto.close()
    file.write_bytes(old)
    keeper.restart()
    await keeper.turn()
    assert [seen.status for seen in hs.requests.of("POST", "/keys/upload")][-1] == 400, "else there is nothing to mend"
    hs.clock.advance(10 * SECOND_MS)
    await keeper.turn()
    assert hs.keys.counts(KEEPER, keeper.device)["signed_curve25519"] == 50


async def test_a_device_that_the_server_knows_with_other_keys_is_not_overwritten(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper = await peers.log_in(KEEPER)
    published = copy.deepcopy(hs.keys.device(KEEPER, keeper.device))
    keeper.directory = keeper.directory.with_name("lost")
    keeper.restart()
    with pytest.raises(IdentityError, match="log this device out"):
        await keeper.crypto.publish()
    with pytest.raises(IdentityError):
        await keeper.crypto.upkeep()
    assert hs.keys.device(KEEPER, keeper.device) == published


# What lies on disk


async def test_no_name_and_no_word_of_anybody_is_ever_on_disk(peers: Peers, tmp_path: Path) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA, shown_as="Anas-telephone-of-sorrow")
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "words-of-the-keeper")
    await ana.say(room, "words-of-ana")
    assert await keeper.reads() == ["words-of-the-keeper", "words-of-ana"]
    await ana.turn()

    def found() -> list[str]:
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert len(files) == 2
        words = ("Anas-telephone-of-sorrow", "words-of-the-keeper", "words-of-ana")
        shapes = [(word, code) for word in words for code in (word.encode(), word.encode("utf-16-le"))]
        return [f"{word} in {path.name}" for path, data in files.items() for word, code in shapes if code in data]

    assert found() == []
    assert any(ANA.encode() in path.read_bytes() for path in keeper.directory.iterdir()), "the search looks in vain"
    keeper.crypto.close()
    assert found() == []


async def test_the_store_is_for_us_alone_and_keeps_nothing_that_was_deleted(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "hello")
    await keeper.say(room, "hello")
    await keeper.turn()
    (file,) = keeper.directory.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(keeper.directory.stat().st_mode) == 0o700
    phone = ana.device.encode()
    assert phone in file.read_bytes()
    keeper.crypto.forget(ANA)
    assert keeper.texts() == [None, "hello"]
    assert keeper.crypto._machine.devices(ANA) == []
    assert phone not in file.read_bytes()
    assert ANA.encode() not in file.read_bytes()
    await keeper.say(room, "you again")
    assert (await ana.reads())[-1] == "you again"


async def test_another_secret_key_does_not_open_the_store(peers: Peers) -> None:
    keeper = await peers.log_in(KEEPER)
    keeper.crypto.close()
    with pytest.raises(SecretError, match="another secret key"):
        Crypto.open(keeper.gateway, keeper.directory, KEEPER, keeper.device, Seal(b"other" + bytes(27)), keeper.clock)
    keeper.restart()


async def test_a_store_that_is_damaged_or_full_says_so(peers: Peers) -> None:
    keeper = await peers.log_in(KEEPER)
    engine, machine = keeper.crypto._machine._engine, keeper.crypto._machine
    (pages,) = engine.execute("pragma page_count").fetchone()
    engine.execute(f"pragma max_page_count = {pages}")
    many = [Device(ANA, DeviceId(f"D{n}"), encode64(b"c" * 32), encode64(b"e" * 32)) for n in range(1000)]
    with pytest.raises(StoreError, match="has room"):
        machine.learn({ANA: many})
    keeper.crypto.close()
    (file,) = keeper.directory.iterdir()
    file.write_bytes(b"nothing like a database" * 100)
    with pytest.raises(StoreError, match="cannot be kept"):
        keeper.restart()


async def test_an_answer_that_cannot_be_written_is_not_taken(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "hello")
    keeper.crypto._machine._engine.execute("pragma query_only = 1")
    with pytest.raises(StoreError, match="cannot be kept"):
        await keeper.turn()
    keeper.restart()
    assert await keeper.reads() == ["hello"]


async def test_many_sessions_with_one_device_are_kept_in_bounds(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "hello")
    await ana.turn()
    ours = await ana.others(KEEPER)
    for number in range(12):
        assert await ana.crypto._lists.meet(ours, anew=True)
        await ana.crypto._sharing.tell(ours, "m.dummy", {"number": number})
    await keeper.turn()
    engine, sender = keeper.crypto._machine._engine, ana.crypto.device.curve25519
    (count,) = engine.execute("select count(*) from olmsessions where sender_key = ?", sender).fetchone()
    assert count == 8
    await ana.say(room, "still here")
    assert (await keeper.reads())[-1] == "still here"
