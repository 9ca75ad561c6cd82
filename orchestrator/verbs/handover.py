"""``circlekeeper handover``: what a community needs to outlive its bot, and making somebody a creator beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator import control
from orchestrator.adopting import founding_of, without
from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.documents.load import amend
from orchestrator.documents.words import nearest
from orchestrator.errors import SetupError, StoreError
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, UserId, is_user_id
from orchestrator.planning import bot_runs, looking
from orchestrator.store import Store, bindings, mirror

from .naming import name_of
from .terminal import agrees, can_ask

LEAD: Final = 90
"""Who holds as much can look after a room without the bot."""


@dataclass(frozen=True, slots=True)
class Held:
    """A room, and who can look after it besides the bot."""

    room: Room
    where: RoomId | None
    version: str = ""
    creators: tuple[UserId, ...] = ()
    powerful: tuple[tuple[UserId, int], ...] = ()


async def handover(config_path: Path, named: str | None, *, to: str | None, yes: bool, replace: bool) -> int:
    """Print what there is to know, and make somebody a founder; returns the exit code."""
    if to is not None and not is_user_id(to):
        raise SetupError(f'{to} is no Matrix user id. They look like "@ana:grove.example".')
    async with looking(config_path) as onlooker:
        community = _community(onlooker.loaded.documents, named)
        me = onlooker.account(community).user_id
        data_dir = onlooker.loaded.config.data_dir
        rows = onlooker.rows(community)
        held = await rows.run(_held, community, me)
        lacking = [] if to is None else await rows.run(without, community, UserId(to))
        running = await bot_runs(data_dir)
    print("\n".join(_document(community, me, held)))
    if to is None:
        return 0
    rooms = [room for room, _where, _version in lacking] if replace else []
    known = to in community.founders
    if rooms and not running:
        raise SetupError("Rooms are replaced by the bot at work, so nothing was done. Start it, and run this again.")
    print("\n".join(_consequences(community, to, lacking, replace=replace)))
    if known and not rooms:
        if not lacking:
            print("There is nothing to do.")
        return 0
    if not yes and not (can_ask() and await agrees(_question(community, to, rooms, known=known))):
        raise SetupError("Nothing was done." if can_ask() else "Nothing was done, because nobody was asked. Add --yes.")
    if not known:
        await _found(config_path, data_dir, community, me, UserId(to), running=running)
        print(f"{to} is a founder of {community.name} now. It is written in the overlay.")
    return await _replace(data_dir, community, rooms) if rooms else 0


def _consequences(
    community: Community, to: str, lacking: list[tuple[Room, RoomId, str]], *, replace: bool
) -> Iterator[str]:
    yield f"\n{to} as a creator beside the bot\n"
    yield "Creators of a room can never be removed again, and they can do everything there."
    if to in community.founders:
        yield f"{to} is a founder already: rooms made from now on have them as a creator."
    else:
        yield "Rooms that are made from now on will have them as a creator."
    if lacking:
        yield "Who the creators are is said when a room is made. To have them in these, each has to be replaced:"
        for room, where, version in lacking:
            yield f"  {community.key}/{name_of(room)}  {where}  (version {version})"
        if not replace:
            yield "Add --replace to do that too: people are asked into the new room, and the old one says where it went."


def _question(community: Community, to: str, rooms: list[Room], *, known: bool) -> str:
    count = "this room" if len(rooms) == 1 else f"these {len(rooms)} rooms"
    if known:
        return f"Shall {count} be replaced?"
    return f"Shall {to} be a founder of {community.name}{f', and {count} be replaced' if rooms else ''}?"


def _community(documents: Documents, named: str | None) -> Community:
    keys = [community.key for community in documents.communities]
    if named is None and len(keys) == 1:
        return documents.communities[0]
    found = next((community for community in documents.communities if community.key == named), None)
    if found is not None:
        return found
    near = None if named is None else nearest(named, [*keys])
    hint = f"Did you mean {near}?" if near else f"There are: {', '.join(keys)}."
    raise SetupError(f"{'Which community?' if named is None else f'There is no community {named!r}.'} {hint}")


def _held(tx: Tx, community: Community, me: UserId) -> list[Held]:
    held = []
    for room in community.every_room():
        where = bindings.bound_room(tx, community.key, room.key)
        known = None if where is None else mirror.room_of(tx, where)
        if where is None or known is None:
            held.append(Held(room, where))
            continue
        users = (mirror.power_of(tx, where).content or {}).get("users")
        powerful = (
            sorted(
                (UserId(user), level)
                for user, level in users.items()
                if isinstance(level, int) and level >= LEAD and user != me
            )
            if isinstance(users, dict)
            else []
        )
        held.append(Held(room, where, known.version, tuple(sorted(known.creators)), tuple(powerful)))
    return held


def _document(community: Community, me: UserId, held: list[Held]) -> Iterator[str]:
    yield f"Handing over {community.name}"
    yield ""
    yield f"The bot is {me}. The leads are {', '.join(community.leads)}."
    yield f"Founders: {', '.join(community.founders) or 'none but the bot'}."
    yield ""
    yield "Rooms, and who can look after them besides the bot:"
    for one in held:
        yield f"  {community.key}/{name_of(one.room)}  {one.room.name}"
        if one.where is None:
            yield "      not made yet"
            continue
        others = [user for user in one.creators if user != me]
        yield f"      https://matrix.to/#/{one.where}  (version {one.version or 'unknown'})"
        people = [*(f"{user} (creator)" for user in others), *(f"{user} ({level})" for user, level in one.powerful)]
        yield f"      {', '.join(people) or 'nobody'}"
    yield ""
    yield "To take over the bot: copy config.yaml, room_templates/, policies/, the data directory and, by another way,"
    yield "the secret key and the password of its account; then start it there. Two bots at once cannot be."
    yield ""
    yield "To go on without it: nothing stops. Rooms, norms and people stay. A lead then does by hand what it did:"
    yield "  - invite and remove people, pin the norms, change names and topics;"
    yield "  - take power back from whoever is on duty: it no longer ends by itself;"
    yield "  - lift mutes and lockdowns that stand: see Settings, Roles & Permissions."
    yield "Only a creator can replace a room of version 12 by a newer one. Without a founder beside the bot, that ends"
    yield "with its account: keep the account's password with two people, or name a founder (--to @ana:grove.example)."


async def _found(
    config_path: Path, data_dir: Path, community: Community, me: UserId, user: UserId, *, running: bool
) -> None:
    if user in community.founders:
        return
    if running:
        if await control.ask(data_dir, "found", community=community.key, user=user) is not None:
            return
        raise SetupError("The bot was stopped meanwhile, and nothing was done. Try again.")
    from datetime import UTC, datetime  # noqa: PLC0415 - only here

    now = datetime.now(UTC)
    amendment = founding_of(config_path.name, community, user, by=me, at_ms=int(now.timestamp() * 1000))
    store = Store.open(data_dir)  # held, so that no bot starts and writes at the same time
    try:
        amend(config_path, [amendment], today=now.date())
    except OSError as error:
        raise StoreError(f"The overlay cannot be written: {error.strerror}.") from None
    finally:
        await store.close()


async def _replace(data_dir: Path, community: Community, rooms: list[Room]) -> int:
    answer = await control.ask(data_dir, "replace", community=community.key, rooms=[room.key for room in rooms])
    if answer is None:
        raise SetupError(
            "The bot was stopped meanwhile, and no room may have been replaced. Start it, and run this again; what was"
            " begun is not begun twice."
        )
    refused = answer.get("refused")
    reasons = refused if isinstance(refused, dict) else {}
    for key, why in reasons.items():
        print(f"Not begun: {community.key}/{key or 'space'}: {why}")
    if len(reasons) < len(rooms):
        print("The bot is at it. The control room hears of each room that is replaced.")
    return 1 if reasons else 0
