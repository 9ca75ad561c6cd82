"""What kind of thing is attached to a message."""

from __future__ import annotations

from fnmatch import fnmatchcase
from mimetypes import MimeTypes
from typing import Final

from orchestrator.documents.policy import Files
from orchestrator.model.events import Message

_TYPES: Final = MimeTypes()
"""Python's own table of endings; the machine's are not read."""
_KINDS: Final = {
    "m.image": "image",
    "m.video": "video",
    "m.audio": "audio",
    "m.file": "file",
    "m.sticker": "sticker",
}


def is_met(files: Files, message: Message) -> bool:
    """Tell whether a message carries such a file: by what it is sent as, says it is, or is called."""
    if not message.has_file and message.kind != "m.sticker":
        return False
    if not files.kinds and not files.types:
        return True
    types = {kind for kind in (_plain(message.media_type), guessed(name_of(message))) if kind}
    kinds = {_KINDS.get(message.kind, "file"), *(kind.partition("/")[0] for kind in types)}
    return bool(files.kinds & kinds) or any(fnmatchcase(kind, wanted) for kind in types for wanted in files.types)


def name_of(message: Message) -> str:
    """Say what the attachment is called: without a caption, its name stands in the body."""
    return message.file_name or (message.body if message.has_file else "")


def guessed(name: str) -> str:
    """Guess a media type from a name; "" where its ending says nothing."""
    ending = name.rstrip(" .").rpartition(".")[2].lower()
    return _TYPES.types_map[True].get(f".{ending}", _TYPES.types_map[False].get(f".{ending}", "")) if ending else ""


def _plain(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
