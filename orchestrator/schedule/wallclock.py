"""From the clock on the wall to an instant and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def local_at(at_ms: int, zone: tzinfo) -> datetime:
    """Read the wall clock of ``zone`` at an instant, as a naive datetime."""
    return (_EPOCH + at_ms * _MS).astimezone(zone).replace(tzinfo=None, fold=0)


def instant_ms(wall: datetime, zone: tzinfo, *, last: bool = False) -> int:
    """Find the instant at which the wall clock of ``zone`` first shows ``wall`` or, if it jumps over it, more.

    Args:
        wall: a naive local datetime, not finer than a millisecond.
        zone: whose clock.
        last: where the clocks go back and ``wall`` comes twice, take the second time.
    """
    # zoneinfo answers a time that does not exist with an instant on the wrong side of the jump (PEP 495), so both
    # readings are checked by going back to the wall.
    early, late = sorted((wall.replace(tzinfo=zone, fold=fold) - _EPOCH) // _MS for fold in (0, 1))
    if early == late:
        return early  # the clock shows it once: nearly always
    shown = [at_ms for at_ms in (early, late) if local_at(at_ms, zone) == wall]
    if shown:
        return shown[-1 if last else 0]
    # It does not exist. Between the two readings the clock runs forward and jumps once, past ``wall``: find where.
    while late - early > 1:
        middle = (early + late) // 2
        if local_at(middle, zone) < wall:
            early = middle
        else:
            late = middle
    return late
