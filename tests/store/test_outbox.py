"""Effects are recorded once, wait in order, and are handed over once; then nothing of them is left but a line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.effects import (
    Amend,
    AnyEffect,
    CreateRoom,
    FindDevices,
    Outcome,
    Priority,
    Redact,
    SendDirect,
    SetMembership,
)
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, Cause, CommunityKey, EventId, RoomId, RoomKey, cause_of
from orchestrator.store import AccountStore, Store, claims, outbox
from orchestrator.store.ready import LONGEST_RETRY_MS, REMOVALS_SHOWN, anything_waits, next_retry_ms, ready

from .sync import rolled_back
from .words import ANA, CY, ROOM, send


async def test_an_effect_is_recorded_as_it_was_asked_for(keeper: AccountStore) -> None:
    effect = replace(send("Hello.", person=CY, tag="tag", merge="m", expires_ms=99, priority=Priority.REPLY), rule="r")
    cause = await keeper.run(outbox.record, "$asked", "culture", effect, 5)
    assert cause == cause_of(AccountKey("keeper"), "$asked", "culture", "say")
    (row,) = await keeper.run(outbox.waiting)
    assert row == await keeper.run(outbox.get, row.cause)
    assert (row.cause, row.craft, row.step, row.tag, row.rule, row.kind) == (
        cause,
        "culture",
        "say",
        "tag",
        "r",
        "send",
    )
    assert (row.room, row.person, row.priority, row.expires_ms) == (ROOM, CY, Priority.REPLY, 99)
    assert (row.created_ms, row.tried_ms, row.device, row.retry_ms, row.tries) == (5, None, None, 0, 0)
    assert row.payload == {"type": "m.room.message", "content": effect.content}


@pytest.mark.parametrize(
    ("effect", "kind", "room", "target"),
    [
        (SendDirect(step="s", user=CY, content={"body": "b"}), "direct", None, CY),
        (Redact(step="s", room=ROOM, target=EventId("$bad"), reason="off topic"), "redact", ROOM, "$bad"),
        (SetMembership(step="s", room=ROOM, user=CY, membership="ban"), "member", ROOM, CY),
        (CreateRoom(step="s", locator="l", body={"name": "n"}, user=CY), "create", None, CY),
        (
            CreateRoom(step="s", locator="l", body={}, community=CommunityKey("grove"), key=RoomKey("lounge")),
            "create",
            None,
            "grove/lounge",
        ),
        (FindDevices(step="s", user=CY), "devices", None, CY),
        (
            Amend(step="s", document="policies/p.yaml", path=("rules", "r"), value="x", by=ANA),
            "amend",
            None,
            "policies/p.yaml",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_each_kind_of_effect_has_its_row(
    keeper: AccountStore, effect: AnyEffect, kind: str, room: RoomId | None, target: str
) -> None:
    await keeper.run(outbox.record, "$asked", "rooms", effect, 1)
    (row,) = await keeper.run(outbox.waiting)
    assert (row.kind, row.room, row.target) == (kind, room, target)
    assert bool(row.payload) is (kind != "devices")


# -- once --------------------------------------------------------------------------------------------------------------


async def test_a_cause_that_waits_is_not_recorded_again(keeper: AccountStore) -> None:
    assert await keeper.run(outbox.record, "$asked", "culture", send("first"), 1)
    assert await keeper.run(outbox.record, "$asked", "culture", send("second"), 2) is None
    (row,) = await keeper.run(outbox.waiting)
    assert row.created_ms == 1


@pytest.mark.parametrize("outcome", ["done", "expired", "refused", "undone"])
async def test_a_cause_that_was_done_is_not_recorded_again(keeper: AccountStore, outcome: Outcome) -> None:
    cause = await keeper.run(outbox.record, "$asked", "culture", send(), 1)
    assert cause is not None
    await keeper.run(outbox.finish, cause, outcome, 2)
    assert await keeper.run(outbox.record, "$asked", "culture", send(), 3) is None
    assert await keeper.run(outbox.waiting) == []


async def test_another_origin_craft_step_or_account_is_another_cause(store: Store, keeper: AccountStore) -> None:
    await keeper.run(outbox.record, "$asked", "culture", send(), 1)
    assert await keeper.run(outbox.record, "$other", "culture", send(), 1)
    assert await keeper.run(outbox.record, "$asked", "prompts", send(), 1)
    assert await keeper.run(outbox.record, "$asked", "culture", send(step="more"), 1)
    second = store.of(AccountKey("second"))
    assert await second.run(outbox.record, "$asked", "culture", send(), 1)
    assert (len(await keeper.run(outbox.waiting)), len(await second.run(outbox.waiting))) == (4, 1)


async def test_a_result_is_handed_over_once(keeper: AccountStore) -> None:
    cause = await keeper.run(outbox.record, "$asked", "culture", send(tag="t"), 1)
    assert cause is not None
    result = await keeper.run(lambda tx: outbox.finish(tx, cause, "done", 2, event=EventId("$said")))
    assert result is not None
    assert (result.craft, result.step, result.tag, result.outcome) == ("culture", "say", "t", "done")
    assert (result.room, result.event, result.cause) == (ROOM, "$said", cause)
    assert await keeper.run(lambda tx: outbox.finish(tx, cause, "done", 3, event=EventId("$echo"))) is None
    line = await keeper.run(outbox.journal_of, cause)
    assert line is not None
    assert (line["outcome"], line["event"], line["at_ms"]) == ("done", "$said", 2)


async def test_an_unknown_cause_has_no_result(keeper: AccountStore) -> None:
    assert await keeper.run(outbox.finish, Cause("nobody"), "done", 1) is None
    assert await keeper.run(outbox.journal_of, Cause("nobody")) is None


async def test_the_journal_says_what_was_done_and_never_what_was_said(keeper: AccountStore) -> None:
    effect = replace(send("the words"), rule="links")
    cause = await keeper.run(outbox.record, "$asked", "culture", effect, 1)
    assert cause is not None
    await keeper.run(outbox.finish, cause, "done", 2)
    rows = await keeper.run(lambda tx: tx.rows("select * from journal"))
    assert "the words" not in repr(rows)
    assert [(row["kind"], row["rule"], row["room"]) for row in rows] == [("send", "links", ROOM)]


async def test_a_direct_message_is_journalled_with_the_room_it_went_to(keeper: AccountStore) -> None:
    effect = SendDirect(step="why", user=CY, content={"body": "because"})
    cause = await keeper.run(outbox.record, "$asked", "culture", effect, 1)
    assert cause is not None
    await keeper.run(outbox.note_try, cause, "DEVICE", 1, RoomId("!direct"))
    result = await keeper.run(outbox.finish, cause, "done", 2)
    assert result is not None
    assert result.room == "!direct"


# -- order -------------------------------------------------------------------------------------------------------------


def steps(tx: Tx, now_ms: int = 0) -> list[str]:
    return [row.step for row in ready(tx, now_ms)]


def in_room(n: int, *, step: str, priority: Priority = Priority.ROUTINE, expires_ms: int | None = None) -> AnyEffect:
    return send(step=step, priority=priority, expires_ms=expires_ms, room=RoomId(f"!room{n}"))


@given(st.lists(st.sampled_from(Priority), max_size=12))
def test_the_most_urgent_goes_first_and_among_equals_the_oldest(priorities: list[Priority]) -> None:
    def work(tx: Tx) -> None:
        for n, priority in enumerate(priorities):
            outbox.record(tx, f"${n}", "culture", in_room(n, step=str(n), priority=priority), n)
        order = sorted(range(len(priorities)), key=lambda n: (priorities[n], n))
        assert [int(row.step) for row in outbox.waiting(tx)] == order
        assert [int(step) for step in steps(tx)] == order

    rolled_back(work)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Priority)), max_size=20))
def test_of_what_is_said_in_a_room_the_most_urgent_comes_up_and_hides_no_other_room(
    wanted: list[tuple[int, Priority]],
) -> None:
    def work(tx: Tx) -> None:
        for n, (room, priority) in enumerate(wanted):
            outbox.record(tx, f"${n}", "culture", in_room(room, step=str(n), priority=priority), n)
        first = {room: min((p, n) for n, (r, p) in enumerate(wanted) if r == room) for room, _ in wanted}
        assert [int(step) for step in steps(tx)] == [n for _priority, n in sorted(first.values())]

    rolled_back(work)


def test_a_room_that_is_flooded_hides_nothing_of_what_waits_behind_it() -> None:
    def work(tx: Tx) -> None:
        for n in range(300):
            outbox.record(tx, f"${n}", "culture", in_room(1, step=f"said {n}", priority=Priority.REPLY), n)
            removal = Redact(
                step=f"removal {n}", priority=Priority.SAFETY, room=RoomId("!room1"), target=EventId("$bad")
            )
            outbox.record(tx, f"${n}", "culture", removal, n)
        amend = Amend(step="switch", document="policies/p.yaml", path=("rules",), value="observe", by=ANA)
        outbox.record(tx, "$lead", "culture", amend, 500)
        outbox.record(tx, "$hand", "culture", in_room(2, step="raised hand", priority=Priority.SAFETY), 500)
        outbox.record(tx, "$asked", "prompts", in_room(3, step="question"), 500)
        found = steps(tx)
        assert found[0] == "raised hand"
        assert found[1:-3] == [f"removal {n}" for n in range(REMOVALS_SHOWN)]
        assert found[-3:] == ["said 0", "switch", "question"]

    rolled_back(work)


def test_memberships_of_one_person_in_one_room_keep_their_order_even_when_the_first_has_to_wait() -> None:
    def work(tx: Tx) -> None:
        for n, kind in enumerate(("invite", "leave")):
            effect = SetMembership(step=kind, room=ROOM, user=CY, membership=kind, priority=Priority(2 * (1 - n)))  # type: ignore[arg-type]
            cause = outbox.record(tx, f"${n}", "rooms", effect, n)
            assert cause is not None
            if kind == "invite":
                outbox.note_failure(tx, cause, 1_000, failed=True)
        other = SetMembership(step="other", room=ROOM, user=ANA, membership="invite")
        outbox.record(tx, "$2", "rooms", other, 2)
        assert steps(tx) == ["other"]
        assert steps(tx, 1_000) == ["invite", "other"]

    rolled_back(work)


def test_amendments_keep_their_order_so_that_the_last_word_stays_the_last() -> None:
    def work(tx: Tx) -> None:
        for mode in ("enforce", "observe"):
            amend = Amend(step=mode, document="policies/p.yaml", path=("rules",), value=mode, by=ANA)
            cause = outbox.record(tx, mode, "culture", amend, 1)
            assert cause is not None
            if mode == "enforce":
                outbox.note_failure(tx, cause, 1_000, failed=True)
        assert steps(tx) == []
        assert steps(tx, 1_000) == ["enforce"]

    rolled_back(work)


def test_what_cannot_be_said_just_now_does_not_keep_a_room_from_hearing_the_rest() -> None:
    def work(tx: Tx) -> None:
        cause = outbox.record(tx, "$1", "culture", in_room(1, step="poison"), 1)
        assert cause is not None
        outbox.note_failure(tx, cause, 1_000, failed=True)
        outbox.record(tx, "$2", "culture", in_room(1, step="next"), 2)
        assert steps(tx) == ["next"]

    rolled_back(work)


def test_a_private_word_waits_while_its_room_is_being_made() -> None:
    def work(tx: Tx) -> None:
        outbox.record(tx, "$1", "culture", SendDirect(step="why", user=CY, content={}, expires_ms=50), 1)
        outbox.record(tx, "$1", "culture", SendDirect(step="other", user=ANA, content={}), 1)
        room = outbox.record(tx, "$2", "rooms", CreateRoom(step="room", locator="l", body={}, user=CY), 1)
        assert room is not None
        assert steps(tx) == ["other", "room"]
        assert steps(tx, 50) == ["why", "other", "room"]  # to be written down as expired
        outbox.finish(tx, room, "done", 2)
        assert steps(tx) == ["why", "other"]

    rolled_back(work)


def test_what_has_expired_comes_up_whatever_stands_before_it() -> None:
    def work(tx: Tx) -> None:
        outbox.record(tx, "$1", "culture", in_room(1, step="first"), 1)
        cause = outbox.record(tx, "$2", "culture", in_room(1, step="late", expires_ms=50), 1)
        assert cause is not None
        outbox.note_failure(tx, cause, 10_000, failed=True)
        assert steps(tx, 49) == ["first"]
        assert steps(tx, 50) == ["first", "late"]

    rolled_back(work)


def test_what_expired_after_it_was_tried_waits_for_its_next_look_at_the_server() -> None:
    def work(tx: Tx) -> None:
        cause = outbox.record(tx, "$1", "culture", in_room(1, step="late", expires_ms=50), 1)
        assert cause is not None
        assert outbox.note_try(tx, cause, "KEEPER", 10)
        outbox.note_failure(tx, cause, 10_000, failed=True)
        outbox.record(tx, "$2", "culture", in_room(1, step="next"), 1)
        assert steps(tx, 60) == ["next"]
        assert sorted(steps(tx, 10_000)) == ["late", "next"]

    rolled_back(work)


def test_a_clock_that_is_set_back_does_not_put_anything_off_for_days() -> None:
    def work(tx: Tx) -> None:
        cause = outbox.record(tx, "$1", "culture", send(), 1)
        assert cause is not None
        outbox.note_failure(tx, cause, 1_000 + LONGEST_RETRY_MS, failed=True)
        assert steps(tx, 1_000) == []
        assert steps(tx, 999) == ["say"]

    rolled_back(work)


async def test_what_failed_waits_until_its_time(keeper: AccountStore) -> None:
    def work(tx: Tx) -> None:
        cause = outbox.record(tx, "$asked", "culture", send(), 1)
        assert cause is not None
        outbox.note_failure(tx, cause, 1_000, failed=True)
        assert ready(tx, 999) == []
        assert next_retry_ms(tx, 999) == 1_000
        (row,) = ready(tx, 1_000)
        assert row.tries == 1
        assert next_retry_ms(tx, 1_000) is None
        outbox.note_failure(tx, cause, 2_000, failed=False)
        (row,) = ready(tx, 2_000)
        assert row.tries == 1

    await keeper.run(work)


async def test_the_first_try_and_its_device_are_remembered(keeper: AccountStore) -> None:
    cause = await keeper.run(outbox.record, "$asked", "culture", send(), 1)
    assert cause is not None
    assert await keeper.run(outbox.note_try, cause, "FIRST", 10)
    assert await keeper.run(outbox.note_try, cause, "SECOND", 20)
    row = await keeper.run(outbox.get, cause)
    assert row is not None
    assert (row.tried_ms, row.device) == (10, "FIRST")
    await keeper.run(outbox.finish, cause, "done", 30)
    assert not await keeper.run(outbox.note_try, cause, "FIRST", 40)


# -- merging -----------------------------------------------------------------------------------------------------------


async def test_a_newer_word_takes_the_place_of_one_that_was_not_tried(keeper: AccountStore) -> None:
    await keeper.run(outbox.record, "$1", "culture", send("old", merge="why:cy"), 1)
    await keeper.run(outbox.record, "$2", "culture", send("new", merge="why:cy"), 2)
    (row,) = await keeper.run(outbox.waiting)
    assert row.payload["content"] == send("new").content
    assert await keeper.run(outbox.merging, "culture", "why:cy") == row


async def test_what_was_tried_may_have_been_read_and_stays(keeper: AccountStore) -> None:
    cause = await keeper.run(outbox.record, "$1", "culture", send("old", merge="why:cy"), 1)
    assert cause is not None
    await keeper.run(outbox.note_try, cause, "DEVICE", 1)
    await keeper.run(outbox.record, "$2", "culture", send("new", merge="why:cy"), 2)
    assert [row.created_ms for row in await keeper.run(outbox.waiting)] == [1, 2]
    newest = await keeper.run(outbox.merging, "culture", "why:cy")
    assert newest is not None
    assert newest.created_ms == 2


async def test_merging_is_by_key_and_craft(keeper: AccountStore) -> None:
    await keeper.run(outbox.record, "$1", "culture", send(merge="why:cy"), 1)
    await keeper.run(outbox.record, "$2", "culture", send(merge="why:dee"), 1)
    await keeper.run(outbox.record, "$3", "prompts", send(merge="why:cy"), 1)
    await keeper.run(outbox.record, "$4", "culture", send(), 1)
    await keeper.run(outbox.record, "$5", "culture", send(), 1)
    assert len(await keeper.run(outbox.waiting)) == 5
    assert await keeper.run(outbox.merging, "culture", "why:eve") is None


async def test_what_was_replaced_never_happened_and_may_be_wanted_again(keeper: AccountStore) -> None:
    await keeper.run(outbox.record, "$1", "culture", send("one", merge="m"), 1)
    await keeper.run(outbox.record, "$2", "culture", send("two", merge="m"), 2)
    assert await keeper.run(outbox.record, "$1", "culture", send("one", merge="m"), 3)
    (row,) = await keeper.run(outbox.waiting)
    assert row.payload["content"] == send("one").content


# -- fairness ----------------------------------------------------------------------------------------------------------


async def test_one_persons_flood_fills_only_their_own_budget(keeper: AccountStore) -> None:
    def flood(tx: Tx) -> list[bool]:
        return [
            outbox.record(tx, f"${n}", "engine", send(priority=Priority.REPLY, person=CY), n) is not None
            for n in range(8)
        ]

    assert await keeper.run(flood) == [True] * outbox.REPLIES_PER_PERSON + [False] * 3
    assert await keeper.run(outbox.record, "$ana", "engine", send(priority=Priority.REPLY, person=ANA), 9)
    assert await keeper.run(outbox.record, "$rule", "culture", send(priority=Priority.SAFETY, person=CY), 9)
    assert await keeper.run(outbox.record, "$said", "culture", send(priority=Priority.REPLY), 9)


async def test_a_reply_too_many_is_written_down_as_expired_and_is_not_wanted_later(keeper: AccountStore) -> None:
    def flood(tx: Tx, now_ms: int) -> list[Cause | None]:
        replies = [send(priority=Priority.REPLY, person=CY, expires_ms=100) for _ in range(6)]
        return [outbox.record(tx, f"${n}", "engine", reply, now_ms) for n, reply in enumerate(replies)]

    *_kept, dropped = await keeper.run(flood, 1)
    assert dropped is None
    line = await keeper.run(outbox.journal_of, cause_of(AccountKey("keeper"), "$5", "engine", "say"))
    assert line is not None
    assert line["outcome"] == "expired"
    assert await keeper.run(flood, 99) == [None] * 6


async def test_a_reply_that_merges_is_never_one_too_many_and_takes_no_place(keeper: AccountStore) -> None:
    merging = send(step="raised", priority=Priority.REPLY, person=CY, merge="raise:cy")
    plain = send(priority=Priority.REPLY, person=CY)
    assert await keeper.run(outbox.record, "$raise", "culture", merging, 1)
    for n in range(outbox.REPLIES_PER_PERSON):
        assert await keeper.run(outbox.record, f"${n}", "engine", plain, 1)
    assert await keeper.run(outbox.record, "$again", "culture", merging, 1)
    assert len(await keeper.run(outbox.waiting)) == outbox.REPLIES_PER_PERSON + 1


async def test_replies_that_have_expired_take_nobodys_place(keeper: AccountStore) -> None:
    for n in range(outbox.REPLIES_PER_PERSON):
        stale = send(priority=Priority.REPLY, person=CY, expires_ms=100)
        await keeper.run(outbox.record, f"${n}", "engine", stale, 1)
    assert await keeper.run(outbox.record, "$new", "engine", send(priority=Priority.REPLY, person=CY), 100)


async def test_an_answered_reply_gives_its_place_back(keeper: AccountStore) -> None:
    causes = [
        await keeper.run(outbox.record, f"${n}", "engine", send(priority=Priority.REPLY, person=CY), n)
        for n in range(outbox.REPLIES_PER_PERSON)
    ]
    assert causes[0] is not None
    await keeper.run(outbox.finish, causes[0], "done", 9)
    assert await keeper.run(outbox.record, "$more", "engine", send(priority=Priority.REPLY, person=CY), 9)


async def test_something_waits_while_there_is_an_effect_or_a_state_event(keeper: AccountStore) -> None:
    assert not await keeper.run(anything_waits)
    cause = await keeper.run(outbox.record, "$asked", "culture", send(), 1)
    assert cause is not None
    assert await keeper.run(anything_waits)
    await keeper.run(outbox.finish, cause, "done", 2)
    assert not await keeper.run(anything_waits)
    await keeper.run(claims.mark_unsettled, ROOM, "m.room.topic", "", 3)
    assert await keeper.run(anything_waits)


def test_a_waiting_row_does_not_show_what_will_be_said() -> None:
    def work(tx: Tx) -> None:
        outbox.record(tx, "$asked", "culture", send("the words"), 1)
        assert "the words" not in repr(outbox.waiting(tx))

    rolled_back(work)
