"""Rooms of ours as a real homeserver makes them, in every version: as they were described, and nothing added."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.declared import Room
from orchestrator.errors import Forbidden
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import RoomId
from orchestrator.rooms import ComposeContext, compose, direct_body, room_body
from orchestrator.store.claims import Claim
from tests.declared import community, policy, room, settings
from tests.real.people import People
from tests.real.person import Person
from tests.rooms import rules

pytestmark = pytest.mark.real

# What a server adds to what it was told, and may: its own old key, the creator's name, the creator themselves.
ADDED = {"historical", "creator"}


async def live_state(person: Person, where: RoomId) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the whole state of a room as the server has it."""
    answer: Any = await person.request("GET", f"/rooms/{where.replace('!', '%21').replace(':', '%3A')}/state")
    return {(event["type"], event["state_key"]): event["content"] for event in answer}


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_every_room_is_what_its_description_says_and_no_more(
    version: str, homeserver: LocalHomeserver, people: People
) -> None:
    keeper = await people.plain(homeserver, "keeper")
    ana = await people.plain(homeserver, "ana")
    me, made = keeper.user_id, settings(room_version=version)
    grove = community(room(made=made, norms=policy()), leads=[ana.user_id], room_version=version)
    space: RoomId | None = None
    declared: list[Room] = [grove.space, grove.control, grove.rooms[0]]
    for each in declared:
        body: Any = dict(room_body(grove, each, me, space=space))
        if "room_alias_name" in body:
            body["room_alias_name"] += f"-{me.partition(':')[0].removeprefix('@')}"
        answer = await keeper.request("POST", "/createRoom", body)
        where = RoomId(answer["room_id"])
        space = space or where
        described = rules.made(body, me)
        live = await live_state(keeper, where)
        assert live.keys() - described.keys() == {("m.room.member", me)}
        for place, content in described.items():
            assert {key: live[place][key] for key in content} == content
            assert live[place].keys() - content.keys() <= ADDED


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_duty_is_given_and_taken_back_by_the_rules_of_the_version(
    version: str, homeserver: LocalHomeserver, people: People
) -> None:
    keeper = await people.plain(homeserver, "keeper")
    cy = await people.plain(homeserver, "cy")
    grove = community(room(made=settings(room_version=version, join="public")), leads=[], room_version=version)
    answer = await keeper.request("POST", "/createRoom", dict(room_body(grove, grove.rooms[0], keeper.user_id)))
    where = RoomId(answer["room_id"])
    await cy.join(where)
    creators = frozenset({keeper.user_id})
    context = ComposeContext(room_version=version, creators=creators, me=keeper.user_id)
    for ended in (False, True):
        claim = Claim(
            room=where,
            type="m.room.power_levels",
            path=("users", cy.user_id),
            owner="duty",
            value=50,
            ended=ended,
        )
        levels = await keeper.state(where, "m.room.power_levels")
        content: Any = compose("m.room.power_levels", levels, [claim], context)
        assert content != levels
        await keeper.put_state(where, "m.room.power_levels", content)
        if not ended:
            await cy.put_state(where, "m.room.topic", {"topic": "Tonight: soup"})
    with pytest.raises(Forbidden):
        await cy.put_state(where, "m.room.topic", {"topic": "Still me"})


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_direct_room_is_private_and_opens_to_who_is_asked_in(
    version: str, homeserver: LocalHomeserver, people: People
) -> None:
    keeper = await people.plain(homeserver, "keeper")
    dee = await people.plain(homeserver, "dee")
    eve = await people.plain(homeserver, "eve")
    body: Any = direct_body(keeper.user_id, dee.user_id, room_version=version)
    where = RoomId((await keeper.request("POST", "/createRoom", body))["room_id"])
    await keeper.invite(where, dee.user_id)
    live = await live_state(keeper, where)
    described = rules.made(body, keeper.user_id)
    assert live.keys() - described.keys() == {("m.room.member", keeper.user_id), ("m.room.member", dee.user_id)}
    assert await dee.until_invited() == where
    await dee.join(where)
    with pytest.raises(Forbidden):
        await dee.invite(where, eve.user_id)
