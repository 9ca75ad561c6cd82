"""Who comes in, who goes, who is sent away."""

from __future__ import annotations

from tests.fakes.contract.client import Site, path, people
from tests.fakes.values import Json


async def an_invited_room_is_entered_by_invitation_only(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create()
    await bo.refused(403, "M_FORBIDDEN", "POST", path("join", room), {})
    await bo.refused(403, "M_FORBIDDEN", "POST", path("knock", room), {})
    await ana.act(room, "invite", bo.user_id)
    await bo.join(room)
    await bo.join(room)
    assert (await bo.ok("GET", "/joined_rooms"))["joined_rooms"] == [room]
    await ana.refused(403, "M_FORBIDDEN", "POST", path("rooms", room, "invite"), {"user_id": bo.user_id})


async def who_knocks_waits_to_be_invited(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    rules: list[Json] = [{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]
    room = await ana.create(initial_state=rules)
    await bo.ok("POST", path("knock", room), {"reason": "let me in"})
    content = await ana.state(room, "m.room.member", bo.user_id)
    assert (content["membership"], content["reason"]) == ("knock", "let me in")
    await bo.refused(403, "M_FORBIDDEN", "POST", path("join", room), {})
    await ana.act(room, "invite", bo.user_id)
    await bo.join(room)


async def a_restricted_room_lets_in_who_is_in_the_space(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    space = await ana.create(creation_content={"type": "m.space"}, preset="public_chat")
    allow: Json = [{"type": "m.room_membership", "room_id": space}]
    rules: Json = {"type": "m.room.join_rules", "content": {"join_rule": "restricted", "allow": allow}}
    room = await ana.create(initial_state=[rules])
    await bo.refused(403, "M_FORBIDDEN", "POST", path("join", room), {})
    await bo.join(space)
    await bo.join(room)
    content = await ana.state(room, "m.room.member", bo.user_id)
    assert content["join_authorised_via_users_server"] == ana.user_id


async def a_room_may_let_in_some_and_let_others_knock(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    space = await ana.create(creation_content={"type": "m.space"}, preset="public_chat")
    allow: Json = [{"type": "m.room_membership", "room_id": space}]
    rules: Json = {"type": "m.room.join_rules", "content": {"join_rule": "knock_restricted", "allow": allow}}
    room = await ana.create(initial_state=[rules])
    await bo.join(space)
    await bo.join(room)
    await cy.refused(403, "M_FORBIDDEN", "POST", path("join", room), {})
    await cy.ok("POST", path("knock", room), {})
    await cy.act(room, "leave")
    await ana.act(room, "ban", cy.user_id)
    await cy.refused(403, "M_BAD_STATE", "POST", path("knock", room), {})


async def a_membership_set_as_state_carries_what_is_added_and_is_set_once(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    kick: dict[str, Json] = {"membership": "leave", "reason": "r", "org.example.cause": "one"}
    first = await ana.put(room, "m.room.member", kick, bo.user_id)
    assert await ana.put(room, "m.room.member", kick, bo.user_id) == first
    content = await ana.state(room, "m.room.member", bo.user_id)
    assert (content["org.example.cause"], content["membership"]) == ("one", "leave")
    # Another content makes another event, though nobody is there to be kicked any more.
    assert await ana.put(room, "m.room.member", {**kick, "org.example.cause": "two"}, bo.user_id) != first
    await bo.join(room)
    assert await ana.put(room, "m.room.member", kick, bo.user_id) != first, "a second kick after coming back"


async def a_kick_needs_somebody_to_kick(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    kick = path("rooms", room, "kick")
    await ana.refused(403, "M_FORBIDDEN", "POST", kick, {"user_id": bo.user_id})
    await bo.join(room)
    await ana.act(room, "kick", bo.user_id)
    await ana.refused(403, "M_FORBIDDEN", "POST", kick, {"user_id": bo.user_id})
    await ana.refused(400, "M_INVALID_PARAM", "POST", kick, {"user_id": "nobody"})


async def a_ban_keeps_out_until_it_is_lifted(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await ana.act(room, "ban", bo.user_id)
    await ana.act(room, "ban", bo.user_id)
    await bo.refused(403, "M_BAD_STATE", "POST", path("join", room), {})
    await ana.refused(403, "M_BAD_STATE", "POST", path("rooms", room, "invite"), {"user_id": bo.user_id})
    await ana.act(room, "unban", bo.user_id)
    await ana.refused(403, "M_BAD_STATE", "POST", path("rooms", room, "unban"), {"user_id": bo.user_id})
    await bo.join(room)


async def nobody_is_made_to_join_and_memberships_have_names(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    where = path("rooms", room, "state", "m.room.member", bo.user_id)
    await ana.refused(403, "M_FORBIDDEN", "PUT", where, {"membership": "join"})
    await ana.refused(400, "M_UNKNOWN", "PUT", where, {"membership": "dance"})
    await ana.refused(400, "M_UNKNOWN", "PUT", where, {})


async def one_may_leave_twice_and_then_forget(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    await bo.refused(400, "M_UNKNOWN", "POST", path("rooms", room, "forget"), {})
    await bo.act(room, "leave")
    await bo.act(room, "leave")
    await bo.ok("GET", path("rooms", room, "state"))
    await bo.ok("POST", path("rooms", room, "forget"), {})
    await bo.refused(403, "M_FORBIDDEN", "GET", path("rooms", room, "state"))
    assert (await bo.ok("GET", "/joined_rooms"))["joined_rooms"] == []


async def a_room_that_all_have_left_is_entered_no_more(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await ana.act(room, "leave")
    for who in (ana, bo):
        await who.refused(404, "M_UNKNOWN", "POST", path("join", room), {})


async def an_unknown_room_is_answered_by_what_one_wanted_of_it(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    nowhere = "!nowhere:" + site.server_name
    await ana.refused(404, "M_UNKNOWN", "POST", path("join", nowhere), {})
    await ana.refused(404, "M_NOT_FOUND", "POST", path("join", f"#nowhere:{site.server_name}"), {})
    await ana.refused(404, "M_UNKNOWN", "POST", path("rooms", nowhere, "leave"), {})
    await ana.refused(404, "M_UNKNOWN", "POST", path("rooms", nowhere, "kick"), {"user_id": bo.user_id})
    ban: Json = {"membership": "ban"}
    await ana.refused(403, "M_FORBIDDEN", "PUT", path("rooms", nowhere, "state", "m.room.member", bo.user_id), ban)
    await ana.refused(403, "M_FORBIDDEN", "PUT", path("rooms", nowhere, "state", "m.room.name"), {"name": "x"})
    await ana.refused(403, "M_FORBIDDEN", "GET", path("rooms", nowhere, "state", "m.room.name"))
    await ana.refused(403, "M_FORBIDDEN", "GET", path("rooms", nowhere, "messages"), dir="b")
    await ana.ok("POST", path("rooms", nowhere, "forget"), {})


CLAUSES = (
    an_invited_room_is_entered_by_invitation_only,
    who_knocks_waits_to_be_invited,
    a_restricted_room_lets_in_who_is_in_the_space,
    a_room_may_let_in_some_and_let_others_knock,
    a_membership_set_as_state_carries_what_is_added_and_is_set_once,
    a_kick_needs_somebody_to_kick,
    a_ban_keeps_out_until_it_is_lifted,
    nobody_is_made_to_join_and_memberships_have_names,
    one_may_leave_twice_and_then_forget,
    a_room_that_all_have_left_is_entered_no_more,
    an_unknown_room_is_answered_by_what_one_wanted_of_it,
)
