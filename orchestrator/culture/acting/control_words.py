"""What is said in the control room about what was done or should be looked at. Plain functions to sentences; nobody is quoted."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.culture.places import Place
from orchestrator.culture.words import moment
from orchestrator.documents.policy import Action, Rule
from orchestrator.i18n import _, ngettext
from orchestrator.model.effects import Choice

SEEN, REMOVE, MUTE, NOTHING, LIFT, WRITE, STAYS = "seen", "remove", "mute", "nothing", "lift", "write", "stays"
"""What people choose under a line in the control room."""


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
