"""Questions under bad luck: whatever happens in whatever order, each is answered at most once, by who may, in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.documents.declared import Documents
from orchestrator.engine import Engine
from orchestrator.engine.intake import AGAIN_MS
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import Choice, plainly
from orchestrator.model.events import Event, Message, Reaction
from orchestrator.model.feature import Role
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import Store, outbox, questions, timers
from tests.declared import community, documents, room
from tests.house import Clock, House

from .asking import ANA, BO, CIRCLE, CY, DEE, EVE, LOUNGE, ME, OPEN_MS, Asker, Grove, Roles

PEOPLE = [ANA, BO, CY, DEE, EVE, ME]
KEYS = ["✅", "❌", "✅\ufe0f", "👍", "yes", "no"]


class Story(RuleBasedStateMachine):
    """People answer, are promoted and demoted, time goes by, and the bot is killed in the middle of anything."""

    def __init__(self) -> None:
        super().__init__()
        self.grove = Grove()
        self.asked: dict[EventId, tuple[UserId, int]] = {}  # by whom, until when
        self.entitled: dict[EventId, set[tuple[UserId, str]]] = {}  # who answered what while they might

    def teardown(self) -> None:
        self.grove.close()

    def _may(self, user: UserId, question: EventId) -> bool:
        asker, until_ms = self.asked[question]
        role = self.grove.roster.roles.get(user, Role.MEMBER)
        least = Role.FACILITATOR if user == asker else Role.LEAD
        return user != ME and role >= least and self.grove.at_ms < until_ms

    @initialize()
    def begin(self) -> None:
        self.grove.give_power(CIRCLE, dict.fromkeys(PEOPLE, 100))
        self.grove.give_power(LOUNGE, dict.fromkeys(PEOPLE, 100))

    @rule(by=st.sampled_from([ANA, CY]), where=st.sampled_from([CIRCLE, LOUNGE]), restart=st.booleans())
    def ask(self, by: UserId, where: RoomId, restart: bool) -> None:
        if self.grove.roster.roles.get(by, Role.MEMBER) < Role.FACILITATOR:
            return
        self.grove.write(by, "!tidy", where)
        for row in self.grove.waiting():
            if row.craft == "asker" and row.step == "ask":
                if restart:
                    self.grove.restart()
                question = self.grove.send(row)
                self.asked[question] = (by, self.grove.at_ms + OPEN_MS)
                self.entitled[question] = set()

    @precondition(lambda self: self.asked)
    @rule(
        data=st.data(), user=st.sampled_from(PEOPLE), key=st.sampled_from(KEYS), word=st.booleans(), crash=st.booleans()
    )
    def answer(self, data: st.DataObject, user: UserId, key: str, word: bool, crash: bool) -> None:
        question = data.draw(st.sampled_from(sorted(self.asked)))
        (where,) = {room for room in (CIRCLE, LOUNGE) if self._stands_in(question, room)} or {CIRCLE}
        event: Event
        if word:
            event = Message(
                room=where, id=self.grove.an_id(), sender=user, at_ms=1, kind="m.text", body=key, reply_to=question
            )
        else:
            event = Reaction(room=where, id=self.grove.an_id(), sender=user, at_ms=1, target=question, key=key)
        if self._may(user, question) and key != "👍":
            self.entitled[question].add((user, "yes" if plainly(key) in {"yes", "✅"} else "no"))
        update = RoomUpdate(room=where, membership="join", timeline=(event,))
        batch = SyncBatch(since="s", until=event.id, rooms=(update,))
        for killed in (True, False) if crash else (False,):
            self.grove.turn(lambda intake, turn: intake.take(turn, batch, catching_up=False), crash=killed)

    def _stands_in(self, question: EventId, where: RoomId) -> bool:
        return self.grove.rows(f"select 1 from question where event = '{question}' and room = '{where}'") != []

    @rule(user=st.sampled_from([ANA, BO, CY, DEE]), role=st.sampled_from(list(Role)))
    def appoint(self, user: UserId, role: Role) -> None:
        self.grove.roster.roles[user] = role

    @rule(ms=st.sampled_from([1, MINUTE_MS, OPEN_MS - 1, OPEN_MS]), rings=st.booleans())
    def wait(self, ms: int, rings: bool) -> None:
        if rings:
            self.grove.live(self.grove.at_ms + ms)
        else:  # the process is not there to ring
            self.grove.at_ms += ms

    @rule(crash=st.booleans())
    def ring(self, crash: bool) -> None:
        self.grove.ring(crash=crash)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.grove.redact(data.draw(st.sampled_from(sorted(self.asked))))

    @rule()
    def restart(self) -> None:
        self.grove.restart()

    @invariant()
    def each_is_answered_at_most_once_by_who_may_and_in_time(self) -> None:
        heard = self.grove.heard()
        assert len({question for question, _, _ in heard}) == len(heard)
        for question, choice, by in heard:
            if choice is not None:
                assert (by, choice) in self.entitled[EventId(question)]

    @invariant()
    def each_is_either_open_or_answered(self) -> None:
        open_ = {str(event) for (event,) in self.grove.rows("select event from question")}
        told = {question for question, _, _ in self.grove.heard()}
        assert not open_ & told
        assert open_ | told == set(self.asked)
        assert {question for question, _ in self.grove.tappable()} <= open_

    @invariant()
    def whoever_may_answer_and_does_is_heard(self) -> None:
        told = {question: by for question, _, by in self.grove.heard()}
        for question, answers in self.entitled.items():
            assert not answers or question in told


Story.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestQuestionsUnderBadLuck = Story.TestCase


@given(st.text(max_size=40))
def test_of_two_choices_nothing_means_both(said: str) -> None:
    choices = (Choice("✅", "approve", "yes"), Choice("❌", "decline", "no"))
    assert sum(choice.is_meant_by(said) for choice in choices) <= 1


# -- a craft that goes wrong, and a store that is opened again ---------------------------------------------------------


class Rooms:
    """A real store that can be closed and opened again, with the asking craft over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.documents: Documents = documents(community(room("tuesday")))
        self.craft = Asker()
        self.clock = Clock()
        self.begin()

    def begin(self) -> None:
        self.whole = Store.open(self.path)
        self.house = House(self.whole, self.documents)
        self.house.clock = self.clock
        self.house.engine = Engine(self.house.store, self.clock, ME)
        self.house.engine.follow(self.house.taken.append)
        self.house.engine.use(self.documents, (self.craft,), Roles())

    async def begin_again(self) -> None:
        """Close everything, as at the end of a process, and start anew."""
        await self.whole.close()
        self.begin()

    async def asked(self) -> EventId:
        """Ask by a command of Cy's, whose message then is sent."""
        await self.house.open()
        await self.house.hear(self.house.state(CIRCLE, "m.room.power_levels", {"users": {CY: 50, ANA: 100}}))
        await self.house.say(CY, "!tidy")
        (row,) = await self.house.waiting()
        await self.house.engine.confirm(row.cause, "done", event=EventId("$q"), room=CIRCLE)
        return EventId("$q")

    def reaction(self, user: UserId, key: str = "✅") -> Reaction:
        return Reaction(room=CIRCLE, id=self.house.next_id(), sender=user, at_ms=1, target=EventId("$q"), key=key)

    async def ring(self) -> None:
        await self.house.engine._transact(lambda intake, turn: intake.take_due(turn))

    async def heard(self) -> list[tuple[object, object]]:
        kept = await self.house.store.run(timers.timers_of, "asker")
        return [(timer.payload["choice"], timer.payload["by"]) for timer in kept]


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    rooms = Rooms(tmp_path)
    yield rooms
    await rooms.whole.close()


async def test_a_store_that_is_opened_again_between_all_steps_answers_once(rooms: Rooms) -> None:
    await rooms.asked()
    await rooms.begin_again()
    assert [row.payload["type"] for row in await rooms.house.waiting("send")] == ["m.reaction"] * 2
    nod, answer = rooms.reaction(DEE), rooms.reaction(CY)
    await rooms.house.hear(nod)
    await rooms.begin_again()
    await rooms.house.hear(answer)
    await rooms.begin_again()
    await rooms.house.hear(answer)
    rooms.clock.at_ms += OPEN_MS
    await rooms.ring()
    assert await rooms.heard() == [("yes", CY)]
    assert await rooms.house.said() == []
    assert await rooms.house.said(CIRCLE) == ["Tidied up."]
    assert rooms.house.troubles == []


async def test_a_question_ends_at_its_time_by_itself(rooms: Rooms) -> None:
    await rooms.asked()
    await rooms.begin_again()
    assert await rooms.house.store.run(questions.next_due_ms) == rooms.clock.at_ms + OPEN_MS
    rooms.clock.at_ms += OPEN_MS
    await rooms.ring()
    await rooms.begin_again()
    await rooms.ring()
    assert await rooms.heard() == [(None, None)]
    assert await rooms.house.store.run(questions.next_due_ms) is None


async def test_who_runs_the_timers_wakes_up_for_it(rooms: Rooms) -> None:
    await rooms.asked()
    rooms.clock.at_ms += OPEN_MS
    ended = asyncio.Event()
    rooms.house.engine.follow(lambda _taken: ended.set())
    task = asyncio.create_task(rooms.house.engine.run_timers())
    await asyncio.wait_for(ended.wait(), 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await rooms.heard() == [(None, None)]


async def test_where_a_craft_stumbles_over_an_answer_its_question_stays_open_and_can_be_answered_again(
    rooms: Rooms,
) -> None:
    await rooms.asked()
    rooms.craft.stumbles = True
    await rooms.house.hear(rooms.reaction(CY))
    assert rooms.house.troubles == [("asker", "ValueError")]
    assert await rooms.heard() == []
    rooms.craft.stumbles = False
    await rooms.house.hear(rooms.reaction(CY, "❌"))
    assert await rooms.heard() == [("no", CY)]


async def test_where_a_craft_stumbles_over_the_end_it_is_tried_again_later_and_nobody_can_answer_meanwhile(
    rooms: Rooms,
) -> None:
    await rooms.asked()
    rooms.craft.stumbles = True
    rooms.clock.at_ms += OPEN_MS
    await rooms.ring()
    assert await rooms.house.store.run(questions.next_due_ms) == rooms.clock.at_ms + AGAIN_MS
    rooms.craft.stumbles = False
    await rooms.house.hear(rooms.reaction(CY))
    assert await rooms.heard() == []
    rooms.clock.at_ms += AGAIN_MS
    await rooms.ring()
    assert await rooms.heard() == [(None, None)]


async def test_what_a_craft_kindly_refuses_is_said_under_the_question_and_closes_it(rooms: Rooms) -> None:
    await rooms.asked()
    rooms.craft.refuses = True
    await rooms.house.hear(rooms.reaction(CY))
    assert await rooms.house.said(CIRCLE) == ["That cannot be done today."]
    assert await rooms.heard() == []  # what it began to write is undone
    assert await rooms.house.store.run(questions.question_at, EventId("$q")) is None
    assert rooms.house.troubles == []


async def test_the_question_of_a_craft_that_is_no_more_ends_without_a_word(rooms: Rooms) -> None:
    await rooms.asked()
    rooms.house.engine.use(rooms.documents, (), Roles())
    rooms.clock.at_ms += OPEN_MS
    await rooms.ring()
    assert await rooms.house.store.run(questions.next_due_ms) is None
    assert await rooms.house.store.run(outbox.waiting) == []
    assert rooms.house.troubles == []
