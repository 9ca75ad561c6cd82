"""The craft of belonging: nobody who writes to the bot is met with a list of commands, or with silence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from orchestrator.documents.declared import Documents
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.events import Event, Message, Unreadable
from orchestrator.model.feature import Answer, Command, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, RoomId, UserId
from orchestrator.model.wording import clearly_a_command, is_addressed, read_command, without_quote
from orchestrator.store import bindings, ingest
from orchestrator.store.journal import said_since
from orchestrator.store.timers import set_timer, timer_of

from . import listening

BURST_MS: Final = 10 * MINUTE_MS
"""What is written within this time of an answer belongs to what was answered."""

WORTH_ANSWERING_MS: Final = HOUR_MS
STEP: Final = "listening"
UNREAD_STEP: Final = "unreadable"
IN_ROOM_STEP: Final = "called"
MOST_IN_ROOM: Final = 5
"""How many people are answered in one room within the time of a burst."""

UNREAD: Final = "unread:"
KEY_PATIENCE_MS: Final = 30 * SECOND_MS
"""How long a key may take that was sent with the message; after that somebody is waiting in silence."""

_NOT_SAID: Final = ("m.notice", "m.key.verification.", "m.server_notice")
"""What programs send; a verification request is a client's doing, though it travels as a message."""


class Belonging:
    """Listens in direct rooms, and to whoever speaks to the bot in a room.

    Args:
        documents: what the authors wrote.
        names: of all commands there are, the engine's own included; what is plainly one of them is left to the engine.
    """

    name = "belonging"

    def __init__(self, documents: Documents, names: Collection[str]) -> None:
        self._documents = documents
        self._names = frozenset(names)

    @property
    def commands(self) -> Sequence[Command]:
        """None: one does not have to know a command to be heard."""
        return ()

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Nothing is kept, so nothing needs to be brought in line."""
        del tx, now
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Answer what somebody says in their direct room and is not plainly a command; the first of a burst.

        Whoever speaks to the bot in a room, and gives no command, is told where a person can be asked for. What cannot be read is answered, too, if its key does not come soon.
        """
        if isinstance(event, Unreadable):
            self._wait_for_key(tx, event, now)
            return ()
        if isinstance(event, Message) and self._is_called_in_room(tx, event, now):
            return self._answer_in_room(tx, event, now)
        if not isinstance(event, Message) or not self._is_said_to_us(tx, event, now):
            return ()
        communities = self._documents.answering_to(bindings.communities_of(tx, event.sender))
        with speaking(communities[0].locale if communities else "en"):
            said = content.notice(listening.answer(communities, self._prefix()))
        # No rich reply: it would hold their own words up to them again.
        said = said if event.thread is None else content.reply(said, to=event.id, thread=event.thread)
        return self._answer(tx, STEP, event.room, event.sender, said, now, unless=(STEP, UNREAD_STEP))

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Answer what could not be read, unless the key has come."""
        room, user = RoomId(timer.key.removeprefix(UNREAD)), UserId(str(timer.payload.get("user")))
        since_ms = timer.due_ms - KEY_PATIENCE_MS
        if not ingest.any_late(tx, room, since_ms) or not bindings.is_private(tx, room, user, now.me):
            return ()
        communities = self._documents.answering_to(bindings.communities_of(tx, user))
        with speaking(communities[0].locale if communities else "en"):
            said = listening.unreadable(communities, self._prefix())
        named = content.notice(said, people=listening.leads(communities))
        # Said also to somebody who was told how to call for a person a moment ago: that call may be what cannot be read.
        return self._answer(tx, UNREAD_STEP, room, user, named, now, unless=(UNREAD_STEP,))

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Let an answer be; it has no follow-up."""
        del tx, result, now
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Nothing is asked here yet."""
        del tx, answer, now
        return ()

    def _answer(  # what is said to whom, and when not
        self,
        tx: Tx,
        step: str,
        room: RoomId,
        user: UserId,
        said: Mapping[str, Json],
        now: Now,
        *,
        unless: Sequence[str],
    ) -> Sequence[AnyEffect]:
        # From the rows, not from memory: whoever writes while we are started anew must not be told all of it again.
        if any(said_since(tx, self.name, other, room, now.at_ms - BURST_MS) for other in unless):
            return ()
        return (
            Send(
                step=step,
                priority=Priority.REPLY,
                room=room,
                person=user,
                expires_ms=now.at_ms + WORTH_ANSWERING_MS,
                # What merges is not counted: answers to commands that wait must not be a reason to meet a cry with silence.
                merge=f"{step}:{room}",
                content=said,
            ),
        )

    def _wait_for_key(self, tx: Tx, event: Unreadable, now: Now) -> None:
        key = UNREAD + event.room
        if bindings.is_private(tx, event.room, event.sender, now.me) and timer_of(tx, self.name, key) is None:
            due_ms = now.at_ms + KEY_PATIENCE_MS
            set_timer(tx, Timer(craft=self.name, key=key, due_ms=due_ms, payload={"user": event.sender}))

    def _is_said_to_us(self, tx: Tx, message: Message, now: Now) -> bool:
        if message.edits is not None or message.kind.startswith(_NOT_SAID) or message.sender == now.me:
            return False
        if not bindings.is_private(tx, message.room, message.sender, now.me):
            return False
        return not (message.kind == "m.text" and self._is_command(message, now))

    def _is_called_in_room(self, tx: Tx, message: Message, now: Now) -> bool:
        if message.kind != "m.text" or message.edits is not None or now.me not in message.mentions:
            return False
        binding = bindings.binding_of(tx, message.room)
        if binding is None or now.at_ms - message.at_ms > WORTH_ANSWERING_MS:
            return False
        body = message.body if message.reply_to is None else without_quote(message.body)
        return is_addressed(body, message.html, now.me, reply=message.reply_to is not None) and (
            read_command(
                body, prefix=self._prefix(binding.community), names=self._names, direct=False, mentioned=True, me=now.me
            )
            is None
        )

    def _answer_in_room(self, tx: Tx, message: Message, now: Now) -> Sequence[AnyEffect]:
        """Say once in a while where a person can be asked for; to a few at most, or it is what the room is full of."""
        called = (IN_ROOM_STEP, message.room)
        lately = {who for _at_ms, who in now.windows.since(called, now.at_ms - BURST_MS)}
        if message.sender in lately or len(lately) >= MOST_IN_ROOM:
            return ()
        now.windows.stage(called, now.at_ms, message.sender)
        binding = bindings.binding_of(tx, message.room)
        community = None if binding is None else self._documents.community(binding.community)
        with speaking(community.locale if community is not None else "en"):
            said = content.notice(
                listening.answer_in_room(self._prefix(None if binding is None else binding.community))
            )
        return (
            Send(
                step=IN_ROOM_STEP,
                priority=Priority.REPLY,
                room=message.room,
                person=message.sender,
                expires_ms=now.at_ms + WORTH_ANSWERING_MS,
                merge=f"{IN_ROOM_STEP}:{message.room}:{message.sender}",
                content=content.reply(said, to=message.id, thread=message.thread),
            ),
        )

    def _is_command(self, message: Message, now: Now) -> bool:
        return clearly_a_command(
            message.body if message.reply_to is None else without_quote(message.body),
            self._names,
            prefix=self._prefix(),
            mentioned=now.me in message.mentions,
            me=now.me,
        )

    def _prefix(self, key: CommunityKey | None = None) -> str:
        # As the engine reads rooms, direct or not; if the two differed, some messages would have two answers or none.
        return self._documents.prefix_in(key)
