"""``circlekeeper`` and ``python -m orchestrator``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from .cli import app  # noqa: PLC0415 - importing the package must cost nothing

    sys.exit(app())


if __name__ == "__main__":
    main()
