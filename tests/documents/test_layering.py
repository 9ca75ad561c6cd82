"""Floors, templates that extend others, variables, spaces within spaces: what comes of them, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.declared import SPACE_KEY, Acl, Community, Origin, Retention, Room
from orchestrator.documents.edge.settings import power_of
from orchestrator.documents.load import Loaded, amend, load
from orchestrator.documents.strictness import usual_level
from orchestrator.errors import DocumentErrors
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.rooms.state.levels import room_levels
from tests import declared

from .authors import TODAY, Author, unwise
from .test_overlay import change

CONFIG, CIRCLE, LOUNGE = "config.yaml", "room_templates/circle.yaml", "room_templates/lounge.yaml"
DAY_MS = 86_400_000
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def grove(loaded: Loaded) -> Community:
    found = loaded.documents.community(CommunityKey("grove"))
    assert found is not None
    return found


def room(author: Author, key: str) -> Room:
    found = grove(author.load()).room(RoomKey(key))
    assert found is not None
    return found


def floor(author: Author, said: str, *, community: str | None = None) -> None:
    """Give the file a floor, on line 18, and its community one, on line 21."""
    own = "" if community is None else f"\n    floor: {community}"
    author.edit(CONFIG, "communities:\n  grove:", f"floor: {said}\ncommunities:\n  grove:{own}")


def add(author: Author, lines: str) -> None:
    """Put rooms before the lounge; the first of them is on line 29."""
    author.edit(CONFIG, "      lounge:\n", f"{lines}\n      lounge:\n")


# -- layers ------------------------------------------------------------------------------------------------------------


def test_what_nobody_says_is_as_tight_as_the_floor(author: Author) -> None:
    author.write(LOUNGE, "version: 1\nkind: room\npolicy: gentle-circle\n")
    floor(
        author,
        "{settings: {federate: false, retention: 30d, acl: {deny: ['*.bad.example']}, history: shared}}",
        community="{settings: {retention: 7d, join: invite}, power: {events: {m.room.topic: lead, m.reaction: 10}}}",
    )
    add(author, "      #")
    settings = room(author, "lounge").settings
    assert (settings.federate, settings.retention) == (False, Retention(7 * DAY_MS))
    assert settings.acl == Acl(allow=("*",), deny=("*.bad.example",))
    assert settings.join == "invite"
    assert settings.history == "joined", "a default that is tighter than a floor stays"
    assert dict(room(author, "lounge").power.events) == {"m.room.topic": 100, "m.reaction": 10}


def test_a_floor_holds_for_the_space_and_the_control_room_too_where_it_makes_sense(author: Author) -> None:
    floor(author, "{settings: {encryption: required, retention: 30d, federate: false}}")
    for document in (CIRCLE, LOUNGE, "room_templates/community.yaml", "room_templates/control.yaml"):
        author.edit(document, "  federate: true\n", "")
    community = grove(author.load())
    assert not any(one.settings.federate for one in community.every_room())
    assert not community.space.settings.encryption, "a space holds no messages"
    assert community.space.settings.retention is None
    assert community.control.settings.retention == Retention(30 * DAY_MS)


def test_a_room_may_be_tighter_than_its_template(author: Author) -> None:
    author.edit(
        CONFIG,
        "name: Lounge\n",
        "name: Lounge\n        settings: {join: invite, retention: {max: 30d, min: 1d}}\n"
        "        power: {events: {m.room.topic: lead}}\n",
    )
    lounge = room(author, "lounge")
    assert lounge.settings.join == "invite"
    assert lounge.settings.retention == Retention(30 * DAY_MS, DAY_MS)
    assert lounge.power.events["m.room.topic"] == 100
    assert room(author, "tuesday").settings.join == "restricted"


LOOSENINGS = [
    ("history: joined", "history: shared", "11:12", "{settings: {history: joined}}", "history: joined"),
    ("encryption: required", "encryption: none", "13:15", "{settings: {encryption: required}}", "encryption: required"),
    (
        "federate: true",
        "federate: true\n  acl: {deny: [w.example]}",
        "16:8",
        "{settings: {acl: {deny: [b.example]}}}",
        "",
    ),
    ("federate: true", "federate: true\n  retention: 36h", "16:14", "{settings: {retention: 24h}}", "retention: 1d"),
    (
        "member: 0}",
        "member: 0, events: {m.room.topic: member}}",
        "16:71",
        "{power: {events: {m.room.topic: facilitator}}}",
        "m.room.topic: 50",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "of_all", "holds"), LOOSENINGS)
def test_a_template_that_loosens_its_floor_is_told_both_places_and_holds_nobody_up(
    author: Author, old: str, new: str, place: str, of_all: str, holds: str
) -> None:
    author.edit(CIRCLE, old, new)
    floor(author, of_all)
    column = len("floor: ") + of_all.rindex(":") + 3 - (len("{deny: ") if "acl" in of_all else 0)
    above = f"{author.place}/config.yaml:18:{column}" + (f", {holds}" if holds else "")
    (error,) = author.errors()
    assert error == (
        f"room_templates/circle.yaml:{place}: This is looser than the floor that every room here holds to ({above})."
        " Tighten it, or leave it out."
    )
    loaded = author.load()
    assert [str(one) for one in loaded.faults] == [f"{author.place}/{error}"]
    for one in grove(loaded).every_room():
        assert list(one.faults.values()) == ([f"{author.place}/{error}"] if one.key == "tuesday" else [])


def test_in_the_place_of_what_is_too_loose_the_floor_holds(author: Author) -> None:
    author.edit(CIRCLE, "history: joined", "history: world_readable")
    floor(author, "{settings: {history: shared}}")
    assert room(author, "tuesday").settings.history == "shared"
    assert room(author, "lounge").settings.history == "joined"


def test_a_community_may_not_loosen_the_floor_of_the_file(author: Author) -> None:
    floor(author, "{settings: {history: joined}}", community="{settings: {history: shared}}")
    (error,) = author.errors()
    assert error.startswith("config.yaml:21:33: This is looser than the floor of all communities (")
    assert "config.yaml:18:29, history: joined). Tighten it, or leave it out." in error
    assert not any(one.faults for one in grove(author.load()).every_room())


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (
            "settings: {join: public}",
            "32:26: This is looser than its template ({place}/room_templates/lounge.yaml:10:9, join: restricted).",
        ),
        (
            "settings: {join: knock}",
            "32:26: This is looser than its template ({place}/room_templates/lounge.yaml:10:9, join: restricted).",
        ),
        (
            "power: {events: {m.room.name: member}}",
            "32:39: This is looser than what its template means by saying nothing (m.room.name: 100).",
        ),
    ],
)
def test_a_room_may_not_loosen_its_template_and_is_told_what_to_do_instead(author: Author, own: str, says: str) -> None:
    author.edit(CONFIG, "name: Lounge\n", f"name: Lounge\n        {own}\n")
    (error,) = author.errors()
    assert error.startswith(f"config.yaml:{says.format(place=author.place)}")
    assert error.endswith(
        "A room may only be tighter than its template. For something looser, make another template that says extends:"
        " lounge"
    )
    assert room(author, "lounge").settings.join == "restricted"


def test_a_mistake_in_one_room_stops_no_command_and_no_command_may_make_one(author: Author) -> None:
    floor(author, "{settings: {history: joined}}")
    author.edit(CIRCLE, "history: joined", "history: shared")
    fine = change("communities", "grove", "rooms", "lounge", "name", to="Sofa", document=CONFIG)
    assert amend(author.config, [fine], today=TODAY).faults
    assert room(author, "lounge").name == "Sofa"
    loose = change("communities", "grove", "rooms", "lounge", "settings", to={"join": "public"}, document=CONFIG)
    with pytest.raises(DocumentErrors, match="This is looser than its template"):
        amend(author.config, [loose], today=TODAY)


def test_what_nobody_says_of_an_event_is_what_rooms_are_made_with() -> None:
    for version in ("10", "11", "12"):
        for said in ({}, {"facilitator": 0}, {"lead": 90, "facilitator": 40, "member": 10}):
            power = power_of({**said})  # type: ignore[typeddict-item]  # written out above
            made = declared.room(levels=power, made=declared.settings(room_version=version))
            levels = room_levels(declared.community(made), made, declared.ME)["events"]
            assert isinstance(levels, dict)
            del levels["org.circlekeeper.locator"]
            assert {type_: usual_level(type_, power, version) for type_ in levels} == levels


# -- who may come in ---------------------------------------------------------------------------------------------------


def test_a_room_can_let_in_the_members_of_others(author: Author) -> None:
    add(author, "      inner: {template: lounge, name: Inner, settings: {allow: [tuesday, grove]}}")
    assert room(author, "inner").settings.allow == ("tuesday", SPACE_KEY)
    assert room(author, "lounge").settings.allow == (), "the space that it hangs in"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("tuesdy", "29:64: No room or space of “grove” has the key “tuesdy”."),
        ("inner", "29:64: The members of a room are in it already: name another room, or a space."),
        ("control", "29:64: No room or space of “grove” has the key “control”."),
    ],
)
def test_whose_members_may_come_in_must_be_there(author: Author, key: str, says: str) -> None:
    add(author, f"      inner: {{template: lounge, name: Inner, settings: {{allow: [{key}]}}}}")
    (error,) = author.errors()
    assert error == f"config.yaml:{says}"


def test_founders_are_people_and_better_leads(author: Author) -> None:
    author.edit(CONFIG, "    rooms:\n", '    founders: ["@ana:grove.example"]\n    rooms:\n')
    assert grove(author.load()).founders == ("@ana:grove.example",)
    assert author.advice() == []
    author.edit(CONFIG, 'founders: ["@ana:grove.example"]', 'founders: ["@eve:grove.example"]')
    (advice,) = author.advice()
    assert "Nobody can ever take a founder's power again." in advice
    author.edit(CONFIG, 'founders: ["@eve:grove.example"]', 'founders: ["@keeper:grove.example"]')
    assert [error.partition(": ")[2][:22] for error in author.errors()] == ["This is the bot itself"]


# -- templates that extend others --------------------------------------------------------------------------------------


def test_a_template_takes_over_what_it_does_not_say(author: Author) -> None:
    author.write(
        "room_templates/evening.yaml",
        "version: 1\nkind: room\nextends: circle\ntopic: Late.\nsettings: {join: public, history: shared}\n"
        "power: {events: {m.reaction: member}}\non_drift: {name: enforce}\nprompts: []\n",
    )
    template = author.load().templates["evening"]
    assert (template.topic, template.alias, template.policy) == ("Late.", "{community}-{key}", "gentle-circle")
    assert (template.settings.join, template.settings.history) == ("public", "shared")
    assert template.settings.encryption
    assert template.rota is not None
    assert template.prompts == ()
    assert (template.on_drift["name"], template.on_drift["pins"]) == ("enforce", "enforce")
    assert dict(template.power.events) == {"m.reaction": 0}
    assert template.origins["settings.join"].layer == "template"
    assert template.origins["settings.guests"] == Origin("extends", str(author.place / CIRCLE), 12, 11)


@pytest.mark.parametrize(
    ("extends", "says"),
    [
        ("sirkle", "3:10: There is no template of this name."),
        ("circel", "3:10: There is no template of this name. Did you mean “circle”?"),
        ("evening", "3:10: A template cannot extend itself."),
        ("book-circle", "3:10: “book-circle” extends another template itself, and this goes one step only."),
        ("community", "3:10: “community” is of kind: space, and this is not."),
    ],
)
def test_what_cannot_be_extended_is_said_once(author: Author, extends: str, says: str) -> None:
    text = f"version: 1\nkind: room\nextends: {extends}\ntopic: '{{book}}'\n"
    author.write("room_templates/evening.yaml", text)
    (error,) = author.errors()
    assert error.startswith(f"room_templates/evening.yaml:{says}")


def test_a_mistake_in_a_template_is_not_said_again_for_those_that_extend_it(author: Author) -> None:
    author.edit(CIRCLE, "- deck: gentle-checkin", "- deck: gone")
    author.edit(CIRCLE, "member: 0}", "member: 60}")
    author.edit(CIRCLE, 'topic: "{purpose}"', 'topic: "{porpose}"')
    author.edit(CIRCLE, "history: joined", "history: shared")
    found = author.examine()
    assert {error.file for error in found.errors} == {str(author.place / CIRCLE)}
    assert len(found.errors) == 3
    assert {advice.file for advice in unwise(found)} == {str(author.place / CIRCLE)}
    author.edit(CIRCLE, "kind: room", "kind: rom")
    assert {error.file for error in author.examine().errors} == {str(author.place / CIRCLE)}


# -- variables ---------------------------------------------------------------------------------------------------------

EVENING = """\
version: 1
kind: room
variables: {day: , start: at seven}
name: "{name} on {day}"
topic: "{purpose} {start}"
alias: "{community}-{day}"
purpose: "Every {day}, {start}."
knock: {question: "Can you come on {day}?"}
settings: {join: knock}
welcome: {text: "{day}, {start}"}
policy: gentle-circle
"""


def test_variables_are_filled_in_wherever_they_are_named(author: Author) -> None:
    author.write("room_templates/evening.yaml", EVENING)
    add(author, "      late: {template: evening, name: Circle, variables: {day: friday}}")
    late = room(author, "late")
    assert (late.name, late.topic, late.alias) == (
        "Circle on friday",
        "Every friday, at seven. at seven",
        "grove-friday",
    )
    assert late.knock_question == "Can you come on friday?"
    assert late.welcome is not None
    assert late.welcome.text == "friday, at seven"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("{}", "29:7: The template “evening” wants to be told {day}. Write: variables: {day: ...}"),
        ("{day: x, strat: y}", "29:72: The template “evening” has no such variable. Did you mean “start”?"),
        ("{day: x, zzz: y}", "29:72: The template “evening” has no such variable. It has: day, start."),
        ("{day: [x]}", "29:69: This must be a text."),
    ],
)
def test_what_a_template_wants_to_be_told_is_asked_for(author: Author, lines: str, says: str) -> None:
    author.write("room_templates/evening.yaml", EVENING)
    add(author, f"      late: {{template: evening, name: Late circle, variables: {lines}}}")
    assert any(error.startswith(f"config.yaml:{says}") for error in author.errors()), author.errors()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{day: , start", "{name: , start", "3:13: {name} has a meaning already. Choose another name."),
        ("{day: , start", "{Day: , start", "3:13: The name of a variable is made of small letters"),
        ("start: at seven", "start: [7]", "3:27: This must be a text."),
        ('"Every {day}, {start}."', '"{purpose}"', "7:10: {purpose} stands for nothing here. You can use {name}"),
        ('"{community}-{day}"', '"{community}-{name}"', "6:8: {name} stands for nothing here. You can use {community}"),
        ("come on {day}?", "come on {dya}?", "8:19: {dya} stands for nothing here."),
    ],
)
def test_names_in_braces_stand_for_something(author: Author, old: str, new: str, says: str) -> None:
    author.write("room_templates/evening.yaml", EVENING.replace(old, new))
    assert any(error.startswith(f"room_templates/evening.yaml:{says}") for error in author.errors()), author.errors()


def test_nobody_can_tell_a_space_or_the_control_room_its_variables(author: Author) -> None:
    author.edit("room_templates/community.yaml", "kind: space", "kind: space\nvariables: {day: }")
    (error,) = author.errors()
    assert error == "config.yaml:22:15: Nobody can tell this template {day}. Give a default there."


def test_a_room_uses_the_names_of_its_template_in_its_own_words(author: Author) -> None:
    author.write("room_templates/evening.yaml", EVENING)
    own = "topic: '{title}, {day}', alias: 'x-{day}', suggested: true, on_drift: {topic: enforce}"
    add(author, f"      late: {{template: evening, name: Circle, variables: {{day: friday}}, {own}}}")
    late = room(author, "late")
    assert (late.topic, late.alias, late.suggested) == ("The Grove, friday", "x-friday", True)
    assert (late.on_drift["topic"], late.on_drift["power"]) == ("enforce", "enforce")
    author.edit(CONFIG, "{title}, {day}", "{title}, {night}")
    (error,) = author.errors()
    assert error.startswith("config.yaml:29:80: {night} stands for nothing here.")


# -- spaces within the space -------------------------------------------------------------------------------------------


WING = "version: 1\nkind: space\n"


def nest(author: Author, *lines: str) -> None:
    author.write("room_templates/wing.yaml", WING)
    add(author, "\n".join(f"      {line}" for line in lines))


def test_spaces_come_before_what_hangs_in_them(author: Author) -> None:
    nest(
        author,
        "deep: {template: lounge, name: Deep, in: inner}",
        "inner: {template: wing, name: Inner, in: outer, settings: {join: knock}}",
        "other: {template: wing, name: Other}",
        "outer: {template: wing, name: Outer}",
    )
    author.edit("room_templates/wing.yaml", WING, f"{WING}settings: {{join: restricted}}\n")
    author.edit(CONFIG, ", settings: {join: knock}", "")
    community = grove(author.load())
    assert [(one.key, one.within) for one in community.rooms] == [
        ("outer", SPACE_KEY),
        ("inner", "outer"),
        ("other", SPACE_KEY),
        ("tuesday", SPACE_KEY),
        ("deep", "inner"),
        ("lounge", SPACE_KEY),
    ]
    assert [one.key for one in community.every_room()[:2]] == [SPACE_KEY, "control"]
    assert {one.settings.join for one in community.rooms if one.kind == "space"} == {"restricted"}


@pytest.mark.parametrize(
    ("lines", "says", "around"),
    [
        (
            ["a: {template: wing, name: A, in: b}", "b: {template: wing, name: B, in: a}"],
            "29:40: These spaces hang in each other: a in b in a. Leave “in” out of one of them.",
            {"a", "b"},
        ),
        (
            ["c: {template: wing, name: C, in: a}", "a: {template: wing, name: A, in: a}"],
            "30:40: A space cannot hang in itself. Leave “in” out, and it hangs in the community's own space.",
            {"a"},
        ),
        (
            [
                "x: {template: lounge, name: X, in: a}",
                "a: {template: wing, name: A, in: b}",
                "b: {template: wing, name: B, in: c}",
                "c: {template: wing, name: C, in: a}",
            ],
            "30:40: These spaces hang in each other: a in b in c in a. Leave “in” out of one of them.",
            {"a", "b", "c"},
        ),
    ],
)
def test_spaces_that_hang_in_themselves_are_one_mistake_and_hold_nobody_up(
    author: Author, lines: list[str], says: str, around: set[str]
) -> None:
    nest(author, *lines)
    (error,) = author.errors()
    assert error == f"config.yaml:{says}"
    community = grove(author.load())
    assert {one.key for one in community.every_room() if "in" in one.faults} == around
    assert {one.within for one in community.rooms if one.key in around} == {SPACE_KEY}


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("wnig", "29:42: There is no space of this key here. Spaces in this community: wing."),
        ("tuesday", "29:42: This is no space. Spaces in this community: wing."),
    ],
)
def test_a_room_hangs_in_a_space_that_is_there(author: Author, where: str, says: str) -> None:
    nest(author, f"x: {{template: lounge, name: X, in: {where}}}", "wing: {template: wing, name: W}")
    (error,) = author.errors()
    assert error == f"config.yaml:{says}"


def test_a_space_is_closed_with_all_that_hangs_in_it(author: Author) -> None:
    nest(author, "wing: {template: wing, name: W, archive: true}", "x: {template: lounge, name: X, in: wing}")
    (error,) = author.errors()
    assert error.startswith("config.yaml:30:42: The space “wing” is to be closed, and this hangs in it.")
    author.edit(CONFIG, "in: wing}", "in: wing, archive: true}")
    assert author.errors() == []


def test_in_a_closed_room_nobody_is_on_duty_and_nothing_is_asked(author: Author) -> None:
    author.edit(CONFIG, "name: Tuesday circle", "name: Tuesday circle\n        archive: true")
    community = grove(author.load())
    tuesday = room(author, "tuesday")
    assert tuesday.archive
    assert (tuesday.rota, tuesday.prompts, tuesday.facilitators, tuesday.welcome) == (None, (), (), None)
    assert tuesday.policy is not None, "what was agreed on stays where it is"
    assert community.control.facilitators == ()
    assert author.advice() == []


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_a_picture_lies_beside_the_file_that_names_it(author: Author) -> None:
    (author.place / "room_templates/leaf.png").write_bytes(PNG)
    (author.place / "sofa.webp").write_bytes(b"RIFF\0\0\0\0WEBPVP8 ")
    author.edit(CIRCLE, "policy:", "avatar: leaf.png\npolicy:")
    author.edit(CONFIG, "name: Lounge\n", "name: Lounge\n        avatar: sofa.webp\n")
    tuesday, lounge = room(author, "tuesday"), room(author, "lounge")
    assert (tuesday.avatar, lounge.avatar) == (author.place / "room_templates/leaf.png", author.place / "sofa.webp")
    assert len(tuesday.avatar_sha256) == 64
    assert tuesday.avatar_sha256 != lounge.avatar_sha256
    (author.place / "room_templates/leaf.png").write_bytes(PNG + b"!")
    assert room(author, "tuesday").avatar_sha256 != tuesday.avatar_sha256
    assert author.load().templates["book-circle"].avatar == author.load().templates["circle"].avatar


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("leaf.png", None, "There is no such file beside this one."),
        ("leaf.png", b"<svg/>", "This is no picture: it must be a PNG, JPEG, WebP or GIF."),
        ("leaf.png", b"", "This is no picture: it must be a PNG, JPEG, WebP or GIF."),
        ("leaf.png", PNG + bytes(1024 * 1024), "This picture is too large: at most 1 MiB."),
        (".", None, "This is not a regular file."),
        ("../leaf.png", None, "Name a file that lies beside this one, like circle.png."),
        ("/etc/hostname", None, "Name a file that lies beside this one, like circle.png."),
    ],
)
def test_a_picture_must_be_one(author: Author, name: str, content: bytes | None, says: str) -> None:
    if content is not None:
        (author.place / "room_templates" / name).write_bytes(content)
        (author.place / name).write_bytes(content)
    author.edit(CIRCLE, "policy:", f"avatar: {name}\npolicy:")
    author.edit(CONFIG, "name: Lounge\n", f"name: Lounge\n        avatar: {name}\n")
    assert author.errors() == [f"config.yaml:32:17: {says}", f"{CIRCLE}:17:9: {says}"]


def test_the_largest_picture_is_one_mebibyte(author: Author) -> None:
    (author.place / "sofa.gif").write_bytes(b"GIF89a".ljust(1024 * 1024, b"\0"))
    author.edit(CONFIG, "name: Lounge\n", "name: Lounge\n        avatar: sofa.gif\n")
    assert room(author, "lounge").avatar_sha256


# -- which layer said it -----------------------------------------------------------------------------------------------


def test_every_value_says_which_layer_set_it(author: Author) -> None:
    floor(author, "{settings: {retention: 30d}}", community="{settings: {federate: false}}")
    author.edit(LOUNGE, "  federate: true\n", "")
    author.edit(CIRCLE, "  federate: true\n", "")
    for other in ("community", "control"):
        author.edit(f"room_templates/{other}.yaml", "  federate: true\n", "")
    own = "settings: {join: invite}\n        alias: sofa\n        on_drift: {topic: report}\n"
    author.edit(CONFIG, "name: Lounge\n", f"name: Lounge\n        {own}")
    add(author, "      books: {template: book-circle, name: Books, variables: {book: Walden}}")
    amend(
        author.config,
        [change("communities", "grove", "rooms", "lounge", "suggested", to=True, document=CONFIG)],
        today=TODAY,
    )
    lounge, books = room(author, "lounge"), room(author, "books")
    told = {path: (one.layer, Path(one.file).name, one.line) for path, one in lounge.origins.items()}
    assert told["settings.retention"] == ("floor", "config.yaml", 18)
    assert told["settings.federate"] == ("community", "config.yaml", 21)
    assert told["settings.history"] == ("template", "lounge.yaml", 11)
    assert told["settings.join"] == ("room", "config.yaml", 35)
    assert told["settings.allow"] == ("default", "", 0)
    assert told["suggested"] == ("overlay", "config.yaml", 4)
    assert told["name"] == ("room", "config.yaml", 34)
    assert told["alias"] == ("room", "config.yaml", 36)
    assert told["topic"] == ("template", "lounge.yaml", 6)
    assert told["on_drift.topic"] == ("room", "config.yaml", 37)
    assert told["on_drift.name"] == ("template", "lounge.yaml", 32)
    assert told["on_drift.acl"] == ("default", "", 0)
    assert told["policy"] == ("template", "lounge.yaml", 16)
    assert told["power.lead"] == ("template", "lounge.yaml", 15)
    assert told["leads"] == ("community", "config.yaml", 25)
    assert told["in"] == ("default", "", 0)
    assert books.origins["settings.history"].layer == "extends"
    assert Path(books.origins["settings.history"].file).name == "circle.yaml"
    assert books.origins["prompts"].layer == "template"


def test_every_path_that_can_be_asked_for_has_an_answer(author: Author) -> None:
    for one in grove(author.load()).every_room():
        assert {
            *("name", "topic", "alias", "avatar", "suggested", "in", "policy", "rota", "prompts", "welcome"),
            *("leads", "founders"),
            *("power.lead", "power.facilitator", "power.member"),
            *(f"settings.{key}" for key in ("join", "allow", "history", "guests", "encryption", "directory")),
            *(f"settings.{key}" for key in ("federate", "room_version", "retention", "acl")),
            *(f"on_drift.{part}" for part in one.on_drift),
        } <= one.origins.keys()


def test_moving_a_line_changes_no_room(author: Author) -> None:
    before = author.load().documents
    author.edit(CIRCLE, "version: 1", "\n\nversion: 1")
    author.edit(CONFIG, "version: 1", "\n\nversion: 1")
    assert author.load().documents == before


# -- what leads add with a command -------------------------------------------------------------------------------------

THURSDAY = change(
    *("communities", "grove", "rooms", "thursday"),
    to={"template": "circle", "name": "Thursday", "facilitators": ["@ana:grove.example", "@bo:grove.example"]},
    document=CONFIG,
)


def test_a_lead_adds_a_room_that_stands_in_no_file(author: Author) -> None:
    loaded = amend(author.config, [THURSDAY], today=TODAY)
    assert [one.key for one in grove(loaded).rooms] == ["tuesday", "lounge", "thursday"]
    assert load(author.config, today=TODAY) == loaded
    thursday = room(author, "thursday")
    assert thursday.alias == "grove-thursday"
    place = str(author.place / "data/overlay/config.yaml")
    assert thursday.origins["name"] == Origin("overlay", place, 4, 5)
    assert thursday.origins["settings.join"].layer == "template"


def test_a_lead_adds_the_first_room_of_a_community(author: Author) -> None:
    author.edit(CONFIG, author.config.read_text().partition("    rooms:\n")[2], "")
    author.edit(CONFIG, "    rooms:\n", "    rooms: {}\n")
    assert [one.key for one in grove(amend(author.config, [THURSDAY], today=TODAY)).rooms] == ["thursday"]


def test_a_lead_changes_what_they_added_and_takes_it_back(author: Author) -> None:
    amend(author.config, [THURSDAY], today=TODAY)
    inside = change("communities", "grove", "rooms", "thursday", "archive", to=True, document=CONFIG)
    assert amend(author.config, [inside], today=TODAY).amendments == (THURSDAY, inside)
    assert author.load().amendments == (THURSDAY, inside)
    assert "archive" not in str(THURSDAY.value), "each keeps to what it said"
    assert room(author, "thursday").archive
    gone = change("communities", "grove", "rooms", "thursday", to=None, document=CONFIG)
    assert amend(author.config, [gone], today=TODAY).amendments == (gone,)
    assert amend(author.config, [THURSDAY], today=TODAY).amendments == (THURSDAY,)
    assert not room(author, "thursday").archive
    assert author.advice() == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"template": "circel", "name": "X"}, "There is no template of this name. Did you mean “circle”?"),
        ({"template": "circle"}, "“name” is missing here."),
        ({"template": "circle", "name": "X", "alias": "grove-lounge"}, "This would have the same alias"),
        ({"template": "circle", "name": "X", "in": "lounge"}, "This is no space."),
        ({"template": "circle", "name": "X", "settings": {"join": "public"}}, "This is looser than its template"),
    ],
)
def test_a_room_that_would_be_wrong_is_refused_and_nothing_is_written(
    author: Author, value: dict[str, str], says: str
) -> None:
    wrong = change("communities", "grove", "rooms", "thursday", to=value, document=CONFIG)
    with pytest.raises(DocumentErrors) as caught:
        amend(author.config, [wrong], today=TODAY)
    assert says in str(caught.value)
    assert not (author.place / "data/overlay").exists()
    assert author.load().documents.communities[0].room(RoomKey("thursday")) is None


def test_it_is_known_who_added_a_room(author: Author) -> None:
    (kept,) = amend(author.config, [THURSDAY], today=TODAY).amendments
    assert kept.by == UserId("@ana:grove.example")
