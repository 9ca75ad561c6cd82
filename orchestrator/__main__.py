"""``circlekeeper`` and ``python -m orchestrator``."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line.

    What modules make while they load stays for good. To look through it for garbage, again and again and once more at the
    end, is a seventh of the time of a quick verb; verbs that stay for longer begin to collect when they have loaded.
    """
    gc.disable()
    try:
        from .cli import app  # noqa: PLC0415 - importing the package must cost nothing

        sys.exit(app())
    finally:
        if not gc.isenabled():
            gc.freeze()


if __name__ == "__main__":
    main()
