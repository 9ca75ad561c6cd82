"""From a line in a policy to a list that is followed: entered, read whole, shown to the leads, and followed if they say so.

Files name a list; following it is a decision, made by a lead who has seen whom it would concern now. What is read of a
list is read again each day, because what sync tells of state is a hint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Ask, Priority
from orchestrator.model.events import State
from orchestrator.model.feature import Answer, Call, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, JsonObject, RoomId, RoomKey, UserId, server_of
from orchestrator.store import bindings, mirror
from orchestrator.store.rows import dump
from orchestrator.store.timers import set_timer, timer_of

from . import banning, book, words
from .book import Following, Matchers, Stage
from .entering import TIMER, TOMBSTONE, enter, moved, named
from .entries import TYPES, Kind, entry_of

AREA: Final = "list"
SOON_MS: Final = 2_000
"""Changes of a list come many at once; they are looked at together."""


def settle(tx: Tx, documents: Documents, now: Now) -> Iterator[AnyEffect]:
    """Enter the lists that policies name, and let go of those that none does any more."""
    wanted = {(community.key, one.room): one for community in documents.communities for one in named(community)}
    for known in book.followings(tx):
        if (known.community, known.list) not in wanted:
            book.drop_following(tx, known.community, known.list)
            _look_soon(tx, known.community, known.room, now)  # what rests on it is lifted
    book.forget_unnamed(tx)
    for (key, name), one in wanted.items():
        if book.following_of(tx, key, name) is None:
            book.put_following(tx, Following(community=key, list=name, room=None, stage=Stage.ENTERING))
            yield enter(key, one, "first", now)


# -- what a list says --------------------------------------------------------------------------------------------------


def to_read(tx: Tx, now: Now) -> Sequence[RoomId]:
    """List the rooms whose whole state is wanted: lists that were never read, or not for a day."""
    return book.rooms_to_read(tx, now.at_ms - book.READ_AGAIN_MS)


def heard(tx: Tx, event: State, now: Now) -> None:
    """Take note of one entry that changed."""
    if event.type not in TYPES or not book.is_list(tx, event.room):
        return
    if book.put_entry(tx, event.room, event.type, event.key, event.id, entry_of(event.type, event.content)):
        for known in book.followings(tx):
            if known.room == event.room:
                _look_soon(tx, known.community, event.room, now)


def read(tx: Tx, documents: Documents, room: RoomId, state: Iterable[State], now: Now) -> Iterator[AnyEffect]:
    """Take note of all that a list says; the first time, show the leads what it would do."""
    there, changed = [], False
    for event in state:
        if event.type in TYPES:
            there.append((event.type, event.key))
            entry = entry_of(event.type, event.content)
            changed |= book.put_entry(tx, room, event.type, event.key, event.id, entry)
        elif event.type == TOMBSTONE:
            yield from moved(tx, documents, event, now)
    changed |= book.keep_entries(tx, room, there)
    book.note_read(tx, room, now.at_ms)
    for known in book.followings(tx):
        community = documents.community(known.community)
        if known.room != room or community is None:
            continue
        if known.stage is Stage.READING:
            yield from _ask(tx, community, known, now)
        elif changed and known.stage is Stage.FOLLOWED:
            _look_soon(tx, known.community, room, now)


def due(tx: Tx, documents: Documents, matchers: Matchers, timer: Timer, now: Now) -> Iterator[AnyEffect]:
    """Look what follows from what changed; or try once more to enter a list."""
    what, _colon, rest = timer.key.removeprefix(TIMER).partition(":")
    key, _slash, name = rest.partition("/")
    community = documents.community(CommunityKey(key))
    if community is None:
        return
    if what == "look":
        yield from banning.on_change(tx, matchers, community, RoomId(name), now)
    elif what == "enter":
        one = next((one for one in named(community) if one.room == name), None)
        if one is not None:
            yield enter(community.key, one, str(now.at_ms), now)


def _look_soon(tx: Tx, community: CommunityKey, room: RoomId | None, now: Now) -> None:
    key = f"{TIMER}look:{community}/{room or ''}"
    if timer_of(tx, NAME, key) is None:
        set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + SOON_MS))


# -- the leads decide --------------------------------------------------------------------------------------------------


def lead_came(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    """Ask what could not be asked while no lead was there to read it."""
    for known in book.followings(tx):
        is_read = known.stage is Stage.READING and known.room is not None and known.room not in to_read(tx, now)
        if known.community == community.key and is_read:
            yield from _ask(tx, community, known, now)


def _ask(tx: Tx, community: Community, known: Following, now: Now) -> Iterator[AnyEffect]:
    room = control_room(tx, community)
    if room is None or known.room is None:
        return
    if not any(member.user in community.leads for member in mirror.members(tx, room)):
        return  # who comes later cannot read what was said before: it is asked when they come
    with speaking(community.locale):
        choices = content.yes_or_no()
        said = words.asked(known.list, preview(tx, community, known.room, now))
        yield Ask(
            step=f"list:ask:{community.key}:{known.list}:{now.at_ms}",
            priority=Priority.REPLY,
            room=room,
            content=content.asking(said, choices, mentions=community.leads),
            choices=choices,
            needs=Role.LEAD,
            open_ms=30 * DAY_MS,
            about=community.key,
            subject=dump(
                {
                    "area": AREA,
                    "ask": "follow",
                    "community": community.key,
                    "list": known.list,
                    "mark": banning.mark_of(tx, known.room),
                }
            ),
        )
    book.put_following(tx, replace(known, stage=Stage.ASKED))


def preview(tx: Tx, community: Community, room: RoomId, now: Now) -> words.Preview:
    """Find out what following a list would do now."""
    keyed = book.entries_of(tx, [room])
    entries = [entry for _key, entry in keyed]
    matcher, home = book.sane(keyed, now.me)
    found = [user for user in banning.everybody(tx, community, now.me) if matcher.about(user)]
    staff = community.staff()
    ours = [
        declared.name
        for declared in community.every_room()
        for alias in [declared.alias]
        if any(matcher.about_room(one) for one in _addresses(tx, community, declared.key, alias, server_of(now.me)))
    ]
    return words.Preview(
        people=sum(entry.kind is Kind.USER for entry in entries),
        servers=sum(entry.kind is Kind.SERVER for entry in entries),
        hit=[user for user in found if user not in staff],
        staff=[user for user in found if user in staff],
        everybody=sum(entry.means_everybody for entry in entries),
        home=server_of(now.me) if home else "",
        ours=ours,
    )


def answered(
    tx: Tx, documents: Documents, matchers: Matchers, about: JsonObject, answer: Answer, now: Now
) -> Iterator[AnyEffect]:
    """Follow a list, or let it be; carry out what was too much to do unasked."""
    key, name = CommunityKey(str(about.get("community"))), str(about.get("list"))
    community, known = documents.community(key), book.following_of(tx, key, name)
    if community is None:
        return
    if about.get("ask") == "lift":
        if answer.choice == "lift":
            user = UserId(str(about.get("user")))
            yield from banning.lift(tx, community, user)
            with speaking(community.locale):
                yield content.conclusion(answer, words.let_in(user), now, people=[user])
        return
    if known is None or known.room is None:
        return
    yes = answer.choice == "yes"
    # Whoever keeps the list may have made another of it since the leads were shown whom it is about.
    same = about.get("mark") == banning.mark_of(tx, known.room)
    through = banning.follow_through if same else partial(banning.on_change, at_once=True)
    if about.get("ask") == "many":
        if yes and known.stage is Stage.FOLLOWED:
            yield from through(tx, matchers, community, known.room, now)
        return
    if known.stage is not Stage.ASKED or answer.choice is None:
        return
    book.put_following(tx, replace(known, stage=Stage.FOLLOWED if yes else Stage.DECLINED))
    with speaking(community.locale):
        yield content.conclusion(answer, words.followed(name) if yes else words.declined(name), now)
    if yes:
        yield from through(tx, matchers, community, known.room, now)


def lists(tx: Tx, documents: Documents, call: Call, now: Now) -> Iterator[AnyEffect]:
    """Answer ``!list``: which lists there are and how far each is; or ask again about one, or let one go.

    Raises:
        Refusal: there is none, or not that one, or it cannot be done now.
    """
    community = None if call.community is None else documents.community(call.community)
    mine = [one for one in book.followings(tx) if community is not None and one.community == community.key]
    if community is None or not mine:
        raise Refusal(
            _(
                "No ban list is named in this community's policies. They stand there under `lists`, like"
                ' `"#community-bans:example.org"`.'
            )
        )
    if not call.args:
        yield content.answer(call, words.listed(mine), now)
        return
    wanted = call.args[-1]
    known = next((one for one in mine if one.list == wanted), None) or (mine[0] if len(mine) == 1 else None)
    if call.args[0] not in {"follow", "leave"} or known is None:
        raise Refusal(
            _("Write `{prefix}list follow LIST` or `{prefix}list leave LIST`, with one of these:").format(
                prefix=community.prefix
            )
            + "\n\n"
            + words.listed(mine)
        )
    if known.room is None or known.stage in {Stage.ENTERING, Stage.READING}:
        raise Refusal(_("I could not read that list yet. I ask the leads as soon as I have."))
    one = next((one for one in named(community) if one.room == known.list), None)
    if call.args[0] == "follow" and one is not None and mirror.state_of(tx, known.room, TOMBSTONE) is not None:
        yield enter(community.key, one, str(now.at_ms), now)  # its alias may lead to where it goes on
        yield content.answer(call, words.looks_again(known.list), now)
        return
    if call.args[0] == "follow":
        yield from _ask(tx, community, known, now)
        return
    book.put_following(tx, replace(known, stage=Stage.DECLINED))
    _look_soon(tx, community.key, known.room, now)
    yield content.answer(call, words.let_go(known.list), now)


def _addresses(tx: Tx, community: Community, key: RoomKey, alias: str | None, server: str) -> list[str]:
    room = bindings.bound_room(tx, community.key, key)
    return [*([room] if room is not None else []), *([f"#{alias}:{server}"] if alias else [])]
