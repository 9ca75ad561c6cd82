from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# How fast a machine is, and how busy, says nothing about whether a property holds.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In CI the same examples each time: when it turns red, something has changed. Everywhere else new ones are looked for.
settings.register_profile("repeating", settings.get_profile("unhurried"), derandomize=True, database=None)
settings.load_profile("repeating" if os.environ.get("CI") else "unhurried")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep those that share homeservers together when tests are spread over processes (``--dist loadgroup``).

    Those that kill bots wait much and those with real homeservers work much, so each go well beside the other.
    """
    for item in items:
        for name in ("crash", "real"):
            if item.get_closest_marker(name) is not None:
                item.add_marker(pytest.mark.xdist_group(name))
                break
