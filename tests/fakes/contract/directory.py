"""Where names lead, what files are called, and what a room's successor is made of."""

from __future__ import annotations

from typing import Any

from tests.fakes.contract.client import Client, Site, path, people
from tests.fakes.values import Json

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


async def an_alias_moves_by_being_freed_and_taken_again(site: Site) -> None:
    (ana,) = await people(site, "ana")
    old, new = await ana.create(), await ana.create()
    alias = _alias(ana)
    where = path("directory", "room", alias)
    await ana.ok("PUT", where, {"room_id": old})
    await ana.refused(409, "M_UNKNOWN", "PUT", where, {"room_id": new})
    assert await ana.ok("DELETE", where) == {}
    await ana.refused(404, "M_NOT_FOUND", "GET", where)
    await ana.refused(404, "M_NOT_FOUND", "DELETE", where)
    await ana.ok("PUT", where, {"room_id": new})
    assert (await ana.ok("GET", where))["room_id"] == new


async def a_freed_alias_is_taken_out_of_what_its_room_is_called(site: Site) -> None:
    (ana,) = await people(site, "ana")
    first, second, third = (_alias(ana, suffix) for suffix in ("", "-2", "-3"))
    room = await ana.create(room_alias_name=first[1:].partition(":")[0])
    for alias in (second, third):
        await ana.ok("PUT", path("directory", "room", alias), {"room_id": room})
    await ana.put(room, "m.room.canonical_alias", {"alias": first, "alt_aliases": [second, third], "x": 1})
    await ana.ok("DELETE", path("directory", "room", second))
    assert await ana.state(room, "m.room.canonical_alias") == {"alias": first, "alt_aliases": [third], "x": 1}
    await ana.ok("DELETE", path("directory", "room", third))
    assert await ana.state(room, "m.room.canonical_alias") == {"alias": first, "x": 1}
    await ana.ok("DELETE", path("directory", "room", first))
    assert await ana.state(room, "m.room.canonical_alias") == {"x": 1}


async def an_alias_is_freed_by_who_made_it_or_may_say_what_the_room_is_called(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    alias = _alias(bo)
    where = path("directory", "room", alias)
    await bo.ok("PUT", where, {"room_id": room})
    await cy.refused(403, "M_FORBIDDEN", "DELETE", where)
    await ana.ok("DELETE", where)
    await bo.ok("PUT", where, {"room_id": room})
    await bo.act(room, "leave")
    await bo.ok("DELETE", where)
    await cy.refused(403, "M_FORBIDDEN", "PUT", where, {"room_id": room})


async def a_place_for_a_file_is_filled_once_by_who_asked_for_it(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    status, made = await _media(ana, "POST", "/v1/create")
    assert status == 200
    assert made["unused_expires_at"] > 0
    server, media = made["content_uri"].removeprefix("mxc://").split("/")
    assert server == site.server_name
    where = f"/v3/upload/{server}/{media}"
    assert await _problem(bo, where) == (403, "M_FORBIDDEN")
    assert await _media(ana, "PUT", where, PNG) == (200, {})
    assert await _problem(ana, where) == (409, "M_CANNOT_OVERWRITE_MEDIA")
    assert await _problem(ana, f"/v3/upload/{server}/nothing") == (404, "M_NOT_FOUND")
    assert await _problem(ana, f"/v3/upload/elsewhere.example/{media}") == (404, "M_NOT_FOUND")
    status, sent = await _media(ana, "POST", "/v3/upload", PNG)
    assert status == 200
    assert sent["content_uri"].startswith(f"mxc://{site.server_name}/")
    assert sent["content_uri"] != made["content_uri"]


async def a_successor_names_its_predecessor_and_its_creators_and_the_old_room_names_it(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    for before, after in (("10", "11"), ("11", "12"), ("12", "12")):
        old = await ana.create(room_version=before)
        last = await ana.say(old, "goodbye")
        predecessor: Json = {"room_id": old, "event_id": last}
        creation: Json = {"predecessor": predecessor, "type": "org.example.kind"}
        if after == "12":
            creation = {**creation, "additional_creators": [bo.user_id]}  # type: ignore[dict-item]
        new = await ana.create(room_version=after, creation_content=creation)
        create = await ana.state(new, "m.room.create")
        assert create["predecessor"] == predecessor
        assert create["type"] == "org.example.kind"
        assert create.get("additional_creators") == ([bo.user_id] if after == "12" else None)
        await ana.put(old, "m.room.tombstone", {"body": "We moved.", "replacement_room": new})
        assert (await ana.state(old, "m.room.tombstone"))["replacement_room"] == new


async def a_tombstone_takes_the_power_that_the_room_asks_for_it(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    new = await ana.create()
    for version in ("11", "12"):
        room = await ana.create(preset="public_chat", room_version=version)
        await bo.join(room)
        levels = await ana.state(room, "m.room.power_levels")
        await ana.put(room, "m.room.power_levels", {**levels, "users": {**levels["users"], bo.user_id: 99}})
        where = path("rooms", room, "state", "m.room.tombstone")
        await bo.refused(403, "M_FORBIDDEN", "PUT", where, {"body": "", "replacement_room": new})
        for nowhere in ({}, {"replacement_room": room}):
            await ana.refused(400, "M_UNKNOWN", "PUT", where, {"body": "", **nowhere})
        await ana.put(room, "m.room.tombstone", {"body": "", "replacement_room": new})
        await bo.say(room, "a room that moved still takes words")


def _alias(client: Client, suffix: str = "") -> str:
    name, _, server = client.user_id[1:].partition(":")
    return f"#{name}{suffix}:{server}"


async def _media(client: Client, method: str, where: str, data: bytes | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "image/png"}
    url = f"{client.site.base_url}/_matrix/media{where}"
    async with client.site.http.request(method, url, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


async def _problem(client: Client, where: str) -> tuple[int, str]:
    status, answer = await _media(client, "PUT", where, PNG)
    return status, answer["errcode"]


CLAUSES = (
    an_alias_moves_by_being_freed_and_taken_again,
    a_freed_alias_is_taken_out_of_what_its_room_is_called,
    an_alias_is_freed_by_who_made_it_or_may_say_what_the_room_is_called,
    a_place_for_a_file_is_filled_once_by_who_asked_for_it,
    a_successor_names_its_predecessor_and_its_creators_and_the_old_room_names_it,
    a_tombstone_takes_the_power_that_the_room_asks_for_it,
)
