"""Small things that the store's tests write down."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.effects import Priority, Send
from orchestrator.model.events import Member, MembershipName
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, UserId

REPOSITORY = Path(__file__).parents[2]
ROOM = RoomId("!tuesday")
ANA = UserId("@ana:grove.example")
CY = UserId("@cy:grove.example")


def note(tx: Tx, value: str, kind: str = "note") -> None:
    """Write one small row."""
    tx.run(
        "insert into cursor (account, kind, value) values (:account, :kind, :value)"
        " on conflict (account, kind) do update set value = excluded.value",
        kind=kind,
        value=value,
    )


def notes(tx: Tx) -> list[str]:
    return [str(row["value"]) for row in tx.rows("select value from cursor where account = :account order by kind")]


def fill(tx: Tx, n: int = 64) -> None:
    """Write far more than a full disk takes."""
    for i in range(n):
        note(tx, "x" * 100_000, kind=f"big{i}")


def send(
    body: str = "Hello.",
    *,
    step: str = "say",
    priority: Priority = Priority.ROUTINE,
    person: UserId | None = None,
    merge: str = "",
    tag: str = "",
    expires_ms: int | None = None,
    room: RoomId = ROOM,
) -> Send:
    return Send(
        step=step,
        room=room,
        content={"msgtype": "m.notice", "body": body, "m.mentions": {}},
        priority=priority,
        person=person,
        merge=merge,
        tag=tag,
        expires_ms=expires_ms,
    )


def membership(
    kind: MembershipName,
    *,
    at_ms: int,
    before: MembershipName | None = None,
    event: str = "",
    user: UserId = CY,
) -> Member:
    return Member(
        room=ROOM,
        id=EventId(event or f"${kind}-{at_ms}"),
        sender=user,
        at_ms=at_ms,
        user=user,
        membership=kind,
        before=before,
    )


def names_in(data_dir: Path) -> list[str]:
    return sorted(path.name for path in data_dir.iterdir())


def bytes_in(data_dir: Path) -> bytes:
    """Read everything that lies in a directory."""
    return b"".join(path.read_bytes() for path in sorted(data_dir.rglob("*")) if path.is_file())
