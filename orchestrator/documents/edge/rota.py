"""The forms of a rota, and of who facilitates a room from when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Final, Literal, NotRequired, TypeAlias, cast

from typing_extensions import TypedDict

from orchestrator.documents import addresses, times
from orchestrator.documents.declared import FixedTurn, Rota, RotaLayer, Serving, Temporary
from orchestrator.model.cadence import Cadence, Every, QuietHours, Unit, Weekday
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import UserId

from .base import Key, Length, NotEmpty, Read, SomeLength, Truth, User, number, one_of

Quiet = Annotated[QuietHours, Read(times.quiet_hours, {"type": "string", "examples": ["21:00-08:00"]})]
Day = Annotated[Weekday, Read(times.weekday, {"enum": [day.name.lower() for day in Weekday]})]
Anchor = Annotated[datetime, Read(times.anchor, {"type": "string"}, '"2026-01-06 19:00"')]
Repeats = Annotated[Every, Read(times.every, {"type": "string", "examples": ["1 week", "3 days"]}, "1 week")]
Lasts = Annotated[Every, Read(times.lasting, {"type": "string", "examples": ["2 hours", "1 week"]}, "2 hours")]
Weights: TypeAlias = dict[Day, Annotated[int, number(1, 10)]]

_INSTANT_SCHEMA: Final = {"type": "string", "examples": ["2026-12-01", "2026-12-01 19:00"]}
Begins = Annotated[datetime, Read(times.beginning, _INSTANT_SCHEMA, "2026-12-12")]
Ends = Annotated[datetime, Read(times.ending, _INSTANT_SCHEMA, "2026-12-20")]

LEADS: Final = "leads"
_USER_SCHEMA: Final = {"type": "string", "pattern": "^@[^:]+:.+$"}

Fallback: TypeAlias = Literal["leads"] | tuple[UserId, ...]
Person: TypeAlias = tuple[UserId, Serving | None]


def _fallback(value: object) -> Fallback:
    if value == LEADS:
        return LEADS
    if not isinstance(value, list) or not value:
        raise ValueError('Write leads, or a list of people like ["@ana:grove.example"].')
    return tuple(map(addresses.user_id, value))


def _person(value: object) -> Person:
    if not isinstance(value, dict):
        return addresses.user_id(value), None
    if not {"who"} < value.keys() <= {"who", "from", "until"}:
        raise ValueError(
            'Write an id, or from when and until when somebody is on: {who: "@ana:grove.example", from: 2026-12-01}.'
        )
    start = times.beginning(value["from"]) if "from" in value else None
    end = times.ending(value["until"]) if "until" in value else None
    if start is not None and end is not None and end <= start:
        raise ValueError("This ends before it begins: until comes after from.")
    return addresses.user_id(value["who"]), Serving(start, end)


Facilitator = Annotated[
    Person,
    Read(
        _person,
        {
            "anyOf": [
                _USER_SCHEMA,
                {
                    "type": "object",
                    "properties": {"who": _USER_SCHEMA, "from": _INSTANT_SCHEMA, "until": _INSTANT_SCHEMA},
                    "required": ["who"],
                    "additionalProperties": False,
                },
            ]
        },
        '"@ana:grove.example"',
    ),
]

# `from` cannot be a name in Python, so these are written as calls.
_Stretch = TypedDict("_Stretch", {"from": Begins, "until": Ends})


class TurnForm(_Stretch):
    """One turn of a temporary schedule."""

    who: User


class TemporaryForm(_Stretch):
    """A stretch in which only what is written here counts."""

    who: NotRequired[User]
    turns: NotRequired[Annotated[list[TurnForm], NotEmpty()]]


class LayerForm(TypedDict):
    """Turns that some people take before those of the rota itself."""

    name: Key
    anchor: Anchor
    every: Repeats
    on: NotRequired[Annotated[list[Day], NotEmpty("[tue]")]]
    lasts: NotRequired[Lasts]
    people: NotRequired[Annotated[list[User], NotEmpty('["@ana:grove.example"]')]]
    weights: NotRequired[Weights]


class RotaForm(TypedDict, total=False):
    """Who facilitates when. A room may write some keys only: its template says the others."""

    anchor: Anchor
    every: Repeats
    on: Annotated[list[Day], NotEmpty("[tue]")]
    lasts: Lasts
    mode: Annotated[str, one_of("order", "fair")]
    publish: SomeLength
    offer: SomeLength
    accept_within: SomeLength
    rest: Length
    back_to_back: Annotated[str, one_of("avoid", "allow")]
    max_terms: Annotated[int, number(1, 1_000)]
    weights: Weights
    co_facilitator: Truth
    reminders: list[SomeLength]
    quiet: Quiet
    show: Annotated[Literal["topic", "nowhere"], one_of("topic", "nowhere")]
    fallback: Annotated[
        Fallback, Read(_fallback, {"anyOf": [{"const": LEADS}, {"type": "array", "items": _USER_SCHEMA}]})
    ]
    layers: list[LayerForm]
    temporary: list[TemporaryForm]


def laid_over(form: RotaForm, under: RotaForm | None) -> RotaForm:
    """Lay what a room (or a template) says of its rota over what stands below it, key by key."""
    return cast("RotaForm", {**(under or {}), **form})


def rota_of(form: RotaForm, leads: tuple[UserId, ...] = ()) -> Rota | None:
    """Make plain data of a rota; None where it does not say when turns begin.

    Args:
        form: with all that is taken over from below.
        leads: who ``fallback: leads`` stands for.
    """
    if "anchor" not in form or "every" not in form:
        return None
    mode: Literal["order", "fair"] = "fair" if form.get("mode") == "fair" else "order"
    own = RotaLayer(
        name="",
        cadence=Cadence(form["anchor"], form["every"], _days(form.get("on", []))),
        lasts=form.get("lasts"),
        weights=MappingProxyType(dict(form.get("weights", {}))),
    )
    layers = (*map(_layer, form.get("layers", [])), own)
    publish_ms = form.get("publish", max(28 * DAY_MS, *(most_ms(layer.cadence.every) for layer in layers)))
    fallback = form.get("fallback", ())
    return Rota(
        layers=layers,
        mode=mode,
        publish_ms=publish_ms,
        offer_ms=form.get("offer", min(publish_ms, 14 * DAY_MS)),
        rest_ms=form.get("rest"),
        back_to_back=form.get("back_to_back", "allow" if mode == "order" else "avoid") == "allow",
        max_terms=form.get("max_terms"),
        co_facilitator=form.get("co_facilitator", False),
        accept_within_ms=form.get("accept_within"),
        reminders_ms=tuple(form.get("reminders", [])),
        quiet=form.get("quiet"),
        temporary=tuple(sorted(map(temporary_of, form.get("temporary", [])), key=lambda one: one.start)),
        fallback=leads if fallback == LEADS else tuple(dict.fromkeys(fallback)),
        show=form.get("show", "nowhere"),
    )


def most_ms(every: Every) -> int:
    """Tell how long a distance is at most, but for the hour by which clocks change."""
    hours = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 7 * 24, Unit.MONTH: 31 * 24}
    return every.count * hours[every.unit] * DAY_MS // 24


def temporary_of(form: TemporaryForm) -> Temporary:
    """Make plain data of a temporary schedule."""
    start, end = form["from"], form["until"]
    whole = (FixedTurn(who=form["who"], start=start, end=end),) if "who" in form else ()
    turns = (FixedTurn(who=one["who"], start=one["from"], end=one["until"]) for one in form.get("turns", []))
    return Temporary(start=start, end=end, turns=whole or tuple(sorted(turns, key=lambda one: one.start)))


def _layer(form: LayerForm) -> RotaLayer:
    return RotaLayer(
        name=form["name"],
        cadence=Cadence(form["anchor"], form["every"], _days(form.get("on", []))),
        lasts=form.get("lasts"),
        people=tuple(form.get("people", [])),
        weights=MappingProxyType(dict(form.get("weights", {}))),
    )


def _days(days: list[Weekday]) -> tuple[Weekday, ...]:
    return tuple(sorted(set(days)))


def people_of(form: list[Person]) -> tuple[tuple[UserId, ...], Mapping[UserId, Serving]]:
    """Make plain data of a room's facilitators: who they are, and of whom there is a day that is known."""
    serving = {user: serves for user, serves in form if serves is not None}
    return tuple(user for user, _serves in form), MappingProxyType(serving)


def shortest(cadence: Cadence) -> timedelta:
    """Tell the least distance between two turns on the clock on the wall; of months, that of February."""
    if cadence.every.unit is Unit.MONTH:
        return timedelta(days=28 * cadence.every.count)
    hours = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 7 * 24}[cadence.every.unit]
    days = cadence.on
    if len(days) < 2:
        return timedelta(hours=hours * cadence.every.count)
    around = timedelta(days=days[0] - days[-1], weeks=cadence.every.count)
    return min(around, *(timedelta(days=after - day) for day, after in pairwise(days)))
