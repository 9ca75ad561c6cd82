"""Who comes and goes: knocks, invitations, who leaves the control room, who is taken out, who goes by themselves.

This is where the craft of rooms hands over what concerns people; each matter has a module of its own. What a question or
an effect is about stands in its subject or tag (``asking.written``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.i18n import speaking
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Member
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, JsonObject, RoomId, UserId
from orchestrator.rooms.asking import read
from orchestrator.rooms.commands import membership_commands
from orchestrator.store import bindings

from . import knocks, leaving, members, parting, removing, spreading
from .doorway import KNOCK, MANY
from .members import DEPARTURE


class Membership:
    """Who comes and goes.

    Args:
        documents: what the authors wrote.
        me: the bot's own user id.
    """

    def __init__(self, documents: Documents, me: UserId) -> None:
        self._documents = documents
        self._me = me

    @property
    def commands(self) -> Sequence[Command]:
        """Going by oneself, and taking somebody out."""
        return membership_commands(self._documents)

    def settle(self, tx: Tx, community: Community, control: RoomId | None, now: Now) -> Iterator[AnyEffect]:
        """Ask about who knocks and about who is in the control room and on no roster; ``control``: where that is."""
        if control is not None:
            yield from members.ask_about_departures(tx, community, control, self._me, now)
        yield from knocks.settle(tx, community, now)

    def heard(self, tx: Tx, community: Community, room: Room, event: Member, now: Now) -> Iterator[AnyEffect]:
        """Notice that somebody knocks, comes or goes in a declared room."""
        if room.key == CONTROL_KEY:
            members.heard(tx, community, event)
        yield from knocks.heard(tx, community, room, event, now)
        with speaking(community.locale):
            yield from spreading.heard(tx, community, room, event, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> list[AnyEffect] | None:
        """Ask about those whose turn it is by now; None when the timer is about something else."""
        for prefix in (knocks.TIMER, members.TIMER):
            if timer.key.startswith(prefix):
                key, _colon, user = timer.key.removeprefix(prefix).partition(":")
                community = self._documents.community(CommunityKey(key))
                if community is None:
                    return []
                with speaking(community.locale):
                    if prefix == knocks.TIMER:
                        return list(knocks.ask_next(tx, community, now))
                    return list(members.due(tx, community, UserId(user), self._me, now))
        return None

    def done(self, tx: Tx, result: Result, now: Now) -> list[AnyEffect]:
        """Take note of what became of an effect that concerns somebody's membership."""
        about = read(result.tag)
        if about.get("do") == parting.PART:
            return parting.done(tx, self._documents, about, result)
        community = self._community(tx, about)
        if community is None:
            return []
        with speaking(community.locale):
            match about.get("do"):
                case do if do == KNOCK:
                    return list(knocks.done(tx, community, about, result, now))
                case do if do == DEPARTURE:
                    return list(members.done(tx, community, about, result, self._me))
                case parting.PRIVATE:
                    return list(parting.unheard(about, result, now))
        return []

    def answered(self, tx: Tx, answer: Answer, now: Now) -> list[AnyEffect]:
        """Act on what people decided; what is not ours to hear of leads to nothing."""
        about = read(answer.subject)
        if about.get("do") == leaving.LEAVE:
            with speaking(leaving.language(self._documents, about)):
                return list(leaving.answered(tx, self._documents, about, answer, now))
        community = self._community(tx, about)
        if community is None:
            return []
        decided: Iterable[AnyEffect] = ()
        match about.get("do"):
            case do if do == KNOCK:
                decided = knocks.answered(tx, community, about, answer, now)
            case do if do == MANY:
                decided = knocks.answered_many(tx, community, about, answer, now)
            case do if do == DEPARTURE:
                decided = members.answered(tx, community, about, answer, self._me, now)
            case removing.REMOVE:
                decided = removing.answered(tx, community, about, answer, now)
        return list(decided)

    def _community(self, tx: Tx, about: JsonObject) -> Community | None:
        """Find the community that something is about: the one it names, or the one whose room it names."""
        if "community" in about:
            return self._documents.community(CommunityKey(str(about["community"])))
        binding = bindings.binding_of(tx, RoomId(str(about.get("room"))))
        return None if binding is None else self._documents.community(binding.community)
