"""A clock that runs ahead, and the bot as a process with one: ``python -m tests.real.ahead run -c CONFIG``.

By how much it does there, in milliseconds, the environment says (``AHEAD``). Nothing else differs from the real command.
"""

from __future__ import annotations

import os
from typing import Final

from orchestrator import app
from orchestrator.__main__ import main
from orchestrator.model.clock import SystemClock
from tests.real.bot import BotProcess

AHEAD: Final = "CIRCLEKEEPER_TESTS_AHEAD_MS"


class Ahead(SystemClock):
    """The machine's clock, which a test may turn on."""

    def __init__(self, ahead_ms: int = 0) -> None:
        self.ahead_ms = ahead_ms

    def now_ms(self) -> int:
        """Tell the time it shows."""
        return super().now_ms() + self.ahead_ms


def _ahead_as_told() -> Ahead:
    return Ahead(int(os.environ[AHEAD]))


class BotAhead(BotProcess):
    """A bot whose clock a test may turn on between two starts."""

    module = "tests.real.ahead"
    ahead_ms = 0

    def environ(self) -> dict[str, str]:
        """What it is told beside its documents."""
        return {**super().environ(), AHEAD: str(self.ahead_ms)}

    async def cut_off(self, ahead_ms: int = 0) -> None:
        """Kill it, and start it again so much later."""
        await self.kill()
        self.ahead_ms += ahead_ms
        await self.start()


if __name__ == "__main__":
    setattr(app, "SystemClock", _ahead_as_told)  # noqa: B010 - it is for the app to make its own clock
    main()
