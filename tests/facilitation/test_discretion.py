"""What people are told where others read it: nothing of other rooms, nothing of who is away, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.model.ids import CommunityKey, RoomId, UserId
from tests.declared import community, documents
from tests.house import CIRCLE, SPACE

from .consent import ANA, BO, CONTROL, CY, DEE, EVE, FIN, Circle, asking_rota, at, circle, direct, grove
from .whole import Whole

WHEN = "Tuesday 8 December, 19:00 to Tuesday 15 December, 19:00"
SUNDAY = RoomId("!sunday")
ELSEWHERE = "I find nothing for you in this room. About other rooms, please write to me in private."
PRIVATE = "I have written to you in private."


def two_rooms() -> Documents:
    """Ana keeps one room alone, and has a turn in the other, too; Dee keeps the other alone."""
    kept = asking_rota(accept_within_ms=None)
    return grove(circle(CY, key="tuesday", kept=kept), circle(ANA, key="sunday", kept=kept))


@pytest.fixture
def house() -> Iterator[Whole]:
    shop = Whole(two_rooms())
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


@pytest.mark.parametrize("where", [CIRCLE, SPACE])
@pytest.mark.parametrize("said", ["!swap", "!swap 8 Dec", "!take", "!take now", "!handoff"])
def test_among_members_nothing_is_said_of_other_rooms(house: Whole, said: str, where: RoomId) -> None:
    house.pass_time(at("2026-12-09 12:00"))
    answers = house.write(ANA, said, where)
    assert answers
    assert "Sunday" not in "".join(answers)
    assert house.on("2026-12-09 12:00") == CY, "nothing was taken unasked"


@pytest.mark.parametrize("said", ["!swap 15 Dec", "!swap"])
def test_among_members_one_is_sent_to_where_it_can_be_said(house: Whole, said: str) -> None:
    assert house.write(ANA, said, CIRCLE) == [ELSEWHERE]
    (there,) = house.write(ANA, "!swap 15 Dec", direct(ANA))
    assert there.startswith("Shall I look for somebody to take Sunday circle, ")


@pytest.mark.parametrize("said", ["!who", "!next", "!rota"])
def test_in_the_space_what_somebody_may_know_of_rooms_is_said_to_them_alone(house: Whole, said: str) -> None:
    assert house.write(ANA, said, SPACE) == [PRIVATE]
    assert "Sunday circle" in house.told(ANA)[-1]


def test_a_table_of_another_room_is_shown_in_private(house: Whole) -> None:
    assert house.write(BO, "!rota sunday", CIRCLE) == [PRIVATE]
    assert house.told(BO)[-1].startswith("Sunday circle")


def test_members_hear_the_same_of_a_room_they_are_not_in_as_of_one_that_is_not(house: Whole) -> None:
    hidden, none = house.write(EVE, "!rota sunday", CIRCLE), house.write(EVE, "!rota nosuch", CIRCLE)
    assert hidden == none == ["I know no such room here. !rota alone shows what I can tell you."]


def circle_of_three() -> Circle:
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None), shadows=[FIN])))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    return shop


@pytest.mark.parametrize("where", [CONTROL, CIRCLE])
def test_nobody_else_reads_that_somebody_is_away(where: RoomId) -> None:
    shop = circle_of_three()
    shop.write(DEE, "!away 9 Dec")
    shop.tap(DEE, "yes")
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.told(where)
    if where == CONTROL:
        shop.tap(DEE, "take", CONTROL)
    else:
        shop.write(DEE, "!take 8 Dec", where)
        shop.tap(DEE, "yes", where)
    said = shop.told(where)
    assert any(one.startswith("I can't put you on for Tuesday circle, Tuesday 8 December, 19:00") for one in said)
    assert "away" not in "".join(said)
    assert shop.on("2026-12-08 19:00") == ANA
    shop.write(DEE, "!take 8 Dec")
    shop.tap(DEE, "yes")
    assert shop.told(direct(DEE))[-1].startswith("You told me that you are away then (Wednesday 9 December, 00:00")
    shop.close()


def test_in_the_control_room_nothing_is_said_twice() -> None:
    shop = circle_of_three()
    shop.write(ANA, "!swap 8 Dec", CONTROL)
    shop.tap(ANA, "yes", CONTROL)
    said = shop.told(CONTROL)
    assert said[-2] == "All right, I ask here."
    assert said[-1].startswith(f"{ANA} is looking for somebody to take Tuesday circle, {WHEN}.")
    shop.write(DEE, "!take 8 Dec", CONTROL)
    shop.tap(DEE, "yes", CONTROL)
    assert [one for one in shop.told(CONTROL) if one.endswith("Thank you!")] == [
        f"{DEE} takes Tuesday circle, {WHEN}. Thank you!"
    ]
    assert shop.on("2026-12-08 19:00") == DEE
    shop.close()


@pytest.mark.parametrize("said", ["!accept", "!decline", "!away", "!away cancel 3 Mar", "!swap 3 Mar", "!rota nosuch"])
def test_what_one_is_told_to_write_begins_with_what_this_community_begins_with(said: str) -> None:
    made = community(circle(ANA, CY, kept=asking_rota(accept_within_ms=None)), leads=[BO], prefix="%")
    shop = Whole(documents(made))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    (answer,) = shop.write(BO, said.replace("!", "%"))
    assert "%" in answer
    assert "!" not in answer
    shop.close()


@pytest.mark.parametrize(
    "said", ["!swap 8 Dec", "!swap 8 Dec for @ana:grove.example", "!take 8 Dec", "!take now", "!away 8 Dec"]
)
@pytest.mark.parametrize("who", ["member", "former", "lead elsewhere"])
def test_who_keeps_no_room_here_changes_nothing_and_learns_nothing(said: str, who: str) -> None:
    kept = circle(ANA, CY, kept=asking_rota(accept_within_ms=None))
    here = community(kept, leads=[BO])
    other = replace(community(key="meadow", leads=[DEE]), key=CommunityKey("meadow"))
    shop = Whole(documents(here, other))
    user: UserId = {"member": EVE, "former": FIN, "lead elsewhere": DEE}[who]
    shop.begin(EVE, FIN, DEE)
    shop.carry_out()
    shop.heard.clear()
    before = shop.view().stretches
    answers = "".join(shop.write(user, said, CIRCLE))
    assert answers.startswith("This is for the people who take turns keeping a room.")
    assert (shop.view().stretches, shop.changes()) == (before, [])
    shop.close()


# -- what is said is so ------------------------------------------------------------------------------------------------


def test_who_only_watches_is_no_cover_and_is_named_as_watching() -> None:
    shop = Whole(grove(circle(ANA, CY, shadows=[FIN])))
    shop.begin(EVE)
    (said,) = shop.write(EVE, "!rota", CIRCLE)
    assert f", watching: {FIN}" in said
    assert f"with {FIN}" not in said
    shop.close()


def test_leads_are_not_asked_to_watch_for_somebody() -> None:
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(), shadows=[FIN])))
    shop.begin(EVE)
    shop.pass_time(at("2026-12-05 13:00"))
    said = shop.told(CONTROL)
    assert any("has not answered yet" in one for one in said), "those on whom it rests are told of"
    assert str(FIN) not in "".join(said)
    shop.close()


@pytest.mark.parametrize(
    "said", ["America/Lima", "america lima", "AMERICA/ARGENTINA/BUENOS aires", "america argentina/buenos aires"]
)
def test_a_zone_may_be_written_as_people_do(said: str) -> None:
    shop = Whole(grove(circle(ANA)))
    shop.begin()
    (answer,) = shop.write(ANA, f"!my zone {said}")
    assert answer.startswith("I go by the clock of America/")
    shop.close()
