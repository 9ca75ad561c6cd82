"""Reads everything the authors wrote: config.yaml, and beside it the room templates, decks and policies.

Every error of every file is found in one go. What is only worth a thought comes back as advice and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from orchestrator.errors import DocumentError, DocumentErrors

from . import advice, consistency, overlay, prompt_advice
from .authored import Advice, Amendment, Config, Template
from .control import control_template
from .declared import Deck, Documents
from .edge.check import check
from .edge.config import ConfigForm, config_of, data_dir_of
from .edge.deck import DeckForm, deck_of
from .edge.policy import PolicyForm, policy_of
from .joining import Library, Shelf, check_names, join
from .policy import Policy
from .source import Source
from .templates import read_templates
from .words import key as read_key
from .yaml12 import read_source

T = TypeVar("T")

TEMPLATES: Final = "room_templates"
DECKS: Final = "room_templates/decks"
POLICIES: Final = "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything the authors wrote, checked: the single files, and what they come to together.

    Attributes:
        documents: what the crafts read.
        amendments: what leads changed with commands, already layered in.
        advice: what is allowed and should be thought about.
        faults: what is wrong with single rooms, which say so themselves (``Room.faults``). Everything else can go on.
    """

    path: Path
    config: Config
    documents: Documents
    templates: Mapping[str, Template]
    policies: Mapping[str, Policy]
    decks: Mapping[str, Deck]
    amendments: tuple[Amendment, ...] = ()
    advice: tuple[Advice, ...] = ()
    faults: tuple[DocumentError, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found: every error, and what can be done all the same.

    ``loaded`` is None when there are errors that concern more than single rooms; the others are its ``faults``.
    """

    loaded: Loaded | None
    errors: tuple[DocumentError, ...]
    advice: tuple[Advice, ...]


@dataclass(slots=True)
class _Files:
    """The sources of one run, by document name, and what was found in them."""

    beside: Path
    sources: dict[str, Source] = field(default_factory=dict)
    errors: list[DocumentError] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)

    def read(self, document: str) -> None:
        file = self.beside / document
        self.sources[document] = read_source(file, str(file))

    def read_folder(self, folder: str) -> None:
        try:
            names = sorted(file.name for file in (self.beside / folder).iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            message = f"This folder cannot be read: {error.strerror or 'the system gives no reason'}."
            self.errors.append(DocumentError(message, file=str(self.beside / folder)))
            return
        for name in names:
            if name.endswith(".yml"):
                message = "This file is not read: its name must end in .yaml."
                self.advice.append(Advice(str(self.beside / folder / name), 1, 1, message))
            elif name.endswith(".yaml") and not name.startswith("."):
                self.read(f"{folder}/{name}")

    def of(self, folder: str) -> dict[str, Source]:
        """The files of a folder, by name without ``.yaml``."""
        found = (Path(document) for document in self.sources)
        return {path.stem: self.sources[path.as_posix()] for path in found if path.parent.as_posix() == folder}


def load(config_path: Path, *, overlay: Mapping[str, Sequence[Amendment]] | None = None, today: date) -> Loaded:
    """Read and check everything. What is wrong with single rooms is in ``faults``, and holds nothing else up.

    Args:
        config_path: config.yaml; templates and policies lie beside it.
        overlay: amendments by document; None: those in the data directory.
        today: judges what has grown old.

    Raises:
        DocumentErrors: every error of every file, when some concern more than single rooms.
    """
    found = examine(config_path, overlay=overlay, today=today)
    if found.loaded is None:
        raise DocumentErrors(found.errors)
    return found.loaded


def amend(config_path: Path, amendments: Sequence[Amendment], *, today: date) -> Loaded:
    """Change what documents say, in the overlay; returns everything as it is from now on.

    Raises:
        DocumentErrors: the result would be wrong, or a document or place is not there; nothing was written.
        OSError: the disk is full or read-only.
    """
    before = load(config_path, today=today)
    after = overlay.layered(before.amendments, amendments)
    found = examine(config_path, overlay=_by_document(after), today=today)
    lost = [one for one in amendments if found.loaded is not None and one not in found.loaded.amendments]
    known = set(map(str, before.faults))
    if found.loaded is None or lost or any(str(fault) not in known for fault in found.loaded.faults):
        nowhere = (DocumentError("There is no such place in this file.", file=one.document) for one in lost)
        raise DocumentErrors([*found.errors, *nowhere])
    overlay.write_overlay(before.config.data_dir, after, only={one.document for one in amendments})
    return found.loaded


def _by_document(amendments: Iterable[Amendment]) -> dict[str, list[Amendment]]:
    found: dict[str, list[Amendment]] = {}
    for one in amendments:
        found.setdefault(one.document, []).append(one)
    return found


def read_policy(file: Path) -> Policy:
    """Read and check one policy by itself.

    Raises:
        DocumentErrors: everything that is wrong with it.
    """
    source = read_source(file, str(file))
    form = check(PolicyForm, source)
    consistency.check_policy(source)
    if source.errors or form is None:
        raise DocumentErrors(source.errors)
    return policy_of(form, file.stem, f"{POLICIES}/{file.name}")


def examine(config_path: Path, *, overlay: Mapping[str, Sequence[Amendment]] | None = None, today: date) -> Examination:
    """Read and check everything, and report instead of raising; see ``load``."""
    files = _Files(config_path.parent)
    files.read(config_path.name)
    for folder in (TEMPLATES, DECKS, POLICIES):
        files.read_folder(folder)
    source = files.sources[config_path.name]
    amendments = _lay_over(files, source, overlay)

    config_form = check(ConfigForm, source)
    config = config_of(config_form, files.beside) if config_form else None
    library = _library(files, today)
    documents = Documents(communities=())
    if config is not None:
        consistency.check_config(config, source)
        documents = Documents(communities=join(config, source, library))
        files.advice.extend(advice.advise_config(config, source))
        files.advice.extend(prompt_advice.advise_rooms(config, source, today))
        for community in documents.communities:
            files.advice.extend(advice.advise_community(community, source))
    errors = [*files.errors, *(error for one in files.sources.values() for error in one.errors)]
    every = DocumentErrors([*errors, *source.faults]).errors
    thoughts = tuple(sorted(set(files.advice)))
    if errors or config is None:
        return Examination(None, every, thoughts)
    loaded = Loaded(
        path=config_path,
        config=config,
        documents=documents,
        templates=library.templates,
        policies=library.policies,
        decks=library.decks,
        amendments=amendments,
        advice=thoughts,
        faults=every,
    )
    return Examination(loaded, every, thoughts)


def _lay_over(files: _Files, config: Source, given: Mapping[str, Sequence[Amendment]] | None) -> tuple[Amendment, ...]:
    """Layer amendments over the sources; returns those that found their place."""
    if given is None:
        placed, errors = overlay.read_overlay(data_dir_of(config.at(("data_dir",)), files.beside))
        files.errors.extend(errors)
    else:
        placed = [overlay.Placed(one, None) for group in given.values() for one in group]
    applied = []
    for one in placed:
        source = files.sources.get(one.amendment.document)
        if source is not None and overlay.amend(source, one):
            applied.append(one.amendment)
        else:
            mark = one.mark or config.mark(())
            message = f"What this changes is no longer in {one.amendment.document}. It is left out; remove it here."
            files.advice.append(Advice(*mark, message))
    return tuple(applied)


def _library(files: _Files, today: date) -> Library:
    _check_file_names(files, TEMPLATES)
    templates = read_templates(files.of(TEMPLATES))
    policies = _read_all(files, POLICIES, _read_policy)
    decks = _read_all(files, DECKS, _read_deck)
    library = Library(
        templates=templates,
        policies=policies,
        decks=decks,
        control=templates.get("control") or control_template(),
        template_shelf=Shelf("template", TEMPLATES, files.of(TEMPLATES)),
        policy_shelf=Shelf("policy", POLICIES, files.of(POLICIES)),
        deck_shelf=Shelf("deck", DECKS, files.of(DECKS)),
    )
    for key, source in files.of(TEMPLATES).items():
        if key in templates:
            consistency.check_template(templates[key], source)
            check_names(templates[key], source, library)
            files.advice.extend(advice.advise_template(templates[key], source, today))
    for key, source in files.of(POLICIES).items():
        consistency.check_policy(source)
        if key in policies:
            files.advice.extend(advice.advise_policy(policies[key], source, today))
    for key, source in files.of(DECKS).items():
        consistency.check_deck(source)
        if key in decks:
            files.advice.extend(prompt_advice.advise_deck(decks[key], source))
    return library


def _check_file_names(files: _Files, folder: str) -> None:
    for key, source in files.of(folder).items():
        try:
            read_key(key)
        except ValueError:
            message = "The name of this file is not one to refer to: use small letters, digits and hyphens."
            source.errors.append(source.error(message, ()))


def _read_all(files: _Files, folder: str, read: Callable[[str, Source], T | None]) -> dict[str, T]:
    _check_file_names(files, folder)
    found = {key: read(key, source) for key, source in files.of(folder).items()}
    return {key: value for key, value in found.items() if value is not None}


def _read_policy(key: str, source: Source) -> Policy | None:
    form = check(PolicyForm, source)
    return None if form is None else policy_of(form, key, f"{POLICIES}/{key}.yaml")


def _read_deck(key: str, source: Source) -> Deck | None:
    form = check(DeckForm, source)
    return None if form is None else deck_of(form, key)
