from __future__ import annotations

from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, RoomId
from orchestrator.model.things import ALIAS, LISTED
from orchestrator.store import AccountStore, Store, claims, limits, uploads
from orchestrator.store.claims import Claim
from orchestrator.store.limits import Limits

from .words import ROOM


async def test_a_place_is_kept_free_and_then_filled_and_known_from_both_sides(keeper: AccountStore) -> None:
    def story(tx: Tx) -> None:
        assert uploads.upload(tx, "aa") is None
        uploads.keep_upload(tx, "aa", "mxc://grove.example/1", whole=False)
        assert uploads.upload(tx, "aa") == uploads.Upload("aa", "mxc://grove.example/1", whole=False)
        assert uploads.upload_at(tx, "mxc://grove.example/1") is None, "nobody can have seen it there yet"
        uploads.keep_upload(tx, "aa", "mxc://grove.example/1", whole=True)
        assert uploads.upload_at(tx, "mxc://grove.example/1") == uploads.upload(tx, "aa")
        uploads.drop_upload(tx, "aa")
        assert uploads.upload(tx, "aa") is None

    await keeper.run(story)


async def test_one_accounts_uploads_are_not_anothers(store: Store, keeper: AccountStore) -> None:
    await keeper.run(uploads.keep_upload, "aa", "mxc://grove.example/1", whole=True)
    assert await store.of(AccountKey("other")).run(uploads.upload, "aa") is None


async def test_a_pace_is_kept_by_its_name_and_forgotten_alone(keeper: AccountStore) -> None:
    def story(tx: Tx) -> None:
        limits.keep_pace(tx, "create", Limits(10, 58, 1))
        limits.keep_pace(tx, "create", Limits(9, 50, 2))
        limits.keep_pace(tx, "free message", Limits(0, 0, 3))
        limits.drop_pace(tx, "free message")
        assert limits.kept_pace(tx, "create") == Limits(9, 50, 2)
        assert limits.kept_pace(tx, "free message") is None

    await keeper.run(story)


async def test_what_is_no_event_is_looked_at_again_and_what_waits_keeps_its_place(keeper: AccountStore) -> None:
    def story(tx: Tx) -> None:
        other = RoomId("!other")
        for room, type_, key in (
            (ROOM, LISTED, ""),
            (other, ALIAS, "a"),
            (ROOM, ALIAS, "b"),
            (ROOM, "m.room.name", ""),
        ):
            claims.put_claim(tx, Claim(room=room, type=type_, key=key, owner="template", value={}), 1)
        for item in claims.unsettled(tx):
            if item.key != "b":
                claims.settled(tx, item)
        before = claims.unsettled(tx)
        claims.mark_unheard(tx, 2)
        marked = {(item.room, item.type, item.key): item for item in claims.unsettled(tx)}
        assert marked.keys() == {(ROOM, LISTED, ""), (other, ALIAS, "a"), (ROOM, ALIAS, "b")}
        assert marked[ROOM, ALIAS, "b"] == before[0]
        assert claims.is_unsettled(tx, ROOM, LISTED, "")
        assert not claims.is_unsettled(tx, ROOM, "m.room.name", "")

    await keeper.run(story)
