"""Messages, transactions, state, redactions, and the power they need."""

from __future__ import annotations

from tests.fakes.contract.client import Client, Site, log_in, path, people
from tests.fakes.values import Json


async def a_seen_transaction_returns_its_event(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room, other_room = await ana.create(), await ana.create()
    first = await ana.say(room, "hello", txn="t1")
    assert await ana.say(room, "something else", txn="t1") == first
    assert await ana.say(other_room, "hello", txn="t1") != first
    event = await ana.ok("GET", path("rooms", room, "event", first))
    assert (event["content"]["body"], event["unsigned"]["transaction_id"]) == ("hello", "t1")


async def a_transaction_belongs_to_its_device_also_after_a_new_login(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    first = await ana.say(room, "hello", txn="t1")
    phone = await ana.second_device()
    assert await phone.say(room, "hello", txn="t1") != first
    assert "transaction_id" not in (await phone.ok("GET", path("rooms", room, "event", first)))["unsigned"]
    again = await log_in(site, ana.user_id, ana.device_id)
    assert await again.say(room, "hello", txn="t1") == first
    assert (await again.ok("GET", path("rooms", room, "event", first)))["unsigned"]["transaction_id"] == "t1"


async def a_redaction_has_transactions_too_from_the_same_box(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    one, two = await ana.say(room, "one", txn="t1"), await ana.say(room, "two", txn="t2")
    redaction = await ana.redact(room, one, txn="t3")
    assert await ana.redact(room, one, txn="t3") == redaction
    assert await ana.redact(room, two, txn="t3") == redaction, "neither the path nor the target counts"
    assert await ana.say(room, "three", txn="t3") == redaction
    assert await ana.redact(room, one, txn="t4") != redaction


async def the_same_state_from_the_same_sender_is_not_sent_again(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat", power_level_content_override={"users": {bo.user_id: 50}})
    await bo.join(room)
    first = await ana.put(room, "m.room.topic", {"topic": "one"})
    assert await ana.put(room, "m.room.topic", {"topic": "one"}) == first
    assert await bo.put(room, "m.room.topic", {"topic": "one"}) != first
    assert await ana.put(room, "m.room.topic", {"topic": "one"}) != first


async def state_is_read_as_content_or_as_an_event(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create(name="Circle")
    event_id = await ana.put(room, "org.example.thing", {"x": 1}, "a/b c")
    assert await ana.state(room, "org.example.thing", "a/b c") == {"x": 1}
    where = path("rooms", room, "state", "org.example.thing", "a/b c")
    event = await ana.ok("GET", where, format="event")
    assert (event["event_id"], event["room_id"], event["state_key"]) == (event_id, room, "a/b c")
    assert await ana.ok("GET", path("rooms", room, "state", "m.room.name") + "/") == {"name": "Circle"}
    await ana.refused(404, "M_NOT_FOUND", "GET", path("rooms", room, "state", "m.room.pinned_events"))


async def an_event_must_be_well_formed_and_not_too_large(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    large: Json = {"msgtype": "m.text", "body": "x" * 66_000}
    await ana.refused(400, "M_UNKNOWN", "PUT", path("rooms", room, "send", "m.room.message", "t1"), {"body": "no type"})
    await ana.refused(413, "M_TOO_LARGE", "PUT", path("rooms", room, "send", "m.room.message", "t2"), large)
    await ana.refused(400, "M_BAD_JSON", "PUT", path("rooms", room, "send", "org.example.x", "t3"), {"x": 1.5})
    await ana.refused(400, "M_BAD_JSON", "PUT", path("rooms", room, "state", "org.example.x"), {"x": 2**60})
    await ana.say(room, "x" * 64_000)


async def acting_takes_membership_and_power(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    message: Json = {"msgtype": "m.text", "body": "x"}
    for who in (cy, bo):
        await who.refused(403, "M_FORBIDDEN", "PUT", path("rooms", room, "state", "m.room.name"), {"name": "x"})
    await cy.refused(403, "M_FORBIDDEN", "PUT", path("rooms", room, "send", "m.room.message", "t"), message)
    await cy.refused(403, "M_FORBIDDEN", "PUT", path("rooms", "!nowhere", "send", "m.room.message", "t"), message)
    await bo.refused(403, "M_FORBIDDEN", "POST", path("rooms", room, "ban"), {"user_id": cy.user_id})
    await bo.refused(403, "M_FORBIDDEN", "POST", path("rooms", room, "kick"), {"user_id": ana.user_id})
    others: Json = {"x": 1}
    await ana.refused(403, "M_FORBIDDEN", "PUT", path("rooms", room, "state", "org.example.x", bo.user_id), others)


async def power_is_given_up_to_ones_own_and_not_taken_from_equals(site: Site) -> None:
    ana, bo, cy = await people(site, "ana", "bo", "cy")
    room = await ana.create(room_version="11", preset="public_chat")
    for person in (bo, cy):
        await person.join(room)
    where = path("rooms", room, "state", "m.room.power_levels")
    await _set_users(ana, room, {ana.user_id: 100, bo.user_id: 100, cy.user_id: 50})
    for users in (
        {ana.user_id: 100, bo.user_id: 101},
        {ana.user_id: 100, bo.user_id: 50, cy.user_id: 50},
        {ana.user_id: 101, bo.user_id: 100, cy.user_id: 50},
    ):
        levels = {**await ana.state(room, "m.room.power_levels"), "users": users}
        await ana.refused(403, "M_FORBIDDEN", "PUT", where, levels)
    await ana.refused(403, "M_FORBIDDEN", "POST", path("rooms", room, "ban"), {"user_id": bo.user_id})
    await ana.refused(400, "M_BAD_JSON", "PUT", where, {"users": {ana.user_id: "100"}})
    await _set_users(ana, room, {ana.user_id: 0, bo.user_id: 100, cy.user_id: 50})
    await ana.refused(403, "M_FORBIDDEN", "PUT", where, {"users": {ana.user_id: 100}})


async def one_may_redact_ones_own_and_others_with_power(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    hers, his = await ana.say(room, "hers"), await bo.say(room, "his")
    await bo.refused(403, "M_FORBIDDEN", "PUT", path("rooms", room, "redact", hers, "t1"), {})
    await bo.refused(404, "M_NOT_FOUND", "PUT", path("rooms", room, "redact", "$unknown", "t1"), {})
    await bo.redact(room, his)
    await ana.redact(room, "$unknown")
    create = await ana.ok("GET", path("rooms", room, "state", "m.room.create"), format="event")
    await ana.refused(403, "M_FORBIDDEN", "PUT", path("rooms", room, "redact", create["event_id"], "t2"), {})
    await ana.refused(404, "M_NOT_FOUND", "PUT", path("rooms", "!nowhere", "redact", hers, "t3"), {})


async def a_redaction_empties_the_event_in_every_version(site: Site) -> None:
    (ana,) = await people(site, "ana")
    for version in ("10", "11", "12"):
        room = await ana.create(room_version=version)
        message, name = await ana.say(room, "words"), await ana.put(room, "m.room.name", {"name": "words"})
        redaction = await ana.redact(room, message, txn="t1")
        await ana.redact(room, name)
        event = await ana.ok("GET", path("rooms", room, "event", message))
        because = event["unsigned"]["redacted_because"]
        assert event["content"] == {}
        assert (event["unsigned"]["redacted_by"], because["event_id"]) == (redaction, redaction)
        assert (because["redacts"], because["content"]["redacts"]) == (message, message)
        assert because["content"]["reason"] == "why"
        assert await ana.state(room, "m.room.name") == {}


async def a_redaction_leaves_what_the_rules_need(site: Site) -> None:
    (ana,) = await people(site, "ana")
    for version, invite in (("10", None), ("11", 0)):
        room = await ana.create(room_version=version)
        levels = await ana.ok("GET", path("rooms", room, "state", "m.room.power_levels"), format="event")
        await ana.redact(room, levels["event_id"])
        left = await ana.state(room, "m.room.power_levels")
        assert left["users"] == {ana.user_id: 100}
        assert left.get("invite") == invite
        assert "historical" not in left


async def _set_users(client: Client, room: str, users: dict[str, Json]) -> None:
    levels = await client.state(room, "m.room.power_levels")
    await client.put(room, "m.room.power_levels", {**levels, "users": users})


CLAUSES = (
    a_seen_transaction_returns_its_event,
    a_transaction_belongs_to_its_device_also_after_a_new_login,
    a_redaction_has_transactions_too_from_the_same_box,
    the_same_state_from_the_same_sender_is_not_sent_again,
    state_is_read_as_content_or_as_an_event,
    an_event_must_be_well_formed_and_not_too_large,
    acting_takes_membership_and_power,
    power_is_given_up_to_ones_own_and_not_taken_from_equals,
    one_may_redact_ones_own_and_others_with_power,
    a_redaction_empties_the_event_in_every_version,
    a_redaction_leaves_what_the_rules_need,
)
