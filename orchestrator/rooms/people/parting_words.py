"""What is said about people who leave or are taken out, in the language spoken at the moment.

Plain functions from facts to sentences. Nothing here quotes anybody, and no reasons are given, asked for or passed on.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents import care
from orchestrator.documents.declared import Community
from orchestrator.i18n import _

# -- leaving -----------------------------------------------------------------------------------------------------------


def leave_everything(communities: Sequence[Community]) -> str:
    """Say what it means to leave all rooms, and ask."""
    names = ", ".join(community.name for community in communities)
    return _("I will take you out of all rooms of {community}.").format(community=names) + " " + _what_leaving_means()


def leave_one(community: Community, room: str) -> str:
    """Say what it means to leave one room, and ask."""
    said = _("I will take you out of “{room}”. Your other rooms of {community} stay.")
    return said.format(room=room, community=community.name) + " " + _what_leaving_means()


def _what_leaving_means() -> str:
    return _(
        "I tell nobody, I keep no reason, and I will not invite you again. In a room it shows, as always when somebody goes,"
        " that you are not there any more; it looks the same as when I take somebody out for another reason. If you would"
        " rather leave by yourself, your own app can do that, too. You are welcome to come back one day: anybody who may"
        " invite can ask you in again. Shall I?"
    )


def you_are_out(refused: Sequence[str]) -> str:
    """Tell somebody that they are out, as they asked."""
    if refused:
        return _("Done, but in {rooms} I could not do it. You can leave there in your own app.").format(
            rooms=", ".join(refused)
        )
    return _(
        "Done. Thank you for having been with us. This chat stays until you leave it; I am here if you want to write."
    )


def lead_first(community: Community) -> str:
    """Ask a lead to hand over before they go."""
    return _(
        "You are a lead of {community}, and others count on that. Please hand over first: ask another lead, or whoever runs"
        " me, to take you off the leads in the files; then I gladly let you go. Your own app lets you leave at any time."
    ).format(community=community.name)


def hand_over_first(rooms: Sequence[str]) -> str:
    """Ask somebody on duty to hand over before they go."""
    return _(
        "You are looking after {rooms} just now. Please ask a lead to hand that over to somebody else first; then I gladly"
        " let you go. Your own app lets you leave at any time."
    ).format(rooms=", ".join(rooms))


# -- taking somebody out -----------------------------------------------------------------------------------------------


def for_leads(community: Community) -> str:
    """Say who can do that."""
    return _("Only a lead can do that here. You can ask one of them: {leads}").format(leads=", ".join(community.leads))


def this_would(  # everything that it would do
    person: str,
    community: Community,
    *,
    banned: bool,
    there: Sequence[str],
    cannot: Sequence[str],
    coming_back: Sequence[str],
    knocking: Sequence[str],
    on_a_list: bool,
) -> str:
    """Say what taking somebody out would do, and where it would not hold, and ask."""
    rooms = ", ".join(f"“{name}”" for name in there)
    if banned:
        said = (
            _("This takes {person} out of {rooms}, and keeps them out of all rooms of {community}.")
            if there
            else _("I do not see {person} in any room. This keeps them out of all rooms of {community}.")
        )
        parts = [said, _("It holds until a lead lifts it with `{prefix}unban`.")]
    else:
        parts = [_("This takes {person} out of {rooms}, and out of any other room of {community} where they may be.")]
        if coming_back:
            parts.append(_("It would not hold in {open}: they could come straight back in."))
        if knocking:
            parts.append(_("At {doors} they could knock again, and you would be asked."))
        parts.append(
            _("A ban would hold.")
            if coming_back or knocking
            else _("They can come back only if somebody invites them.")
        )
    if cannot:
        parts.append(_("I am not allowed to do it in {cannot}; there a lead can do it by hand."))
    if on_a_list:
        parts.append(
            _("They are on a list of facilitators. Please have them taken off it, too, or they will be called.")
        )
    if there:
        parts.append(_("I will tell them once, in private and kindly, without a reason, and that they can answer."))
    parts.append(_("Shall I?"))
    return " ".join(parts).format(
        person=person,
        rooms=rooms,
        community=community.name,
        prefix=community.prefix,
        open=", ".join(coming_back),
        doors=", ".join(knocking),
        cannot=", ".join(cannot),
    )


def lift_ban(person: str, rooms: Sequence[str]) -> str:
    """Say what lifting a ban means, and ask."""
    known = _("{person} is banned from {rooms}.") if rooms else _("{person} is being banned just now.")
    then = _(
        "If I lift that, they can come in again as anybody else can. I do not invite them and do not tell them. Shall I?"
    )
    return f"{known} {then}".format(person=person, rooms=", ".join(f"“{name}”" for name in rooms))


def you_were_taken_out(community: Community, *, banned: bool, can_raise: bool) -> str:
    """Tell somebody, kindly and once, that they were taken out, and how to answer."""
    policy = community.policy()
    said = (
        _(
            "Hello. I'm the program that helps look after {community}. The people who look after it have decided that you"
            " are not in its rooms for now, and that you cannot come in by yourself. I'm sorry: I know that can hurt."
        )
        if banned
        else _(
            "Hello. I'm the program that helps look after {community}. The people who look after it have decided to take"
            " you out of its rooms. I'm sorry: I know that can hurt."
        )
    )
    answer = (
        _(
            "I do not know their reasons, and this chat is only between you and me. If you would like to talk about it with"
            " one of them, write `{prefix}raise` to me here, and I'll ask them to get in touch."
        )
        if can_raise
        else _(
            "I do not know their reasons, and this chat is only between you and me. If you would like to talk about it, you"
            " can write to one of them: {leads}"
        )
    )
    words = [said, answer]
    words = [
        part.format(community=community.name, prefix=community.prefix, leads=", ".join(community.leads))
        for part in words
    ]
    return "\n\n".join([*words, care.in_words(policy.care if policy is not None else None, community.locale)])


def it_is_done(person: str, community: Community, way: str, refused: Sequence[str]) -> str:
    """Tell those who asked for it that it is done, and where it could not be."""
    match way:
        case "unban":
            said = _("{person} is not banned from {community} any more. Whoever may invite can ask them in.")
        case "ban":
            said = _("{person} is out of {community} and cannot come in until a lead lifts the ban.")
        case _:
            said = _("{person} is out of {community}.")
    if refused:
        said += " " + _("In {rooms} the homeserver did not let me; a lead can do it there by hand.")
    return said.format(person=person, community=community.name, rooms=", ".join(refused))
