"""A look ahead: those who keep a room see what it will be asked a day before, and can change it with a tap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Prompt, Room
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Ask, Choice, Send
from orchestrator.model.feature import Answer, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store import bindings, locks, mirror, questions
from orchestrator.store.rows import dump, load_object
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import ahead_words as words
from .chosen import choose_another, chosen_for, drop_where_no_slot_is, skip
from .duty import NAME, Duty
from .hand_words import line, no_other, skipped
from .looking import AHEAD, Seen, Slot, deepest, draw_ahead, key_of, next_look_ms, seen_of, slots
from .places import Place, places_in, room_named
from .slots import is_claimed

TOGETHER_MS: Final = 6 * HOUR_MS
"""What would be shown of other rooms within that time is shown at once."""
APIECE: Final = 2
"""Up to so many questions are shown one by one, to tap on; more are one list."""


class Ahead:
    """Shows keepers what comes.

    Args:
        documents: what the authors wrote.
        duty: tells who is on duty.
    """

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents, self._duty = documents, duty
        self._by_key = {key_of(room): (community, room) for community, room in _asked_rooms(documents)}

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Set a timer for each room; forget what was chosen for times that are none any more."""
        for community, room in self._by_key.values():
            _follow(tx, community, room)
        for timer in timers_of(tx, NAME, AHEAD):
            if timer.key not in self._by_key:
                clear_timer(tx, NAME, timer.key)
        for key, (community, room) in self._by_key.items():
            if bindings.bound_room(tx, community.key, room.key) is None:
                continue
            by_id = {place.schedule.id: place for place in places_in(community, room)}

            def is_slot(schedule: str, due_ms: int, by_id: Mapping[str, Place] = by_id) -> bool:
                return schedule in by_id and by_id[schedule].is_slot(tx, due_ms, now.at_ms)

            drop_where_no_slot_is(tx, room, is_slot)
            waiting = timer_of(tx, NAME, key)
            if waiting is None or waiting.due_ms > now.at_ms:
                _set_next(tx, community, room, now.at_ms, seen_of(waiting))
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Show what comes in the next day; None when it is another timer."""
        if not timer.key.startswith(AHEAD):
            return None
        if timer.key not in self._by_key:
            return ()
        community, room = self._by_key[timer.key]

        def covered(asked: Room, at_ms: int) -> bool:
            return bool(self._on_duty(tx, community, asked, at_ms, now))

        drawn = draw_ahead(tx, community, room, now.at_ms, seen_of(timer), covered)
        _set_next(tx, community, room, now.at_ms, drawn.seen)
        found = [] if locks.is_locked(tx, community.key, room.key) else list(drawn.questions)
        if drawn.questions:
            # What other rooms will be asked is shown with it where it would come soon after: one message, not one a room.
            for key, (theirs, other) in self._by_key.items():
                waiting = timer_of(tx, NAME, key)
                soon = waiting is not None and waiting.due_ms <= now.at_ms + TOGETHER_MS
                if key == timer.key or theirs.key != community.key or not soon:
                    continue
                drawn = draw_ahead(tx, community, other, now.at_ms, seen_of(waiting), covered, TOGETHER_MS)
                _set_next(tx, community, other, now.at_ms, drawn.seen)
                if not locks.is_locked(tx, community.key, other.key):
                    found += drawn.questions
        control = bindings.bound_room(tx, community.key, CONTROL_KEY)
        if control is None:
            return ()
        with speaking(community.locale):
            return list(self._show(tx, sorted(found, key=lambda one: one[0].due_ms), control, now))

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Let it go, swap it or skip it; None when it is about something else."""
        if not answer.subject.startswith(AHEAD):
            return None
        community_key, _slash, room_key = answer.subject.removeprefix(AHEAD).partition("/")
        room = room_named(self._documents, CommunityKey(community_key), RoomKey(room_key))
        community = None if room is None else self._documents.community(room.community)
        tag = load_object(answer.tag)
        due_ms = tag["due_ms"]
        if room is None or community is None or answer.choice is None or not isinstance(due_ms, int):
            return ()
        place = next((one for one in places_in(community, room) if one.schedule.id == tag["schedule"]), None)
        with speaking(community.locale):
            if place is None or due_ms <= now.at_ms or is_claimed(tx, room, place.schedule, due_ms):
                return [content.conclusion(answer, words.too_late(), now)]
            return list(self._change(tx, Slot(place, due_ms), answer, now))

    def _change(self, tx: Tx, slot: Slot, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        place, due_ms = slot.place, slot.due_ms
        room, schedule, community = place.room, place.schedule, place.community
        if answer.choice == "skip":
            skip(tx, room, schedule, due_ms)
            later = (one.due_ms for one in slots(tx, community, room, now.at_ms) if one.due_ms > due_ms)
            following = next(later, None)
            yield content.conclusion(answer, skipped(community, room, due_ms, following), now)
        elif answer.choice == "swap":
            known = chosen_for(tx, room, schedule, due_ms)
            if known is not None and known.draw is None:
                yield content.conclusion(answer, words.passes_already(community.prefix), now)
                return
            prompt = choose_another(
                tx,
                room,
                schedule,
                due_ms,
                place.zone,
                deepest(slot, bool(self._on_duty(tx, community, room, due_ms, now))),
            )
            if prompt is None:
                yield content.conclusion(answer, no_other(room), now)
            else:
                yield self._ask(tx, slot, prompt, answer.room, now, instead_of=answer.question)
        else:
            yield content.conclusion(answer, words.goes(community, due_ms), now)

    # -- showing ---------------------------------------------------------------------------------------------------------

    def _show(self, tx: Tx, found: Sequence[tuple[Slot, Prompt]], control: RoomId, now: Now) -> Iterator[AnyEffect]:
        if len(found) <= APIECE:
            for slot, prompt in found:
                yield self._ask(tx, slot, prompt, control, now)
            return
        place = found[0][0].place
        lines = [line(slot.due_ms, prompt, place.community) for slot, prompt in found]
        people = dict.fromkeys(one for slot, _ in found for one in self._keepers(tx, slot, control, now)[:1])
        rooms = list({slot.place.room.key: slot.place.room for slot, _ in found}.values())
        if len(rooms) > 1:
            lines = [words.line_of(place.community, one.place.room, one.due_ms, prompt) for one, prompt in found]
        yield Send(
            step=f"ahead:{place.room.community}/{place.room.key}:{found[0][0].due_ms}",
            room=control,
            expires_ms=found[-1][0].due_ms,
            content=content.notice(words.several(rooms, lines, place.community.prefix), mentions=list(people)),
        )

    def _ask(
        self,
        tx: Tx,
        slot: Slot,
        prompt: Prompt,
        control: RoomId,
        now: Now,
        *,
        instead_of: EventId | None = None,
    ) -> Ask:
        place = slot.place
        people = self._keepers(tx, slot, control, now)
        choices = (
            Choice("✅", words.let_it_go(), "keep"),
            Choice("🔄", words.another(), "swap"),
            Choice("⏭️", words.skip_it(), "skip"),
        )
        on_duty = people[0] if people else None
        if instead_of is None:
            said = words.coming(place.community, place.room, slot.due_ms, prompt, on_duty)
        else:
            said = words.then_this(place.community, slot.due_ms, prompt)
        body = content.asking(said, choices, mentions=people[:1] if instead_of is None else ())
        return Ask(
            step=f"ahead:{place.room.community}/{place.room.key}:{place.schedule.id}:{slot.due_ms}",
            room=control,
            expires_ms=slot.due_ms,
            content=body if instead_of is None else content.reply(body, to=instead_of),
            choices=choices,
            needs=Role.FACILITATOR,
            asker=on_duty,
            about=place.community.key,
            about_room=place.room.key,
            subject=f"{AHEAD}{place.room.community}/{place.room.key}",
            tag=dump({"do": AHEAD, "schedule": place.schedule.id, "due_ms": slot.due_ms}),
            open_ms=max(slot.due_ms - now.at_ms, HOUR_MS),
        )

    def _on_duty(self, tx: Tx, community: Community, room: Room, at_ms: int, now: Now) -> tuple[UserId, ...]:
        return self._duty.on_duty(tx, community.key, room.key, replace(now, at_ms=at_ms))

    def _keepers(self, tx: Tx, slot: Slot, control: RoomId, now: Now) -> list[UserId]:
        """List who is on duty then and reads it here."""
        on_duty = self._on_duty(tx, slot.place.community, slot.place.room, slot.due_ms, now)
        members = ((user, mirror.member(tx, control, user)) for user in on_duty)
        return [user for user, seen in members if seen is not None and seen.membership == "join"]


def _follow(tx: Tx, community: Community, room: Room) -> None:
    """Let what keepers were shown, and may still tap on, follow a room that goes by other keys now."""
    for former in (community.key, *community.previously):
        for key in (room.key, *room.previously):
            before, after = f"{AHEAD}{former}/{key}", key_of(room)
            if before == after:
                continue
            about, about_room = (former, community.key), (key, room.key)
            questions.follow(tx, NAME, before, after, about=about, about_room=about_room)
            timer = timer_of(tx, NAME, before)
            if timer is not None:
                if timer_of(tx, NAME, after) is None:
                    set_timer(tx, replace(timer, key=after))
                clear_timer(tx, NAME, before)


def _set_next(tx: Tx, community: Community, room: Room, now_ms: int, seen: Seen) -> None:
    at_ms = next_look_ms(tx, community, room, now_ms, seen)
    if at_ms is None:
        clear_timer(tx, NAME, key_of(room))
        return
    payload = {"shown_ms": seen.shown_ms, "looked_ms": seen.looked_ms}
    timer = Timer(craft=NAME, key=key_of(room), due_ms=at_ms, payload=payload)
    if timer_of(tx, NAME, timer.key) != timer:
        set_timer(tx, timer)


def _asked_rooms(documents: Documents) -> Iterator[tuple[Community, Room]]:
    for community in documents.communities:
        for room in community.rooms:
            if room.prompts and not room.archive:
                yield community, room
