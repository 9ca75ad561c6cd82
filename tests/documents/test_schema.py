"""The JSON Schemas that editors use accept and refuse what the checker accepts and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes with nio, without types

from orchestrator.documents.schema import schemas
from orchestrator.documents.yaml12 import read_source
from orchestrator.model.ids import Json

from .authors import SHIPPED
from .test_errors import CIRCLE, CONFIG, DECK, POLICY

KINDS = {
    CONFIG: "config",
    "room_templates/community.yaml": "template",
    CIRCLE: "template",
    "room_templates/lounge.yaml": "template",
    "room_templates/control.yaml": "template",
    POLICY: "policy",
    DECK: "deck",
    "room_templates/decks/going-deeper.yaml": "deck",
}


def shipped(document: str) -> dict[str, Json]:
    return read_source(SHIPPED / document, document).value


def complaints(kind: str, value: Json) -> list[str]:
    schema: Any = schemas()[kind]
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]


@pytest.mark.parametrize("document", KINDS)
def test_the_shipped_documents_fit_their_schemas(document: str) -> None:
    assert complaints(KINDS[document], shipped(document)) == []


@pytest.mark.parametrize(
    ("document", "spoiled"),
    [
        (CONFIG, {"data_dri": "x"}),
        (CONFIG, {"accounts": {}}),
        (CIRCLE, {"kind": "rom"}),
        (CIRCLE, {"settings": {"history": "joinde"}}),
        (CIRCLE, {"on_drift": {"name": "fix"}}),
        (POLICY, {"care": {"resources": []}}),
        (DECK, {"prompts": [{"text": "What?", "tier": 9}]}),
    ],
)
def test_a_schema_refuses_what_the_checker_refuses(document: str, spoiled: dict[str, Json]) -> None:
    assert complaints(KINDS[document], {**shipped(document), **spoiled})
