"""How people are asked in, removed and let go, and how the bot enters and leaves; what a person undid is not done again."""

from __future__ import annotations

from typing import Final

from orchestrator import failpoints
from orchestrator.errors import BadRequest, Forbidden, MatrixError, NotFound, ServerTrouble
from orchestrator.errors import Final as NeverWorks
from orchestrator.model.ids import CAUSE_FIELD, Json, JsonObject, RoomId, UserId
from orchestrator.store import AccountStore, bindings, mirror
from orchestrator.store.outbox import Waiting

from .fields import a_room_id
from .gateway import Gateway, route
from .history import History
from .making import WRONG_VERSION, Maker
from .tracks import PATIENCE_S, Tracks

JOIN_TRIES: Final = 6
"""How often a join that is refused is tried, about half a minute in all, before that is believed."""


class Doorman:
    """Writes memberships, the bot's own and other people's.

    Args:
        store: the account's rows.
        gateway: speaks to the homeserver.
        history: reads what is live.
        maker: makes another direct room for whom the first is of no use.
        tracks: marks what leaves.
    """

    def __init__(self, store: AccountStore, gateway: Gateway, history: History, maker: Maker, tracks: Tracks) -> None:
        self._store = store
        self._gateway = gateway
        self._history = history
        self._maker = maker
        self._tracks = tracks

    async def move(self, row: Waiting, room: RoomId) -> bool:
        """Bring somebody in or out; tells whether that took a call that the server counts."""
        wanted = str(row.payload.get("membership"))
        live = await self._history.state(room, "m.room.member", row.target)
        content, event = (live.content, live.event) if live is not None else ({}, None)
        now, only_from = str(content.get("membership", "leave")), row.payload.get("only_from")
        only_from = only_from if isinstance(only_from, list) else []
        if now not in only_from and _is_as_wanted(wanted, now, known=live is not None):
            await self._tracks.confirm(row.cause, "done", event=event, room=room)
            return False
        based_on = row.payload.get("based_on")
        answered = wanted == "invite" and live is not None and (based_on is None or event not in {"", based_on})
        if only_from:
            answered = now not in only_from
        if answered or (row.tried_ms is not None and row.cause in await self._tracks.search(row)):
            # They left or declined, perhaps long ago and unseen by us: nobody is asked again and again.
            await self._tracks.confirm(row.cause, "undone", room=room)
            return False
        body: dict[str, Json] = {"membership": wanted, CAUSE_FIELD: row.cause}
        if row.payload.get("reason"):
            body["reason"] = row.payload["reason"]
        theirs = wanted == "invite" and await self._store.run(bindings.direct_user, room) == row.target
        if theirs:
            body["is_direct"] = True  # so that their client shows it among their conversations
        if not await self._tracks.leaves(row, room):
            return False
        failpoints.pass_by("member.before_send")
        # Not repeated before what is there now was read again: a person may undo it at any moment.
        try:
            answer = await self._gateway.call(
                "PUT", route("rooms", room, "state", "m.room.member", row.target), body=body, sit_out_limits=False
            )
        except BadRequest as error:
            if theirs and error.errcode in WRONG_VERSION:
                await self._maker.start_over(room, UserId(row.target))
            raise
        failpoints.pass_by("member.after_send")
        await self._tracks.done(row, answer, room)
        return True

    async def go(self, row: Waiting, room: RoomId) -> bool:
        """Join or leave a room ourselves."""
        wanted = row.payload.get("membership")
        action = "join" if wanted == "join" else "leave"
        reason = row.payload.get("reason")
        body: JsonObject = {"reason": reason} if reason else {}
        if not await self._tracks.leaves(row, room):
            return False
        via = row.payload.get("via")
        if action == "join" and isinstance(via, str):  # the older name for servers before version 1.12 of the API
            way, query = route("join", room), {"via": via, "server_name": via}
        else:
            way, query = route("rooms", room, action), None
        try:
            await self._gateway.call("POST", way, query=query, body=body, patience_s=PATIENCE_S, sit_out_limits=False)
        except (Forbidden, NotFound) as error:
            if action == "join":
                known = await self._store.run(mirror.room_of, room)
                invited = known is not None and known.membership == "invite"
                raise (_not_yet_let_in(error, row.tries) if invited else error) from None
            # Leaving where we are not is done.
        if action == "join":
            # Sync tells only of those who speak; whether we are alone with somebody hangs on those who do not.
            before = await self._store.run(mirror.roll, room)
            await self._store.run(mirror.see_members, room, await self._history.members(room), before)
        await self._tracks.confirm(row.cause, "done", room=room)
        return True

    async def enter(self, row: Waiting) -> bool:
        """Join a room that is not ours; where we are already, that is done again and changes nothing."""
        listed = row.payload.get("via")
        via = [server for server in listed if isinstance(server, str)] if isinstance(listed, list) else []
        if not await self._tracks.leaves(row, None):
            return False
        query = [(name, server) for server in via for name in ("via", "server_name")]
        answer = await self._gateway.call(
            "POST", route("join", row.target), query=query, body={}, patience_s=PATIENCE_S, sit_out_limits=False
        )
        room = a_room_id(answer.get("room_id"))
        if room is None:
            raise ServerTrouble("The homeserver's answer makes no sense.", status=200, call="POST join/{}")
        await self._tracks.confirm(row.cause, "done", room=room)
        return True


def _not_yet_let_in(error: NeverWorks, tries: int) -> MatrixError:
    # Another server may send an invitation before it lets in whom it invited: the first refusals may mean "not yet".
    if tries + 1 >= JOIN_TRIES:
        return error
    return ServerTrouble(str(error), status=error.status, errcode=error.errcode, call="POST join/{}")


def _is_as_wanted(wanted: str, live: str, *, known: bool) -> bool:
    match wanted:
        case "invite":
            return live in {"invite", "join"}
        case "leave":
            return known and live in {"leave", "ban"}
        case _:
            return live == wanted
