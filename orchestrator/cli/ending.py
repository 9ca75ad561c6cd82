"""How a verb ends: its work run, its mistakes told in one clear line, its exit code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Coroutine

from orchestrator.errors import CirclekeeperError, DocumentErrors, MatrixError


def finish(work: Coroutine[object, object, int]) -> int:
    """Run a verb; whatever a person can mend ends in one clear line and exit code 1."""
    import asyncio  # noqa: PLC0415 - the quick verbs do without

    # From here on it may take days; what was loaded until now is no garbage and need not be looked at again.
    gc.freeze()
    gc.enable()
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return 130
    except BaseExceptionGroup as group:
        ours = _first_of_ours(group)
        if ours is None:
            raise
        _say_error(ours)
        return 1
    except CirclekeeperError as error:
        _say_error(error)
        return 1


def _first_of_ours(group: BaseExceptionGroup) -> CirclekeeperError | None:
    found, rest = group.split(CirclekeeperError)
    if found is None or rest is not None:
        return None
    error: BaseException = found
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, CirclekeeperError) else None


def _say_error(error: CirclekeeperError) -> None:
    said = str(error)
    if isinstance(error, DocumentErrors) and len(error.errors) > 1:
        print(said, file=sys.stderr)
        said = summary(len(error.errors), 0)
    elif isinstance(error, MatrixError):
        said += (
            " Start again in a while; what waits is kept."
            if error.retryable
            else " Whoever runs the homeserver may know why. What waits is kept."
        )
    print(f"circlekeeper: {said}", file=sys.stderr)


def summary(errors: int, advice: int) -> str:
    """Say in one sentence how many mistakes and thoughts there are."""
    if errors:
        return f"{errors} {'thing has' if errors == 1 else 'things have'} to be mended."
    return (
        "All is well."
        if not advice
        else f"All is well; {advice} {'thing' if advice == 1 else 'things'} to think about."
    )
