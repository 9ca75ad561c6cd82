"""What people read who suggest a question, and those who decide about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.i18n import _
from orchestrator.model.content import permalink, yes_or_no
from orchestrator.model.effects import Choice
from orchestrator.model.quoting import REMARKS, WORDS

from .checking import LONGEST, Objection
from .records import Suggestion

NO: Final = "no"
LATER: Final = "later"
DECLINE: Final = "decline"
YES: Final = "yes"
_NUMBERS: Final = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣")
MOST_ROOMS: Final = len(_NUMBERS)


# -- to whoever suggests -----------------------------------------------------------------------------------------------


def how(prefix: str) -> str:
    """Say how a question is suggested."""
    return _(
        "Would you like to suggest a question for everybody? Write it behind the command, such as"
        " `{prefix}suggest What was a kind thing somebody did for you?` I ask you before I pass anything on, and I never say"
        " that it is yours."
    ).format(prefix=prefix)


def in_private(prefix: str) -> str:
    """Say in a room that it is better said elsewhere."""
    return _(
        "It is lovely that you think of a question. Please write `{prefix}suggest` to me in private: here everybody sees whose"
        " it is. You may want to take your message back."
    ).format(prefix=prefix)


def consent(rooms: Sequence[Room], prefix: str, *, few: bool, named: bool, staff: bool) -> str:
    """Say what becomes of a suggestion, before anything does; ``rooms``: which it can be for.

    Args:
        rooms: at least one.
        prefix: what commands begin with in private.
        few: there are so few people that one may guess.
        named: a word of it may be somebody's name.
        staff: its author is one of those who decide.
    """
    paragraphs = [
        _("I can pass this on to those who look after {room}, as a question for the room.").format(room=rooms[0].name)
        if len(rooms) == 1
        else _("I can pass this on to those who look after a room, as a question for the people there."),
        _(
            "They read your words, and not who you are. I pass such things on several together, within two days, so that the"
            " time does not tell either. Whoever knows how you write may still guess."
        )
        + (" " + _("And as only few are in there, guessing is easy.") if few else ""),
        _(
            "Until they have decided I keep which message it is, never what it says; `{prefix}suggest back` takes it back. If"
            " they take it in, I keep its text without a name and forget that it was yours: then neither of us can find it"
            " again, but they can still throw it out."
        ).format(prefix=prefix),
    ]
    if named:
        paragraphs.append(
            _("One word in it is also what somebody here is called. If you mean them, please leave it out.")
        )
    if staff:
        paragraphs.append(
            _(
                "You decide about suggestions yourself. Please leave this one to the others: if you tap there, I count it like"
                " anybody's, since all would see that it is yours if I did not."
            )
        )
    if not staff:
        paragraphs.append(
            _("Would you rather have a person get in touch with you? Then write `{prefix}raise`.").format(prefix=prefix)
        )
    paragraphs.append(
        _("Nothing is passed on unless you say so. Shall I?")
        if len(rooms) == 1
        else _("Nothing is passed on unless you say so. Which room is it for?")
    )
    return "\n\n".join(paragraphs)


def consent_choices(rooms: Sequence[Room]) -> tuple[Choice, ...]:
    """Offer to pass it on; where there are several rooms, to one of them."""
    if len(rooms) == 1:
        yes, no = yes_or_no(_("pass it on"), _("leave it"))
        return Choice(yes.key, yes.word, place(rooms[0])), Choice(no.key, no.word, NO)
    named = tuple(Choice(sign, room.name, place(room)) for sign, room in zip(_NUMBERS, rooms, strict=False))
    return (*named, Choice("❌", _("none, leave it"), NO))


def place(room: Room) -> str:
    """Name a room among all of a person's."""
    return f"{room.community}/{room.key}"


def objected(why: Objection, prefix: str) -> str:
    """Say why something is not passed on, and what would help; of a cry, see ``heard``."""
    match why:
        case Objection.FILE:
            return _("I can only pass on plain words. Could you write your question as text?")
        case Objection.LONG:
            return _(
                "That is more than I can pass on as a question: at most {most} characters. Could you say it more shortly?"
            ).format(most=LONGEST)
        case Objection.POINTS:
            return _(
                "I pass on words alone: no links, numbers, addresses or names of people, so that nobody is pointed at. Could you"
                " write it without, and with a space after each full stop?"
            )
        case _:
            return how(prefix)


def heard_by_nobody(_communities: Sequence[Community], prefix: str) -> str:
    """Say how a person can be reached, where nobody gave better words for it."""
    return _("I am a program. If you would like a person to get in touch with you, write `{prefix}raise`.").format(
        prefix=prefix
    )


def heard(listening: str) -> str:
    """Answer somebody who may not be well; ``listening`` is what whoever writes to the bot hears."""
    return f"{listening}\n\n" + _(
        "I have not passed on what you wrote, to anybody. If it was a question for the room after all, try to ask it so that"
        " it speaks to others, with a question mark."
    )


def nearly_there() -> str:
    """Say that there is such a question."""
    return _(
        "Thank you. We have a question that is nearly the same, and it will come one day. Do you have another one?"
    )


def enough(most: int, prefix: str) -> str:
    """Say that more have to wait."""
    return _(
        "{most} of your suggestions are waiting already. Please let the others look at them first; `{prefix}suggest` shows"
        " them."
    ).format(most=most, prefix=prefix)


def passed_on_soon(room: Room, prefix: str) -> str:
    """Say what happens next."""
    return _(
        "Thank you. I pass it on for {room} within two days, and tell you what came of it. `{prefix}suggest` shows you what"
        " waits."
    ).format(room=room.name, prefix=prefix)


def left() -> str:
    """Say that nothing was done."""
    return _("All right. I have passed nothing on and kept nothing.")


def mine(open_: Sequence[Suggestion], names: Mapping[str, str], prefix: str) -> str:
    """List what somebody has suggested and nobody has decided about."""
    states = {
        "asked": _("I wait for your yes"),
        "waiting": _("it will be passed on"),
        "back": _("taken back; the copy is taken away with my next round"),
    }
    lines = [
        f"{number}. {names.get(one.id) or _('no room yet')}: {states.get(one.state, _('they are thinking about it'))}."
        f" {permalink(one.room, one.says)}"
        for number, one in enumerate(open_, 1)
    ]
    return "\n".join(lines) + "\n\n" + _("To take one back: `{prefix}suggest back 1`").format(prefix=prefix)


def taken_back(*, shown: bool, now: bool, number: int, prefix: str) -> str:
    """Say what becomes of something that was taken back."""
    if not shown:
        return _("It is taken back. Nobody else has read it, and I have forgotten it.")
    if now:
        return _("It is taken back, and their copy is taken away.")
    return _(
        "It is taken back: nobody can take it up any more. Their copy goes with my next round, by tomorrow, so that the time"
        " does not tell whose it was. If it has to go right now, write `{prefix}suggest back {number} now`."
    ).format(prefix=prefix, number=number)


def read_already() -> str:
    """Say to somebody who changed their words that they were read."""
    return _(
        "They are reading it the way it was before; I cannot change that. If you want it otherwise, take it back and suggest it"
        " anew."
    )


def told(outcome: str, community: Community) -> str:
    """Tell somebody, some hours later, what came of a suggestion; nothing says which."""
    match outcome:
        case "taken":
            return _(
                "A question that you suggested in {community} was taken in. One day it will be asked, without a name, like all"
                " the others. I have forgotten that it was yours. Thank you!"
            ).format(community=community.name)
        case "declined":
            return _(
                "Thank you again for the question that you suggested in {community}. This time it is not taken in. That says"
                " nothing about you; often it is only that another one is close to it. I have forgotten it, and another one of"
                " yours is always welcome."
            ).format(community=community.name)
        case "lost":
            return _(
                "I could not open a message any more in which you suggested a question in {community}, so I have let go of it."
                " If you still have it at heart, please suggest it once more."
            ).format(community=community.name)
        case _:
            return _(
                "Nobody in {community} got round to deciding about a question that you suggested, so I have let go of it. I am"
                " sorry. You are welcome to suggest it once more."
            ).format(community=community.name)


# -- to whoever decides ------------------------------------------------------------------------------------------------


def shown(room: Room, *, again: bool) -> str:
    """Show a suggestion; the words come to stand in it as it is sent."""
    first = (
        _("Here is again what somebody suggests as a question for {room}:")
        if again
        else _("Somebody suggests a question for {room}:")
    ).format(room=room.name)
    last = _("Would you take it in? One of you decides for all, and I tell whoever wrote it, without reasons.")
    return f"{first}\n\n**“{WORDS}”**\n\n{last} {REMARKS}"


def remarks() -> dict[str, str]:
    """What is said of words that touch on something."""
    return {
        "harm": _("Mind that it may touch bodies, food or ways to do harm."),
        "prying": _("Mind that it may ask who or where somebody is."),
        "advice": _("Mind that it may ask for advice."),
    }


def choices(tier_most: int, *, two: bool) -> tuple[Choice, ...]:
    """Offer what may be done with a suggestion; a heavy one needs two who decide."""
    tiers = [
        Choice("1️⃣", _("take it in, it is a light one"), "1"),
        Choice("2️⃣", _("take it in, to be asked while somebody is on duty"), "2"),
        Choice("3️⃣", _("take it in as a heavy one; a second one of you has to agree"), "3"),
    ]
    most = min(tier_most, 3 if two else 2)
    return (*tiers[:most], Choice("💤", _("later"), LATER), Choice("❌", _("decline kindly"), DECLINE))


def second(approver: str) -> str:
    """Ask for a second opinion."""
    return _("{person} would take this in as a heavy question. Does somebody else agree?").format(person=approver)


def second_choices() -> tuple[Choice, ...]:
    """Offer to agree."""
    return (
        Choice("✅", _("agree"), YES),
        Choice("💤", _("later"), LATER),
        Choice("❌", _("decline kindly"), DECLINE),
    )


def concluded(choice: str, room: Room) -> str:
    """Say what becomes of what was decided."""
    match choice:
        case "later":
            return _("All right. I show it to you again in two weeks.")
        case "decline":
            return _("Thank you. I take it away here, and tell whoever wrote it kindly.")
        case "over":
            return _("It has waited long. I let go of it, and tell whoever wrote it kindly.")
        case _:
            return _("Thank you. It joins the questions of {room}, without a name.").format(room=room.name)


def gone_meanwhile() -> str:
    """Say that what was decided about is not there any more."""
    return _("It was taken back meanwhile. Thank you all the same.")


def cannot_be_read() -> str:
    """Say that the text could not be read any more."""
    return _("I could not read the words of a suggestion any more that you would have taken in. I have let go of it.")
