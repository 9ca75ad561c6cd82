"""What is no state event, or cannot be written before something else is there, is kept as claimed like everything else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.matrix.delivery import LOOK_AGAIN_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId
from orchestrator.model.things import ALIAS, FILE, LISTED
from orchestrator.store import claims, mirror
from orchestrator.store.claims import Claim, Unsettled
from tests.fakes import (
    CloseBefore,
    CutBody,
    FakeHomeserver,
    Fault,
    HtmlError,
    LoseResponse,
    Person,
    Refuse,
    Room,
    TooMany,
)
from tests.matrix.hands import Killed, Life, circle, kill_at, living
from tests.matrix.listening import KEEPER

CY = UserId("@cy:grove.example")
TUESDAY = "#tuesday:grove.example"
NAMING = "m.room.canonical_alias"
AVATAR = "m.room.avatar"
PNG = b"\x89PNG\r\n\x1a\n a tree"
GIF = b"GIF89a another tree"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Scene:
    """Two rooms that the keeper keeps, on a server that lets rooms be listed."""

    def __init__(self, hs: FakeHomeserver, directory: Path) -> None:
        hs._world.lets_publish = True
        self.hs, self.directory = hs, directory
        self.cy: Person = hs.person(CY)
        self.room, self.other = circle(hs, CY), circle(hs)
        self.files: dict[str, bytes] = {sha(data): data for data in (PNG, GIF)}

    def living(self) -> AbstractAsyncContextManager[Life]:
        return living(self.hs, self.directory, files=self.files.get)

    async def want(
        self, bot: Life, type_: str, value: Json, *, key: str = "", room: Room | None = None, owner: str = "template"
    ) -> None:
        where = RoomId((room or self.room).room_id)
        claim = Claim(room=where, type=type_, key=key, owner=owner, value=value)
        await bot.rows.run(claims.put_claim, claim, self.hs.clock.now_ms())

    async def drop(self, bot: Life, type_: str, *, key: str = "", room: Room | None = None) -> None:
        where = RoomId((room or self.room).room_id)
        await bot.rows.run(claims.drop_claim, where, type_, "template", self.hs.clock.now_ms(), key=key)

    async def look_again(self, bot: Life, type_: str, key: str = "", room: Room | None = None) -> None:
        where = RoomId((room or self.room).room_id)
        await bot.rows.run(claims.mark_unsettled, where, type_, key, self.hs.clock.now_ms())
        await bot.rest()

    async def known(self, bot: Life, type_: str, key: str = "") -> tuple[JsonObject | None, UserId] | None:
        """Read what the mirror remembers."""
        seen = await bot.rows.run(mirror.state_of, RoomId(self.room.room_id), type_, key)
        return None if seen is None else (seen.content, seen.sender)

    def leads_to(self, alias: str = TUESDAY) -> Room | None:
        return next((room for room in self.hs.rooms if alias in self.hs.aliases_of(room)), None)

    @property
    def uploads(self) -> list[bytes]:
        return [media.data for media in self.hs.media.values() if media.data is not None]

    @property
    def avatars(self) -> list[dict[str, Any]]:
        return [event.content for event in self.room.history(AVATAR)]


@pytest.fixture
def scene(hs: FakeHomeserver, tmp_path: Path) -> Scene:
    return Scene(hs, tmp_path)


async def unsettled(bot: Life) -> list[Unsettled]:
    return await bot.rows.run(claims.unsettled)


FAULTS: Mapping[str, Fault] = {
    "lost": LoseResponse(),
    "closed": CloseBefore(),
    "cut": CutBody(),
    "502": HtmlError(502, acts=True),
    "503": HtmlError(503),
    "429": TooMany(3_000),
}


# -- the directory of rooms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 25], ids=["once", "for a minute"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_room_is_listed_and_hidden_whatever_happens_to_the_request(
    scene: Scene, fault: Fault, times: int
) -> None:
    async with scene.living() as bot:
        for shown in (True, False):
            scene.hs.faults.add(fault, "PUT", r"/directory/list/", times=times)
            await scene.want(bot, LISTED, {"listed": shown})
            await bot.rest()
            assert scene.room.published is shown
            assert await scene.known(bot, LISTED) == ({"listed": shown}, KEEPER)
        assert await unsettled(bot) == []


async def test_what_is_as_it_should_be_is_only_read_and_remembered(scene: Scene) -> None:
    scene.room.published = True
    async with scene.living() as bot:
        await scene.want(bot, LISTED, {"listed": True})
        await bot.rest()
        assert await scene.known(bot, LISTED) == ({"listed": True}, KEEPER)
    assert scene.hs.requests.count("PUT", "/directory/") == 0


async def test_a_listing_that_a_person_changed_is_seen_when_it_is_looked_at_and_put_right(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, LISTED, {"listed": False})
        await bot.rest()
        scene.room.published = True
        await scene.look_again(bot, LISTED)
        assert scene.room.published is False


async def test_what_nobody_tells_of_is_looked_at_now_and_then_and_at_each_start(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, LISTED, {"listed": False})
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await bot.rest()
        scene.room.published = True
        scene.hs._world.aliases.clear()
        assert not await bot.step()
        scene.hs.clock.advance(LOOK_AGAIN_MS)
        for _ in range(4):
            await bot.step()
        assert [scene.room.published, scene.leads_to()] == [False, scene.room]
        scene.room.published = True
    async with scene.living() as bot:
        for _ in range(4):
            await bot.step()
        assert scene.room.published is False


async def test_a_persons_listing_stays_where_the_documents_accept_it(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, LISTED, {"listed": False})
        stance = Claim(
            room=RoomId(scene.room.room_id), type=LISTED, path=("on_drift",), owner="template", value="accept"
        )
        await bot.rows.run(claims.put_claim, stance, 0)
        scene.room.published = True
        await bot.rest()
        assert scene.room.published is True
        assert await scene.known(bot, LISTED) == ({"listed": True}, "")


async def test_where_no_room_may_be_listed_it_is_set_aside(scene: Scene) -> None:
    scene.hs._world.lets_publish = False
    async with scene.living() as bot:
        await scene.want(bot, LISTED, {"listed": True})
        await bot.rest()
        assert await unsettled(bot) == []
        assert scene.hs.requests.count("PUT", "/directory/") == 1


async def test_a_limit_on_the_directory_is_sat_out_and_slows_nothing_else_down(scene: Scene) -> None:
    scene.hs.faults.add(TooMany(60 * 60 * 1000), "PUT", "/directory/list/", times=3)
    async with scene.living() as bot:
        await scene.want(bot, LISTED, {"listed": True})
        for _ in range(5):
            await bot.step()
        assert scene.hs.requests.count("PUT", "/directory/") == 1
        assert not bot.delivery.limited
        await bot.rest()
        assert scene.room.published is True


# -- aliases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 25], ids=["once", "for a minute"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_an_alias_is_taken_and_freed_whatever_happens_to_the_request(
    scene: Scene, fault: Fault, times: int
) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(fault, "PUT", r"/directory/room/", times=times)
        scene.hs.faults.add(fault, "DELETE", r"/directory/room/", times=times)
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await bot.rest()
        assert scene.leads_to() is scene.room
        assert await scene.known(bot, ALIAS, "tuesday") == ({"here": True}, KEEPER)
        await scene.want(bot, ALIAS, {}, key="tuesday")
        await bot.rest()
        assert scene.leads_to() is None
        assert await scene.known(bot, ALIAS, "tuesday") == ({}, KEEPER)
        assert await unsettled(bot) == []


async def test_an_alias_that_is_claimed_no_longer_is_freed(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await bot.rest()
        await scene.drop(bot, ALIAS, key="tuesday")
        await bot.rest()
        assert scene.leads_to() is None


@pytest.mark.parametrize("failpoint", ["state.before_send", "state.after_send", "state.before_confirm"])
async def test_killed_anywhere_an_alias_and_a_listing_are_there_after_the_next_start(
    scene: Scene, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await scene.want(bot, NAMING, {"alias": TUESDAY})
        for _ in range(2):
            with monkeypatch.context() as patch:
                kill_at(patch, failpoint)
                with pytest.raises(Killed):
                    await bot.rest()
            bot.delivery._running.clear()
    async with scene.living() as bot:
        await bot.rest()
        assert scene.leads_to() is scene.room
        assert len(scene.room.history(NAMING)) == 1
        assert await unsettled(bot) == []


async def test_somebody_elses_alias_is_never_taken_and_the_room_is_not_called_by_it(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = scene.cy.create_room(preset="public_chat", room_alias_name="tuesday")
    async with scene.living() as bot:
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await scene.want(bot, NAMING, {"alias": TUESDAY})
        await bot.rest()
        assert scene.leads_to() is theirs
        assert await scene.known(bot, ALIAS, "tuesday") == ({"elsewhere": True}, "")
        assert await unsettled(bot) == []
        assert scene.hs.requests.count("PUT", "/directory/") == 0
        assert scene.hs.requests.count("DELETE") == 0
        assert scene.hs.requests.count("PUT", NAMING) == 0
        assert "an alias leads to another room" in capsys.readouterr().out
        # Even one that we no longer want is not freed for them.
        await scene.want(bot, ALIAS, {}, key="tuesday")
        await bot.rest()
        assert scene.leads_to() is theirs
        # When they let it go, it is ours, and so is the name.
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await bot.rest()
        scene.hs._world.aliases.clear()
        await scene.look_again(bot, ALIAS, "tuesday")
        assert scene.leads_to() is scene.room
        assert scene.room.state(NAMING) == {"alias": TUESDAY}


@pytest.mark.parametrize("first", ["old", "new"])
@pytest.mark.parametrize("fault", [None, LoseResponse(), HtmlError(502)], ids=["smooth", "lost", "502"])
@pytest.mark.parametrize("dropped", [False, True], ids=["claimed away", "dropped"])
async def test_an_alias_moves_to_another_room_of_ours_freed_first_and_taken_then(
    scene: Scene, first: str, fault: Fault | None, dropped: bool
) -> None:
    async with scene.living() as bot:
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await scene.want(bot, NAMING, {"alias": TUESDAY})
        await bot.rest()
        assert scene.room.state(NAMING) == {"alias": TUESDAY}
        if fault is not None:
            scene.hs.faults.add(fault, "DELETE", "/directory/", times=3)
            scene.hs.faults.add(fault, "PUT", "/directory/", times=3)
        for room in ("old", "new") if first == "old" else ("new", "old"):
            scene.hs.clock.advance(1)
            if room == "new":
                await scene.want(bot, ALIAS, {"here": True}, key="tuesday", room=scene.other)
                await scene.want(bot, NAMING, {"alias": TUESDAY}, room=scene.other)
            else:
                await bot.rows.run(_move_away, RoomId(scene.room.room_id), scene.hs.clock.now_ms(), dropped)
            if first == "old":
                await bot.step()
        await bot.rest()
        await bot.sync()
        await bot.rest()
        assert scene.leads_to() is scene.other
        assert scene.other.state(NAMING) == {"alias": TUESDAY}
        assert scene.room.state(NAMING) == {}
        assert await unsettled(bot) == []


def _move_away(tx: Tx, room: RoomId, now_ms: int, dropped: bool) -> None:
    claims.drop_claim(tx, room, NAMING, "template", now_ms)
    if dropped:
        claims.drop_claim(tx, room, ALIAS, "template", now_ms, key="tuesday")
    else:
        claims.put_claim(tx, Claim(room=room, type=ALIAS, key="tuesday", owner="template", value={}), now_ms)


async def test_a_name_waits_for_its_alias_and_is_written_once(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, NAMING, {"alias": TUESDAY, "alt_aliases": ["#again:grove.example"]})
        scene.hs.faults.add(HtmlError(503), "PUT", "/directory/", times=5)
        for key in ("tuesday", "again"):
            await scene.want(bot, ALIAS, {"here": True}, key=key)
        await bot.rest()
        assert scene.room.state(NAMING) == {"alias": TUESDAY, "alt_aliases": ["#again:grove.example"]}
        assert scene.hs.requests.count("PUT", NAMING) == 1


async def test_a_name_whose_alias_leads_nowhere_is_not_even_tried(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, NAMING, {"alias": TUESDAY})
        await bot.rest()
        assert await unsettled(bot) == []
        assert scene.hs.requests.count("PUT", NAMING) == 0


async def test_an_alias_that_may_not_be_freed_is_set_aside_and_the_other_room_told(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday")
        await bot.rest()
        scene.hs.faults.add(Refuse(403, "M_FORBIDDEN"), "DELETE", "/directory/", times=None)
        await scene.want(bot, ALIAS, {}, key="tuesday")
        await scene.want(bot, ALIAS, {"here": True}, key="tuesday", room=scene.other)
        await bot.rest()
        assert scene.leads_to() is scene.room
        assert await unsettled(bot) == []
        assert scene.hs.requests.count("DELETE") == 1


# -- nobody's event passes for one of these ----------------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "key"), [(LISTED, ""), (ALIAS, "tuesday")])
async def test_an_event_that_somebody_sends_by_that_name_is_not_believed(scene: Scene, type_: str, key: str) -> None:
    async with scene.living() as bot:
        levels = scene.room.state("m.room.power_levels") or {}
        scene.hs.user(KEEPER).put_state(scene.room, "m.room.power_levels", {**levels, "state_default": 0})
        scene.cy.put_state(scene.room, type_, {"listed": True, "here": True}, key)
        await bot.sync()
        assert await scene.known(bot, type_, key) is None


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 25], ids=["once", "for a minute"])
@pytest.mark.parametrize("request_", ["/upload/", "/create", "/state/m.room.avatar"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_picture_is_uploaded_once_for_all_rooms_whatever_happens_to_the_request(
    scene: Scene, fault: Fault, request_: str, times: int
) -> None:
    async with scene.living() as bot:
        scene.hs.faults.add(fault, None, request_, times=times)
        for room in (scene.room, scene.other):
            await scene.want(bot, AVATAR, {FILE: sha(PNG)}, room=room)
        await bot.rest()
        (place,) = [place for place, media in scene.hs.media.items() if media.data is not None]
        assert scene.hs.media[place].data == PNG
        assert scene.hs.media[place].kind == "image/png"
        assert scene.room.state(AVATAR) == scene.other.state(AVATAR) == {"url": place}
        assert len(scene.avatars) == 1
        await bot.sync()
        await bot.rest()
        assert len(scene.avatars) == 1


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("failpoint", ["state.before_send", "state.after_send", "state.before_confirm"])
async def test_killed_anywhere_a_picture_is_uploaded_once(
    scene: Scene, failpoint: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene.living() as bot:
        await scene.want(bot, AVATAR, {FILE: sha(PNG)})
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint, nth)
            if failpoint == "state.before_confirm" and nth == 2:
                await bot.rest()
            else:
                with pytest.raises(Killed):
                    await bot.rest()
    async with scene.living() as bot:
        await bot.rest()
        assert scene.uploads == [PNG]
        assert len(scene.avatars) == 1


async def test_another_picture_takes_the_place_of_ours_and_what_described_it_goes(scene: Scene) -> None:
    keeper = scene.hs.user(KEEPER)
    keeper.put_state(scene.room, AVATAR, {"url": "mxc://grove.example/x", "info": {"w": 1}, "org.example.keep": True})
    async with scene.living() as bot:
        for data in (PNG, GIF, PNG):
            await scene.want(bot, AVATAR, {FILE: sha(data)})
            await bot.rest()
        assert scene.uploads == [PNG, GIF]
        _, second, third, fourth = scene.avatars
        assert second == fourth
        assert second.keys() == third.keys() == {"url", "org.example.keep"}
        assert FILE not in str(scene.avatars)


async def test_a_picture_that_is_wanted_no_longer_is_taken_away_but_never_a_persons(scene: Scene) -> None:
    async with scene.living() as bot:
        await scene.want(bot, AVATAR, {FILE: sha(PNG)})
        await bot.rest()
        await scene.drop(bot, AVATAR)
        await bot.rest()
        assert scene.room.state(AVATAR) == {}
        await scene.want(bot, AVATAR, {FILE: sha(PNG)})
        await bot.rest()
        scene.hs.user(KEEPER).put_state(scene.room, AVATAR, {"url": "mxc://far.example/theirs"})
        await bot.sync()
        await bot.rows.run(claims.set_aside, (await unsettled(bot))[0])
        await scene.drop(bot, AVATAR)
        await bot.rest()
        assert scene.room.state(AVATAR) == {"url": "mxc://far.example/theirs"}


async def test_a_place_that_the_server_forgot_is_asked_for_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene.living() as bot:
        await scene.want(bot, AVATAR, {FILE: sha(PNG)})
        with monkeypatch.context() as patch:
            kill_at(patch, "state.before_send")
            with pytest.raises(Killed):
                await bot.rest()
    scene.hs.clock.advance(25 * 60 * 60 * 1000)
    async with scene.living() as bot:
        await bot.rest()
        assert scene.uploads == [PNG]
        assert len(scene.avatars) == 1


async def test_a_server_that_keeps_no_places_free_is_given_the_file_in_one_call(scene: Scene) -> None:
    scene.hs.faults.add(Refuse(404, "M_UNRECOGNIZED"), "POST", "/create", times=None)
    async with scene.living() as bot:
        await scene.want(bot, AVATAR, {FILE: sha(PNG)})
        await bot.rest()
        assert scene.uploads == [PNG]
        assert len(scene.avatars) == 1


@pytest.mark.parametrize("data", [None, b"another file by this name", b"<svg onload='alert(1)'/>"])
async def test_a_file_that_is_gone_changed_or_no_picture_is_set_aside(scene: Scene, data: bytes | None) -> None:
    wanted = sha(b"<svg onload='alert(1)'/>")
    scene.files = {} if data is None else {wanted: data}
    async with scene.living() as bot:
        await scene.want(bot, AVATAR, {FILE: wanted})
        await bot.rest()
        assert await unsettled(bot) == []
    assert scene.uploads == []
    assert scene.avatars == []
    assert scene.hs.requests.count("POST", "/create") == 0


async def test_limits_on_files_do_not_slow_down_what_is_said(scene: Scene) -> None:
    scene.hs.faults.add(TooMany(20 * 60 * 60 * 1000), "POST", "/media/v1/create", times=3)
    async with scene.living() as bot:
        await scene.want(bot, AVATAR, {FILE: sha(PNG)})
        await bot.step()
        assert not bot.delivery.limited
        before_ms = scene.hs.clock.now_ms()
        await bot.rest()
        assert scene.uploads == [PNG]
        assert scene.hs.clock.now_ms() - before_ms <= 20 * 60 * 1000


async def test_nothing_of_a_person_is_kept_of_a_listing_or_an_alias(scene: Scene) -> None:
    async with scene.living() as bot:
        said: JsonObject = {"listed": True, "words": "a whole sentence", "here": True}
        await bot.rows.run(
            mirror.see_state,
            RoomId("!r"),
            LISTED,
            "",
            EventId("$1"),
            CY,
            said,  # as no code of ours would
        )
        seen = await bot.rows.run(mirror.state_of, RoomId("!r"), LISTED, "")
        assert seen is not None
        assert seen.content == {"listed": True}
        for key in ("", "a whole sentence"):
            assert not await bot.rows.run(mirror.see_state, RoomId("!r"), ALIAS, key, EventId("$1"), CY, said)
