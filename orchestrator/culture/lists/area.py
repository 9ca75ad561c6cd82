"""Ban lists, as the craft of culture is asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.documents.declared import CONTROL_KEY, Documents
from orchestrator.i18n import N_
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event, Member, Redaction, State
from orchestrator.model.feature import Answer, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import JsonObject, RoomId
from orchestrator.store import bindings

from . import banning, book, entering, following, servers
from .book import Matchers

COMING = frozenset({"join", "invite", "knock"})


class Lists:
    """Follows the lists that policies name.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._matchers = Matchers()

    @property
    def command(self) -> Command:
        """``!list``."""
        documents = self._documents
        return Command(
            name="list",
            usage="[follow|leave LIST]",
            summary=N_("the ban lists of others, and whether we follow them"),
            needs=Role.LEAD,
            run=lambda tx, call, now: following.lists(tx, documents, call, now),
            examples=(
                Example("", N_("which lists your policies name, and how far I am with each")),
                Example("follow #community-bans:example.org", N_("I show the leads what it would do, and ask them")),
                Example("leave #community-bans:example.org", N_("I let it go")),
            ),
        )

    def settle(self, tx: Tx, now: Now) -> Iterator[AnyEffect]:
        """Enter what is named, let go of what is not."""
        yield from following.settle(tx, self._documents, now)
        servers.settle(tx, self._documents, now)

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterator[AnyEffect]:
        """Look at who comes, and at what a list says anew."""
        match event:
            case State() if event.type == entering.TOMBSTONE:
                if book.is_list(tx, event.room):
                    yield from entering.moved(tx, self._documents, event, now)
            case State():
                following.heard(tx, event, now)
            case Redaction() if book.is_list(tx, event.room):
                book.read_again(tx, event.room)  # it may be an entry that was taken back
            case Member() if event.user == now.me:
                if event.membership in {"leave", "ban"} and book.is_list(tx, event.room):
                    yield from entering.put_out(tx, self._documents, event.room, now)
            case Member() if event.membership in COMING and event.before != event.membership:
                binding = bindings.binding_of(tx, event.room)
                community = None if binding is None else self._documents.community(binding.community)
                if community is not None and binding is not None:
                    if binding.key == CONTROL_KEY and event.membership == "join" and event.user in community.leads:
                        yield from following.lead_came(tx, community, now)
                    yield from banning.on_join(tx, self._matchers, community, event.user, now)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterator[AnyEffect]:
        """Look at what changed, or try to enter again."""
        yield from following.due(tx, self._documents, self._matchers, timer, now)
        servers.settle(tx, self._documents, now)

    def done(self, tx: Tx, result: Result, tag: JsonObject, now: Now) -> Iterable[AnyEffect]:
        """Hear of a list that was entered, or a ban that could not be set."""
        if tag.get("do") == banning.DO:
            banning.done(tx, result, tag)
            return ()
        return entering.done(tx, self._documents, result, tag, now)

    def answered(self, tx: Tx, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        """Hear what a lead decided."""
        yield from following.answered(tx, self._documents, self._matchers, about, answer, now)
        servers.settle(tx, self._documents, now)

    def to_read(self, tx: Tx, now: Now) -> Sequence[RoomId]:
        """List the lists to read."""
        return following.to_read(tx, now)

    def read(self, tx: Tx, room: RoomId, state: Sequence[State], now: Now) -> Iterable[AnyEffect]:
        """Take in what a list says."""
        return following.read(tx, self._documents, room, state, now)
