"""What a question is made of, and what follows it: each once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from orchestrator.documents.declared import Documents, Poll, PromptSchedule
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import Json
from orchestrator.prompts import Prompts, form
from orchestrator.store.outbox import Waiting
from tests.declared import CY, EVE, deck, documents, policy, question, room, schedule
from tests.declared import community as a_community
from tests.house import CIRCLE, content_of
from tests.prompts.test_craft import FIRST_MS, PINS
from tests.workshop import Workshop

ANSWERS = ("yes", "not today")


def a_poll(*, is_open: bool = True) -> Poll:
    return Poll(answers=ANSWERS, by_language=tuple({"en": answer} for answer in ANSWERS), open=is_open)


def asking(
    *, poll: Poll | None = None, note: str = "", thread: bool = True, pass_: bool = False, norms_line: bool = False
) -> PromptSchedule:
    asked = deck(question("Did you rest?", poll=poll, note=note))
    return schedule(asked=asked, thread=thread, pass_=pass_, norms_line=norms_line)


def said_in(shop: Workshop) -> list[Waiting]:
    """What waits to be sent into the circle."""
    return [row for row in shop.waiting() if row.room == CIRCLE]


def make(declared: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(declared)
    return (Prompts(declared, facilitation),), facilitation


def opened(declared: Documents) -> Workshop:
    """An hour before the first slot, with every desk, settled."""
    shop = Workshop(declared, make, at_ms=FIRST_MS - HOUR_MS)
    shop.open(EVE, CY)
    shop.heard_all_along(CIRCLE)
    shop.settle()
    return shop


def open_with(one: PromptSchedule) -> Workshop:
    circle = room("tuesday", prompts=[one], norms=policy())
    return opened(documents(a_community(circle)))


@pytest.fixture
def polled() -> Iterator[Workshop]:
    """A question with a poll and a sign to pass with, asked and on its way."""
    shop = open_with(asking(poll=a_poll(), pass_=True))
    shop.live(FIRST_MS)
    yield shop
    shop.close()


@pytest.mark.parametrize(
    ("thread", "pass_", "norms_line", "is_open", "note"),
    list(product(*[[False, True]] * 3, [None, False, True], ["", "x"])),
)
def test_every_combination_is_one_message_that_says_what_there_is(
    *, thread: bool, pass_: bool, norms_line: bool, is_open: bool | None, note: str
) -> None:
    poll = None if is_open is None else a_poll(is_open=is_open)
    one = asking(poll=poll, note=note, thread=thread, pass_=pass_, norms_line=norms_line)
    norms = policy()
    (asked,) = one.deck.prompts
    said = str(form.worded(asked, one, room("tuesday", norms=norms), "!")["body"])
    assert said.count("Did you rest?") == 1
    assert said.startswith("A word before") == bool(note)
    assert ("in a thread" in said) == thread
    assert ("🍃" in said) == pass_
    assert (norms.norms.summary in said) == norms_line
    assert ("- yes\n- not today" in said) == (poll is not None)
    assert ("can see who chose what" in said) == (is_open is True)
    assert ("shows when it ends" in said) == (is_open is False)
    assert said.count("is just as welcome") == 1
    assert "*" not in said
    assert "\n\n\n" not in said


def test_where_a_policy_has_no_summary_the_line_says_where_the_norms_are_and_without_policy_nothing() -> None:
    one = asking(norms_line=True)
    (asked,) = one.deck.prompts
    assert "norms" not in str(form.worded(asked, one, room("tuesday", norms=None), "!")["body"])


def test_a_poll_is_of_the_type_that_clients_know_and_readable_without() -> None:
    content = form.poll("Did you rest?", ANSWERS, is_open=True)
    assert content["org.matrix.msc1767.text"] == content["body"] == "Did you rest?\n1. yes\n2. not today"
    started = content[form.POLL_START]
    assert isinstance(started, dict)
    assert started["kind"] == "org.matrix.msc3381.poll.disclosed"
    assert started["max_selections"] == 1
    assert [one[form.TEXT] for one in answers(started) if isinstance(one, dict)] == [*ANSWERS]
    assert content["m.mentions"] == {}


def answers(started: dict[str, Json]) -> list[Json]:
    offered = started["answers"]
    assert isinstance(offered, list)
    return offered


def test_a_poll_a_sign_and_the_pin_follow_once_the_question_stands_there(polled: Workshop) -> None:
    (row,) = said_in(polled)
    assert row.payload["type"] == "m.room.message"
    event = polled.confirm(row.cause)
    poll, sign = said_in(polled)
    assert (poll.payload["type"], poll.room) == (form.POLL_START, CIRCLE)
    assert content_of(sign) == {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "🍃"}}
    (claim,) = polled.claims(CIRCLE, PINS)
    assert claim.value == {"pin": event, "unpin": []}
    polled.deliver()
    assert said_in(polled) == []
    assert polled.timers("prompts")[0].due_ms > FIRST_MS


def test_what_follows_is_the_same_whatever_became_of_the_deck_meanwhile(polled: Workshop) -> None:
    (row,) = said_in(polled)
    other = deck(question("Something else?"), name="gentle-checkin")
    polled.use(documents(a_community(room("tuesday", prompts=[schedule(asked=other, id="gentle-checkin.tue.1905")]))))
    polled.settle()
    polled.confirm(row.cause)
    poll, _sign = said_in(polled)
    assert str(content_of(poll)["body"]).startswith("Did you rest?")


@pytest.mark.parametrize("outcome", ["refused", "expired"])
def test_nothing_follows_a_question_that_was_never_posted(polled: Workshop, outcome: str) -> None:
    (row,) = said_in(polled)
    polled.confirm(row.cause, "refused" if outcome == "refused" else "expired")
    assert said_in(polled) == []


def test_a_poll_whose_votes_show_at_its_end_is_ended_once() -> None:
    shop = open_with(asking(poll=a_poll(is_open=False)))
    shop.live(FIRST_MS)
    shop.deliver()
    (row,) = said_in(shop)
    poll = shop.confirm(row.cause)
    shop.settle()
    shop.live(FIRST_MS + form.CLOSED_MS - 1)
    assert said_in(shop) == []
    shop.live(FIRST_MS + form.CLOSED_MS)
    (row,) = said_in(shop)
    assert row.payload["type"] == form.POLL_END
    assert content_of(row)["m.relates_to"] == {"rel_type": "m.reference", "event_id": poll}
    shop.deliver()
    shop.live(FIRST_MS + 5 * DAY_MS)
    assert said_in(shop) == []
    shop.close()


def test_an_open_poll_goes_on(polled: Workshop) -> None:
    polled.deliver()
    polled.deliver()
    assert not [timer for timer in polled.timers("prompts") if timer.key.startswith("poll:")]
