"""A real Synapse on loopback, as a child process that never outlives us."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from orchestrator.errors import SetupError
from orchestrator.local import with_parent
from orchestrator.local.admin import Admin
from orchestrator.local.limits import Limits
from orchestrator.local.ports import HeldPort
from orchestrator.local.settings import Federation, Secrets, secrets_of, write_settings
from orchestrator.model.ids import Json, JsonObject, UserId

__all__ = ["Federation", "LocalHomeserver"]

READY_WITHIN_S = 90.0
STOP_WITHIN_S = 10.0
_POLL_S = 0.05
_ONE_TRY = aiohttp.ClientTimeout(total=1)
_ATTEMPTS = 5
_LOG_LINES = 12
# What Synapse says when somebody else listens on the port.
_TAKEN = "ListenerException: Failed to listen"


class LocalHomeserver:
    """A private Synapse with SQLite, reachable only on this machine.

    An async context manager; or call ``start`` and ``stop``. What it knows lives in ``data_dir``, so a later start on
    the same directory has the same users and rooms; a restart keeps the port where it can. ``register`` and the other
    calls may be awaited from any event loop. ``start`` must be called in a thread that lives as long as the server is
    wanted: the kernel ends Synapse with the thread that started it (see ``with_parent``).

    Args:
        data_dir: its directory, made if absent.
        server_name: what its ids end in, such as ``grove.example``; fixed for the life of a data directory.
        limits: how patient its people must be; none by default.
        federation: certificates to speak with other servers; None (the default) keeps it alone.
        address: the loopback address to listen on.
        hold: finds a free port; a test may offer others.

    Raises SetupError when Synapse is not installed or does not start.
    """

    def __init__(
        self,
        data_dir: Path,
        server_name: str,
        *,
        limits: Limits | None = None,
        federation: Federation | None = None,
        address: str = "127.0.0.1",
        hold: Callable[[str, int], HeldPort] = HeldPort,
    ) -> None:
        self.server_name = server_name
        self._data_dir = data_dir.absolute()
        self._limits = Limits.none() if limits is None else limits
        self._federation = federation
        self._address = address
        self._hold = hold
        self._port = self._federation_port = 0
        self._held: list[HeldPort] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._admin: Admin | None = None

    @property
    def url(self) -> str:
        """Where clients reach it, such as ``http://127.0.0.1:43210``, without a slash at the end."""
        return f"http://{self._address}:{self._port}"

    @property
    def federation_port(self) -> int:
        """The port of the TLS listener for other servers, 0 where there is none."""
        return self._federation_port

    @property
    def pid(self) -> int:
        """The process id of the running Synapse; raises SetupError when it does not run."""
        if self._process is None:
            raise SetupError("The local homeserver is not running.")
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """Synapse's own log of this start: warnings and worse."""
        return self._data_dir / "synapse.log"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start Synapse and return when it answers; on another port if somebody was quicker.

        Raises SetupError, with the end of Synapse's log, when it ends or does not answer within 90 seconds.
        """
        if self._process is not None:
            raise SetupError("The local homeserver is already running.")
        if importlib.util.find_spec("synapse") is None:
            raise SetupError("Synapse is not installed. Install it with: pip install 'circlekeeper[homeserver]'")
        with self._data_dir_taken() as lock:
            secret = secrets_of(self._data_dir)
            for _ in range(_ATTEMPTS):
                try:
                    self._take_ports()
                    config = self._write_settings(secret)
                    self._process = self._spawn(config, lock)
                    ready = await self._until_ready(self._process)
                except BaseException:
                    await self.stop()
                    raise
                if ready:
                    self._admin = Admin(self.url, secret)
                    return
                log = self._log_tail()
                await self.stop()
                if _TAKEN not in log:
                    raise SetupError(f"The local homeserver did not start. Its log ({self.log_file}) ends:\n{log}")
                self._port = self._federation_port = 0
        raise SetupError(f"The local homeserver found no free port in {_ATTEMPTS} attempts.")

    async def stop(self) -> None:
        """Ask Synapse to end, wait, and end it by force after 10 seconds. Does nothing when it does not run."""
        process, self._process, self._admin = self._process, None, None
        try:
            if process is not None:
                await _end(process)
        finally:
            while self._held:
                self._held.pop().close()

    async def register(
        self, localpart: str, password: str, *, admin: bool = False, display_name: str | None = None
    ) -> UserId:
        """Make a user, through Synapse's registration by shared secret.

        Raises BadRequest with the errcode ``M_USER_IN_USE`` when there is one by that name.
        """
        return await self._running().register(localpart, password, admin=admin, display_name=display_name)

    async def override_rate_limit(self, user_id: UserId) -> None:
        """Exempt a user from every rate limit but those on logging in; once more changes nothing."""
        await self._running().override_rate_limit(user_id)

    async def admin_request(self, method: str, path: str, body: JsonObject | None = None) -> dict[str, Json]:
        """Call Synapse's admin API (``path`` from ``/_synapse/admin``) as an administrator made for the purpose.

        Raises MatrixError by what the server answers.
        """
        return await self._running().request(method, path, body)

    def _running(self) -> Admin:
        if self._admin is None:
            raise SetupError("The local homeserver is not running.")
        return self._admin

    @contextmanager
    def _data_dir_taken(self) -> Iterator[int]:
        """Make the data directory and lock it against a second server; yields the lock's file descriptor.

        Synapse inherits the descriptor and so the lock, which thus lasts exactly as long as Synapse does.
        """
        with ExitStack() as stack:
            try:
                self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
                stack.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield lock
            except BlockingIOError:
                raise SetupError(f"Another homeserver is running on {self._data_dir}. Stop it first.") from None
            except OSError as error:
                # A file in the way, no right to write, a full disk.
                raise SetupError(
                    f"The local homeserver cannot use {self._data_dir}: {error.strerror or 'no reason was given'}."
                ) from error

    def _write_settings(self, secret: Secrets) -> Path:
        return write_settings(
            self._data_dir,
            server_name=self.server_name,
            address=self._address,
            port=self._port,
            limits=self._limits,
            secret=secret,
            federation=self._federation,
            federation_port=self._federation_port,
        )

    def _take_ports(self) -> None:
        """Hold the port of the last start if nobody has it, else a free one; the same for other servers' port."""
        self._port = self._take(self._port)
        if self._federation is not None:
            self._federation_port = self._take(self._federation_port)

    def _take(self, wanted: int) -> int:
        try:
            held = self._hold(self._address, wanted)
        except OSError:
            if not wanted:
                raise
            held = self._hold(self._address, 0)
        self._held.append(held)
        return held.number

    def _spawn(self, config: Path, lock: int) -> subprocess.Popen[bytes]:
        # A proxy of this machine has nothing to do with a server that talks to nobody outside of it.
        env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        python = sys.executable
        guard = [python, "-I", "-S", str(Path(with_parent.__file__)), str(os.getpid())]
        with self.log_file.open("wb") as log:
            self.log_file.chmod(0o600)
            return subprocess.Popen(  # noqa: S603 - our own interpreter and files
                [*guard, python, "-m", "synapse.app.homeserver", "--config-path", str(config)],
                cwd=self._data_dir,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                # Ctrl-C in the terminal is for us; we then stop Synapse in our own order.
                start_new_session=True,
            )

    async def _until_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait for an answer; False when the process ended instead."""
        try:
            async with asyncio.timeout(READY_WITHIN_S), aiohttp.ClientSession() as http:
                while process.poll() is None:
                    if await _answers(http, self.url):
                        return process.poll() is None
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise SetupError(
                f"The local homeserver did not answer within {READY_WITHIN_S:.0f} seconds. "
                f"Its log ({self.log_file}) ends:\n{self._log_tail()}"
            ) from None
        return False

    def _log_tail(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(f"{url}/_matrix/client/versions", timeout=_ONE_TRY) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            while process.poll() is None:  # noqa: ASYNC110 - nothing tells us of a child's end in any thread
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        pass
    finally:
        # Also when we are cancelled while waiting.
        if process.poll() is None:
            process.kill()
        process.wait()
