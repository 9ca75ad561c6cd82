"""Homeservers for a whole test run: a thread to keep them in, and two that federate over a link that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import trustme

from orchestrator.errors import BadRequest, MatrixError, NotFound, SetupError
from orchestrator.local import Federation, LocalHomeserver
from orchestrator.local.ports import HeldPort
from tests.real.wire import eventually

T = TypeVar("T")


class Backstage:
    """A thread with an event loop of its own that lives through the whole run.

    Each test has its own event loop, but servers and links must outlive it; they live here. A context manager.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="backstage")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` backstage and wait for it; to be called outside of any event loop (a plain fixture)."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Link:
    """A TCP forwarder in front of a server, which can be cut and healed.

    It holds its port of ``address`` even while it is cut. ``open`` and ``cut`` belong to one event loop.
    """

    def __init__(self, address: str) -> None:
        self._held = HeldPort(address)
        self._listener: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._target = (address, 0)
        self.address = address
        self.port = self._held.number

    async def open(self, port: int) -> None:
        """Listen, and forward each connection to ``port`` of the same address."""
        self._target = (self.address, port)
        if self._listener is None:
            self._listener = await asyncio.start_server(self._carry, self.address, self.port)

    async def cut(self) -> None:
        """End every connection as a broken cable would, and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for task in tuple(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def close(self) -> None:
        """Cut, and give the port back."""
        await self.cut()
        self._held.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listener is None:
            # Accepted in the instant before the cut.
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        ends = [writer]
        try:
            # A line that breaks is what these are for.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                far_reader, far_writer = await asyncio.open_connection(*self._target)
                ends.append(far_writer)
                ways = [asyncio.create_task(_pump(*way)) for way in ((reader, far_writer), (far_reader, writer))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
        finally:
            for end in ends:
                end.transport.abort()
            self._carrying.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


class FederatingPair:
    """Two homeservers that federate over TLS, and the link between them.

    ``a`` is named ``127.0.0.1:PORT`` and ``b`` ``127.0.0.2:PORT``; certificates come from an authority made for the
    pair. Each is reached by the other only through a ``Link``. Rates are not limited. An async context manager;
    ``cut`` and ``heal`` may be awaited from any event loop.

    Args:
        data_dir: where both keep their files.
    """

    def __init__(self, data_dir: Path) -> None:
        authority = trustme.CA()
        data_dir.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(data_dir / "authority.pem")
        self._links = (Link("127.0.0.1"), Link("127.0.0.2"))
        self._mending: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

        def server(link: Link) -> LocalHomeserver:
            own = data_dir / link.address
            own.mkdir(mode=0o700, exist_ok=True)
            issued = authority.issue_cert(link.address)
            issued.private_key_pem.write_to_path(own / "tls.key")
            issued.cert_chain_pems[0].write_to_path(own / "tls.pem")
            federation = Federation(own / "tls.pem", own / "tls.key", data_dir / "authority.pem")
            return LocalHomeserver(
                own / "synapse", f"{link.address}:{link.port}", federation=federation, address=link.address
            )

        self.a, self.b = map(server, self._links)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start both and open the link."""
        self._loop = asyncio.get_running_loop()
        try:
            await asyncio.gather(self.a.start(), self.b.start())
            await self._open()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close the link and stop both."""
        await self._give_up_mending()
        await asyncio.gather(*(link.close() for link in self._links), self.a.stop(), self.b.stop())

    async def cut(self) -> None:
        """Cut the link: connections break, new ones are refused, in both directions."""
        await self._at_home(self._cut())

    async def heal(self) -> None:
        """Open the link again and return when both servers have noticed.

        Either side then sends what the other missed; wait for that in the rooms. Harmless when the link is whole.
        Until it is cut again, each is made to try the other whenever it has given up: what it began to send while the
        link was cut may fail only now.
        """
        await self._at_home(self._open())
        for server, other in self._ways():
            await eventually(partial(_in_touch, server, other), f"{server.server_name} noticing the healed link")
        await self._at_home(self._begin_mending())

    async def restart(self, server: LocalHomeserver) -> None:
        """Start one of the two anew: it forgets what it still owed the other, and sends only its newest events."""

        async def anew() -> None:
            await server.stop()
            await server.start()

        await self._at_home(anew())

    async def _cut(self) -> None:
        await self._give_up_mending()
        await asyncio.gather(*(link.cut() for link in self._links))

    async def _open(self) -> None:
        for link, server in zip(self._links, (self.a, self.b), strict=True):
            await link.open(server.federation_port)

    async def _begin_mending(self) -> None:
        if self._mending is None:
            self._mending = asyncio.create_task(self._mend())

    async def _give_up_mending(self) -> None:
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)
            self._mending = None

    async def _mend(self) -> None:
        while True:
            for server, other in self._ways():
                # One of them may just be starting anew.
                with contextlib.suppress(MatrixError, SetupError):
                    await _in_touch(server, other)
            await asyncio.sleep(0.5)

    def _ways(self) -> tuple[tuple[LocalHomeserver, LocalHomeserver], ...]:
        return (self.a, self.b), (self.b, self.a)

    async def _at_home(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work in the event loop that the links belong to."""
        assert self._loop is not None, "the pair was not started"
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


async def _in_touch(server: LocalHomeserver, other: LocalHomeserver) -> bool:
    """Tell whether ``server`` thinks that ``other`` can be reached, and make it try again where it does not.

    Left to itself Synapse tries a server that failed once a minute, or when there is something new to tell it.
    Source: Synapse, docs/usage/administration/admin_api/federation.md.
    """
    path = f"/_synapse/admin/v1/federation/destinations/{other.server_name}"
    try:
        known = await server.admin_request("GET", path)
        if not known["failure_ts"]:
            return True
        await server.admin_request("POST", f"{path}/reset_connection", {})
    except NotFound:
        # They never met.
        return True
    except BadRequest:
        # "Does not need to be reset": it recovered by itself just now.
        return False
    return False
