"""``!lockdown`` and ``!unlock``: who may lock what, and what is said about it.

A lead may lock and open everything; whoever is facilitating may lock their own room, and open it again if no lead locked
it. Nobody else can, and nothing that happens in a room does it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import RoomId, RoomKey
from orchestrator.store import bindings, locks, open_ends
from orchestrator.store.bindings import SPACE_KEY
from orchestrator.store.locks import EVERYWHERE

from .lockdown import bound, can_hold, closing_words, hold, is_locked, opening_words, release

ALL: Final = "all"


class Locking:
    """The two commands.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @property
    def commands(self) -> Sequence[Command]:
        """Both of them."""
        return (
            Command(
                name="lockdown",
                usage="[ROOM|all]",
                summary=N_("close a room for a while: only leads can write, and nobody new comes in"),
                needs=Role.FACILITATOR,
                run=self._lock,
                examples=(
                    Example("", N_("this room")),
                    Example("tuesday", N_("the room with that key")),
                    Example("all", N_("every room; for leads"), Role.LEAD),
                ),
                elsewhere=True,
            ),
            Command(
                name="unlock",
                usage="[ROOM|all]",
                summary=N_("open a room that was closed for a while; everything is as it was before"),
                needs=Role.FACILITATOR,
                run=self._unlock,
                examples=(
                    Example("", N_("this room")),
                    Example("tuesday", N_("the room with that key")),
                    Example("all", N_("every room; for leads"), Role.LEAD),
                ),
                elsewhere=True,
            ),
        )

    def _lock(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community, key = self._target(tx, call, "lockdown")
        by_lead = _check_may(call, key)
        rooms = _rooms(tx, community, key)
        held = [(room, where) for room, where in rooms if can_hold(tx, where, now.me)]
        before = {where for room, where in held if is_locked(tx, community, room)}
        if not held:
            raise Refusal(
                _("I am not allowed to change who can write there, so I cannot close it. A lead can do it by hand.")
            )
        locks.lock(tx, community.key, key, by_lead=by_lead)
        for room, where in held:
            hold(tx, room, where, now.me, now.at_ms)
            if where not in before:
                yield from _say(room, where, closing_words(community), community, "closed")
        answer = _closed_all(community) if key == EVERYWHERE else _closed_one(community, rooms[0][0])
        yield content.answer(call, answer + _left_out(rooms, held), now)
        yield from _tell_control(tx, community, call, key, closed=True)

    def _unlock(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community, key = self._target(tx, call, "unlock")
        by_lead = _check_may(call, key)
        rooms = _rooms(tx, community, key, control=True)
        closed = [(room, where) for room, where in rooms if is_locked(tx, community, room)]
        if not closed and not (key == EVERYWHERE and locks.is_locked_everywhere(tx, community.key)):
            raise Refusal(_("That is open already; there is nothing to undo."))
        if not by_lead and locks.was_locked_by_lead(tx, community.key, key):
            raise Refusal(_("A lead closed this room, so a lead opens it again. You can ask one of them."))
        locks.unlock(tx, community.key, key)
        forgotten = [room for room, _where in closed if _was_found_closed(tx, community, room)]
        for room, where in closed:
            release(tx, where, now.at_ms)
            yield from _say(room, where, opening_words(community), community, "open")
        if key == EVERYWHERE:
            said = _("Everything is being opened again, as it was before.")
        else:
            said = _("“{room}” is being opened again, as it was before.").format(room=rooms[0][0].name)
        if forgotten:
            named = ", ".join(f"“{room.name}”" for room in forgotten)
            said = _(
                "I am opening it again. What was before I do not remember of {rooms}: there it is as the files say now, and "
                "what somebody had set by hand is for you to set again."
            ).format(rooms=named)
        yield content.answer(call, said, now)
        yield from _tell_control(tx, community, call, key, closed=False)

    def _target(self, tx: Tx, call: Call, name: str) -> tuple[Community, RoomKey]:
        """Find what is meant: the room it is typed in, one that is named, or all.

        Raises:
            Refusal: that is not clear.
        """
        community = None if call.community is None else self._documents.community(call.community)
        if community is None:
            raise Refusal(_("I do not know which community you mean. Please write that in one of its rooms."))
        wanted = " ".join(call.args).casefold()
        if call.direct and len(bindings.communities_of(tx, call.event.sender)) > 1:
            raise Refusal(_("You are in more than one community. Please write that in a room of the one you mean."))
        if wanted == ALL:
            return community, EVERYWHERE
        keys = [room.key for room in community.every_room() if room.key != SPACE_KEY]
        if not wanted and not call.direct and call.room_key in keys and call.room_key != CONTROL_KEY:
            return community, call.room_key
        named = [
            room.key
            for room in community.every_room()
            if room.key in keys and wanted in {room.key, room.name.casefold()}
        ]
        if wanted and len(named) == 1:
            return community, named[0]
        if call.role_at(SPACE_KEY) is Role.LEAD:
            said = _("Which room do you mean? Write `{prefix}{command} all` for all of them, or one of these: {keys}")
            raise Refusal(
                said.format(prefix=community.prefix, command=name, keys=", ".join(f"`{key}`" for key in keys))
            )
        theirs = [f"`{community.prefix}{name} {key}`" for key in keys if call.role_at(key) >= Role.FACILITATOR]
        if not theirs:
            raise Refusal(_not_yours())
        raise Refusal(_("Which room do you mean? Write it like this: {commands}").format(commands=", ".join(theirs)))


def _not_yours() -> str:
    return _("Only whoever is facilitating in that room right now can do that, or a lead.")


def _check_may(call: Call, key: RoomKey) -> bool:
    """Check that the caller may do it there, now; tells whether they are a lead there."""
    role = call.role_at(SPACE_KEY if key == EVERYWHERE else key)
    needs = Role.LEAD if key in {EVERYWHERE, CONTROL_KEY} else Role.FACILITATOR
    if role < needs:
        if key == CONTROL_KEY:
            raise Refusal(_("Only a lead can do that for the control room."))
        if needs is Role.LEAD:
            raise Refusal(
                _(
                    "Only a lead can do that for all rooms at once. Whoever is facilitating can do it for their own room."
                )
            )
        raise Refusal(_not_yours())
    return role is Role.LEAD


def _rooms(tx: Tx, community: Community, key: RoomKey, *, control: bool = False) -> list[tuple[Room, RoomId]]:
    rooms = [
        (room, where)
        for room, where in bound(tx, community)
        if room.key == key or (key == EVERYWHERE and (control or room.key != CONTROL_KEY))
    ]
    if not rooms:
        raise Refusal(_("That room is not there yet."))
    return rooms


def _was_found_closed(tx: Tx, community: Community, room: Room) -> bool:
    """Tell whether a room was closed when it was found after the database was lost; from now on that is over."""
    if open_ends.step_of(tx, community.key, room.key) != open_ends.LOCKED:
        return False
    open_ends.set_step(tx, community.key, room.key, None, open_ends.FINE)
    return True


def _say(room: Room, where: RoomId, words: str, community: Community, what: str) -> Iterator[AnyEffect]:
    if room.kind != "space":  # nobody reads there
        yield Send(
            step=f"{what}:{where}",
            room=where,
            # After the doors are closed everywhere, before anything else.
            priority=Priority.REPLY,
            content=content.notice(words, people=community.leads),
            merge=f"lockdown:{where}",
        )


def _tell_control(tx: Tx, community: Community, call: Call, key: RoomKey, *, closed: bool) -> Iterator[AnyEffect]:
    """Let all who keep the rooms know who closed or opened what, unless they read it where it was typed."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None or control == call.event.room:
        return
    room = community.room(key)
    with speaking(community.locale):
        if room is None:
            said = _("{who} closed all rooms for a while.") if closed else _("{who} opened all rooms again.")
        else:
            said = _("{who} closed “{room}” for a while.") if closed else _("{who} opened “{room}” again.")
        words = said.format(who=call.event.sender, room="" if room is None else room.name)
    yield Send(
        step=f"told:{control}",
        room=control,
        priority=Priority.REPLY,
        content=content.notice(words, people=[call.event.sender]),
    )


def _closed_all(community: Community) -> str:
    return _(
        "All rooms are being closed: only leads can write, and nobody new comes in. The control room of leads and "
        "facilitators stays open, and I listen to everybody in private. `{prefix}unlock all` brings back what was."
    ).format(prefix=community.prefix)


def _closed_one(community: Community, room: Room) -> str:
    return _(
        "“{room}” is being closed: only leads can write there, and nobody new comes in. "
        "`{prefix}unlock {key}`, also to me in private, brings back what was."
    ).format(room=room.name, key=room.key, prefix=community.prefix)


def _left_out(rooms: Sequence[tuple[Room, RoomId]], held: Sequence[tuple[Room, RoomId]]) -> str:
    left_out = [room.name for room, where in rooms if (room, where) not in held]
    if not left_out:
        return ""
    return " " + _("There I am not allowed to change who can write, so it is for a lead to do: {rooms}.").format(
        rooms=", ".join(left_out)
    )
