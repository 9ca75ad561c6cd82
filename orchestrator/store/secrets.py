"""What is secret: boxes sealed with a key that is not here. This module never sees what is inside."""

from __future__ import annotations

from orchestrator.model.feature import Tx


def keep_secret(tx: Tx, name: str, box: bytes) -> None:
    """Keep a sealed box under a name; one that was there is replaced."""
    tx.run(
        "insert into sealed (account, name, box) values (:account, :name, :box)"
        " on conflict (account, name) do update set box = excluded.box",
        name=name,
        box=box,
    )


def secret(tx: Tx, name: str) -> bytes | None:
    """Fetch a sealed box, None when there is none."""
    row = tx.one("select box from sealed where account = :account and name = :name", name=name)
    if row is None:
        return None
    box = row["box"]
    if not isinstance(box, bytes):
        raise TypeError("box is not bytes")
    return box


def drop_secret(tx: Tx, name: str) -> None:
    """Forget a sealed box."""
    tx.run("delete from sealed where account = :account and name = :name", name=name)


def anything_sealed(tx: Tx) -> bool:
    """Tell whether any account has a box here, so that a lost key is not quietly replaced by a new one."""
    return tx.one("select 1 from sealed limit 1") is not None
