"""Joins the files: every name of a template, policy or deck becomes the thing itself, every text is filled in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from orchestrator.model.cadence import Weekday
from orchestrator.model.ids import AccountKey, RoomKey, UserId

from .authored import CommunitySpec, Config, PromptSpec, RoomSpec, Template
from .braces import fill
from .declared import CONTROL_KEY, SPACE_KEY, Community, Deck, Policy, PromptSchedule, Room, Welcome
from .edge.policy import norms_of
from .source import Path, Source
from .words import nearest

_ALIAS: Final = re.compile(r"[a-z0-9._=/+-]+\Z")

Taken: TypeAlias = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The files of one kind: what could be read of them, and their names, the unreadable ones' included."""

    kind: str
    folder: str
    names: Collection[str]

    def missing(self, name: str) -> str:
        """Say that there is no such file, and which there are."""
        near = nearest(name, sorted(self.names))
        there = ", ".join(f"{one}.yaml" for one in sorted(self.names)[:12]) or "none"
        return (
            f"There is no {self.kind} of this name. "
            + (f"Did you mean “{near}”? " if near else "")
            + f"Files in {self.folder}/: {there}."
        )


@dataclass(frozen=True, slots=True)
class Library:
    """All that config.yaml can name. ``control`` is the control room's template."""

    templates: Mapping[str, Template]
    policies: Mapping[str, Policy]
    decks: Mapping[str, Deck]
    control: Template
    template_shelf: Shelf
    policy_shelf: Shelf
    deck_shelf: Shelf


def check_names(template: Template, source: Source, library: Library) -> None:
    """Check that the policy and the decks that a template names are there."""
    _check_policy(template.policy, source, ("policy",), library)
    _check_decks(template.prompts, source, ("prompts",), library)


def join(config: Config, source: Source, library: Library) -> tuple[Community, ...]:
    """Build every community; what cannot be built is left out, and said in the source's ``errors``."""
    taken: Taken = {}
    built = (_Joiner(config, source, library, spec, taken).community() for spec in config.communities.values())
    return tuple(community for community in built if community is not None)


class _Joiner:
    """Builds one community."""

    def __init__(self, config: Config, source: Source, library: Library, spec: CommunitySpec, taken: Taken) -> None:
        self._config, self._source, self._library, self._spec, self._taken = config, source, library, spec, taken
        self._path: Path = ("communities", spec.key)
        only = next(iter(config.accounts), AccountKey(""))
        self._account = config.accounts.get(spec.account or only)

    def community(self) -> Community | None:
        """Build it; None when its space or its account cannot be."""
        spec, config = self._spec, self._config
        rooms = [self._room(key, room) for key, room in spec.rooms.items()]
        space = self._template(spec.template, "space", (*self._path, "template"))
        self._check_people(spec.leads, (*self._path, "leads"))
        if space is None or self._account is None:
            return None
        built = tuple(room for room in rooms if room is not None)
        facilitators = tuple(dict.fromkeys(user for room in built for user in room.facilitators))
        itself = RoomSpec(
            key=SPACE_KEY,
            template=spec.template,
            name=spec.name,
            purpose=None,
            previously=(),
            facilitators=(),
            policy=None,
            rota=None,
            prompts=None,
        )
        control = replace(itself, key=CONTROL_KEY, facilitators=facilitators)
        return Community(
            key=spec.key,
            account=self._account.key,
            previously=spec.previously,
            name=spec.name,
            purpose=spec.purpose,
            leads=spec.leads,
            zone=spec.zone or config.zone,
            locale=spec.locale or config.locale,
            prefix=config.prefix,
            space=self._build(itself, space, (*self._path, "template")),
            control=self._build(control, self._library.control, self._path),
            rooms=built,
        )

    def _room(self, key: RoomKey, spec: RoomSpec) -> Room | None:
        path = (*self._path, "rooms", key)
        self._check_people(spec.facilitators, (*path, "facilitators"))
        _check_policy(spec.policy, self._source, (*path, "policy"), self._library)
        _check_decks(spec.prompts or (), self._source, (*path, "prompts"), self._library)
        template = self._template(spec.template, "room", (*path, "template"))
        return None if template is None else self._build(spec, template, path)

    def _template(self, name: str, kind: str, path: Path) -> Template | None:
        shelf, found = self._library.template_shelf, self._library.templates.get(name)
        if name not in shelf.names:
            self._source.errors.append(self._source.error(shelf.missing(name), path))
        elif found is not None and found.kind != kind:
            fitting = sorted(key for key, one in self._library.templates.items() if one.kind == kind)
            message = f"This template is not of kind: {kind}, which is wanted here. Of that kind: {', '.join(fitting)}."
            self._source.errors.append(self._source.error(message, path))
            return None
        return found

    def _build(self, spec: RoomSpec, template: Template, path: Path) -> Room:
        purpose = spec.purpose or template.purpose or self._spec.purpose
        names = {
            "name": spec.name,
            "purpose": purpose,
            "community": self._spec.key,
            "key": spec.key or self._spec.key,
            "title": self._spec.name,
        }
        policy = self._library.policies.get(spec.policy or template.policy or "")
        welcome = template.welcome
        prompts = template.prompts if spec.prompts is None else spec.prompts
        return Room(
            community=self._spec.key,
            key=spec.key,
            previously=spec.previously,
            kind=template.kind,
            name=fill(template.name, names),
            topic=fill(template.topic, names),
            alias=None if template.alias is None else self._alias(fill(template.alias, names), path),
            settings=template.settings,
            power=template.power,
            policy=None if policy is None else _in_room(policy, names),
            rota=spec.rota or template.rota,
            quiet=(spec.rota.quiet if spec.rota else None) or template.quiet,
            prompts=tuple(self._schedules(prompts)),
            welcome=None if welcome is None else Welcome(where=welcome.where, text=fill(welcome.text, names)),
            facilitators=spec.facilitators,
            on_drift=template.on_drift,
        )

    def _schedules(self, prompts: Iterable[PromptSpec]) -> Iterable[PromptSchedule]:
        for spec in prompts:
            deck = self._library.decks.get(spec.deck)
            if deck is not None:
                yield PromptSchedule(
                    id=_prompt_id(spec),
                    # Questions that are too much for this room are not even in the deck it draws from.
                    deck=replace(deck, prompts=tuple(one for one in deck.prompts if one.tier <= spec.tier_max)),
                    weekly=spec.weekly,
                    grace_ms=spec.grace_ms,
                    gates=spec.gates,
                    thread=spec.thread,
                    pin=spec.pin,
                )

    def _alias(self, alias: str, path: Path) -> str:
        server = self._account.user_id.partition(":")[2] if self._account else ""
        here = "/".join(str(part) for part in path[1:] if part not in {"rooms", "template"})
        other = self._taken.setdefault((server, alias), here)
        if not _ALIAS.match(alias) or len(f"#{alias}:{server}".encode()) > 255:
            message = "This gives no usable alias: small letters, digits and . _ = / + - only, at most 255 in all."
            self._source.errors.append(self._source.error(message, path, key=True))
        elif other != here:
            message = f"This would have the same alias (#{alias}) as {other}. Choose another key, or another template."
            self._source.errors.append(self._source.error(message, path, key=True))
        return alias

    def _check_people(self, people: Iterable[UserId], path: Path) -> None:
        me = self._account.user_id if self._account else None
        if me is not None and me in tuple(people):
            message = "This is the bot itself. Leads and facilitators are people."
            position = self._source.items(path).index(me) if me in self._source.items(path) else 0
            self._source.errors.append(self._source.error(message, (*path, position)))


def _check_policy(name: str | None, source: Source, path: Path, library: Library) -> None:
    if name is not None and name not in library.policy_shelf.names:
        source.errors.append(source.error(library.policy_shelf.missing(name), path))


def _check_decks(prompts: Iterable[PromptSpec], source: Source, path: Path, library: Library) -> None:
    for position, spec in enumerate(prompts):
        deck = library.decks.get(spec.deck)
        if spec.deck not in library.deck_shelf.names:
            source.errors.append(source.error(library.deck_shelf.missing(spec.deck), (*path, position, "deck")))
        elif deck is not None and not any(one.tier <= spec.tier_max for one in deck.prompts):
            message = f"No question of this deck has a tier up to {spec.tier_max}: nothing would ever be asked."
            source.errors.append(source.error(message, (*path, position, "tier_max")))


def _prompt_id(spec: PromptSpec) -> str:
    days = "".join(Weekday(day).name.lower() for day in spec.weekly.on) or "daily"
    return f"{spec.deck}.{days}.{spec.weekly.at:%H%M}"


def _in_room(policy: Policy, names: Mapping[str, str]) -> Policy:
    norms = policy.norms
    return replace(policy, norms=norms_of(fill(norms.summary, names), fill(norms.text, names), norms.review_by))
