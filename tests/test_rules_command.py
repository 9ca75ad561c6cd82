"""``circlekeeper rules try``: what rules would do, line by line, and what is said of a file that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli import app
from tests.documents.authors import SHIPPED, settle

POLICY = """
version: 1
title: For trying
norms: {summary: Be kind., text: Be kind.}
rules:
  - {id: sold, when: {words: [buy followers]}, then: nudge, because: Nothing is sold here.}
  - {id: coins, when: {patterns: ['\\bfree\\s+coins\\b']}, then: raise, because: Nothing is sold here., mode: enforce}
  - {id: links, when: {links: {allow: [grove.example]}, member_for_less_than: 3d, rooms: [tuesday]}, then: remove,
     because: Links come later.}
care:
  resources: [{text: Somebody near you., verified_on: 2026-10-01}]
  contact_emergency_services: group_decides
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "trying.yaml"
    file.write_text(POLICY, encoding="utf-8")
    return file


def run(*words: str | Path) -> int:
    code = app([*map(str, words)], result_action="return_value", exit_on_error=False)
    assert isinstance(code, int)
    return code


def samples(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "samples.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_every_sample_is_answered_with_the_rules_it_meets_and_what_comes_of_it(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = samples(
        tmp_path,
        '{"id": "sold", "text": "You can b u y  followers from me"}',
        '{"id": 2, "text": "free   coins at https://evil.example"}',
        '{"id": "kind", "text": "I am glad you are here. See https://grove.example/a"}',
        "",
        '{"id": "html", "text": "look", "formatted_body": "<a href=\\"https://evil.example\\">look</a>"}',
    )
    assert run("rules", "try", "--policy", policy, file, "--json") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == [
        {"id": "sold", "rules": ["sold"], "outcome": "nudge"},
        {"id": 2, "rules": ["coins", "links"], "outcome": "remove"},
        {"id": "kind", "rules": [], "outcome": "none"},
        {"id": "html", "rules": ["links"], "outcome": "remove"},
    ]


def test_people_read_it_as_plain_lines(policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run("rules", "try", "--policy", policy, samples(tmp_path, '{"id": "a", "text": "https://evil.example"}')) == 0
    )
    out, err = capsys.readouterr()
    assert out == "a: remove (links)\n"
    assert "2 of its 3 rules only watch for now." in err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "This is no JSON."),
        ("[]", "A sample has an id and a text"),
        ('{"id": "a"}', "A sample has an id and a text"),
        ('{"id": true, "text": "x"}', "id, text and formatted_body are texts, in quotes"),
        ('{"id": "a", "text": 7}', "id, text and formatted_body are texts, in quotes"),
    ],
)
def test_a_line_that_makes_no_sense_is_named_and_nothing_is_judged(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    file = samples(tmp_path, '{"id": "a", "text": "fine"}', line)
    assert run("rules", "try", "--policy", policy, file, "--json") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{file}:2:1: {said}" in err


def test_a_policy_that_is_wrong_is_said_at_its_line(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy.write_text(POLICY.replace("words: [buy followers]", "wrods: [buy followers]"), encoding="utf-8")
    assert run("rules", "try", "--policy", policy, samples(tmp_path, '{"id": "a", "text": "fine"}')) == 1
    assert "Did you mean “words”?" in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted((SHIPPED / "policies").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_policies_can_be_tried(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = '{"id": "a", "text": "I used to be suicidal and am better"}'
    assert run("rules", "try", "--policy", file, samples(tmp_path, line), "--json") == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "none"


def test_a_rule_that_everything_meets_is_warned_about_at_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    author = settle(tmp_path)
    rule = "  - {id: wide, when: {patterns: ['[a-z]']}, then: nudge, because: Nobody is meant., mode: enforce}\n"
    author.edit("policies/gentle-circle.yaml", "\nrules:\n", f"\nrules:\n{rule}")
    assert run("check", author.config) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if "met by most" in line]
    assert said.startswith(f"{tmp_path}/policies/gentle-circle.yaml:29:22:")
