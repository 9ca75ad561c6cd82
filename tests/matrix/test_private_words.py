"""Private words: in a room that is there, to somebody who is asked in and can read them, whatever another server says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import AccountLocked, Retryable, UnknownToken
from orchestrator.matrix.delivery import Job
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, CreateRoom, Priority, Send, SendDirect, SetMembership
from orchestrator.model.ids import RoomId, UserId
from orchestrator.model.power import Power
from orchestrator.store import bindings, mirror
from tests.fakes import FakeHomeserver, HtmlError, MatrixProblem, Rate, Refuse, Room
from tests.fakes.visibility import may_see
from tests.matrix.hands import Killed, Life, circle, direct_room, kill_at, living
from tests.matrix.listening import KEEPER

CY = UserId("@cy:grove.example")
FAR = UserId("@fay:meadow.example")
ABOUT_US = ("M_USER_SUSPENDED", "M_RESOURCE_LIMIT_EXCEEDED", "M_UNKNOWN_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED")


def word(user: UserId = FAR, step: str = "why", **more: Any) -> SendDirect:
    return replace(SendDirect(step=step, user=user, content=content.notice("It was a link.")), **more)


def rooms_of(hs: FakeHomeserver, user: UserId = FAR) -> list[Room]:
    """The direct rooms the bot made for somebody, oldest first."""
    located = {"locator": direct_room(user).locator}
    return [room for room in hs.rooms if room.state("org.circlekeeper.locator") == located]


# -- what another server says of us ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("errcode", ABOUT_US)
async def test_another_servers_refusal_to_have_its_member_asked_in_is_about_that_member_and_not_about_us(
    hs: FakeHomeserver, tmp_path: Path, errcode: str, status: int
) -> None:
    hs.person(FAR)
    hs.far("meadow.example").refuses = MatrixProblem(status, errcode, "as if it were about us")
    room = circle(hs)
    invite = SetMembership(step="invite", room=RoomId(room.room_id), user=FAR, membership="invite")
    for start in range(3):
        async with living(hs, tmp_path) as bot:
            if start == 0:
                await bot.ask(word(), invite, word(CY, "another"))
            await bot.rest()
            if start == 0:
                assert sorted(bot.outcomes) == ["done", "refused", "refused"]
    assert rooms_of(hs, CY)[0].texts(sender=KEEPER) == ("It was a link.",)


@pytest.mark.parametrize("errcode", ABOUT_US)
async def test_what_the_server_of_a_room_answers_when_we_follow_an_invitation_ends_no_run(
    hs: FakeHomeserver, tmp_path: Path, errcode: str
) -> None:
    theirs = hs.person(FAR).direct_room(KEEPER)
    hs.faults.add(Refuse(403, errcode), "POST", r"/join")
    async with living(hs, tmp_path) as bot:
        await bot.ask(SetMembership(step="come", room=RoomId(theirs.room_id), user=UserId(KEEPER), membership="join"))
        await bot.rest()
        assert bot.outcomes == ["refused"]


async def test_what_a_policy_server_answers_to_our_message_ends_no_run(hs: FakeHomeserver, tmp_path: Path) -> None:
    room = circle(hs)
    hs.faults.add(Refuse(403, "M_USER_SUSPENDED"), "PUT", r"/send/")
    async with living(hs, tmp_path) as bot:
        await bot.ask(Send(step="say", room=RoomId(room.room_id), content=content.notice("Hello.")))
        await bot.rest()
        assert bot.outcomes == ["refused"]


def notice(room: RoomId) -> AnyEffect:
    return Send(step="say", room=room, content=content.notice("Hello."))


def invitation(room: RoomId) -> AnyEffect:
    return SetMembership(step="invite", room=room, user=FAR, membership="invite")


def lounge(_room: RoomId) -> AnyEffect:
    made = direct_room(FAR)
    return CreateRoom(step="make", locator=made.locator, body=made.body, user=FAR)


@pytest.mark.parametrize("effect", [notice, invitation, lounge])
async def test_an_account_that_is_suspended_ends_the_run_and_nothing_is_given_up(
    hs: FakeHomeserver, tmp_path: Path, effect: Callable[[RoomId], AnyEffect]
) -> None:
    room = RoomId(circle(hs).room_id)
    async with living(hs, tmp_path) as bot:
        hs.user(KEEPER).suspend()
        await bot.ask(effect(room))
        with pytest.raises(AccountLocked):
            await bot.rest()
    hs.user(KEEPER).suspend(suspended=False)
    async with living(hs, tmp_path) as bot:
        await bot.rest()
        assert bot.outcomes == ["done"]


@pytest.mark.parametrize("errcode", ["M_RESOURCE_LIMIT_EXCEEDED", "M_USER_LOCKED"])
async def test_a_server_that_is_closed_to_us_ends_the_run_and_nothing_is_given_up(
    hs: FakeHomeserver, tmp_path: Path, errcode: str
) -> None:
    room = RoomId(circle(hs).room_id)
    async with living(hs, tmp_path) as bot:
        hs.faults.add(Refuse(403, errcode), times=None)
        await bot.ask(invitation(room))
        with pytest.raises(UnknownToken):
            await bot.rest()
        assert len(await bot.waiting()) == 1


async def test_while_nobody_can_say_whom_a_refusal_is_about_it_is_left_for_later(
    hs: FakeHomeserver, tmp_path: Path
) -> None:
    room = RoomId(circle(hs).room_id)
    hs.faults.add(Refuse(403, "M_USER_SUSPENDED"), "PUT", r"/m.room.member/")
    hs.faults.add(HtmlError(502), "GET", r"/whoami")
    async with living(hs, tmp_path) as bot:
        (job,) = await asked(bot, invitation(room))
        with pytest.raises(Retryable):
            await job.carry()
        bot.delivery._running.clear()
        await bot.rest()
        assert bot.outcomes == ["done"]


# -- asked in first, and told then -------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [None, "down", "limited"])
async def test_a_word_is_said_when_its_person_is_asked_in_and_can_read_it(
    hs: FakeHomeserver, tmp_path: Path, trouble: str | None
) -> None:
    fay, far = hs.person(FAR), hs.far("meadow.example")
    far.down = trouble == "down"
    far.refuses = MatrixProblem(429, "M_LIMIT_EXCEEDED", "slowly") if trouble == "limited" else None
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        for _ in range(12):
            if not await bot.step():
                hs.clock.advance(max(1, bot.nap_ms))
        (room,) = rooms_of(hs)
        assert len(room.texts(sender=KEEPER)) == int(trouble is None), "before they can be asked in nothing is said"
        far.down, far.refuses = False, None
        await bot.rest()
        fay.join(room)
        (said,) = room.history("m.room.message", sender=KEEPER)
        assert may_see(room, FAR, said)
        (invite,) = [event for event in room.history("m.room.member", sender=KEEPER) if event.state_key == FAR]
        assert invite.content.get("is_direct") is True
        assert bot.outcomes == ["done"]


async def test_a_word_for_who_cannot_be_asked_in_counts_as_refused_and_makes_no_second_room(
    hs: FakeHomeserver, tmp_path: Path
) -> None:
    hs.person(FAR)
    hs.far("meadow.example").refuses = MatrixProblem(403, "M_INVITE_BLOCKED", "no")
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        await bot.rest()
        await bot.ask(word(), origin="$2")
        await bot.rest()
        assert bot.outcomes == ["refused", "refused"]
        assert hs.far("meadow.example").asked == 1, "once a day is enough"
        hs.clock.advance(DAY_MS)
        hs.far("meadow.example").refuses = None
        await bot.ask(word(), origin="$3")
        await bot.rest()
        assert bot.outcomes[-1] == "done"
        assert [len(room.texts(sender=KEEPER)) for room in rooms_of(hs)] == [1]


async def test_a_word_whose_time_runs_out_before_its_person_can_be_asked_in_is_not_said(
    hs: FakeHomeserver, tmp_path: Path
) -> None:
    hs.person(FAR)
    hs.far("meadow.example").down = True
    async with living(hs, tmp_path) as bot:
        await bot.ask(word(expires_ms=hs.clock.now_ms() + HOUR_MS))
        for _ in range(100):
            if not await bot.step():
                hs.clock.advance(max(1, bot.nap_ms))
        assert bot.outcomes == ["expired"]


@pytest.mark.parametrize("failpoint", ["member.before_send", "member.after_send"])
async def test_killed_while_somebody_is_asked_in_they_are_asked_once_and_told_once(
    hs: FakeHomeserver, tmp_path: Path, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hs.person(FAR)
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
    async with living(hs, tmp_path) as bot:
        await bot.rest()
        (room,) = rooms_of(hs)
        assert len(room.texts(sender=KEEPER)) == 1
        assert len([event for event in room.history("m.room.member") if event.state_key == FAR]) == 1


# -- who left, and who declined ----------------------------------------------------------------------------------------


async def test_who_left_their_room_is_told_in_a_new_one_though_the_bot_is_still_in_the_old_one(
    hs: FakeHomeserver, tmp_path: Path
) -> None:
    cy = hs.person(CY)
    async with living(hs, tmp_path) as bot:
        await bot.ask(word(CY, "first"), origin="$1")
        await bot.rest()
        (old,) = rooms_of(hs, CY)
        cy.join(old)
        await bot.sync()
        hs.clock.advance(25 * HOUR_MS)
        cy.leave(old)
        await bot.sync()
        await bot.rows.run(bindings.drop_direct, RoomId(old.room_id))  # as the craft of rooms does
        await bot.ask(word(CY), origin="$2")
        await bot.rest()
        assert bot.outcomes == ["done", "done"]
        assert [len(room.texts(sender=KEEPER)) for room in rooms_of(hs, CY)] == [1, 1]


async def test_who_declined_is_not_called_into_another_room_on_any_day(hs: FakeHomeserver, tmp_path: Path) -> None:
    cy = hs.person(CY)
    async with living(hs, tmp_path) as bot:
        await bot.ask(word(CY), origin="$0")
        await bot.rest()
        (room,) = rooms_of(hs, CY)
        cy.leave(room)
        await bot.sync()
        for day in range(1, 4):
            hs.clock.advance(DAY_MS)
            await bot.ask(word(CY), origin=f"${day}")
            await bot.rest()
        assert bot.outcomes == ["done", "refused", "refused", "refused"]
        assert rooms_of(hs, CY) == [room]


# -- versions ----------------------------------------------------------------------------------------------------------


def stands_above(room: Room, user: UserId) -> bool:
    power = Power(room.version.id, frozenset({UserId(KEEPER)}), room.state("m.room.power_levels"))
    return power.of(UserId(KEEPER)) > power.of(user)


async def test_where_our_server_lacks_the_version_the_room_is_made_in_the_oldest(
    hs: FakeHomeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hs.versions.remove("12")
    hs.person(FAR)
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        with monkeypatch.context() as patch:
            kill_at(patch, "create.before_confirm")
            with pytest.raises(Killed):
                await bot.rest()
    async with living(hs, tmp_path) as bot:
        await bot.rest()
        (room,) = rooms_of(hs)
        assert (room.version.id, len(room.texts(sender=KEEPER))) == ("10", 1)
        assert stands_above(room, FAR)


@pytest.mark.parametrize("errcode", ["M_UNSUPPORTED_ROOM_VERSION", "M_INCOMPATIBLE_ROOM_VERSION"])
async def test_where_the_members_server_lacks_the_version_they_are_asked_into_one_in_the_oldest(
    hs: FakeHomeserver, tmp_path: Path, errcode: str
) -> None:
    hs.person(FAR)
    hs.far("meadow.example").versions.remove("12")
    if errcode == "M_INCOMPATIBLE_ROOM_VERSION":  # other servers say it so
        hs.faults.add(Refuse(400, errcode), "PUT", r"/m.room.member/")
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        await bot.rest()
        old, new = rooms_of(hs)
        assert (old.membership(KEEPER), old.texts(sender=KEEPER)) == ("leave", ())
        assert (new.version.id, new.membership(FAR), len(new.texts(sender=KEEPER))) == ("10", "invite", 1)
        assert stands_above(new, FAR)
        assert bot.outcomes == ["done"]


async def test_a_server_that_knows_no_version_at_all_is_given_up(hs: FakeHomeserver, tmp_path: Path) -> None:
    hs.person(FAR)
    hs.far("meadow.example").versions.clear()
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        await bot.rest()
        assert bot.outcomes == ["refused"]
        assert hs.far("meadow.example").asked == 2


# -- what cannot wait --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", [False, True], ids=["in the crowd", "to whom something waited already"])
async def test_the_answer_to_a_raised_hand_does_not_wait_for_the_rooms_of_a_crowd(
    hs: FakeHomeserver, tmp_path: Path, later: bool
) -> None:
    hs.limiter.rates = {"message": Rate(0.2, 10), "room_creation": Rate(0.016, 10), "invites_per_issuer": Rate(0.3, 10)}
    crowd = [UserId(f"@r{number}:grove.example") for number in range(75)]
    for user in (*crowd, CY):
        hs.person(user)
    async with living(hs, tmp_path) as bot:
        reason: dict[str, Any] = {"priority": Priority.REPLY, "expires_ms": hs.clock.now_ms() + 24 * HOUR_MS}
        for user in [*crowd, CY] if later else crowd:
            await bot.ask(word(user, **reason), origin=f"${user}")
        for _ in range(30):
            await bot.step()
        asked_ms = hs.clock.now_ms()
        answer = word(CY, "answer", priority=Priority.SAFETY, expires_ms=asked_ms + HOUR_MS)
        await bot.ask(answer, origin="$raise")
        while not (done := [result for result in bot.asker.results if result.step == "answer"]):
            if not await bot.step():
                hs.clock.advance(max(1, bot.nap_ms))
        assert done[0].outcome == "done"
        assert hs.clock.now_ms() - asked_ms < 3 * MINUTE_MS


async def test_a_refusal_that_asks_for_a_long_wait_holds_up_nobody_elses_room(
    hs: FakeHomeserver, tmp_path: Path
) -> None:
    hs.person(FAR)
    hs.person(CY)
    slowly = MatrixProblem(429, "M_LIMIT_EXCEEDED", "slowly", extra={"retry_after_ms": DAY_MS})
    hs.far("meadow.example").refuses = slowly
    async with living(hs, tmp_path) as bot:
        await bot.ask(word())
        for _ in range(4):
            await bot.step()
        began_ms = hs.clock.now_ms()
        await bot.ask(word(CY, "another"), origin="$2")
        while not bot.outcomes:
            if not await bot.step():
                hs.clock.advance(max(1, bot.nap_ms))
        assert hs.clock.now_ms() - began_ms < MINUTE_MS
        assert await bot.rows.run(mirror.room_of, RoomId(rooms_of(hs, CY)[0].room_id)) is not None


async def asked(bot: Life, effect: AnyEffect) -> list[Job]:
    await bot.ask(effect)
    return await bot.choose()
