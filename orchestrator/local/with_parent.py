"""Run a command that ends when its parent ends, even when the parent is killed with ``kill -9``.

Run as a script, ``with_parent.py PARENT_PID COMMAND...``: it asks the kernel to kill this process when the parent goes
(Linux, ``prctl(PR_SET_PDEATHSIG)``, which survives ``exec``) and then becomes the command, under the same pid. It is a
script and not a ``preexec_fn``, because Python code between fork and exec can deadlock in a program with threads.

The kernel's "parent" is the *thread* that started the child: start children from a thread that lives as long as they
should. On other systems nothing is asked of the kernel and the command just runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process's life to its parent's, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGKILL, for it cannot be put off; Synapse's SQLite survives that as it survives a power cut.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            # The parent died before we asked, so the kernel will never tell us.
            os._exit(1)
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main()
