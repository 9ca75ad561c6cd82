"""A community of many rooms is made: on an account without limits against the same requests sent bare, and under limits.

Without limits the homeserver's own clock decides: from the first room's creation to the last pin. The bare side sends the
same bodies one after the other and keeps nothing. Under Synapse's default limits, 20 times faster so that it is soon over,
what the bot says at the start that it will take is held against what it took.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orchestrator import control
from orchestrator.documents.declared import Community
from orchestrator.documents.load import load
from orchestrator.errors import StoreError
from orchestrator.local import LocalHomeserver
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, RoomKey
from orchestrator.rooms import room_body
from orchestrator.store import Store, bindings
from orchestrator.store.rows import number
from tests.bench.figures import Comparison, Figures
from tests.real.bot import ACCOUNT, PASSWORD, Garden, bot_process
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import eventually

GOAL = 1.25
NORMS = "Be kind to each other, and to yourself."
PINS = "m.room.pinned_events"
LEARNING = 12
"""So many rooms until the limits have been met."""


class Orchard(Garden):
    """A garden of many plain rooms."""

    rooms_wanted = 40

    def write(self) -> None:
        Garden.write(self)
        said = json.loads(self.config.read_text())
        said["communities"]["grove"]["rooms"] = {
            f"room-{n}": {"template": "plain", "name": f"Room {n}"} for n in range(self.rooms_wanted)
        }
        self.config.write_text(json.dumps(said))


async def unlimited(
    homeserver: LocalHomeserver, people: People, directory: Path, *, rooms: int, rounds: int
) -> Comparison:
    """Make a community of ``rooms`` in turns: by Circlekeeper, and bare."""
    ours: list[float] = []
    bare: list[float] = []
    for turn in range(rounds):
        orchard = await _orchard(homeserver, people, directory / f"ours-{turn}", f"keeper-{turn}", rooms)
        for side in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
            if side == "ours":
                ours.append(await _took_ms(homeserver, await _by_circlekeeper(orchard)))
            else:
                bare.append(await _took_ms(homeserver, await _bare(homeserver, people, orchard, f"bare-{turn}")))
    return Comparison(
        title=f"A community of {rooms} rooms is made, linked, and told its norms, which are pinned",
        ours=Figures("Circlekeeper", ours),
        bare=Figures("the same requests, bare", bare),
        goal=GOAL,
    )


async def limited(homeserver: LocalHomeserver, people: People, directory: Path, *, rooms: int) -> Comparison:
    """Make ``rooms`` under limits that a first dozen has taught: how long it was said to take, and how long it took."""
    orchard = await _orchard(homeserver, people, directory, "keeper-limited", LEARNING)
    async with bot_process(orchard):
        while not await _is_whole(orchard):  # noqa: ASYNC110 - nothing tells us
            await asyncio.sleep(0.2)
        orchard.rooms_wanted = LEARNING + rooms
        orchard.write()
        began_s = time.perf_counter()
        await control.ask(orchard.data, "reload")
        estimate_ms = 0
        while not await _is_whole(orchard):
            told: Any = await control.ask(orchard.data, "status")
            if not estimate_ms and told is not None and told["accounts"][ACCOUNT]["waiting"] >= rooms:
                estimate_ms = told["accounts"][ACCOUNT]["estimate_ms"]
            await asyncio.sleep(0.1)
        ended_s = time.perf_counter()
    return Comparison(
        title=f"What is said at the start that {rooms} rooms will take under default limits (20 times faster)",
        ours=Figures("said", [float(estimate_ms)]),
        bare=Figures("took", [(ended_s - began_s) * 1000]),
    )


async def _orchard(homeserver: LocalHomeserver, people: People, directory: Path, name: str, rooms: int) -> Orchard:
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits for it
    ana = await people.plain(homeserver, "ana")
    keeper = await homeserver.register(f"{name}-{ana.user_id[5:13]}", PASSWORD)
    orchard = Orchard(directory, homeserver, keeper, ana.user_id)
    orchard.rooms_wanted = rooms
    orchard.write()
    return orchard


async def _by_circlekeeper(orchard: Orchard) -> Sequence[RoomId]:
    async with bot_process(orchard):

        async def whole() -> bool:
            return await _is_whole(orchard)

        await eventually(whole, "the community being whole", timeout_s=600)
    return [*(await orchard.rooms()).values()]


async def _bare(homeserver: LocalHomeserver, people: People, orchard: Orchard, name: str) -> Sequence[RoomId]:
    user = await homeserver.register(f"{name}-{orchard.lead[5:13]}", PASSWORD)
    keeper = await people.keep(await Person.log_in(homeserver.url, user, PASSWORD))
    (community,) = load(orchard.config, today=datetime.now(UTC).date()).documents.communities
    return await _send(keeper, community)


async def _send(keeper: Person, community: Community) -> Sequence[RoomId]:
    bound: dict[RoomKey, RoomId] = {}
    for room in community.every_room():
        body = room_body(community, room, keeper.user_id, space=bound.get(room.within), rooms=bound)
        made = await keeper.request("POST", "/createRoom", body)
        bound[room.key] = where = RoomId(str(made["room_id"]))
        if room.policy is None:
            continue
        path = f"/rooms/{quote(bound[community.space.key], safe='')}/state/m.space.child/{quote(where, safe='')}"
        await keeper.request("PUT", path, {"via": ["grove.example"], "order": "00010"})
        said = await keeper.send(where, "m.room.message", {"msgtype": "m.text", "body": NORMS})
        await keeper.request("PUT", f"/rooms/{quote(where, safe='')}/state/{PINS}/", {"pinned": [said]})
    return [*bound.values()]


async def _took_ms(homeserver: LocalHomeserver, rooms: Sequence[RoomId]) -> float:
    stamps: list[int] = []
    for room in rooms:
        state: Any = await homeserver.admin_request("GET", f"/_synapse/admin/v1/rooms/{quote(room, safe='')}/state")
        stamps += [one["origin_server_ts"] for one in state["state"] if one["type"] in {"m.room.create", PINS}]
    return float(max(stamps) - min(stamps))


async def _is_whole(orchard: Orchard) -> bool:
    try:
        store = Store.open_readonly(orchard.data)
    except StoreError:
        return False  # not there yet
    try:
        return await store.of(ACCOUNT).run(_all_is_done, orchard.rooms_wanted)
    finally:
        await store.close()


def _all_is_done(tx: Tx, rooms: int) -> bool:
    open_ends = tx.one(
        "select (select count(*) from outbox where account = :account)"
        " + (select count(*) from unsettled where account = :account) as n,"
        " (select count(*) from norms where account = :account) as told"
    )
    assert open_ends is not None
    return number(open_ends, "n") == 0 and number(open_ends, "told") == rooms and len(bindings.bindings(tx)) >= rooms
