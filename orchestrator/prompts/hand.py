"""``!prompt``: a keeper's hand on the questions of a room."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import N_, speaking
from orchestrator.model import content
from orchestrator.model.answering import privately
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Answer, Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.schedule.dates import read_when
from orchestrator.store import locks
from orchestrator.store.rows import dump, load_object

from . import hand_words as words
from .asking import Asking
from .chosen import choose, choose_another, chosen_for, drop, skip, skipped
from .duty import Duty
from .foresight import foreseen
from .gates import Verdict
from .meant import Meant, check_keeps, read
from .pauses import pause, paused_until, resume
from .places import Place, places_in, room_named
from .slots import lately, was_asked_just_now

NOW: Final = "prompt:now"
LISTED: Final = 5
"""How many questions are shown at once: a screen of a phone."""
LIST_MS: Final = 60 * DAY_MS
MOST_MS: Final = 366 * DAY_MS
"""The longest pause; whoever wants no questions at all takes the schedule out of the files."""


class Hand:
    """Lets keepers see what is asked next, and change it.

    Args:
        documents: what the authors wrote.
        duty: tells who is on duty.
        asking: asks.
    """

    def __init__(self, documents: Documents, duty: Duty, asking: Asking) -> None:
        self._documents, self._duty, self._asking = documents, duty, asking
        self._does: Mapping[str, Callable[[Tx, Meant, Call, Now], Iterable[AnyEffect]]] = {
            "next": self._next,
            "list": self._list,
            "why": self._why,
            "now": self._now,
            "skip": self._skip,
            "swap": self._swap,
            "pause": self._pause,
            "resume": self._resume,
        }

    @property
    def commands(self) -> tuple[Command, ...]:
        """``!prompt``."""
        command = Command(
            name="prompt",
            usage="[next|now|skip|swap|pause|…]",
            summary=N_("what is asked here next; skip it, swap it, or pause"),
            needs=Role.MEMBER,
            run=self._run,
            examples=(
                Example("next", N_("what is asked next, and when")),
                Example("list", N_("the next few questions")),
                Example("why", N_("what became of the last few")),
                Example("now", N_("ask the next one at once")),
                Example("skip", N_("let the next one pass")),
                Example("swap", N_("another one in its place")),
                Example("pause 3d", N_("no questions for three days")),
                Example("pause until fri", N_("none until Friday")),
                Example("resume", N_("ask again; also takes back a skip")),
            ),
            for_staff=True,
            elsewhere=True,
        )
        return command, replace(command, name="prompts", listed=False)

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Ask at once after all, if that was meant; None when it is about something else."""
        if answer.subject != NOW:
            return None
        return list(self._confirmed(tx, answer, now))

    def _run(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        said = list(call.args)
        # "!prompt tuesday skip" is as clear as "!prompt skip tuesday".
        word = next((one.casefold() for one in said[:2] if one.casefold() in self._does), "")
        meant = read(tx, self._documents, call, [one for one in said if one.casefold() != word])
        if meant.rest and word != "pause":
            raise Refusal(words.how(meant.community.prefix))
        return self._does[word or "next"](tx, meant, call, now)

    # -- what is, and what was ------------------------------------------------------------------------------------------

    def _next(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        found = _upcoming(tx, meant, now)
        lines = [_paused(tx, meant, now)]
        if found is None:
            lines.append(words.nothing_planned(meant.room))
        else:
            place, due_ms = found
            lines.append(_shown(tx, place, due_ms))
        yield from _among_keepers(call, "\n\n".join(filter(None, lines)), now)

    def _list(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        def covered(room: object, at_ms: int) -> bool:
            del room
            return self._is_covered(tx, meant, now, at_ms)

        until_ms = now.at_ms + LIST_MS
        found = foreseen(tx, meant.community, [meant.room], now.at_ms, until_ms, covered, most=LISTED)
        lines = [words.line(one.at_ms, one.prompt, meant.community) for one in found]
        said = words.coming(meant.room, lines) if lines else words.nothing_planned(meant.room)
        yield from _among_keepers(call, "\n\n".join(filter(None, [_paused(tx, meant, now), said])), now)

    def _why(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        found = lately(tx, meant.room, LISTED)
        yield from _among_keepers(call, words.what_became(meant.room, found, meant.community), now)

    # -- what is changed -------------------------------------------------------------------------------------------------

    def _now(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        check_keeps(meant, call)
        place = _place_to_ask(tx, meant, now)
        bound = place.bound(tx)
        if bound is None:
            raise Refusal(words.no_room_yet())
        opinion = self._asking.opinion(tx, place, bound, now)
        if opinion.why == "locked":
            raise Refusal(words.locked(meant.room))
        just_now = was_asked_just_now(tx, meant.room, now.at_ms)
        if not just_now and (opinion.verdict is Verdict.GO or opinion.why == "cool_off"):
            yield from self._ask(tx, place, now, opinion.tier_most)
            yield content.answer(call, words.asked_now(meant.room, _following(tx, place, now), meant.community), now)
            return
        question = content.question(
            call,
            words.sure(meant.room, "just_now" if just_now else opinion.why),
            now,
            subject=NOW,
            needs=None,
            asker_needs=Role.FACILITATOR,
            tag=dump(
                {"do": NOW, "community": meant.community.key, "key": meant.room.key, "schedule": place.schedule.id}
            ),
        )
        yield replace(question, about_room=meant.room.key)

    def _confirmed(self, tx: Tx, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        tag = load_object(answer.tag)
        community = self._documents.community(CommunityKey(str(tag["community"])))
        room = room_named(self._documents, CommunityKey(str(tag["community"])), RoomKey(str(tag["key"])))
        if community is None or room is None or answer.choice is None:
            return
        place = next((one for one in places_in(community, room) if one.schedule.id == tag["schedule"]), None)
        with speaking(community.locale):
            if answer.choice != "yes" or place is None:
                yield content.conclusion(answer, words.left(), now)
                return
            if locks.is_locked(tx, community.key, room.key):
                raise Refusal(words.locked(room))
            covered = self._is_covered(tx, Meant(community, room, ()), now, now.at_ms)
            light = "coverage" in place.schedule.gates and not covered
            yield from self._ask(tx, place, now, 1 if light else 3)
            yield content.conclusion(answer, words.asked_now(room, _following(tx, place, now), community), now)

    def _ask(self, tx: Tx, place: Place, now: Now, tier_most: int) -> Sequence[AnyEffect]:
        bound = place.bound(tx)
        upcoming = _upcoming(tx, Meant(place.community, place.room, ()), now, but_skipped=True)
        ahead_of_ms = upcoming[1] if upcoming is not None and upcoming[0] == place else None
        effects = (
            ()
            if bound is None
            else self._asking.ask_now(tx, place, bound, now, tier_most=tier_most, ahead_of_ms=ahead_of_ms)
        )
        if not effects:
            raise Refusal(words.none_left(place.room))
        return effects

    def _skip(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        check_keeps(meant, call)
        found = _upcoming(tx, meant, now, but_skipped=True)
        if found is None:
            raise Refusal(words.nothing_planned(meant.room))
        place, due_ms = found
        skip(tx, place.room, place.schedule, due_ms)
        following = _upcoming(tx, meant, now, but_skipped=True)
        yield content.answer(
            call, words.skipped(place.community, place.room, due_ms, None if following is None else following[1]), now
        )

    def _swap(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        check_keeps(meant, call)
        found = _upcoming(tx, meant, now, but_skipped=True)
        if found is None:
            raise Refusal(words.nothing_planned(meant.room))
        place, due_ms = found
        choose(tx, place.room, place.schedule, due_ms, place.zone)
        if choose_another(tx, place.room, place.schedule, due_ms, place.zone) is None:
            raise Refusal(words.no_other(place.room))
        yield from _among_keepers(call, _shown(tx, place, due_ms), now)

    def _pause(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        check_keeps(meant, call)
        until_ms = _until(meant, now)
        pause(tx, meant.room, until_ms)
        yield content.answer(call, words.paused(meant.room, meant.community, until_ms), now)

    def _resume(self, tx: Tx, meant: Meant, call: Call, now: Now) -> Iterator[AnyEffect]:
        check_keeps(meant, call)
        was_paused = paused_until(tx, meant.room, now.at_ms) is not None
        resume(tx, meant.room)
        taken_back = []
        for place in places_in(meant.community, meant.room):
            for due_ms in skipped(tx, place.room, place.schedule):
                drop(tx, place.room, place.schedule, due_ms)
                taken_back.append(due_ms)
        if not was_paused and not taken_back:
            raise Refusal(words.not_paused(meant.room))
        found = _upcoming(tx, meant, now)
        yield content.answer(call, words.resumed(meant.room, meant.community, None if found is None else found[1]), now)

    def _is_covered(self, tx: Tx, meant: Meant, now: Now, at_ms: int) -> bool:
        return bool(self._duty.on_duty(tx, meant.community.key, meant.room.key, replace(now, at_ms=at_ms)))


def _upcoming(tx: Tx, meant: Meant, now: Now, *, but_skipped: bool = False) -> tuple[Place, int] | None:
    """Find the next slot of a room, of whichever schedule."""
    found = []
    rests_ms = paused_until(tx, meant.room, now.at_ms) or 0
    for place in places_in(meant.community, meant.room):
        for due_ms in place.slots(tx, max(now.at_ms, rests_ms - 1)):
            if due_ms < rests_ms:
                continue
            known = chosen_for(tx, place.room, place.schedule, due_ms)
            if not but_skipped or known is None or known.draw is not None:
                found.append((due_ms, place.schedule.id, place))
                break
    if not found:
        return None
    due_ms, _id, place = min(found, key=lambda one: one[:2])
    return place, due_ms


def _until(meant: Meant, now: Now) -> int:
    """Read for how long: "3d" counts from now on; with "until fri" questions begin again on that day."""
    begins = bool(meant.rest) and meant.rest[0].casefold() in {"until", "till"}
    said = meant.rest[1:] if begins or (meant.rest and meant.rest[0].casefold() == "for") else meant.rest
    how_long = Refusal(words.how_long(meant.community.prefix))
    if not said:
        raise how_long
    when = read_when(said, now.at_ms, meant.community.zone, meant.community.locale)
    until_ms = when.span.start_ms if begins else when.span.end_ms
    # "next week" may mean until it begins, or while it lasts.
    if when.left or not now.at_ms < until_ms <= now.at_ms + MOST_MS or (not begins and when.span.start_ms > now.at_ms):
        raise how_long
    return until_ms


def _place_to_ask(tx: Tx, meant: Meant, now: Now) -> Place:
    found = _upcoming(tx, meant, now)
    return places_in(meant.community, meant.room)[0] if found is None else found[0]


def _following(tx: Tx, place: Place, now: Now) -> int | None:
    found = _upcoming(tx, Meant(place.community, place.room, ()), now, but_skipped=True)
    return None if found is None else found[1]


def _shown(tx: Tx, place: Place, due_ms: int) -> str:
    """Say what a slot will ask; from then on it stands."""
    prompt = choose(tx, place.room, place.schedule, due_ms, place.zone)
    if prompt is not None:
        return words.upcoming(place.room, due_ms, prompt, place.community)
    known = chosen_for(tx, place.room, place.schedule, due_ms)
    if known is not None:
        return words.will_pass(place.room, due_ms, place.community)
    return words.none_then(place.room, due_ms, place.community)


def _paused(tx: Tx, meant: Meant, now: Now) -> str:
    until_ms = paused_until(tx, meant.room, now.at_ms)
    return "" if until_ms is None else words.paused_now(meant.room, meant.community, until_ms)


def _among_keepers(call: Call, said: str, now: Now) -> Iterator[AnyEffect]:
    """Answer where only keepers read it: a question is no surprise any more once it was read."""
    if call.direct or call.room_key == CONTROL_KEY:
        yield content.answer(call, said, now)
    else:
        yield from privately(call, said, now)
