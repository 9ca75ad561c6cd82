from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.documents import overlay
from orchestrator.documents.authored import Amendment
from orchestrator.documents.load import amend, load
from orchestrator.documents.overlay import read_overlay, render, write_overlay
from orchestrator.documents.policy import BanList, Mode
from orchestrator.documents.yaml12 import parse_source
from orchestrator.errors import DocumentErrors
from orchestrator.model.ids import Json, UserId

from .authors import TODAY, Author

POLICY = "policies/gentle-circle.yaml"
ANA = UserId("@ana:grove.example")
AT_MS = 1_795_363_200_123


def change(*path: str, to: Json, document: str = POLICY, at_ms: int = AT_MS) -> Amendment:
    return Amendment(document=document, path=path, value=to, by=ANA, at_ms=at_ms)


ENFORCE = change("rules", "links-from-newcomers", "mode", to="enforce")


def mode(author: Author) -> Mode:
    return author.load().policies["gentle-circle"].rules[0].mode


def snapshot(place: Path) -> dict[str, bytes]:
    return {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def test_a_lead_switches_a_rule_and_the_file_stays_as_it_is(author: Author) -> None:
    before = (author.place / POLICY).read_bytes()
    loaded = amend(author.config, [ENFORCE], today=TODAY)
    assert loaded.policies["gentle-circle"].rules[0].mode is Mode.ENFORCE
    assert loaded.amendments == (ENFORCE,)
    assert mode(author) is Mode.ENFORCE
    assert author.load() == loaded
    assert (author.place / POLICY).read_bytes() == before


def test_the_overlay_is_for_its_owner_only_and_leaves_nothing_half_written(author: Author) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    folder = author.place / "data/overlay"
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files == [folder / POLICY]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "policies").stat().st_mode) == 0o700
    assert str(ANA) in files[0].read_text()


def test_of_two_changes_in_one_place_the_newer_stays(author: Author) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    back = change("rules", "links-from-newcomers", "mode", to="observe", at_ms=AT_MS + 1)
    assert amend(author.config, [back], today=TODAY).amendments == (back,)
    assert mode(author) is Mode.OBSERVE


def test_doing_it_twice_is_doing_it_once(author: Author) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    before = snapshot(author.place)
    amend(author.config, [ENFORCE], today=TODAY)
    assert snapshot(author.place) == before


def test_changes_of_several_files_keep_each_other(author: Author) -> None:
    people = ["@cy:grove.example", "@dee:grove.example"]
    rota = change("communities", "grove", "rooms", "tuesday", "facilitators", to=people, document="config.yaml")
    amend(author.config, [ENFORCE], today=TODAY)
    loaded = amend(author.config, [rota], today=TODAY)
    assert mode(author) is Mode.ENFORCE
    assert loaded.documents.communities[0].rooms[0].facilitators == tuple(people)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (change("rules", "links-from-newcomers", "mode", to="enforced"), "Write one of: observe, enforce."),
        (
            change("rules", "links-from-newcomers", "mood", to="enforce"),
            "There is no “mood” here. Did you mean “mode”?",
        ),
        (change("rules", "no-such-rule", "mode", to="enforce"), "There is no such place"),
        (change("rules", "7", "mode", to="enforce"), "There is no such place"),
        (change("rules", to=None), ""),
        (change("title", "deeper", to="x"), "There is no such place"),
        (change("title", to="x", document="policies/none.yaml"), "There is no such place"),
        (change("title", to="x", document="../outside.yaml"), "There is no such place"),
        (change("title", to="half a \ud800 character"), "cannot be kept"),
        (change("care", "contact_emergency_services", to=None), "“contact_emergency_services” is missing here."),
        (
            change("communities", "grove", "rooms", "lounge", "template", to="x", document="config.yaml"),
            "There is no tem",
        ),
    ],
)
def test_a_change_that_would_break_something_is_refused_before_anything_is_written(
    author: Author, broken: Amendment, says: str
) -> None:
    if not says:
        assert amend(author.config, [broken], today=TODAY).policies["gentle-circle"].rules == ()
        return
    before = snapshot(author.place)
    with pytest.raises(DocumentErrors) as caught:
        amend(author.config, [ENFORCE, broken], today=TODAY)
    assert says in str(caught.value)
    assert snapshot(author.place) == before
    assert mode(author) is Mode.OBSERVE


def test_an_error_in_an_amended_value_is_found_where_the_amendment_is_written(author: Author) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    file = author.place / "data/overlay" / POLICY
    file.write_text(file.read_text().replace('"enforce"', '"enforced"'))
    (error,) = author.errors()
    assert error == f"data/overlay/{POLICY}:4:5: Write one of: observe, enforce. Did you mean “enforce”?"


def test_a_change_whose_place_is_gone_is_left_out_and_mentioned(author: Author) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    author.edit(POLICY, "id: links-from-newcomers", "id: links")
    assert mode(author) is Mode.OBSERVE
    assert author.load().amendments == ()
    (advice,) = author.advice()
    assert advice.startswith(f"data/overlay/{POLICY}:4:5: What this changes is no longer in {POLICY}.")


def test_a_broken_overlay_is_an_error_with_its_place(author: Author) -> None:
    author.write(f"data/overlay/{POLICY}", "version: 1\namendments:\n  - {path: [], value: 1, by: ana, at: noon}\n")
    errors = author.errors()
    assert [error.split(":")[2] for error in errors] == ["12", "30", "39"]


def test_an_overlay_that_is_given_replaces_the_one_on_disk(author: Author) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    assert load(author.config, overlay={}, today=TODAY).policies["gentle-circle"].rules[0].mode is Mode.OBSERVE
    author.edit("config.yaml", "data_dir: ./data", "data_dir: ./elsewhere")
    assert mode(author) is Mode.OBSERVE
    given = load(author.config, overlay={POLICY: [ENFORCE]}, today=TODAY)
    assert given.policies["gentle-circle"].rules[0].mode is Mode.ENFORCE


def test_items_of_lists_can_be_named_by_position_and_taken_out(author: Author) -> None:
    gone = change("lists", "0", to=None)
    author.edit(POLICY, "\ncare:", '\nlists: ["#a:example.org", "#b:example.org"]\ncare:')
    assert amend(author.config, [gone], today=TODAY).policies["gentle-circle"].lists == (
        BanList(room="#b:example.org"),
    )


def test_a_full_disk_leaves_the_old_overlay_whole(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    amend(author.config, [ENFORCE], today=TODAY)
    before = (author.place / "data/overlay" / POLICY).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        amend(author.config, [change("title", to="Another")], today=TODAY)
    assert (author.place / "data/overlay" / POLICY).read_bytes() == before
    monkeypatch.undo()
    assert (
        amend(author.config, [change("title", to="Another")], today=TODAY).policies["gentle-circle"].title == "Another"
    )


texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
jsons = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
amendments = st.builds(
    Amendment,
    document=st.just(POLICY),
    path=st.lists(st.sampled_from(["rules", "mode", "0", "links-from-newcomers"]), min_size=1).map(tuple),
    value=jsons,
    by=st.just(ANA),
    at_ms=st.integers(0, 4_000_000_000_000),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(amendments, max_size=4))
def test_whatever_is_written_reads_back_the_same(written: list[Amendment]) -> None:
    source = parse_source(render(written, "x.yaml", POLICY), "x.yaml")
    assert source.errors == []
    assert [placed.amendment for placed in overlay._amendments(source, POLICY)] == written


def test_writing_and_reading_go_through_the_disk_unchanged(tmp_path: Path) -> None:
    written = [change("title", to="Ein “Kreis” \u2028 🌳\t\x7f: #x"), change("a", "b", to={"k": [1, None, True]})]
    write_overlay(tmp_path, written, only=[POLICY])
    placed, errors = read_overlay(tmp_path)
    assert errors == []
    assert [one.amendment for one in placed] == written
