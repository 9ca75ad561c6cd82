"""The forms of what a policy looks after: rules, the ladder, ban lists, raised hands."""

from __future__ import annotations

from typing import Annotated, Final, NotRequired, cast

from typing_extensions import TypedDict

from orchestrator.documents import addresses, looked_for, times, words
from orchestrator.documents.policy import (
    Action,
    BanList,
    FileKind,
    Files,
    Hands,
    LadderStep,
    Links,
    Mentions,
    Mode,
    Names,
    Often,
    Rule,
    Unless,
    When,
)
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.ids import RoomKey

from .base import Key, NotEmpty, Read, SomeLength, Truth, key, number, one_of, sentence

Domain = Annotated[str, Read(addresses.domain, {"type": "string", "examples": ["grove.example"]})]
Phrase = Annotated[str, Read(looked_for.phrase, {"type": "string", "maxLength": looked_for.MOST_OF_A_PHRASE})]
Pattern = Annotated[str, Read(looked_for.pattern, {"type": "string", "maxLength": looked_for.MOST_OF_A_PATTERN})]
MediaType = Annotated[str, Read(looked_for.media_type, {"type": "string", "examples": ["video/*", "application/pdf"]})]
FileKindName = Annotated[str, one_of(*looked_for.FILE_KINDS)]
ListRoom = Annotated[str, Read(addresses.list_room, {"type": "string", "examples": ["#community-bans:example.org"]})]
Server = Annotated[str, Read(addresses.server, {"type": "string", "examples": ["example.org"]})]
Hours = Annotated[QuietHours, Read(times.quiet_hours, {"type": "string", "examples": ["22:00-07:00"]})]
Sign = Annotated[str, Read(looked_for.reaction, {"type": "string", "examples": ["✅"]})]
Minutes = Annotated[int, Read(times.length(least_ms=MINUTE_MS), {"type": "string", "examples": ["15m"]})]

_STEPS: Final[dict[object, Action]] = {"nudge": Action.NUDGE, "remove": Action.REMOVE, "raise": Action.RAISE}
DEFAULT_STEPS: Final = (
    LadderStep(action=Action.NUDGE),
    LadderStep(action=Action.NUDGE),
    LadderStep(action=Action.MUTE, mute_ms=HOUR_MS),
    LadderStep(action=Action.RAISE),
)


def _step(value: object) -> LadderStep:
    if isinstance(value, dict) and list(value) == ["mute"]:
        return LadderStep(action=Action.MUTE, mute_ms=times.length(least_ms=MINUTE_MS)(value["mute"]))
    if value == "mute" or isinstance(value, dict):
        raise ValueError("Write how long a mute lasts, like {mute: 1h}.")
    return LadderStep(action=words.choice(_STEPS)(value))


_STEP_SCHEMA: Final = {"anyOf": [{"enum": list(_STEPS)}, {"type": "object", "required": ["mute"]}]}


class LinksForm(TypedDict):
    """Links: to anywhere but these, or to these."""

    allow: NotRequired[list[Domain]]
    deny: NotRequired[list[Domain]]


class FilesForm(TypedDict):
    """Attachments: of these kinds, or of these media types; {} means any."""

    kinds: NotRequired[list[FileKindName]]
    types: NotRequired[list[MediaType]]


class MentionsForm(TypedDict):
    """Calling everybody (@room), or many people at once."""

    room: NotRequired[Truth]
    at_least: NotRequired[Annotated[int, number(2, 100)]]


class OftenForm(TypedDict):
    """So many times within so long."""

    times: Annotated[int, number(2, 200, "5")]
    within: SomeLength


class NamesForm(TypedDict):
    """Display names, when somebody comes and when they change theirs."""

    words: NotRequired[list[Phrase]]
    patterns: NotRequired[list[Pattern]]
    like_staff: NotRequired[Truth]


UnlessForm = TypedDict(
    "UnlessForm",
    {
        "with": Annotated[list[Sign], NotEmpty('["✅"]')],
        "within": SomeLength,
        "by": NotRequired[Annotated[str, one_of("anyone", "staff", "author")]],
    },
)
UnlessForm.__doc__ = "The rule waits, and lets it be where somebody put one of these reactions."


class WhenForm(TypedDict):
    """When a rule applies: all of what is given must hold."""

    words: NotRequired[list[Phrase]]
    patterns: NotRequired[list[Pattern]]
    links: NotRequired[LinksForm]
    files: NotRequired[FilesForm]
    mentions: NotRequired[MentionsForm]
    repeats: NotRequired[OftenForm]
    rate: NotRequired[OftenForm]
    invitations: NotRequired[Truth]
    names: NotRequired[NamesForm]
    member_for_less_than: NotRequired[SomeLength]
    roles: NotRequired[Annotated[list[Annotated[str, one_of("member", "staff")]], NotEmpty("[member]")]]
    rooms: NotRequired[Annotated[list[Key], NotEmpty("[tuesday]")]]
    between: NotRequired[Hours]
    outside_spoiler: NotRequired[Truth]
    unless_reacted: NotRequired[UnlessForm]


class RuleForm(TypedDict):
    """Something that is checked."""

    id: Annotated[str, key("links-from-newcomers")]
    when: WhenForm
    then: Annotated[str, one_of(*(action.value for action in Action), example="nudge")]
    because: Annotated[str, sentence(500, '"New here? Links open up after three days."')]
    norm: NotRequired[Annotated[str, sentence(200)]]
    mode: NotRequired[Annotated[str, one_of(*(mode.value for mode in Mode))]]
    mute_for: NotRequired[Minutes]
    mute_in: NotRequired[Annotated[str, one_of("room", "community")]]
    accept_misfires: NotRequired[Truth]


class LadderForm(TypedDict):
    """What follows when it happens again."""

    forget_after: NotRequired[SomeLength]
    steps: NotRequired[Annotated[list[Annotated[LadderStep, Read(_step, _STEP_SCHEMA)]], NotEmpty()]]


def _list(value: object) -> BanList:
    if not isinstance(value, dict):
        return BanList(room=addresses.list_room(value))
    unknown = value.keys() - {"list", "via", "servers"}
    if unknown or "list" not in value:
        raise ValueError('Write the alias of a list, or {list: "#bans:example.org", servers: acl}.')
    via = value.get("via", [])
    if not isinstance(via, list):
        raise ValueError("via is a list of servers, like [example.org].")  # noqa: TRY004 - pydantic gathers ValueErrors only
    servers = words.choice({"people": False, "acl": True})(value.get("servers", "people"))
    return BanList(room=addresses.list_room(value["list"]), via=tuple(map(addresses.server, via)), acl=servers)


_LIST_SCHEMA: Final = {
    "anyOf": [
        {"type": "string", "examples": ["#community-bans:example.org"]},
        {
            "type": "object",
            "properties": {
                "list": {"type": "string"},
                "via": {"type": "array", "items": {"type": "string"}},
                "servers": {"enum": ["people", "acl"]},
            },
            "required": ["list"],
            "additionalProperties": False,
        },
    ]
}
Followed = Annotated[BanList, Read(_list, _LIST_SCHEMA)]


class HandsForm(TypedDict):
    """How a raised hand is answered."""

    answer_within: NotRequired[Minutes]
    hush_for: NotRequired[Minutes]
    cover_for: NotRequired[Minutes]
    by_reaction: NotRequired[Sign]
    words: NotRequired[list[Phrase]]


def rule_of(form: RuleForm) -> Rule:
    """Make plain data of it."""
    return Rule(
        id=form["id"],
        when=_when(form["when"]),
        then=Action(form["then"]),
        because=form["because"],
        norm=form.get("norm", ""),
        mode=Mode(form.get("mode", "observe")),
        mute_ms=form.get("mute_for", HOUR_MS),
        mute_everywhere=form.get("mute_in", "room") == "community",
        accept_misfires=form.get("accept_misfires", False),
    )


def hands_of(form: HandsForm) -> Hands:
    """Make plain data of it."""
    usual = Hands()
    return Hands(
        answer_within_ms=form.get("answer_within", usual.answer_within_ms),
        hush_ms=form.get("hush_for", usual.hush_ms),
        cover_ms=form.get("cover_for", usual.cover_ms),
        reaction=form.get("by_reaction", usual.reaction),
        words=tuple(form.get("words", ())),
    )


def _when(form: WhenForm) -> When:
    roles = form.get("roles", ["member"])
    return When(
        words=tuple(form.get("words", ())),
        patterns=tuple(form.get("patterns", ())),
        links=_links(form["links"]) if "links" in form else None,
        files=_files(form["files"]) if "files" in form else None,
        mentions=_mentions(form["mentions"]) if "mentions" in form else None,
        repeats=_often(form["repeats"]) if "repeats" in form else None,
        rate=_often(form["rate"]) if "rate" in form else None,
        invitations=form.get("invitations", False),
        names=_names(form["names"]) if "names" in form else None,
        member_for_less_than_ms=form.get("member_for_less_than"),
        for_members="member" in roles,
        for_staff="staff" in roles,
        rooms=tuple(RoomKey(room) for room in form.get("rooms", ())),
        between=form.get("between"),
        outside_spoiler=form.get("outside_spoiler", False),
        unless_reacted=_unless(form["unless_reacted"]) if "unless_reacted" in form else None,
    )


def _links(form: LinksForm) -> Links:
    deny = tuple(form.get("deny", ()))
    # Who only names places that are not wanted lets the others be.
    return Links(allow=tuple(form["allow"]) if "allow" in form else None if deny else (), deny=deny)


def _files(form: FilesForm) -> Files:
    kinds = cast("list[FileKind]", form.get("kinds", []))
    return Files(kinds=frozenset(kinds), types=tuple(form.get("types", ())))


def _mentions(form: MentionsForm) -> Mentions:
    return Mentions(room=form.get("room", False), at_least=form.get("at_least"))


def _often(form: OftenForm) -> Often:
    return Often(times=form["times"], within_ms=form["within"])


def _names(form: NamesForm) -> Names:
    return Names(
        words=tuple(form.get("words", ())),
        patterns=tuple(form.get("patterns", ())),
        like_staff=form.get("like_staff", False),
    )


def _unless(form: UnlessForm) -> Unless:
    by = form.get("by", "staff")
    return Unless(
        keys=tuple(form["with"]),
        within_ms=form["within"],
        by="anyone" if by == "anyone" else "author" if by == "author" else "staff",
    )
