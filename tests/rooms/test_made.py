"""Rooms as a homeserver makes them of our bodies, with people in them: on the fake one, in every version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.documents.declared import Room as DeclaredRoom
from orchestrator.model.ids import LOCATOR_TYPE, RoomId
from orchestrator.rooms import ComposeContext, compose, direct_body, room_body
from orchestrator.rooms.planning.wants import wanted_claims
from orchestrator.rooms.state.compose import ON_DRIFT
from orchestrator.store.claims import Claim
from tests.declared import ANA, CY, DEE, EVE, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver, Person, Room
from tests.fakes.problems import MatrixProblem

from . import rules

VERSIONS = ("10", "11", "12")


class Grove:
    """A community's rooms on a homeserver, made by the keeper."""

    def __init__(self, hs: FakeHomeserver, version: str) -> None:
        self.version = version
        self.keeper = hs.user(ME)
        self.ana, self.cy, self.dee = (hs.person(user) for user in (ANA, CY, DEE))
        self.eve = hs.person(EVE)
        tuesday = room(
            "tuesday", made=settings(room_version=version), facilitators=[CY], norms=policy(), alias="tuesday"
        )
        self.declared = community(tuesday, room_version=version)
        self.space = self.make(self.declared.space)
        self.control = self.make(self.declared.control, self.space)
        self.tuesday = self.make(tuesday, self.space)

    def make(self, declared: DeclaredRoom, space: Room | None = None) -> Room:
        body: Any = room_body(self.declared, declared, ME, space=None if space is None else RoomId(space.room_id))
        return self.keeper.create_room(**body)

    def admit(self, *people: Person) -> None:
        for person in people:
            self.keeper.invite(self.space, person)
            person.join(self.space)
            person.join(self.tuesday)


@pytest.fixture(params=VERSIONS)
async def grove(request: pytest.FixtureRequest) -> AsyncIterator[Grove]:
    async with FakeHomeserver() as hs:
        yield Grove(hs, request.param)


def state(where: Room, type_: str, key: str = "") -> dict[str, Any]:
    content = where.state(type_, key)
    assert content is not None
    return dict(content)


def test_the_server_keeps_every_room_as_it_was_described(grove: Grove) -> None:
    for declared, where in ((grove.declared.space, grove.space), (grove.declared.rooms[0], grove.tuesday)):
        space = None if declared.kind == "space" else RoomId(grove.space.room_id)
        described = rules.made(room_body(grove.declared, declared, ME, space=space), ME)
        for (type_, key), content in described.items():
            live = state(where, type_, key)
            # The server adds its own defaults beside ours; it must not add any that matter.
            assert {name: live[name] for name in content} == content
            assert set(live) - set(content) <= {"historical", "creator"}
        guessed = {place for place in live_places(where) if place not in described} - {("m.room.member", ME)}
        assert guessed == set()


def live_places(where: Room) -> set[tuple[str, str]]:
    return set(where.state_map())


def test_what_the_documents_claim_of_a_new_room_is_what_it_is(grove: Grove) -> None:
    ids = {
        grove.declared.space.key: RoomId(grove.space.room_id),
        grove.declared.control.key: RoomId(grove.control.room_id),
    }
    context = ComposeContext(room_version=grove.version, creators=frozenset({ME}), me=ME, by_me=True)
    for where in (grove.space, grove.control):
        for type_ in ("m.room.power_levels", "m.room.name", "m.room.topic", LOCATOR_TYPE):
            claims = [c for c in wanted_claims(grove.declared, ids, ME) if (c.room, c.type) == (where.room_id, type_)]
            assert claims
            assert compose(type_, state(where, type_), claims, context) == state(where, type_)


def test_people_of_the_space_walk_in_and_others_do_not(grove: Grove) -> None:
    grove.admit(grove.dee)
    with pytest.raises(MatrixProblem):
        grove.eve.join(grove.tuesday)
    with pytest.raises(MatrixProblem):
        grove.dee.join(grove.control)


def test_a_member_can_talk_and_change_nothing(grove: Grove) -> None:
    grove.admit(grove.dee)
    grove.dee.say(grove.tuesday, "hello")
    with pytest.raises(MatrixProblem):
        grove.dee.say(grove.space, "hello")
    for type_ in rules.PROTECTED:
        with pytest.raises(MatrixProblem):
            grove.dee.put_state(grove.tuesday, type_, {})
    for act in (grove.dee.kick, grove.dee.ban, grove.dee.invite):
        with pytest.raises(MatrixProblem):
            act(grove.tuesday, grove.eve)


def test_nobody_but_the_bot_brings_people_into_the_control_room(grove: Grove) -> None:
    grove.keeper.invite(grove.control, grove.ana)
    grove.ana.join(grove.control)
    with pytest.raises(MatrixProblem):
        grove.ana.invite(grove.control, grove.eve)
    grove.keeper.kick(grove.control, grove.ana)
    assert grove.control.membership(ANA) == "leave"


def test_power_given_for_a_shift_works_and_is_gone_afterwards(grove: Grove) -> None:
    grove.admit(grove.cy, grove.dee)
    compose_levels(grove, duty(grove, ended=False))
    grove.cy.put_state(grove.tuesday, "m.room.topic", {"topic": "Tonight: soup"})
    grove.cy.kick(grove.tuesday, grove.dee)
    compose_levels(grove, duty(grove, ended=True))
    with pytest.raises(MatrixProblem):
        grove.cy.put_state(grove.tuesday, "m.room.topic", {"topic": "Still me"})


def test_a_muted_member_is_heard_again_when_it_ends(grove: Grove) -> None:
    grove.admit(grove.dee)
    compose_levels(grove, mute(grove, ended=False))
    with pytest.raises(MatrixProblem):
        grove.dee.say(grove.tuesday, "hello?")
    compose_levels(grove, mute(grove, ended=True))
    grove.dee.say(grove.tuesday, "hello again")


def test_a_lead_who_gave_themselves_more_loses_it_and_one_who_left_the_file_loses_all(grove: Grove) -> None:
    grove.admit(grove.ana)
    levels = state(grove.tuesday, "m.room.power_levels")
    grove.ana.put_state(
        grove.tuesday, "m.room.power_levels", {**levels, "users": {**levels["users"], EVE: 100, CY: 75}}
    )
    enforce = Claim(
        room=RoomId(grove.tuesday.room_id), type="m.room.power_levels", path=ON_DRIFT, owner="template", value="enforce"
    )
    compose_levels(grove, enforce)
    left = state(grove.tuesday, "m.room.power_levels")["users"]
    assert left == ({} if grove.version == "12" else {ME: 150})
    with pytest.raises(MatrixProblem):
        grove.ana.put_state(grove.tuesday, "m.room.name", {"name": "Mine"})


def test_a_direct_room_opens_to_one_person_who_can_bring_nobody(grove: Grove) -> None:
    body: Any = direct_body(ME, DEE, room_version=grove.version)
    direct = grove.keeper.create_room(**body)
    grove.keeper.invite(direct, DEE)
    grove.dee.join(direct)
    grove.dee.say(direct, "hello")
    with pytest.raises(MatrixProblem):
        grove.dee.invite(direct, grove.eve)


def compose_levels(grove: Grove, *claims: Claim) -> None:
    """Write what the claims make of the power levels, as the bot; the server must take it."""
    context = ComposeContext(room_version=grove.version, creators=frozenset({ME}), me=ME)
    content: Any = compose("m.room.power_levels", state(grove.tuesday, "m.room.power_levels"), claims, context)
    grove.keeper.put_state(grove.tuesday, "m.room.power_levels", content)


def duty(grove: Grove, *, ended: bool) -> Claim:
    return level(grove, "duty", CY, 50, ended=ended)


def mute(grove: Grove, *, ended: bool) -> Claim:
    return level(grove, "mute", DEE, -1, ended=ended)


def level(grove: Grove, owner: str, user: str, value: int, *, ended: bool) -> Claim:
    return Claim(
        room=RoomId(grove.tuesday.room_id),
        type="m.room.power_levels",
        path=("users", user),
        owner=owner,
        value=value,
        ended=ended,
    )
