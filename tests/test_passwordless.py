"""After the first start no password has to lie about: the stored session is enough, until the homeserver ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver
from tests.starting import KEEPER, PASSWORD, Grove, settle_grove


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver("grove.example") as server:
        yield server


@pytest.fixture
async def grove(hs: FakeHomeserver, tmp_path: Path) -> Grove:
    """A community that was started once, and its password taken away since."""
    grove = settle_grove(tmp_path / "grove", hs)
    await grove.starts_well(hs)
    (grove.place / "keeper.password").unlink()
    return grove


async def test_the_bot_starts_without_its_password_file_as_long_as_its_session_lasts(
    grove: Grove, hs: FakeHomeserver
) -> None:
    await grove.starts_well(hs)
    assert hs.requests.count("POST", "/login") == 1


async def test_when_the_session_was_ended_it_says_that_a_password_is_needed_and_then_goes_on(
    grove: Grove, hs: FakeHomeserver
) -> None:
    hs.person(KEEPER).lose_tokens()
    password = grove.place / "keeper.password"
    assert (await grove.start()).complaint == (
        f"The homeserver ended the bot's session of {KEEPER}, and it takes the password to begin a new one."
        f" {password} is missing. Put the secret into it and run: chmod 600 {password}"
    )
    grove.put_password(PASSWORD)
    await grove.starts_well(hs)


async def test_a_new_identity_still_takes_the_password(grove: Grove, hs: FakeHomeserver) -> None:
    before = hs.keys.query({KEEPER: []}, KEEPER)
    assert "asks for the password" in (await grove.start("run", "--reset-identity")).complaint
    assert hs.keys.query({KEEPER: []}, KEEPER) == before
    await grove.starts_well(hs)
    assert hs.keys.query({KEEPER: []}, KEEPER) == before


async def test_a_password_file_that_others_may_read_is_still_refused(grove: Grove) -> None:
    grove.put_password(PASSWORD, mode=0o644)
    assert "can be read by others" in (await grove.start()).complaint
