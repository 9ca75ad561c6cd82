"""What happened in the last minutes, in memory only: who spoke where, and how often.

A batch is decided inside a transaction that may roll back, so what it sees is staged, and published after the commit.
Nothing here is ever written down; after a restart the window is empty until it is warmed from the room's own history,
and ``known_since_ms`` says how far back it can be trusted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .clock import HOUR_MS
from .ids import UserId

KEEP_MS = HOUR_MS
MOST_PER_KEY = 500


@dataclass(slots=True)
class Windows:
    """Times at which something happened, by key, in the order in which we heard of it.

    Keys are tuples of ids, such as ``("spoke", room)``; each mark carries who it was.

    Attributes:
        called: the names that those who look after others were seen under since the start, so that nobody else passes for
            them. True whether or not the batch in which they were seen commits, and so not staged.
    """

    known_since_ms: dict[tuple[str, ...], int] = field(default_factory=dict)
    called: dict[UserId, str] = field(default_factory=dict, repr=False)
    _marks: dict[tuple[str, ...], deque[tuple[int, str]]] = field(default_factory=dict)
    _staged: list[tuple[tuple[str, ...], int, str]] = field(default_factory=list)

    def stage(self, key: tuple[str, ...], at_ms: int, who: str) -> None:
        """Note a mark; it counts at once for this batch and for good after ``publish``."""
        self._staged.append((key, at_ms, who))

    def call(self, user: UserId, name: str) -> None:
        """Remember under which name somebody was seen last; "": none."""
        self.called[user] = name

    def publish(self) -> None:
        """Keep what was staged: the batch was committed."""
        for key, at_ms, who in self._staged:
            marks = self._marks.setdefault(key, deque(maxlen=MOST_PER_KEY))
            marks.append((at_ms, who))
            while marks and marks[0][0] < at_ms - KEEP_MS:
                marks.popleft()
        self._staged.clear()

    def discard(self) -> None:
        """Forget what was staged: the batch was rolled back."""
        self._staged.clear()

    def since(self, key: tuple[str, ...], start_ms: int) -> list[tuple[int, str]]:
        """List the marks at or after ``start_ms``, staged ones included."""
        kept = [mark for mark in self._marks.get(key, ()) if mark[0] >= start_ms]
        return kept + [(at, who) for k, at, who in self._staged if k == key and at >= start_ms]

    def is_known_since(self, key: tuple[str, ...], start_ms: int) -> bool:
        """Tell whether the window holds everything from ``start_ms`` on; after a restart it does not until warmed."""
        return self.known_since_ms.get(key, start_ms + 1) <= start_ms

    def sweep(self, now_ms: int) -> None:
        """Drop keys whose newest mark is out of reach, so that memory stays flat."""
        for key, marks in list(self._marks.items()):
            # What was missed and read later stands behind what is newer.
            if max((at_ms for at_ms, _who in marks), default=0) < now_ms - KEEP_MS:
                del self._marks[key]
