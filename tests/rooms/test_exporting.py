"""A live room, written as a template and read back, is a room about which there is nothing to plan."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Community, Room
from orchestrator.documents.emit import as_yaml
from orchestrator.documents.load import load
from orchestrator.model.ids import RoomId
from orchestrator.model.things import ALIAS, LISTED
from orchestrator.rooms import EXISTS, Exported, Seen, blank_room, exported
from orchestrator.rooms.state.topic import topic_content
from orchestrator.verbs.export import lines_of
from tests.declared import ANA, BO, ME, community, policy, room
from tests.declared import settings as made_with
from tests.documents.authors import Author, settle

from .test_plan_properties import communities
from .town import Town


@cache
def author() -> Author:
    """A directory to write files into, one for the whole run."""
    return settle(Path(mkdtemp(prefix="circlekeeper-export-")))


def seen(town: Town, where: RoomId) -> Seen:
    state = {place: content for place, content in town.state[where].items() if place[0] not in {LISTED, ALIAS}}
    keys = {live: key for key, live in town.bound().items()}
    links = [
        content[place] for content in town.state.values() for place in [("m.space.child", where)] if place in content
    ]
    return Seen(
        state=state,
        creators=frozenset({town.senders[where, "m.room.create", ""]}),
        listed=bool(town.state[where].get((LISTED, ""), {}).get("listed")),
        keys=keys,  # type: ignore[arg-type]
        suggested=any(link.get("suggested") for link in links),
    )


def read_back(found: Exported, of: Community, key: str) -> Room:
    """Write it to files as a person would, and read those."""
    files, template = author(), f"exported-{key or 'space'}"
    text = "\n".join(lines_of(found, of, of.room(key) or of.space, template))  # type: ignore[arg-type]
    files.write(f"room_templates/{template}.yaml", text)
    rooms: dict[str, object] = {one.key: {"template": "lounge", "name": one.name} for one in of.rooms}
    if key:
        rooms[key] = {**found.room, "template": template}
    config = {
        "version": 1,
        "accounts": {"keeper": {"homeserver": "http://127.0.0.1:8008", "user_id": ME, "password_file": "p"}},
        "communities": {
            "grove": {
                "name": found.room.get("name", of.name) if key else of.space.name,
                "purpose": "Somewhere to say how it really is.",
                "template": "community" if key else template,
                "leads": [ANA, BO],
                "rooms": rooms,
            }
        },
    }
    files.write("config.yaml", as_yaml(config))  # type: ignore[arg-type]
    assert files.errors() == []
    loaded = load(files.config, today=date(2026, 11, 22)).documents.communities[0]
    back = loaded.room(key)  # type: ignore[arg-type]
    assert back is not None
    return back


def differences(town: Town, key: str) -> dict[str, tuple[object, object]]:
    """Export a room, declare it as what came of that, and plan."""
    declared = town.community.room(key)  # type: ignore[arg-type]
    assert declared is not None
    found = exported(seen(town, town.bound()[key]), town.community, declared, ME, name="exported")
    back = read_back(found, town.community, key)
    back = replace(back, policy=declared.policy, within=declared.within, on_drift=declared.on_drift)
    if key:
        rooms = tuple(back if one.key == key else one for one in town.community.rooms)
        now = replace(town.community, rooms=rooms)
    else:
        now = replace(town.community, space=back)
    notes = " ".join(found.notes)
    said = {
        "topic": "topic" in notes,
        "settings.retention": "are kept" in notes,
        "settings.retention.min": "are kept" in notes,
        "settings.allow": "may come in" in notes,
    }
    return {
        change.path: (change.live, change.desired)
        for change in town.plan(now).differences
        # What a template cannot say is named in a note instead.
        if change.room == key and change.path != EXISTS and not said.get(change.path)
    }


@given(of=st.sampled_from(("10", "11", "12")).flatmap(communities))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_an_exported_room_plans_as_no_change(of: Community) -> None:
    town = Town(of)
    town.settle()
    for key in town.bound():
        if key != "control":
            assert differences(town, key) == {}, key


def test_what_a_template_cannot_say_comes_back_as_a_note() -> None:
    town = Town(community(room("tuesday", made=made_with(join="invite"))))
    town.settle()
    where = town.bound()["tuesday"]
    town.put(where, "m.room.avatar", {"url": "mxc://grove.example/picture"})
    town.put(where, "m.room.topic", {"topic": "Two\nlines and {name}"})
    levels = dict(town.state[where]["m.room.power_levels", ""])
    town.put(where, "m.room.power_levels", {**levels, "kick": 17})
    declared = town.community.room("tuesday")  # type: ignore[arg-type]
    assert declared is not None
    notes = " ".join(exported(seen(town, where), town.community, declared, ME).notes)
    assert "picture" in notes
    assert "topic cannot be said" in notes
    assert "no role" in notes
    assert "kick" in notes


def test_what_others_say_in_the_topic_is_not_the_templates() -> None:
    norms = policy(summary="Listen first.")
    declared = room("tuesday", norms=norms, topic="Tuesdays at seven.", made=made_with(join="invite"))
    town = Town(community(declared))
    town.settle()
    where = town.bound()["tuesday"]
    town.put(where, "m.room.topic", topic_content({"topic": "Tuesdays at seven.", "norms": "Listen first."}), sender=ME)
    found = exported(
        replace(seen(town, where), said={"norms": "Listen first."}), town.community, declared, ME, name="exported"
    )
    assert found.template["topic"] == "Tuesdays at seven."
    assert found.template["policy"] == norms.name


def test_a_room_that_is_not_declared_can_be_written_too() -> None:
    town = Town(community(room("tuesday", made=made_with(join="invite"))))
    town.settle()
    blank = blank_room(town.community, "old", kind="room")  # type: ignore[arg-type]
    found = exported(seen(town, town.bound()["tuesday"]), town.community, blank, ME, name="old")
    assert found.room == {"template": "old", "name": "Tuesday circle"}
    assert "policy" not in found.template


def teardown_module() -> None:
    shutil.rmtree(author().place)
