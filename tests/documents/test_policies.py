"""What can be written in a policy, what becomes of it, and what is said about what cannot."""

from __future__ import annotations

from datetime import time

import pytest

from orchestrator.documents.policy import (
    Action,
    BanList,
    Files,
    Hands,
    Links,
    Mentions,
    Names,
    Often,
    Policy,
    Unless,
)
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import RoomKey

from .authors import FAR, Author

POLICY = "policies/gentle-circle.yaml"


def with_rule(author: Author, when: str, then: str = "nudge", *more: str) -> None:
    lines = [f"  - id: mine\n    when: {when}\n    then: {then}\n    because: Please read what we agreed on.\n"]
    author.edit(POLICY, "\nrules:\n", "\nrules:\n" + lines[0] + "".join(f"    {line}\n" for line in more))


def policy(author: Author) -> Policy:
    return author.load().policies["gentle-circle"]


def in_tuesday(author: Author) -> Policy:
    room = author.load().documents.communities[0].room(RoomKey("tuesday"))
    assert room is not None
    assert room.policy is not None
    return room.policy


def errors(author: Author) -> list[str]:
    return [error.partition(POLICY)[2] for error in author.errors()]


@pytest.mark.parametrize(
    ("when", "key", "expected"),
    [
        ("{words: [buy followers, casino]}", "words", ("buy followers", "casino")),
        (r"{patterns: ['\bfree\s+coins\b']}", "patterns", (r"\bfree\s+coins\b",)),
        ("{links: {}}", "links", Links(allow=())),
        ("{links: {allow: [grove.example]}}", "links", Links(allow=("grove.example",))),
        ("{links: {deny: [bad.example]}}", "links", Links(allow=None, deny=("bad.example",))),
        ("{files: {}}", "files", Files()),
        (
            "{files: {kinds: [video, image], types: ['application/*']}}",
            "files",
            Files(kinds=frozenset({"video", "image"}), types=("application/*",)),
        ),
        ("{mentions: {room: true, at_least: 5}}", "mentions", Mentions(room=True, at_least=5)),
        ("{repeats: {times: 4, within: 5m}}", "repeats", Often(times=4, within_ms=5 * MINUTE_MS)),
        ("{rate: {times: 15, within: 1m}}", "rate", Often(times=15, within_ms=MINUTE_MS)),
        (
            "{names: {words: [support team], like_staff: true}}",
            "names",
            Names(words=("support team",), like_staff=True),
        ),
        ("{invitations: true, member_for_less_than: 3d}", "member_for_less_than_ms", 3 * DAY_MS),
        ("{invitations: true, rooms: [tuesday]}", "rooms", ("tuesday",)),
        ('{invitations: true, between: "22:00-07:00"}', "between", QuietHours(time(22), time(7))),
        ("{words: [casino], outside_spoiler: true}", "outside_spoiler", True),
        ("{words: [casino], roles: [staff]}", "for_staff", True),
        (
            "{words: [casino], unless_reacted: {with: ['✅'], within: 10m}}",
            "unless_reacted",
            Unless(keys=("✅",), within_ms=10 * MINUTE_MS, by="staff"),
        ),
    ],
)
def test_everything_that_a_rule_can_look_for_can_be_written(
    author: Author, when: str, key: str, expected: object
) -> None:
    with_rule(author, when)
    rule = next(rule for rule in policy(author).rules if rule.id == "mine")
    assert getattr(rule.when, key) == expected
    assert errors(author) == []


@pytest.mark.parametrize(
    ("when", "then", "said"),
    [
        ("{member_for_less_than: 3d}", "nudge", "Say what this rule looks for"),
        ("{mentions: {}}", "nudge", "Say which mentions"),
        ("{names: {}}", "nudge", "Say which names"),
        ("{names: {like_staff: true}, words: [a]}", "nudge", "make two rules of this"),
        ("{names: {like_staff: true}}", "remove", "A name cannot be taken down"),
        ("{words: [casino]}", "remove", "Rules on words misfire on people in distress"),
        ("{patterns: [casino]}", "mute", "Rules on words misfire on people in distress"),
        ("{words: [casino], roles: [staff]}", "raise", "can only observe or nudge"),
        ("{words: ['!!']}", "nudge", "at least one letter or digit"),
        ("{patterns: ['a(?=b)']}", "nudge", "cannot look around"),
        ("{patterns: ['(?<!a)b']}", "nudge", "cannot look around"),
        (r"{patterns: ['(a)\1']}", "nudge", "cannot look back"),
        ("{patterns: ['a(b']}", "nudge", "no pattern that RE2 understands: missing )"),
        ("{patterns: ['a*']}", "nudge", "found in every message"),
        ("{files: {types: [video]}}", "nudge", "like application/pdf"),
        ("{repeats: {times: 1, within: 5m}}", "nudge", "a whole number from 2 to 200"),
        ("{links: {allow: [https://grove.example]}}", "nudge", "Write only the domain"),
        ("{wrods: [casino]}", "nudge", "Did you mean “words”?"),
    ],
)
def test_what_no_rule_can_look_for_is_said_at_its_line(author: Author, when: str, then: str, said: str) -> None:
    with_rule(author, when, then)
    found = errors(author)
    assert any(said in error for error in found), found
    line = (author.place / POLICY).read_text(encoding="utf-8").splitlines().index(f"    when: {when}") + 1
    assert all(error.split(":")[1] in {str(line), str(line + 1), str(line - 1)} for error in found)


def test_a_mute_says_how_long_and_where(author: Author) -> None:
    with_rule(
        author, "{rate: {times: 15, within: 1m}}", "mute", "mute_for: 2h", "mute_in: community", "norm: Share the air."
    )
    rule = next(rule for rule in policy(author).rules if rule.id == "mine")
    assert (rule.then, rule.mute_ms, rule.mute_everywhere, rule.norm) == (
        Action.MUTE,
        2 * HOUR_MS,
        True,
        "Share the air.",
    )


def test_how_long_a_mute_lasts_is_for_mutes(author: Author) -> None:
    with_rule(author, "{rate: {times: 15, within: 1m}}", "nudge", "mute_for: 2h")
    assert any("then: mute" in error for error in errors(author))


def test_lists_hands_and_how_a_word_travels_can_be_written(author: Author) -> None:
    author.edit(
        POLICY,
        "\ncare:",
        '\nlists: ["#bans:example.org", {list: "!abc", via: [example.org], servers: acl}]\ntelling: thread\n'
        "hands: {answer_within: 10m, hush_for: 12h, cover_for: 1h, by_reaction: ✋, words: [red card]}\ncare:",
    )
    found = policy(author)
    assert found.lists == (BanList(room="#bans:example.org"), BanList(room="!abc", via=("example.org",), acl=True))
    assert found.telling == "thread"
    assert found.hands == Hands(
        answer_within_ms=10 * MINUTE_MS,
        hush_ms=12 * HOUR_MS,
        cover_ms=HOUR_MS,
        reaction="✋",
        words=("red card",),
    )


def test_norms_are_told_in_the_language_of_the_community(author: Author) -> None:
    before = policy(author).norms
    author.edit(POLICY, "\n  summary:", '\n  version: 2\n  changes: {en: "New.", de: "Neu."}\n  summary:')
    english = in_tuesday(author)
    author.edit("config.yaml", "locale: en", "locale: de-AT")
    german = in_tuesday(author)
    assert (english.norms.changes, german.norms.changes) == ("New.", "Neu.")
    assert english.norms.version == 2
    assert before.version == 1
    assert english.norms.text == german.norms.text  # it was written once, for everyone


def test_a_reaction_that_raises_a_hand_is_warned_about(author: Author) -> None:
    author.edit(POLICY, "\ncare:", "\nhands: {by_reaction: ✋}\ncare:")
    found = author.advice()
    assert any("readable for every server" in one for one in found)


def test_a_group_is_asked_for_help_that_is_near_until_it_has_some(author: Author) -> None:
    def asked() -> bool:
        return any(one.message.startswith(FAR) and one.file.endswith(POLICY) for one in author.examine().advice)

    assert asked()
    near = '    - {text: "The night line in our town: 0800 1.", verified_on: 2026-10-02}'
    author.edit(POLICY, "  resources:\n", f"  resources:\n{near}\n")
    assert not asked()


def test_a_rule_for_a_room_that_is_not_there_is_noticed(author: Author) -> None:
    with_rule(author, "{invitations: true, rooms: [thursday]}")
    found = author.advice()
    assert any("a room that is not here: thursday" in one for one in found)
