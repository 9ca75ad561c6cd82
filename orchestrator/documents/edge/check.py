"""Checks a file against its model: every problem at its place, in a sentence that says what to write instead."""

from __future__ import annotations

from copy import deepcopy
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.documents import words
from orchestrator.documents.source import Path, Source, brief
from orchestrator.model.ids import Json

from .base import Strict

M = TypeVar("M", bound=Strict)

_SECRETS = frozenset({"password", "token", "access_token", "recovery_key", "secret_key", "secret", "key"})

_MAPPING = "This must be a mapping: lines of `key: value`, indented."
_WRONG_SHAPE = {
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "list_type": "This must be a list: [one, two], or one item a line, each after a hyphen.",
}


def check(model: type[M], source: Source, *, empty_ok: tuple[str, ...] = ()) -> M | None:
    """Check a file's values, and add what is wrong to the source's ``errors``. Keys in ``empty_ok`` may hold null.

    Returns what can be made of the file when the wrong parts are left out, so that other mistakes still come to light;
    None when nothing is left.
    """
    if not source.readable:
        return None
    _refuse_nothings(source, empty_ok)
    value: Json = source.value
    for attempt in range(100):
        try:
            return model.model_validate(value)
        except ValidationError as invalid:
            found = invalid.errors(include_url=False, include_input=False)
        if attempt == 0:
            value = deepcopy(value)
            for detail in found:
                _report(model, source, detail)
        # Deepest and last first, so that positions in lists stay true while others are taken out.
        for path in sorted({_culprit(detail) for detail in found}, key=_order, reverse=True):
            if not path:
                return None
            _remove(value, path)
    return None


def _order(path: Path) -> tuple[tuple[int, int, str], ...]:
    return tuple((1, part, "") if isinstance(part, int) else (0, 0, part) for part in path)


def _culprit(detail: ErrorDetails) -> Path:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    return path[:-1] if detail["type"] == "missing" else path


def _remove(value: Json, path: Path) -> None:
    *around, last = path
    inside: Any = value
    for part in around:
        inside = inside[part]
    del inside[last]


def _refuse_nothings(source: Source, empty_ok: tuple[str, ...]) -> None:
    """No key of ours may be left empty: an empty value is a forgotten one, or a text that YAML took for a comment."""
    left: list[tuple[Path, Json]] = [((), source.value)]
    while left:
        path, value = left.pop()
        if path and path[-1] in empty_ok:
            continue
        if isinstance(value, dict):
            left.extend(((*path, key), inside) for key, inside in value.items())
        elif isinstance(value, list):
            left.extend(((*path, position), inside) for position, inside in enumerate(value))
        elif value is None and path not in source.broken:
            source.errors.append(source.error(words.NOTHING, path, key=True))
            source.broken.add(path)


def _report(model: type[BaseModel], source: Source, detail: ErrorDetails) -> None:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    if any(path[:length] in source.broken for length in range(len(path) + 1)):
        return  # it has its own error already
    about_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    at = path[:-1] if detail["type"] == "missing" else path
    source.errors.append(source.error(_sentence(model, path, detail), at, key=about_key))


def _sentence(model: type[BaseModel], path: Path, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), _known(model, path[:-1]))
    if kind == "missing":
        return f"“{path[-1]}” is missing here." + _example(model, path)
    if kind == "too_short":
        return "This must not be empty." + _example(model, path)
    return _WRONG_SHAPE.get(kind, "This is not what belongs here.")


def _unknown(key: str, known: list[str]) -> str:
    if key in _SECRETS:
        return f"Secrets stay out of this file: put it into a file of its own and name that, like {_secret_key(key, known)}."
    near = words.nearest(key, known)
    known_here = "Known here: " + ", ".join(known) + "."
    return f"There is no “{brief(key)}” here. " + (f"Did you mean “{near}”?" if near else known_here)


def _secret_key(key: str, known: list[str]) -> str:
    return next((f"`{name}: ...`" for name in known if name == f"{key}_file"), "`password_file: keeper.password`")


def _inside(annotation: Any) -> Any:
    """Take off Annotated and the None of an optional value."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _inside(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return _inside(next(arg for arg in get_args(annotation) if arg is not NoneType))
    return annotation


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Find the model that describes the mapping at a path."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            names = {field.alias or name: field for name, field in here.model_fields.items()}
            if part not in names:
                return None
            here = _inside(names[str(part)].annotation)
        else:
            here = _inside(get_args(here)[-1]) if get_args(here) else None
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _known(model: type[BaseModel], path: Path) -> list[str]:
    found = _model_at(model, path)
    return [] if found is None else [field.alias or name for name, field in found.model_fields.items()]


def _example(model: type[BaseModel], path: Path) -> str:
    found = _model_at(model, path[:-1])
    if found is None:
        return ""
    for name, field in found.model_fields.items():
        if (field.alias or name) == path[-1] and field.examples:
            return f" Write, for example: {path[-1]}: {field.examples[0]}"
    return ""
