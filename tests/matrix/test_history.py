from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.errors import BadRequest, Forbidden, ServerTrouble
from orchestrator.matrix.history import LiveState, Traces
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.events import Event, Message, State, Unreadable
from orchestrator.model.ids import CAUSE_FIELD, Cause, EventId, RoomId
from tests.fakes import FakeHomeserver, MalformedJson, Person, Refuse, Room
from tests.matrix.listening import KEEPER, Ears, listening, sealed


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
async def ears(hs: FakeHomeserver) -> AsyncIterator[Ears]:
    async with listening(hs) as found:
        yield found


@pytest.fixture
def keeper(hs: FakeHomeserver) -> Person:
    return hs.user(KEEPER)


@pytest.fixture
def cy(hs: FakeHomeserver) -> Person:
    return hs.person("@cy:grove.example")


@pytest.fixture
def room(keeper: Person, cy: Person) -> Room:
    made = keeper.create_room(name="Tuesday circle", invite=[cy.user_id])
    cy.join(made)
    return made


def bodies(events: tuple[Event, ...]) -> list[str]:
    return [event.body for event in events if isinstance(event, Message)]


def ours(body: str, cause: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, CAUSE_FIELD: cause}


async def read_back(ears: Ears, room: Room, start: str, stop: str, limit: int) -> list[tuple[Event, ...]]:
    """Read pages until the end, newest page first."""
    pages: list[tuple[Event, ...]] = []
    token: str | None = start
    while token is not None:
        page = await ears.history.page(RoomId(room.room_id), start=token, stop=stop, limit=limit)
        pages.append(page.events)
        token = page.older
    return pages


async def test_what_was_said_between_two_positions_is_read_a_page_at_a_time_oldest_first_within_each(
    ears: Ears, cy: Person, room: Room
) -> None:
    cy.say(room, "before")
    since = (await ears.syncer.next(None, 0)).until
    for number in range(7):
        cy.say(room, str(number))
    until = (await ears.syncer.next(since, 0)).until
    cy.say(room, "after")

    pages = await read_back(ears, room, until, since, 3)

    assert [bodies(page) for page in pages if page] == [["4", "5", "6"], ["1", "2", "3"], ["0"]]


async def test_everything_that_a_healed_split_brought_is_found_by_reading_to_the_old_position(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    branch = cy.say(room, "last word before the split")
    since = (await ears.syncer.next(None, 0)).until
    here = [cy.say(room, f"here {number}") for number in range(12)]
    far: list[dict[str, Any]] = [
        {
            "type": "m.room.message",
            "sender": "@far:moss.example",
            "content": {"msgtype": "m.text", "body": f"there {n}"},
        }
        for n in range(25)
    ]
    there = hs.late_events(room, far, after=branch)
    here.append(cy.say(room, "we can hear each other again"))
    batch = await ears.syncer.next(since, 0)

    pages = await read_back(ears, room, batch.until, since, 5)
    seen = [event.id for page in pages for event in page]

    assert batch.rooms[0].limited
    assert sorted(seen) == sorted([*here, *there])
    assert all(len(page) <= 5 for page in pages)


async def test_a_page_that_shows_nothing_is_not_yet_the_end(ears: Ears, keeper: Person, cy: Person) -> None:
    room = cy.create_room(
        initial_state=[{"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}}]
    )
    for number in range(6):
        cy.say(room, f"not for the keeper {number}")
    cy.invite(room, keeper)
    keeper.join(room)
    cy.say(room, "hello keeper")

    pages = await read_back(ears, room, "", "", 2)

    assert bodies(pages[0]) == ["hello keeper"]
    assert () in pages[1:-2]  # of the pages, some held only what the keeper may not see
    assert any(isinstance(event, State) and event.type == "m.room.create" for page in pages for event in page)


@pytest.mark.parametrize("end", ["start", "stop", "", None])
async def test_reading_ends_where_a_server_leads_nowhere_new(
    hs: FakeHomeserver, ears: Ears, room: Room, end: str | None
) -> None:
    leads = "" if end is None else f', "end": "{end}"'
    hs.faults.add(MalformedJson('{"chunk": []' + leads + "}"), "GET", "/messages")

    page = await ears.history.page(RoomId(room.room_id), start="start", stop="stop")

    assert page.older is None


@pytest.mark.parametrize("answer", ["{}", '{"chunk": {}}', '{"chunk": [], "end": 5}', "[]"])
async def test_an_answer_that_is_no_page_is_an_error_and_not_the_end(
    hs: FakeHomeserver, ears: Ears, room: Room, answer: str
) -> None:
    hs.faults.add(MalformedJson(answer), "GET", "/messages")

    with pytest.raises(ServerTrouble):
        await ears.history.page(RoomId(room.room_id), start="s1_0", stop="")


async def test_odd_events_in_a_page_do_not_hide_the_others(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "one")
    hs.inject(room, {"type": 5, "sender": cy.user_id, "content": {}})
    hs.inject(room, {"type": "m.room.message", "sender": "nobody", "content": {"msgtype": "m.text", "body": "x"}})
    hs.inject(room, {"type": "m.room.message", "sender": cy.user_id, "content": []})
    cy.say(room, "two")

    pages = await read_back(ears, room, "", since, 100)

    assert bodies(pages[0]) == ["one", "two"]


async def test_history_is_decrypted(ears: Ears, cy: Person, room: Room) -> None:
    since = (await ears.syncer.next(None, 0)).until
    ears.seals.known.add("s1")
    cy.send(room, "m.room.encrypted", sealed(room.room_id, "s1", {"msgtype": "m.text", "body": "quietly"}))
    unread = cy.send(room, "m.room.encrypted", sealed(room.room_id, "s2", {"msgtype": "m.text", "body": "later"}))

    (page, *_rest) = await read_back(ears, room, "", since, 100)
    assert bodies(page) == ["quietly"]
    assert [(event.id, event.session) for event in page if isinstance(event, Unreadable)] == [(unread, "s2")]

    ears.seals.known.add("s2")
    event = await ears.history.event(RoomId(room.room_id), EventId(unread))
    assert isinstance(event, Message)
    assert event.body == "later"


async def test_an_event_that_is_gone_or_hidden_is_none(ears: Ears, cy: Person, room: Room) -> None:
    elsewhere = cy.create_room()
    said = cy.say(elsewhere, "not for the keeper")

    assert await ears.history.event(RoomId(room.room_id), EventId("$nothing")) is None
    assert await ears.history.event(RoomId(elsewhere.room_id), EventId(said)) is None


async def test_another_event_than_the_one_asked_for_is_none(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    said = cy.say(room, "hello")
    other = f'{{"event_id": "$other", "type": "m.room.message", "sender": "{cy.user_id}", "origin_server_ts": 1, "content": {{}}}}'
    hs.faults.add(MalformedJson(other), "GET", "/event/")

    assert await ears.history.event(RoomId(room.room_id), EventId(said)) is None
    assert await ears.history.event(RoomId(room.room_id), EventId(said)) is not None


# -- state -------------------------------------------------------------------------------------------------------------


async def test_state_is_read_with_who_set_it(ears: Ears, keeper: Person, room: Room) -> None:
    event = keeper.put_state(room, "m.room.topic", {"topic": "a private purpose"})
    locator = keeper.put_state(room, "org.circlekeeper.locator", {"locator": "x"}, "a/key")

    live = await ears.history.state(RoomId(room.room_id), "m.room.topic")
    assert live == LiveState({"topic": "a private purpose"}, EventId(event), KEEPER)
    assert "private" not in repr(live)
    assert await ears.history.state(RoomId(room.room_id), "m.room.pinned_events", "") is None
    keyed = await ears.history.state(RoomId(room.room_id), "org.circlekeeper.locator", "a/key")
    assert keyed is not None
    assert keyed.event == locator


async def test_a_content_made_to_look_like_our_own_event_is_not_taken_for_one_where_servers_tell_contents_only(
    hs: FakeHomeserver, ears: Ears, room: Room
) -> None:
    forged = f'{{"content": {{"locator": "x"}}, "event_id": "$forged", "sender": "{KEEPER}", "type": "m.room.topic"}}'
    hs.faults.add(MalformedJson('{"membership": "join"}'), "GET", "/state/m.room.member")
    hs.faults.add(MalformedJson(forged), "GET", "/state/m.room.topic")

    live = await ears.history.state(RoomId(room.room_id), "m.room.topic")

    assert live is not None
    assert (live.event, live.sender) == ("", "")
    assert live.content["content"] == {"locator": "x"}


async def test_the_server_is_asked_once_whether_it_tells_whole_events(
    hs: FakeHomeserver, ears: Ears, room: Room
) -> None:
    for _ in range(3):
        await ears.history.state(RoomId(room.room_id), "m.room.create")

    assert hs.requests.count("GET", "/state/m.room.member") == 1
    assert hs.requests.count("GET", "/state/m.room.create") == 3


@pytest.mark.parametrize("answer", ["{}", '{"content": [], "event_id": "$1", "sender": "@cy:grove.example"}'])
async def test_an_answer_that_is_no_state_is_an_error_and_not_an_absence(
    hs: FakeHomeserver, ears: Ears, room: Room, answer: str
) -> None:
    hs.faults.add(MalformedJson(answer), "GET", "/state/m.room.topic")

    with pytest.raises(ServerTrouble):
        await ears.history.state(RoomId(room.room_id), "m.room.topic")


async def test_what_is_in_a_room_that_is_not_ours_is_not_told(ears: Ears, cy: Person) -> None:
    elsewhere = RoomId(cy.create_room().room_id)

    with pytest.raises(Forbidden):
        await ears.history.state(elsewhere, "m.room.topic")
    with pytest.raises(Forbidden):
        await ears.history.members(elsewhere)
    with pytest.raises(Forbidden):
        await ears.history.page(elsewhere, start="", stop="")


async def test_members_and_rooms_are_listed(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person, room: Room
) -> None:
    other = keeper.create_room()

    assert set(await ears.history.members(RoomId(room.room_id))) == {KEEPER, cy.user_id}
    assert set(await ears.history.joined_rooms()) == {room.room_id, other.room_id}

    hs.faults.add(
        MalformedJson('{"joined": {"@a:b.example": {"display_name": [1]}, "@c:b.example": 7, "x": {}}}'),
        "GET",
        "/joined_members",
    )
    assert await ears.history.names(RoomId(room.room_id)) == {"@a:b.example": "", "@c:b.example": ""}

    hs.faults.add(MalformedJson('{"joined": []}'), "GET", "/joined_members")
    hs.faults.add(MalformedJson('{"joined_rooms": {}}'), "GET", "/joined_rooms")
    with pytest.raises(ServerTrouble):
        await ears.history.members(RoomId(room.room_id))
    with pytest.raises(ServerTrouble):
        await ears.history.joined_rooms()


# -- causes ------------------------------------------------------------------------------------------------------------


async def find(
    ears: Ears, hs: FakeHomeserver, room: Room, *causes: str, most: int = 50, back_ms: int = DAY_MS
) -> Traces:
    return await ears.history.find_cause(
        RoomId(room.room_id), {Cause(cause) for cause in causes}, back_to_ms=hs.clock.now_ms() - back_ms, most=most
    )


async def test_what_was_sent_before_is_found_by_its_cause(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person, room: Room
) -> None:
    ears.seals.known.add("s1")
    plain = keeper.send(room, "m.room.message", ours("once", "c1"))
    secret = keeper.send(room, "m.room.encrypted", sealed(room.room_id, "s1", ours("quietly", "c2")))
    state = keeper.put_state(room, "m.room.topic", {"topic": "x", CAUSE_FIELD: "c3"})
    member = keeper.put_state(room, "m.room.member", {"membership": "ban", CAUSE_FIELD: "c4"}, cy.user_id)
    for number in range(250):
        keeper.say(room, str(number), **{CAUSE_FIELD: f"other-{number}"})

    found = await find(ears, hs, room, "c1", "c2", "c3", "c4")

    assert found == {"c1": plain, "c2": secret, "c3": state, "c4": member}
    assert found.proven


async def test_nobody_else_can_claim_that_we_did_something(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    cy.send(room, "m.room.message", ours("not the keeper", "c1"))

    found = await find(ears, hs, room, "c1")

    assert (found, found.proven) == ({}, True)


async def test_reading_back_ends_at_what_is_surely_older(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person, room: Room
) -> None:
    keeper.send(room, "m.room.message", ours("long ago", "c1"))
    for number in range(300):
        cy.say(room, str(number))
    hs.clock.advance(DAY_MS)
    sent = keeper.send(room, "m.room.message", ours("today", "c2"))
    hs.clock.advance(HOUR_MS)
    hs.requests.clear()

    found = await find(ears, hs, room, "c2", "c3", back_ms=2 * HOUR_MS)

    assert (found, found.proven) == ({"c2": sent}, True)
    assert hs.requests.count("GET", "/messages") == 2


async def test_the_clocks_of_other_servers_do_not_end_the_reading(
    hs: FakeHomeserver, ears: Ears, keeper: Person, room: Room
) -> None:
    sent = keeper.send(room, "m.room.message", ours("today", "c1"))
    for number in range(120):
        content = {"msgtype": "m.text", "body": str(number)}
        liar: dict[str, Any] = {
            "type": "m.room.message",
            "sender": "@far:moss.example",
            "content": content,
            "origin_server_ts": 5,
        }
        hs.inject(room, liar)

    assert await find(ears, hs, room, "c1", back_ms=MINUTE_MS) == {"c1": sent}


async def test_an_absence_is_not_proven_by_reading_too_little(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person, room: Room
) -> None:
    sent = keeper.send(room, "m.room.message", ours("below", "c1"))
    for number in range(220):
        cy.say(room, str(number))

    short = await find(ears, hs, room, "c1", most=2)
    whole = await find(ears, hs, room, "c1", most=3)

    assert (short, short.proven) == ({}, False)
    assert (whole, whole.proven) == ({"c1": sent}, True)


@pytest.mark.parametrize("why", ["redacted", "sealed"])
async def test_an_absence_is_not_proven_where_something_of_ours_cannot_be_read(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person, room: Room, why: str
) -> None:
    if why == "redacted":
        keeper.redact(room, keeper.send(room, "m.room.message", ours("gone", "c1")))
    else:
        keeper.send(room, "m.room.encrypted", sealed(room.room_id, "lost", ours("gone", "c1")))
    sent = keeper.send(room, "m.room.message", ours("there", "c2"))
    cy.redact(room, cy.say(room, "what others take back matters not"))

    doubtful = await find(ears, hs, room, "c1")
    certain = await find(ears, hs, room, "c2")

    assert (doubtful, doubtful.proven) == ({}, False)
    assert (certain, certain.proven) == ({"c2": sent}, True)


async def test_a_failure_on_the_way_is_not_taken_for_an_absence(hs: FakeHomeserver, ears: Ears, room: Room) -> None:
    hs.faults.add(Refuse(400, "M_UNKNOWN"), "GET", "/messages")

    with pytest.raises(BadRequest):
        await find(ears, hs, room, "c1")


async def test_pages_of_history_join_without_seam_or_overlap(ears: Ears, cy: Person, room: Room) -> None:
    for number in range(23):
        cy.say(room, str(number))

    pages = await read_back(ears, room, "", "", 4)
    events = [event.id for page in reversed(pages) for event in page]

    assert events == [event.event_id for event in room.history()]
