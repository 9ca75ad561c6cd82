"""The bot serves calendars while it runs, and only then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from orchestrator.facilitation.calendar.feeds import Feed, Scope, digest_of, give
from orchestrator.local.ports import HeldPort
from orchestrator.model.ids import AccountKey, UserId
from orchestrator.store import Store
from tests.facilitation.strict_ics import read
from tests.fakes import FakeHomeserver
from tests.starting import settle_grove

TOKEN = "0123456789abcdef" * 4
CY = UserId("@cy:grove.example")


async def fetched(url: str) -> tuple[int, bytes]:
    """Ask until somebody listens there."""
    async with aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.get(url) as answer:
                    return answer.status, await answer.read()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


async def test_a_running_bot_serves_a_calendar_and_logs_no_address(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        grove = settle_grove(tmp_path / "grove", hs)
        held = HeldPort("127.0.0.1")
        port = held.number
        text = grove.author.config.read_text(encoding="utf-8")
        web = f'web: {{listen: "127.0.0.1:{port}", address: "https://grove.example/keeper"}}\n'
        grove.author.write("config.yaml", text.replace("communities:\n", f"{web}communities:\n", 1))
        store = Store.open(grove.data)
        feed = Feed(scope=Scope.PERSON, user=CY, generation=1)
        await store.of(AccountKey("keeper")).run(give, feed, digest_of(TOKEN))
        await store.close()
        base = f"http://127.0.0.1:{port}/keeper/calendar"
        async with grove.running() as bot:
            answers: list[tuple[int, bytes]] = []

            async def ask() -> None:
                answers.append(await fetched(f"{base}/{TOKEN}.ics"))
                answers.append(await fetched(f"{base}/{TOKEN[::-1]}.ics"))

            await bot.until(ask())
            ended = await bot.stopped()
        held.close()
        (status, calendar), other = answers
        assert status == 200
        assert {event.one("SUMMARY") for event in read(calendar).parts} == {"duty"}
        assert other == (404, b"Nothing is here.\n")
        assert ended.code == 0
        assert TOKEN not in ended.err
        assert TOKEN[::-1] not in ended.err
        with pytest.raises(aiohttp.ClientConnectorError):
            async with aiohttp.ClientSession() as http, http.get(f"{base}/{TOKEN}.ics"):
                pass
