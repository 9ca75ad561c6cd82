"""Being somebody on a homeserver: a session is made once and used again after every restart.

The device id is kept for ever: transaction ids, and the trust of everybody who checked the device, belong to it. It is
chosen and kept *before* the first login, so that a login whose answer is lost, or a crash right after it, leads to the
same device again and not to a second one. When the server has ended the session (an admin, a password change), we log in
anew as that device.

Whatever goes wrong here ends the start, so it is said in one sentence that tells what to do.
"""

from __future__ import annotations

import json
import random
import string
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from orchestrator.errors import (
    Forbidden,
    MatrixError,
    RateLimited,
    ServerTrouble,
    SetupError,
    UnknownToken,
    Unreachable,
)
from orchestrator.model.feature import Tx
from orchestrator.model.ids import DeviceId, Json, JsonObject, UserId
from orchestrator.store import AccountStore
from orchestrator.store.secrets import keep_secret, secret

from .gateway import Gateway, route
from .seal import Seal

log = structlog.get_logger("session")

PATIENCE_S: Final = 5.0
KNOCK_S: Final = 10.0
DEVICE_NAME: Final = "Circlekeeper"
PASSWORD_FLOW: Final = "m.login.password"  # noqa: S105 - its name in the specification
_KEPT: Final = "session"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we may log in with: a password, or an access token and the device it belongs to.

    Attributes:
        missing: why there is no password, and what to do; said only when one is needed.
    """

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    device: DeviceId | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are there. The token is empty between choosing a device and the first login as it."""

    user: UserId
    device: DeviceId
    token: str = field(repr=False)


async def log_in(
    gateway: Gateway,
    store: AccountStore,
    seal: Seal,
    user: UserId,
    credentials: Credentials,
    rng: random.Random | None = None,
) -> Session:
    """Take up the session we had, or begin one; the gateway speaks as it from now on.

    Args:
        gateway: to the account's homeserver; its token is set.
        store: keeps the session, sealed.
        seal: seals it.
        user: whom the configuration names.
        credentials: what to log in with.
        rng: chooses the id of a new device; the system's own if None.

    Raises:
        SetupError: nobody answers there, it is no homeserver or unwell, the password is wrong, the token is somebody
            else's, the data directory is somebody else's, or the account can only be logged in to in a browser.
    """
    gateway.token = None
    await look_for_a_homeserver(gateway)
    kept = await kept_session(store, seal)
    if kept is not None and kept.user != user:
        if kept.token:
            raise SetupError(
                f"What is stored for this account is {kept.user}'s, and config.yaml names {user}. Change user_id back,"
                " or enter the new account under another name below 'accounts'."
            )
        kept = None  # never logged in: a slip of the pen, corrected since
    try:
        if credentials.token is not None:
            session = await by_token(gateway, user, credentials.token, credentials.device)
        elif kept is not None and kept.token and await still_good(gateway, kept):
            session = kept
        else:
            if kept is None:
                kept = Session(user, credentials.device or new_device(rng or random.SystemRandom()), "")
                await _keep(store, seal, kept)
            session = await by_password(gateway, kept, credentials)
    except MatrixError as error:
        raise explained(gateway, user, error) from None
    if session != kept:
        await _keep(store, seal, session)
    gateway.token = session.token
    return session


async def look_for_a_homeserver(gateway: Gateway) -> None:
    """See that a homeserver answers; raises SetupError."""
    none_there = SetupError(
        f"There is no Matrix homeserver at {gateway.address}. Check 'homeserver' in config.yaml: it is the address that"
        " clients use, such as https://matrix.grove.example."
    )
    try:
        # Whoever mistyped an address, or sits behind a firewall, should not have to wait half a minute to be told.
        answer = await gateway.call(
            "GET", route("versions", prefix="/_matrix/client"), patience_s=PATIENCE_S, timeout_s=KNOCK_S
        )
    except (Unreachable, RateLimited) as error:
        raise explained(gateway, None, error) from None
    except ServerTrouble as error:
        if error.status >= 500:
            raise explained(gateway, None, error) from None
        if "origin" in error.context:
            raise SetupError(
                f"{gateway.address} sends us on to {error.context['origin']}. If that is where the homeserver is, write"
                " it as 'homeserver' in config.yaml."
            ) from None
        raise none_there from None
    except MatrixError:
        raise none_there from None
    if not isinstance(answer.get("versions"), list):
        raise none_there


async def by_token(gateway: Gateway, user: UserId, token: str, device: DeviceId | None) -> Session:
    """Find out whose token it is; the gateway has none afterwards."""
    gateway.token = token
    try:
        who = await gateway.call("GET", route("account", "whoami"), patience_s=PATIENCE_S)
    except UnknownToken as error:
        if error.errcode == "M_USER_DEACTIVATED":
            raise
        raise SetupError(
            f"The homeserver does not know the access token of {user} (any more). Put a new one into access_token_file."
        ) from None
    finally:
        gateway.token = None
    if who.get("user_id") != user:
        raise SetupError(
            f"The access token is not one of {user} but of {who.get('user_id')}. Use a token of the account that"
            " config.yaml names, or correct user_id."
        )
    owned = who.get("device_id")
    if not isinstance(owned, str):
        raise SetupError(
            f"The access token of {user} belongs to no device, and without one nothing can be encrypted. Use a token"
            " that came from a login."
        )
    if device is not None and device != owned:
        raise SetupError(f"The access token belongs to the device {owned}, and config.yaml says {device}. Correct it.")
    return Session(user, DeviceId(owned), token)


async def still_good(gateway: Gateway, session: Session) -> bool:
    """Ask whether the server still knows a session; the gateway has no token afterwards."""
    gateway.token = session.token
    try:
        who = await gateway.call("GET", route("account", "whoami"), patience_s=PATIENCE_S)
    except UnknownToken as error:
        if error.errcode == "M_USER_DEACTIVATED":
            raise
        log.warning("the homeserver ended our session; logging in again as the same device")
        return False
    finally:
        gateway.token = None
    return who.get("user_id") == session.user and who.get("device_id", session.device) == session.device


async def by_password(
    gateway: Gateway, wanted: Session, credentials: Credentials, *, shown_as: str = DEVICE_NAME
) -> Session:
    """Log in as a device, which may be new; raises SetupError when there is no password or it is wrong."""
    user = wanted.user
    if credentials.password is None:
        why = credentials.missing or f"There is no password for {user}. Name a password_file in config.yaml."
        ended = f"The homeserver ended the bot's session of {user}, and it takes the password to begin a new one. "
        raise SetupError((ended if wanted.token else "") + why)
    await look_for_password_logins(gateway, user)
    body: dict[str, Json] = {
        "type": PASSWORD_FLOW,
        "identifier": {"type": "m.id.user", "user": user},
        "password": credentials.password,
        "device_id": wanted.device,
        "initial_device_display_name": shown_as,
    }
    try:
        # Trying again is safe: it is the same device each time.
        answer = await gateway.call("POST", route("login"), body=body, patience_s=PATIENCE_S)
    except Forbidden as error:
        if error.errcode != "M_FORBIDDEN":
            raise
        raise SetupError(f"The homeserver does not accept the password of {user}. Check it and start again.") from None
    token, logged_in = answer.get("access_token"), answer.get("user_id")
    if not isinstance(token, str) or not token:
        raise SetupError(f"The answer of {gateway.address} to our login makes no sense. Is it a Matrix homeserver?")
    if logged_in != user:
        gateway.token = token
        with suppress(MatrixError):  # it is left open then; whoever owns the account sees it among their devices
            await gateway.call("POST", route("logout"))
        gateway.token = None
        raise SetupError(
            f"The homeserver logged us in as {logged_in} and not as {user}. Correct user_id in config.yaml."
        )
    device = answer.get("device_id")
    return replace(wanted, token=token, device=DeviceId(device) if isinstance(device, str) else wanted.device)


async def look_for_password_logins(gateway: Gateway, user: UserId) -> None:
    """See that a password is a way in there; raises SetupError."""
    try:
        answer = await gateway.call("GET", route("login"), patience_s=PATIENCE_S)
    except MatrixError as error:
        if error.retryable:
            raise
        answer = {}  # where OAuth is all there is, this call need not exist (MSC3861)
    flows = answer.get("flows")
    offered = [flow.get("type") for flow in flows if isinstance(flow, dict)] if isinstance(flows, list) else []
    if PASSWORD_FLOW not in offered:
        raise SetupError(
            f"The homeserver of {user} lets nobody log in with a password; it asks for a browser (OAuth or single"
            " sign-on), which Circlekeeper cannot do. Ask its admin for an access token that does not expire, and name"
            " it as access_token_file and device_id in config.yaml."
        )


def explained(gateway: Gateway, user: UserId | None, error: MatrixError) -> SetupError:
    """Say what an error means for somebody who wants to start the program."""
    if isinstance(error, Unreachable):
        return SetupError(f"{error} Is the homeserver running, and is its address right in config.yaml?")
    if isinstance(error, RateLimited):
        wait_s = -(-(error.retry_after_ms or 60_000) // 1000)
        return SetupError(f"The homeserver at {gateway.address} asks us to come back in {wait_s} s. Start again then.")
    if isinstance(error, ServerTrouble):
        return SetupError(f"The homeserver at {gateway.address} is not well. Try again in a while. ({error})")
    if error.errcode == "M_USER_DEACTIVATED":
        return SetupError(f"The account {user} has been deactivated. Choose another one in config.yaml.")
    if error.errcode in {"M_USER_LOCKED", "M_USER_SUSPENDED"}:
        return SetupError(f"The account {user} is locked by the homeserver. Ask its admin to unlock it.")
    return SetupError(f"The homeserver at {gateway.address} does not let {user} log in. ({error})")


def new_device(rng: random.Random) -> DeviceId:
    """Choose the id of a device that does not exist yet."""
    return DeviceId("CK" + "".join(rng.choices(string.ascii_uppercase, k=8)))


async def kept_session(store: AccountStore, seal: Seal) -> Session | None:
    """Open the session that is stored, None when there is none; its token may be empty."""
    box = await store.run(secret, _KEPT)
    if box is None:
        return None
    kept: JsonObject = json.loads(seal.open(box, label=_KEPT))
    return Session(UserId(str(kept["user"])), DeviceId(str(kept["device"])), str(kept["token"]))


async def _keep(store: AccountStore, seal: Seal, session: Session) -> None:
    written = json.dumps({"user": session.user, "device": session.device, "token": session.token})
    await store.run(_keep_box, seal.seal(written.encode(), label=_KEPT))


def _keep_box(tx: Tx, box: bytes) -> None:
    keep_secret(tx, _KEPT, box)
