from __future__ import annotations

from pathlib import Path

import pytest

from .authors import Author, settle


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return settle(tmp_path)
