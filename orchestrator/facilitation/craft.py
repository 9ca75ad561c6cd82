"""The craft of facilitation: who keeps which room, when. Each thing it does has a desk; this asks them in turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.documents.declared import SPACE_KEY, Documents
from orchestrator.model.cadence import Span
from orchestrator.model.desks import Desks
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event
from orchestrator.model.feature import Answer, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId

from . import NAME, renamed
from .away.desk import Away
from .calendar.desk import Calendars
from .calendar.feeds import NO_ADDRESSES, Addresses
from .changed import changed
from .duty import covers, in_turn, note_cover, on_duty
from .gaps.desk import Gaps
from .handoff import Handoffs
from .handoff.turning import powers_of
from .news import News
from .notes.desk import Notes
from .offers.desk import Offers
from .publishing import Publishing
from .readiness import Readiness
from .reminders.desk import Reminders
from .roster import Leaving, Roster
from .showing.looking import Looking
from .showing.mine import Mine
from .swaps.desk import Swaps


class Facilitation:
    """Who keeps which room, when. Also the roster that all others ask.

    Args:
        documents: what the authors wrote.
        addresses: makes the addresses of calendars.

    Attributes:
        calendars: answers what is asked about them.
    """

    name = NAME

    def __init__(self, documents: Documents, addresses: Addresses = NO_ADDRESSES) -> None:
        self._documents = documents
        self.calendars = Calendars(documents, addresses)

        roster, publishing = Roster(documents), Publishing(documents, changed)
        swaps = Swaps(documents, changed)
        self._handoffs = Handoffs(documents, publishing.publish, changed)
        self._desks = Desks(
            Looking(documents, roster, self.calendars),
            Mine(documents, self.calendars),
            Offers(documents, changed),
            swaps,
            Away(documents, changed),
            Notes(documents, swaps.hand_on),
            roster,
            Leaving(documents),
            publishing,
            self._handoffs,
            Gaps(documents, changed),
            News(documents),
            Reminders(documents),
            Readiness(documents),
        )

    @property
    def commands(self) -> Sequence[Command]:
        """What its desks answer, in the order in which help lists it."""
        return self._desks.commands

    # -- the roster ----------------------------------------------------------------------------------------------------

    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        """Tell what a user is in a room (None: in the community as a whole), now."""
        declared = self._documents.community(community)
        if declared is None:
            return Role.MEMBER
        if user in declared.leads:
            return Role.LEAD
        return Role.FACILITATOR if user in self.on_duty(tx, community, room, now) else Role.MEMBER

    def is_staff(self, user: UserId, community: CommunityKey) -> bool:
        """Tell whether a user is a lead or a facilitator of a community, on duty or off."""
        declared = self._documents.community(community)
        return declared is not None and user in declared.staff()

    def on_duty(self, tx: Tx, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
        """List who is on duty in a room, or anywhere in the community."""
        declared = self._documents.community(community)
        if declared is None:
            return ()
        rooms = declared.rooms if room is None else tuple(r for r in declared.rooms if r.key == room)
        people = [user for r in rooms for user in on_duty(tx, declared, r, now.at_ms)]
        anywhere = () if room is not None else covers(tx, declared, SPACE_KEY, now.at_ms)
        return tuple(dict.fromkeys((*people, *anywhere)))

    def in_turn(self, tx: Tx, community: CommunityKey, room: RoomKey, now: Now) -> tuple[UserId, ...]:
        """List everybody who keeps a room, in the order in which they are asked when something comes up."""
        declared, found = self._documents.community(community), self._documents.room(community, room)
        return () if declared is None or found is None else in_turn(tx, declared, found, now.at_ms)

    def cover(
        self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, until_ms: int, now: Now
    ) -> None:
        """Put somebody on duty for a while, in a room or in the community as a whole: something came up, and they took it.

        It is written down like a shift, gives the power of one, and ends by itself; nobody else's shift changes.
        """
        declared = self._documents.community(community)
        if declared is None:
            return
        note_cover(tx, community, SPACE_KEY if room is None else room, user, Span(now.at_ms, until_ms))
        if room is not None:
            powers_of(tx, declared, now, only=room)

    # -- the craft -----------------------------------------------------------------------------------------------------

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Let rows follow renamed keys and write down what was, then let every desk bring its rows in line with the documents."""
        renamed.follow(tx, self._documents)
        self._handoffs.before(tx, now)
        yield from self._desks.settle(tx, now)

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Let every desk see what happened."""
        return self._desks.decide(tx, event, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Give a timer to the desk whose it is."""
        return self._desks.due(tx, timer, now)

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Tell the desk that asked for it what became of an effect."""
        return self._desks.done(tx, result, now)

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Tell the desk that asked what became of its question."""
        return self._desks.answered(tx, answer, now)
