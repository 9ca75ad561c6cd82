"""Questions: who may answer them, what counts as an answer, and that each is answered once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from orchestrator.model import content
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import Ask, AskDirect, Choice, Priority
from orchestrator.model.events import Event, Member, Reaction, Redaction
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store import bindings, outbox, questions
from tests.declared import documents
from tests.house import body_of, content_of, direct
from tests.workshop import LOUD, speak_loudly

from .asking import ANA, BO, CIRCLE, CONTROL, CY, DEE, EVE, LOUNGE, ME, OPEN_MS, Grove
from .crafts import Craft

GROVE = CommunityKey("grove")
YES_NO = (Choice("✅", "yes"), Choice("❌", "no"))


@pytest.fixture
def grove() -> Iterator[Grove]:
    grove = Grove()
    yield grove
    grove.close()


def a_question(
    *,
    subject: str = "subject",
    room: RoomId = CONTROL,
    needs: Role | None = Role.LEAD,
    asker: UserId | None = None,
    asker_needs: Role = Role.MEMBER,
    about: CommunityKey | None = GROVE,
    about_room: RoomKey | None = None,
    choices: tuple[Choice, ...] = YES_NO,
) -> Ask:
    return Ask(
        step=subject,
        room=room,
        content=content.asking("Shall I?", choices),
        choices=choices,
        needs=needs,
        asker=asker,
        asker_needs=asker_needs,
        open_ms=OPEN_MS,
        subject=subject,
        about=about,
        about_room=about_room,
    )


def asked(grove: Grove, ask: Ask | AskDirect) -> EventId:
    """Let the craft ask something of its own accord."""
    cause = grove.run(outbox.record, "settle", "asker", ask, grove.at_ms)
    assert cause is not None
    row = grove.run(outbox.get, cause)
    assert row is not None
    return grove.send(row)


# -- how it is asked ---------------------------------------------------------------------------------------------------


def test_a_question_names_its_choices_in_words_and_stands_in_the_thread_where_it_was_caused(grove: Grove) -> None:
    command = grove.write(CY, "!tidy", thread=EventId("$root"))
    (row,) = grove.waiting()
    assert body_of(row) == (
        "Shall I tidy this circle up?\n\n- ✅ yes\n- ❌ no\n\nTo answer, react with one of these, or reply with its word."
    )
    relation = content_of(row)["m.relates_to"]
    assert isinstance(relation, dict)
    assert (relation["event_id"], relation["m.in_reply_to"]) == ("$root", {"event_id": command.id})
    assert content_of(row)["msgtype"] == "m.notice"
    assert content_of(row)["m.mentions"] == {}
    assert (row.priority, row.person) == (Priority.REPLY, CY)


def test_the_bot_puts_every_choice_under_a_question_to_be_tapped_once(grove: Grove) -> None:
    assert grove.tappable() == []
    question = grove.ask()
    assert grove.tappable() == [(question, "✅"), (question, "❌")]
    (row, _) = grove.waiting()
    assert (row.room, row.priority, row.expires_ms) == (CIRCLE, Priority.REPLY, grove.at_ms + OPEN_MS)
    for row in grove.waiting():
        grove.send(row)
    assert grove.waiting() == []


def test_the_echo_of_what_was_confirmed_before_offers_nothing_again(grove: Grove) -> None:
    grove.write(CY, "!tidy")
    (row,) = grove.waiting()
    question = grove.send(row)
    echo = replace(grove.write(ME, "", to=None), id=question, cause=row.cause)
    grove.hear(echo)
    assert len(grove.tappable()) == 2
    assert grove.open_questions() == 1


def test_a_question_that_is_never_sent_is_none(grove: Grove) -> None:
    grove.write(CY, "!tidy")
    (row,) = grove.waiting()
    grove.confirm(row.cause, "expired")
    assert (grove.open_questions(), grove.waiting(), grove.heard()) == (0, [], [])


def test_what_it_says_goes_through_gettext(monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    said = content.asking("", content.yes_or_no())["body"]
    assert isinstance(said, str)
    assert said.splitlines() == [
        f"- ✅ {LOUD}yes{LOUD}",
        f"- ❌ {LOUD}no{LOUD}",
        "",
        f"{LOUD}To answer, react with one of these, or reply with its word.{LOUD}",
    ]


@pytest.mark.parametrize(
    "choices",
    [
        (),
        (Choice("✅", "yes"), Choice("✅\ufe0f", "no")),
        (Choice("✅", "yes"), Choice("❌", "Yes")),
        (Choice("👍", "yes"), Choice("👍🏽", "no")),
        (Choice("✅", ""),),
        (Choice("✅", "ja", "yes"), Choice("❌", "nein", "yes")),
    ],
)
def test_choices_that_cannot_be_told_apart_are_refused(choices: tuple[Choice, ...]) -> None:
    with pytest.raises(ValueError, match="told apart"):
        a_question(choices=choices)


# -- what counts as an answer ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "choice"),
    [
        ("✅", "yes"),
        ("✅\ufe0f", "yes"),
        ("❌", "no"),
        ("❌\ufe0e", "no"),
        ("yes", "yes"),
        ("Yes!", "yes"),
        (" NO ", "no"),
        ("\u200fno", "no"),
        ("👍", None),
        ("yesterday", None),
        ("✅❌", None),
        ("", None),
        ("\ufe0f", None),
        ("❌" * 5_000, None),
    ],
)
def test_a_reaction_is_read_however_a_client_draws_it(grove: Grove, key: str, choice: str | None) -> None:
    question = grove.ask()
    grove.react(CY, question, key)
    assert grove.heard() == ([(question, choice, CY)] if choice is not None else [])


@pytest.mark.parametrize("key", ["👍", "👍\U0001f3fb", "👍\U0001f3ff", "👍\ufe0f"])
def test_every_skin_is_the_same_to_us(grove: Grove, key: str) -> None:
    question = asked(grove, a_question(choices=(Choice("👍🏽", "yes"), Choice("👎", "no"))))
    grove.react(BO, question, key, CONTROL)
    assert grove.heard() == [(question, "yes", BO)]


def test_the_craft_is_told_the_same_in_every_language(grove: Grove) -> None:
    german = (Choice("✅", "ja", "yes"), Choice("❌", "nein", "no"))
    for n, said in enumerate(["ja", "Yes", "✅"]):
        question = asked(grove, a_question(subject=f"s{n}", choices=german))
        grove.write(BO, said, CONTROL, to=question)
    assert [choice for _, choice, _ in grove.heard()] == ["yes"] * 3


@pytest.mark.parametrize(
    "body", ["yes", "Yes.", "YES!", " *yes* ", "`yes`", "!yes", "✅", "> <@keeper:x> Shall I?\n\nyes"]
)
def test_a_reply_with_the_word_counts_the_same(grove: Grove, body: str) -> None:
    question = grove.ask()
    grove.write(CY, body, to=question)
    assert grove.heard() == [(question, "yes", CY)]


@pytest.mark.parametrize(
    "body", ["yes please", "yes no", "oh", "", "y", "> <@keeper:x> yes\n\nwhy?", "yes" + " " * 300]
)
def test_a_reply_with_other_words_does_not(grove: Grove, body: str) -> None:
    question = grove.ask()
    grove.write(CY, body, to=question)
    assert grove.heard() == []


def test_a_word_in_the_thread_of_the_question_itself_counts(grove: Grove) -> None:
    question = grove.ask()
    grove.write(CY, "no", thread=question)
    assert grove.heard() == [(question, "no", CY)]


def test_a_bare_word_in_a_room_is_said_to_the_others_and_one_with_the_prefix_to_the_bot(grove: Grove) -> None:
    question = grove.ask()
    grove.write(CY, "yes")
    grove.write(CY, "!yes", LOUNGE)
    grove.write(CY, "!yes please")
    grove.write(CY, "!yes", to=EventId("$other"))
    assert grove.heard() == []
    grove.write(CY, "!yes")
    assert grove.heard() == [(question, "yes", CY)]


@pytest.mark.parametrize("body", ["keeper: yes", "Circle Keeper yes", "keeper !yes"])
def test_a_mention_with_the_word_counts(grove: Grove, body: str) -> None:
    question = grove.ask()
    grove.write(CY, body, mentions=frozenset({ME}))
    assert grove.heard() == [(question, "yes", CY)]


def test_what_is_no_plain_message_answers_nothing(grove: Grove) -> None:
    question = grove.ask()
    grove.write(CY, "yes", to=question, kind="m.notice")
    grove.write(CY, "yes", to=question, kind="m.image")
    grove.write(CY, "yes", to=question, edits=EventId("$before"))
    assert grove.heard() == []


def test_a_command_is_never_taken_for_an_answer(grove: Grove) -> None:
    asked(grove, a_question(room=CIRCLE, choices=(Choice("✅", "tidy"), Choice("❌", "help"))))
    grove.write(ANA, "!tidy")
    assert grove.heard() == []
    assert [row.step for row in grove.waiting() if row.craft == "asker"] == ["ask"]


def test_a_word_that_could_answer_several_questions_answers_none_and_is_asked_about(grove: Grove) -> None:
    first, second = asked(grove, a_question(subject="one")), asked(grove, a_question(subject="two"))
    grove.write(ANA, "!yes", CONTROL)
    assert grove.heard() == []
    (said,) = [body_of(row) for row in grove.waiting() if row.step == "answer"]
    assert "reply to the one you mean" in said
    grove.write(ANA, "yes", CONTROL, to=second)
    grove.write(ANA, "!yes", CONTROL)
    assert grove.heard() == [(second, "yes", ANA), (first, "yes", ANA)]


def test_in_a_thread_a_word_answers_what_was_asked_there(grove: Grove) -> None:
    grove.ask(CY)
    inside = grove.ask(CY, thread=EventId("$root"))
    grove.write(CY, "!yes", thread=EventId("$root"))
    assert grove.heard() == [(inside, "yes", CY)]


def test_a_reaction_from_another_room_answers_nothing(grove: Grove) -> None:
    question = grove.ask()
    grove.react(CY, question, room=LOUNGE)
    assert grove.heard() == []


# -- who may answer ----------------------------------------------------------------------------------------------------

LEAD, FACILITATOR, MEMBER = Role.LEAD, Role.FACILITATOR, Role.MEMBER


@pytest.mark.parametrize(
    ("needs", "asker", "asker_needs", "may"),
    [
        (LEAD, None, MEMBER, [ANA, BO]),
        (LEAD, CY, MEMBER, [ANA, BO, CY]),
        (LEAD, DEE, MEMBER, [ANA, BO, DEE]),
        (LEAD, DEE, FACILITATOR, [ANA, BO]),
        (LEAD, CY, FACILITATOR, [ANA, BO, CY]),
        (LEAD, CY, LEAD, [ANA, BO]),
        (FACILITATOR, None, MEMBER, [ANA, BO, CY]),
        (MEMBER, None, MEMBER, [ANA, BO, CY, DEE, EVE]),
        (None, DEE, MEMBER, [DEE]),
        (None, CY, LEAD, []),
        (None, None, MEMBER, []),
    ],
)
def test_who_may_answer(
    grove: Grove, needs: Role | None, asker: UserId | None, asker_needs: Role, may: Sequence[UserId]
) -> None:
    for n, user in enumerate([ANA, BO, CY, DEE, EVE, ME]):
        question = asked(grove, a_question(subject=f"s{n}", needs=needs, asker=asker, asker_needs=asker_needs))
        grove.react(user, question, room=CONTROL)
        assert (question, "yes", user) in grove.heard() if user in may else grove.open_questions() == 1
        grove.run(questions.close, question)
    assert [by for _, _, by in grove.heard()] == list(may)


def test_where_a_question_is_about_nothing_everybody_is_a_member(grove: Grove) -> None:
    question = asked(grove, a_question(needs=Role.FACILITATOR, about=None))
    grove.react(ANA, question, room=CONTROL)
    assert grove.heard() == []


def test_authority_is_that_of_the_room_it_is_about_and_not_of_the_one_it_is_asked_in(grove: Grove) -> None:
    grove.give_power(LOUNGE, {BO: 100})
    question = asked(grove, a_question(room=CIRCLE, about_room=RoomKey("lounge")))
    grove.react(ANA, question)
    assert grove.heard() == []
    grove.react(BO, question)
    assert grove.heard() == [(question, "yes", BO)]


def test_authority_is_looked_at_when_somebody_answers(grove: Grove) -> None:
    question = grove.ask(CY)
    grove.roster.roles = {BO: Role.LEAD}
    grove.react(CY, question)
    grove.react(ANA, question)
    assert grove.heard() == []
    grove.give_power(CIRCLE, {BO: 0})
    grove.react(BO, question)
    assert grove.heard() == []
    grove.roster.roles[CY] = Role.FACILITATOR
    grove.give_power(CIRCLE, {CY: 50})
    grove.write(CY, "yes", to=question)
    assert grove.heard() == [(question, "yes", CY)]


def test_where_the_community_is_not_declared_any_more_nobody_has_a_say(grove: Grove) -> None:
    question = grove.ask()
    grove.use(documents())
    grove.react(ANA, question)
    assert grove.heard() == []
    grove.live(grove.at_ms + OPEN_MS)
    assert grove.heard() == [(question, None, None)]


@pytest.mark.parametrize("gone", ["leave", "ban"])
def test_who_is_out_of_the_room_by_now_answers_nothing_there(grove: Grove, gone: str) -> None:
    question = asked(grove, a_question(needs=None, asker=DEE))
    grove.hear(Member(room=CONTROL, id=grove.an_id(), sender=ANA, at_ms=grove.at_ms, user=DEE, membership=gone))  # type: ignore[arg-type]
    grove.react(DEE, question, room=CONTROL)
    assert grove.heard() == []


def test_who_may_not_is_ignored_quietly(grove: Grove) -> None:
    question = grove.ask(CY)
    before = grove.waiting()
    grove.react(DEE, question)
    grove.write(EVE, "yes", to=question)
    assert grove.waiting() == before
    assert grove.open_questions() == 1


# -- once --------------------------------------------------------------------------------------------------------------


def test_of_two_answers_the_first_counts(grove: Grove) -> None:
    question = grove.ask(CY)
    grove.react(ANA, question, "❌")
    grove.react(CY, question, "✅")
    grove.write(CY, "yes", to=question)
    assert grove.heard() == [(question, "no", ANA)]
    assert [body_of(row) for row in grove.waiting()] == ["I left it as it was."]
    assert grove.open_questions() == 0


def test_what_came_of_it_is_said_under_the_question_in_its_thread(grove: Grove) -> None:
    question = grove.ask(CY, thread=EventId("$root"))
    grove.react(CY, question)
    (row,) = grove.waiting()
    assert body_of(row) == "Tidied up."
    assert content_of(row)["m.relates_to"] == {
        "m.in_reply_to": {"event_id": question},
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": False,
    }


def test_once_it_is_answered_nothing_more_is_put_under_it_but_what_is_on_its_way(grove: Grove) -> None:
    question = grove.ask(CY)
    first, _second = grove.waiting()
    grove.run(outbox.note_try, first.cause, "DEVICE", grove.at_ms)
    grove.react(CY, question)
    assert grove.tappable() == [(question, "✅")]


def test_nobody_in_time_is_an_answer_too_and_nothing_after_it_counts(grove: Grove) -> None:
    question = grove.ask(CY)
    grove.at_ms += OPEN_MS
    grove.react(CY, question)  # heard before the timer rang
    assert grove.heard() == []
    grove.ring()
    grove.react(CY, question)
    grove.ring()
    assert grove.heard() == [(question, None, None)]
    assert grove.open_questions() == 0


def test_a_moment_before_its_end_it_can_be_answered(grove: Grove) -> None:
    question = grove.ask(CY)
    grove.live(grove.at_ms + OPEN_MS - 1)
    grove.react(CY, question)
    grove.live(grove.at_ms + OPEN_MS)
    assert grove.heard() == [(question, "yes", CY)]


def test_an_answer_that_is_heard_twice_counts_once(grove: Grove) -> None:
    question = grove.ask(CY)
    reaction = grove.react(CY, question)
    grove.hear(reaction)
    grove.turn(lambda intake, turn: intake.take_page_event(turn, reaction))
    assert grove.heard() == [(question, "yes", CY)]


def test_an_answer_that_history_brings_counts(grove: Grove) -> None:
    question = grove.ask(CY)
    reaction = Reaction(room=CIRCLE, id=EventId("$late"), sender=CY, at_ms=1, target=question, key="✅")
    grove.turn(lambda intake, turn: intake.take_page_event(turn, reaction))
    assert grove.heard() == [(question, "yes", CY)]


def test_a_question_and_its_answer_in_one_batch_after_a_restart(grove: Grove) -> None:
    """The bot dies when its message is out; when it is back it hears the message and what people said to it at once."""
    grove.write(CY, "!tidy")
    (row,) = grove.waiting()
    grove.run(outbox.note_try, row.cause, "DEVICE", grove.at_ms)
    grove.restart()
    echo = replace(grove.write(DEE, "hello"), id=EventId("$q"), sender=ME, cause=row.cause)
    answer = Reaction(room=CIRCLE, id=EventId("$a"), sender=CY, at_ms=grove.at_ms, target=EventId("$q"), key="✅")
    grove.hear(echo, answer)
    assert grove.heard() == [("$q", "yes", CY)]
    assert grove.tappable() == []


# -- what is taken back ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [ANA, ME])
def test_a_question_that_is_removed_is_closed_and_its_craft_hears_that_nobody_will_answer(
    grove: Grove, by: UserId
) -> None:
    question = grove.ask(CY)
    grove.redact(question, by)
    grove.react(CY, question)
    assert grove.heard() == [(question, None, None)]
    assert grove.open_questions() == 0


def test_an_answer_that_was_taken_back_before_it_was_heard_is_none(grove: Grove) -> None:
    question = grove.ask(CY)
    slip = Reaction(room=CIRCLE, id=EventId("$slip"), sender=CY, at_ms=grove.at_ms, target=question, key="✅")
    sorry = Redaction(room=CIRCLE, id=EventId("$sorry"), sender=CY, at_ms=grove.at_ms, target=slip.id)
    grove.hear(slip, sorry)
    assert grove.heard() == []
    grove.react(CY, question, "❌")
    assert grove.heard() == [(question, "no", CY)]


def test_an_answer_that_was_acted_on_stays(grove: Grove) -> None:
    question = grove.ask(CY)
    reaction = grove.react(CY, question)
    grove.redact(reaction.id, CY)
    assert grove.heard() == [(question, "yes", CY)]


def test_where_the_bot_is_put_out_its_questions_are_closed(grove: Grove) -> None:
    question, other = grove.ask(CY), grove.ask(CY, LOUNGE)
    batch = SyncBatch(since="s", until="out", rooms=(RoomUpdate(room=CIRCLE, membership="leave"),))
    grove.turn(lambda intake, turn: intake.take(turn, batch, catching_up=False))
    assert grove.heard() == [(question, None, None)]
    grove.react(CY, other, room=LOUNGE)
    assert grove.heard()[1:] == [(other, "yes", CY)]


def test_a_craft_can_take_its_question_back(grove: Grove) -> None:
    open_ = asked(grove, a_question(subject="drift"))
    grove.run(outbox.record, "settle again", "asker", a_question(subject="drift"), grove.at_ms)
    on_its_way = grove.run(outbox.record, "and again", "asker", a_question(subject="drift"), grove.at_ms)
    assert on_its_way is not None
    grove.run(outbox.note_try, on_its_way, "DEVICE", grove.at_ms)
    other = asked(grove, a_question(subject="other"))
    assert grove.run(questions.is_asked, "asker", "drift")

    assert grove.run(questions.withdraw, "asker", "drift") == 3

    assert not grove.run(questions.is_asked, "asker", "drift")
    assert not grove.run(questions.is_asked, "somebody else", "other")
    row = grove.run(outbox.get, on_its_way)
    assert row is not None
    sent = grove.send(row)
    assert {question for question, _ in grove.tappable()} == {other}
    for question in (open_, sent, other):
        grove.react(BO, question, room=CONTROL)
    assert grove.heard() == [(other, "yes", BO)]


# -- in private --------------------------------------------------------------------------------------------------------


def offered(grove: Grove, user: UserId = DEE) -> EventId:
    grove.run(bindings.set_direct, user, direct(user))
    grove.write(user, "!offer", direct(user))
    (row,) = [row for row in grove.waiting() if row.kind == "direct"]
    return grove.send(row)


def test_one_person_can_be_asked_in_private_and_answer_with_a_bare_word(grove: Grove) -> None:
    question = offered(grove)
    assert grove.tappable() == [(question, "✅"), (question, "❌")]
    grove.write(DEE, "oh, I don't know", direct(DEE))
    grove.write(DEE, "Yes!", direct(DEE))
    assert grove.heard() == [(question, "yes", DEE)]


def test_nobody_else_answers_for_them(grove: Grove) -> None:
    question = offered(grove)
    grove.hear(grove._member(direct(DEE), ANA, "join"))
    grove.react(ANA, question, room=direct(DEE))
    grove.write(ANA, "yes", direct(DEE), to=question)
    assert grove.heard() == []


# -- privacy -----------------------------------------------------------------------------------------------------------


def test_of_what_somebody_answered_no_word_is_kept(grove: Grove) -> None:
    question = grove.ask(CY)
    grove.write(CY, "verysecret", to=question)
    grove.react(DEE, question, "verysecret")
    assert "verysecret" not in "".join(grove.everything())
    grove.react(CY, question)
    assert grove.rows("select * from question") == []


def test_other_crafts_are_not_shown_what_was_an_answer_and_all_else() -> None:
    shown: list[Event] = []

    class Watcher(Craft):
        name = "watcher"

        def decide(self, tx: Tx, event: Event, now: Now) -> tuple[()]:
            shown.append(event)
            return ()

    grove = Grove(Watcher())
    question = grove.ask(CY)
    shown.clear()
    nod = grove.react(DEE, question)
    grove.react(CY, question)
    assert shown == [nod]
    grove.close()


def test_a_confirmation_waits_ten_minutes(grove: Grove) -> None:
    grove.ask(CY)
    assert grove.rows("select until_ms from question") == [(grove.at_ms + 10 * MINUTE_MS,)]
