"""What may be read of a room, by whom, in which order."""

from __future__ import annotations

import json

from tests.fakes.contract.client import Client, Site, path, people, shown, sync_filter
from tests.fakes.values import Json


async def history_is_read_page_by_page_to_its_end(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    for number in range(5):
        await ana.say(room, f"m{number}")
    for backwards in (True, False):
        found: list[str] = []
        start: str | None = None
        while True:
            bounds: dict[str, str] = {} if start is None else {"from_": start}
            page = await ana.messages(room, backwards=backwards, limit="4", **bounds)
            found += shown(page["chunk"])
            if "end" not in page:
                assert page["chunk"] == [], "only an empty page has no end"
                break
            start = page["end"]
        messages = [entry for entry in found if entry.startswith("m") and "." not in entry]
        assert messages == [f"m{number}" for number in (range(4, -1, -1) if backwards else range(5))]
        assert found[-1 if backwards else 0] == "m.room.create"
        assert len(found) == len(set(found))


async def tokens_of_sync_bound_history_on_both_sides(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    await ana.say(room, "before")
    since = (await ana.sync())["next_batch"]
    for number in range(3):
        await ana.say(room, f"m{number}")
    until = (await ana.sync(since))["next_batch"]
    await ana.say(room, "after")
    page = await ana.messages(room, from_=until, to=since, limit="2")
    assert shown(page["chunk"]) == ["m2", "m1"]
    page = await ana.messages(room, from_=page["end"], to=since, limit="2")
    assert shown(page["chunk"]) == ["m0"]
    assert "end" not in await ana.messages(room, from_=page["end"], to=since)
    forwards = await ana.messages(room, backwards=False, from_=since, to=until)
    assert shown(forwards["chunk"]) == ["m0", "m1", "m2"]
    assert (await ana.messages(room, from_=until, to=until))["chunk"] == []
    where = path("rooms", room, "messages")
    await ana.refused(400, "M_UNKNOWN", "GET", where, dir="b", from_="nonsense")
    await ana.refused(400, "M_UNKNOWN", "GET", where, dir="b", to="nonsense")
    await ana.refused(400, "M_INVALID_PARAM", "GET", where, dir="sideways")


async def history_tells_a_sender_of_their_own_transactions(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    phone = await ana.second_device()
    await ana.say(room, "hello", txn="t1")
    for who, txn in ((ana, "t1"), (phone, None)):
        (event,) = (await who.messages(room, limit="1"))["chunk"]
        assert event["unsigned"].get("transaction_id") == txn
        assert event["unsigned"]["membership"] == "join"
        assert (event["room_id"], event["sender"]) == (room, ana.user_id)


async def history_can_be_filtered_and_brings_the_senders_memberships(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    await bo.say(room, "hello")
    wanted = json.dumps({"types": ["m.room.message"], "lazy_load_members": True})
    page = await ana.messages(room, filter=wanted)
    assert shown(page["chunk"]) == ["hello"]
    assert [event["state_key"] for event in page["state"]] == [bo.user_id]


async def who_joined_later_does_not_read_what_only_members_may(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    for visibility, seen_by_bo, seen_by_cy in (
        ("joined", [], []),
        ("invited", ["while invited"], []),
        ("shared", ["before", "while invited"], ["before", "while invited"]),
    ):
        history: Json = {"type": "m.room.history_visibility", "content": {"history_visibility": visibility}}
        room = await ana.create(preset="public_chat", initial_state=[history])
        before = await ana.say(room, "before")
        await ana.act(room, "invite", bo.user_id)
        await ana.say(room, "while invited")
        await bo.join(room)
        await cy.join(room)
        for who, seen in ((bo, seen_by_bo), (cy, seen_by_cy)):
            assert await _texts(who, room) == seen
            where = path("rooms", room, "event", before)
            if "before" in seen:
                assert (await who.ok("GET", where))["content"]["body"] == "before"
            else:
                await who.refused(404, "M_NOT_FOUND", "GET", where)


async def who_left_reads_up_to_then(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    history: Json = {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}}
    room = await ana.create(preset="public_chat", name="old", initial_state=[history])
    await bo.join(room)
    await ana.say(room, "together")
    await bo.act(room, "leave")
    after = await ana.say(room, "alone")
    await ana.put(room, "m.room.name", {"name": "new"})
    assert await _texts(bo, room) == ["together"]
    assert await bo.state(room, "m.room.name") == {"name": "old"}
    await bo.refused(404, "M_NOT_FOUND", "GET", path("rooms", room, "event", after))
    await bo.refused(403, "M_FORBIDDEN", "GET", path("rooms", room, "joined_members"))
    assert len((await bo.ok("GET", path("rooms", room, "members")))["chunk"]) == 2


async def who_was_banned_reads_nothing(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    await ana.act(room, "ban", bo.user_id)
    await bo.refused(403, "M_FORBIDDEN", "GET", path("rooms", room, "state"))
    await bo.refused(403, "M_FORBIDDEN", "GET", path("rooms", room, "messages"), dir="b")


async def members_are_listed_by_membership(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    room = await ana.create(preset="public_chat", invite=[cy.user_id])
    await bo.join(room)
    since = (await ana.sync())["next_batch"]
    await bo.act(room, "leave")
    where = path("rooms", room, "members")
    for query, expected in (
        ({"membership": "join"}, {ana}),
        ({"not_membership": "leave"}, {ana, cy}),
        ({}, {ana, bo, cy}),
        ({"membership": "join", "at": since}, {ana, bo}),
    ):
        chunk = (await ana.ok("GET", where, **query))["chunk"]
        assert {event["state_key"] for event in chunk} == {who.user_id for who in expected}
    joined = (await ana.ok("GET", path("rooms", room, "joined_members")))["joined"]
    name = ana.user_id[1:].partition(":")[0]
    assert joined == {ana.user_id: {"display_name": name, "avatar_url": None}}


async def a_new_membership_says_what_it_replaced(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    await ana.act(room, "kick", bo.user_id)
    news = await ana.sync(None, sync_filter())
    event = news["rooms"]["join"][room]["timeline"]["events"][-1]
    assert event["content"] == {"membership": "leave"}
    assert event["unsigned"]["prev_content"]["membership"] == "join"
    assert event["unsigned"]["prev_sender"] == bo.user_id


async def _texts(who: Client, room: str) -> list[str]:
    chunk = (await who.messages(room, limit="50"))["chunk"]
    return [event["content"]["body"] for event in reversed(chunk) if event["type"] == "m.room.message"]


CLAUSES = (
    history_is_read_page_by_page_to_its_end,
    tokens_of_sync_bound_history_on_both_sides,
    history_tells_a_sender_of_their_own_transactions,
    history_can_be_filtered_and_brings_the_senders_memberships,
    who_joined_later_does_not_read_what_only_members_may,
    who_left_reads_up_to_then,
    who_was_banned_reads_nothing,
    members_are_listed_by_membership,
    a_new_membership_says_what_it_replaced,
)
