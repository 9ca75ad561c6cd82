"""Which files were uploaded, and where they went."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.feature import Tx

from .rows import number, text


@dataclass(frozen=True, slots=True)
class Upload:
    """A file's place at the homeserver. ``whole`` is False while it is only kept free for it."""

    sha256: str
    mxc: str
    whole: bool


def keep_upload(tx: Tx, sha256: str, mxc: str, *, whole: bool) -> None:
    """Note where a file goes, or that it is there."""
    tx.run(
        "insert into uploaded (account, sha256, mxc, whole) values (:account, :sha256, :mxc, :whole)"
        " on conflict (account, sha256) do update set mxc = excluded.mxc, whole = excluded.whole",
        sha256=sha256,
        mxc=mxc,
        whole=int(whole),
    )


def upload(tx: Tx, sha256: str) -> Upload | None:
    """Tell where a file is or goes; None while it goes nowhere."""
    row = tx.one("select mxc, whole from uploaded where account = :account and sha256 = :sha256", sha256=sha256)
    return None if row is None else Upload(sha256, text(row, "mxc"), number(row, "whole") == 1)


def upload_at(tx: Tx, mxc: str) -> Upload | None:
    """Tell which file of ours is at a place; None when none is, or not yet."""
    row = tx.one("select sha256 from uploaded where account = :account and mxc = :mxc and whole = 1", mxc=mxc)
    return None if row is None else Upload(text(row, "sha256"), mxc, whole=True)


def drop_upload(tx: Tx, sha256: str) -> None:
    """Forget where a file was to go."""
    tx.run("delete from uploaded where account = :account and sha256 = :sha256", sha256=sha256)
