"""A grove in which people knock, come, go and are taken out: the rooms craft at work, with rows for a homeserver.

``carry`` does what delivery does: it looks at what somebody's membership is, does what is wanted if it still is, and lets
the engine see it. What it did to people stands in ``changes``, what was said in ``heard``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.documents.declared import Community, Documents
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.events import Member, MembershipName, Message, Reaction, Redaction, State
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId
from orchestrator.rooms import Rooms
from orchestrator.store import bindings, mirror, outbox, questions
from orchestrator.store.outbox import Waiting
from orchestrator.store.questions import Question
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, documents, policy, room
from tests.house import CIRCLE, CONTROL, SPACE, body_of, direct, room_id
from tests.workshop import Workshop

BEGUN_MS = 1_767_700_000_000
LOUNGE = RoomId("!lounge")
MO = UserId("@mo:grove.example")
STAFF = (ANA, BO, CY, DEE)


def grove_of(**more: object) -> Community:
    """Build a community with a circle that CY and DEE keep, always on duty, and a lounge."""
    tuesday = room(
        "tuesday", facilitators=[CY, DEE], norms=policy(), knock_question="What would you like to find here?"
    )
    return community(tuesday, room("lounge"), **more)  # type: ignore[arg-type]


def _crafts(written: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(written)
    return (facilitation, Rooms(written, ME)), facilitation


class Doors(Workshop):
    """Communities whose rooms are all there, with their keepers in them; ``members`` are in the space and the rooms."""

    def __init__(self, *communities: Community, members: Sequence[UserId] = (MO,)) -> None:
        super().__init__(documents(*(communities or (grove_of(),))), _crafts, at_ms=BEGUN_MS)
        self.changes: list[tuple[RoomId, UserId, str]] = []
        self.heard: list[tuple[RoomId | UserId, str]] = []
        self.refusing: set[tuple[RoomId, UserId]] = set()
        for one in self.documents.communities:
            self._furnish(one, members)
        self.settle()
        self.carry()
        self.changes.clear()
        self.heard.clear()

    def _furnish(self, one: Community, members: Sequence[UserId]) -> None:
        for declared in one.every_room():
            where = room_id(one.key, declared.key)
            self.run(bindings.bind, one.key, declared.key, where, "made")
            self.run(mirror.see_own_membership, where, "join")
            duty: dict[str, Json] = dict.fromkeys(declared.facilitators, declared.power.facilitator)
            leads: dict[str, Json] = dict.fromkeys(one.leads, 100)
            users: dict[str, Json] = {**duty, **leads, ME: 150}
            rule: Json = "invite" if declared.key in {"", "control"} else "restricted"
            allow: Json = [{"type": "m.room_membership", "room_id": room_id(one.key, one.space.key)}]
            self.put(where, "m.room.create", {"room_version": "11"})
            self.put(where, "m.room.power_levels", {"users": users, "kick": 50, "ban": 50})
            self.put(where, "m.room.join_rules", {"join_rule": rule, "allow": allow})
            staff = one.staff()
            for user in (ME, *sorted(staff), *(() if declared.key == "control" else members)):
                self.member(where, user, "join")

    # -- what happens --------------------------------------------------------------------------------------------------

    def put(self, where: RoomId, type_: str, content: JsonObject, *, by: UserId = ME) -> None:
        self.hear(State(room=where, id=self.an_id(), sender=by, at_ms=self.at_ms, type=type_, key="", content=content))

    def member(self, where: RoomId, user: UserId, membership: MembershipName, *, by: UserId | None = None) -> None:
        """Have somebody's membership change."""
        sender = user if by is None else by
        self.hear(
            Member(
                room=where, id=self.an_id(), sender=sender, at_ms=self.at_ms, user=user, membership=membership,
                before=self.membership(where, user) or None,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def knock(self, user: UserId = EVE, where: RoomId = CIRCLE) -> None:
        self.member(where, user, "knock")

    def write(self, user: UserId, body: str, where: RoomId = CONTROL, **more: object) -> None:
        self.hear(
            Message(
                room=where, id=self.an_id(), sender=user, at_ms=self.at_ms, kind="m.text", body=body, **more,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def whisper(self, user: UserId, body: str) -> None:
        """Write to the bot in private."""
        self.open_direct(user)
        self.write(user, body, direct(user))

    def open_direct(self, user: UserId) -> None:
        self.run(bindings.set_direct, user, direct(user))
        self.run(mirror.see_own_membership, direct(user), "join")

    def react(self, user: UserId, to: Question, key: str = "✅") -> None:
        self.hear(Reaction(room=to.room, id=self.an_id(), sender=user, at_ms=self.at_ms, target=to.event, key=key))

    def redact(self, target: EventId, by: UserId = ANA, where: RoomId = CONTROL) -> None:
        self.hear(Redaction(room=where, id=self.an_id(), sender=by, at_ms=self.at_ms, target=target))

    def an_id(self) -> EventId:
        return EventId(f"$e{self._next()}")

    # -- delivery ------------------------------------------------------------------------------------------------------

    def carry(self, *, most: int = 10_000) -> int:
        """Carry out what waits, until nothing does, or ``most`` of it; tells how much it was."""
        carried = 0
        while carried < most and (waiting := self.waiting()):
            row = waiting[0]
            self._carry(row)
            carried += 1
        return carried

    def _carry(self, row: Waiting) -> None:
        self.run(outbox.note_try, row.cause, "DEVICE", self.at_ms)
        where = row.room
        if row.kind == "member":
            assert where is not None
            self._change(row, where)
            return
        if row.kind == "devices":
            self._end(row, "done")
            return
        if row.kind == "direct":
            user = UserId(row.target)
            self.open_direct(user)
            self.heard.append((user, body_of(row)))
            where = direct(user)
        elif row.payload.get("type") != "m.reaction":
            assert where is not None
            self.heard.append((where, body_of(row)))
        event = self.an_id()
        self.turn(lambda intake, turn: intake.confirm(turn, row.cause, "done", event=event, room=where))

    def _change(self, row: Waiting, where: RoomId) -> None:
        user, wanted, live = (
            UserId(row.target),
            str(row.payload["membership"]),
            self.membership(where, UserId(row.target)),
        )
        only_from = row.payload.get("only_from")
        only_from = only_from if isinstance(only_from, list) else []
        if (where, user) in self.refusing:
            self._end(row, "refused")
        elif live == wanted and live not in only_from:
            self._end(row, "done")
        elif only_from and live not in only_from:
            self._end(row, "undone")
        else:
            self.changes.append((where, user, wanted))
            self.member(where, user, wanted, by=ME)  # type: ignore[arg-type]
            self._end(row, "done")

    def _end(self, row: Waiting, outcome: str) -> None:
        self.turn(
            lambda intake, turn: intake.confirm(turn, row.cause, outcome, room=row.room)  # type: ignore[arg-type]
        )

    # -- what is there -------------------------------------------------------------------------------------------------

    def membership(self, where: RoomId, user: UserId) -> str:
        seen = self.run(mirror.member, where, user)
        return "" if seen is None else seen.membership

    def questions(self, where: RoomId = CONTROL) -> list[Question]:
        return self.run(questions.questions_in, where)

    def question(self, where: RoomId = CONTROL) -> Question:
        """Find the one open question of a room."""
        (found,) = self.questions(where)
        return found

    def told(self, where: RoomId | UserId) -> list[str]:
        return [said for room, said in self.heard if room == where]

    def words(self) -> Mapping[str, int]:
        """Count everything that was ever said, by its words."""
        said: dict[str, int] = {}
        for _where, body in self.heard:
            said[body] = said.get(body, 0) + 1
        return said


__all__ = [
    "ANA",
    "BO",
    "CIRCLE",
    "CONTROL",
    "CY",
    "DEE",
    "EVE",
    "LOUNGE",
    "ME",
    "MO",
    "SPACE",
    "STAFF",
    "Doors",
    "direct",
    "grove_of",
]
