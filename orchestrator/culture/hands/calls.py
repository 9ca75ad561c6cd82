"""What those hear who are called because somebody raised a hand. Nobody is quoted, nor named who wishes not to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.i18n import _
from orchestrator.model.effects import Choice
from orchestrator.model.ids import UserId

from .levels import Level
from .records import NOTICED, Hand

TAKE: Final = "take"


def asks_for_contact(
    hand: Hand, where: str | None, people: Sequence[str], link: str, choice: Choice, *, private: bool = False
) -> str:
    """Tell those who look after a community that somebody would like to be contacted, and how urgently."""
    called = f"{', '.join(people)}: " if people else ""
    said = " ".join(
        part for part in (_who_asks(hand, where), _how_soon(hand), _what_to_do(hand, private=private)) if part
    )
    if link:
        said += "\n\n" + _("This is where it is: {link}").format(link=link)
    take = _("React with {key} or reply “{word}” when you do it; then they hear that somebody has seen it.")
    return f"{called}{said}\n\n" + take.format(key=choice.key, word=choice.word)


def _who_asks(hand: Hand, where: str | None) -> str:
    if hand.about == NOTICED:
        said = _(
            "{person} wrote one of the words in {room} that your group chose to look out for. They know that I tell you."
        )
    elif not hand.named:
        said = (
            _("Somebody who would rather not give their name raised a hand.")
            if where is None
            else _("Somebody who would rather not give their name raised a hand. It is about {room}.")
        )
    elif where is None:
        said = _("{person} would like someone to get in touch with them. They asked me in private.")
    else:
        said = _("{person} would like someone to get in touch with them. They are in {room}.")
    return said.format(person=hand.user, room=where)


def _how_soon(hand: Hand) -> str:
    if hand.about == NOTICED:
        return _("It may mean nothing.")
    match hand.level:
        case Level.LOOK:
            return _("It can wait until you have a quiet moment.")
        case Level.COME:
            return _("They ask that it be soon.")
        case _:
            return _("They fear for someone's safety: please look now.")


def _what_to_do(hand: Hand, *, private: bool) -> str:
    if not hand.named:
        return _("Please look in, and say there that you are around. I do not pass on anything they wrote.")
    if hand.about and hand.about != NOTICED:
        return _(
            "Please write to them, and keep it between you and them: it concerns one of those who look after the group, and"
            " I told only the leads whom it does not concern. I do not pass on anything they wrote."
        )
    if hand.level is Level.LOOK and hand.about != NOTICED:
        write = _("Please write to them then, and let the others know, so that they hear from one of you.")
        here = _("Please write to them then, and say here who does, so that they hear from one of you.")
    else:
        write = _(
            "Please write to them as soon as you can, and let the others know, so that they hear from one of you."
        )
        here = _("Please write to them as soon as you can, and say here who does, so that they hear from one of you.")
    return f"{write if private else here} " + _("I do not pass on anything they wrote.")


def still_nobody(hand: Hand, people: Sequence[str], choice: Choice) -> str:
    """Tell the control room that a hand is still up, and call the next."""
    said = (
        _("{people}: nobody has answered {person} yet. Could you look? React with {key} or reply “{word}” when you do.")
        if hand.named
        else _(
            "{people}: a hand was raised without a name, and nobody has answered it yet. Could you look? React with {key} or"
            " reply “{word}” when you do."
        )
    )
    return said.format(people=", ".join(people), person=hand.user, key=choice.key, word=choice.word)


def it_is_about(where: str, link: str) -> str:
    """Tell those who were called which room it is about."""
    said = _("About the hand that was raised just now: it is about {room}.").format(room=where)
    return f"{said} {link}"


def take_choice() -> Choice:
    """Offer to take it."""
    return Choice("✋", _("I'll go"), TAKE)


def thanks(hand: Hand, until: str, link: str) -> str:
    """Tell whoever took it what follows."""
    said = [_("Thank you. They hear now that you have seen it.")]
    if hand.named and hand.user:
        said.append(_("You can write to {person} yourself.").format(person=hand.user))
    else:
        said.append(_("I can't tell you who it is; if they like, they write to you."))
    if hand.is_about_keepers:
        said.append(
            _("Please keep it between you and them. You don't have to carry it alone: the other leads I asked know.")
        )
    else:
        said.append(_("You count as on duty for it until {end}; you don't have to carry it alone.").format(end=until))
    return " ".join(said) + (f" {link}" if link else "")


def somebody_goes(hand: Hand, by: UserId) -> str:
    """Tell the others that it is taken."""
    if hand.named:
        return _("{helper} looks after {person} now. Thank you, all of you.").format(helper=by, person=hand.user)
    return _("{helper} looks after the hand that was raised without a name. Thank you, all of you.").format(helper=by)


def others_look() -> str:
    """Tell somebody who looks after the community no more that it is not theirs to take."""
    return _(
        "Thank you. You don't look after the group at the moment, so I leave it to the others: they were asked, too."
    )


def already_taken(by: UserId | None) -> str:
    """Tell somebody who would take it that it is taken."""
    if by is None:
        return _("Thank you. That hand is down by now.")
    return _("Thank you. {helper} is already looking after it.").format(helper=by)


def moment(community: Community, at_ms: int) -> str:
    """Say a moment of the next hours on the community's clock."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(community.zone).strftime("%H:%M")
