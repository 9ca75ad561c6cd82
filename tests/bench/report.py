"""The figures for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.bench.figures import Comparison, Figures
from tests.bench.machine import Machine

HEADINGS = ("", "median", "95th percentile", "by the server's clock", "processor s per 1,000", "memory")


def as_json(machine: Machine, comparisons: Sequence[Comparison]) -> str:
    """Write everything, each single time among it."""
    return json.dumps({"machine": asdict(machine), "comparisons": [_fields(one) for one in comparisons]}, indent=1)


def as_markdown(machine: Machine, comparisons: Sequence[Comparison]) -> str:
    """Write what is worth reading."""
    lines = [
        "# Circlekeeper, measured",
        "",
        f"{machine.cores} cores, {machine.processor}, {machine.system}, Python {machine.python},",
        f"SQLite {machine.sqlite}, Synapse {machine.synapse}; the load before it began was {machine.load}.",
        "Each pair was measured in turns within one run; absolute figures are this machine's, ratios travel better.",
    ]
    for one in comparisons:
        rows = [_row(one.ours), _row(one.bare)]
        shown = [n for n in range(len(HEADINGS)) if any(row[n] for row in rows)]
        lines += ["", f"## {one.title}", "", _line([HEADINGS[n] for n in shown]), _line(["---"] * len(shown))]
        lines += [_line([row[n] for n in shown]) for row in rows]
        lines += ["", _verdict(one)]
    return "\n".join(lines)


def _verdict(one: Comparison) -> str:
    said = f"Ratio of the medians over {len(one.ours.times_ms)} each: **{one.ratio:.2f}**"
    if one.goal is not None:
        said += f" (goal: at most {one.goal})"
    if one.stamped_ratio is not None:
        said += f"; between the two events' timestamps alone: {one.stamped_ratio:.2f}"
    return said + "."


def _row(figures: Figures) -> list[str]:
    return [
        figures.name,
        _took(figures.median_ms),
        _took(figures.p95_ms),
        "" if figures.stamped_median_ms is None else f"{figures.stamped_median_ms:.0f} ms",
        "" if figures.processor_s_per_1000 is None else f"{figures.processor_s_per_1000:.1f}",
        "" if figures.memory_mb is None else f"{figures.memory_mb:.0f} MB",
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _fields(one: Comparison) -> dict[str, Any]:
    return {
        "title": one.title,
        "goal": one.goal,
        "ratio": one.ratio,
        "stamped_ratio": one.stamped_ratio,
        "ours": _figures(one.ours),
        "bare": _figures(one.bare),
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        **asdict(figures),
        "median_ms": figures.median_ms,
        "p95_ms": figures.p95_ms,
        "stamped_median_ms": figures.stamped_median_ms,
        "processor_s_per_1000": figures.processor_s_per_1000,
    }


def _took(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms" if milliseconds >= 1 else f"{milliseconds * 1000:.1f} µs"
