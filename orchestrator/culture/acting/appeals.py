"""Asking to look again at what was done: the leads are asked, with a link and never with words, and the person hears of it.

What somebody wrote with it stays where they wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.hands.raising import privately
from orchestrator.culture.places import NAME, any_place_of
from orchestrator.culture.reach import cannot_open, who_cannot_open
from orchestrator.documents.declared import CONTROL_KEY, Community, Documents
from orchestrator.documents.policy import Action
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.content import permalink
from orchestrator.model.effects import AnyEffect, Ask, Priority, SendDirect
from orchestrator.model.feature import Answer, Call, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, JsonObject, RoomId, UserId
from orchestrator.store import bindings, questions

from . import control_words, gone, ladder, looking, muting, words
from .telling import Reason, reasons_of

APPEAL: Final = "appeal"
OPEN_MS: Final = 7 * DAY_MS


def appeal(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Ask the leads to look again at the last thing that was done to the caller.

    Raises:
        Refusal: nothing was done that is still known, or nobody can be asked.
    """
    user = call.event.sender
    community, last = _last(tx, documents, user, call.community)
    prefix = community.prefix if community is not None else "!"
    if community is None:
        raise Refusal(
            _(
                "I have nothing noted that I did to you, so there is nothing I could ask somebody to look at again. If"
                " something troubles you all the same, write `{prefix}raise` to me and I'll ask a person to get in touch."
            ).format(prefix=prefix)
        )
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None:
        raise Refusal(
            _("I cannot reach those who could look again. You can write to a lead yourself: {leads}").format(
                leads=", ".join(community.leads)
            )
        )
    # Which message it was typed in is kept with the question, so that it is one however often it is read.
    asked = looking.subject(APPEAL, community=community.key, user=user)
    said = privately(call, words.passed_on(community, prefix), now)
    if questions.is_asked(tx, NAME, asked):
        return (said,)
    with speaking(community.locale):
        muted = bool(muting.where_muted(tx, community, user))
        what = _what(tx, documents, community, user, last)
        choices = control_words.appeal_choices(muted=muted)
        asks = control_words.asks_to_look_again(user, what, community.leads)
        content_ = content.asking(asks, choices, mentions=community.leads, people=[user])
        return (
            Ask(
                step=APPEAL,
                room=control,
                priority=Priority.REPLY,
                content={**content_, "msgtype": "m.text"},  # a notice would not ring
                choices=choices,
                needs=Role.LEAD,
                about=community.key,
                subject=asked,
                open_ms=OPEN_MS,
            ),
            said,
        )


def answered(tx: Tx, documents: Documents, about: JsonObject, answer: Answer, now: Now) -> Sequence[AnyEffect]:
    """Do what a lead chose, and tell whoever asked."""
    community = documents.community(CommunityKey(str(about.get("community"))))
    if community is None:
        return ()
    user = UserId(str(about.get("user")))
    with speaking(community.locale):
        if answer.choice == control_words.LIFT:
            muting.lift(tx, muting.where_muted(tx, community, user), user, now)
            ladder.forgive_all(tx, community.key, user)
        by = answer.by or UserId("")
        named = [by] if by else community.leads
        told = SendDirect(
            step=f"{APPEAL}:told",
            priority=Priority.REPLY,
            user=user,
            content=content.notice(words.looked_again(answer.choice, community, by), people=named),
        )
        if answer.choice is None:
            return (told,)
        return (told, content.conclusion(answer, _("Thank you. I tell them so."), now))


def _last(
    tx: Tx, documents: Documents, user: UserId, here: CommunityKey | None
) -> tuple[Community | None, Reason | None]:
    """Find what was done last, in the community where it was asked before any other."""
    found: list[tuple[bool, int, Community, Reason | None]] = []
    for one in reasons_of(tx, user):
        place = any_place_of(tx, documents, one.room)
        if place is not None:
            found.append((place.community.key == here, one.at_ms, place.community, one))
    found += [
        (part.community.key == here, part.at_ms, part.community, None)
        for part in gone.parts(tx, documents, user)
        if not part.lifted
    ]
    if not found:
        return None, None
    _here, _at_ms, community, reason = max(found, key=lambda one: one[:2])
    return community, reason


def _what(tx: Tx, documents: Documents, community: Community, user: UserId, last: Reason | None) -> str:
    if last is None:
        return _("they were taken out of rooms of {community}.").format(community=community.name)
    place = any_place_of(tx, documents, last.room)
    line = (
        ""
        if place is None
        else control_words.journal_line(place, user, last.action, last.rule, last.at_ms, last.until_ms)
    )
    link = permalink(RoomId(last.room), last.event) if last.action is not Action.MUTE or last.rule else ""
    blind = who_cannot_open(tx, place, community.leads, last.at_ms) if place is not None and link else ()
    parts = (f"{line.removeprefix('- ')}.", link, "" if place is None else cannot_open(place, blind))
    return " ".join(filter(None, parts))
