"""Tighter is a partial order, and whatever layers say, what comes of them is never looser than a floor."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.declared import Acl, Origin, Retention
from orchestrator.documents.layers import LEVEL, OPEN_ACL, Line, Value, as_tight, canonical, covers, lay, lay_floors
from orchestrator.model.ids import RoomKey

FROM_TIGHT_TO_LOOSE: Final[dict[str, list[Value]]] = {
    "history": ["joined", "invited", "shared", "world_readable"],
    "guests": ["forbidden", "allowed"],
    "encryption": ["required", "none"],
    "directory": ["hidden", "listed"],
    "federate": [False, True],
    "room_version": ["12", "11", "10"],
    LEVEL: [150, 100, 50, 0],
    "retention": [Retention(1), Retention(2), Retention(2, 1), Retention(3, 2), None],
    "acl": [
        Acl(("grove.example",), ("bad.example",), ip_literals=False),
        Acl(("*.example",), ("bad.example",), ip_literals=False),
        Acl(("*",), ("bad.example",), ip_literals=False),
        Acl(("*",), ("bad.example",)),
        OPEN_ACL,
    ],
}

patterns = st.text("ab.*?", min_size=1, max_size=5)
names = st.text("ab.", max_size=6)
raw_acls = st.builds(
    Acl,
    allow=st.lists(patterns, min_size=1, max_size=3).map(tuple),
    deny=st.lists(patterns, max_size=3).map(tuple),
    ip_literals=st.booleans(),
)
retentions = st.tuples(st.integers(1, 4), st.integers(1, 4) | st.none()).map(lambda ends: Retention(*ends))
rooms = st.lists(st.sampled_from(["a", "b", "c"]).map(RoomKey), unique=True).map(sorted).map(tuple)
VALUES: Final[dict[str, st.SearchStrategy[Value]]] = {
    **{key: st.sampled_from(values) for key, values in FROM_TIGHT_TO_LOOSE.items()},
    "join": st.sampled_from(["invite", "knock", "restricted", "knock_restricted", "public"]),
    "retention": retentions | st.none(),
    "acl": raw_acls.map(canonical),
    "allow": rooms,
}
keys = st.sampled_from(sorted(VALUES))


def some(values: int) -> st.SearchStrategy[tuple[str, list[Value]]]:
    """A setting, and this many values of it."""
    return keys.flatmap(lambda key: st.tuples(st.just(key), st.lists(VALUES[key], min_size=values, max_size=values)))


def maybe(values: int) -> st.SearchStrategy[tuple[str, list[Value | None], Value]]:
    """A setting, what each layer says of it or does not, and its default."""
    return keys.flatmap(
        lambda key: st.tuples(
            st.just(key), st.lists(VALUES[key] | st.none(), min_size=values, max_size=values), VALUES[key]
        )
    )


@given(some(1))
def test_everything_is_as_tight_as_itself(said: tuple[str, list[Value]]) -> None:
    key, (one,) = said
    assert as_tight(key, one, one)


@given(some(2))
def test_two_things_as_tight_as_each_other_are_the_same(said: tuple[str, list[Value]]) -> None:
    key, (one, other) = said
    if as_tight(key, one, other) and as_tight(key, other, one):
        assert one == other


@given(some(3))
def test_what_is_tighter_than_something_tight_is_tight(said: tuple[str, list[Value]]) -> None:
    key, (one, other, third) = said
    if as_tight(key, one, other) and as_tight(key, other, third):
        assert as_tight(key, one, third)


@pytest.mark.parametrize("key", FROM_TIGHT_TO_LOOSE)
def test_each_step_is_looser_than_the_one_before(key: str) -> None:
    values = FROM_TIGHT_TO_LOOSE[key]
    for place, value in enumerate(values):
        assert [as_tight(key, value, other) for other in values] == [at >= place for at in range(len(values))]


@pytest.mark.parametrize(
    ("one", "tighter_than"),
    [
        ("invite", {"invite", "knock", "restricted", "knock_restricted", "public"}),
        ("knock", {"knock", "knock_restricted", "public"}),
        ("restricted", {"restricted", "knock_restricted", "public"}),
        ("knock_restricted", {"knock_restricted", "public"}),
        ("public", {"public"}),
    ],
)
def test_a_way_in_is_tighter_than_those_that_have_it_and_more(one: str, tighter_than: set[str]) -> None:
    every = ["invite", "knock", "restricted", "knock_restricted", "public"]
    assert {other for other in every if as_tight("join", one, other)} == tighter_than


@given(maybe(4))
def test_what_passes_is_never_looser_than_any_layer_above_it(said: tuple[str, list[Value | None], Value]) -> None:
    key, values, default = said
    server, community, template, room = (
        None if value is None else Line(value, Origin("room", "x.yaml", line)) for line, value in enumerate(values)
    )
    floor, slack = lay_floors(key, server, community)
    laid = lay(key, floor=floor, default=default, template=template, room=room)
    left_out = {one.below.origin.line for one in (*slack, *laid.loosenings)}
    held = [one for one in (server, community, template, room) if one is not None and one.origin.line not in left_out]
    for one in held:
        assert as_tight(key, laid.line.value, one.value)
    if server is not None:
        assert as_tight(key, laid.line.value, server.value)
    for loosening in (*slack, *laid.loosenings):
        assert not as_tight(key, loosening.below.value, loosening.above.value)
    if held:
        # The lowest that holds has the say, but for a default that is tighter than a floor.
        assert laid.line in {held[-1], Line(default, Origin("default"))}
    else:
        assert laid.line == Line(default, Origin("default"))


@given(patterns, patterns, names)
def test_a_pattern_that_covers_another_means_all_that_the_other_means(wide: str, narrow: str, name: str) -> None:
    if covers(wide, narrow) and fnmatchcase(name, narrow):
        assert fnmatchcase(name, wide)


@given(names, patterns)
def test_a_pattern_covers_a_name_when_it_means_it(name: str, pattern: str) -> None:
    assert covers(pattern, name) == fnmatchcase(name, pattern)


@given(raw_acls, names)
def test_leaving_out_what_is_covered_changes_nothing(acl: Acl, name: str) -> None:
    short = canonical(acl)
    for before, after in ((acl.allow, short.allow), (acl.deny, short.deny)):
        assert any(fnmatchcase(name, one) for one in before) == any(fnmatchcase(name, one) for one in after)
