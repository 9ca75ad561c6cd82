"""Everybody who is in a room can read what is pinned there, soon and quietly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Policy
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.effects import Priority
from orchestrator.model.events import Message, Redaction, Unreadable
from orchestrator.model.ids import EventId, Json, RoomId, UserId
from orchestrator.rooms.state.compose import ComposeContext, compose
from orchestrator.store import claims, outbox
from orchestrator.store.claims import Claim
from orchestrator.store.outbox import Waiting
from tests.culture.conftest import a_grove, rule
from tests.declared import CY, DEE, EVE, ME, SUMMARY
from tests.house import CIRCLE, House, body_of, content_of, house_of

TEXT = "Speak for yourself. What is said here stays here."
LOUNGE = RoomId("!lounge")
QUIET = RoomId("!quiet")


def with_text(
    documents: Documents, text: str, digest: str, *, summary: str = SUMMARY, version: int = 1, changes: str = ""
) -> Documents:
    def changed(policy: Policy | None) -> Policy | None:
        if policy is None:
            return None
        return replace(
            policy,
            norms=replace(policy.norms, text=text, digest=digest, summary=summary, version=version, changes=changes),
        )

    (community,) = documents.communities
    rooms = tuple(replace(room, policy=changed(room.policy)) for room in community.rooms)
    return Documents(communities=(replace(community, rooms=rooms),))


def without_norms(documents: Documents) -> Documents:
    (community,) = documents.communities
    rooms = tuple(replace(room, policy=None) for room in community.rooms)
    return Documents(communities=(replace(community, rooms=rooms),))


async def pinned(house: House, live: tuple[str, ...] = (), room: RoomId = CIRCLE) -> list[Json]:
    """Tell what would be pinned, given what is."""
    wanted = await house.store.run(claims.claims_on, room, "m.room.pinned_events", "", house.clock.at_ms)
    content: Mapping[str, Json] = {"pinned": list(live)}
    merged = compose(
        "m.room.pinned_events", content, wanted, ComposeContext(room_version="11", creators=frozenset(), me=ME)
    )
    pins = (merged or {}).get("pinned")
    return list(pins) if isinstance(pins, list) else []


async def posts(house: House, room: RoomId = CIRCLE) -> list[Waiting]:
    return [row for row in await house.waiting("send") if row.room == room and row.craft == "culture"]


def said(row: Waiting) -> str:
    """Tell what a post says, or what the post that it mends says from then on."""
    content = content_of(row)
    new = content.get("m.new_content")
    return str((new if isinstance(new, Mapping) else content)["body"])


async def post_of(house: House, room: RoomId = CIRCLE) -> EventId:
    """Deliver the norms that wait for a room, and give the event that they became."""
    assert len(await posts(house, room)) == 1
    await house.deliver("send")
    (row,) = await house.rows(f"select event from norms where room = '{room}'")
    return EventId(str(row["event"]))


async def test_the_norms_are_posted_and_pinned_in_every_room_that_has_some(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open()
        rows = await house.waiting("send")
        assert sorted(str(row.room) for row in rows) == [LOUNGE, CIRCLE]
        assert {body_of(row) for row in rows} == {TEXT}
        assert {row.priority for row in rows} == {Priority.STRUCTURE}
        assert {str(content_of(row)["msgtype"]) for row in rows} == {"m.text"}
        assert [content_of(row)["m.mentions"] for row in rows] == [{}, {}]
        event = await post_of(house)
        assert await pinned(house, ("$theirs",)) == [event, "$theirs"]
        assert await pinned(house, room=QUIET) == []


async def test_norms_that_name_the_room_wait_until_its_new_name_was_applied(house: House) -> None:
    (row,) = await house.rows(f"select event from norms where room = '{CIRCLE}'")
    name = Claim(room=CIRCLE, type="m.room.name", path=("name",), owner="template", value="Tuesday circle")
    await house.store.run(claims.put_claim, name, house.clock.at_ms)
    (community,) = house.documents.communities
    renamed = tuple(replace(room, name="Evening circle") for room in community.rooms)
    house.use(
        with_text(Documents(communities=(replace(community, rooms=renamed),)), "How we are in Evening circle.", "2")
    )
    await house.engine.settle()
    assert await posts(house) == []
    assert await pinned(house) == [row["event"]]
    await house.store.run(claims.put_claim, replace(name, value="Evening circle"), house.clock.at_ms)
    await house.engine.settle()
    assert [said(row) for row in await posts(house)] == ["How we are in Evening circle."]


def ours(house: House, event: str, body: str) -> Message:
    return replace(house.message(CIRCLE, ME, body), id=EventId(event))


async def test_norms_that_were_pinned_before_our_memory_was_lost_are_known_again(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open(how="found", pins=["$old", "$norms", "$theirs"])
        assert await posts(house) == []
        await house.engine.recall(CIRCLE, [ours(house, "$old", "What helps?"), ours(house, "$norms", TEXT)])
        assert await posts(house) == []
        # What else of ours is pinned is nobody's any more; what people pinned is theirs.
        assert await pinned(house, ("$old", "$norms", "$theirs")) == ["$norms", "$theirs"]
        await house.wait(DAY_MS)
        assert await posts(house) == []


async def test_norms_that_cannot_be_read_after_our_memory_was_lost_are_posted_anew_and_take_their_place(
    tmp_path: Path,
) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open(how="found", pins=["$norms", "$theirs"], encrypted=True)
        sealed = Unreadable(room=CIRCLE, id=EventId("$norms"), sender=ME, at_ms=house.clock.at_ms, session="s")
        await house.engine.recall(CIRCLE, [sealed])
        anew = await post_of(house)
        assert await pinned(house, ("$norms", "$theirs")) == [anew, "$theirs"]


async def test_norms_nobody_could_look_up_are_posted_all_the_same_a_little_later(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open(how="found", pins=["$theirs"])
        assert await posts(house) == []
        await house.wait(MINUTE_MS)
        assert len(await posts(house)) == 1


async def test_the_topic_has_the_summary(house: House) -> None:
    wanted = await house.store.run(claims.claims_on, CIRCLE, "m.room.topic", "", house.clock.at_ms)
    assert [(claim.path, claim.value) for claim in wanted] == [(("parts", "norms"), SUMMARY)]


async def test_settling_again_changes_nothing(house: House) -> None:
    marked = await house.rows("select * from unsettled")
    await house.engine.settle()
    await house.engine.settle()
    assert await posts(house) == []
    assert await house.rows("select * from unsettled") == marked


async def test_settling_while_the_post_waits_does_not_post_twice(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open()
        await house.try_all()
        await house.engine.settle()
        await house.join(CY, CIRCLE)
        await house.wait(10 * MINUTE_MS)
        await house.engine.settle()
        assert len(await posts(house)) == 1


async def test_a_new_text_that_a_timer_posts_first_is_not_posted_again_by_settling(house: House) -> None:
    await house.join(CY, CIRCLE)
    house.use(with_text(house.documents, "Another.", "norms-2"))
    await house.wait(5 * SECOND_MS)
    assert [body_of(row) for row in await posts(house)] == ["Another."]
    await house.try_all()
    await house.engine.settle()
    assert len(await posts(house)) == 1


async def test_the_first_who_join_soon_have_a_copy_they_can_read(house: House) -> None:
    first = (await house.rows(f"select event from norms where room = '{CIRCLE}'"))[0]["event"]
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    second = await post_of(house)
    assert await pinned(house, (str(first), "$theirs")) == [second, "$theirs"]


async def test_those_who_come_together_share_one_copy(house: House) -> None:
    for n in range(5):
        await house.join(UserId(f"@m{n}:grove.example"), CIRCLE)
        await house.wait(4 * SECOND_MS)
    assert await posts(house) == []
    await house.wait(SECOND_MS)
    assert len(await posts(house)) == 1


async def test_a_stream_of_newcomers_does_not_put_off_the_first_copy_for_long(house: House) -> None:
    for n in range(20):
        await house.join(UserId(f"@m{n}:grove.example"), CIRCLE)
        await house.wait(4 * SECOND_MS)
    assert len(await posts(house)) >= 1


async def test_later_copies_come_at_most_once_a_day(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    await post_of(house)
    for n in range(20):
        await house.join(UserId(f"@m{n}:grove.example"), CIRCLE)
        await house.wait(HOUR_MS)
    assert await posts(house) == []
    await house.wait(4 * HOUR_MS)
    await post_of(house)
    await house.wait(10 * DAY_MS)
    assert await posts(house) == []


async def test_after_a_quiet_day_a_newcomer_waits_a_minute(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    await post_of(house)
    await house.wait(2 * DAY_MS)
    await house.join(DEE, CIRCLE)
    await house.wait(59 * SECOND_MS)
    assert await posts(house) == []
    await house.wait(SECOND_MS)
    assert len(await posts(house)) == 1


async def test_where_the_past_is_open_nobody_needs_a_copy(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(history="shared")) as house:
        await house.open(history="shared")
        await house.deliver()
        await house.join(CY, CIRCLE)
        await house.wait(2 * DAY_MS)
        assert await posts(house) == []


async def test_an_encrypted_past_is_never_open(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(history="shared", encryption=True)) as house:
        await house.open(history="shared", encrypted=True)
        await house.deliver()
        await house.join(CY, CIRCLE)
        await house.wait(MINUTE_MS)
        assert len(await posts(house)) == 1


async def test_somebody_who_only_changes_their_name_is_no_newcomer(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    await post_of(house)
    await house.wait(2 * DAY_MS)
    await house.hear(replace(house.member(CIRCLE, CY), before="join"))
    await house.wait(DAY_MS)
    assert await posts(house) == []


async def test_nobody_being_there_any_more_needs_no_copy(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.hear(house.member(CIRCLE, CY, "leave"))
    await house.wait(DAY_MS)
    assert await posts(house) == []


async def test_a_new_text_is_posted_at_once_and_the_pin_moves(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    old = await post_of(house)
    house.use(with_text(house.documents, "Speak for yourself.", "norms-2", summary="Be yourself.", version=2))
    await house.engine.settle()
    assert [body_of(row) for row in await posts(house)] == ["Speak for yourself."]
    new = await post_of(house)
    assert await pinned(house, (old, "$theirs")) == [new, "$theirs"]
    topic = await house.store.run(claims.claims_on, CIRCLE, "m.room.topic", "", house.clock.at_ms)
    assert [claim.value for claim in topic] == ["Be yourself."]


async def test_a_text_that_comes_back_is_posted_again(house: House) -> None:
    first = house.documents
    house.use(with_text(first, "Another.", "norms-2"))
    await house.engine.settle()
    await house.deliver()
    house.use(first)
    await house.engine.settle()
    assert [said(row) for row in await posts(house)] == [TEXT]


async def test_a_change_of_words_is_made_in_the_post_that_is_pinned(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    event = await post_of(house)
    house.use(with_text(house.documents, "Speak for yourself, gently.", "norms-2"))
    await house.engine.settle()
    (row,) = await posts(house)
    assert said(row) == "Speak for yourself, gently."
    assert content_of(row)["m.relates_to"] == {"rel_type": "m.replace", "event_id": event}
    assert content_of(row)["m.mentions"] == {}
    await house.deliver("send")
    await house.engine.settle()
    assert await posts(house) == []
    assert await pinned(house) == [event]


async def test_after_somebody_came_who_cannot_open_the_post_new_words_are_posted_anew(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    old = await post_of(house)
    await house.join(DEE, CIRCLE)
    house.use(with_text(house.documents, "Speak for yourself, gently.", "norms-2"))
    await house.engine.settle()
    (row,) = await posts(house)
    assert "m.relates_to" not in content_of(row)
    new = await post_of(house)
    assert await pinned(house, (old,)) == [new]


async def test_what_cannot_be_mended_in_place_is_posted_anew(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    old = await post_of(house)
    house.use(with_text(house.documents, "Speak for yourself, gently.", "norms-2"))
    await house.engine.settle()
    (mend,) = await posts(house)
    await house.store.run(outbox.note_try, mend.cause, "DEVICE", house.clock.at_ms)
    await house.engine.confirm(mend.cause, "refused", event=None, room=mend.room, errcode="M_FORBIDDEN")
    (row,) = await posts(house)
    assert "m.relates_to" not in content_of(row)
    new = await post_of(house)
    assert new != old
    assert await pinned(house, (old,)) == [new]


async def test_something_new_that_was_agreed_on_is_posted_anew_and_told_once(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    await house.deliver("send")
    house.use(with_text(house.documents, "No screenshots.", "norms-2", version=2, changes="Please no screenshots."))
    await house.engine.settle()
    anew, told = [row for row in await house.deliver("send") if row.room == CIRCLE]
    assert "m.relates_to" not in content_of(anew)
    assert body_of(anew) == "No screenshots."
    assert body_of(told) == (
        "Something new in what we hold to here. The whole text is pinned.\n\nPlease no screenshots."
    )
    assert content_of(told)["m.mentions"] == {}
    await house.engine.settle()
    await house.wait(2 * DAY_MS)
    assert await posts(house) == []


async def test_nobody_is_told_of_changes_who_was_never_told_the_old(house: House) -> None:
    house.use(with_text(house.documents, "No screenshots.", "norms-2", version=2, changes="Please no screenshots."))
    await house.engine.settle()
    assert [body_of(row) for row in await house.deliver("send") if row.room == CIRCLE] == ["No screenshots."]


async def test_a_text_that_changes_while_the_old_one_is_on_its_way_wins_in_the_end(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open()
        first = house.documents
        house.use(with_text(first, "Another.", "norms-2"))
        await house.engine.settle()
        house.use(first)  # and back, while the other waits
        await house.deliver("send")
        (row,) = await house.rows(f"select digest from norms where room = '{CIRCLE}'")
        assert row["digest"] == "norms-1"
        assert await posts(house) == []


async def test_norms_that_are_withdrawn_are_unpinned_and_come_back_when_wanted(house: House) -> None:
    (row,) = await house.rows(f"select event from norms where room = '{CIRCLE}'")
    event, first = str(row["event"]), house.documents
    house.use(without_norms(first))
    await house.engine.settle()
    assert await pinned(house, (event, "$theirs")) == ["$theirs"]
    house.use(first)
    await house.engine.settle()
    assert await pinned(house, ("$theirs",)) == [event, "$theirs"]
    assert await posts(house) == []


async def test_a_refused_post_is_tried_again_within_the_hour(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove()) as house:
        await house.open()
        await house.deliver(outcome="refused")
        await house.engine.settle()
        assert await posts(house) == []
        await house.wait(HOUR_MS)
        assert len(await posts(house)) == 1


async def test_norms_that_somebody_removes_come_back_but_nobody_quarrels(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    event = await post_of(house)
    removed = Redaction(room=CIRCLE, id=house.next_id(), sender=CY, at_ms=house.clock.at_ms, target=event)
    await house.hear(removed)
    await house.engine.settle()
    await house.wait(23 * HOUR_MS)
    assert await posts(house) == []
    await house.wait(HOUR_MS)
    assert len(await posts(house)) == 1


async def test_somebody_from_elsewhere_counts_like_anybody(house: House) -> None:
    await house.join(EVE, CIRCLE, LOUNGE, QUIET)
    await house.wait(5 * SECOND_MS)
    assert sorted(str(row.room) for row in await house.waiting("send") if row.craft == "culture") == [LOUNGE, CIRCLE]


async def test_a_crash_between_post_and_confirmation_leaves_one_post(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.wait(5 * SECOND_MS)
    before = await posts(house)
    house.use(a_grove(rule()))  # started again
    await house.engine.settle()
    await house.wait(DAY_MS)
    assert [row.cause for row in await posts(house)] == [row.cause for row in before]
