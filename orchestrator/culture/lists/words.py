"""What is said about ban lists, in the language spoken at the moment. Plain functions from facts to sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.i18n import _, ngettext
from orchestrator.model.effects import Choice
from orchestrator.model.ids import UserId

from .book import Following, Stage

MOST_NAMED = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What following a list would do now.

    Attributes:
        people, servers: how many entries there are of each.
        hit: who is in the rooms and on the list.
        staff: leads and facilitators who are on it; nothing happens to them.
        everybody: entries that mean everybody; they are left out.
        ours: rooms of this community that are on it.
        home: the bot's own server, where some entry means everybody there; "": none does.
    """

    people: int
    servers: int
    hit: Sequence[UserId]
    staff: Sequence[UserId]
    everybody: int
    ours: Sequence[str]
    home: str = ""


def asked(name: str, preview: Preview) -> str:
    """Show what a list would do, before it is followed."""
    parts = [
        _("**Follow the ban list {name}?** It names {people} and {servers}.").format(
            name=f"`{name}`",
            people=ngettext("{n} person", "{n} people", preview.people).format(n=preview.people),
            servers=ngettext("{n} server", "{n} servers", preview.servers).format(n=preview.servers),
        ),
        _hit(preview),
    ]
    if preview.staff:
        parts.append(_staff(name, preview.staff))
    if preview.everybody:
        parts.append(_("Some of its entries mean everybody. I leave those out."))
    if preview.home:
        parts.append(
            _("It names everybody at {server}, where I am at home too. I leave that out.").format(server=preview.home)
        )
    if preview.ours:
        parts.append(
            _("It names rooms of yours: {rooms}. Nothing happens to them.").format(rooms=", ".join(preview.ours))
        )
    parts.append(
        _(
            "If you follow it, whoever is on it is banned from this community's rooms when they come, and now if they are"
            " there. When the list takes somebody off, my ban is lifted. Bans that people made stay as they are."
        )
    )
    return "\n\n".join(parts)


def _hit(preview: Preview) -> str:
    if not preview.hit:
        return _("Nobody who is here now is on it.")
    named = ", ".join(preview.hit[:MOST_NAMED])
    more = len(preview.hit) - MOST_NAMED
    said = ngettext(
        "One person who is here now is on it: {who}", "{n} people who are here now are on it: {who}", len(preview.hit)
    )
    said = said.format(n=len(preview.hit), who=named)
    return said + (_(" and {n} more.").format(n=more) if more > 0 else ".")


def _staff(name: str, staff: Sequence[UserId]) -> str:
    del name
    return _(
        "Also on it: {who}. They keep these rooms, so nothing happens to them; maybe ask whoever keeps the list."
    ).format(who=", ".join(staff))


def staff_hit(name: str, staff: Sequence[UserId]) -> str:
    """Tell that a list that is followed names somebody who keeps the rooms."""
    return _(
        "The ban list {name} names somebody who keeps these rooms: {who}. I did nothing. Maybe ask whoever keeps the list."
    ).format(name=f"`{name}`", who=", ".join(staff))


def banned(name: str, people: Sequence[UserId], prefix: str) -> str:
    """Tell whom a list hit."""
    named = ", ".join(people[:MOST_NAMED])
    more = len(people) - MOST_NAMED
    said = ngettext(
        "On the ban list {name}, and banned from these rooms: {who}",
        "On the ban list {name}, and banned from these rooms: {who}",
        len(people),
    )
    said = said.format(name=f"`{name}`", who=named) + (_(" and {n} more.").format(n=more) if more > 0 else ".")
    return f"{said} " + _("If that is wrong, `{prefix}unban` lifts it, and it stays lifted.").format(prefix=prefix)


def lift_choice() -> tuple[Choice, ...]:
    """Offer to let somebody in again."""
    return (Choice("↩️", _("let them in again"), "lift"),)


def let_in(user: UserId) -> str:
    """Confirm that somebody may come again."""
    return _("Done. {user} may come again, whatever the list says.").format(user=user)


def too_many(name: str, count: int, present: int) -> str:
    """Ask before a list that is followed takes out many at once."""
    return _(
        "The ban list {name} has changed, and would now ban {n} of the {present} people here. I have not done it. Shall I?"
    ).format(name=f"`{name}`", n=count, present=present)


def unreadable(name: str) -> str:
    """Tell that a list cannot be followed."""
    return _(
        "I cannot read the ban list {name}: there is no such room, or it does not let me in. Nothing comes of it. Please look"
        " at how it is written under `lists` in the policy; I try again each day."
    ).format(name=f"`{name}`")


def put_out(name: str) -> str:
    """Tell that a list that is followed does not let the bot in any more."""
    return _(
        "The ban list {name} does not let me in any more. I go by what it said last, and hear nothing new of it. I try to"
        " come back each day; `!list leave {plain}` lets it go."
    ).format(name=f"`{name}`", plain=name)


def moved(name: str, prefix: str) -> str:
    """Tell that a list goes on in another room."""
    return _(
        "The ban list {name} goes on in another room. I go by what it said last, and don't follow the new one unasked."
        " `{prefix}list follow {plain}` looks at it, and shows you first whom it is about; if the policy names the list by"
        " its id (`!...`), that has to be changed there."
    ).format(name=f"`{name}`", plain=name, prefix=prefix)


def looks_again(name: str) -> str:
    """Confirm that a list is looked for anew."""
    return _("I look where {name} leads now, and ask you once I have read it.").format(name=f"`{name}`")


def declined(name: str) -> str:
    """Confirm that a list is not followed."""
    return _("I don't follow {name}. `!list follow {plain}` asks again.").format(name=f"`{name}`", plain=name)


def followed(name: str) -> str:
    """Confirm that a list is followed."""
    return _("I follow {name} from now on.").format(name=f"`{name}`")


def let_go(name: str) -> str:
    """Confirm that a list is not followed any more."""
    return _(
        "I don't follow {name} any more, and lift the bans of mine that rest on it alone. `!list follow {plain}` asks again."
    ).format(name=f"`{name}`", plain=name)


def listed(followings: Sequence[Following]) -> str:
    """List the lists and how far each is."""
    said = {
        Stage.ENTERING: _("I am about to look at it"),
        Stage.READING: _("I am reading it"),
        Stage.ASKED: _("I asked whether to follow it"),
        Stage.FOLLOWED: _("followed"),
        Stage.DECLINED: _("not followed"),
        Stage.UNREADABLE: _("I cannot read it"),
    }
    return "\n".join(f"- `{one.list}`: {said[one.stage]}" for one in followings)


def spread(user: UserId, by: UserId, room: str) -> str:
    """Offer to carry a ban that a lead made by hand into the other rooms."""
    return _("{by} banned {user} from {room}. Shall I ban them from the other rooms of this community too?").format(
        by=by, user=user, room=room
    )
