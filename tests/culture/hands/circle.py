"""A circle that five people look after, and what they and its members do there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.documents.declared import Community, Documents
from orchestrator.documents.policy import Hands
from orchestrator.facilitation.rota.things import Part
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.events import Reaction
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, RoomKey, UserId
from tests.culture.conftest import a_community
from tests.declared import ANA, BO, DEE, rota
from tests.house import BEGUN_MS, CIRCLE, House, body_of, direct, house_of

FAY = UserId("@fay:grove.example")
GUS = UserId("@gus:grove.example")
LOUNGE = RoomId("!lounge")
WITHIN_MS = 15 * MINUTE_MS


def a_kept_community(key: str = "grove", *, hands: Hands | None = None) -> Community:
    """Ana and Bo lead it; in the circle Dee is on duty, Fay is behind her, then Gus. Nobody keeps the lounge."""
    made = a_community(key=key)
    chosen = hands or Hands()
    rooms = []
    for room in made.rooms:
        policy = replace(room.policy, hands=chosen) if room.policy is not None else None
        kept = room.key == "tuesday"
        rooms.append(
            replace(
                room,
                policy=policy,
                facilitators=(DEE, FAY, GUS) if kept else (),
                rota=rota("2025-12-30 19:00") if kept else None,
            )
        )
    control = replace(made.control, facilitators=(DEE, FAY, GUS))
    return replace(made, rooms=tuple(rooms), control=control, leads=(ANA, BO))


@asynccontextmanager
async def a_circle(tmp_path: Path, *communities: Community, hands: Hands | None = None) -> AsyncIterator[House]:
    """Where the norms are posted, and the keepers are in their control room and have private rooms with the bot."""
    declared = communities or (a_kept_community(hands=hands),)
    async with house_of(tmp_path, Documents(communities=declared)) as house:
        for community in declared:
            await house.store.run(let_serve, community)
        await house.open()
        await house.deliver()
        await house.let_keepers_in()
        await house.join(ANA, CIRCLE)
        await house.wait(0)
        await house.deliver()  # that Dee keeps the circle is said now, and to each which turns are theirs
        yield house


def let_serve(tx: Tx, community: Community) -> None:
    """Let everybody who keeps the circle have kept it before: what they hear is about hands, not about a first turn."""
    for n, user in enumerate((DEE, FAY, GUS)):
        begun_ms = BEGUN_MS - (60 + n) * DAY_MS
        tx.run(
            'insert into served (account, community, key, part, start_ms, end_ms, "user", weight) values (:account,'
            " :community, :key, :part, :start_ms, :end_ms, :user, 1)",
            community=community.key,
            key=RoomKey("tuesday"),
            part=Part.FACILITATOR.value,
            start_ms=begun_ms,
            end_ms=begun_ms + DAY_MS,
            user=user,
        )


async def called(house: House, who: UserId) -> list[str]:
    """List with which words somebody is called in private."""
    return [said for said in await house.told(who) if "React with ✋" in said]


async def everybody_called(house: House) -> list[str]:
    """List who is called in private."""
    return sorted(row.target for row in await house.waiting("direct") if "React with ✋" in body_of(row))


async def open_questions(house: House, room: RoomId) -> list[tuple[EventId, str]]:
    rows = await house.rows("select event, room, subject from question order by until_ms, event")
    return [(EventId(str(row["event"])), str(row["subject"])) for row in rows if row["room"] == room]


async def react(house: House, who: UserId, key: str, room: RoomId | None = None, subject: str = "") -> None:
    """React to the newest question in a room; in private if none is said."""
    where = room or direct(who)
    asked = [event for event, about in await open_questions(house, where) if about.startswith(subject)]
    assert asked, "nothing is asked there"
    target = max(asked, key=lambda event: int(event.removeprefix("$sent")))
    event = Reaction(room=where, id=house.next_id(), sender=who, at_ms=house.clock.at_ms, target=target, key=key)
    await house.hear(event)


async def take(house: House, who: UserId, room: RoomId | None = None) -> None:
    """Take the newest hand, in private or in the control room."""
    await react(house, who, "✋", room, "hand:")
