"""What happens inside the transaction of a batch: take note, confirm what is ours, let every craft decide, record.

A room whose timeline is not whole is not decided here: its gap is written down and filled from history, oldest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from orchestrator import failpoints
from orchestrator.documents.declared import Documents
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.effects import Outcome
from orchestrator.model.events import Event, Member, Message, Reaction, Redaction, State, Unreadable, cause_in
from orchestrator.model.feature import Feature
from orchestrator.model.ids import LOCATOR_TYPE, Cause, EventId, RoomId, UserId
from orchestrator.store import audits, bindings, claims, ingest, mirror, outbox, timers

from .audit import Audit
from .commands import Commands
from .deciding import AGAIN_MS, Deciding, Taken, Turn
from .ports import Beholder, Greeter, Onlooker, Rememberer
from .questions import Questions

__all__ = ["AGAIN_MS", "OLDEST_PAST_MS", "Greeter", "Intake", "Taken", "Turn"]

OLDEST_PAST_MS: Final = 6 * DAY_MS
"""How old may be what a look back takes in: less than what was decided is remembered (``filler.KEEP_DECIDED_MS``)."""

AWAY_MS: Final = 2 * MINUTE_MS
"""When nothing was heard for longer than this, and a server answers at least twice a minute, then there was no way to it."""

FURTHEST_AHEAD_MS: Final = 7 * DAY_MS
"""A server whose clock is ahead by more than this may show the same event as a new one again."""


class Intake:
    """The crafts at work inside a transaction.

    Args:
        documents: what the authors wrote.
        crafts: in the order in which they decide.
        commands: what people may ask for.
        me: the bot's own user id.
    """

    def __init__(self, documents: Documents, crafts: Sequence[Feature], commands: Commands, me: UserId) -> None:
        self._documents = documents
        self._crafts = crafts
        self._by_name = {craft.name: craft for craft in crafts}
        self._commands = commands
        self._deciding = Deciding(documents)
        self._questions = Questions(documents, commands, self._by_name, self._deciding)
        self._me = me
        self.audit = Audit(crafts, self._deciding, self._see, me)

    # -- a batch of /sync ----------------------------------------------------------------------------------------------

    def take(self, turn: Turn, batch: SyncBatch, *, catching_up: bool) -> None:
        """Take a whole batch in and move the cursor; everything commits together or nothing does.

        ``catching_up``: what is in it may have been said a while ago. When nothing was heard for long it was, in any case.
        """
        heard_ms = ingest.heard_ms(turn.tx)
        if self._lost_touch(turn):
            catching_up = turn.taken.away = True
        for room in batch.malformed:
            if batch.since is not None:
                self._open_gap(turn, room, batch.since, batch.until)
        turn = replace(turn, since_ms=heard_ms if catching_up else turn.now.at_ms)
        for update in batch.rooms:
            take = self._take_invite if update.membership == "invite" else self._take_room
            work = partial(take, turn, batch, update, catching_up=catching_up)
            if (
                not self._deciding.guarded(turn, "intake", update.room, work)
                and batch.since
                and update.membership == "join"
            ):
                # Whatever that was, it is not to cost the room what was said in it.
                self._open_gap(turn, update.room, batch.since, batch.until)
        if batch.since is None:
            self._miss_rooms(turn, batch)
        ingest.set_cursor(turn.tx, batch.until)
        ingest.note_began(turn.tx, turn.now.at_ms)
        ingest.note_heard(turn.tx, turn.now.at_ms)

    def _open_gap(self, turn: Turn, room: RoomId, since: str, until: str) -> None:
        """Note a hole; until it is filled nobody knows whether a room is quiet."""
        ingest.open_gap(turn.tx, room, since, until, ingest.heard_ms(turn.tx))
        turn.now.windows.known_since_ms.pop(("spoke", room), None)
        turn.taken.gaps = True

    def _lost_touch(self, turn: Turn) -> bool:
        """Tell whether nothing was heard for a while; then nobody's silence is one, until the rooms were read."""
        lost = turn.now.at_ms - ingest.heard_ms(turn.tx) > AWAY_MS
        if lost:
            turn.now.windows.known_since_ms.clear()
        return lost

    def _miss_rooms(self, turn: Turn, batch: SyncBatch) -> None:
        """Notice where we were put out while nobody listened: an answer without a position lists every room we are in."""
        shown = {*batch.malformed, *(update.room for update in batch.rooms)}
        for known in mirror.rooms_joined(turn.tx):
            if known.room not in shown and known.version:  # one that was made a moment ago may not be in it yet
                mirror.see_own_membership(turn.tx, known.room, "leave")
                self._leave(turn, known.room)

    def _leave(self, turn: Turn, room: RoomId) -> None:
        mirror.forget_room(turn.tx, room)
        audits.forget(turn.tx, room)
        bindings.drop_direct(turn.tx, room)
        self._questions.left(turn, room)
        turn.taken.settle = True  # a room that we should keep is missed

    def _take_invite(self, turn: Turn, batch: SyncBatch, update: RoomUpdate, *, catching_up: bool) -> None:
        del batch, catching_up  # an invitation is one, however old
        before = mirror.room_of(turn.tx, update.room)
        mirror.see_own_membership(turn.tx, update.room, "invite", update.invited_by)
        if update.invited_by is None or (before is not None and before.membership == "invite"):
            return
        origin = f"invite:{update.room}:{turn.now.at_ms}"
        for craft in self._crafts:
            if isinstance(craft, Greeter):
                invited = partial(
                    craft.invited, turn.tx, update.room, update.invited_by, turn.now, direct=update.direct
                )
                self._deciding.decided(turn, origin, craft.name, invited)

    def _take_room(self, turn: Turn, batch: SyncBatch, update: RoomUpdate, *, catching_up: bool) -> None:
        tx, room = turn.tx, update.room
        before = mirror.room_of(tx, room)
        was_in = before is not None and before.membership == "join"
        mirror.see_own_membership(tx, room, update.membership)
        past = replace(
            turn, since_ms=0
        )  # who is shown to us, and who came before we did, may have been there for years
        if not was_in or batch.since is None:
            turn = past
        for event in update.state:
            self._deciding.guarded(past, "intake", event.id, partial(self._see, past, event, known_join=False))
        if update.membership == "join" and not was_in:
            self._came_in(turn, room)
        gap = ingest.gap_in(tx, room)
        if gap is not None or (update.limited and was_in and batch.since is not None):
            # Nothing of this room is decided out of order: the hole only grows at its newer end.
            since = gap.since if gap is not None else str(batch.since)
            self._open_gap(turn, room, since, batch.until)
            for missed in update.timeline:
                if isinstance(missed, State | Member):
                    self._deciding.guarded(turn, "intake", missed.id, partial(self._see, turn, missed))
        else:
            turn = replace(turn, undone=frozenset(e.target for e in update.timeline if isinstance(e, Redaction)))
            # What was said before our very first look at the world is history, not ours to answer.
            for heard in update.timeline:
                # What somebody wrote before we came in may be old, too.
                self._take_event(turn, heard, decide=batch.since is not None, stale=catching_up or not was_in)
        if batch.since is None and was_in:
            # The server lost our position: what was said meanwhile can only be found by looking back.
            ingest.ask_look_back(tx, room, turn.now.at_ms)
            turn.taken.gaps = True
        if update.membership == "leave" and was_in:
            self._leave(turn, room)

    # -- one event -----------------------------------------------------------------------------------------------------

    def take_page_event(self, turn: Turn, event: Event) -> None:
        """Take an event of a gap in, once, however often its page is read."""
        if isinstance(event, Member):
            turn = replace(turn, since_ms=ingest.gap_since_ms(turn.tx, event.room))
        self._take_event(turn, event, decide=True, stale=True)

    def take_past_event(self, turn: Turn, event: Event) -> None:
        """Take an event in that came late and stands further back, unless it is from before we were there to hear it.

        State is left alone: what it says has long been overtaken.
        """
        joined = mirror.member(turn.tx, event.room, self._me)
        here_since_ms = max(ingest.began_ms(turn.tx), joined.since_ms or 0 if joined is not None else 0)
        # Older ones may have been decided and forgotten, when nobody minded; nothing of them is for anybody today.
        since_ms = max(here_since_ms, turn.now.at_ms - OLDEST_PAST_MS)
        if isinstance(event, State | Member) or event.at_ms < since_ms:
            return
        self.take_page_event(turn, event)

    def take_late_event(self, turn: Turn, event: Event) -> None:
        """Take an event in whose key came late, once."""
        if not isinstance(event, Unreadable) and ingest.drop_late(turn.tx, event.room, event.id):
            self._take_event(turn, event, decide=True, stale=True)

    def _take_event(self, turn: Turn, event: Event, *, decide: bool, stale: bool) -> None:
        if decide and not _is_news(turn, event):
            return
        self._note(turn, event)
        if event.sender == self._me:
            self._own(turn, event)
            return
        if isinstance(event, Unreadable):
            if decide:
                ingest.keep_late(turn.tx, ingest.Late(event.room, event.id, event.session), turn.now.at_ms)
                self._decide(turn, event)  # that somebody wrote is known, if not what
            return
        if isinstance(event, Message | Reaction):
            # A server whose clock is ahead must not make a room look talkative for days.
            turn.now.windows.stage(("spoke", event.room), min(event.at_ms, turn.now.at_ms), event.sender)
        if not decide:
            return
        if isinstance(event, Message | Reaction) and self._questions.take(turn, event):
            return
        if isinstance(event, Message):
            self._command(turn, event, stale=stale)
        self._decide(turn, event)

    def _note(self, turn: Turn, event: Event) -> None:
        """Take note of what changes what there is, whoever did it, ourselves included."""
        if isinstance(event, State | Member):
            self._deciding.guarded(turn, "intake", event.id, partial(self._see, turn, event))
        elif isinstance(event, Redaction):
            self._questions.removed(turn, event.target)

    def _decide(self, turn: Turn, event: Event) -> None:
        for craft in self._crafts:
            self._deciding.decided(turn, event.id, craft.name, partial(craft.decide, turn.tx, event, turn.now))

    def _command(self, turn: Turn, event: Message, *, stale: bool) -> None:
        # A server whose clock is off must not silence its people: age counts only for what we did not hear live.
        age_ms = turn.now.at_ms - event.at_ms if stale else 0
        self._deciding.guarded(turn, "commands", event.id, partial(self._answer, turn, event, age_ms))

    def _answer(self, turn: Turn, event: Message, age_ms: int) -> None:
        words = self._commands.read(turn.tx, event, turn.now)
        if words is not None and age_ms <= self._commands.patience_ms(words):
            craft, effects = self._commands.answer(turn.tx, event, words, turn.now)
            self._deciding.record(turn, event.id, craft, effects)

    def _own(self, turn: Turn, event: Event) -> None:
        """Confirm an effect by its echo."""
        cause = cause_in(event)
        if cause is not None and outbox.get(turn.tx, cause) is not None:
            failpoints.pass_by("echo.before_confirm")
            self.confirm(turn, cause, "done", event=event.id, room=event.room)
            failpoints.pass_by("echo.after_confirm")

    def _see(self, turn: Turn, event: State | Member, *, known_join: bool = True) -> None:
        tx, now = turn.tx, turn.now
        if isinstance(event, Member):
            before = mirror.member(tx, event.room, event.user)
            heard_ms = min(max(event.at_ms, turn.since_ms), now.at_ms)
            mirror.see_member(tx, event, known_join=known_join, heard_ms=heard_ms)
            if event.membership in {"leave", "ban"} and (before is None or before.membership != event.membership):
                turn.taken.left.add((event.room, event.user))
            return
        news = mirror.see_state(tx, event.room, event.type, event.key, event.id, event.sender, event.content)
        if (
            news
            and claims.claims_on(tx, event.room, event.type, event.key, now.at_ms)
            and not self._stands(turn, event)
        ):
            claims.mark_unsettled(tx, event.room, event.type, event.key, now.at_ms)
        if news and event.type == "m.room.power_levels" and event.sender != self._me:
            claims.mark_room(tx, event.room, now.at_ms)  # what was refused may be allowed now
        if news and event.type == LOCATOR_TYPE and event.sender == self._me:
            turn.taken.settle = True
            self._made(turn, event)

    def _stands(self, turn: Turn, event: State) -> bool:
        """Tell whether it is the echo of what the bot itself wrote, and still as it is wanted.

        Of a state event that others change at the same time sync tells as well, and theirs is looked at, after ours.
        """
        return event.sender == self._me and any(
            craft.stands(turn.tx, event, turn.now) for craft in self._crafts if isinstance(craft, Beholder)
        )

    def _came_in(self, turn: Turn, room: RoomId) -> None:
        """Confirm that we followed an invitation: what somebody wrote while we were on our way comes with this answer."""
        for row in outbox.waiting(turn.tx):
            if (row.kind, row.room, row.target, row.payload.get("membership")) == ("member", room, self._me, "join"):
                self.confirm(turn, row.cause, "done", room=room)

    def _made(self, turn: Turn, locator: State) -> None:
        """Confirm the making of a room by the locator it carries."""
        for row in outbox.waiting_to_be_made(turn.tx):
            if row.payload.get("locator") == locator.content.get("locator"):
                self.confirm(turn, row.cause, "done", room=locator.room)

    def recall(self, turn: Turn, room: RoomId, ours: Sequence[Message | Unreadable]) -> None:
        """Let the crafts know again what the bot itself said and is pinned in a room that was found by its locator."""
        for craft in self._crafts:
            if isinstance(craft, Rememberer):
                recall = partial(craft.recall, turn.tx, room, ours, turn.now)
                self._deciding.decided(turn, f"recall:{room}", craft.name, recall)

    def to_read(self, turn: Turn) -> list[RoomId]:
        """List the rooms that are not ours and that a craft wants to read."""
        lookers = [craft for craft in self._crafts if isinstance(craft, Onlooker)]
        return [room for craft in lookers for room in craft.to_read(turn.tx, turn.now)]

    def read_whole(self, turn: Turn, room: RoomId, state: Sequence[State]) -> None:
        """Let the crafts take in all that a room which is not ours says."""
        for craft in self._crafts:
            if isinstance(craft, Onlooker):
                read = partial(craft.read, turn.tx, room, state, turn.now)
                self._deciding.decided(turn, f"read:{room}:{turn.now.at_ms}", craft.name, read)

    # -- timers, results, settling -------------------------------------------------------------------------------------

    def take_due(self, turn: Turn) -> None:
        """Run the timers that are due and end the claims whose time has come."""
        self._lost_touch(turn)
        for timer in timers.due_timers(turn.tx, turn.now.at_ms):
            if timers.timer_of(turn.tx, timer.craft, timer.key) != timer:
                continue  # one before it set it anew, or has done its work with its own
            timers.clear_timer(turn.tx, timer.craft, timer.key)
            craft = self._by_name.get(timer.craft)
            if craft is not None:  # else a craft of an older version set it; nobody is left to care
                origin = f"{timer.key}@{timer.due_ms}"
                if not self._deciding.decided(turn, origin, craft.name, partial(craft.due, turn.tx, timer, turn.now)):
                    # What went wrong must not be the end of a schedule.
                    timers.set_timer(turn.tx, replace(timer, due_ms=turn.now.at_ms + AGAIN_MS))
        self._questions.take_due(turn)
        claims.end_claims(turn.tx, turn.now.at_ms)

    def settle(self, turn: Turn) -> None:
        """Let every craft bring its timers, claims and posts in line with the documents."""
        bound = bindings.bindings(turn.tx)
        for craft in self._crafts:
            self._deciding.decided(turn, "settle", craft.name, partial(craft.settle, turn.tx, turn.now))
        turn.taken.settle = turn.taken.settle or bindings.bindings(turn.tx) != bound

    def confirm(  # what is known of an outcome differs by kind
        self,
        turn: Turn,
        cause: Cause,
        outcome: Outcome,
        *,
        event: EventId | None = None,
        room: RoomId | None = None,
        errcode: str = "",
        words: str = "",
    ) -> None:
        """Note what became of an effect and hand the result to the craft that asked, once."""
        tx, now = turn.tx, turn.now
        row = outbox.get(tx, cause)
        result = outbox.finish(tx, cause, outcome, now.at_ms, event=event, room=room, errcode=errcode, words=words)
        if row is not None and result is not None and result.outcome == "done":
            self._questions.sent(turn, row, result)
            turn.taken.entered = turn.taken.entered or row.kind == "enter"
        craft = None if result is None else self._by_name.get(result.craft)
        if result is not None and craft is not None:
            bound = bindings.bindings(tx)
            heard = self._deciding.decided(turn, cause, craft.name, partial(craft.done, tx, result, now))
            # A craft that stumbled over a result is not told again; settling brings it in line with what there is.
            turn.taken.settle = turn.taken.settle or not heard or bindings.bindings(tx) != bound


def _is_news(turn: Turn, event: Event) -> bool:
    """Tell whether an event is to be decided: sync and history bring the same now and then, a page may be read twice."""
    if isinstance(event, Unreadable):  # decided when it can be read, if it was not yet
        return not ingest.was_decided(turn.tx, event.room, event.id)
    # It is remembered from the time that it claims, so that no look back meets it again as one that is new.
    kept_ms = max(turn.now.at_ms, min(event.at_ms, turn.now.at_ms + FURTHEST_AHEAD_MS))
    return ingest.note_decided(turn.tx, event.room, event.id, kept_ms)
