"""What people can ask about what was done (``!why``, ``!appeal``), and what those who keep a room can do there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.hands.raising import privately
from orchestrator.culture.places import Place, any_place_of, every_place
from orchestrator.culture.rules import own_words
from orchestrator.documents import times as reading
from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model import content, naming
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, SendDirect
from orchestrator.model.feature import Call, Now, Role, Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings, mirror

from . import control_words, deeds, gone, muting, words
from .muting import Mute
from .said import Said, author_of
from .telling import keep_ms, reasons_in, reasons_of

MOST_SHOWN: Final = 10
MOST_LISTED: Final = 20
LONGEST_MUTE_MS: Final = 28 * DAY_MS


def why(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Tell the caller, in private, everything that is kept about what was done to them and why."""
    user = call.event.sender
    happened = []
    for reason in reversed(reasons_of(tx, user)):
        place = any_place_of(tx, documents, reason.room)
        if place is not None:
            happened.append(
                words.Happened(
                    place=place,
                    rule=reason.rule,
                    action=reason.action,
                    count=1,
                    at_ms=reason.at_ms,
                    event=reason.event,
                    until_ms=reason.until_ms,
                    everywhere=reason.everywhere,
                )
            )
    out = [
        words.let_back(one.community, one.at_ms)
        if one.lifted
        else words.taken_out(one.community, one.at_ms, banned=one.banned)
        for one in gone.parts(tx, documents, user)
    ]
    shown, more = happened[:MOST_SHOWN], len(happened[MOST_SHOWN:])
    said = words.what_was_done(
        shown, out, more, documents.prefix_in(call.community), keep_ms(documents) // DAY_MS, now.at_ms
    )
    return (privately(call, said, now),)


def mute(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Let somebody read but not write for a while, in this room or in all of them.

    Raises:
        Refusal: it may not be done, or it is not plain to whom, where or how long.
    """
    community = _community(tx, documents, call)
    user = _whom(call, now.me)
    rest = [word.casefold() for word in call.args if word.casefold() not in _named_as(user, call)]
    everywhere = any(word in {"everywhere", _("everywhere").casefold()} for word in rest)
    length_ms = _length([word for word in rest if word not in {"everywhere", _("everywhere").casefold()}], community)
    _check_may_mute(tx, community, user, call, now)
    place = _where(tx, documents, community, call, everywhere=everywhere)
    said = Said(room=place.id, event=call.event.id, user=user)
    muting.mute(tx, place, said, Mute(length_ms=length_ms, by=call.event.sender, everywhere=everywhere), now)
    return (privately(call, control_words.pausing(), now),)


def unmute(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Let somebody write again, in every room where the caller may say so.

    Raises:
        Refusal: it is not plain who is meant.
    """
    community = _community(tx, documents, call)
    user = _whom(call, now.me)
    rooms = [
        room
        for room in muting.where_muted(tx, community, user)
        if (binding := bindings.binding_of(tx, room)) is not None and call.role_at(binding.key) >= Role.FACILITATOR
    ]
    if not rooms and call.role < Role.FACILITATOR:
        raise Refusal(_("Only whoever keeps the room just now, or a lead, can do that."))
    if call.role_at(SPACE_KEY) < Role.LEAD and muting.is_everywhere(tx, community, user, now):
        raise Refusal(control_words.only_leads_lift())
    names, effects = let_write(tx, community, rooms, user, now)
    return (*effects, privately(call, control_words.lifted(user, names), now, people=[user]))


def let_write(
    tx: Tx, community: Community, rooms: Sequence[RoomId], user: UserId, now: Now
) -> tuple[list[str], list[AnyEffect]]:
    """Lift mutes, tell the person, and take back the offer to do it; gives the names of the rooms."""
    names = []
    for room in muting.lift(tx, rooms, user, now):
        binding = bindings.binding_of(tx, room)
        declared = None if binding is None else community.room(binding.key)
        names += [] if declared is None else [declared.name]
    if not names:
        return [], []
    told = SendDirect(
        step=f"unmuted:{user}",
        priority=Priority.REPLY,
        user=user,
        content=content.notice(words.can_write_again(community, names)),
        expires_ms=now.at_ms + DAY_MS,
    )
    return names, [told]


def remove(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Take down the message that the command is a reply to; whoever wrote it hears why, if that is still known.

    Raises:
        Refusal: it may not be done.
    """
    _community(tx, documents, call)
    target, room = call.event.reply_to, call.event.room
    place = any_place_of(tx, documents, room)
    if target is None or place is None:
        raise Refusal(_("To take a message down, reply to it in its room with this command alone."))
    author = author_of(now, room, target)
    if author == now.me:
        raise Refusal(_("That one is mine. If something I said is wrong, please tell whoever runs me."))
    effects = deeds.remove(
        place, Said(room=room, event=target, user=author or UserId(""), root=call.event.thread or target), ()
    )
    if author is None:
        unknown = _(
            "I am taking it down. I do not know any more who wrote it, so nobody is told why; a word from you would be kind."
        )
        effects.append(privately(call, unknown, now))
    return effects


def journal(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """List what was done to people lately: when, where, to whom and by which rule."""
    community = _community(tx, documents, call)
    rooms = {place.id: place for place in every_place(tx, documents) if place.community.key == community.key}
    lines = [
        control_words.journal_line(rooms[one.room], one.user, one.action, one.rule, one.at_ms, one.until_ms)
        for one in reasons_in(tx, list(rooms), MOST_LISTED)
    ]
    people = {one.user for one in reasons_in(tx, list(rooms), MOST_LISTED)}
    if not lines:
        said = _("I have done nothing to anybody lately, as far as I remember.")
    else:
        opening = _("This is what I did lately, newest first. Nothing of what anybody wrote is in it.")
        said = "\n".join([opening, "", *lines])
    if call.direct or call.room_key == CONTROL_KEY:
        return (content.answer(call, said, now, people=people),)
    return (privately(call, said, now, people=sorted(people)),)


# -- reading a command -------------------------------------------------------------------------------------------------


def _community(tx: Tx, documents: Documents, call: Call) -> Community:
    community = None if call.community is None else documents.community(call.community)
    if community is None:
        raise Refusal(_("I can do that only for someone who is in one of the rooms I look after."))
    shared = bindings.communities_of(tx, call.event.sender) if call.direct else ()
    if len(shared) > 1:
        names = ", ".join(one.name for one in documents.communities if one.key in shared)
        raise Refusal(
            _(
                "We are both in more than one community: {names}. Please write that in a room of the one you mean, so that"
                " I do the right thing."
            ).format(names=names)
        )
    return community


def _whom(call: Call, me: UserId) -> UserId:
    # Not whom somebody else named in what is quoted; and a reply mentions whom it answers, whoever is meant.
    _body, html = own_words(call.event)
    found = naming.the_one((naming.written(call.args), naming.linked(html, call.args), call.event.mentions), me)
    if found is not None:
        return found
    raise Refusal(_("Whom do you mean? Please write one person's Matrix id after it, such as `@name:example.org`."))


def _named_as(user: UserId, call: Call) -> set[str]:
    """List the words of a command that only name somebody."""
    return {word.casefold() for word in call.args if user in word or "matrix.to" in word or not word[:1].isdigit()} - {
        "everywhere",
        _("everywhere").casefold(),
    }


def _length(rest: Sequence[str], community: Community) -> int:
    if not rest:
        return HOUR_MS
    try:
        length_ms = reading.length(least_ms=MINUTE_MS)(" ".join(rest))
    except ValueError:
        length_ms = 0
    if not MINUTE_MS <= length_ms <= LONGEST_MUTE_MS:
        raise Refusal(
            _(
                "How long do you mean? Something between a minute and four weeks, such as `{prefix}mute @name:example.org"
                " 1h`. Then it ends by itself."
            ).format(prefix=community.prefix)
        )
    return length_ms


def _check_may_mute(tx: Tx, community: Community, user: UserId, call: Call, now: Now) -> None:
    if user == now.me:
        raise Refusal(_("That is me. If I should be quieter, whoever runs me can see to it."))
    check_not_staff(community, user)
    seen = [
        mirror.member(tx, binding.room, user) for binding in bindings.bindings(tx) if binding.community == community.key
    ]
    if user != call.event.sender and not any(one is not None and one.membership == "join" for one in seen):
        raise Refusal(_("I do not see them in any room of {community}.").format(community=community.name))


def check_not_staff(community: Community, user: UserId) -> None:
    """Leave it to those who look after others to talk among themselves.

    Raises:
        Refusal: it is one of them.
    """
    if user in community.staff():
        raise Refusal(
            _("They look after {community} with you, so I leave that to you all to talk about.").format(
                community=community.name
            )
        )


def _where(tx: Tx, documents: Documents, community: Community, call: Call, *, everywhere: bool) -> Place:
    if everywhere and call.role_at(SPACE_KEY) < Role.LEAD:
        raise Refusal(_("For all rooms at once it takes a lead. In the room you keep you can do it there."))
    here = None if call.direct or call.room_key in {None, CONTROL_KEY} else any_place_of(tx, documents, call.event.room)
    if here is None and everywhere:
        ours = (place for place in every_place(tx, documents) if place.community.key == community.key)
        here = next((place for place in ours if place.room.key != CONTROL_KEY), None)
    if here is None:
        raise Refusal(
            _("Which room do you mean? Write it in that room, or put `everywhere` behind it for all of them.")
        )
    return here
