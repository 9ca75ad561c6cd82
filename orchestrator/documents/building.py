"""Builds one room of all that is said about it: floors, its template, and its own lines in config.yaml."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from orchestrator.errors import DocumentError
from orchestrator.model.cadence import QuietHours, Rule, Weekday
from orchestrator.model.ids import RoomKey

from . import languages
from .authored import CommunitySpec, Config, Picture, PromptSpec, RoomSpec, Template
from .braces import NAMES, fill, stranger
from .declared import SPACE_KEY, Deck, Meeting, Origin, Prompt, PromptSchedule, Room, Rota, Settings, Welcome
from .edge.policy import told_in
from .edge.rota import laid_over, rota_of
from .meetings import meetings_of
from .pictures import read_picture
from .policy import Policy
from .rotas import missing, people_there, skips, times_that_exist, turns_that_fit
from .source import Path, Source
from .strictness import Strictness
from .words import nearest

_ALIAS: Final = re.compile(r"[a-z0-9._=/+-]+\Z")

Taken: TypeAlias = dict[tuple[str, str], str]
"""Who has an alias already, by server and alias."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a room stands: in config.yaml, and among the spaces.

    Attributes:
        path: of the room's lines, or of what stands for them.
        layer: whose lines they are.
        within: the space that it hangs in.
        fault: what is wrong with that.
    """

    path: Path
    layer: Literal["room", "community"]
    within: RoomKey = SPACE_KEY
    fault: DocumentError | None = None


class Builder:
    """Builds the rooms of one community. What is wrong with one of them goes into the source's ``errors`` or ``faults``."""

    def __init__(
        self,
        config: Config,
        source: Source,
        spec: CommunitySpec,
        server: str,
        policies: Mapping[str, Policy],
        decks: Mapping[str, Deck],
        taken: Taken,
    ) -> None:
        self._config, self._source, self._spec, self._server = config, source, spec, server
        self._policies, self._decks, self._taken = policies, decks, taken
        self._path: Path = ("communities", spec.key)

    def build(self, spec: RoomSpec, template: Template, place: Place) -> Room:
        """Build a room."""
        layers = Strictness(self._config, self._spec, self._source, spec, template, place.path)
        if place.fault is not None:
            layers.fault("in", place.fault)
        settings = layers.settings()
        settings = replace(settings, allow=self._allowed(settings.allow, spec, layers.origins["settings.allow"]))
        if spec.key == SPACE_KEY:
            self._check_space(settings, layers.origins["settings.join"])
        power = layers.power(settings)
        names = self._names(spec, template, place)
        topic = template.topic if spec.topic is None else self._checked(spec.topic, NAMES, template, place, "topic")
        alias = self._alias_pattern(spec, template, place)
        policy = self._policies.get(spec.policy or template.policy or "")
        picture = self._picture(spec, template, place)
        # Nobody is on duty in a room that is closed, and nothing is asked there.
        rota, quiet = self._rota(spec, template, place)
        prompts = () if spec.archive else template.prompts if spec.prompts is None else spec.prompts
        welcome = None if spec.archive else template.welcome
        return Room(
            community=self._spec.key,
            key=spec.key,
            previously=spec.previously,
            kind=template.kind,
            name=fill(template.name, names),
            topic=fill(topic, names),
            alias=None if alias is None else self._alias(fill(alias, names), spec, place),
            settings=settings,
            power=power,
            policy=None if policy is None else _in_room(policy, self._spec.locale or self._config.locale, names),
            rota=None if spec.archive else rota,
            quiet=quiet or template.quiet,
            prompts=tuple(self._schedules(prompts)),
            meetings=() if spec.archive else self._meetings(spec, template, names),
            welcome=None if welcome is None else Welcome(where=welcome.where, text=fill(welcome.text, names)),
            facilitators=() if spec.archive else spec.facilitators,
            serving={} if spec.archive else spec.serving,
            shadows=() if spec.archive else spec.shadows,
            on_drift=MappingProxyType({**template.on_drift, **spec.on_drift}),
            within=place.within,
            suggested=template.suggested if spec.suggested is None else spec.suggested,
            avatar=picture.path if picture else None,
            avatar_sha256=picture.sha256 if picture else "",
            knock_question=fill(template.knock_question, names),
            archive=spec.archive,
            adopt=spec.adopt,
            origins=MappingProxyType(self._origins(spec, template, place) | layers.origins),
            faults=MappingProxyType(layers.faults),
        )

    def _check_space(self, settings: Settings, origin: Origin) -> None:
        if settings.join in {"restricted", "knock_restricted"} and not settings.allow:
            message = "A community's space lets people in by itself: write invite, knock or public."
            self._source.errors.append(DocumentError(message, file=origin.file, line=origin.line, col=origin.col))

    def _allowed(self, keys: Iterable[RoomKey], spec: RoomSpec, origin: Origin) -> tuple[RoomKey, ...]:
        """Look up the rooms whose members may come in; the community's own key stands for its space."""
        found: dict[RoomKey, None] = {}
        for key in keys:
            if key in self._spec.rooms and key != spec.key:
                found[key] = None
            elif str(key) == str(self._spec.key):
                found[SPACE_KEY] = None
            else:
                message = (
                    "The members of a room are in it already: name another room, or a space."
                    if key == spec.key
                    else f"No room or space of “{self._spec.key}” has the key “{key}”."
                )
                self._source.errors.append(DocumentError(message, file=origin.file, line=origin.line, col=origin.col))
        return tuple(found)

    def _rota(self, spec: RoomSpec, template: Template, place: Place) -> tuple[Rota | None, QuietHours | None]:
        """Lay what the room says of its rota over its template's; and tell the quiet hours that the room says itself."""
        if spec.rota is None and template.rota_said is None:
            self._check_serving(spec, place)
            return None, None
        said = laid_over(spec.rota or {}, template.rota_said)
        for name, message in missing(said):
            # What is wrong with it, or with the template's rota, is said already.
            if template.rota_said is None and self._source.at((*place.path, "rota", name)) is None:
                self._error(message, (*place.path, "rota"))
        problems = [] if spec.rota is None else list(turns_that_fit(said))
        zone = self._spec.zone or self._config.zone
        problems.extend(people_there(said, spec.facilitators, self._spec.leads))
        problems.extend(times_that_exist(said, zone))
        for path, message in problems:
            self._rota_error(message, path, template, place)
        self._check_serving(spec, place)
        return rota_of(said, self._spec.leads), (spec.rota or {}).get("quiet")

    def _rota_error(self, message: str, path: Path, template: Template, place: Place) -> None:
        """Say it where it is written: at the room's own key, or in its template."""
        origin = template.origins.get("rota")
        if self._source.at((*place.path, "rota", path[0])) is not None or origin is None:
            self._error(message, (*place.path, "rota", *path))
        else:
            error = DocumentError(
                f"{message} ({'.'.join(map(str, path))})", file=origin.file, line=origin.line, col=origin.col
            )
            if str(error) not in map(str, self._source.errors):  # many rooms may have this template
                self._source.errors.append(error)

    def _check_serving(self, spec: RoomSpec, place: Place) -> None:
        zone = self._spec.zone or self._config.zone
        for position, user in enumerate(spec.facilitators):
            serves = spec.serving.get(user)
            for wall in (serves.start, serves.end) if serves is not None else ():
                if wall is not None and (skipped := skips(wall, zone)):
                    self._error(skipped, (*place.path, "facilitators", position))
        for position, user in enumerate(spec.shadows):
            if user in spec.facilitators:
                message = (
                    "This person is a facilitator of this room already. Somebody shadows before that: leave one out."
                )
                self._error(message, (*place.path, "shadows", position))

    # -- words ---------------------------------------------------------------------------------------------------------

    def _names(self, spec: RoomSpec, template: Template, place: Place) -> dict[str, str]:
        """Say what each name in braces stands for in this room."""
        names = {
            "name": spec.name,
            "community": self._spec.key,
            "key": spec.key or self._spec.key,
            "title": self._spec.name,
            **self._variables(spec, template, place),
        }
        purpose = spec.purpose or (fill(template.purpose, names) if template.purpose else None) or self._spec.purpose
        return {**names, "purpose": purpose}

    def _variables(self, spec: RoomSpec, template: Template, place: Place) -> dict[str, str]:
        known = list(template.variables)
        for name in spec.variables:
            if name not in known:
                near = nearest(name, known)
                there = f"It has: {', '.join(known)}." if known else "It has none."
                message = f"The template “{template.key}” has no such variable. " + (
                    f"Did you mean “{near}”?" if near else there
                )
                self._error(message, (*place.path, "variables", name), key=True)
        found = {name: spec.variables.get(name, default) for name, default in template.variables.items()}
        written = self._source.names((*place.path, "variables"))  # what is wrong with them is said already
        missing = [name for name, value in found.items() if value is None and name not in written]
        if missing and place.layer == "room":
            example = f"variables: {{{', '.join(f'{name}: ...' for name in missing)}}}"
            message = f"The template “{template.key}” wants to be told {_these(missing)}. Write: {example}"
            self._error(message, place.path, key=True)
        elif missing:
            message = f"Nobody can tell this template {_these(missing)}. Give a default there."
            self._error(message, place.path)
        return {name: value or "" for name, value in found.items()}

    def _checked(self, pattern: str, names: tuple[str, ...], template: Template, place: Place, key: str) -> str:
        """Check the names in braces that a room uses in its own words; they are those of its template."""
        if complaint := stranger(pattern, (*names, *template.variables)):
            self._error(complaint, (*place.path, key))
        return pattern

    def _alias_pattern(self, spec: RoomSpec, template: Template, place: Place) -> str | None:
        if spec.alias is None:
            return template.alias
        return self._checked(spec.alias, ("community", "key"), template, place, "alias")

    def _alias(self, alias: str, spec: RoomSpec, place: Place) -> str:
        path = place.path if spec.alias is None else (*place.path, "alias")
        here = f"{self._spec.key}/{spec.key}" if spec.key else self._spec.key
        other = self._taken.setdefault((self._server, alias), here)
        if not _ALIAS.match(alias) or len(f"#{alias}:{self._server}".encode()) > 255:
            message = "This gives no usable alias: small letters, digits and . _ = / + - only, at most 255 in all."
            self._error(message, path, key=spec.alias is None)
        elif other != here:
            message = f"This would have the same alias (#{alias}) as {other}. Choose another key, or another template."
            self._error(message, path, key=spec.alias is None)
        return alias

    def _picture(self, spec: RoomSpec, template: Template, place: Place) -> Picture | None:
        if spec.avatar is None:
            return template.avatar
        try:
            return read_picture(self._source.folder / spec.avatar)
        except ValueError as problem:
            self._error(str(problem), (*place.path, "avatar"))
            return None

    def _schedules(self, prompts: Iterable[PromptSpec]) -> Iterator[PromptSchedule]:
        for spec in prompts:
            deck = spec.inline or self._decks.get(spec.deck)
            if deck is not None and spec.problem is None:
                yield PromptSchedule(
                    id=_prompt_id(spec),
                    deck=_asked_in(spec.drawn_from(deck), self._spec.locale or self._config.locale),
                    bag=".".join([deck.name, *sorted(spec.tags)]),
                    tier_most=spec.tier_max,
                    when=spec.when,
                    cool_off_ms=spec.cool_off_ms,
                    norms_line=spec.norms_line,
                    pass_=spec.pass_,
                    mention=spec.mention,
                    grace_ms=spec.grace_ms,
                    gates=spec.gates,
                    thread=spec.thread,
                    pin=spec.pin,
                )

    def _meetings(self, spec: RoomSpec, template: Template, names: Mapping[str, str]) -> tuple[Meeting, ...]:
        locale = self._spec.locale or self._config.locale
        written = template.meetings if spec.meetings is None else spec.meetings
        return tuple(meetings_of(written, self._decks, names, lambda deck: _asked_in(deck, locale)))

    def _error(self, message: str, path: Path, *, key: bool = False) -> None:
        self._source.errors.append(self._source.error(message, path, key=key))

    # -- where it is written -------------------------------------------------------------------------------------------

    def _origins(self, spec: RoomSpec, template: Template, place: Place) -> dict[str, Origin]:
        """Say which layer set what is not laid over anything."""

        def template_or(path: str, mine: Origin | None = None) -> Origin:
            return mine or template.origins.get(path, Origin("default"))

        def said(path: str, *keys: str) -> Origin:
            return template_or(path, own(*keys) if self._source.at((*place.path, *keys)) is not None else None)

        def own(*keys: str) -> Origin:
            return self._source.origin((*place.path, *keys), place.layer)

        roomy = place.layer == "room"
        found = {
            path: said(path, path) if roomy else template_or(path)
            for path in (
                "alias",
                "avatar",
                "suggested",
                "in",
                "policy",
                "rota",
                "prompts",
                "meetings",
                "welcome",
                "facilitators",
            )
        }
        for part in template.on_drift:
            path = f"on_drift.{part}"
            found[path] = said(path, "on_drift", part) if roomy else template_or(path)
        for role in ("lead", "facilitator", "member"):
            found[f"power.{role}"] = template_or(f"power.{role}")
        found["knock.question"] = template_or("knock.question")
        found["archive"] = own("archive") if roomy and spec.archive else Origin("default")
        found["adopt"] = own("adopt") if roomy and spec.adopt is not None else Origin("default")
        found["name"] = own("name") if template.name == "{name}" else template_or("name")
        found["topic"] = said("topic", "topic") if roomy else template_or("topic")
        if spec.topic is None and template.topic == "{purpose}":
            found["topic"] = self._purpose_origin(spec, template, place)
        for people in ("leads", "founders"):
            found[people] = self._source.origin((*self._path, people), "community")
        return found

    def _purpose_origin(self, spec: RoomSpec, template: Template, place: Place) -> Origin:
        if spec.purpose is not None:
            return self._source.origin((*place.path, "purpose"), place.layer)
        if template.purpose is not None:
            return template.origins.get("purpose", Origin("template"))
        return self._source.origin((*self._path, "purpose"), "community")


def _these(names: list[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _prompt_id(spec: PromptSpec) -> str:
    if isinstance(spec.when, Rule):
        said = f"{spec.when.text} {spec.when.start} {spec.when.times}"
        return f"{spec.deck}.{hashlib.sha256(said.encode()).hexdigest()[:10]}"
    days = "".join(Weekday(day).name.lower() for day in spec.when.on) or "daily"
    return ".".join([spec.deck, days, *(f"{at:%H%M}" for at in (spec.when.at, *spec.when.also))])


def _asked_in(deck: Deck, locale: str) -> Deck:
    """Choose the words of each question for readers of a locale."""
    return replace(deck, prompts=tuple(_told(one, locale) for one in deck.prompts))


def _told(prompt: Prompt, locale: str) -> Prompt:
    poll = prompt.poll
    if poll is not None:
        poll = replace(poll, answers=tuple(languages.nearest(answer, locale) for answer in poll.by_language))
    note = languages.nearest(prompt.notes, locale) if prompt.notes else prompt.note
    return replace(prompt, text=languages.nearest(prompt.texts, locale), note=note, poll=poll)


def _in_room(policy: Policy, locale: str, names: Mapping[str, str]) -> Policy:
    return replace(policy, norms=told_in(policy.norms, locale, lambda text: fill(text, names)))
