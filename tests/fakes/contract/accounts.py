"""Logins, accounts, profiles, account data, filters, devices' letters."""

from __future__ import annotations

from tests.fakes.contract.client import PASSWORD, Client, Site, log_in, path, people


async def a_login_gives_a_token_that_whoami_knows(site: Site) -> None:
    (ana,) = await people(site, "ana")
    who = await ana.ok("GET", "/account/whoami")
    assert (who["user_id"], who["device_id"]) == (ana.user_id, ana.device_id)
    assert {"type": "m.login.password"} in (await ana.ok("GET", "/login"))["flows"]


async def a_wrong_password_and_an_unknown_user_get_the_same_answer(site: Site) -> None:
    user_id = await site.register("ana")
    nobody = Client(site, "", "", "")
    for user, password in ((user_id, "wrong"), (f"@nobody:{site.server_name}", PASSWORD)):
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password}
        await nobody.refused(403, "M_FORBIDDEN", "POST", "/login", body)


async def a_missing_and_an_unknown_token_are_told_apart(site: Site) -> None:
    await Client(site, "", "", "").refused(401, "M_MISSING_TOKEN", "GET", "/account/whoami")
    answer = await Client(site, "", "", "nonsense").refused(401, "M_UNKNOWN_TOKEN", "GET", "/account/whoami")
    assert answer["soft_logout"] is False


async def a_name_that_is_none_is_refused_and_changes_nothing(site: Site) -> None:
    (ana,) = await people(site, "ana")
    mine = path("profile", ana.user_id, "displayname")
    before = await ana.ok("GET", mine)
    await ana.refused(400, "M_INVALID_PARAM", "PUT", mine, {"displayname": 0})
    assert await ana.ok("GET", mine) == before


async def a_logout_ends_the_token_and_the_device(site: Site) -> None:
    (ana,) = await people(site, "ana")
    other = await ana.second_device()
    await ana.ok("POST", "/logout", {})
    await ana.refused(401, "M_UNKNOWN_TOKEN", "GET", "/account/whoami")
    devices = (await other.ok("GET", "/devices"))["devices"]
    assert [device["device_id"] for device in devices] == [other.device_id]


async def a_new_login_of_a_device_leaves_its_older_token_good(site: Site) -> None:
    (ana,) = await people(site, "ana")
    again = await log_in(site, ana.user_id, ana.device_id)
    assert again.device_id == ana.device_id
    for who in (ana, again):
        await who.ok("GET", "/account/whoami")
    await again.ok("POST", "/logout", {})
    await ana.refused(401, "M_UNKNOWN_TOKEN", "GET", "/account/whoami")


async def capabilities_name_the_room_versions(site: Site) -> None:
    (ana,) = await people(site, "ana")
    versions = (await ana.ok("GET", "/capabilities"))["capabilities"]["m.room_versions"]
    assert versions["default"] == "12"
    assert {"10", "11", "12"} <= {version for version, is_ in versions["available"].items() if is_ == "stable"}


async def account_data_is_private_and_comes_with_sync(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    mine = path("user", ana.user_id, "account_data", "m.direct")
    await ana.refused(404, "M_NOT_FOUND", "GET", mine)
    since = (await ana.sync())["next_batch"]
    await ana.ok("PUT", mine, {bo.user_id: ["!room"]})
    assert await ana.ok("GET", mine) == {bo.user_id: ["!room"]}
    await bo.refused(403, "M_FORBIDDEN", "GET", mine)
    news = await ana.ok("GET", "/sync", since=since)
    assert news["account_data"]["events"] == [{"type": "m.direct", "content": {bo.user_id: ["!room"]}}]
    assert "account_data" not in await ana.sync(since)


async def a_filter_may_be_stored_and_named(site: Site) -> None:
    (ana,) = await people(site, "ana")
    wanted = {"room": {"timeline": {"limit": 1}}}
    stored = path("user", ana.user_id, "filter")
    filter_id = (await ana.ok("POST", stored, wanted))["filter_id"]
    assert await ana.ok("GET", f"{stored}/{filter_id}") == wanted
    room = await ana.create()
    news = await ana.ok("GET", "/sync", filter=filter_id)
    assert len(news["rooms"]["join"][room]["timeline"]["events"]) == 1
    await ana.refused(400, "M_INVALID_PARAM", "GET", "/sync", filter="99")
    await ana.refused(400, "M_NOT_JSON", "GET", "/sync", filter="{half")
    await ana.refused(400, "M_UNKNOWN", "GET", "/sync", since="nonsense")


async def a_display_name_stands_in_the_profile_and_in_later_joins(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    profile = path("profile", ana.user_id)
    await ana.ok("PUT", profile + "/displayname", {"displayname": "Ana"})
    assert (await bo.ok("GET", profile))["displayname"] == "Ana"
    await bo.refused(400, "M_FORBIDDEN", "PUT", profile + "/displayname", {"displayname": "Bo"})
    await bo.refused(404, "M_UNKNOWN", "GET", path("profile", f"@nobody:{site.server_name}"))
    room = await ana.create()
    assert (await bo_sees(ana, room))["displayname"] == "Ana"


async def bo_sees(ana: Client, room: str) -> dict[str, str]:
    content = await ana.state(room, "m.room.member", ana.user_id)
    assert isinstance(content, dict)
    return content


async def letters_to_a_device_come_until_they_are_acknowledged(site: Site) -> None:
    ana, bo = await people(site, "ana", "bo")
    since = (await bo.sync())["next_batch"]
    letters = path("sendToDevice", "org.example.letter", "txn1")
    for number in (1, 2):
        # The second has a transaction id that was seen: it does nothing.
        await ana.ok("PUT", letters, {"messages": {bo.user_id: {bo.device_id: {"number": number}}}})
    await ana.ok(
        "PUT", path("sendToDevice", "org.example.letter", "txn2"), {"messages": {bo.user_id: {"*": {"number": 3}}}}
    )
    news = await bo.sync(since)
    assert [letter["content"]["number"] for letter in news["to_device"]["events"]] == [1, 3]
    assert {letter["sender"] for letter in news["to_device"]["events"]} == {ana.user_id}
    assert (await bo.sync(since))["to_device"] == news["to_device"]
    assert "to_device" not in await bo.sync(news["next_batch"])
    assert "to_device" not in await bo.sync(since), "acknowledged once, gone for good"


async def nonsense_is_answered_in_kind(site: Site) -> None:
    (ana,) = await people(site, "ana")
    room = await ana.create()
    await ana.refused(404, "M_UNRECOGNIZED", "GET", "/nonsense")
    await ana.refused(400, "M_BAD_JSON", "PUT", path("rooms", room, "send", "m.room.message", "t"), ["no object"])
    await ana.refused(400, "M_NOT_JSON", "PUT", path("rooms", room, "state", "m.room.name"))
    await ana.refused(400, "M_MISSING_PARAM", "POST", path("rooms", room, "kick"), {})


CLAUSES = (
    a_login_gives_a_token_that_whoami_knows,
    a_wrong_password_and_an_unknown_user_get_the_same_answer,
    a_missing_and_an_unknown_token_are_told_apart,
    a_name_that_is_none_is_refused_and_changes_nothing,
    a_logout_ends_the_token_and_the_device,
    a_new_login_of_a_device_leaves_its_older_token_good,
    capabilities_name_the_room_versions,
    account_data_is_private_and_comes_with_sync,
    a_filter_may_be_stored_and_named,
    a_display_name_stands_in_the_profile_and_in_later_joins,
    letters_to_a_device_come_until_they_are_acknowledged,
    nonsense_is_answered_in_kind,
)
