"""Wall-clock time, recurrence and spans: pure functions that are exact where clocks change.

Every function takes the zone and UTC milliseconds; none reads a clock. A wall-clock time that a jump of the clocks
leaves out happens at the first instant after the jump; one that comes twice happens the first time.
"""

from .quiet import is_quiet, quiet_span
from .recurrence import Occurrence, Turn, latest_at, next_at, occurrences, turn_at, turns
from .spans import clip, merge, subtract
from .wallclock import instant_ms, local_at

__all__ = [
    "Occurrence",
    "Turn",
    "clip",
    "instant_ms",
    "is_quiet",
    "latest_at",
    "local_at",
    "merge",
    "next_at",
    "occurrences",
    "quiet_span",
    "subtract",
    "turn_at",
    "turns",
]
