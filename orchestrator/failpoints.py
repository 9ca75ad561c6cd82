"""Named places where a test may kill the process, to prove that nothing is lost or doubled.

``CIRCLEKEEPER_FAILPOINT=name`` (or ``name:n`` for the n-th time it is passed) kills the process with SIGKILL there.
Without the variable, passing a failpoint costs one comparison.
"""

from __future__ import annotations

import os
import signal
from typing import Final

NAMES: Final = (
    "sync.received",
    "engine.before_commit",
    "engine.after_commit",
    "timers.before_commit",
    "timers.after_commit",
    "gap.before_page_commit",
    "gap.after_page_commit",
    "gap.before_close",
    "delivery.claimed",
    "delivery.before_send",
    "delivery.after_send",
    "delivery.before_confirm",
    "delivery.after_confirm",
    "echo.before_confirm",
    "echo.after_confirm",
    "create.before_send",
    "create.after_send",
    "create.before_confirm",
    "state.before_send",
    "state.after_send",
    "state.before_confirm",
    "member.before_send",
    "member.after_send",
    "overlay.before_write",
    "overlay.after_write",
)

_wanted, _, _nth = os.environ.get("CIRCLEKEEPER_FAILPOINT", "").partition(":")
_left = int(_nth or "1")


def pass_by(name: str) -> None:
    """Die here if a test asked for it."""
    global _left  # noqa: PLW0603 - a process has one life; so has this counter
    if name == _wanted:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
