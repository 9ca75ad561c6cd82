"""Routes: rooms, their events, state, members and history, and /sync."""

from __future__ import annotations

import json
from collections.abc import Callable

from . import history, membership, sending
from .creation import create_room
from .filters import EventFilter, SyncFilter
from .history import limit_of
from .http import Call, Route
from .membership import Action
from .problems import MatrixProblem, bad_request, not_found
from .sync import SyncRequest
from .tokens import SyncToken
from .values import Json, JsonObject, obj, text


def create(call: Call) -> Json:
    return {"room_id": create_room(call.world, call.who, call.body).room_id}


def joined_rooms(call: Call) -> Json:
    mine = [room.room_id for room in call.world.rooms.values() if call.who.user_id in room.joined]
    return {"joined_rooms": list[Json](mine)}


def send(call: Call) -> Json:
    event = sending.send(call.world, call.who, call.arg("room"), call.arg("type"), call.body, call.arg("txn"))
    return {"event_id": event.event_id}


def redact(call: Call) -> Json:
    event = sending.redact(call.world, call.who, call.arg("room"), call.arg("event"), call.body, call.arg("txn"))
    return {"event_id": event.event_id}


def put_state(call: Call) -> Json:
    room_id, event_type, key = _state_key(call)
    if event_type == "m.room.member":
        event = membership.put(call.world, call.who, room_id, key, call.body)
    else:
        event = sending.put_state(call.world, call.who, room_id, event_type, key, call.body)
    return {"event_id": event.event_id}


def get_state(call: Call) -> Json:
    room_id, event_type, key = _state_key(call)
    written = call.query("format") or "content"
    if written not in ("content", "event"):
        raise bad_request("Query parameter 'format' must be one of ['content', 'event']", "M_INVALID_PARAM")
    return history.one_state(call.world, call.who, room_id, (event_type, key), whole_event=written == "event")


def get_all_state(call: Call) -> Json:
    return history.all_state(call.world, call.who, call.arg("room"))


def get_event(call: Call) -> Json:
    return history.one_event(call.world, call.who, call.arg("room"), call.arg("event"))


def get_members(call: Call) -> Json:
    chosen = (call.query("membership"), call.query("not_membership"), call.query("at"))
    return history.members(call.world, call.who, call.arg("room"), *chosen)


def get_joined_members(call: Call) -> Json:
    return history.joined_members(call.world, call.who, call.arg("room"))


def get_aliases(call: Call) -> Json:
    return history.aliases(call.world, call.who, call.arg("room"))


def get_messages(call: Call) -> Json:
    direction = call.query("dir") or "f"
    if direction not in ("b", "f"):
        raise bad_request("Query parameter 'dir' must be one of ['b', 'f']", "M_INVALID_PARAM")
    return history.messages(
        call.world,
        call.who,
        call.arg("room"),
        backwards=direction == "b",
        start=call.query("from"),
        stop=call.query("to"),
        limit=limit_of(call.query("limit"), 10),
        wanted=EventFilter.parse(_written_filter(call.query("filter") or "{}")),
    )


def get_reactions(call: Call) -> Json:
    return history.reactions(
        call.world,
        call.who,
        call.arg("room"),
        call.arg("event"),
        start=call.query("from"),
        limit=limit_of(call.query("limit"), 5),
    )


def join_named(call: Call) -> Json:
    return _enter(call, "join")


def knock_named(call: Call) -> Json:
    return _enter(call, "knock")


def join(call: Call) -> Json:
    _change(call, call.who.user_id, "join")
    return {"room_id": call.arg("room")}


def leave(call: Call) -> Json:
    _change(call, call.who.user_id, "leave")
    return {}


def to_another(action: Action) -> Callable[[Call], Json]:
    """Make the handler of invite, kick, ban or unban."""

    def handle(call: Call) -> Json:
        if "user_id" not in call.body:
            raise bad_request("Missing params: ['user_id']", "M_MISSING_PARAM")
        _change(call, text(call.body["user_id"]), action)
        return {}

    return handle


def forget(call: Call) -> Json:
    membership.forget(call.world, call.who.user_id, call.arg("room"))
    return {}


async def sync(call: Call) -> Json:
    since = call.query("since")
    written = call.query("filter") or "{}"
    if written.startswith("{"):
        wanted = obj(_written_filter(written))
    else:
        wanted = call.world.accounts.filter(call.who.user_id, written)
    request = SyncRequest(
        requester=call.who,
        since=SyncToken.parse(since) if since else None,
        wanted=SyncFilter.parse(wanted),
        timeout_ms=limit_of(call.query("timeout"), 0),
        full_state=call.query("full_state") == "true",
    )
    return await call.sync.answer(request)


def _state_key(call: Call) -> tuple[str, str, str]:
    return call.arg("room"), call.arg("type"), call.request.match_info.get("key", "")


def _enter(call: Call, action: Action) -> Json:
    named = call.arg("named")
    room_id = named
    if named.startswith("#"):
        alias = call.world.aliases.get(named)
        if alias is None:
            raise not_found(f"Room alias {named} not found")
        room_id = alias.room_id
    elif not named.startswith("!"):
        raise bad_request(f"{named} was not legal room ID or room alias", "M_INVALID_PARAM")
    membership.change(call.world, call.who, room_id, call.who.user_id, action, _reason(call))
    return {"room_id": room_id}


def _change(call: Call, target: str, action: Action) -> None:
    membership.change(call.world, call.who, call.arg("room"), target, action, _reason(call))


def _reason(call: Call) -> JsonObject:
    return {"reason": call.body["reason"]} if "reason" in call.body else {}


def _written_filter(written: str) -> Json:
    try:
        parsed: Json = json.loads(written)
    except ValueError:
        raise MatrixProblem(400, "M_NOT_JSON", "Invalid filter JSON") from None
    return parsed


_ROOM = "/rooms/{room}"

ROUTES = (
    Route("GET", "/sync", sync),
    Route("POST", "/createRoom", create),
    Route("GET", "/joined_rooms", joined_rooms),
    Route("PUT", _ROOM + "/send/{type}/{txn}", send),
    Route("PUT", _ROOM + "/redact/{event}/{txn}", redact),
    Route("PUT", _ROOM + "/state/{type}", put_state),
    Route("PUT", _ROOM + "/state/{type}/{key}", put_state),
    Route("GET", _ROOM + "/state/{type}", get_state),
    Route("GET", _ROOM + "/state/{type}/{key}", get_state),
    Route("GET", _ROOM + "/state", get_all_state),
    Route("GET", _ROOM + "/event/{event}", get_event),
    Route("GET", _ROOM + "/members", get_members),
    Route("GET", _ROOM + "/joined_members", get_joined_members),
    Route("GET", _ROOM + "/aliases", get_aliases),
    Route("GET", _ROOM + "/messages", get_messages),
    Route("GET", _ROOM + "/relations/{event}/m.annotation/m.reaction", get_reactions),
    Route("POST", "/join/{named}", join_named, needs_body=False),
    Route("POST", "/knock/{named}", knock_named, needs_body=False),
    Route("POST", _ROOM + "/join", join, needs_body=False),
    Route("POST", _ROOM + "/leave", leave, needs_body=False),
    Route("POST", _ROOM + "/invite", to_another("invite")),
    Route("POST", _ROOM + "/kick", to_another("kick")),
    Route("POST", _ROOM + "/ban", to_another("ban")),
    Route("POST", _ROOM + "/unban", to_another("unban")),
    Route("POST", _ROOM + "/forget", forget, needs_body=False),
)
