"""Homeservers that start once for a run, when the first test asks, and people who live in them for one test.

``homeserver``, ``default_limits_homeserver`` and ``pair`` are for the whole run: tests must use users and rooms of
their own, as the fixture ``people`` makes them. Each test keeps its own event loop, since the servers live in a thread
of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from orchestrator.local import Limits, LocalHomeserver
from tests.real.homeservers import Backstage, FederatingPair
from tests.real.people import People


@pytest.fixture(scope="session")
def backstage() -> Iterator[Backstage]:
    """The thread in which servers live."""
    with Backstage() as thread:
        yield thread


@pytest.fixture(scope="session")
def homeserver(backstage: Backstage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHomeserver]:
    """One homeserver, ``grove.example``, without rate limits."""
    server = LocalHomeserver(tmp_path_factory.mktemp("grove"), "grove.example")
    backstage.run(server.start())
    yield server
    backstage.run(server.stop())


@pytest.fixture(scope="session")
def default_limits_homeserver(
    backstage: Backstage, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalHomeserver]:
    """One homeserver, ``busy.example``, with Synapse's default rate limits, 20 times faster: 4 events/s after 10."""
    server = LocalHomeserver(tmp_path_factory.mktemp("busy"), "busy.example", limits=Limits.scaled(20))
    backstage.run(server.start())
    yield server
    backstage.run(server.stop())


@pytest.fixture(scope="session")
def stock_homeserver(backstage: Backstage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHomeserver]:
    """One homeserver, ``calm.example``, with Synapse's default rate limits as they are: 0.2 events/s after 10."""
    server = LocalHomeserver(tmp_path_factory.mktemp("calm"), "calm.example", limits=Limits.stock())
    backstage.run(server.start())
    yield server
    backstage.run(server.stop())


@pytest.fixture(scope="session")
def whole_pair(backstage: Backstage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FederatingPair]:
    """The two federating homeservers of the run; tests take ``pair``."""
    both = FederatingPair(tmp_path_factory.mktemp("pair"))
    backstage.run(both.start())
    yield both
    backstage.run(both.stop())


@pytest.fixture
async def pair(whole_pair: FederatingPair) -> AsyncIterator[FederatingPair]:
    """Two federating homeservers, ``pair.a`` and ``pair.b``, and the link between them, whole again after each test."""
    yield whole_pair
    await whole_pair.heal()


@pytest.fixture
async def people() -> AsyncIterator[People]:
    """Make people for one test: ``ana = await people.plain(homeserver, "ana")``."""
    async with AsyncExitStack() as stack:
        yield People(stack)
