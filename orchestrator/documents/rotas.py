"""What must hold within a rota and no form can say: turns that fit, people who are there, times that exist."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final, TypeAlias

from orchestrator.model.cadence import Cadence, Every, Unit
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import UserId

from .edge.rota import LayerForm, RotaForm, TemporaryForm, most_ms, shortest
from .source import Path

Problem: TypeAlias = tuple[Path, str]
"""Where in the rota, and what is wrong there and what to write instead."""

_BACKWARDS: Final = "This ends before it begins: until comes after from."


def missing(rota: RotaForm) -> Iterator[tuple[str, str]]:
    """Tell the keys that a rota cannot do without, each with what to write."""
    for name, example in (("anchor", '"2026-01-06 19:00"'), ("every", "1 week")):
        if name not in rota:
            yield name, f"“{name}” is missing here. Write, for example: {name}: {example}"


def turns_that_fit(rota: RotaForm) -> Iterator[Problem]:
    """Check the turns of a rota, with all that it takes over, against each other."""
    names: set[str] = set()
    layers = rota.get("layers", [])
    for position, layer in enumerate(layers):
        path: Path = ("layers", position)
        if layer["name"] in names:
            yield (*path, "name"), "Another layer has this name. Each has its own."
        names.add(layer["name"])
        yield from (((*path, *place), message) for place, message in _turns(layer))
        yield from _twice(layer.get("people", []), (*path, "people"))
    yield from _turns(rota)
    yield from _ahead(rota, [each["every"] for each in (*layers, rota) if "every" in each])
    yield from _temporary(rota)


def _turns(turns: LayerForm | RotaForm) -> Iterator[Problem]:
    if "on" in turns and len(set(turns["on"])) < len(turns["on"]):
        yield ("on",), "A day stands here twice. Name each once."
    if "anchor" not in turns or "every" not in turns:
        return
    if "on" in turns and turns["every"].unit is not Unit.WEEK:
        yield ("on",), "Days of the week go with every in weeks. Write, for example: every: 1 week"
        return
    least = shortest(Cadence(turns["anchor"], turns["every"], tuple(sorted(set(turns.get("on", []))))))
    if (
        "lasts" in turns
        and timedelta(milliseconds=most_ms(turns["lasts"])) > least
        and turns["lasts"] != turns["every"]
    ):
        yield ("lasts",), "This turn would go on while the next one has begun. Write a shorter time, or leave it out."


def _ahead(rota: RotaForm, every: Iterable[Every]) -> Iterator[Problem]:
    longest = max(map(most_ms, every), default=0)
    publish = rota.get("publish")
    if publish is not None and publish < longest:
        yield ("publish",), "This is shorter than one turn: nobody would know of theirs before it begins. Write more."
    ahead = max(longest, 28 * DAY_MS) if publish is None else publish
    offer = rota.get("offer")
    if offer is not None and offer > ahead:
        yield ("offer",), "Nobody can be asked before their turn is published. Write at most what publish says."


def _temporary(rota: RotaForm) -> Iterator[Problem]:
    ordered = sorted(enumerate(rota.get("temporary", [])), key=lambda one: one[1]["from"])
    for position, one in ordered:
        path: Path = ("temporary", position)
        if ("who" in one) == bool(one.get("turns")):
            yield path, "Say who is on all the time (who), or the single turns (turns): one of the two."
        if one["until"] <= one["from"]:
            yield (*path, "until"), _BACKWARDS
        yield from (((*path, "turns", *place), message) for place, message in _fixed(one))
    for (_, before), (position, one) in pairwise(ordered):
        if one["from"] < before["until"]:
            yield ("temporary", position, "from"), "Another temporary schedule holds then already. Only one can."


def _fixed(around: TemporaryForm) -> Iterator[Problem]:
    turns = around.get("turns", [])
    for number, turn in enumerate(turns):
        if turn["until"] <= turn["from"]:
            yield (number, "until"), _BACKWARDS
        elif turn["from"] < around["from"] or turn["until"] > around["until"]:
            yield (number,), "This turn is not all within the time that this is about."
    for (_, turn), (number, after) in pairwise(sorted(enumerate(turns), key=lambda each: each[1]["from"])):
        if after["from"] < turn["until"]:
            yield (number, "from"), "This begins while another turn here goes on."


def people_there(rota: RotaForm, facilitators: Collection[UserId], leads: Collection[UserId]) -> Iterator[Problem]:
    """Check that everybody whom a rota names is among the people of its room."""
    for position, layer in enumerate(rota.get("layers", [])):
        for number, user in enumerate(layer.get("people", [])):
            if user not in facilitators:
                yield ("layers", position, "people", number), _stranger(facilitators)
    anybody = (*facilitators, *leads)
    fallback = rota.get("fallback", ())
    for number, user in enumerate(fallback if isinstance(fallback, tuple) else ()):
        if user not in anybody:
            yield ("fallback", number), _stranger(facilitators, leads=True)
    for position, one in enumerate(rota.get("temporary", [])):
        if "who" in one and one["who"] not in anybody:
            yield ("temporary", position, "who"), _stranger(facilitators, leads=True)
        for number, turn in enumerate(one.get("turns", [])):
            if turn["who"] not in anybody:
                yield ("temporary", position, "turns", number, "who"), _stranger(facilitators, leads=True)


def _stranger(facilitators: Collection[UserId], *, leads: bool = False) -> str:
    there = ", ".join(facilitators) or "nobody yet"
    who = "is neither a facilitator of this room nor a lead" if leads else "is not among this room's facilitators"
    return f"This person {who}. Facilitators here: {there}."


def times_that_exist(rota: RotaForm, zone: tzinfo) -> Iterator[Problem]:
    """Check that the clock on the wall shows each time that is written."""
    times: list[tuple[Path, datetime]] = [(("anchor",), rota["anchor"])] if "anchor" in rota else []
    times.extend((("layers", n, "anchor"), layer["anchor"]) for n, layer in enumerate(rota.get("layers", [])))
    for position, one in enumerate(rota.get("temporary", [])):
        path: Path = ("temporary", position)
        times.extend([((*path, "from"), one["from"]), ((*path, "until"), one["until"])])
        for number, turn in enumerate(one.get("turns", [])):
            place = (*path, "turns", number)
            times.extend([((*place, "from"), turn["from"]), ((*place, "until"), turn["until"])])
    return ((path, skipped) for path, wall in times if (skipped := skips(wall, zone)))


def skips(wall: datetime, zone: tzinfo) -> str:
    """Say that the clocks leave this time out; "" where they do not. A day always has a beginning."""
    if wall.hour == wall.minute == 0:
        return ""
    if any(
        wall.replace(tzinfo=zone, fold=fold).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall
        for fold in (0, 1)
    ):
        return ""
    return "The clocks go forward that day, and this time does not exist. Write another one, such as an hour later."


def _twice(people: Sequence[UserId], path: Path) -> Iterator[Problem]:
    for number, user in enumerate(people):
        if user in people[:number]:
            yield (*path, number), "This person is already on this list."
