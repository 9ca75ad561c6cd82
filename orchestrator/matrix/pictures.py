"""Rooms' pictures: a file is uploaded once, however many rooms show it and whatever happens on the way.

The media id is asked for first and kept before anything is uploaded to it, so that a crash or a lost answer leads to the
same id again: the server takes a file for an id once (409 afterwards). An id that was never used is forgotten by the
server after a day, and then another one is asked for. A server that gives no ids beforehand (before Matrix 1.7) gets the
file in one call, and a lost answer there costs a copy that nobody sees.

Source: client-server API, "Content repository": POST /media/v1/create, PUT and POST /media/v3/upload.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import structlog

from orchestrator import failpoints
from orchestrator.errors import BadRequest, Forbidden, MatrixError, NotFound, RateLimited, ServerTrouble
from orchestrator.model.clock import MINUTE_MS, SECOND_MS
from orchestrator.model.ids import JsonObject
from orchestrator.model.things import FILE
from orchestrator.store import AccountStore, uploads

from .gateway import Gateway, route
from .making import NotYet

log = structlog.get_logger("pictures")

Files: TypeAlias = Callable[[str], bytes | None]
"""Finds the bytes of a file by their SHA-256 (hexadecimal); None when there is no such file (any more)."""

UNSAID_MS: Final = 2 * SECOND_MS
LONGEST_MS: Final = 5 * MINUTE_MS
MEDIA: Final = "/_matrix/media"
ABOUT: Final = frozenset({"url", "info", "thumbnail_url", "thumbnail_info"})
"""What belongs to a picture in ``m.room.avatar``, and goes with it."""

_MXC = re.compile(r"mxc://([^/\s?#]+)/([A-Za-z0-9_\-]+)\Z")
_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
_OVERWRITES: Final = "M_CANNOT_OVERWRITE_MEDIA"
_UNKNOWN: Final = "M_UNRECOGNIZED"


NO_FILES: Final[Files] = dict[str, bytes]().get
"""For who has no files."""


class Pictures:
    """Uploads files and knows where they went.

    Args:
        gateway: speaks to the homeserver.
        store: keeps where each file went.
        files: finds their bytes.
    """

    def __init__(self, gateway: Gateway, store: AccountStore, files: Files) -> None:
        self._gateway = gateway
        self._store = store
        self._files = files
        self._one_at_a_time = asyncio.Lock()

    async def shown(self, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """Put the place of a file where a content names the file, and drop what belonged to another picture.

        Raises BadRequest when the file is not there or is no picture, MatrixError by class when it cannot be uploaded.
        """
        named = wanted.get(FILE)
        if not isinstance(named, str):
            return wanted
        mxc = await self.place(named)
        if live is not None and live.get("url") == mxc:
            return {key: value for key, value in wanted.items() if key != FILE}
        return {**without_picture(wanted), "url": mxc}

    async def place(self, sha256: str) -> str:
        """Tell where a file is, and upload it if it is nowhere yet."""
        async with self._one_at_a_time:  # two rooms may show the same picture
            known = await self._store.run(uploads.upload, sha256)
            if known is not None and known.whole:
                return known.mxc
            try:
                return await self._upload(sha256, known)
            except RateLimited as error:
                # Files have limits of their own; what the room says must not be slowed down by them.
                raise NotYet(min(error.retry_after_ms or UNSAID_MS, LONGEST_MS)) from None

    async def _upload(self, sha256: str, known: uploads.Upload | None) -> str:
        data = await asyncio.to_thread(self._files, sha256)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise BadRequest("A picture's file is not there any more, or has changed since it was read.")
        kind = _kind(data)
        mxc = known.mxc if known is not None else await self._reserve(sha256)
        if mxc is None:
            mxc = await self._send_at_once(data, kind)
        elif not await self._fill(mxc, data, kind):
            await self._store.run(uploads.drop_upload, sha256)
            raise ServerTrouble("The homeserver forgot the place for a picture; it is asked for another one.")
        await self._store.run(uploads.keep_upload, sha256, mxc, whole=True)
        return mxc

    async def _reserve(self, sha256: str) -> str | None:
        """Ask for a media id and keep it; None from a server that gives none beforehand."""
        try:
            answer = await self._gateway.call("POST", route("create", prefix=f"{MEDIA}/v1"))
        except NotFound:
            return None
        except BadRequest as error:
            if error.errcode != _UNKNOWN:
                raise
            return None
        mxc = _mxc(answer)
        await self._store.run(uploads.keep_upload, sha256, mxc, whole=False)
        return mxc

    async def _fill(self, mxc: str, data: bytes, kind: str) -> bool:
        """Upload to a media id; False when the server does not know it (any more)."""
        named = _MXC.match(mxc)
        server, media = named.groups() if named is not None else ("", "")
        failpoints.pass_by("state.before_send")
        try:
            await self._gateway.upload(route("upload", server, media, prefix=f"{MEDIA}/v3"), data, kind)
        except (NotFound, Forbidden):
            return False
        except MatrixError as error:
            if error.errcode != _OVERWRITES:  # else it is there already: an answer was lost
                raise
        failpoints.pass_by("state.after_send")
        return True

    async def _send_at_once(self, data: bytes, kind: str) -> str:
        return _mxc(await self._gateway.upload(route("upload", prefix=f"{MEDIA}/v3"), data, kind, method="POST"))


def without_picture(content: JsonObject) -> JsonObject:
    """Copy of a content what does not belong to its picture."""
    return {key: value for key, value in content.items() if key not in ABOUT and key != FILE}


def _mxc(answer: JsonObject) -> str:
    mxc = answer.get("content_uri")
    if not isinstance(mxc, str) or _MXC.match(mxc) is None:
        raise ServerTrouble("The homeserver's answer makes no sense.", status=200, call="POST create")
    return mxc


def _kind(data: bytes) -> str:
    for begins, kind in _KINDS:
        if data.startswith(begins):
            return kind
    raise BadRequest("A room's picture has to be a PNG, JPEG, GIF or WebP file.")
