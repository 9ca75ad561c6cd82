"""The JSON Schemas that editors use accept and refuse what the checker accepts and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes with nio, without types

from orchestrator.cli import files as verbs
from orchestrator.documents.schema import schema_files, schemas
from orchestrator.documents.yaml12 import read_source
from orchestrator.model.ids import Json

from .authors import SHIPPED
from .test_errors import CIRCLE, CONFIG, DECK, POLICY

FOLDERS = {
    ".": "config",
    "room_templates": "template",
    "room_templates/decks": "deck",
    "policies": "policy",
}
KINDS = {
    file.relative_to(SHIPPED).as_posix(): kind
    for folder, kind in FOLDERS.items()
    for file in sorted((SHIPPED / folder).glob("*.yaml"))
}
"""Every shipped document, and which of the schemas is its own."""


def shipped(document: str) -> dict[str, Json]:
    return read_source(SHIPPED / document, document).value


def complaints(kind: str, value: Json) -> list[str]:
    schema: Any = schemas()[kind]
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]


@pytest.mark.parametrize("document", KINDS)
def test_the_shipped_documents_fit_their_schemas(document: str) -> None:
    assert complaints(KINDS[document], shipped(document)) == []


@pytest.mark.parametrize("document", KINDS)
def test_a_shipped_document_names_its_schema_in_its_first_line(document: str) -> None:
    first = (SHIPPED / document).read_text(encoding="utf-8").partition("\n")[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert named != first
    assert (SHIPPED / document).parent.joinpath(named).resolve() == SHIPPED / f"schemas/{KINDS[document]}.json"


def test_the_shipped_schemas_are_those_that_the_code_exports() -> None:
    """If this fails: `circlekeeper schema` writes them anew."""
    shipped_files = {file.name: file.read_text(encoding="utf-8") for file in (SHIPPED / "schemas").iterdir()}
    assert shipped_files == schema_files()


def test_the_verb_writes_them_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verbs.schema(tmp_path / "new/schemas") == 0
    written = {file.name: file.read_text(encoding="utf-8") for file in (tmp_path / "new/schemas").iterdir()}
    assert written == schema_files()
    assert sorted(Path(line).name for line in capsys.readouterr().out.splitlines()) == sorted(written)
    (tmp_path / "file").touch()
    assert verbs.schema(tmp_path / "file") == 1
    assert capsys.readouterr().err == f"circlekeeper: {tmp_path / 'file'} cannot be written to: File exists.\n"


@pytest.mark.parametrize(
    ("document", "spoiled"),
    [
        (CONFIG, {"data_dri": "x"}),
        (CONFIG, {"accounts": {}}),
        (CIRCLE, {"kind": "rom"}),
        (CIRCLE, {"settings": {"history": "joinde"}}),
        (CIRCLE, {"on_drift": {"name": "fix"}}),
        (CIRCLE, {"settings": {"retention": {"min": "1d"}}}),
        (CIRCLE, {"settings": {"acl": {"allow": []}}}),
        (CIRCLE, {"knock": {}}),
        (CIRCLE, {"variables": {"day": 7}}),
        (CONFIG, {"floor": {"settings": {"allow": ["lounge"]}}}),
        (CONFIG, {"floor": {"power": {"lead": 90}}}),
        (POLICY, {"care": {"resources": []}}),
        (DECK, {"prompts": [{"text": "What?", "tier": 9}]}),
    ],
)
def test_a_schema_refuses_what_the_checker_refuses(document: str, spoiled: dict[str, Json]) -> None:
    assert complaints(KINDS[document], {**shipped(document), **spoiled})
