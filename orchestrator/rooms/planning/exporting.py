"""A live room as a template: what the documents would have to say so that a plan finds nothing to do. Pure.

What a template has no words for (a picture that lies on the server, levels that no role explains) is not made up; it comes
back as a note, and stays in the room as it is wherever that is possible.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, PowerMap, Room, Settings
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import LOCATOR_TYPE, Json, JsonObject, RoomId, RoomKey, UserId, server_of
from orchestrator.model.power import creators_have_power
from orchestrator.rooms.state.attributes import MEGOLM
from orchestrator.rooms.state.levels import NUMBERS, room_levels
from orchestrator.rooms.state.topic import topic_content

VERSIONS: Final = frozenset({"10", "11", "12"})
POWER: Final = "m.room.power_levels"

_BRACES: Final = re.compile(r"\{[a-zA-Z_]")
_JOIN: Final = frozenset({"invite", "knock", "restricted", "knock_restricted", "public"})
_HISTORY: Final = frozenset({"joined", "invited", "shared", "world_readable"})
_MOST_TOPIC: Final = 400
_MOST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A room as it was read.

    Attributes:
        state: contents by type and key.
        creators: who made it.
        listed: the directory shows it; None: unknown.
        aliases: localparts that lead to it on the bot's own server.
        keys: by id, how the rooms of the community are called.
        suggested: its space recommends it.
        said: what others than the template say in the topic, by slot (norms, duty).
    """

    state: Mapping[tuple[str, str], JsonObject] = field(repr=False)
    creators: frozenset[UserId] = frozenset()
    listed: bool | None = None
    aliases: Collection[str] = ()
    keys: Mapping[RoomId, RoomKey] = field(default_factory=dict)
    suggested: bool = False
    said: Mapping[str, str] = field(default_factory=dict)

    def content(self, type_: str, key: str = "") -> JsonObject:
        """Read a content; empty where there is none."""
        return self.state.get((type_, key), {})


@dataclass(frozen=True, slots=True)
class Exported:
    """A template, the line of config.yaml that goes with it, and what neither can say."""

    template: Mapping[str, Json]
    room: Mapping[str, Json]
    notes: tuple[str, ...]


def exported(seen: Seen, community: Community, room: Room, me: UserId, *, name: str = "") -> Exported:
    """Write a live room as a template.

    Args:
        seen: the room as it is.
        community: in which it is, or is to be.
        room: what is declared of it, or a blank (``blank_room``): it lends what no room shows, such as its policy.
        me: the bot.
        name: of the template that is written, for the line of config.yaml.
    """
    notes: list[str] = []
    create = seen.content("m.room.create")
    kind = "space" if create.get("type") == "m.space" else "room"
    template: dict[str, Json] = {"version": 1, "kind": kind, "name": "{name}"}
    declared: dict[str, Json] = {"template": name, "name": _name(seen, room, notes)}
    if room.key in {SPACE_KEY, CONTROL_KEY}:
        template["name"] = _own_name(str(declared["name"]), community, room, notes)
    topic = _topic(seen, notes)
    if topic:
        template["topic"] = topic
    alias = _alias(seen, me, notes)
    if alias:
        template["alias"] = alias
    settings = _settings(seen, room, notes)
    template["settings"] = settings
    template["power"] = _power(seen, community, room, settings, kind, me, notes)
    if seen.content("m.room.avatar").get("url"):
        notes.append(
            "It has a picture on the server, which stays; to manage it, put the file beside and name it: avatar."
        )
    if room.policy is not None:
        template["policy"] = room.policy.name
    if room.key != SPACE_KEY and seen.suggested:
        template["suggested"] = True
    people = {"facilitators": room.facilitators, "shadows": room.shadows}
    declared |= {key: [*those] for key, those in people.items() if those}
    if room.key in {SPACE_KEY, CONTROL_KEY}:
        declared = {}  # they have no lines of their own
    if room.rota is not None or room.prompts or room.meetings or room.welcome is not None:
        notes.append(
            "Its rota, questions, meetings and welcome do not show in the room; copy them from the template it has now."
        )
    return Exported(template, declared, tuple(notes))


def blank_room(community: Community, key: RoomKey, *, kind: str) -> Room:
    """Stand in for a room that is not declared yet."""
    like = next((room for room in community.rooms if room.kind == kind), community.space)
    return replace(
        like,
        key=key,
        previously=(),
        policy=None,
        rota=None,
        prompts=(),
        meetings=(),
        welcome=None,
        facilitators=(),
        serving={},
        shadows=(),
        origins={},
    )


def _name(seen: Seen, room: Room, notes: list[str]) -> str:
    live = seen.content("m.room.name").get("name")
    if isinstance(live, str) and live.strip() == live and 0 < len(live) <= _MOST_NAME and live.isprintable():
        return live
    notes.append("Its name cannot be said in a file as it is; a plan will show it.")
    return room.name


def _own_name(live: str, community: Community, room: Room, notes: list[str]) -> str:
    """Say in the template itself what the name is: the control room's, and a space's that is not the community's."""
    if room.key == SPACE_KEY and live == community.name:
        return "{name}"
    if not _BRACES.search(live):
        return live
    notes.append("Its name cannot be said in a file as it is; a plan will show it.")
    return "{name}"


def _topic(seen: Seen, notes: list[str]) -> str:
    """Find what the template has to say so that, with what others say, the live topic comes of it."""
    live = seen.content("m.room.topic").get("topic")
    if not isinstance(live, str) or not live:
        notes.append("It has no topic, and a template always says one; a plan will show it.")
        return ""
    own = live
    for part in reversed([text for slot, text in sorted(seen.said.items()) if text]):
        own = own.removesuffix(part).rstrip("\n") if own.endswith(part) else own
    whole = topic_content({**seen.said, "topic": own}).get("topic", "")
    usable = len(own) <= _MOST_TOPIC and own == own.strip() and own.isprintable() and not _BRACES.search(own)
    if usable and whole == live:
        return own
    notes.append("Its topic cannot be said in a file as it is; a plan will show it.")
    return own if usable else ""


def _alias(seen: Seen, me: UserId, notes: list[str]) -> str:
    full = seen.content("m.room.canonical_alias").get("alias")
    local, _colon, server = str(full or "")[1:].partition(":")
    others = sorted(set(seen.aliases) - {local})
    if others:
        notes.append(f"Other addresses lead to it as well, and stay: {', '.join(f'#{one}' for one in others)}.")
    if not full:
        return ""
    if server == server_of(me) and local == local.lower() and not _BRACES.search(local):
        return local
    notes.append(f"Its address {full} is not one that a template can give; it stays.")
    return ""


def _settings(seen: Seen, room: Room, notes: list[str]) -> dict[str, Json]:
    create, rules = seen.content("m.room.create"), seen.content("m.room.join_rules")
    version = str(create.get("room_version", "1"))
    settings: dict[str, Json] = {}
    if version in VERSIONS:
        settings["room_version"] = version
    else:
        notes.append(f"Its version {version} is too old to be written in a template; a plan will ask for a new room.")
    rule = rules.get("join_rule")
    if rule in _JOIN:
        settings["join"] = rule
    else:
        notes.append("Who may come in cannot be said in a template; a plan will show it.")
    if rule in {"restricted", "knock_restricted"}:
        allow, strangers = _allow(rules.get("allow"), seen.keys)
        # The space that it hangs in is meant where nothing is said, and the community's own has no name in a file.
        named = [] if allow == [room.within] else [key for key in allow if key]
        if named:
            settings["allow"] = [*named]
        if strangers or (SPACE_KEY in allow and allow != [room.within]):
            notes.append("Not all whose members may come in can be named in a template; a plan will show it.")
        if not allow:
            settings["join"] = "invite" if rule == "restricted" else "knock"
    history = seen.content("m.room.history_visibility").get("history_visibility", "shared")
    settings["history"] = history if history in _HISTORY else "shared"
    guests = seen.content("m.room.guest_access").get("guest_access", "forbidden")
    settings["guests"] = "allowed" if guests == "can_join" else "forbidden"
    algorithm = seen.content("m.room.encryption").get("algorithm")
    settings["encryption"] = "required" if algorithm else "none"
    if algorithm and algorithm != MEGOLM:
        notes.append("It is encrypted in a way that the bot does not know.")
    if seen.listed is not None:
        settings["directory"] = "listed" if seen.listed else "hidden"
    settings["federate"] = create.get("m.federate") is not False
    settings |= _retention(seen.content("m.room.retention"), notes)
    acl = seen.content("m.room.server_acl")
    if acl:
        settings["acl"] = {
            "allow": _texts(acl.get("allow")) or ["*"],
            "deny": _texts(acl.get("deny")),
            "ip_literals": acl.get("allow_ip_literals") is not False,
        }
    return settings


def _allow(value: Json, keys: Mapping[RoomId, RoomKey]) -> tuple[list[RoomKey], int]:
    """List the rooms of the community whose members may come in, and count the others."""
    named: list[RoomKey] = []
    strangers = 0
    for entry in value if isinstance(value, list | tuple) else ():
        room = entry.get("room_id") if isinstance(entry, Mapping) else None
        if isinstance(room, str) and RoomId(room) in keys:
            named.append(keys[RoomId(room)])
        else:
            strangers += 1
    return [*dict.fromkeys(named)], strangers


def _retention(content: JsonObject, notes: list[str]) -> dict[str, Json]:
    most, least = content.get("max_lifetime"), content.get("min_lifetime")
    if not isinstance(most, int):
        return {}
    if most < HOUR_MS or most % MINUTE_MS or (isinstance(least, int) and (least < HOUR_MS or least % MINUTE_MS)):
        notes.append("How long things are kept cannot be said in a template; it stays.")
        return {}
    if isinstance(least, int):
        return {"retention": {"max": _length(most), "min": _length(least)}}
    return {"retention": _length(most)}


def _length(ms: int) -> str:
    unit, size = next((one for one in (("d", DAY_MS), ("h", HOUR_MS)) if ms % one[1] == 0), ("m", MINUTE_MS))
    return f"{ms // size}{unit}"


def _power(
    seen: Seen, community: Community, room: Room, settings: Mapping[str, Json], kind: str, me: UserId, notes: list[str]
) -> dict[str, Json]:
    """Find the roles and single levels from which the live power levels follow."""
    levels = seen.content(POWER)
    lead, member = _level(levels, "state_default", 50), _level(levels, "users_default", 0)
    facilitator = _level(levels, "ban", 50)
    power: dict[str, Json] = {"lead": _role(lead), "facilitator": _role(facilitator), "member": _role(member)}
    version = str(settings.get("room_version", "12"))
    made = replace(
        room,
        kind="space" if kind == "space" else "room",
        settings=replace(_blank(room.settings), room_version=version, encryption=settings["encryption"] == "required"),
        power=PowerMap(lead=_role(lead), facilitator=_role(facilitator), member=_role(member)),
    )
    own = None if creators_have_power(version) and me in seen.creators else _own(levels, me)
    meant = room_levels(community, made, me, own=own)
    odd = [name for name in NUMBERS if _level(levels, name, _DEFAULTS.get(name, 0)) != meant[name]]
    if odd:
        notes.append(f"These levels follow from no role, and a plan will show them: {', '.join(odd)}.")
    live, usual = levels.get("events"), meant["events"]
    events: dict[str, Json] = {}
    if isinstance(live, Mapping) and isinstance(usual, Mapping):
        events = {
            type_: level
            for type_, level in sorted(live.items())
            if isinstance(level, int) and usual.get(type_) != level and type_ not in {LOCATOR_TYPE, "m.room.encrypted"}
        }
    if events:
        power["events"] = events
    return power


_DEFAULTS: Final = {"state_default": 50, "ban": 50, "kick": 50, "redact": 50}


def _blank(settings: Settings) -> Settings:
    return replace(settings, allow=(), retention=None, acl=None)


def _own(levels: JsonObject, me: UserId) -> float:
    users = levels.get("users")
    level = users.get(me) if isinstance(users, Mapping) else None
    return level if isinstance(level, int) else _level(levels, "users_default", 0)


def _role(level: int) -> int:
    return max(0, min(100, level))


def _level(levels: JsonObject, key: str, default: int) -> int:
    value = levels.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
