"""Which room a raised hand is about: where it was raised, the only one they are in, the one they choose or link to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Documents
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, AskDirect, Choice, Priority, Send, SendDirect, plainly
from orchestrator.model.feature import Answer, Now, Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomKey, UserId
from orchestrator.store import bindings, mirror, questions
from orchestrator.store.bindings import Binding
from orchestrator.store.rows import dump, load_object

from . import calling, calls, chain, former, hush, records, words
from .levels import Wish
from .records import Hand, State

WHERE: Final = "hand-room:"
MOST_ROOMS: Final = 9
OPEN_MS: Final = HOUR_MS
_SENDABLE: Final = (State.CALLED, State.SILENT)


def linked(tx: Tx, user: UserId, wish: Wish) -> tuple[Binding, EventId] | None:
    """Find the declared room and the message that a link leads to, if whoever gave it is there, too."""
    if wish.linked is None:
        return None
    room, event = wish.linked
    binding = bindings.binding_of(tx, room)
    if binding is None or binding.key in (SPACE_KEY, CONTROL_KEY) or not _is_in(tx, user, binding):
        return None
    return binding, event


def rooms_of(tx: Tx, community: Community, user: UserId) -> list[RoomKey]:
    """List the rooms of a community in which somebody is, but for its control room and spaces."""
    open_ = (room.key for room in community.rooms if room.kind == "room" and not room.archive)
    bound = ((key, bindings.bound_room(tx, community.key, key)) for key in open_)
    return [key for key, room in bound if room is not None and _is_in(tx, user, Binding(community.key, key, room))]


def questions_for(
    tx: Tx,
    found: Sequence[tuple[Community, Hand]],
    *,
    unsent: str = "",
    tag: JsonObject | None = None,
    open_ms: int = OPEN_MS,
) -> Sequence[AnyEffect]:
    """Ask which room it is about, where that is not clear; ``unsent``: the subject of what waits for it."""
    options = [
        (community, hand, key)
        for community, hand in found
        if hand.key is None
        for key in rooms_of(tx, community, hand.user)
    ][:MOST_ROOMS]
    if len(options) < 2:
        return ()
    community, user = found[0][0], found[0][1].user
    with speaking(community.locale):
        choices = _choices(options)
        said = words.which_room(community, choices, sent=not unsent)
    listed: list[Json] = [[hand.id, key] for _community, hand, key in options]
    return (
        AskDirect(
            step="room",
            priority=Priority.REPLY if not unsent else Priority.SAFETY,
            user=user,
            merge=f"{WHERE}{user}",
            content=content.notice(said),
            choices=choices,
            open_ms=open_ms,
            subject=unsent or f"{WHERE}{user}",
            tag=dump({**(tag or {}), "rooms": listed}),
            about=community.key,
        ),
    )


def chosen(answer: Answer) -> tuple[str, RoomKey] | None:
    """Tell which hand is about which room, as somebody answered; None: about none of those."""
    listed, choice = load_object(answer.tag).get("rooms"), answer.choice
    if not isinstance(listed, list) or choice is None or not choice.isdecimal() or not 0 < int(choice) <= len(listed):
        return None
    pair = listed[int(choice) - 1]
    return (str(pair[0]), RoomKey(str(pair[1]))) if isinstance(pair, list) else None


def answered(tx: Tx, documents: Documents, duty: Duty, answer: Answer, now: Now) -> Sequence[AnyEffect]:
    """Pass on which room a hand is about that was passed on before."""
    found = chosen(answer)
    hand = records.hand_of(tx, found[0]) if found is not None else None
    return () if hand is None or found is None else _pass_on(tx, documents, duty, hand, found[1], None, now)


def told(
    tx: Tx, documents: Documents, duty: Duty, user: UserId, place: tuple[Binding, EventId], now: Now
) -> Sequence[AnyEffect]:
    """Pass on which message a hand is about that was passed on before; nothing where there is none."""
    binding, event = place
    for hand in records.hands_of(tx, user, *_SENDABLE):
        if hand.community == binding.community and hand.event is None and hand.key in (None, binding.key):
            questions.withdraw(tx, NAME, f"{WHERE}{user}")
            return _pass_on(tx, documents, duty, hand, binding.key, event, now)
    return ()


def _pass_on(
    tx: Tx, documents: Documents, duty: Duty, hand: Hand, key: RoomKey, event: EventId | None, now: Now
) -> Sequence[AnyEffect]:
    """Tell those who were called, and call whoever is on duty there and was not."""
    community = documents.community(hand.community)
    if community is None or hand.state not in (*_SENDABLE, State.TAKEN):
        return ()
    key = former.key_of(community, key)
    hush.narrow(tx, hand, key)
    hand = replace(hand, key=key, event=event)
    records.keep(tx, hand)
    more: list[UserId] = []
    if hand.state is not State.TAKEN:
        first, beside, _asked = chain.first(tx, duty, community, hand, now)
        more = [one for one in (*first, *beside) if one not in hand.asked]
        records.keep(tx, replace(hand, asked=(*hand.asked, *more)))
    knowing = [hand.taken_by] if hand.taken_by is not None else hand.asked
    with speaking(community.locale):
        said = content.notice(calls.it_is_about(calling.where(community, hand) or "", calling.link(tx, hand)))
        thanks = content.notice(_("Thank you. I have told them which room it is about."))
    effects: list[AnyEffect] = [*calling.privately(tx, community, hand, more)]
    effects += [SendDirect(step=f"about:{one}", priority=Priority.REPLY, user=one, content=said) for one in knowing]
    room = control_room(tx, community)
    if room is not None and not hand.private:
        effects.append(Send(step="about", priority=Priority.REPLY, room=room, content=said))
    effects.append(SendDirect(step="answer", priority=Priority.REPLY, user=hand.user, content=thanks))
    return effects


def _choices(options: Iterable[tuple[Community, Hand, RoomKey]]) -> tuple[Choice, ...]:
    made: list[Choice] = []
    taken: set[str] = {str(n) for n in range(MOST_ROOMS + 1)}
    for n, (community, _hand, key) in enumerate(options, 1):
        room = community.room(key)
        name = room.name if room is not None else key
        if plainly(name) in taken or not plainly(name):
            name = f"{n}. {name}"
        taken.add(plainly(name))
        made.append(Choice(f"{n}\ufe0f\u20e3", name, f"{n}"))
    return (*made, Choice("0\ufe0f\u20e3", _("none of these"), "0"))


def _is_in(tx: Tx, user: UserId, binding: Binding) -> bool:
    seen = mirror.member(tx, binding.room, user)
    return seen is not None and seen.membership == "join"
