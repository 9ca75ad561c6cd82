"""What the operator may read, and nothing else: one chain of processors that everything written goes through.

Our own lines come from ``structlog.get_logger("name")`` as a plain event and facts by name. Each fact is made discreet
(``discretion``): ids shortened, exceptions without their words, objects by type only.

Other libraries' loggers end in the same chain, from WARNING up only, and their messages are not trusted: nio logs
malformed events whole (measured), and asyncio prints the ``repr`` of what a task raised. Of nio's only that there was
one is told; of asyncio's and aiohttp's the sentence that stands in their source, with numbers filled in and everything
else left out; of anybody else's nothing but name and place. What nobody caught ends here, too, as do Python's warnings.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from .discretion import discreet, trace

LEFT_OUT: Final = "a message is left out here: it may quote people"
NIO_LEFT_OUT: Final = "the Matrix library had something to say; its messages quote events, so it is left out"

# Their messages are written out in their source, and values come in by placeholders.
_KNOWN_LIBRARIES: Final = ("asyncio", "aiohttp")
# What asyncio says without placeholders goes on with the repr of a task or a callback; the beginning is its own.
_KNOWN_BEGINNINGS: Final = (
    "Accept failed on a socket",
    "Error on transport creation for incoming connection",
    "Exception in callback",
    "Exception in default exception handler",
    "Fatal error on transport",
    "Fatal read error on",
    "Fatal write error on",
    "Future exception was never retrieved",
    "SSL connection is closed",
    "SSL handshake failed",
    "Task exception was never retrieved",
    "Task was destroyed but it is pending!",
    "Unclosed client session",
    "Unclosed connection",
    "Unclosed connector",
    "Unhandled exception in event loop",
    "socket.send() raised exception",
    "unhandled exception during asyncio.run() shutdown",
)


def configure(*, as_json: bool = False, stream: _Out | None = None, level: int = logging.INFO) -> None:
    """Send everything that is logged in this process to a stream; calling it again changes where to.

    Args:
        as_json: one JSON object a line; otherwise lines for people, in colour on a terminal.
        stream: standard error if None.
        level: the least that is told of our own lines; of other libraries it is WARNING in any case.
    """
    out = sys.stderr if stream is None else stream
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            make_discreet,
            _name_logger,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *names: _Line(out, *names),
        cache_logger_on_first_use=False,
    )
    _take_over()


def configure_file(path: Path, *, level: int = logging.INFO) -> None:
    """Send everything that is logged to the end of a file that only we may read, as JSON lines.

    It is opened for each line, so whoever rotates logs may move it away.
    """
    configure(as_json=True, stream=_Appending(path), level=level)


def make_discreet(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make every fact of a log line discreet, and its exception a list of places (a structlog processor)."""
    error = event.pop("exc_info", None)
    event.pop("stack_info", None)
    told: EventDict = {str(discreet(key)): discreet(value) for key, value in event.items()}
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        told["exception"] = trace(error)
    return told


class _Out(Protocol):
    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...
    def isatty(self) -> bool: ...


class _Appending:
    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(opened, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


class _Line:
    """Writes lines, under the name of who writes them."""

    def __init__(self, out: _Out, name: str = "") -> None:
        self._out = out
        self.name = name

    def msg(self, line: str) -> None:
        # A full disk or a closed terminal must not stop what was going to be logged about.
        with _writing, suppress(OSError, ValueError):
            self._out.write(line + "\n")
            self._out.flush()

    debug = info = warning = error = critical = msg


_writing: Final = threading.RLock()


def _name_logger(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    name = getattr(logger, "name", "")
    return {"logger": name, **event} if name else event


class _Behind(logging.Handler):
    """Stands behind every logger of the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of a record what may be told."""
        if record.levelno < logging.WARNING:
            return
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        log = structlog.get_logger(record.name)
        if record.name.partition(".")[0] == "nio":
            log.log(level, NIO_LEFT_OUT)
            return
        place = f"{record.module}:{record.lineno}"
        log.log(level, _sentence(record), place=place, exc_info=record.exc_info or None)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say only that it failed; the standard library would print the message and its values."""
        sys.stderr.write(f"a line of {record.name.partition('.')[0]} could not be logged\n")


def _sentence(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] not in _KNOWN_LIBRARIES or not isinstance(record.msg, str):
        return LEFT_OUT
    if not record.args:
        return next((known for known in _KNOWN_BEGINNINGS if record.msg.startswith(known)), LEFT_OUT)
    if not isinstance(record.args, tuple):
        return LEFT_OUT
    try:
        return record.msg % tuple(value if isinstance(value, int | float) else _Hidden() for value in record.args)
    except (TypeError, ValueError):
        return LEFT_OUT


class _Hidden:
    def __repr__(self) -> str:
        return "..."


def _take_over() -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Behind(logging.WARNING)]
    root.setLevel(logging.WARNING)
    for logger in list(root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def _uncaught(kind: type[BaseException], error: BaseException, tb: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, tb)
        return
    structlog.get_logger("circlekeeper").critical("stopped by a fault of our own", exc_info=error)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        structlog.get_logger("circlekeeper").critical("a thread was stopped by a fault", exc_info=args.exc_value)


def _unraisable(args: Any) -> None:
    structlog.get_logger("circlekeeper").error("a fault that nobody could catch", exc_info=args.exc_value)


def _warned(
    message: Warning | str,  # noqa: ARG001 - a library may quote values in it, so it is not told
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    structlog.get_logger("python").warning("a warning", kind=category.__name__, place=f"{Path(filename).name}:{lineno}")
