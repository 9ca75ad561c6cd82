"""Handoffs: announced once, with power for as long as the shift lasts, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.documents.declared import Documents
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.feature import Feature, Now, Role, Roster
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store import bindings
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, documents, power, room, rota
from tests.house import CIRCLE, CONTROL, SPACE, body_of, direct, mentions_of
from tests.workshop import LOUD, Workshop, speak_loudly

FIRST_MS = 1_767_722_400_000
"""Tuesday 2026-01-06 19:00 in Berlin: the first handoff."""

WEEK_MS = 7 * DAY_MS
GROVE = CommunityKey("grove")
TUESDAY = RoomKey("tuesday")
POWER = "m.room.power_levels"


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(documents)
    return (facilitation,), facilitation


def grove(
    *facilitators: UserId, key: str = "tuesday", previously: Sequence[str] = (), facilitator: int = 50
) -> Documents:
    circle = room(
        key,
        name="Tuesday circle",
        previously=previously,
        rota=rota(),
        facilitators=facilitators,
        levels=power(facilitator=facilitator),
    )
    return documents(community(circle, leads=[BO]))


@pytest.fixture
def shop() -> Iterator[Workshop]:
    """An hour into the first shift, with one member there, before the first settling."""
    shop = Workshop(grove(ANA, CY, DEE), make, at_ms=FIRST_MS + HOUR_MS)
    shop.open(EVE)
    yield shop
    shop.close()


def holders(shop: Workshop) -> dict[str, int | None]:
    """Who holds power by duty, and until when."""
    return {claim.path[1]: claim.until_ms for claim in shop.claims(CIRCLE, POWER) if claim.owner == "duty"}


def announced(shop: Workshop) -> list[str]:
    """Who comes, by each announcement in the room that waits to be sent."""
    return [body_of(row).partition(" ")[0] for row in shop.waiting() if row.room == CIRCLE]


def handoffs(shop: Workshop) -> list[str]:
    return [timer.key for timer in shop.timers("facilitation") if timer.key.startswith("handoff:")]


def on_duty(shop: Workshop, room: RoomKey | None = TUESDAY) -> tuple[UserId, ...]:
    return shop.run(Facilitation(shop.documents).on_duty, GROVE, room, Now(at_ms=shop.at_ms, me=ME))


# -- a handoff ---------------------------------------------------------------------------------------------------------


def test_who_keeps_the_room_is_announced_mentioned_and_given_power_until_the_end(shop: Workshop) -> None:
    shop.settle()
    (row,) = shop.waiting()
    assert shop.said() == [
        f"{ANA} is keeping this room from now until Tuesday 13 January, 19:00. Thank you for being here for us."
    ]
    assert (row.room, mentions_of(row), row.expires_ms) == (CIRCLE, [ANA], FIRST_MS + WEEK_MS)
    (claim,) = shop.claims(CIRCLE, POWER)
    assert (claim.path, claim.value, claim.until_ms) == (("users", ANA), 50, FIRST_MS + WEEK_MS)
    assert on_duty(shop) == (ANA,)


def test_settling_twice_changes_nothing(shop: Workshop) -> None:
    shop.settle()
    shop.ring()
    before = shop.everything()
    shop.restart()
    shop.settle()
    shop.ring()
    assert shop.everything() == before


def test_at_the_end_power_goes_from_one_to_the_next(shop: Workshop) -> None:
    shop.settle()
    shop.live(FIRST_MS + WEEK_MS - 1)
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}
    shop.live(FIRST_MS + WEEK_MS)
    assert holders(shop) == {CY: FIRST_MS + 2 * WEEK_MS}
    assert announced(shop) == [ANA, CY]
    assert on_duty(shop) == (CY,)


def test_every_handoff_is_announced_once_for_half_a_year(shop: Workshop) -> None:
    shop.settle()
    shop.live(FIRST_MS + 26 * WEEK_MS)
    assert announced(shop) == ([ANA, CY, DEE] * 9)[:27]


def test_before_the_first_handoff_nobody_holds_anything_and_then_it_comes_by_itself(shop: Workshop) -> None:
    shop.at_ms = FIRST_MS - HOUR_MS
    shop.settle()
    assert (holders(shop), shop.said(), on_duty(shop)) == ({}, [], ())
    shop.live(FIRST_MS)
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}
    assert announced(shop) == [ANA]


# -- crashes, downtime and clocks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("back_after_ms", [0, MINUTE_MS, 6 * DAY_MS])
@pytest.mark.parametrize("settled_first", [True, False])
def test_a_handoff_during_downtime_is_announced_once_by_timer_or_at_the_start(
    shop: Workshop, back_after_ms: int, *, settled_first: bool
) -> None:
    shop.settle()
    shop.at_ms = FIRST_MS + WEEK_MS + back_after_ms
    shop.restart()
    for step in (shop.settle, shop.ring) if settled_first else (shop.ring, shop.settle):
        step()
    assert announced(shop) == [ANA, CY]
    assert holders(shop) == {CY: FIRST_MS + 2 * WEEK_MS}


def test_a_handoff_that_was_cut_off_in_the_middle_happens_once(shop: Workshop) -> None:
    shop.settle(crash=True)
    assert (holders(shop), shop.said()) == ({}, [])
    shop.settle()
    shop.at_ms = FIRST_MS + WEEK_MS
    shop.ring(crash=True)
    assert announced(shop) == [ANA]
    shop.settle(crash=True)
    shop.ring()
    shop.settle()
    assert announced(shop) == [ANA, CY]
    assert holders(shop) == {CY: FIRST_MS + 2 * WEEK_MS}


def test_after_a_long_absence_only_who_is_there_now_is_announced(shop: Workshop) -> None:
    shop.settle()
    shop.deliver()
    shop.at_ms = FIRST_MS + 10 * WEEK_MS + HOUR_MS
    shop.restart()
    shop.settle()
    shop.ring()
    assert announced(shop) == [CY]
    assert holders(shop) == {CY: FIRST_MS + 11 * WEEK_MS}


def test_a_clock_that_was_set_back_announces_nobody_again(shop: Workshop) -> None:
    shop.settle()
    shop.live(FIRST_MS + WEEK_MS)
    shop.at_ms = FIRST_MS + WEEK_MS - HOUR_MS
    shop.restart()
    shop.settle()
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}
    shop.live(FIRST_MS + WEEK_MS + HOUR_MS)
    assert announced(shop) == [ANA, CY]
    assert holders(shop) == {CY: FIRST_MS + 2 * WEEK_MS}


# -- somebody to hear it -----------------------------------------------------------------------------------------------


def test_in_an_empty_room_the_announcement_waits_for_the_first_to_come() -> None:
    shop = Workshop(grove(ANA, CY), make, at_ms=FIRST_MS + HOUR_MS)
    shop.open()
    shop.settle()
    assert shop.said() == []
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}
    shop.join(EVE, CIRCLE, "invite")
    shop.join(EVE, CONTROL)
    assert shop.said() == []
    shop.join(EVE, CIRCLE)
    shop.join(DEE, CIRCLE)
    shop.restart()
    shop.settle()
    assert announced(shop) == [ANA]
    shop.close()


def test_an_announcement_that_nobody_heard_is_not_made_up_for_later() -> None:
    shop = Workshop(grove(ANA, CY), make, at_ms=FIRST_MS + HOUR_MS)
    shop.open()
    shop.settle()
    shop.live(FIRST_MS + WEEK_MS + HOUR_MS)
    shop.join(EVE, CIRCLE)
    assert announced(shop) == [CY]
    shop.close()


# -- the roster changes ------------------------------------------------------------------------------------------------


def test_who_is_taken_off_the_list_holds_nothing_any_more_and_nobody_is_put_in_their_place_unasked(
    shop: Workshop,
) -> None:
    shop.settle()
    shop.use(grove(CY, DEE))
    assert on_duty(shop) == ()
    shop.settle()
    assert (holders(shop), on_duty(shop), announced(shop)) == ({}, (), [ANA])
    shop.settle()
    shop.live(FIRST_MS + 3 * WEEK_MS)
    assert announced(shop) == [ANA, CY, DEE, CY]


def test_who_comes_to_the_list_waits_for_their_turn(shop: Workshop) -> None:
    shop.settle()
    shop.use(grove(EVE, ANA, CY, DEE))
    shop.settle()
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}
    shop.live(FIRST_MS + 7 * WEEK_MS)
    # What was given four weeks ahead stands; after that come those who are on the list by then, in their order.
    assert announced(shop) == [ANA, CY, DEE, ANA, CY, DEE, EVE, ANA]


def test_when_everybody_is_taken_off_the_list_nobody_holds_anything(shop: Workshop) -> None:
    shop.settle()
    shop.use(grove())
    shop.settle()
    assert (holders(shop), on_duty(shop)) == ({}, ())
    shop.live(FIRST_MS + 2 * WEEK_MS)
    assert announced(shop) == [ANA]


def test_another_level_is_given_to_who_is_on_duty_already(shop: Workshop) -> None:
    shop.settle()
    shop.use(grove(ANA, CY, DEE, facilitator=40))
    shop.settle()
    assert [claim.value for claim in shop.claims(CIRCLE, POWER)] == [40]
    assert announced(shop) == [ANA]


def test_a_room_that_goes_by_another_key_keeps_its_rota(shop: Workshop) -> None:
    shop.settle()
    shop.run(bindings.rename, (GROVE, TUESDAY), (GROVE, RoomKey("circle")))
    shop.use(grove(EVE, ANA, CY, DEE, key="circle", previously=["tuesday"]))
    shop.settle()
    assert announced(shop) == [ANA]
    assert handoffs(shop) == ["handoff:grove/circle"]
    shop.live(FIRST_MS + WEEK_MS)
    assert announced(shop) == [ANA, CY]


def test_a_room_that_is_no_longer_declared_is_let_go_of(shop: Workshop) -> None:
    shop.settle()
    shop.use(documents(community(leads=[BO])))
    shop.settle()
    assert holders(shop) == {}
    assert [timer.key for timer in shop.timers("facilitation")] == ["gap:grove", "publish:grove"]


# -- without a rota ----------------------------------------------------------------------------------------------------


def without_rota(*facilitators: UserId) -> Documents:
    return documents(community(room("tuesday", name="Tuesday circle", facilitators=facilitators), leads=[BO]))


def test_without_a_rota_all_are_on_duty_always_and_nothing_is_announced(shop: Workshop) -> None:
    shop.use(without_rota(ANA, CY))
    shop.settle()
    before = shop.everything()
    shop.settle()
    assert shop.everything() == before
    assert holders(shop) == {ANA: None, CY: None}
    assert on_duty(shop) == (ANA, CY)
    assert shop.said() == []
    shop.live(FIRST_MS + 52 * WEEK_MS)
    assert holders(shop) == {ANA: None, CY: None}
    shop.use(without_rota(CY))
    shop.settle()
    assert holders(shop) == {CY: None}


def test_a_rota_may_come_and_go(shop: Workshop) -> None:
    shop.settle()
    shop.use(without_rota(ANA, CY))
    shop.settle()
    assert holders(shop) == {ANA: None, CY: None}
    assert handoffs(shop) == []
    shop.use(grove(ANA, CY))
    shop.settle()
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}


# -- who answers for what ----------------------------------------------------------------------------------------------


def role(shop: Workshop, user: UserId, room: str | None = "tuesday", community: str = "grove") -> Role:
    now = Now(at_ms=shop.at_ms, me=ME)
    key = None if room is None else RoomKey(room)
    return shop.run(Facilitation(shop.documents).role, user, CommunityKey(community), key, now)


def test_a_role_is_what_somebody_is_now(shop: Workshop) -> None:
    shop.use(documents(community(*grove(ANA, CY, DEE).communities[0].rooms, room("lounge"), leads=[BO])))
    shop.settle()
    assert [role(shop, user) for user in (BO, ANA, CY, EVE)] == [Role.LEAD, Role.FACILITATOR, Role.MEMBER, Role.MEMBER]
    assert role(shop, BO, "lounge") is Role.LEAD
    assert role(shop, ANA, "lounge") is Role.MEMBER
    assert role(shop, ANA, None) is Role.FACILITATOR
    assert role(shop, CY, None) is Role.MEMBER
    assert role(shop, BO, community="elsewhere") is Role.MEMBER
    shop.live(FIRST_MS + WEEK_MS)
    assert [role(shop, user) for user in (ANA, CY)] == [Role.MEMBER, Role.FACILITATOR]


def test_staff_are_leads_and_facilitators_on_duty_or_off(shop: Workshop) -> None:
    craft = Facilitation(shop.documents)
    assert [craft.is_staff(user, GROVE) for user in (BO, ANA, CY, DEE, EVE)] == [True, True, True, True, False]
    assert not craft.is_staff(BO, CommunityKey("elsewhere"))


# -- what people are told ----------------------------------------------------------------------------------------------


def test_who_is_answered_with_who_is_there_until_when_and_who_else_is(shop: Workshop) -> None:
    shop.settle()
    assert shop.answer(EVE, "!who", CIRCLE) == (
        f"{ANA} is keeping Tuesday circle until Tuesday 13 January, 19:00. If they cannot be reached, turn to {CY}."
    )


def test_who_names_no_backup_where_there_is_none(shop: Workshop) -> None:
    shop.use(grove(ANA))
    shop.settle()
    assert shop.answer(EVE, "!who", CIRCLE) == f"{ANA} is keeping Tuesday circle until Tuesday 13 January, 19:00."


def test_who_and_next_notify_nobody(shop: Workshop) -> None:
    shop.settle()
    shop.deliver()
    shop.say(EVE, "!who", CIRCLE)
    shop.say(EVE, "!next", CIRCLE)
    assert [mentions_of(row) for row in shop.waiting()] == [[], []]
    content = shop.waiting()[0].payload["content"]
    assert isinstance(content, dict)
    assert f'<a href="https://matrix.to/#/{ANA}">{ANA}</a> is keeping' in str(content["formatted_body"])


CALL = "\n\nIf you would like a person to get in touch with you, write !raise."


def test_before_the_first_turn_who_and_next_say_when_it_begins(shop: Workshop) -> None:
    shop.at_ms = FIRST_MS - 2 * DAY_MS
    shop.settle()
    assert shop.answer(EVE, "!who", CIRCLE) == (
        "Nobody is keeping Tuesday circle yet. The first turn begins on Tuesday 6 January, 19:00." + CALL
    )
    assert shop.answer(EVE, "!next", CIRCLE) == (
        "Coming up in Tuesday circle:\n\n"
        f"- Tuesday 6 January, 19:00: {ANA}\n"
        f"- Tuesday 13 January, 19:00: {CY}\n"
        f"- Tuesday 20 January, 19:00: {DEE}\n"
        f"- Tuesday 27 January, 19:00: {ANA}"
    )


def test_next_begins_with_the_next_turn(shop: Workshop) -> None:
    shop.settle()
    first = shop.answer(EVE, "!next", CIRCLE).splitlines()[2]
    assert first == f"- Tuesday 13 January, 19:00: {CY}"


def test_where_nobody_is_on_the_list_who_and_next_say_so_and_what_one_can_do(shop: Workshop) -> None:
    shop.use(grove())
    shop.settle()
    sentence = "Nobody is on the list to keep Tuesday circle right now. If you would like to, tell one of the leads."
    assert [shop.answer(EVE, ask, CIRCLE) for ask in ("!who", "!next")] == [sentence + CALL, sentence]


def test_without_a_rota_who_and_next_name_everybody(shop: Workshop) -> None:
    shop.use(without_rota(ANA, CY, DEE))
    shop.settle()
    sentence = f"Tuesday circle is looked after by {ANA}, {CY}, and {DEE}."
    assert [shop.answer(EVE, ask, CIRCLE) for ask in ("!who", "!next")] == [sentence, sentence]


def test_where_nobody_in_particular_is_there_who_says_so_kindly(shop: Workshop) -> None:
    shop.use(without_rota())
    shop.settle()
    said = "Nobody in particular keeps Tuesday circle; we look after it together."
    assert shop.answer(EVE, "!who", CIRCLE) == said + CALL


def test_a_turn_further_off_than_a_year_is_said_too(shop: Workshop) -> None:
    far = replace(grove(ANA).communities[0].rooms[0], rota=rota("2030-01-01 19:00"))
    shop.use(documents(community(far)))
    shop.settle()
    assert shop.answer(EVE, "!next", CIRCLE) == (
        "Nobody is keeping Tuesday circle yet. The first turn begins on Tuesday 1 January, 19:00."
    )


@pytest.mark.parametrize(
    ("locale", "when"),
    [
        ("de", "Dienstag 13 Januar, 19:00"),
        ("pt-BR", "terça-feira 13 janeiro, 19:00"),
        ("de-XX", "Dienstag 13 Januar, 19:00"),
        ("tlh", "Tuesday 13 January, 19:00"),
    ],
)
def test_days_are_named_in_the_communitys_language(shop: Workshop, locale: str, when: str) -> None:
    shop.use(documents(community(*shop.documents.communities[0].rooms, locale=locale)))
    shop.settle()
    assert f"until {when}. " in shop.said()[0]


def test_times_are_those_of_the_communitys_clock(shop: Workshop) -> None:
    shop.use(documents(community(*shop.documents.communities[0].rooms, zone="Australia/Lord_Howe")))
    shop.settle()
    assert "until Tuesday 13 January, 19:00" in shop.said()[0]


def test_all_that_is_said_can_be_said_in_another_language(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    shop.settle()
    told = [*shop.said(), shop.answer(EVE, "!who", CIRCLE)]
    for documents_ in (grove(), without_rota(ANA), without_rota()):
        shop.use(documents_)
        told.append(shop.answer(EVE, "!who", CIRCLE))
    shop.use(grove(ANA, CY))
    told += shop.answer(EVE, "!next", CIRCLE).split("\n\n")
    shop.at_ms = FIRST_MS - DAY_MS
    told.append(shop.answer(EVE, "!who", CIRCLE))
    assert len(told) == 7
    assert [words for words in told if not (words.startswith(LOUD) and words.endswith(LOUD))] == []


# -- whose question is answered about which rooms ----------------------------------------------------------------------


@pytest.fixture
def two_rooms() -> Iterator[Workshop]:
    tuesday = room("tuesday", name="Tuesday circle", rota=rota(), facilitators=[ANA, CY])
    lounge = room("lounge", name="Lounge", facilitators=[DEE])
    shop = Workshop(documents(community(tuesday, lounge, leads=[BO])), make, at_ms=FIRST_MS + HOUR_MS)
    shop.open()
    shop.settle()
    for user in (EVE, ANA, BO):
        shop.run(bindings.set_direct, user, direct(user))
    shop.join(EVE, CIRCLE)
    shop.deliver()
    yield shop
    shop.close()


def test_in_private_one_hears_of_the_rooms_one_is_in_and_of_no_other(two_rooms: Workshop) -> None:
    answer = two_rooms.answer(EVE, "!who", direct(EVE))
    assert answer.startswith(f"{ANA} is keeping Tuesday circle until ")
    assert "Lounge" not in answer
    assert "Lounge" not in two_rooms.answer(EVE, "!next", direct(EVE))


@pytest.mark.parametrize("user", [ANA, BO])
def test_who_keeps_a_room_hears_of_all_of_them(two_rooms: Workshop, user: UserId) -> None:
    two_rooms.join(user, SPACE)
    answer = two_rooms.answer(user, "!who", direct(user))
    assert answer.splitlines()[::2] == [
        f"{ANA} is keeping Tuesday circle until Tuesday 13 January, 19:00. If they cannot be reached, turn to {CY}.",
        f"Lounge is looked after by {DEE}.",
    ]
    two_rooms.join(user, CONTROL)
    assert two_rooms.answer(user, "!who", CONTROL) == answer


def test_who_is_only_in_the_space_hears_of_no_room(two_rooms: Workshop) -> None:
    two_rooms.join(EVE, CIRCLE, "leave")
    two_rooms.join(EVE, SPACE)
    assert two_rooms.answer(EVE, "!who", direct(EVE)) == (
        "I can tell you that once you are in one of the rooms I look after."
    )


def test_who_is_in_none_of_our_rooms_hears_of_no_room(two_rooms: Workshop) -> None:
    two_rooms.join(EVE, CIRCLE, "leave")
    for ask in ("!who", "!next"):
        assert two_rooms.answer(EVE, ask, direct(EVE)) == (
            "I can tell you that once you are in one of the rooms I look after."
        )


# -- any story ---------------------------------------------------------------------------------------------------------


class Story(RuleBasedStateMachine):
    """Time passes, the bot runs or not, is killed, its documents change: one person on duty, announced once."""

    @initialize()
    def begin(self) -> None:
        self.shop = Workshop(grove(ANA, CY, DEE), make, at_ms=FIRST_MS - HOUR_MS)
        self.shop.open(EVE)
        self.shop.settle()
        self.started = True
        self.heard: list[str] = []
        self.waited = 0

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.close()

    @precondition(lambda self: self.started)
    @rule(hours=st.integers(0, 400))
    def live(self, hours: int) -> None:
        self.shop.live(self.shop.at_ms + hours * HOUR_MS)

    @rule(hours=st.integers(0, 400))
    def be_down(self, hours: int) -> None:
        self.started = False
        self.shop.restart()
        self.shop.at_ms += hours * HOUR_MS

    @rule(crash=st.booleans())
    def start(self, *, crash: bool) -> None:
        self.shop.settle(crash=crash)
        self.shop.ring(crash=crash)
        self.started = not crash

    @precondition(lambda self: self.started)
    @rule(people=st.lists(st.sampled_from([ANA, CY, DEE, EVE]), unique=True))
    def change_the_list(self, people: list[UserId]) -> None:
        self.shop.use(grove(*people))
        self.shop.settle()

    @rule()
    def deliver(self) -> None:
        self.shop.deliver()
        self.waited = 0

    @invariant()
    def exactly_who_is_on_duty_holds_power(self) -> None:
        if hasattr(self, "shop") and self.started:
            assert tuple(holders(self.shop)) == on_duty(self.shop)
            people = self.shop.documents.communities[0].rooms[0].facilitators
            assert len(on_duty(self.shop)) <= int(self.shop.at_ms >= FIRST_MS and bool(people))
            assert set(on_duty(self.shop)) <= set(people)

    @invariant()
    def nobody_is_announced_twice_running(self) -> None:
        if hasattr(self, "shop"):
            said = [body_of(row) for row in self.shop.waiting() if row.room == CIRCLE]
            self.heard += said[self.waited :]
            self.waited = len(said)
            assert all(one != following for one, following in pairwise(self.heard))


Story.TestCase.settings = settings(max_examples=60, stateful_step_count=20)
TestStory = Story.TestCase
