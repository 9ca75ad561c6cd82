"""One tree of errors.

::

    CirclekeeperError               anything of ours; carries a plain sentence and the operator's context
    |- DocumentError                an authored file is wrong at file:line:col; several make a DocumentErrors
    |- DocumentErrors               every problem of every file, at once
    |- SetupError                   cannot start: one line that says what to do (exit code 1)
    |  |- SecretError               a password, key or token file is missing, unreadable or readable by others
    |  |- StoreError                the data directory cannot be used (locked, full, read-only, newer)
    |  |- IdentityError             the account's cross-signing identity is somebody else's
    |- Refusal                      a person asked for what may not or cannot be; said to them kindly
    |  |- StillOpen                 so did whoever answered a question; it stays open for others
    |- MatrixError                  the homeserver said no; carries status, errcode, retry_after_ms
    |  |- Retryable                 trying the same call again later may work
    |  |  |- RateLimited            429; retry_after_ms is set
    |  |  |- ServerTrouble          5xx, a truncated or malformed answer, a policy of the proxy
    |  |  |- Unreachable            no answer at all (refused, reset, timed out, name not found)
    |  |- Final                     the same call will never work
    |     |- UnknownToken           M_UNKNOWN_TOKEN, M_MISSING_TOKEN, M_USER_DEACTIVATED: the run ends
    |     |  |- AccountLocked       M_USER_LOCKED, M_USER_SUSPENDED, M_RESOURCE_LIMIT_EXCEEDED: so it does
    |     |- Forbidden              M_FORBIDDEN and its kin: not allowed
    |     |- NotFound               M_NOT_FOUND
    |     |- RoomInUse              M_ROOM_IN_USE: the alias is taken
    |     |- TooLarge               M_TOO_LARGE
    |     |- BadRequest             every other 4xx

What names our account ends the run when our own server says it; on calls about rooms other servers' refusals come through
as well, so there it is asked first (``matrix/hearsay``).

Whether to try again is the class, never a string match. ``str(error)`` is safe to show to a person and to log: no
member's words, tokens or bodies are ever put into an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar


class CirclekeeperError(Exception):
    """Anything that went wrong on our side of the world.

    Args:
        message: one plain sentence for a person.
        context: short facts for the operator (ids, codes), never anybody's words.
    """

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context: Mapping[str, object] = context


class DocumentError(CirclekeeperError):
    """An authored file is wrong at one place; prints as ``file:line:col: message``."""

    def __init__(self, message: str, *, file: str, line: int = 1, col: int = 1) -> None:
        super().__init__(message, file=file, line=line, col=col)
        self.file, self.line, self.col = file, line, col

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.col}: {self.message}"


class DocumentErrors(CirclekeeperError):
    """Every problem of every authored file, in the order of file, line and column."""

    def __init__(self, errors: Iterable[DocumentError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda e: (e.file, e.line, e.col, e.message)))
        super().__init__("\n".join(map(str, self.errors)))


class SetupError(CirclekeeperError):
    """The program cannot start or go on; the sentence says what to do about it."""


class SecretError(SetupError):
    """A password, key or token is missing, unreadable or readable by others."""


class StoreError(SetupError):
    """The data directory cannot be used: locked by another process, full, read-only, or from a newer version."""


class IdentityError(SetupError):
    """The account has a cross-signing identity whose keys we do not hold."""


class Refusal(CirclekeeperError):
    """A person asked for something that may not or cannot be; the sentence tells them so, kindly, and what to do."""


class StillOpen(Refusal):
    """Whoever answered a question may not or cannot do that; others may, so the question stays open for them."""


class MatrixError(CirclekeeperError):
    """The homeserver did not do what was asked.

    Args:
        status: HTTP status, 0 when no answer came.
        errcode: the Matrix error code, "" when there was none.
        retry_after_ms: how long the server asks to wait, None when it does not say.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, status: int = 0, errcode: str = "", retry_after_ms: int | None = None, **context: object
    ) -> None:
        super().__init__(message, status=status, errcode=errcode, **context)
        self.status, self.errcode, self.retry_after_ms = status, errcode, retry_after_ms


class Retryable(MatrixError):
    """Trying the same call again later may work."""

    retryable = True


class RateLimited(Retryable):
    """The server asks us to slow down (429)."""


class ServerTrouble(Retryable):
    """The server or a proxy before it is unwell: 5xx, or an answer that is cut or is no JSON."""


class Unreachable(Retryable):
    """No answer came at all."""


class Final(MatrixError):
    """The same call will never work."""


class UnknownToken(Final):
    """The access token is no longer good: the run ends with a clear line."""


class AccountLocked(UnknownToken):
    """The account may not act now; whoever runs the homeserver can say why. The run ends, and nothing is given up."""


class Forbidden(Final):
    """Not allowed, by power or by the server's rules."""


class NotFound(Final):
    """There is no such thing."""


class RoomInUse(Final):
    """The alias is already taken."""


class TooLarge(Final):
    """The event is larger than Matrix allows (65,536 bytes)."""


class BadRequest(Final):
    """Any other 4xx."""


_BY_CODE: Mapping[str, type[MatrixError]] = {
    "M_UNKNOWN_TOKEN": UnknownToken,
    "M_MISSING_TOKEN": UnknownToken,
    "M_USER_DEACTIVATED": UnknownToken,
    "M_FORBIDDEN": Forbidden,
    "M_GUEST_ACCESS_FORBIDDEN": Forbidden,
    "M_UNAUTHORIZED": Forbidden,
    "M_INVITE_BLOCKED": Forbidden,
    "M_USER_LOCKED": AccountLocked,
    "M_USER_SUSPENDED": AccountLocked,
    "M_RESOURCE_LIMIT_EXCEEDED": AccountLocked,
    "M_EXCLUSIVE": Forbidden,
    "M_NOT_FOUND": NotFound,
    "M_ROOM_IN_USE": RoomInUse,
    "M_TOO_LARGE": TooLarge,
    "M_LIMIT_EXCEEDED": RateLimited,
}


def matrix_error(status: int, errcode: str, *, retry_after_ms: int | None = None, call: str = "") -> MatrixError:
    """Choose the class for an answer that was not a success.

    Args:
        status: HTTP status.
        errcode: the body's ``errcode``, "" when the body was no Matrix error.
        retry_after_ms: from ``Retry-After`` or ``retry_after_ms``.
        call: method and route template (never ids), for the operator.

    Source: client-server API, "Standard error response". The server's own sentence is left out: it can quote what was
    sent.
    """
    if status == 429:
        kind: type[MatrixError] = RateLimited
    elif status >= 500 or status < 300:
        kind = ServerTrouble
    else:
        kind = _BY_CODE.get(errcode, NotFound if status == 404 else Forbidden if status == 403 else BadRequest)
    return kind(
        f"The homeserver answered {status} {errcode}".rstrip() + (f" to {call}." if call else "."),
        status=status,
        errcode=errcode,
        retry_after_ms=retry_after_ms,
        call=call,
    )
