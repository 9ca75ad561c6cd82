"""Any story: people suggest, change, take back and leave, others decide or do not, the bot is killed; nothing goes astray."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store import questions
from tests.declared import ANA, BO, CY, DEE, EVE
from tests.house import CIRCLE, CONTROL, direct, room_id
from tests.prompts.suggesting import Grove, circle, grove

PEOPLE = (ANA, CY, DEE, EVE)
THINGS = ["quokka", "wombat", "bilby", "numbat", "quoll", "kowari", "dunnart", "potoroo", "bettong", "glider"]

FRIDAY = room_id(CommunityKey("grove"), RoomKey("friday"))

people = st.sampled_from(PEOPLE)
nth = st.integers(0, 3)


class Story(RuleBasedStateMachine):
    """A grove with two rooms, four who suggest and two who decide."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = Grove(grove(circle(), circle("friday")))
        self.said: dict[UserId, list[EventId]] = {user: [] for user in PEOPLE}
        self.agreed: set[str] = set()
        self.n = 0

    def teardown(self) -> None:
        self.drain()
        self.shop.close()

    def words(self) -> str:
        self.n += 1
        return f"Which {THINGS[self.n % 10]}{'abcdefghij'[self.n // 10 % 10]} tale {self.n} do you tell?"

    # -- what members do -----------------------------------------------------------------------------------------------

    @rule(user=people)
    def suggest(self, user: UserId) -> None:
        self.said[user].append(self.shop.write(user, f"!suggest {self.words()}"))

    @rule(user=people, choice=st.sampled_from(["grove/tuesday", "grove/tuesday", "grove/friday", "no"]))
    def answer(self, user: UserId, choice: str) -> None:
        if self.asked(direct(user)):
            self.shop.tap(user, choice, direct(user))

    @rule(user=people, nth=nth)
    def change(self, user: UserId, nth: int) -> None:
        if len(self.said[user]) > nth:
            self.shop.edit(user, self.said[user][-nth - 1], f"!suggest {self.words()}")

    @rule(user=people, nth=nth)
    def take_away(self, user: UserId, nth: int) -> None:
        if len(self.said[user]) > nth:
            self.shop.take_away(user, self.said[user].pop(-nth - 1))

    @rule(user=people, nth=nth, now=st.booleans())
    def back(self, user: UserId, nth: int, *, now: bool) -> None:
        self.shop.write(user, f"!suggest back {nth}{' now' if now else ''}")

    @rule(user=st.sampled_from([CY, DEE]), private=st.booleans())
    def leave(self, user: UserId, *, private: bool) -> None:
        for where in [direct(user)] if private else [CIRCLE, FRIDAY]:
            self.shop.join(user, where, "leave")

    @rule(user=st.sampled_from([CY, DEE]))
    def come_back(self, user: UserId) -> None:
        self.shop.join(user, direct(user))
        self.shop.join(user, CIRCLE)

    # -- what others do ------------------------------------------------------------------------------------------------

    @rule(user=st.sampled_from([ANA, BO, EVE]), data=st.data())
    def decide(self, user: UserId, data: st.DataObject) -> None:
        asked = self.asked(CONTROL)
        if asked:
            question = data.draw(st.sampled_from(asked))
            choice = data.draw(st.sampled_from(question.choices))
            self.shop.tap_at(user, choice.key, question.event)

    @rule(data=st.data())
    def take_a_copy_away(self, data: st.DataObject) -> None:
        copies = [event for (where, event), c in self.shop.kept.items() if where == CONTROL and "body" in c]
        if copies:
            self.shop.take_away(BO, data.draw(st.sampled_from(copies)), CONTROL)

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.shop.pass_days(hours / 24)

    @rule(hours=st.sampled_from([0, 1, 30, 24 * 20]))
    def be_killed(self, hours: int) -> None:
        self.shop.restart()
        self.shop.at_ms += hours * 3_600_000
        self.shop.heard_all_along(CIRCLE)
        self.shop.settle()
        self.shop.ring()
        self.shop.carry_out()

    # -- what holds ----------------------------------------------------------------------------------------------------

    @invariant()
    def no_words_are_kept_but_those_that_were_taken_in(self) -> None:
        taken = [text for text, _tier in self.shop.taken()]
        assert len(taken) == len(set(taken))
        for line in self.shop.everything():
            if "member_prompt" not in line:
                assert not any(thing in line for thing in THINGS)

    @invariant()
    def nobody_has_more_than_three_and_each_that_is_shown_can_be_decided(self) -> None:
        rows = self.shop.rows("select \"user\", count(*) from suggestion where state != 'back' group by 1")
        assert all(int(str(count)) <= 3 for user, count in rows if user)
        subjects = {q.subject for q in self.asked(CONTROL)}
        for id_, state, copy in self.shop.rows("select id, state, copy from suggestion"):
            if state in {"shown", "seconded"}:
                assert any(str(id_) in subject for subject in subjects)
                assert copy is not None
            if copy is not None and state != "back":
                assert (CONTROL, EventId(str(copy))) in self.shop.kept

    def drain(self) -> None:
        """Nobody does anything any more: in the end nothing is left but what was taken in."""
        self.be_killed(0)
        self.shop.pass_days(80)
        assert self.shop.states() == []
        assert self.asked(CONTROL) == []
        assert [timer for timer in self.shop.timers("prompts") if timer.key.startswith("sugg")] == []
        assert set(self.shop.shown()) <= {text for text, _tier in self.shop.taken()}
        steps = self.shop.rows("select step, room from journal where craft = 'prompts' and room like '!direct%'")
        assert [step for step, _room in steps if str(step).startswith("sugg")] == []

    def asked(self, where: RoomId) -> list[questions.Question]:
        found = self.shop.run(questions.questions_in, where)
        return [
            one for one in found if not one.subject.startswith("ahead:")
        ]  # what comes next is asked about there, too


Story.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestStory = Story.TestCase
