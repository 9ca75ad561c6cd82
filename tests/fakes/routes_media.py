"""Routes: uploading files, as Synapse takes them (``/_matrix/media``)."""

from __future__ import annotations

from .http import Call, Route
from .problems import MatrixProblem, forbidden, not_found
from .values import Json, digest
from .world import Media

UNUSED_MS = 24 * 60 * 60 * 1000
"""How long a media id may wait for its file."""


def create(call: Call) -> Json:
    now_ms = call.world.clock.now_ms()
    media = _new_id(call)
    call.world.media[media] = Media(call.who.user_id, now_ms)
    return {"content_uri": f"mxc://{call.world.server_name}/{media}", "unused_expires_at": now_ms + UNUSED_MS}


def fill(call: Call) -> Json:
    if call.arg("server") != call.world.server_name:
        raise not_found("Non-local server name specified")
    media = call.world.media.get(call.arg("media"))
    if media is None:
        raise not_found("Unknown media ID")
    if media.owner != call.who.user_id:
        raise forbidden("Only the creator of the media ID can upload to it")
    if media.data is not None:
        raise MatrixProblem(409, "M_CANNOT_OVERWRITE_MEDIA", "Media ID already has content")
    if media.since_ms < call.world.clock.now_ms() - UNUSED_MS:
        raise not_found("Media ID has expired")
    media.data, media.kind = call.raw, call.request.content_type
    return {}


def upload(call: Call) -> Json:
    media = _new_id(call)
    call.world.media[media] = Media(call.who.user_id, call.world.clock.now_ms(), call.request.content_type, call.raw)
    return {"content_uri": f"mxc://{call.world.server_name}/{media}"}


def _new_id(call: Call) -> str:
    return digest([call.who.user_id, call.world.clock.now_ms(), call.world.next_stream(), "media"])[:24]


ROUTES = (
    Route("POST", "/_matrix/media/v1/create", create, absolute=True, needs_body=False),
    Route("PUT", "/_matrix/media/v3/upload/{server}/{media}", fill, absolute=True, takes_bytes=True),
    Route("POST", "/_matrix/media/v3/upload", upload, absolute=True, takes_bytes=True),
)
