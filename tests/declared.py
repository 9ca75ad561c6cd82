"""Declared documents for tests, as the loader would hand them over, with sensible values for what is not said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from orchestrator.documents.declared import (
    CONTROL_KEY,
    SPACE_KEY,
    Acl,
    Community,
    Deck,
    Documents,
    FixedDay,
    Gate,
    History,
    JoinRule,
    Meeting,
    OnDrift,
    Poll,
    PowerMap,
    Prompt,
    PromptSchedule,
    Retention,
    Room,
    Rota,
    RotaLayer,
    Settings,
    Temporary,
    Welcome,
)
from orchestrator.documents.policy import BanList, Care, LadderStep, Norms, Policy, Resource, Rule
from orchestrator.model.cadence import Cadence, Every, QuietHours, Unit, Weekday, Weekly
from orchestrator.model.cadence import Rule as Recurring
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.ids import AccountKey, CommunityKey, RoomKey, UserId

ME = UserId("@keeper:grove.example")
ANA = UserId("@ana:grove.example")
BO = UserId("@bo:grove.example")
CY = UserId("@cy:grove.example")
DEE = UserId("@dee:grove.example")
EVE = UserId("@eve:elsewhere.example")

DRIFT: Mapping[str, OnDrift] = {
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

SUMMARY = "What is said here stays here."


def settings(
    *,
    room_version: str = "12",
    join: JoinRule = "restricted",
    history: History = "joined",
    guests: bool = False,
    encryption: bool = True,
    listed: bool = False,
    federate: bool = True,
    allow: Sequence[str] = (),
    retention: Retention | None = None,
    acl: Acl | None = None,
) -> Settings:
    return Settings(
        room_version=room_version,
        join=join,
        history=history,
        guests=guests,
        encryption=encryption,
        listed=listed,
        federate=federate,
        allow=tuple(RoomKey(key) for key in allow),
        retention=retention,
        acl=acl,
    )


def power(
    *, lead: int = 100, facilitator: int = 50, member: int = 0, events: Mapping[str, int] | None = None
) -> PowerMap:
    return PowerMap(lead=lead, facilitator=facilitator, member=member, events=dict(events or {}))


def policy(
    name: str = "gentle-circle",
    *,
    summary: str = SUMMARY,
    text: str = "Speak for yourself. What is said here stays here.",
    digest: str = "norms-1",
    rules: Sequence[Rule] = (),
    ladder: Sequence[LadderStep] = (),
    ladder_forget_ms: int | None = None,
    lists: Sequence[str] = (),
    resources: Sequence[Resource] = (),
) -> Policy:
    return Policy(
        name=name,
        document=f"policies/{name}.yaml",
        title="A gentle circle",
        norms=Norms(summary=summary, text=text, review_by=None, digest=digest),
        rules=tuple(rules),
        ladder=tuple(ladder),
        ladder_forget_ms=ladder_forget_ms,
        lists=tuple(BanList(room=one) for one in lists),
        care=Care(resources=tuple(resources), contact_emergency_services="group_decides"),
    )


def rota(
    anchor: str = "2026-01-06 19:00",
    *,
    every: int = 1,
    unit: Unit = Unit.WEEK,
    on: Sequence[Weekday] = (),
    lasts: Every | None = None,
    layers: Sequence[RotaLayer] = (),
    mode: Literal["order", "fair"] = "order",
    publish_ms: int = 28 * DAY_MS,
    offer_ms: int = 14 * DAY_MS,
    accept_within_ms: int | None = None,
    rest_ms: int | None = None,
    back_to_back: bool = True,
    max_terms: int | None = None,
    co_facilitator: bool = False,
    reminders_ms: Sequence[int] = (),
    quiet: QuietHours | None = None,
    temporary: Sequence[Temporary] = (),
    fallback: Sequence[UserId] = (),
    show: Literal["topic", "nowhere"] = "nowhere",
    weights: Mapping[Weekday, int] | None = None,
) -> Rota:
    """Build a rota; ``anchor`` is the first handoff on the wall clock, a Tuesday evening."""
    cadence = Cadence(datetime.fromisoformat(anchor), Every(every, unit), tuple(on))
    return Rota(
        layers=(*layers, RotaLayer(name="", cadence=cadence, lasts=lasts, weights=dict(weights or {}))),
        mode=mode,
        publish_ms=publish_ms,
        offer_ms=offer_ms,
        accept_within_ms=accept_within_ms,
        rest_ms=rest_ms,
        back_to_back=back_to_back,
        max_terms=max_terms,
        co_facilitator=co_facilitator,
        reminders_ms=tuple(reminders_ms),
        quiet=quiet,
        temporary=tuple(temporary),
        fallback=tuple(fallback),
        show=show,
    )


def question(
    text: str,
    *,
    tier: int = 1,
    note: str = "",
    weight: int = 1,
    tags: Sequence[str] = (),
    on: FixedDay | None = None,
    months: Sequence[int] = (),
    poll: Poll | None = None,
) -> Prompt:
    return Prompt(
        id=sha256(text.encode()).hexdigest()[:16],
        text=text,
        tier=tier,
        note=note,
        weight=weight,
        tags=tuple(tags),
        on=on,
        months=tuple(months),
        poll=poll,
    )


def deck(*questions: Prompt, name: str = "gentle-checkin", size: int = 6) -> Deck:
    """Build a deck; without questions it has ``size`` light ones."""
    made = questions or tuple(question(f"What was good on day {n}?") for n in range(size))
    return Deck(name=name, title="Gentle check-in", prompts=made)


def schedule(
    *,
    asked: Deck | None = None,
    at: str = "19:05",
    on: Sequence[Weekday] = (Weekday.TUE,),
    grace_ms: int = 90 * MINUTE_MS,
    gates: Sequence[Gate] = (),
    thread: bool = True,
    pin: Literal["swap", "none"] = "swap",
    id: str | None = None,  # noqa: A002 - the field's own name
    when: Weekly | Recurring | None = None,
    bag: str = "",
    cool_off_ms: int = 0,
    norms_line: bool = False,
    pass_: bool = False,
    mention: bool = False,
) -> PromptSchedule:
    asked = asked if asked is not None else deck()
    days = "".join(day.name.lower() for day in on) or "daily"
    return PromptSchedule(
        id=id if id is not None else f"{asked.name}.{days}.{at.replace(':', '')}",
        deck=asked,
        when=when or Weekly(time.fromisoformat(at), tuple(on)),
        bag=bag,
        cool_off_ms=cool_off_ms,
        grace_ms=grace_ms,
        gates=tuple(gates),
        thread=thread,
        pin=pin,
        norms_line=norms_line,
        pass_=pass_,
        mention=mention,
    )


def meeting(
    *,
    id: str = "meeting",  # noqa: A002 - the field's own name
    title: str = "",
    at: str = "19:00",
    on: Sequence[Weekday] = (Weekday.TUE,),
    when: Weekly | Recurring | None = None,
    lasts_ms: int = 90 * MINUTE_MS,
    where: str = "",
    announce_ms: int | None = 2 * DAY_MS,
    remind_ms: int | None = 60 * MINUTE_MS,
    opening: Deck | None = None,
    closing: Deck | None = None,
) -> Meeting:
    return Meeting(
        id=id,
        title=title,
        when=when or Weekly(time.fromisoformat(at), tuple(on)),
        lasts_ms=lasts_ms,
        where=where,
        announce_ms=announce_ms,
        remind_ms=remind_ms,
        opening=opening,
        closing=closing,
    )


def room(
    key: str = "tuesday",
    *,
    community_key: str = "grove",
    previously: Sequence[str] = (),
    kind: Literal["room", "space"] = "room",
    name: str | None = None,
    topic: str = "Somewhere to say how it really is.",
    alias: str | None = None,
    made: Settings | None = None,
    levels: PowerMap | None = None,
    norms: Policy | None = None,
    rota: Rota | None = None,
    prompts: Sequence[PromptSchedule] = (),
    meetings: Sequence[Meeting] = (),
    welcome: Welcome | None = None,
    facilitators: Sequence[UserId] = (),
    on_drift: Mapping[str, OnDrift] | None = None,
    quiet: QuietHours | None = None,
    within: str = SPACE_KEY,
    suggested: bool = False,
    avatar: Path | None = None,
    avatar_sha256: str = "",
    knock_question: str = "",
    archive: bool = False,
) -> Room:
    return Room(
        community=CommunityKey(community_key),
        key=RoomKey(key),
        previously=tuple(RoomKey(former) for former in previously),
        kind=kind,
        name=name if name is not None else f"{key.capitalize()} circle",
        topic=topic,
        alias=alias,
        settings=made if made is not None else settings(),
        power=levels if levels is not None else power(),
        policy=norms,
        rota=rota,
        prompts=tuple(prompts),
        meetings=tuple(meetings),
        welcome=welcome,
        facilitators=tuple(facilitators),
        on_drift={**DRIFT, **(on_drift or {})},
        quiet=quiet,
        within=RoomKey(within),
        suggested=suggested,
        avatar=avatar,
        avatar_sha256=avatar_sha256,
        knock_question=knock_question,
        archive=archive,
    )


def space(*, community_key: str = "grove", room_version: str = "12", join: JoinRule = "invite") -> Room:
    return room(
        SPACE_KEY,
        community_key=community_key,
        kind="space",
        name="The Grove",
        alias=community_key,
        made=settings(room_version=room_version, join=join, encryption=False),
    )


def control(*, community_key: str = "grove", room_version: str = "12", facilitators: Sequence[UserId] = ()) -> Room:
    return room(
        CONTROL_KEY,
        community_key=community_key,
        name="The Grove: keepers",
        topic="For leads and facilitators only.",
        made=settings(room_version=room_version, join="invite"),
        levels=power(facilitator=0),
        facilitators=facilitators,
    )


def community(
    *rooms: Room,
    key: str = "grove",
    account: str = "keeper",
    leads: Sequence[UserId] = (ANA, BO),
    previously: Sequence[str] = (),
    room_version: str = "12",
    zone: str = "Europe/Berlin",
    locale: str = "en",
    prefix: str = "!",
    founders: Sequence[UserId] = (),
) -> Community:
    """Build a community; its space and control room are made, ``rooms`` are its others."""
    own = tuple(replace(each, community=CommunityKey(key)) for each in rooms)
    facilitators = tuple(dict.fromkeys(user for each in own for user in each.facilitators))
    return Community(
        key=CommunityKey(key),
        account=AccountKey(account),
        name="The Grove",
        purpose="Somewhere to say how it really is.",
        leads=tuple(leads),
        zone=ZoneInfo(zone),
        locale=locale,
        prefix=prefix,
        space=space(community_key=key, room_version=room_version),
        control=control(community_key=key, room_version=room_version, facilitators=facilitators),
        rooms=own,
        previously=tuple(CommunityKey(former) for former in previously),
        founders=tuple(founders),
    )


def documents(*communities: Community) -> Documents:
    return Documents(communities=communities)
