"""Checks a file against its form: every problem at its place, in a sentence that says what to write instead."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic_core import ErrorDetails, SchemaValidator, ValidationError

from orchestrator.documents import words
from orchestrator.documents.source import Path, Source, brief
from orchestrator.model.ids import Json

from .base import INLINE, NAMED, NameOr, NotEmpty, Read, compile_form, fields_of, is_form

F = TypeVar("F")

_SECRETS = frozenset({"password", "token", "access_token", "recovery_key", "secret_key", "secret"})
_MAPPING = "This must be a mapping: lines of `key: value`, indented."
_WRONG_SHAPE = {
    "dict_type": _MAPPING,
    "list_type": "This must be a list: [one, two], or one item a line, each after a hyphen.",
}


@cache
def _validator(form: type) -> SchemaValidator:
    return compile_form(form)


def check(form: type[F], source: Source, *, empty_ok: tuple[str, ...] = ()) -> F | None:
    """Check a file's values, and add what is wrong to the source's ``errors``. Keys in ``empty_ok`` may hold null.

    Returns what can be made of the file when the wrong parts are left out, so that other mistakes still come to light;
    None when nothing is left.
    """
    if not source.readable:
        return None
    nothings = _nothings(source, empty_ok)
    source.broken.update(nothings)
    value: Json = source.value
    plain: type = form
    validator = _validator(plain)
    found: list[ErrorDetails] | None = None
    while True:
        try:
            valid: F = validator.validate_python(value)
        except ValidationError as invalid:
            details = invalid.errors(include_url=False, include_input=False)
        else:
            return valid
        if found is None:
            found, value = details, deepcopy(value)
            for detail in found:
                _report(form, source, detail)
            _report_nothings(source, nothings, found)
        # Each round takes something out, so this ends. Later positions first: the earlier ones then stay true.
        for path in sorted({_culprit(detail) for detail in details}, key=_order, reverse=True):
            if not path:
                return None
            _remove(value, path)


def _order(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (0, part) for part in path)


def _place(detail: ErrorDetails) -> Path:
    return tuple(part for part in detail["loc"] if part not in {"[key]", NAMED, INLINE})


def _culprit(detail: ErrorDetails) -> Path:
    path = _place(detail)
    return path[:-1] if detail["type"] == "missing" else path


def _remove(value: Json, path: Path) -> None:
    *around, last = path
    inside: Any = value
    for part in around:
        inside = inside[part]
    del inside[last]


def _nothings(source: Source, empty_ok: tuple[str, ...]) -> list[Path]:
    """Find what is left empty: no key of ours may be."""
    nothings: list[Path] = []
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
            nothings.append(path)
    return nothings


def _report_nothings(source: Source, nothings: list[Path], found: list[ErrorDetails]) -> None:
    """Say of each that it is empty, unless what is around it is wrong already."""
    wrong = {_place(detail) for detail in found} - set(nothings)
    for path in nothings:
        if not any(path[:length] in wrong for length in range(len(path))):
            source.errors.append(source.error(words.NOTHING, path, key=True))


def _report(form: type, source: Source, detail: ErrorDetails) -> None:
    path = _place(detail)
    if any(path[:length] in source.broken for length in range(len(path) + 1)):
        return  # it has its own error already
    about_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    source.errors.append(source.error(_sentence(form, path, detail), _culprit(detail), key=about_key))


def _sentence(form: type, path: Path, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), list(fields_of(_at(form, path[:-1]))))
    if kind == "missing":
        return f"“{path[-1]}” is missing here." + _example(form, path)
    if kind == "too_short":
        return "This must not be empty." + _example(form, path)
    return _WRONG_SHAPE[kind]


def _unknown(key: str, known: list[str]) -> str:
    if key in _SECRETS:
        named = f"{key}_file" if f"{key}_file" in known else "password_file"
        return f"Secrets stay out of this file. Put it into a file of its own, and name that file here: {named}: ..."
    near = words.nearest(key, known)
    known_here = "Known here: " + ", ".join(known) + "."
    return f"There is no “{brief(key)}” here. " + (f"Did you mean “{near}”?" if near else known_here)


def _example(form: type, path: Path) -> str:
    hint, _ = fields_of(_at(form, path[:-1]))[str(path[-1])]
    said = hint.__metadata__[0] if get_origin(hint) is Annotated else None
    said = said.name if isinstance(said, NameOr) else said
    example = said.example if isinstance(said, Read | NotEmpty) else ""
    return f" Write, for example: {path[-1]}: {example}" if example else ""


def _at(form: type, path: Path) -> type:
    """Find the form of the mapping at a path."""
    here: Any = form
    for part in path:
        here = fields_of(here)[str(part)][0] if is_form(here) else get_args(here)[-1]
        while get_origin(here) is Annotated:
            said = here.__metadata__[0]
            here = said.form if isinstance(said, NameOr) else get_args(here)[0]
    found: type = here
    return found
