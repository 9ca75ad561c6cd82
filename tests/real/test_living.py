"""The bot at work on real homeservers: what a member sees, however the servers and the load behave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from orchestrator import control
from orchestrator.local import LocalHomeserver
from orchestrator.model import content
from orchestrator.model.effects import Send
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import outbox
from tests.real.bot import ACCOUNT, bot_inside, come_in, plant, removals
from tests.real.homeservers import FederatingPair
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import Seen, eventually

pytestmark = pytest.mark.real


async def removed(
    person: Person, room: RoomId, keeper: UserId, links: Iterable[EventId], *, timeout_s: float = 60
) -> None:
    """Wait until each of these events is removed, and see that each was removed once and nothing else was."""
    wanted = set(links)

    async def all_of_them() -> Mapping[EventId, int] | None:
        counts = removals(await person.history(room), keeper)
        return counts if counts.keys() >= wanted else None

    counts = await eventually(all_of_them, "every removal", timeout_s=timeout_s)
    assert counts == dict.fromkeys(wanted, 1)


def answer_to(events: Iterable[Seen], asked: EventId) -> Seen | None:
    """Find the message that answers an event."""
    for event in events:
        relation = event.content.get("m.relates_to", {})
        if relation.get("m.in_reply_to", {}).get("event_id") == asked:
            return event
    return None


async def test_the_rule_acts_and_commands_are_answered_in_plain_and_sealed_rooms(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    cy = await people.encrypted(homeserver, "cy")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:13]}")
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, cy], "plain", "sealed")
        for key in ("plain", "sealed"):
            link = await cy.say(rooms[key], "look: https://spam.example/x")
            fine = await cy.say(rooms[key], "look: https://grove.example/x")
            asked = await cy.say(rooms[key], "!norms")
            answer = await cy.until(lambda r=rooms[key], a=asked: answer_to(cy.timeline(r), a), "an answer")  # type: ignore[misc]
            assert "Be kind" in answer.body
            assert answer.encrypted == (key == "sealed")
            await removed(cy, rooms[key], garden.keeper, [link])
            assert (await cy.event(rooms[key], fine)).content


@pytest.mark.timeout(600)  # at some machines' pace it takes minutes
async def test_500_messages_at_once_by_5_members_are_each_removed_once(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.plain(homeserver, "ana")
    members = [await people.plain(homeserver, name) for name in ("cy", "dee", "eli", "fay", "gus")]
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, *members], "plain")

        async def flood(member: Person) -> list[EventId]:
            return list(
                await asyncio.gather(*(member.say(rooms["plain"], f"https://spam.example/{n}") for n in range(100)))
            )

        links = [link for sent in await asyncio.gather(*map(flood, members)) for link in sent]
        assert len(links) == 500
        await removed(ana, rooms["plain"], garden.keeper, links, timeout_s=400)


async def test_across_servers_every_message_is_judged_also_those_of_a_healed_split(
    pair: FederatingPair, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(pair.a, "ana")
    near = await people.encrypted(pair.a, "near")
    far = await people.encrypted(pair.b, "far")
    garden = await plant(tmp_path, pair.a, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, near, far], "sealed")
        room = rooms["sealed"]

        asked = await far.say(room, "!norms")
        answer = await far.until(
            lambda: answer_to(far.timeline(room), asked), "an answer over federation", timeout_s=60
        )
        assert "Be kind" in answer.body
        links = [await far.say(room, "https://spam.example/before")]
        await removed(ana, room, garden.keeper, links)

        await pair.cut()
        for n in range(12):
            links.append(await far.say(room, f"https://spam.example/far/{n}"))
            links.append(await near.say(room, f"https://spam.example/near/{n}"))
        await pair.heal()
        await far.say(room, "back again")
        await near.say(room, "so we are")
        await removed(ana, room, garden.keeper, links, timeout_s=120)


async def test_a_long_split_whose_far_side_started_anew_is_judged_to_its_end(
    pair: FederatingPair, people: People, tmp_path: Path
) -> None:
    """The far server sends only its newest event; ours fills in the rest behind what it knows, where no sync looks."""
    ana = await people.plain(pair.a, "ana")
    near, far = await people.plain(pair.a, "near"), await people.plain(pair.b, "far")
    garden = await plant(tmp_path, pair.a, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, near, far], "plain")
        room = rooms["plain"]
        links = [await far.say(room, "https://spam.example/before")]
        await removed(ana, room, garden.keeper, links)
        await pair.cut()
        links += [await near.say(room, f"https://spam.example/near/{n}") for n in range(5)]
        links += [await far.say(room, f"https://spam.example/far/{n}") for n in range(30)]
        await pair.restart(pair.b)
        await pair.heal()
        links.append(await far.say(room, "https://spam.example/newest"))
        await near.say(room, "there you are")
        await removed(ana, room, garden.keeper, links, timeout_s=120)


async def test_the_bots_device_is_signed_and_trusted_by_clients_that_ask_for_it(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    strict = await people.encrypted(homeserver, "strict", only_cross_signed=True)
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    async with bot_inside(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, strict], "sealed")
        (device,) = (await strict.devices([garden.keeper])).values()
        assert device.cross_signed
        link = await strict.say(rooms["sealed"], "https://spam.example/x")
        assert garden.keeper not in {name.user for name in strict.withheld[rooms["sealed"]]}
        # It can be removed only by somebody who could read it.
        await removed(ana, rooms["sealed"], garden.keeper, [link])


async def test_under_default_limits_a_removal_takes_the_next_free_slot(
    stock_homeserver: LocalHomeserver, people: People, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """60 posts wait at one every five seconds; a removal goes before all of them, and the wait is told."""
    homeserver = stock_homeserver
    ana = await people.plain(homeserver, "ana", exempt=True)
    cy = await people.plain(homeserver, "cy", exempt=True)
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    await homeserver.override_rate_limit(garden.keeper)
    async with bot_inside(garden) as app:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, cy], "plain")
        store, keeper = app.store.of(ACCOUNT), app.keepers[ACCOUNT]

        async def furnished() -> bool | None:
            return not (await keeper.delivery.estimate_ms())[0] or None

        await eventually(furnished, "the rooms to be furnished", timeout_s=60)
        await homeserver.admin_request("DELETE", f"/_synapse/admin/v1/users/{garden.keeper}/override_ratelimit")
        await store.run(_queue_posts, rooms["plain"], 60)
        keeper.delivery.wake()

        async def refused() -> bool | None:
            return keeper.delivery.limited or None

        await eventually(refused, "the server's first refusal", timeout_s=60)
        link = await cy.say(rooms["plain"], "https://spam.example/x")
        told = await control.ask(garden.data, "status")
        await removed(ana, rooms["plain"], garden.keeper, [link])
        order = [event for event in await ana.history(rooms["plain"]) if event.sender in {cy.user_id, garden.keeper}]
        said = next(n for n, event in enumerate(order) if event.id == link)
        gone = next(n for n, event in enumerate(order) if event.content.get("redacts") == link)
        took_ms = order[gone].ts_ms - order[said].ts_ms
        # One post may have been on its way already; the next slot is five seconds off at most, and no other passes unused.
        assert gone - said <= 2
        assert took_ms < 10_000
        assert told is not None
        report = told["accounts"]["keeper"]  # type: ignore[index, call-overload]
        assert report["waiting"] >= 40  # type: ignore[index, call-overload, operator]
        # Forty posts at one every five seconds are more than three minutes.
        assert report["estimate_ms"] >= 150_000  # type: ignore[index, call-overload, operator]
        record_property("removed_after_ms", took_ms)
        record_property("estimate", str(report))


def _queue_posts(tx: Tx, room: RoomId, n: int) -> None:
    for k in range(n):
        post = Send(step=f"post {k}", room=room, content=content.notice(f"Post {k}."))
        outbox.record(tx, "the test", "nobody", post, 0)
