"""What is said when somebody raises a hand: to those who are called, and to the one who called them.

Nobody is quoted, and whoever is not to be named is not named.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from orchestrator.culture.words import length
from orchestrator.documents import care
from orchestrator.documents.declared import Community
from orchestrator.documents.policy import Care
from orchestrator.i18n import _
from orchestrator.model.effects import Choice
from orchestrator.model.ids import UserId

from .levels import Level
from .records import NOTICED, UNKNOWN, Hand


class Asked(IntEnum):
    """Who was called in a community, or why nobody was; of several, what comes first here is what the person is told."""

    ON_DUTY = 0
    LEADS = 1
    OTHERS = 2
    TRYING = 3
    KNOWN = 4
    NOBODY = 5


# -- to whoever raised it, before anybody is called ---------------------------------------------------------------------


def how_urgent(
    communities: Sequence[Community], readers: Sequence[UserId], choices: Sequence[Choice], hand: Hand, wait_ms: int
) -> str:
    """Ask how soon somebody should come, and say who will read it."""
    lines = [_("I'll ask a person to get in touch with you. How soon would you like it?"), ""]
    lines += [f"- {choice.key} {choice.word}" for choice in choices]
    lines += ["", _("Tap one, or write it here. If I hear nothing for {time}, I ask them to look when they can.")]
    who = ", ".join(readers[:MOST_NAMED])
    if hand.private:
        said = _("Only these people will be asked, each in private: {people}.").format(people=who)
    elif len(readers) > MOST_NAMED or not readers:
        said = _("The people who look after {community} will read it.")
    else:
        said = _("{people} will read it first, and the others who look after {community} can.")
    said = said.format(people=who, community=_named(communities))
    seen = (
        _("They see your name, unless you choose “anonymous”, and nothing that you wrote.")
        if hand.named
        else _("They are not told your name, nor anything that you wrote.")
    )
    lines += ["", f"{said} {seen}{_linked(hand)}"]
    if hand.about == UNKNOWN:
        lines += [
            "",
            _("Is it about one of them? Then write `{prefix}raise about @their-name`: they will not hear of it."),
        ]
    lines += ["", in_danger()]
    return "\n".join(lines).replace("{time}", length(wait_ms)).replace("{prefix}", communities[0].prefix)


def in_danger() -> str:
    """Say in one line what this is not, and what to do in danger."""
    return _(
        "This is not a crisis service. If you are in danger right now, please call your local emergency number, or go to"
        " someone near you."
    )


def which_room(community: Community, choices: Sequence[Choice], *, sent: bool) -> str:
    """Ask which room it is about."""
    lines = [
        _("I have asked them. If you like, tell me which room it is about, so that the right people look:")
        if sent
        else _("Which room is it about? Then I ask the right people:"),
        "",
        *(f"- {choice.key} {choice.word}" for choice in choices),
        "",
        _("Tap one, or write `{prefix}raise` with the link of a message. You don't have to answer.").format(
            prefix=community.prefix
        ),
    ]
    return "\n".join(lines)


# -- to whoever raised it, afterwards -----------------------------------------------------------------------------------


def what_became_of_it(communities: Sequence[Community], asked: Asked, hand: Hand) -> str:
    """Tell somebody who asked for a person whom it was passed on to, and where to turn meanwhile.

    Args:
        communities: those that this is true of.
        asked: who was called there, or why nobody was.
        hand: what they asked for.
    """
    if asked is Asked.NOBODY:
        return nobody_reached(communities, hand)
    told = (
        _trying(communities, hand)
        if asked is Asked.TRYING
        else _told(asked, hand).format(community=_named(communities))
    )
    seen = (
        _("They will see your name, and nothing that you wrote.")
        if hand.named
        else _("They are not told your name, nor anything that you wrote. So they can't write to you first.")
    )
    slow = _(
        "They are people with days and nights of their own, so it can take a while; I tell you when somebody has seen it."
    )
    return "\n\n".join(
        [
            _("Thank you for asking. {told}").format(told=told),
            f"{seen}{_linked(hand)} {slow}",
            *_turn_to(communities, hand),
        ]
    )


def _linked(hand: Hand) -> str:
    """Say that they see which message it is about: whoever wishes not to be named may have written it."""
    return " " + _("They get the link to the message it is about.") if hand.event is not None else ""


def _turn_to(communities: Sequence[Community], hand: Hand) -> Sequence[str]:
    """Say where to turn meanwhile; where somebody fears for a life, also what the group chose about emergency services."""
    first = communities[0]
    policy = first.policy()
    cared = policy.care if policy is not None else None
    said = care.in_words(cared, first.locale)
    return [said, emergency(cared)] if hand.level is Level.FEAR and cared is not None else [said]


def emergency(cared: Care) -> str:
    """Say what the group chose about calling emergency services."""
    match cared.contact_emergency_services:
        case "yes":
            return _("If they believe that a life is in danger, people here may call emergency services.")
        case "no":
            return _(
                "People here do not call emergency services for others; if you need them, please call them yourself."
            )
        case _:
            return _(
                "Whether to call emergency services is decided here by people, as each case is. If you need them now, please"
                " call them yourself."
            )


def noticed(communities: Sequence[Community], hand: Hand) -> str:
    """Tell somebody that a word of theirs had people told, and that nothing is wrong with it."""
    said = _(
        "You are not in trouble. Your group chose a few words for which I tell those who look after it, in private, so that"
        " nobody is alone with them; one was in what you wrote. They see your name and where it was. If it meant nothing, you"
        " need not answer them."
    )
    return "\n\n".join([said, *_turn_to(communities, hand)])


def seen_by(hand: Hand, by: UserId) -> str:
    """Tell somebody that their hand was seen, and by whom."""
    if hand.named:
        return _(
            "{helper} has seen it, and will be in touch with you. If nobody writes after a while, raise it again."
        ).format(helper=by)
    return _(
        "{helper} has seen it, and looks in. They don't know who you are; if you would like to talk, you can write to them."
    ).format(helper=by)


def no_answer(communities: Sequence[Community], hand: Hand) -> str:
    """Tell somebody plainly that nobody has answered, and what they can do."""
    said = _(
        "I'm sorry: I asked everybody I can ask in {community}, and nobody has answered yet. It is not about you. I tell you"
        " as soon as somebody has seen it."
    ).format(community=_named(communities))
    leads = leads_of(communities, *hand.skipped)
    if leads:
        said += " " + _("You can also write to one of them yourself: {leads}").format(leads=", ".join(leads))
    return "\n\n".join([said, *_turn_to(communities, hand)])


def gave_up(communities: Sequence[Community], hand: Hand) -> str:
    """Tell somebody whom nobody answered that nobody is asked any more, and how to ask again."""
    said = _(
        "I'm sorry: nobody has answered, and I have stopped asking now. It is not about you, and you are welcome to ask again:"
        " write `{prefix}raise`, and I ask everybody anew."
    ).format(prefix=communities[0].prefix)
    leads = leads_of(communities, *hand.skipped)
    if leads:
        said += " " + _("You can also write to one of them yourself: {leads}").format(leads=", ".join(leads))
    return "\n\n".join([said, *_turn_to(communities, hand)])


def nobody_reached(communities: Sequence[Community], hand: Hand) -> str:
    """Tell somebody that asking for a person failed, and whom they can write to."""
    leads = leads_of(communities, *hand.skipped)
    if leads:
        said = _(
            "I'm sorry: I could not reach the people who look after {community} just now. You can write to one of them"
            " yourself: {leads}"
        ).format(community=_named(communities), leads=", ".join(leads))
    else:
        said = _("I'm sorry: I know of nobody else who looks after {community}, so there is nobody whom I could ask.")
        said = said.format(community=_named(communities))
    return "\n\n".join([said, *_turn_to(communities, hand)])


def could_not_write() -> str:
    """Tell somebody in the room that a private word did not get through, and nothing else."""
    return _("I tried to answer you in private and could not. You can open a private chat with me and ask again there.")


def leads_of(communities: Sequence[Community], *without: UserId) -> Sequence[UserId]:
    """List who answers for these communities, without the one who asks and whom it is about."""
    return [one for one in dict.fromkeys(lead for each in communities for lead in each.leads) if one not in without]


def _told(asked: Asked, hand: Hand) -> str:
    if asked is not Asked.KNOWN and hand.about not in {"", NOTICED}:
        return (
            _(
                "I'm asking the leads of {community}, each in private; I could not tell whom it is about, so nobody else."
            )
            if hand.about == UNKNOWN
            else _(
                "I'm asking, each in private, only leads of {community} whom it is not about. Nobody else hears of it."
            )
        )
    if asked is Asked.KNOWN or asked is Asked.NOBODY:
        return _(
            "They already know, I told them not long ago. If nobody has written to you after a while, ask me again,"
            " and I'll tell them once more."
        )
    told = (
        _("I'm telling the people who look after {community} that you would like someone to get in touch.")
        if hand.named
        else _("I'm telling the people who look after {community} that somebody raised a hand, and not who.")
    )
    match asked:
        case Asked.ON_DUTY:
            who = _("The one who is on duty now is asked first.")
        case Asked.LEADS:
            who = _("Nobody is on duty at this moment, so I'm asking the leads.")
        case _:
            who = _("Nobody is on duty at this moment, so I'm asking all of them.")
    return f"{told} {who}"


def _trying(communities: Sequence[Community], hand: Hand) -> str:
    said = _("I have not reached the people who look after {community} yet, and I am still trying.")
    said = said.format(community=_named(communities))
    leads = leads_of(communities, *hand.skipped)
    if leads:
        write = _("You can also write to one of them yourself: {leads}").format(leads=", ".join(leads))
        said = f"{said} {write}"
    return said


def _named(communities: Sequence[Community]) -> str:
    return ", ".join(community.name for community in communities)


MOST_NAMED = 4
"""How many people are named in a question that is to be short."""
