"""A plan of a thousand rooms in which nothing differs, against reading the same rows and doing nothing with them.

The rows are as a bot leaves them that made these rooms and went on listening. Planning is a pure function of them: it is
given no way to ask a homeserver anything, so a plan that needs nothing more made no request.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from orchestrator.documents.declared import SPACE_KEY, Community
from orchestrator.model.events import Member
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, EventId, Json, RoomId, RoomKey
from orchestrator.model.things import ALIAS
from orchestrator.rooms import plan_community
from orchestrator.rooms.planning.wants import note_made, remember_as_made
from orchestrator.rooms.state.attributes import attributes
from orchestrator.rooms.state.create import room_body
from orchestrator.store import AccountStore, Store, bindings, mirror
from orchestrator.store.claims import unsettled
from tests.bench.figures import Comparison, Figures
from tests.declared import ME, community, room, settings
from tests.rooms.rules import made

TIMES = 5
MIRROR = ("room", "state", "member", "claim", "binding")


def planning(directory: Path, rooms: int) -> Comparison:
    """Measure a plan of so many rooms in which there is nothing to do."""
    return asyncio.run(_planning(directory, rooms))


async def _planning(directory: Path, rooms: int) -> Comparison:
    declared = community(
        *(
            room(f"room-{n}", name=f"Room {n}", alias=f"grove-{n}", made=settings(room_version="12", encryption=True))
            for n in range(rooms)
        )
    )
    store = Store.open(directory)
    try:
        rows = store.of(AccountKey("keeper"))
        await rows.run(furnish, declared)
        planned, read = [], []
        for _ in range(TIMES):
            read.append(await _timed(rows, _read))
            planned.append(await _timed(rows, _plan, declared))
        return Comparison(
            title=f"A plan of {rooms} rooms in which nothing differs, without a request",
            ours=Figures("plan", planned),
            bare=Figures("reading the same rows", read),
        )
    finally:
        await store.close()


def furnish(tx: Tx, declared: Community) -> None:
    """Write the rows of a community that is as declared."""
    bound: dict[RoomKey, RoomId] = {}
    for n, one in enumerate(declared.every_room()):
        where = RoomId(f"!{n}")
        memory = remember_as_made(declared, one, bound, ME)
        body = room_body(declared, one, ME, space=bound.get(one.within), rooms=bound)
        bindings.bind(tx, declared.key, one.key, where, "made")
        bound[one.key] = where
        mirror.see_own_membership(tx, where, "join")
        joined = Member(room=where, id=EventId(f"${n}"), sender=ME, at_ms=0, user=ME, membership="join")
        mirror.see_member(tx, joined)
        for (type_, key), content in made(body, ME).items():
            mirror.see_state(tx, where, type_, key, EventId(f"${n}-{type_}"), ME, content)
        note_made(tx, where, memory, ME, 0)
    # What comes after the making was written as well: the links, and the aliases.
    links: dict[str, dict[str, Json]] = {}
    for attribute in attributes(declared, bound, ME):
        if attribute.slot.type == ALIAS:
            mirror.see_state(
                tx, attribute.slot.room, attribute.slot.type, attribute.slot.key, EventId("~here"), ME, {"here": True}
            )
        elif attribute.slot.type == "m.space.child":
            links.setdefault(attribute.slot.key, {})[attribute.claim_path[0]] = attribute.value
    for child, said in links.items():
        mirror.see_state(tx, bound[SPACE_KEY], "m.space.child", child, EventId(f"$link-{child}"), ME, said)
    for item in unsettled(tx):
        assert item.type in {"m.space.child", ALIAS}, item
    tx.run("delete from unsettled where account = :account")


async def _timed(rows: AccountStore, fn: object, *args: object) -> float:
    began_s = time.perf_counter()
    await rows.run(fn, *args)  # type: ignore[arg-type]
    return (time.perf_counter() - began_s) * 1000


def _plan(tx: Tx, declared: Community) -> None:
    plan = plan_community(tx, declared, ME)
    assert plan.is_empty, [change.name for change in plan.differences][:10]


def _read(tx: Tx) -> int:
    """Read every row of the mirror and of what was applied, and the JSON in them."""
    count = 0
    for table in MIRROR:
        for row in tx.rows(f"select * from {table} where account = :account"):
            for column in ("content", "value", "path", "creators"):
                if column in row.keys():  # noqa: SIM118 - a row is no dict
                    json.loads(str(row[column]))
            count += 1
    return count
