"""What all file models share: no unknown keys, no guessing of types, words read by ``words``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from orchestrator.documents import words
from orchestrator.model.ids import UserId

JsonSchema: TypeAlias = dict[str, object]


class Strict(BaseModel):
    """A mapping in a file: exactly these keys, exactly these types, and no input in what it says about errors."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        defer_build=True,
        use_attribute_docstrings=False,
        populate_by_name=False,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Says by which function of ``words`` a value is read, and how an editor should check it."""

    by: Callable[[object], object]
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.by)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return dict(self.schema)


def one_of(*choices: str) -> Read:
    """Read one of a few words."""
    return Read(words.choice({choice: choice for choice in choices}), {"enum": list(choices)})


def number(low: int, high: int) -> Read:
    """Read a whole number."""
    return Read(words.whole(low, high), {"type": "integer", "minimum": low, "maximum": high})


def sentence(most: int) -> Read:
    """Read a text of one line."""
    return Read(lambda value: words.line(value, most=most), {"type": "string", "maxLength": most})


def pattern(most: int, names: tuple[str, ...] = words.NAMES, *, lines: bool = False) -> Read:
    """Read a text in which names may stand in braces."""
    read = words.text if lines else words.line
    return Read(words.filled(names, lambda value: read(value, most=most)), {"type": "string", "maxLength": most})


_LENGTH_SCHEMA = {"type": "string", "pattern": r"^\d+ ?[a-zA-Z]+$", "examples": ["90m", "24h", "7d", "4 weeks"]}

Version = Annotated[int, number(1, 1)]
Key = Annotated[str, Read(words.key, {"type": "string", "pattern": "^[a-z0-9-]+$"})]
Name = Annotated[str, sentence(100)]
Purpose = Annotated[str, sentence(400)]
Truth = Annotated[bool, Read(words.truth, {"type": "boolean"})]
User = Annotated[UserId, Read(words.user_id, {"type": "string", "pattern": "^@[^:]+:.+$"})]
Length = Annotated[int, Read(words.length(), _LENGTH_SCHEMA)]
SomeLength = Annotated[int, Read(words.length(least_ms=1_000), _LENGTH_SCHEMA)]
FileName = Annotated[str, sentence(1_000)]
