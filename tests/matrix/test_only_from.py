"""Memberships that are meant for somebody who knocks, is banned or is there, and for nobody else, carried out once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import SetMembership
from orchestrator.model.events import MembershipName
from tests.fakes import FakeHomeserver, LoseResponse
from tests.matrix.hands import Killed, kill_at
from tests.matrix.test_carrying import DEE, PLACED, Scene

Wanted = Literal["invite", "leave", "ban"]
THERE: tuple[MembershipName, ...] = ("join", "invite", "knock")
LIFE = ("", "knock", "invite", "join", "leave", "ban")


@pytest.fixture
def scene(hs: FakeHomeserver, tmp_path: Path) -> Scene:
    made = Scene(hs, tmp_path)
    made.keeper.put_state(made.room, "m.room.join_rules", {"join_rule": "knock"})
    return made


def become(scene: Scene, membership: str) -> None:
    """Bring somebody's membership about, by hands that are not the bot's as far as it knows."""
    match membership:
        case "knock":
            scene.dee.knock(scene.room)
        case "invite" | "join" | "leave":
            scene.keeper.invite(scene.room, DEE)
            if membership != "invite":
                scene.dee.join(scene.room)
            if membership == "leave":
                scene.dee.leave(scene.room)
        case "ban":
            scene.keeper.ban(scene.room, DEE)


def wanted(scene: Scene, membership: Wanted, only_from: tuple[MembershipName, ...]) -> SetMembership:
    return SetMembership(step="change", room=scene.id, user=DEE, membership=membership, only_from=only_from)


@pytest.mark.parametrize("before", LIFE)
@pytest.mark.parametrize(
    ("membership", "only_from", "acts", "is_so"),
    [
        ("invite", ("knock",), {"knock"}, {"invite", "join"}),
        ("leave", ("knock",), {"knock"}, {"leave", "ban"}),
        ("leave", ("ban",), {"ban"}, {"leave"}),
        ("leave", THERE, {"knock", "invite", "join"}, {"leave", "ban"}),
    ],
    ids=["let in", "turn away", "lift a ban", "take out"],
)
async def test_it_is_done_from_where_it_is_meant_and_from_nowhere_else(
    scene: Scene,
    membership: Wanted,
    only_from: tuple[MembershipName, ...],
    acts: set[str],
    is_so: set[str],
    before: str,
) -> None:
    become(scene, before)
    written = scene.events("m.room.member")
    async with scene.living() as bot:
        await bot.ask(wanted(scene, membership, only_from))
        await bot.rest()
        assert bot.outcomes == ["done" if before in acts | is_so else "undone"]
    assert scene.events("m.room.member") - written == int(before in acts)
    assert (scene.room.membership(DEE) or "") == (membership if before in acts else before)


@pytest.mark.parametrize("failpoint", PLACED)
@pytest.mark.parametrize(("device", "wait_ms"), [("KEEPER", 0), ("ANOTHER", 25 * HOUR_MS)])
@pytest.mark.parametrize(("before", "membership"), [("knock", "invite"), ("knock", "leave"), ("ban", "leave")])
async def test_killed_anywhere_it_is_done_once(
    scene: Scene,
    before: MembershipName,
    membership: Wanted,
    device: str,
    wait_ms: int,
    failpoint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    become(scene, before)
    written = scene.events("m.room.member")
    async with scene.living() as bot:
        await bot.ask(wanted(scene, membership, (before,)))
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
    scene.hs.clock.advance(wait_ms)
    async with scene.living(device=device) as bot:
        await bot.rest()
    assert scene.events("m.room.member") - written == 1
    assert scene.room.membership(DEE) == membership


async def test_who_knocks_again_after_a_no_whose_answer_was_lost_is_not_turned_away_twice(scene: Scene) -> None:
    become(scene, "knock")
    async with scene.living() as bot:
        scene.hs.faults.add(LoseResponse(), "PUT", r"/state/m.room.member/", times=1)
        await bot.ask(wanted(scene, "leave", ("knock",)))
        await bot.step()
        assert scene.room.membership(DEE) == "leave"
        scene.dee.knock(scene.room)
        await bot.rest()
        assert bot.outcomes in (["undone"], ["done"])
    assert scene.room.membership(DEE) == "knock"
