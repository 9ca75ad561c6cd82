"""Joins the files: every name of a template, policy or deck becomes the thing itself, every text is filled in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from orchestrator.model.ids import AccountKey, RoomKey, UserId, server_of

from . import meetings
from .authored import CommunitySpec, Config, PromptSpec, RoomSpec, Template
from .building import Builder, Place, Taken
from .consistency import people_at
from .declared import CONTROL_KEY, SPACE_KEY, Community, Deck, Room
from .nesting import hang, parents_first
from .policy import Policy
from .source import Path, Source
from .words import nearest


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
    """Check that the policy and the decks that a template itself names are there."""
    if "policy" in source.value:
        _check_policy(template.policy, source, ("policy",), library)
    if "prompts" in source.value:
        _check_decks(template.prompts, source, ("prompts",), library)
    if "meetings" in source.value:
        shelf = library.deck_shelf
        meetings.check_decks(template.meetings, shelf.names, shelf.missing, source, ("meetings",))


def join(config: Config, source: Source, library: Library) -> tuple[Community, ...]:
    """Build every community; what cannot be built is left out, and said in the source's ``errors``."""
    taken: Taken = {}
    built = (_Joiner(config, source, library, spec, taken).community() for spec in config.communities.values())
    return tuple(community for community in built if community is not None)


class _Joiner:
    """Builds one community."""

    def __init__(self, config: Config, source: Source, library: Library, spec: CommunitySpec, taken: Taken) -> None:
        self._config, self._source, self._library, self._spec = config, source, library, spec
        self._path: Path = ("communities", spec.key)
        only = next(iter(config.accounts), AccountKey(""))
        self._account = config.accounts.get(spec.account or only)
        server = server_of(self._account.user_id) if self._account else ""
        self._builder = Builder(config, source, spec, server, library.policies, library.decks, taken)

    def community(self) -> Community | None:
        """Build it; None when its space or its account cannot be."""
        spec, config = self._spec, self._config
        built = self._rooms()
        space = self._template(spec.template, (*self._path, "template"), kind="space")
        self._check_people(spec.leads, (*self._path, "leads"))
        self._check_people(spec.founders, (*self._path, "founders"))
        if space is None or self._account is None:
            return None
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
            founders=spec.founders,
            zone=spec.zone or config.zone,
            locale=spec.locale or config.locale,
            prefix=config.prefix,
            space=self._builder.build(itself, space, Place((*self._path, "template"), "community")),
            control=self._builder.build(control, self._library.control, Place(self._path, "community")),
            rooms=built,
        )

    def _rooms(self) -> tuple[Room, ...]:
        """Build the spaces within the space, parents before children, and then the rooms."""
        declared, path = self._spec.rooms, (*self._path, "rooms")
        templates = {key: self._check_room(room, (*path, key)) for key, room in declared.items()}
        for key, room in declared.items():
            self._check_heavy(room, templates[key], (*path, key))
        spaces = [key for key, template in templates.items() if template is not None and template.kind == "space"]
        unclear = [key for key, template in templates.items() if template is None]
        within, wrong = hang(declared, spaces, unclear, self._source, path)
        self._check_closing(within, path)
        built = []
        for key in (*parents_first(within, spaces), *(key for key in declared if key not in spaces)):
            if (template := templates[key]) is not None:
                place = Place((*path, key), "room", within[key], wrong.get(key))
                built.append(self._builder.build(declared[key], template, place))
        return tuple(built)

    def _check_room(self, spec: RoomSpec, path: Path) -> Template | None:
        """Check all that a room names; returns its template."""
        self._check_people(spec.facilitators, (*path, "facilitators"))
        self._check_people(spec.shadows, (*path, "shadows"))
        _check_policy(spec.policy, self._source, (*path, "policy"), self._library)
        _check_decks(spec.prompts or (), self._source, (*path, "prompts"), self._library)
        template, shelf, own = (
            self._template(spec.template, (*path, "template")),
            self._library.deck_shelf,
            spec.meetings,
        )
        meetings.check_decks(own or (), shelf.names, shelf.missing, self._source, (*path, "meetings"))
        if template is not None:
            meetings.check_names(own or (), template.variables, self._source, (*path, "meetings"))
        if template is not None and template.kind == "space":
            for key in ("facilitators", "shadows", "rota", "prompts", "meetings"):
                if self._source.at((*path, key)) is not None:
                    message = f"Nobody talks in a space: “{key}” belongs to a room."
                    self._source.errors.append(self._source.error(message, (*path, key), key=True))
        return template

    def _check_heavy(self, spec: RoomSpec, template: Template | None, path: Path) -> None:
        """Check that nothing but heavy questions come only where somebody is there."""
        if template is None or spec.archive or spec.facilitators:
            return
        for position, prompt in enumerate(template.prompts if spec.prompts is None else spec.prompts):
            deck = prompt.inline or self._library.decks.get(prompt.deck)
            tiers = {one.tier for one in prompt.drawn_from(deck).prompts} if deck is not None else set()
            if tiers == {3}:
                message = (
                    f"All that “{prompt.deck}” asks is heavy (tier 3), and this room has no facilitators: nothing would ever"
                    " be asked. Add facilitators, or another deck."
                )
                place = path if spec.prompts is None else (*path, "prompts", position, "deck")
                self._source.errors.append(self._source.error(message, place, key=spec.prompts is None))

    def _check_closing(self, within: Mapping[RoomKey, RoomKey], path: Path) -> None:
        for key, space in within.items():
            above, room = self._spec.rooms.get(space), self._spec.rooms[key]
            if above is not None and above.archive and not room.archive:
                message = (
                    f"The space “{space}” is to be closed, and this hangs in it. Close it too, or hang it elsewhere."
                )
                self._source.errors.append(self._source.error(message, (*path, key, "in")))

    def _template(self, name: str, path: Path, *, kind: str | None = None) -> Template | None:
        shelf, found = self._library.template_shelf, self._library.templates.get(name)
        if name not in shelf.names:
            self._source.errors.append(self._source.error(shelf.missing(name), path))
        elif found is not None and kind not in {None, found.kind}:
            fitting = sorted(key for key, one in self._library.templates.items() if one.kind == kind)
            message = f"This template is not of kind: {kind}, which is wanted here. Of that kind: {', '.join(fitting)}."
            self._source.errors.append(self._source.error(message, path))
            return None
        return found

    def _check_people(self, people: Iterable[UserId], path: Path) -> None:
        me = self._account.user_id if self._account else None
        if me is not None and me in tuple(people):
            message = "This is the bot itself. Leads and facilitators are people."
            written = people_at(self._source, path)
            position = written.index(me) if me in written else 0
            self._source.errors.append(self._source.error(message, (*path, position)))


def _check_policy(name: str | None, source: Source, path: Path, library: Library) -> None:
    if name is not None and name not in library.policy_shelf.names:
        source.errors.append(source.error(library.policy_shelf.missing(name), path))


def _check_decks(prompts: Iterable[PromptSpec], source: Source, path: Path, library: Library) -> None:
    for position, spec in enumerate(prompts):
        where, deck = (*path, position), spec.inline or library.decks.get(spec.deck)
        if spec.inline is not None and spec.deck in library.deck_shelf.names:
            message = f"A file has this name already ({spec.deck}.yaml). Give this deck another title."
            source.errors.append(source.error(message, (*where, "deck", "title")))
        elif spec.inline is None and spec.deck not in library.deck_shelf.names:
            source.errors.append(source.error(library.deck_shelf.missing(spec.deck), (*where, "deck")))
        elif deck is not None:
            source.errors.extend(source.error(message, (*where, *at)) for at, message in _unasked(spec, deck))


def _unasked(spec: PromptSpec, deck: Deck) -> Iterator[tuple[Path, str]]:
    """Say what would never be asked: tags that no question has, and tiers."""
    known = sorted({tag for one in deck.prompts for tag in one.tags})
    there = f"Tags in it: {', '.join(known)}." if known else "None of its questions has a tag."
    for number, tag in enumerate(spec.tags):
        if tag not in known:
            near = nearest(tag, known)
            did_you = f" Did you mean “{near}”?" if near else ""
            yield ("tags", number), f"No question of this deck has this tag.{did_you} {there}"
    if not any(one.tier <= spec.tier_max for one in deck.prompts):
        yield ("tier_max",), f"No question of this deck has a tier up to {spec.tier_max}: nothing would ever be asked."
    elif {*spec.tags} <= {*known} and not spec.drawn_from(deck).prompts:
        yield ("tags",), f"No question with these tags has a tier up to {spec.tier_max}: nothing would ever be asked."
