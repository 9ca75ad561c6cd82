"""Whether a refusal that names our account is about our account: other servers' refusals come through the same door.

For an invitation, a join, or a message in a room with a policy server, a homeserver asks another server, and passes on
what that one answers, status and code (Synapse 1.163: ``HttpResponseException.to_synapse_error`` keeps back no more than
M_UNKNOWN_TOKEN). Anybody with a server of their own could so tell us that we are suspended. So before a run ends on what a
call about rooms was answered, our own server is asked something in which no other has a say.
"""

from __future__ import annotations

from typing import Final

import structlog

from orchestrator.errors import Final as NeverWorks
from orchestrator.errors import Forbidden, MatrixError, UnknownToken
from orchestrator.model.ids import UserId

from .gateway import Gateway, route

log = structlog.get_logger("delivery")

_NOTHING: Final = '{"room":{"rooms":[]},"presence":{"types":[]},"account_data":{"types":[]}}'


async def as_heard(gateway: Gateway, me: UserId, error: UnknownToken) -> MatrixError:
    """Tell what a refusal comes to that names our account, on a call about rooms.

    Returns:
        the same error where our own server confirms it; else Forbidden: somebody else's server will not have this.

    Raises:
        Retryable: our own server could not be asked.
    """
    try:
        # A token that is none, an account that is deactivated or locked: then nothing works.
        await gateway.call("GET", route("account", "whoami"))
        if error.errcode == "M_USER_SUSPENDED":
            await _rename_to_nothing(gateway, me)
        elif error.errcode == "M_RESOURCE_LIMIT_EXCEEDED":
            # A server that is over its limit, or closed, refuses this as well. Nothing is asked for, nothing moves on.
            await gateway.call("GET", route("sync"), query={"timeout": "0", "filter": _NOTHING})
    except UnknownToken as confirmed:
        return confirmed
    log.warning("another server's refusal, passed on", status=error.status, errcode=error.errcode)
    return Forbidden(str(error), status=error.status, errcode=error.errcode)


async def _rename_to_nothing(gateway: Gateway, me: UserId) -> None:
    """Ask for a name that is none: whoever is suspended hears so before the server looks at it, and it changes nothing."""
    try:
        await gateway.call("PUT", route("profile", me, "displayname"), body={"displayname": 0})
    except UnknownToken:
        raise
    except NeverWorks:
        return
