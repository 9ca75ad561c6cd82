"""A directory of documents as an author would have it: the shipped ones, to be spoiled by a test."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestrator.documents.authored import Advice, Amendment
from orchestrator.documents.load import Examination, Loaded, examine, load

SHIPPED = Path(__file__).parents[2]
TODAY = date(2026, 11, 22)
FAR = "All of these help everywhere, and none is near your people."
"""Said until a group has added help that is near its people: of the shipped files it is true."""
NOT_YET = "This version of the bot does nothing with this yet: "


@dataclass(frozen=True)
class Author:
    """Edits files and looks at what comes of it."""

    place: Path

    @property
    def config(self) -> Path:
        return self.place / "config.yaml"

    def write(self, document: str, text: str) -> None:
        file = self.place / document
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def edit(self, document: str, old: str, new: str) -> None:
        text = (self.place / document).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {document}"
        self.write(document, text.replace(old, new))

    def examine(self, *, overlay: Mapping[str, Sequence[Amendment]] | None = None, today: date = TODAY) -> Examination:
        return examine(self.config, overlay=overlay, today=today)

    def load(self, *, today: date = TODAY) -> Loaded:
        return load(self.config, today=today)

    def errors(self) -> list[str]:
        """What is wrong, with places relative to the directory."""
        return [str(error).removeprefix(f"{self.place}/") for error in self.examine().errors]

    def advice(self, *, today: date = TODAY) -> list[str]:
        """What should be thought about, with places relative to the directory, but for what does nothing yet."""
        return [str(each).removeprefix(f"{self.place}/") for each in unwise(self.examine(today=today))]

    def not_yet(self) -> list[str]:
        """What does nothing yet, with places relative to the directory."""
        found = self.examine().advice
        return [str(each).removeprefix(f"{self.place}/") for each in found if each.message.startswith(NOT_YET)]


def unwise(found: Examination) -> list[Advice]:
    """The advice that an author of shipped files could do something about."""
    return [each for each in found.advice if not each.message.startswith((NOT_YET, FAR))]


def settle(place: Path) -> Author:
    """Copy the shipped documents to an empty directory."""
    shutil.copy(SHIPPED / "config.yaml", place)
    for folder in ("room_templates", "policies"):
        shutil.copytree(SHIPPED / folder, place / folder)
    return Author(place)
