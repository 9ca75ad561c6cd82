"""Every rule can be read in plain words, and none of the words that it looks for is told."""

from __future__ import annotations

from datetime import time

import pytest

from orchestrator.culture.rule_words import rule_in_words
from orchestrator.documents.policy import (
    Action,
    Files,
    Links,
    Mentions,
    Mode,
    Names,
    Often,
    Rule,
    Unless,
    When,
)
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.ids import RoomKey


def told(when: When, then: Action = Action.NUDGE, mode: Mode = Mode.ENFORCE) -> str:
    return rule_in_words(Rule(id="mine", when=when, then=then, because="b", mode=mode, accept_misfires=False))


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (When(words=("canary",)), "It looks for a word of its list."),
        (
            When(words=("canary", "bird"), patterns=("canary",)),
            "any of 2 words of its list and a pattern of its list.",
        ),
        (When(links=Links(allow=())), "It looks for links."),
        (When(links=Links(allow=("a.example", "b.example"))), "lead elsewhere than to a.example or b.example."),
        (When(links=Links(allow=None, deny=("bad.example",))), "It looks for links that lead to bad.example."),
        (When(files=Files()), "It looks for files of any kind."),
        (
            When(files=Files(kinds=frozenset({"video", "image"}), types=("application/pdf",))),
            "pictures, videos, or `application/pdf`.",
        ),
        (
            When(mentions=Mentions(room=True, at_least=8)),
            "calls to the whole room or calls to 8 people or more at once.",
        ),
        (When(repeats=Often(times=4, within_ms=5 * MINUTE_MS)), "the same said 4 times within 5 minutes."),
        (When(rate=Often(times=20, within_ms=MINUTE_MS)), "20 messages within 1 minute."),
        (When(invitations=True), "invitations into rooms or servers elsewhere."),
        (When(names=Names(like_staff=True)), "names that look like those of the people who keep these rooms."),
        (When(names=Names(words=("canary",))), "It looks for names on its list."),
        (When(links=Links(), member_for_less_than_ms=3 * DAY_MS), "Only for people who joined less than 3 days ago."),
        (When(invitations=True, for_staff=True, for_members=False), "Only for those who keep these rooms."),
        (When(invitations=True, rooms=(RoomKey("tuesday"),)), "Only in: `tuesday`."),
        (When(invitations=True, between=QuietHours(time(22), time(7))), "Only from 22:00 to 07:00."),
        (When(words=("canary",), outside_spoiler=True), "What stands in a spoiler is left alone."),
        (
            When(words=("canary",), unless_reacted=Unless(keys=("✅",), within_ms=10 * MINUTE_MS)),
            "It waits for 10 minutes, and lets it be if somebody reacts with ✅.",
        ),
    ],
)
def test_what_a_rule_looks_for_can_be_read(when: When, said: str) -> None:
    line = told(when)
    assert said in line
    assert "canary" not in line
    assert line.startswith("- `mine`: ")
    assert line.endswith("**It is on.**")


def test_what_only_watches_says_so() -> None:
    assert told(When(links=Links()), mode=Mode.OBSERVE).endswith("**For now it only watches.**")
