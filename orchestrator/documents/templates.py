"""Reads templates: each alone, then laid over the one that it extends, with where everything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .authored import Picture, Template
from .declared import Layer, Origin
from .edge.check import check
from .edge.template import TemplateForm, extended, template_of
from .pictures import read_picture
from .source import Source
from .words import nearest


def read_templates(sources: Mapping[str, Source]) -> dict[str, Template]:
    """Read the templates of these files, by name; one that cannot be read, or extends such a one, is left out."""
    reading = _Reading(sources)
    found = {key: reading.template(key) for key in sources}
    return {key: template for key, template in found.items() if template is not None}


@dataclass(slots=True)
class _Reading:
    sources: Mapping[str, Source]
    forms: dict[str, TemplateForm | None] = field(default_factory=dict)
    pictures: dict[str, Picture | None] = field(default_factory=dict)

    def template(self, key: str) -> Template | None:
        form = self._form(key)
        if form is None:
            return None
        origins = _origins(self.sources[key], "template")
        # What is only in the other template is looked for beside it, and what is wrong with it is said there.
        whose = key
        if "extends" in form:
            other = self._other(key, form, form["extends"])
            if other is None:
                return None
            whose = key if "avatar" in form else form["extends"]
            origins = _origins(self.sources[form["extends"]], "extends") | origins
            form = extended(form, other)
        avatar = self._picture(whose, form["avatar"]) if "avatar" in form else None
        return template_of(form, key, avatar=avatar, origins=origins)

    def _form(self, key: str) -> TemplateForm | None:
        if key not in self.forms:
            self.forms[key] = check(TemplateForm, self.sources[key], empty_ok=("variables",))
        return self.forms[key]

    def _other(self, key: str, form: TemplateForm, name: str) -> TemplateForm | None:
        """Find the form of the template that this one extends; None when there is none that it could."""
        other = self._form(name) if name in self.sources and name != key else None
        if name == key:
            problem = "A template cannot extend itself."
        elif name not in self.sources:
            near = nearest(name, sorted(self.sources))
            problem = "There is no template of this name." + (f" Did you mean “{near}”?" if near else "")
        elif other is None:
            return None  # it has its own error already
        elif "extends" in other:
            problem = (
                f"“{name}” extends another template itself, and this goes one step only. Extend that one, or none."
            )
        elif other["kind"] != form["kind"]:
            problem = f"“{name}” is of kind: {other['kind']}, and this is not."
        else:
            return other
        self.sources[key].errors.append(self.sources[key].error(problem, ("extends",)))
        return None

    def _picture(self, key: str, name: str) -> Picture | None:
        """Look at a picture once, however many templates show it."""
        source = self.sources[key]
        if name not in self.pictures:
            try:
                self.pictures[name] = read_picture(source.folder / name)
            except ValueError as problem:
                self.pictures[name] = None
                source.errors.append(source.error(str(problem), ("avatar",)))
        return self.pictures[name]


def _origins(source: Source, layer: Layer) -> dict[str, Origin]:
    """Say where everything in a template is written that can be asked for, by its path."""
    groups = (), ("settings",), ("power",), ("power", "events"), ("on_drift",), ("knock",)
    paths = ((*group, key) for group in groups for key in source.names(group))
    return {".".join(path): source.origin(path, layer) for path in paths}
