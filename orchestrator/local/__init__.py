"""A private homeserver on loopback, for trying Circlekeeper out and for its tests.

Synapse runs only as a child process: nothing here imports it.
"""

from orchestrator.local.homeserver import Federation, LocalHomeserver
from orchestrator.local.limits import Limits

__all__ = ["Federation", "Limits", "LocalHomeserver"]
