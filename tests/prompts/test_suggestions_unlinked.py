"""After a suggestion is decided nothing leads from it to a person: the rows would be the same, had it been another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.model.ids import UserId
from tests.declared import ANA, BO, CY, EVE
from tests.house import CIRCLE, CONTROL, direct
from tests.prompts.suggesting import QUESTION, Grove

Story = Callable[[Grove, UserId], None]


def taken(shop: Grove, user: UserId) -> None:
    shop.tap(ANA, "1")


def heavy(shop: Grove, user: UserId) -> None:
    shop.tap(ANA, "3")
    shop.tap(BO, "yes")


def declined(shop: Grove, user: UserId) -> None:
    shop.tap(ANA, "decline")


def put_off(shop: Grove, user: UserId) -> None:
    shop.tap(ANA, "later")
    shop.pass_days(70)


def taken_back(shop: Grove, user: UserId) -> None:
    shop.write(user, "!suggest back")
    shop.pass_days(1)


def lost(shop: Grove, user: UserId) -> None:
    copy = next(event for (where, event), content in shop.kept.items() if where == CONTROL and "body" in content)
    del shop.kept[CONTROL, copy]
    shop.tap(ANA, "2")


def lived(story: Story, user: UserId, *, days: float) -> Grove:
    shop = Grove()
    for somebody in (EVE, CY, ANA):  # everybody has written to the bot at some time
        shop.write(somebody, "!suggest")
    shop.suggest(user)
    shop.pass_days()
    assert shop.shown() == [QUESTION]
    story(shop, user)
    shop.pass_days(days)
    return shop


@pytest.mark.parametrize("story", [taken, heavy, declined, put_off, taken_back, lost])
def test_all_rows_are_the_same_whoever_it_was(story: Story) -> None:
    """But for the ids of events that were looked at, of which there are some of everybody who writes to the bot."""
    rows, said = [], []
    for user in (EVE, CY, ANA):
        shop = lived(story, user, days=2)
        rows.append([line for line in shop.everything() if 'INSERT INTO "decided"' not in line])
        said.append([shop.in_room(CONTROL), shop.in_room(CIRCLE)])
        assert shop.states() == []
        shop.close()
    assert rows[0] == rows[1] == rows[2]
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize("story", [taken, declined])
def test_until_they_are_told_nothing_but_that_stands_there(story: Story) -> None:
    rows = []
    for user in (EVE, CY):
        shop = lived(story, user, days=0)
        rows.append(set(shop.everything()))
        shop.close()
    differing = [line for line in rows[0] ^ rows[1] if 'INSERT INTO "decided"' not in line]
    assert len(differing) == 2
    for line in differing:
        assert line.startswith('INSERT INTO "timer"')
        assert "suggested:" in line
        assert QUESTION not in line
        assert "$" not in line


def test_until_it_is_decided_its_words_are_nowhere_and_after_a_decline_neither() -> None:
    shop = Grove()
    words = "Which quokka do you hum to?"

    def kept() -> bool:
        return any("quokka" in line for line in shop.everything())

    event = shop.write(EVE, f"!suggest {words}")
    assert not kept()
    shop.tap(EVE, "grove/tuesday", direct(EVE))
    assert not kept()
    shop.edit(EVE, event, f"!suggest {words} And why?")
    for _ in range(72):
        shop.pass_days(1 / 24)
        assert not kept()
    assert shop.shown() == [f"{words} And why?"]
    shop.tap(ANA, "later")
    shop.pass_days(20)
    assert not kept()
    shop.tap(ANA, "decline")
    assert not kept()
    shop.close()
