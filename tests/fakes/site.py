"""The fake homeserver as a site under the contract."""

from __future__ import annotations

from itertools import count

import aiohttp

from tests.fakes.contract.client import PASSWORD, Client, log_in
from tests.fakes.server import FakeHomeserver

_NUMBERS = count(1)


class FakeSite:
    """A fake homeserver and an HTTP session to ask it with."""

    def __init__(self, hs: FakeHomeserver, http: aiohttp.ClientSession) -> None:
        self.hs = hs
        self.http = http

    @property
    def base_url(self) -> str:
        """Where clients reach it."""
        return self.hs.base_url

    @property
    def server_name(self) -> str:
        """What its ids end in."""
        return self.hs.server_name

    async def register(self, name: str) -> str:
        """Make a user who has the contract's password."""
        return self.hs.user(f"@{name}{next(_NUMBERS)}:{self.hs.server_name}", PASSWORD).user_id

    async def keeper(self) -> Client:
        """Make ``@keeper:...`` and log in."""
        user = self.hs.user(f"@keeper:{self.hs.server_name}", PASSWORD)
        return await log_in(self, user.user_id, "KEEPER")
