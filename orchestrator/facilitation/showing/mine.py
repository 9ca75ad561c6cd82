"""``!my``: somebody's own turns, and what they want of us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.facilitation import saying, wording
from orchestrator.facilitation.calendar.desk import Calendars
from orchestrator.facilitation.records.preferences import Preference, preference_of, put_preference, zone_of
from orchestrator.facilitation.records.shifts import State, shifts_of
from orchestrator.facilitation.reminders.planning import plan_reminders
from orchestrator.facilitation.rota.things import Slot, Stretch
from orchestrator.facilitation.view import View
from orchestrator.i18n import N_, _, speaking
from orchestrator.model.answering import privately
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Call, Command, Example, Now, Role, Tx
from orchestrator.model.ids import UserId

from .places import kept_by
from .shares import share_of

OFF: Final = frozenset({"off", "none", "never"})
AS_BEFORE: Final = frozenset({"default", "reset"})
MOST_REMINDERS: Final = 6
LONGEST_MS: Final = 60 * DAY_MS
_LEAD: Final = re.compile(r"([0-9]{1,4})([hdw])")
_UNITS_MS: Final = {"h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}


class Mine:
    """Answers what concerns whoever asks alone.

    Args:
        documents: what the authors wrote.
        calendars: gives people calendars.
    """

    def __init__(self, documents: Documents, calendars: Calendars) -> None:
        self._documents, self._calendars = documents, calendars

    @property
    def commands(self) -> Sequence[Command]:
        """``!my``."""
        return (
            Command(
                name="my",
                usage="[shifts|zone|calendar|…]",
                summary=N_("your turns, your clock, your language, your reminders, your calendar"),
                needs=Role.MEMBER,
                run=self._my,
                for_staff=True,
                examples=(
                    Example("shifts", N_("your own turns; only you see them")),
                    Example("zone Europe/Berlin", N_("the clock I go by when I write to you")),
                    Example("language de", N_("the language I write to you in")),
                    Example("reminders 7d 1d", N_("remind you a week and a day before a turn; `off` for never")),
                    Example("calendar", N_("an address under which your calendar can read your turns")),
                ),
            ),
        )

    def _my(self, tx: Tx, call: Call, now: Now) -> Iterable[AnyEffect]:
        word, said = (call.args[0].casefold() if call.args else "shifts"), call.args[1:]
        match word:
            case "shifts" | "turns":
                return self._shifts(tx, call, now)
            case "calendar":
                return self._calendars.calendar_words(tx, call, now)
            case "zone" | "language" | "reminders":
                return self._prefer(tx, call, word, said, now)
            case _:
                raise Refusal(_how(self._documents.prefix_in(call.community)))

    def _shifts(self, tx: Tx, call: Call, now: Now) -> Iterator[AnyEffect]:
        user = call.event.sender
        communities = kept_by(self._documents, user)
        parts = [part for community in communities for part in _turns(tx, community, user, now)]
        people = [user for community in communities for user in community.staff()]
        yield from privately(call, "\n\n".join(parts), now, people)

    def _prefer(self, tx: Tx, call: Call, word: str, said: Sequence[str], now: Now) -> Iterator[AnyEffect]:
        user = call.event.sender
        communities = kept_by(self._documents, user)
        before = preference_of(tx, user)
        if said:
            wanted = _changed(
                before, word, [one.strip("`'\",;") for one in said], self._documents.prefix_in(call.community)
            )
            put_preference(tx, user, wanted)
            for community in communities:
                plan_reminders(tx, community, now)
        first = communities[0]
        with speaking(preference_of(tx, user).language or first.locale):
            told = _told(tx, first, user, word, now)
        yield from privately(call, told, now)


def _turns(tx: Tx, community: Community, user: UserId, now: Now) -> Iterator[str]:
    view = View.of(tx, community, now.at_ms)
    zone = zone_of(tx, user, community)
    states = {one.shift.slot: one.state for one in shifts_of(tx, community.key)}
    held = [one for one in view.held_by(user) if one.shift is None or one.shift.slot in states]
    if not held:
        yield _("You have no turns in {community} for now.").format(community=community.name)
    else:
        lines = [_line(community, one, states, zone, now) for one in held]
        yield _("Your turns in {community}:").format(community=community.name) + f"\n\n{saying.listed(lines)}"
    share = share_of(tx, community, user, now)
    if share:
        yield share


def _line(community: Community, one: Stretch, states: dict[Slot, State], zone: tzinfo, now: Now) -> str:
    when = saying.from_now(one.span, zone, now.at_ms)
    line = wording.turn(community.name_of(one.room), when, one.part)
    if one.shift is not None and states.get(one.shift.slot) is State.OFFERED:
        line += " " + _("(I have asked you whether you can)")
    return line


def _changed(before: Preference, word: str, said: Sequence[str], prefix: str) -> Preference:
    back = said[0].casefold() in AS_BEFORE
    match word:
        case "zone":
            return replace(before, zone=None if back else _zone(" ".join(said)))
        case "language":
            return replace(before, language=None if back else _language(said[0]))
        case _:
            return replace(before, reminders_ms=None if back else _leads(said, prefix))


def _zone(said: str) -> str:
    known, written = _zones(), said.casefold()
    # "america lima" is Lima, too.
    found = known.get(written.replace(" ", "_")) or known.get(written.replace(" ", "/", 1).replace(" ", "_"))
    if found is None:
        raise Refusal(
            _(
                "I don't know that time zone. They are called after big cities, such as `Europe/Berlin` or `America/Lima`."
            )
        )
    return found


@cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones() if "/" in name or name == "UTC"}


def _language(said: str) -> str:
    try:
        found = Locale.parse(said.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        raise Refusal(_("I don't know that language. Write its short name, such as `de` or `pt-BR`.")) from None
    return "-".join(filter(None, (found.language, found.script, found.territory)))


def _leads(said: Sequence[str], prefix: str) -> tuple[int, ...]:
    if said[0].casefold() in OFF:
        return ()
    found = set()
    for one in said:
        lead = _LEAD.fullmatch(one.casefold())
        lead_ms = int(lead[1]) * _UNITS_MS[lead[2]] if lead is not None else 0
        if not 0 < lead_ms <= LONGEST_MS:
            raise Refusal(
                _(
                    "Tell me how long before a turn, in hours, days or weeks, up to 60 days: `{prefix}my reminders 7d 1d`."
                    " With `{prefix}my reminders off` there are none."
                ).format(prefix=prefix)
            )
        found.add(lead_ms)
    if len(found) > MOST_REMINDERS:
        raise Refusal(_("That would be a lot. Six reminders for a turn is the most I do."))
    return tuple(sorted(found, reverse=True))


def _told(tx: Tx, community: Community, user: UserId, word: str, now: Now) -> str:
    """Say how it is by now."""
    wanted = preference_of(tx, user)
    match word:
        case "zone":
            zone = zone_of(tx, user, community)
            name = zone.key
            return _("I go by the clock of {zone} for you. There it is {when} now.").format(
                zone=name, when=saying.moment(now.at_ms, zone)
            )
        case "language":
            language = Locale.parse((wanted.language or community.locale).replace("-", "_"))
            return _(
                "I write to you in this language: {language}. Where I don't know a sentence in it, it is English."
            ).format(language=language.get_display_name())
        case _:
            leads_ms = wanted.reminders_ms
            if leads_ms is None:
                return _("I remind you of your turns as each room has it.")
            if not leads_ms:
                return _("I don't remind you of your turns. I still ask you about them, and tell you when they change.")
            return _("I remind you of your turns this long before: {leads}.").format(
                leads=saying.named([_lead(lead_ms) for lead_ms in leads_ms])
            )


def _lead(lead_ms: int) -> str:
    if lead_ms % DAY_MS == 0:
        return _("{n} d").format(n=lead_ms // DAY_MS)
    return _("{n} h").format(n=lead_ms // HOUR_MS)


def _how(prefix: str) -> str:
    return _(
        "You can write `{prefix}my shifts`, `{prefix}my zone Europe/Berlin`, `{prefix}my language de`,"
        " `{prefix}my reminders 7d 1d`, or `{prefix}my calendar`."
    ).format(prefix=prefix)
