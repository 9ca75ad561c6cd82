"""The models of a policy and of a deck."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.documents import words
from orchestrator.documents.declared import (
    Action,
    Care,
    Deck,
    LadderStep,
    Mode,
    Norms,
    Policy,
    Prompt,
    Resource,
    Rule,
    When,
)

from .base import Key, Read, SomeLength, Strict, Truth, Version, number, one_of, pattern, sentence
from .config import Locale

Day = Annotated[date, Read(words.day, {"type": "string", "format": "date"})]
Domain = Annotated[str, Read(words.domain, {"type": "string", "examples": ["grove.example"]})]
ListRoom = Annotated[str, Read(words.list_room, {"type": "string", "examples": ["#community-bans:example.org"]})]
Emergency = Annotated[
    Literal["yes", "no", "group_decides"],
    Read(
        words.choice({True: "yes", False: "no", "group_decides": "group_decides", "yes": "yes", "no": "no"}),
        {"enum": [True, False, "group_decides", "yes", "no"]},
    ),
]


def digest(*parts: str) -> str:
    """Hash texts of an author: changes when the words do."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _step(value: object) -> LadderStep:
    if isinstance(value, dict) and list(value) == ["mute"]:
        return LadderStep(action=Action.MUTE, mute_ms=words.length(least_ms=60_000)(value["mute"]))
    if value == "mute":
        raise ValueError("Say how long, like {mute: 1h}.")
    return LadderStep(
        action=words.choice({"nudge": Action.NUDGE, "remove": Action.REMOVE, "raise": Action.RAISE})(value)
    )


class NormsModel(Strict):
    """What we hold to."""

    summary: Annotated[str, pattern(200)] = Field(examples=['"Listen first. It is OK to just read."'])
    text: Annotated[str, pattern(8_000, lines=True)] = Field(examples=['"What is said here stays here."'])
    review_by: Day | None = None

    def authored(self) -> Norms:
        """Make it plain data."""
        return Norms(
            summary=self.summary, text=self.text, review_by=self.review_by, digest=digest(self.summary, self.text)
        )


class LinksModel(Strict):
    """Links to servers other than these."""

    allow: list[Domain] = Field([])


class WhenModel(Strict):
    """When a rule applies: all of what is given must hold."""

    links: LinksModel | None = None
    member_for_less_than: SomeLength | None = None


class RuleModel(Strict):
    """Something that is checked."""

    id: Key = Field(examples=["links-from-newcomers"])
    when: WhenModel = Field(examples=["{links: {allow: [grove.example]}}"])
    then: Annotated[str, one_of(*(action.value for action in Action))] = Field(examples=["nudge"])
    because: Annotated[str, sentence(500)] = Field(examples=['"New here? Links open up after three days."'])
    mode: Annotated[str, one_of(*(mode.value for mode in Mode))] = "observe"
    accept_misfires: Truth = False

    def authored(self) -> Rule:
        """Make it plain data."""
        links = self.when.links
        return Rule(
            id=self.id,
            when=When(
                links_allowed=None if links is None else tuple(links.allow),
                member_for_less_than_ms=self.when.member_for_less_than,
            ),
            then=Action(self.then),
            because=self.because,
            mode=Mode(self.mode),
            accept_misfires=self.accept_misfires,
        )


class LadderModel(Strict):
    """What follows when it happens again."""

    forget_after: SomeLength = Field("30d", validate_default=True)
    steps: list[
        Annotated[
            LadderStep,
            Read(
                _step,
                {"anyOf": [{"enum": ["nudge", "remove", "raise"]}, {"type": "object", "required": ["mute"]}]},
            ),
        ]
    ] = Field(["nudge", "nudge", {"mute": "1h"}, "raise"], validate_default=True, min_length=1)


class ResourceModel(Strict):
    """Where somebody can turn."""

    text: Annotated[str, sentence(500)] = Field(examples=['"findahelpline.com lists free, confidential support."'])
    locale: Locale | None = None
    verified_on: Day = Field(examples=["2026-10-01"])


class CareModel(Strict):
    """Where a person in distress can turn."""

    resources: list[ResourceModel] = Field(min_length=1)
    contact_emergency_services: Emergency = Field(examples=["group_decides"])

    def authored(self) -> Care:
        """Make it plain data."""
        return Care(
            resources=tuple(
                Resource(text=one.text, locale=one.locale or "", verified_on=one.verified_on) for one in self.resources
            ),
            contact_emergency_services=self.contact_emergency_services,
        )


class PolicyModel(Strict):
    """policies/*.yaml."""

    version: Version = Field(examples=["1"])
    title: Annotated[str, sentence(100)] = Field(examples=["A gentle circle"])
    norms: NormsModel
    rules: list[RuleModel] = Field([])
    ladder: LadderModel = Field({}, validate_default=True)
    lists: list[ListRoom] = Field([])
    care: CareModel

    def authored(self, key: str, document: str) -> Policy:
        """Make it plain data; ``key`` is the file's name without ``.yaml``."""
        return Policy(
            name=key,
            document=document,
            title=self.title,
            norms=self.norms.authored(),
            rules=tuple(rule.authored() for rule in self.rules),
            ladder=tuple(self.ladder.steps),
            ladder_forget_ms=self.ladder.forget_after,
            lists=tuple(self.lists),
            care=self.care.authored(),
        )


class QuestionModel(Strict):
    """One question of a deck."""

    text: Annotated[str, sentence(500)] = Field(examples=['"What was one small thing that went all right?"'])
    tier: Annotated[int, number(1, 3)] = 1
    note: Annotated[str, sentence(100)] | None = None


class DeckModel(Strict):
    """room_templates/decks/*.yaml."""

    version: Version = Field(examples=["1"])
    title: Annotated[str, sentence(100)] = Field(examples=["Gentle check-in"])
    prompts: list[QuestionModel] = Field(min_length=1)

    def authored(self, key: str) -> Deck:
        """Make it plain data; ``key`` is the file's name without ``.yaml``."""
        prompts = (
            Prompt(id=digest(one.text), text=one.text, tier=one.tier, note=one.note or "") for one in self.prompts
        )
        return Deck(name=key, title=self.title, prompts=tuple(prompts))
