"""The form of a room template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from types import MappingProxyType
from typing import Annotated, Final, Literal, NotRequired

from typing_extensions import TypedDict

from orchestrator.documents import times, words
from orchestrator.documents.authored import Picture, PromptSpec, Template
from orchestrator.documents.declared import Gate, OnDrift, Origin, Welcome
from orchestrator.model.cadence import Weekly
from orchestrator.model.clock import MINUTE_MS

from .base import (
    Beside,
    Key,
    Length,
    NameOr,
    NotEmpty,
    Read,
    Truth,
    Version,
    key,
    number,
    one_of,
    words_of,
)
from .deck import InlineDeckForm, deck_of, named
from .meeting import MeetingForm, meeting_spec
from .recurring import CLOCK_SCHEMA, Problem, TimesForm, when_of
from .rota import Quiet, RotaForm, laid_over, rota_of
from .settings import Kind, PowerForm, SettingsForm, default_settings, power_of, said_of, settings_of

GATES: Final[tuple[Gate, ...]] = ("quiet_hours", "active_room", "coverage")

# Found to differ, a thing is put right only where nobody can have meant it; the rest is told, or taken over.
DRIFT: Final[dict[str, OnDrift]] = {
    "name": "report",
    "topic": "accept",
    "alias": "report",
    "power": "enforce",
    "pins": "enforce",
    "join": "report",
    "history": "report",
    "guests": "report",
    "encryption": "report",
    "directory": "report",
    "links": "enforce",
    "acl": "report",
    "avatar": "report",
    "retention": "report",
}


Part = Annotated[str, one_of(*DRIFT)]
Drift = Annotated[OnDrift, one_of("report", "accept", "enforce")]


def _default(value: object) -> str | None:
    return None if value is None else words.line(value, most=200)


_AT_SCHEMA: Final = {"anyOf": [CLOCK_SCHEMA, {"type": "array", "minItems": 1, "items": CLOCK_SCHEMA}]}

# `pass` cannot be a name in Python, so this is written as a call.
_Pass = TypedDict("_Pass", {"pass": NotRequired[Truth]})


class PromptForm(TimesForm, _Pass):
    """When a question of a deck is asked."""

    deck: Annotated[str | InlineDeckForm, NameOr(key("gentle-checkin"), InlineDeckForm)]
    at: NotRequired[Annotated[tuple[time, ...], Read(times.clocks, _AT_SCHEMA, '"19:05"')]]
    grace: NotRequired[Length]
    gates: NotRequired[list[Annotated[Gate, one_of(*GATES)]]]
    thread: NotRequired[Truth]
    pin: NotRequired[Annotated[Literal["swap", "none"], one_of("swap", "none")]]
    tier_max: NotRequired[Annotated[int, number(1, 3)]]
    tags: NotRequired[Annotated[list[Key], NotEmpty("[summer]")]]
    cool_off: NotRequired[Length]
    norms_line: NotRequired[Truth]
    mention: NotRequired[Annotated[Literal["opt_in"], one_of("opt_in")]]


# `in` cannot be a name in Python, so this one is written as a call.
WelcomeForm = TypedDict(
    "WelcomeForm",
    {
        "in": NotRequired[Annotated[Literal["room", "direct"], one_of("room", "direct")]],
        "text": Annotated[str, words_of(2_000, lines=True, example='"Welcome. You may just read."')],
    },
)


class KnockForm(TypedDict):
    """What somebody who knocks is asked."""

    question: Annotated[str, words_of(300, example='"What brings you here?"')]


class TemplateForm(TypedDict):
    """room_templates/*.yaml."""

    version: Version
    kind: Annotated[Kind, one_of("room", "space", example="room")]
    extends: NotRequired[Key]
    variables: NotRequired[
        dict[
            Annotated[str, Read(words.variable)],
            Annotated[str | None, Read(_default, {"type": ["string", "null"], "maxLength": 200})],
        ]
    ]
    name: NotRequired[Annotated[str, words_of(100)]]
    topic: NotRequired[Annotated[str, words_of(400)]]
    alias: NotRequired[Annotated[str, words_of(200)]]
    avatar: NotRequired[Beside]
    purpose: NotRequired[Annotated[str, words_of(400)]]
    suggested: NotRequired[Truth]
    settings: NotRequired[SettingsForm]
    power: NotRequired[PowerForm]
    knock: NotRequired[KnockForm]
    policy: NotRequired[Key]
    rota: NotRequired[RotaForm]
    quiet: NotRequired[Quiet]
    prompts: NotRequired[list[PromptForm]]
    meetings: NotRequired[list[MeetingForm]]
    welcome: NotRequired[WelcomeForm]
    on_drift: NotRequired[dict[Part, Drift]]


def template_of(
    form: TemplateForm, key: str, *, avatar: Picture | None = None, origins: Mapping[str, Origin] | None = None
) -> Template:
    """Make plain data of it.

    Args:
        form: as it was read, with what it takes over from the template that it extends.
        key: the file's name without ``.yaml``.
        avatar: the picture that it names.
        origins: where everything is written.
    """
    rota, welcome, said = form.get("rota"), form.get("welcome"), said_of(form.get("settings", {}))
    return Template(
        key=key,
        kind=form["kind"],
        name=form.get("name", "{name}"),
        topic=form.get("topic", "{purpose}"),
        alias=form.get("alias"),
        avatar=avatar,
        purpose=form.get("purpose"),
        suggested=form.get("suggested", False),
        settings=settings_of({**default_settings(form["kind"]), **said}),
        said=MappingProxyType(said),
        power=power_of(form.get("power", {})),
        knock_question=form["knock"]["question"] if "knock" in form else "",
        policy=form.get("policy"),
        rota=rota_of(rota) if rota is not None else None,
        rota_said=rota,
        quiet=form.get("quiet") or (rota.get("quiet") if rota else None),
        prompts=tuple(map(prompt_spec, form.get("prompts", []))),
        meetings=tuple(map(meeting_spec, form.get("meetings", []))),
        welcome=Welcome(where=welcome.get("in", "room"), text=welcome["text"]) if welcome else None,
        on_drift=MappingProxyType({**DRIFT, **form.get("on_drift", {})}),
        variables=MappingProxyType(dict(form.get("variables", {}))),
        origins=MappingProxyType(dict(origins or {})),
    )


def extended(form: TemplateForm, other: TemplateForm) -> TemplateForm:
    """Lay a template over the one that it extends: what it does not say, the other says.

    Single settings, levels, variables, keys of the rota and stances on drift are taken over one by one; everything else as
    a whole.
    """
    both: TemplateForm = {**other, **form}
    if "settings" in other:
        both["settings"] = {**other["settings"], **form.get("settings", {})}
    if "power" in other:
        both["power"] = {**other["power"], **form.get("power", {})}
        if "events" in other["power"]:
            both["power"]["events"] = {**other["power"]["events"], **form.get("power", {}).get("events", {})}
    if "rota" in other:
        both["rota"] = laid_over(form.get("rota", {}), other["rota"])
    if "variables" in other:
        both["variables"] = {**other["variables"], **form.get("variables", {})}
    if "on_drift" in other:
        both["on_drift"] = {**other["on_drift"], **form.get("on_drift", {})}
    return both


def prompt_spec(form: PromptForm) -> PromptSpec:
    """Make plain data of a prompt's schedule."""
    deck, when = form["deck"], when_of(form, form.get("at", ()))
    inline = None if isinstance(deck, str) else deck_of(deck, named(deck["title"]))
    return PromptSpec(
        deck=deck if isinstance(deck, str) else named(deck["title"]),
        inline=inline,
        when=Weekly(time()) if isinstance(when, Problem) else when,
        problem=when if isinstance(when, Problem) else None,
        tags=tuple(dict.fromkeys(form.get("tags", []))),
        cool_off_ms=form.get("cool_off", 0),
        norms_line=form.get("norms_line", False),
        pass_=form.get("pass", False),
        mention="mention" in form,
        grace_ms=form.get("grace", 90 * MINUTE_MS),
        gates=tuple(form.get("gates", GATES)),
        thread=form.get("thread", True),
        pin=form.get("pin", "none"),
        tier_max=form.get("tier_max", 3),
    )
