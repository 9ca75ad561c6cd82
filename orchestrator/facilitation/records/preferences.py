"""What people want of us: their clock, their language, and how long before a turn they like to hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.documents.declared import Community
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId
from orchestrator.store.rows import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What somebody said they want; None: as the community has it.

    Attributes:
        zone: an IANA name.
        language: a BCP 47 tag.
        reminders_ms: how long before a turn; empty: never.
    """

    zone: str | None = None
    language: str | None = None
    reminders_ms: tuple[int, ...] | None = None


def preference_of(tx: Tx, user: UserId) -> Preference:
    """Read what somebody wants."""
    row = tx.one('select * from preference where account = :account and "user" = :user', user=user)
    if row is None:
        return Preference()
    return Preference(
        zone=None if row["zone"] is None else text(row, "zone"),
        language=None if row["language"] is None else text(row, "language"),
        reminders_ms=None if row["reminders"] is None else tuple(int(one) for one in text(row, "reminders").split()),
    )


def put_preference(tx: Tx, user: UserId, wanted: Preference) -> None:
    """Write down what somebody wants, whatever was written before."""
    if wanted == Preference():
        drop_preference(tx, user)
        return
    tx.run(
        'insert into preference (account, "user", zone, language, reminders) values (:account, :user, :zone, :language,'
        ' :reminders) on conflict (account, "user") do update set zone = excluded.zone, language = excluded.language,'
        " reminders = excluded.reminders",
        user=user,
        zone=wanted.zone,
        language=wanted.language,
        reminders=None if wanted.reminders_ms is None else " ".join(str(lead) for lead in wanted.reminders_ms),
    )


def people_with_preferences(tx: Tx) -> list[str]:
    """List who said what they want."""
    return [text(row, "user") for row in tx.rows('select "user" from preference where account = :account')]


def drop_preference(tx: Tx, user: str) -> None:
    """Forget what somebody wants."""
    tx.run('delete from preference where account = :account and "user" = :user', user=user)


def zone_of(tx: Tx, user: UserId, community: Community) -> ZoneInfo:
    """Tell whose clock somebody lives by: their own, else the community's."""
    zone = preference_of(tx, user).zone
    if zone is not None:
        try:
            return ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # it was known when they said it
            pass
    return community.zone


def language_of(tx: Tx, user: UserId, community: Community) -> str:
    """Tell which language somebody is written to in: their own, else the community's."""
    return preference_of(tx, user).language or community.locale


def reminders_of(tx: Tx, user: UserId, otherwise_ms: Sequence[int]) -> tuple[int, ...]:
    """Tell how long before a turn somebody is reminded, the longest first."""
    wanted = preference_of(tx, user).reminders_ms
    return tuple(sorted(set(otherwise_ms if wanted is None else wanted), reverse=True))
