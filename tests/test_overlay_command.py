"""``circlekeeper overlay``: what leads changed with commands, and the patch that takes it into the files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli import app
from orchestrator.documents.authored import Amendment
from orchestrator.documents.load import amend
from orchestrator.model.ids import Json, UserId
from tests.documents.authors import TODAY, Author, settle

ANA = UserId("@ana:grove.example")
POLICY = "policies/gentle-circle.yaml"
AT_MS = 1_795_366_800_000


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return settle(tmp_path)


def run(author: Author, *words: str) -> int:
    code = app(["overlay", *words, "--config", str(author.config)], result_action="return_value", exit_on_error=False)
    assert isinstance(code, int)
    return code


def change(author: Author, document: str, path: tuple[str, ...], value: Json) -> None:
    amend(author.config, [Amendment(document=document, path=path, value=value, by=ANA, at_ms=AT_MS)], today=TODAY)


def a_rule(author: Author) -> str:
    return author.load().policies["gentle-circle"].rules[0].id


def test_where_nothing_was_changed_that_is_said(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(author) == 0
    assert capsys.readouterr().out == "Nothing lies over your files: what they say is what holds.\n"


def test_each_change_is_shown_with_who_made_it_and_a_patch_that_takes_it_in(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = a_rule(author)
    change(author, POLICY, ("rules", rule, "mode"), "enforce")
    assert run(author) == 0
    said = capsys.readouterr().out
    assert f"rules.{rule}.mode: enforce (your file says observe), by {ANA}, 2026-11-22 17:00 UTC" in said
    assert f"| patch -p1 -d {author.place}" in said
    patch = [line for line in said.splitlines() if line[:1] in {"+", "-"}]
    assert [line[0] for line in patch] == ["-", "+", "-", "+"]
    assert patch[:2] == [f"--- a/{POLICY}", f"+++ b/{POLICY}"]
    assert patch[3] == patch[2].replace("-", "+", 1).replace("observe", "enforce")


def test_what_a_file_says_by_now_and_what_has_no_place_any_more_can_go(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = a_rule(author)
    change(author, POLICY, ("rules", rule, "mode"), "enforce")
    change(author, "config.yaml", ("communities", "grove", "rooms", "lounge", "name"), "The porch")
    text = (author.place / POLICY).read_text()
    at = text.index(f"id: {rule}")
    author.write(POLICY, text[:at] + text[at:].replace("mode: observe", "mode: enforce", 1))
    author.write("config.yaml", author.config.read_text().replace("lounge:", "porch:"))
    assert run(author, "--json") == 0
    by_name = {one["document"]: one for one in json.loads(capsys.readouterr().out)["documents"]}
    assert {name: (one["patch"], one["by_hand"]) for name, one in by_name.items()} == {
        POLICY: ("", False),
        "config.yaml": ("", False),
    }
    run(author)
    said = capsys.readouterr().out
    assert "(your file says so too by now)" in said
    assert "(the file has no such place any more, so it does nothing)" in said
    assert "patch -p1" not in said
    assert "rm " in said


def test_a_room_that_a_lead_made_comes_into_the_file_and_then_nothing_is_left_to_do(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    made: Json = {"template": "circle", "name": "Thursday evening"}
    change(author, "config.yaml", ("communities", "grove", "rooms", "thursday"), made)
    before = author.load().documents
    run(author, "--json")
    (document,) = json.loads(capsys.readouterr().out)["documents"]
    lines = [line[1:] for line in document["patch"].splitlines() if line.startswith("+") and line[1:2] != "+"]
    assert lines == ['      thursday: {template: circle, name: "Thursday evening"}']
    text = author.config.read_text()
    context = [line[1:] for line in document["patch"].splitlines()[3:] if line[:1] in {" ", "+"}]
    (begins,) = [n for n, _ in enumerate(text.splitlines()) if text.splitlines()[n : n + 3] == context[:3]]
    old = [line[1:] for line in document["patch"].splitlines()[3:] if line[:1] in {" ", "-"}]
    whole = text.splitlines()
    whole[begins : begins + len(old)] = context
    author.write("config.yaml", "\n".join(whole) + "\n")
    after = author.load().documents
    assert [room.key for room in after.communities[0].rooms] == [room.key for room in before.communities[0].rooms]
    run(author)
    assert "(your file says so too by now)" in capsys.readouterr().out


def test_what_was_changed_inside_of_a_change_comes_along(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    rooms = ("communities", "grove", "rooms", "thursday")
    change(author, "config.yaml", rooms, {"template": "circle", "name": "Thursday evening"})
    change(author, "config.yaml", (*rooms, "archive"), value=True)
    assert run(author) == 0
    said = capsys.readouterr().out
    assert '+      thursday: {template: circle, name: "Thursday evening", archive: true}' in said
    assert "no such place" not in said


def test_files_that_cannot_be_read_are_said_to_be_so(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    author.write("config.yaml", "version: [\n")
    assert run(author) == 1
    assert "circlekeeper: " in capsys.readouterr().err
