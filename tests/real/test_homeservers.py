"""What other tests stand on: homeservers, the link between them, and the people in them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import nio
import pytest

from orchestrator.errors import BadRequest, Forbidden, RateLimited, SetupError
from orchestrator.local import Limits, LocalHomeserver
from orchestrator.local.ports import HeldPort
from orchestrator.model.ids import RoomId, server_of
from tests.real.encrypted_person import EncryptedPerson
from tests.real.homeservers import FederatingPair
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import V3, eventually, new_account

pytestmark = pytest.mark.real


async def shared_room(host: Person, *guests: Person, encrypted: bool = False) -> RoomId:
    """A v12 room in which all of them are, however many servers that takes."""
    room = await host.create_room(name="Tuesday", invite=[guest.user_id for guest in guests], encrypted=encrypted)
    for guest in guests:
        await guest.until_invited()
        await guest.join(room, via=[server_of(host.user_id)])
        await host.until_joined(room, guest.user_id)
    return room


async def test_people_on_two_servers_talk_in_a_v12_room(pair: FederatingPair, people: People) -> None:
    ana, bo = await people.plain(pair.a, "ana"), await people.plain(pair.b, "bo")
    room = await shared_room(ana, bo)
    assert (await bo.state(room, "m.room.create"))["room_version"] == "12"
    await ana.say(room, "hello from here")
    await bo.until_body(room, "hello from here")
    await bo.say(room, "and from there")
    heard = await ana.until_body(room, "and from there")
    assert heard.sender == bo.user_id
    assert heard.sender.endswith(pair.b.server_name)


async def test_what_both_sides_wrote_while_the_link_was_cut_reaches_both_after_it_heals(
    pair: FederatingPair, people: People
) -> None:
    ana, bo = await people.plain(pair.a, "ana"), await people.plain(pair.b, "bo")
    room = await shared_room(ana, bo)
    await pair.cut()
    # More than the ten that a server asks for at once when it finds that it missed something.
    here, there = ({f"{side} {n}" for n in range(15)} for side in ("here", "there"))
    for text in sorted(here):
        await ana.say(room, text)
    for text in sorted(there):
        await bo.say(room, text)

    async def told(person: Person) -> set[str]:
        return {seen.body for seen in await person.history(room)} & (here | there)

    assert await told(ana) == here
    assert await told(bo) == there
    await pair.heal()

    async def all_known() -> bool:
        return await told(ana) == await told(bo) == here | there

    await eventually(all_known, "every message reaching both sides")


async def test_healing_a_whole_link_changes_nothing(pair: FederatingPair, people: People) -> None:
    await pair.heal()
    ana, bo = await people.plain(pair.a, "ana"), await people.plain(pair.b, "bo")
    room = await shared_room(ana, bo)
    await pair.cut()
    await pair.cut()
    await pair.heal()
    await pair.heal()
    await bo.say(room, "still here")
    await ana.until_body(room, "still here")


async def test_a_gap_in_sync_is_filled(homeserver: LocalHomeserver, people: People) -> None:
    ana, bo = await people.plain(homeserver, "ana"), await people.plain(homeserver, "bo")
    room = await shared_room(ana, bo)
    await bo.sync()
    bo.page = 3
    texts = [f"message {n}" for n in range(20)]
    for text in texts:
        await ana.say(room, text)
    await bo.until_body(room, texts[-1])
    assert [seen.body for seen in bo.timeline(room) if seen.body] == texts


async def test_default_limits_answer_429_with_retry_after_once_the_burst_is_spent(
    default_limits_homeserver: LocalHomeserver, people: People
) -> None:
    ana = await people.plain(default_limits_homeserver, "ana")
    room = await ana.create_room()
    answers = await asyncio.gather(*(ana.say(room, f"message {n}") for n in range(40)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert all(isinstance(answer, str | RateLimited) for answer in answers)
    # The burst is 10, one of which the room took; at 4 a second a few more trickle in while we send.
    assert len(answers) - len(refused) >= 9
    waits_ms = [error.retry_after_ms for error in refused if error.retry_after_ms is not None]
    assert len(waits_ms) == len(refused)
    # Synapse rounds down, so "at once" happens too.
    assert 0 < max(waits_ms) <= 250

    async def header() -> str | None:
        path = f"{ana.url}{V3}/rooms/{room}/send/m.room.message/{secrets.token_hex(4)}"
        async with http.put(path, json={"body": "x", "msgtype": "m.text"}) as answer:
            return answer.headers.get("Retry-After")

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {ana.token}"}) as http:
        assert "1" in await asyncio.gather(*(header() for _ in range(20)))


async def test_an_exempt_person_meets_no_limit(default_limits_homeserver: LocalHomeserver, people: People) -> None:
    bo = await people.plain(default_limits_homeserver, "bo", exempt=True)
    room = await bo.create_room()
    texts = [f"message {n}" for n in range(25)]
    for text in texts:
        await bo.say(room, text)
    assert [seen.body for seen in await bo.history(room) if seen.body] == texts


async def test_a_person_does_what_members_do(homeserver: LocalHomeserver, people: People) -> None:
    ana, bo = await people.plain(homeserver, "ana"), await people.plain(homeserver, "bo")
    room = await ana.direct_room(bo.user_id)
    assert await bo.until_invited() == room
    with pytest.raises(Forbidden):
        await bo.say(room, "not yet")
    await bo.join(room)
    await bo.set_display_name("Bo the Second")
    await ana.until_event(room, lambda seen: seen.content.get("displayname") == "Bo the Second")
    said = await bo.say(room, "oops", mentions=[ana.user_id])
    heart = await ana.react(room, said, "❤️")
    seen = await bo.until_event(room, lambda seen: seen.id == heart)
    assert seen.content["m.relates_to"] == {"rel_type": "m.annotation", "event_id": said, "key": "❤️"}
    await bo.redact(room, said, "typo")
    assert (await bo.event(room, said)).body == ""
    await ana.put_state(room, "m.room.topic", {"topic": "us"})
    await bo.until(lambda: bo.rooms[room].state.get(("m.room.topic", "")))
    assert (await bo.state(room, "m.room.topic"))["topic"] == "us"
    assert await ana.members(room) == {ana.user_id, bo.user_id}
    await bo.leave(room)
    await bo.until(lambda: bo.rooms[room].membership == "leave")
    assert await ana.members(room) == {ana.user_id}


async def test_encrypted_people_on_two_servers_read_each_other_and_the_servers_read_neither(
    pair: FederatingPair, people: People
) -> None:
    ana, bo = await people.encrypted(pair.a, "ana"), await people.encrypted(pair.b, "bo")
    room = await shared_room(ana, bo, encrypted=True)
    await ana.say(room, "just between us")
    heard = await bo.until_body(room, "just between us")
    assert heard.encrypted
    await bo.say(room, "of course")
    assert (await ana.until_body(room, "of course")).encrypted
    assert [seen.body for seen in await ana.history(room) if seen.encrypted] == ["just between us", "of course"]
    raw = await ana.request("GET", f"/rooms/{room}/event/{heard.id}")
    assert raw["type"] == "m.room.encrypted"
    assert "just between us" not in str(raw)


async def test_a_key_that_comes_late_opens_what_came_before_it(homeserver: LocalHomeserver, people: People) -> None:
    ana, bo = await people.encrypted(homeserver, "ana"), await people.encrypted(homeserver, "bo")
    room = await shared_room(ana, bo, encrypted=True)
    said = await ana.say(room, "wait for it")
    # The key is on its way in /sync, which bo has not asked for yet.
    assert (await bo.event(room, said)).type == "m.room.encrypted"
    await bo.until_body(room, "wait for it")
    assert (await bo.event(room, said)).body == "wait for it"


async def test_who_leaves_reads_nothing_said_afterwards(homeserver: LocalHomeserver, people: People) -> None:
    ana, bo = await people.encrypted(homeserver, "ana"), await people.encrypted(homeserver, "bo")
    room = await shared_room(ana, bo, encrypted=True)
    first = await ana.say(room, "first")
    await bo.until_body(room, "first")
    await ana.kick(room, bo.user_id)
    second = await ana.say(room, "second")
    sessions = [
        (await ana.request("GET", f"/rooms/{room}/event/{id_}"))["content"]["session_id"] for id_ in (first, second)
    ]
    assert sessions[0] != sessions[1]


async def test_one_who_trusts_only_cross_signed_devices_keeps_their_room_key_from_the_others(
    homeserver: LocalHomeserver, people: People
) -> None:
    strict = await people.encrypted(homeserver, "ana", only_cross_signed=True)
    unsigned = await people.encrypted(homeserver, "bo", cross_signed=False)
    signed = await people.encrypted(homeserver, "cy")
    room = await shared_room(strict, unsigned, signed, encrypted=True)
    await strict.say(room, "for signed devices")
    await signed.until_body(room, "for signed devices")
    unread = await unsigned.until_event(room, lambda seen: seen.sender == strict.user_id and seen.state_key is None)
    assert unread.type == "m.room.encrypted"
    assert strict.withheld[room] == {(unsigned.user_id, unsigned.device_id)}
    # Nor does she read them, though the key came.
    await unsigned.say(room, "can you hear me?")
    await signed.until_body(room, "can you hear me?")
    ignored = await strict.until_event(room, lambda seen: seen.sender == unsigned.user_id and seen.state_key is None)
    assert ignored.type == "m.room.encrypted"

    await unsigned.cross_sign()
    await strict.say(room, "welcome")
    await unsigned.until_body(room, "welcome")
    assert strict.withheld[room] == set()


async def test_a_second_device_is_trusted_when_its_owner_signed_it(homeserver: LocalHomeserver, people: People) -> None:
    strict = await people.encrypted(homeserver, "ana", only_cross_signed=True)
    user_id, password = await new_account(homeserver, "bo")
    phone = await people.keep(await EncryptedPerson.log_in(homeserver.url, user_id, password))
    laptop = await people.keep(await EncryptedPerson.log_in(homeserver.url, user_id, password, identity=phone.identity))
    room = await shared_room(strict, phone, encrypted=True)
    await strict.say(room, "to both")
    await phone.until_body(room, "to both")
    await laptop.until_body(room, "to both")


async def test_an_encrypted_person_and_nio_read_each_other(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    user_id, password = await new_account(homeserver, "bo")
    bo = nio.AsyncClient(
        homeserver.url,
        user_id,
        store_path=str(tmp_path),
        config=nio.AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False, pickle_key="a real key"),
    )
    try:
        await bo.login(password)
        room = await ana.create_room(invite=[user_id], encrypted=True)
        await bo.join(room)
        await bo.sync(0, full_state=True)
        await bo.keys_upload()
        await ana.say(room, "to nio")
        heard = (await bo.sync(5_000)).rooms.join[room].timeline.events[-1]
        assert heard.decrypted
        assert heard.body == "to nio"
        await bo.keys_query()
        text = {"msgtype": "m.text", "body": "from nio"}
        await bo.room_send(room, "m.room.message", text, ignore_unverified_devices=True)
        assert (await ana.until_body(room, "from nio")).encrypted
    finally:
        await bo.close()
        bo.store.database.close()


async def test_users_and_rooms_survive_a_restart_and_the_address_stays(tmp_path: Path) -> None:
    server = LocalHomeserver(tmp_path / "home", "grove.example")
    async with server:
        url = server.url
        user_id = await server.register("ana", "a secret", display_name="Ana")
        async with await Person.log_in(url, user_id, "a secret") as ana:
            room = await ana.create_room(name="Tuesday")
    assert user_id == "@ana:grove.example"
    async with server:
        assert server.url == url
        async with await Person.log_in(server.url, user_id, "a secret") as ana:
            assert (await ana.state(room, "m.room.name"))["name"] == "Tuesday"
        with pytest.raises(BadRequest) as taken:
            await server.register("ana", "another")
        assert taken.value.errcode == "M_USER_IN_USE"
        with pytest.raises(SetupError, match="Another homeserver is running"):
            await LocalHomeserver(tmp_path / "home", "grove.example").start()
    with pytest.raises(SetupError, match="holds the homeserver grove"):
        await LocalHomeserver(tmp_path / "home", "thicket.example").start()


async def test_a_port_that_somebody_else_took_meanwhile_is_given_up_for_another(tmp_path: Path) -> None:
    thieves: list[socket.socket] = []

    def hold(address: str, port: int) -> HeldPort:
        held = HeldPort(address, port)
        if not thieves:
            held.close()
            thieves.append(socket.create_server((address, held.number)))
        return held

    try:
        async with LocalHomeserver(tmp_path, "grove.example", hold=hold) as server:
            await server.register("ana", "a secret")
            assert not server.url.endswith(f":{thieves[0].getsockname()[1]}")
    finally:
        thieves[0].close()


async def test_a_homeserver_that_cannot_start_says_what_its_log_says(tmp_path: Path) -> None:
    (tmp_path / "homeserver.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(SetupError, match="file is not a database"):
        await LocalHomeserver(tmp_path, "grove.example").start()


async def test_an_unusable_data_directory_and_a_missing_synapse_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"cannot use .*: Not a directory"):
        await LocalHomeserver(tmp_path / "file" / "home", "grove.example").start()
    monkeypatch.setitem(sys.modules, "synapse", None)
    with pytest.raises(SetupError, match=r"pip install 'circlekeeper\[homeserver\]'"):
        await LocalHomeserver(tmp_path, "grove.example").start()


def test_scaled_limits_keep_the_ratios_and_the_bursts() -> None:
    limits = Limits.scaled(20).settings()
    assert limits["rc_message"] == {"per_second": 4, "burst_count": 10}
    assert limits["rc_room_creation"] == {"per_second": pytest.approx(0.32), "burst_count": 10}
    assert Limits.stock().settings() == {}
    with pytest.raises(ValueError, match="above 0"):
        Limits.scaled(0)


if sys.platform == "linux":

    def test_synapse_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
        command = [sys.executable, "-c", _HOST, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as host:  # noqa: S603 - our own code
            assert host.stdout is not None
            synapse = os.pidfd_open(int(host.stdout.readline()))
            try:
                assert not select.select([synapse], [], [], 0)[0]
                host.send_signal(signal.SIGKILL)
                assert select.select([synapse], [], [], 60)[0], "Synapse outlived its parent"
            finally:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(synapse, signal.SIGKILL)
                os.close(synapse)


_HOST = """
import asyncio, pathlib, sys
from orchestrator.local import LocalHomeserver

async def main():
    async with LocalHomeserver(pathlib.Path(sys.argv[1]), "grove.example") as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
