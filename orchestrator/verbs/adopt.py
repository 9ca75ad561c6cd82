"""``circlekeeper adopt``: takes a room over that somebody else made, after showing all that would differ."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import control
from orchestrator.adopting import take_over
from orchestrator.documents.declared import Community, Room
from orchestrator.errors import MatrixError, SetupError
from orchestrator.model.ids import RoomId
from orchestrator.planning import Onlooker, bot_runs, looking, see_room
from orchestrator.store import Store, bindings

from .naming import find_room, name_of
from .showing import in_words
from .terminal import agrees, can_ask


@dataclass(slots=True)
class Taken:
    """What came of taking rooms over, each as ``community/key``; of those that were not, why."""

    names: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


async def adopt_declared(config_path: Path, *, yes: bool) -> int:
    """Take over all the rooms of which the files say ``adopt``; returns the exit code."""
    taken = await take_declared(config_path, None, print, yes=yes)
    for name, why in taken.left.items():
        print(f"Not done: {name}: {why}")
    if not taken.names and not taken.left:
        print("There is no room to take over: none of your files' rooms says adopt, or they are yours already.")
    return 1 if taken.left else 0


async def take_declared(
    config_path: Path, only: Collection[str] | None, say: Callable[[str], None], *, yes: bool
) -> Taken:
    """Show of each room that the files want taken over how it differs, ask unless ``yes``, and take it over.

    Args:
        config_path: the files.
        only: of these rooms alone, each as ``community/key``.
        say: tells a person a line.
        yes: was agreed to already.
    """
    taken = Taken()
    found: list[tuple[Community, Room, RoomId, list[str]]] = []
    async with looking(config_path, refresh=True) as onlooker:
        data_dir = onlooker.loaded.config.data_dir
        running = await bot_runs(data_dir)
        for community, room in await _waiting(onlooker, only):
            try:
                where = await _id_of(onlooker, community, str(room.adopt))
                if where not in await (await onlooker.reader(community)).joined_rooms():
                    await _expect(onlooker, community, room, where, running=running)
                found.append((community, room, where, await _shown(onlooker, community, room, where)))
            except SetupError as problem:
                taken.left[f"{community.key}/{room.key}"] = str(problem)
    for community, room, where, shown in found:
        name = f"{community.key}/{room.key}"
        say("\n".join(_preview(community, room, where, shown)))
        if not yes and not (can_ask() and await agrees(f"Shall {where} be {name} from now on?")):
            taken.left[name] = "Nobody agreed to it." if can_ask() else "Nobody was asked. Add --yes."
            continue
        try:
            await _take(data_dir, community, room, where, running=running)
        except SetupError as problem:
            taken.left[name] = str(problem)
            continue
        taken.names.append(name)
        say("\n".join(_outcome(community, room)))
    return taken


async def adopt(config_path: Path, room_id: str, named: str, *, yes: bool) -> int:
    """Show what would differ, ask, and take the room over; returns the exit code."""
    if not room_id.startswith("!"):
        raise SetupError(
            'The first word is the room\'s id, which begins with "!". Your client shows it in the settings.'
        )
    where = RoomId(room_id)
    async with looking(config_path, refresh=True) as onlooker:
        data_dir = onlooker.loaded.config.data_dir
        community, room = find_room(onlooker.loaded.documents, named)
        me = onlooker.account(community).user_id
        running = await bot_runs(data_dir)
        if where not in await (await onlooker.reader(community)).joined_rooms():
            await _expect(onlooker, community, room, where, running=running)
        shown = await _shown(onlooker, community, room, where)
    print("\n".join(_preview(community, room, where, shown)))
    if not yes and not (can_ask() and await agrees(f"Shall {me} look after it from now on?")):
        raise SetupError("Nothing was done." if can_ask() else "Nothing was done, because nobody was asked. Add --yes.")
    await _take(data_dir, community, room, where, running=running)
    print("\n".join(_outcome(community, room)))
    return 0


def _preview(community: Community, room: Room, where: RoomId, shown: list[str]) -> list[str]:
    # What to type next is another thing here: first it has to be ours.
    return [
        f"{where} would be {community.key}/{name_of(room)}. This is where it differs from your files:\n",
        *shown,
        "\nNothing of this is changed by taking it over.",
    ]


def _outcome(community: Community, room: Room) -> list[str]:
    name = f"{community.key}/{name_of(room)}"
    return [
        f"It is {name} now, and stays as it is. To make it what your files say:",
        f"  circlekeeper apply --adopt --room {name}",
    ]


async def _waiting(onlooker: Onlooker, only: Collection[str] | None) -> list[tuple[Community, Room]]:
    """List the declared rooms that are to be taken over, and are not yet."""
    waiting = []
    for community in onlooker.loaded.documents.communities:
        bound = {(binding.community, binding.key) for binding in await onlooker.rows(community).run(bindings.bindings)}
        waiting += [
            (community, room)
            for room in community.every_room()
            if room.adopt is not None
            and (community.key, room.key) not in bound
            and (only is None or f"{community.key}/{room.key}" in only)
        ]
    return waiting


async def _id_of(onlooker: Onlooker, community: Community, named: str) -> RoomId:
    if named.startswith("!"):
        return RoomId(named)
    try:
        where = await (await onlooker.reader(community)).alias(named)
    except MatrixError as error:
        if error.retryable:
            raise
        where = None
    if where is None:
        raise SetupError(f"{named} leads to no room. Write the room's id, or an address that it has.")
    return where


async def _take(data_dir: Path, community: Community, room: Room, where: RoomId, *, running: bool) -> None:
    if running:
        answer = await control.ask(data_dir, "adopt", community=community.key, key=room.key, id=where)
        if answer is None:
            raise SetupError("The bot was stopped meanwhile, and nothing was done. Try again.")
        return
    store = Store.open(data_dir)
    try:
        await store.of(community.account).run(take_over, community, room, where, seen=False)
    finally:
        await store.close()


async def _expect(onlooker: Onlooker, community: Community, room: Room, where: RoomId, *, running: bool) -> None:
    me = onlooker.account(community).user_id
    if not running:
        raise SetupError(f"{me} is not in {where}. Start the bot, run this again, and let a lead invite it then.")
    await control.ask(onlooker.loaded.config.data_dir, "await", community=community.key, key=room.key, id=where)
    raise SetupError(
        f"{me} is not in {where}. Let a lead invite it within the next hour; it comes by itself. Then run this again."
    )


async def _shown(onlooker: Onlooker, community: Community, room: Room, where: RoomId) -> list[str]:
    """Take it over in the copy of the rows alone, and plan."""
    reader, rows = await onlooker.reader(community), onlooker.rows(community)
    try:
        state = await reader.whole_state(where)
    except MatrixError as error:
        if error.retryable:
            raise
        raise SetupError(f"The bot is not in {where} (any more).") from None
    await rows.run(see_room, where, state)
    await rows.run(take_over, community, room, where, seen=True)
    only = frozenset({f"{community.key}/{room.key}"})
    return in_words(await onlooker.plan(only), only, hint=False)
