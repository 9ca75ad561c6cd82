"""Who only reads changes nothing: not a room, not the bot's own device, not even its place in the stream."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from orchestrator.errors import BadRequest, Forbidden, MatrixError, SetupError
from orchestrator.matrix.gateway import Gateway, OnlyReading, Route, route
from orchestrator.matrix.reading import Reader, reading
from orchestrator.matrix.seal import Seal
from orchestrator.matrix.session import Credentials, log_in
from orchestrator.model.ids import AccountKey, RoomId, UserId
from orchestrator.model.things import ALIAS, LISTED
from orchestrator.store import Store
from tests.fakes import FakeHomeserver, LoseResponse
from tests.matrix.listening import KEEPER

CY = "@cy:grove.example"
PASSWORD = Credentials(password="correct horse")
SEAL = Seal(bytes(range(32)))
ROOM = "!circle:grove.example"

READS = (
    route("versions", prefix="/_matrix/client"),
    route("login"),
    route("account", "whoami"),
    route("rooms", ROOM, "state"),
    route("rooms", ROOM, "messages"),
    route("directory", "room", "#a:grove.example"),
)
WRITES = (
    ("PUT", route("rooms", ROOM, "state", "m.room.topic", "")),
    ("PUT", route("rooms", ROOM, "send", "m.room.message", "login")),
    ("POST", route("createRoom")),
    ("POST", route("rooms", ROOM, "join")),
    ("POST", route("rooms", ROOM, "kick")),
    ("PUT", route("rooms", ROOM, "redact", "$event", "txn")),
    ("PUT", route("directory", "room", "#a:grove.example")),
    ("DELETE", route("directory", "room", "#a:grove.example")),
    ("PUT", route("directory", "list", "room", ROOM)),
    ("POST", route("keys", "upload")),
    ("POST", route("keys", "claim")),
    ("PUT", route("sendToDevice", "m.room.encrypted", "txn")),
    ("PUT", route("user", KEEPER, "account_data", "m.direct")),
    ("POST", route("user", KEEPER, "filter")),
    ("POST", route("keys", "query", "login")),
    ("POST", route("login", prefix="/_matrix/client/unstable")),
    ("PUT", route("login")),
    ("DELETE", route("keys", "query")),
    ("PATCH", route("login")),
    ("get", route("login")),
    ("GET", route("sync")),
)


@asynccontextmanager
async def gateway(hs: FakeHomeserver, *, read_only: bool = True) -> AsyncIterator[Gateway]:
    async with aiohttp.ClientSession() as http:
        yield Gateway(http, hs.base_url, hs.clock, random.Random(1), read_only=read_only)  # noqa: S311 - jitter


# -- the gateway -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write[0]} {write[1].label}")
async def test_what_is_no_reading_never_leaves(hs: FakeHomeserver, write: tuple[str, Route]) -> None:
    async with gateway(hs) as only:
        with pytest.raises(OnlyReading) as caught:
            await only.call(*write, patience_s=60)
        with pytest.raises(OnlyReading):
            await only.upload(route("upload", prefix="/_matrix/media/v3"), b"", "image/png", method="POST")
    assert hs.requests.count() == 0
    assert not isinstance(caught.value, MatrixError), "nobody may take it for an answer of the server"
    assert ROOM not in str(caught.value)


async def test_reading_and_what_a_login_needs_leave_and_with_a_session_no_login_does(hs: FakeHomeserver) -> None:
    async with gateway(hs) as only:
        for where in READS:
            await _asked(only, "GET", where)
        for path in ("login", "logout"):
            await _asked(only, "POST", route(path))
        await _asked(only, "POST", route("keys", "query"))
        assert hs.requests.count() == len(READS) + 3
        only.has_session = True
        await _asked(only, "POST", route("keys", "query"))
        for path in ("login", "logout"):
            with pytest.raises(OnlyReading):
                await only.call("POST", route(path))
        assert hs.requests.count() == len(READS) + 4


async def _asked(only: Gateway, method: str, where: Route) -> None:
    with suppress(MatrixError):  # whatever the server thinks of it
        await only.call(method, where)


# -- the reader --------------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """A data directory that may or may not have a session in it."""

    hs: FakeHomeserver
    directory: Path

    async def start_once(self) -> str:
        """Let the bot log in once; returns its device."""
        store = Store.open(self.directory)
        async with gateway(self.hs, read_only=False) as normal:
            session = await log_in(normal, store.of(AccountKey("keeper")), SEAL, KEEPER, PASSWORD)
        await store.close()
        return session.device

    @asynccontextmanager
    async def reading(self, credentials: Credentials = PASSWORD, *, stored: bool = True) -> AsyncIterator[Reader]:
        store = Store.open_readonly(self.directory) if stored else None
        rows = store.of(AccountKey("keeper")) if store is not None else None
        try:
            async with (
                gateway(self.hs) as only,
                reading(only, KEEPER, credentials, store=rows, seal=SEAL if stored else None) as reader,
            ):
                yield reader
        finally:
            if store is not None:
                await store.close()

    def devices(self) -> set[str]:
        found = self.hs._world.accounts.get(KEEPER)
        assert found is not None
        return set(found.devices)


@pytest.fixture
def desk(hs: FakeHomeserver, tmp_path: Path) -> Desk:
    hs.user(KEEPER, "correct horse")
    return Desk(hs, tmp_path / "data")


async def test_a_stored_session_is_used_and_left_as_it_is(desk: Desk, hs: FakeHomeserver) -> None:
    device = await desk.start_once()
    asked = hs.requests.count("POST")
    async with desk.reading(Credentials()) as reader:
        assert await reader.joined_rooms() == []
    assert hs.requests.count("POST") == asked
    assert desk.devices() == {device}


async def test_without_a_session_somebody_logs_in_and_out_as_a_device_of_its_own(
    desk: Desk, hs: FakeHomeserver
) -> None:
    async with desk.reading(stored=False) as reader:
        await reader.joined_rooms()
        assert len(desk.devices()) == 1
    assert desk.devices() == set()
    assert hs.requests.count("GET", "/sync") == 0


@pytest.mark.parametrize("fault", [None, LoseResponse()], ids=["smooth", "lost"])
async def test_a_session_that_the_server_ended_is_not_logged_out_with_the_bots_device(
    desk: Desk, hs: FakeHomeserver, fault: LoseResponse | None
) -> None:
    device = await desk.start_once()
    hs.person(KEEPER).lose_tokens()
    if fault is not None:
        hs.faults.add(fault, "POST", "/login")
    async with desk.reading() as reader:
        await reader.joined_rooms()
    assert desk.devices() == {device}


async def test_who_is_interrupted_logs_out_all_the_same(desk: Desk) -> None:
    with pytest.raises(KeyboardInterrupt):
        async with desk.reading(stored=False):
            raise KeyboardInterrupt
    assert desk.devices() == set()


async def test_without_session_and_password_it_says_what_to_do(desk: Desk) -> None:
    with pytest.raises(SetupError, match="Name a password_file"):
        async with desk.reading(Credentials(missing="Name a password_file."), stored=False):
            pass


async def test_a_token_of_the_configuration_is_used_and_not_logged_out(desk: Desk, hs: FakeHomeserver) -> None:
    token = hs.person(KEEPER).token("OWN")
    async with desk.reading(Credentials(token=token), stored=False) as reader:
        await reader.joined_rooms()
    assert desk.devices() == {"OWN"}


async def test_it_reads_state_listing_and_aliases(desk: Desk, hs: FakeHomeserver) -> None:
    hs._world.lets_publish = True
    keeper, cy = hs.person(KEEPER), hs.person(CY)
    room = keeper.create_room(preset="public_chat", room_alias_name="tuesday", name="Tuesday", visibility="public")
    theirs = cy.create_room(preset="public_chat", room_alias_name="theirs")
    keeper.put_state(room, "circlekeeper.listed", {"listed": False})
    where = RoomId(room.room_id)
    async with desk.reading(stored=False) as reader:
        whole = await reader.whole_state(where)
        assert whole["m.room.name", ""].content == {"name": "Tuesday"}
        assert whole["m.room.name", ""].sender == KEEPER
        assert ("m.room.member", KEEPER) in whole
        assert (LISTED, "") not in whole, "nobody's event passes for the directory"
        name = await reader.state(where, "m.room.name")
        assert name is not None
        assert name == whole["m.room.name", ""]
        assert await reader.state(where, "m.room.topic") is None
        assert await reader.listed(where) is True
        assert await reader.alias("#tuesday:grove.example") == where
        assert await reader.alias("#nobody:grove.example") is None
        told = [await reader.state(where, ALIAS, key) for key in ("tuesday", "nobody", "theirs")]
        assert [one.content for one in told if one] == [{"here": True}, {}, {"elsewhere": True}]
        assert await reader.members(where) == [UserId(KEEPER)]
        with pytest.raises(Forbidden):
            await reader.whole_state(RoomId(theirs.room_id))
        with pytest.raises(Forbidden):
            await reader.state(RoomId(theirs.room_id), "m.room.name")
        with pytest.raises(BadRequest):
            await reader.state(where, "..")
    assert "Tuesday" not in repr(whole)
