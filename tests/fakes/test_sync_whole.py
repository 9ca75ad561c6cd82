"""Whatever happens between its syncs, a client that follows the rules ends up knowing all there is to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import FakeHomeserver, MatrixProblem, Person, Room
from tests.fakes.accounts import Requester
from tests.fakes.contract.client import sync_filter
from tests.fakes.filters import EventFilter, SyncFilter
from tests.fakes.history import messages
from tests.fakes.sync import SyncRequest
from tests.fakes.tokens import SyncToken
from tests.fakes.values import JsonObject
from tests.fakes.visibility import may_see

ME = "@keeper:grove.example"
OTHERS = ("@ana:grove.example", "@bo:grove.example", "@cy:elsewhere.example")


@dataclass
class Follower:
    """A client that keeps the timeline and the state of one room, filling gaps between its tokens."""

    hs: FakeHomeserver
    limit: int
    lazy: bool
    since: str | None = None
    known: dict[str, Any] = field(default_factory=dict)
    state: dict[tuple[str, str], str] = field(default_factory=dict)

    def sync(self, room: Room) -> None:
        request = SyncRequest(
            Requester(ME, "DEVICE"),
            SyncToken.parse(self.since) if self.since else None,
            SyncFilter.parse(sync_filter(self.limit, lazy=self.lazy)),
        )
        answer: Any = self.hs._sync.respond(request)[0]
        section = answer.get("rooms", {}).get("join", {}).get(room.room_id)
        if section is not None:
            for event in section["state"]["events"]:
                self.state[event["type"], event["state_key"]] = event["event_id"]
            for event in section["timeline"]["events"]:
                self.known[event["event_id"]] = event
                if "state_key" in event:
                    self.state[event["type"], event["state_key"]] = event["event_id"]
            if section["timeline"]["limited"]:
                self._fill(room, answer["next_batch"])
        self.since = answer["next_batch"]

    def _fill(self, room: Room, until: str) -> None:
        start: str | None = until
        while start is not None:
            page: Any = messages(
                self.hs._world,
                Requester(ME, "DEVICE"),
                room.room_id,
                backwards=True,
                start=start,
                stop=self.since,
                limit=3,
                wanted=EventFilter(),
            )
            self.known.update({event["event_id"]: event for event in page["chunk"]})
            start = page.get("end")


def _act(hs: FakeHomeserver, room: Room, me: Person, act: str, who: int, number: int) -> None:
    person = hs.person(OTHERS[who])
    said: JsonObject = {"type": "m.room.message", "sender": person.user_id, "content": {"body": f"late {number}"}}
    try:
        match act:
            case "say":
                person.say(room, f"m{number}")
            case "topic":
                me.put_state(room, "m.room.topic", {"topic": str(number)})
            case "name":
                me.put_state(room, "m.room.name", {"name": str(number)})
            case "join":
                person.join(room)
            case "leave":
                person.leave(room)
            case "redact":
                me.redact(room, room.history()[-1].event_id)
            case "late":
                late: JsonObject = {"type": "m.room.topic", "state_key": "", "sender": ME, "content": {"topic": "late"}}
                hs.late_events(room, [said, late, {**said}], how="timeline")
            case _:
                hs.late_events(room, [said, {**said}, {**said}], how="gap")
    except MatrixProblem:
        # Not in the room, or nothing to leave: nothing happened.
        return


ACTS = st.tuples(
    st.sampled_from(["say", "say", "say", "topic", "name", "join", "leave", "redact", "late", "gap", "SYNC"]),
    st.integers(0, 2),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTS, max_size=40), st.integers(1, 5), st.booleans())
def test_timelines_and_gaps_hold_every_event_and_the_state_comes_out_right(
    acts: list[tuple[str, int]], limit: int, lazy: bool
) -> None:
    hs = FakeHomeserver()
    me = hs.user(ME)
    room = me.create_room(preset="public_chat")
    follower = Follower(hs, limit, lazy)
    follower.sync(room)
    follower._fill(room, str(follower.since))
    for number, (act, who) in enumerate(acts):
        if act == "SYNC":
            follower.sync(room)
        else:
            _act(hs, room, me, act, who, number)
    follower.sync(room)
    visible = {event.event_id for event in room.history() if may_see(room, ME, event)}
    assert set(follower.known) == visible
    if any(act in ("late", "gap") for act, _ in acts):
        # With branches in the graph the state that /sync tells is a hint only, here as on Synapse.
        return
    state = {key: event.event_id for key, event in room.state_map().items()}
    if lazy:
        # Members that never spoke may be unknown; what is known must be right.
        assert {key for key in state if key[0] != "m.room.member"} <= set(follower.state)
        assert {("m.room.member", event["sender"]) for event in follower.known.values()} <= set(follower.state)
        state = {key: event_id for key, event_id in state.items() if key in follower.state}
    assert follower.state == state
