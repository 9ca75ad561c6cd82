"""How many people said what: counted from the reactions as they stand, each person once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import content
from orchestrator.model.ids import EventId, UserId
from orchestrator.model.tally import MARK, TALLY, asked_in, told, with_tally

ME = UserId("@keeper:grove.example")
PEOPLE = [UserId(f"@{name}:grove.example") for name in ("ana", "bo", "cy", "dee")]
ANA, BO, CY, DEE = PEOPLE
PLAIN = content.text("A little reminder.")
COUNTED = with_tally(
    PLAIN, content.text(f"A little reminder.\n\nSo far: {MARK}"), of=EventId("$a"), keys=("✅", "🤔"), me=ME
)


def test_each_person_counts_once_with_what_they_said_last() -> None:
    said = told(COUNTED, [(ANA, "✅"), (ANA, "🤔"), (BO, "🤔"), (CY, "✅"), (CY, "✅")])
    assert said["body"] == "A little reminder.\n\nSo far: ✅ 2, 🤔 1"
    assert "So far: ✅ 2, 🤔 1" in str(said["formatted_body"])
    assert TALLY not in said


def test_what_nobody_said_is_left_out() -> None:
    assert str(told(COUNTED, [(ANA, "🤔")])["body"]).endswith("So far: 🤔 1")


def test_where_nobody_reacted_nothing_is_said_of_it() -> None:
    assert told(COUNTED, [(ME, "✅"), (ME, "🤔"), (ANA, "❤️")]) == PLAIN
    assert told(COUNTED, []) == PLAIN


def test_a_sign_counts_however_it_is_drawn() -> None:
    assert str(told(COUNTED, [(ANA, "✅\ufe0f"), (BO, "✅")])["body"]).endswith("✅ 2")


def test_what_counts_nothing_is_left_as_it_is() -> None:
    assert (told(PLAIN, [(ANA, "✅")]), asked_in(PLAIN), asked_in(COUNTED)) == (PLAIN, None, "$a")
    assert told({**PLAIN, TALLY: "broken"}, [(ANA, "✅")]) == PLAIN
    assert told({**PLAIN, TALLY: {"of": 3}}, [(ANA, "✅")]) == PLAIN


@given(st.lists(st.tuples(st.sampled_from([*PEOPLE, ME]), st.sampled_from(["✅", "🤔", "❤️"]))))
def test_there_are_never_more_than_there_are_people(reactions: list[tuple[UserId, str]]) -> None:
    body = str(told(COUNTED, reactions)["body"])
    numbers = [int(word.strip(",")) for word in body.split() if word.strip(",").isdigit()]
    assert sum(numbers) == len({who for who, key in reactions if who != ME and key != "❤️"})
    assert MARK not in body
