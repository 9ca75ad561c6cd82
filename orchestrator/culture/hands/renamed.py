"""A room, or a community, that goes by another key now: its silence, and the hands that are up in it, go with it."""

from __future__ import annotations

from orchestrator.culture.places import NAME
from orchestrator.documents.declared import Community, Documents
from orchestrator.model.feature import Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store import outbox, questions
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import calling, chain, hush, records, urgency, whereabouts


def settle(tx: Tx, documents: Documents) -> None:
    """Let what is known under former keys be known under the present ones; what is known there already stays."""
    declared = {community.key for community in documents.communities}
    for community in documents.communities:
        for former in community.previously:
            if former not in declared:
                _follow_community(tx, former, community)
        keys = {room.key for room in community.every_room()}
        for room in community.rooms:
            for former_key in room.previously:
                if former_key not in keys:
                    _follow_room(tx, community, former_key, room.key)


def _follow_community(tx: Tx, former: CommunityKey, community: Community) -> None:
    records.follow(tx, (former, None), (community.key, None))
    for hand in records.hands_in(tx, community.key):
        for subject in (f"{calling.SUBJECT}{hand.id}", *_asked_of(hand.user)):
            questions.follow(tx, NAME, subject, subject, about=(former, community.key))
    for kind in (hush.HUSH, calling.RAISED, calling.COUNT, chain.REST):
        for timer in timers_of(tx, NAME, f"{kind}{former}/"):
            rest = timer.key.removeprefix(f"{kind}{former}/")
            payload = {**timer.payload, **({"community": community.key} if "community" in timer.payload else {})}
            _follow_timer(tx, timer, Timer(craft=NAME, key=f"{kind}{community.key}/{rest}", due_ms=0, payload=payload))
            if kind == hush.HUSH:
                questions.follow(tx, NAME, timer.key, f"{kind}{community.key}/{rest}", about=(former, community.key))
    outbox.merge_under(tx, NAME, f"hand:{former}/", f"hand:{community.key}/")


def _follow_room(tx: Tx, community: Community, former: RoomKey, key: RoomKey) -> None:
    records.follow(tx, (community.key, former), (community.key, key))
    timer = timer_of(tx, NAME, hush.key_of(community.key, former))
    if timer is not None:
        name = hush.key_of(community.key, key)
        _follow_timer(tx, timer, Timer(craft=NAME, key=name, due_ms=0, payload={**timer.payload, "key": key}))
        questions.follow(tx, NAME, timer.key, name, about=(community.key, community.key), about_room=(former, key))


def _follow_timer(tx: Tx, before: Timer, now: Timer) -> None:
    """Set a timer under its present name, for the later of the two moments where there is one already."""
    known = timer_of(tx, NAME, now.key)
    clear_timer(tx, NAME, before.key)
    if known is None or known.due_ms < before.due_ms:
        set_timer(tx, Timer(craft=NAME, key=now.key, due_ms=before.due_ms, payload=now.payload))


def _asked_of(user: UserId) -> tuple[str, str]:
    return f"{urgency.LEVEL}{user}", f"{whereabouts.WHERE}{user}"
