"""What an answer of the homeserver means, or its absence: a JSON object, or the error to raise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from yarl import URL

from orchestrator.errors import Forbidden, MatrixError, ServerTrouble, Unreachable, matrix_error
from orchestrator.model.clock import DAY_MS, SECOND_MS
from orchestrator.model.ids import Json, JsonObject

_ERRCODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,99}\Z")
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")


class Challenge(Forbidden):
    """The server asks for more before it does this: send the same body again with an ``auth`` object.

    Attributes:
        session: goes into ``auth``.
        flows: each a way to satisfy it: the stages, in order, such as ``("m.login.password",)``.

    Source: client-server API, "User-Interactive Authentication API". ``errcode`` is "" at first and says what was
    wrong when a stage failed.
    """

    def __init__(
        self, message: str, *, errcode: str, call: str, session: str, flows: tuple[tuple[str, ...], ...]
    ) -> None:
        super().__init__(message, status=HTTPStatus.UNAUTHORIZED, errcode=errcode, call=call)
        self.session, self.flows = session, flows


def judge(call: str, status: int, headers: Mapping[str, str], answer: Json, now_ms: int) -> JsonObject | MatrixError:
    """Tell whether an answer is a success: its JSON object, or else the error it stands for.

    Args:
        call: method and route template, for the operator.
        status: the HTTP status.
        headers: of the answer.
        answer: its body as JSON, None when it is none.
        now_ms: for a ``Retry-After`` that is a date.
    """
    body = answer if isinstance(answer, Mapping) else None
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and body is not None:
        return body
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        origin = _origin(headers.get("Location", ""))
        return ServerTrouble(
            f"The answer to {call} sends us on to {origin} ({status}); nothing was done.",
            status=status,
            call=call,
            origin=origin,
        )
    fields: JsonObject = body or {}
    code = fields.get("errcode")
    errcode = code if isinstance(code, str) and _ERRCODE.match(code) else ""
    session, flows = fields.get("session"), fields.get("flows")
    if status == HTTPStatus.UNAUTHORIZED and isinstance(session, str) and isinstance(flows, list):
        message = f"The homeserver wants to know who is there before it answers {call}."
        return Challenge(message, errcode=errcode, call=call, session=session, flows=_stages(flows))
    retry_after_ms = read_retry_after(headers.get("Retry-After"), fields.get("retry_after_ms"), now_ms)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and not errcode:
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            errcode = "M_TOO_LARGE"
        elif status != HTTPStatus.TOO_MANY_REQUESTS:
            message = f"Something before the homeserver answered {status} to {call}."
            return ServerTrouble(message, status=status, retry_after_ms=retry_after_ms, call=call)
    return matrix_error(status, errcode, retry_after_ms=retry_after_ms, call=call)


def read_retry_after(header: str | None, field_ms: Json, now_ms: int) -> int | None:
    """Read how long to wait, from the header (seconds or a date, RFC 9110 10.2.3) and the body's older field.

    Synapse sends both, the header rounded up to a whole second: then the field is the better one. Otherwise the longer
    is heeded. A day is the most that is believed.
    """
    said_ms: float | None = None
    if header is not None and _SECONDS.match(header.strip()):
        said_ms = int(header) * SECOND_MS
    elif header is not None:
        try:
            said_ms = parsedate_to_datetime(header).timestamp() * 1000 - now_ms
        except (ValueError, OverflowError, OSError):
            said_ms = None
    if isinstance(field_ms, int | float) and not isinstance(field_ms, bool) and abs(field_ms) < float("inf"):
        rounded_up = said_ms is not None and 0 <= said_ms - field_ms < SECOND_MS
        said_ms = field_ms if said_ms is None or rounded_up else max(said_ms, field_ms)
    return None if said_ms is None else round(min(max(said_ms, 0), DAY_MS))


def unreachable(address: str, call: str, error: Exception, timeout_s: float) -> Unreachable:
    """Put into words why no answer came; the other library's own words can hold addresses with ids and are not used."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match error, cause:
        case (aiohttp.ClientConnectorCertificateError(), _):
            why = "its certificate is not one that this machine trusts"
        case (aiohttp.ClientSSLError(), _):
            why = "it does not speak TLS there"
        case (aiohttp.ClientConnectorDNSError(), _):
            why = "there is no such name"
        case (_, ConnectionRefusedError()):
            why = "the connection was refused"
        case (_, TimeoutError()):
            why = f"no answer within {timeout_s:g} s"
        case (aiohttp.ClientConnectorError(), _):
            why = "no connection could be made"
        case _:
            why = "the connection was lost before an answer came"
    return Unreachable(f"The homeserver at {address} cannot be reached: {why}.", call=call, why=why)


def _stages(flows: list[Json]) -> tuple[tuple[str, ...], ...]:
    stages = [flow.get("stages") for flow in flows if isinstance(flow, Mapping)]
    return tuple(tuple(stage for stage in one if isinstance(stage, str)) for one in stages if isinstance(one, list))


def _origin(location: str) -> str:
    """Name where a redirect leads: the address alone, its path may hold ids."""
    try:
        return str(URL(location).origin())
    except ValueError:
        return "another path"
