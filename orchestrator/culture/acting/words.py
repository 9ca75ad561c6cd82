"""What is said about what was done: to whom it was done, and to those who look after the rooms. Plain functions to sentences.

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
from orchestrator.model.effects import Choice
from orchestrator.model.ids import EventId

from .said import NONE

SEEN, REMOVE, MUTE, NOTHING, LIFT, WRITE, STAYS = "seen", "remove", "mute", "nothing", "lift", "write", "stays"
"""What people choose under a line in the control room."""


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


# -- for the control room ----------------------------------------------------------------------------------------------


def look_choices(*, removable: bool) -> tuple[Choice, ...]:
    """Offer what can be done about a message."""
    remove = (Choice("🧹", _("take it down"), REMOVE),) if removable else ()
    return (
        Choice("👀", _("I am looking"), SEEN),
        *remove,
        Choice("🔇", _("read only for an hour"), MUTE),
        Choice("👌", _("leave it"), NOTHING),
    )


def please_look(rule: Rule, place: Place, count: int, link: str, people: Sequence[str]) -> str:
    """Ask the control room to look at something; the words themselves are only where they were written."""
    if count:
        said = ngettext(
            "The rule `{rule}` was met once more in {room} since I last asked you to look.",
            "The rule `{rule}` was met {n} more times in {room} since I last asked you to look.",
            count,
        )
    else:
        said = _("Please have a look at {room}: {link} (the rule `{rule}` was met).")
    text = said.format(rule=rule.id, room=place.room.name, n=count, link=link)
    return f"{', '.join(people)}: {text}" if people else text


def nothing_done() -> str:
    """Say that the message stands where it stood."""
    return _("I have done nothing about it.")


def met_again() -> str:
    """Say that it was not the first time."""
    return _("The same person has met it several times by now.")


def was_muted(rule: str, place: Place, user: str, by: str | None, *, until_ms: int, everywhere: bool) -> str:
    """Tell the control room that somebody can read but not write for a while."""
    room = _("all rooms of {community}").format(community=place.community.name) if everywhere else place.room.name
    said = (
        _("{person} can read but not write in {room} until {until}, because {by} asked me to. I have told them.")
        if by is not None
        else _(
            "{person} can read but not write in {room} until {until}, because of the rule `{rule}`. I have told them why."
        )
    )
    return said.format(person=user, room=room, until=moment(place.community, until_ms), rule=rule, by=by)


def lift_choice() -> tuple[Choice, ...]:
    """Offer to let somebody write again."""
    return (Choice("↩️", _("let them write again"), LIFT),)


def only_leads_lift() -> str:
    """Refuse one who keeps a room to undo there what holds in all of them."""
    return _("That holds in all rooms just now, so it takes a lead to end it. You can ask one of them.")


def could_not_mute(rule: str, place: Place) -> str:
    """Tell the control room that a mute was refused; whom it was for is nobody's business then."""
    because = _("what the rule `{rule}` says").format(rule=rule) if rule else _("what I was asked to")
    return _(
        "I could not do {what} in {room}: somebody was to read but not write for a while. Nothing was done to them. Please"
        " check that I still have the power to change what people may do there."
    ).format(what=because, room=place.room.name)


def looks(prefix: str) -> str:
    """Thank somebody who looks, and say what they can do then."""
    return _(
        "Thank you, it is with you. If it has to go, reply to it there with `{prefix}remove`. For a pause there is"
        " `{prefix}mute @name:example.org 1h`, and nothing at all is fine, too."
    ).format(prefix=prefix)


def taking_down() -> str:
    """Say that a message is taken down because somebody chose so."""
    return _("All right. I am taking it down, and I tell whoever wrote it why, in private.")


def pausing() -> str:
    """Say that somebody is muted because somebody chose so."""
    return _("All right. I see to it, tell them in private, and say here when it is so.")


def leaving_it() -> str:
    """Say that nothing is done because somebody chose so."""
    return _("All right, it stays where it is, and nobody is told anything.")


def lifted(person: str, rooms: Sequence[str]) -> str:
    """Say that somebody can write again."""
    if not rooms:
        return _("{person} can write already, as far as I can tell.").format(person=person)
    return _("Done. {person} can write again in {rooms}, and I tell them so.").format(
        person=person, rooms=", ".join(rooms)
    )


# -- appeals -----------------------------------------------------------------------------------------------------------


def appeal_choices(*, muted: bool) -> tuple[Choice, ...]:
    """Offer what can be answered to somebody who asks to look again."""
    lift = (Choice("↩️", _("let them write again"), LIFT),) if muted else ()
    return (Choice("💬", _("I write to them"), WRITE), *lift, Choice("👌", _("it stays as it is"), STAYS))


def asks_to_look_again(person: str, what: str, people: Sequence[str]) -> str:
    """Tell the leads that somebody asks to look again; what they wrote stays with them."""
    said = _(
        "{person} asks you to look once more at what was done: {what} I pass on nothing they wrote; to hear it, please"
        " write to them."
    ).format(person=person, what=what)
    return f"{', '.join(people)}: {said}" if people else said


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


# -- the journal -------------------------------------------------------------------------------------------------------


def journal_line(place: Place, person: str, action: Action | None, rule: str, at_ms: int, until_ms: int) -> str:
    """Say in a line what was done, to whom and by which rule; never about which words."""
    match action:
        case Action.NUDGE:
            what = _("a private word to {person}")
        case Action.MUTE:
            what = _("{person} could only read, until {until}")
        case Action.REMOVE:
            what = _("took something of {person} down")
        case _:
            what = _("something about {person}")
    because = f"`{rule}`" if rule else _("a person decided so")
    said = what.format(person=person, until=moment(place.community, until_ms))
    return f"- {moment(place.community, at_ms)}, {place.room.name}: {said} ({because})"
