"""Lays what floors, a template and a room say of one room over each other, and says where one loosens another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from orchestrator.errors import DocumentError
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.power import FOR_FACILITATORS, FOR_LEADS, TOMBSTONE_LEVEL, creators_have_power

from .authored import CommunitySpec, Config, Floor, RoomSpec, Template
from .declared import Origin, PowerMap, Retention, Settings
from .edge.settings import default_settings, level_of, settings_of
from .layers import LEVEL, Laid, Line, Loosening, Value, lay, lay_floors
from .source import Path, Source

_UNITS: Final = (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS))


def usual_level(event_type: str, power: PowerMap, room_version: str) -> int:
    """Tell what it takes to send an event of which nobody says what it takes; 0 where that is not known."""
    if event_type in FOR_LEADS:
        return power.lead
    if event_type in FOR_FACILITATORS:
        return min(power.facilitator, power.lead) if power.facilitator > power.member else power.lead
    if event_type == "m.room.tombstone":
        return TOMBSTONE_LEVEL if creators_have_power(room_version) else power.lead
    return 0


class Strictness:
    """The layers of one room. What loosens another goes into the source's ``faults``, and holds nobody else up.

    Attributes:
        origins: which layer set what, by path.
        faults: what is wrong with this room, by path.
    """

    def __init__(
        self, config: Config, spec: CommunitySpec, source: Source, room: RoomSpec, template: Template, path: Path
    ) -> None:
        self._config, self._spec, self._source = config, spec, source
        self._room, self._template, self._path = room, template, path
        self.origins: dict[str, Origin] = {}
        self.faults: dict[str, str] = {}

    def settings(self) -> Settings:
        """Tell the settings that all layers come to."""
        values: dict[str, Value] = {}
        for key, default in default_settings(self._template.kind).items():

            def said(floor: Floor, key: str = key) -> Value:
                # A space holds no messages: there is nothing to encrypt, and nothing to keep.
                bare = self._template.kind == "space" and key in {"encryption", "retention"}
                return None if bare else floor.settings.get(key)

            values[key] = self._laid(
                key, ("settings", key), said, default=default, template=self._template.said.get(key)
            ).line.value
        return settings_of(values)

    def power(self, settings: Settings) -> PowerMap:
        """Tell the levels that all layers come to."""
        power = self._template.power
        events: dict[str, int] = {}
        for type_ in sorted(
            {*power.events, *self._config.floor.events, *self._spec.floor.events, *self._room.own.events}
        ):

            def said(floor: Floor, type_: str = type_) -> int | None:
                level = floor.events.get(type_)
                return None if level is None else level_of(level, power)

            value = self._laid(
                LEVEL,
                ("power", "events", type_),
                said,
                default=usual_level(type_, power, settings.room_version),
                template=power.events.get(type_),
            ).line.value
            events[type_] = value if isinstance(value, int) else 0
        return replace(power, events=MappingProxyType(events))

    def fault(self, path: str, error: DocumentError) -> None:
        """Say what is wrong with this room, and with no other."""
        self.faults.setdefault(path, str(error))
        self._say(error)

    def _laid(self, key: str, path: Path, said: Callable[[Floor], Value], *, default: Value, template: Value) -> Laid:
        name = ".".join(map(str, path))
        floor, loosenings = lay_floors(
            key,
            _line(said(self._config.floor), self._source.origin(("floor", *path), "floor")),
            _line(said(self._spec.floor), self._source.origin((*self._path[:2], "floor", *path), "community")),
        )
        for one in loosenings:
            self._say(_looser(name, one, floor, self._template))  # no room's fault: the server's floor holds
        laid = lay(
            key,
            floor=floor,
            default=default,
            template=_line(template, self._template.origins.get(name, Origin("template"))),
            room=_line(said(self._room.own), self._source.origin((*self._path, *path), "room")),
        )
        for one in laid.loosenings:
            self.fault(name, _looser(name, one, floor, self._template))
        self.origins[name] = laid.line.origin
        return laid

    def _say(self, error: DocumentError) -> None:
        # One line of a template can be wrong for many rooms; it is said once.
        if str(error) not in map(str, self._source.faults):
            self._source.faults.append(error)


def _line(value: Value, origin: Origin) -> Line | None:
    return None if value is None else Line(value, origin)


def _looser(path: str, loosening: Loosening, floor: Line | None, template: Template) -> DocumentError:
    below, above = loosening.below.origin, loosening.above
    place = [] if above.origin.layer == "default" else [f"{above.origin.file}:{above.origin.line}:{above.origin.col}"]
    word = _word(above.value)
    says = ", ".join(
        [*place, *([f"{path.removeprefix('settings.').removeprefix('power.events.')}: {word}"] if word else [])]
    )
    in_brackets = f" ({says})" if says else ""
    if loosening.who == "community":
        message = f"This is looser than the floor of all communities{in_brackets}. Tighten it, or leave it out."
    elif above == floor:
        message = (
            f"This is looser than the floor that every room here holds to{in_brackets}. Tighten it, or leave it out."
        )
    else:
        what = "what its template means by saying nothing" if above.origin.layer == "default" else "its template"
        message = (
            f"This is looser than {what}{in_brackets}. A room may only be tighter than its template."
            f" For something looser, make another template that says extends: {template.key}"
        )
    return DocumentError(message, file=below.file, line=below.line, col=below.col)


def _word(value: Value) -> str:
    """Write a value as an author would, where that is a word or two."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int():
            return str(value)
        case Retention(max_ms=length):
            unit, size = next((unit, size) for unit, size in _UNITS if length % size == 0)
            return f"{length // size}{unit}"
        case _:
            return ""
