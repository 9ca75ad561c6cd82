"""Taking a person out of a community: ``!remove``, ``!ban`` and ``!unban``, by a lead, after a look at what it would do.

What it would do is said first, and where it would not hold; then it is done once in each room. The person is told once, in
private and kindly, with a way to answer. No reasons are taken, kept or passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model import content, naming
from orchestrator.model.effects import AnyEffect, Choice
from orchestrator.model.feature import Answer, Call, Now, Role, Tx
from orchestrator.model.ids import JsonObject, RoomId, UserId
from orchestrator.rooms.asking import CRAFT, written
from orchestrator.store import mirror, outbox, questions

from . import members, parting_words
from .parting import Place, Way, is_in, part, places, privately, the_community

REMOVE: Final = "remove"


def ask(tx: Tx, documents: Documents, call: Call, now: Now, way: Way) -> Iterator[AnyEffect]:
    """Show what it would do, and ask whether it is meant.

    Raises:
        Refusal: it may not or need not be done.
    """
    community = the_community(tx, documents, call)
    if call.role_at(SPACE_KEY) < Role.LEAD:
        raise Refusal(parting_words.for_leads(community))
    user = whom(call, now.me)
    _check(tx, community, user, call.event.sender, way, now.me)
    found = places(tx, community)
    choices: tuple[Choice, ...]
    if way is Way.UNBAN:
        words, choices = _preview_unban(tx, found, user), content.yes_or_no()
    else:
        words, choices = _preview(tx, community, found, user, way, now.me)
    subject = written(REMOVE, community=community.key, user=user, way=way.value)
    if not call.direct and call.room_key != CONTROL_KEY:
        yield privately(call, words, now, subject=subject, choices=choices, people=[user])
        return
    asked = content.question(
        call, words, now, subject=subject, needs=None, asker_needs=Role.LEAD, choices=choices, people=[user]
    )
    yield replace(asked, about_room=None)  # the community as a whole counts, not the room in which it was typed


def answered(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    """Do it, if it still may be done.

    Raises:
        Refusal: it may not be done any more.
    """
    user, way = UserId(str(about.get("user"))), Way(str(about.get("way")))
    if answer.choice is None or answer.by is None:
        return
    questions.withdraw(tx, CRAFT, answer.subject)
    if answer.role < Role.LEAD:
        raise Refusal(parting_words.for_leads(community))
    if answer.choice == "no":
        yield content.conclusion(answer, _("All right, everything stays as it is."), now)
        return
    way = Way.BAN if answer.choice == "ban" else way
    _check(tx, community, user, answer.by, way, now.me)
    found = places(tx, community)
    there = any(is_in(tx, place, user) for place in found)
    if way is not Way.UNBAN:
        members.forget(tx, community, user)
    tell = there and way is not Way.UNBAN
    yield from part(_in_order(tx, found, user), user, way, answer, [community], tell=tell)


def whom(call: Call, me: UserId) -> UserId:
    """Read whom a command is about: an id, a link to one, or the one person whom the message mentions.

    Raises:
        Refusal: that is not one person.
    """
    found = naming.the_one(
        (naming.written(call.args[:1]), [*naming.linked(call.event.html, call.args), *call.event.mentions]), me
    )
    if found is not None:
        return found
    raise Refusal(_("Whom do you mean? Please write one person's Matrix id after it, such as `@name:example.org`."))


def holds(tx: Tx, found: Sequence[Place]) -> tuple[list[Place], list[Place]]:
    """List the rooms into which somebody who was taken out could come back by themselves, and where they could knock.

    Whoever was taken out of a community's rooms is let in by none of them; but a room that is open to all, and what lets
    its members in, is open to them, too.
    """
    ours = {place.room for place in found}
    rules = {place.room: _join_rule(tx, place.room) for place in found}
    open_: set[RoomId] = set()
    for _step in found:
        for room, (rule, allowed) in rules.items():
            lets_in = rule in {"restricted", "knock_restricted"} and any(a in open_ or a not in ours for a in allowed)
            if rule == "public" or lets_in:
                open_.add(room)
    knocking = {room for room, (rule, _allowed) in rules.items() if rule in {"knock", "knock_restricted"}} - open_
    return [p for p in found if p.room in open_], [p for p in found if p.room in knocking]


# -- what it would do --------------------------------------------------------------------------------------------------


def _preview(
    tx: Tx, community: Community, found: Sequence[Place], user: UserId, way: Way, me: UserId
) -> tuple[str, tuple[Choice, ...]]:
    there = [place for place in found if is_in(tx, place, user)]
    cannot = [place for place in found if not _may(tx, place, way, me) and (way is Way.BAN or place in there)]
    coming_back, knocking = holds(tx, found) if way is Way.REMOVE else ([], [])
    words = parting_words.this_would(
        user,
        community,
        banned=way is Way.BAN,
        there=[place.name for place in there],
        cannot=[place.name for place in cannot],
        coming_back=[place.name for place in coming_back],
        knocking=[place.name for place in knocking],
        on_a_list=user in community.staff(),
    )
    yes, no = content.yes_or_no(yes=_("ban") if way is Way.BAN else _("remove"), no=_("do nothing"))
    if coming_back or knocking:
        return words, (yes, Choice("⛔", _("ban instead"), "ban"), no)
    return words, (yes, no)


def _preview_unban(tx: Tx, found: Sequence[Place], user: UserId) -> str:
    banned = [place.name for place in found if _membership(tx, place, user) == "ban"]
    return parting_words.lift_ban(user, banned)


def _check(tx: Tx, community: Community, user: UserId, by: UserId, way: Way, me: UserId) -> None:
    """Check that it may be done to somebody.

    Raises:
        Refusal: it may not, or there is nothing to do.
    """
    found = places(tx, community)
    if user == me:
        raise Refusal(_("That is me. If I should not be here any more, whoever runs me can stop me."))
    if way is Way.UNBAN:
        waits = outbox.is_waiting(tx, "member", user)  # a ban may be on its way
        if not waits and all(_membership(tx, place, user) != "ban" for place in found):
            raise Refusal(
                _("I do not see that they are banned from any room of {community}.").format(community=community.name)
            )
        return
    if user == by:
        raise Refusal(
            _("To leave yourself, write `{prefix}leave everything` to me in private.").format(prefix=community.prefix)
        )
    if user in community.leads:
        raise Refusal(
            _(
                "They are a lead of {community}, so I do not do that by a command. If it is meant, whoever runs me first"
                " takes them off the leads in the files."
            ).format(community=community.name)
        )
    there = [place for place in found if is_in(tx, place, user)]
    if not there and way is Way.REMOVE:
        raise Refusal(
            _(
                "I do not see them in any room of {community}. To keep them from coming in there is `{prefix}ban`."
            ).format(community=community.name, prefix=community.prefix)
        )
    above = [place.name for place in found if _stands_above(tx, place, user, me)]
    if above:
        raise Refusal(
            _("In {rooms} they hold as much power as I do, or more, so I cannot do that. I have done nothing.").format(
                rooms=", ".join(above)
            )
        )
    if not any(_may(tx, place, way, me) for place in (there or found)):
        raise Refusal(_("I am not allowed to do that in any of those rooms. A lead can do it by hand."))


def _stands_above(tx: Tx, place: Place, user: UserId, me: UserId) -> bool:
    known, power = mirror.room_of(tx, place.room), mirror.power_of(tx, place.room)
    if known is None or not known.version:
        return False  # made a moment ago, by us
    return power.of(user) >= power.of(me)


def _may(tx: Tx, place: Place, way: Way, me: UserId) -> bool:
    known, power = mirror.room_of(tx, place.room), mirror.power_of(tx, place.room)
    if known is None or not known.version:
        return True
    return power.of(me) >= power.to_act("ban" if way is Way.BAN else "kick")


def _in_order(tx: Tx, found: Sequence[Place], user: UserId) -> list[Place]:
    """Begin where they are."""
    return sorted(found, key=lambda place: not is_in(tx, place, user))


def _membership(tx: Tx, place: Place, user: UserId) -> str:
    seen = mirror.member(tx, place.room, user)
    return "" if seen is None else seen.membership


def _join_rule(tx: Tx, room: RoomId) -> tuple[str, list[RoomId]]:
    state = mirror.state_of(tx, room, "m.room.join_rules")
    said = (state.content or {}) if state is not None else {}
    allow = said.get("allow")
    rooms = [entry.get("room_id") for entry in allow if isinstance(entry, dict)] if isinstance(allow, list) else []
    return str(said.get("join_rule", "invite")), [RoomId(room) for room in rooms if isinstance(room, str)]
