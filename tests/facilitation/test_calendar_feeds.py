"""Addresses of calendars: who gets which, how they end, and what is read under them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import aiohttp
import icalendar
import pytest

from orchestrator.app import App
from orchestrator.documents.authored import Config, Web
from orchestrator.documents.declared import Documents
from orchestrator.facilitation.calendar.desk import Calendars
from orchestrator.facilitation.calendar.feeds import NO_ADDRESSES, Addresses, Feed, Scope, SecretAddresses, digest_of
from orchestrator.facilitation.calendar.reading import served
from orchestrator.facilitation.craft import Facilitation
from orchestrator.feeding import Feeding
from orchestrator.matrix.seal import Seal
from orchestrator.model.cadence import Every, Unit
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event
from orchestrator.model.feature import Answer, Call, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import AccountKey, UserId
from tests.declared import ANA, BO, CY, DEE, EVE, community, documents, room, rota
from tests.house import CIRCLE, CONTROL, House, body_of, content_of, house_of
from tests.workshop import LOUD, speak_loudly

from .strict_ics import read

ACCOUNT = AccountKey("keeper")
BASE = "https://grove.example/keeper"
ADDRESS = re.compile(r"https://grove\.example/keeper/calendar/([0-9a-f]{64})\.ics")


class Talk:
    """The two commands, and nothing else."""

    name = "facilitation"

    def __init__(self, calendars: Calendars) -> None:
        self.calendars = calendars

    @property
    def commands(self) -> tuple[Command, ...]:
        return (
            Command(name="my", usage="", summary="", needs=Role.MEMBER, run=self._my),
            Command(name="rota", usage="", summary="", needs=Role.MEMBER, run=self._rota),
        )

    def _my(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        return self.calendars.calendar_words(tx, call, now)

    def _rota(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        return self.calendars.rota_words(tx, call, now)

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        return ()

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        return ()


class Grove:
    """A house in which one can ask for calendars."""

    def __init__(self, house: House, addresses: Addresses) -> None:
        self.house = house
        self.addresses = addresses
        self.use(house.documents)

    def use(self, declared: Documents) -> None:
        self.house.documents = declared
        talk = Talk(Calendars(declared, self.addresses))
        self.house.engine.use(declared, (talk,), Facilitation(declared))

    async def whisper(self, user: UserId, body: str) -> str:
        """Ask in private; the one answer, which is then delivered."""
        await self.house.whisper(user, body)
        (row,) = await self.house.deliver()
        assert content_of(row)["m.relates_to"]
        return body_of(row)

    async def address(self, user: UserId, body: str = "!my calendar") -> str:
        (token,) = ADDRESS.findall(await self.whisper(user, body))
        return str(token)

    async def fetch(self, token: str) -> bytes | None:
        return await self.house.store.run(served, self.house.documents, digest_of(token), self.house.clock.at_ms)

    async def hold(self, user: UserId, start_h: int, key: str = "tuesday", part: str = "facilitator") -> None:
        start_ms = self.house.clock.at_ms + start_h * HOUR_MS

        def write(tx: Tx) -> None:
            tx.run(
                'insert into holding (account, community, key, part, start_ms, end_ms, "user", sequence, gone_ms)'
                " values (:account, 'grove', :key, :part, :start_ms, :end_ms, :user, 0, null)",
                key=key,
                part=part,
                start_ms=start_ms,
                end_ms=start_ms + HOUR_MS,
                user=user,
            )

        await self.house.store.run(write)


def grove_of(*facilitators: UserId, leads: tuple[UserId, ...] = (ANA, BO)) -> Documents:
    evening = Every(2, Unit.HOUR)
    return documents(
        community(
            room("tuesday", rota=rota(lasts=evening), facilitators=facilitators),
            room("friday", rota=rota("2026-01-09 19:00", lasts=evening), facilitators=facilitators),
            leads=leads,
        )
    )


SECRETS = SecretAddresses(BASE, bytes(range(32)), ACCOUNT)


@asynccontextmanager
async def grove_at(tmp_path: Path, addresses: Addresses = SECRETS) -> AsyncIterator[Grove]:
    async with house_of(tmp_path, grove_of(CY, DEE)) as house:
        grove = Grove(house, addresses)
        await house.open()
        await house.join(EVE, CIRCLE)
        await house.let_keepers_in()
        await house.deliver()
        yield grove


@pytest.fixture
async def grove(tmp_path: Path) -> AsyncIterator[Grove]:
    async with grove_at(tmp_path) as found:
        yield found


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_an_address_is_its_own_for_every_account_person_room_generation_and_key() -> None:
    feed = Feed(scope=Scope.PERSON, user=ANA, generation=1)
    others = [
        (SECRETS, Feed(scope=Scope.PERSON, user=BO, generation=1)),
        (SECRETS, Feed(scope=Scope.PERSON, user=ANA, generation=2)),
        (SECRETS, Feed(scope=Scope.COMMUNITY, user=ANA, generation=1)),
        (SecretAddresses(BASE, bytes(32), ACCOUNT), feed),
        (SecretAddresses(BASE, bytes(range(32)), AccountKey("other")), feed),
    ]
    secrets = [made.secret(one) for made, one in [(SECRETS, feed), *others]]
    assert len({secret.address for secret in secrets if secret is not None}) == len(secrets)
    assert SECRETS.secret(feed) == secrets[0]


def test_an_address_is_in_no_repr() -> None:
    secret = SECRETS.secret(Feed(scope=Scope.PERSON, user=ANA, generation=1))
    assert secret is not None
    assert secret.address not in repr(secret)
    assert str(bytes(range(32)).hex()) not in repr(SECRETS)


# -- whose it is -------------------------------------------------------------------------------------------------------


async def test_whoever_keeps_a_room_gets_an_address_in_private_and_the_same_one_again(grove: Grove) -> None:
    first = await grove.address(CY)
    assert await grove.address(CY) == first
    assert await grove.address(DEE) != first
    assert await grove.fetch(first) is not None


async def test_only_a_hash_of_it_is_kept(grove: Grove) -> None:
    token = await grove.address(CY)
    (row,) = await grove.house.rows("select * from feed")
    assert row["digest"] == digest_of(token)
    await grove.house.store._store.checkpoint()
    data = b"".join(path.read_bytes() for path in grove.house.store._store._data_dir.iterdir() if path.is_file())
    assert token.encode() not in data
    assert digest_of(token).encode() in data


async def test_in_a_room_it_is_sent_in_private_and_the_room_reads_no_address(grove: Grove) -> None:
    await grove.house.say(CY, "!my calendar", CONTROL)
    sent, said = sorted(await grove.house.deliver(), key=lambda row: row.kind)
    assert (sent.kind, sent.target) == ("direct", CY)
    assert ADDRESS.search(body_of(sent))
    assert (said.kind, said.room) == ("send", CONTROL)
    assert "https" not in body_of(said)
    assert body_of(said) == "I have written to you in private."


async def test_another_one_ends_the_one_before(grove: Grove) -> None:
    first = await grove.address(CY)
    second = await grove.address(CY, "!my calendar new")
    assert second != first
    assert await grove.fetch(first) is None
    assert await grove.fetch(second) is not None
    assert await grove.address(CY) == second


async def test_off_ends_it_and_asking_again_gives_another_one(grove: Grove) -> None:
    first = await grove.address(CY)
    assert "works no longer" in await grove.whisper(CY, "!my calendar off")
    assert await grove.fetch(first) is None
    second = await grove.address(CY)
    assert second != first
    assert await grove.fetch(second) is not None
    assert await grove.fetch(first) is None


async def test_an_address_that_was_taken_away_does_not_come_back_when_all_rows_are_lost(grove: Grove) -> None:
    first = await grove.address(CY)
    second = await grove.address(CY, "!my calendar new")
    await grove.house.store.run(lambda tx: tx.run("delete from feed where account = :account"))
    grove.house.clock.at_ms += HOUR_MS
    assert await grove.address(CY) not in {first, second}


async def test_there_is_nothing_to_end_where_nothing_was_given(grove: Grove) -> None:
    assert "nothing to end" in await grove.whisper(CY, "!my calendar off")
    assert await grove.house.rows("select * from feed") == []


async def test_whoever_keeps_no_room_is_told_so_kindly(grove: Grove) -> None:
    assert "not on a list" in await grove.whisper(EVE, "!my calendar")
    assert await grove.house.rows("select * from feed") == []


async def test_other_words_are_answered_with_what_there_is(grove: Grove) -> None:
    assert "`" not in await grove.whisper(CY, "!my calendar please")
    assert "!my calendar off" in await grove.whisper(CY, "!my calendar please")


async def test_who_is_not_among_the_keepers_any_more_reads_nothing_and_may_again_when_they_are(grove: Grove) -> None:
    token = await grove.address(CY)
    grove.use(grove_of(DEE))
    assert await grove.fetch(token) is None
    grove.use(grove_of(CY, DEE))
    assert await grove.fetch(token) is not None


async def test_where_nothing_is_served_the_answer_says_so(tmp_path: Path) -> None:
    async with grove_at(tmp_path, NO_ADDRESSES) as grove:
        assert "no web address" in await grove.whisper(CY, "!my calendar")
        assert await grove.house.rows("select * from feed") == []


async def test_what_is_served_no_longer_can_still_be_ended(grove: Grove) -> None:
    token = await grove.address(CY)
    grove.addresses = NO_ADDRESSES
    grove.use(grove.house.documents)
    assert "works no longer" in await grove.whisper(CY, "!my calendar off")
    assert await grove.fetch(token) is None


# -- leads -------------------------------------------------------------------------------------------------------------


async def test_a_lead_gets_the_calendars_of_the_community_and_of_a_room(grove: Grove) -> None:
    await grove.hold(CY, 30, "tuesday")
    await grove.hold(DEE, 40, "friday")
    whole = await grove.fetch(await grove.address(ANA, "!rota calendar"))
    friday = await grove.fetch(await grove.address(ANA, "!rota calendar friday"))
    assert whole is not None
    assert friday is not None
    confirmed = [
        [event.one("SUMMARY") for event in read(raw).parts if event.one("STATUS") == "CONFIRMED"]
        for raw in (whole, friday)
    ]
    assert confirmed == [["duty: cy", "duty: dee"], ["duty: dee"]]


async def test_each_lead_has_an_address_of_their_own_that_ends_with_their_lead(grove: Grove) -> None:
    anas, bos = [await grove.address(lead, "!rota calendar tuesday") for lead in (ANA, BO)]
    assert anas != bos
    grove.use(grove_of(CY, DEE, leads=(ANA,)))
    assert await grove.fetch(bos) is None
    assert await grove.fetch(anas) is not None


async def test_who_is_no_lead_gets_no_calendar_of_others(grove: Grove) -> None:
    for words in ("!rota calendar", "!rota calendar tuesday", "!rota calendar nowhere"):
        assert "Only a lead" in await grove.whisper(CY, words)
    assert await grove.house.rows("select * from feed") == []


async def test_a_room_that_there_is_not_is_said_to_a_lead(grove: Grove) -> None:
    assert "I do not know that room" in await grove.whisper(ANA, "!rota calendar nowhere")
    assert "I do not know that room" in await grove.whisper(ANA, "!rota calendar tuesday friday")


async def test_new_and_off_work_for_a_lead_as_well(grove: Grove) -> None:
    first = await grove.address(ANA, "!rota calendar tuesday")
    whole = await grove.address(ANA, "!rota calendar")
    second = await grove.address(ANA, "!rota calendar tuesday new")
    assert len({first, whole, second}) == 3
    assert await grove.fetch(first) is None
    await grove.whisper(ANA, "!rota calendar off")
    assert await grove.fetch(whole) is None
    assert await grove.fetch(second) is not None


async def test_everything_that_is_said_goes_through_gettext(grove: Grove, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    for user, words in [
        (CY, "!my calendar"),
        (CY, "!my calendar off"),
        (CY, "!my calendar x"),
        (EVE, "!my calendar"),
        (ANA, "!rota calendar"),
        (ANA, "!rota calendar x"),
        (CY, "!rota calendar"),
        (DEE, "!my calendar off"),
    ]:
        said = await grove.whisper(user, words)
        assert said.startswith(LOUD)
        assert said.endswith(LOUD)


# -- what is read ------------------------------------------------------------------------------------------------------


async def test_an_own_calendar_holds_what_is_ones_own_and_names_nothing(grove: Grove) -> None:
    await grove.hold(CY, 30)
    await grove.hold(DEE, 40, "friday")
    raw = await grove.fetch(await grove.address(CY))
    assert raw is not None
    (event,) = [event for event in read(raw).parts if event.one("STATUS") == "CONFIRMED"]
    assert event.one("SUMMARY") == "duty"
    assert [alarm.one("TRIGGER") for alarm in event.parts] == ["-P1D"]
    for secret in (b"tuesday", b"friday", b"grove", b"Grove", b"dee", b"example"):
        assert secret not in raw
    assert not any(event.errors for event in icalendar.Calendar.from_ical(raw).events)


async def test_reminders_are_those_that_somebody_wants(grove: Grove) -> None:
    await grove.hold(CY, 30)
    token = await grove.address(CY)

    def prefer(tx: Tx, reminders: str) -> None:
        tx.run(
            'insert into preference (account, "user", zone, language, reminders) values (:account, :user, null, null, :said)'
            ' on conflict (account, "user") do update set reminders = excluded.reminders',
            user=CY,
            said=reminders,
        )

    for reminders, triggers in ((f"{2 * DAY_MS} {HOUR_MS}", ["-P2D", "-PT1H"]), ("", [])):
        await grove.house.store.run(prefer, reminders)
        raw = await grove.fetch(token)
        assert raw is not None
        (event,) = [event for event in read(raw).parts if event.one("STATUS") == "CONFIRMED"]
        assert [alarm.one("TRIGGER") for alarm in event.parts] == triggers


async def test_what_comes_in_the_next_ninety_days_is_tentative(grove: Grove) -> None:
    raw = await grove.fetch(await grove.address(ANA, "!rota calendar tuesday"))
    assert raw is not None
    events = read(raw).parts
    assert {event.one("STATUS") for event in events} == {"TENTATIVE"}
    assert [event.one("SUMMARY") for event in events][:4] == ["duty: cy", "duty: dee", "duty: cy", "duty: dee"]
    assert len(events) == 13


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def feeding_of(grove: Grove, tmp_path: Path, port: int) -> Feeding:
    """The part of the app that serves, with the rest of it as far as that needs it."""
    web = Web(host="127.0.0.1", port=port, address=BASE)
    app = SimpleNamespace(
        loaded=SimpleNamespace(config=Config(data_dir=tmp_path, web=web), documents=grove.house.documents),
        keepers={ACCOUNT: None},
        clock=grove.house.clock,
    )
    return Feeding(cast("App", app))


async def test_a_feed_is_served_beside_the_bot_until_it_is_taken_away(grove: Grove, tmp_path: Path) -> None:
    feeding = feeding_of(grove, tmp_path, 0)
    feeding.learn(ACCOUNT, Seal(bytes(32)))
    grove.addresses = feeding.addresses(ACCOUNT)
    grove.use(grove.house.documents)
    token = await grove.address(CY)
    await grove.hold(CY, 30)
    async with feeding.serving() as port, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}/calendar/{token}.ics"
        async with http.get(url) as answer:
            assert answer.status == 200
            assert read(await answer.read()).parts
        await grove.whisper(CY, "!my calendar off")
        async with http.get(url) as answer:
            assert (answer.status, await answer.text()) == (404, "Nothing is here.\n")
    assert await grove.house.store._store.checkpoint()


async def test_a_port_that_is_taken_does_not_keep_the_bot_from_running(grove: Grove, tmp_path: Path) -> None:
    async with feeding_of(grove, tmp_path, 0).serving() as port:
        assert port is not None
        async with feeding_of(grove, tmp_path, port).serving() as other:
            assert other is None


async def test_nothing_is_served_unless_it_is_asked_for(grove: Grove, tmp_path: Path) -> None:
    app = SimpleNamespace(loaded=SimpleNamespace(config=Config(data_dir=tmp_path)), keepers={})
    feeding = Feeding(cast("App", app))
    feeding.learn(ACCOUNT, Seal(bytes(32)))
    assert feeding.addresses(ACCOUNT) is NO_ADDRESSES
    async with feeding.serving() as port:
        assert port is None
