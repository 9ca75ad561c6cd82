"""Whatever is wrong at a start ends in one clear line that says what to do, and once it is mended the start goes well.

Each test runs the program as a process of its own, as a person does who sets it up for the first time.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from orchestrator.matrix.identity import Identity
from orchestrator.model.ids import UserId
from tests.fakes import FakeHomeserver, HtmlError, Refuse
from tests.starting import KEEPER, PASSWORD, ROOMS, Grove, community_rooms, is_whole, settle_grove


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    return settle_grove(tmp_path / "grove", hs)


@asynccontextmanager
async def website() -> AsyncIterator[str]:
    """An address where a web server answers everything with a page."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(text="<h1>It works!</h1>", content_type="text/html")

    site = web.Application()
    site.router.add_route("*", "/{anything:.*}", respond)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


# -- the homeserver and the account ------------------------------------------------------------------------------------


async def test_a_wrong_password_and_then_the_right_one(grove: Grove, hs: FakeHomeserver) -> None:
    grove.put_password("wrong horse")
    assert (await grove.start()).complaint == (
        f"The homeserver does not accept the password of {KEEPER}. Check it and start again."
    )
    assert hs.rooms == ()
    grove.put_password(PASSWORD)
    await grove.starts_well(hs)


async def test_an_address_where_no_homeserver_answers(tmp_path: Path, hs: FakeHomeserver) -> None:
    hs.faults.add(HtmlError(502), "GET", "/versions", times=None)
    with socket.socket() as nobody:  # bound, so that nobody else gets the port, and not listening
        nobody.bind(("127.0.0.1", 0))
        unheard = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with website() as page:
            places = (unheard, page, hs.base_url.replace("http://", "https://"), hs.base_url)
            groves = [settle_grove(tmp_path / f"{n}", hs) for n in range(len(places))]
            for grove, address in zip(groves, places, strict=True):
                grove.point_at(address)
            ended = await asyncio.gather(*(grove.start() for grove in groves))
    refused, no_server, no_tls, unwell = [one.complaint for one in ended]
    look = "Is the homeserver running, and is its address right in config.yaml?"
    assert refused == f"The homeserver at {unheard} cannot be reached: the connection was refused. {look}"
    assert no_server == (
        f"There is no Matrix homeserver at {page}. Check 'homeserver' in config.yaml: it is the address that clients"
        " use, such as https://matrix.grove.example."
    )
    assert no_tls.startswith(f"The homeserver at {places[2]} cannot be reached: ")
    assert no_tls.endswith(look)
    assert unwell.startswith(f"The homeserver at {hs.base_url} is not well. Try again in a while.")
    hs.faults.clear()
    groves[0].point_at(hs.base_url)
    await groves[0].starts_well(hs)


async def test_an_account_that_can_only_be_logged_in_to_in_a_browser(tmp_path: Path) -> None:
    async with FakeHomeserver(flows=("m.login.sso",)) as hs:
        grove = settle_grove(tmp_path / "grove", hs)
        said = (await grove.start()).complaint
    assert "lets nobody log in with a password" in said
    assert "access_token_file and device_id" in said


@pytest.mark.parametrize("errcode", ["M_USER_LOCKED", "M_USER_SUSPENDED"])
async def test_an_account_that_is_locked_or_suspended_from_the_start(
    grove: Grove, hs: FakeHomeserver, errcode: str
) -> None:
    hs.faults.add(Refuse(401 if errcode == "M_USER_LOCKED" else 403, errcode), "POST", "/login")
    assert (await grove.start()).complaint == (
        f"The account {KEEPER} is locked by the homeserver. Ask its admin to unlock it."
    )
    await grove.starts_well(hs)


async def test_an_account_that_is_suspended_while_the_rooms_are_made(grove: Grove, hs: FakeHomeserver) -> None:
    fault = hs.faults.add(Refuse(403, "M_USER_SUSPENDED"), "PUT", "/(send|state|profile)/", nth=3, times=None)
    said = (await grove.start()).complaint
    assert "locked or suspended the bot's account" in said
    assert "Ask whoever runs it, then start again." in said
    hs.faults.remove(fault)
    await grove.starts_well(hs)


async def test_a_session_that_is_ended_from_outside(grove: Grove, hs: FakeHomeserver) -> None:
    async with grove.running() as running:
        await running.until(hs.until(lambda: hs.requests.count("POST", "/createRoom") >= 2))
        hs.person(KEEPER).lose_tokens()
        said = (await running.ended()).complaint
    assert said.startswith("The homeserver ended the bot's session.")
    await grove.starts_well(hs)
    logins = [seen.body for seen in hs.requests.of("POST", "/login")]
    assert len(logins) == 2
    assert len({body["device_id"] for body in logins if isinstance(body, dict)}) == 1


async def test_an_account_whose_identity_is_somebody_elses(grove: Grove, hs: FakeHomeserver) -> None:
    hs.keys.upload_identity(KEEPER, json.loads(json.dumps(Identity.new().upload(UserId(KEEPER)))))
    said = (await grove.start()).complaint
    assert "already has an identity" in said
    assert "recovery_key_file" in said
    assert "--reset-identity" in said
    async with grove.running("run", "--reset-identity") as running:
        await running.until(hs.until(lambda: len(community_rooms(hs)) == ROOMS))
        assert (await running.stopped()).code == 0


# -- files that are missing, wrong, or not ours ------------------------------------------------------------------------


async def test_secrets_that_others_could_read(grove: Grove, hs: FakeHomeserver) -> None:
    password = grove.place / "keeper.password"
    grove.put_password(PASSWORD, mode=0o644)
    assert (await grove.start()).complaint == f"{password} can be read by others. Run: chmod 600 {password}"
    grove.put_password(PASSWORD)
    grove.key.write_bytes(urlsafe_b64encode(secrets.token_bytes(32)))
    grove.key.chmod(0o640)
    said = (await grove.start()).complaint
    assert said == f"Others on this machine may read the secret key {grove.key}. Run: chmod 600 {grove.key}"
    grove.key.chmod(0o600)
    await grove.starts_well(hs)


@pytest.mark.parametrize(
    ("file", "what_to_do"),
    [("keeper.password", "Put the secret into a file of its own."), ("keeper.key", "cannot be read")],
)
async def test_secrets_that_cannot_be_read(grove: Grove, file: str, what_to_do: str) -> None:
    (grove.place / file).unlink(missing_ok=True)
    (grove.place / file).mkdir()
    said = (await grove.start()).complaint
    assert str(grove.place / file) in said
    assert what_to_do in said


async def test_a_password_file_that_is_not_there(grove: Grove) -> None:
    password = grove.place / "keeper.password"
    password.unlink()
    said = (await grove.start()).complaint
    assert said == f"{password} is missing. Put the secret into it and run: chmod 600 {password}"


async def test_another_secret_key_than_the_one_things_were_sealed_with(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    right = grove.key.read_bytes()
    grove.key.write_bytes(urlsafe_b64encode(secrets.token_bytes(32)))
    assert "Put the right secret_key_file" in (await grove.start()).complaint
    grove.key.unlink()
    assert "Put the file back" in (await grove.start()).complaint
    grove.key.write_bytes(right)
    grove.key.chmod(0o600)
    await grove.starts_well(hs)


def loop(config: Path) -> None:
    config.unlink()
    config.symlink_to(config.name)


SPOILT: dict[str, tuple[Callable[[Grove], object], str]] = {
    "a config.yaml that is not there": (
        lambda grove: grove.author.config.unlink(),
        "{config}:1:1: There is no such file. Name it with --config, or go to where it lies.",
    ),
    "a config.yaml that cannot be read": (
        lambda grove: loop(grove.author.config),
        "{config}:1:1: This file cannot be read: Too many levels of symbolic links.",
    ),
    "a template that names a missing policy": (
        lambda grove: grove.author.edit("room_templates/circle.yaml", "policy: gentle-circle", "policy: gentle-circel"),
        (
            "{place}/room_templates/circle.yaml:17:9: There is no policy of this name. Did you mean “gentle-circle”? Files in"
            " policies/: gentle-circle.yaml, heavy-topics.yaml, meeting-in-person.yaml."
        ),
    ),
    "two rooms with the same alias": (
        lambda grove: grove.author.edit(
            "room_templates/lounge.yaml", 'alias: "{community}-{key}"', 'alias: "grove-tuesday"'
        ),
        (
            "{config}:29:7: This would have the same alias (#grove-tuesday) as grove/tuesday. Choose another key, or another"
            " template."
        ),
    ),
    "a user id that is not one": (
        lambda grove: grove.author.edit("config.yaml", '"@cy:grove.example"', '"cy@grove.example"'),
        '{config}:28:46: This is no Matrix user id. They look like "@ana:grove.example" (in quotes).',
    ),
    "an overlay file that somebody broke": (
        lambda grove: grove.author.write("data/overlay/policies/gentle-circle.yaml", "version: 1\namendments: yes\n"),
        (
            "{data}/overlay/policies/gentle-circle.yaml:2:13: This must be a list: [one, two], or one item a line, each after"
            " a hyphen."
        ),
    ),
}


@pytest.mark.parametrize("what", SPOILT)
async def test_documents_with_one_mistake(grove: Grove, hs: FakeHomeserver, what: str) -> None:
    spoil, said = SPOILT[what]
    spoil(grove)
    said = said.format(config=grove.author.config, place=grove.place, data=grove.data)
    assert (await grove.start()).complaint == said
    checked = await grove.start("check")
    assert (checked.code, checked.out.splitlines(), checked.err) == (1, [said, "1 thing has to be mended."], "")
    assert len(hs.requests) == 0
    assert not (grove.data / "circlekeeper.db").exists()


async def test_of_what_was_shipped_little_is_to_be_thought_about_and_each_thing_is_said_once(grove: Grove) -> None:
    checked = await grove.start("check")
    *thoughts, summed_up = checked.out.splitlines()
    assert checked.code == 0
    assert summed_up == f"All is well; {len(thoughts)} things to think about."
    sentences = [line.removeprefix(f"{grove.place}/").partition(": ")[2].partition(" (advice")[0] for line in thoughts]
    assert len(set(sentences)) == len(sentences)
    assert len(thoughts) <= 3


async def test_what_is_wrong_with_one_room_holds_up_no_other_and_is_said(grove: Grove, hs: FakeHomeserver) -> None:
    grove.author.edit("config.yaml", "communities:\n", "floor: {settings: {history: joined}}\ncommunities:\n")
    grove.author.edit("room_templates/circle.yaml", "history: joined", "history: shared")
    circle = "      a: {template: community, name: A, alias: grove-a, in: b}\n      b: {template: community, name: B, alias: grove-b, in: a}\n"
    grove.author.edit("config.yaml", "      lounge:\n", f"{circle}      lounge:\n")
    loose = "This is looser than the floor that every room here holds to"
    above = f"({grove.author.config}:18:29, history: joined)"
    wrong = [
        f"{grove.author.config}:30:61: These spaces hang in each other: a in b in a. Leave “in” out of one of them.",
        f"{grove.place}/room_templates/circle.yaml:11:12: {loose} {above}. Tighten it, or leave it out.",
    ]
    async with grove.at_work(hs) as running:
        await running.until(hs.until(lambda: is_whole(hs)))
        reloaded = await grove.start("reload")
        ended = await running.stopped()
    assert ended.code == 0, ended.err
    assert [line for line in wrong if line.partition(": ")[2][:30] in ended.err] == wrong
    assert (reloaded.code, reloaded.out.splitlines()) == (0, [*wrong, "Done, but for what has to be mended here."])
    (tuesday,) = [room for room in community_rooms(hs) if room.state("m.room.name", "") == {"name": "Tuesday circle"}]
    assert tuesday.state("m.room.history_visibility", "") == {"history_visibility": "joined"}
    checked = await grove.start("check")
    assert (checked.code, checked.out.splitlines()) == (1, [*wrong, "2 things have to be mended."])
