"""``circlekeeper adopt``: takes a room over that somebody else made, after showing all that would differ."""

from __future__ import annotations

from pathlib import Path

from orchestrator import control
from orchestrator.adopting import take_over
from orchestrator.documents.declared import Community, Room
from orchestrator.errors import MatrixError, SetupError
from orchestrator.model.ids import RoomId
from orchestrator.planning import Onlooker, bot_runs, looking, see_room
from orchestrator.store import Store

from .naming import find_room, name_of
from .showing import in_words
from .terminal import agrees, can_ask


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
    print(f"{where} would be {community.key}/{name_of(room)}. This is where it differs from your files:\n")
    # What to type next is another thing here: first it has to be ours.
    print("\n".join(shown))
    print("\nNothing of this is changed by taking it over.")
    if not yes and not (can_ask() and await agrees(f"Shall {me} look after it from now on?")):
        raise SetupError("Nothing was done." if can_ask() else "Nothing was done, because nobody was asked. Add --yes.")
    if running:
        answer = await control.ask(data_dir, "adopt", community=community.key, key=room.key, id=where)
        if answer is None:
            raise SetupError("The bot was stopped meanwhile, and nothing was done. Try again.")
    else:
        store = Store.open(data_dir)
        try:
            await store.of(community.account).run(take_over, community, room, where, seen=False)
        finally:
            await store.close()
    print(f"It is {community.key}/{name_of(room)} now, and stays as it is. To make it what your files say:")
    print(f"  circlekeeper apply --adopt --room {community.key}/{name_of(room)}")
    return 0


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
