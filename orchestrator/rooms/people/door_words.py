"""What is said about people who knock, and about the control room, in the language spoken at the moment. Plain functions from facts to sentences.

Nothing here quotes anybody, and nobody's reasons are given, asked for or passed on.
"""

from __future__ import annotations

from orchestrator.documents.declared import Community, Room
from orchestrator.documents.policy import Policy
from orchestrator.i18n import _, ngettext

# -- knocks ------------------------------------------------------------------------------------------------------------


def shall_i_let_in(room: Room, person: str, *, first: bool, last: bool) -> str:
    """Ask those who keep a room about somebody who knocks."""
    if first:
        said = _(
            "{person} knocks at “{room}” and would like to come in. I am telling them in private what is agreed on there."
            " If you are not sure, you can write to them first. Shall I let them in?"
        )
    else:
        said = _("{person} is still waiting at the door of “{room}”. Shall I let them in?")
    if last:
        said += " " + _("I will not ask about them again after this; you can still invite them by hand.")
    return said.format(person=person, room=room.name)


def heard_you_knock(community: Community, room: Room, norms: Policy | None) -> str:
    """Tell somebody who knocks that they were heard, what is asked of them, and what is agreed on there."""
    parts = [
        _(
            "Hello. I'm the program that helps look after {community}. You knocked at “{room}”, and I am asking the people"
            " who look after it. They have days and nights of their own, so an answer can take a day or two. You do not"
            " have to do anything more."
        ).format(community=community.name, room=room.name)
    ]
    if room.knock_question:
        parts += [
            _("Until then, here is something they would like you to think about:"),
            room.knock_question,
            _("You need not answer it to me: I pass nothing on. One of them may write to you."),
        ]
    if norms is not None:
        parts += [
            _("This is what we have agreed on there:"),
            f"**{norms.title}**",
            norms.norms.text,
        ]
    parts.append(
        _(
            "From me they hear your Matrix id and that you knocked, and nothing else. If you wrote something with your knock,"
            " everybody in there can read it in their own app; I do not. And if you change your mind, that is fine, too."
        )
    )
    return "\n\n".join(parts)


def many_more(count: int, most: int) -> str:
    """Tell the keepers that more people knock than they are asked about."""
    said = ngettext(
        "One more person knocks. I ask you about {most} at a time, and about the next as soon as you have answered.",
        "{n} more people knock. I ask you about {most} at a time, and about the next as soon as you have answered.",
        count,
    ).format(n=count, most=most)
    return f"{said} " + _(
        "If these are strangers who mean no good, a lead can have me turn away everybody who is waiting now and whom I have"
        " not asked about yet. Otherwise there is nothing to do."
    )


def settled_itself(person: str, *, by_themselves: bool) -> str:
    """Say under a question that nothing is left to decide."""
    if by_themselves:
        return _("{person} is not knocking any more. There is nothing left to decide.").format(person=person)
    return _("One of you has answered {person} by hand. There is nothing left to decide.").format(person=person)


# -- the control room --------------------------------------------------------------------------------------------------


def shall_they_leave(person: str, *, first: bool, last: bool) -> str:
    """Ask the leads whether somebody who is on no list any more should leave the control room."""
    if first:
        said = _(
            "{person} is no longer among the leads, nor on any list of facilitators. If that is meant, shall I take the"
            " control room away from them? They stay unless a lead says yes. Please mind: what members raise in confidence"
            " is read here."
        )
    else:
        said = _(
            "{person} is still here, and neither a lead nor on any list of facilitators. What members raise in confidence"
            " is read here. Shall I take the control room away from them?"
        )
    if last:
        said += " " + _("I will not ask again; whoever runs me can do it with `circlekeeper apply`, or a lead by hand.")
    return said.format(person=person)
