"""Encryption end to end: two engines of ours over the fake homeserver, and everything that may go wrong between."""

from __future__ import annotations

import copy
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import vodozemac
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.matrix import sharing as sharing_module
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.devices import devices_in, one_time_key
from orchestrator.matrix.gateway import route
from orchestrator.matrix.nio_olm import store_of
from orchestrator.matrix.owed import Key
from orchestrator.matrix.own_device import Device
from orchestrator.matrix.seal import Seal
from orchestrator.matrix.signing import canonical, encode64
from orchestrator.model.ids import DeviceId, Json, JsonObject, RoomId
from tests.fakes import FakeHomeserver
from tests.matrix.peers import ANA, BO, KEEPER, Peers, letters

# Talking


async def test_two_devices_read_each_other_in_a_room_of_version_12(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "hello Ana")
    assert await ana.reads() == ["hello Ana"]
    await ana.say(room, "hello keeper")
    assert await keeper.reads() == ["hello Ana", "hello keeper"]


async def test_all_devices_of_a_person_can_read_and_our_own_other_device_too(peers: Peers) -> None:
    keeper, second = await peers.log_in(KEEPER), await peers.log_in(KEEPER)
    phone, laptop = await peers.log_in(ANA), await peers.log_in(ANA)
    room = await peers.room_of(keeper, phone, laptop, second)
    await keeper.say(room, "hello all")
    for peer in (phone, laptop, second):
        assert await peer.reads() == ["hello all"]


async def test_the_echo_of_what_we_said_can_be_read_also_after_a_restart(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "a prompt", more={"org.circlekeeper.cause": "c1"})
    assert await keeper.reads() == ["a prompt"]
    keeper.restart()
    assert keeper.texts() == ["a prompt"]
    opened = keeper.crypto.decrypt(*keeper.heard[0])
    assert opened is not None
    assert opened["content"] == {"msgtype": "m.text", "body": "a prompt", "org.circlekeeper.cause": "c1"}


async def test_after_a_restart_the_device_is_the_same_and_talks_on(peers: Peers, hs: FakeHomeserver) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "before")
    assert await keeper.reads() == ["before"]
    before = keeper.crypto.device
    hs.requests.clear()
    keeper.restart()
    assert keeper.crypto.device == before
    await ana.say(room, "after")
    assert await keeper.reads() == ["before", "after"]
    await keeper.say(room, "I am back")
    assert (await ana.reads())[-1] == "I am back"
    uploads = [request.body for request in hs.requests.of("POST", "/keys/upload", user_id=KEEPER)]
    assert all(isinstance(body, dict) and "device_keys" not in body for body in uploads)


async def test_a_relation_stands_outside_for_servers_and_comes_back_when_it_is_read(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    relation: JsonObject = {"m.in_reply_to": {"event_id": "$question"}}
    await keeper.say(room, "an answer", more={"m.relates_to": relation})
    await ana.turn()
    raw: Any = ana.heard[0][1]
    assert raw["content"]["m.relates_to"] == relation
    opened = ana.crypto.decrypt(*ana.heard[0])
    assert opened is not None
    assert opened["content"] == {"msgtype": "m.text", "body": "an answer", "m.relates_to": relation}
    assert (opened["type"], opened["sender"], opened["event_id"]) == ("m.room.message", KEEPER, raw["event_id"])


async def test_an_edit_that_is_one_inside_alone_is_read_as_what_people_are_shown(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = RoomId((await peers.room_of(keeper, ana)).room_id)
    await ana.crypto.encrypt(room, "m.room.message", {"body": "here"}, [KEEPER, ANA])
    await keeper.turn()
    relation = {"rel_type": "m.replace", "event_id": "$before"}
    inside: JsonObject = {"body": "flood", "m.relates_to": relation}
    sharing = ana.crypto._sharing
    outgoing = sharing._outgoing[room]
    plain = json.dumps({"type": "m.room.message", "content": inside, "room_id": room})
    sealed = sharing._seal(room, outgoing, "m.room.message", {"body": "here"})
    sealed = {**sealed, "ciphertext": outgoing.session.encrypt(plain.encode()).to_base64()}

    def opened(content: JsonObject) -> JsonObject:
        event: JsonObject = {"event_id": "$one", "sender": ANA, "content": content}
        found = keeper.crypto.decrypt(room, event)
        assert found is not None
        read = found["content"]
        assert isinstance(read, dict)
        return read

    assert opened(sealed) == {"body": "flood"}
    assert opened({**sealed, "m.relates_to": relation}) == inside


async def test_an_event_without_the_deprecated_sender_key_and_device_id_is_read(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.say(room, "hello")
    await ana.turn()
    event: Any = copy.deepcopy(ana.heard[0][1])
    del event["content"]["sender_key"], event["content"]["device_id"]
    opened = ana.crypto.decrypt(ana.heard[0][0], event)
    assert opened is not None
    assert opened["type"] == "m.room.message"


# What must not be believed


async def test_an_event_copied_into_another_room_to_another_sender_or_a_second_time_is_not_read(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "!remove bo")
    await keeper.turn()
    (place, event) = keeper.heard[0]
    assert keeper.crypto.decrypt(RoomId("!elsewhere"), event) is None
    assert keeper.crypto.decrypt(place, {**event, "sender": BO}) is None
    assert keeper.crypto.decrypt(place, event) is not None
    assert keeper.crypto.decrypt(place, {**event, "event_id": "$replayed"}) is None
    assert keeper.crypto.decrypt(place, event) is not None, "reading the same event again is no replay"
    assert keeper.crypto.decrypt(place, {**event, "state_key": ""}) is None


async def test_a_session_reads_only_in_the_room_that_its_key_and_its_message_name(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = RoomId((await peers.room_of(keeper, ana)).room_id)
    elsewhere = RoomId("!elsewhere")
    sharing = ana.crypto._sharing
    good = await ana.crypto.encrypt(room, "m.room.message", {"body": "here"}, [KEEPER, ANA])
    await keeper.turn()
    meant_elsewhere = sharing._seal(elsewhere, sharing._outgoing[room], "m.room.message", {"body": "there"})

    def opens(place: RoomId, content: JsonObject) -> bool:
        event: JsonObject = {"event_id": f"${content['ciphertext']}", "sender": ANA, "content": content}
        return keeper.crypto.decrypt(place, event) is not None

    assert opens(room, good)
    assert not opens(room, meant_elsewhere), "the message names another room"
    assert not opens(elsewhere, meant_elsewhere), "the key was given for another room"


async def test_a_member_cannot_pass_anothers_session_off_as_their_own(
    peers: Peers, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(ana, bo)
    kept: list[JsonObject] = []
    monkeypatch.setattr(bo.crypto._machine, "_keep_room_key", lambda _, payload: kept.append(payload))
    await ana.say(room, "before the keeper came")
    await bo.turn()
    hs.person(ANA).invite(room, KEEPER)
    hs.person(KEEPER).join(room)
    await ana.turn()
    await ana.say(room, "mine")
    await keeper.turn()
    assert keeper.texts()[-1] == "mine"
    # Bo holds more of the session than the keeper does, and sends it on as if it were Bo's.
    content: Any = kept[0]["content"]
    await bo.tell(KEEPER, "m.room_key", content)
    assert await keeper.turn() == frozenset()
    keeper.restart()
    assert keeper.texts()[-1] == "mine"
    place, event = keeper.heard[-1]
    assert keeper.crypto.decrypt(place, {**event, "sender": BO, "event_id": "$x"}) is None


async def test_a_key_that_reads_less_does_not_replace_one_that_reads_more(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "first")
    await keeper.turn()
    # Ana's client shares once more, as it stands by now: it cannot read what was said before.
    sharing = ana.crypto._sharing
    key = Key.of(RoomId(room.room_id), sharing._outgoing[RoomId(room.room_id)].session)
    later = ana.crypto._machine.owed.content(key)
    assert later is not None
    await ana.tell(KEEPER, "m.room_key", later)
    assert await keeper.turn() == frozenset()
    keeper.restart()
    assert keeper.texts() == ["first"]


async def test_a_device_that_comes_with_another_fingerprint_is_refused(peers: Peers) -> None:
    keeper = await peers.log_in(KEEPER)
    machine = keeper.crypto._machine
    old = Device(ANA, DeviceId("PHONE"), encode64(b"c" * 32), encode64(b"e" * 32))
    new = Device(ANA, DeviceId("PHONE"), encode64(b"C" * 32), encode64(b"E" * 32))
    machine.learn({ANA: [old]})
    machine.learn({ANA: [new]})
    assert machine.devices(ANA) == [old]
    keeper.restart()
    assert keeper.crypto._machine.devices(ANA) == [old]


def published(signer: vodozemac.Account, **change: Any) -> dict[str, Any]:
    """Ana's phone as /keys/query shows it, signed by itself after a change."""
    keys = {"curve25519:PHONE": encode64(b"c" * 32), "ed25519:PHONE": signer.ed25519_key.to_base64()}
    algorithms = ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"]
    bare = {"user_id": ANA, "device_id": "PHONE", "algorithms": algorithms, "keys": keys, **change}
    return {**bare, "signatures": {ANA: {"ed25519:PHONE": signer.sign(canonical(bare)).to_base64()}}}


def test_only_devices_that_signed_their_own_keys_are_taken() -> None:
    signer = vodozemac.Account()
    fingerprint = signer.ed25519_key.to_base64()
    good = published(signer)
    assert devices_in(ANA, {"PHONE": {**good, "unsigned": {"device_display_name": "x"}}}) == [
        Device(ANA, DeviceId("PHONE"), encode64(b"c" * 32), fingerprint)
    ]
    for spoilt in (
        {**good, "algorithms": [*good["algorithms"], "more"]},
        {**good, "signatures": {ANA: {"ed25519:PHONE": encode64(bytes(64))}}},
        {**good, "signatures": {}},
        published(signer, user_id=BO),
        published(signer, device_id="LAPTOP"),
        published(signer, algorithms=["m.olm.v1.curve25519-aes-sha2"]),
        published(signer, keys={"ed25519:PHONE": fingerprint}),
        published(signer, keys={"ed25519:PHONE": fingerprint, "curve25519:PHONE": encode64(b"c" * 31)}),
        published(signer, keys={"ed25519:PHONE": fingerprint, "curve25519:PHONE": "é"}),
    ):
        assert devices_in(ANA, {"PHONE": spoilt}) == []
        assert len(devices_in(ANA, {"LAPTOP": spoilt, "PHONE": good})) == 1, "one bad device harms only itself"
    assert devices_in(BO, {"PHONE": good}) == []


def test_a_one_time_key_counts_only_with_the_signature_of_its_device() -> None:
    signer, other = vodozemac.Account(), vodozemac.Account()
    device = Device(ANA, DeviceId("PHONE"), encode64(b"c" * 32), signer.ed25519_key.to_base64())

    def claimed(by: vodozemac.Account, name: str = "signed_curve25519:A") -> Json:
        signature = by.sign(canonical({"key": "k"})).to_base64()
        return {ANA: {"PHONE": {name: {"key": "k", "signatures": {ANA: {"ed25519:PHONE": signature}}}}}}

    assert one_time_key(device, claimed(signer)) == "k"
    assert one_time_key(device, claimed(other)) is None
    assert one_time_key(device, claimed(signer, "curve25519:A")) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda j: st.lists(j) | st.dictionaries(st.text(), j)
    )
)
def test_no_answer_about_devices_however_malformed_breaks_anything(junk: Json) -> None:
    device = Device(ANA, DeviceId("PHONE"), encode64(b"c" * 32), encode64(b"e" * 32))
    assert devices_in(ANA, junk) == []
    assert devices_in(ANA, {"PHONE": junk}) == []
    assert one_time_key(device, junk) is None
    assert one_time_key(device, {ANA: {"PHONE": {"signed_curve25519:A": junk}}}) is None


async def test_a_device_whose_keys_are_of_the_wrong_length_harms_nobody_else(peers: Peers, hs: FakeHomeserver) -> None:
    """Handed to vodozemac, such a key aborts past ``Exception``: one member's device would stop the bot."""
    keeper, ana, bo = await peers.log_in(KEEPER), await peers.log_in(ANA), await peers.log_in(BO)
    room = await peers.room_of(keeper, ana, bo)
    stored: Any = hs.keys.device(BO, bo.device)
    stored["keys"][f"ed25519:{bo.device}"] = encode64(b"x" * 33)
    await keeper.say(room, "hello")
    assert await ana.reads() == ["hello"]


# To-device messages


async def test_a_replayed_answer_of_sync_does_nothing_again_and_names_the_same_sessions(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "hello")
    known = await keeper.turn(upkeep=False)
    assert len(known) == 1
    answer = keeper.last
    assert await keeper.crypto.receive(answer) == known
    keeper.restart()
    assert await keeper.crypto.receive(answer) == known
    assert keeper.crypto._machine.wedged() == []
    assert keeper.texts() == ["hello"]
    await keeper.say(room, "I heard you")
    assert (await ana.reads())[-1] == "I heard you"


async def test_one_bad_to_device_message_harms_only_itself(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "hello")
    query = {"timeout": "0", "since": keeper.since or ""}
    answer: Any = await keeper.gateway.call("GET", route("sync"), query=query)
    good = answer["to_device"]["events"]
    assert len(good) == 1
    ours = keeper.crypto.device.curve25519

    def olm(body: Any, kind: Any = 0, sender_key: Any = "k", sender: Any = ANA) -> Any:
        content = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": sender_key}
        return {
            "type": "m.room.encrypted",
            "sender": sender,
            "content": {**content, "ciphertext": {ours: {"type": kind, "body": body}}},
        }

    real = good[0]["content"]["ciphertext"][ours]["body"]
    bad: list[Any] = [
        None,
        [],
        "m.room.encrypted",
        {},
        {"type": "m.room.encrypted"},
        {"type": 7, "sender": [], "content": None},
        {"type": "m.room_key", "sender": ANA, "content": {"session_key": "x"}},
        {"type": "m.room_key_request", "sender": ANA, "content": {}},
        {"type": "m.key.verification.start", "sender": ANA, "content": {}},
        olm(""),
        olm("AAAA"),
        olm("not base64 \udc80"),
        olm(7),
        olm(real, kind=1),
        olm(real, kind=2),
        olm(real, kind=-1),
        olm(real, kind=10**30),
        olm(real[:-20]),
        olm(real, sender_key="short"),
        olm(real, sender_key=encode64(b"x" * 33)),
        olm(real, sender_key=encode64(b"\0" * 32)),
        olm(encode64(b"\3" + bytes(200)), sender_key=ana.crypto.device.curve25519),
        olm(real, sender=BO, sender_key=ana.crypto.device.curve25519),
    ]
    known = await keeper.crypto.receive({"to_device": {"events": [*bad[:12], *good, *bad[12:]]}})
    assert len(known) == 1
    assert await keeper.reads() == ["hello"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from([0, 1]),
    key=st.binary(min_size=31, max_size=33),
    more=st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5), max_size=2),
)
async def test_no_bytes_in_an_olm_message_raise(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, kind: int, key: bytes, more: dict[str, Any]
) -> None:
    with _machine(tmp_path_factory.mktemp("fuzz")) as crypto:
        ciphertext = {crypto.device.curve25519: {"type": kind, "body": encode64(b"\3" + body)}}
        content: dict[str, Any] = {"sender_key": encode64(key), "ciphertext": ciphertext}
        content["algorithm"] = "m.olm.v1.curve25519-aes-sha2"
        event: JsonObject = {"type": "m.room.encrypted", "sender": ANA, "content": {**content, **more}}
        assert await crypto.receive({"to_device": {"events": [event]}}) == frozenset()
        megolm = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "s", "ciphertext": encode64(body)}
        assert crypto.decrypt(RoomId("!r"), {"event_id": "$e", "sender": ANA, "content": megolm}) is None


async def test_sections_of_an_answer_that_make_no_sense_are_left_alone(tmp_path: Path) -> None:
    with _machine(tmp_path) as crypto:
        junk: Any
        for junk in (None, 7, "x", [], {}, {"events": 7}, {"changed": 7, "left": [None, 3]}):
            for part in ("to_device", "device_lists", "device_one_time_keys_count", "device_unused_fallback_key_types"):
                assert await crypto.receive({part: junk}) == frozenset()


async def test_a_device_whose_sessions_were_lost_is_mended_from_our_side(peers: Peers) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await ana.say(room, "one")
    await keeper.turn()
    await keeper.say(room, "two")
    assert await ana.reads() == ["one", "two"]
    # From here on Ana writes on a session that both confirmed; the keeper loses it.
    keeper.crypto.close()
    with sqlite3.connect(store_of(keeper.directory, KEEPER, keeper.device)) as database:
        database.execute("delete from olmsessions")
    database.close()
    keeper.restart()
    await ana.crypto.encrypt(RoomId(room.room_id), "m.room.message", {}, [KEEPER, ANA], fresh=True)
    assert await keeper.turn() == frozenset()
    await ana.turn()
    ana.crypto.members_changed(RoomId(room.room_id))
    await ana.say(room, "three")
    assert (await keeper.reads())[-1] == "three"


async def test_a_session_on_a_one_time_key_that_we_lost_is_mended_from_our_side(
    peers: Peers, hs: FakeHomeserver
) -> None:
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    room = await peers.room_of(keeper, ana)
    await keeper.crypto._lists.refresh([ANA])
    file = store_of(keeper.directory, KEEPER, keeper.device)
    old = file.read_bytes()
    for _ in range(50):
        hs.keys.claim({KEEPER: {keeper.device: "signed_curve25519"}})
    await keeper.turn()
    await ana.say(room, "one")
    keeper.crypto.close()
    file.write_bytes(old)
    keeper.restart()
    assert await keeper.reads() == [None]
    await ana.turn()
    ana.crypto.members_changed(RoomId(room.room_id))
    await ana.say(room, "two")
    assert await keeper.reads() == [None, "two"]


async def test_nothing_that_came_is_quoted_in_a_log(peers: Peers, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    keeper, ana = await peers.log_in(KEEPER), await peers.log_in(ANA)
    odd: Any
    for odd in ("a-secret-word", {"room_id": 7, "algorithm": "a-secret-word"}, {"a-secret-word": ["a-secret-word"]}):
        await ana.tell(KEEPER, "m.room_key", odd)
        await ana.tell(KEEPER, "a-secret-word", odd)
    await keeper.turn()
    assert len(letters(keeper)) == 6
    assert "a-secret-word" not in caplog.text


def test_neither_the_engine_nor_its_errors_show_a_key(tmp_path: Path) -> None:
    with _machine(tmp_path) as crypto:
        assert crypto.device.curve25519 not in repr(crypto)
    session = vodozemac.GroupSession()
    outgoing, key = sharing_module.Outgoing(session, 0), Key.of(RoomId("!r"), session)
    assert not any(session.session_key.to_base64()[8:40] in shown for shown in (repr(outgoing), repr(key)))


@contextmanager
def _machine(directory: Path) -> Iterator[Crypto]:
    gateway: Any = None
    clock: Any = None
    crypto = Crypto.open(gateway, directory / "crypto", KEEPER, DeviceId("ONE"), Seal(bytes(32)), clock)
    try:
        yield crypto
    finally:
        crypto.close()
