"""Who is on a rota, changed by leads: asked back where somebody goes, written down, and answered in full."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.authored import Amendment
from orchestrator.documents.declared import Documents, Layer, Origin, Room, Serving
from orchestrator.documents.load import amend, load
from orchestrator.errors import Refusal
from orchestrator.facilitation.craft import Facilitation
from orchestrator.facilitation.roster import WORDS, Leaving, Roster, people
from orchestrator.facilitation.roster.people import People, Person
from orchestrator.model.effects import Amend, AnyEffect, Result
from orchestrator.model.events import Event
from orchestrator.model.feature import Answer, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import Store
from orchestrator.store.outbox import Waiting
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, documents, room, rota
from tests.documents.authors import TODAY, settle
from tests.house import CIRCLE, CONTROL, HOUR_MS, House, body_of, direct

at = datetime.fromisoformat
NOBODY = UserId("@nobody:grove.example")


class Desk:
    """A craft that is nothing but this desk."""

    name = "facilitation"

    def __init__(self, documents: Documents) -> None:
        self._roster = Roster(documents)
        self.commands: Sequence[Command] = (
            Command(name="rota", usage="", summary="", needs=Role.MEMBER, run=self._roster.run, elsewhere=True),
        )

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        return ()

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        return self._roster.done(tx, result, now) or ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        return self._roster.answered(tx, answer, now) or ()


class Office(House):
    """A house in which only this desk works."""

    def use(self, documents: Documents) -> None:
        self.documents = documents
        self.engine.use(documents, (Desk(documents),), Facilitation(documents))

    async def ask(self, body: str, where: RoomId = CONTROL, who: UserId = ANA, **more: object) -> str:
        """Ask something and read the one answer; what waits before is gone."""
        await self.deliver()
        if where == direct(who):
            await self.whisper(who, body, **more)
        else:
            await self.say(who, body, where, **more)
        (row,) = await self.waiting()
        return body_of(row) if row.kind != "amend" else ""

    async def choose(self, word: str, where: RoomId = CONTROL, who: UserId = ANA) -> None:
        """Answer the question that waits."""
        await self.deliver()
        (found,) = await self.rows("select event from question")
        await self.say(who, word, where, reply_to=EventId(str(found["event"])))

    async def amended(self) -> list[Waiting]:
        return await self.waiting("amend")


def circle(**more: object) -> Room:
    return replace(room("tuesday", name="Tuesday circle", rota=rota(), facilitators=[ANA, CY, DEE]), **more)  # type: ignore[arg-type]


def grove(*rooms: Room) -> Documents:
    return documents(community(*(rooms or (circle(),))))


@asynccontextmanager
async def office_of(place: Path, declared: Documents) -> AsyncIterator[Office]:
    store = Store.open(place)
    try:
        office = Office(store, declared)
        await office.open()
        for user in (ANA, BO, CY, DEE):
            await office.join(user, CIRCLE, CONTROL)
        await office.join(EVE, CIRCLE)
        await office.deliver()
        yield office
        assert office.troubles == []
    finally:
        await store.close()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_of(tmp_path, grove()) as office:
        yield office


def path_of(key: str) -> list[str]:
    return ["communities", "grove", "rooms", "tuesday", key]


# -- the commands ------------------------------------------------------------------------------------------------------


async def test_somebody_comes_on_from_a_day_that_is_answered_in_full_once_it_is_written(office: Office) -> None:
    assert await office.ask(f"!rota add {EVE} from 1 feb", CIRCLE) == ""
    (row,) = await office.amended()
    assert row.target == "config.yaml"
    wanted = [ANA, CY, DEE, {"who": EVE, "from": "2026-02-01"}]
    assert row.payload == {"path": path_of("facilitators"), "value": wanted, "by": ANA}
    await office.deliver("amend")
    (said,) = await office.said(CIRCLE)
    assert said.startswith(f"{EVE} will be on the list of Tuesday circle from Sunday 1 February 2026.")


async def test_what_cannot_be_written_is_said_plainly(office: Office) -> None:
    await office.ask(f"!rota add {EVE}")
    await office.deliver("amend", outcome="refused")
    (said,) = await office.said(CONTROL)
    assert "I could not write that down" in said


async def test_somebody_shadows_first_and_is_then_put_on(office: Office) -> None:
    await office.ask(f"!rota add {EVE} shadow")
    (row,) = await office.amended()
    assert (row.payload["path"], row.payload["value"]) == (path_of("shadows"), [EVE])
    await office.deliver("amend")
    (said,) = await office.said(CONTROL)
    assert said.startswith(f"{EVE} shadows in Tuesday circle from now on")
    await office.deliver()
    office.use(grove(circle(shadows=(EVE,))))
    await office.say(ANA, f"!rota add {EVE}", CONTROL)
    left, came = await office.amended()  # never on both lists, which would be a fault
    assert (left.payload["path"], left.payload["value"]) == (path_of("shadows"), [])
    assert (came.payload["path"], came.payload["value"]) == (path_of("facilitators"), [ANA, CY, DEE, EVE])
    await office.deliver("amend")
    assert len(await office.said(CONTROL)) == 1


async def test_two_changes_that_follow_each_other_both_hold(office: Office) -> None:
    await office.say(ANA, f"!rota add {EVE}", CONTROL)
    await office.say(ANA, f"!rota add {BO}", CONTROL)
    assert [row.payload["value"] for row in await office.amended()][-1] == [ANA, CY, DEE, EVE, BO]


async def test_whoever_goes_is_asked_about_first_and_stays_if_it_is_left(office: Office) -> None:
    said = await office.ask(f"!rota remove {DEE} from 1 dec")
    assert f"I would take {DEE} off the list of Tuesday circle from Tuesday 1 December 2026 on" in said
    assert await office.amended() == []
    await office.choose("no")
    assert await office.said(CONTROL) == ["All right, everything stays as it is."]
    await office.ask(f"!rota remove {DEE} from 1 dec")
    await office.choose("yes")
    (row,) = await office.amended()
    assert row.payload["value"] == [ANA, CY, {"who": DEE, "until": "2026-11-30"}]
    await office.deliver("amend")
    (said,) = await office.said(CONTROL)
    assert said.startswith(f"{DEE} is on the list of Tuesday circle until Tuesday 1 December 2026")


async def test_in_a_room_with_members_it_is_asked_in_private_who_goes(office: Office) -> None:
    await office.ask(f"!rota remove {DEE}", CIRCLE)
    assert await office.said(CIRCLE) == []
    (said,) = await office.told(ANA)
    assert f"I would take {DEE} off the list" in said
    await office.choose("yes", direct(ANA))
    (row,) = await office.amended()
    assert row.payload["value"] == [ANA, CY]


async def test_it_is_said_when_nobody_would_be_left(tmp_path: Path) -> None:
    async with office_of(tmp_path, grove(circle(facilitators=(CY,)))) as office:
        assert "Then nobody would be left there to take turns." in await office.ask(f"!rota remove {CY}")
        await office.choose("yes")
        (row,) = await office.amended()
        assert row.payload["value"] == []


async def test_whoever_was_taken_off_by_somebody_else_meanwhile_is_gone_already(office: Office) -> None:
    await office.ask(f"!rota remove {DEE}")
    office.use(grove(circle(facilitators=(ANA, CY))))
    await office.choose("yes")
    assert await office.said(CONTROL) == [f"{DEE} is not on that list."]


async def test_the_order_is_changed_for_those_who_are_named_and_all_others_follow(office: Office) -> None:
    await office.ask(f"!rota order {DEE} {CY}")
    (row,) = await office.amended()
    assert row.payload["value"] == [DEE, CY, ANA]
    await office.deliver("amend")
    (said,) = await office.said(CONTROL)
    assert f"in this order now: {DEE}, {CY}" in said


async def test_people_are_found_by_the_names_that_clients_put_in_their_place(office: Office) -> None:
    html = "!rota order " + " ".join(f'<a href="https://matrix.to/#/{user}">x</a>' for user in (DEE, CY, ANA))
    await office.ask("!rota order Dee Cy Ana", html=html)
    (row,) = await office.amended()
    assert row.payload["value"] == [DEE, CY, ANA]
    await office.deliver()
    html = f'!rota effective-from <a href="https://matrix.to/#/{CY}">Cy Young</a> next week'
    said = await office.ask("!rota effective-from Cy Young next week", html=html, mentions=frozenset({CY}))
    assert f"{CY} would take no turns in Tuesday circle before Monday 12 January 2026" in said


async def test_whose_turns_begin_later_is_asked_about_first(office: Office) -> None:
    said = await office.ask(f"!rota effective-from {CY} 1 dec 18:00")
    assert "before Tuesday 1 December 2026, 18:00" in said
    await office.choose("yes")
    (row,) = await office.amended()
    assert row.payload["value"] == [ANA, {"who": CY, "from": "2026-12-01 18:00"}, DEE]


async def test_a_lead_names_the_room_where_there_are_several(tmp_path: Path) -> None:
    other = room("thursday", name="Thursday", rota=rota(), facilitators=[BO])
    async with office_of(tmp_path, grove(circle(), other)) as office:
        said = await office.ask(f"!rota add {EVE}")
        assert "Which room do you mean?" in said
        assert "People take turns in: tuesday, thursday." in said
        assert await office.ask(f"!rota add tuesday {EVE}") == ""
        (row,) = await office.amended()
        assert row.payload["path"] == path_of("facilitators")
        assert await office.ask(f"!rota remove tuesday {CY}", direct(ANA)) != ""


REFUSED = [
    (f"!rota add {NOBODY}", "I do not see @nobody:grove.example in any room of ours."),
    (f"!rota add {CY}", f"{CY} is on that list already."),
    (f"!rota add {CY} shadow", "and so has no need to shadow"),
    (f"!rota add {EVE} shadow from 1 dec", "there is no need for a day"),
    (f"!rota add {ME}", "That is me."),
    ("!rota add", "Whom do you mean?"),
    (f"!rota add {EVE} {BO}", "Whom do you mean?"),
    (f"!rota add {EVE} from 31 feb", "There is no 31 February in 2026"),
    (f"!rota add {EVE} from 29 mar 02:30", "02:30 does not exist"),
    (f"!rota add {EVE} from 1 dec 2025", "is over already"),
    (f"!rota add {EVE} from soon", "I couldn't find a date there."),
    (f"!rota add {EVE} from 1 dec or so", "I understood the day, and not what comes after it."),
    (f"!rota remove {EVE}", f"{EVE} is not on that list."),
    (f"!rota order {CY}", "Please write the ids in the order you would like"),
    (f"!rota order {CY} {CY}", f"{CY} stands there twice."),
    (f"!rota order {CY} {EVE}", f"{EVE} is not on that list."),
    (f"!rota order {ANA} {CY} {DEE}", "That is the order already."),
    (f"!rota effective-from {EVE} 1 dec", f"{EVE} is not on that list."),
    (f"!rota effective-from {CY}", "Which day do you mean?"),
]


@pytest.mark.parametrize(("body", "says"), REFUSED)
async def test_what_cannot_be_is_refused_kindly_and_changes_nothing(office: Office, body: str, says: str) -> None:
    assert says in await office.ask(body)
    assert await office.amended() == []


async def test_whoever_is_elsewhere_in_the_community_is_asked_into_the_room_first(office: Office) -> None:
    await office.hear(office.member(CIRCLE, EVE, "leave"))
    await office.join(EVE, RoomId("!space"))
    assert f"{EVE} is not in Tuesday circle yet." in await office.ask(f"!rota add {EVE}")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("where", [CIRCLE, CONTROL])
async def test_nobody_but_a_lead_changes_it(office: Office, word: str, where: RoomId) -> None:
    assert "Only a lead can do that here." in await office.ask(f"!rota {word} {EVE} {CY}", where, CY)


async def test_a_room_without_a_rota_has_nobody_to_put_on(tmp_path: Path) -> None:
    async with office_of(tmp_path, grove(circle(rota=None))) as office:
        assert "Nobody takes turns in Tuesday circle" in await office.ask(f"!rota add tuesday {EVE}")


@pytest.mark.parametrize(("layer", "written"), [("overlay", [[ANA, CY]]), ("room", [])])
async def test_whoever_has_left_is_taken_out_of_what_was_written_for_a_lead_and_not_out_of_the_files(
    office: Office, layer: Layer, written: list[list[str]]
) -> None:
    left = circle(
        serving={DEE: Serving(None, at("2026-01-06 12:00")), CY: Serving(None, None)},
        origins={"facilitators": Origin(layer)},
    )
    office.use(grove(left))
    moment = Now(at_ms=office.clock.at_ms - HOUR_MS, me=ME)
    assert await office.store.run(lambda tx: list(Leaving(office.documents).settle(tx, moment))) == []
    found = await office.store.run(
        lambda tx: list(Leaving(office.documents).settle(tx, replace(moment, at_ms=moment.at_ms + HOUR_MS)))
    )
    assert [one.value for one in found if isinstance(one, Amend)] == written


# -- the lists ---------------------------------------------------------------------------------------------------------

WALL = at("2026-11-23 10:30")
walls = st.datetimes(at("2026-01-01 00:00"), at("2028-01-01 00:00")).map(
    lambda one: one.replace(second=0, microsecond=0)
)


@given(st.data())
def test_what_is_written_is_read_back_by_the_desk_and_by_the_files_alike(data: st.DataObject) -> None:
    found = []
    for user in (ANA, CY, DEE):
        start = data.draw(st.none() | walls | walls.map(lambda one: one.replace(hour=0, minute=0)))
        minutes = data.draw(st.none() | st.integers(1, 10**6))
        found.append(Person(user, start, None if minutes is None else (start or WALL) + timedelta(minutes=minutes)))
    written = people.write_keepers(People(tuple(found)))
    assert people.read_keepers(written) == tuple(found)


def test_what_the_desk_writes_is_what_the_room_declares_afterwards(tmp_path: Path) -> None:
    author = settle(tmp_path)
    before = load(author.config, today=TODAY).documents.communities[0].room(circle().key)
    assert before is not None
    changed = people.add(people.of_room(before), EVE, at("2026-12-01 00:00"), WALL)
    changed = people.remove(changed, DEE, at("2027-01-01 18:00"), WALL)
    one = Amendment(
        document="config.yaml",
        path=tuple(path_of("facilitators")),
        value=people.write_keepers(changed),
        by=ANA,
        at_ms=1,
    )
    after = amend(author.config, [one], today=TODAY).documents.communities[0].room(before.key)
    assert after is not None
    assert after.facilitators == (ANA, CY, DEE, EVE)
    assert after.serving == {
        EVE: Serving(at("2026-12-01 00:00"), None),
        DEE: Serving(None, at("2027-01-01 18:00")),
    }
    assert people.of_room(after) == changed


def test_whoever_was_about_to_leave_may_stay_and_whoever_left_may_come_again() -> None:
    leaving = People((Person(ANA), Person(CY, None, WALL + timedelta(days=3))))
    assert people.add(leaving, CY, None, WALL) == People((Person(ANA), Person(CY)))
    with pytest.raises(Refusal, match="still on the list until then"):
        people.add(leaving, CY, WALL + timedelta(days=9), WALL)
    gone = People((Person(CY, None, WALL - timedelta(days=3)), Person(ANA)))
    assert people.add(gone, CY, None, WALL) == People((Person(ANA), Person(CY)))
    with pytest.raises(Refusal, match="not on that list"):
        people.remove(gone, CY, None, WALL)
