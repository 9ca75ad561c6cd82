"""Whether somebody has a device that can read what is encrypted: asked of the homeserver, and told to who wants to know."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import NO_DEVICES, FindDevices
from orchestrator.model.ids import UserId
from tests.fakes import FakeHomeserver, HtmlError
from tests.matrix.hands import Killed, Life, kill_at, living
from tests.matrix.peers import ANA, BO, KEEPER, Peer, Peers


async def keeper_of(peers: Peers) -> Peer:
    return await peers.log_in(KEEPER)


def told(bot: Life) -> list[tuple[str, str]]:
    return [(result.outcome, result.errcode) for result in bot.asker.results]


def wanted(bot: Life, user: UserId) -> FindDevices:
    return FindDevices(step="look", user=user, expires_ms=bot.hs.clock.now_ms() + HOUR_MS)


async def test_a_device_that_published_its_keys_is_found(hs: FakeHomeserver, peers: Peers, tmp_path: Path) -> None:
    keeper, _ana = await keeper_of(peers), await peers.log_in(ANA)
    async with living(hs, tmp_path, crypto=keeper.crypto) as bot:
        await bot.ask(wanted(bot, ANA))
        await bot.rest()
        assert told(bot) == [("done", "")]


async def test_who_never_set_up_encryption_has_none_until_they_do(
    hs: FakeHomeserver, peers: Peers, tmp_path: Path
) -> None:
    keeper, bo = await keeper_of(peers), await peers.log_in(BO, published=False)
    room = await peers.room_of(keeper)
    hs.person(KEEPER).invite(room, BO)
    async with living(hs, tmp_path, crypto=keeper.crypto) as bot:
        await bot.ask(wanted(bot, BO))
        await bot.rest()
        assert told(bot) == [("refused", NO_DEVICES)]
        hs.person(BO).join(room)
        await bo.turn()
        await keeper.turn()
        await bot.ask(wanted(bot, BO), origin="$later")
        await bot.rest()
        assert told(bot)[1:] == [("done", "")]


async def test_while_nobody_can_tell_nothing_is_said_about_it(hs: FakeHomeserver, peers: Peers, tmp_path: Path) -> None:
    keeper, _ana = await keeper_of(peers), await peers.log_in(ANA)
    async with living(hs, tmp_path, crypto=keeper.crypto) as bot:
        hs.faults.add(HtmlError(502), "POST", r"/keys/query", times=10_000)
        await bot.ask(wanted(bot, ANA))
        await bot.rest()
        assert told(bot) == [("expired", "")]


async def test_killed_on_the_way_it_is_found_out_by_who_starts_next(
    hs: FakeHomeserver, peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, _ana = await keeper_of(peers), await peers.log_in(ANA)
    with monkeypatch.context() as patch:
        kill_at(patch, "delivery.claimed")
        async with living(hs, tmp_path, crypto=keeper.crypto) as bot:
            await bot.ask(wanted(bot, ANA))
            with pytest.raises(Killed):
                await bot.rest()
    async with living(hs, tmp_path, crypto=keeper.crypto) as bot:
        await bot.rest()
        assert told(bot) == [("done", "")]
