"""Half-open spans: joining, cutting out and clipping."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.model.cadence import Span


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join spans that overlap or touch; the result is in order, apart, and without empty ones."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.start_ms < span.end_ms):
        if merged and span.start_ms <= merged[-1].end_ms:
            merged[-1] = Span(merged[-1].start_ms, max(merged[-1].end_ms, span.end_ms))
        else:
            merged.append(span)
    return tuple(merged)


def clip(spans: Iterable[Span], window: Span) -> tuple[Span, ...]:
    """Keep what lies inside the window, joined."""
    return merge(both for span in spans if (both := span.common(window)) is not None)


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """Keep what no hole covers, joined."""
    left = merge(spans)
    for hole in merge(holes):
        left = merge(
            part
            for span in left
            for part in (
                Span(span.start_ms, min(span.end_ms, hole.start_ms)),
                Span(max(span.start_ms, hole.end_ms), span.end_ms),
            )
        )
    return left
