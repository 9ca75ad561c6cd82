"""Routes: ``/keys/*``."""

from __future__ import annotations

from .http import Call, Route
from .problems import MatrixProblem, bad_request
from .tokens import SyncToken
from .values import Json, obj


def upload(call: Call) -> Json:
    return call.world.keys.upload(call.who, call.body)


def query(call: Call) -> Json:
    wanted = call.body.get("device_keys")
    if not isinstance(wanted, dict) or not all(isinstance(named, list) for named in wanted.values()):
        raise bad_request("'device_keys' must be a JSON object", "M_BAD_JSON")
    return call.world.keys.query(wanted, call.who.user_id)


def claim(call: Call) -> Json:
    return call.world.keys.claim(obj(call.body.get("one_time_keys")))


def changes(call: Call) -> Json:
    since = call.query("from")
    if since is None:
        raise bad_request("Missing string query parameter b'from'", "M_MISSING_PARAM")
    # Synapse looks at what changed up to now, whatever ``to`` says.
    now = SyncToken(call.world.stream, call.world.inbox.stream)
    return call.sync.key_changes(call.who, SyncToken.parse(since), now)


def upload_identity(call: Call) -> Json:
    """Free for the first identity; replacing one asks for the password (401 with the flows)."""
    keys, user_id = call.world.keys, call.who.user_id
    if keys.is_same_identity(user_id, call.body):
        return {}
    if keys.has_identity(user_id):
        _authenticate(call)
    keys.upload_identity(user_id, call.body)
    return {}


def upload_signatures(call: Call) -> Json:
    return call.world.keys.upload_signatures(call.who.user_id, call.body)


def _authenticate(call: Call) -> None:
    auth = obj(call.body.get("auth"))
    accounts = call.world.accounts
    if accounts.check_password(call.who.user_id, auth):
        return
    stage = "m.login.password" if "m.login.password" in accounts.flows else "m.oauth"
    flows: dict[str, object] = {"session": "session", "flows": [{"stages": [stage]}], "params": {}}
    if not auth:
        raise MatrixProblem(401, "", "", extra=flows)
    raise MatrixProblem(401, "M_FORBIDDEN", "Invalid username or password", extra={**flows, "completed": []})


ROUTES = (
    Route("POST", "/keys/upload", upload),
    Route("POST", "/keys/query", query),
    Route("POST", "/keys/claim", claim),
    Route("GET", "/keys/changes", changes),
    Route("POST", "/keys/device_signing/upload", upload_identity),
    Route("POST", "/keys/signatures/upload", upload_signatures),
)
