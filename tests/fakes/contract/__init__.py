"""What a homeserver answers, as plain requests: held against the fake one and against a real Synapse alike.

``CONTRACT`` lists the clauses; each is an async function over a ``Site``, makes its own users, and asserts.
``LIMITS_CONTRACT`` is for sites that have Synapse's default rate limits, or the same made faster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.fakes.contract import accounts, creation, directory, keys, limits, members, reading, sending, sync
from tests.fakes.contract.client import PASSWORD, Client, Site, log_in, path, people

Clause = Callable[[Site], Awaitable[None]]

CONTRACT: tuple[Clause, ...] = (
    *accounts.CLAUSES,
    *creation.CLAUSES,
    *directory.CLAUSES,
    *sending.CLAUSES,
    *members.CLAUSES,
    *reading.CLAUSES,
    *sync.CLAUSES,
    *keys.CLAUSES,
)

LIMITS_CONTRACT: tuple[Clause, ...] = limits.CLAUSES

__all__ = ["CONTRACT", "LIMITS_CONTRACT", "PASSWORD", "Clause", "Client", "Site", "log_in", "path", "people"]
