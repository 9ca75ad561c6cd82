"""The forms of a policy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Final, Literal, NotRequired, TypeAlias

from typing_extensions import TypedDict

from orchestrator.documents import languages, times, words
from orchestrator.documents.braces import NAMES, filled
from orchestrator.documents.policy import Care, Norms, Policy, Resource, Telling
from orchestrator.model.clock import DAY_MS

from .base import Locale, NotEmpty, Read, Version, number, one_of, sentence
from .rules import DEFAULT_STEPS, Followed, HandsForm, LadderForm, RuleForm, hands_of, rule_of

Choice: TypeAlias = Literal["yes", "no", "group_decides"]

Day = Annotated[date, Read(times.day, {"type": "string", "format": "date"}, "2026-10-01")]
_EMERGENCY: Final[dict[object, Choice]] = {
    True: "yes",
    False: "no",
    "group_decides": "group_decides",
    "yes": "yes",
    "no": "no",
}
Emergency = Annotated[Choice, Read(words.choice(_EMERGENCY), {"enum": list(_EMERGENCY)}, "group_decides")]


def _by_language(most: int, *, lines: bool) -> Callable[[object], Mapping[str, str]]:
    """Make a reader of a text, or of the same text in several languages: ``{en: ..., de: ...}``."""
    plain = words.text if lines else words.line
    read = filled(NAMES, lambda value: plain(value, most=most))

    def read_texts(value: object) -> Mapping[str, str]:
        if not isinstance(value, dict):
            return {languages.ANY: read(value)}
        if not value:
            raise ValueError("Write the text, or the text in each language: {en: ..., de: ...}.")
        return {words.locale(tongue): read(text) for tongue, text in value.items()}

    return read_texts


def _texts(most: int, example: str, *, lines: bool = False) -> Read:
    text = {"type": "string", "maxLength": most}
    schema = {"anyOf": [text, {"type": "object", "minProperties": 1, "additionalProperties": text}]}
    return Read(_by_language(most, lines=lines), schema, example)


_TELLING: Final[Mapping[str, Telling]] = {"direct": "direct", "existing": "existing", "thread": "thread"}


class NormsForm(TypedDict):
    """What we hold to."""

    summary: Annotated[Mapping[str, str], _texts(200, '"Listen first. You may just read."')]
    text: Annotated[Mapping[str, str], _texts(8_000, '"What is said here stays here."', lines=True)]
    review_by: NotRequired[Day]
    version: NotRequired[Annotated[int, number(1, 10_000)]]
    changes: NotRequired[Annotated[Mapping[str, str], _texts(1_000, '"New: please no screenshots."', lines=True)]]


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
    lists: NotRequired[list[Followed]]
    care: CareForm
    hands: NotRequired[HandsForm]
    telling: NotRequired[Annotated[str, one_of("direct", "existing", "thread")]]


def policy_of(form: PolicyForm, key: str, document: str) -> Policy:
    """Make plain data of it; ``key`` is the file's name without ``.yaml``."""
    norms, ladder = form["norms"], form.get("ladder", {})
    return Policy(
        name=key,
        document=document,
        title=form["title"],
        norms=_norms(norms),
        rules=tuple(map(rule_of, form.get("rules", []))),
        ladder=tuple(ladder.get("steps", DEFAULT_STEPS)),
        ladder_forget_ms=ladder.get("forget_after", 30 * DAY_MS),
        lists=tuple(form.get("lists", [])),
        care=_care(form["care"]),
        hands=hands_of(form.get("hands", {})),
        telling=_TELLING[form.get("telling", "direct")],
    )


def told_in(norms: Norms, locale: str, fill: Callable[[str], str]) -> Norms:
    """Choose the words for readers of a locale, with names filled in; ``fill`` puts them in."""
    summaries = {tongue: fill(text) for tongue, text in norms.summaries.items()}
    texts = {tongue: fill(text) for tongue, text in norms.texts.items()}
    changed = {tongue: fill(text) for tongue, text in norms.changed.items()}
    return replace(
        norms,
        summary=languages.nearest(summaries, locale),
        text=languages.nearest(texts, locale),
        changes=languages.nearest(changed, locale) if changed else "",
        summaries=summaries,
        texts=texts,
        changed=changed,
        digest=_digest(languages.nearest(summaries, locale), languages.nearest(texts, locale)),
    )


def _norms(form: NormsForm) -> Norms:
    norms = Norms(
        summary="",
        text="",
        review_by=form.get("review_by"),
        digest="",
        summaries=form["summary"],
        texts=form["text"],
        version=form.get("version", 1),
        changed=form.get("changes", {}),
    )
    return told_in(norms, languages.ANY, lambda text: text)


def _care(form: CareForm) -> Care:
    resources = (
        Resource(text=one["text"], locale=one.get("locale", ""), verified_on=one["verified_on"])
        for one in form["resources"]
    )
    return Care(resources=tuple(resources), contact_emergency_services=form["contact_emergency_services"])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
