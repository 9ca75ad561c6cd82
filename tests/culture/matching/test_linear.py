"""Nobody keeps the judge busy: what a message costs grows with its length and with nothing else."""

# ruff: noqa: RUF001 - look-alikes are what this is about
from __future__ import annotations

import time

import pytest

from orchestrator.culture.rules import Author, Rulebook, fingerprint
from orchestrator.documents.policy import Action, Mode, Rule, When
from tests.culture.evasions.policy import RULES
from tests.culture.judging import a_message, a_scene
from tests.declared import policy

PATHOLOGICAL = (r"(a+)+$", r"(a|aa)+b", r"(.*)*x{50}y", r"([a-z]+ ?)+!", r"(x+x+)+y")
BOOK = Rulebook(
    policy(
        rules=[
            *RULES,
            Rule(
                id="slow",
                when=When(patterns=PATHOLOGICAL),
                then=Action.NUDGE,
                because="b",
                mode=Mode.ENFORCE,
                accept_misfires=False,
            ),
        ]
    )
)
MEMBER = Author(staff=False, since_ms=None)
CRUMBS = [
    "a", "a ", "x", "su.", "s u i c i d e ", "fuсk ", "с", "\u0336", "e\u0301", "k i l l ", "1", "a$", "||", "||a", "ab_",
    "*a", "\u200b", "i l ", "<", "<b", "<b>", "<a href=", "</span>", "<span data-mx-spoiler>", "&#", "&amp;", "<!--", '="',
    "#a:b.", "#", "!", "@a:b.", "matrix.to/#/", "matrix:r/", "> ", "> <@a:b> ", "自", "自 ", "자 ", "aaa bbb ", "aaab", "A5",
]  # fmt: skip


@pytest.mark.parametrize("crumb", CRUMBS)
def test_a_hostile_message_costs_in_proportion_to_its_length(crumb: str) -> None:
    def seconds(chars: int) -> float:
        text = (crumb * chars)[:chars]
        message = a_message(text, html=text, also=(text[:-1], ""), file_name=text)
        best = float("inf")
        for _ in range(2):
            begun = time.process_time()
            BOOK.judge(message, MEMBER, a_scene())
            fingerprint(message)
            best = min(best, time.process_time() - begun)
        return best

    seconds(1_000)
    # Linear is 8 times, quadratic 64.
    assert seconds(48_000) < 24 * max(seconds(6_000), 0.001)
