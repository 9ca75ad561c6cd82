"""What a claim had put into a room is taken out again when the claim ends, and nothing else is."""

from __future__ import annotations

import pytest

from orchestrator.model.clock import HOUR_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json
from orchestrator.store import claims
from orchestrator.store.claims import Claim
from tests.declared import ANA, BO, CY, DEE

from .house import HostedRoom, House

LEVELS = "m.room.power_levels"


@pytest.fixture
async def lounge(house: House) -> HostedRoom:
    await house.settle()
    return house.rooms[(await house.bound())["lounge"]]


def level(room: HostedRoom, user: str) -> int | None:
    found = room.state[LEVELS, ""]["users"].get(user)
    return None if found is None else int(found)


async def put(house: House, room: HostedRoom, user: str, value: Json, owner: str, until_ms: int | None = None) -> None:
    claim = Claim(room=room.id, type=LEVELS, path=("users", user), owner=owner, value=value, until_ms=until_ms)
    await house.rows.run(claims.put_claim, claim, house.clock.now_ms())
    await house.deliver()


async def end(house: House) -> None:
    def end_them(tx: Tx) -> None:
        claims.end_claims(tx, house.clock.now_ms())

    await house.rows.run(end_them)
    await house.deliver()


async def test_a_mute_ends_by_itself_and_a_mute_by_hand_does_not(house: House, lounge: HostedRoom) -> None:
    await put(house, lounge, CY, -1, "mute", house.clock.now_ms() + HOUR_MS)
    users = lounge.state[LEVELS, ""]["users"]
    await house.put(lounge, ANA, LEVELS, "", {**lounge.state[LEVELS, ""], "users": {**users, DEE: -1}})
    await house.deliver()
    assert (level(lounge, CY), level(lounge, DEE)) == (-1, -1)
    house.clock.advance(HOUR_MS)
    await end(house)
    assert (level(lounge, CY), level(lounge, DEE)) == (None, -1)


async def test_duty_ends_with_the_shift_and_the_next_one_begins(house: House, lounge: HostedRoom) -> None:
    await put(house, lounge, CY, 50, "duty", house.clock.now_ms() + HOUR_MS)
    await put(house, lounge, DEE, 50, "duty")
    house.clock.advance(HOUR_MS)
    await end(house)
    assert (level(lounge, CY), level(lounge, DEE)) == (None, 50)


async def test_a_claim_that_is_taken_back_before_it_was_written_leaves_no_trace(
    house: House, lounge: HostedRoom
) -> None:
    claim = Claim(room=lounge.id, type=LEVELS, path=("users", CY), owner="duty", value=50)
    await house.rows.run(claims.put_claim, claim, 0)
    assert await house.rows.run(claims.drop_claim, lounge.id, LEVELS, "duty", 0, path=("users", CY))
    assert not await house.rows.run(claims.drop_claim, lounge.id, LEVELS, "duty", 0, path=("users", CY))
    house.writes.clear()
    await house.deliver()
    assert house.writes == []
    assert {c.owner for c in await house.rows.run(claims.claims_on, lounge.id, LEVELS, "", 0)} == {"role", "template"}


async def test_an_ended_claim_is_remembered_until_its_state_event_could_be_written(
    house: House, lounge: HostedRoom
) -> None:
    await put(house, lounge, CY, 50, "duty")
    await house.rows.run(claims.drop_claim, lounge.id, LEVELS, "duty", 0, path=("users", CY))
    for mark in await house.rows.run(claims.unsettled):
        await house.rows.run(claims.set_aside, mark)  # the server said no
    assert level(lounge, CY) == 50
    await house.put(lounge, BO, LEVELS, "", dict(lounge.state[LEVELS, ""]))
    await house.deliver()
    assert level(lounge, CY) is None


async def test_a_claim_that_is_made_anew_is_in_force_again(house: House, lounge: HostedRoom) -> None:
    await put(house, lounge, CY, 50, "duty")
    await house.rows.run(claims.drop_claim, lounge.id, LEVELS, "duty", 0, path=("users", CY))
    await put(house, lounge, CY, 50, "duty")
    assert level(lounge, CY) == 50
    assert [c.ended for c in await house.rows.run(claims.claims_on, lounge.id, LEVELS, "", 0) if c.owner == "duty"] == [
        False
    ]


async def test_a_claim_past_its_time_counts_as_ended_before_anybody_ended_it(house: House, lounge: HostedRoom) -> None:
    claim = Claim(room=lounge.id, type=LEVELS, path=("users", CY), owner="duty", value=50, until_ms=1_000)
    await house.rows.run(claims.put_claim, claim, 0)
    seen = await house.rows.run(claims.claims_on, lounge.id, LEVELS, "", 1_000)
    assert [c.ended for c in seen if c.owner == "duty"] == [True]
    assert [
        c.ended for c in await house.rows.run(claims.claims_on, lounge.id, LEVELS, "", 999) if c.owner == "duty"
    ] == [False]
