"""Routes: versions, logins, accounts, profiles, account data, filters, aliases and the directory."""

from __future__ import annotations

from . import membership
from .accounts import Account, Stored
from .creation import name_room, unname_room
from .events import ROOM_VERSIONS
from .http import Call, Route
from .problems import MatrixProblem, bad_request, forbidden, not_found, not_in_room
from .values import Json, JsonObject, obj, text

_SPEC_VERSIONS = ("r0.6.1", *(f"v1.{minor}" for minor in range(1, 16)))


def versions(_: Call) -> Json:
    return {"versions": list(_SPEC_VERSIONS), "unstable_features": {}}


def login_flows(call: Call) -> Json:
    flows = call.world.accounts.flows
    if not flows:
        raise MatrixProblem(404, "M_UNRECOGNIZED", "Unrecognized request")
    return {"flows": [{"type": flow} for flow in flows]}


def login(call: Call) -> Json:
    return call.world.accounts.log_in(call.body)


def logout(call: Call) -> Json:
    call.world.accounts.log_out(call.who)
    call.world.keys.drop_device(call.who.user_id, call.who.device_id or "")
    return {}


def whoami(call: Call) -> Json:
    return {"user_id": call.who.user_id, "is_guest": False, "device_id": call.who.device_id}


def auth_metadata(call: Call) -> Json:
    """Only where logging in is left to an OAuth provider (MSC2965)."""
    if "m.login.password" in call.world.accounts.flows:
        raise MatrixProblem(404, "M_UNRECOGNIZED", "Unrecognized request")
    return {"issuer": "https://account.example/", "authorization_endpoint": "https://account.example/authorize"}


def capabilities(call: Call) -> Json:
    available: JsonObject = dict.fromkeys(ROOM_VERSIONS, "stable")
    rooms: JsonObject = {"default": call.world.default_room_version, "available": available}
    return {"capabilities": {"m.room_versions": rooms, "m.change_password": {"enabled": True}}}


def devices(call: Call) -> Json:
    return {
        "devices": [
            {"device_id": device.device_id, "display_name": device.display_name, "user_id": call.who.user_id}
            for device in _account(call).devices.values()
        ]
    }


def get_profile(call: Call) -> Json:
    return call.world.accounts.profile(call.arg("user"))


def get_display_name(call: Call) -> Json:
    return call.world.accounts.profile(call.arg("user"))


def put_display_name(call: Call) -> Json:
    if call.arg("user") != call.who.user_id:
        raise MatrixProblem(400, "M_FORBIDDEN", "Cannot set another user's displayname")
    if "displayname" not in call.body:
        raise bad_request("Missing key 'displayname'", "M_MISSING_PARAM")
    call.world.check_active(call.who.user_id)
    if not isinstance(call.body["displayname"], str):
        raise bad_request("'displayname' must be a string", "M_INVALID_PARAM")
    membership.rename(call.world, call.who.user_id, text(call.body["displayname"]))
    return {}


def get_account_data(call: Call) -> Json:
    if call.arg("user") != call.who.user_id:
        raise forbidden("Cannot get account data for other users.")
    stored = _account(call).account_data.get(call.arg("type"))
    if stored is None:
        raise not_found("Account data not found")
    return stored.content


def put_account_data(call: Call) -> Json:
    if call.arg("user") != call.who.user_id:
        raise forbidden("Cannot add account data for other users.")
    _account(call).account_data[call.arg("type")] = Stored(call.body, call.world.next_stream())
    return {}


def post_filter(call: Call) -> Json:
    if call.arg("user") != call.who.user_id:
        raise forbidden("Cannot create filters for other users")
    filters = _account(call).filters
    if call.body not in filters:
        filters.append(call.body)
    return {"filter_id": str(filters.index(call.body))}


def get_filter(call: Call) -> Json:
    return call.world.accounts.filter(call.who.user_id, call.arg("filter"))


def get_alias(call: Call) -> Json:
    name = call.arg("alias")
    alias = call.world.aliases.get(name)
    if alias is None:
        raise not_found(f"Room alias {name} not found")
    return {"room_id": alias.room_id, "servers": [call.world.server_name]}


def put_alias(call: Call) -> Json:
    name_room(call.world, call.who, call.arg("alias"), text(call.body.get("room_id")))
    return {}


def delete_alias(call: Call) -> Json:
    unname_room(call.world, call.who, call.arg("alias"))
    return {}


def get_listing(call: Call) -> Json:
    room = call.world.rooms.get(call.arg("room"))
    if room is None:
        raise not_found("Unknown room")
    return {"visibility": "public" if room.published else "private"}


def put_listing(call: Call) -> Json:
    room = call.world.rooms.get(call.arg("room"))
    if room is None or room.membership(call.who.user_id) != "join":
        raise not_in_room(call.who.user_id, call.arg("room"))
    if room.level(call.who.user_id) < room.power().to_send("m.room.canonical_alias", is_state=True):
        raise forbidden("This server requires you to be a moderator in the room to edit its room list entry")
    visibility = call.body.get("visibility", "public")
    if visibility not in ("public", "private"):
        raise bad_request("Invalid visibility setting", "M_INVALID_PARAM")
    if visibility == "public" and not call.world.lets_publish:
        raise forbidden("Not allowed to publish room", "M_UNKNOWN")
    room.published = visibility == "public"
    return {}


def send_to_device(call: Call) -> Json:
    messages = obj(call.body.get("messages"))
    who = call.who
    call.world.inbox.send(who.user_id, who.device_id, call.arg("type"), call.arg("txn"), messages)
    call.world.pulse.beat()
    return {}


def _account(call: Call) -> Account:
    return call.world.accounts.make(call.who.user_id)


ROUTES = (
    Route("GET", "/_matrix/client/versions", versions, public=True, absolute=True),
    Route("GET", "/login", login_flows, public=True),
    Route("POST", "/login", login, public=True),
    Route("POST", "/logout", logout, needs_body=False),
    Route("GET", "/account/whoami", whoami),
    Route("GET", "/auth_metadata", auth_metadata, public=True),
    Route("GET", "/capabilities", capabilities),
    Route("GET", "/devices", devices),
    Route("GET", "/profile/{user}", get_profile),
    Route("GET", "/profile/{user}/displayname", get_display_name),
    Route("PUT", "/profile/{user}/displayname", put_display_name),
    Route("GET", "/user/{user}/account_data/{type}", get_account_data),
    Route("PUT", "/user/{user}/account_data/{type}", put_account_data),
    Route("POST", "/user/{user}/filter", post_filter),
    Route("GET", "/user/{user}/filter/{filter}", get_filter),
    Route("GET", "/directory/room/{alias}", get_alias),
    Route("PUT", "/directory/room/{alias}", put_alias),
    Route("DELETE", "/directory/room/{alias}", delete_alias),
    Route("GET", "/directory/list/room/{room}", get_listing),
    Route("PUT", "/directory/list/room/{room}", put_listing),
    Route("PUT", "/sendToDevice/{type}/{txn}", send_to_device),
)
