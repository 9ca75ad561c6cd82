"""A rule that everybody meets is noticed before it meets anybody."""

from __future__ import annotations

from datetime import time

import pytest

from orchestrator.culture.sweeping import tamed, would_hit_everything
from orchestrator.documents.policy import Action, Files, Links, Mentions, Mode, Names, Often, Rule, When
from orchestrator.model.cadence import QuietHours
from orchestrator.model.ids import RoomKey
from tests.culture.evasions.policy import RULES
from tests.declared import policy


def a_rule(when: When) -> Rule:
    return Rule(id="r", when=when, then=Action.REMOVE, because="b", mode=Mode.ENFORCE, accept_misfires=True)


@pytest.mark.parametrize(
    "when",
    [
        When(patterns=(r".",)),
        When(patterns=(r"\w+",)),
        When(patterns=(r"[a-z]",)),
        When(patterns=(r"(?s).*\S",)),
        When(patterns=(r"\p{Cyrillic}",)),
        When(patterns=(r"\p{Han}",)),
        When(patterns=("zebra", "e|o|a")),
        When(patterns=(r".",), rooms=(RoomKey("quiet"),), member_for_less_than_ms=1, for_members=False, for_staff=True),
        When(patterns=(r".",), between=QuietHours(time(3), time(4))),
        When(patterns=(r".",), repeats=Often(times=5, within_ms=1)),
        When(names=Names(patterns=(r"\S",))),
        When(names=Names(words=("circlekeeper",))),
    ],
)
def test_a_rule_that_most_messages_or_the_bot_would_meet_is_known(when: When) -> None:
    assert would_hit_everything(a_rule(when), bot_names=("Circlekeeper", "keeper"))


@pytest.mark.parametrize(
    "when",
    [
        When(words=("the",)),
        When(words=("heavy",)),
        When(patterns=(r"\bbuy\b",)),
        When(links=Links(allow=())),
        When(files=Files()),
        When(mentions=Mentions(room=True)),
        When(invitations=True),
        When(rate=Often(times=5, within_ms=1)),
        When(names=Names(like_staff=True)),
        When(names=Names(words=("admin",))),
        When(),
    ],
)
def test_a_rule_that_looks_for_something_is_no_such_rule(when: When) -> None:
    assert not would_hit_everything(a_rule(when), bot_names=("Circlekeeper", "keeper"))


def test_no_rule_of_the_table_is_met_by_everything() -> None:
    assert not [rule.id for rule in RULES if would_hit_everything(rule, bot_names=("Circlekeeper",))]


def test_a_rule_that_everybody_would_meet_only_watches_and_the_others_act() -> None:
    wide, narrow = a_rule(When(patterns=(r"[a-z]",))), a_rule(When(words=("casino",)))
    before = policy(rules=[wide, narrow])
    after = tamed(before)
    assert [rule.mode for rule in after.rules] == [Mode.OBSERVE, Mode.ENFORCE]
    assert tamed(policy(rules=[narrow])).rules == (narrow,)
