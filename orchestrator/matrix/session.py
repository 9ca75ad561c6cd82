"""Being somebody on a homeserver: a session is made once and used again after every restart.

The device id is kept for ever: transaction ids, and the trust of everybody who checked the device, belong to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

import structlog

from orchestrator.errors import BadRequest, Forbidden, MatrixError, NotFound, SetupError, Unreachable, UnknownToken
from orchestrator.model.feature import Tx
from orchestrator.model.ids import DeviceId, Json, JsonObject, UserId
from orchestrator.store import AccountStore
from orchestrator.store.secrets import keep_secret, secret

from .gateway import Gateway, Route, route
from .seal import Seal

log = structlog.get_logger("session")

_KEPT: Final = "session"
PATIENCE_S: Final = 20.0
PASSWORD_FLOW: Final = "m.login.password"  # noqa: S105 - its name in the specification


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we may log in with: a password, or an access token and the device it belongs to."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    device: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are there."""

    user: UserId
    device: DeviceId
    token: str = field(repr=False)


async def log_in(gateway: Gateway, store: AccountStore, seal: Seal, user: UserId, credentials: Credentials) -> Session:
    """Take up the session we had, or begin one; the gateway speaks as it from now on.

    Raises:
        SetupError: nobody answers there, it is no homeserver, the password is wrong, the token is somebody else's, or
            the account can only be logged in to in a browser.
    """
    await _look_for_a_homeserver(gateway)
    kept = await _kept(store, seal)
    if credentials.token is not None:
        session = await _by_token(gateway, user, credentials)
    elif kept is not None and kept.user == user and await _still_good(gateway, kept):
        session = kept
    else:
        device = kept.device if kept is not None and kept.user == user else credentials.device
        session = await _by_password(gateway, user, credentials, device)
    if session != kept:
        await store.run(_keep, seal.seal(_write(session), label=_KEPT))
    gateway.token = session.token
    return session


async def _look_for_a_homeserver(gateway: Gateway) -> None:
    versions = Route("/_matrix/client/versions", "/_matrix/client/versions")
    try:
        answer = await gateway.call("GET", versions, patience_s=PATIENCE_S)
    except Unreachable as error:
        raise SetupError(f"{error} Is the homeserver running, and is its address right in config.yaml?") from None
    except MatrixError:
        answer = {}
    if "versions" not in answer:
        raise SetupError(
            f"There is no Matrix homeserver at {gateway.address}. Check 'homeserver' in config.yaml: it is the address"
            " that clients use, such as https://matrix.example.org."
        )


async def _by_token(gateway: Gateway, user: UserId, credentials: Credentials) -> Session:
    gateway.token = credentials.token
    try:
        who = await gateway.call("GET", route("account", "whoami"), patience_s=PATIENCE_S)
    except UnknownToken:
        raise SetupError(
            f"The homeserver does not know the access token of {user} (any more). Put a new one into access_token_file."
        ) from None
    if who.get("user_id") != user:
        raise SetupError(f"The access token is not one of {user}. Use a token of the account that config.yaml names.")
    device = who.get("device_id")
    if not isinstance(device, str) or (credentials.device is not None and device != credentials.device):
        raise SetupError("The access token belongs to another device than 'device_id' in config.yaml says. Correct it.")
    return Session(user, DeviceId(device), credentials.token or "")


async def _still_good(gateway: Gateway, session: Session) -> bool:
    gateway.token = session.token
    try:
        who = await gateway.call("GET", route("account", "whoami"), patience_s=PATIENCE_S)
    except UnknownToken:
        log.warning("the homeserver ended our session; logging in again as the same device")
        return False
    finally:
        gateway.token = None
    return who.get("user_id") == session.user and who.get("device_id", session.device) == session.device


async def _by_password(gateway: Gateway, user: UserId, credentials: Credentials, device: DeviceId | None) -> Session:
    if credentials.password is None:
        raise SetupError(f"There is no password for {user}.")
    gateway.token = None
    flows = (await gateway.call("GET", route("login"), patience_s=PATIENCE_S)).get("flows")
    offered = {str(flow.get("type")) for flow in flows if isinstance(flow, dict)} if isinstance(flows, list) else set()
    if PASSWORD_FLOW not in offered:
        raise SetupError(
            f"The homeserver of {user} lets nobody log in with a password; it asks for a browser (single sign-on or"
            " OAuth). Circlekeeper cannot do that yet. Ask its admin for an access token of a device that stays, and"
            " name it as access_token_file and device_id in config.yaml."
        )
    body: dict[str, Json] = {
        "type": PASSWORD_FLOW,
        "identifier": {"type": "m.id.user", "user": user},
        "password": credentials.password,
        "initial_device_display_name": "Circlekeeper",
    }
    if device is not None:
        body["device_id"] = device
    try:
        answer = await gateway.call("POST", route("login"), body=body, patience_s=PATIENCE_S)
    except (Forbidden, BadRequest, NotFound):
        raise SetupError(f"The homeserver does not accept the password of {user}. Check it and start again.") from None
    return _read_answer(answer, user)


def _read_answer(answer: JsonObject, user: UserId) -> Session:
    token, device, logged_in = answer.get("access_token"), answer.get("device_id"), answer.get("user_id")
    if not isinstance(token, str) or not isinstance(device, str):
        raise SetupError("The homeserver's answer to our login makes no sense. Is it a Matrix homeserver?")
    if logged_in != user:
        raise SetupError(f"The homeserver logged us in as another user than {user}. Correct 'user_id' in config.yaml.")
    return Session(user, DeviceId(device), token)


async def _kept(store: AccountStore, seal: Seal) -> Session | None:
    box = await store.run(secret, _KEPT)
    if box is None:
        return None
    kept = json.loads(seal.open(box, label=_KEPT))
    return Session(UserId(kept["user"]), DeviceId(kept["device"]), kept["token"])


def _keep(tx: Tx, box: bytes) -> None:
    keep_secret(tx, _KEPT, box)


def _write(session: Session) -> bytes:
    return json.dumps({"user": session.user, "device": session.device, "token": session.token}).encode()
