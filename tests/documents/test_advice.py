from __future__ import annotations

from datetime import date, timedelta

import pytest

from .authors import NOT_YET, TODAY, Author, unwise

CONFIG, CIRCLE, LOUNGE = "config.yaml", "room_templates/circle.yaml", "room_templates/lounge.yaml"
POLICY = "policies/gentle-circle.yaml"


def test_the_shipped_documents_need_no_advice(author: Author) -> None:
    assert author.advice() == []


def test_what_does_nothing_yet_is_said_once_a_file_so_that_nobody_relies_on_it(author: Author) -> None:
    said = author.not_yet()
    assert f"{CIRCLE}:38:3: {NOT_YET}welcome" in said
    assert [each for each in said if each.startswith(LOUNGE) and each.endswith(f"{NOT_YET}welcome")]
    assert not [each for each in said if each.startswith(POLICY)]


@pytest.mark.parametrize("folder", ["room_templates"])
def test_in_the_shipped_files_what_does_nothing_yet_is_marked(author: Author, folder: str) -> None:
    named = {each.partition(":")[0]: each.partition(NOT_YET)[2].split(", ") for each in author.not_yet()}
    for path in sorted((author.place / folder).glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        marked = [line.split("#")[0].strip().partition(":")[0] for line in lines if "# not yet" in line]
        assert marked == [name.split(".")[-1] for name in named.get(f"{folder}/{path.name}", marked)]


@pytest.mark.parametrize(
    ("document", "old", "new", "says"),
    [
        (CONFIG, "http://127.0.0.1:8008", "http://matrix.grove.example", "7:17: Over http the bot's password"),
        (CONFIG, ', "@cy:grove.example", "@dee:grove.example"]', "]", "28:23: A rota of fewer than two people"),
        (CONFIG, ', "@bo:grove.example"]', "]", "23:12: There is only one lead."),
        (CIRCLE, "history: joined", "history: shared", "11:12: Whoever joins later"),
        (CIRCLE, "history: joined", "history: world_readable", "11:12: Whoever joins later"),
        (CIRCLE, "guests: forbidden", "guests: allowed", "12:11: Guests have no account"),
        (CIRCLE, "encryption: required", "encryption: none", "13:15: Without encryption every server"),
        (CIRCLE, "policy: gentle-circle\n", "", "This room has no policy"),
        (LOUNGE, 'at: "17:30"', 'at: "21:00"', "22:9: This is in the quiet hours"),
        (LOUNGE, 'at: "17:30"', 'at: "07:59"', "22:9: This is in the quiet hours"),
        (LOUNGE, 'quiet: "21:00-08:00"', 'quiet: "12:00-18:00"', "22:9: This is in the quiet hours"),
        (POLICY, "review_by: 2027-05-01", "review_by: 2026-05-01", "26:14: The day to look at these norms"),
    ],
)
def test_what_is_allowed_and_unwise_is_said_without_stopping(
    author: Author, document: str, old: str, new: str, says: str
) -> None:
    author.edit(document, old, new)
    assert author.errors() == []
    assert any(says in advice for advice in author.advice()), author.advice()


@pytest.mark.parametrize(
    "event",
    [
        "m.room.join_rules",
        "m.room.guest_access",
        "m.room.history_visibility",
        "m.room.server_acl",
        "m.room.power_levels",
        "m.space.child",
        "org.circlekeeper.locator",
    ],
)
def test_a_template_that_lets_others_than_leads_decide_who_gets_in_is_told_so(author: Author, event: str) -> None:
    def levels(level: str) -> str:
        return f"power: {{lead: 100, facilitator: 50, member: 0, events: {{{event}: {level}}}}}\npolicy:"

    before = "power: {lead: 100, facilitator: 50, member: 0}\npolicy:"
    author.edit(LOUNGE, before, levels("facilitator"))
    (advice,) = author.advice()
    assert advice.startswith(f"{LOUNGE}:16:")
    assert "People who are no leads could change" in advice
    author.edit(LOUNGE, levels("facilitator"), levels("lead"))
    assert author.advice() == []


@pytest.mark.parametrize(
    "address", ["http://localhost:8008", "http://synapse:8008", "http://10.0.0.5", "https://grove.example"]
)
def test_neighbours_may_be_reached_over_http(author: Author, address: str) -> None:
    author.edit(CONFIG, "http://127.0.0.1:8008", address)
    assert author.advice() == []


def test_a_public_room_may_show_its_history(author: Author) -> None:
    author.edit(LOUNGE, "join: restricted", "join: public")
    author.edit(LOUNGE, "history: joined", "history: shared")
    author.edit(LOUNGE, "encryption: required", "encryption: none")
    assert author.advice() == []


def test_places_to_turn_to_are_checked_twice_a_year(author: Author) -> None:
    verified = date(2026, 10, 1)
    author.edit(POLICY, "review_by: 2027-05-01", "review_by: 2030-05-01")
    for other in ("heavy-topics", "meeting-in-person"):
        author.edit(f"policies/{other}.yaml", "review_by: 2027-05-01", "review_by: 2030-05-01")
    assert author.advice(today=verified + timedelta(days=180)) == []
    stale = author.advice(today=verified + timedelta(days=181))
    assert [advice.split(":")[1] for advice in stale if advice.startswith(POLICY)] == ["69", "71", "73"]
    assert all("Nobody has checked this for 181 days." in advice for advice in stale)
    assert any("still to come" in advice for advice in author.advice(today=verified - timedelta(days=1)))


def test_a_file_that_is_not_read_is_mentioned(author: Author) -> None:
    author.write("policies/other.yml", "version: 1\n")
    author.write("policies/.swap.yaml", "{")
    assert author.advice() == ["policies/other.yml:1:1: This file is not read: its name must end in .yaml."]


def test_advice_is_given_beside_errors_too(author: Author) -> None:
    author.edit(CIRCLE, "history: joined", "history: shared")
    author.edit(CONFIG, "locale: en", "locale: english")
    found = author.examine(today=TODAY)
    assert len(found.errors) == 1
    assert len(unwise(found)) == 1
    assert found.loaded is None
