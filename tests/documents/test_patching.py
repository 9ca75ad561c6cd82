"""What leads changed is written into an author's file such that all else stays as it was, and reads back the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.authored import Amendment
from orchestrator.documents.overlay import Placed, amend
from orchestrator.documents.patching import as_patch, in_yaml, patched
from orchestrator.documents.yaml12 import parse_source
from orchestrator.model.ids import Json, UserId
from tests.documents.authors import SHIPPED

ANA = UserId("@ana:grove.example")

CONFIG = """\
version: 1
# Who we are.
communities:
  grove:
    name: The Grove   # as on the door
    leads: ["@ana:grove.example"]
    rooms:
      tuesday:
        template: circle
        facilitators:
          - "@ana:grove.example"   # since the beginning
          - "@cy:grove.example"
      lounge: {template: lounge, name: Lounge}

# The end.
"""
RULES = """\
version: 1
rules:
  - id: links
    mode: observe   # for now
    because: |
      New here?
      Links open up later.
  - {id: floods, mode: enforce}
"""


def change(path: str, value: Json) -> Amendment:
    return Amendment(document="config.yaml", path=tuple(path.split("/")), value=value, by=ANA, at_ms=0)


def changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """List the lines that went and the lines that came."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("text", "path", "value", "gone", "come"),
    [
        (RULES, "rules/links/mode", "enforce", ["    mode: observe   # for now"], ["    mode: enforce   # for now"]),
        (
            RULES,
            "rules/floods/mode",
            "observe",
            ["  - {id: floods, mode: enforce}"],
            ["  - {id: floods, mode: observe}"],
        ),
        (
            RULES,
            "rules/links/because",
            "Soon.",
            ["    because: |", "      New here?", "      Links open up later."],
            ['    because: "Soon."'],
        ),
        (RULES, "rules/links/norm", "5", [], ['    norm: "5"']),
        (CONFIG, "communities/grove/founders", [ANA], [], ['    founders: ["@ana:grove.example"]']),
        (
            CONFIG,
            "communities/grove/rooms/thursday",
            {"template": "circle", "name": "Thursday evening"},
            [],
            ['      thursday: {template: circle, name: "Thursday evening"}'],
        ),
        (
            CONFIG,
            "communities/grove/rooms/lounge/archive",
            True,
            ["      lounge: {template: lounge, name: Lounge}"],
            ["      lounge: {template: lounge, name: Lounge, archive: true}"],
        ),
        (
            CONFIG,
            "communities/grove/rooms/tuesday/facilitators",
            ["@ana:grove.example", "@dee:grove.example"],
            ['          - "@ana:grove.example"   # since the beginning', '          - "@cy:grove.example"'],
            ['          - "@ana:grove.example"', '          - "@dee:grove.example"'],
        ),
        (CONFIG, "communities/grove/rooms/lounge", None, ["      lounge: {template: lounge, name: Lounge}"], []),
        (
            CONFIG,
            "communities/grove/rooms/lounge/name",
            None,
            ["      lounge: {template: lounge, name: Lounge}"],
            ["      lounge: {template: lounge}"],
        ),
        (CONFIG, "communities/grove/rooms/tuesday/facilitators/1", None, ['          - "@cy:grove.example"'], []),
        (CONFIG, "communities/grove/leads/0", None, ['    leads: ["@ana:grove.example"]'], ["    leads: []"]),
    ],
)
def test_only_what_was_changed_changes(text: str, path: str, value: Json, gone: list[str], come: list[str]) -> None:
    assert changed(text, patched(text, [change(path, value)])) == (gone, come)


def test_several_changes_come_into_a_file_one_after_the_other() -> None:
    wanted = [
        change("communities/grove/rooms/thursday", {"template": "circle", "name": "Thursday"}),
        change("communities/grove/rooms/thursday/archive", value=True),
    ]
    _gone, come = changed(CONFIG, patched(CONFIG, wanted))
    assert come == ["      thursday: {template: circle, name: Thursday, archive: true}"]


def test_what_has_no_place_or_cannot_be_written_safely_is_left_to_its_author() -> None:
    for text, path in ((CONFIG, "communities/birch/name"), (RULES, "rules/nothing/mode"), (RULES, "version/more")):
        with pytest.raises(ValueError, match="place"):
            patched(text, [change(path, "x")])
    with pytest.raises(ValueError, match="touching"):
        patched("version: 1\nrules:\n  - id: links\n    mode: observe\n", [change("rules/links/id", None)])


def test_the_patch_names_the_file_as_patch_wants_it() -> None:
    after = patched(RULES, [change("rules/floods/mode", "observe")])
    assert as_patch("policies/p.yaml", RULES, RULES) == ""
    assert as_patch("policies/p.yaml", RULES, after).splitlines() == [
        "--- a/policies/p.yaml",
        "+++ b/policies/p.yaml",
        "@@ -5,4 +5,4 @@",
        "     because: |",
        "       New here?",
        "       Links open up later.",
        "-  - {id: floods, mode: enforce}",
        "+  - {id: floods, mode: observe}",
    ]
    assert "No newline" in as_patch("p", RULES.rstrip(), after.rstrip())


@pytest.mark.parametrize(
    "file",
    sorted([SHIPPED / "config.yaml", *SHIPPED.glob("policies/*.yaml"), *SHIPPED.glob("room_templates/**/*.yaml")]),
)
def test_any_value_of_a_shipped_file_can_be_changed_and_its_comments_stay(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    source = parse_source(text, str(file))
    for path in [*source.marks][:: max(1, len(source.marks) // 40)]:
        if not path or path == ("version",):
            continue
        one = change("/".join(map(str, path)), "something else")
        if any("/" in str(part) for part in path):
            continue
        after = patched(text, [one])
        wanted = parse_source(text, "")
        assert amend(wanted, Placed(one, None))
        assert parse_source(after, "").value == wanted.value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 10**9) | st.text(max_size=9),
        lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), of, max_size=3),
        max_leaves=6,
    )
)
def test_a_value_reads_back_as_it_was(value: Json) -> None:
    try:
        written = in_yaml(value)
    except ValueError:
        return  # half a character
    assert parse_source(f"value: {written}\n", "").value == {"value": value}
