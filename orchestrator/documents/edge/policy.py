"""The forms of a policy and of a deck."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Final, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

from orchestrator.documents import words
from orchestrator.documents.declared import Deck, Prompt
from orchestrator.documents.policy import (
    Action,
    BanList,
    Care,
    LadderStep,
    Links,
    Mode,
    Norms,
    Policy,
    Resource,
    Rule,
    When,
)
from orchestrator.model.clock import DAY_MS, HOUR_MS

from .base import NotEmpty, Read, SomeLength, Truth, Version, key, number, one_of, pattern, sentence
from .config import Locale

Choice: TypeAlias = Literal["yes", "no", "group_decides"]

Day = Annotated[date, Read(words.day, {"type": "string", "format": "date"}, "2026-10-01")]
Domain = Annotated[str, Read(words.domain, {"type": "string", "examples": ["grove.example"]})]
ListRoom = Annotated[str, Read(words.list_room, {"type": "string", "examples": ["#community-bans:example.org"]})]
_EMERGENCY: Final[dict[object, Choice]] = {
    True: "yes",
    False: "no",
    "group_decides": "group_decides",
    "yes": "yes",
    "no": "no",
}
Emergency = Annotated[Choice, Read(words.choice(_EMERGENCY), {"enum": list(_EMERGENCY)}, "group_decides")]

DEFAULT_STEPS: Final = (
    LadderStep(action=Action.NUDGE),
    LadderStep(action=Action.NUDGE),
    LadderStep(action=Action.MUTE, mute_ms=HOUR_MS),
    LadderStep(action=Action.RAISE),
)
_STEPS: Final[dict[object, Action]] = {"nudge": Action.NUDGE, "remove": Action.REMOVE, "raise": Action.RAISE}


def _step(value: object) -> LadderStep:
    if isinstance(value, dict) and list(value) == ["mute"]:
        return LadderStep(action=Action.MUTE, mute_ms=words.length(least_ms=60_000)(value["mute"]))
    if value == "mute" or isinstance(value, dict):
        raise ValueError("Write how long a mute lasts, like {mute: 1h}.")
    return LadderStep(action=words.choice(_STEPS)(value))


_STEP_SCHEMA = {"anyOf": [{"enum": list(_STEPS)}, {"type": "object", "required": ["mute"]}]}


class NormsForm(TypedDict):
    """What we hold to."""

    summary: Annotated[str, pattern(200, example='"Listen first. You may just read."')]
    text: Annotated[str, pattern(8_000, lines=True, example='"What is said here stays here."')]
    review_by: NotRequired[Day]


class LinksForm(TypedDict):
    """Links to servers other than these."""

    allow: NotRequired[list[Domain]]


class WhenForm(TypedDict):
    """When a rule applies: all of what is given must hold."""

    links: NotRequired[LinksForm]
    member_for_less_than: NotRequired[SomeLength]


class RuleForm(TypedDict):
    """Something that is checked."""

    id: Annotated[str, key("links-from-newcomers")]
    when: WhenForm
    then: Annotated[str, one_of(*(action.value for action in Action), example="nudge")]
    because: Annotated[str, sentence(500, '"New here? Links open up after three days."')]
    mode: NotRequired[Annotated[str, one_of(*(mode.value for mode in Mode))]]
    accept_misfires: NotRequired[Truth]


class LadderForm(TypedDict):
    """What follows when it happens again."""

    forget_after: NotRequired[SomeLength]
    steps: NotRequired[Annotated[list[Annotated[LadderStep, Read(_step, _STEP_SCHEMA)]], NotEmpty()]]


class ResourceForm(TypedDict):
    """Where somebody can turn."""

    text: Annotated[str, sentence(500, '"findahelpline.com finds a free, confidential helpline."')]
    locale: NotRequired[Locale]
    verified_on: Day


class CareForm(TypedDict):
    """Where a person in distress can turn."""

    resources: Annotated[list[ResourceForm], NotEmpty()]
    contact_emergency_services: Emergency


class PolicyForm(TypedDict):
    """policies/*.yaml."""

    version: Version
    title: Annotated[str, sentence(100, "A gentle circle")]
    norms: NormsForm
    rules: NotRequired[list[RuleForm]]
    ladder: NotRequired[LadderForm]
    lists: NotRequired[list[ListRoom]]
    care: CareForm


class QuestionForm(TypedDict):
    """One question of a deck."""

    text: Annotated[str, sentence(500, '"What was one small thing that went all right?"')]
    tier: NotRequired[Annotated[int, number(1, 3)]]
    note: NotRequired[Annotated[str, sentence(100)]]


class DeckForm(TypedDict):
    """room_templates/decks/*.yaml."""

    version: Version
    title: Annotated[str, sentence(100, "Gentle check-in")]
    prompts: Annotated[list[QuestionForm], NotEmpty()]


def policy_of(form: PolicyForm, key: str, document: str) -> Policy:
    """Make plain data of it; ``key`` is the file's name without ``.yaml``."""
    norms, ladder = form["norms"], form.get("ladder", {})
    return Policy(
        name=key,
        document=document,
        title=form["title"],
        norms=norms_of(norms["summary"], norms["text"], norms.get("review_by")),
        rules=tuple(map(_rule, form.get("rules", []))),
        ladder=tuple(ladder.get("steps", DEFAULT_STEPS)),
        ladder_forget_ms=ladder.get("forget_after", 30 * DAY_MS),
        lists=tuple(BanList(room=one) for one in form.get("lists", [])),
        care=_care(form["care"]),
    )


def norms_of(summary: str, text: str, review_by: date | None) -> Norms:
    """Put norms together, with the digest of their words."""
    return Norms(summary=summary, text=text, review_by=review_by, digest=_digest(summary, text))


def deck_of(form: DeckForm, key: str) -> Deck:
    """Make plain data of it; ``key`` is the file's name without ``.yaml``."""
    prompts = (
        Prompt(id=_digest(one["text"]), text=one["text"], tier=one.get("tier", 1), note=one.get("note", ""))
        for one in form["prompts"]
    )
    return Deck(name=key, title=form["title"], prompts=tuple(prompts))


def _rule(form: RuleForm) -> Rule:
    when = form["when"]
    return Rule(
        id=form["id"],
        when=When(
            links=Links(allow=tuple(when["links"].get("allow", []))) if "links" in when else None,
            member_for_less_than_ms=when.get("member_for_less_than"),
        ),
        then=Action(form["then"]),
        because=form["because"],
        mode=Mode(form.get("mode", "observe")),
        accept_misfires=form.get("accept_misfires", False),
    )


def _care(form: CareForm) -> Care:
    resources = (
        Resource(text=one["text"], locale=one.get("locale", ""), verified_on=one["verified_on"])
        for one in form["resources"]
    )
    return Care(resources=tuple(resources), contact_emergency_services=form["contact_emergency_services"])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
