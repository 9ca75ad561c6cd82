from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from orchestrator.errors import SetupError
from orchestrator.matrix.gateway import Gateway, route
from orchestrator.matrix.seal import Seal
from orchestrator.matrix.session import Credentials, Session, log_in
from orchestrator.model.ids import AccountKey, DeviceId, Json, UserId
from orchestrator.store import AccountStore, Store
from tests.fakes import FakeHomeserver, HtmlError, LoseResponse, MalformedJson, Refuse, TooMany

KEEPER = UserId("@keeper:grove.example")
PASSWORD = Credentials(password="correct horse")


@dataclass
class Desk:
    """A data directory that logs in, again and again, as if restarted."""

    store: AccountStore
    seal: Seal
    slept_s: list[float] = field(default_factory=list)

    async def log_in(
        self, hs: FakeHomeserver | str, credentials: Credentials = PASSWORD, user: UserId = KEEPER, seed: int = 1
    ) -> Session:
        address = hs if isinstance(hs, str) else hs.base_url
        async with self.gateway(address) as gateway:
            session = await log_in(gateway, self.store, self.seal, user, credentials, random.Random(seed))  # noqa: S311
            assert gateway.token == session.token
            who = await gateway.call("GET", route("account", "whoami"))
            assert (who["user_id"], who["device_id"]) == (session.user, session.device)
        return session

    async def fails(self, hs: FakeHomeserver | str, credentials: Credentials = PASSWORD, user: UserId = KEEPER) -> str:
        """Log in, in vain; returns the sentence it ends in."""
        with pytest.raises(SetupError) as caught:
            await self.log_in(hs, credentials, user)
        sentence = str(caught.value)
        assert "\n" not in sentence
        for secret in (credentials.password, credentials.token):
            assert not secret or secret not in repr(caught.value) + sentence
        return sentence

    @asynccontextmanager
    async def gateway(self, address: str) -> AsyncIterator[Gateway]:
        clock = FakeHomeserver("x").clock

        async def sleep(seconds: float) -> None:
            self.slept_s.append(seconds)
            clock.advance(round(seconds * 1000))

        async with aiohttp.ClientSession() as http:
            yield Gateway(http, address, clock, random.Random(1), sleep)  # noqa: S311 - jitter


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = Store.open(tmp_path / "data")
    yield Desk(store.of(AccountKey("keeper")), Seal(bytes(range(32))))
    await store.close()


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver("grove.example") as server:
        server.user(KEEPER, "correct horse")
        yield server


async def devices(desk: Desk, hs: FakeHomeserver) -> dict[str, str]:
    """Ask the server which devices the keeper has."""
    async with desk.gateway(hs.base_url) as gateway:
        gateway.token = hs.user(KEEPER, "correct horse").token("LOOKING")
        answer = await gateway.call("GET", route("devices"))
    listed = answer["devices"]
    assert isinstance(listed, list)
    return {one["device_id"]: one["display_name"] for one in listed if one["device_id"] != "LOOKING"}


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file())


# -- a password --------------------------------------------------------------------------------------------------------


async def test_the_first_start_logs_in_and_later_ones_take_the_session_up(desk: Desk, hs: FakeHomeserver) -> None:
    first = await desk.log_in(hs)
    again = await desk.log_in(hs, seed=2)
    assert again == first
    assert first.user == KEEPER
    assert hs.requests.count("POST", r"/login") == 1
    assert await devices(desk, hs) == {first.device: "Circlekeeper"}


async def test_a_later_start_needs_no_password(desk: Desk, hs: FakeHomeserver) -> None:
    first = await desk.log_in(hs)
    assert await desk.log_in(hs, Credentials()) == first


async def test_a_session_that_the_server_ended_is_begun_anew_on_the_same_device(desk: Desk, hs: FakeHomeserver) -> None:
    first = await desk.log_in(hs)
    hs.user(KEEPER, "correct horse").lose_tokens()
    second = await desk.log_in(hs, seed=2)
    assert second.device == first.device
    assert second.token != first.token
    assert await desk.log_in(hs) == second
    assert set(await devices(desk, hs)) == {first.device}


async def test_a_login_whose_answer_is_lost_makes_no_second_device(desk: Desk, hs: FakeHomeserver) -> None:
    hs.faults.add(LoseResponse(), "POST", r"/login")
    session = await desk.log_in(hs)
    assert set(await devices(desk, hs)) == {session.device}


async def test_a_start_that_died_right_after_the_login_makes_no_second_device(desk: Desk, hs: FakeHomeserver) -> None:
    hs.faults.add(LoseResponse(), "POST", r"/login", times=100)
    await desk.fails(hs)
    hs.faults.clear()
    session = await desk.log_in(hs, seed=2)
    assert set(await devices(desk, hs)) == {session.device}


async def test_the_token_is_sealed_at_rest_and_in_no_repr(desk: Desk, hs: FakeHomeserver, tmp_path: Path) -> None:
    session = await desk.log_in(hs)
    assert session.token not in repr(session)
    assert "correct horse" not in repr(PASSWORD)
    stored = everything_in(tmp_path)
    assert session.token.encode() not in stored
    assert b"correct horse" not in stored


async def test_a_wrong_password_is_said_in_one_line(desk: Desk, hs: FakeHomeserver) -> None:
    sentence = await desk.fails(hs, Credentials(password="wrong"))
    assert sentence == f"The homeserver does not accept the password of {KEEPER}. Check it and start again."
    assert (await desk.log_in(hs)).user == KEEPER


async def test_no_password_at_all_names_the_file_to_write(desk: Desk, hs: FakeHomeserver) -> None:
    assert "password_file" in await desk.fails(hs, Credentials())


@pytest.mark.parametrize("flows", [("m.login.sso", "m.login.token"), ()])
async def test_an_account_for_browsers_only_gets_told_what_to_ask_for(desk: Desk, flows: tuple[str, ...]) -> None:
    async with FakeHomeserver("grove.example", flows=flows) as server:
        server.user(KEEPER, "correct horse")
        sentence = await desk.fails(server)
    assert "OAuth" in sentence
    assert "access_token_file" in sentence
    assert server.requests.count("POST", r"/login") == 0


@pytest.mark.parametrize(
    ("status", "errcode", "told"),
    [
        (403, "M_USER_DEACTIVATED", "deactivated"),
        (401, "M_USER_LOCKED", "locked"),
        (403, "M_USER_SUSPENDED", "locked"),
        (400, "M_INVALID_USERNAME", "M_INVALID_USERNAME"),
    ],
)
async def test_an_account_that_may_not_log_in_is_told_apart(
    desk: Desk, hs: FakeHomeserver, status: int, errcode: str, told: str
) -> None:
    hs.faults.add(Refuse(status, errcode), "POST", r"/login", times=100)
    sentence = await desk.fails(hs)
    assert told in sentence
    assert "password" not in sentence


async def test_a_deactivated_account_is_no_reason_to_log_in_again(desk: Desk, hs: FakeHomeserver) -> None:
    await desk.log_in(hs)
    hs.faults.add(Refuse(403, "M_USER_DEACTIVATED"), "GET", r"/whoami", times=100)
    assert "deactivated" in await desk.fails(hs)
    assert hs.requests.count("POST", r"/login") == 1


async def test_too_many_logins_say_when_to_come_back(desk: Desk, hs: FakeHomeserver) -> None:
    hs.faults.add(TooMany(333_000), "POST", r"/login", times=100)
    assert "in 333 s" in await desk.fails(hs)
    assert hs.requests.count("POST", r"/login") == 1


async def test_a_login_as_somebody_else_is_refused_and_left_again(desk: Desk) -> None:
    left: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/versions"):
            return web.json_response({"versions": ["v1.11"]})
        if request.path.endswith("/logout"):
            left.append(request.headers["Authorization"])
            return web.json_response({})
        if request.method == "GET":
            return web.json_response({"flows": [{"type": "m.login.password"}]})
        return web.json_response({"user_id": "@Keeper:grove.example", "access_token": "t1", "device_id": "D"})

    async with serving(answer) as address:
        sentence = await desk.fails(address)
    assert "@Keeper:grove.example" in sentence
    assert "user_id" in sentence
    assert left == ["Bearer t1"]


@pytest.mark.parametrize("body", [{}, {"access_token": 5, "user_id": KEEPER}, {"access_token": "", "user_id": KEEPER}])
async def test_a_login_answered_with_nonsense_is_told(desk: Desk, hs: FakeHomeserver, body: dict[str, Json]) -> None:
    hs.faults.add(Says(body), "POST", r"/login", times=100)
    assert "makes no sense" in await desk.fails(hs)


async def test_another_user_id_than_the_stored_one_is_refused(desk: Desk, hs: FakeHomeserver) -> None:
    hs.user("@other:grove.example", "correct horse")
    await desk.log_in(hs)
    sentence = await desk.fails(hs, user=UserId("@other:grove.example"))
    assert KEEPER in sentence
    assert "@other:grove.example" in sentence


async def test_a_mistyped_user_id_can_be_corrected_after_the_first_try(desk: Desk, hs: FakeHomeserver) -> None:
    await desk.fails(hs, user=UserId("@kepeer:grove.example"))
    assert (await desk.log_in(hs)).user == KEEPER


# -- an access token ---------------------------------------------------------------------------------------------------


async def test_an_access_token_is_checked_and_used(desk: Desk, hs: FakeHomeserver) -> None:
    token = hs.user(KEEPER, "correct horse").token("STAYS")
    session = await desk.log_in(hs, Credentials(token=token, device=DeviceId("STAYS")))
    assert (session.device, session.token) == ("STAYS", token)
    assert await desk.log_in(hs, Credentials(token=token)) == session
    assert hs.requests.count("POST", r"/login") == 0


async def test_a_new_access_token_takes_the_place_of_the_old_one(desk: Desk, hs: FakeHomeserver) -> None:
    keeper = hs.user(KEEPER, "correct horse")
    old = await desk.log_in(hs, Credentials(token=keeper.token("STAYS")))
    keeper.lose_tokens()
    sentence = await desk.fails(hs, Credentials(token=old.token))
    assert "access_token_file" in sentence
    new = await desk.log_in(hs, Credentials(token=keeper.token("STAYS")))
    assert new.device == old.device
    assert new.token != old.token


async def test_an_access_token_of_another_user_is_refused(desk: Desk, hs: FakeHomeserver) -> None:
    token = hs.user("@ana:grove.example").token("ANAS")
    sentence = await desk.fails(hs, Credentials(token=token, device=DeviceId("ANAS")))
    assert "@ana:grove.example" in sentence
    assert KEEPER in sentence


async def test_an_access_token_of_another_device_is_refused(desk: Desk, hs: FakeHomeserver) -> None:
    token = hs.user(KEEPER, "correct horse").token("STAYS")
    sentence = await desk.fails(hs, Credentials(token=token, device=DeviceId("WRONG")))
    assert "STAYS" in sentence
    assert "WRONG" in sentence


async def test_an_access_token_of_no_device_is_refused(desk: Desk, hs: FakeHomeserver) -> None:
    hs.faults.add(Says({"user_id": KEEPER}), "GET", r"/whoami", times=100)
    assert "no device" in await desk.fails(hs, Credentials(token="by-an-admin"))


# -- servers -----------------------------------------------------------------------------------------------------------


async def test_a_server_that_does_not_answer_is_named_with_what_to_do(desk: Desk, hs: FakeHomeserver) -> None:
    async with hs.down():
        sentence = await desk.fails(hs)
    assert hs.base_url in sentence
    assert "refused" in sentence
    assert "Is the homeserver running" in sentence
    assert 4 <= sum(desk.slept_s) <= 6


async def test_a_server_that_comes_up_a_moment_later_is_waited_for(desk: Desk, hs: FakeHomeserver) -> None:
    hs.faults.add(HtmlError(502), "GET", r"/versions", times=2)
    assert (await desk.log_in(hs)).user == KEEPER


def page(status: int, text: str = "<html>It works!</html>") -> Callable[[], web.Response]:
    return lambda: web.Response(status=status, text=text, content_type="text/html")


@pytest.mark.parametrize(
    "respond",
    [
        page(404),
        page(200),
        page(200, "[]"),
        page(200, '{"versions": "v1.1"}'),
        page(200, '{"hello": "world"}'),
        page(403),
        lambda: web.json_response({"errcode": "M_UNRECOGNIZED"}, status=404),
    ],
)
async def test_an_address_without_a_homeserver_is_told(desk: Desk, respond: Callable[[], web.Response]) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return respond()

    async with serving(answer) as address:
        sentence = await desk.fails(address)
    assert sentence.startswith(f"There is no Matrix homeserver at {address}.")
    assert "config.yaml" in sentence


async def test_an_address_that_sends_us_on_tells_where_to(desk: Desk) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        raise web.HTTPMovedPermanently("https://matrix.grove.example/_matrix/client/versions")

    async with serving(answer) as address:
        sentence = await desk.fails(address)
    assert "sends us on to https://matrix.grove.example" in sentence


@pytest.mark.parametrize(
    ("call", "fault"), [("/versions", HtmlError(502)), ("/login", HtmlError(503)), ("/login", MalformedJson())]
)
async def test_a_server_that_is_unwell_is_not_called_missing_and_no_password_is_blamed(
    desk: Desk, hs: FakeHomeserver, call: str, fault: HtmlError | MalformedJson
) -> None:
    hs.faults.add(fault, None, call, times=100)
    sentence = await desk.fails(hs)
    assert "not well" in sentence
    assert "password" not in sentence


async def test_a_server_that_is_unwell_keeps_the_stored_session(desk: Desk, hs: FakeHomeserver) -> None:
    first = await desk.log_in(hs)
    hs.faults.add(HtmlError(502), "GET", r"/whoami", times=100)
    assert "not well" in await desk.fails(hs)
    hs.faults.clear()
    assert await desk.log_in(hs) == first
    assert hs.requests.count("POST", r"/login") == 1


@dataclass(frozen=True)
class Says:
    """Answers 200 with a body of the test's choice."""

    body: dict[str, Json]

    async def meet(self, _: object) -> web.StreamResponse:
        return web.json_response(self.body)


@asynccontextmanager
async def serving(answer: Callable[[web.Request], object]) -> AsyncIterator[str]:
    """Something on loopback that is no homeserver of ours."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)  # type: ignore[arg-type]  # a handler
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
