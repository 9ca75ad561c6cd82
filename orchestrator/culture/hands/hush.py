"""Silence in a room where somebody fears for another's safety: no question is asked there until somebody lifts it.

A hush is a durable timer, and ends by itself. Where it is not known which room it is about, it holds in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.places import NAME, control_room
from orchestrator.culture.words import length
from orchestrator.documents.declared import SPACE_KEY, Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Ask, Choice, Priority, Send
from orchestrator.model.feature import Answer, Call, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, JsonObject, RoomKey, UserId
from orchestrator.store import questions
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import calling, records
from .records import Hand

HUSH: Final = "hush:"
EVERYWHERE: Final = RoomKey("*")
LIFT: Final = "lift"


def is_hushed(tx: Tx, community: CommunityKey, key: RoomKey, now: Now) -> bool:
    """Tell whether no question is to be asked in a declared room now."""
    timers = (timer_of(tx, NAME, key_of(community, one)) for one in (key, EVERYWHERE))
    return any(timer is not None and timer.due_ms > now.at_ms for timer in timers)


def key_of(community: CommunityKey, key: RoomKey) -> str:
    """Name the timer of a room's hush; ``EVERYWHERE``: of all rooms of the community."""
    return f"{HUSH}{community}/{key}"


def begin(tx: Tx, community: Community, hand: Hand, now: Now) -> Sequence[AnyEffect]:
    """Ask no more questions where a hand was raised for somebody's safety, and offer the control room to lift that."""
    key = EVERYWHERE if hand.key is None else hand.key
    name, hush_ms = key_of(community.key, key), calling.settings_of(community, hand).hush_ms
    due_ms, known = now.at_ms + hush_ms, timer_of(tx, NAME, name)
    secret = hand.private and (known is None or known.payload.get("secret") is True)
    payload: JsonObject = {"community": community.key, "key": key, "hand": hand.id, "secret": secret}
    set_timer(tx, Timer(craft=NAME, key=name, due_ms=max(due_ms, known.due_ms if known else due_ms), payload=payload))
    room = control_room(tx, community)
    if room is None or hand.private or questions.is_asked(tx, NAME, name):
        return ()
    with speaking(community.locale):
        choice = Choice("▶️", _("go on"), LIFT)
        said = _(
            "I ask no questions in {room} for now, for {time} at most. When it is time again, somebody on duty or a lead"
            " can react with {key} or reply “{word}”, or write `{prefix}hush lift`."
        ).format(
            room=_named(community, key),
            time=length(hush_ms),
            key=choice.key,
            word=choice.word,
            prefix=community.prefix,
        )
    ask = Ask(
        step=f"hush:{community.key}/{key}",
        priority=Priority.REPLY,
        room=room,
        content=content.notice(said),
        choices=(choice,),
        needs=Role.FACILITATOR,
        about=community.key,
        about_room=None if key == EVERYWHERE else key,
        open_ms=hush_ms,
        subject=name,
    )
    return (ask,)


def narrow(tx: Tx, hand: Hand, key: RoomKey) -> None:
    """Let a hush of all rooms hold in one alone, once it is known in which."""
    timer = timer_of(tx, NAME, key_of(hand.community, EVERYWHERE))
    if timer is not None and timer.payload.get("hand") == hand.id:
        payload = {**timer.payload, "key": key}
        questions.withdraw(tx, NAME, timer.key)
        clear_timer(tx, NAME, timer.key)
        set_timer(tx, Timer(craft=NAME, key=key_of(hand.community, key), due_ms=timer.due_ms, payload=payload))


def due(tx: Tx, documents: Documents, timer: Timer) -> Sequence[AnyEffect]:
    """Say that a hush is over."""
    questions.withdraw(tx, NAME, timer.key)
    community = documents.community(CommunityKey(str(timer.payload.get("community"))))
    return () if community is None else _is_over(tx, community, timer)


def answered(tx: Tx, documents: Documents, answer: Answer) -> Sequence[AnyEffect]:
    """Lift a hush."""
    timer = timer_of(tx, NAME, answer.subject)
    community = documents.community(CommunityKey(str(timer.payload.get("community")))) if timer is not None else None
    if timer is None or community is None or answer.choice is None:
        return ()
    clear_timer(tx, NAME, timer.key)
    questions.withdraw(tx, NAME, timer.key)
    return _is_over(tx, community, timer)


def command(tx: Tx, documents: Documents, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Tell where no questions are asked, or with ``lift`` ask them again there.

    Raises:
        Refusal: there is no hush that the caller may know of.
    """
    community = documents.community(call.community) if call.community is not None else None
    hushes = [] if community is None else _within_reach(tx, community, call, now)
    if community is None or not hushes:
        raise Refusal(_("I know of no room where I hold my questions back and you could change that."))
    if call.args[:1] != (LIFT,):
        names = ", ".join(_named(community, RoomKey(str(timer.payload.get("key")))) for timer in hushes)
        said = _("I ask no questions for now in: {rooms}. With `{prefix}hush lift` I ask them again.")
        return [content.answer(call, said.format(rooms=names, prefix=community.prefix), now)]
    effects: list[AnyEffect] = []
    for timer in hushes:
        clear_timer(tx, NAME, timer.key)
        questions.withdraw(tx, NAME, timer.key)
        effects += _is_over(tx, community, timer)
    names = ", ".join(_named(community, RoomKey(str(timer.payload.get("key")))) for timer in hushes)
    return [*effects, content.answer(call, _("Done. I ask questions again in: {rooms}").format(rooms=names), now)]


def _within_reach(tx: Tx, community: Community, call: Call, now: Now) -> list[Timer]:
    """List the hushes that somebody on duty there, or a lead, may lift: of the room they named or are in, or else of all."""
    hushes = [timer for timer in timers_of(tx, NAME, f"{HUSH}{community.key}/") if timer.due_ms > now.at_ms]
    named = " ".join(call.args[1:] if call.args[:1] == (LIFT,) else call.args).casefold()
    here = call.room_key if not named else None
    found = []
    for timer in hushes:
        key = RoomKey(str(timer.payload.get("key")))
        names = {key.casefold(), _named(community, key).casefold()}
        role = call.role_at(SPACE_KEY if key == EVERYWHERE else key)
        if role >= Role.FACILITATOR and (not named or named in names) and _may_know(tx, timer, call.event.sender, role):
            found.append(timer)
    return [timer for timer in found if timer.payload.get("key") == here] or found


def _may_know(tx: Tx, timer: Timer, user: UserId, role: Role) -> bool:
    """Tell whether somebody may hear of a hush: where it is about one of them, leads alone, and not the one it is about."""
    if timer.payload.get("secret") is not True:
        return True
    hand = records.hand_of(tx, str(timer.payload.get("hand")))
    return role >= Role.LEAD and (hand is None or user not in hand.skipped)


def _is_over(tx: Tx, community: Community, timer: Timer) -> Sequence[AnyEffect]:
    room = control_room(tx, community)
    if room is None or timer.payload.get("secret") is True:
        return ()
    key = RoomKey(str(timer.payload.get("key")))
    with speaking(community.locale):
        said = _("I ask questions in {room} again from now on.").format(room=_named(community, key))
    return (Send(step=f"unhush:{key}", priority=Priority.REPLY, room=room, content=content.notice(said)),)


def _named(community: Community, key: RoomKey) -> str:
    room = community.room(key)
    return room.name if room is not None else _("all rooms of {community}").format(community=community.name)
