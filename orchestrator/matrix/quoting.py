"""Reads somebody's words again just before a message of ours passes them on, and hands them to nobody else.

All that is going to be passed on is read before the first of it is sent, in no order that tells anything: whoever watches
what the bot asks of its server must not see one person's message read right before the words appear elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId
from orchestrator.model.quoting import filled
from orchestrator.model.wording import without_quote, words_after
from orchestrator.store import AccountStore, outbox
from orchestrator.store.outbox import Waiting
from orchestrator.store.payload import QUOTE

from .history import History

Look = Callable[[str], Collection[str]]
"""Tells by name what words touch on that whoever reads them should think about."""


def look_for_nothing(_words: str) -> Collection[str]:
    """Find nothing to think about."""
    return ()


class Quoter:
    """Fills in what messages quote.

    Args:
        store: the account's rows.
        history: reads back.
        me: the bot's own user id.
        look: looks at the words.
    """

    def __init__(self, store: AccountStore, history: History, me: UserId, look: Look) -> None:
        self._store = store
        self._history = history
        self._me = me
        self._look = look
        # Until each is sent, a moment later.
        self._read: dict[tuple[str, str, str], str | None] = {}

    async def content(self, row: Waiting) -> JsonObject | None:
        """Give what a row says, with what it quotes filled in; None when that cannot be read any more."""
        content = _object(row.payload.get("content"))
        quote = row.payload.get(QUOTE)
        if not isinstance(quote, Mapping):
            return content
        key = _key(quote)
        if key not in self._read:
            await self._read_all(key)
        words = self._read.pop(key)
        if not words:
            return None
        remarks = _object(quote.get("remarks"))
        return filled(content, words, [str(remarks[name]) for name in sorted(self._look(words)) if name in remarks])

    async def recall(self, room: RoomId, event: EventId) -> str | None:
        """Read whose words a message of ours passed on; None when it is gone."""
        found = await self._history.event(room, event)
        ours = isinstance(found, Message) and found.sender == self._me
        return (found.quoted or None) if ours and isinstance(found, Message) else None

    async def _read_all(self, key: tuple[str, str, str]) -> None:
        waiting = await self._store.run(outbox.quoting)
        wanted = {_key(quote) for row in waiting if isinstance(quote := row.payload.get(QUOTE), Mapping)}
        read = {one: await self._words(*one) for one in sorted({key, *wanted}, key=lambda one: one[1])}
        self._read = read

    async def _words(self, room: str, event: str, after: str) -> str | None:
        found = await self._history.event(RoomId(room), EventId(event))
        if not isinstance(found, Message):
            return None  # taken back, lost, or not to be opened any more
        return words_after(found.body if found.reply_to is None else without_quote(found.body), after) or None


def _key(quote: JsonObject) -> tuple[str, str, str]:
    return str(quote.get("room")), str(quote.get("event")), str(quote.get("after"))


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
