"""JSON Schemas of the documents, for editors that complete and check while somebody types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from orchestrator.model.ids import JsonObject

from .edge.config import ConfigForm
from .edge.deck import DeckForm
from .edge.policy import PolicyForm
from .edge.template import TemplateForm

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Closed(GenerateJsonSchema):
    """Says of every form what the checker does: no other keys than these."""

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}


def schemas() -> dict[str, JsonObject]:
    """Build one JSON Schema (draft 2020-12) each for ``config``, ``template``, ``policy`` and ``deck``."""
    forms: dict[str, type[Any]] = {
        "config": ConfigForm,
        "template": TemplateForm,
        "policy": PolicyForm,
        "deck": DeckForm,
    }
    return {name: {"$schema": DIALECT, **_schema(form)} for name, form in forms.items()}


def schema_files() -> dict[str, str]:
    """Write the schemas as the texts of files, by file name; always the same for the same forms."""
    return {
        f"{name}.json": json.dumps(schema, ensure_ascii=False, indent=2) + "\n" for name, schema in schemas().items()
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write the schemas into a directory, which is made when it is not there; returns the files.

    Raises:
        OSError: the directory cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schema_files().items():
        file = folder / name
        file.write_text(text, encoding="utf-8")
        written.append(file)
    return written


def _schema(form: type[Any]) -> JsonSchemaValue:
    return TypeAdapter(form).json_schema(schema_generator=_Closed)
