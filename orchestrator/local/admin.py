"""Synapse's registration by shared secret and its admin API, as far as a private homeserver needs them."""

from __future__ import annotations

import hashlib
import hmac
import re

import aiohttp

from orchestrator.errors import BadRequest, ServerTrouble, Unreachable, matrix_error
from orchestrator.local.settings import Secrets
from orchestrator.model.ids import Json, JsonObject, UserId

_ADMIN = "homeserver-admin"
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Admin:
    """The one who owns the homeserver: makes users, exempts them from limits, asks the admin API.

    Each call opens and closes a connection of its own, so that it belongs to no event loop; these calls are rare.

    Source: Synapse, docs/admin_api/{register_api,user_admin_api}.md.
    """

    def __init__(self, url: str, secret: Secrets) -> None:
        self._url, self._secret = url, secret
        self._token: str | None = None

    async def register(self, localpart: str, password: str, *, admin: bool, display_name: str | None) -> UserId:
        """Make a user; no device is left behind."""
        path = "/_synapse/admin/v1/register"
        nonce = _text((await self._call("GET", path)).get("nonce"))
        parts = (nonce, localpart, password, "admin" if admin else "notadmin")
        mac = hmac.new(self._secret.registration.encode(), "\0".join(parts).encode(), hashlib.sha1)
        body: dict[str, Json] = {
            "nonce": nonce,
            "username": localpart,
            "password": password,
            "admin": admin,
            "mac": mac.hexdigest(),
            "inhibit_login": True,
        }
        if display_name is not None:
            body["displayname"] = display_name
        made = await self._call("POST", path, body)
        return UserId(_text(made.get("user_id")))

    async def override_rate_limit(self, user_id: UserId) -> None:
        """Lift a user's limits; 0 means none."""
        path = f"/_synapse/admin/v1/users/{user_id}/override_ratelimit"
        await self.request("POST", path, {"messages_per_second": 0, "burst_count": 0})

    async def request(self, method: str, path: str, body: JsonObject | None = None) -> dict[str, Json]:
        """Call the admin API as an administrator, who is made at the first call."""
        if self._token is None:
            self._token = await self._log_in()
        return await self._call(method, path, body, token=self._token)

    async def _log_in(self) -> str:
        try:
            await self.register(_ADMIN, self._secret.admin_password, admin=True, display_name=None)
        except BadRequest as error:
            if error.errcode != "M_USER_IN_USE":
                raise
        body: JsonObject = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": _ADMIN},
            "password": self._secret.admin_password,
            "device_id": "ADMIN",
        }
        return _text((await self._call("POST", "/_matrix/client/v3/login", body)).get("access_token"))

    async def _call(
        self, method: str, path: str, body: JsonObject | None = None, *, token: str | None = None
    ) -> dict[str, Json]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        call = f"{method} {re.sub(r'@[^/]*', '{user}', path)}"
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as http,
                http.request(method, self._url + path, json=body, headers=headers) as answer,
            ):
                status, said = answer.status, await answer.json()
        except (aiohttp.ContentTypeError, ValueError) as error:
            raise ServerTrouble(f"The homeserver's answer to {call} is no JSON.", call=call) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"The local homeserver did not answer {call}.", call=call) from error
        if not isinstance(said, dict):
            raise ServerTrouble(f"The homeserver's answer to {call} is no object.", call=call)
        if status != 200:
            raise matrix_error(status, str(said.get("errcode", "")), call=call)
        return said


def _text(value: Json | None) -> str:
    if not isinstance(value, str):
        raise ServerTrouble("The homeserver's answer lacks a part that it always has.")
    return value
