"""Every mistake an author can make, with the place and the sentence it is answered with."""

from __future__ import annotations

import pytest

from orchestrator.documents.load import load
from orchestrator.errors import DocumentErrors

from .authors import TODAY, Author

CONFIG, CIRCLE, COMMUNITY = "config.yaml", "room_templates/circle.yaml", "room_templates/community.yaml"
POLICY, DECK = "policies/gentle-circle.yaml", "room_templates/decks/gentle-checkin.yaml"

MISTAKES = [
    # config.yaml
    (CONFIG, "version: 1", "version: 2", "3:10: This file is for a newer Circlekeeper."),
    (CONFIG, "version: 1", "version: one", "3:10: Write the number 1, without quotes."),
    (CONFIG, "data_dir:", "data_dri:", "13:1: There is no “data_dri” here. Did you mean “data_dir”?"),
    (CONFIG, "data_dir:", "zzz:", "13:1: There is no “zzz” here. Known here: version, accounts, data_dir"),
    (CONFIG, "password_file:", "password:", "9:5: Secrets stay out of this file."),
    (CONFIG, "password_file:", "access_token_file:", "6:3: access_token_file and device_id go together"),
    (CONFIG, '"http://127.0.0.1:8008"', "matrix.grove.example", "7:17: Write the homeserver's address"),
    (CONFIG, '"@keeper:grove.example"', "keeper", "8:14: This is no Matrix user id."),
    (CONFIG, "Europe/Berlin", "Europe/Berln", "15:12: There is no such time zone."),
    (CONFIG, '"!"', "!", "16:17: Tags (!) are not used here."),
    (CONFIG, "name: The Grove", "name:", "20:5: Nothing is written here."),
    (CONFIG, "    name: The Grove\n", "", "20:5: “name” is missing here. Write, for example: name: The Grove"),
    (
        CONFIG,
        "template: community",
        "template: comunity",
        "22:15: There is no template of this name. Did you mean “comm",
    ),
    (CONFIG, "template: community", "template: circle", "22:15: This template is not of kind: space, which is wanted"),
    (
        CONFIG,
        "template: circle",
        "template: community",
        "28:9: Nobody talks in a space: “facilitators” belongs to a room.",
    ),
    (CONFIG, "template: lounge", "template: sauna", "30:19: There is no template of this name. Files in room_templ"),
    (CONFIG, '"@bo:grove.example"]', "bo]", "23:35: This is no Matrix user id."),
    (CONFIG, '"@bo:grove.example"]', '"@ana:grove.example"]', "23:35: This person is already on this list."),
    (CONFIG, '"@bo:grove.example"]', '"@keeper:grove.example"]', "23:35: This is the bot itself."),
    (CONFIG, '["@ana:grove.example", "@bo:grove.example"]', "[]", "23:12: This must not be empty."),
    (CONFIG, '["@ana:grove.example", "@bo:grove.example"]', '"@ana:grove.example"', "23:12: This must be a list"),
    (CONFIG, '"@dee:grove.example"]', '"@cy:grove.example"]', "28:67: This person is already on this list."),
    (CONFIG, "      lounge:", "      control:", "29:7: The control room is made by itself."),
    (CONFIG, "      lounge:", "      Lounge:", "29:7: A key is made of small letters, digits and hyphens"),
    (CONFIG, "name: Lounge", "name: Lounge\n        previously: [tuesday]", "32:22: This key already leads to another"),
    (CONFIG, "name: Lounge", "name: 5", "31:15: This must be a text. Put quotes around it."),
    (CONFIG, "name: Lounge", "name: {name}", "31:15: This must be a text. Put quotes around it."),
    (
        CONFIG,
        "name: Lounge",
        "name: Lounge\n        policy: gentle",
        "32:17: There is no policy of this name. Did you me",
    ),
    (CONFIG, "name: Lounge", "name: Lounge\n        adopt: lounge", "32:16: Write the id of the room, like"),
    (
        CONFIG,
        "name: Lounge",
        'name: Lounge\n        adopt: "!a:x.example"\n      old: {template: lounge, name: Old, adopt: "!a:x.example"}',
        "33:49: grove/lounge is to be this room already.",
    ),
    (CONFIG, "locale: en", "locale: english", "14:9: Write a language tag"),
    (CONFIG, "    rooms:", "    account: kepeer\n    rooms:", "24:14: There is no such account here. Known: keeper."),
    (CONFIG, "communities:\n  grove:", "communities:\n  - grove:", "19:3: This must be a mapping"),
    # templates
    (CIRCLE, "kind: room", "kind: rom", "4:7: Write one of: room, space. Did you mean “room”?"),
    (
        CIRCLE,
        'alias: "{community}-{key}"',
        'alias: "{name}"',
        "7:8: {name} stands for nothing here. You can use {commun",
    ),
    (CIRCLE, 'alias: "{community}-{key}"', 'alias: "Tuesdays!"', "This gives no usable alias"),
    (CIRCLE, 'topic: "{purpose}"', 'topic: "{porpose}"', "6:8: {porpose} stands for nothing here."),
    (CIRCLE, 'room_version: "12"', "room_version: 9", "9:17: Write one of: 10, 11, 12"),
    (CIRCLE, "history: joined", "history: joinde", "11:12: Write one of: joined, invited, shared, world_readable. Did"),
    (CIRCLE, "encryption: required", "encryption: true", "13:15: Write one of: required, none."),
    (CIRCLE, "facilitator: 50, member: 0", "facilitator: 50, member: 60", "16:8: A lead holds at least as much"),
    (
        CIRCLE,
        "policy: gentle-circle",
        "policy: gentle-circel",
        "17:9: There is no policy of this name. Did you mean “gen",
    ),
    (CIRCLE, '"2026-01-06 19:00"', '"2026-02-30 19:00"', "19:11: There is no such day or time."),
    (CIRCLE, "every: 1 week", "every: weekly", "20:10: Write how often"),
    (CIRCLE, "accept_within: 24h", "accept_within: 24", "25:18: Write a length of time with its unit"),
    (CIRCLE, '"21:00-08:00"', "21:00", "27:10: Write two times of day"),
    (CIRCLE, "- deck: gentle-checkin", "- deck: gentle-checkins", "30:11: There is no deck of this name. Did you mean"),
    (CIRCLE, "on: [tue]\n", "on: [tu]\n", "31:10: Write a day of the week"),
    (CIRCLE, 'at: "19:05"\n', "at: 25:05\n", "32:9: Write a time of day"),
    (
        CIRCLE,
        "[quiet_hours, active_room, coverage]",
        "[quiet]",
        "34:13: Write one of: quiet_hours, active_room, coverage",
    ),
    (CIRCLE, "  in: room", "  at: room", "38:3: There is no “at” here."),
    (CIRCLE, "{name: report", "{nam: report", "42:12: Write one of: name, topic, alias"),
    (CIRCLE, "{name: report", "{name: fix", "42:18: Write one of: report, accept, enforce."),
    (CIRCLE, "    pin: swap", "    pin: swap\n    tier_max: 4", "37:15: Write a whole number from 1 to 3"),
    (CIRCLE, "rota:", "rota: &r", "18:7: Anchors and aliases"),
    (COMMUNITY, "encryption: none", "encryption: required", "13:15: A space holds no messages"),
    (COMMUNITY, "join: invite", "join: restricted", "10:9: A community's space lets people in by itself"),
    (COMMUNITY, "on_drift:", "welcome: {text: Hello}\non_drift:", "17:1: Nobody talks in a space"),
    # policies
    (
        POLICY,
        "title: A gentle circle",
        "titel: A gentle circle",
        "4:1: There is no “titel” here. Did you mean “title”?",
    ),
    (POLICY, "Listen first.", "Listen first. " + "x" * 200, "7:12: This is too long: "),
    (POLICY, "review_by: 2027-05-01", "review_by: May", "26:14: Write a date as year, month and day"),
    (POLICY, "then: remove #", "then: delete #", "34:11: Write one of: observe, nudge, remove, mute, raise."),
    (POLICY, "grove.example,", "https://grove.example/,", "32:23: Write only the domain"),
    (
        POLICY,
        "      member_for_less_than: 3d",
        "      member_for_less_then: 3d",
        "33:7: There is no “member_for_less_then” here. Did",
    ),
    (POLICY, "mode: observe #", "mode: on #", "36:11: Write one of: observe, enforce."),
    (POLICY, "{mute: 1h}", "mute", "61:25: Write how long a mute lasts"),
    (POLICY, '    - text: "In an', '    - txet: "In an', "72:7: There is no “txet” here. Did you mean “text”?"),
    (
        POLICY,
        "contact_emergency_services: group_decides",
        "",
        "67:3: “contact_emergency_services” is missing here. Write",
    ),
    (
        POLICY,
        "contact_emergency_services: group_decides",
        "contact_emergency_services: maybe",
        "75:31: Write one of: true",
    ),
    # decks
    (DECK, 'tier: 2, note: "may be about anything"', "tier: 9", "45:94: Write a whole number from 1 to 3"),
    (
        DECK,
        "Which colour is your day?",
        "Which single word fits your week so far?",
        "18:12: This question already stands on line 10",
    ),
]


@pytest.mark.parametrize(("document", "old", "new", "says"), MISTAKES)
def test_a_mistake_is_answered_at_its_place_with_what_to_write(
    author: Author, document: str, old: str, new: str, says: str
) -> None:
    author.edit(document, old, new)
    errors = author.errors()
    assert any(says.lower() in error.removeprefix(f"{document}:").lower() for error in errors), errors
    assert all(error.startswith((f"{document}:", "config.yaml:")) for error in errors)


def test_every_mistake_of_every_file_is_found_at_once(author: Author) -> None:
    wanted = {CONFIG: "data_dri", CIRCLE: "encrypted", POLICY: "thne", DECK: "titel"}
    author.edit(CONFIG, "data_dir:", "data_dri:")
    author.edit(CONFIG, "template: lounge", "template: sauna")
    author.edit(CONFIG, '"@bo:grove.example"]', "bo]")
    author.edit(CIRCLE, "encryption: required", "encrypted: yes")
    author.edit(CIRCLE, "policy: gentle-circle", "policy: gone")
    author.edit(POLICY, "then: remove #", "thne: remove #")
    author.edit(DECK, "title:", "titel:")
    errors = author.errors()
    for document, key in wanted.items():
        assert any(error.startswith(f"{document}:") and key in error for error in errors)
    assert sum(error.startswith(f"{CONFIG}:") for error in errors) == 3
    assert sum(error.startswith(f"{CIRCLE}:") for error in errors) == 2
    assert len(errors) == 3 + 2 + 2 + 2
    with pytest.raises(DocumentErrors) as caught:
        load(author.config, today=TODAY)
    assert str(caught.value).count("\n") == len(errors) - 1


def test_one_mistake_makes_one_error(author: Author) -> None:
    author.edit(POLICY, "title: A gentle circle", "title:")
    author.edit(CONFIG, '"http://127.0.0.1:8008"', "nowhere")
    assert len(author.errors()) == 2


def test_a_file_that_cannot_be_read_is_one_error_and_names_the_reason(author: Author) -> None:
    (author.place / POLICY).write_bytes(b"\xff\xfe")
    (error,) = author.errors()
    assert error == f"{POLICY}:1:1: This file is not UTF-8. Save it as UTF-8."


def test_a_missing_configuration_is_one_error(author: Author) -> None:
    author.config.unlink()
    (error,) = author.errors()
    assert error == "config.yaml:1:1: There is no such file. Name it with --config, or go to where it lies."


def test_two_rooms_with_one_alias_are_refused(author: Author) -> None:
    author.edit(CIRCLE, 'alias: "{community}-{key}"', 'alias: "{community}-lounge"')
    (error,) = author.errors()
    assert error == (
        "config.yaml:29:7: This would have the same alias (#grove-lounge) as grove/tuesday."
        " Choose another key, or another template."
    )


def test_aliases_collide_across_communities_of_one_server(author: Author) -> None:
    second = (
        "\n  grove-tuesday:\n    name: T\n    purpose: P\n    template: community\n    leads: ['@ana:grove.example']\n"
    )
    author.write(CONFIG, author.config.read_text() + second + "    rooms: {}\n")
    (error,) = author.errors()
    assert "38:5: This would have the same alias (#grove-tuesday) as grove/tuesday." in error


def test_the_same_alias_on_two_servers_is_fine(author: Author) -> None:
    other = '  elsewhere: {homeserver: "https://oak.example", user_id: "@keeper:oak.example"}\n\ndata_dir:'
    author.edit(CONFIG, "data_dir:", other)
    author.edit(CONFIG, "    name: The Grove", "    account: keeper\n    name: The Grove")
    author.edit(COMMUNITY, 'alias: "{community}"', "alias: home")
    second = (
        "\n  oak:\n    account: elsewhere\n    name: T\n    purpose: P\n    template: community\n"
        "    leads: ['@ana:oak.example', '@bo:oak.example']\n    rooms: {}\n"
    )
    author.write(CONFIG, author.config.read_text() + second)
    assert author.errors() == []


def test_with_two_accounts_a_community_says_which_looks_after_it(author: Author) -> None:
    other = '  second: {homeserver: "https://oak.example", user_id: "@keeper:oak.example"}\n\ndata_dir:'
    author.edit(CONFIG, "data_dir:", other)
    (error,) = author.errors()
    assert (
        "Which account looks after this community? Add one of these lines: `account: keeper`, `account: second`"
        in error
    )


def test_a_rule_on_words_may_not_remove_or_mute_without_accepting_misfires(author: Author) -> None:
    author.edit(POLICY, "links: {allow: [grove.example, matrix.to, findahelpline.com, befrienders.org]}", "words: [x]")
    assert any("34:11: Rules on words misfire on people in distress." in error for error in author.errors())
    author.edit(POLICY, "mode: observe # or: enforce", "mode: observe\n    accept_misfires: true")
    assert not any("misfire on people" in error for error in author.errors())


def test_a_rule_that_looks_for_nothing_is_refused(author: Author) -> None:
    author.edit(POLICY, "links: {allow: [grove.example, matrix.to, findahelpline.com, befrienders.org]}", "{}")
    author.edit(POLICY, "    when:\n      {}\n      member_for_less_than: 3d", "    when: {member_for_less_than: 3d}")
    (error,) = author.errors()
    assert f"{POLICY}:31:11: Say what this rule looks for" in error


def test_two_rules_of_one_id_are_refused(author: Author) -> None:
    rule = "  - id: links-from-newcomers\n    when: {links: {}}\n    then: nudge\n    because: Because.\n"
    author.edit(POLICY, "\nladder:", f"{rule}\nladder:")
    (error,) = author.errors()
    assert f"{POLICY}:58:9: Two rules have this id." in error


def test_a_deck_with_nothing_light_enough_for_a_room_is_refused(author: Author) -> None:
    author.write(DECK, "version: 1\ntitle: Heavy\nprompts: [{text: What?, tier: 3}]\n")
    errors = author.errors()
    assert any("room_templates/lounge.yaml:27:15: No question" in error for error in errors)
    assert all("No question of this deck has a tier up to 1" in error for error in errors)


def test_a_file_whose_name_nobody_could_refer_to_is_refused(author: Author) -> None:
    (author.place / DECK).rename(author.place / "room_templates/decks/Gentle Checkin.yaml")
    assert any("The name of this file is not one to refer to" in error for error in author.errors())


def test_no_error_repeats_what_was_written(author: Author) -> None:
    secret = "hunter2-correct-horse-battery"
    author.edit(CONFIG, "password_file: keeper.password", f"password: {secret}")
    author.edit(CONFIG, "locale: en", f"locale: {secret}")
    author.edit(CONFIG, "name: Lounge", f"name: [{secret}]")
    author.edit(CIRCLE, "every: 1 week", f"every: {secret}")
    errors = author.errors()
    assert len(errors) == 4
    assert secret not in "\n".join(errors)
