"""When people cannot: bare spans, and never why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from orchestrator.model.cadence import EVER, Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, UserId
from orchestrator.schedule import merge, subtract
from orchestrator.store.rows import number, text


def away_of(tx: Tx, community: CommunityKey, user: UserId) -> tuple[Span, ...]:
    """List when somebody is away, in order and apart."""
    return everybody_away(tx, community, user=user).get(user, ())


def everybody_away(
    tx: Tx, community: CommunityKey, around: Span = EVER, *, user: UserId | None = None
) -> dict[UserId, tuple[Span, ...]]:
    """List who is away when, in spans that share time with ``around`` (by default all)."""
    rows = tx.rows(
        'select "user", start_ms, end_ms from away where account = :account and community = :community'
        ' and end_ms > :from_ms and start_ms < :until_ms and (:user is null or "user" = :user)'
        ' order by "user", start_ms',
        community=community,
        from_ms=around.start_ms,
        until_ms=around.end_ms,
        user=user,
    )
    found: defaultdict[UserId, list[Span]] = defaultdict(list)
    for row in rows:
        found[UserId(text(row, "user"))].append(Span(number(row, "start_ms"), number(row, "end_ms")))
    return {person: merge(spans) for person, spans in found.items()}


def add_away(tx: Tx, community: CommunityKey, user: UserId, span: Span) -> None:
    """Write down that somebody is away; what overlaps or touches becomes one."""
    _write(tx, community, user, merge([*away_of(tx, community, user), span]))


def cut_away(tx: Tx, community: CommunityKey, user: UserId, span: Span) -> None:
    """Write down that somebody is not away in a span, whatever was written before."""
    _write(tx, community, user, subtract(away_of(tx, community, user), [span]))


def follow(tx: Tx, former: CommunityKey, community: CommunityKey) -> None:
    """Let what was said of a community be of the one that it is now."""
    tx.run(
        "update or ignore away set community = :community where account = :account and community = :former",
        community=community,
        former=former,
    )


def tidy_away(tx: Tx, before_ms: int) -> None:
    """Forget when people were away before an instant."""
    tx.run("delete from away where account = :account and end_ms < :before_ms", before_ms=before_ms)


def _write(tx: Tx, community: CommunityKey, user: UserId, spans: Iterable[Span]) -> None:
    tx.run(
        'delete from away where account = :account and community = :community and "user" = :user',
        community=community,
        user=user,
    )
    for span in spans:
        tx.run(
            'insert into away (account, community, "user", start_ms, end_ms)'
            " values (:account, :community, :user, :start_ms, :end_ms)",
            community=community,
            user=user,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
        )
