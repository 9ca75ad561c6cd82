"""The norms, the rules and the reasons, asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.acting.muting import FIRST_LOOK_MS
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, Mode, Rule
from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, RoomKey, UserId
from tests.declared import ANA, CY, DEE, documents
from tests.house import CIRCLE, CONTROL, House, body_of, content_of, direct, house_of

from .conftest import BECAUSE, a_community, a_grove, rule, write_levels

LINK = "https://evil.example/x"
RULE = "links-from-newcomers"
QUIET = RoomId("!quiet")


@pytest.fixture
async def watching(tmp_path: Path) -> AsyncIterator[House]:
    """Where the link rule only watches."""
    async with house_of(tmp_path, a_grove(rule(mode=Mode.OBSERVE))) as house:
        await house.open()
        await house.deliver()
        yield house


async def answer(house: House, room: RoomId = CIRCLE) -> str:
    (said,) = await house.said(room)
    return said


# -- rules -------------------------------------------------------------------------------------------------------------


async def test_the_rules_are_listed_in_plain_words(watching: House) -> None:
    await watching.say(CY, "!rule")
    said = await answer(watching)
    assert f"{RULE}:" in said
    assert "lead elsewhere than to grove.example" in said
    assert "joined less than 3 days ago" in said
    assert "takes the message down and tells its author why" in said
    assert "For now it only watches." in said


async def test_nobody_learns_from_the_rules_of_rooms_that_they_are_not_in(tmp_path: Path) -> None:
    everywhere = rule("shared")
    both = replace(rule("named"), when=replace(rule().when, rooms=(RoomKey("tuesday"), RoomKey("lounge"))))
    theirs = replace(rule("theirs"), when=replace(rule().when, rooms=(RoomKey("lounge"),)))
    found = a_community(everywhere, both, theirs)
    circle, lounge, quiet = found.rooms
    assert quiet.policy is None
    assert circle.policy is not None
    hidden = replace(circle.policy, document="hidden", rules=(rule("hidden"),))
    async with house_of(
        tmp_path, documents(replace(found, rooms=(circle, lounge, replace(quiet, policy=hidden))))
    ) as house:
        await house.open()
        await house.deliver()
        await house.join(CY, CIRCLE)
        await house.join(ANA, CIRCLE)
        for room, ask in ((CIRCLE, house.say), (direct(CY), house.whisper)):
            await ask(CY, "!rule")
            said = await answer(house, room)
            await house.deliver()
            assert "shared:" in said
            assert "named:" in said
            assert not any(word in said for word in ("hidden", "theirs", "lounge"))
            await ask(CY, "!rule hidden")
            assert "I know no rule of that name" in await answer(house, room)
            await house.deliver()
        await house.whisper(ANA, "!rule")
        said = await answer(house, direct(ANA))
        assert all(f"{name}:" in said for name in ("shared", "named", "theirs", "hidden"))


async def test_a_lead_switches_a_rule_on_and_hears_of_it_when_it_is_done(watching: House) -> None:
    asked = await watching.say(ANA, f"!rule {RULE} enforce", CONTROL)
    (row,) = await watching.waiting()
    assert row.kind == "amend"
    assert row.target == "policies/gentle-circle.yaml"
    assert row.payload == {"path": ["rules", RULE, "mode"], "value": "enforce", "by": ANA}
    await watching.deliver("amend")
    (said,) = await watching.waiting("send")
    assert said.room == CONTROL
    assert "From now on" in body_of(said)
    assert content_of(said)["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}


async def test_the_answer_stays_in_the_thread_it_was_asked_in(watching: House) -> None:
    root = await watching.say(ANA, "about links", CONTROL)
    asked = await watching.say(ANA, f"!rule {RULE} enforce", CONTROL, thread=root)
    await watching.deliver("amend")
    (said,) = await watching.waiting("send")
    relation = content_of(said)["m.relates_to"]
    assert relation == {
        "m.in_reply_to": {"event_id": asked},
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": False,
    }


async def test_a_change_that_cannot_be_written_is_said_plainly(watching: House) -> None:
    await watching.say(ANA, f"!rule {RULE} enforce", CONTROL)
    await watching.deliver("amend", outcome="refused")
    assert "it stays as it was" in await answer(watching, CONTROL)


@pytest.mark.parametrize("who", [CY, DEE])
@pytest.mark.parametrize("room", [CIRCLE, CONTROL])
async def test_nobody_but_a_lead_can_switch_a_rule(watching: House, who: str, room: RoomId) -> None:
    await watching.join(UserId(who), CIRCLE)
    await watching.say(UserId(who), f"!rule {RULE} enforce", room)
    assert await watching.waiting("amend") == []
    assert "Only a lead can switch a rule" in await answer(watching, room)


async def test_an_unknown_rule_is_answered_with_the_nearest_and_without_the_callers_words(watching: House) -> None:
    await watching.say(ANA, "!rule link-from-newcomer enforce", CONTROL)
    assert await answer(watching, CONTROL) == f"I know no rule of that name. The nearest is {RULE}."
    await watching.deliver()
    await watching.say(ANA, "!rule zzz enforce", CONTROL)
    assert "zzz" not in await answer(watching, CONTROL)
    assert "!rule lists" in await answer(watching, CONTROL)


async def test_what_a_rule_can_be_switched_to_is_explained(watching: House) -> None:
    for words in ("sometimes", "enforce now", "enforce please do"):
        await watching.say(ANA, f"!rule {RULE} {words}", CONTROL)
        assert "observe" in await answer(watching, CONTROL)
        await watching.deliver()


async def test_a_rule_that_is_on_already_is_not_written_again(watching: House) -> None:
    await watching.say(ANA, f"!rule {RULE} observe", CONTROL)
    assert "only watches already" in await answer(watching, CONTROL)


async def test_of_two_switches_in_a_row_the_last_word_counts(watching: House) -> None:
    await watching.say(ANA, f"!rule {RULE} enforce", CONTROL)
    await watching.say(ANA, f"!rule {RULE} observe", CONTROL)
    await watching.say(ANA, f"!rule {RULE} enforce", CONTROL)
    assert [row.payload["value"] for row in await watching.waiting("amend")] == ["enforce", "observe", "enforce"]
    await watching.say(ANA, f"!rule {RULE} enforce", CONTROL)
    assert len(await watching.waiting("amend")) == 3
    assert "already" in await answer(watching, CONTROL)


async def test_one_rule_can_be_looked_at(watching: House) -> None:
    await watching.say(CY, f"!rule `{RULE}`")
    assert "joined less than 3 days ago" in await answer(watching)


async def test_a_rule_made_to_watch_has_nothing_to_switch(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule(then=Action.OBSERVE))) as house:
        await house.open()
        await house.deliver()
        await house.say(ANA, f"!rule {RULE} observe", CONTROL)
        assert "nothing to switch" in await answer(house, CONTROL)


async def test_norms_shared_with_another_community_need_a_lead_of_both(tmp_path: Path) -> None:
    mine = a_community(rule(mode=Mode.OBSERVE))
    other = replace(a_community(rule(mode=Mode.OBSERVE), key="orchard"), leads=(DEE,))
    async with house_of(tmp_path, Documents(communities=(mine, other))) as house:
        await house.open()
        await house.deliver()
        await house.say(ANA, f"!rule {RULE} enforce", CONTROL)
        said = await answer(house, CONTROL)
        assert "Another community lives by these norms too" in said
        assert "Orchard" not in said
        assert await house.waiting("amend") == []


# -- reasons -----------------------------------------------------------------------------------------------------------


async def test_why_is_answered_in_private_also_when_it_is_asked_in_a_room(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver()
    await house.say(CY, "!why")
    assert await house.waiting("send") == []
    (row,) = await house.waiting("direct")
    assert row.target == CY
    assert BECAUSE in body_of(row)
    assert "6 January, 12:46: In Tuesday circle I took down a message of yours." in body_of(row)
    assert "forget this after 30 days" in body_of(row)
    await house.deliver()
    await house.whisper(CY, "!why")
    assert BECAUSE in await answer(house, direct(CY))


async def test_somebody_about_whom_nothing_is_kept_is_told_so(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!why")
    said = await answer(house, direct(CY))
    assert "nothing noted about you" in said
    assert "write !raise to me" in said


async def test_nobody_hears_of_what_was_done_to_others(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver()
    await house.say(ANA, "!why")
    assert "nothing noted about you" in (await house.said())[0]


async def test_a_private_answer_that_cannot_be_given_is_mentioned_in_the_room_without_its_content(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver()
    await house.say(CY, "!why")
    await house.deliver("direct", outcome="refused")
    said = await answer(house)
    assert "private chat" in said
    assert BECAUSE not in said


async def test_what_is_over_is_told_as_over(tmp_path: Path) -> None:
    async with house_of(tmp_path, a_grove(rule(then=Action.MUTE))) as house:
        await house.open()
        await house.join(CY, CIRCLE)
        await house.say(CY, LINK)
        await write_levels(house)
        await house.wait(FIRST_LOOK_MS)
        await house.deliver()
        await house.whisper(CY, "!why")
        assert "you can read along but not write until" in await answer(house, direct(CY))
        await house.deliver()
        await house.wait(DAY_MS)
        await house.whisper(CY, "!why")
        said = await answer(house, direct(CY))
        assert "you could read along but not write until 6 January, 13:46. That is over." in said


@pytest.fixture
async def twice(tmp_path: Path) -> AsyncIterator[House]:
    """Where Ana leads two communities, each with a rule of the same name."""
    both = (a_community(rule()), a_community(rule(mode=Mode.OBSERVE), key="orchard"))
    async with house_of(tmp_path, documents(*both)) as house:
        await house.open()
        await house.deliver()
        await house.join(ANA, CIRCLE, RoomId("!orchard-tuesday"))
        yield house


@pytest.mark.parametrize("asked", ["!rule", f"!rule {RULE}", f"!rule `{RULE.upper()}`"])
async def test_in_private_the_rules_of_several_communities_are_shown_under_their_names(
    twice: House, asked: str
) -> None:
    await twice.whisper(ANA, asked)
    said = await answer(twice, direct(ANA))
    grove, orchard = said.split("Orchard")
    assert "The Grove" in grove
    assert "It is on." in grove
    assert "For now it only watches." in orchard


async def test_in_private_nobody_switches_a_rule_of_a_community_that_they_did_not_mean(twice: House) -> None:
    await twice.whisper(ANA, f"!rule {RULE} observe")
    assert await twice.waiting("amend") == []
    said = await answer(twice, direct(ANA))
    assert "The Grove, Orchard" in said
    assert "in a room of the one you mean" in said
    await twice.deliver()
    await twice.say(ANA, f"!rule {RULE} enforce", RoomId("!orchard-tuesday"))
    assert len(await twice.waiting("amend")) == 1


async def test_in_private_a_rule_that_none_of_several_communities_has_is_said_not_to_be_there(twice: House) -> None:
    await twice.whisper(ANA, "!rule nothing")
    assert "I know no rule of that name" in await answer(twice, direct(ANA))


@pytest.mark.parametrize("order", [f"{RULE} enforce", f"enforce {RULE}", f"Enforce `{RULE}`"])
async def test_a_rule_can_be_switched_by_its_name_and_mode_in_either_order(watching: House, order: str) -> None:
    await watching.say(ANA, f"!rule {order}")
    (row,) = await watching.waiting("amend")
    assert (row.payload["path"], row.payload["value"]) == (["rules", RULE, "mode"], "enforce")


@pytest.mark.parametrize("now_there", [(), (rule("renamed"),), (rule(),), (rule(then=Action.MUTE),)])
async def test_what_was_done_is_told_as_it_was_whatever_the_rule_does_by_now(
    tmp_path: Path, now_there: tuple[Rule, ...]
) -> None:
    async with house_of(tmp_path, a_grove(rule(then=Action.NUDGE))) as house:
        await house.open()
        await house.join(CY, CIRCLE)
        await house.say(CY, LINK)
        await house.deliver()
        house.use(a_grove(*now_there))
        await house.engine.settle()
        await house.deliver()
        await house.whisper(CY, "!why")
        said = await answer(house, direct(CY))
        assert "about something you wrote. It stays where it is." in said


async def test_of_what_is_not_known_any_more_no_more_is_said_than_is_known(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, LINK)
    await house.deliver("redact", "direct")

    def forget(tx: Tx) -> None:
        tx.run("update reason set action = null where account = :account")  # as an older version noted it

    await house.store.run(forget)
    await house.whisper(CY, "!why")
    said = await answer(house, direct(CY))
    assert "In Tuesday circle, something you wrote met a rule that we have there." in said
    assert "took down" not in said


async def test_only_the_last_ten_things_are_listed(house: House) -> None:
    await house.join(CY, CIRCLE)
    for _ in range(13):
        await house.say(CY, LINK)
    await house.deliver("redact", "direct")
    await house.whisper(CY, "!why")
    said = await answer(house, direct(CY))
    assert said.count("I took down") == 10
    assert "3 things before that" in said


async def test_every_answer_speaks_the_language_of_the_community(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken: list[str] = []

    def note(message: str) -> str:
        from orchestrator.i18n import current_locale  # noqa: PLC0415 - read where it is spoken

        spoken.append(current_locale())
        return message

    for module in (
        "words",
        "commands",
        "hands.raising",
        "hands.words",
        "hands.calls",
        "hands.levels",
        "acting.words",
        "acting.control_words",
        "acting.commands",
    ):
        monkeypatch.setattr(f"orchestrator.culture.{module}._", note)
    german = replace(a_community(rule()), locale="de")
    async with house_of(tmp_path, Documents(communities=(german,))) as house:
        await house.open()
        await house.join(CY, CIRCLE)
        await house.say(CY, LINK)
        await house.deliver()
        for words in ("!rule", "!why", "!raise", "!raise 3", "!norms", "!rule nothing"):
            await house.say(CY, words)
            await house.deliver()
    assert len(spoken) > 10
    assert set(spoken) == {"de"}
