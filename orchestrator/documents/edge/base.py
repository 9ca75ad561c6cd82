"""What all forms of files share: no unknown keys, no guessing of types, words read by ``words``, ``times`` and ``addresses``.

A form is a TypedDict (that of typing_extensions: pydantic cannot read the built-in one before Python 3.12) whose fields say by which function their value is read. Forms are pydantic models like any other:
``schema`` hands them to pydantic for the JSON Schema. To check a file they are compiled to pydantic's own core directly,
because importing what lies above it takes longer than all the rest of ``circlekeeper check``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Required, get_args, get_origin, get_type_hints

from pydantic_core import CoreSchema, SchemaValidator, core_schema

from orchestrator.documents import addresses, times, words
from orchestrator.documents.braces import NAMES, filled
from orchestrator.model.ids import UserId

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Says by which function of ``words`` a value is read, how an editor checks it, and what it may look like."""

    by: Callable[[object], object]
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    example: str = ""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.by)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Mapping[str, object]:
        return dict(self.schema)


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """Says that a list or mapping holds at least one item."""

    example: str = ""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return self.applied(handler(source))

    def applied(self, schema: CoreSchema) -> CoreSchema:
        """Demand it of a compiled list or mapping."""
        return {**schema, "min_length": 1}


@dataclass(frozen=True, slots=True)
class NameOr:
    """Says that a value is a name, or else a mapping of a form of its own."""

    name: Read
    form: type

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        pattern = str(self.name.schema["pattern"])
        return core_schema.union_schema([core_schema.str_schema(pattern=pattern), handler.generate_schema(self.form)])

    def compiled(self) -> CoreSchema:
        """Choose by what is written."""
        return core_schema.tagged_union_schema(
            {NAMED: _plain(self.name), INLINE: _compile(self.form)},
            lambda value: INLINE if isinstance(value, dict) else NAMED,
        )


NAMED, INLINE = "[name]", "[inline]"
"""Which of both it is; stands in the places of errors."""


def compile_form(form: type) -> SchemaValidator:
    """Make a validator of a form: strict, all errors at once, no unknown keys, no input repeated in errors."""
    return SchemaValidator(_compile(form), {"hide_input_in_errors": True})


def fields_of(form: type) -> dict[str, tuple[Any, bool]]:
    """List a form's fields, each with its type and whether it must be there."""
    hints = get_type_hints(form, include_extras=True)
    total: bool = form.__total__  # type: ignore[attr-defined]  # every TypedDict has it
    return {name: (_bare(hint), total and get_origin(hint) is not NotRequired) for name, hint in hints.items()}


def is_form(hint: Any) -> bool:
    """Tell whether a type is a form."""
    return isinstance(hint, type) and issubclass(hint, dict) and hasattr(hint, "__total__")


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in {NotRequired, Required} else hint


def _compile(hint: Any) -> CoreSchema:
    if is_form(hint):
        fields = {
            name: core_schema.typed_dict_field(_compile(inner), required=required)
            for name, (inner, required) in fields_of(hint).items()
        }
        return core_schema.typed_dict_schema(fields, strict=True, extra_behavior="forbid")
    arguments = get_args(hint)
    if get_origin(hint) is Annotated:
        said = hint.__metadata__[0]
        if isinstance(said, NameOr):
            return said.compiled()
        return said.applied(_compile(arguments[0])) if isinstance(said, NotEmpty) else _plain(said)
    if get_origin(hint) is dict:
        return core_schema.dict_schema(_compile(arguments[0]), _compile(arguments[1]), strict=True)
    return core_schema.list_schema(_compile(arguments[0]), strict=True)


def _plain(read: Read) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(read.by)


def one_of(*choices: str, example: str = "") -> Read:
    """Read one of a few words."""
    return Read(words.choice({choice: choice for choice in choices}), {"enum": list(choices)}, example)


def number(low: int, high: int, example: str = "") -> Read:
    """Read a whole number."""
    return Read(words.whole(low, high), {"type": "integer", "minimum": low, "maximum": high}, example)


def sentence(most: int, example: str = "") -> Read:
    """Read a text of one line."""
    return Read(lambda value: words.line(value, most=most), {"type": "string", "maxLength": most}, example)


def pattern(most: int, names: tuple[str, ...] = NAMES, *, lines: bool = False, example: str = "") -> Read:
    """Read a text in which names may stand in braces."""
    read = words.text if lines else words.line
    by = filled(names, lambda value: read(value, most=most))
    return Read(by, {"type": "string", "maxLength": most}, example)


def words_of(most: int, *, lines: bool = False, example: str = "") -> Read:
    """Read a text in which names may stand in braces that are looked up once the whole file is read."""
    read = words.text if lines else words.line
    return Read(lambda value: read(value, most=most), {"type": "string", "maxLength": most}, example)


def key(example: str = "") -> Read:
    """Read a key."""
    return Read(words.key, {"type": "string", "pattern": "^[a-z0-9-]+$"}, example)


_LENGTH_SCHEMA = {"type": "string", "pattern": r"^\d+ ?[a-zA-Z]+$", "examples": ["90m", "24h", "7d", "4 weeks"]}

Version = Annotated[int, Read(words.version, {"const": 1}, "1")]
Key = Annotated[str, key()]
Locale = Annotated[str, Read(words.locale, {"type": "string", "examples": ["en", "de", "pt-BR"]})]
Truth = Annotated[bool, Read(words.truth, {"type": "boolean"})]
User = Annotated[UserId, Read(addresses.user_id, {"type": "string", "pattern": "^@[^:]+:.+$"}, '"@ana:grove.example"')]
Length = Annotated[int, Read(times.length(), _LENGTH_SCHEMA)]
SomeLength = Annotated[int, Read(times.length(least_ms=1_000), _LENGTH_SCHEMA)]
FileName = Annotated[str, sentence(1_000)]
Beside = Annotated[str, Read(words.beside, {"type": "string", "examples": ["circle.png"]})]
Purpose = Annotated[str, sentence(400, "Somewhere to say how it really is.")]
