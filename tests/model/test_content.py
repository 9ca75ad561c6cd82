"""Messages: Markdown in, plain text and clean HTML out, and nobody notified who was not meant."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import content
from orchestrator.model.effects import Priority
from orchestrator.model.events import Message
from orchestrator.model.feature import Call, Now, Role
from orchestrator.model.ids import EventId, RoomId, UserId

ANA = UserId("@ana:grove.example")
LONGER = UserId("@ana:grove.example.org")
ODD = UserId("@_odd_*one*:grove.example")


def link(user: str, shown: str | None = None) -> str:
    return f'<a href="https://matrix.to/#/{user}">{shown or user}</a>'


def test_plain_words_need_no_html() -> None:
    assert content.text("Hello.") == {"msgtype": "m.text", "body": "Hello.", "m.mentions": {}}
    assert content.notice("Hello.") == {"msgtype": "m.notice", "body": "Hello.", "m.mentions": {}}


def test_markdown_is_read_by_people_with_and_without_html() -> None:
    said = content.text("**What** went _well_?\n\n- one\n- two\n\n[more](https://grove.example)")
    assert said["body"] == "What went well?\n\n- one\n- two\n\nmore (https://grove.example)"
    assert said["format"] == "org.matrix.custom.html"
    assert said["formatted_body"] == (
        "<p><strong>What</strong> went <em>well</em>?</p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"
        '<p><a href="https://grove.example">more</a></p>'
    )


def test_a_list_in_a_list_and_a_second_line_of_an_item_stand_where_they_belong() -> None:
    said = content.text("1. one\n\n   and more\n2. two\n   - inner\n\nend")
    assert said["body"] == "1. one\n  and more\n2. two\n  - inner\n\nend"


@pytest.mark.parametrize("evil", ["<script>alert(1)</script>", "<img src=x onerror=y>", "[x](javascript:alert(1))"])
def test_nothing_that_could_run_gets_into_the_html(evil: str) -> None:
    html = str(content.text(f"**hi** {evil}")["formatted_body"])
    assert set(re.findall(r"<(\w+)", html)) <= {"p", "strong", "a"}
    assert 'href="javascript' not in html


def test_who_is_mentioned_is_notified_and_shown_by_name() -> None:
    said = content.notice(f"{ANA} is here.", mentions=[ANA, ANA])
    assert said["m.mentions"] == {"user_ids": [ANA]}
    assert said["body"] == f"{ANA} is here."
    assert said["formatted_body"] == f"<p>{link(ANA)} is here.</p>"


def test_who_is_only_named_is_shown_by_name_and_not_notified() -> None:
    said = content.notice(f"{ANA} is here.", people=[ANA])
    assert said["m.mentions"] == {}
    assert said["formatted_body"] == f"<p>{link(ANA)} is here.</p>"


def test_an_id_is_never_taken_for_emphasis() -> None:
    said = content.notice(f"**{ODD}** and {ODD}.", mentions=[ODD])
    assert said["body"] == f"{ODD} and {ODD}."
    linked = link("@_odd_%2Aone%2A:grove.example", ODD)
    assert said["formatted_body"] == f"<p><strong>{linked}</strong> and {linked}.</p>"


@pytest.mark.parametrize("people", [[ANA, LONGER], [LONGER, ANA]])
def test_an_id_that_begins_like_another_is_not_taken_for_it(people: list[UserId]) -> None:
    html = content.notice(f"{LONGER}, {ANA}.", people=people)["formatted_body"]
    assert html == f"<p>{link(LONGER)}, {link(ANA)}.</p>"
    assert content.notice(f"{LONGER} and **so** on", people=[ANA])["formatted_body"] == (
        f"<p>{LONGER} and <strong>so</strong> on</p>"
    )


def test_an_id_in_a_list_of_people_is_found_before_any_punctuation() -> None:
    html = str(content.notice(f"({ANA}), {ANA}: {ANA}; {ANA}", people=[ANA])["formatted_body"])
    assert html == f"<p>({link(ANA)}), {link(ANA)}: {link(ANA)}; {link(ANA)}</p>"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sets(st.sampled_from([ANA, LONGER, ODD])))
def test_no_text_is_too_odd_to_be_said(markdown: str, people: set[UserId]) -> None:
    said = content.text(markdown, mentions=people, people=[ANA])
    assert said["m.mentions"] == ({"user_ids": sorted(people)} if people else {})
    assert "<script" not in str(said.get("formatted_body", ""))


def test_an_old_id_that_looks_like_a_sentence_does_not_pass_for_one_of_ours() -> None:
    sly = UserId("@eve is well.\n\n# Leads\u202e:elsewhere.example")
    said = content.text(f"{sly} would like someone to get in touch.", people=[sly])
    shown = "@eve\ufffdis\ufffdwell.\ufffd\ufffd#\ufffdLeads\ufffd:elsewhere.example"
    assert said["body"] == f"{shown} would like someone to get in touch."
    assert f">{shown}</a>" in str(said["formatted_body"])
    assert "%0A%0A%23%20Leads" in str(said["formatted_body"])  # the link leads to them all the same


def test_places_that_somebody_typed_are_left_alone() -> None:
    typed = "\ue0009\ue001 \ue0000\ue001"
    assert content.text(typed)["body"] == typed


def call(thread: EventId | None = None) -> Call:
    event = Message(
        room=RoomId("!tuesday"), id=EventId("$asked"), sender=ANA, at_ms=1, kind="m.text", body="!who", thread=thread
    )
    return Call(
        name="who", args=(), event=event, direct=False, role=Role.MEMBER, community=None, room_key=None, room=None
    )


def test_an_answer_goes_where_it_was_asked_and_is_wanted_for_two_minutes() -> None:
    answer = content.answer(call(), "Ana.", Now(at_ms=1_000, me=UserId("@keeper:grove.example")))
    assert (answer.room, answer.person, answer.priority) == ("!tuesday", ANA, Priority.REPLY)
    assert answer.expires_ms == 121_000
    assert answer.content["msgtype"] == "m.notice"
    assert answer.content["m.relates_to"] == {"m.in_reply_to": {"event_id": "$asked"}}


def test_an_answer_to_what_stood_in_a_thread_stands_in_it_too() -> None:
    answer = content.answer(call(EventId("$root")), "Ana.", Now(at_ms=0, me=UserId("@keeper:grove.example")))
    assert answer.content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": False,
        "m.in_reply_to": {"event_id": "$asked"},
    }


def test_a_permalink_opens_in_the_readers_own_client() -> None:
    assert content.permalink("!tuesday", "$asked") == "https://matrix.to/#/!tuesday/$asked"
