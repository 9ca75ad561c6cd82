"""What people ask about calendars: ``!my calendar``, and for leads ``!rota calendar``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import SPACE_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.model import content
from orchestrator.model.answering import privately
from orchestrator.model.clock import SECOND_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Now, Role, Tx
from orchestrator.model.ids import RoomKey

from . import words
from .feeds import Addresses, Feed, Scope, give, given, readable, take

NEW: Final = "new"
OFF: Final = "off"


class Calendars:
    """Gives people the addresses of calendars, and takes them away.

    Args:
        documents: what the authors wrote.
        addresses: makes them.
    """

    def __init__(self, documents: Documents, addresses: Addresses) -> None:
        self._documents = documents
        self._addresses = addresses

    def calendar_words(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        """Answer ``!my calendar [new|off]``; ``call.args`` begin with ``calendar``.

        Raises:
            Refusal: it is not for whoever asks, or cannot be understood.
        """
        prefix = self._documents.prefix_in(call.community)
        asked, wish = _wish(call.args[1:])
        if asked:
            raise Refusal(words.how_mine(prefix))
        feed = Feed(scope=Scope.PERSON, user=call.event.sender)
        if not readable(self._documents, feed):
            raise Refusal(words.not_yours())
        yield from self._answer(tx, call, feed, wish, lambda address: words.yours(address, prefix), now)

    def rota_words(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        """Answer ``!rota calendar [KEY] [new|off]``, to leads; ``call.args`` begin with ``calendar``.

        Raises:
            Refusal: it is not for whoever asks, or cannot be understood.
        """
        prefix = self._documents.prefix_in(call.community)
        community = self._documents.community(call.community) if call.community is not None else None
        asked, wish = _wish(call.args[1:])
        if community is None or len(asked) > 1:
            raise Refusal(words.which_room(prefix))
        feed, what, command = self._meant(community, asked, call)
        say = _saying(what, f"{prefix}{command}")
        yield from self._answer(tx, call, feed, wish, say, now)

    def _meant(self, community: Community, asked: tuple[str, ...], call: Call) -> tuple[Feed, str, str]:
        """Find what a lead asks about: the feed, what it is called, and how it is asked for."""
        user = call.event.sender
        key = RoomKey(asked[0].casefold()) if asked else SPACE_KEY
        room = next((one for one in community.rooms if one.key == key), None) if asked else None
        # Which rooms there are is for those who lead there.
        if user not in community.leads or call.role_at(SPACE_KEY if room is None else key) < Role.LEAD:
            raise Refusal(words.for_leads(community))
        if not asked:
            feed = Feed(scope=Scope.COMMUNITY, user=user, community=community.key)
            return feed, community.name, "rota calendar"
        if room is None:
            raise Refusal(words.which_room(community.prefix))
        feed = Feed(scope=Scope.ROOM, user=user, community=community.key, key=key)
        return feed, room.name, f"rota calendar {key}"

    def _answer(  # what is asked, by whom, and how it is said
        self, tx: Tx, call: Call, feed: Feed, wish: str, say: Callable[[str], str], now: Now
    ) -> Iterator[AnyEffect]:
        latest = given(tx, feed)
        if wish == OFF and latest is None:
            yield content.answer(call, words.none_given(), now)
            return
        if latest is None or wish:
            before = latest.generation if latest is not None else 0
            feed = replace(feed, generation=max(before + 1, now.at_ms // SECOND_MS))
        else:
            feed = latest
        secret = self._addresses.secret(feed)
        if secret is None and wish == OFF:
            take(tx, feed)
        elif secret is None:
            raise Refusal(words.nothing_served())
        else:
            # Also where it is not new: whatever went into it may have changed. Of one that is taken away the next one is
            # kept in its place, and nobody is told it.
            give(tx, feed, secret.digest)
        if secret is None or wish == OFF:
            yield content.answer(call, words.ended(), now)
        else:
            yield from privately(call, say(secret.address), now)


def _wish(said: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Tell what is asked about, and whether another address is wanted, or none any more."""
    last = said[-1].casefold() if said else ""
    return (said[:-1], last) if last in {NEW, OFF} else (said, "")


def _saying(what: str, command: str) -> Callable[[str], str]:
    return lambda address: words.theirs(address, what, command)
