"""The last we know of a room: structure and since when people are there, never a word of theirs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.events import Member, MembershipName
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, Json, RoomId, UserId
from orchestrator.store import mirror

from .sync import rolled_back
from .words import ANA, CY, ROOM, membership

ME = UserId("@keeper:grove.example")


def state(
    tx: Tx, type_: str, content: dict[str, Json], *, key: str = "", event: str = "$1", sender: UserId = ANA
) -> bool:
    return mirror.see_state(tx, ROOM, type_, key, EventId(event), sender, content)


# -- state -------------------------------------------------------------------------------------------------------------


def test_structure_is_kept() -> None:
    def work(tx: Tx) -> None:
        assert mirror.state_of(tx, ROOM, "m.room.join_rules") is None
        assert state(tx, "m.room.join_rules", {"join_rule": "invite"})
        seen = mirror.state_of(tx, ROOM, "m.room.join_rules")
        assert seen is not None
        assert (seen.content, seen.sender, seen.event) == ({"join_rule": "invite"}, ANA, "$1")
        assert seen.digest == mirror.digest_of({"join_rule": "invite"})

    rolled_back(work)


@pytest.mark.parametrize("type_", ["m.room.name", "m.room.topic"])
def test_of_what_may_hold_words_only_a_digest_is_kept(type_: str) -> None:
    def work(tx: Tx) -> None:
        state(tx, type_, {"topic": "what we said on Tuesday"})
        seen = mirror.state_of(tx, ROOM, type_)
        assert seen is not None
        assert seen.content is None
        assert seen.digest == mirror.digest_of({"topic": "what we said on Tuesday"})
        assert "Tuesday" not in repr(tx.rows("select * from state"))

    rolled_back(work)


SECRET = "what we said on Tuesday"


@pytest.mark.parametrize(
    ("type_", "key", "content"),
    [
        ("m.room.tombstone", "", {"body": SECRET, "replacement_room": "!next"}),
        ("m.room.pinned_events", "", {"pinned": ["$one", SECRET], "note": "Tuesday"}),
        ("m.room.canonical_alias", "", {"alias": SECRET}),
        ("m.room.power_levels", "", {"users": {ANA: 50, SECRET: 1}, "events": {SECRET: 1}, "why": "Tuesday"}),
        ("m.space.child", "!room", {"via": ["grove.example", SECRET], "order": SECRET}),
        ("m.space.child", SECRET, {"via": ["grove.example"]}),
        ("m.room.topic", SECRET, {"topic": "x"}),
        (SECRET, "", {}),
        ("org.example.anything", "Tuesday", {"x": "Tuesday"}),
    ],
)
def test_what_people_write_into_state_is_not_kept(type_: str, key: str, content: dict[str, Json]) -> None:
    def work(tx: Tx) -> None:
        state(tx, type_, content, key=key)
        assert "Tuesday" not in repr(tx.rows("select * from state"))

    rolled_back(work)


def test_of_unknown_state_nothing_is_kept_so_that_a_flood_of_it_costs_nothing() -> None:
    def work(tx: Tx) -> None:
        assert not state(tx, "org.example.anything", {})
        assert not state(tx, "m.room.pinned_events", {}, key="another")
        assert tx.rows("select * from state") == []

    rolled_back(work)


def test_the_digest_is_of_all_that_stood_there() -> None:
    def work(tx: Tx) -> None:
        content: dict[str, Json] = {"via": ["grove.example"], "org.example.more": "words of somebody"}
        state(tx, "m.space.child", content, key="!room")
        seen = mirror.state_of(tx, ROOM, "m.space.child", "!room")
        assert seen is not None
        assert (seen.content, seen.digest) == ({"via": ["grove.example"]}, mirror.digest_of(content))

    rolled_back(work)


def test_an_event_is_news_once() -> None:
    def work(tx: Tx) -> None:
        assert state(tx, "m.room.topic", {"topic": "a"})
        assert not state(tx, "m.room.topic", {"topic": "a"})
        assert state(tx, "m.room.topic", {"topic": "a"}, event="$2")

    rolled_back(work)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4))
def test_equal_contents_have_equal_digests_in_whatever_order(content: dict[str, Json]) -> None:
    turned = dict(reversed(content.items()))
    assert mirror.digest_of(content) == mirror.digest_of(turned)
    assert mirror.digest_of(content) != mirror.digest_of({**content, "one more key": 1})


def test_half_a_character_can_be_kept() -> None:
    def work(tx: Tx) -> None:
        assert state(tx, "m.room.topic", {"topic": "\ud83d"})
        assert state(tx, "m.room.pinned_events", {"pinned": ["\ud83d"]})
        seen = mirror.state_of(tx, ROOM, "m.room.pinned_events")
        assert seen is not None
        assert seen.content == {"pinned": ["\ud83d"]}

    rolled_back(work)


def test_rooms_are_found_by_a_state_event_where_we_are_joined() -> None:
    def work(tx: Tx) -> None:
        for room, own in (("!here", "join"), ("!left", "leave"), ("!asked", "invite")):
            mirror.see_own_membership(tx, RoomId(room), own)
            mirror.see_state(tx, RoomId(room), "m.room.tombstone", "", EventId("$t"), ANA, {})
        assert [room for room, _ in mirror.rooms_with_state(tx, "m.room.tombstone")] == ["!here"]
        assert mirror.state_keys(tx, RoomId("!here"), "m.room.tombstone") == [""]

    rolled_back(work)


# -- encryption --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [{}, {"algorithm": "none"}, {"algorithm": "m.megolm.v1.aes-sha2"}])
def test_a_room_that_was_ever_encrypted_stays_so_whatever_its_state_says(after: dict[str, Json]) -> None:
    def work(tx: Tx) -> None:
        state(tx, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
        state(tx, "m.room.encryption", after, event="$2")
        state(tx, "m.room.create", {"room_version": "12"})
        mirror.see_own_membership(tx, ROOM, "leave")
        mirror.forget_room(tx, ROOM)
        mirror.see_own_membership(tx, ROOM, "join")
        room = mirror.room_of(tx, ROOM)
        assert room is not None
        assert room.encrypted

    rolled_back(work)


def test_encryption_under_another_key_encrypts_nothing() -> None:
    def work(tx: Tx) -> None:
        state(tx, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}, key="somewhere else")
        mirror.ensure_room(tx, ROOM)
        room = mirror.room_of(tx, ROOM)
        assert room is not None
        assert not room.encrypted

    rolled_back(work)


def test_a_room_may_be_latched_before_it_was_ever_seen() -> None:
    def work(tx: Tx) -> None:
        mirror.latch_encryption(tx, ROOM)
        state(tx, "m.room.create", {"room_version": "12"})
        room = mirror.room_of(tx, ROOM)
        assert room is not None
        assert (room.encrypted, room.version) == (True, "12")

    rolled_back(work)


# -- rooms and power ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "version", "creators"),
    [
        ({"room_version": "12", "additional_creators": [CY]}, "12", {ANA, CY}),
        ({"room_version": "12", "additional_creators": [7, None, CY]}, "12", {ANA, CY}),
        ({"room_version": "12", "additional_creators": "everybody"}, "12", {ANA}),
        ({"room_version": "11", "additional_creators": [CY]}, "11", {ANA}),
        ({"room_version": 12, "additional_creators": [CY]}, "1", {ANA}),
        ({}, "1", {ANA}),
    ],
)
def test_who_made_a_room_is_read_as_its_version_means_it(
    content: dict[str, Json], version: str, creators: set[UserId]
) -> None:
    def work(tx: Tx) -> None:
        state(tx, "m.room.create", content)
        room = mirror.room_of(tx, ROOM)
        assert room is not None
        assert (room.version, set(room.creators), room.space) == (version, creators, False)

    rolled_back(work)


def test_a_space_is_known_as_one() -> None:
    def work(tx: Tx) -> None:
        state(tx, "m.room.create", {"room_version": "12", "type": "m.space"})
        room = mirror.room_of(tx, ROOM)
        assert room is not None
        assert room.space

    rolled_back(work)


def test_power_is_read_from_what_was_seen() -> None:
    def work(tx: Tx) -> None:
        assert mirror.power_of(tx, ROOM).of(CY) == 0
        state(tx, "m.room.create", {"room_version": "12"})
        state(tx, "m.room.power_levels", {"users": {CY: 50}})
        assert mirror.power_of(tx, ROOM).of(CY) == 50
        assert mirror.power_of(tx, ROOM).of(ANA) == math.inf

    rolled_back(work)


def test_our_own_membership_and_who_invited_us_are_the_latest() -> None:
    def work(tx: Tx) -> None:
        assert mirror.room_of(tx, ROOM) is None
        mirror.see_own_membership(tx, ROOM, "invite", CY)
        invited = mirror.room_of(tx, ROOM)
        assert invited is not None
        assert (invited.membership, invited.invited_by) == ("invite", CY)
        mirror.see_own_membership(tx, ROOM, "join")
        (joined,) = mirror.rooms_joined(tx)
        assert (joined.membership, joined.invited_by) == ("join", None)

    rolled_back(work)


# -- members -----------------------------------------------------------------------------------------------------------


def since(tx: Tx) -> int | None:
    seen = mirror.member(tx, ROOM, CY)
    assert seen is not None
    assert seen.membership == "join"
    return seen.since_ms


def test_somebody_is_there_since_they_joined() -> None:
    def work(tx: Tx) -> None:
        assert mirror.member(tx, ROOM, CY) is None
        mirror.see_member(tx, membership("invite", at_ms=1))
        mirror.see_member(tx, membership("join", at_ms=2, before="invite"))
        assert since(tx) == 2

    rolled_back(work)


@pytest.mark.parametrize("before", ["join", None])
def test_a_new_name_does_not_make_somebody_new(before: MembershipName | None) -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1))
        mirror.see_member(tx, membership("join", at_ms=9, before=before, event="$renamed"))
        assert since(tx) == 1

    rolled_back(work)


def test_a_new_name_of_somebody_we_never_saw_join_says_nothing_about_when() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=9, before="join"))
        assert since(tx) is None

    rolled_back(work)


def test_who_was_there_before_us_stays_of_unknown_age() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1), known_join=False)
        assert since(tx) is None
        mirror.see_member(tx, membership("join", at_ms=9, before="join", event="$renamed"))
        assert since(tx) is None
        mirror.see_member(tx, membership("join", at_ms=9, event="$again"))
        assert since(tx) is None

    rolled_back(work)


@pytest.mark.parametrize("away", ["leave", "ban", "knock", "invite"])
def test_who_comes_back_is_new_again(away: MembershipName) -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1))
        mirror.see_member(tx, membership(away, at_ms=5, before="join"))
        mirror.see_member(tx, membership("join", at_ms=9, before=away))
        assert since(tx) == 9

    rolled_back(work)


def test_who_left_and_came_back_while_we_were_away_is_new_again() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1))
        mirror.see_member(tx, membership("join", at_ms=9, before="leave", event="$back"))
        assert since(tx) == 9

    rolled_back(work)


def test_a_join_that_is_shown_again_as_old_state_tells_its_time_all_the_same() -> None:
    def work(tx: Tx) -> None:
        joined = membership("join", at_ms=2, before="invite")
        mirror.see_member(tx, joined)
        mirror.see_member(tx, joined, known_join=False)
        assert since(tx) == 2

    rolled_back(work)


def test_old_state_that_says_what_it_replaced_tells_when_somebody_joined() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=2, before="invite"), known_join=False)
        assert since(tx) == 2

    rolled_back(work)


def test_company_is_anybody_who_is_joined_and_not_the_bot_itself() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1, user=ME))
        mirror.see_member(tx, membership("invite", at_ms=1, user=CY))
        assert not mirror.anyone_beside(tx, ROOM, ME)
        mirror.see_member(tx, membership("join", at_ms=2, user=CY))
        assert mirror.anyone_beside(tx, ROOM, ME)
        assert not mirror.anyone_beside(tx, RoomId("!lounge"), ME)

    rolled_back(work)


def test_who_is_there_is_listed_by_membership() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1, user=CY))
        mirror.see_member(tx, membership("join", at_ms=1, user=ANA))
        mirror.see_member(tx, membership("ban", at_ms=1, user=ME))
        assert [one.user for one in mirror.members(tx, ROOM)] == [ANA, CY]
        assert [one.user for one in mirror.members(tx, ROOM, "ban")] == [ME]
        assert mirror.shares_room(tx, CY, frozenset({ROOM}))
        assert not mirror.shares_room(tx, CY, frozenset({RoomId("!lounge")}))
        assert not mirror.shares_room(tx, ME, frozenset({ROOM}))

    rolled_back(work)


def test_of_a_room_we_left_nobody_is_remembered() -> None:
    def work(tx: Tx) -> None:
        state(tx, "m.room.create", {"room_version": "12"})
        mirror.see_member(tx, membership("join", at_ms=1))
        mirror.see_member(
            tx, Member(room=RoomId("!lounge"), id=EventId("$l"), sender=CY, at_ms=1, user=CY, membership="join")
        )
        mirror.forget_room(tx, ROOM)
        assert mirror.members(tx, ROOM) == []
        assert mirror.state_of(tx, ROOM, "m.room.create") is None
        assert [one.user for one in mirror.members(tx, RoomId("!lounge"))] == [CY]

    rolled_back(work)


def test_who_just_reads_is_known_once_the_rooms_list_was_read() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=5))
        reader = UserId("@reader:grove.example")
        mirror.see_members(tx, ROOM, [CY, reader], mirror.roll(tx, ROOM))
        assert [known.user for known in mirror.members(tx, ROOM)] == sorted([CY, reader])
        known = mirror.member(tx, ROOM, CY)
        assert known is not None
        assert known.since_ms == 5
        mirror.see_members(tx, ROOM, [reader], mirror.roll(tx, ROOM))
        assert [known.user for known in mirror.members(tx, ROOM)] == [reader]

    rolled_back(work)


def test_who_came_or_left_while_the_list_was_read_is_as_they_were_heard() -> None:
    def work(tx: Tx) -> None:
        mirror.see_member(tx, membership("join", at_ms=1, user=ANA))
        before = mirror.roll(tx, ROOM)
        listed = [ANA]
        mirror.see_member(tx, membership("join", at_ms=2, event="$came"))
        mirror.see_member(tx, membership("leave", at_ms=3, user=ANA, event="$left"))
        mirror.see_members(tx, ROOM, listed, before)
        assert [known.user for known in mirror.members(tx, ROOM)] == [CY]

    rolled_back(work)
