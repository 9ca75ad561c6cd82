"""What those who keep a room can do by hand, what can be undone from its line, and what people can ask to be looked at again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture.acting.muting import FIRST_LOOK_MS
from orchestrator.documents.policy import Action
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import SetMembership
from orchestrator.model.events import Reaction, State
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import claims, mirror, outbox
from tests.culture.conftest import a_community, a_grove, refuse_levels, rule, write_levels
from tests.declared import ANA, BO, CY, DEE, EVE, ME, documents
from tests.house import CIRCLE, CONTROL, House, body_of, house_of

LINK = "see https://spam.example/x"
QUIET = RoomId("!quiet")
LOUNGE = RoomId("!lounge")
KEEPERS: dict[str, int] = {ANA: 100, DEE: 50}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, a_grove(rule(then=Action.RAISE, new=False), history="shared")) as house:
        await house.open(history="shared")
        await house.let_keepers_in()
        await house.deliver()
        for user in (ANA, BO, DEE, CY):
            await house.join(user, CIRCLE, LOUNGE, QUIET)
        await levels(house, ANA, KEEPERS)
        yield house


async def muted(house: House) -> dict[RoomId, int | None]:
    return {claim.room: claim.until_ms for claim in await house.store.run(claims.claims_of, "mute")}


async def choose(house: House, key: str, by: UserId = ANA) -> None:
    """React to the one question that is open."""
    (row,) = await house.rows("select room, event from question")
    await house.hear(
        Reaction(
            room=RoomId(str(row["room"])),
            id=house.next_id(),
            sender=by,
            at_ms=house.clock.at_ms,
            target=EventId(str(row["event"])),
            key=key,
        )
    )


async def levels(house: House, sender: UserId, users: Mapping[str, int]) -> None:
    """Let somebody write power levels."""
    await house.hear(
        State(
            room=CIRCLE,
            id=house.next_id(),
            sender=sender,
            at_ms=house.clock.at_ms,
            type="m.room.power_levels",
            key="",
            content={"users": {**users}},
        )
    )


async def until_muted(house: House) -> None:
    await write_levels(house)
    await house.store.run(_keep_levels, house)
    await house.wait(FIRST_LOOK_MS)


def _keep_levels(tx: Tx, house: House) -> None:
    """Be the writer of shared state, where somebody beside the leads is on duty."""
    mutes = {claim.path[1]: claim.value for claim in claims.claims_of(tx, "mute")}
    state = house.state(CIRCLE, "m.room.power_levels", {"users": {**KEEPERS, **mutes}})
    mirror.see_state(tx, CIRCLE, state.type, "", state.id, ME, state.content)


@pytest.mark.parametrize("by", [ANA, DEE])
async def test_whoever_keeps_a_room_mutes_in_it_for_as_long_as_they_say(house: House, by: UserId) -> None:
    await house.say(by, f"!mute {CY} 30m")
    assert await muted(house) == {CIRCLE: house.clock.at_ms + 30 * MINUTE_MS}
    await house.deliver()
    await until_muted(house)
    assert "One of the people who look after the room decided that" in (await house.told(CY))[0]
    (line,) = await house.said(CONTROL)
    assert f"because {by} asked me to" in line


@pytest.mark.parametrize(
    ("by", "words", "said"),
    [
        (CY, f"!mute {EVE} 1h", "Whoever is facilitating"),
        (ANA, "!mute 1h", "Whom do you mean"),
        (ANA, f"!mute {EVE}", "I do not see them"),
        (ANA, f"!mute {CY} 5s", "How long"),
        (ANA, f"!mute {CY} 900d", "How long"),
        (ANA, f"!mute {DEE} 1h", "look after"),
        (DEE, f"!mute {CY} 1h everywhere", "it takes a lead"),
    ],
)
async def test_a_mute_that_may_not_be_or_is_not_plain_is_refused_kindly(
    house: House, by: UserId, words: str, said: str
) -> None:
    await house.say(by, words)
    assert await muted(house) == {}
    assert said in body_of((await house.waiting())[0])


async def test_a_lead_mutes_in_all_rooms_and_it_is_told_once_it_is_so_there(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 1h everywhere", CONTROL)
    assert set(await muted(house)) == {CIRCLE, LOUNGE, QUIET}
    await house.say(ANA, f"!unmute {CY}", CONTROL)
    assert await muted(house) == {}


async def test_a_mute_is_undone_from_its_line_in_the_control_room(house: House) -> None:
    await house.say(ANA, f"!mute {CY}")
    await until_muted(house)
    await house.deliver()
    await choose(house, "↩️", CY)
    assert await muted(house) != {}
    await choose(house, "↩️", DEE)
    assert await muted(house) == {}
    assert "You can write again in Tuesday circle" in (await house.told(CY))[0]
    assert "can write again in Tuesday circle" in (await house.said(CONTROL))[0]
    await house.deliver()
    await house.whisper(CY, "!why")
    assert "That is over" in body_of((await house.waiting())[0])


async def test_whoever_keeps_one_room_does_not_undo_what_a_lead_did_in_all_of_them(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 1h everywhere", CONTROL)
    await until_muted(house)
    await house.wait(MINUTE_MS)
    await house.say(EVE, "hello", LOUNGE)  # so that it is plain that in the others it could not be
    await house.wait(MINUTE_MS)
    await house.deliver()
    await choose(house, "↩️", DEE)
    assert set(await muted(house)) == {CIRCLE}
    await choose(house, "↩️", ANA)
    assert await muted(house) == {}


async def test_undoing_a_pause_in_one_room_leaves_the_one_in_another_as_it_is(house: House) -> None:
    await house.say(ANA, f"!mute {CY}")
    await until_muted(house)
    await house.deliver()
    await house.say(ANA, f"!mute {CY}", LOUNGE)
    await choose(house, "↩️", DEE)
    assert set(await muted(house)) == {LOUNGE}


async def test_staff_can_pause_somebody_in_a_room_without_a_policy(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 30m", QUIET)
    assert await muted(house) == {QUIET: house.clock.at_ms + 30 * MINUTE_MS}
    await house.deliver()

    def write(tx: Tx) -> None:
        state = house.state(QUIET, "m.room.power_levels", {"users": {ANA: 100, CY: -1}})
        mirror.see_state(tx, QUIET, state.type, "", state.id, ME, state.content)

    await house.store.run(write)
    await house.wait(FIRST_LOOK_MS)
    (word,) = await house.told(CY)
    assert "can read along but not write" in word
    assert "!norms" not in word  # there are none
    assert len(await house.said(CONTROL)) == 1
    await house.deliver()
    await choose(house, "↩️")
    assert await muted(house) == {}


async def test_a_message_is_taken_down_in_a_room_without_a_policy_and_its_author_can_ask(house: House) -> None:
    said = await house.say(CY, "words-to-forget", QUIET)
    await house.say(EVE, "!remove", QUIET, reply_to=said)
    assert await house.waiting("redact") == []
    await house.deliver()
    await house.say(ANA, "!remove", QUIET, reply_to=said)
    assert [row.target for row in await house.deliver("redact")] == [said]
    (word,) = await house.told(CY)
    assert "I took down a message of yours" in word
    assert "!norms" not in word
    await house.deliver()
    await house.say(ANA, "!journal", CONTROL)
    assert f"took something of {CY} down" in (await house.said(CONTROL))[0]
    await house.deliver()
    await house.whisper(CY, "!appeal")
    assert CY in (await house.said(CONTROL))[0]


async def test_who_gives_a_voice_back_by_hand_has_the_last_word(house: House) -> None:
    await house.say(ANA, f"!mute {CY}")
    await until_muted(house)
    await house.deliver()
    await levels(house, ANA, {**KEEPERS, CY: 10})
    assert await muted(house) == {}
    left = await house.store.run(claims.claims_on, CIRCLE, "m.room.power_levels", "", house.clock.at_ms)
    assert [claim for claim in left if claim.owner == "mute"] == []  # nothing is put back later, either


async def test_what_another_changes_before_it_stands_there_undoes_no_mute(house: House) -> None:
    await house.say(ANA, f"!mute {CY}")
    await levels(house, ANA, KEEPERS)
    assert set(await muted(house)) == {CIRCLE}


async def test_what_stood_there_before_is_remembered_and_put_back(house: House) -> None:
    await levels(house, ANA, {**KEEPERS, CY: 20})
    await house.say(ANA, f"!mute {CY} 1h")
    await house.say(ANA, f"!mute {CY} 2h")  # while it stands, or is about to

    def before(tx: Tx) -> list[object]:
        return [claim.before for claim in claims.claims_of(tx, "mute")]

    assert await house.store.run(before) == [(20,)]


async def test_a_shorter_mute_does_not_end_a_longer_one(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 5h")
    until_ms = house.clock.at_ms + 5 * HOUR_MS
    await house.say(ANA, f"!mute {CY} 1h")
    assert await muted(house) == {CIRCLE: until_ms}


async def test_a_message_is_taken_down_by_a_reply_and_its_author_is_told(house: House) -> None:
    said = await house.say(CY, "unkind words")
    await house.say(CY, "!remove", reply_to=said)
    assert await house.waiting("redact") == []
    await house.deliver()
    await house.say(DEE, "!remove", reply_to=said)
    assert [row.target for row in await house.deliver("redact")] == [said]
    (word,) = await house.told(CY)
    assert "I took down a message of yours" in word
    assert "unkind" not in word


async def test_whose_message_it_was_is_said_to_be_unknown_after_a_restart(house: House) -> None:
    said = await house.say(CY, "unkind words")
    house.begin_anew()
    await house.say(DEE, "!remove", reply_to=said)
    assert [row.target for row in await house.deliver("redact")] == [said]
    assert "do not know any more who wrote it" in (await house.told(DEE))[0]
    assert await house.told(CY) == []


@pytest.mark.parametrize(("key", "kinds"), [("👀", []), ("🧹", ["redact"]), ("👌", [])])
async def test_what_needs_a_look_is_acted_on_by_reaction(house: House, key: str, kinds: list[str]) -> None:
    link = await house.say(CY, LINK)
    await house.deliver()
    await choose(house, key)
    assert [row.kind for row in await house.waiting() if row.kind != "send"] == kinds
    assert len(await house.said(CONTROL)) == 1
    assert all(row.target == link for row in await house.waiting("redact"))
    await house.deliver("redact")
    assert len(await house.told(CY)) == len(kinds)


async def test_what_needs_a_look_can_become_a_pause(house: House) -> None:
    await house.say(CY, LINK)
    await house.deliver()
    await choose(house, "🔇", DEE)
    assert await muted(house) == {CIRCLE: house.clock.at_ms + HOUR_MS}


async def test_an_appeal_goes_to_the_leads_once_without_words_and_is_answered(house: House) -> None:
    said = await house.say(CY, "words-to-forget")
    await house.say(DEE, "!remove", reply_to=said)
    await house.deliver()
    await house.whisper(CY, "!appeal words-to-forget")
    await house.whisper(CY, "!appeal again")
    (asked,) = await house.said(CONTROL)
    assert "words-to-forget" not in asked
    assert CY in asked
    assert f"https://matrix.to/#/{CIRCLE}/{said}" in asked
    await house.deliver()
    await choose(house, "👌", DEE)  # it takes a lead
    assert await house.told(CY) == []
    await choose(house, "👌", ANA)
    (word,) = await house.told(CY)
    assert "it stays as it is" in word


async def test_an_appeal_that_nobody_answers_ends_plainly(house: House) -> None:
    said = await house.say(CY, "hm")
    await house.say(DEE, "!remove", reply_to=said)
    await house.deliver()
    await house.whisper(CY, "!appeal")
    await house.deliver()
    house.clock.at_ms += 8 * DAY_MS
    await house.engine._transact(lambda intake, turn: intake.take_due(turn))
    assert any("nobody has answered me" in word for word in await house.told(CY))


async def test_whose_ban_was_lifted_is_not_told_that_they_were_taken_out(house: House) -> None:
    def lifted(tx: Tx) -> None:
        change = SetMembership(
            step="x", room=CIRCLE, user=CY, membership="leave", only_from=("ban",), rule="unban", tag=""
        )
        outbox.record(tx, "$asked", "rooms", change, house.clock.at_ms)

    await house.store.run(lifted)
    await house.deliver("member")
    await house.hear(house.member(CIRCLE, CY, "leave"))
    await house.whisper(CY, "!why")
    (said,) = [body_of(row) for row in await house.waiting() if "lifted the ban" in body_of(row)]
    assert "took you out" not in said


async def test_without_anything_done_there_is_nothing_to_appeal(house: House) -> None:
    await house.whisper(CY, "!appeal")
    assert "nothing noted" in body_of((await house.waiting())[0])


async def test_the_journal_names_rules_and_people_and_is_for_leads(house: House) -> None:
    said = await house.say(CY, "words-to-forget")
    await house.say(DEE, "!remove", reply_to=said)
    await house.deliver()
    await house.say(DEE, "!journal")
    await house.say(ANA, "!journal", CONTROL)
    (listed,) = await house.said(CONTROL)
    assert f"took something of {CY} down" in listed
    assert "words-to-forget" not in listed
    assert any("Only a lead" in said for said in await house.said(CIRCLE))


async def test_a_refused_mute_by_hand_is_told(house: House) -> None:
    await house.say(ANA, f"!mute {CY}")
    await house.deliver()
    await refuse_levels(house)
    await house.wait(MINUTE_MS)
    await house.say(CY, "hello")
    await house.wait(2 * MINUTE_MS)
    assert "what I was asked to" in (await house.said(CONTROL))[0]
    assert await muted(house) == {}


@pytest.mark.parametrize("everywhere_first", [True, False])
async def test_what_a_lead_did_in_all_rooms_takes_a_lead_to_end(house: House, everywhere_first: bool) -> None:
    words = [(ANA, f"!mute {CY} 1h everywhere", CONTROL), (DEE, f"!mute {CY} 2h", CIRCLE)]
    for by, said, room in words if everywhere_first else reversed(words):
        await house.say(by, said, room)
        await house.deliver()
    before = await muted(house)
    assert before.keys() == {CIRCLE, LOUNGE, QUIET}
    await house.say(DEE, f"!unmute {CY}")
    assert "takes a lead" in body_of((await house.waiting())[0])
    assert await muted(house) == before
    await house.say(ANA, f"!unmute {CY}")
    assert await muted(house) == {}
    await house.say(DEE, f"!mute {CY} 1h")
    await house.say(DEE, f"!unmute {CY}")
    assert await muted(house) == {}


async def test_whoever_keeps_a_room_ends_there_what_they_did_once_the_lead_ended_theirs(house: House) -> None:
    await house.say(ANA, f"!mute {CY} 1h everywhere", CONTROL)
    await house.deliver()
    await until_muted(house)
    await house.wait(HOUR_MS)
    await house.say(DEE, f"!mute {CY} 1h")
    await house.say(DEE, f"!unmute {CY}")
    assert CIRCLE not in await muted(house)


async def test_who_became_one_of_those_who_look_after_others_is_not_paused_from_an_older_line(house: House) -> None:
    await house.say(CY, LINK)
    await house.deliver()
    (community_,) = house.documents.communities
    house.use(replace(house.documents, communities=(replace(community_, leads=(ANA, BO, CY)),)))
    await choose(house, "🔇")
    assert await muted(house) == {}
    (said,) = await house.said(CONTROL)
    assert "look after" in said


async def test_nobody_is_paused_whom_only_a_quotation_names(house: House) -> None:
    def pill(user: UserId) -> str:
        return f'<a href="https://matrix.to/#/{user}">{user}</a>'

    quote = f"<mx-reply><blockquote>In reply to them {pill(EVE)}</blockquote></mx-reply>"
    said = await house.say(CY, "hm")
    await house.say(ANA, "> <@cy:grove.example> x\n\n!mute 1h", html=f"{quote}!mute 1h", reply_to=said)
    assert await muted(house) == {}
    assert "Whom do you mean" in body_of((await house.waiting())[0])
    await house.say(
        ANA,
        "> <@eve:grove.example> x\n\n!mute Cy 1h",
        html=f"{quote}!mute {pill(CY)} 1h",
        reply_to=said,
        mentions=frozenset({EVE, CY}),
    )
    assert {claim.path[1] for claim in await house.store.run(claims.claims_of, "mute")} == {CY}


async def test_in_private_it_is_asked_which_community_is_meant(tmp_path: Path) -> None:
    both = documents(a_community(rule()), a_community(rule(), key="brook"))
    async with house_of(tmp_path, both) as house:
        await house.open()
        brook = RoomId("!brook-tuesday")
        for user in (ANA, CY):
            await house.join(user, CIRCLE, brook)
        for words in (f"!mute {CY} 1h everywhere", f"!unmute {CY}", "!journal"):
            await house.deliver()
            await house.whisper(ANA, words)
            assert "more than one community: The Grove, Brook" in body_of((await house.waiting())[0]), words
        assert await muted(house) == {}


async def test_a_lead_of_one_community_hears_and_undoes_nothing_of_another(tmp_path: Path) -> None:
    brook = replace(a_community(rule(new=False), key="brook"), leads=(BO,))
    grove = replace(a_community(rule(new=False)), leads=(ANA,))
    async with house_of(tmp_path, documents(grove, brook)) as house:
        await house.open()
        there = RoomId("!brook-tuesday")
        await house.join(ANA, CIRCLE, CONTROL)
        await house.join(CY, CIRCLE, there)
        await house.deliver()
        await house.say(CY, LINK, there)
        await house.deliver("redact")
        await house.deliver()
        await house.say(ANA, "!journal", CONTROL)
        assert "done nothing to anybody" in (await house.said(CONTROL))[0]
        await house.deliver()
        await house.say(ANA, f"!mute {CY} 1h everywhere", CONTROL)
        assert set(await muted(house)) == {CIRCLE, LOUNGE, QUIET}
        assert {row["community"] for row in await house.rows("select community from ladder")} <= {"brook"}
        await house.say(ANA, f"!mute {CY} 1h", there)
        assert there not in await muted(house)
