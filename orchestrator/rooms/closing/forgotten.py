"""What a lost database left open, as the rooms themselves show it once they are found again.

A room that is closed for a while stays so, is known to be, and opens as the documents say: what people had set there by
hand before nobody remembers. Somebody who can only read there, because the bot set it so, may have been muted for an hour
whose end nobody knows any more: the leads are asked, once, whether they shall write again. Nothing of it is done unasked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import State
from orchestrator.model.feature import Answer, Now, Role, Tx
from orchestrator.model.ids import CommunityKey, Json, JsonObject, RoomId, RoomKey, UserId
from orchestrator.rooms.asking import CRAFT, ask_keepers, can_ask, read, written
from orchestrator.rooms.report import tell_leads
from orchestrator.store import bindings, claims, locks, mirror, open_ends, questions
from orchestrator.store.claims import Claim
from orchestrator.store.open_ends import OpenEnd

from .lockdown import JOIN, OWNER, POWER, TAKING_BACK, bound, hold, is_locked, level_of_leads, open_content

LIFT: Final = "lift"
MUTE: Final = "mute"
MOST_OPEN: Final = 5
"""About how many people of one community the leads are asked at a time."""

OPEN_MS: Final = 30 * DAY_MS

SHUT: Final = ("events_default", "invite", "state_default")
"""The plain numbers that a lockdown raises."""


def settle(tx: Tx, documents: Documents, me: UserId, now: Now) -> Iterator[AnyEffect]:
    """Look once through every room that was found, and ask about those whose turn it is."""
    for community in documents.communities:
        with speaking(community.locale):
            for room, where in bound(tx, community):
                unseen = open_ends.step_of(tx, community.key, room.key) is None
                if unseen and bindings.was_found(tx, where) and _is_seen(tx, where):
                    yield from _look_through(tx, community, room, where, me, now)
            for end in open_ends.open_ends(tx, community.key):
                there = bindings.bound_room(tx, community.key, end.key)
                if end.person is None or there is None or not _is_seen(tx, there):
                    continue
                if muted_at(tx, there, end.person) is None:
                    _close(tx, end)
            yield from _ask_next(tx, community)


def heard(tx: Tx, community: Community, room: Room, event: State) -> None:
    """Notice that somebody gave a person back what was asked about: then nothing is left to ask."""
    if event.type != POWER:
        return
    for end in open_ends.open_ends(tx, community.key):
        if end.key == room.key and end.person is not None and muted_at(tx, event.room, end.person) is None:
            _close(tx, end)


def answered(tx: Tx, documents: Documents, answer: Answer, now: Now) -> list[AnyEffect] | None:
    """Let somebody write again, or leave it, as a lead said; None when it was about something else."""
    about = read(answer.subject)
    if about.get("do") != LIFT:
        return None
    community = documents.community(CommunityKey(str(about.get("community"))))
    if community is None:
        return []
    with speaking(community.locale):
        return list(_answered(tx, community, about, answer, now))


def looks_locked(tx: Tx, community: Community, room: Room, where: RoomId, me: UserId) -> bool:
    """Tell whether a room is as a lockdown of ours leaves it, and the documents do not mean it so."""
    power, rules = mirror.state_of(tx, where, POWER), mirror.state_of(tx, where, JOIN)
    if room.archive or power is None or rules is None or me not in {power.sender, rules.sender}:
        return False
    level, live = level_of_leads(tx, room, where, me), power.content or {}
    shut = all(isinstance(at := live.get(name), int) and at >= level for name in SHUT)
    if not shut or (rules.content or {}).get("join_rule") != "invite":
        return False
    wanted = open_content(tx, community, room, where, me)
    open_here = [_number(wanted[POWER].get(name)) < level for name in ("events_default", "invite")]
    return any(open_here) or wanted[JOIN].get("join_rule") != "invite"


def muted_at(tx: Tx, where: RoomId, person: UserId) -> int | None:
    """Tell the level of somebody who stands below everybody else in a room; None where they do not."""
    seen = mirror.state_of(tx, where, POWER)
    levels = (seen.content or {}) if seen is not None else {}
    users = levels.get("users")
    at = users.get(person) if isinstance(users, Mapping) else None
    return at if isinstance(at, int) and at < _number(levels.get("users_default")) else None


def _is_seen(tx: Tx, where: RoomId) -> bool:
    known = mirror.room_of(tx, where)
    there = known is not None and known.membership == "join" and bool(known.version)
    return there and mirror.state_of(tx, where, POWER) is not None


def _look_through(tx: Tx, community: Community, room: Room, where: RoomId, me: UserId, now: Now) -> Iterator[AnyEffect]:
    step = open_ends.FINE
    if not is_locked(tx, community, room) and looks_locked(tx, community, room, where, me):
        step = open_ends.LOCKED
        _hold_on(tx, community, room, where, me, now)
        words = _(
            "I have lost what I knew, and found “{room}” closed: only leads can write there, and nobody new comes in. I "
            "cannot know any more who closed it and why, nor what somebody had set there by hand before. It stays closed "
            "until one of you opens it with `{prefix}unlock {key}`; then it is as the files say."
        ).format(room=room.name, prefix=community.prefix, key=room.key or "all")
        yield from tell_leads(tx, community, f"found-closed:{where}", words)
    open_ends.set_step(tx, community.key, room.key, None, step)
    for person in _unexplained(tx, where, me):
        open_ends.set_step(tx, community.key, room.key, person, open_ends.WAITING)


def _hold_on(tx: Tx, community: Community, room: Room, where: RoomId, me: UserId, now: Now) -> None:
    """Keep a room closed, as if we remembered having closed it over what the documents say."""
    locks.lock(tx, community.key, room.key, by_lead=True)
    hold(tx, room, where, me, now.at_ms)
    wanted = open_content(tx, community, room, where, me)
    events = (mirror.power_of(tx, where).content or {}).get("events")
    kept = events.get(TAKING_BACK) if isinstance(events, Mapping) else None
    if isinstance(kept, int) and not _at(wanted[POWER], ("events", TAKING_BACK)):
        # Taking back one's own words was held open; without the entry it is as any other word.
        path = ("events", TAKING_BACK)
        claims.put_claim(tx, Claim(room=where, type=POWER, path=path, owner=OWNER, value=kept), now.at_ms)
    for type_ in (POWER, JOIN):
        for claim in claims.claims_on(tx, where, type_, "", 0):
            if claim.owner == OWNER:
                claims.keep_before(tx, claim, _at(wanted[type_], claim.path))


def _unexplained(tx: Tx, where: RoomId, me: UserId) -> list[UserId]:
    """List who can only read because the bot set it so, and nothing that is claimed says why."""
    seen = mirror.state_of(tx, where, POWER)
    users = (seen.content or {}).get("users") if seen is not None and seen.sender == me else None
    explained = {claim.path for claim in claims.claims_on(tx, where, POWER, "", 0)}
    people = [UserId(user) for user in users if user != me] if isinstance(users, Mapping) else []
    return sorted(user for user in people if ("users", user) not in explained and muted_at(tx, where, user) is not None)


# -- the question ------------------------------------------------------------------------------------------------------


def _ask_next(tx: Tx, community: Community) -> Iterator[AnyEffect]:
    ends = [end for end in open_ends.open_ends(tx, community.key) if end.person is not None]
    waiting = [end for end in ends if end.step == open_ends.WAITING]
    if not waiting or not can_ask(tx, community):
        return
    free = MOST_OPEN - sum(end.step == open_ends.ASKED for end in ends)
    for end in waiting[: max(0, free)]:
        room, where = community.room(end.key), bindings.bound_room(tx, community.key, end.key)
        if room is None or where is None or end.person is None:
            continue
        open_ends.set_step(tx, end.community, end.key, end.person, open_ends.ASKED)
        words = _(
            "I have lost what I knew, and found that {who} can read in “{room}” but not write there. I set it so, most "
            "likely for a while; why, and until when, I cannot know any more. Shall I let them write again?"
        ).format(who=end.person, room=room.name)
        choices = content.yes_or_no(_("let them write again"), _("leave it as it is"))
        yield from ask_keepers(
            tx,
            community,
            words,
            choices,
            step=f"{LIFT}:{where}:{end.person}",
            subject=_subject(end),
            needs=Role.LEAD,
            open_ms=OPEN_MS,
            people=[end.person],
        )


def _answered(tx: Tx, community: Community, about: JsonObject, answer: Answer, now: Now) -> Iterator[AnyEffect]:
    key, person = RoomKey(str(about.get("key"))), UserId(str(about.get("user")))
    if open_ends.step_of(tx, community.key, key, person) != open_ends.ASKED:
        return
    if answer.choice is None:
        open_ends.set_step(tx, community.key, key, person, open_ends.UNANSWERED)
        yield from _ask_next(tx, community)
        return
    if answer.role < Role.LEAD:
        return
    end = OpenEnd(community.key, key, person, open_ends.ASKED)
    where = bindings.bound_room(tx, community.key, key)
    level = None if where is None else muted_at(tx, where, person)
    if where is None or level is None or _is_muted_anew(tx, where, person):
        _close(tx, end)
        said = _("That has changed meanwhile, so I did nothing.")
    elif answer.choice == "yes":
        open_ends.set_step(tx, community.key, key, person, open_ends.LIFTED)
        # What has ended is taken out if it still stands, and what stood there before was nothing.
        over = Claim(room=where, type=POWER, path=("users", person), owner=MUTE, value=level)
        claims.put_ended(tx, over, now.at_ms)
        said = _("All right, I let {who} write there again.").format(who=person)
    else:
        open_ends.set_step(tx, community.key, key, person, open_ends.KEPT)
        said = _("All right, it stays as it is, and I will not ask again. A lead can change it by hand at any time.")
    questions.withdraw(tx, CRAFT, _subject(end))
    yield content.conclusion(answer, said, now, people=[person])
    yield from _ask_next(tx, community)


def _is_muted_anew(tx: Tx, where: RoomId, person: UserId) -> bool:
    there = claims.claims_on(tx, where, POWER, "", 0)
    return any(claim.path == ("users", person) and claim.owner == MUTE and not claim.ended for claim in there)


def _close(tx: Tx, end: OpenEnd) -> None:
    questions.withdraw(tx, CRAFT, _subject(end))
    open_ends.forget(tx, end)


def _subject(end: OpenEnd) -> str:
    return written(LIFT, community=end.community, key=end.key, user=end.person)


def _at(said: Mapping[str, Json], path: tuple[str, ...]) -> tuple[Json, ...]:
    value: Json = said
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return ()
        value = value[part]
    return (value,)


def _number(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
