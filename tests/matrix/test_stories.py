"""Stories of bad luck: whatever fails, whoever dies, however the clock is turned, everything asked for happens once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path

import pytest

from orchestrator import failpoints
from orchestrator.errors import MatrixError, Retryable
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.effects import AnyEffect, CreateRoom, Redact, Send, SendDirect, SetMembership
from orchestrator.model.events import Event, Message
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import (
    LOCATOR_TYPE,
    CommunityKey,
    EventId,
    JsonObject,
    RoomId,
    RoomKey,
    UserId,
    locator_of,
)
from orchestrator.store import claims, ingest
from orchestrator.store.claims import Claim
from tests.fakes import CloseBefore, CutBody, FakeHomeserver, HtmlError, LoseResponse, MalformedJson, Room, TooMany
from tests.fakes import Json as FakeJson
from tests.fakes.oddities import Arrival
from tests.matrix.hands import Asker, Killed, Life, Overlay, circle, living
from tests.matrix.listening import KEEPER

FAULTS = (
    LoseResponse(),
    CloseBefore(),
    CutBody(),
    MalformedJson(),
    HtmlError(502, acts=True),
    HtmlError(503),
    TooMany(3_000),
)
PLACES = (r"/send/", r"/redact/", r"/state/", r"/createRoom", r"/messages", r"/joined_members", r"/rooms/")
DIES_AT = tuple(
    name for name in failpoints.NAMES if name.startswith(("delivery.", "create.", "member.", "state.", "echo."))
)
ARRIVALS: tuple[Arrival, ...] = ("timeline", "gap", "backfilled")
PAUSES_MS = (0, SECOND_MS, 20 * SECOND_MS, MINUTE_MS, HOUR_MS, 26 * HOUR_MS)


class Story:
    """One bot's bad days, told by a seed."""

    def __init__(self, hs: FakeHomeserver, directory: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hs, self.directory, self.monkeypatch = hs, directory, monkeypatch
        self.rng = random.Random(seed)  # noqa: S311 - a story, no secret
        self.rooms = [circle(hs) for _ in range(3)]
        self.people = [hs.person(f"@p{n}:grove.example") for n in range(30)]
        for person in self.people:
            for room in self.rooms:
                person.join(room)
        self.overlay = Overlay()
        self.topic = ""
        self.asked: list[str] = []
        self.removed: list[tuple[Room, str]] = []
        self.kicked: list[tuple[Room, str]] = []
        self.whispered: list[tuple[str, str]] = []
        self.made: list[str] = []

    async def run(self, lives: int) -> None:
        for number in range(lives):
            async with AsyncExitStack() as stack:
                device = self.rng.choice(("KEEPER", "KEEPER", "ANOTHER"))
                try:
                    bot = await stack.enter_async_context(living(self.hs, self.directory, self.overlay, device=device))
                    await self._live(bot, number)
                except Killed:
                    pass
            self.hs.faults.clear()
            self.monkeypatch.undo()
            self.hs.clock.advance(self.rng.choice(PAUSES_MS))
        async with living(self.hs, self.directory, self.overlay) as bot:
            await bot.rest()
            await bot.sync()
            await bot.rest()

    async def _live(self, bot: Life, number: int) -> None:
        dies_at, left = self.rng.choice(DIES_AT), self.rng.randint(1, 4)

        def pass_by(passed: str) -> None:
            nonlocal left
            if passed == dies_at:
                left -= 1
                if left == 0:
                    raise Killed(passed)

        self.monkeypatch.setattr(failpoints, "pass_by", pass_by)
        for turn in range(self.rng.randint(2, 8)):
            await self._ask(bot, f"{number}.{turn}")
            if self.rng.random() < 0.5:
                fault, where = self.rng.choice(FAULTS), self.rng.choice(PLACES)
                self.hs.faults.add(fault, pattern=where, nth=self.rng.randint(1, 3), times=self.rng.randint(1, 3))
            for _ in range(self.rng.randint(1, 4)):
                await bot.step()
                if self.rng.random() < 0.3:
                    self.hs.clock.advance(self.rng.choice(PAUSES_MS[:-2]))
            if self.rng.random() < 0.4:
                self.hs.faults.clear()
                await bot.sync()

    async def _ask(self, bot: Life, name: str) -> None:
        where, person = self.rng.choice(self.rooms), self.rng.choice(self.people)
        room, origin = RoomId(where.room_id), f"${name}"
        match self.rng.choice(("say", "say", "remove", "kick", "whisper", "make", "topic")):
            case "say":
                self.asked.append(name)
                await bot.ask(Send(step="say", room=room, content=content.notice(name)), origin=origin)
            case "remove":
                event = self.people[-1].say(where, "buy this")
                self.removed.append((where, event))
                await bot.ask(Redact(step="remove", room=room, target=EventId(event)), origin=origin)
            case "kick":
                if len(self.people) > 5 and person is not self.people[-1]:
                    self.people.remove(person)
                    self.kicked.append((where, person.user_id))
                    kick = SetMembership(step="kick", room=room, user=UserId(person.user_id), membership="leave")
                    await bot.ask(kick, origin=origin)
            case "whisper":
                user = UserId(f"@w{self.rng.randint(0, 2)}:grove.example")
                self.hs.person(user)
                self.whispered.append((user, name))
                await bot.ask(SendDirect(step="why", user=user, content=content.notice(name)), origin=origin)
            case "make":
                self.made.append(name)
                locator = locator_of(KEEPER, name)
                body: JsonObject = {"initial_state": [{"type": LOCATOR_TYPE, "content": {"locator": locator}}]}
                effect = CreateRoom(
                    step="make", locator=locator, body=body, community=CommunityKey("g"), key=RoomKey(name)
                )
                await bot.ask(effect, origin=origin)
            case "topic":
                self.topic = name
                claim = Claim(
                    room=RoomId(self.rooms[0].room_id),
                    type="m.room.topic",
                    path=("parts", "topic"),
                    owner="template",
                    value=name,
                )
                await bot.rows.run(claims.put_claim, claim, self.hs.clock.now_ms())

    # -- what it all came to -------------------------------------------------------------------------------------------

    def check(self) -> None:
        said = Counter(body for room in self.rooms for body in room.texts(sender=KEEPER))
        assert said == Counter(self.asked)
        for room, event in self.removed:
            removals = [one for one in room.history("m.room.redaction", sender=KEEPER) if one.redacts == event]
            assert len(removals) == 1
        for room, user in self.kicked:
            changes = [one for one in room.history("m.room.member", sender=KEEPER) if one.state_key == user]
            assert [one.membership for one in changes] == ["leave"]
        others = [room for room in self.hs.user(KEEPER).rooms() if room not in self.rooms]
        located = Counter(str((room.state(LOCATOR_TYPE) or {}).get("locator")) for room in others)
        people = {user for user, _words in self.whispered}
        assert located == Counter(
            [
                *(locator_of(KEEPER, name) for name in self.made),
                *(locator_of(KEEPER, "direct", user) for user in people),
            ]
        )
        whispers = Counter(body for room in others for body in room.texts(sender=KEEPER))
        assert whispers == Counter(words for _user, words in self.whispered)
        if self.topic:
            assert (self.rooms[0].state("m.room.topic") or {}).get("topic") == self.topic
            topics = [event.content.get("topic") for event in self.rooms[0].history("m.room.topic")]
            assert len(topics) == len(set(topics))


@pytest.mark.parametrize("seed", range(8))
async def test_everything_that_was_asked_for_happens_once(
    hs: FakeHomeserver, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(hs, tmp_path, seed, monkeypatch)
    await story.run(lives=8)
    story.check()


# -- what people say ---------------------------------------------------------------------------------------------------


class Echo(Asker):
    """Counts how often it decided about each message, in the rows, and answers a few of them."""

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        if isinstance(event, Message):
            counted = int(ingest.cursor(tx, f"heard {event.id}") or 0)
            ingest.set_cursor(tx, str(counted + 1), f"heard {event.id}")
            if event.body == "?":
                yield Send(step="answer", room=event.room, content=content.notice(event.id))


HEARING_DIES_AT = tuple(name for name in failpoints.NAMES if name.startswith(("engine.", "gap.", "echo.", "delivery.")))


class Talk:
    """People who talk, much at once and little, while the bot listens, fails, dies and comes back."""

    def __init__(self, hs: FakeHomeserver, directory: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hs, self.directory, self.monkeypatch = hs, directory, monkeypatch
        self.rng = random.Random(seed)  # noqa: S311 - a story, no secret
        self.cy = hs.person("@cy:grove.example")
        self.far = hs.person("@far:elsewhere.example")
        self.rooms = [circle(hs, self.cy.user_id, self.far.user_id) for _ in range(2)]
        self.said: dict[str, tuple[Room, bool]] = {}

    async def run(self, lives: int) -> None:
        async with self._living():
            pass  # from now on everything is ours to answer
        for _ in range(lives):
            self._talk()
            try:
                async with self._living() as bot:
                    await self._live(bot)
            except (Killed, Retryable):
                pass
            self.hs.faults.clear()
            self.monkeypatch.undo()
            self.hs.clock.advance(self.rng.choice(PAUSES_MS[:4]))
        async with self._living() as bot:
            await bot.sync()
            while await bot.catch_up():
                pass
            await bot.rest()

    def _living(self) -> AbstractAsyncContextManager[Life]:
        return living(self.hs, self.directory, craft=Echo)

    async def _live(self, bot: Life) -> None:
        dies_at, left = self.rng.choice(HEARING_DIES_AT), self.rng.randint(1, 6)

        def pass_by(passed: str) -> None:
            nonlocal left
            if passed == dies_at:
                left -= 1
                if left == 0:
                    raise Killed(passed)

        self.monkeypatch.setattr(failpoints, "pass_by", pass_by)
        for _ in range(self.rng.randint(2, 10)):
            act = self.rng.choice((bot.listen, bot.listen, bot.catch_up, bot.step, self._misfortune, self._talk_now))
            with suppress(MatrixError):
                await act()

    async def _misfortune(self) -> None:
        fault, where = self.rng.choice(FAULTS), self.rng.choice((r"/sync", r"/messages", r"/send/"))
        self.hs.faults.add(fault, pattern=where, times=self.rng.randint(1, 3))

    async def _talk_now(self) -> None:
        self._talk()

    def _talk(self) -> None:
        for room in self.rooms:
            for _ in range(self.rng.choice((0, 1, 3, 60, 130))):
                asks = self.rng.random() < 0.05
                self.said[self.cy.say(room, "?" if asks else "hm")] = (room, asks)
            if self.rng.random() < 0.3:
                self._heal(room)

    def _heal(self, room: Room) -> None:
        """A server that was cut off for a while brings what was said there."""
        events: list[dict[str, FakeJson]] = [
            {"type": "m.room.message", "sender": self.far.user_id, "content": {"msgtype": "m.text", "body": "far"}}
            for _ in range(self.rng.randint(1, 30))
        ]
        history = room.history()
        after = history[-self.rng.randint(1, min(40, len(history)))].event_id
        how = self.rng.choice(ARRIVALS)
        for event in self.hs.late_events(room, events, after=after, how=how):
            self.said[event] = (room, False)

    async def check(self) -> None:
        async with self._living() as bot:
            heard = await bot.rows.run(_heard)
        assert heard == dict.fromkeys(self.said, 1)
        for room in self.rooms:
            answers = Counter(room.texts(sender=KEEPER))
            assert answers == Counter(event for event, (where, asks) in self.said.items() if where is room and asks)


def _heard(tx: Tx) -> dict[str, int]:
    rows = tx.rows("select kind, value from cursor where account = :account and substr(kind, 1, 6) = 'heard '")
    return {str(row["kind"])[6:]: int(str(row["value"])) for row in rows}


@pytest.mark.parametrize("seed", range(8))
async def test_everything_that_is_said_is_answered_once(
    hs: FakeHomeserver, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk(hs, tmp_path, seed, monkeypatch)
    await talk.run(lives=6)
    await talk.check()
