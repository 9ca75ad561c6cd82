from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.emit import as_yaml
from orchestrator.documents.yaml12 import MOST_BYTES, MOST_DEPTH, MOST_VALUES, parse_source, read_source, scalar
from orchestrator.model.ids import Json

patient = settings(deadline=None)


def value(text: str) -> Json:
    source = parse_source(text, "x.yaml")
    assert source.errors == []
    return source.value


def only_error(text: str) -> str:
    source = parse_source(text, "x.yaml")
    assert len(source.errors) == 1, source.errors
    return str(source.errors[0])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("19:05", "19:05"),
        ("10:30", "10:30"),
        ("190:20:30", "190:20:30"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("Yes", "Yes"),
        ("y", "y"),
        ("2026-10-01", "2026-10-01"),
        ("2026-10-01 10:00:00", "2026-10-01 10:00:00"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1.2.3", "1.2.3"),
        ("7d", "7d"),
        ("0x", "0x"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
    ],
)
def test_plain_words_mean_what_the_core_schema_of_yaml_1_2_says(written: str, read: Json) -> None:
    found = value(f"key: {written}\n")
    assert found == {"key": read}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(read)


def test_not_a_number_is_one_of_them() -> None:
    found = scalar(".NaN")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_the_key_on_is_a_word() -> None:
    assert value("on: [tue]\nno: 1\n") == {"on": ["tue"], "no": 1}


@pytest.mark.parametrize("quoted", ["'true'", '"12"', "'~'", '""'])
def test_what_is_in_quotes_is_a_text(quoted: str) -> None:
    assert value(f"key: {quoted}\n") == {"key": quoted[1:-1]}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfversion: 1\n")
    assert read_source(tmp_path / "x.yaml", "x.yaml").value == {"version": 1}


def test_a_key_that_stands_twice_is_an_error_that_names_both_lines() -> None:
    text = "rooms:\n  a: {name: one}\n  b: {}\n  a: {name: two}\n"
    source = parse_source(text, "x.yaml")
    assert [str(error) for error in source.errors] == [
        "x.yaml:4:3: “a” stands here twice, on line 2 and on line 4. Keep one."
    ]
    assert source.value == {"rooms": {"a": {"name": "one"}, "b": {}}}


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a: &x 1\nb: *x\n", "1:4", "Anchors and aliases"),
        ("b: [1, *x]\n", "1:8", "Anchors and aliases"),
        ("a: {<<: {b: 1}}\n", "1:5", "Merge keys"),
        ("a: !secret b\n", "1:4", "Tags"),
        ("prefix: !\n", "1:9", "needs quotes"),
        ("!!str a: 1\n", "1:1", "needs quotes"),
        ("%YAML 1.1\n---\na: 1\n", "1:1", "Directives"),
        ("a: 1\n---\nb: 2\n", "2:1", "second document"),
        ("", "1:1", "empty"),
        ("# nothing yet\n", "1:1", "empty"),
        ("just a sentence\n", "1:1", "no mapping"),
        ("- one\n- two\n", "1:1", "A list stands here"),
        ("leads: [@ana:grove.example]\n", "1:9", "needs quotes"),
        ("a: `b`\n", "1:4", "needs quotes"),
        ("a:\n\tb: 1\n", "2:1", "not with tabs"),
        ("a: b: c\n", "1:5", "colon"),
        ('a: 1\nb: "never closed\nc: 2\n', "2:4", "never closed"),
        ("a: [1, 2\nb: 3\n", "1:4", "bracket"),
        ("a: {b: 1\n", "1:4", "bracket"),
        ('a: "\\q"\n', "1:5", "backslash"),
        ("a:\n  - 1\n b: 2\n", "3:2", "indentation"),
        ("{name}: 1\n", "1:1", "{ or ["),
        ("a: 1\x07\n", "1:5", "U+0007"),
        ("a: 1\nb: \u0080\n", "2:4", "U+0080"),
        ("a: 1234567890123456789\n", "1:4", "too large"),
    ],
)
def test_what_is_not_used_here_is_refused_with_its_place(text: str, place: str, says: str) -> None:
    source = parse_source(text, "x.yaml")
    first = str(source.errors[0])
    assert first.startswith(f"x.yaml:{place}: ")
    assert says in first


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    layers = "".join(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}, *l{n - 1}]\n" for n in range(1, 40))
    source = parse_source("l0: &l0 lol\n" + layers, "x.yaml")
    assert len(source.errors) == 1 + 39 * 4
    assert source.value["l39"] == [None, None, None]


def test_depth_is_capped_without_recursion() -> None:
    assert f"at most {MOST_DEPTH} levels" in only_error("a: " + "[" * 3_000 + "]" * 3_000)
    assert value("a: " + "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1))


def test_the_number_of_values_is_capped() -> None:
    assert f"at most {MOST_VALUES} values" in only_error("a: [" + "1," * MOST_VALUES + "]")


def test_a_file_of_half_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "x.yaml"
    with huge.open("wb") as file:
        file.truncate(512 * 1024 * 1024)
    (error,) = read_source(huge, "x.yaml").errors
    assert f"at most {MOST_BYTES // 1024} KiB" in str(error)


def test_a_file_that_is_not_utf_8_says_where(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes("version: 1\ntitle: Caf\u00e9\n".encode("latin-1"))
    (error,) = read_source(tmp_path / "x.yaml", "x.yaml").errors
    assert str(error) == "x.yaml:2:1: This file is not UTF-8. Save it as UTF-8."


def test_what_is_no_file_is_said_to_be_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, says in ((tmp_path, "regular file"), (tmp_path / "pipe.yaml", "regular"), (tmp_path / "no", "no such")):
        (error,) = read_source(path, "x.yaml").errors
        assert says in str(error)


def test_every_value_and_every_key_knows_its_place() -> None:
    source = parse_source('a: 1\nb:\n  - {c: "x"}\n  - d: [y,\n       z]\n', "x.yaml")
    places = {
        ("a",): (1, 4),
        ("b",): (3, 3),
        ("b", 0): (3, 5),
        ("b", 0, "c"): (3, 9),
        ("b", 1): (4, 5),
        ("b", 1, "d"): (4, 8),
        ("b", 1, "d", 1): (5, 8),
    }
    for path, place in places.items():
        assert source.mark(path)[1:] == place
    assert source.mark(("b", 1, "d"), key=True)[1:] == (4, 5)
    assert source.mark(("b", 1, "d", 7, "nowhere"))[1:] == (4, 8)


words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"))
scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | words
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4))


@patient
@given(st.dictionaries(words.filter(lambda key: len(key) < 200), values, max_size=4))
def test_json_is_yaml(written: dict[str, Json]) -> None:
    text = json.dumps(written, ensure_ascii=False, indent=1)
    assert parse_source(text, "x.yaml").value == written


whole = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@patient
@given(st.dictionaries(whole, values | whole))
def test_what_is_written_as_yaml_reads_back_the_same(written: dict[str, Json]) -> None:
    assert parse_source(as_yaml(written), "x.yaml").value == written


@pytest.mark.parametrize("broken", ["half \ud800", math.nan, math.inf])
def test_what_yaml_cannot_hold_is_not_written(broken: Json) -> None:
    with pytest.raises(ValueError, match=r"."):
        as_yaml({"key": broken})


def test_a_tree_is_one_sign() -> None:
    assert value(as_yaml({"name": "\U0001f333 Grove\x7f"})) == {"name": "\U0001f333 Grove\x7f"}


@patient
@given(st.text() | st.text(alphabet="ab:-[]{},#&*!|>'\"%@` \n\t019.\\"))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    source = parse_source(text, "x.yaml")
    assert source.errors or isinstance(source.value, dict)
    assert not source.readable or source.errors or source.value == parse_source(text, "y.yaml").value
