"""What a real Synapse says of an account that may act, and of one that is suspended, when it is asked whom a refusal is about."""

from __future__ import annotations

import random

import aiohttp
import pytest

from orchestrator.errors import AccountLocked, Forbidden, UnknownToken, matrix_error
from orchestrator.local import LocalHomeserver
from orchestrator.matrix.gateway import Gateway, route
from orchestrator.matrix.hearsay import as_heard
from orchestrator.model.clock import SystemClock
from tests.real.wire import log_in, new_account

pytestmark = pytest.mark.real


async def test_a_refusal_is_about_us_when_our_own_server_says_so_and_asking_changes_nothing(
    homeserver: LocalHomeserver,
) -> None:
    login = await log_in(homeserver.url, *await new_account(homeserver, "keeper"))
    async with aiohttp.ClientSession() as session:
        gateway = Gateway(session, homeserver.url, SystemClock(), random.Random(1))  # noqa: S311 - jitter
        gateway.token = login.token
        name = await gateway.call("GET", route("profile", login.user_id, "displayname"))

        async def heard(errcode: str) -> object:
            error = matrix_error(403, errcode)
            assert isinstance(error, UnknownToken)
            return type(await as_heard(gateway, login.user_id, error))

        for errcode in ("M_USER_SUSPENDED", "M_RESOURCE_LIMIT_EXCEEDED", "M_USER_LOCKED", "M_UNKNOWN_TOKEN"):
            assert await heard(errcode) is Forbidden
        suspend = f"/_synapse/admin/v1/suspend/{login.user_id}"
        await homeserver.admin_request("PUT", suspend, {"suspend": True})
        with pytest.raises(AccountLocked):
            await gateway.call("POST", route("createRoom"), body={})
        assert await heard("M_USER_SUSPENDED") is AccountLocked
        await homeserver.admin_request("PUT", suspend, {"suspend": False})
        assert await heard("M_USER_SUSPENDED") is Forbidden
        assert await gateway.call("GET", route("profile", login.user_id, "displayname")) == name
        await gateway.call("POST", route("logout"))
        assert await heard("M_USER_SUSPENDED") is UnknownToken
