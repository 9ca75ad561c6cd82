"""What the crafts get: everything joined, filled in and typed."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Room
from orchestrator.documents.policy import Action, Links, Mode
from orchestrator.model.cadence import Cadence, Every, QuietHours, Unit, Weekday, Weekly
from orchestrator.model.ids import CommunityKey, RoomKey

from .authors import Author

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
CIRCLE, LOUNGE = "room_templates/circle.yaml", "room_templates/lounge.yaml"


def grove(author: Author) -> Community:
    found = author.load().documents.community(CommunityKey("grove"))
    assert found is not None
    return found


def room(author: Author, key: str) -> Room:
    found = grove(author).room(RoomKey(key))
    assert found is not None
    return found


def test_a_community_is_its_space_its_control_room_and_its_rooms(author: Author) -> None:
    community = grove(author)
    assert [one.key for one in community.every_room()] == [SPACE_KEY, CONTROL_KEY, "tuesday", "lounge"]
    assert community.account == "keeper"
    assert community.zone == ZoneInfo("Europe/Berlin")
    assert (community.locale, community.prefix) == ("en", "!")
    assert community.leads == ("@ana:grove.example", "@bo:grove.example")
    assert community.space.kind == "space"
    assert community.space.name == "The Grove"
    assert community.space.topic == "Somewhere to say how it really is."
    assert community.space.alias == "grove"
    assert not community.space.settings.encryption


def test_the_control_room_is_private_and_holds_all_facilitators(author: Author) -> None:
    control = grove(author).control
    assert control.name == "The Grove: keepers"
    assert control.settings.encryption
    assert (control.settings.join, control.settings.history, control.settings.guests) == ("invite", "joined", False)
    assert control.alias is None
    assert control.facilitators == ("@ana:grove.example", "@cy:grove.example", "@dee:grove.example")


def test_the_control_room_needs_no_template_of_its_own(author: Author) -> None:
    before = grove(author).control
    (author.place / "room_templates/control.yaml").unlink()
    assert grove(author).control == before


def test_a_rota_and_a_prompt_are_times_and_lengths(author: Author) -> None:
    circle = room(author, "tuesday")
    assert circle.rota is not None
    assert circle.rota.cadence == Cadence(datetime.fromisoformat("2026-01-06 19:00"), Every(1, Unit.WEEK))
    assert (circle.rota.publish_ms, circle.rota.rest_ms, circle.rota.max_terms) == (28 * DAY_MS, 7 * DAY_MS, 6)
    assert circle.rota.accept_within_ms == 24 * HOUR_MS
    assert circle.rota.reminders_ms == (7 * DAY_MS, DAY_MS)
    assert circle.quiet == circle.rota.quiet == QuietHours(time(21), time(8))
    (prompt,) = circle.prompts
    assert prompt.id == "gentle-checkin.tue.1905"
    assert prompt.when == Weekly(time(19, 5), (Weekday.TUE,))
    assert prompt.grace_ms == 90 * 60_000
    assert prompt.gates == ("quiet_hours", "active_room", "coverage")
    assert (prompt.thread, prompt.pin) == (True, "swap")
    assert prompt.deck.name == "gentle-checkin"


def test_questions_too_heavy_for_a_room_are_not_in_its_deck(author: Author) -> None:
    (prompt,) = room(author, "lounge").prompts
    assert {question.tier for question in prompt.deck.prompts} == {1}
    assert len(prompt.deck.prompts) < len(author.load().decks["gentle-checkin"].prompts)


def test_a_room_without_a_rota_still_has_quiet_hours(author: Author) -> None:
    lounge = room(author, "lounge")
    assert lounge.rota is None
    assert lounge.quiet == QuietHours(time(21), time(8))


def test_a_rule_says_what_it_looks_for_and_what_it_does(author: Author) -> None:
    policy = room(author, "tuesday").policy
    assert policy is not None
    assert policy.document == "policies/gentle-circle.yaml"
    rule = policy.rules[0]
    assert rule.id == "links-from-newcomers"
    assert rule.when.links == Links(allow=("grove.example", "matrix.to", "findahelpline.com", "befrienders.org"))
    assert rule.when.member_for_less_than_ms == 3 * DAY_MS
    assert (rule.then, rule.mode, rule.accept_misfires) == (Action.REMOVE, Mode.OBSERVE, False)
    assert [step.action for step in policy.ladder] == [Action.NUDGE, Action.NUDGE, Action.MUTE, Action.RAISE]
    assert policy.ladder[2].mute_ms == HOUR_MS
    assert policy.ladder_forget_ms == 30 * DAY_MS
    assert policy.care.contact_emergency_services == "group_decides"


def test_names_in_braces_are_filled_in_for_each_room(author: Author) -> None:
    author.edit(
        "room_templates/lounge.yaml", "Welcome to the {name}.", "{name} of {title} ({community}/{key}): {purpose}"
    )
    lounge, circle = room(author, "lounge"), room(author, "tuesday")
    assert lounge.welcome is not None
    assert lounge.welcome.text.startswith("Lounge of The Grove (grove/lounge): Somewhere to say how it really is.")
    assert lounge.policy is not None
    assert circle.policy is not None
    assert "How we are with each other in Lounge" in lounge.policy.norms.text
    assert "How we are with each other in Tuesday circle" in circle.policy.norms.text


def test_a_name_that_looks_like_a_pattern_is_left_alone(author: Author) -> None:
    author.edit("config.yaml", "name: Lounge", 'name: "{purpose}"')
    assert room(author, "lounge").name == "{purpose}"


def test_the_digest_of_norms_changes_with_their_words_and_with_nothing_else(author: Author) -> None:
    def digest() -> str:
        policy = room(author, "lounge").policy
        assert policy is not None
        return policy.norms.digest

    before = digest()
    author.edit("policies/gentle-circle.yaml", "mode: observe #", "mode: enforce #")
    assert digest() == before
    author.edit("policies/gentle-circle.yaml", "**Share the air.**", "**Share the time.**")
    assert digest() != before


def test_a_room_says_for_itself_what_its_template_would_say(author: Author) -> None:
    own = (
        "name: Lounge\n        purpose: To breathe.\n        policy: gentle-circle\n        previously: [sofa]\n"
        '        rota: {anchor: "2026-01-07 08:00", every: 12h}\n        prompts: [{deck: going-deeper, at: "12:00"}]\n'
        '        facilitators: ["@cy:grove.example", "@eli:grove.example"]'
    )
    author.edit("config.yaml", "name: Lounge", own)
    lounge = room(author, "lounge")
    assert lounge.topic == "Come and go as you like. To breathe."
    assert lounge.previously == ("sofa",)
    assert lounge.rota is not None
    assert lounge.rota.cadence.every == Every(12, Unit.HOUR)
    assert [prompt.id for prompt in lounge.prompts] == ["going-deeper.daily.1200"]
    assert grove(author).control.facilitators[-1] == "@eli:grove.example"


def test_a_question_keeps_its_id_when_the_deck_around_it_changes(author: Author) -> None:
    before = {question.text: question.id for question in author.load().decks["gentle-checkin"].prompts}
    author.edit(
        "room_templates/decks/gentle-checkin.yaml", "prompts:\n", "prompts:\n  - {text: Something new?, tier: 1}\n"
    )
    after = {question.text: question.id for question in author.load().decks["gentle-checkin"].prompts}
    assert len(set(after.values())) == len(after)
    assert after.items() >= before.items()


def test_what_a_template_leaves_out_is_the_most_private_choice(author: Author) -> None:
    author.write("room_templates/lounge.yaml", "version: 1\nkind: room\n")
    lounge = room(author, "lounge")
    settings = lounge.settings
    assert (settings.room_version, settings.join, settings.history) == ("12", "restricted", "joined")
    assert (settings.guests, settings.encryption, settings.listed) == (False, True, False)
    assert (lounge.name, lounge.alias, lounge.policy, lounge.prompts) == ("Lounge", None, None, ())
    assert lounge.on_drift["power"] == "enforce"
    assert lounge.on_drift["history"] == "report"


def test_levels_of_events_may_be_named_by_role(author: Author) -> None:
    power = "{lead: 90, facilitator: 40, member: 5, events: {m.room.topic: lead, m.reaction: member, m.sticker: 7}}"
    author.edit(LOUNGE, "{lead: 100, facilitator: 50, member: 0}", power)
    assert dict(room(author, "lounge").power.events) == {"m.room.topic": 90, "m.reaction": 5, "m.sticker": 7}


@pytest.mark.parametrize("level", ["200", "151", "-1", "1.5", "boss"])
def test_a_level_that_nobody_can_hold_is_an_error_at_its_line_and_never_lowered(author: Author, level: str) -> None:
    power = f"{{lead: 100, facilitator: 50, member: 0, events: {{m.room.power_levels: {level}}}}}"
    author.edit(LOUNGE, "{lead: 100, facilitator: 50, member: 0}", power)
    (error,) = author.errors()
    assert error.startswith("room_templates/lounge.yaml:")
    assert error.endswith("Write lead, facilitator or member, or a level from 0 to 150.")


def test_documents_of_one_account_leave_out_the_others(author: Author) -> None:
    documents = author.load().documents
    account = documents.communities[0].account
    assert documents.of(account) == documents
    assert documents.of(type(account)("other")).communities == ()


def test_a_second_reading_is_equal_to_the_first(author: Author) -> None:
    first, second = author.load(), author.load()
    assert first.documents == second.documents
    assert first == second


def test_paths_are_meant_from_where_the_configuration_lies(author: Author) -> None:
    author.edit("config.yaml", "password_file: keeper.password", "password_file: secrets/../keeper.password")
    config = author.load().config
    (account,) = config.accounts.values()
    assert account.password_file == author.place / "secrets/../keeper.password"
    assert account.secret_key_file == author.place / "keeper.key"
    assert config.data_dir == author.place / "data"
