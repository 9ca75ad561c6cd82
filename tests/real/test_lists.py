"""A ban list kept on one server, followed on another: shown to the lead first, and then it acts on whoever comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.model.ids import RoomId
from tests.real.bot import Garden, bot_inside, come_in, plant
from tests.real.homeservers import FederatingPair
from tests.real.people import People
from tests.real.wire import eventually

pytestmark = pytest.mark.real

WORDS = "the reason is nobody's business"


def name_list(garden: Garden, alias: str) -> None:
    file = garden.directory / "policies/gentle.yaml"
    policy = json.loads(file.read_text())
    file.write_text(json.dumps({**policy, "lists": [alias]}))


async def test_a_list_is_shown_then_followed_and_lifted_with_its_entries_across_servers(
    pair: FederatingPair, people: People, tmp_path: Path
) -> None:
    ana, cy = await people.encrypted(pair.a, "ana"), await people.plain(pair.a, "cy")
    keeper_of_list, spam, friend = [await people.plain(pair.b, name) for name in ("listkeeper", "spam", "friend")]
    shelf = await keeper_of_list.create_room(
        name="Bans", preset="public_chat", room_alias_name=f"bans-{spam.user_id[1:9]}"
    )
    alias = (await keeper_of_list.state(shelf, "m.room.canonical_alias"))["alias"]
    rule = {"entity": spam.user_id, "recommendation": "m.ban", "reason": WORDS}
    await keeper_of_list.put_state(shelf, "m.policy.rule.user", rule, "one")

    garden = await plant(tmp_path, pair.a, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    name_list(garden, alias)
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, cy], "plain", "sealed")
        await ana.until(lambda: rooms["control"] in ana.rooms or None, "the control room")
        await ana.join(rooms["control"])
        question = await ana.until_event(
            rooms["control"],
            lambda seen: f"Follow the ban list {alias}?" in seen.body,
            "what it would do",
            timeout_s=120,
        )
        assert "It names 1 person and 0 servers." in question.body
        assert "Nobody who is here now is on it." in question.body
        await ana.react(rooms["control"], question.id, "✅")
        await ana.until_event(rooms["control"], lambda seen: f"I follow {alias}" in seen.body, "the word that it is so")

        await ana.invite(rooms["plain"], spam.user_id)
        await ana.invite(rooms["plain"], friend.user_id)
        await friend.join(rooms["plain"], via=[pair.a.server_name])

        async def is_banned(room: RoomId) -> bool:
            return (await ana.state(room, "m.room.member", spam.user_id)).get("membership") == "ban"

        for key in ("plain", "sealed"):
            await eventually(lambda k=key: is_banned(rooms[k]), f"a ban from {key}", timeout_s=60)  # type: ignore[misc]
        assert (await ana.state(rooms["plain"], "m.room.member", friend.user_id))["membership"] == "join"
        assert WORDS.encode() not in b"".join(file.read_bytes() for file in garden.data.rglob("*") if file.is_file())

        await keeper_of_list.put_state(shelf, "m.policy.rule.user", {}, "one")

        async def is_lifted() -> bool:
            return (await ana.state(rooms["plain"], "m.room.member", spam.user_id)).get("membership") == "leave"

        await eventually(is_lifted, "the ban to be lifted with the entry", timeout_s=60)
