"""Letters of one word that were put apart: ``s u c h``, ``s.u.c.h``, ``su*ch``. Pure, and linear.

Two words that only stand close together stay two: "the pen.is mine" is somebody who forgot a space.
"""

from __future__ import annotations

import re
from typing import Final

from .folding import SIGNS

_SIGNS: Final = re.escape("".join(SIGNS))
HAS_SIGN: Final = re.compile(f"[{_SIGNS}]")
WITH_SIGNS: Final = re.compile(rf"(?:[^\W_]|[{_SIGNS}])+")
"""Words in which signs such as ``$`` may stand for letters."""
SPACED: Final = re.compile(rf"(?<![^\W_])(?:[^\W_]|[{_SIGNS}])(?:[\W_]{{1,3}}[^\W_]){{2,}}(?![^\W_])")
"""Three letters or more, each by itself."""
_WITHIN: Final = re.compile(r"(?<![^\W_])[^\W_]++(?:[*_~^|·•`\u00b4\u00a8\u00b0=+]{1,2}[^\W_]++)+")
_CHOPPED: Final = re.compile(r"(?<![^\W_])[^\W_]{1,2}(?:[^\w\s]{1,2}[^\W_]{1,2}|_{1,2}[^\W_]{1,2}){2,}(?![^\W_])")
_SHAPE: Final = bytes(
    97 if chr(code).isalnum() or chr(code) in SIGNS else 32 if chr(code).isspace() or chr(code) == "'" else 46
    for code in range(256)
)
"""Letters as ``a``, signs as ``.``, spaces (and the apostrophe, of which texts are full) as spaces."""
_NO_LETTER: Final = re.compile(r"[\W_]+")


def close_up(text: str) -> str:
    """Leave out what was put between letters without a space: in threes or more, or signs that are no punctuation."""
    text = _CHOPPED.sub(_letters, text)
    return _WITHIN.sub(_letters, text)


def gather(text: str) -> str:
    """Write spaced-out letters as words."""
    return SPACED.sub(_letters, text)


def might_be_spaced(text: str) -> bool:
    """Tell quickly whether there may be something to ``gather``."""
    if not text.isascii():
        return SPACED.search(text) is not None
    mask = text.encode("ascii").translate(_SHAPE).replace(b".", b" ").replace(b"  ", b" ").replace(b"  ", b" ")
    return b" a a " in b" %b " % mask


def might_be_close(text: str) -> bool:
    """Tell quickly whether there may be something to ``close_up``."""
    return not text.isascii() or b"a.a" in text.encode("ascii").translate(_SHAPE).replace(b"..", b".")


def _letters(run: re.Match[str]) -> str:
    return _NO_LETTER.sub("", run[0])
