"""Values as they come from the database, and JSON as it goes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.ids import Json
from orchestrator.store import rows

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_comes_back_as_it_went_in_and_is_plain_ascii(value: Json) -> None:
    written = rows.dump(value)
    assert written.isascii()
    assert rows.load(written) == value
    assert rows.dump(rows.load(written)) == written


def test_an_object_that_is_none_is_an_empty_one() -> None:
    assert rows.load_object("[1]") == {}
    assert rows.load_object('{"a": 1}') == {"a": 1}


def test_a_number_is_a_number() -> None:
    assert rows.number({"n": 3}, "n") == 3
    assert rows.maybe_number({"n": None}, "n") is None
    assert rows.text({"t": None}, "t") == ""
    with pytest.raises(TypeError, match="n is not a number"):
        rows.number({"n": "3"}, "n")
