"""Making rooms, and naming them."""

from __future__ import annotations

from tests.fakes.contract.client import Client, Site, path, people
from tests.fakes.values import Json

_AFTER_THE_JOIN = ("m.room.power_levels", "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access")


async def a_room_id_names_a_server_only_before_version_12(site: Site) -> None:
    (ana,) = await people(site, "ana")
    for version, has_server in (("10", True), ("11", True), ("12", False)):
        room = await ana.create(room_version=version)
        create = await ana.ok("GET", path("rooms", room, "state", "m.room.create"), format="event")
        assert (":" in room) is has_server
        assert create["content"]["room_version"] == version
        assert create["content"].get("creator") == (ana.user_id if version == "10" else None)
        assert (create["event_id"][1:] == room[1:]) is (version == "12")


async def a_new_room_has_the_usual_state(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(name="Circle", topic="Being", invite=[bo.user_id], is_direct=True)
    state = {(event["type"], event["state_key"]): event for event in await ana.ok("GET", path("rooms", room, "state"))}
    assert {key[0] for key in state} == {
        *_AFTER_THE_JOIN,
        "m.room.create",
        "m.room.member",
        "m.room.name",
        "m.room.topic",
    }
    assert state["m.room.name", ""]["content"] == {"name": "Circle"}
    assert state["m.room.topic", ""]["content"] == {"topic": "Being", "m.topic": {"m.text": [{"body": "Being"}]}}
    assert state["m.room.join_rules", ""]["content"] == {"join_rule": "invite"}
    assert state["m.room.guest_access", ""]["content"] == {"guest_access": "can_join"}
    invited = state["m.room.member", bo.user_id]["content"]
    assert (invited["membership"], invited["is_direct"]) == ("invite", True)


async def power_levels_begin_as_the_version_has_them(site: Site) -> None:
    (ana,) = await people(site, "ana")
    for version, users, tombstone in (("11", {ana.user_id: 100}, 100), ("12", {}, 150)):
        room = await ana.create(room_version=version)
        levels = await ana.state(room, "m.room.power_levels")
        assert levels["users"] == users
        assert levels["events"]["m.room.tombstone"] == tombstone
        assert (levels["invite"], levels["ban"], levels["state_default"]) == (0, 50, 50)
    public = await ana.state(await ana.create(preset="public_chat"), "m.room.power_levels")
    assert (public["invite"], public["events"]["m.call.invite"]) == (50, 50)


async def an_override_of_power_levels_replaces_whole_keys(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    override: dict[str, Json] = {"events": {"m.room.name": 0}, "users": {bo.user_id: 50}, "invite": 75}
    levels = await ana.state(await ana.create(power_level_content_override=override), "m.room.power_levels")
    assert levels["events"] == {"m.room.name": 0}, "the defaults of the other events are gone"
    assert (levels["users"], levels["invite"], levels["kick"]) == ({bo.user_id: 50}, 75, 50)


async def version_11_wants_its_creator_among_the_users(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    body: Json = {"room_version": "11", "power_level_content_override": {"users": {bo.user_id: 50}}}
    await ana.refused(400, "M_UNKNOWN", "POST", "/createRoom", body)
    assert (await ana.ok("GET", "/joined_rooms"))["joined_rooms"] == []


async def version_12_refuses_its_creator_there_and_leaves_half_a_room(site: Site) -> None:
    (ana,) = await people(site, "ana")
    name = ana.user_id[1:].partition(":")[0]
    body: Json = {"room_alias_name": name, "power_level_content_override": {"users": {ana.user_id: 100}}}
    await ana.refused(400, "M_UNKNOWN", "POST", "/createRoom", body)
    (half,) = (await ana.ok("GET", "/joined_rooms"))["joined_rooms"]
    named = await ana.ok("GET", path("directory", "room", f"#{name}:{site.server_name}"))
    assert named["room_id"] == half, "the alias is taken"
    state = await ana.ok("GET", path("rooms", half, "state"))
    assert sorted(event["type"] for event in state) == ["m.room.create", "m.room.member"]


async def a_room_that_locks_its_creator_out_is_left_half_made(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    levels: Json = [{"type": "m.room.power_levels", "content": {"users": {bo.user_id: 100}}}]
    await ana.refused(403, "M_FORBIDDEN", "POST", "/createRoom", {"room_version": "11", "initial_state": levels})
    (half,) = (await ana.ok("GET", "/joined_rooms"))["joined_rooms"]
    state = await ana.ok("GET", path("rooms", half, "state"))
    assert sorted(event["type"] for event in state) == ["m.room.create", "m.room.member"]


async def initial_state_wins_over_the_preset(site: Site) -> None:
    (ana,) = await people(site, "ana")
    wanted: list[Json] = [
        {"type": "m.room.join_rules", "content": {"join_rule": "knock"}},
        {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}},
        {"type": "m.room.guest_access", "content": {"guest_access": "forbidden"}},
        {"type": "org.example.thing", "state_key": "left", "content": {"x": 1}},
    ]
    room = await ana.create(initial_state=wanted, creation_content={"type": "m.space", "m.federate": False})
    assert await ana.state(room, "m.room.join_rules") == {"join_rule": "knock"}
    assert await ana.state(room, "m.room.history_visibility") == {"history_visibility": "joined"}
    assert await ana.state(room, "org.example.thing", "left") == {"x": 1}
    create = await ana.state(room, "m.room.create")
    assert (create["type"], create["m.federate"]) == ("m.space", False)


async def an_alias_is_had_by_one_room(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    name = ana.user_id[1:].partition(":")[0]
    alias = f"#{name}:{site.server_name}"
    room = await ana.create(room_alias_name=name)
    assert await ana.state(room, "m.room.canonical_alias") == {"alias": alias}
    assert await bo.ok("GET", path("directory", "room", alias)) == {"room_id": room, "servers": [site.server_name]}
    await bo.refused(400, "M_ROOM_IN_USE", "POST", "/createRoom", {"room_alias_name": name})
    await ana.refused(400, "M_UNKNOWN", "POST", "/createRoom", {"room_alias_name": "a:b"})
    await ana.refused(409, "M_UNKNOWN", "PUT", path("directory", "room", alias), {"room_id": room})
    second = f"#{name}2:{site.server_name}"
    await ana.ok("PUT", path("directory", "room", second), {"room_id": room})
    assert (await ana.ok("GET", path("rooms", room, "aliases")))["aliases"] == [alias, second]
    elsewhere = f"#nobody-{name}:{site.server_name}"
    await ana.refused(404, "M_NOT_FOUND", "GET", path("directory", "room", elsewhere))
    wrong: Json = {"alias": elsewhere}
    await ana.refused(400, "M_BAD_ALIAS", "PUT", path("rooms", room, "state", "m.room.canonical_alias"), wrong)


async def a_stock_server_lists_no_room_in_its_directory(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    listing = path("directory", "list", "room", room)
    assert await ana.ok("GET", listing) == {"visibility": "private"}
    await ana.refused(403, "M_UNKNOWN", "PUT", listing, {"visibility": "public"})
    await bo.refused(403, "M_FORBIDDEN", "PUT", listing, {"visibility": "private"})


async def what_makes_no_sense_is_refused_before_anything_is_made(site: Site) -> None:
    (ana,) = await people(site, "ana")
    for errcode, body in (
        ("M_UNSUPPORTED_ROOM_VERSION", {"room_version": "99"}),
        ("M_BAD_JSON", {"room_version": 12}),
        ("M_BAD_JSON", {"preset": "nonsense"}),
        ("M_UNKNOWN", {"invite": ["nobody"]}),
        ("M_FORBIDDEN", {"creation_content": {"additional_creators": "@one:grove.example"}}),
    ):
        await ana.refused(400, errcode, "POST", "/createRoom", body)
    assert (await ana.ok("GET", "/joined_rooms"))["joined_rooms"] == []


async def creators_of_version_12_stand_above_all_levels(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    room = await ana.create(preset="public_chat", creation_content={"additional_creators": [bo.user_id]})
    await bo.join(room)
    await cy.join(room)
    await _give_power(bo, room, {cy.user_id: 1_000_000})
    await cy.refused(403, "M_FORBIDDEN", "POST", path("rooms", room, "kick"), {"user_id": ana.user_id})
    await ana.refused(403, "M_FORBIDDEN", "POST", path("rooms", room, "kick"), {"user_id": bo.user_id})
    await bo.act(room, "kick", cy.user_id)
    for creator in (ana, bo):
        levels = {**await ana.state(room, "m.room.power_levels"), "users": {creator.user_id: 100}}
        await ana.refused(400, "M_UNKNOWN", "PUT", path("rooms", room, "state", "m.room.power_levels"), levels)


async def a_trusted_private_chat_gives_those_invited_what_its_creator_has(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    old = await ana.create(room_version="11", preset="trusted_private_chat", invite=[bo.user_id])
    assert (await ana.state(old, "m.room.power_levels"))["users"] == {ana.user_id: 100, bo.user_id: 100}
    new = await ana.create(room_version="12", preset="trusted_private_chat", invite=[bo.user_id])
    assert (await ana.state(new, "m.room.create"))["additional_creators"] == [bo.user_id]


async def _give_power(client: Client, room: str, users: dict[str, Json]) -> None:
    levels = await client.state(room, "m.room.power_levels")
    await client.put(room, "m.room.power_levels", {**levels, "users": users})


CLAUSES = (
    a_room_id_names_a_server_only_before_version_12,
    a_new_room_has_the_usual_state,
    power_levels_begin_as_the_version_has_them,
    an_override_of_power_levels_replaces_whole_keys,
    version_11_wants_its_creator_among_the_users,
    version_12_refuses_its_creator_there_and_leaves_half_a_room,
    a_room_that_locks_its_creator_out_is_left_half_made,
    initial_state_wins_over_the_preset,
    an_alias_is_had_by_one_room,
    a_stock_server_lists_no_room_in_its_directory,
    what_makes_no_sense_is_refused_before_anything_is_made,
    creators_of_version_12_stand_above_all_levels,
    a_trusted_private_chat_gives_those_invited_what_its_creator_has,
)
