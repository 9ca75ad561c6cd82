"""What came of it, in a form for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tally:
    """One kind of effect: how many there should be, and what is wrong.

    Attributes:
        lost: what should be there and is not.
        doubled: what is there more than once, or without anybody having asked for it.
    """

    kind: str
    expected: int
    lost: Sequence[str] = ()
    doubled: Sequence[str] = ()


@dataclass(slots=True)
class Report:
    """All tallies of a run, and facts about it by name."""

    tallies: list[Tally] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def expected(self) -> int:
        """How many effects there should be."""
        return sum(tally.expected for tally in self.tallies)

    @property
    def lost(self) -> list[str]:
        """What should be there and is not."""
        return [f"{tally.kind}: {one}" for tally in self.tallies for one in tally.lost]

    @property
    def doubled(self) -> list[str]:
        """What is there too often."""
        return [f"{tally.kind}: {one}" for tally in self.tallies for one in tally.doubled]

    def table(self) -> str:
        """Draw it."""
        head = ("effect", "expected", "lost", "doubled")
        rows = [(t.kind, str(t.expected), str(len(t.lost)), str(len(t.doubled))) for t in self.tallies]
        total = ("all", str(self.expected), str(len(self.lost)), str(len(self.doubled)))
        facts = [(name, f"{fact}", "", "") for name, fact in self.facts.items()]
        widths = [max(len(row[column]) for row in (head, *rows, total, *facts)) for column in range(4)]
        lines = [_line(head, widths), *(_line(row, widths) for row in (*rows, total)), ""]
        lines += [f"{name:<{widths[0]}}  {fact}" for name, fact, *_rest in facts]
        lines += ["", *(f"LOST     {one}" for one in self.lost), *(f"DOUBLED  {one}" for one in self.doubled)]
        return "\n".join(lines).rstrip()

    def json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "expected": self.expected,
            "lost": self.lost,
            "doubled": self.doubled,
            "effects": {
                t.kind: {"expected": t.expected, "lost": len(t.lost), "doubled": len(t.doubled)} for t in self.tallies
            },
            **self.facts,
        }


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    first, *rest = (
        f"{cell:<{width}}" if n == 0 else f"{cell:>{width}}"
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest))
