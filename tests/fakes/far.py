"""What another server says when one of its users is invited: its refusals come back as our own server's answer.

As Synapse 1.163 has it (``FederationClient._do_send_invite``, ``FederationHandler.send_invite``,
``HttpResponseException.to_synapse_error``): status and code are passed on, but that 401 becomes 400, M_UNKNOWN_TOKEN becomes
M_UNKNOWN, and so does a 400 for a missing or wrong parameter; a server out of reach is a 502. It is asked when everything
of our own server's is checked and counted, and before the event is in the room.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .events import ROOM_VERSIONS
from .problems import MatrixProblem

_OURS_TO_BLAME = ("M_MISSING_PARAM", "M_INVALID_PARAM")


@dataclass(slots=True)
class FarServer:
    """Another server, as far as it can be heard here.

    Attributes:
        refuses: what it answers to an invitation of one of its users; None: it takes them.
        down: nobody can reach it.
        versions: the room versions it knows.
        asked: how often it was asked.
    """

    name: str
    refuses: MatrixProblem | None = None
    down: bool = False
    versions: set[str] = field(default_factory=lambda: set(ROOM_VERSIONS))
    asked: int = 0

    def take_invite(self, version: str) -> None:
        """Take an invitation into a room of a version; raises what a client of our server is answered."""
        self.asked += 1
        if self.down:
            raise MatrixProblem(502, "M_UNKNOWN", f"Can't connect to server {self.name}")
        if version not in self.versions:
            raise _passed_on(
                MatrixProblem(400, "M_UNSUPPORTED_ROOM_VERSION", "Homeserver does not support this room version")
            )
        if self.refuses is not None:
            raise _passed_on(self.refuses)


def _passed_on(said: MatrixProblem) -> MatrixProblem:
    status, errcode = said.status, said.errcode
    if errcode == "M_UNKNOWN_TOKEN" or (status == 400 and errcode in _OURS_TO_BLAME):
        errcode = "M_UNKNOWN"
    return MatrixProblem(400 if status == 401 else status, errcode, said.error, extra=said.extra)
