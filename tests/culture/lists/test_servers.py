"""Bans of servers as the rooms' own server list, and who is never shut out by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.lists.following import SOON_MS
from orchestrator.documents.declared import Acl, Documents
from orchestrator.documents.policy import BanList, Policy
from orchestrator.model.ids import Json, RoomId, UserId
from orchestrator.rooms.state.compose import ComposeContext, compose
from orchestrator.store import claims
from tests.culture.conftest import a_grove, rule
from tests.declared import ANA, ME
from tests.house import CIRCLE, House, house_of

from .test_following import LIST, answer, asked, enter, entry, see

ACL = "m.room.server_acl"
LOUNGE = RoomId("!lounge")


def guarded(documents: Documents, *, own: Acl | None = None) -> Documents:
    def changed(policy: Policy | None) -> Policy | None:
        return None if policy is None else replace(policy, lists=(BanList(room=LIST, acl=True),))

    (community,) = documents.communities
    rooms = tuple(
        replace(room, policy=changed(room.policy), settings=replace(room.settings, acl=own)) for room in community.rooms
    )
    return Documents(communities=(replace(community, rooms=rooms),))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, guarded(a_grove(rule()))) as house:
        await house.open()
        await house.deliver("send")
        await house.let_keepers_in()
        await house.deliver("send", "direct")
        yield house


async def servers(house: House, live: Mapping[str, Json] | None = None) -> Mapping[str, Json] | None:
    wanted = await house.store.run(claims.claims_on, CIRCLE, ACL, "", house.clock.at_ms)
    return compose(ACL, live, wanted, ComposeContext(room_version="11", creators=frozenset(), me=ME))


async def follow(house: House) -> None:
    await enter(house)
    own = ANA.partition(":")[2]
    await see(
        house,
        entry(house, "bad.example", "server"),
        entry(house, "*.worse.example", "server"),
        entry(house, own, "server"),
        entry(house, "*", "server"),
        entry(house, "@evil:other.example"),
    )
    await answer(house, await asked(house))


async def test_the_servers_on_a_list_are_shut_out_and_nobody_else(house: House) -> None:
    assert await servers(house) is None
    await follow(house)
    assert await servers(house) == {"allow": ["*"], "deny": ["*.worse.example", "bad.example"]}


async def test_what_people_wrote_there_stays(house: House) -> None:
    await follow(house)
    live: Mapping[str, Json] = {"allow": ["*"], "deny": ["theirs.example", "bad.example"], "allow_ip_literals": False}
    assert await servers(house, live) == {
        "allow": ["*"],
        "deny": ["theirs.example", "bad.example", "*.worse.example"],
        "allow_ip_literals": False,
    }


async def test_what_is_no_longer_on_the_list_is_let_in_again(house: House) -> None:
    await follow(house)
    live = await servers(house)
    await house.say(ANA, f"!list leave {LIST}", RoomId("!control"))
    await house.wait(SOON_MS)
    assert await servers(house, live) == {"allow": ["*"], "deny": []}


async def test_a_room_with_a_server_list_in_its_template_keeps_that_one(house: House) -> None:
    await follow(house)
    house.use(guarded(a_grove(rule()), own=Acl(deny=("theirs.example",))))
    await house.engine.settle()
    wanted = await house.store.run(claims.claims_on, CIRCLE, ACL, "", house.clock.at_ms)
    assert all(claim.ended for claim in wanted)


def test_no_pattern_shuts_out_the_bots_own_server() -> None:
    own = ME.partition(":")[2]
    for pattern in (own, own.upper(), f"*{own[-6:]}", "*", "?" * len(own)):
        claim = claims.Claim(room=CIRCLE, type=ACL, path=("listed", "!l"), owner="lists", value=[pattern, "bad.org"])
        context = ComposeContext(room_version="11", creators=frozenset(), me=UserId(ME))
        assert compose(ACL, None, [claim], context) == {"allow": ["*"], "deny": ["bad.org"]}
