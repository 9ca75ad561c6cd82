"""What a message is judged to be, and what it is not."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.culture.rules import Author, Rulebook, Scene, own_words
from orchestrator.documents.policy import Action, Links, Mode, Rule, When
from orchestrator.model.clock import DAY_MS
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, RoomId, RoomKey
from tests.declared import CY, policy

NOW_MS = 1_767_700_000_000
LINK = "look: https://evil.example/x"


def a_rule(
    name: str = "links",
    *,
    allow: tuple[str, ...] | None = ("grove.example",),
    new: int | None = None,
    then: Action = Action.REMOVE,
    mode: Mode = Mode.ENFORCE,
) -> Rule:
    return Rule(
        id=name,
        when=When(links=None if allow is None else Links(allow=allow), member_for_less_than_ms=new),
        then=then,
        because="Links open up after three days.",
        mode=mode,
        accept_misfires=False,
    )


def a_message(body: str = LINK, **more: object) -> Message:
    message = Message(room=RoomId("!a"), id=EventId("$a"), sender=CY, at_ms=NOW_MS, kind="m.text", body=body)
    return replace(message, **more)  # type: ignore[arg-type]


def met(
    *rules: Rule, message: Message | None = None, since_ms: int | None = None, staff: bool = False, now_ms: int = NOW_MS
) -> list[tuple[str, bool]]:
    author = Author(staff=staff, since_ms=since_ms)
    scene = Scene(
        at_ms=now_ms,
        zone=ZoneInfo("Europe/Berlin"),
        room=RoomKey("tuesday"),
        repeated=lambda _within_ms: 1,
        written=lambda _within_ms: 1,
    )
    verdicts = Rulebook(policy(rules=rules)).judge(message or a_message(), author, scene)
    return [(verdict.rule.id, verdict.acts) for verdict in verdicts]


def test_a_link_elsewhere_meets_the_rule_and_a_link_home_does_not() -> None:
    assert met(a_rule()) == [("links", True)]
    assert met(a_rule(), message=a_message("https://grove.example/x")) == []
    assert met(a_rule(allow=()), message=a_message("https://grove.example/x")) == [("links", True)]


def test_a_rule_that_only_watches_does_not_act() -> None:
    assert met(a_rule(mode=Mode.OBSERVE)) == [("links", False)]
    assert met(a_rule(then=Action.OBSERVE)) == [("links", False)]


def test_every_rule_that_is_met_is_told_in_order() -> None:
    rules = (a_rule("a"), a_rule("b", mode=Mode.OBSERVE), a_rule("c", allow=("evil.example",)))
    assert met(*rules) == [("a", True), ("b", False)]


def test_a_rule_that_looks_for_nothing_is_met_by_nothing() -> None:
    assert met(a_rule(allow=None, new=3 * DAY_MS), since_ms=NOW_MS) == []
    assert met(a_rule(allow=None)) == []


def test_staff_are_exempt() -> None:
    assert met(a_rule(), staff=True) == []


@pytest.mark.parametrize(
    ("since_ms", "is_new"),
    [
        (NOW_MS, True),
        (NOW_MS - 3 * DAY_MS + 1, True),
        (NOW_MS - 3 * DAY_MS, False),
        (NOW_MS - 30 * DAY_MS, False),
        (NOW_MS + DAY_MS, True),  # their server's clock is ahead of ours
        (None, False),  # nobody is a newcomer by our not knowing
    ],
)
def test_newcomers_are_those_who_joined_less_than_so_long_ago(since_ms: int | None, is_new: bool) -> None:
    assert bool(met(a_rule(new=3 * DAY_MS), since_ms=since_ms)) is is_new


def test_a_message_read_late_is_judged_by_the_day_it_was_written() -> None:
    joined_ms, read_ms = NOW_MS - DAY_MS, NOW_MS + 10 * DAY_MS
    assert met(a_rule(new=3 * DAY_MS), since_ms=joined_ms, now_ms=read_ms)


def test_a_server_that_lies_about_the_time_makes_nobody_older() -> None:
    from_the_future = a_message(at_ms=NOW_MS + 400 * DAY_MS)
    assert met(a_rule(new=3 * DAY_MS), message=from_the_future, since_ms=NOW_MS - DAY_MS)


def test_an_edit_is_judged_by_its_new_text() -> None:
    assert met(a_rule(), message=a_message(edits=EventId("$harmless")))


@pytest.mark.parametrize("also", [(f"* {LINK}", ""), ("", f"<i>{LINK}</i>")])
def test_what_an_edit_says_to_clients_that_know_no_edits_is_judged_too(also: tuple[str, str]) -> None:
    assert met(a_rule(), message=a_message("hi", edits=EventId("$harmless"), also=also))


def test_an_edit_of_a_reply_does_not_answer_for_what_the_reply_quoted() -> None:
    quoting = f"> <@ana:grove.example> {LINK}\n\n* hi", f"<mx-reply>{LINK}</mx-reply>* hi"
    assert not met(a_rule(), message=a_message("hi", edits=EventId("$harmless"), also=quoting))


def test_the_markup_is_judged_too() -> None:
    message = a_message("grove.example", html='<a href="https://evil.example">grove.example</a>')
    assert met(a_rule(), message=message)


def test_nobody_answers_for_what_they_quote() -> None:
    body = f"> <@ana:grove.example> {LINK}\n> and more\n\nthank you, that helps"
    html = f"<mx-reply><blockquote>{LINK}</blockquote></mx-reply>thank you"
    quoting = a_message(body, html=html, reply_to=EventId("$q"))
    assert own_words(quoting) == ("\nthank you, that helps", "thank you")
    assert met(a_rule(), message=quoting) == []
    assert met(a_rule(), message=replace(quoting, body=f"{body} {LINK}"))
    assert met(a_rule(), message=replace(quoting, html=f"{html} {LINK}"))


def test_a_link_that_only_one_side_of_a_quotation_shows_was_put_there() -> None:
    reply = EventId("$q")
    quoted = f"> <@ana:grove.example> {LINK}\n\nthank you"
    for html in ("", "thank you", "<mx-reply>look: https://grove.example</mx-reply>thank you"):
        assert met(a_rule(), message=a_message(quoted, html=html, reply_to=reply)), html
    assert met(a_rule(), message=a_message("thank you", html=f"<mx-reply>{LINK}</mx-reply>thank you", reply_to=reply))


def test_who_quotes_themselves_answers_for_it() -> None:
    quoted, html = f"> <{CY}> {LINK}\n\nas I said", f"<mx-reply>{LINK}</mx-reply>as I said"
    assert met(a_rule(), message=a_message(quoted, html=html, reply_to=EventId("$q")))


def test_a_quotation_that_clients_put_into_a_thread_is_one() -> None:
    quoted, html = f"> <@ana:grove.example> {LINK}\n\nyes", f"<mx-reply>{LINK}</mx-reply>yes"
    assert not met(a_rule(), message=a_message(quoted, html=html, thread=EventId("$root")))
    assert met(a_rule(), message=a_message(quoted, html=html))


def test_what_only_looks_like_a_quotation_is_read() -> None:
    assert met(a_rule(), message=a_message(f"> <@ana:grove.example> {LINK}"))  # it answers nothing
    assert met(a_rule(), message=a_message(f"> {LINK}\n\nhm", reply_to=EventId("$q")))
    assert met(a_rule(), message=a_message("x", html=f"<mx-reply>{LINK}", reply_to=EventId("$q")))


@given(st.text(), st.text(), st.booleans())
def test_no_message_makes_the_judge_stumble(body: str, html: str, reply: bool) -> None:
    met(a_rule(), message=a_message(body, html=html, reply_to=EventId("$q") if reply else None))
