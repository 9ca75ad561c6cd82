"""The documents of the design, letter by letter, and whatever else somebody may write in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.authored import Amendment
from orchestrator.documents.declared import SPACE_KEY
from orchestrator.documents.load import examine
from orchestrator.documents.yaml12 import read_source
from orchestrator.model.ids import Json, UserId

from .authors import SHIPPED, TODAY, Author
from .test_errors import CIRCLE, CONFIG, DECK, POLICY

DESIGN = {
    CONFIG: """
version: 1
accounts:
  keeper: {homeserver: "http://127.0.0.1:8008", user_id: "@keeper:grove.example", password_file: keeper.password}
data_dir: ./data
locale: en
time_zone: Europe/Berlin
command_prefix: "!"
communities:
  grove:
    account: keeper              # may be left out where there is one
    name: The Grove
    purpose: Somewhere to say how it really is.
    template: community
    leads: ["@ana:grove.example", "@bo:grove.example"]
    rooms:
      tuesday:                   # renamed? previously: [tues]
        template: circle
        name: Tuesday circle
        facilitators: ["@ana:grove.example", "@cy:grove.example", "@dee:grove.example"]
      lounge: {template: lounge, name: Lounge}
""",
    CIRCLE: """
version: 1
kind: room                       # or: space
name: "{name}"
topic: "{purpose}"
alias: "{community}-{key}"
settings: {room_version: "12", join: restricted, history: joined, guests: forbidden, encryption: required, directory: hidden, federate: true}
power: {lead: 100, facilitator: 50, member: 0}
policy: gentle-circle
rota: {anchor: "2026-01-06 19:00", every: 1 week, mode: fair, publish: 4 weeks, rest: 7d, max_terms: 6, accept_within: 24h, reminders: [7d, 1d], quiet: "21:00-08:00"}
prompts:
  - {deck: gentle-checkin, on: [tue], at: "19:05", grace: 90m, gates: [quiet_hours, active_room, coverage], thread: true, pin: swap}
welcome: {in: room, text: "..."}
on_drift: {name: report, topic: accept, power: enforce, pins: enforce}
""",
    POLICY: """
version: 1
title: A gentle circle
norms: {summary: "...", text: "...markdown, pinned...", review_by: 2027-05-01}
rules:
  - id: links-from-newcomers
    when: {links: {allow: [grove.example]}, member_for_less_than: 3d}
    then: remove                 # observe | nudge | remove | mute | raise
    because: "New here? Links open up after three days, so nobody gets flooded."
    mode: observe                # or: enforce
ladder: {forget_after: 30d, steps: [nudge, nudge, {mute: 1h}, raise]}
lists: ["#community-bans:example.org"]     # MSC2313, read only
care: {resources: [{text: "...", locale: en, verified_on: 2026-10-01}], contact_emergency_services: group_decides}
""",
    DECK: """
version: 1
title: Gentle check-in
prompts: [{text: "What was one small thing that went all right this week?", tier: 1}, {text: "...", tier: 2, note: "mentions family"}]
""",
}


def test_the_documents_of_the_design_are_accepted_as_they_stand(author: Author) -> None:
    for document, text in DESIGN.items():
        author.write(document, text)
    (author.place / "room_templates/control.yaml").unlink()
    assert author.errors() == []
    assert author.advice() == []


@pytest.mark.parametrize("choice", ["true", "false", "group_decides", "yes", "no"])
def test_the_choice_about_emergency_services_is_the_groups_own(author: Author, choice: str) -> None:
    author.edit(POLICY, "contact_emergency_services: group_decides", f"contact_emergency_services: {choice}")
    found = author.load().policies["gentle-circle"].care.contact_emergency_services
    assert found == {"true": "yes", "false": "no"}.get(choice, choice)


PLACES = [
    (document, tuple(map(str, path)))
    for document in (CONFIG, CIRCLE, POLICY, DECK, "room_templates/community.yaml", "room_templates/control.yaml")
    for path in read_source(SHIPPED / document, document).marks
    if path and len(path) < 6
]
GROVE = ("communities", "grove")
NEW = [
    *(
        (CONFIG, (*GROVE, "rooms", "lounge", key))
        for key in ("in", "settings", "power", "variables", "avatar", "topic")
    ),
    *((CONFIG, (*GROVE, "rooms", "lounge", key)) for key in ("alias", "on_drift", "suggested", "archive")),
    *((CONFIG, (*GROVE, "rooms", key)) for key in ("wing", "deep")),
    *((CONFIG, (*GROVE, key)) for key in ("floor", "founders")),
    (CONFIG, ("floor",)),
    *((CIRCLE, (key,)) for key in ("extends", "variables", "avatar", "suggested", "knock", "kind")),
    *((CIRCLE, ("settings", key)) for key in ("allow", "acl", "retention")),
    (CIRCLE, ("power", "events")),
]
"""Places that are not there in the shipped documents, and could be."""

FITTING: list[Json] = [
    {"template": "community", "name": "Wing", "in": "deep"},
    {"template": "community", "name": "Deep", "in": "wing", "alias": "x"},
    {"template": "walk-and-talk", "name": "W", "variables": {"day": "Sundays"}, "in": "wing"},
    {
        "settings": {"join": "invite", "history": "joined", "acl": {"deny": ["*.b"]}},
        "power": {"events": {"m.x": "lead"}},
    },
    {"settings": {"join": "knock", "retention": {"max": "30d", "min": "1d"}, "federate": False, "room_version": 11}},
    {"join": "public", "allow": ["tuesday", "lounge", "grove"], "retention": "30d"},
    {"events": {"m.room.name": "member", "m.room.topic": 75}},
    {"day": None, "book": "x"},
    {"question": "{day}?"},
    ["tuesday", "wing"],
    ["@ana:grove.example"],
    "tuesday",
    "wing",
    "lounge",
    "book-circle",
    "space",
    "{purpose} {day}",
    ".",
]

INSTEAD: st.SearchStrategy[Json] = st.sampled_from(FITTING) | st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "1 week", "@ana:grove.example", "control", "grove", "{name}", "circle", "2026-01-01"])
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "template", "kind", "in", "when", "x", "deck", ""]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES) | st.sampled_from(NEW), INSTEAD), min_size=1, max_size=4))
def test_whatever_stands_in_a_document_ends_in_documents_or_in_errors(
    changes: list[tuple[tuple[str, tuple[str, ...]], Json]],
) -> None:
    ana = UserId("@ana:grove.example")
    overlay: dict[str, list[Amendment]] = {}
    for (document, path), value in changes:
        overlay.setdefault(document, []).append(Amendment(document=document, path=path, value=value, by=ana, at_ms=0))
    found = examine(SHIPPED / CONFIG, overlay=overlay, today=TODAY)
    assert found.errors if found.loaded is None else found.errors == found.loaded.faults
    for community in found.loaded.documents.communities if found.loaded else ():
        made: set[str] = set()
        for room in community.every_room():
            assert room.within in made or room.key == SPACE_KEY, "a space is made before what hangs in it"
            made.add(room.key)
    assert all(error.line > 0 and error.message for error in found.errors)


def test_a_folder_of_the_overlay_that_cannot_be_listed_is_an_error(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(place: Path) -> object:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr("os.scandir", refuse)
    assert author.errors()[0].startswith("data/overlay:1:1: This folder cannot be read: Permission denied.")
