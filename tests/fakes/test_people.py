"""People who act in the test, odd events, late events, and servers that log in otherwise."""

from __future__ import annotations

import aiohttp
import pytest

from tests.fakes import FakeHomeserver, MatrixProblem, Room
from tests.fakes.contract import PASSWORD, Client, path
from tests.fakes.contract.client import shown, sync_filter
from tests.fakes.site import FakeSite
from tests.fakes.values import JsonObject


async def test_people_of_any_server_live_in_a_room(site: FakeSite) -> None:
    ana, cy = site.hs.person("@ana:grove.example"), site.hs.person("@cy:elsewhere.example")
    room = ana.create_room(name="Circle", room_alias_name="circle")
    assert site.hs.room("#circle:grove.example") is room
    assert site.hs.aliases_of(room) == ("#circle:grove.example",)
    with pytest.raises(MatrixProblem) as caught:
        cy.join(room)
    assert (caught.value.status, caught.value.errcode) == (403, "M_FORBIDDEN")
    ana.invite(room, cy)
    cy.join("#circle:grove.example")
    message = cy.say(room, "helo")
    cy.edit(room, message, "hello")
    ana.reply(room, message, "hi")
    ana.react(room, message, "👋")
    ana.put_state(room, "m.room.topic", {"topic": "Being"})
    ana.redact(room, message, "typo")
    assert room.texts() == ("* hello", "hi")
    assert room.state("m.room.topic") == {"topic": "Being"}
    assert room.members() == {ana.user_id, cy.user_id}
    assert room.level(cy.user_id) == 0
    assert next(event.content for event in room.history("m.reaction"))["m.relates_to"] == {
        "rel_type": "m.annotation",
        "event_id": message,
        "key": "👋",
    }
    ana.kick(room, cy, reason="enough")
    ana.ban(room, cy)
    assert room.members("ban") == {cy.user_id}
    ana.unban(room, cy)
    assert (cy.rooms(), cy.rooms("leave"), ana.rooms()) == ([], [room], [room])
    assert "Circle" not in repr(room)


async def test_what_people_do_comes_over_http_and_the_other_way(site: FakeSite) -> None:
    keeper = await site.keeper()
    ana = site.hs.person("@ana:grove.example")
    direct = ana.direct_room(keeper.user_id)
    invited = (await keeper.sync())["rooms"]["invite"][direct.room_id]["invite_state"]["events"][-1]
    assert (invited["sender"], invited["content"]["is_direct"]) == (ana.user_id, True)
    await keeper.join(direct.room_id)
    await keeper.say(direct.room_id, "hello")
    ana.rename("Ana again")
    assert direct.texts() == ("hello",)
    assert (await keeper.state(direct.room_id, "m.room.member", ana.user_id))["displayname"] == "Ana again"
    mine = site.hs.person(keeper.user_id)
    mine.set_account_data("m.direct", {ana.user_id: [direct.room_id]})
    assert await keeper.ok("GET", path("user", keeper.user_id, "account_data", "m.direct")) == mine.account_data(
        "m.direct"
    )


async def test_a_room_may_be_closed_to_other_servers(site: FakeSite) -> None:
    ana = site.hs.person("@ana:grove.example")
    room = ana.create_room(preset="public_chat", creation_content={"m.federate": False})
    site.hs.person("@bo:grove.example").join(room)
    with pytest.raises(MatrixProblem, match="unfederatable"):
        site.hs.person("@cy:elsewhere.example").join(room)


async def test_a_token_may_be_had_without_a_password_and_be_lost(site: FakeSite) -> None:
    ana = site.hs.person("@ana:grove.example")
    client = Client(site, ana.user_id, "PHONE", ana.token("PHONE"))
    assert (await client.ok("GET", "/account/whoami"))["device_id"] == "PHONE"
    ana.lose_tokens()
    await client.refused(401, "M_UNKNOWN_TOKEN", "GET", "/account/whoami")
    client.token = ana.token("PHONE")
    await client.ok("GET", "/account/whoami")


@pytest.mark.parametrize("flows", [("m.login.sso", "m.login.token"), ()])
async def test_a_server_may_take_no_password(flows: tuple[str, ...]) -> None:
    async with FakeHomeserver(flows=flows) as hs, aiohttp.ClientSession() as http:
        nobody = Client(FakeSite(hs, http), hs.user("@keeper:grove.example", PASSWORD).user_id, "", "")
        if flows:
            assert [flow["type"] for flow in (await nobody.ok("GET", "/login"))["flows"]] == list(flows)
        else:
            await nobody.refused(404, "M_UNRECOGNIZED", "GET", "/login")
        assert "issuer" in await nobody.ok("GET", "/auth_metadata")
        identifier = {"type": "m.id.user", "user": nobody.user_id}
        body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
        await nobody.refused(400, "M_INVALID_PARAM", "POST", "/login", body)


async def test_a_server_with_other_choices() -> None:
    async with FakeHomeserver("else.example", default_room_version="10", lets_publish=True) as hs:
        ana = hs.person("@ana:else.example")
        room = ana.create_room(visibility="public")
        assert room.version.id == "10"
        assert room.published
        with pytest.raises(ValueError, match="room version 9"):
            FakeHomeserver(default_room_version="9")


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "m.room.message", "sender": "@ana:grove.example", "content": "no object"},
        {"type": "m.room.message", "content": {"body": "no sender"}},
        {"sender": "@ana:grove.example", "content": {"body": "no type"}},
        {"type": "m.room.message", "sender": "@ana:grove.example", "content": {"body": "no id"}, "event_id": None},
        {"type": "m.room.power_levels", "sender": "@ana:grove.example", "content": {"users": []}, "state_key": ""},
    ],
)
async def test_an_odd_event_is_handed_out_as_it_is(site: FakeSite, odd: JsonObject) -> None:
    keeper = await site.keeper()
    room = site.hs.person(keeper.user_id).create_room()
    since = (await keeper.sync())["next_batch"]
    event_id = site.hs.inject(room, odd)
    expected = {key: value for key, value in odd.items() if value is not None}
    for events in (
        (await keeper.sync(since))["rooms"]["join"][room.room_id]["timeline"]["events"],
        (await keeper.messages(room.room_id, limit="1"))["chunk"],
    ):
        (event,) = events
        assert {key: event[key] for key in expected} == expected
        assert event.get("event_id") == (None if "event_id" in odd else event_id)
    if "state_key" in odd:
        assert room.state("m.room.power_levels") == odd["content"]
    assert (await keeper.sync())["next_batch"]


async def test_late_events_behind_a_gap_are_found_in_history_only(site: FakeSite) -> None:
    keeper, room = await _split(site)
    since = (await keeper.sync())["next_batch"]
    for number in (1, 2):
        await keeper.say(room.room_id, f"here {number}")
    before = (await keeper.sync(since))["next_batch"]
    site.hs.late_events(room, _said("there", 12), after=_last_member(room))
    news = await keeper.sync(before)
    section = news["rooms"]["join"][room.room_id]
    assert (shown(section["timeline"]["events"]), section["timeline"]["limited"]) == (["there 11"], True)
    # Between the two tokens they are all there, and nothing that was known.
    assert sorted(await _between(keeper, room, news["next_batch"], before)) == sorted(f"there {n}" for n in range(12))
    # From an older token on, what was known stands among them: who stops at the first known event loses the rest.
    texts = await _between(keeper, room, news["next_batch"], since)
    assert len(texts) == 14
    assert texts.index("here 2") < texts.index("there 0") < texts.index("here 1")
    assert "rooms" not in await keeper.sync(news["next_batch"])


async def test_what_was_backfilled_lies_between_no_two_sync_tokens(site: FakeSite) -> None:
    keeper, room = await _split(site)
    since = (await keeper.sync())["next_batch"]
    place = (await keeper.messages(room.room_id, from_=since, limit="1"))["end"]
    for number in (1, 2):
        await keeper.say(room.room_id, f"here {number}")
    site.hs.late_events(room, _said("there", 12), after=_last_member(room), how="backfilled")
    news = await keeper.sync(since)
    section = news["rooms"]["join"][room.room_id]
    assert (shown(section["timeline"]["events"]), section["timeline"]["limited"]) == (["there 11"], True)
    assert await _between(keeper, room, news["next_batch"], since) == ["there 11", "here 2", "here 1"]
    texts = shown((await keeper.messages(room.room_id, from_=news["next_batch"], limit="14"))["chunk"])
    assert texts[:11] == [*(f"there {n}" for n in range(11, 1, -1)), "here 2"]
    assert set(texts) == {*(f"there {n}" for n in range(12)), "here 1", "here 2"}
    # Bounded by a place in the graph from before the split, history has them all.
    below = await _between(keeper, room, news["next_batch"], place)
    assert below == [*texts, "m.room.member join"]
    # Page by page, too.
    page = await keeper.messages(room.room_id, from_=news["next_batch"], limit="12")
    rest = await keeper.messages(room.room_id, from_=page["end"], limit="2")
    assert shown(page["chunk"]) + shown(rest["chunk"]) == texts


async def test_late_events_without_a_gap_stand_in_the_timeline_as_they_came(site: FakeSite) -> None:
    keeper, room = await _split(site)
    await keeper.say(room.room_id, "here 1")
    since = (await keeper.sync())["next_batch"]
    site.hs.late_events(room, _said("there", 3), after=_last_member(room), how="timeline")
    news = await keeper.sync(since, sync_filter())
    section = news["rooms"]["join"][room.room_id]
    assert shown(section["timeline"]["events"]) == ["there 0", "there 1", "there 2"]
    assert section["timeline"]["limited"] is False
    assert [event["state_key"] for event in section["state"]["events"]] == ["@cy:elsewhere.example"]
    assert room.texts()[-1] == "there 2"
    assert room.texts().index("here 1") < room.texts().index("there 2")
    cut = (await keeper.sync(since, sync_filter(2)))["rooms"]["join"][room.room_id]["timeline"]
    assert (shown(cut["events"]), cut["limited"]) == (["there 1", "there 2"], True)


async def test_late_state_counts_unless_the_room_has_gone_on(site: FakeSite) -> None:
    keeper, room = await _split(site)
    cy, branch = "@cy:elsewhere.example", _last_member(room)
    late: list[JsonObject] = [
        {"type": "m.room.topic", "state_key": "", "sender": cy, "content": {"topic": "late"}},
        {"type": "m.room.name", "state_key": "", "sender": cy, "content": {"name": "late"}},
    ]
    for number in range(3):
        await keeper.say(room.room_id, f"here {number}")
    await keeper.put(room.room_id, "m.room.name", {"name": "newer"})
    site.hs.late_events(room, late, after=branch)
    assert room.state("m.room.topic") == {"topic": "late"}
    assert room.state("m.room.name") == {"name": "newer"}
    with pytest.raises(MatrixProblem):
        site.hs.late_events(room, late, after="$unknown")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ((403, "M_USER_SUSPENDED"), (403, "M_USER_SUSPENDED")),
        ((401, "M_UNKNOWN_TOKEN"), (400, "M_UNKNOWN")),
        ((400, "M_INVALID_PARAM"), (400, "M_UNKNOWN")),
        ((400, "M_INCOMPATIBLE_ROOM_VERSION"), (400, "M_INCOMPATIBLE_ROOM_VERSION")),
        ((429, "M_LIMIT_EXCEEDED"), (429, "M_LIMIT_EXCEEDED")),
        (None, (502, "M_UNKNOWN")),
    ],
)
async def test_what_another_server_says_of_an_invitation_is_passed_on_and_nobody_is_invited(
    site: FakeSite, said: tuple[int, str] | None, heard: tuple[int, str]
) -> None:
    keeper, room = await _split(site)
    dee, far = site.hs.person("@dee:meadow.example"), site.hs.far("meadow.example")
    far.down, far.refuses = said is None, MatrixProblem(*said, "no") if said else None
    await keeper.refused(*heard, "POST", path("rooms", room.room_id, "invite"), {"user_id": dee.user_id})
    assert room.membership(dee.user_id) is None
    far.down, far.refuses = False, None
    await keeper.ok("POST", path("rooms", room.room_id, "invite"), {"user_id": dee.user_id})
    assert (room.membership(dee.user_id), far.asked) == ("invite", 2)


async def test_who_is_suspended_may_read_and_leave_and_nothing_else(site: FakeSite) -> None:
    keeper, room = await _split(site)
    site.hs.person(keeper.user_id).suspend()
    for method, where, body in (
        ("PUT", path("rooms", room.room_id, "send", "m.room.message", "t"), {"msgtype": "m.text", "body": "hello"}),
        ("POST", path("rooms", room.room_id, "invite"), {"user_id": "@dee:meadow.example"}),
        ("POST", "/createRoom", {}),
        ("PUT", path("profile", keeper.user_id, "displayname"), {"displayname": 0}),
    ):
        await keeper.refused(403, "M_USER_SUSPENDED", method, where, body)
    await keeper.messages(room.room_id)
    await keeper.ok("POST", path("rooms", room.room_id, "leave"), {})


async def _split(site: FakeSite) -> tuple[Client, Room]:
    keeper = await site.keeper()
    room = site.hs.person(keeper.user_id).create_room(preset="public_chat", name="Circle")
    site.hs.person("@cy:elsewhere.example").join(room)
    return keeper, room


async def _between(keeper: Client, room: Room, until: str, since: str) -> list[str]:
    return shown((await keeper.messages(room.room_id, from_=until, to=since, limit="50"))["chunk"])


def _said(what: str, count: int) -> list[JsonObject]:
    return [
        {
            "type": "m.room.message",
            "sender": "@cy:elsewhere.example",
            "content": {"msgtype": "m.text", "body": f"{what} {number}"},
        }
        for number in range(count)
    ]


def _last_member(room: Room) -> str:
    return room.history("m.room.member")[-1].event_id
