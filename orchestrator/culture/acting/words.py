"""What is said about what was done to those to whom it was done. Plain functions to sentences.

Nothing here quotes anybody. Somebody whose message was removed is told first that they are not in trouble.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.culture.places import Place
from orchestrator.culture.words import length, moment
from orchestrator.documents.declared import Community
from orchestrator.documents.policy import Action, Rule
from orchestrator.i18n import _, ngettext
from orchestrator.model.clock import DAY_MS
from orchestrator.model.content import permalink
from orchestrator.model.ids import EventId

from .control_words import LIFT, STAYS, WRITE
from .said import NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Something that happened to somebody, ``count`` times, last at ``at_ms``; ``action`` None: that is not known.

    Attributes:
        rule: because of which; "": a person decided so.
        event: the last message that it was about; "": not known.
        root: the thread that stood in; "": none.
        until_ms: when a mute ends.
        everywhere: a mute in every room of the community.
    """

    place: Place
    rule: str
    action: Action | None
    count: int
    at_ms: int
    event: EventId = NONE
    root: EventId = NONE
    until_ms: int = 0
    everywhere: bool = False


def why_it_happened(happened: Sequence[Happened]) -> str:
    """Tell somebody in private what was done and why; the first thing that some people ever hear from the bot."""
    community = happened[0].place.community
    return "\n\n".join(
        [
            _(
                "Hello. I'm the program that helps look after {community}. Only you and I are here, and you're not in"
                " trouble."
            ).format(community=community.name),
            *(_what_and_why(one) for one in happened),
            _("It ends by itself, and nothing more follows from it.")
            if any(one.action is Action.MUTE for one in happened)
            else _("This happens to many people, and nothing more follows from it."),
            _(
                "You need not answer. If you would rather talk about it with a person, write `{prefix}raise` to me here,"
                " and I'll ask one to get in touch. If it seems wrong to you, `{prefix}appeal` asks a person to look at it"
                " again. `{prefix}why` tells you this again."
            ).format(prefix=community.prefix),
        ]
    )


def in_the_thread(one: Happened) -> str:
    """Say where others can read it no more than that there is something to ask for."""
    return _(
        "This is about what we have agreed on in this room, and nobody is in trouble. If it is about something of yours,"
        " write `{prefix}why` to me in private, and I'll tell you more."
    ).format(prefix=one.place.community.prefix)


def what_was_done(
    happened: Sequence[Happened], gone: Sequence[str], more: int, prefix: str, keep_days: int, now_ms: int
) -> str:
    """Answer ``!why``: everything that is kept about the one who asks; ``gone``: that they were taken out of rooms."""
    if not happened and not gone:
        return _(
            "I have nothing noted about you: as far as I remember, I have not taken down or changed anything of yours."
            " If something troubles you all the same, write `{prefix}raise` to me and I'll ask a person to get in touch."
        ).format(prefix=prefix)
    lines = [_("This is what I have done that concerned you, and why:")]
    lines += [f"- {one}" for one in gone]
    lines += [f"- {moment(one.place.community, one.at_ms)}: {_what_and_why(one, now_ms)}" for one in happened]
    if more:
        lines.append(ngettext("- and one thing before that", "- and {n} things before that", more).format(n=more))
    lines += [
        "",
        _(
            "I forget this after {time}, and I never keep what you wrote. If it seems wrong to you, `{prefix}appeal` asks a"
            " person to look at it again. To talk about it with a person, write `{prefix}raise` to me."
        ).format(time=length(keep_days * DAY_MS), prefix=prefix),
    ]
    return "\n".join(lines)


def taken_out(community: Community, at_ms: int, *, banned: bool) -> str:
    """Say that somebody was taken out of the rooms of a community."""
    said = (
        _(
            "{when}: I took you out of rooms of {community}, so that you cannot come back by yourself. A lead decided that."
        )
        if banned
        else _("{when}: I took you out of rooms of {community}, because you or a lead asked me to.")
    )
    return said.format(when=moment(community, at_ms), community=community.name)


def let_back(community: Community, at_ms: int) -> str:
    """Say that a ban was lifted: nobody was taken out by that."""
    return _(
        "{when}: I lifted the ban that kept you out of rooms of {community}. A lead decided that. You can come back; for"
        " rooms that one is asked into, a lead can invite you."
    ).format(when=moment(community, at_ms), community=community.name)


def _what_and_why(one: Happened, now_ms: int | None = None) -> str:
    rule = rule_of(one.place, one.rule)
    named = rule is not None and rule.when.names is not None
    match one.action:  # as it was done: the rule may be another by now, or gone
        case Action.NUDGE if named:
            what = _("In {room}, about the name you go by there. It stays as it is.")
        case Action.NUDGE:
            what = _("In {room}, about something you wrote. It stays where it is.")
        case Action.MUTE if now_ms is not None and now_ms >= one.until_ms:
            what = _("In {room} you could read along but not write until {until}. That is over.")
        case Action.MUTE:
            what = _("In {room} you can read along but not write until {until}.")
        case Action.REMOVE if named:
            what = _("In {room} I took down the name you go by there. You can choose another in your app.")
        case Action.REMOVE:
            what = ngettext(
                "In {room} I took down a message of yours.", "In {room} I took down {n} messages of yours.", one.count
            )
        case _:
            what = _("In {room}, something you wrote met a rule that we have there.")
    room = _("all rooms of {community}") if one.everywhere else "{room}"
    room = room.format(community=one.place.community.name, room=one.place.room.name)
    said = what.format(room=room, n=one.count, until=moment(one.place.community, one.until_ms))
    return f"{said} {_because(one, rule)}{_which(one)}"


def _because(one: Happened, rule: Rule | None) -> str:
    prefix = one.place.community.prefix
    if not one.rule and one.place.room.policy is None:
        return _("One of the people who look after the room decided that.")
    if not one.rule:
        return _(
            "One of the people who look after the room decided that; `{prefix}norms` shows what we hold to."
        ).format(prefix=prefix)
    if rule is None or not rule.because:
        return _("It did not fit what we have agreed on there; `{prefix}norms` shows it.").format(prefix=prefix)
    if rule.norm:
        return rule.because + " " + _("What it rests on: {norm}").format(norm=rule.norm)
    return rule.because


def _which(one: Happened) -> str:
    if not one.event.startswith("$") or not one.rule:
        return ""
    where = permalink(one.place.id, one.event)
    said = ngettext("This is where it stood: {link}", "This is where the last of them stood: {link}", one.count)
    return " " + said.format(link=where)


def rule_of(place: Place, rule: str) -> Rule | None:
    """Find a rule of a place by its name."""
    return next((one for one in place.policy.rules if one.id == rule), None)


def can_write_again(community: Community, rooms: Sequence[str]) -> str:
    """Tell somebody in private that they can write again."""
    return _("You can write again in {rooms}. Somebody who looks after {community} has seen to it.").format(
        rooms=", ".join(rooms), community=community.name
    )


def looked_again(chosen: str | None, community: Community, by: str) -> str:
    """Tell somebody what came of their asking."""
    match chosen:
        case str(one) if one == WRITE:
            return _("{by} has read that you asked to look again, and will write to you.").format(by=by)
        case str(one) if one == LIFT:
            return _("{by} has looked again. You can write there again.").format(by=by)
        case str(one) if one == STAYS:
            said = _(
                "{by} has looked again, and it stays as it is. That need not be the end: `{prefix}raise` asks for a person to"
                " talk it over with."
            )
            return said.format(by=by, prefix=community.prefix)
        case _:
            said = _(
                "You asked to look again at what was done, and nobody has answered me in all this time. I am sorry. You can"
                " write `{prefix}raise` to me, or to a lead yourself: {leads}"
            )
            return said.format(prefix=community.prefix, leads=", ".join(community.leads))


def passed_on(community: Community, prefix: str) -> str:
    """Tell somebody that it was passed on."""
    return _(
        "I have asked the leads of {community} to look at it again. They see your name and what was done, and nothing you"
        " wrote. They have days and nights of their own, so it can take a while; I tell you what comes of it. For somebody"
        " to talk to before that, write `{prefix}raise`."
    ).format(community=community.name, prefix=prefix)
