"""Commands: who may, who is told what, and that one person's many keep nobody from being heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.crafts import build_crafts
from orchestrator.engine.commands import PER_MINUTE, Words
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.events import Message
from orchestrator.model.ids import RoomId, UserId
from tests.culture.conftest import a_community, rule
from tests.declared import ANA, BO, CY, DEE, ME, documents
from tests.house import CIRCLE, CONTROL, SPACE, House, body_of, content_of, direct, house_of

RULE = "links-from-newcomers"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, documents(a_community(rule()))) as house:
        await house.open()
        await house.let_keepers_in()
        await house.join(CY, CIRCLE)
        await house.deliver()
        yield house


async def flood(house: House, words: str, count: int) -> list[str]:
    said = []
    for _ in range(count):
        await house.say(CY, words)
        said += [body_of(row) for row in await house.deliver()]
    return said


async def catch_up(house: House, message: Message) -> None:
    """Hear what was said while the bot was away."""
    update = RoomUpdate(room=message.room, membership="join", timeline=(message,))
    await house.engine.take(SyncBatch(since="s", until="s-late", rooms=(update,)), catching_up=True)


# -- floods ------------------------------------------------------------------------------------------------------------


async def test_too_many_commands_are_answered_with_one_friendly_word_and_then_not(house: House) -> None:
    said = await flood(house, "!who", PER_MINUTE + 5)
    assert len(said) == PER_MINUTE + 1
    assert "keep up" in said[-1]


async def test_what_is_said_to_another_bot_is_not_counted(house: House) -> None:
    assert await flood(house, "!play something", PER_MINUTE + 5) == []
    assert len(await flood(house, "!who", 1)) == 1


async def test_whoever_asks_for_a_person_is_heard_whatever_they_asked_before(house: House) -> None:
    await flood(house, "!who", PER_MINUTE + 5)
    await house.say(CY, "!raise")
    assert ["How soon" in said for said in await house.told(CY)] == [True]
    await house.say(CY, "!raise 2")
    assert await house.said(CONTROL)
    assert len(await house.told(CY)) == 1
    await house.deliver()
    assert await flood(house, "!raise", PER_MINUTE) == []


# -- what was said while the bot was away ------------------------------------------------------------------------------


async def test_a_hand_raised_while_the_bot_was_away_is_raised_for_a_day(house: House) -> None:
    message = house.message(CIRCLE, CY, "!raise")
    house.clock.at_ms += HOUR_MS
    await catch_up(house, message)
    assert len(await house.said(CONTROL)) == len(await house.told(CY)) == 1
    await house.deliver()
    late = house.message(CIRCLE, CY, "!raise")
    house.clock.at_ms += DAY_MS + 1
    await catch_up(house, late)
    assert await house.waiting("send") == []


async def test_other_commands_are_not_answered_when_nobody_waits_any_more(house: House) -> None:
    message = house.message(CIRCLE, CY, "!who")
    house.clock.at_ms += HOUR_MS
    await catch_up(house, message)
    assert await house.waiting() == []


async def test_a_misspelt_call_for_a_person_counts_once_it_is_corrected(house: House) -> None:
    first = await house.say(CY, "!riase")
    await house.deliver()
    await house.say(CY, "!who", edits=first)
    assert await house.waiting() == []
    await house.say(CY, "!raise", edits=first)
    assert len(await house.told(CY)) == 1


# -- who may -----------------------------------------------------------------------------------------------------------


async def test_a_lead_who_was_put_out_of_the_space_leads_nothing_from_a_private_room(house: House) -> None:
    await house.join(ANA, CIRCLE)
    await house.hear(replace(house.member(SPACE, ANA, "ban"), sender=BO))
    await house.whisper(ANA, f"!rule {RULE} observe")
    assert await house.waiting("amend") == []
    (said,) = await house.said(direct(ANA))
    assert said.startswith("You are a lead, but")
    assert said.endswith(f"ask one of them: {BO}")


# -- how it is said ----------------------------------------------------------------------------------------------------


async def test_help_shows_how_to_switch_a_rule_to_those_who_can(house: House) -> None:
    await house.say(CY, "!help")
    (said,) = await house.said(CIRCLE)
    assert "- !rule: the rules I check" in said
    await house.deliver()
    await house.say(ANA, "!help", CONTROL)
    (said,) = await house.said(CONTROL)
    assert "- !rule [NAME observe|enforce]: the rules I check" in said


async def test_whoever_cries_for_help_in_a_room_hears_of_a_person_first(house: House) -> None:
    await house.say(CY, "!help i don't know what to do")
    (said,) = await house.said(CIRCLE)
    assert said.startswith("If you would like a person to get in touch with you, write !raise")
    await house.deliver()
    await house.say(CY, "!help who can i talk to")
    (said,) = await house.said(CIRCLE)
    assert said.startswith("If you would like a person")
    await house.deliver()
    await house.say(CY, "!help who")
    (said,) = await house.said(CIRCLE)
    assert said.startswith("!who: who is on duty")


async def test_help_is_grouped_by_whom_it_is_for(house: House) -> None:
    await house.join(ANA, CIRCLE)
    await house.deliver()
    await house.say(ANA, "!help")
    (said,) = await house.said(CIRCLE)
    titles = ["For everybody", "For those who keep a room", "While you are on duty", "For leads"]
    found = [said.index(f"\n\n{title}\n\n") for title in titles]
    assert found == sorted(found)
    parts = dict(zip(titles, (said[a:b] for a, b in zip(found, [*found[1:], len(said)], strict=True)), strict=True))
    assert parts["For everybody"].splitlines()[4].startswith("- !raise")
    assert "- !swap [DAY]" in parts["For those who keep a room"]
    assert "- !mute @PERSON" in parts["While you are on duty"]
    assert "- !journal" in parts["For leads"]


async def test_what_somebody_may_not_do_is_explained_to_those_who_may(house: House) -> None:
    await house.say(CY, "!help !mute")
    (said,) = await house.said(CIRCLE)
    assert said == "Whoever is facilitating right now can do that. To see who it is, write !who."
    await house.deliver()
    await house.say(ANA, "!help mute", CONTROL)
    (said,) = await house.said(CONTROL)
    assert "- !mute @bo:grove.example 1d: for a day" in said


def test_what_help_says_of_each_command_fits_a_phone_and_has_examples_where_more_can_be_said() -> None:
    everything = [one for craft in build_crafts(documents(a_community(rule())), ME).features for one in craft.commands]
    assert len(everything) > 25
    assert [one.name for one in everything if len(f"!{one.name} {one.usage}") > 40] == []
    assert [one.name for one in everything if "|" in one.usage.split()] == []
    assert [one.name for one in everything if one.usage and one.listed and not one.examples] == []


async def test_what_help_says_last_is_no_part_of_its_list(house: House) -> None:
    await house.say(CY, "!help")
    (row,) = await house.waiting()
    assert str(content_of(row)["formatted_body"]).endswith(
        "</ul>\n<p>You can ask me all of this in private, too. I do not keep what you say.</p>"
    )


async def test_a_near_miss_is_answered_with_the_prefix_that_holds_here(tmp_path: Path) -> None:
    async with house_of(tmp_path, documents(replace(a_community(rule()), prefix="?"))) as house:
        await house.open()
        await house.deliver()
        await house.say(CY, "?hlep")
        assert await house.said(CIRCLE) == ["Did you mean ?help?"]


async def test_names_in_a_refusal_are_shown_as_people_and_nobody_is_called(tmp_path: Path) -> None:
    starred = UserId("@_ana_*bo*:grove.example")
    community = replace(a_community(rule()), leads=(starred, BO))
    async with house_of(tmp_path, documents(community)) as house:
        await house.open()
        await house.deliver()
        await house.say(DEE, f"!rule {RULE} observe")
        (row,) = await house.waiting()
        assert f"{starred}, {BO}" in body_of(row)
        assert f'">{starred}</a>' in str(content_of(row)["formatted_body"])
        assert content_of(row)["m.mentions"] == {}


def test_what_somebody_wrote_after_an_exclamation_mark_is_in_no_repr() -> None:
    assert "secret" not in repr(Words(name="secret", args=("secret",), known=False))


async def test_in_private_somebody_in_two_communities_hears_of_their_rooms_in_both_and_of_no_others(
    tmp_path: Path,
) -> None:
    names = {"grove": "Under the oak", "orchard": "Under the apple tree", "meadow": "In the grass"}
    three = []
    for key, name in names.items():
        made = a_community(key=key)
        three.append(replace(made, rooms=(replace(made.rooms[0], name=name), *made.rooms[1:])))
    async with house_of(tmp_path, documents(*three)) as house:
        await house.open()
        await house.join(CY, CIRCLE, RoomId("!orchard-tuesday"))
        await house.deliver()
        await house.whisper(CY, "!who")
        (said,) = await house.said(direct(CY))
        assert "Under the oak" in said
        assert "Under the apple tree" in said
        assert "grass" not in said
        assert "Lounge" not in said
