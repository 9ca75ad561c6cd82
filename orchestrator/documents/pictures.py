"""Pictures that files name: whether they are there, and are pictures."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Final

from .authored import Picture

MOST_BYTES: Final = 1024 * 1024

# What every client shows: PNG (RFC 2083), JPEG, GIF87a and GIF89a, WebP (a RIFF container).
_BEGINNINGS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


def read_picture(path: Path) -> Picture:
    """Look at a picture.

    Raises:
        ValueError: it is not there, too large, or none; the sentence says what to do.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("This is not a regular file.")
        with path.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ValueError("There is no such file beside this one.") from None
    except OSError as error:
        raise ValueError(f"This file cannot be read: {error.strerror or 'the system gives no reason'}.") from None
    if len(raw) > MOST_BYTES:
        raise ValueError("This picture is too large: at most 1 MiB.")
    if not (raw.startswith(_BEGINNINGS) or (raw[:4] == b"RIFF" and raw[8:12] == b"WEBP")):
        raise ValueError("This is no picture: it must be a PNG, JPEG, WebP or GIF.")
    return Picture(path, hashlib.sha256(raw).hexdigest())
