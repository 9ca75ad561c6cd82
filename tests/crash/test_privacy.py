"""Nothing that anybody said is ever on the disk or in the log: whatever they did with it, and whatever went wrong."""

from __future__ import annotations

import json
import random
import secrets
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store.rows import number
from tests.crash.crowd import TALKING, Crowd, gather_crowd
from tests.crash.grove import Grove, Subject, plant_grove
from tests.crash.subject import STUMBLE
from tests.crash.traces import forms_of, traces_in
from tests.real.bot import come_in
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import Seen, quoted

pytestmark = [pytest.mark.real, pytest.mark.crash]


@pytest.mark.parametrize("form", forms_of("anything"))
@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_words_are_found_in_any_form(tmp_path: Path, form: str, before: bytes) -> None:
    words = "quokkas9f3c"
    (tmp_path / "data").write_bytes(before + forms_of(words)[form] + b"z")
    assert traces_in(tmp_path, words)
    (tmp_path / "data").write_bytes(before + forms_of(words[::-1] + "!")[form][:-3] + b"z")
    if form != "reversed":
        assert not traces_in(tmp_path, words)


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "c", "cd", "cde"])
def test_words_are_found_within_a_longer_text_in_base64(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "data").write_bytes(b64encode(f"{before}quokkas9f3c{after}".encode()))
    assert traces_in(tmp_path, "quokkas9f3c")


async def test_words_are_nowhere_on_disk_whatever_is_done_with_them_and_whatever_goes_wrong(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    words = f"quokka{secrets.token_hex(8)}"
    ana = await people.encrypted(homeserver, "ana")
    stranger = await people.plain(homeserver, "stranger")
    grove = await plant_grove(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[5:13]}", 0)
    let_people_knock(grove)
    look_at_names_and_follow(grove, await list_of_bans(stranger, words))
    eve = await people.encrypted(homeserver, "eve")
    let_them_take_turns(grove, ana, eve)
    bot = Subject(grove, options=["--clumsy"])
    await bot.start()
    crowd = await gather_crowd(people, grove, ana, random.Random(0), ("cy", "dee"))  # noqa: S311 - nobody chats
    await come_to_keep(crowd, eve)
    await say_and_do_everything(crowd, stranger, words)
    await keep_a_room(crowd, eve, words)
    await until_heard(crowd)
    assert await grove.read(notes) == 1, "no note was kept"
    assert traces_in(tmp_path, words) == []
    assert failures(grove) > 50, "the clumsy craft did not fail, so this proves nothing about failures"
    assert failures(grove, craft="culture") >= 4, "no rule failed"
    assert await grove.read(entries) == 2, "the list was not read"

    await say_in_rooms(crowd, words)
    await leave_a_note(crowd, eve, words)
    await bot.kill()
    assert traces_in(tmp_path, words) == []

    await bot.start()
    await until_heard(crowd)
    assert await bot.stop() == 0
    assert traces_in(tmp_path, words) == []


async def say_and_do_everything(crowd: Crowd, stranger: Person, words: str) -> None:
    """Put the words wherever a person can put words that reach the bot."""
    cy, dee = crowd.members
    await say_in_rooms(crowd, words)
    await change_rooms(crowd, words)
    await come_and_go(crowd, stranger, words)
    await cy.set_display_name(words)
    await dee.set_display_name(f"{STUMBLE} {words}")
    await cy.request("PUT", f"/profile/{quoted(cy.user_id)}/avatar_url", {"avatar_url": f"mxc://grove.example/{words}"})
    await cy.request("PUT", f"/devices/{quoted(cy.device_id)}", {"display_name": words})
    await whisper(crowd, cy, words, encrypted=True)
    await whisper(crowd, dee, words, encrypted=False)


async def say_in_rooms(crowd: Crowd, words: str) -> None:
    """As message, edit, file, link, command, reaction, reason, and as what makes no sense."""
    for person, key in zip(crowd.members, TALKING, strict=True):
        room = crowd.rooms[key]
        said = await person.say(room, f"Today I am {words}, I think.")
        html: dict[str, Any] = {"format": "org.matrix.custom.html", "formatted_body": f"<b>{words}</b>"}
        edit = {"m.new_content": {"msgtype": "m.text", "body": words, **html}}
        for more in (html | _about("m.thread", said), edit | _about("m.replace", said)):
            await person.say(room, f"* {words}", **more)
        await person.say(room, f"{words}.png", msgtype="m.image", url=f"mxc://grove.example/{words}", filename=words)
        await crowd.link(person, key)
        await person.say(room, f"https://{words}.example/{words}?{words}#{words}")
        for command in (
            "!norms",
            "!rule",
            "!rule links",
            "!why",
            "!appeal",
            "!who",
            "!norn",
            "!suggest",
            f"!{words}",
            f"{crowd.grove.keeper}",
        ):
            await person.say(room, f"{command} {words}", mentions=[crowd.grove.keeper])
        await person.send(room, "org.example.poll", {"question": words, "answers": [words]})
        await say_in_other_kinds(person, room, words)
        await person.send(room, "m.room.message", {"msgtype": words, "body": words})
        if key == "sealed":  # where the server cannot see that it makes no sense
            await person.send(room, "m.room.message", {"msgtype": {"words": words}, "body": [words]})
        await person.react(room, said, words)
        await person.redact(room, said, words)
        await crowd.lead.say(room, f"!rule links {words}")
        for command in (f"!mute {crowd.grove.keeper} 1h", f"!unmute {person.user_id}", "!journal"):
            await crowd.lead.say(room, f"{command} {words}")


async def say_in_other_kinds(person: EncryptedPerson, room: RoomId, words: str) -> None:
    """As poll, vote, caption, sticker, place, and as what the rules stumble over."""
    for prefix in ("m", "org.matrix.msc3381"):
        asked: dict[str, Any] = {
            "question": {"m.text": [{"body": words}], "org.matrix.msc1767.text": words, "body": words},
            "answers": [{"id": words, "m.id": words, "org.matrix.msc1767.text": words, "m.text": [{"body": words}]}],
            "max_selections": 1,
        }
        started = await person.send(
            room, f"{prefix}.poll.start", {f"{prefix}.poll.start": asked, f"{prefix}.poll": asked}
        )
        vote = {f"{prefix}.poll.response": {"answers": [words]}, "m.selections": [words]}
        await person.send(room, f"{prefix}.poll.response", vote | _about("m.reference", started))
        await person.send(room, f"{prefix}.poll.end", {"body": words} | _about("m.reference", started))
    file: dict[str, Any] = {"url": "mxc://grove.example/abc", "filename": f"{words}.pdf", "info": {"mimetype": words}}
    for kind in ("m.image", "m.file", "m.audio"):
        await person.say(room, f"https://{words}.example {words}", msgtype=kind, **file)
    await person.say(room, f"waves {words}", msgtype="m.emote")
    await person.say(room, words, msgtype="m.location", geo_uri=f"geo:1,2;u={words}")
    await person.send(room, "m.sticker", {"body": words, "url": "mxc://grove.example/abc", "info": {}})
    await person.say(room, f"{STUMBLE} {words}", format="org.matrix.custom.html", formatted_body=f"<i>{words}</i>")


def _about(relation: str, event: EventId) -> dict[str, Any]:
    return {"m.relates_to": {"rel_type": relation, "event_id": event}}


async def change_rooms(crowd: Crowd, words: str) -> None:
    """As a lead, who may change what all see: names, topics, notes of any kind."""
    for key in TALKING:
        room = crowd.rooms[key]
        await crowd.lead.put_state(room, "m.room.name", {"name": words})
        await crowd.lead.put_state(room, "m.room.topic", {"topic": words, "m.topic": {"m.text": [{"body": words}]}})
        await crowd.lead.put_state(room, "org.example.note", {"text": words}, words)


async def come_and_go(crowd: Crowd, stranger: Person, words: str) -> None:
    """As the reason for going, for putting somebody out, for asking somebody in, and for asking to be let in."""
    room = crowd.rooms["plain"]
    dee, lead = crowd.members[1], crowd.lead
    await dee.leave(room, words)
    await dee.join(room)
    await lead.kick(room, dee.user_id, words)
    await dee.join(room)
    await lead.ban(room, dee.user_id, words)
    await lead.unban(room, dee.user_id)
    await dee.join(room)
    await stranger.knock(crowd.rooms[""], words)
    other = await dee.create_room(name=words, topic=words)
    await dee.request("POST", f"/rooms/{quoted(other)}/invite", {"user_id": crowd.grove.keeper, "reason": words})


async def whisper(crowd: Crowd, person: EncryptedPerson, words: str, *, encrypted: bool) -> None:
    """In a direct room that has the words for a name: in distress, as commands, as the reason for going."""
    keeper = crowd.grove.keeper
    room = await person.create_room(
        name=words, topic=words, invite=[keeper], preset="trusted_private_chat", is_direct=True, encrypted=encrypted
    )
    await person.until_joined(room, keeper)
    for said in (
        f"I cannot go on. {words}",
        f"!raise {words}",
        f"raise {words}",
        f"!suggest What of {words}?",
        f"norms {words}",
        f"!{words}",
        words,
    ):
        await person.say(room, said)
    await answered(person, room, await person.say(room, "!help"))
    await person.leave(room, words)


async def come_to_keep(crowd: Crowd, eve: EncryptedPerson) -> None:
    """Let somebody in who takes turns in the sealed room."""
    await come_in(crowd.lead, crowd.rooms, [eve], "sealed")
    control = crowd.rooms["control"]
    await eve.until(lambda: control in eve.rooms or None, "the control room")
    await eve.join(control)


async def keep_a_room(crowd: Crowd, eve: EncryptedPerson, words: str) -> None:
    """As a note for whoever keeps a room next, and wherever else somebody who takes turns may say more than they need to."""
    control = crowd.rooms["control"]
    await leave_a_note(crowd, eve, words)
    for command in (
        f"!away 12-20 Dec because of {words}",
        f"!away {words}",
        f"!swap {words} with {words}",
        f"!take {words}",
        f"!decline I am {words}",
        f"!handoff {words}",
        f"!rota add {words}",
        f"!my zone {words}",
    ):
        await answered(eve, control, await eve.say(control, command))


async def leave_a_note(crowd: Crowd, eve: EncryptedPerson, words: str) -> None:
    """And correct it."""
    control = crowd.rooms["control"]
    noted = await eve.say(control, f"!note sealed Somebody here is {words}.")
    await eve.say(control, f"* !note sealed {words}", **_about("m.replace", noted))


async def until_heard(crowd: Crowd) -> None:
    """Wait until the bot has taken in and done everything: until it answers what is said last."""
    for key in TALKING:
        await answered(crowd.lead, crowd.rooms[key], await crowd.lead.say(crowd.rooms[key], "!who"))
    await crowd.grove.until_nothing_waits()


async def answered(person: EncryptedPerson, room: RoomId, asked: EventId) -> None:
    def answer(event: Seen) -> bool:
        relation = event.content.get("m.relates_to", {})
        return bool(relation.get("m.in_reply_to", {}).get("event_id") == asked)

    await person.until_event(room, answer, "an answer", timeout_s=60)


def failures(grove: Grove, *, craft: str = "") -> int:
    """Count how often a craft failed, as the log has it."""
    lines = (grove.directory / "bot.log").read_text().splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    return sum(one["event"].startswith("a decision failed") and craft in ("", one.get("craft")) for one in told)


async def list_of_bans(person: Person, words: str) -> str:
    """Make a ban list of which every part that a person writes holds the words; gives its alias."""
    local = f"bans-{person.user_id[1:9]}"
    shelf = await person.create_room(name=words, topic=words, preset="public_chat", room_alias_name=local)
    for key, entity in enumerate(f"@evil{key}:far.example" for key in range(2)):
        rule = {"entity": entity, "recommendation": "m.ban", "reason": words, words: words}
        await person.put_state(shelf, "m.policy.rule.user", rule, f"{key}")
    await person.put_state(shelf, "org.example.note", {"text": words}, words)
    return str((await person.state(shelf, "m.room.canonical_alias"))["alias"])


def look_at_names_and_follow(grove: Grove, alias: str) -> None:
    """Let a rule look at names, and name a ban list."""
    file = grove.directory / "policies/gentle.yaml"
    policy = json.loads(file.read_text())
    names = {"id": "names", "mode": "enforce", "when": {"names": {"like_staff": True}}, "then": "raise"}
    policy["rules"].append(names | {"because": "Please be called something else."})
    file.write_text(json.dumps({**policy, "lists": [alias]}))


def entries(tx: Tx) -> int:
    """Count what was read of ban lists."""
    row = tx.one("select count(*) as n from list_entry where account = :account")
    assert row is not None
    return number(row, "n")


def let_them_take_turns(grove: Grove, *keepers: Person) -> None:
    """Let people take turns in the sealed room, from long ago on."""
    config = json.loads(grove.config.read_text())
    config["communities"]["grove"]["rooms"]["sealed"] |= {
        "facilitators": [keeper.user_id for keeper in keepers],
        "rota": {"anchor": "2026-01-06 19:00", "every": "1 week"},
    }
    grove.config.write_text(json.dumps(config))


def notes(tx: Tx) -> int:
    """Count the notes that are kept, by where they stand."""
    row = tx.one("select count(*) as n from note where account = :account")
    assert row is not None
    return number(row, "n")


def let_people_knock(grove: Grove) -> None:
    """Let strangers ask to be let into the space."""
    template = grove.directory / "room_templates/space.yaml"
    space = json.loads(template.read_text())
    space["settings"]["join"] = "knock"
    template.write_text(json.dumps(space))
