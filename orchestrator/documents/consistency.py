"""What must hold within one file and no model can say: keys that exclude each other, things named twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from orchestrator.model.ids import Json, RoomKey

from .authored import Account, Config, MeetingSpec, PromptSpec, RoomSpec, Template
from .braces import NAMES, stranger
from .declared import CONTROL_KEY
from .meetings import check_meetings, check_names, inline_decks
from .rotas import missing, turns_that_fit
from .source import Path, Source

_PATTERNS: Final[Mapping[Path, tuple[str, ...]]] = {
    ("name",): NAMES,
    ("topic",): NAMES,
    ("alias",): ("community", "key"),
    ("purpose",): tuple(name for name in NAMES if name != "purpose"),
    ("welcome", "text"): NAMES,
    ("knock", "question"): NAMES,
}
"""Texts of a template in which names may stand in braces, and which of ours."""

_MISFIRING: Final = frozenset({"words", "patterns"})
"""Conditions on what people say. They misfire on people in distress, who say dark things in their own words."""

_TOO_MUCH: Final = frozenset({"remove", "mute"})
LOOKS_FOR: Final = ("words", "patterns", "links", "files", "mentions", "repeats", "rate", "invitations", "names")
"""Those keys of ``when`` that say what a rule looks for; the others are conditions."""


def check_config(config: Config, source: Source) -> None:
    """Check accounts, communities and rooms against each other."""
    users: dict[str, str] = {}
    for name, account in config.accounts.items():
        path: Path = ("accounts", name)
        _check_account(account, source, path)
        if account.user_id in users:
            message = f"This is the same Matrix user as account “{users[account.user_id]}”. Use that one twice instead."
            source.errors.append(source.error(message, (*path, "user_id")))
        users.setdefault(account.user_id, name)
    known = source.names(("accounts",))
    adopted: dict[str, str] = {}
    for key, community in config.communities.items():
        path = ("communities", key)
        if community.account is None and len(known) > 1:
            message = f"Which account looks after this community? Add one of these lines: {_lines('account', known)}."
            source.errors.append(source.error(message, path, key=True))
        elif community.account is not None and community.account not in known:
            message = f"There is no such account here. Known: {', '.join(known)}."
            source.errors.append(source.error(message, (*path, "account")))
        _once(source, (*path, "leads"))
        _once(source, (*path, "founders"))
        _check_rooms(community.rooms, source, (*path, "rooms"))
        for room in community.rooms.values():
            mine = f"{key}/{room.key}"
            first = adopted.setdefault(room.adopt or mine, mine)
            if first != mine:
                message = f"{first} is to be this room already. A room is one line only: take one of both out."
                source.errors.append(source.error(message, (*path, "rooms", room.key, "adopt")))
    _check_renames(source, ("communities",))


def check_template(template: Template, source: Source) -> None:
    """Check that levels are in order, and that a space is not made to do what only rooms can.

    What is wrong with the template that it extends is said there.
    """
    power = template.power
    if not power.member <= power.facilitator <= power.lead and "power" in source.value:
        message = "A lead holds at least as much as a facilitator, and a facilitator at least as much as a member."
        source.errors.append(source.error(message, ("power",)))
    _check_rota(template, source)
    if "prompts" in source.value:
        _check_prompts(template.prompts, source, ("prompts",))
    if "meetings" in source.value:
        check_meetings(template.meetings, source, ("meetings",))
        check_names(template.meetings, template.variables, source, ("meetings",))
        _check_inline(template.meetings, source, ("meetings",))
    _check_braces(template, source)
    if template.kind != "space":
        return
    if source.at(("settings", "encryption")) == "required":
        message = "A space holds no messages, and its list of rooms must be readable. Write: encryption: none"
        source.errors.append(source.error(message, ("settings", "encryption")))
    for key in ("rota", "prompts", "meetings", "welcome", "quiet", "knock"):
        if key in source.value:
            message = f"Nobody talks in a space: “{key}” belongs in the template of a room."
            source.errors.append(source.error(message, (key,), key=True))


def _check_rota(template: Template, source: Source) -> None:
    if "rota" not in source.value or template.rota_said is None:
        return
    for name, message in missing(template.rota_said):
        if source.at(("rota", name)) is None:  # else what is wrong with it is said already
            source.errors.append(source.error(message, ("rota",)))
    for place, message in turns_that_fit(template.rota_said):
        source.errors.append(source.error(message, ("rota", *place)))


def _check_braces(template: Template, source: Source) -> None:
    """Check that every name in braces stands for something: one of ours, or a variable of the template."""
    for path, names in _PATTERNS.items():
        text = source.at(path)
        complaint = stranger(text, (*names, *template.variables)) if isinstance(text, str) else None
        if complaint is not None:
            source.errors.append(source.error(complaint, path))


def check_policy(source: Source) -> None:
    """Check that rules are told apart, look for something, and cannot harm by misfiring."""
    seen: set[str] = set()
    for position, rule in enumerate(source.items(("rules",))):
        path: Path = ("rules", position)
        name, when = source.at((*path, "id")), source.at((*path, "when"))
        if isinstance(name, str) and name in seen:
            message = "Two rules have this id. Each has its own: the journal and !rule name rules by it."
            source.errors.append(source.error(message, (*path, "id")))
        seen.add(str(name))
        if isinstance(rule, dict) and isinstance(when, dict):
            _check_when(when, source, (*path, "when"))
            _check_outcome(rule, when, source, path)


def check_deck(source: Source, within: Path = ()) -> None:
    """Check that no question stands in the deck twice, and none says two things about when it comes."""
    seen: dict[str, Path] = {}
    for position in range(len(source.items((*within, "prompts")))):
        path: Path = (*within, "prompts", position, "text")
        if all(source.at((*path[:-1], key)) is not None for key in ("on", "season")):
            message = "A question is for one day (on) or for a season, not both. Leave one out."
            source.errors.append(source.error(message, (*path[:-1], "season"), key=True))
        text = source.at(path)
        text = next(iter(text.values()), None) if isinstance(text, dict) else text
        if not isinstance(text, str):
            continue
        first = seen.setdefault(text.strip(), path)
        if first is not path:
            message = (
                f"This question already stands on line {source.mark(first).line}, and would come up twice as often."
            )
            source.errors.append(source.error(message, path))


def _check_account(account: Account, source: Source, path: Path) -> None:
    if account.access_token_file is not None and account.password_file is not None:
        message = "Use a password or an access token, not both: leave one of password_file and access_token_file out."
        source.errors.append(source.error(message, (*path, "access_token_file"), key=True))
    if (account.access_token_file is None) != (account.device_id is None):
        message = "access_token_file and device_id go together: a token belongs to one device."
        source.errors.append(source.error(message, path, key=True))


def _check_rooms(rooms: Mapping[RoomKey, RoomSpec], source: Source, path: Path) -> None:
    for key, room in rooms.items():
        if key == CONTROL_KEY:
            message = "The control room is made by itself. Change room_templates/control.yaml, or use another key here."
            source.errors.append(source.error(message, (*path, key), key=True))
        _once(source, (*path, key, "facilitators"))
        _once(source, (*path, key, "shadows"))
        _check_prompts(room.prompts or (), source, (*path, key, "prompts"))
        check_meetings(room.meetings or (), source, (*path, key, "meetings"))
        _check_inline(room.meetings or (), source, (*path, key, "meetings"))
    _check_renames(source, path)


def _check_renames(source: Source, path: Path) -> None:
    taken: dict[Json, str] = {key: key for key in source.names(path)}
    for key in source.names(path):
        for position, name in enumerate(source.items((*path, key, "previously"))):
            if name == key or (isinstance(name, str) and taken.setdefault(name, key) != key):
                message = "This key already leads to another room or community. A former key leads to one place only."
                source.errors.append(source.error(message, (*path, key, "previously", position)))


def _check_prompts(prompts: Sequence[PromptSpec], source: Source, path: Path) -> None:
    if len(prompts) != len(source.items(path)):
        return  # some are wrong in themselves; positions are no longer those of the file
    seen = set()
    for position, prompt in enumerate(prompts):
        same = (prompt.deck, prompt.when)
        if prompt.problem is not None:
            # What is wrong with a time or a day in itself is said already, and this may only follow from it.
            marks = [source.mark((*path, position, key)) for key in ("at", "on", "from", "rrule")]
            if not any((error.line, error.col) == (mark.line, mark.col) for error in source.errors for mark in marks):
                key, message = prompt.problem
                source.errors.append(source.error(message, (*path, position, *filter(None, [key]))))
        elif same in seen:
            source.errors.append(source.error("This deck is already asked at these times.", (*path, position)))
        seen.add(same)
        if prompt.inline is not None:
            check_deck(source, (*path, position, "deck"))


def _check_inline(meetings: Sequence[MeetingSpec], source: Source, path: Path) -> None:
    if len(meetings) == len(source.items(path)):
        for _deck, place in inline_decks(meetings, path):
            check_deck(source, place)


def _check_when(when: Mapping[str, Json], source: Source, path: Path) -> None:
    """Check that it looks for something that can be found."""
    if not any(key in when for key in LOOKS_FOR):
        message = f"Say what this rule looks for: {', '.join(LOOKS_FOR)}. Such as links: {{allow: [grove.example]}}"
        source.errors.append(source.error(message, path))
    mentions, names = when.get("mentions"), when.get("names")
    if names is not None and any(key in when for key in LOOKS_FOR if key != "names"):
        message = "A name is judged when somebody comes, a message when it is said: make two rules of this."
        source.errors.append(source.error(message, path))
    if isinstance(mentions, Mapping) and not (mentions.get("room") is True or "at_least" in mentions):
        message = "Say which mentions: {room: true} for @room, or {at_least: 5} for many people at once."
        source.errors.append(source.error(message, (*path, "mentions")))
    if isinstance(names, Mapping) and not (names.get("like_staff") is True or names.keys() & _MISFIRING):
        message = "Say which names: words, patterns, or like_staff: true"
        source.errors.append(source.error(message, (*path, "names")))


def _check_outcome(rule: Mapping[str, Json], when: Mapping[str, Json], source: Source, path: Path) -> None:
    """Check that what it does is possible, and no more than gentle."""
    then, roles = rule.get("then"), when.get("roles")
    on_words = not _MISFIRING.isdisjoint(when)
    if isinstance(roles, list) and "staff" in roles and then not in {"observe", "nudge"}:
        message = "Leads and facilitators are exempt; a rule for them can only observe or nudge."
        source.errors.append(source.error(message, (*path, "then")))
    if "names" in when and then == "remove":
        message = "A name cannot be taken down. Write then: nudge (or raise, which asks a person to look)."
        source.errors.append(source.error(message, (*path, "then")))
    if then != "mute":
        for key in ("mute_for", "mute_in"):
            if key in rule:
                source.errors.append(source.error("This is for rules with then: mute", (*path, key), key=True))
    if on_words and rule.get("then") in _TOO_MUCH and rule.get("accept_misfires") is not True:
        message = (
            "Rules on words misfire on people in distress. Write then: nudge (or raise, which asks a person to look); "
            "or, if you accept that, accept_misfires: true"
        )
        source.errors.append(source.error(message, (*path, "then")))


def _once(source: Source, path: Path) -> None:
    seen = set()
    for position, user in enumerate(people_at(source, path)):
        if user is not None and user in seen:
            source.errors.append(source.error("This person is already on this list.", (*path, position)))
        seen.add(user)


def people_at(source: Source, path: Path) -> list[str | None]:
    """List the ids of a list of people as they are written, with or without from when; None for what is none."""
    written = (one.get("who") if isinstance(one, dict) else one for one in source.items(path))
    return [one.strip() if isinstance(one, str) else None for one in written]


def _lines(name: str, keys: Iterable[str]) -> str:
    return ", ".join(f"`{name}: {key}`" for key in keys)
