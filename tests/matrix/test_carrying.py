"""Every kind of effect, exactly once: whatever is lost, refused, late or killed on the way, and whoever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from orchestrator.matrix.delivery import Job
from orchestrator.matrix.gateway import route
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Amend, AnyEffect, CreateRoom, Quote, Redact, Send, SendDirect, SetMembership
from orchestrator.model.ids import TXN_PREFIX, Cause, CommunityKey, EventId, JsonObject, RoomId, RoomKey, UserId
from orchestrator.model.quoting import WORDS
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.claims import Claim
from tests.fakes import (
    CloseBefore,
    CutBody,
    FakeClock,
    FakeHomeserver,
    Fault,
    Hold,
    HtmlError,
    LoseResponse,
    MalformedJson,
    Refuse,
    Room,
    TooMany,
)
from tests.fakes.faults import Exchange
from tests.matrix.hands import Killed, Life, Overlay, circle, direct_room, kill_at, living
from tests.matrix.listening import KEEPER

CY = UserId("@cy:grove.example")
DEE = UserId("@dee:grove.example")
DOCUMENT = "policies/gentle-circle.yaml"


class Scene:
    """A room with Cy in it, who said something; and what the bot did there."""

    def __init__(self, hs: FakeHomeserver, directory: Path) -> None:
        self.hs, self.directory = hs, directory
        self.keeper, self.cy, self.dee = hs.user(KEEPER), hs.person(CY), hs.person(DEE)
        self.room = circle(hs, CY)
        self.said = self.cy.say(self.room, "something")
        self.overlay = Overlay()

    @property
    def id(self) -> RoomId:
        return RoomId(self.room.room_id)

    def living(self, *, device: str = "KEEPER") -> AbstractAsyncContextManager[Life]:
        return living(self.hs, self.directory, self.overlay, device=device)

    def direct_rooms(self) -> list[Room]:
        return [room for room in self.keeper.rooms() if room is not self.room]

    def events(self, event_type: str, room: Room | None = None) -> int:
        """Count what the bot wrote."""
        return len((room or self.room).history(event_type, sender=KEEPER))


@dataclass(frozen=True)
class Kind:
    """A kind of effect.

    Attributes:
        effect: what is asked for.
        request: the request that does it.
        count: how often it was done.
        killed_at: where the process may die on the way.
    """

    name: str
    effect: Callable[[Scene], AnyEffect]
    request: tuple[str, str]
    count: Callable[[Scene], int]
    killed_at: tuple[str, ...]


def notice(scene: Scene) -> AnyEffect:
    return Send(step="say", room=scene.id, content=content.notice("Hello."))


def passed_on(scene: Scene) -> AnyEffect:
    quote = Quote(room=scene.id, event=EventId(scene.said), after="suggest")
    return Send(step="say", room=scene.id, content=content.notice(f"Somebody says: {WORDS}"), quote=quote)


def whisper(scene: Scene) -> AnyEffect:
    return SendDirect(step="why", user=CY, content=content.notice("It was a link."))


def removal(scene: Scene) -> AnyEffect:
    return Redact(step="remove", room=scene.id, target=EventId(scene.said), reason="Please see the norms.")


def kick(scene: Scene) -> AnyEffect:
    return SetMembership(step="kick", room=scene.id, user=CY, membership="leave")


def invitation(scene: Scene) -> AnyEffect:
    return SetMembership(step="invite", room=scene.id, user=DEE, membership="invite")


def lounge(scene: Scene) -> AnyEffect:
    made = direct_room(DEE)
    return CreateRoom(
        step="make", locator=made.locator, body=made.body, community=CommunityKey("g"), key=RoomKey("lounge")
    )


def switch(scene: Scene) -> AnyEffect:
    return Amend(step="amend", document=DOCUMENT, path=("rules", "links", "mode"), value="observe", by=CY)


def whispers(scene: Scene) -> int:
    rooms = scene.direct_rooms()
    return sum(scene.events("m.room.message", room) for room in rooms) + 10 * (len(rooms) - 1)


SENT = ("delivery.claimed", "delivery.before_send", "delivery.after_send", "delivery.before_confirm")
MADE = ("delivery.claimed", "create.before_send", "create.after_send", "create.before_confirm")
PLACED = ("delivery.claimed", "member.before_send", "member.after_send", "delivery.before_confirm")

KINDS = (
    Kind("send", notice, ("PUT", r"/send/"), lambda scene: scene.events("m.room.message"), SENT),
    Kind(
        "quote",
        passed_on,
        ("PUT", r"/send/"),
        lambda scene: [one.body for one in scene.room.history("m.room.message", sender=KEEPER)].count(
            "Somebody says: something"
        ),
        SENT,
    ),
    Kind("redact", removal, ("PUT", r"/redact/"), lambda scene: scene.events("m.room.redaction"), SENT),
    Kind("kick", kick, ("PUT", r"/state/m.room.member/"), lambda scene: scene.events("m.room.member") - 1, PLACED),
    Kind(
        "invite", invitation, ("PUT", r"/state/m.room.member/"), lambda scene: scene.events("m.room.member") - 1, PLACED
    ),
    Kind("create", lounge, ("POST", r"/createRoom"), lambda scene: len(scene.direct_rooms()), MADE),
    Kind("direct", whisper, ("PUT", r"/send/"), whispers, SENT),
    Kind("direct room", whisper, ("POST", r"/createRoom"), whispers, MADE),
    Kind(
        "amend",
        switch,
        ("PUT", r"/never"),
        lambda scene: int(scene.overlay.values == {DOCUMENT: "observe"}),
        ("delivery.claimed", "overlay.before_write", "overlay.after_write"),
    ),
)
ASKED_OF_THE_SERVER = tuple(kind for kind in KINDS if kind.name != "amend")


def name(value: object) -> str:
    return value.name if isinstance(value, Kind) else str(value)


@pytest.fixture
def scene(hs: FakeHomeserver, tmp_path: Path) -> Scene:
    return Scene(hs, tmp_path)


# -- nothing lost, nothing twice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 25], ids=["once", "for a minute"])
@pytest.mark.parametrize(
    "fault",
    [
        LoseResponse(),
        CloseBefore(),
        CutBody(),
        MalformedJson(),
        HtmlError(502, acts=True),
        HtmlError(503),
        TooMany(3_000),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("kind", ASKED_OF_THE_SERVER, ids=name)
async def test_whatever_happens_to_a_request_it_is_done_once_and_its_craft_hears_so_once(
    scene: Scene, kind: Kind, fault: Fault, times: int
) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(fault, *kind.request, times=times)
        await bot.ask(kind.effect(scene))
        await bot.rest()
        assert kind.count(scene) == 1
        assert bot.outcomes == ["done"]
        await bot.sync()
        assert bot.outcomes == ["done"]


@pytest.mark.parametrize(
    ("kind", "failpoint"),
    [(kind, failpoint) for kind in KINDS for failpoint in kind.killed_at],
    ids=name,
)
@pytest.mark.parametrize(
    ("device", "wait_ms"),
    [("KEEPER", 0), ("KEEPER", 25 * HOUR_MS), ("ANOTHER", 20 * MINUTE_MS)],
    ids=["at once", "a day later", "as another device"],
)
async def test_killed_anywhere_it_is_done_once_by_whoever_starts_next_and_whenever(
    scene: Scene, kind: Kind, failpoint: str, wait_ms: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(kind.effect(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
        assert bot.outcomes == []
    scene.hs.clock.advance(wait_ms)
    async with scene.living(device=device) as bot:
        await bot.rest()
        assert kind.count(scene) == 1
        assert bot.outcomes == ["done"]


# -- what the server says no to, and what is no longer wanted ----------------------------------------------------------


@pytest.mark.parametrize("kind", ASKED_OF_THE_SERVER, ids=name)
async def test_what_the_server_will_never_do_is_given_up_once(scene: Scene, kind: Kind) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(Refuse(403, "M_FORBIDDEN"), *kind.request, times=None)
        await bot.ask(kind.effect(scene))
        await bot.rest()
        assert bot.outcomes == ["refused"]
        assert await bot.waiting() == []


async def test_an_amendment_that_would_break_the_documents_is_refused(scene: Scene) -> None:
    scene.overlay.refuses = True
    async with scene.living() as bot:
        await bot.ask(switch(scene))
        await bot.rest()
        assert bot.outcomes == ["refused"]


@pytest.mark.parametrize("effect", [notice, whisper], ids=["send", "direct"])
async def test_what_came_too_late_is_never_said_and_written_down(
    scene: Scene, effect: Callable[[Scene], AnyEffect]
) -> None:
    async with scene.living() as bot:
        expires_ms = scene.hs.clock.now_ms() + 2 * MINUTE_MS
        await bot.ask(replace(effect(scene), expires_ms=expires_ms))
        scene.hs.clock.advance(2 * MINUTE_MS)
        await bot.rest()
        assert bot.outcomes == ["expired"]
        assert scene.events("m.room.message") == 0
        assert scene.direct_rooms() == []


@pytest.mark.parametrize(
    ("failpoint", "outcome"), [("delivery.before_send", "expired"), ("delivery.after_send", "done")]
)
async def test_what_expires_while_nobody_knows_whether_it_was_said_is_looked_for_in_the_room(
    scene: Scene, failpoint: str, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(replace(notice(scene), expires_ms=scene.hs.clock.now_ms() + MINUTE_MS))
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
    scene.hs.clock.advance(MINUTE_MS)
    async with scene.living() as bot:
        await bot.rest()
        assert [bot.outcomes, scene.events("m.room.message")] == [[outcome], int(outcome == "done")]


# -- memberships, and people who decide otherwise ----------------------------------------------------------------------


@pytest.mark.parametrize("failpoint", ["member.after_send", "delivery.before_confirm"])
async def test_a_removal_from_a_room_that_a_person_undid_is_not_repeated(
    scene: Scene, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(kick(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
    scene.cy.join(scene.room)
    async with scene.living(device="ANOTHER") as bot:
        await bot.rest()
        assert scene.room.membership(CY) == "join"
        assert bot.outcomes in (["undone"], ["done"])


async def test_a_removal_whose_answer_was_lost_is_not_repeated_after_a_person_undid_it(scene: Scene) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(LoseResponse(), "PUT", r"/state/m.room.member/", times=2)
        await bot.ask(kick(scene))
        await bot.step()
        scene.cy.join(scene.room)
        await bot.rest()
        assert scene.room.membership(CY) == "join"
        assert bot.outcomes == ["undone"]


@pytest.mark.parametrize("before", ["invite", "join", "leave", "ban"])
async def test_an_invitation_asks_nobody_who_is_there_or_has_decided(scene: Scene, before: str) -> None:
    scene.keeper.invite(scene.room, DEE)
    if before in {"join", "leave"}:
        scene.dee.join(scene.room)
    if before == "leave":
        scene.dee.leave(scene.room)
    if before == "ban":
        scene.keeper.ban(scene.room, DEE)
    async with scene.living() as bot:
        await bot.ask(invitation(scene))
        await bot.rest()
        assert scene.room.membership(DEE) == before
        assert bot.outcomes == ["done" if before in {"invite", "join"} else "undone"]


async def test_who_declines_while_the_bot_is_down_is_not_asked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(invitation(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, "member.after_send")
            with pytest.raises(Killed):
                await bot.rest()
    scene.dee.leave(scene.room)
    async with scene.living() as bot:
        await bot.rest()
        assert scene.room.membership(DEE) == "leave"


async def test_the_bot_follows_an_invitation_once_and_leaves_where_it_is_not_without_a_fuss(scene: Scene) -> None:
    theirs = scene.cy.create_room(preset="private_chat", invite=[KEEPER])
    room = RoomId(theirs.room_id)
    async with scene.living() as bot:
        scene.hs.faults.add(LoseResponse(), "POST", r"/join", times=2)
        await bot.ask(SetMembership(step="come", room=room, user=UserId(KEEPER), membership="join"))
        await bot.rest()
        assert theirs.membership(KEEPER) == "join"
        leave = [SetMembership(step=f"go {n}", room=room, user=UserId(KEEPER), membership="leave") for n in range(2)]
        await bot.ask(*leave)
        await bot.rest()
        assert theirs.membership(KEEPER) == "leave"
        assert bot.outcomes == ["done"] * 3


@pytest.mark.parametrize("fault", [Refuse(403, "M_FORBIDDEN"), Refuse(404, "M_NOT_FOUND")])
@pytest.mark.parametrize(("refusals", "outcome"), [(1, "done"), (5, "done"), (6, "refused")])
async def test_a_join_that_is_refused_right_after_an_invitation_is_tried_a_few_times_before_that_is_believed(
    scene: Scene, fault: Refuse, refusals: int, outcome: str
) -> None:
    theirs = scene.cy.create_room(preset="private_chat", invite=[KEEPER])
    come = SetMembership(step="come", room=RoomId(theirs.room_id), user=UserId(KEEPER), membership="join")
    async with scene.living() as bot:
        scene.hs.faults.add(fault, "POST", r"/join", times=refusals)
        await bot.sync()
        await bot.ask(come)
        await bot.rest()
        assert bot.outcomes == [outcome]
        assert theirs.membership(KEEPER) == ("join" if outcome == "done" else "invite")


# -- rooms -------------------------------------------------------------------------------------------------------------


class Late504:
    """A proxy that gives up on a room that the server still makes; ``finish`` lets it."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._exchanges: list[Exchange] = []

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        self._exchanges.append(exchange)
        self._clock.advance(MINUTE_MS)
        return await HtmlError(504).meet(exchange)

    async def finish(self) -> None:
        for exchange in self._exchanges:
            await exchange.proceed()


@pytest.mark.parametrize("killed", [False, True])
async def test_a_room_that_the_server_finishes_late_is_found_and_not_made_again(
    scene: Scene, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Late504(scene.hs.clock)
    scene.hs.faults.add(slow, "POST", r"/createRoom")
    async with AsyncExitStack() as stack:
        bot = await stack.enter_async_context(scene.living())
        await bot.ask(lounge(scene))
        await bot.step()
        if killed:
            await stack.aclose()
            bot = await stack.enter_async_context(scene.living())
        for _ in range(6):
            await bot.step()
            scene.hs.clock.advance(2_000)
        assert scene.direct_rooms() == []
        await slow.finish()
        await bot.rest()
        assert len(scene.direct_rooms()) == 1
        assert bot.outcomes == ["done"]


async def test_a_room_that_is_never_finished_is_made_in_the_end(scene: Scene) -> None:
    scene.hs.faults.add(HtmlError(504), "POST", r"/createRoom")
    async with scene.living() as bot:
        await bot.ask(lounge(scene))
        await bot.rest()
        assert len(scene.direct_rooms()) == 1


async def test_a_clock_that_is_set_back_does_not_keep_a_room_from_being_made(scene: Scene) -> None:
    scene.hs.faults.add(HtmlError(504), "POST", r"/createRoom")
    async with scene.living() as bot:
        await bot.ask(lounge(scene))
        await bot.step()
        scene.hs.clock.jump_to(scene.hs.clock.now_ms() - 30 * HOUR_MS)
        before_ms = scene.hs.clock.now_ms()
        await bot.rest()
        assert len(scene.direct_rooms()) == 1
        assert scene.hs.clock.now_ms() - before_ms < MINUTE_MS


@pytest.mark.parametrize("fault", [None, LoseResponse()], ids=["smooth", "lost"])
async def test_documents_that_change_while_a_room_is_made_do_not_make_it_twice(
    scene: Scene, fault: Fault | None
) -> None:
    async with scene.living() as bot:
        if fault is not None:
            scene.hs.faults.add(fault, "POST", r"/createRoom")
        hold = Hold()
        scene.hs.faults.add(hold, "POST", r"/createRoom")
        first = lounge(scene)
        assert isinstance(first, CreateRoom)
        await bot.ask(replace(first, merge="create:lounge"))
        working = asyncio.create_task(bot.step())
        if fault is None:
            await hold.reached.wait()
        else:
            await working
        changed = replace(first, step="make anew", body={**first.body, "name": "Lounge"}, merge="create:lounge")
        await bot.ask(changed)
        hold.release()
        await working
        await bot.rest()
        assert len(scene.direct_rooms()) == 1
        assert bot.outcomes == ["done", "done"]


# -- private words -----------------------------------------------------------------------------------------------------


async def test_two_words_for_one_person_share_one_room_and_keep_their_order(scene: Scene) -> None:
    async with scene.living() as bot:
        words = [SendDirect(step=f"{n}", user=CY, content=content.notice(f"word {n}")) for n in range(3)]
        await bot.ask(*words)
        await bot.rest()
        (room,) = scene.direct_rooms()
        assert room.texts(sender=KEEPER) == ("word 0", "word 1", "word 2")
        assert room.membership(CY) == "invite"


async def test_a_newer_word_takes_the_place_of_one_whose_room_is_still_being_made(scene: Scene) -> None:
    async with scene.living() as bot:
        hold = Hold()
        scene.hs.faults.add(hold, "POST", r"/createRoom")
        await bot.ask(merged("one link"), origin="$1")
        await bot.step()
        making = asyncio.create_task(bot.step())
        await hold.reached.wait()
        await bot.ask(merged("two links"), origin="$2")
        hold.release()
        await making
        await bot.rest()
        (room,) = scene.direct_rooms()
        assert room.texts(sender=KEEPER) == ("two links",)


async def test_a_word_that_was_replaced_just_before_it_left_is_not_said(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        (job,) = await asked(bot, replace(notice(scene), merge="why"))
        await bot.ask(Send(step="say", room=scene.id, content=content.notice("Newer."), merge="why"), origin="$2")
        assert await job.carry() is False
        await bot.rest()
        assert scene.room.texts(sender=KEEPER) == ("Newer.",)


async def test_what_is_on_its_way_is_not_replaced_any_more(scene: Scene) -> None:
    async with scene.living() as bot:
        hold = Hold()
        scene.hs.faults.add(hold, "PUT", r"/send/")
        await bot.ask(replace(notice(scene), merge="why"))
        saying = asyncio.create_task(bot.step())
        await hold.reached.wait()
        await bot.ask(Send(step="say", room=scene.id, content=content.notice("Newer."), merge="why"), origin="$2")
        hold.release()
        await saying
        await bot.rest()
        assert scene.room.texts(sender=KEEPER) == ("Hello.", "Newer.")
        assert bot.outcomes == ["done", "done"]


async def test_who_left_their_private_room_is_not_called_into_another_on_the_same_day(scene: Scene) -> None:
    async with scene.living() as bot:
        await bot.ask(whisper(scene))
        await bot.rest()
        (room,) = scene.direct_rooms()
        scene.cy.leave(room)
        await bot.sync()
        await bot.ask(whisper(scene), origin="$2")
        await bot.rest()
        assert bot.outcomes == ["done", "refused"]
        assert len(scene.direct_rooms()) == 1


async def test_a_word_is_not_repeated_in_a_new_room_when_it_arrived_in_the_old_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(replace(whisper(scene), step="first"), origin="$1")
        await bot.rest()
        (old,) = scene.direct_rooms()
        await bot.sync()
        with monkeypatch.context() as patch:
            await bot.ask(whisper(scene), origin="$2")
            kill_at(patch, "delivery.after_send")
            with pytest.raises(Killed):
                await bot.rest()
        new = scene.cy.direct_room(scene.keeper, preset="private_chat")
        scene.keeper.join(new)
        # Their newer room is known, but not yet what was said in the older one.
        await bot.rows.run(bindings.set_direct, CY, RoomId(new.room_id))
        await bot.rows.run(mirror.see_own_membership, RoomId(new.room_id), "join")
        bot.delivery._running.clear()
        await bot.rest()
        assert len(old.texts(sender=KEEPER)) == 2
        assert new.texts(sender=KEEPER) == ()
        assert bot.outcomes == ["done", "done"]


async def test_a_room_that_was_made_before_its_person_was_asked_in_is_finished_by_the_next_start(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(whisper(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, "create.after_send")
            with pytest.raises(Killed):
                await bot.rest()
    async with scene.living() as bot:
        await bot.rest()
        (room,) = scene.direct_rooms()
        assert room.membership(CY) == "invite"
        assert len(room.texts(sender=KEEPER)) == 1


async def test_a_private_word_goes_to_another_room_when_somebody_else_is_in_the_first(scene: Scene) -> None:
    async with scene.living() as bot:
        theirs = scene.cy.direct_room(scene.keeper, preset="private_chat")
        scene.keeper.join(theirs)
        scene.cy.invite(theirs, DEE)
        scene.dee.join(theirs)
        await bot.sync()
        await bot.rows.run(bindings.set_direct, CY, RoomId(theirs.room_id))
        await bot.ask(whisper(scene))
        await bot.rest()
        assert theirs.texts(sender=KEEPER) == ()
        (made,) = [room for room in scene.direct_rooms() if room is not theirs]
        assert len(made.texts(sender=KEEPER)) == 1


# -- proof -------------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_proven_absent_is_left_unsaid_but_a_removal_is_made(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(notice(scene), removal(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, "delivery.before_send")
            with pytest.raises(Killed):
                await bot.rest()
    scene.keeper.send(scene.room, "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "lost"})
    async with scene.living(device="ANOTHER") as bot:
        await bot.rest()
        assert sorted(bot.outcomes) == ["done", "refused"]
        assert [scene.events("m.room.message"), scene.events("m.room.redaction")] == [0, 1]


async def test_what_was_sealed_with_a_lost_key_is_known_by_its_transaction(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        (cause,) = await bot.ask(notice(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, "delivery.before_send")
            with pytest.raises(Killed):
                await bot.rest()
        sealed: JsonObject = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "lost", "ciphertext": "..."}
        await bot.gateway.call(
            "PUT", route("rooms", scene.id, "send", "m.room.encrypted", f"{TXN_PREFIX}{cause}"), body=sealed
        )
    scene.hs.clock.advance(25 * HOUR_MS)
    async with scene.living() as bot:
        assert bot.outcomes == ["done"]
        await bot.rest()
        assert scene.events("m.room.message") == 0
        traces = await bot.history.find_cause(scene.id, {Cause(str(cause))}, back_to_ms=0)
        assert list(traces) == [cause]


@pytest.mark.parametrize("hours", [-30, 30])
async def test_a_clock_that_was_turned_in_between_makes_nothing_said_twice(
    scene: Scene, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.ask(notice(scene))
        with monkeypatch.context() as patch:
            kill_at(patch, "delivery.after_send")
            with pytest.raises(Killed):
                await bot.rest()
    scene.hs.clock.advance(25 * HOUR_MS)
    scene.hs.clock.jump_to(scene.hs.clock.now_ms() + hours * HOUR_MS)
    async with scene.living() as bot:
        await bot.rest()
        assert scene.events("m.room.message") == 1
        assert bot.outcomes == ["done"]


# -- shared state ------------------------------------------------------------------------------------------------------


TOPIC = "m.room.topic"


def topic(scene: Scene, value: str = "Tea and honesty") -> Claim:
    return Claim(room=scene.id, type=TOPIC, path=("parts", "topic"), owner="template", value=value)


def topics(scene: Scene) -> list[str]:
    return [str(event.content.get("topic")) for event in scene.room.history(TOPIC)]


@pytest.mark.parametrize("times", [1, 25], ids=["once", "for a minute"])
@pytest.mark.parametrize(
    "fault", [LoseResponse(), CutBody(), HtmlError(502), TooMany(3_000)], ids=lambda fault: type(fault).__name__
)
async def test_a_state_event_is_written_once_whatever_happens_to_the_request(
    scene: Scene, fault: Fault, times: int
) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(fault, "PUT", r"/state/m.room.topic", times=times)
        await bot.rows.run(claims.put_claim, topic(scene), scene.hs.clock.now_ms())
        await bot.rest()
        await bot.sync()
        await bot.rest()
        assert topics(scene) == ["Tea and honesty"]


@pytest.mark.parametrize("failpoint", ["state.before_send", "state.after_send", "state.before_confirm"])
async def test_a_state_event_is_written_once_wherever_the_process_dies(
    scene: Scene, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await bot.rows.run(claims.put_claim, topic(scene), scene.hs.clock.now_ms())
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
    async with scene.living() as bot:
        await bot.rest()
        assert topics(scene) == ["Tea and honesty"]
        assert await bot.rows.run(claims.unsettled) == []


async def test_a_claim_that_changes_while_it_is_written_is_written_again(scene: Scene) -> None:
    async with scene.living() as bot:
        hold = Hold()
        scene.hs.faults.add(hold, "PUT", r"/state/m.room.topic")
        await bot.rows.run(claims.put_claim, topic(scene), scene.hs.clock.now_ms())
        writing = asyncio.create_task(bot.step())
        await hold.reached.wait()
        await bot.rows.run(claims.put_claim, topic(scene, "Cake and honesty"), scene.hs.clock.now_ms())
        hold.release()
        await writing
        await bot.rest()
        assert topics(scene) == ["Tea and honesty", "Cake and honesty"]


async def test_a_state_event_that_may_not_be_written_is_set_aside(scene: Scene) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(Refuse(403, "M_FORBIDDEN"), "PUT", r"/state/", times=None)
        await bot.rows.run(claims.put_claim, topic(scene), scene.hs.clock.now_ms())
        await bot.rest()
        assert scene.hs.requests.count("PUT", r"/state/") == 1


def merged(words: str) -> SendDirect:
    return SendDirect(step="why", user=CY, content=content.notice(words), merge="why:cy")


async def asked(bot: Life, effect: AnyEffect) -> list[Job]:
    await bot.ask(effect)
    return await bot.choose()
