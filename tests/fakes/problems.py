"""What the fake server answers when it does not do what it was asked."""

from __future__ import annotations

from collections.abc import Mapping


class MatrixProblem(Exception):
    """A Matrix error: becomes the HTTP answer, or reaches the test that drove the server directly.

    Args:
        status: the HTTP status.
        errcode: such as ``M_FORBIDDEN``.
        error: Synapse's sentence for it.
        extra: further members of the body.
        headers: further headers.
    """

    def __init__(
        self,
        status: int,
        errcode: str,
        error: str,
        *,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {errcode}: {error}")
        self.status, self.errcode, self.error = status, errcode, error
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        standard = {"errcode": self.errcode, "error": self.error} if self.errcode else {}
        return {**standard, **self.extra}


def forbidden(error: str, errcode: str = "M_FORBIDDEN") -> MatrixProblem:
    """Not allowed (403)."""
    return MatrixProblem(403, errcode, error)


def not_found(error: str, errcode: str = "M_NOT_FOUND") -> MatrixProblem:
    """No such thing (404)."""
    return MatrixProblem(404, errcode, error)


def bad_request(error: str, errcode: str = "M_UNKNOWN") -> MatrixProblem:
    """Asked in a wrong way (400)."""
    return MatrixProblem(400, errcode, error)


def not_in_room(user_id: str, room_id: str) -> MatrixProblem:
    """Synapse's answer to acting where one is not joined."""
    return forbidden(f"User {user_id} not in room {room_id}")


def cannot_preview(user_id: str, room_id: str) -> MatrixProblem:
    """Synapse's answer to reading where one never was."""
    return forbidden(f"User {user_id} not in room {room_id}, and room previews are disabled")
