"""Pictures, aliases and names on a real homeserver, and reading there without changing anything."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from orchestrator.app import App
from orchestrator.errors import NotFound
from orchestrator.local import LocalHomeserver
from orchestrator.matrix.gateway import Gateway, OnlyReading, route
from orchestrator.matrix.reading import reading
from orchestrator.matrix.session import Credentials
from orchestrator.model.clock import SystemClock
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, RoomId
from orchestrator.model.things import ALIAS, FILE, LISTED
from orchestrator.store import claims
from orchestrator.store.claims import Claim
from tests.real.bot import ACCOUNT, PASSWORD, bot_inside, come_in, plant
from tests.real.people import People
from tests.real.wire import eventually

pytestmark = pytest.mark.real

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
NAMING = "m.room.canonical_alias"


async def test_a_picture_is_shown_an_alias_leads_here_and_then_to_another_room_of_ours(
    homeserver: LocalHomeserver, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = hashlib.sha256(PNG).hexdigest()
    monkeypatch.setattr(App, "picture", lambda _app, wanted: PNG if wanted == sha else None)
    ana = await people.plain(homeserver, "ana")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    name = f"tuesday-{ana.user_id[5:9]}"
    alias = f"#{name}:{homeserver.server_name}"
    async with bot_inside(garden) as app:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana], "plain", "sealed")
        plain, sealed = rooms["plain"], rooms["sealed"]

        async def want(room: RoomId, *wanted: tuple[str, str, Json]) -> None:
            def put(tx: Tx) -> None:
                for type_, key, value in wanted:
                    claim = Claim(room=room, type=type_, key=key, owner="test", value=value)
                    claims.put_claim(tx, claim, app.clock.now_ms())

            await app.store.of(ACCOUNT).run(put)
            app.keepers[ACCOUNT].delivery.wake()

        async def leads_to(room: RoomId) -> bool:
            try:
                found = await ana.request("GET", f"/directory/room/{quote(alias)}")
            except NotFound:
                return False
            return bool(found["room_id"] == room)

        picture: tuple[str, str, Json] = ("m.room.avatar", "", {FILE: sha})
        await want(plain, (NAMING, "", {"alias": alias}), (ALIAS, name, {"here": True}), picture)
        await want(sealed, picture)
        shown = await ana.until_event(plain, lambda seen: seen.type == "m.room.avatar", "the picture")
        again = await ana.until_event(sealed, lambda seen: seen.type == "m.room.avatar", "the picture")
        assert shown.content == again.content
        url = shown.content["url"].removeprefix("mxc://")
        headers = {"Authorization": f"Bearer {ana.token}"}
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{homeserver.url}/_matrix/client/v1/media/download/{url}", headers=headers) as answer,
        ):
            assert await answer.read() == PNG
            assert answer.content_type == "image/png"
        called = await ana.until_event(plain, lambda seen: seen.type == NAMING, "the name")
        assert called.content == {"alias": alias}
        assert await leads_to(plain)
        # A stock server lists no room: that is set aside, and holds up nothing.
        await want(plain, (LISTED, "", {"listed": True}), (ALIAS, name, {}), (NAMING, "", {}))
        await want(sealed, (ALIAS, name, {"here": True}), (NAMING, "", {"alias": alias}))
        moved = await ana.until_event(sealed, lambda seen: seen.type == NAMING, "the name in the other room")
        assert moved.content == {"alias": alias}
        assert await leads_to(sealed)

        async def settled() -> bool | None:
            return not await app.store.of(ACCOUNT).run(claims.unsettled) or None

        await eventually(settled, "everything to be settled", timeout_s=60)
        await _read(homeserver, garden.keeper, plain)


async def _read(homeserver: LocalHomeserver, keeper: str, room: RoomId) -> None:
    """Read beside the running bot, as nobody's session, and leave no device behind."""
    async with aiohttp.ClientSession() as http:
        gateway = Gateway(http, homeserver.url, SystemClock(), random.Random(1), read_only=True)  # noqa: S311 - jitter
        async with reading(gateway, keeper, Credentials(password=PASSWORD)) as reader:  # type: ignore[arg-type]
            whole = await reader.whole_state(room)
            assert whole["m.room.create", ""].sender == keeper
            assert ("m.room.member", keeper) in whole
            assert await reader.listed(room) is False
            assert await _devices(homeserver, keeper) == ["Circlekeeper", "Circlekeeper, reading"]
            with pytest.raises(OnlyReading):
                await gateway.call("PUT", route("rooms", room, "state", "m.room.topic", ""), body={"topic": "x"})
    assert await _devices(homeserver, keeper) == ["Circlekeeper"]


async def _devices(homeserver: LocalHomeserver, keeper: str) -> list[str]:
    seen: Any = await homeserver.admin_request("GET", f"/_synapse/admin/v2/users/{quote(keeper)}/devices")
    return sorted(one["display_name"] for one in seen["devices"] if one["display_name"])
