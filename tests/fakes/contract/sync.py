"""What ``/sync`` brings: timelines and their gaps, the state before them, comings and goings."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.fakes.contract.client import QUIET, Client, Site, path, people, shown, sync_filter
from tests.fakes.values import Json

JOINED: Json = {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}}


async def a_first_sync_brings_the_end_of_each_timeline_and_all_state(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat", name="Circle")
    await bo.join(room)
    for number in range(3):
        await ana.say(room, f"m{number}")
    whole = (await ana.sync(None, sync_filter(2, lazy=False)))["rooms"]["join"][room]
    assert (shown(whole["timeline"]["events"]), whole["timeline"]["limited"]) == (["m1", "m2"], True)
    members = {event["state_key"] for event in whole["state"]["events"] if event["type"] == "m.room.member"}
    assert members == {ana.user_id, bo.user_id}
    lazy = (await bo.sync(None, sync_filter(2)))["rooms"]["join"][room]
    members = {event["state_key"] for event in lazy["state"]["events"] if event["type"] == "m.room.member"}
    assert members == {ana.user_id, bo.user_id}, "the senders, and always oneself"
    assert lazy["summary"]["m.joined_member_count"] == 2
    older = await ana.messages(room, from_=whole["timeline"]["prev_batch"], limit="1")
    assert shown(older["chunk"]) == ["m0"]


async def a_later_sync_brings_what_is_new_and_only_that(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    since = (await ana.sync())["next_batch"]
    assert "rooms" not in await ana.sync(since)
    await ana.say(room, "hello")
    news = await ana.sync(since)
    section = news["rooms"]["join"][room]
    assert (shown(section["timeline"]["events"]), section["timeline"]["limited"]) == (["hello"], False)
    assert section["state"]["events"] == []
    again = await ana.sync(since)
    assert shown(again["rooms"]["join"][room]["timeline"]["events"]) == ["hello"], "asked again, told again"
    assert "rooms" not in await ana.sync(news["next_batch"])


async def only_the_sending_device_is_told_its_transaction(site: Site) -> None:
    (ana,) = await people(site, "ana")
    phone = await ana.second_device()
    room = await ana.create()
    starts = [(who, (await who.sync())["next_batch"]) for who in (ana, phone)]
    message = await ana.say(room, "hello", txn="t1")
    await ana.redact(room, message, txn="t2")
    for (who, since), expected in zip(starts, ((["t1", "t2"]), [None, None]), strict=True):
        events = (await who.sync(since))["rooms"]["join"][room]["timeline"]["events"]
        assert [event["unsigned"].get("transaction_id") for event in events] == expected
        assert "room_id" not in events[0]


async def a_gap_is_marked_and_filled_from_history(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    since = (await ana.sync())["next_batch"]
    await ana.put(room, "m.room.topic", {"topic": "one"})
    await bo.join(room)
    for number in range(5):
        await bo.say(room, f"m{number}")
    await ana.put(room, "m.room.topic", {"topic": "two"})
    await bo.say(room, "last")
    news = await ana.sync(since, sync_filter(3))
    section = news["rooms"]["join"][room]
    assert shown(section["timeline"]["events"]) == ["m4", "m.room.topic", "last"]
    assert section["timeline"]["limited"] is True
    # The state at the start of the timeline: the topic of then is told, the newer one stands in the timeline.
    state = {(event["type"], event["state_key"]): event for event in section["state"]["events"]}
    assert state["m.room.topic", ""]["content"]["topic"] == "one"
    assert ("m.room.member", bo.user_id) in state
    page = await ana.messages(room, from_=news["next_batch"], to=since, limit="50")
    assert shown(page["chunk"])[:3] == ["last", "m.room.topic", "m4"]
    assert len(page["chunk"]) == 9
    rest = await ana.messages(room, from_=section["timeline"]["prev_batch"], to=since, limit="50")
    assert shown(rest["chunk"]) == ["m3", "m2", "m1", "m0", "m.room.member join", "m.room.topic"]


async def a_room_without_a_name_is_known_by_its_heroes(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    await bo.join(room)
    await ana.say(room, "one")
    section = (await ana.sync(None, sync_filter(1)))["rooms"]["join"][room]
    assert section["summary"]["m.heroes"] == [bo.user_id]
    assert _members(section) == {ana.user_id, bo.user_id}
    named = await ana.create(preset="public_chat", name="Circle")
    await bo.join(named)
    section = (await ana.sync(None, sync_filter(1)))["rooms"]["join"][named]
    assert "m.heroes" not in section["summary"]


async def a_lazy_member_is_told_once(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat", name="Circle")
    await bo.join(room)
    await ana.say(room, "one")
    first = await ana.sync(None, sync_filter(1))
    assert _members(first["rooms"]["join"][room]) == {ana.user_id}
    await bo.say(room, "two")
    second = await ana.sync(first["next_batch"], sync_filter(1))
    assert _members(second["rooms"]["join"][room]) == {bo.user_id}
    again = await ana.sync(first["next_batch"], sync_filter(1))
    assert _members(again["rooms"]["join"][room]) == {bo.user_id}, "told again to one who asks again"
    await bo.say(room, "three")
    third = await ana.sync(second["next_batch"], sync_filter(1))
    assert _members(third["rooms"]["join"][room]) == set()


async def an_invitation_comes_with_what_one_may_know_of_the_room(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(name="Circle", initial_state=[JOINED])
    since = (await bo.sync())["next_batch"]
    await ana.act(room, "invite", bo.user_id)
    news = await bo.sync(since)
    events = news["rooms"]["invite"][room]["invite_state"]["events"]
    state = {(event["type"], event["state_key"]): event for event in events}
    expected = {("m.room.create", ""), ("m.room.join_rules", ""), ("m.room.name", "")}
    assert set(state) == expected | {("m.room.member", ana.user_id), ("m.room.member", bo.user_id)}
    assert state["m.room.member", bo.user_id]["sender"] == ana.user_id
    assert "event_id" not in events[0]
    assert room in (await bo.sync())["rooms"]["invite"], "also in a first sync"
    await bo.act(room, "leave")
    left = (await bo.sync(news["next_batch"]))["rooms"]["leave"][room]
    assert shown(left["timeline"]["events"])[-1] == "m.room.member leave"


async def a_knock_comes_back_as_one(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    rules: Json = {"type": "m.room.join_rules", "content": {"join_rule": "knock"}}
    room = await ana.create(initial_state=[rules])
    since = (await bo.sync())["next_batch"]
    before = (await ana.sync())["next_batch"]
    await bo.ok("POST", path("knock", room), {})
    events = (await bo.sync(since))["rooms"]["knock"][room]["knock_state"]["events"]
    assert events[-1]["content"]["membership"] == "knock"
    section = (await ana.sync(before))["rooms"]["join"][room]
    assert shown(section["timeline"]["events"]) == ["m.room.member knock"]


async def a_room_newly_joined_comes_with_its_state(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat", name="Circle", initial_state=[JOINED])
    await ana.say(room, "before")
    since = (await bo.sync())["next_batch"]
    await bo.join(room)
    await ana.say(room, "after")
    section = (await bo.sync(since))["rooms"]["join"][room]
    assert section["timeline"]["limited"] is True
    assert "before" not in shown(section["timeline"]["events"])
    assert shown(section["timeline"]["events"])[-2:] == ["m.room.member join", "after"]
    types = {event["type"] for event in [*section["state"]["events"], *section["timeline"]["events"]]}
    assert {"m.room.create", "m.room.name", "m.room.power_levels"} <= types


async def who_is_sent_away_is_told_so_once(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat", initial_state=[JOINED])
    await bo.join(room)
    since = (await bo.sync())["next_batch"]
    await ana.say(room, "before")
    await ana.act(room, "kick", bo.user_id)
    await ana.say(room, "after")
    news = await bo.sync(since)
    section = news["rooms"]["leave"][room]
    assert shown(section["timeline"]["events"]) == ["before", "m.room.member leave"]
    assert "rooms" not in await bo.sync(news["next_batch"])
    assert room in (await bo.sync())["rooms"]["leave"], "a first sync tells of rooms one was sent away from"
    await ana.act(room, "ban", bo.user_id)
    banned = (await bo.sync(news["next_batch"]))["rooms"]["leave"][room]
    assert shown(banned["timeline"]["events"]) == ["m.room.member ban"]
    await ana.act(room, "unban", bo.user_id)
    await bo.join(room)
    await bo.act(room, "leave")
    assert "rooms" not in await bo.sync(), "but not of those one left by oneself"


async def a_long_poll_ends_when_something_happens(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    since = (await ana.sync())["next_batch"]
    poll = asyncio.create_task(ana.sync(since, timeout="20000"))
    await ana.say(room, "hello")
    news = await poll
    assert shown(news["rooms"]["join"][room]["timeline"]["events"]) == ["hello"]


async def a_timeline_may_be_filtered_by_type(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    since = (await ana.sync())["next_batch"]
    await ana.say(room, "hello")
    await ana.put(room, "m.room.topic", {"topic": "one"})
    await ana.put(room, "m.room.name", {"name": "one"})
    news = await ana.sync(since, sync_filter(types=["m.room.t*", "m.reaction"]))
    section = news["rooms"]["join"][room]
    assert (shown(section["timeline"]["events"]), section["timeline"]["limited"]) == (["m.room.topic"], False)
    await ana.say(room, "again")
    assert "rooms" not in await ana.sync(news["next_batch"], sync_filter(types=["m.room.topic"]))


async def what_lies_behind_many_unwanted_events_is_never_told(site: Site) -> None:
    """Synapse looks at so many events only, and says nothing of a room when none of those is wanted."""
    (ana,) = await people(site, "ana")
    room = await ana.create()
    since = (await ana.sync())["next_batch"]
    await ana.put(room, "m.room.topic", {"topic": "lost"})
    for number in range(60):
        await ana.say(room, f"m{number}")
    news = await ana.sync(since, sync_filter(3, types=["m.room.topic"]))
    assert "rooms" not in news
    assert "rooms" not in await ana.sync(news["next_batch"], sync_filter(3, types=["m.room.topic"]))


async def all_state_can_be_asked_for_again(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create(name="Circle")
    since = (await ana.sync())["next_batch"]
    section = (await ana.sync(since, full_state="true"))["rooms"]["join"][room]
    assert section["timeline"]["events"] == []
    assert {"m.room.create", "m.room.name", "m.room.member"} <= {event["type"] for event in section["state"]["events"]}


async def devices_are_to_be_asked_for_while_one_shares_a_room(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    since = (await ana.sync())["next_batch"]
    since = await _changed(ana, since, None)
    await bo.join(room)
    since = await _changed(ana, since, {"changed": [bo.user_id]})
    await _upload(bo)
    since = await _changed(ana, since, {"changed": [bo.user_id]})
    start = since
    await bo.act(room, "leave")
    since = await _changed(ana, since, {"left": [bo.user_id]})
    await _upload(await bo.second_device())
    await _changed(ana, since, None)
    between = await ana.ok("GET", "/keys/changes", from_=start, to=since)
    assert between["left"] == [bo.user_id]


async def a_timeline_without_members_hides_whose_devices_are_new(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    room = await ana.create(preset="public_chat")
    since = (await ana.sync())["next_batch"]
    await bo.join(room)
    narrow = await ana.sync(since, {**QUIET, "room": {"timeline": {"types": ["m.room.message"]}}})
    assert "device_lists" not in narrow
    assert (await ana.sync(since))["device_lists"]["changed"] == [bo.user_id]


async def _changed(client: Client, since: str, expected: dict[str, list[str]] | None) -> str:
    news = await client.sync(since)
    assert news.get("device_lists") == expected
    batch = news["next_batch"]
    assert isinstance(batch, str)
    return batch


async def _upload(client: Client) -> None:
    keys: Json = {f"ed25519:{client.device_id}": "key", f"curve25519:{client.device_id}": "key"}
    device: dict[str, Json] = {
        "user_id": client.user_id,
        "device_id": client.device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": keys,
        "signatures": {},
    }
    await client.ok("POST", "/keys/upload", {"device_keys": device})


def _members(section: Any) -> set[str]:
    return {event["state_key"] for event in section["state"]["events"] if event["type"] == "m.room.member"}


CLAUSES = (
    a_first_sync_brings_the_end_of_each_timeline_and_all_state,
    a_later_sync_brings_what_is_new_and_only_that,
    only_the_sending_device_is_told_its_transaction,
    a_gap_is_marked_and_filled_from_history,
    a_room_without_a_name_is_known_by_its_heroes,
    a_lazy_member_is_told_once,
    an_invitation_comes_with_what_one_may_know_of_the_room,
    a_knock_comes_back_as_one,
    a_room_newly_joined_comes_with_its_state,
    who_is_sent_away_is_told_so_once,
    a_long_poll_ends_when_something_happens,
    a_timeline_may_be_filtered_by_type,
    what_lies_behind_many_unwanted_events_is_never_told,
    all_state_can_be_asked_for_again,
    devices_are_to_be_asked_for_while_one_shares_a_room,
    a_timeline_without_members_hides_whose_devices_are_new,
)
