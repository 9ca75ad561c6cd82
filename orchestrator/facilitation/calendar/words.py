"""What calendars and their addresses say."""

from __future__ import annotations

from orchestrator.documents.declared import Community
from orchestrator.facilitation.rota.things import Part
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def title(part: Part | None, user: UserId | None, *, named: bool) -> str:
    """Name a turn, with who has it where that is ``named``; or a time that people meet."""
    if part is None:
        # Translators: the title of a meeting in somebody's calendar, which others may see.
        return _("meeting")
    # Translators: the title of a turn in somebody's calendar, which others may see: it tells no stranger what it is about.
    match part:
        case Part.FACILITATOR:
            said = _("duty")
        case Part.CO:
            said = _("duty beside somebody")
        case Part.SHADOW:
            said = _("looking on")
    if not named:
        return said
    return _("{title}: {person}").format(title=said, person=shown(user))


def shown(user: UserId | None) -> str:
    """Name somebody by the first part of their id, as far as it can be printed; None: nobody."""
    if user is None:
        return _("nobody yet")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in user[1:].partition(":")[0])


def yours(address: str, prefix: str) -> str:
    """Give somebody the address of their own calendar."""
    return _(
        "Here is the address of your calendar; let your calendar program subscribe to it:\n\n{address}\n\nPlease keep it"
        " to yourself: whoever has it can see when you are on duty, and nothing else. `{prefix}my calendar new` gives you"
        " another one in its place, and `{prefix}my calendar off` ends it."
    ).format(address=address, prefix=prefix)


def theirs(address: str, what: str, command: str) -> str:
    """Give a lead the address of the calendar of a room or a community."""
    return _(
        "Here is the address of the calendar of {what}; let your calendar program subscribe to it:\n\n{address}\n\nIt is for"
        " you alone, and works as long as you are a lead: whoever has it can see who is on duty when, and when people meet."
        " `{command} new`"
        " gives you another one in its place, and `{command} off` ends it."
    ).format(what=what, address=address, command=command)


def ended() -> str:
    """Say that an address works no longer."""
    return _("Done. The address that I gave you before works no longer. You can ask me for another one at any time.")


def nothing_served() -> str:
    """Say that there are no addresses, and what there is."""
    return _(
        "I have no web address that I could give you. Whoever runs me can set one up, or make you a file with your turns"
        " for your calendar."
    )


def not_yours() -> str:
    """Say to somebody that there is no calendar for them."""
    return _("Calendars are for those who keep the rooms, and you are not on a list for that at the moment.")


def which_room(prefix: str) -> str:
    """Say how a calendar is asked for."""
    return _(
        "I do not know that room. Write `{prefix}rota calendar` for the whole community, or put a room's key behind it,"
        " like `{prefix}rota calendar tuesday`."
    ).format(prefix=prefix)


def how_mine(prefix: str) -> str:
    """Say which words there are behind ``!my calendar``."""
    return _(
        "Write `{prefix}my calendar` for the address, `{prefix}my calendar new` for another one in its place, or `{prefix}my"
        " calendar off` to end it."
    ).format(prefix=prefix)


def for_leads(community: Community) -> str:
    """Say who may have the calendar of a room or a community."""
    return _("Only a lead can have that calendar. Your own turns are behind `{prefix}my calendar`.").format(
        prefix=community.prefix
    )


def none_given() -> str:
    """Say that there is nothing to end."""
    return _("There is no address of yours for that, so there is nothing to end.")
