"""What rules can look for, one kind after the other, and the conditions under which they do."""

# ruff: noqa: RUF001 - look-alikes are what this is about
from __future__ import annotations

from dataclasses import replace
from datetime import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.culture.rules import Author, Rulebook, Scene, fingerprint
from orchestrator.documents.policy import Action, Files, Links, Mentions, Mode, Names, Often, Rule, When
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, RoomKey, UserId
from tests.culture.evasions.policy import RULES, STAFF
from tests.culture.judging import ROOM, a_message, a_scene
from tests.declared import ANA, BO, CY, DEE, policy

MEMBER = Author(staff=False, since_ms=None)
LEAD = Author(staff=True, since_ms=None)


def a_rule(when: When, *, then: Action = Action.NUDGE, accept: bool = False, mode: Mode = Mode.ENFORCE) -> Rule:
    return Rule(id="rule", when=when, then=then, because="Because.", mode=mode, accept_misfires=accept)


def is_met(when: When, message: Message, author: Author = MEMBER, scene: Scene | None = None) -> bool:
    return bool(Rulebook(policy(rules=[a_rule(when)])).judge(message, author, scene or a_scene()))


def names_met(name: str, when: When | None = None, author: Author = MEMBER) -> list[str]:
    rules = RULES if when is None else [a_rule(when)]
    return [one.rule.id for one in Rulebook(policy(rules=rules)).judge_name(name, author, a_scene(), STAFF)]


# -- files -------------------------------------------------------------------------------------------------------------

PICTURE = a_message("cat.png", has_file=True, kind="m.image", media_type="image/png")
FILM = a_message("cat.mp4", has_file=True, kind="m.video", media_type="video/mp4")


@pytest.mark.parametrize(
    ("files", "message", "met"),
    [
        (Files(), PICTURE, True),
        (Files(), a_message("cat.png"), False),
        (Files(kinds=frozenset({"video"})), PICTURE, False),
        (Files(kinds=frozenset({"video"})), FILM, True),
        (Files(kinds=frozenset({"video"})), replace(FILM, kind="m.file"), True),
        (Files(kinds=frozenset({"video"})), replace(FILM, kind="m.file", media_type=""), True),
        (Files(kinds=frozenset({"video"})), replace(FILM, kind="m.image", media_type="image/png"), True),
        (Files(kinds=frozenset({"sticker"})), a_message("hi", kind="m.sticker", has_file=True), True),
        (Files(kinds=frozenset({"audio"})), a_message("a.ogg", kind="m.audio", has_file=True), True),
        (Files(types=("image/*",)), PICTURE, True),
        (Files(types=("image/png",)), replace(PICTURE, media_type="IMAGE/PNG; x=y"), True),
        (Files(types=("image/gif",)), PICTURE, False),
        (Files(types=("application/pdf",)), a_message("look", has_file=True, kind="m.file", file_name="a.PDF "), True),
        (Files(types=("application/pdf",)), a_message("a.pdf", kind="m.text"), False),
        (Files(kinds=frozenset({"audio"}), types=("video/*",)), FILM, True),
    ],
)
def test_files_are_known_by_what_they_are_sent_as_say_they_are_or_are_called(
    files: Files, message: Message, met: bool
) -> None:
    assert is_met(When(files=files), message) is met


# -- mentions ----------------------------------------------------------------------------------------------------------


def test_calling_everybody_and_calling_many_are_seen() -> None:
    many, everybody = When(mentions=Mentions(at_least=3)), When(mentions=Mentions(room=True))
    three = frozenset({ANA, BO, DEE})
    assert is_met(many, a_message(mentions=three))
    assert not is_met(many, a_message(mentions=three - {DEE}))
    assert is_met(everybody, a_message("@room hello", mentions_room=True))
    assert not is_met(everybody, a_message("the word @room in quotes", mentions=three))
    assert is_met(When(mentions=Mentions(room=True, at_least=3)), a_message(mentions=three))
    assert not is_met(When(mentions=Mentions()), a_message(mentions=three, mentions_room=True))


def test_people_are_called_by_links_and_ids_too() -> None:
    linked = "".join(f'<a href="https://matrix.to/#/%40{user}:grove.example">{user}</a>' for user in "abc")
    assert is_met(When(mentions=Mentions(at_least=3)), a_message("hi", html=linked))
    assert is_met(When(mentions=Mentions(at_least=3)), a_message("@a:x.example, @b:x.example @c:x.example"))
    assert not is_met(
        When(mentions=Mentions(at_least=2)), a_message(f"{ANA}", html=f"{ANA}", mentions=frozenset({ANA}))
    )
    assert not is_met(When(mentions=Mentions(at_least=2)), a_message("mail a@x.example or b@x.example"))


# -- how often ---------------------------------------------------------------------------------------------------------


def test_repeats_and_rate_go_by_what_the_scene_counts() -> None:
    counted: list[int] = []

    def four(within_ms: int) -> int:
        counted.append(within_ms)
        return 4

    scene = a_scene(repeated=four)
    assert is_met(When(repeats=Often(times=4, within_ms=60_000)), a_message(), scene=scene)
    assert not is_met(When(repeats=Often(times=5, within_ms=60_000)), a_message(), scene=scene)
    assert not is_met(When(rate=Often(times=2, within_ms=60_000)), a_message(), scene=scene)
    assert is_met(When(rate=Often(times=4, within_ms=1_000)), a_message(), scene=a_scene(written=four))
    assert counted == [60_000, 60_000, 1_000]


@pytest.mark.parametrize(
    "other", ["HELLO there", "h\u200bello  there!", "hеllo there", "hellooo there", "<b>hello</b> there"]
)
def test_the_same_words_have_the_same_fingerprint_however_they_are_dressed_up(other: str) -> None:
    message = a_message("", html=other) if "<" in other else a_message(other)
    same = fingerprint(a_message("hello there", html="")) == fingerprint(message)
    assert same is ("<" not in other)  # without a body, it is another message


def test_other_words_have_another_fingerprint_and_none_shows_them() -> None:
    texts = ["hello", "hello there", "🌿", "🌳", "", "12", "hi"]
    assert len({fingerprint(a_message(text)) for text in texts}) == len(texts)
    assert fingerprint(a_message("x", kind="m.image")) != fingerprint(a_message("x"))
    assert "hello" not in fingerprint(a_message("hello"))


# -- conditions --------------------------------------------------------------------------------------------------------

WORDS = When(words=("heavy",))
HEAVY = a_message("so heavy")


def test_all_of_what_a_rule_asks_must_hold() -> None:
    both = When(words=("heavy",), links=Links(deny=("evil.example",)))
    assert is_met(both, a_message("heavy https://evil.example"))
    assert not is_met(both, HEAVY)
    assert not is_met(both, a_message("https://evil.example"))


def test_staff_are_exempt_unless_a_rule_is_for_them_and_then_are_told_at_most() -> None:
    assert not is_met(WORDS, HEAVY, LEAD)
    for_staff = replace(WORDS, for_staff=True, for_members=False)
    assert not is_met(for_staff, HEAVY)
    rule = a_rule(for_staff, then=Action.REMOVE, accept=True)
    (verdict,) = Rulebook(policy(rules=[rule])).judge(HEAVY, LEAD, a_scene())
    assert (verdict.rule.then, verdict.rule.id, verdict.acts) == (Action.NUDGE, rule.id, True)


@pytest.mark.parametrize(
    ("then", "accept", "acts"),
    [
        (Action.REMOVE, False, False),
        (Action.MUTE, False, False),
        (Action.REMOVE, True, True),
        (Action.MUTE, True, True),
        (Action.NUDGE, False, True),
        (Action.RAISE, False, True),
        (Action.OBSERVE, True, False),
    ],
)
def test_rules_on_words_take_nothing_away_unless_their_author_accepts_that_they_misfire(
    then: Action, accept: bool, acts: bool
) -> None:
    for when in (WORDS, When(patterns=("heavy",))):
        (verdict,) = Rulebook(policy(rules=[a_rule(when, then=then, accept=accept)])).judge(HEAVY, MEMBER, a_scene())
        assert verdict.acts is acts


def test_a_rule_holds_in_its_rooms() -> None:
    assert is_met(replace(WORDS, rooms=(RoomKey("tuesday"),)), HEAVY)
    assert not is_met(replace(WORDS, rooms=(RoomKey("lounge"),)), HEAVY)


def test_a_rule_holds_at_its_hours_where_people_live_by_when_it_was_written() -> None:
    night = replace(WORDS, between=QuietHours(time(22), time(7)))
    midnight_ms = 1_767_654_000_000  # 00:00 in Berlin, 23:00 in London
    assert is_met(night, replace(HEAVY, at_ms=midnight_ms))
    assert not is_met(night, replace(HEAVY, at_ms=midnight_ms + 12 * HOUR_MS))
    morning = a_scene(at_ms=midnight_ms - 17 * HOUR_MS)
    assert not is_met(night, replace(HEAVY, at_ms=midnight_ms), scene=replace(morning, at_ms=morning.at_ms))
    late = a_scene(zone=ZoneInfo("Asia/Tokyo"))
    assert not is_met(night, replace(HEAVY, at_ms=midnight_ms), scene=late)


@pytest.mark.parametrize("at_ms", [-(10**18), 0, 10**18])
def test_no_time_that_a_server_claims_makes_the_judge_stumble(at_ms: int) -> None:
    is_met(replace(WORDS, between=QuietHours(time(22), time(7))), replace(HEAVY, at_ms=at_ms))


# -- spoilers ----------------------------------------------------------------------------------------------------------

OUTSIDE = replace(WORDS, outside_spoiler=True)


@pytest.mark.parametrize(
    ("body", "html", "met"),
    [
        ("it was heavy", "", True),
        ("||it was heavy||", "", False),
        ("||it was|| heavy", "", True),
        ("it was heavy", "<span data-mx-spoiler>it was heavy</span>", False),
        ("it was heavy", '<span data-mx-spoiler="loss">it was heavy</span>', False),
        ("x", '<span data-mx-spoiler="heavy">it was</span>', True),
        ("x", "<span data-mx-spoiler>it <span>was</span> heavy</span>", False),
        ("x", "<span data-mx-spoiler>it was</span> heavy", True),
        ("x", "<span>it was</span> heavy", True),
        ("heavy", "<span data-mx-spoiler>other</span>", True),
        ("heavy [spoiler]", "<span data-mx-spoiler>heavy</span>", False),
        ("x", "<span title='data-mx-spoiler'>heavy</span>", True),
        ("x", '<span title="a data-mx-spoiler b">heavy</span>', True),
        ("x", "<span data-mx-color=' data-mx-spoiler '>heavy</span>", True),
        ("x", "<p data-mx-spoiler>heavy</p>", True),  # apps hide spans alone
        ("x", "<b data-mx-spoiler>heavy</b>", True),
        ("x", '<SPAN class="a" data-mx-spoiler = "loss">heavy</SPAN>', False),
        ("x", "<p>||heavy||</p>", False),
    ],
)
def test_what_is_hidden_is_let_be_where_a_rule_says_so(body: str, html: str, met: bool) -> None:
    assert is_met(OUTSIDE, a_message(body, html=html)) is met
    assert is_met(WORDS, a_message(body, html=html))


def test_links_and_invitations_in_a_spoiler_are_let_be_where_a_rule_says_so() -> None:
    link = '<span data-mx-spoiler><a href="https://evil.example">x</a></span>'
    hidden = a_message("x", html=link)
    assert is_met(When(links=Links(allow=())), hidden)
    assert not is_met(When(links=Links(allow=()), outside_spoiler=True), hidden)
    assert not is_met(When(invitations=True, outside_spoiler=True), a_message("||#party:evil.example||"))
    assert is_met(When(invitations=True), a_message("||#party:evil.example||"))


# -- invitations -------------------------------------------------------------------------------------------------------


def test_nobody_is_lured_to_the_room_they_are_in_or_to_one_of_the_communitys() -> None:
    invitations = When(invitations=True)
    ours = a_scene(is_ours=lambda name: name == "#lounge:grove.example")
    assert not is_met(invitations, a_message(f"https://matrix.to/#/{ROOM}/$event?via=grove.example"))
    assert is_met(invitations, a_message("#lounge:grove.example"))
    for text in (
        "#lounge:grove.example",
        "https://matrix.to/#/%23lounge:grove.example",
        "matrix:r/lounge:grove.example",
    ):
        assert not is_met(invitations, a_message(text), scene=ours), text
    assert is_met(invitations, a_message("#lounge:grove.example or #party:evil.example"), scene=ours)


def test_an_invitation_in_the_markup_alone_is_seen() -> None:
    html = '<a href="https://matrix.to/#/#party:evil.example">here</a>'
    assert is_met(When(invitations=True), a_message("here", html=html))


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Ana", "ana", "ANA", "A n a", "Ana 🌿", "Ana (moderator)", "Moderator Ana", "Аna", "Аnа", "Ànà", "An\u200ba",
        "A.N.A.", "4na", "@ana:grove.example", "@ana:evil.example", "Bo  Berg", "B0 Berg", "BoBerg", "Bo Berg [lead]",
        "Circlekeeper", "Clrclekeeper", "CircIekeeper", "Circlekeeper Bot", "keeper", "Dr. Mira Holm", "Dr Mlra Holrn",
        "𝓐𝓷𝓪", "Official Circlekeeper", "ⓀⒺⒺⓅⒺⓇ",
    ],
)  # fmt: skip
def test_a_name_that_looks_like_one_of_those_who_are_trusted_is_seen(name: str) -> None:
    assert "names" in names_met(name)


@pytest.mark.parametrize(
    "name",
    ["Anna", "Anastasia", "Diana", "An", "Bo", "Berg", "Bob Berger", "Mira", "Holm", "Ana Maria", "Timekeeper", "Circle",
     "Zookeeper", "", " ", "🌿", "Аня", "安娜", "mod", "bot", "Administrated", "Slutsky", "Hannah", "Nana"],
)  # fmt: skip
def test_a_name_of_ones_own_is_let_be(name: str) -> None:
    assert names_met(name) == []


@pytest.mark.parametrize(
    "name", ["admin", "A D M I N", "аdmin", "4dm1n", "The $lut", "https://evil.example", "ｓｌｕｔ"]
)
def test_words_and_patterns_are_looked_for_in_names(name: str) -> None:
    assert names_met(name) == ["names"]


def test_a_rule_on_names_is_met_by_no_message_and_one_on_words_by_no_name() -> None:
    assert not is_met(When(names=Names(words=("heavy",))), HEAVY)
    assert names_met("heavy", WORDS) == []


def test_staff_may_be_called_what_they_are() -> None:
    assert names_met("Ana", author=LEAD) == []
    assert names_met("Ana", When(names=Names(like_staff=True), for_staff=True), author=LEAD) == []


# -- edits and quotations ----------------------------------------------------------------------------------------------


def test_words_that_somebody_else_said_are_not_ones_own() -> None:
    quoting = a_message("> <@ana:grove.example> so heavy\n\nthank you", reply_to=EventId("$q"))
    assert not is_met(WORDS, quoting)
    assert is_met(WORDS, replace(quoting, body=f"{quoting.body}, heavy"))
    assert is_met(WORDS, replace(quoting, reply_to=None))
    assert is_met(WORDS, replace(quoting, sender=UserId("@ana:grove.example")))


EVERYTHING = Rulebook(policy(rules=RULES))


@given(
    st.text(),
    st.text(),
    st.text(),
    st.booleans(),
    st.sampled_from(["m.text", "m.image", "m.sticker", "m.poll.start", ""]),
)
def test_no_message_and_no_name_makes_the_judge_stumble(body: str, html: str, name: str, more: bool, kind: str) -> None:
    message = a_message(
        body, html=html, also=(html, body), file_name=name, has_file=more, kind=kind, media_type=name,
        reply_to=EventId("$q") if more else None, mentions=frozenset({CY}),
    )  # fmt: skip
    EVERYTHING.judge(message, MEMBER, a_scene())
    EVERYTHING.judge_name(name, MEMBER, a_scene(), STAFF)
    assert len(fingerprint(message)) == 32
