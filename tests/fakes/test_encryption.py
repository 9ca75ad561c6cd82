"""Clients that really encrypt live on the fake homeserver: its keys and letters are good enough for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from orchestrator.model.ids import UserId
from tests.fakes import FakeHomeserver
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as hs:
        yield hs


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(stack)


async def encrypted(
    hs: FakeHomeserver, people: People, name: str, *, cross_signed: bool = True, strict: bool = False
) -> EncryptedPerson:
    user = hs.user(f"@{name}:grove.example", "secret")
    person = await EncryptedPerson.log_in(
        hs.base_url, UserId(user.user_id), "secret", cross_signed=cross_signed, only_cross_signed=strict
    )
    return await people.keep(person)


async def test_what_is_said_encrypted_is_read_by_members_only_and_not_by_the_server(
    hs: FakeHomeserver, people: People
) -> None:
    ana, bo = await encrypted(hs, people, "ana"), await encrypted(hs, people, "bo")
    room = await ana.create_room(name="Circle", invite=[bo.user_id], encrypted=True)
    await bo.until_invited()
    await bo.join(room)
    await ana.until_joined(room, bo.user_id)
    await ana.say(room, "a secret")
    heard = await bo.until_body(room, "a secret")
    assert heard.encrypted
    await bo.say(room, "another")
    assert (await ana.until_body(room, "another")).encrypted
    stored = hs.room(room)
    assert stored.texts() == ()
    assert [event.sender for event in stored.history("m.room.encrypted")] == [ana.user_id, bo.user_id]


async def test_keys_go_to_cross_signed_devices_only_where_one_asks_for_that(hs: FakeHomeserver, people: People) -> None:
    strict = await encrypted(hs, people, "ana", strict=True)
    signed, unsigned = await encrypted(hs, people, "bo"), await encrypted(hs, people, "cy", cross_signed=False)
    room = await strict.create_room(name="Circle", invite=[signed.user_id, unsigned.user_id], encrypted=True)
    for person in (signed, unsigned):
        await person.until_invited()
        await person.join(room)
        await strict.until_joined(room, person.user_id)
    await strict.say(room, "a secret")
    await signed.until_body(room, "a secret")
    assert {name.user for name in strict.withheld[room]} == {unsigned.user_id}
    unread = await unsigned.until_event(room, lambda seen: seen.type == "m.room.encrypted")
    assert not unread.encrypted
