"""A free TCP port that stays free until the one it was found for listens on it."""

from __future__ import annotations

import socket
import sys


class HeldPort:
    """A port of ``address`` that nobody else is given while we hold it.

    Finding a free port and then telling another process to listen on it is a race: in between, the system may hand it
    to somebody else, and we would talk to a stranger. On Linux a socket that is bound but does not listen keeps the
    port out of the system's choice, while a listener that sets ``SO_REUSEADDR`` (Twisted and asyncio do) may still
    take it. Elsewhere that is not so, and the port is let go at once: there the caller's retry has to do.

    Args:
        address: the loopback address to bind.
        port: the port that is wanted, 0 for any free one.

    Raises OSError when ``port`` is taken.
    """

    def __init__(self, address: str, port: int = 0) -> None:
        self.address = address
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((address, port))
            self.number: int = self._socket.getsockname()[1]
        except BaseException:
            self._socket.close()
            raise
        if sys.platform != "linux":
            self._socket.close()

    def close(self) -> None:
        """Let the port go; a listener that took it over keeps it."""
        self._socket.close()
