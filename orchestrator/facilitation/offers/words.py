"""What is said about offered turns. Times are written out in full, and nobody is told why somebody else cannot."""

from __future__ import annotations

from orchestrator.facilitation.rota.things import Part
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def asks(room: str, when: str, part: Part, until: str, *, rest: bool) -> str:
    """Ask somebody whether they take a turn."""
    match part:
        case Part.CO:
            said = _("Can you be beside whoever keeps {room}, from {when}?")
        case Part.SHADOW:
            said = _("Would you like to watch how {room} is kept, from {when}?")
        case _:
            said = _("Can you keep {room} from {when}?")
    said = said.format(room=room, when=when)
    if rest:
        said += "\n\n" + _("You would have less rest before it than you should. It is only yours if you say yes.")
    return said + "\n\n" + _("Please tell me by {until}, if you can.").format(until=until)


def yours(room: str, when: str) -> str:
    """Thank somebody who said yes."""
    return _("Thank you! You are on for {room}, {when}.").format(room=room, when=when)


def noted(room: str, when: str) -> str:
    """Thank somebody who said no."""
    return _("Thank you for telling me. You are not on for {room}, {when}; I am looking for somebody else.").format(
        room=room, when=when
    )


def settled(room: str, when: str) -> str:
    """Tell somebody who was asked that there is nothing left to answer."""
    return _("About {room}, {when}: that is settled now, and you need not answer. Thank you.").format(
        room=room, when=when
    )


def gone(room: str, when: str) -> str:
    """Refuse a yes that comes too late."""
    return _("Thank you for your yes! By now I can't put you on for {room}, {when}; it is settled otherwise.").format(
        room=room, when=when
    )


def unconfirmed(person: UserId, room: str, when: str) -> str:
    """Tell the leads that nobody answered."""
    return _(
        "{person} has not answered yet whether they can keep {room}, {when}. They stay on for it unless somebody"
        " here takes it."
    ).format(person=person, room=room, when=when)


def nothing_to_answer(prefix: str) -> str:
    """Refuse an answer where nothing was asked."""
    return _(
        "There is no turn of yours that waits for an answer. To see what is yours, write `{prefix}my shifts`."
    ).format(prefix=prefix)


def which() -> str:
    """Ask which turn is meant."""
    return _("Which one do you mean?")


def not_all_yours(room: str, when: str) -> str:
    """Say that a turn was shared out."""
    return _("Thank you for telling me. You are off for the rest of {room}, {when}; I am looking for somebody.").format(
        room=room, when=when
    )
