"""What is said when somebody raises a hand: to those who are called, and to the one who called them. Nobody is quoted."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from orchestrator.documents import care
from orchestrator.documents.declared import Community
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


class Asked(IntEnum):
    """Who was called in a community, or why nobody was; of several, what comes first here is what the person is told."""

    ON_DUTY = 0
    LEADS = 1
    OTHERS = 2
    TRYING = 3
    KNOWN = 4
    NOBODY = 5


def asks_for_contact(user: str, where: str | None, people: Sequence[str], *, private: bool = False) -> str:
    """Tell those who look after a community that somebody would like to be contacted."""
    said = (
        _("{person} would like someone to get in touch with them. They asked me in private.")
        if where is None
        else _("{person} would like someone to get in touch with them. They asked me in {room}.")
    ).format(person=user, room=where)
    called = f"{', '.join(people)}: " if people else ""
    if private:
        please = _(
            "Please write to them as soon as you can, and let the others know, so that they hear from one of you. I do"
            " not pass on anything they wrote."
        )
    else:
        please = _(
            "Please write to them as soon as you can, and say here who does, so that they hear from one of you. I do not"
            " pass on anything they wrote."
        )
    return f"{called}{said} {please}"


def what_became_of_it(communities: Sequence[Community], asked: Asked, user: UserId) -> str:
    """Tell somebody who asked for a person whom it was passed on to, and where to turn meanwhile.

    Args:
        communities: those that this is true of.
        asked: who was called there, or why nobody was.
        user: who asks.
    """
    if asked is Asked.NOBODY:
        return nobody_reached(communities, user)
    told = _trying(communities, user) if asked is Asked.TRYING else _told(asked).format(community=_named(communities))
    first = communities[0]
    policy = first.policy()
    return "\n\n".join(
        [
            _("Thank you for asking. {told}").format(told=told),
            _(
                "They will see your name, and nothing that you wrote. They are people with days and nights of their own,"
                " so it can take a while; you do not have to do anything more."
            ),
            care.in_words(policy.care if policy is not None else None, first.locale),
        ]
    )


def nobody_reached(communities: Sequence[Community], user: UserId) -> str:
    """Tell somebody that asking for a person failed, and whom they can write to."""
    first = communities[0]
    policy = first.policy()
    leads = leads_of(communities, user)
    if leads:
        said = _(
            "I'm sorry: I could not reach the people who look after {community} just now. You can write to one of them"
            " yourself: {leads}"
        ).format(community=_named(communities), leads=", ".join(leads))
    else:
        said = _("I'm sorry: I know of nobody else who looks after {community}, so there is nobody whom I could ask.")
        said = said.format(community=_named(communities))
    return "\n\n".join([said, care.in_words(policy.care if policy is not None else None, first.locale)])


def could_not_write() -> str:
    """Tell somebody in the room that a private word did not get through, and nothing else."""
    return _("I tried to answer you in private and could not. You can open a private chat with me and ask again there.")


def leads_of(communities: Sequence[Community], user: UserId | None = None) -> Sequence[UserId]:
    """List who answers for these communities, without the one who asks."""
    return [one for one in dict.fromkeys(lead for each in communities for lead in each.leads) if one != user]


def _told(asked: Asked) -> str:
    match asked:
        case Asked.ON_DUTY:
            return _(
                "I'm telling the people who look after {community} that you would like someone to get in touch. The one"
                " who is on duty now is asked first."
            )
        case Asked.LEADS:
            return _(
                "I'm telling the people who look after {community} that you would like someone to get in touch. Nobody"
                " is on duty at this moment, so I'm asking the leads."
            )
        case Asked.OTHERS:
            return _(
                "I'm telling the people who look after {community} that you would like someone to get in touch. Nobody"
                " is on duty at this moment, so I'm asking all of them."
            )
        case _:
            return _(
                "They already know, I told them not long ago. If nobody has written to you after a while, ask me again,"
                " and I'll tell them once more."
            )


def _trying(communities: Sequence[Community], user: UserId) -> str:
    said = _("I have not reached the people who look after {community} yet, and I am still trying.")
    said = said.format(community=_named(communities))
    leads = leads_of(communities, user)
    if leads:
        write = _("You can also write to one of them yourself: {leads}").format(leads=", ".join(leads))
        said = f"{said} {write}"
    return said


def _named(communities: Sequence[Community]) -> str:
    return ", ".join(community.name for community in communities)
