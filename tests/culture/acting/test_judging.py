"""Rules that wait for a reaction, that count, and that look at names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.policy import Action, Links, Names, Often, Unless, When
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.events import Reaction, Redaction
from orchestrator.model.ids import EventId, UserId
from tests.culture.conftest import a_grove, rule
from tests.declared import ANA, CY, DEE, EVE, ME
from tests.house import CIRCLE, House, body_of, house_of

from .test_removals import kept_in

LINK = "see https://spam.example/x"
Open = Callable[[When, Action], AbstractAsyncContextManager[House]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open a house with one rule."""

    @asynccontextmanager
    async def open_(when: When, then: Action) -> AsyncIterator[House]:
        one = replace(rule(then=then), when=when)
        async with house_of(tmp_path, a_grove(one)) as house:
            await house.open()
            await house.let_keepers_in()
            await house.deliver()
            await house.join(CY, CIRCLE)
            yield house

    return open_


def reaction(house: House, to: EventId, by: UserId, key: str = "✅") -> Reaction:
    return Reaction(room=CIRCLE, id=house.next_id(), sender=by, at_ms=house.clock.at_ms, target=to, key=key)


def unless(by: str) -> When:
    return replace(
        rule(new=False).when,
        unless_reacted=Unless(keys=("✅",), within_ms=10 * MINUTE_MS, by=by),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("by", "who", "key", "gone"),
    [
        ("staff", DEE, "✅", False),
        ("staff", CY, "✅", True),
        ("staff", DEE, "🎉", True),
        ("author", CY, "✅", False),
        ("author", DEE, "✅", True),
        ("anyone", EVE, "✅", False),
    ],
)
async def test_a_reaction_lets_a_message_be_if_it_is_the_right_one(
    opened: Open, by: str, who: UserId, key: str, gone: bool
) -> None:
    async with opened(unless(by), Action.REMOVE) as house:
        link = await house.say(CY, LINK)
        await house.hear(reaction(house, link, who, key))
        house.begin_anew()
        await house.wait(9 * MINUTE_MS)
        assert await house.waiting("redact") == []
        await house.wait(2 * MINUTE_MS)
        assert [row.target for row in await house.waiting("redact")] == [link] * gone


async def test_nothing_is_waited_for_under_a_message_that_is_gone(opened: Open) -> None:
    async with opened(unless("staff"), Action.REMOVE) as house:
        link = await house.say(CY, LINK)
        away = Redaction(room=CIRCLE, id=house.next_id(), sender=CY, at_ms=house.clock.at_ms, target=link)
        await house.hear(away)
        await house.wait(20 * MINUTE_MS)
        assert await house.waiting("redact") == []


async def test_the_same_again_and_again_is_counted_in_memory_only(opened: Open, tmp_path: Path) -> None:
    async with opened(When(repeats=Often(times=3, within_ms=5 * MINUTE_MS)), Action.REMOVE) as house:
        await house.say(CY, "unforgettable-words")
        await house.say(CY, "something else")
        await house.say(CY, "unforgettable-words")
        await house.say(EVE, "unforgettable-words")
        assert await house.waiting("redact") == []
        third = await house.say(CY, "Unforgettable-Words")
        assert [row.target for row in await house.waiting("redact")] == [third]
        await house.wait(6 * MINUTE_MS)
        await house.say(CY, "unforgettable-words")
        assert len(await house.waiting("redact")) == 1
        await house.deliver()
        assert b"nforgettable" not in kept_in(tmp_path).lower()


async def test_many_messages_are_counted_by_their_own_time(opened: Open) -> None:
    async with opened(When(rate=Often(times=4, within_ms=MINUTE_MS)), Action.REMOVE) as house:
        late = [replace(house.message(CIRCLE, CY, f"{n}"), at_ms=house.clock.at_ms - n * MINUTE_MS) for n in range(9)]
        await house.hear(*reversed(late))  # said over nine minutes, and heard at once after an outage
        assert await house.waiting("redact") == []
        for n in range(4):
            await house.say(CY, f"now {n}")
        assert len(await house.waiting("redact")) > 0


async def come(house: House, user: UserId, name: str) -> EventId:
    member = replace(house.member(CIRCLE, user), name=name)
    await house.hear(member)
    return member.id


async def test_what_pretends_to_edit_counts_as_what_it_is_and_an_edit_of_ones_own_does_not(opened: Open) -> None:
    async with opened(When(rate=Often(times=4, within_ms=MINUTE_MS)), Action.REMOVE) as house:
        theirs, mine = await house.say(EVE, "hello"), await house.say(CY, "hello")
        for n in range(5):
            await house.say(CY, f"hello {n}", edits=mine)
        assert await house.waiting("redact") == []
        for to in (theirs, EventId("$nothing")):
            await house.say(CY, "flood", edits=to)
        assert await house.waiting("redact") == []
        fourth = await house.say(CY, "flood", edits=theirs)
        assert [row.target for row in await house.waiting("redact")] == [fourth]


async def test_what_is_written_as_a_reaction_is_judged_and_what_is_a_sign_is_not(opened: Open) -> None:
    async with opened(When(links=Links(allow=("grove.example",)), words=()), Action.REMOVE) as house:
        said = await house.say(EVE, "hello")
        for key in ("👍", "+1", "🇩🇪", "mxc://far.example/abc", "4️⃣", "see grove.example", "agreed"):
            await house.hear(reaction(house, said, CY, key))
        await house.hear(reaction(house, said, ANA, "spam.example"))
        assert await house.waiting("redact") == []
        words = reaction(house, said, CY, "spam.example/unforgettable-words")
        await house.hear(words)
        assert [row.target for row in await house.waiting("redact")] == [words.id]
        await house.deliver("redact")
        assert len(await house.told(CY)) == 1


async def test_a_name_like_that_of_somebody_who_looks_after_others_is_taken_down(opened: Open) -> None:
    async with opened(When(names=Names(like_staff=True)), Action.REMOVE) as house:
        await come(house, ANA, "Willow of the Grove")
        await come(house, CY, "Cy")
        assert await house.waiting("redact") == []
        passing = await come(house, EVE, "W\u0131llow of the Grove")
        local = await come(house, CY, "keeper")
        assert [row.target for row in await house.waiting("redact")] == [passing, local]
        await house.deliver("redact")
        words = [body_of(row) for row in await house.waiting("direct")]
        assert all("the name you go by there" in word for word in words)
        assert "Willow" not in "".join(words)
        assert "Willow" not in repr(house.engine._windows)


async def test_what_staff_are_called_is_known_right_after_a_restart_and_of_nobody_else(opened: Open) -> None:
    async with opened(When(names=Names(like_staff=True)), Action.REMOVE) as house:
        house.begin_anew()
        house.engine.know_names({ANA: "Willow of the Grove", ME: "The Lantern", EVE: "Plum"})
        assert "Plum" not in house.engine._windows.called.values()
        passing = [await come(house, EVE, "W\u0131llow of the Grove"), await come(house, EVE, "the  lantern")]
        await come(house, CY, "Plum")
        assert [row.target for row in await house.waiting("redact")] == passing
        await come(house, ANA, "Ana")
        house.engine.know_names({ANA: "Willow of the Grove"})  # read before she changed it
        assert house.engine._windows.called[ANA] == "Ana"
