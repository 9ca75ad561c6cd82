"""Encryption on real Synapses: what the fake homeserver cannot promise."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from orchestrator.errors import IdentityError, SecretError
from orchestrator.local import LocalHomeserver
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.gateway import Gateway, route
from orchestrator.matrix.identity import ensure_identity, make_recovery_key
from orchestrator.matrix.nio_olm import store_of
from orchestrator.matrix.seal import Seal
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import AccountKey, RoomId, UserId, server_of
from orchestrator.store import AccountStore, Store
from tests.matrix.peers import Peer
from tests.real.ahead import Ahead
from tests.real.encrypted_person import EncryptedPerson
from tests.real.homeservers import FederatingPair
from tests.real.keys import DeviceName
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import eventually, log_in, new_account

pytestmark = pytest.mark.real


class Keepers:
    """Logs bots in for one test."""

    def __init__(self, stack: AsyncExitStack, directory: Path) -> None:
        self._stack, self._directory = stack, directory
        self.store = Store.open(directory / "store").of(AccountKey("keeper"))

    async def log_in(self, homeserver: LocalHomeserver, account: tuple[UserId, str]) -> Peer:
        """Log in to an account as a new device; its keys are not published yet."""
        login, clock = await log_in(homeserver.url, *account), Ahead()
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        gateway = Gateway(session, login.url, clock, random.Random(1))  # noqa: S311 - jitter
        gateway.token = login.token
        directory, seal = self._directory / login.device_id, Seal(bytes(32))
        crypto = Crypto.open(gateway, directory, login.user_id, login.device_id, seal, clock)
        peer = Peer(login.user_id, login.device_id, gateway, crypto, directory, seal, clock)
        self._stack.callback(lambda: peer.crypto.close())  # noqa: PLW0108 - the one it has at the end
        return peer

    async def keeper(self, homeserver: LocalHomeserver) -> Peer:
        """A bot with an identity, that has taken its first answer of /sync."""
        peer = await self.log_in(homeserver, await new_account(homeserver, "keeper"))
        await ensure(peer, self.store)
        await peer.turn()
        return peer


@pytest.fixture
async def keepers(tmp_path: Path) -> AsyncIterator[Keepers]:
    async with AsyncExitStack() as stack:
        made = Keepers(stack, tmp_path)
        yield made
        await made.store._store.close()


async def ensure(peer: Peer, store: AccountStore, **how: Any) -> None:
    await ensure_identity(peer.gateway, store, peer.seal, peer.crypto, **how)


async def room_with(host: Person, keeper: Peer, *guests: Person) -> RoomId:
    """An encrypted v12 room with a bot and people in it."""
    room = await host.create_room(invite=[keeper.user, *(guest.user_id for guest in guests)], encrypted=True)
    for guest in guests:
        await guest.until_invited()
        await guest.join(room, via=[server_of(host.user_id)])
    await eventually(lambda: _joins(keeper, room, server_of(host.user_id)), "the bot joining")
    for user in (keeper.user, *(guest.user_id for guest in guests)):
        await host.until_joined(room, user)
    await keeper.turn()
    return room


async def _joins(keeper: Peer, room: RoomId, via: str) -> bool:
    await keeper.gateway.call("POST", route("join", room), query={"via": via}, patience_s=10)
    return True


async def hears(keeper: Peer, text: str) -> None:
    async def heard() -> bool:
        return text in await keeper.reads()

    await eventually(heard, f"the bot hearing {text!r}")


def is_signed_device(answer: dict[Any, Any], keeper: Peer) -> bool:
    device = answer.get(DeviceName(keeper.user, keeper.device))
    return device is not None and device.cross_signed


async def test_who_has_an_app_that_can_read_is_known_on_both_servers(
    pair: FederatingPair, people: People, keepers: Keepers
) -> None:
    keeper = await keepers.keeper(pair.a)
    ana, bo = await people.encrypted(pair.a, "ana"), await people.encrypted(pair.b, "bo")
    cy, dee = await people.plain(pair.a, "cy"), await people.plain(pair.b, "dee")
    found = {user: await keeper.crypto.can_read(user) for user in (ana.user_id, bo.user_id, cy.user_id, dee.user_id)}
    assert found == {ana.user_id: True, bo.user_id: True, cy.user_id: False, dee.user_id: False}


async def test_bot_and_people_on_two_servers_read_each_other(
    pair: FederatingPair, people: People, keepers: Keepers
) -> None:
    keeper = await keepers.keeper(pair.a)
    ana, bo = await people.encrypted(pair.a, "ana"), await people.encrypted(pair.b, "bo")
    room = await room_with(ana, keeper, bo)
    members = [keeper.user, ana.user_id, bo.user_id]
    await keeper.say_in(room, "hello from the bot", members, {})
    for person in (ana, bo):
        assert (await person.until_body(room, "hello from the bot")).encrypted
    for person in (ana, bo):
        await person.say(room, f"hello from {person.user_id}")
        await hears(keeper, f"hello from {person.user_id}")


async def test_who_trusts_only_cross_signed_devices_shares_keys_with_the_bot_and_reads_it(
    homeserver: LocalHomeserver, people: People, keepers: Keepers
) -> None:
    ana = await people.encrypted(homeserver, "ana", only_cross_signed=True)
    account = await new_account(homeserver, "keeper")
    keeper = await keepers.log_in(homeserver, account)
    await keeper.crypto.publish()
    await keeper.turn()
    room = await room_with(ana, keeper)
    await ana.say(room, "too early")
    assert ana.withheld[room] == {DeviceName(keeper.user, keeper.device)}, "else this test could not fail"
    await ensure(keeper, keepers.store)
    assert is_signed_device(await ana.devices([keeper.user]), keeper)
    await ana.say(room, "now I can")
    assert ana.withheld[room] == set()
    await hears(keeper, "now I can")
    await keeper.say_in(room, "thank you", [keeper.user, ana.user_id], {})
    assert (await ana.until_body(room, "thank you")).encrypted


async def test_after_a_restart_the_device_is_the_same_and_still_signed(
    homeserver: LocalHomeserver, people: People, keepers: Keepers
) -> None:
    ana, keeper = await people.encrypted(homeserver, "ana", only_cross_signed=True), await keepers.keeper(homeserver)
    room = await room_with(ana, keeper)
    await ana.say(room, "before")
    await hears(keeper, "before")
    before = await ana.devices([keeper.user])
    keeper.restart()
    await ensure(keeper, keepers.store)
    assert await ana.devices([keeper.user]) == before
    assert is_signed_device(before, keeper)
    await ana.say(room, "after")
    await hears(keeper, "after")
    assert keeper.texts() == ["before", "after"]


async def test_an_identity_made_elsewhere_is_kept_recovered_or_reset_with_the_password(
    homeserver: LocalHomeserver, people: People, keepers: Keepers, tmp_path: Path
) -> None:
    account = await new_account(homeserver, "keeper")
    elsewhere = await people.keep(await EncryptedPerson.log_in(homeserver.url, *account))
    keeper = await keepers.log_in(homeserver, account)
    with pytest.raises(IdentityError, match="--reset-identity"):
        await ensure(keeper, keepers.store, password=account[1])
    assert not is_signed_device(await elsewhere.devices([keeper.user]), keeper)
    with pytest.raises(SecretError, match="does not take the password"):
        await ensure(keeper, keepers.store, reset=True, password="wrong")
    await ensure(keeper, keepers.store, reset=True, password=account[1])
    ana = await people.encrypted(homeserver, "ana")
    assert is_signed_device(await ana.devices([keeper.user]), keeper)
    # The recovery key takes the identity over to another place, with nothing else.
    recovery_key = await make_recovery_key(keeper.gateway, keepers.store, keeper.seal, keeper.user)
    elsewhere_too = Store.open(tmp_path / "another")
    try:
        second = await keepers.log_in(homeserver, account)
        await ensure(second, elsewhere_too.of(AccountKey("keeper")), recovery_key=recovery_key)
    finally:
        await elsewhere_too.close()
    seen = await ana.devices([keeper.user])
    assert is_signed_device(seen, keeper)
    assert is_signed_device(seen, second)


@pytest.mark.parametrize("restarts", [False, True], ids=["at once", "after a new start of the bot"])
async def test_who_could_not_be_reached_while_the_link_was_cut_reads_it_when_it_heals(
    pair: FederatingPair, people: People, keepers: Keepers, *, restarts: bool
) -> None:
    keeper = await keepers.keeper(pair.a)
    ana, bo = await people.encrypted(pair.a, "ana"), await people.encrypted(pair.b, "bo")
    room = await room_with(ana, keeper, bo)
    members = [keeper.user, ana.user_id, bo.user_id]
    await pair.cut()
    await keeper.say_in(room, "said while the link was cut", members, {})
    assert (await ana.until_body(room, "said while the link was cut")).encrypted
    if restarts:
        keeper.restart()
        keeper.since = None  # nothing is remembered but what lies in the file
    await pair.heal()
    clock = keeper.clock
    assert isinstance(clock, Ahead)

    async def read() -> bool:
        clock.ahead_ms += MINUTE_MS  # nobody is left alone for long
        await keeper.turn()
        await bo.sync(200)
        return any(seen.body == "said while the link was cut" for seen in bo.timeline(room))

    await eventually(read, "the far member reading it")


async def test_a_store_that_was_put_back_from_an_old_copy_gets_one_time_keys_again(
    homeserver: LocalHomeserver, people: People, keepers: Keepers
) -> None:
    keeper = await keepers.keeper(homeserver)
    ana, file = await people.encrypted(homeserver, "ana"), store_of(keeper.directory, keeper.user, keeper.device)
    shutil.copy(file, old := file.with_name("old"))

    async def use_up() -> None:
        for _ in range(3):
            wanted = {"one_time_keys": {keeper.user: {keeper.device: "signed_curve25519"}}}
            await ana.request("POST", "/keys/claim", wanted)

    await use_up()
    await keeper.turn()
    await use_up()
    keeper.crypto.close()
    old.replace(file)
    keeper.restart()

    async def filled() -> bool:
        await keeper.turn()
        counts: Any = keeper.last["device_one_time_keys_count"]
        return int(counts["signed_curve25519"]) == 50

    await eventually(filled, "fifty one-time keys")
