from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.matrix.decode import decode_event, decode_room
from orchestrator.model.events import Event, Member, Message, Other, Reaction, Redaction, State, Unreadable
from orchestrator.model.ids import CAUSE_FIELD, Json, JsonObject, RoomId, UserId

ROOM = RoomId("!circle:grove.example")
ME = UserId("@keeper:grove.example")
ANA = UserId("@ana:grove.example")
CANARY = "a sad and private sentence"


class Vault:
    """Opens what the tests sealed: session id to what comes out of it."""

    def __init__(self, **opened: JsonObject | Exception) -> None:
        self._opened = opened

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        assert room == ROOM
        content = raw_event["content"]
        assert isinstance(content, Mapping)
        found = self._opened.get(str(content.get("session_id")))
        if isinstance(found, Exception):
            raise found
        return None if found is None else {**raw_event, **found}


def raw(type_: str = "m.room.message", content: Json = None, **more: Any) -> dict[str, Any]:
    said: Json = {"msgtype": "m.text", "body": "hello"} if content is None else content
    event = {"type": type_, "content": said, "event_id": "$1", "sender": ANA, "origin_server_ts": 1_000}
    return {key: value for key, value in (event | more).items() if value is not ...}


def text(body: str = "hello", fields: JsonObject | None = None) -> dict[str, Json]:
    return {"msgtype": "m.text", "body": body, **(fields or {})}


def decoded(event: Json, **opened: JsonObject | Exception) -> Event | None:
    return decode_event(event, ROOM, Vault(**opened))


def message(content: Json, **more: Any) -> Message:
    event = decoded(raw(content=content, **more))
    assert isinstance(event, Message)
    return event


def test_a_message_is_read_whole() -> None:
    event = decoded(
        raw(
            content=text(
                "hello Bo",
                {
                    "format": "org.matrix.custom.html",
                    "formatted_body": "hello <b>Bo</b>",
                    "m.mentions": {"user_ids": ["@bo:grove.example"], "room": True},
                    CAUSE_FIELD: "cause-1",
                },
            ),
            unsigned={"transaction_id": "ck-1"},
            room_id=ROOM,
        )
    )

    assert event == Message(
        room=ROOM,
        id="$1",  # type: ignore[arg-type]
        sender=ANA,
        at_ms=1_000,
        cause="cause-1",  # type: ignore[arg-type]
        txn="ck-1",
        kind="m.text",
        body="hello Bo",
        html="hello <b>Bo</b>",
        mentions=frozenset({UserId("@bo:grove.example")}),
        mentions_room=True,
    )


def test_an_edit_is_read_with_its_new_text_and_the_mentions_it_makes_itself() -> None:
    event = message(
        text(
            "* hello Cy",
            {
                "m.new_content": text("hello Cy", {"m.mentions": {"user_ids": ["@bo:grove.example"]}}),
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$0"},
                "m.mentions": {"user_ids": ["@cy:grove.example"]},
            },
        )
    )

    assert (event.edits, event.body) == ("$0", "hello Cy")
    assert event.mentions == {UserId("@cy:grove.example")}


@pytest.mark.parametrize("new", [None, "words", [], {}, {"msgtype": "m.text"}, {"body": 5}])
def test_an_edit_without_a_new_text_is_read_with_what_old_clients_show(new: Json) -> None:
    event = message(
        text("* see spam.example", {"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": "$0"}})
    )

    assert (event.edits, event.body) == ("$0", "* see spam.example")


@pytest.mark.parametrize(
    "content",
    [
        text("* https://spam.example", {"m.new_content": text("hello")}),
        text("* hello", {"m.new_content": {"msgtype": "m.text", "formatted_body": "<b>https://spam.example</b>"}}),
        text("* hello", {"formatted_body": "* https://spam.example", "m.new_content": text("hello")}),
    ],
)
def test_what_an_edit_says_beside_its_new_text_is_read_too(content: JsonObject) -> None:
    event = message({**content, "m.relates_to": {"rel_type": "m.replace", "event_id": "$0"}})

    assert "spam.example" in " ".join((event.body, event.html, *event.also))
    assert CANARY not in repr(message({**text(CANARY), "m.new_content": text(CANARY)}))


def test_a_message_that_is_no_edit_says_nothing_beside_its_text() -> None:
    assert message(text(fields={"m.new_content": text("hi")})).also == ("", "")


@pytest.mark.parametrize(
    ("type_", "content"),
    [
        (
            "org.matrix.msc3381.poll.start",
            {
                "org.matrix.msc1767.text": "Tea?\n1. yes",
                "org.matrix.msc3381.poll.start": {
                    "question": {"org.matrix.msc1767.text": "Tea?", "body": "Tea?", "msgtype": "m.text"},
                    "answers": [{"id": "1", "org.matrix.msc1767.text": "see spam.example"}],
                    "kind": "org.matrix.msc3381.poll.disclosed",
                },
            },
        ),
        (
            "m.poll.start",
            {
                "m.poll": {
                    "question": {"m.text": [{"body": "Tea?"}]},
                    "answers": [{"m.id": "1", "m.text": [{"mimetype": "text/plain", "body": "see spam.example"}]}],
                }
            },
        ),
    ],
)
def test_a_poll_is_read_with_its_question_and_its_answers(type_: str, content: JsonObject) -> None:
    event = decoded(raw(type_, content))

    assert isinstance(event, Message)
    assert event.kind == "m.poll.start"
    assert "Tea?" in event.body
    assert "see spam.example" in event.body
    assert "disclosed" not in event.body


def test_a_poll_however_deep_is_read_without_stumbling() -> None:
    deep: Json = {"m.text": "see spam.example"}
    for _ in range(900):
        deep = [deep]
    event = decoded(raw("m.poll.start", {"m.poll": deep, "m.text": "Tea?"}))

    assert isinstance(event, Message)
    assert event.body == "Tea?"


def test_new_content_counts_only_in_an_edit() -> None:
    assert message(text("see spam.example", {"m.new_content": text("harmless")})).body == "see spam.example"


@pytest.mark.parametrize(
    ("relation", "reply_to", "thread"),
    [
        ({"m.in_reply_to": {"event_id": "$0"}}, "$0", None),
        ({"rel_type": "m.thread", "event_id": "$root"}, None, "$root"),
        ({"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$0"}}, "$0", "$root"),
        (
            {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True, "m.in_reply_to": {"event_id": "$0"}},
            None,
            "$root",
        ),
        ({"m.in_reply_to": "$0"}, None, None),
        ({"m.in_reply_to": {"event_id": "not an id"}}, None, None),
        ({"rel_type": "m.thread", "event_id": 5}, None, None),
        ({"rel_type": ["m.thread"], "event_id": "$root"}, None, None),
        ("$0", None, None),
        ([{"rel_type": "m.thread"}], None, None),
        (None, None, None),
    ],
)
def test_replies_and_threads_are_told_apart_and_bad_relations_only_lose_themselves(
    relation: Json, reply_to: str | None, thread: str | None
) -> None:
    event = message(text(fields={"m.relates_to": relation}))

    assert (event.body, event.reply_to, event.thread, event.edits) == ("hello", reply_to, thread, None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (text("@room come", {"m.mentions": {}}), False),
        (text("@room come", {"m.mentions": {"room": True}}), True),
        (text("@room come"), True),
        (text("hey @room!"), True),
        (text("mail me@room.example or see @rooms"), False),
        (text(fields={"m.mentions": {"room": "yes"}}), False),
        (text(fields={"m.mentions": ["@bo:grove.example"]}), False),
        (text(fields={"m.mentions": {"user_ids": "@bo:grove.example"}}), False),
        (text(fields={"m.mentions": {"user_ids": [5, None, {}, "words", "@bo", "@\ud800:x"]}}), False),
    ],
)
def test_everybody_is_mentioned_only_by_who_asks_for_it(content: JsonObject, expected: bool) -> None:
    event = message(content)

    assert (event.mentions_room, event.mentions) == (expected, frozenset())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"msgtype": "m.image", "body": "a.png", "url": "mxc://grove.example/a"}, True),
        ({"msgtype": "m.file", "body": "a.pdf", "file": {"url": "mxc://grove.example/a"}}, True),
        ({"msgtype": "m.audio", "url": "mxc://grove.example/a"}, True),
        ({"msgtype": "m.video", "body": "a", "url": 5, "file": []}, False),
        ({"msgtype": "org.example.scan", "body": "a", "url": "mxc://grove.example/a"}, True),
        (text(fields={"url": "mxc://grove.example/a"}), False),
    ],
)
def test_a_message_has_a_file_when_clients_show_one(content: JsonObject, expected: bool) -> None:
    assert message(content).has_file is expected


def test_a_file_says_what_it_is_and_what_it_is_called() -> None:
    content: JsonObject = {
        "msgtype": "m.image",
        "body": "a word beside it",
        "filename": "meadow.svg",
        "url": "mxc://grove.example/a",
        "info": {"mimetype": "image/svg+xml"},
    }
    event = message(content)
    assert (event.media_type, event.file_name, event.body) == ("image/svg+xml", "meadow.svg", "a word beside it")
    assert "meadow" not in repr(event)


def test_a_sticker_is_a_message_with_a_file() -> None:
    event = decoded(raw("m.sticker", {"body": "a hug", "url": "mxc://grove.example/hug"}))

    assert isinstance(event, Message)
    assert (event.kind, event.body, event.has_file) == ("m.sticker", "a hug", True)


@pytest.mark.parametrize(
    "content",
    [
        {"body": "see spam.example"},
        {"msgtype": 5, "body": "see spam.example"},
        {"msgtype": CANARY, "body": "see spam.example"},
        {"msgtype": "m.text", "body": "see spam.example", "formatted_body": 5, "format": []},
        {"msgtype": "m.text", "body": "see spam.example", "m.relates_to": 5, "m.mentions": 5, CAUSE_FIELD: 5},
    ],
)
@pytest.mark.parametrize("unsigned", [None, 5, {"transaction_id": 5, "prev_content": 5}])
def test_what_is_wrong_around_a_text_does_not_hide_the_text(content: JsonObject, unsigned: Json) -> None:
    assert message(content, unsigned=unsigned).body == "see spam.example"


@pytest.mark.parametrize("at_ms", [-5, 2**60, 0])
def test_a_lie_about_the_time_does_not_hide_a_message_and_fits_a_database(at_ms: int) -> None:
    assert 0 <= message(text(), origin_server_ts=at_ms).at_ms < 2**53


def test_html_counts_only_where_clients_show_it() -> None:
    assert message(text(fields={"formatted_body": "<b>hello</b>"})).html == ""


@pytest.mark.parametrize(
    "event",
    [
        raw(type=5),
        raw(type=...),
        raw(content=[]),
        {key: value for key, value in raw().items() if key != "content"},
        raw(origin_server_ts="now"),
        raw(origin_server_ts=True),
        raw(origin_server_ts=1.5),
        raw(origin_server_ts=...),
        raw(room_id="!other:grove.example"),
        raw(room_id=None),
        raw(content={}),
        raw(content={"msgtype": 5, "body": 5}),
        raw("m.sticker", {}),
        raw("m.reaction", {}),
        raw("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$0"}}),
        raw("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$0", "key": 5}}),
        raw("m.reaction", {"m.relates_to": {"rel_type": "m.thread", "event_id": "$0", "key": "+"}}),
        raw("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "me too", "key": "+"}}),
        raw("m.room.redaction", {"redacts": 5}),
        raw("m.room.redaction", {}),
        raw("m.poll.start", {"question": "?"}),
        raw("m.room.member", {"membership": "join"}, state_key=5),
        raw("m.room.member", {"membership": "join"}, state_key="bo"),
        raw("m.room.member", {"membership": "absent"}, state_key=ANA),
        raw("m.room.member", {"membership": ["join"]}, state_key=ANA),
        raw("m.room.member", {}, state_key=ANA),
        raw("m.room.encrypted", {}),
        raw("m.room.encrypted", {"session_id": 5}),
        raw("m.room.encrypted", {"session_id": "with words"}),
        raw(unsigned={"redacted_because": {"type": "m.room.redaction"}}),
    ],
)
def test_what_nobody_can_read_is_counted_as_seen(event: Json) -> None:
    found = decoded(event)

    assert isinstance(found, Other)
    assert found.id == "$1"


@pytest.mark.parametrize(
    "event",
    [
        None,
        5,
        "words",
        [],
        {},
        raw(event_id=...),
        raw(event_id=5),
        raw(event_id=""),
        raw(event_id="1"),
        raw(event_id="$" + "x" * 300),
        raw(event_id="$with words"),
        raw(sender=...),
        raw(sender=5),
        raw(sender="ana"),
        raw(sender="@ana"),
        raw(sender="@\ud800:grove.example"),
        raw(sender="@" + "x" * 300 + ":grove.example"),
    ],
)
def test_what_cannot_be_counted_is_nothing(event: Json) -> None:
    assert decoded(event) is None


def test_people_with_odd_ids_are_heard_too() -> None:
    assert message(text("see spam.example"), sender="@jörg ☃:grove.example").sender == "@jörg ☃:grove.example"


def test_a_reaction_is_read() -> None:
    event = decoded(raw("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$0", "key": "🌱"}}))

    assert isinstance(event, Reaction)
    assert (event.target, event.key) == ("$0", "🌱")


@pytest.mark.parametrize(
    "event",
    [
        raw("m.room.redaction", {"redacts": "$0", "reason": CANARY}),
        raw("m.room.redaction", {"reason": CANARY}, redacts="$0"),
        raw("m.room.redaction", {}, redacts="$0"),
        raw("m.room.redaction", {"redacts": "$0"}, redacts="$0"),
        raw("m.room.redaction", {"redacts": 5}, redacts="$0"),
    ],
)
def test_a_redaction_is_read_in_every_room_version(event: Json) -> None:
    found = decoded(event)

    assert isinstance(found, Redaction)
    assert found.target == "$0"


@pytest.mark.parametrize(
    ("more", "before"),
    [
        ({"unsigned": {"prev_content": {"membership": "invite"}}}, "invite"),
        ({"prev_content": {"membership": "ban"}}, "ban"),
        ({"unsigned": {"prev_content": {"membership": 5}}}, None),
        ({"unsigned": {"prev_content": "join"}}, None),
        ({}, None),
    ],
)
def test_a_membership_is_read_with_the_one_before_and_without_anybodys_words(
    more: dict[str, Any], before: str | None
) -> None:
    content = {"membership": "join", "displayname": CANARY, "reason": CANARY, CAUSE_FIELD: "c"}
    event = decoded(raw("m.room.member", content, state_key="@bo:grove.example", **more))

    assert isinstance(event, Member)
    assert (event.user, event.membership, event.before, event.sender) == ("@bo:grove.example", "join", before, ANA)
    assert (event.direct, event.cause, event.name) == (False, "c", CANARY)
    assert CANARY not in repr(event)


def test_somebody_whose_join_was_redacted_is_in_the_room_all_the_same() -> None:
    redacted = raw(
        "m.room.member", {"membership": "join"}, state_key=ANA, unsigned={"redacted_because": {"event_id": "$9"}}
    )

    assert isinstance(decoded(redacted), Member)


def test_state_is_kept_as_it_is_as_far_as_it_can_be_stored() -> None:
    lists: Json = "end"
    objects: Json = "end"
    for _ in range(900):
        lists, objects = [lists], {"deeper": objects}
    odd: list[Json] = ["\udfff", lists, objects]
    content: JsonObject = {"users": {"@bo:grove.example": 50}, "half \ud800": odd}
    event = decoded(raw("m.room.power_levels", content, state_key=""))

    assert isinstance(event, State)
    assert (event.type, event.key) == ("m.room.power_levels", "")
    assert event.content["users"] == {"@bo:grove.example": 50}
    written = json.dumps(event.content, ensure_ascii=False).encode()
    assert written.count(b"deeper") < 200
    assert written.count(b"[") < 200


SEALED = raw("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "s1", CAUSE_FIELD: "outer"})


def test_an_encrypted_message_is_read_when_its_key_is_there() -> None:
    event = decoded(SEALED, s1={"type": "m.room.message", "content": text(CANARY), "room_id": ROOM})

    assert isinstance(event, Message)
    assert (event.body, event.encrypted, event.sender, event.cause) == (CANARY, True, ANA, "outer")
    assert CANARY not in repr(event)


def test_a_message_without_its_key_is_unreadable_and_says_which_key() -> None:
    event = decoded(SEALED)

    assert isinstance(event, Unreadable)
    assert (event.session, event.encrypted, event.cause) == ("s1", True, "outer")


def test_the_sealed_cause_counts_more_than_the_one_outside() -> None:
    event = decoded(SEALED, s1={"type": "m.room.message", "content": text(fields={CAUSE_FIELD: "inner"})})

    assert event is not None
    assert event.cause == "inner"


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "m.room.message", "content": text(), "room_id": "!other:grove.example"},
        {"type": "m.room.message", "content": text(), "room_id": 5},
        {"type": "m.room.member", "content": {"membership": "ban"}, "state_key": ANA},
        {"type": "m.room.power_levels", "content": {}, "state_key": ""},
        {"type": "m.room.redaction", "content": {"redacts": "$0"}},
        {"type": "m.room.encrypted", "content": {"session_id": "s1"}},
        {"type": 5, "content": text()},
        {"type": "m.room.message", "content": "words"},
    ],
)
def test_what_may_not_be_sealed_has_no_effect(payload: JsonObject) -> None:
    found = decoded(SEALED, s1=payload)

    assert isinstance(found, Other)
    assert found.encrypted


@pytest.mark.parametrize("field", ["sender", "event_id", "origin_server_ts", "unsigned"])
def test_what_is_sealed_says_nothing_about_its_envelope(field: str) -> None:
    forged: dict[str, Json] = {"type": "m.room.message", "content": text(), field: "@lead:grove.example"}
    plain = decoded(SEALED, s1={"type": "m.room.message", "content": text()})

    assert decoded(SEALED, s1=forged) == plain


def test_a_failing_key_store_leaves_the_event_for_later() -> None:
    assert isinstance(decoded(SEALED, s1=RecursionError("too deep")), Unreadable)


# -- rooms -------------------------------------------------------------------------------------------------------------


def test_a_joined_room_is_read() -> None:
    section: JsonObject = {
        "state": {
            "events": [raw("m.room.topic", {"topic": CANARY}, state_key="", event_id="$t"), raw(event_id="$m"), 5]
        },
        "timeline": {
            "events": [
                raw(event_id="$a"),
                raw("m.room.member", {"membership": "leave"}, state_key=ANA, event_id="$b"),
                {},
            ],
            "limited": True,
        },
    }
    update = decode_room(section, ROOM, "join", me=ME, crypto=Vault())

    assert update is not None
    assert [event.id for event in update.state] == ["$t"]
    assert [event.id for event in update.timeline] == ["$a", "$b"]
    assert (update.membership, update.limited) == ("join", True)
    assert CANARY not in repr(update)


@pytest.mark.parametrize("timeline", [{"events": []}, {"events": [], "limited": False}])
def test_a_room_in_which_nothing_happened_is_in_order(timeline: Json) -> None:
    update = decode_room({"timeline": timeline, "state": {}}, ROOM, "join", me=ME, crypto=Vault())

    assert update is not None
    assert (update.timeline, update.limited) == ((), False)


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"timeline": None},
        {"timeline": {"events": [], "limited": True}},
        {"timeline": {"events": [], "limited": "no"}},
        {"timeline": {"events": [], "limited": None}},
    ],
)
def test_what_is_not_clearly_whole_is_read_from_history(section: Json) -> None:
    update = decode_room(section, ROOM, "join", me=ME, crypto=Vault())

    assert update is not None
    assert update.limited


@pytest.mark.parametrize(
    "section",
    [
        None,
        5,
        "words",
        [],
        {"timeline": {}},
        {"timeline": {"limited": True}},
        {"timeline": {"events": {}}},
        {"timeline": {"events": None}},
        {"timeline": []},
        {"timeline": {"events": []}, "state": []},
        {"timeline": {"events": []}, "state": {"events": 5}},
    ],
)
def test_a_part_that_makes_no_sense_is_told_apart_from_an_empty_one(section: Json) -> None:
    assert decode_room(section, ROOM, "join", me=ME, crypto=Vault()) is None
    assert decode_room(section, ROOM, "leave", me=ME, crypto=Vault()) is None


def test_a_room_we_left_shows_how() -> None:
    kick = raw("m.room.member", {"membership": "leave"}, state_key=ME)
    update = decode_room({"timeline": {"events": [kick]}}, ROOM, "leave", me=ME, crypto=Vault())

    assert update is not None
    (event,) = update.timeline
    assert isinstance(event, Member)
    assert (update.membership, event.user, event.sender) == ("leave", ME, ANA)


def stripped(type_: str, content: Json, key: Json = "", sender: Json = ANA) -> dict[str, Json]:
    return {"type": type_, "state_key": key, "content": content, "sender": sender}


def test_an_invite_says_who_asks_and_what_for() -> None:
    section: JsonObject = {
        "invite_state": {
            "events": [
                5,
                {},
                {"type": "m.room.name", "content": {"name": CANARY}, "sender": ANA},
                stripped("m.room.create", {"type": "m.space"}),
                stripped("m.room.member", {"membership": "invite"}, ME, "@forged:evil.example"),
                stripped("m.room.member", {"membership": "join"}, ANA),
                stripped("m.room.member", {"membership": "invite", "is_direct": True}, ME),
            ]
        }
    }
    update = decode_room(section, ROOM, "invite", me=ME, crypto=Vault())

    assert update is not None
    assert (update.invited_by, update.direct, update.timeline) == (ANA, True, ())
    assert [type(event) for event in update.state] == [State, Member, Member, Member]
    assert CANARY not in repr(update)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [stripped("m.room.member", {"membership": "invite", "is_direct": True}, "@bo:grove.example")],
        [stripped("m.room.member", {"membership": "join", "is_direct": True}, ME)],
        [stripped("m.room.member", {"membership": "invite", "is_direct": True}, ME, 5)],
    ],
)
def test_an_invite_that_does_not_say_who_asks_is_nobodys(events: list[Json]) -> None:
    update = decode_room({"invite_state": {"events": events}}, ROOM, "invite", me=ME, crypto=Vault())

    assert update is not None
    assert (update.invited_by, update.direct) == (None, False)


def test_an_invite_is_direct_only_when_it_says_so() -> None:
    invite = stripped("m.room.member", {"membership": "invite", "is_direct": "yes"}, ME)
    update = decode_room({"invite_state": {"events": [invite]}}, ROOM, "invite", me=ME, crypto=Vault())

    assert update is not None
    assert (update.invited_by, update.direct) == (ANA, False)


def test_a_knock_is_read() -> None:
    section: JsonObject = {"knock_state": {"events": [stripped("m.room.member", {"membership": "knock"}, ME, ME)]}}
    update = decode_room(section, ROOM, "knock", me=ME, crypto=Vault())

    assert update is not None
    assert (update.membership, update.invited_by, len(update.state)) == ("knock", None, 1)


# -- anything at all ---------------------------------------------------------------------------------------------------

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**70,
    float("nan"),
    "",
    "words",
    "$0",
    "@bo:x",
    "half \ud800",
    ME,
    ROOM,
]
ODD += [[], {}, [[]], [{}], ["$0", 5], {"": 5}, {"event_id": 5}, {"rel_type": []}, {"body": "x"}, {"user_ids": 5}]
MISSING = object()


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with what belongs under these keys, but for at most two, which hold something odd or are missing."""
    named = {key.replace("__", "."): value for key, value in fields.items()}
    spoilt = st.dictionaries(st.sampled_from(sorted(named)), st.sampled_from([*ODD, MISSING]), max_size=2)
    return st.builds(
        lambda whole, odd: {key: value for key, value in (whole | odd).items() if value is not MISSING},
        st.fixed_dictionaries(named),
        spoilt,
    )


RELATIONS = shaped(
    rel_type=st.sampled_from(["m.replace", "m.thread", "m.annotation"]),
    event_id=st.just("$0"),
    key=st.just("+"),
    m__in_reply_to=shaped(event_id=st.just("$0")),
)
CONTENTS = shaped(
    msgtype=st.just("m.text"),
    body=st.sampled_from(["hello", "half \ud800"]),
    format=st.just("org.matrix.custom.html"),
    formatted_body=st.just("<b>hello</b>"),
    m__relates_to=RELATIONS,
    m__new_content=shaped(body=st.just("new"), msgtype=st.just("m.text")),
    m__mentions=shaped(user_ids=st.just(["@bo:grove.example"]), room=st.booleans()),
    membership=st.sampled_from(["join", "leave"]),
    redacts=st.just("$0"),
    session_id=st.just("s1"),
    url=st.just("mxc://grove.example/a"),
)
TYPES = ["m.room.message", "m.sticker", "m.reaction", "m.room.redaction", "m.room.encrypted"]
SAID = {
    "event_id": st.just("$1"),
    "sender": st.just(ANA),
    "origin_server_ts": st.integers(),
    "content": CONTENTS,
    "unsigned": shaped(transaction_id=st.just("ck-1"), prev_content=CONTENTS),
    "room_id": st.just(ROOM),
}
EVENTS = shaped(type=st.sampled_from(TYPES), redacts=st.just("$0"), **SAID) | shaped(
    type=st.sampled_from(["m.room.member", "m.room.topic"]), state_key=st.sampled_from(["", ANA]), **SAID
)


@given(JSON, JSON)
def test_any_json_at_all_is_an_event_or_nothing(event: Json, content: Json) -> None:
    assert decoded(event) is None
    assert decoded(raw(content=content)) is not None
    assert decode_room(event, ROOM, "join", me=ME, crypto=Vault()) is None or isinstance(event, dict)


@given(EVENTS, EVENTS)
def test_whatever_comes_is_an_event_or_nothing_and_can_be_stored(event: Json, payload: JsonObject) -> None:
    found = decoded(event, s1=payload)

    assert found is None or (found.room == ROOM and 0 <= found.at_ms < 2**53)
    texts = [] if found is None else [found.id, found.sender, found.cause or "", found.txn or "", repr(found)]
    if isinstance(found, Message):
        texts += [found.body, found.html, found.kind]
    if isinstance(found, State):
        texts += [found.type, found.key, json.dumps(found.content, ensure_ascii=False)]
    for written in texts:
        written.encode()


@given(EVENTS, EVENTS)
def test_a_text_that_clients_show_is_never_hidden(event: dict[str, Any], payload: dict[str, Any]) -> None:
    shown = {"type": "m.room.message", "event_id": "$1", "sender": ANA, "origin_server_ts": 1, "room_id": ROOM}
    text_ = {"msgtype": "m.text", "body": "see spam.example"}
    odd = {**event, **shown, "content": {**_mapping(event.get("content")), **text_, "m.new_content": None}}
    odd.pop("state_key", None)
    inside = {**payload, **shown, "content": odd["content"]}

    for found in (decoded(odd), decoded(SEALED, s1=inside)):
        assert isinstance(found, Message)
        assert found.body == "see spam.example"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


@given(
    CONTENTS, st.sampled_from([*TYPES, CANARY]), st.sampled_from(["body", "formatted_body", "reason", "topic", "key"])
)
def test_nobodys_words_are_ever_shown(content: dict[str, Any], type_: str, field: str) -> None:
    words = {**content, field: CANARY, "msgtype": CANARY, "m.new_content": {"body": CANARY}, "displayname": CANARY}
    relation = {"rel_type": CANARY, "event_id": f"${CANARY}", "key": CANARY, "m.in_reply_to": {"event_id": CANARY}}
    mentions = {"user_ids": [CANARY, f"@{CANARY}:grove.example"]}
    odd = {**words, "m.relates_to": relation, "m.mentions": mentions, CAUSE_FIELD: CANARY, "session_id": CANARY}
    for said in (words, odd):
        for key in (..., "", ANA):
            event = raw(
                type_ if key is ... else "m.room.topic", said, state_key=key, unsigned={"transaction_id": CANARY}
            )
            assert CANARY not in repr(decoded(event))
        assert CANARY not in repr(decoded(SEALED, s1={"type": type_, "content": said}))


@given(st.lists(EVENTS, max_size=1), st.lists(EVENTS, max_size=2), EVENTS)
def test_a_bad_event_never_hides_its_neighbours(before: list[Json], after: list[Json], state: Json) -> None:
    good = raw(event_id="$good")
    section: JsonObject = {"timeline": {"events": [*before, good, *after]}, "state": {"events": [state]}}
    update = decode_room(section, ROOM, "join", me=ME, crypto=Vault())

    assert update is not None
    assert decoded(good) in update.timeline


PART = shaped(events=st.lists(EVENTS, max_size=1), limited=st.booleans())
SECTIONS = shaped(state=PART, timeline=PART, invite_state=PART, knock_state=PART)


@given(SECTIONS, st.sampled_from(["join", "invite", "knock", "leave"]))
def test_whatever_stands_in_a_rooms_place_is_a_room_or_nothing(section: Json, membership: Any) -> None:
    update = decode_room(section, ROOM, membership, me=ME, crypto=Vault())

    assert update is None or (update.room, update.membership) == (ROOM, membership)
