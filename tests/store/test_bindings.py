"""Which room is which declared room, which direct room is whose; sealed boxes and learnt limits beside them."""

from __future__ import annotations

import pytest

from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, CommunityKey, RoomId, RoomKey, UserId
from orchestrator.store import Store, bindings, limits, mirror, secrets
from orchestrator.store.bindings import Binding
from orchestrator.store.limits import Limits

from .sync import rolled_back
from .words import ANA, CY, ROOM, membership

GROVE = CommunityKey("grove")
TUESDAY = RoomKey("tuesday")


def test_a_declared_room_is_found_by_key_and_by_room() -> None:
    def work(tx: Tx) -> None:
        assert bindings.bound_room(tx, GROVE, TUESDAY) is None
        assert bindings.binding_of(tx, ROOM) is None
        bindings.bind(tx, GROVE, TUESDAY, RoomId("!first"), "made")
        bindings.bind(tx, GROVE, TUESDAY, ROOM, "found")
        assert bindings.bound_room(tx, GROVE, TUESDAY) == ROOM
        assert bindings.binding_of(tx, ROOM) == Binding(GROVE, TUESDAY, ROOM)
        assert bindings.binding_of(tx, RoomId("!first")) is None
        assert bindings.bindings(tx) == [Binding(GROVE, TUESDAY, ROOM)]
        bindings.unbind(tx, GROVE, TUESDAY)
        assert bindings.bindings(tx) == []

    rolled_back(work)


def test_a_renamed_room_keeps_its_room() -> None:
    def work(tx: Tx) -> None:
        bindings.bind(tx, CommunityKey("wood"), RoomKey("tues"), ROOM, "made")
        assert bindings.rename(tx, (CommunityKey("wood"), RoomKey("tues")), (GROVE, TUESDAY))
        assert not bindings.rename(tx, (CommunityKey("wood"), RoomKey("tues")), (GROVE, TUESDAY))
        assert bindings.bindings(tx) == [Binding(GROVE, TUESDAY, ROOM)]

    rolled_back(work)


def cover(tx: Tx, community: str, key: str, start_ms: int) -> None:
    tx.run(
        'insert into cover (account, community, key, start_ms, end_ms, "user")'
        " values (:account, :community, :key, :start_ms, 9, '@ana:grove.example')",
        community=community,
        key=key,
        start_ms=start_ms,
    )


@pytest.mark.parametrize("former", [("grove", "tues"), ("wood", "tuesday"), ("wood", "tues")])
def test_what_a_craft_remembers_of_a_room_follows_its_keys(former: tuple[str, str]) -> None:
    def work(tx: Tx) -> None:
        cover(tx, *former, 1)
        cover(tx, *former, 2)
        cover(tx, "grove", "lounge", 3)
        for _ in range(2):
            bindings.move_rows(tx, "cover", (GROVE, CommunityKey("wood")), (TUESDAY, RoomKey("tues")))
            rows = tx.rows("select community, key, start_ms from cover order by start_ms")
            assert [tuple(row.values()) for row in rows] == [
                ("grove", "tuesday", 1),
                ("grove", "tuesday", 2),
                ("grove", "lounge", 3),
            ]

    rolled_back(work)


def test_nothing_is_moved_over_what_is_remembered_under_the_present_keys() -> None:
    def work(tx: Tx) -> None:
        cover(tx, "grove", "tuesday", 1)
        cover(tx, "grove", "tues", 1)
        bindings.move_rows(tx, "cover", (GROVE,), (TUESDAY, RoomKey("tues")))
        assert [row["key"] for row in tx.rows("select key from cover order by key")] == ["tues", "tuesday"]

    rolled_back(work)


def test_communities_are_those_that_somebody_is_joined_to_a_room_of() -> None:
    def work(tx: Tx) -> None:
        bindings.bind(tx, GROVE, TUESDAY, ROOM, "made")
        bindings.bind(tx, GROVE, RoomKey("lounge"), RoomId("!lounge"), "made")
        mirror.see_member(tx, membership("join", at_ms=1, user=CY))
        mirror.see_member(tx, membership("invite", at_ms=1, user=ANA))
        assert bindings.communities_of(tx, CY) == [GROVE]
        assert bindings.communities_of(tx, ANA) == []

    rolled_back(work)


def test_of_several_direct_rooms_the_newest_is_written_to_and_all_are_listened_to() -> None:
    def work(tx: Tx) -> None:
        assert bindings.direct_room(tx, CY) is None
        bindings.set_direct(tx, CY, RoomId("!one"))
        bindings.set_direct(tx, ANA, RoomId("!hers"))
        bindings.set_direct(tx, CY, RoomId("!two"))
        assert bindings.direct_room(tx, CY) == "!two"
        assert bindings.direct_user(tx, RoomId("!one")) == CY
        bindings.set_direct(tx, CY, RoomId("!one"))
        assert bindings.direct_room(tx, CY) == "!one"
        bindings.drop_direct(tx, RoomId("!one"))
        assert bindings.direct_room(tx, CY) == "!two"
        assert bindings.direct_user(tx, RoomId("!one")) is None
        assert bindings.direct_user(tx, RoomId("!hers")) == ANA

    rolled_back(work)


def test_a_sealed_box_is_kept_under_its_name() -> None:
    def work(tx: Tx) -> None:
        assert not secrets.anything_sealed(tx)
        assert secrets.secret(tx, "token") is None
        secrets.keep_secret(tx, "token", b"\x00one")
        secrets.keep_secret(tx, "token", b"\x00two")
        assert secrets.secret(tx, "token") == b"\x00two"
        assert secrets.anything_sealed(tx)
        secrets.drop_secret(tx, "token")
        assert secrets.secret(tx, "token") is None

    rolled_back(work)


def test_learnt_limits_are_kept() -> None:
    def work(tx: Tx) -> None:
        assert limits.kept_limits(tx) is None
        limits.keep_limits(tx, Limits(10, 720, 1))
        limits.keep_limits(tx, Limits(9, 700, 2))
        assert limits.kept_limits(tx) == Limits(9, 700, 2)

    rolled_back(work)


async def test_two_accounts_do_not_see_each_other(store: Store) -> None:
    def settle_in(tx: Tx) -> None:
        user = UserId(f"@someone:{tx.account}.example")
        bindings.bind(tx, GROVE, TUESDAY, RoomId(f"!{tx.account}"), "made")
        bindings.set_direct(tx, user, RoomId(f"!direct-{tx.account}"))
        mirror.see_member(tx, membership("join", at_ms=1, user=user))
        mirror.see_own_membership(tx, ROOM, "join")
        secrets.keep_secret(tx, "token", tx.account.encode())

    def look(tx: Tx) -> tuple[object, ...]:
        return (
            [binding.room for binding in bindings.bindings(tx)],
            [one.user for one in mirror.members(tx, ROOM)],
            secrets.secret(tx, "token"),
        )

    for account in ("one", "two"):
        await store.of(AccountKey(account)).run(settle_in)
    for account in ("one", "two"):
        assert await store.of(AccountKey(account)).run(look) == (
            [f"!{account}"],
            [f"@someone:{account}.example"],
            account.encode(),
        )
