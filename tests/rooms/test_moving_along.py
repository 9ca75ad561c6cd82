"""What moves along when a room takes another one's place: widgets, other names, open questions; and the way there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.content import notice, yes_or_no
from orchestrator.model.effects import AnyEffect, Ask, Send
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import JsonObject, RoomId, UserId
from orchestrator.rooms.asking import ask_keepers
from orchestrator.rooms.closing.asking_anew import ask_anew
from orchestrator.store import claims, outbox, questions
from orchestrator.store.questions import Question
from tests.declared import ANA, BO, CY, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver
from tests.fakes.world import Alias

from .pump import Pump, pumping
from .test_succession import grown as grown_eleven
from .test_succession import raise_up, replace_by_hand, settled
from .test_upgrade import begin, grove, grown

MO = UserId("@mo:grove.example")
FAR_NAME = "#circle:far.example"
NAMES = "m.room.canonical_alias"
WIDGET = "im.vector.modular.widgets"
FAR = UserId("@far:far.example")


def keepers(version: str) -> Community:
    """A grove whose control room is of this version, and all else of version 11."""
    made = settings(room_version="11")
    found = community(room("tuesday", made=made, facilitators=[CY], norms=policy()), room_version="11")
    control = replace(found.control, settings=replace(found.control.settings, room_version=version))
    return replace(found, control=control)


async def asked(bot: Pump, where: RoomId | None = None) -> list[Question]:
    return await bot.rows.run(questions.questions_in, where or (await bot.bound())["control"])


# -- what people put there ---------------------------------------------------------------------------------------------


async def test_widgets_go_along_as_they_are_and_stay_in_the_old_room_untouched(tmp_path: Path) -> None:
    pad: dict[str, Any] = {"type": "m.custom", "url": "https://pad.example/$matrix_room_id", "name": "Our pad"}
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        old = hs.room((await bot.bound())["tuesday"])
        ana = hs.person(ANA)
        ana.put_state(old, WIDGET, pad, "pad")
        ana.put_state(old, WIDGET, pad, "gone")
        ana.put_state(old, WIDGET, {}, "gone")
        ana.put_state(old, WIDGET, pad, ANA)
        await bot.run()
        before = [event.event_id for event in old.history(WIDGET)]
        bot.use(grove("12"))
        await begin(bot, grove("12"), "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert new.room_id != old.room_id
        assert {place: event.content for place, event in new.state_map().items() if place[0] == WIDGET} == {
            (WIDGET, "pad"): pad
        }
        assert [event.event_id for event in old.history(WIDGET)] == before
        # From then on they are nobody's business but the people's.
        ana.join(new)
        ana.put_state(new, WIDGET, {}, "pad")
        await bot.run()
        assert new.state(WIDGET, "pad") == {}


@pytest.mark.parametrize("restarted", [True, False])
async def test_other_names_on_our_server_are_listed_again_and_those_elsewhere_are_named_to_the_leads(
    restarted: bool, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        old = hs.room((await bot.bound())["tuesday"])
        for alias in ("#circle:grove.example", FAR_NAME):
            hs._world.aliases[alias] = Alias(old.room_id, ME)
        here: dict[str, Any] = {"alias": "#grove-tuesday:grove.example", "alt_aliases": ["#circle:grove.example"]}
        names = {**here, "alt_aliases": ["#circle:grove.example", FAR_NAME]}
        hs.person(ANA).put_state(old, NAMES, names)
        await bot.run()
        bot.use(grove("12"))
        await begin(bot, grove("12"), "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert set(hs.aliases_of(new)) == {"#grove-tuesday:grove.example", "#circle:grove.example"}
        assert hs.aliases_of(old) == (FAR_NAME,)
        assert new.state(NAMES) == here
        if restarted:
            await bot.engine.settle()
        (said,) = [words for words in bot.words if FAR_NAME in words]
        assert "#circle:grove.example" not in said
        # Listed once; whoever takes the name off the list has the last word.
        hs.person(ANA).join(new)
        hs.person(ANA).put_state(new, NAMES, {"alias": "#grove-tuesday:grove.example"})
        await bot.sync()
        left = await bot.rows.run(claims.claims_on, RoomId(new.room_id), NAMES, "", 0)
        assert {claim.path for claim in left} == {("alias",), ("on_drift",)}
        await bot.run()
        assert new.state(NAMES) == {"alias": "#grove-tuesday:grove.example"}


async def test_another_name_that_somebody_took_since_does_not_keep_the_room_from_its_own(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old = hs.room(bound["tuesday"])
        hs._world.aliases["#circle:grove.example"] = Alias(old.room_id, ME)
        here: dict[str, Any] = {"alias": "#grove-tuesday:grove.example", "alt_aliases": ["#circle:grove.example"]}
        hs.person(ANA).put_state(old, NAMES, here)
        await bot.run()
        hs._world.aliases["#circle:grove.example"] = Alias(bound["lounge"], ANA)
        bot.use(grove("12"))
        await begin(bot, grove("12"), "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert new.state(NAMES) == {"alias": "#grove-tuesday:grove.example", "alt_aliases": []}
        assert hs.aliases_of(bound["lounge"]) == ("#circle:grove.example",)


# -- the way there -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "way"), [(FAR, "far.example"), (MO, None)])
async def test_a_room_that_somebody_on_another_server_puts_in_its_place_is_joined_by_way_of_that_server(
    who: UserId, way: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeHomeserver() as hs, grown_eleven(hs, tmp_path, keepers("11")) as bot:
        bound = await bot.bound()
        old = hs.room(bound["tuesday"])
        if who == FAR:
            hs.person(ANA).invite(bound[""], FAR)
            hs.person(FAR).join(bound[""])
            hs.person(FAR).join(old)
        raise_up(hs, old)
        gateway, joins = bot._ears.gateway, []
        call = gateway.call

        async def watched(method: str, where: Any, **more: Any) -> JsonObject:
            if method == "POST" and "join" in where.path:
                joins.append((where.path, more.get("query")))
            return await call(method, where, **more)

        monkeypatch.setattr(gateway, "call", watched)
        new = replace_by_hand(hs, old, who)
        await settled(bot)
        (question,) = await asked(bot)
        hs.person(BO).react(bound["control"], question.event, "✅")
        await settled(bot)
        assert (await bot.bound())["tuesday"] == new.room_id
        ((path, query),) = joins
        assert query == (None if way is None else {"via": way, "server_name": way})
        assert ("/rooms/" in path) is (way is None)


# -- what the keepers were asked ---------------------------------------------------------------------------------------


async def test_what_is_open_in_a_control_room_that_moves_is_asked_again_in_the_new_one_and_withdrawn_in_the_old(
    tmp_path: Path,
) -> None:
    async with FakeHomeserver() as hs, grown_eleven(hs, tmp_path, keepers("11")) as bot:
        bound = await bot.bound()
        old, tuesday = hs.room(bound["control"]), hs.room(bound["tuesday"])
        raise_up(hs, tuesday)
        room_ = replace_by_hand(hs, tuesday, MO)
        await settled(bot)
        (question,) = await asked(bot)
        declared = keepers("12")
        bot.use(declared)
        await begin(bot, declared, "control")
        await bot.run()
        new = (await bot.bound())["control"]
        assert new != old.room_id
        assert await asked(bot, RoomId(old.room_id)) == []
        (anew,) = await asked(bot, new)
        assert replace(anew, event=question.event, room=question.room) == question
        hs.person(ANA).react(old, question.event, "✅")  # the old one hears nothing any more
        await settled(bot)
        assert ME not in room_.members()
        hs.person(ANA).join(new)
        hs.person(ANA).react(new, anew.event, "✅")
        await settled(bot)
        assert ME in room_.members()
        assert await asked(bot, new) == []


async def test_what_was_about_to_be_asked_is_asked_in_the_new_one_alone(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, keepers("11")) as bot:
        await bot.run()
        old, new, now = (await bot.bound())["control"], RoomId("!new"), Now(at_ms=hs.clock.now_ms(), me=ME)
        control = keepers("11").control

        def move(tx: Tx) -> list[AnyEffect]:
            (question,) = ask_keepers(
                tx,
                keepers("11"),
                "Well?",
                yes_or_no(),
                step="well",
                subject="well",
                needs=Role.LEAD,
                open_ms=5 * HOUR_MS,
            )
            said = Send(step="said", room=old, content=notice("Something that is no question."))
            for effect in (question, said):
                outbox.record(tx, "$cause", "rooms", effect, now.at_ms)
            return [question, *ask_anew(tx, control, old, new, now)]

        before, anew = await bot.rows.run(move)
        assert isinstance(before, Ask)
        assert isinstance(anew, Ask)
        assert replace(anew, step=before.step, room=old, priority=before.priority) == before
        assert [row.step for row in await bot.rows.run(outbox.waiting)] == ["said"]


async def test_what_somebody_was_asked_because_of_a_command_is_withdrawn_and_not_asked_again(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown_eleven(hs, tmp_path, keepers("11")) as bot:
        old = (await bot.bound())["control"]
        hs.person(ANA).say(old, f"!remove {MO}")
        await bot.run()
        (question,) = await asked(bot)
        assert question.asker == ANA
        assert question.content is None
        declared = keepers("12")
        bot.use(declared)
        await begin(bot, declared, "control")
        await bot.run()
        assert await asked(bot, old) == []
        assert await asked(bot) == []
