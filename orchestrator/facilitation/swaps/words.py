"""What is said when people hand on and take over: from when to when, in full, and who it is now."""

from __future__ import annotations

from orchestrator.facilitation.rota.things import Part
from orchestrator.i18n import _
from orchestrator.model.ids import UserId


def may_i_open(room: str, when: str) -> str:
    """Ask somebody whether they mean to hand on this one."""
    return _("Shall I look for somebody to take {room}, {when}? Until somebody does, it stays yours.").format(
        room=room, when=when
    )


def which_to_hand_on() -> str:
    """Ask somebody which of theirs they mean."""
    return _("Which one would you like to hand on? Until somebody takes it, it stays yours.")


def asking_here() -> str:
    """Say that everybody who could is asked in this very room."""
    return _("All right, I ask here.")


def opened(room: str, when: str) -> str:
    """Say that somebody is looked for."""
    return _("I am looking for somebody to take {room}, {when}. Until somebody does, it stays yours.").format(
        room=room, when=when
    )


def looking(giver: UserId, room: str, when: str, only: UserId | None) -> str:
    """Tell those who take turns that somebody would like to hand on."""
    if only is not None:
        return _("{giver} asks {person} to take {room}, {when}. Until then it stays with {giver}.").format(
            giver=giver, person=only, room=room, when=when
        )
    return _("{giver} is looking for somebody to take {room}, {when}. Until then it stays with {giver}.").format(
        giver=giver, room=room, when=when
    )


def could_you(room: str, when: str) -> str:
    """Ask one person."""
    return _("Somebody is needed for {room}, {when}. Could you take it?").format(room=room, when=when)


def still_open(room: str, when: str, how: str) -> str:
    """Remind one person that something is still open."""
    return _("{room}, {when}: somebody is still needed. If you can, write `{how}`. If not, that is fine.").format(
        room=room, when=when, how=how
    )


def may_i_take(room: str, when: str) -> str:
    """Ask somebody whether they mean to take this one."""
    return _("Shall I put you on for {room}, {when}?").format(room=room, when=when)


def which_to_take() -> str:
    """Ask somebody which one they mean."""
    return _("Which one would you like to take?")


def part_of(room: str, part: Part) -> str:
    """Name a room with what somebody would do there, where that is not to keep it."""
    match part:
        case Part.CO:
            return _("{room}, beside somebody").format(room=room)
        case Part.SHADOW:
            return _("{room}, to watch").format(room=room)
        case _:
            return room


def also_on(room: str, when: str) -> str:
    """Say that somebody is on elsewhere at that time."""
    return _("You are on for {room} at that time, too: {when}.").format(room=room, when=when)


def taken(room: str, when: str) -> str:
    """Thank whoever took it."""
    return _("Thank you! You are on for {room}, {when}.").format(room=room, when=when)


def somebody_took(person: UserId, room: str, when: str) -> str:
    """Tell those who take turns who has it now."""
    return _("{person} takes {room}, {when}. Thank you!").format(person=person, room=room, when=when)


def nobody_took(room: str, when: str) -> str:
    """Tell whoever wanted to hand on that it is still theirs."""
    return _("Nobody could take {room}, {when}. I am sorry: you are still on for it.").format(room=room, when=when)


def settled(room: str, when: str) -> str:
    """Tell somebody who was asked that there is nothing left to answer."""
    return _("About {room}, {when}: that is settled now, and you need not answer. Thank you.").format(
        room=room, when=when
    )


def fine() -> str:
    """Answer somebody who says no."""
    return _("That is fine. Thank you for telling me.")


def left_alone() -> str:
    """Answer somebody who thought better of it."""
    return _("All right, I leave everything as it is.")


def who_was_first(people: str, room: str, when: str) -> str:
    """Tell somebody kindly that it is taken."""
    return _("Thank you for offering! {people} was first: {room} is taken care of, {when}.").format(
        people=people, room=room, when=when
    )


def not_open(room: str, when: str) -> str:
    """Tell somebody that nobody is needed there any more."""
    return _("Thank you for offering! {room}, {when}, is not open any more.").format(room=room, when=when)


def already_yours(room: str, when: str) -> str:
    """Tell somebody that they have it."""
    return _("You are on for {room} already, {when}.").format(room=room, when=when)


def not_you_then(room: str, when: str, how: str) -> str:
    """Refuse somebody where others read it, and keep the reason to ourselves."""
    return _("I can't put you on for {room}, {when}. If you write `{how}` to me in private, I tell you why.").format(
        room=room, when=when, how=how
    )


def elsewhere_in_private() -> str:
    """Say where other rooms can be talked about: not in front of members of this one."""
    return _("I find nothing for you in this room. About other rooms, please write to me in private.")


def you_are_away(when: str, how: str) -> str:
    """Refuse somebody who said that they cannot."""
    return _("You told me that you are away then ({when}). If you are back, write `{how}` first.").format(
        when=when, how=how
    )


def nothing_to_hand_on(when: str, prefix: str) -> str:
    """Tell somebody that nothing is theirs then."""
    return _("I find no turn of yours there ({when}). To see what is yours, write `{prefix}my shifts`.").format(
        when=when, prefix=prefix
    )


def is_written_down(room: str, when: str, leads: str) -> str:
    """Refuse to hand on what a temporary schedule says, and say who can change it."""
    return _(
        "{room}, {when}, is yours by a temporary schedule, which only a lead can change. Please tell one of them: {leads}."
    ).format(room=room, when=when, leads=leads)


def they_are_on(person: UserId, room: str, when: str) -> str:
    """Refuse to offer somebody what lies in a turn of theirs."""
    return _("{person} is on for {room} then already: {when}.").format(person=person, room=room, when=when)


def nothing_yours() -> str:
    """Tell somebody that nothing is theirs."""
    return _("I find no turn of yours that is still to come.")


def nothing_to_take(when: str) -> str:
    """Tell somebody that nothing is open then."""
    return _("Nobody is needed there ({when}). Thank you for offering!").format(when=when)


def nothing_open() -> str:
    """Tell somebody that nothing is open."""
    return _("Nobody is needed anywhere just now. Thank you for offering!")


def already_asked(room: str, when: str, how: str) -> str:
    """Name the request that is in the way."""
    return _(
        "I am already looking for somebody for {room}, {when}. If you would rather change that, write `{how}` first."
    ).format(room=room, when=when, how=how)


def is_past() -> str:
    """Refuse what is over."""
    return _("That is over already. Please write a time that is still to come.")


def taken_back(room: str, when: str) -> str:
    """Say that nobody is looked for any more."""
    return _("I am not looking any more. {room}, {when}, stays yours.").format(room=room, when=when)


def nothing_to_take_back() -> str:
    """Say that there is no such request."""
    return _("I find no open request of yours there.")


def only_for(person: UserId) -> str:
    """Refuse what is offered to somebody else alone."""
    return _("Thank you for offering! This one was offered to {person} only.").format(person=person)


def cannot_be_given(person: UserId) -> str:
    """Refuse to offer it to somebody who does not take turns there."""
    return _("{person} does not take turns in that room, so I can't ask them.").format(person=person)


def not_on_now() -> str:
    """Refuse to take over where no turn runs."""
    return _("No turn runs there right now, so there is nothing to take over.")


def only_leads() -> str:
    """Refuse to file for somebody else."""
    return _("For somebody else only a lead can ask that.")


def none_of_these() -> str:
    """Offer to leave everything as it is."""
    return _("none of these")
