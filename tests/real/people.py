"""The people of one test, whose connections are closed at its end."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TypeVar

from orchestrator.local import LocalHomeserver
from tests.real.encrypted_person import EncryptedPerson
from tests.real.person import Person

P = TypeVar("P", bound=Person)


class People:
    """Makes people with ids that no other test has. ``name`` is only how the id begins."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def plain(self, homeserver: LocalHomeserver, name: str, *, exempt: bool = False) -> Person:
        """A person whose client does not encrypt; ``exempt`` lifts the homeserver's rate limits for them."""
        return await self.keep(await Person.register(homeserver, name, exempt=exempt))

    async def encrypted(
        self,
        homeserver: LocalHomeserver,
        name: str,
        *,
        exempt: bool = False,
        cross_signed: bool = True,
        only_cross_signed: bool = False,
    ) -> EncryptedPerson:
        """A person whose client encrypts; see ``EncryptedPerson``."""
        return await self.keep(
            await EncryptedPerson.register(
                homeserver, name, exempt=exempt, cross_signed=cross_signed, only_cross_signed=only_cross_signed
            )
        )

    async def keep(self, person: P) -> P:
        """Take care of a person made otherwise, such as a second device."""
        self._stack.push_async_callback(person.close)
        return person
