"""The desk where somebody asks to be mentioned when there is a question: ``!mention``. It lasts for a while, and never for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time
from typing import Final

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, _, speaking
from orchestrator.model.answering import privately
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import Event, Member
from orchestrator.model.feature import Call, Command, Example, Now, Role, Timer, Tx
from orchestrator.schedule import instant_ms, local_at
from orchestrator.schedule.dates import read_when
from orchestrator.schedule.when import day_in_full
from orchestrator.store import bindings
from orchestrator.store.timers import set_timer

from .duty import NAME
from .mentions import forget_all, how_many, mention, rooms_with_mentions, stop, tidy_mentions

TIDY: Final = "mentions"
LASTS_MS: Final = 90 * DAY_MS
"""How long somebody is mentioned who says no day."""
LONGEST_MS: Final = 366 * DAY_MS
MOST: Final = 50
"""How many people one message rings for; an event has room for no more than some hundreds."""


class Mentioning:
    """Lets people be told of questions.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @property
    def commands(self) -> tuple[Command, ...]:
        """``!mention``; help shows it where any room has it."""
        offered = any(_offers(room) for community in self._documents.communities for room in community.rooms)
        return (
            Command(
                name="mention",
                usage="me|stop",
                summary=N_("be told when there is a question here, for a while"),
                needs=Role.MEMBER,
                run=self._run,
                examples=(
                    Example("me", N_("mention me with each question, for three months")),
                    Example("me until 1 Mar", N_("only until then")),
                    Example("stop", N_("not any more")),
                ),
                listed=offered,
            ),
        )

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Forget who is mentioned where nobody is any more; look every day whose time is over, while anybody is."""
        offering = set()
        for community in self._documents.communities:
            for room in community.rooms:
                keys = ((community.key, *community.previously), (room.key, *room.previously))
                bindings.move_rows(tx, "mention", *keys)
                if _offers(room):
                    offering.add((community.key, room.key))
        for gone in set(rooms_with_mentions(tx)) - offering:
            forget_all(tx, *gone)
        self._tidy(tx, now)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Forget those whose time is over; None when the timer is another one's."""
        if timer.key != TIDY:
            return None
        self._tidy(tx, now)
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Forget whoever leaves."""
        del now
        if isinstance(event, Member) and event.membership in {"leave", "ban"}:
            where = bindings.binding_of(tx, event.room)
            if where is not None:
                stop(tx, where.community, where.key, event.user)
        return ()

    def _tidy(self, tx: Tx, now: Now) -> None:
        tidy_mentions(tx, now.at_ms)
        if rooms_with_mentions(tx):
            set_timer(tx, Timer(craft=NAME, key=TIDY, due_ms=now.at_ms + DAY_MS))

    def _run(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        community, room = self._meant(call)
        with speaking(community.locale):
            match [word.casefold() for word in call.args]:
                case ["stop"]:
                    stop(tx, community.key, room.key, call.event.sender)
                    said = _("You are not mentioned any more when there is a question in {room}.").format(
                        room=room.name
                    )
                case ["me"]:
                    said = self._mention(tx, call, community, room, now.at_ms + LASTS_MS, now)
                case ["me", "until", *_when]:
                    said = self._mention(tx, call, community, room, _until(call, community, now), now)
                case _:
                    raise Refusal(_how(community.prefix))
        yield from privately(call, said, now)

    def _mention(self, tx: Tx, call: Call, community: Community, room: Room, until_ms: int, now: Now) -> str:
        was = stop(tx, community.key, room.key, call.event.sender)
        if not was and how_many(tx, community.key, room.key, now.at_ms) >= MOST:
            raise Refusal(
                _("So many people are mentioned there already that one message cannot hold more. I am sorry.")
            )
        mention(tx, community.key, room.key, call.event.sender, until_ms)
        self._tidy(tx, now)
        return _(
            "When there is a question in {room}, I mention you, until {day}. Nobody else is rung for, and your name does"
            " not stand in the text; who looks at the message's source can see it. To stop, write `{prefix}mention stop`"
            " in {room}."
        ).format(
            room=room.name,
            day=day_in_full(local_at(until_ms - 1, community.zone).date(), community.locale),
            prefix=community.prefix,
        )

    def _meant(self, call: Call) -> tuple[Community, Room]:
        community = None if call.community is None else self._documents.community(call.community)
        room = None if community is None or call.room_key is None else community.room(call.room_key)
        if community is None or room is None or call.direct:
            raise Refusal(_("Please write that in the room whose questions you mean."))
        if not _offers(room):
            raise Refusal(_("Nobody is mentioned with the questions of this room."))
        return community, room


def _offers(room: Room) -> bool:
    return not room.archive and any(schedule.mention for schedule in room.prompts)


def _until(call: Call, community: Community, now: Now) -> int:
    """Read the last day on which somebody wants to be mentioned.

    Raises:
        Refusal: it is no day, is over, or a year away.
    """
    when = read_when(call.args[2:], now.at_ms, community.zone, community.locale)
    if when.left:
        raise Refusal(_how(community.prefix))
    last = local_at(when.span.end_ms - 1, community.zone).date()
    end_ms = instant_ms(datetime.combine(last, time(23, 59, 59)), community.zone) + 1_000
    if end_ms - now.at_ms > LONGEST_MS:
        raise Refusal(_("That is far away. A year is the longest; after that, just ask me again."))
    return end_ms


def _how(prefix: str) -> str:
    return _("Write `{prefix}mention me`, `{prefix}mention me until 1 Mar` or `{prefix}mention stop`.").format(
        prefix=prefix
    )
