"""The desks that ask people, at work by themselves; who else would have to know is written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.documents.declared import Community, Documents, Room, Rota
from orchestrator.facilitation import NAME, renamed
from orchestrator.facilitation.away.desk import Away
from orchestrator.facilitation.gaps.desk import Gaps
from orchestrator.facilitation.offers.desk import Offers
from orchestrator.facilitation.publishing import Publishing
from orchestrator.facilitation.records.overrides import Change, State, changes_of
from orchestrator.facilitation.records.shifts import Given, shifts_of
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.facilitation.swaps.desk import Swaps
from orchestrator.facilitation.view import View
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.desks import Desks
from orchestrator.model.effects import NO_DEVICES, AnyEffect, Outcome
from orchestrator.model.events import Reaction
from orchestrator.model.feature import Call, Feature, Now, Role, Roster, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store import bindings, outbox, questions
from orchestrator.store.outbox import Waiting
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, documents, room, rota
from tests.house import CONTROL, body_of, direct
from tests.workshop import Workshop

BERLIN = ZoneInfo("Europe/Berlin")
WEEK_MS = 7 * DAY_MS
GROVE = CommunityKey("grove")
TUESDAY = RoomKey("tuesday")
FIN = UserId("@fin:grove.example")


def at(said: str) -> int:
    """Read a moment on the clock in Berlin."""
    return int(datetime.fromisoformat(said).replace(tzinfo=BERLIN).timestamp() * 1000)


START_MS = at("2026-12-01 12:00")
"""A Tuesday at noon, seven hours before a turn begins."""


class Asking(Desks):
    """Nothing but the desks that ask people, and a roster by what is declared."""

    name = NAME

    def __init__(self, declared: Documents) -> None:
        self.documents = declared
        self.moves: list[UserId | None] = []
        super().__init__(*(kind(declared, self._changed) for kind in (Publishing, Offers, Swaps, Away, Gaps)))

    def _changed(self, tx: Tx, community: Community, now: Now, by: UserId | None) -> Iterable[AnyEffect]:
        del tx, community, now
        self.moves.append(by)
        return ()

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        renamed.follow(tx, self.documents)
        yield from super().settle(tx, now)

    def role(self, tx: Tx, user: UserId, community: CommunityKey, key: RoomKey | None, now: Now) -> Role:
        del tx, key, now
        declared = self.documents.community(community)
        return Role.LEAD if declared is not None and user in declared.leads else Role.MEMBER


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    desks = Asking(documents)
    return (desks,), desks


def asking_rota(**more: object) -> Rota:
    """Weekly turns on Tuesdays at 19:00: offered two weeks ahead, two days to answer."""
    return rota(**{"accept_within_ms": 2 * DAY_MS, **more})  # type: ignore[arg-type]


def circle(
    *facilitators: UserId, key: str = "tuesday", kept: Rota | None = None, shadows: Sequence[UserId] = ()
) -> Room:
    made = room(key, rota=kept if kept is not None else asking_rota(), facilitators=facilitators)
    return replace(made, shadows=tuple(shadows))


def grove(*rooms: Room, leads: Sequence[UserId] = (BO,)) -> Documents:
    return documents(community(*rooms, leads=leads))


class Circle(Workshop):
    """A workshop in which people answer what they are asked."""

    def __init__(self, declared: Documents, *, at_ms: int = START_MS) -> None:
        super().__init__(declared, make, at_ms=at_ms)
        self.heard: dict[UserId | str, list[str]] = {}

    deviceless: frozenset[UserId] = frozenset()
    """Who has no device that can read what is encrypted."""

    finding: Outcome = "done"
    """What comes of looking for the devices of the others."""

    def begin(self, *people: UserId) -> None:
        """Make the rooms, let everybody in, and settle."""
        everybody = dict.fromkeys([*(one for c in self.documents.communities for one in sorted(c.staff())), *people])
        self.open(*everybody)
        for user in everybody:
            self.run(bindings.set_direct, user, direct(user))
        self.settle()
        self.ring()

    def carry_out(self) -> None:
        """Carry out all that waits, and write down who was told what."""
        while rows := self.waiting():
            for row in rows:
                if self.run(outbox.get, row.cause) is None:
                    continue
                to: UserId | str = UserId(row.target) if row.kind == "direct" else str(row.room)
                if row.kind == "devices":
                    self._find(row)
                    continue
                body = body_of(row)
                event = EventId(f"$sent{self._next()}")
                where = direct(UserId(row.target)) if row.kind == "direct" else row.room
                self.turn(lambda i, t, r=row, e=event, w=where: i.confirm(t, r.cause, "done", event=e, room=w))  # type: ignore[misc]
                if body != "None":  # a reaction of ours has none
                    self.heard.setdefault(to, []).append(body)

    def _find(self, row: Waiting) -> None:
        outcome: Outcome = "refused" if row.target in self.deviceless else self.finding
        errcode = NO_DEVICES if outcome == "refused" else ""
        self.turn(lambda i, t: i.confirm(t, row.cause, outcome, event=None, room=None, errcode=errcode))

    def told(self, to: UserId | RoomId) -> list[str]:
        """Carry out what waits and read what one person, or one room, was told since the last time."""
        self.carry_out()
        return self.heard.pop(to, [])

    def pass_time(self, until_ms: int) -> None:
        """Let time pass, with all carried out as it comes."""
        while True:
            ends = [self.run(_next_timer), self.run(questions.next_due_ms)]
            coming = min((ms for ms in ends if ms is not None), default=until_ms)
            if coming > until_ms:
                break
            self.at_ms = max(self.at_ms, coming)
            self.ring()
            self.carry_out()
            if coming == until_ms:
                break
        self.at_ms = max(self.at_ms, until_ms)
        self.ring()
        self.carry_out()

    def asked(self, where: RoomId) -> list[questions.Question]:
        self.carry_out()
        return self.run(questions.questions_in, where)

    def tap(self, user: UserId, choice: str, where: RoomId | None = None, *, nth: int = -1) -> None:
        """Answer a question by its sign, in private or in a room; the last one if not said otherwise."""
        place = where if where is not None else direct(user)
        found = [q for q in self.asked(place) if choice in {c.means for c in q.choices}]
        assert found, [[c.means for c in q.choices] for q in self.asked(place)]
        question = sorted(found, key=lambda q: int(q.event.removeprefix("$sent")))[nth]
        key = next(c.key for c in question.choices if c.means == choice)
        self.hear(
            Reaction(
                room=place,
                id=EventId(f"$tap{self._next()}"),
                sender=user,
                at_ms=self.at_ms,
                target=question.event,
                key=key,
            )
        )
        self.ring()

    def write(self, user: UserId, body: str, where: RoomId | None = None) -> list[str]:
        """Say a command and read what its writer is told in answer to it, where they wrote it."""
        place = where if where is not None else direct(user)
        self.carry_out()
        before = len(self.heard.get(str(place), []))
        self.say(user, body, place)
        self.ring()
        self.carry_out()
        return self.heard.get(str(place), [])[before:]

    # -- what is so --------------------------------------------------------------------------------------------------

    def given(self) -> list[Given]:
        return self.run(shifts_of, GROVE)

    def changes(self, *states: State) -> list[Change]:
        return [one for one in self.run(changes_of, GROVE) if not states or one.state in states]

    def view(self) -> View:
        return self.run(View.of, self.documents.communities[0], self.at_ms)

    def on(self, said: str, key: RoomKey = TUESDAY, part: Part = Part.FACILITATOR) -> UserId | None:
        """Tell who is on at a moment from now on."""
        (found,) = [
            one for one in self.view().stretches if one.room == key and one.part is part and at(said) in one.span
        ]
        return found.user

    def row(self, said: str) -> Given:
        """Find the turn of the circle that begins then."""
        (found,) = [
            one
            for one in self.given()
            if one.shift.slot.span.start_ms == at(said)
            and one.shift.slot.part is Part.FACILITATOR
            and one.shift.slot.room == TUESDAY
        ]
        return found

    def holds(self, said: str) -> tuple[UserId | None, str]:
        found = self.row(said)
        return found.shift.user, str(found.state)


def _next_timer(tx: Tx) -> int | None:
    row = tx.one("select min(due_ms) as due_ms from timer where account = :account")
    return None if row is None or row["due_ms"] is None else int(str(row["due_ms"]))


__all__ = [
    "ANA",
    "BERLIN",
    "BO",
    "CONTROL",
    "CY",
    "DAY_MS",
    "DEE",
    "EVE",
    "FIN",
    "HOUR_MS",
    "ME",
    "Call",
    "Circle",
    "Stretch",
    "at",
    "circle",
    "direct",
    "grove",
]
