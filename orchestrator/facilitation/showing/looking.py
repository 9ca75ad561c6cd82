"""``!who``, ``!next`` and ``!rota``: who keeps a room, as plain lines that a phone shows well, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.errors import Refusal
from orchestrator.facilitation import saying, wording
from orchestrator.facilitation.calendar.desk import Calendars
from orchestrator.facilitation.duty import backups, of_part, on_duty, on_now, stretches
from orchestrator.facilitation.plans import has_rota
from orchestrator.facilitation.records.shifts import Given, State, shifts_of
from orchestrator.facilitation.roster import WORDS, Roster
from orchestrator.facilitation.rota.resolving import joined
from orchestrator.facilitation.rota.things import GaveWay, Part, Stretch
from orchestrator.i18n import N_, _
from orchestrator.model import content
from orchestrator.model.answering import privately
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Command, Example, Now, Role, Tx
from orchestrator.schedule import latest_at, next_at

from .places import among, asked_about, kept_by
from .shares import score_of

SHOWN: Final = 4
NEAR_MS: Final = 60 * DAY_MS
AHEAD_MS: Final = 366 * DAY_MS
"""How far ahead ``!next`` looks, at first and where nothing is near, and how many turns it shows at most."""
TABLE_MS: Final = 30 * DAY_MS
"""How far ahead ``!rota`` shows."""
MOST_LINES: Final = 80


ROTA: Final = (
    Example("", N_("who keeps the room in the next 30 days, as a table")),
    Example(
        "add @bo:grove.example from 12 Dec", N_("Bo takes turns from then on; without a day, from now on"), Role.LEAD
    ),
    Example("remove @bo:grove.example", N_("Bo takes no turns any more; with a day, from then on"), Role.LEAD),
    Example("order @ana:grove.example @bo:grove.example", N_("in this order they take turns"), Role.LEAD),
    Example("effective-from @bo:grove.example 12 Dec", N_("Bo's turns begin on that day, and not before"), Role.LEAD),
    Example("score", N_("how evenly the turns are spread; only leads see it"), Role.LEAD),
    Example("calendar", N_("an address under which your calendar can read all turns"), Role.LEAD),
)


class Looking:
    """Answers who keeps a room.

    Args:
        documents: what the authors wrote.
        roster: changes who is on a rota.
        calendars: gives people calendars.
    """

    def __init__(self, documents: Documents, roster: Roster, calendars: Calendars) -> None:
        self._documents, self._roster, self._calendars = documents, roster, calendars

    @property
    def commands(self) -> Sequence[Command]:
        """``!who``, ``!next`` and ``!rota``."""
        return (
            Command(
                name="who",
                usage="",
                summary=N_("who is on duty"),
                needs=Role.MEMBER,
                run=self._who,
                examples=(Example("", N_("who keeps this room now; asked in private, who keeps each of yours")),),
            ),
            Command(
                name="next",
                usage="",
                summary=N_("who comes next"),
                needs=Role.MEMBER,
                run=self._next,
                examples=(Example("", N_("who keeps this room after that, and from when on")),),
            ),
            Command(
                name="rota",
                usage="[add|remove|order|score|calendar]",
                summary=N_("who keeps the room in the next 30 days"),
                needs=Role.MEMBER,
                run=self._rota,
                usage_for=Role.LEAD,
                elsewhere=True,
                examples=ROTA,
            ),
        )

    def _who(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        asked = asked_about(tx, self._documents, call)
        answers = [_keeping(tx, community, room, now) for community, room in asked]
        if not any(on_duty(tx, community, room, now.at_ms) for community, room in asked):
            answers.append(wording.ask_for_a_person(asked[0][0]))
        yield from among(call, asked, "\n\n".join(answers), now)

    def _next(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        asked = asked_about(tx, self._documents, call)
        answers = [_coming(tx, community, room, now) for community, room in asked]
        yield from among(call, asked, "\n\n".join(answers), now)

    def _rota(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        word = call.args[0].casefold() if call.args else ""
        if word in WORDS:
            return self._roster.run(tx, call, now)
        if word == "calendar":
            return self._calendars.rota_words(tx, call, now)
        if word == "score":
            return self._score(tx, call, now)
        return self._table(tx, call, word, now)

    def _score(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        """Tell leads how even a rota is; what somebody carries is nobody else's business."""
        led = [one for one in self._documents.communities if call.event.sender in one.leads]
        here = [one for one in led if one.key == call.community] or led
        if not here:
            said = _("How evenly the turns are spread is for the leads. Yours are in `{prefix}my shifts`.")
            raise Refusal(said.format(prefix=self._documents.prefix_in(call.community)))
        said = "\n\n".join(score_of(tx, community, now) for community in here)
        people = frozenset(user for community in here for user in community.staff())
        if call.room_key == CONTROL_KEY:
            yield content.answer(call, said, now, people=people)
        else:
            yield from privately(call, said, now, people)

    def _table(self, tx: Tx, call: Call, word: str, now: Now) -> Iterator[AnyEffect]:
        asked = asked_about(tx, self._documents, call)
        if word:
            named = [(community, room) for community, room in asked if room.key == word]
            if not named and any(call.event.sender in community.staff() for community, _room in asked):
                kept = kept_by(self._documents, call.event.sender)
                named = [(one, room) for one in kept for room in one.rooms if room.key == word and has_rota(room)]
            if not named:
                said = _("I know no such room here. `{prefix}rota` alone shows what I can tell you.")
                raise Refusal(said.format(prefix=self._documents.prefix_in(call.community)))
            asked = named
        # How sure a turn is is for those who keep the rooms, where nobody else reads it.
        inside = call.room_key == CONTROL_KEY or (
            call.direct and all(call.event.sender in community.staff() for community, _room in asked)
        )
        tables = [_table(tx, community, room, now, inside=inside) for community, room in asked if room.rota is not None]
        others = [_keeping(tx, community, room, now) for community, room in asked if room.rota is None]
        yield from among(call, asked, "\n\n".join([*tables, *others]), now)


def _keeping(tx: Tx, community: Community, room: Room, now: Now) -> str:
    if room.rota is None:
        return wording.always(room)
    on = on_now(tx, community, room, now.at_ms)
    user = on[Part.FACILITATOR].user if Part.FACILITATOR in on else None
    if user is None:
        if not room.facilitators:
            return wording.nobody(room)
        cadences = [layer.cadence for layer in room.rota.layers]
        if not on and all(latest_at(cadence, community.zone, now.at_ms) is None for cadence in cadences):
            first_ms = min(next_at(cadence, community.zone, now.at_ms).at_ms for cadence in cadences)
            return wording.not_yet(community, room, first_ms)
        following = [one for one in _ahead(tx, community, room, now) if one.user is not None]
        return wording.not_now(community, room, following[0] if following else None)
    window = Span(now.at_ms, now.at_ms + NEAR_MS)
    running = of_part(joined(stretches(tx, community, room, window, now.at_ms)), Part.FACILITATOR)
    end_ms = next((one.span.end_ms for one in running if now.at_ms in one.span), window.end_ms)
    beside = on[Part.CO].user if Part.CO in on else None
    backup = next(iter(backups(tx, community, room, now.at_ms, end_ms)), None)
    return wording.keeping(community, room, user, end_ms, beside, backup)


def _coming(tx: Tx, community: Community, room: Room, now: Now) -> str:
    if room.rota is None or not room.facilitators:
        return _keeping(tx, community, room, now)
    found = list(islice(_ahead(tx, community, room, now), SHOWN))
    return wording.coming(community, room, found) if found else _keeping(tx, community, room, now)


def _ahead(tx: Tx, community: Community, room: Room, now: Now) -> Iterator[Stretch]:
    """List what begins later than now, as far as one has to look."""
    for far_ms in (NEAR_MS, AHEAD_MS):
        window = Span(now.at_ms, now.at_ms + far_ms)
        found = of_part(joined(stretches(tx, community, room, window, now.at_ms)), Part.FACILITATOR)
        later = [one for one in found if one.span.start_ms > now.at_ms]
        if later:
            yield from later
            return


def _table(tx: Tx, community: Community, room: Room, now: Now, *, inside: bool) -> str:
    window = Span(now.at_ms, now.at_ms + NEAR_MS)  # turns that begin within the table are shown to their end
    ahead = joined(stretches(tx, community, room, window, now.at_ms))
    found = [one for one in ahead if one.span.start_ms < now.at_ms + TABLE_MS]
    given = {one.shift.slot: one for one in shifts_of(tx, community.key, window)}
    rows = of_part(found, Part.FACILITATOR)
    title = _("**{room}**, the next 30 days:").format(room=room.name)
    if not rows:
        return f"{title} " + _("no turns.")
    lines = []
    for one in rows[:MOST_LINES]:
        when = saying.from_now(one.span, community.zone, now.at_ms)
        line = _("{when}: {person}").format(when=when, person=one.user or _("nobody yet"))
        beside, watching = _beside(found, one, Part.CO), _beside(found, one, Part.SHADOW)
        if beside:
            line += " " + _("with {people}").format(people=saying.named(beside))
        if watching:
            line += ", " + _("watching: {people}").format(people=saying.named(watching))
        known = given.get(one.shift.slot) if inside and one.user is not None and one.shift is not None else None
        lines.append(line if known is None else f"{line}{_sure(known)}{_gave_way(known, one)}")
    if len(rows) > MOST_LINES:
        lines.append(_("and so on"))
    return f"{title}\n\n{saying.listed(lines)}"


def _beside(found: Iterable[Stretch], one: Stretch, part: Part) -> list[str]:
    return [str(other.user) for other in of_part(found, part) if other.user is not None and other.span.shares(one.span)]


def _gave_way(given: Given, one: Stretch) -> str:
    """Say which rule could not be kept for whoever has a turn."""
    if one.user != given.shift.user:
        return ""
    if GaveWay.REST in given.shift.gave_way:
        return _(" (with less rest before it than there should be)")
    return _(" (two in a row)") if GaveWay.BACK_TO_BACK in given.shift.gave_way else ""


def _sure(given: Given) -> str:
    match given.state:
        case State.OFFERED:
            return _(" (asked, no answer yet)")
        case State.UNCONFIRMED:
            return _(" (has not answered)")
        case State.ACCEPTED:
            return _(" (has said yes)")
        case _:
            return ""
